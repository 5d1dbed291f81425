//! Weights of tokens that were not sampled as they are trained on.

use crate::base::error::{Result, length};
use crate::base::math::exp;
use crate::base::numbers::{in_range, log_probabilities, positive, quantile, some};

/// The shaped ratio of tokens that were sampled under another prompt (with a hint) than they are trained on:
///
/// ```text
/// r     = exp(logp - old_logp)
/// gate  = max(quantile of r over the off-policy tokens, floor)
/// ratio = r / (r + gate) for these, r for the others, unclipped
/// ```
///
/// Multiply the advantage by `ratio`. Leave padding out before. Cost: O(n log n).
///
/// Paper: Guide, arXiv 2506.13923 (quantile 0.9, floor 1e-4). Its code takes the quantile over padding, too, and its clip
/// value for these tokens is never used.
///
/// ```
/// use curricle::weigh::OffPolicyShape;
///
/// let shaped = OffPolicyShape::default().read(&[-1.0, -2.0], &[-1.0, -2.0], &[true, false])?;
/// assert_eq!(shaped.ratio, [0.5, 1.0]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OffPolicyShape {
    /// Which quantile of the ratios is the gate.
    pub quantile: f64,
    /// What it is not below.
    pub floor: f64,
}

impl Default for OffPolicyShape {
    fn default() -> Self {
        Self { quantile: 0.9, floor: 1e-4 }
    }
}

/// What [`OffPolicyShape`] gives.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Shaped {
    /// `None` if no token is off-policy.
    pub gate: Option<f64>,
    /// Of each token.
    pub ratio: Vec<f64>,
}

/// The greatest difference of log-probabilities whose exponential is far from overflowing.
const MOST: f64 = 700.0;

impl OffPolicyShape {
    /// Of tokens: their log-probability under the hint-free prompt, that under which they were sampled, and whether that
    /// was another prompt.
    ///
    /// # Errors
    /// No token; lists of different lengths; a log-probability that is not one; `logp - old_logp` above 700; an option out
    /// of its range.
    pub fn read(&self, logp: &[f64], old_logp: &[f64], off_policy: &[bool]) -> Result<Shaped> {
        some("logp", logp)?;
        length("old_logp", logp.len(), old_logp.len())?;
        length("off_policy", logp.len(), off_policy.len())?;
        log_probabilities("logp", logp)?;
        log_probabilities("old_logp", old_logp)?;
        in_range("quantile", self.quantile, 0.0, 1.0)?;
        positive("floor", self.floor)?;
        let mut ratio = Vec::with_capacity(logp.len());
        for (logp, old) in logp.iter().zip(old_logp) {
            in_range("logp - old_logp", logp - old, -f64::MAX, MOST)?;
            ratio.push(exp(logp - old));
        }
        let hinted: Vec<f64> =
            ratio.iter().zip(off_policy).filter(|(_, off)| **off).map(|(ratio, _)| *ratio).collect();
        let gate = (!hinted.is_empty()).then(|| quantile(&hinted, self.quantile).max(self.floor));
        if let Some(gate) = gate {
            let shaped = ratio.iter_mut().zip(off_policy).filter(|(_, off)| **off);
            shaped.for_each(|(ratio, _)| *ratio /= *ratio + gate);
        }
        Ok(Shaped { gate, ratio })
    }
}
