//! A fixed threshold.

use serde::{Deserialize, Serialize};

use super::{Budget, Choice};
use crate::error::{Result, finite, within};

/// Wants an update where the uncertainty exceeds a threshold: the rule of TT-SI. How many updates that
/// makes depends on the inputs, and moves with them; it is a threshold, not a budget. Its rank is the
/// uncertainty, cut to `[0, 1]`.
///
/// Paper: Acikgoz et al., *Self-Improving LLM Agents at Test-Time*, arXiv 2510.07841.
///
/// ```
/// use curricle::test_time::budget::{Budget, Fixed};
///
/// let mut paper = Fixed::margin(0.95)?;
/// assert!(paper.wants(1.0 - 0.9, 0.5)?.wanted);
/// assert!(!paper.wants(1.0 - 0.99, 0.5)?.wanted);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fixed {
    threshold: f64,
}

impl Fixed {
    /// Where the uncertainty is above `threshold`.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite).
    pub fn above(threshold: f64) -> Result<Self> {
        Ok(Self { threshold: finite("threshold", 0, threshold)? })
    }

    /// Where the softmax margin `p1 - p2` is below `tau`, the uncertainty being `1 - margin`; 0.95 in the
    /// paper.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) if `tau` is not in `[0, 1]`.
    pub fn margin(tau: f64) -> Result<Self> {
        Self::above(1.0 - within("tau", tau, 0.0, 1.0)?)
    }
}

impl Budget for Fixed {
    fn wants(&mut self, uncertainty: f64, coin: f64) -> Result<Choice> {
        finite("uncertainty", 0, uncertainty)?;
        within("coin", coin, 0.0, 1.0)?;
        let wanted = uncertainty > self.threshold;
        Ok(Choice { wanted, rank: uncertainty.clamp(0.0, 1.0), threshold: self.threshold })
    }
}
