//! How much better one side of a pair is than the other, by any quality.

use crate::base::error::{Result, length};
use crate::base::numbers::{all_finite, in_range, mean_of, some};

/// What [`quality_gap`] reads.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct QualityGap {
    /// `chosen - rejected` of each pair.
    pub gap: Vec<f64>,
    /// Whether it is above the least one.
    pub keep: Vec<bool>,
    /// How many are.
    pub kept: usize,
    /// Their mean gap; `None` if there are none.
    pub mean_gap: Option<f64>,
}

/// Keeps pairs by the gap between their sides, however good or bad both are: `chosen - rejected > min_gap`.
///
/// The quality may be any proxy: the size of the model that wrote it, a count, a score. Cost: O(pairs).
///
/// Paper: Geng et al., *The Delta Learning Hypothesis*, arXiv 2507.06187 (min_gap 0).
///
/// ```
/// let reading = curricle::gauge::quality_gap(&[3.0, 1.5], &[1.5, 1.5], 0.0)?;
/// assert_eq!((reading.keep, reading.mean_gap), (vec![true, false], Some(1.5)));
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No pair; lists of different lengths; a number that is not finite; a gap below 0.
pub fn quality_gap(chosen: &[f64], rejected: &[f64], min_gap: f64) -> Result<QualityGap> {
    some("chosen", chosen)?;
    length("rejected", chosen.len(), rejected.len())?;
    all_finite("chosen", chosen)?;
    all_finite("rejected", rejected)?;
    in_range("min_gap", min_gap, 0.0, f64::MAX)?;
    let gap: Vec<f64> = chosen.iter().zip(rejected).map(|(chosen, not)| chosen - not).collect();
    let keep: Vec<bool> = gap.iter().map(|&gap| gap > min_gap).collect();
    let kept: Vec<f64> =
        gap.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(gap, _)| *gap).collect();
    Ok(QualityGap { gap, kept: kept.len(), keep, mean_gap: mean_of(&kept) })
}
