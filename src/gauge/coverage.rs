//! How many samples it takes until the best answer is among them.

use crate::base::error::Result;
use crate::base::math::{exp, ln};
use crate::base::numbers::{LEAST, in_range, log_probabilities, log_sum_exp, some};

/// What [`coverage`] reads.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Coverage {
    /// The logarithm of the coverage, which itself overflows early.
    pub log_coverage: f64,
    /// The mean of `1 / p(best answer)`.
    pub coverage: f64,
    /// Tries for each prompt, not rounded up; infinite where `p` underflows.
    pub samples: Vec<f64>,
}

/// How many samples a prompt needs before its best answer shows up, by the log-probability of that answer:
///
/// ```text
/// coverage  = mean of 1 / p
/// samples_i = ln(delta) / ln(1 - p_i), at least 1: seen with probability 1 - delta
/// ```
///
/// Sample more where the best answer is rare. Cost: O(prompts). The usual delta is 0.05.
///
/// Paper: Huang et al., *Self-Improvement in Language Models: The Sharpening Mechanism*; the number of samples is the exact
/// form of its `C ln(1 / delta)`.
///
/// ```
/// let reading = curricle::gauge::coverage(&[0.5f64.ln()], 0.125)?;
/// assert!((reading.samples[0] - 3.0).abs() < 1e-12 && (reading.coverage - 2.0).abs() < 1e-12);
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No prompt; a log-probability that is not one; a delta outside (0, 1).
pub fn coverage(best_logp: &[f64], delta: f64) -> Result<Coverage> {
    some("best_logp", best_logp)?;
    log_probabilities("best_logp", best_logp)?;
    in_range("delta", delta, LEAST, 1.0 - f64::EPSILON / 2.0)?;
    let inverse: Vec<f64> = best_logp.iter().map(|logp| -logp).collect();
    let log_coverage = log_sum_exp(&inverse) - ln(best_logp.len() as f64);
    let tries = |logp: f64| {
        let p = exp(logp.min(0.0));
        // Near 1, 1 - p is what is left of the logarithm; near 0, log1p keeps its digits.
        let none = if p < 0.5 { libm::log1p(-p) } else { ln(-libm::expm1(logp.min(0.0))) };
        if none == 0.0 { f64::INFINITY } else { (ln(delta) / none).max(1.0) }
    };
    let samples = best_logp.iter().map(|&logp| tries(logp)).collect();
    Ok(Coverage { log_coverage, coverage: exp(log_coverage), samples })
}
