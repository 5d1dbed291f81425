//! What can happen to a curriculum, as it stands in a log.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, JournalError, Result};
use crate::base::id::{ArmId, SampleId, Ticket};
use crate::curriculum::Curriculum;
use crate::event::Feedback;
use crate::policy::Policy;
use crate::population::Key;
use crate::sampler::Sampler;
use crate::signal::Signal;

/// One accepted call that changed a curriculum: each verb of [`Curriculum`] that takes `&mut self`. A new verb is
/// entered at the end, so that older logs can be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Event<'a> {
    /// The digest is that of all decisions, this one included.
    Draw {
        want: u32,
        digest: u64,
    },
    Observe(Cow<'a, [Feedback]>),
    Lose(Cow<'a, [Ticket]>),
    Insert(ArmId, f64),
    Remove(SampleId),
    Retag(SampleId, ArmId),
    SetWeight(SampleId, f64),
    SetWeights(Cow<'a, [(SampleId, f64)]>),
    /// What was due has been folded in, without a draw.
    Fold,
    Version(u64),
    /// The digest is that of all decisions, this one included.
    Step {
        want: u32,
        digest: u64,
    },
    AddArm,
    SetMixture(Cow<'a, [f64]>),
    InsertKey(Key, ArmId, f64),
    SetCosts(Cow<'a, [(SampleId, f64)]>),
    /// The digest is that of all decisions, this one included.
    DrawWithin {
        ceiling: f64,
        digest: u64,
    },
}

impl Event<'_> {
    /// Makes it happen again; `number` is its place in the log.
    pub fn replay<P: Policy, S: Signal, D: Sampler>(
        self,
        curriculum: &mut Curriculum<P, S, D>,
        number: u64,
    ) -> Result<()> {
        let round = curriculum.round();
        let happened = match &self {
            Event::Draw { want, .. } => curriculum.draw(*want as usize).map(drop),
            Event::Observe(feedback) => curriculum.observe(feedback).map(drop),
            Event::Lose(tickets) => curriculum.lose(tickets),
            Event::Insert(arm, weight) => curriculum.insert(*arm, *weight).map(drop),
            Event::Remove(sample) => curriculum.remove(*sample),
            Event::Retag(sample, arm) => curriculum.retag(*sample, *arm),
            Event::SetWeight(sample, weight) => curriculum.set_weight(*sample, *weight),
            Event::SetWeights(weights) => curriculum.set_weights(weights),
            Event::Step { want, .. } => curriculum.step(*want as usize).map(drop),
            Event::InsertKey(key, arm, weight) => curriculum.insert_key(*key, *arm, *weight).map(drop),
            Event::SetCosts(costs) => curriculum.set_costs(costs),
            Event::DrawWithin { ceiling, .. } => curriculum.draw_within(*ceiling).map(drop),
            Event::AddArm => curriculum.add_arm().map(drop),
            Event::SetMixture(weights) => curriculum.set_mixture(weights),
            Event::Version(version) => curriculum.set_version(*version),
            // It is written down after a draw that failed, too: what it then folded in is folded in again.
            Event::Fold => {
                let _ = curriculum.fold();
                Ok(())
            }
        };
        let refused = |error| JournalError::Replay { event: number, error: Box::new(error) };
        happened.map_err(refused)?;
        match self {
            Event::Draw { digest: expected, .. }
            | Event::DrawWithin { digest: expected, .. }
            | Event::Step { digest: expected, .. }
                if expected != curriculum.digest() =>
            {
                let found = curriculum.digest();
                Err(Error::Journal(JournalError::Diverged { round, expected, found }))
            }
            _ => Ok(()),
        }
    }
}
