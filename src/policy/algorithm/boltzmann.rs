//! Boltzmann exploration over temporal-difference values: the rule of SEC.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, finite, within};
use crate::base::id::ArmId;
use crate::base::math;
use crate::base::rng::Rng;
use crate::base::schedule::Schedule;
use crate::policy::kit::learned::are_finite;
use crate::policy::kit::open_arms::{open, softmax_open};
use crate::policy::{Allotment, Forget, Logits, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// What happens to the value of an arm in a round that did not sample it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Unsampled {
    /// It stays: `Q` only moves when there is evidence. The rule as published.
    #[default]
    Keep,
    /// It decays as if the reward had been 0: `Q <- (1 - alpha) Q`. The rule as released; arms that
    /// are out of favour sink further.
    Decay,
}

/// Boltzmann-TD, the bandit of the Self-Evolving Curriculum (SEC).
///
/// Each arm has a value, moved towards the mean score `r` of its samples in a round,
///
/// ```text
/// Q_a <- Q_a + alpha (r_a - Q_a)          p_a = exp(Q_a / tau) / sum_b exp(Q_b / tau)
/// ```
///
/// The score is meant to be a learning gain, such as [`MeanAdvantage`](crate::signal::MeanAdvantage)
/// or [`GroupSpread`](crate::signal::GroupSpread), which lie in `[0, 1]`. The odds between the best
/// and a dead arm are at most `exp(range / tau)`, so `tau` must be chosen relative to the range of
/// the score: 0.1 of it selects sharply, 1.0 hardly at all.
///
/// [`Boltzmann::new`] is our default: `alpha` 0.5, `tau` 0.1 for scores of range 1, and an
/// optimistic start `Q_0 = 1`, so that every arm is tried before it is judged. Put
/// [`Bounded`](crate::policy::Bounded) around it for a floor: without one an arm that is no longer sampled is never
/// looked at again.
///
/// Cost: O(K) a round for K arms. From 1024 arms on, with a constant temperature and [`Unsampled::Keep`], which
/// is the default, O(n log K) for n rewarded arms, by way of [`ArmTree`](crate::policy::ArmTree). Memory: 16 bytes an arm, and then 34.
///
/// Paper: Chen et al., *Self-Evolving Curriculum for LLM Reasoning*, arXiv 2505.14970.
///
/// ```
/// use curricle::policy::{Boltzmann, Bounded, Prior};
/// use curricle::{Curriculum, signal::GroupSpread};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(1000)
///     .arms(4, |sample| (sample.0 % 4) as u32)
///     .policy(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform))
///     .signal(GroupSpread)
///     .build()?;
/// assert_eq!(curriculum.draw(32)?.draws.len(), 32);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boltzmann {
    alpha: f64,
    /// None is 0.1, or whatever the effective arms ask for.
    temperature: Option<Schedule>,
    start: f64,
    unsampled: Unsampled,
    effective: Option<f64>,
    values: Vec<f64>,
}

impl Default for Boltzmann {
    fn default() -> Self {
        Self::new()
    }
}

impl Boltzmann {
    /// Our default, for scores in `[0, 1]`: learning rate 0.5, temperature 0.1, optimistic start at 1.
    pub fn new() -> Self {
        Self {
            alpha: 0.5,
            temperature: None,
            start: 1.0,
            unsampled: Unsampled::Keep,
            effective: None,
            values: Vec::new(),
        }
    }

    /// The paper's setting for Countdown with a 3B model: learning rate 0.5, temperature 1.0, start 0.
    pub fn sec_countdown() -> Self {
        Self::new().temperature(1.0).start(0.0)
    }

    /// The paper's setting for mathematics with a 7B model: learning rate 0.5, temperature 0.4, start 0.
    pub fn sec_math() -> Self {
        Self::new().temperature(0.4).start(0.0)
    }

    /// The paper's setting for arms = domain x difficulty: learning rate 0.5, temperature 0.2, start 0.
    pub fn sec_2d() -> Self {
        Self::new().temperature(0.2).start(0.0)
    }

    /// Sets the learning rate `alpha`, in `(0, 1]`.
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Sets the temperature `tau > 0`, in units of the score; constant or a [`Schedule`].
    #[must_use]
    pub fn temperature(mut self, temperature: impl Into<Schedule>) -> Self {
        self.temperature = Some(temperature.into());
        self
    }

    /// Lets the temperature be found anew in every round, such that the probabilities are worth this many
    /// equally likely arms of those that have something to draw, `exp(entropy) = arms`, at least 1: as
    /// sharp as that, whatever the range of the score and however close the values are. More than there
    /// are is the uniform distribution. It takes the place of a temperature; one that is set after it is refused when the
    /// curriculum is built.
    #[must_use]
    pub fn effective_arms(mut self, arms: f64) -> Self {
        (self.effective, self.temperature) = (Some(arms), None);
        self
    }

