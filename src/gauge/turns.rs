//! What every turn of a trajectory adds to how likely the right answer is.

use crate::base::error::{Result, length};
use crate::base::math::exp;
use crate::base::numbers::{
    all_equal, all_finite, all_near, in_range, log_probabilities, mean, some, standardised,
};

/// How the gold answer is valued.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GainKind {
    /// `exp` of the mean log-probability of its tokens; an impossible token makes it 0.
    #[default]
    Prob,
    /// That mean itself.
    LogProb,
}

/// Over what the rewards of a group are standardised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GainNorm {
    /// Not at all.
    None,
    /// Over all rewards of the group together.
    #[default]
    Joint,
    /// Gains over all gains, outcomes over all outcomes.
    Separate,
}

/// The information gain of every turn: how much likelier the gold answer is behind it than before it.
///
/// ```text
/// value_t     = exp(mean log p) or mean log p of the gold answer before the first turn, and after each but the last
/// reward      = differences of values, then the outcome as the last turn
/// advantage_t = sum over u >= t of gamma^(u - t) z(reward_u)
/// ```
///
/// `z` divides by n and has no epsilon; equal rewards give 0. The gains telescope: their sum is the last value less the
/// first, and says what a prompt has to teach in groups without a signal, too. Cost: O(tokens).
///
/// Paper: IGPO, arXiv 2510.14967: the text has `Prob` and `Joint`, the released script `LogProb`, `Separate`, gamma 1. Other
/// than there a gain of exactly 0 counts.
///
/// ```
/// use curricle::gauge::{GainNorm, InformationGain};
///
/// let gold = |logp: f64| vec![logp];
/// let group = [vec![gold(-2.0), gold(-1.0)], vec![gold(-2.0), gold(-2.0)]];
/// let gauge = InformationGain { norm: GainNorm::None, ..InformationGain::default() };
/// let reading = gauge.read(&group, &[1.0, 0.0])?;
/// assert_eq!(reading.reward[1], [0.0, 0.0]);
/// assert!(reading.total_gain[0] > 0.23 && !reading.dead);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InformationGain {
    /// How the gold answer is valued.
    pub kind: GainKind,
    /// Over what rewards are standardised.
    pub norm: GainNorm,
    /// How much a later turn counts.
    pub gamma: f64,
}

impl Default for InformationGain {
    fn default() -> Self {
        Self { kind: GainKind::Prob, norm: GainNorm::Joint, gamma: 1.0 }
    }
}

/// What [`InformationGain`] reads of a group, a row for each rollout.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Gains {
    /// The value of the gold answer in every state.
    pub value: Vec<Vec<f64>>,
    /// The gain of every turn, and the outcome.
    pub reward: Vec<Vec<f64>>,
    /// The same, standardised.
    pub normalised: Vec<Vec<f64>>,
    /// The discounted sum from every turn on.
    pub advantage: Vec<Vec<f64>>,
    /// The last value less the first.
    pub total_gain: Vec<f64>,
    /// Whether all outcomes are equal.
    pub dead: bool,
}

impl InformationGain {
    /// Reads a group: for each rollout and state the log-probabilities of the gold answer's tokens, and the outcomes.
    ///
    /// # Errors
    /// No rollout, no state, no token; lists of different lengths; a number that is not finite, but minus infinity as a
    /// log-probability with `Prob`; a gamma outside [0, 1].
    pub fn read<S: AsRef<[T]>, T: AsRef<[f64]>>(&self, logps: &[S], outcome: &[f64]) -> Result<Gains> {
        some("logps", logps)?;
        length("outcome", logps.len(), outcome.len())?;
        all_finite("outcome", outcome)?;
        in_range("gamma", self.gamma, 0.0, 1.0)?;
        let value = logps
            .iter()
            .map(|states| {
                some("logps", states.as_ref())?;
                states.as_ref().iter().map(|gold| self.value(gold.as_ref())).collect()
            })
            .collect::<Result<Vec<Vec<f64>>>>()?;
        let gains = |row: &Vec<f64>| row.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mut reward: Vec<Vec<f64>> = value.iter().map(gains).collect();
        reward.iter_mut().zip(outcome).for_each(|(row, &outcome)| row.push(outcome));
        let normalised = self.normalised(&reward, outcome);
        let advantage = normalised
            .iter()
            .map(|row| {
                let mut later = 0.0;
                let mut sums: Vec<f64> = row
                    .iter()
                    .rev()
                    .map(|z| {
                        later = z + self.gamma * later;
                        later
                    })
                    .collect();
                sums.reverse();
                sums
            })
            .collect();
        let total_gain = value.iter().map(|row| row[row.len() - 1] - row[0]).collect();
        Ok(Gains { value, reward, normalised, advantage, total_gain, dead: all_equal(outcome) })
    }

    fn value(&self, gold: &[f64]) -> Result<f64> {
        some("logps", gold)?;
        let is_impossible = gold.contains(&f64::NEG_INFINITY);
        if is_impossible && self.kind == GainKind::Prob {
            let possible: Vec<f64> =
                gold.iter().copied().filter(|&logp| logp != f64::NEG_INFINITY).collect();
            log_probabilities("logps", &possible)?;
            return Ok(0.0);
        }
        log_probabilities("logps", gold)?;
        Ok(match self.kind {
            GainKind::Prob => exp(mean(gold)),
            GainKind::LogProb => mean(gold),
        })
    }

    fn normalised(&self, reward: &[Vec<f64>], outcome: &[f64]) -> Vec<Vec<f64>> {
        let spread = |flat: &[f64], rows: &[Vec<f64>], short: usize| {
            // Gains are computed: what they differ by may be rounding.
            let all = if all_near(flat) { vec![0.0; flat.len()] } else { standardised(flat) };
            let mut rest = all.into_iter();
            let rows = rows.iter().map(|row| rest.by_ref().take(row.len() - short).collect());
            rows.collect::<Vec<Vec<f64>>>()
        };
        match self.norm {
            GainNorm::None => reward.to_vec(),
            GainNorm::Joint => spread(&reward.concat(), reward, 0),
            GainNorm::Separate => {
                let gains: Vec<f64> =
                    reward.iter().flat_map(|row| row[..row.len() - 1].to_vec()).collect();
                let mut rows = match gains.is_empty() {
                    true => vec![Vec::new(); reward.len()],
                    false => spread(&gains, reward, 1),
                };
                let outcomes =
                    if all_equal(outcome) { vec![0.0; outcome.len()] } else { standardised(outcome) };
                rows.iter_mut().zip(outcomes).for_each(|(row, z)| row.push(z));
                rows
            }
        }
    }
}
