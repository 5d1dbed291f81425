//! The variance of success.

use serde::{Deserialize, Serialize};

use super::{Signal, Trial, each};
use crate::base::error::Result;
use crate::event::{Field, Fields};

/// Which success rate a [`Learnability`] is computed from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Source {
    /// That of the ticket's own rollouts: unbiased in expectation up to `1 - 1/G`, and noisy. A
    /// group of one rollout always scores 0.
    #[default]
    Group,
    /// The sample's running success, this ticket included: what is known about this very sample.
    Sample,
    /// The arm's fast running success: the same for all its samples.
    Arm,
}

/// `p (1 - p)`, the variance of success: highest where success is a coin toss, at most 1/4.
///
/// Papers: Rutherford et al., *No Regrets* (sampling for learnability), arXiv 2408.15099; Tzannetos
/// et al., *Proximal Curriculum for Reinforcement Learning Agents*, arXiv 2304.12877.
///
/// ```
/// use curricle::signal::{Learnability, Signal, Source, Trial};
/// use curricle::{ArmId, Outcome, SampleId, Ticket};
///
/// let group = Outcome::default().success(0.5).rollouts(8);
/// let mut scores = [0.0];
/// Learnability(Source::Group).score(&[Trial::new(Ticket(0), SampleId(0), ArmId(0), group)], &mut scores)?;
/// assert_eq!(scores, [0.25]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Learnability(pub Source);

impl Signal for Learnability {
    fn score(&self, trials: &[Trial], scores: &mut [f32]) -> Result<()> {
        each(trials, scores, |trial| {
            let success = match self.0 {
                Source::Group => f64::from(trial.outcome.success.unwrap_or(0.0)),
                Source::Sample => f64::from(trial.record.with(&trial.outcome).success()),
                Source::Arm => trial.progress.fast(),
            };
            success * (1.0 - success)
        })
    }

    fn needs(&self) -> Fields {
        Field::Success.into()
    }
}
