//! The spread of success within a group of rollouts.

use serde::{Deserialize, Serialize};

use super::{Signal, Trial, each};
use crate::base::error::Result;
use crate::event::{Field, Fields};

/// `2 sqrt(p (1 - p))` of the group's success rate `p`: what the mean absolute advantage of a group
/// with 0/1 rewards is under GRPO, for trainers that report successes only.
///
/// 1 at `p = 1/2`, 0 for a group whose rollouts all failed or all succeeded. For one example with a
/// probability of success, as in supervised training, report that probability as its success.
///
/// ```
/// use curricle::signal::{GroupSpread, Signal, Trial};
/// use curricle::{ArmId, Outcome, SampleId, Ticket};
///
/// let group = Outcome::default().success(0.25).rollouts(8);
/// let mut scores = [0.0];
/// GroupSpread.score(&[Trial::new(Ticket(0), SampleId(0), ArmId(0), group)], &mut scores)?;
/// assert!((scores[0] - 0.866).abs() < 1e-3);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupSpread;

impl Signal for GroupSpread {
    fn score(&self, trials: &[Trial], scores: &mut [f32]) -> Result<()> {
        each(trials, scores, |trial| {
            let success = f64::from(trial.outcome.success.unwrap_or(0.0));
            2.0 * (success * (1.0 - success)).sqrt()
        })
    }

    fn needs(&self) -> Fields {
        Field::Success.into()
    }
}
