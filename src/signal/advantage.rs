//! Scores that the trainer has computed itself.

use serde::{Deserialize, Serialize};

use super::{Signal, Trial, each};
use crate::base::error::Result;
use crate::event::{Field, Fields};

/// The mean absolute advantage of a group of rollouts: `mean_i |A_i|`, the learning gain of SEC.
///
/// A policy is told the mean of these over the *tickets* of an arm; SEC takes the mean over all *rollouts* of an arm
/// in a batch. With groups of one size both are the same; where sizes differ, a small group weighs as much here as a
/// large one.
///
/// Reads [`Outcome::abs_advantage`](crate::Outcome::abs_advantage). A group whose rollouts were all equally
/// good has advantage 0 and must be reported so ([`Outcome::zero_signal`](crate::Outcome::zero_signal)),
/// also when the trainer drops it: otherwise the score of a mastered arm never falls. Under GRPO
/// with `G` rollouts and success rate `p` the mean is about `2 sqrt(p(1-p))`, at most 1.
///
/// What range it has depends on how the trainer normalises, and a temperature selects as sharply as the range over it
/// says:
///
/// | advantage | mean for 0/1 rewards | greatest |
/// |--|--|--|
/// | GRPO, `(r - m) / s` with the population's `s`, as of [`Outcome::group`](crate::Outcome::group) | `2 sqrt(p(1-p))` | 1 |
/// | GRPO with `torch.std`, which divides by `G - 1`, as in verl | `2 sqrt(p(1-p)) sqrt((G-1)/G)` | 0.935 at `G = 8` |
/// | Dr. GRPO, `r - m`, without a divisor | `2 p(1-p)` | 1/2 |
/// | RLOO, against the mean of the others | `2 p(1-p) G/(G-1)` | 0.571 at `G = 8` |
///
/// At half the range a temperature is half as selective: halve it, or put [`Rescaled`](crate::policy::Rescaled)
/// around the policy.
///
/// Paper: Chen et al., *Self-Evolving Curriculum for LLM Reasoning*, arXiv 2505.14970.
///
/// ```
/// use curricle::signal::{MeanAdvantage, Signal, Trial};
/// use curricle::{ArmId, Outcome, SampleId, Ticket};
///
/// let dropped = Trial::new(Ticket(0), SampleId(0), ArmId(0), Outcome::zero_signal(1.0, 8));
/// let mut scores = [f32::NAN];
/// MeanAdvantage.score(&[dropped], &mut scores)?;
/// assert_eq!(scores, [0.0]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct MeanAdvantage;

impl Signal for MeanAdvantage {
    fn score(&self, trials: &[Trial], scores: &mut [f32]) -> Result<()> {
        each(trials, scores, |trial| f64::from(trial.outcome.abs_advantage.unwrap_or(0.0)))
    }

    fn needs(&self) -> Fields {
        Field::AbsAdvantage.into()
    }
}

/// The trainer's own measure of worth, handed through: [`Outcome::utility`](crate::Outcome::utility).
///
/// For GAIN-RL it is the angle concentration of the sample's hidden states; for loss-based mixing a
/// loss, or its decrease.
///
/// ```
/// use curricle::signal::{Signal, Trial, Utility};
/// use curricle::{ArmId, Outcome, SampleId, Ticket};
///
/// let trial = Trial::new(Ticket(0), SampleId(0), ArmId(0), Outcome::default().utility(0.7));
/// let mut scores = [0.0];
/// Utility.score(&[trial], &mut scores)?;
/// assert_eq!(scores, [0.7]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Utility;

impl Signal for Utility {
    fn score(&self, trials: &[Trial], scores: &mut [f32]) -> Result<()> {
        each(trials, scores, |trial| f64::from(trial.outcome.utility.unwrap_or(0.0)))
    }

    fn needs(&self) -> Fields {
        Field::Utility.into()
    }
}

/// Any field of the outcome, handed through: the success for a rule that looks at its changes, the loss
/// for one that mixes by loss.
///
/// ```
/// use curricle::signal::{Reported, Signal, Trial};
/// use curricle::{ArmId, Field, Outcome, SampleId, Ticket};
///
/// let trial = Trial::new(Ticket(0), SampleId(0), ArmId(0), Outcome::default().loss(2.5));
/// let mut scores = [0.0];
/// Reported(Field::Loss).score(&[trial], &mut scores)?;
/// assert_eq!(scores, [2.5]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported(pub Field);

impl Signal for Reported {
    fn score(&self, trials: &[Trial], scores: &mut [f32]) -> Result<()> {
        each(trials, scores, |trial| f64::from(trial.outcome.get(self.0).unwrap_or(0.0)))
    }

    fn needs(&self) -> Fields {
        self.0.into()
    }
}

#[cfg(test)]
mod tests {
    use crate::event::group::{Group, Normalisation};

    /// The table of the ranges, from its definitions, for every number of successes of eight.
    #[test]
    fn ranges_by_normalisation() {
        let mut greatest = [0.0f64; 4];
        for hits in 1..8 {
            let rewards: Vec<f32> = (0..8).map(|i| f32::from(u8::from(i < hits))).collect();
            let reported = |normalisation| {
                let group = Group::new(&rewards).normalisation(normalisation).outcome();
                f64::from(group.unwrap().abs_advantage.unwrap())
            };
            let p = f64::from(hits) / 8.0;
            let mean_abs = |advantage: &dyn Fn(f64) -> f64| {
                p * advantage(1.0).abs() + (1.0 - p) * advantage(0.0).abs()
            };
            let square = 8.0 * p * (1.0 - p);
            let population = mean_abs(&|r| (r - p) / (square / 8.0).sqrt());
            let sample = mean_abs(&|r| (r - p) / (square / 7.0).sqrt());
            let plain = mean_abs(&|r| r - p);
            let left_out = mean_abs(&|r| r - (8.0 * p - r) / 7.0);
            assert!((population - 2.0 * (p * (1.0 - p)).sqrt()).abs() < 1e-12);
            assert!((sample / population - (7.0f64 / 8.0).sqrt()).abs() < 1e-12);
            assert!((plain - 2.0 * p * (1.0 - p)).abs() < 1e-12);
            assert!((left_out - plain * 8.0 / 7.0).abs() < 1e-12);
            assert!((reported(Normalisation::Deviation) - population).abs() < 1e-6);
            assert!((reported(Normalisation::None) - plain).abs() < 1e-6);
            for (greatest, value) in greatest.iter_mut().zip([population, sample, plain, left_out]) {
                *greatest = greatest.max(value);
            }
        }
        let expected = [1.0, 0.935, 0.5, 0.571];
        assert!(greatest.iter().zip(expected).all(|(a, b)| (a - b).abs() < 5e-4), "{greatest:?}");
    }
}