    /// Sets the value `Q_0` that every arm starts from. The greatest possible score is optimistic:
    /// arms are tried until they disappoint.
    #[must_use]
    pub fn start(mut self, start: f64) -> Self {
        self.start = start;
        self
    }

    /// Sets what happens to arms that a round did not sample.
    #[must_use]
    pub fn unsampled(mut self, unsampled: Unsampled) -> Self {
        self.unsampled = unsampled;
        self
    }

    /// The temperature, where no number of effective arms is asked for.
    fn sharpness(&self) -> Schedule {
        self.temperature.unwrap_or(Schedule::Constant(0.1))
    }

    /// The values `Q`, by arm.
    pub fn values(&self) -> &[f64] {
        &self.values
    }
}

impl Policy for Boltzmann {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("alpha", self.alpha, f64::MIN_POSITIVE, 1.0)?;
        if self.effective.is_some() && self.temperature.is_some() {
            let what = "a sharpness beside that of `effective_arms`";
            return Err(Error::Unread { part: "temperature", what });
        }
        self.sharpness().check("temperature", 1e-9, 1e100)?;
        within("start value", finite("start value", 0, self.start)?, -1e100, 1e100)?;
        within("effective arms", self.effective.unwrap_or(1.0), 1.0, f64::MAX)?;
        self.values = vec![self.start; population.arms().count()];
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        (self.alpha, self.temperature, self.start) == (built.alpha, built.temperature, built.start)
            && (self.unsampled, self.effective) == (built.unsampled, built.effective)
            && self.values.len() == arms
            && are_finite(&self.values)
    }

    fn reads(&self) -> Reads {
        Reads::SCORE
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        // Arms that have nothing to draw take no part: next to the value of one that has been emptied
        // the others could all be nothing.
        let p = allotment.arms(self.values.len());
        match self.effective {
            None => {
                p.copy_from_slice(&self.values);
                softmax_open(turn.population, p, self.sharpness().at(turn.round))?;
            }
            Some(arms) => {
                let open = open(turn.population, self.values.len())?;
                let values: Vec<f64> = open.iter().map(|&arm| self.values[arm]).collect();
                let mut soft = vec![0.0; values.len()];
                soften(&values, arms, &mut soft);
                open.iter().zip(soft).for_each(|(&arm, share)| p[arm] = share);
            }
        }
        Ok(())
    }

    fn logits(&self, _: &Turn<'_>) -> Option<Logits<'_>> {
        match (self.sharpness(), self.effective, self.unsampled) {
            (Schedule::Constant(temperature), None, Unsampled::Keep) => {
                Some(Logits { values: &self.values, temperature, floor: 0.0 })
            }
            _ => None,
        }
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        let keep = 1.0 - self.alpha;
        match self.unsampled {
            Unsampled::Decay => self.values.iter_mut().for_each(|value| *value *= keep),
            Unsampled::Keep => {
                rewards.iter().for_each(|reward| self.values[reward.arm.index()] *= keep)
            }
        }
        for reward in rewards {
            self.values[reward.arm.index()] += self.alpha * reward.score;
        }
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.values.resize(arms, self.start);
        Ok(())
    }
}

/// The softmax of values at the temperature where `exp(entropy)` is `arms`, by bisection: the entropy
/// rises with the temperature.
fn soften(values: &[f64], arms: f64, p: &mut [f64]) {
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    if greatest <= least || arms >= values.len() as f64 {
        p.fill(1.0 / values.len() as f64);
        return;
    }
    // Logs of temperatures, in units of the range of the values.
    let (mut sharp, mut soft) = (-20.0, 20.0);
    for _ in 0..60 {
        let middle = 0.5 * (sharp + soft);
        p.copy_from_slice(values);
        math::softmax(p, (greatest - least) * math::exp(middle));
        let entropy: f64 = p.iter().filter(|p| **p > 0.0).map(|p| -p * math::ln(*p)).sum();
        if math::exp(entropy) < arms { sharp = middle } else { soft = middle }
    }
}

impl Forget for Boltzmann {
    fn forget(&mut self, arm: ArmId) {
        self.values[arm.index()] = self.start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_temperature_gives_the_effective_number_of_arms() {
        for arms in [1.5, 2.0, 3.7] {
            for scale in [1e-6, 1.0, 1e6] {
                let values = [0.1, 0.5, 0.4, -0.3, 0.45].map(|value| value * scale);
                let mut p = [0.0; 5];
                soften(&values, arms, &mut p);
                let entropy: f64 = p.iter().map(|p| -p * math::ln(*p)).sum();
                assert!((math::exp(entropy) - arms).abs() < 1e-9, "{arms} {scale}: {p:?}");
                assert!(p[1] > p[4] && p[4] > p[2] && p[2] > p[0] && p[0] > p[3]);
            }
        }
        let mut p = [0.0; 3];
        soften(&[0.2; 3], 1.0, &mut p);
        assert_eq!(p, [1.0 / 3.0; 3]);
    }
}
