//! A fixed threshold.

use serde::{Deserialize, Serialize};

use super::window::{fair, ordered};
use super::{Budget, Choice, threshold_metrics};
use crate::base::error::{Result, within};
use crate::base::metrics::Metrics;

/// Selects what is more uncertain than a threshold: the rule of Acikgoz et al., *Self-Improving LLM
/// Agents at Test-Time*, arXiv 2510.07841, whose threshold is a margin of 0.95.
///
/// It is no budget: how much it selects is up to the stream.
///
/// ```
/// use curricle::test_time::budget::{Budget, Fixed};
///
/// let mut fixed = Fixed::margin(0.95)?;
/// assert!(fixed.wants(0.3, 0.5)?.selected);
/// assert!(!fixed.wants(0.05, 0.5)?.selected);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fixed {
    threshold: f64,
}

impl Fixed {
    /// Selects above `threshold`; infinities select none or all.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) if it is NaN.
    pub fn new(threshold: f64) -> Result<Self> {
        Ok(Self { threshold: ordered(threshold)? })
    }

    /// Selects where the margin `p_1 - p_2` is below `tau`, the uncertainty being its complement; 0.95
    /// in the paper.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) if `tau` is not in `[0, 1]`.
    pub fn margin(tau: f64) -> Result<Self> {
        Self::new(1.0 - within("tau", tau, 0.0, 1.0)?)
    }

    /// The least threshold that selects at most `rate` of a given sample: with `m = floor(rate n)`, its
    /// `(m + 1)`-th greatest number. Ties at the threshold are all left out, so with many of them it
    /// selects far less.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) for NaN;
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a rate outside `[0, 1]`.
    ///
    /// ```
    /// use curricle::test_time::budget::Fixed;
    ///
    /// let quarter = Fixed::at_rate(&[0.1, 0.7, 0.3, 0.5], 0.25)?;
    /// assert_eq!(quarter.threshold(), 0.5);
    /// # Ok::<(), curricle::Error>(())
    /// ```
    pub fn at_rate(sample: &[f64], rate: f64) -> Result<Self> {
        within("rate", rate, 0.0, 1.0)?;
        let mut sample = sample.iter().map(|&x| ordered(x)).collect::<Result<Vec<f64>>>()?;
        sample.sort_by(|a, b| b.total_cmp(a));
        let most = (rate * sample.len() as f64).floor() as usize;
        Ok(Self { threshold: sample.get(most).copied().unwrap_or(f64::NEG_INFINITY) })
    }

    /// The threshold.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }
}

impl Budget for Fixed {
    fn wants(&mut self, uncertainty: f64, coin: f64) -> Result<Choice> {
        let uncertainty = ordered(uncertainty)?;
        fair(coin)?;
        Ok(Choice::plain(uncertainty > self.threshold, None, self.threshold))
    }

    fn metrics(&self) -> Metrics {
        threshold_metrics(self.threshold)
    }
}
