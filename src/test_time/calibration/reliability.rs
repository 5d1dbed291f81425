//! Whether confidence is the frequency of being right.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, length, within};
use crate::base::math::ln;

/// How confidences are binned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Bins {
    /// So many of equal width: bin `floor(c B)`, and the last for `c = 1`.
    Width(usize),
    /// So many of equal numbers of answers, in rising order of confidence; the earlier answer first
    /// among ties.
    Mass(usize),
}

impl Default for Bins {
    fn default() -> Self {
        Self::Width(15)
    }
}

/// How far confidence is from accuracy.
///
/// ```text
/// ece    sum_b (n_b / n) |accuracy_b - confidence_b|       over the bins
/// mce    the greatest of the |accuracy_b - confidence_b|
/// brier  mean (c - right)^2
/// nll    mean -ln c if right, -ln(1 - c) if wrong
/// ```
///
/// A small `ece` alone proves little: a constant confidence of the mean accuracy has one of 0. To judge
/// a rule of selection look at [`auroc`](super::auroc) as well.
///
/// Papers: Naeini, Cooper and Hauskrecht, AAAI 2015 (ECE, MCE); Brier, Monthly Weather Review 78, 1950.
///
/// ```
/// use curricle::test_time::calibration::{Bins, Reliability};
///
/// let reliability = Reliability::of(&[0.75, 0.75, 0.25, 0.25], &[true, true, true, false], Bins::Width(2))?;
/// assert_eq!((reliability.ece, reliability.mce), (0.25, 0.25));
/// assert_eq!(reliability.brier, 0.1875);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reliability {
    /// The expected calibration error.
    pub ece: f64,
    /// The greatest calibration error of a bin.
    pub mce: f64,
    /// The Brier score of being right.
    pub brier: f64,
    /// The negative log-likelihood of being right; infinite if a certain answer is wrong.
    pub nll: f64,
}

impl Reliability {
    /// Of answers with confidences in `[0, 1]`.
    ///
    /// # Errors
    /// [`Error::Length`] if the lists differ; [`Error::OutOfRange`] for a confidence outside `[0, 1]`,
    /// NaN included, or no bins; [`Error::Empty`] without answers.
    pub fn of(confidences: &[f64], right: &[bool], bins: Bins) -> Result<Self> {
        length("labels", confidences.len(), right.len())?;
        for &confidence in confidences {
            within("confidence", confidence, 0.0, 1.0)?;
        }
        let (Bins::Width(count) | Bins::Mass(count)) = bins;
        within("number of bins", count as f64, 1.0, 1e9)?;
        if confidences.is_empty() {
            return Err(Error::Empty { what: "answers", index: 0 });
        }
        let mut order: Vec<usize> = (0..confidences.len()).collect();
        order.sort_by(|&a, &b| (confidences[a] + 0.0).total_cmp(&(confidences[b] + 0.0)));
        let all = confidences.len();
        let bin = |place: usize| match bins {
            Bins::Width(count) => ((confidences[order[place]] * count as f64) as usize).min(count - 1),
            Bins::Mass(count) => (place as u128 * count as u128 / all as u128) as usize,
        };
        let (mut ece, mut mce, mut from) = (0.0, 0.0f64, 0);
        while from < all {
            let to = (from..all).find(|&place| bin(place) != bin(from)).unwrap_or(all);
            let members = &order[from..to];
            let hits = members.iter().filter(|&&item| right[item]).count() as f64;
            let sum: f64 = members.iter().map(|&item| confidences[item]).sum();
            let off = (hits - sum).abs();
            ece += off / all as f64;
            mce = mce.max(off / members.len() as f64);
            from = to;
        }
        let (mut brier, mut nll) = (0.0, 0.0);
        for (&confidence, &right) in confidences.iter().zip(right) {
            let off = confidence - f64::from(u8::from(right));
            brier += off * off;
            nll -= if right { ln(confidence) } else { crate::base::math::log1p(-confidence) };
        }
        Ok(Self { ece, mce, brier: brier / all as f64, nll: nll / all as f64 + 0.0 })
    }
}
