//! Relative softmax scoring: a distribution over given candidates.

use curricle_kernels::logits::{RowSums, exact};
use serde::{Deserialize, Serialize};

use super::Score;
use super::texts::once;
use crate::base::error::{Error, Result, finite, length, within};
use crate::base::math::{exp, log1p, pow};

/// One candidate answer, as the model scored it by teacher forcing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate<K> {
    /// Its canonical form: candidates of equal keys are one.
    pub key: K,
    /// The sum of the negative log-likelihoods of its tokens; `+inf` for one that is impossible.
    pub nll: f64,
    /// How many tokens it has.
    pub tokens: usize,
}

impl<K> Candidate<K> {
    /// A candidate of one token.
    pub fn new(key: impl Into<K>, nll: f64) -> Self {
        Self { key: key.into(), nll, tokens: 1 }
    }

    /// Sets how many tokens it has.
    #[must_use]
    pub fn tokens(mut self, tokens: usize) -> Self {
        self.tokens = tokens;
        self
    }
}

/// How the length of a candidate enters.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PerLength {
    /// The sum over the tokens: the logarithm of a probability.
    #[default]
    Sum,
    /// The mean over the tokens.
    Mean,
    /// The sum over `tokens^alpha`, `alpha` in `[0, 1]`.
    Power(f64),
}

/// The probabilities of candidates relative to each other.
///
/// ```text
/// l_n = -nll_n / tokens_n^alpha             alpha 0 (sum), 1 (mean) or between
/// l_k = ln sum e^l_n  over the candidates n of key k
/// p_k = e^l_k / sum e^l
/// ```
///
/// Without the merging of equal keys two copies of the right answer have a margin of 0. Whether the sum
/// or the mean is taken can turn the decision: over 40 tokens nlls of 12 and 15 have a margin of 0.905
/// as sums and of
/// 0.037 as means.
///
/// Different wordings of one answer add up. One wording that is given twice does not become likelier by
/// it: [`of_texts`](Self::of_texts) counts it once; to [`of`](Self::of) give each once.
///
/// Of a single candidate, or one key, nothing can be told: `single` is set and the margin is 1.
///
/// Paper: the relative scores of Acikgoz et al., *Self-Improving LLM Agents at Test-Time*, arXiv
/// 2510.07841.
///
/// ```
/// use curricle::signal::uncertainty::{Candidate, PerLength, Relative, Score};
///
/// let candidates = [("open", 0.5), ("close", 2.0), ("open", 9.0)]
///     .map(|(key, nll)| Candidate { key, nll, tokens: 3 });
/// let relative = Relative::of(&candidates, PerLength::Sum)?;
/// assert_eq!(relative.entry, [0, 1, 0]);
/// assert!((relative.score(Score::Margin)? - 0.635).abs() < 1e-3);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Relative {
    /// Which entry each candidate belongs to.
    pub entry: Vec<usize>,
    /// The relative probability of each entry; entries come in the order of their first candidates.
    pub probabilities: Vec<f64>,
    /// Whether there is one entry only.
    pub single: bool,
    sums: RowSums,
}

impl Relative {
    /// The relative probabilities of some candidates, of which those of equal texts are one: the
    /// likeliest of them counts.
    ///
    /// # Errors
    /// As for [`of`](Self::of); [`Error::Length`] if there are not as many texts as candidates,
    /// [`Error::OutOfRange`] for one text with two keys.
    ///
    /// ```
    /// use curricle::signal::uncertainty::{Candidate, PerLength, Relative};
    ///
    /// let candidates = ["A", "A", "B"].map(|key| Candidate::new(key, 0.5));
    /// let of = |texts| Relative::of_texts::<&str, _>(texts, &candidates, PerLength::Sum);
    /// assert_eq!(of(&["a", "a", "b"])?.probabilities, [0.5, 0.5]);
    /// assert!((of(&["a", "an a", "b"])?.probabilities[0] - 2.0 / 3.0).abs() < 1e-12);
    /// # Ok::<(), curricle::Error>(())
    /// ```
    pub fn of_texts<K: Ord, T: Ord>(
        texts: &[T],
        candidates: &[Candidate<K>],
        per_length: PerLength,
    ) -> Result<Self> {
        length("texts", candidates.len(), texts.len())?;
        let mut logs = logs(candidates, per_length)?;
        let (entry, _) = merge(candidates, &logs);
        once(texts, "entry of a repeated text", |candidate| entry[candidate], &mut logs)?;
        Self::of_logs(candidates, &logs)
    }

