//! Scores that the trainer has computed itself.

use serde::{Deserialize, Serialize};

use super::{Signal, Trial, each};
use crate::base::error::Result;
use crate::event::{Field, Fields};

/// The mean absolute advantage of a group of rollouts: `mean_i |A_i|`, the learning gain of SEC.
///
/// Reads [`Outcome::abs_advantage`](crate::Outcome::abs_advantage). A group whose rollouts were all equally
/// good has advantage 0 and must be reported so ([`Outcome::zero_signal`](crate::Outcome::zero_signal)),
/// also when the trainer drops it: otherwise the score of a mastered arm never falls. Under GRPO
/// with `G` rollouts and success rate `p` the mean is about `2 sqrt(p(1-p))`, at most 1.
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
