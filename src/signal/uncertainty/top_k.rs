//! What the `k` greatest probabilities say about a whole distribution.

use curricle_kernels::logits::exact;
use serde::{Deserialize, Serialize};

use super::{Score, Scored};
use crate::base::error::{Error, Result, finite, within};
use crate::base::math::{exp, ln};

/// The log-probabilities of the `k` likeliest of `vocab` outcomes, as a serving engine returns them.
///
/// What the two greatest determine is exact. The entropy is only bounded: with `r = 1 - sum p` left over, it is
/// greatest with `r` spread evenly over the other `vocab - k`, and least with `r` packed into as many outcomes
/// of probability `p_k`, which none of them may exceed, as it fills:
///
/// ```text
/// H_k - r ln p_k  <~  H  <=  H_k - r ln(r / (vocab - k))        H_k = -sum p ln p over the k
/// ```
///
/// where the lower end has `floor(r / p_k)` outcomes at `p_k` and the remainder at one more.
///
/// ```
/// use curricle::signal::uncertainty::{Score, Scored, TopK};
///
/// let top = TopK::new(&[0.5f64.ln(), 0.2f64.ln(), 0.08f64.ln()], 1000)?;
/// let Scored::Within { low, high } = top.score(Score::Entropy)? else { panic!() };
/// assert!((low - 1.443).abs() < 1e-3 && (high - 2.723).abs() < 1e-3);
/// let Scored::Exact(margin) = top.score(Score::Margin)? else { panic!() };
/// assert!((margin - 0.3).abs() < 1e-12);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopK {
    /// In falling order.
    log_probabilities: Vec<f64>,
    vocab: usize,
    tail: f64,
}

/// How far rounding may take the sum of probabilities.
const SLACK: f64 = 1e-6;

impl TopK {
    /// The greatest log-probabilities, in any order.
    ///
    /// # Errors
    /// [`Error::NonFinite`] for NaN or infinity (a token that is impossible is not among the likeliest);
    /// [`Error::Empty`] if there are none; [`Error::OutOfRange`] if they are more than `vocab`, above 0, sum to
    /// more than 1 by more than 1e-6, or leave more over than outcomes of at most `p_k` can hold.
    pub fn new(log_probabilities: &[f64], vocab: usize) -> Result<Self> {
        if log_probabilities.is_empty() {
            return Err(Error::Empty { what: "log-probabilities", index: 0 });
        }
        let k = log_probabilities.len();
        within("number of log-probabilities", k as f64, 1.0, vocab as f64)?;
        for (index, &log) in log_probabilities.iter().enumerate() {
            finite("log-probability", index as u64, log)?;
            within("log-probability", log, f64::MIN, SLACK)?;
        }
        let mut log_probabilities = log_probabilities.to_vec();
        log_probabilities.sort_by(|a, b| b.total_cmp(a));
        let sum: f64 = log_probabilities.iter().rev().map(|&log| exp(log)).sum();
        within("sum of the greatest probabilities", sum, 0.0, 1.0 + SLACK)?;
        let tail = (1.0 - sum).max(0.0);
        let room = (vocab - k) as f64 * exp(log_probabilities[k - 1]);
        within("probability left over", tail, 0.0, room + SLACK)?;
        Ok(Self { log_probabilities, vocab, tail })
    }

    /// The probability of all other outcomes.
    pub fn tail(&self) -> f64 {
        self.tail
    }

    /// Both ends of the entropy.
    fn entropy(&self) -> (f64, f64) {
        let known: f64 = self.log_probabilities.iter().map(|&log| -exp(log) * log).sum();
        let others = (self.vocab - self.log_probabilities.len()) as f64;
        if self.tail == 0.0 || others == 0.0 {
            return (known, known);
        }
        let log_least = self.log_probabilities[self.log_probabilities.len() - 1];
        let least = exp(log_least);
        if least == 0.0 {
            return (known, known - self.tail * ln(self.tail / others));
        }
        let full = (self.tail / least).floor().min(others);
        let remainder = (self.tail - full * least).max(0.0);
        let piece = if remainder > 0.0 { -remainder * ln(remainder) } else { 0.0 };
        let low = known - full * least * log_least + piece;
        let high = known - self.tail * ln(self.tail / others);
        // In exact arithmetic they are in order; they are equal where every other outcome is at `p_k`.
        (low.min(high), high)
    }

    /// A score, or both ends of where it lies.
    ///
    /// # Errors
    /// [`Error::Unavailable`] for a score that the top does not bound here, and for margins if `k` is 1.
    pub fn score(&self, score: Score) -> Result<Scored> {
        let unavailable = Error::Unavailable { score, evidence: "the greatest log-probabilities" };
        let first = self.log_probabilities[0];
        let second = self.log_probabilities.get(1).copied();
        // Of a single outcome all is known.
        let second = if self.vocab == 1 { Some(f64::NEG_INFINITY) } else { second };
        let two = || second.map(|second| exact(&[first, second], 1.0)).ok_or(unavailable.clone());
        let (low, high) = self.entropy();
        let within = |low: f64, high: f64| {
            if low == high { Scored::Exact(low) } else { Scored::Within { low, high } }
        };
        Ok(match score {
            Score::Entropy => within(low, high),
            Score::NormalisedEntropy if self.vocab == 1 => Scored::Exact(0.0),
            Score::NormalisedEntropy => {
                let greatest = ln(self.vocab as f64);
                within(low / greatest, high / greatest)
            }
            Score::LogMaxProbability => Scored::Exact(first),
            Score::LeastConfidence => Scored::Exact((-crate::base::math::expm1(first)).max(0.0)),
            Score::Margin => {
                let gap = two()?;
                Scored::Exact(exp(first) * -crate::base::math::expm1(gap.second - gap.max))
            }
            Score::MarginComplement => {
                let gap = two()?;
                Scored::Exact((-crate::base::math::expm1(first)).max(0.0) + exp(gap.second))
            }
            Score::RelativeMargin | Score::LogitMargin => Scored::Exact(score.of(&two()?)?),
            Score::Renyi(f64::INFINITY) => Scored::Exact(-first),
            _ => return Err(unavailable),
        })
    }
}
