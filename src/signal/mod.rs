//! Signals: who scores evidence, one number for each sample.

mod advantage;
#[cfg(feature = "scores")]
mod angle;
mod any;
mod gated;
mod learnability;
mod progress;
mod spread;
#[cfg(feature = "scores")]
pub mod uncertainty;

pub use advantage::{MeanAdvantage, Reported, Utility};
#[cfg(feature = "scores")]
pub use angle::{Angle, Concentration, Dots, Element, HiddenStates, Spans, UnitSum};
pub use any::Any;
pub use gated::Gated;
pub use learnability::{Learnability, Source};
pub use progress::LearningProgress;
pub use spread::GroupSpread;

use serde::Serialize;

use crate::base::error::Result;
use crate::base::id::{ArmId, SampleId, Ticket};
use crate::event::{Fields, Outcome};
use crate::ledger::Record;
use crate::ledger::progress::Progress;

/// One settled ticket, with what was known about its sample and its arm: the evidence that the
/// curriculum hands to its signal.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Trial {
    /// The ticket.
    pub ticket: Ticket,
    /// Its sample.
    pub sample: SampleId,
    /// The arm that it was drawn from.
    pub arm: ArmId,
    /// What the trainer saw.
    pub outcome: Outcome,
    /// What was known about the sample before this round was folded in.
    pub record: Record,
    /// The progress of the arm, this round included.
    pub progress: Progress,
}

impl Trial {
    /// A trial of a sample about which nothing else is known.
    pub fn new(ticket: Ticket, sample: SampleId, arm: ArmId, outcome: Outcome) -> Self {
        Self { ticket, sample, arm, outcome, record: Record::default(), progress: Progress::default() }
    }
}

/// Scores settled tickets: the higher, the more there is to learn.
///
/// A signal is an immutable value without a generator or a clock; it is part of the configuration that a
/// snapshot must agree with, which is why it is `Serialize`.
///
/// ```
/// use curricle::signal::{GroupSpread, Signal, Trial};
/// use curricle::{ArmId, Outcome, SampleId, Ticket};
///
/// let trial = |success| {
///     Trial::new(Ticket(0), SampleId(0), ArmId(0), Outcome::default().success(success).rollouts(8))
/// };
/// let mut scores = [0.0; 3];
/// GroupSpread.score(&[trial(0.0), trial(0.5), trial(1.0)], &mut scores)?;
/// assert_eq!(scores, [0.0, 1.0, 0.0]);
/// # Ok::<(), curricle::Error>(())
/// ```
pub trait Signal: Serialize {
    /// Writes one finite score for each trial, in order. `scores` has as many elements as `trials`.
    ///
    /// # Errors
    /// Whatever is wrong with the trials. A curriculum refuses scores that are not finite.
    fn score(&self, trials: &[Trial], scores: &mut [f32]) -> Result<()>;

    /// The fields of an [`Outcome`] that this signal cannot do without; feedback that lacks one is
    /// refused when it arrives. The default is none.
    fn needs(&self) -> Fields {
        Fields::NONE
    }

    /// Checks the options; called once, when the curriculum is built. The default has none.
    ///
    /// # Errors
    /// Whatever is wrong with them.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// Scores trials one by one.
fn each(trials: &[Trial], scores: &mut [f32], score: impl Fn(&Trial) -> f64) -> Result<()> {
    crate::base::error::length("scores", trials.len(), scores.len())?;
    for (trial, slot) in trials.iter().zip(scores) {
        *slot = score(trial) as f32;
    }
    Ok(())
}
