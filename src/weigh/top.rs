//! The best of every stratum.

use crate::base::error::{Result, length};
use crate::base::numbers::{all_finite, count_of, falling, in_range, some};

/// The items of greatest score of every stratum: `floor(share * size)` of each, strata in ascending order, items by falling
/// score, of those that differ by rounding, to 1e-9, the first.
///
/// With the [surprise](crate::gauge::surprise) of the reference answers as scores, each round trains on what the policy
/// expects least, of every kind alike. Cost: O(n log n + n strata).
///
/// Paper: iTool, arXiv 2501.09766 (share 0.3; two strata: calls a tool, does not).
///
/// ```
/// let top = curricle::weigh::top_share(&[0.1, 0.9, 0.5, 0.4], &[0, 0, 1, 1], 0.5)?;
/// assert_eq!(top, [1, 2]);
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No item; lists of different lengths; a score that is not finite; a share outside [0, 1].
pub fn top_share(scores: &[f64], stratum: &[i64], share: f64) -> Result<Vec<usize>> {
    some("scores", scores)?;
    length("stratum", scores.len(), stratum.len())?;
    all_finite("scores", scores)?;
    in_range("share", share, 0.0, 1.0)?;
    let mut strata = stratum.to_vec();
    strata.sort_unstable();
    strata.dedup();
    let order = falling(scores);
    let of = |kind: &i64| {
        let size = stratum.iter().filter(|of| *of == kind).count();
        let is_in = |item: &usize| stratum[*item] == *kind;
        order.iter().copied().filter(is_in).take(count_of(share, size)).collect::<Vec<_>>()
    };
    Ok(strata.iter().flat_map(of).collect())
}
