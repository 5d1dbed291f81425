//! What the `k` greatest probabilities say about a whole distribution.

use curricle_kernels::logits::exact;
use serde::{Deserialize, Serialize};

use super::{Score, Scored};
use crate::base::error::{Error, Result, finite, within};
use crate::base::math::{exp, ln};

/// The log-probabilities of the `k` likeliest of `vocab` outcomes, as a serving engine returns them:
/// with one more, that of the sampled token, where it is not among them.
///
/// What the two greatest determine is exact. The entropy is only bounded: with `r = 1 - sum p` left
/// over, it is greatest with `r` spread evenly over the other outcomes, and least with `r` packed into
/// as many outcomes of probability `p_k`, which none of them may exceed, as it fills:
///
/// ```text
/// H_k - r ln p_k  <~  H  <=  H_k - r ln(r / others)        H_k = -sum p ln p over the known
/// ```
///
/// where the lower end has `floor(r / p_k)` outcomes at `p_k` and the remainder at one more. A sampled
/// token outside is known, and so is its probability, but it does not bound the others: `p_k` is the
/// least of the top.
///
/// A token of `-inf` was masked. If one is among the likeliest, no token beyond the finite ones is
/// possible: the distribution is known, and `vocab` is their number.
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
    /// In falling order, all finite.
    log_probabilities: Vec<f64>,
    /// Of the sampled token, if it is not among them.
    outside: Option<f64>,
    vocab: usize,
    tail: f64,
}

/// How far rounding may take the sum of probabilities.
const SLACK: f64 = 1e-6;

impl TopK {
    /// The greatest log-probabilities, in any order, each token once. If the least is too small to be
    /// the
    /// `k`-th, as what is left over would not fit below it, it is taken for the sampled token outside
    /// of the top. Where `k` is known [`of_k`](Self::of_k) need not guess.
    ///
    /// # Errors
    /// [`Error::NonFinite`] for NaN or `+inf`, and if no token is possible; [`Error::Empty`] if there
    /// are none; [`Error::OutOfRange`] if they are more than `vocab`, above 0, sum to more than 1 by
    /// more than 1e-6, or leave more over than outcomes of at most `p_k` can hold.
    pub fn new(log_probabilities: &[f64], vocab: usize) -> Result<Self> {
        let (logs, vocab) = possible(log_probabilities, vocab)?;
        match Self::of(&logs, None, vocab) {
            Err(Error::OutOfRange { what: LEFT_OVER, .. }) if logs.len() > 1 => {
                Self::of(&logs[..logs.len() - 1], logs.last().copied(), vocab)
            }
            top => top,
        }
    }

    /// What an engine returns that was asked for the `k` greatest: these, in any order, and with them
    /// the sampled token, which is the least of `k + 1` if it is not one of them.
    ///
    /// # Errors
    /// As for [`new`](Self::new), and [`Error::OutOfRange`] for another number of them than `k` or `k +
    /// 1`; there may be fewer only where `vocab` has no more.
    ///
    /// ```
    /// use curricle::signal::uncertainty::TopK;
    ///
    /// let returned = [0.0001f64.ln(), 0.5f64.ln(), 0.2f64.ln()];
    /// let top = TopK::of_k(&returned, 2, 1000)?;
    /// assert_eq!(top.outside(), Some(0.0001f64.ln()));
    /// assert!((top.tail() - 0.2999).abs() < 1e-12);
    /// # Ok::<(), curricle::Error>(())
    /// ```
    pub fn of_k(log_probabilities: &[f64], k: usize, vocab: usize) -> Result<Self> {
        if log_probabilities.is_empty() || k == 0 {
            return Err(Error::Empty { what: "log-probabilities", index: 0 });
        }
        let found = log_probabilities.len();
        let most = k.saturating_add(1).min(vocab);
        within("number of log-probabilities", found as f64, k.min(vocab) as f64, most as f64)?;
        let (logs, support) = possible(log_probabilities, vocab)?;
        // A masked token was the least of all.
        let sampled = found > k && logs.len() == found;
        let top = logs.len() - usize::from(sampled);
        Self::of(&logs[..top], logs.get(top).copied(), support)
    }

    /// From finite log-probabilities in falling order.
    fn of(top: &[f64], outside: Option<f64>, vocab: usize) -> Result<Self> {
        let known = top.iter().chain(&outside);
        let sum: f64 = known.rev().map(|&log| exp(log)).sum();
        within("sum of the greatest probabilities", sum, 0.0, 1.0 + SLACK)?;
        let tail = (1.0 - sum).max(0.0);
        let others = vocab - top.len() - usize::from(outside.is_some());
        let room = others as f64 * exp(top[top.len() - 1]);
        within(LEFT_OVER, tail, 0.0, room + SLACK)?;
        Ok(Self { log_probabilities: top.to_vec(), outside, vocab, tail })
    }

    /// The probability of all outcomes that are not given.
    pub fn tail(&self) -> f64 {
        self.tail
    }

    /// The log-probability of the sampled token, if it is not among the greatest.
    pub fn outside(&self) -> Option<f64> {
        self.outside
    }

    /// How many outcomes are not given.
    fn others(&self) -> usize {
        self.vocab - self.log_probabilities.len() - usize::from(self.outside.is_some())
    }

    /// Both ends of the entropy.
    fn entropy(&self) -> (f64, f64) {
        let known = self.log_probabilities.iter().chain(&self.outside);
        let known: f64 = known.map(|&log| -exp(log) * log).sum();
        let others = self.others() as f64;
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
    /// [`Error::Unavailable`] for a score that the top does not bound here, and for margins if `k` is
    /// 1.
    pub fn score(&self, score: Score) -> Result<Scored> {
        let unavailable = Error::Unavailable { score, evidence: "the greatest log-probabilities" };
        let first = self.log_probabilities[0];
        let second = self.log_probabilities.get(1).copied();
        // The sampled token is the next one if there is no other. Of a single outcome all is known.
        let second = second.or(self.outside.filter(|_| self.others() == 0));
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

/// The name of what is left over, in errors.
const LEFT_OVER: &str = "probability left over";

/// The log-probabilities of possible tokens in falling order, and how many tokens may be possible.
fn possible(log_probabilities: &[f64], vocab: usize) -> Result<(Vec<f64>, usize)> {
    if log_probabilities.is_empty() {
        return Err(Error::Empty { what: "log-probabilities", index: 0 });
    }
    within("number of log-probabilities", log_probabilities.len() as f64, 1.0, vocab as f64)?;
    for (index, &log) in log_probabilities.iter().enumerate() {
        if log != f64::NEG_INFINITY {
            finite("log-probability", index as u64, log)?;
            within("log-probability", log, f64::MIN, SLACK)?;
        }
    }
    let mut logs: Vec<f64> =
        log_probabilities.iter().copied().filter(|&log| log > f64::NEG_INFINITY).collect();
    if logs.is_empty() {
        return Err(Error::NonFinite { what: "log-probability", index: 0, value: f64::NEG_INFINITY });
    }
    logs.sort_by(|a, b| b.total_cmp(a));
    // What is less likely than an impossible token is impossible.
    let support = if logs.len() < log_probabilities.len() { logs.len() } else { vocab };
    Ok((logs, support))
}
