//! Answers that were sampled more than once.

use crate::base::error::{Error, Result};

/// Leaves each text its greatest log-likelihood once, and none to its repetitions: `-inf`, which adds
/// nothing to a sum. A model gives one text one likelihood; where rounding makes two of it, the greater
/// is kept.
///
/// # Errors
/// [`Error::OutOfRange`] if one text is in two groups.
pub(super) fn once<T: Ord>(
    texts: &[T],
    what: &'static str,
    group: impl Fn(usize) -> usize,
    logs: &mut [f64],
) -> Result<()> {
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by(|&a, &b| texts[a].cmp(&texts[b]).then(a.cmp(&b)));
    for same in order.chunk_by(|&a, &b| texts[a] == texts[b]) {
        let mut kept = same[0];
        for &other in &same[1..] {
            let (value, expected) = (group(other) as f64, group(kept) as f64);
            if group(other) != group(kept) {
                return Err(Error::OutOfRange { what, value, low: expected, high: expected });
            }
            let less =
                if logs[other] > logs[kept] { std::mem::replace(&mut kept, other) } else { other };
            logs[less] = f64::NEG_INFINITY;
        }
    }
    Ok(())
}
