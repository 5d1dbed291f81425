//! Absolute learning progress.

use serde::{Deserialize, Serialize};

use super::{Signal, Trial, each};
use crate::base::error::{Result, within};
use crate::event::{Field, Fields};

/// `|fast - slow|` of the arm's success, less the size that mere noise would have: absolute learning
/// progress, high while an arm is being learned and also while it is being forgotten.
///
/// ```text
/// score = max(0, |fast - slow| - nulls * sd0)
/// ```
///
/// with the averages and the null standard deviation `sd0` of [`Progress`](crate::Progress).
/// `nulls = 0` is the plain rule, which pays a noisy arm for its noise; 1 is our default.
///
/// Papers: Matiisen et al., *Teacher-Student Curriculum Learning*, arXiv 1707.00183; Portelas et
/// al., *Teacher algorithms for curriculum learning of Deep RL*, arXiv 1910.07224.
///
/// ```
/// use curricle::signal::{LearningProgress, Signal, Trial};
/// use curricle::{ArmId, Outcome, SampleId, Ticket};
///
/// let mut trial = Trial::new(Ticket(0), SampleId(0), ArmId(0), Outcome::default().success(1.0));
/// trial.progress.visit(0.0, 64);
/// trial.progress.visit(1.0, 64);
/// let mut scores = [0.0];
/// LearningProgress { nulls: 0.0 }.score(&[trial], &mut scores)?;
/// assert!((scores[0] - 0.08).abs() < 1e-6);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LearningProgress {
    /// How many null standard deviations are taken off, `>= 0`.
    pub nulls: f64,
}

impl Default for LearningProgress {
    fn default() -> Self {
        Self { nulls: 1.0 }
    }
}

impl Signal for LearningProgress {
    fn score(&self, trials: &[Trial], scores: &mut [f32]) -> Result<()> {
        each(trials, scores, |trial| {
            let progress = &trial.progress;
            (progress.gain().abs() - self.nulls * progress.null_sd()).max(0.0)
        })
    }

    fn check(&self) -> Result<()> {
        within("null deviations", self.nulls, 0.0, 1e6).map(drop)
    }

    fn needs(&self) -> Fields {
        Field::Success.into()
    }
}