    /// The relative probabilities of some candidates, no text of which is given twice.
    ///
    /// # Errors
    /// [`Error::Empty`] if there are none or all are impossible; [`Error::NonFinite`] for an `nll` of
    /// NaN; [`Error::OutOfRange`] for a negative one, for a candidate of no tokens where their number
    /// counts, or for an `alpha` outside `[0, 1]`.
    ///
    /// Cost: O(n log n).
    pub fn of<K: Ord>(candidates: &[Candidate<K>], per_length: PerLength) -> Result<Self> {
        Self::of_logs(candidates, &logs(candidates, per_length)?)
    }

    fn of_logs<K: Ord>(candidates: &[Candidate<K>], logs: &[f64]) -> Result<Self> {
        let (entry, merged) = merge(candidates, logs);
        let sums = exact(&merged, 1.0);
        if sums.count == 0 {
            return Err(Error::Empty { what: "possible candidates", index: 0 });
        }
        let whole = 1.0 + sums.rest;
        let probabilities = merged.iter().map(|&log| exp(log - sums.max) / whole).collect();
        Ok(Self { entry, probabilities, single: merged.len() == 1, sums })
    }

    /// A score of the distribution over the entries.
    ///
    /// # Errors
    /// [`Error::Unavailable`] for [`Score::Energy`], which is no property of relative probabilities,
    /// and for a Rényi entropy of another order than 0, 1, 2 or infinity.
    pub fn score(&self, score: Score) -> Result<f64> {
        match score {
            Score::Energy => Err(Error::Unavailable { score, evidence: "candidates" }),
            score => score.of(&self.sums),
        }
    }

    /// The entries from the likeliest down; equal ones in their order.
    pub fn ranking(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.probabilities.len()).collect();
        order.sort_by(|&a, &b| self.probabilities[b].total_cmp(&self.probabilities[a]));
        order
    }
}

/// The logarithm of what each candidate weighs.
fn logs<K>(candidates: &[Candidate<K>], per_length: PerLength) -> Result<Vec<f64>> {
    let alpha = match per_length {
        PerLength::Sum => 0.0,
        PerLength::Mean => 1.0,
        PerLength::Power(alpha) => within("exponent of a length", alpha, 0.0, 1.0)?,
    };
    let mut logs = Vec::with_capacity(candidates.len());
    for (index, candidate) in candidates.iter().enumerate() {
        if candidate.nll.is_nan() {
            finite("negative log-likelihood", index as u64, candidate.nll)?;
        }
        // Rounding may leave a likelihood a little above 1.
        within("negative log-likelihood", candidate.nll, -1e-6, f64::INFINITY)?;
        let tokens = candidate.tokens as f64;
        if alpha > 0.0 {
            within("tokens of a candidate", tokens, 1.0, f64::MAX)?;
        }
        let divisor = if alpha == 1.0 { tokens } else { pow(tokens.max(1.0), alpha) };
        logs.push(-candidate.nll / divisor);
    }
    Ok(logs)
}

/// The entry of each candidate, and the log-sum of each entry.
fn merge<K: Ord>(candidates: &[Candidate<K>], logs: &[f64]) -> (Vec<usize>, Vec<f64>) {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&a, &b| candidates[a].key.cmp(&candidates[b].key).then(a.cmp(&b)));
    // The first candidate of each key stands for it.
    let mut first = vec![0; candidates.len()];
    for (place, &candidate) in order.iter().enumerate() {
        let before = place.checked_sub(1).map(|place| order[place]);
        first[candidate] = match before {
            Some(before) if candidates[before].key == candidates[candidate].key => first[before],
            _ => candidate,
        };
    }
    let (mut entry, mut members) = (vec![0; candidates.len()], Vec::<Vec<f64>>::new());
    for candidate in 0..candidates.len() {
        entry[candidate] =
            if first[candidate] == candidate { members.len() } else { entry[first[candidate]] };
        if entry[candidate] == members.len() {
            members.push(Vec::new());
        }
        members[entry[candidate]].push(logs[candidate]);
    }
    (entry, members.iter().map(|logs| log_sum(logs)).collect())
}

/// `ln sum e^x`, `-inf` of nothing.
pub(crate) fn log_sum(x: &[f64]) -> f64 {
    if let [single] = x {
        return *single;
    }
    let sums = exact(x, 1.0);
    if sums.count == 0 { f64::NEG_INFINITY } else { sums.max + log1p(sums.rest) }
}
