//! Scores of one generated sequence from the log-probabilities of its tokens.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, finite, within};
use crate::base::math::{exp, pow};

/// What the log-probabilities `l_1 .. l_L` of a sequence's own tokens say.
///
/// ```
/// use curricle::signal::uncertainty::Sequence;
///
/// let sequence = Sequence::of(&[-0.1, -0.5, -2.3])?;
/// assert!((sequence.sum + 2.9).abs() < 1e-12);
/// assert!((sequence.perplexity() - 2.629).abs() < 1e-3);
/// assert_eq!((sequence.least, sequence.length), (-2.3, 3));
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sequence {
    /// `sum l`.
    pub sum: f64,
    /// `min l`: of the least certain token.
    pub least: f64,
    /// `L`.
    pub length: usize,
    /// Whether a token was impossible (`l = -inf`): the sum is `-inf`, the perplexity infinite.
    pub impossible: bool,
}

impl Sequence {
    /// The scores of a sequence.
    ///
    /// # Errors
    /// [`Error::Empty`] if there is no token; [`Error::NonFinite`] for NaN; [`Error::OutOfRange`] for a
    /// log-probability above 0 by more than 1e-6.
    pub fn of(log_probabilities: &[f64]) -> Result<Self> {
        if log_probabilities.is_empty() {
            return Err(Error::Empty { what: "sequence", index: 0 });
        }
        let (mut sum, mut lost, mut least) = (0.0f64, 0.0, f64::INFINITY);
        for (index, &log) in log_probabilities.iter().enumerate() {
            if log.is_nan() {
                finite("log-probability", index as u64, log)?;
            }
            within("log-probability", log, f64::NEG_INFINITY, 1e-6)?;
            least = least.min(log);
            // What each addition loses is carried (Neumaier).
            let next = sum + log;
            lost += if sum.abs() >= log.abs() { (sum - next) + log } else { (log - next) + sum };
            sum = next;
        }
        let impossible = least == f64::NEG_INFINITY;
        // A sum beyond all numbers is one, and what its additions lost is not.
        let sum = if impossible || sum == f64::NEG_INFINITY { f64::NEG_INFINITY } else { sum + lost };
        Ok(Self { sum, least, length: log_probabilities.len(), impossible })
    }

    /// `sum / L`.
    pub fn mean(&self) -> f64 {
        self.sum / self.length as f64
    }

    /// `exp(-mean)`: high means uncertain.
    pub fn perplexity(&self) -> f64 {
        exp(-self.mean())
    }

    /// `exp(mean)`, the geometric mean of the probabilities.
    pub fn mean_probability(&self) -> f64 {
        exp(self.mean())
    }

    /// `sum / ((5 + L) / 6)^alpha`, the length penalty of Wu et al., *Google's Neural Machine
    /// Translation System*, arXiv 1609.08144, whose `alpha` is 0.6.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an `alpha` outside `[0, 10]`.
    pub fn length_normalised(&self, alpha: f64) -> Result<f64> {
        within("exponent of a length", alpha, 0.0, 10.0)?;
        Ok(self.sum / pow((5.0 + self.length as f64) / 6.0, alpha))
    }
}

/// The mean and the greatest of the entropies of a sequence's tokens.
///
/// # Errors
/// [`Error::Empty`] if there is no token; [`Error::NonFinite`] or [`Error::OutOfRange`] if one is not a
/// finite non-negative number.
///
/// ```
/// use curricle::signal::uncertainty::token_entropy;
///
/// assert_eq!(token_entropy(&[0.5, 1.5, 1.0])?, (1.0, 1.5));
/// # Ok::<(), curricle::Error>(())
/// ```
pub fn token_entropy(entropies: &[f64]) -> Result<(f64, f64)> {
    if entropies.is_empty() {
        return Err(Error::Empty { what: "sequence", index: 0 });
    }
    for (index, &entropy) in entropies.iter().enumerate() {
        finite("entropy of a token", index as u64, entropy)?;
        within("entropy of a token", entropy, 0.0, f64::MAX)?;
    }
    let greatest = entropies.iter().fold(0.0f64, |most, &entropy| most.max(entropy));
    let count = entropies.len() as f64;
    let mean = entropies.iter().sum::<f64>() / count;
    // A sum may be beyond all numbers where the mean is not.
    let mean = if mean.is_finite() { mean } else { entropies.iter().map(|x| x / count).sum() };
    Ok((mean.min(greatest), greatest))
}
