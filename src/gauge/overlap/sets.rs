//! Texts as sets.

use std::collections::BTreeSet;

use crate::base::error::Result;
use crate::base::numbers::count_within;

/// The overlap coefficient of the sets of words or tokens of two texts: `|A and B| / min(|A|, |B|)`; 0 if just one is empty,
/// 1 if both are.
///
/// It is of sets: a text in another order counts as identical, and so does a short one inside a long one. Cost:
/// O(n log n).
///
/// Paper: iTool, arXiv 2501.09766, whose code divides by zero where a text is empty.
///
/// ```
/// use curricle::gauge::overlap_coefficient;
///
/// assert_eq!(overlap_coefficient(&["a", "b", "b"], &["b", "c"]), 0.5);
/// assert_eq!(overlap_coefficient::<u32>(&[], &[]), 1.0);
/// ```
pub fn overlap_coefficient<T: Ord>(a: &[T], b: &[T]) -> f64 {
    let (a, b): (BTreeSet<&T>, BTreeSet<&T>) = (a.iter().collect(), b.iter().collect());
    match (a.len(), b.len()) {
        (0, 0) => 1.0,
        (0, _) | (_, 0) => 0.0,
        (of_a, of_b) => a.intersection(&b).count() as f64 / of_a.min(of_b) as f64,
    }
}

/// What [`distinct_ngrams`] reads.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Distinct {
    /// All n-grams.
    pub total: usize,
    /// Those that are different from each other.
    pub distinct: usize,
    /// Their share; `None` if the text is shorter than n.
    pub ratio: Option<f64>,
}

/// The share of different n-grams in a text: low where it repeats itself. An alarm, or a factor against degenerate text.
///
/// Cost: O(n len log len).
///
/// Paper: R3 (n 3).
///
/// ```
/// let reading = curricle::gauge::distinct_ngrams(&[1, 2, 1, 2, 1], 2)?;
/// assert_eq!((reading.total, reading.distinct, reading.ratio), (4, 2, Some(0.5)));
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// An n of 0.
pub fn distinct_ngrams<T: Ord>(tokens: &[T], n: usize) -> Result<Distinct> {
    count_within("n", n as u64, 1, u64::MAX)?;
    let total = (tokens.len() + 1).saturating_sub(n);
    let distinct = tokens.windows(n).collect::<BTreeSet<&[T]>>().len();
    let ratio = (total > 0).then(|| distinct as f64 / total as f64);
    Ok(Distinct { total, distinct, ratio })
}
