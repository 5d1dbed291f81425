//! What can happen to a curriculum, as it stands in a log.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, JournalError, Result};
use crate::base::id::{ArmId, SampleId, Ticket};
use crate::curriculum::Curriculum;
use crate::event::Feedback;
use crate::files::journal::happened::Happened;
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
    /// A draw or a step that opened no ticket. What it folded in and brought back stays.
    Tried(Tried),
    /// The same where a part refused a decision of it, counted from 1: it may not refuse it again.
    Refused(Tried, u64),
}

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Tried {
    Draw(u32),
    DrawWithin(f64),
    Step(u32),
}

impl Tried {
    /// Tries it again. If it opens tickets now, the digest is another one.
    fn again<P: Policy, S: Signal, D: Sampler>(
        self,
        curriculum: &mut Curriculum<P, S, D>,
        refused: Option<u64>,
    ) -> Happened {
        curriculum.refusing(refused, |curriculum| match self {
            Self::Draw(want) => drop(curriculum.draw(want as usize)),
            Self::DrawWithin(ceiling) => drop(curriculum.draw_within(ceiling)),
            Self::Step(want) => drop(curriculum.step(want as usize)),
        });
        Happened::Folded
    }
}

impl Event<'_> {
    /// Makes it happen again, and says what that was; `number` is its place in the log.
    pub fn replay<P: Policy, S: Signal, D: Sampler>(
        self,
        curriculum: &mut Curriculum<P, S, D>,
        number: u64,
    ) -> Result<Happened> {
        let round = curriculum.round();
        let expected = match &self {
            Event::Draw { digest, .. }
            | Event::DrawWithin { digest, .. }
            | Event::Step { digest, .. } => Some(*digest),
            Event::Tried(_) | Event::Refused(..) => Some(curriculum.digest()),
            _ => None,
        };
        let refused = |error| JournalError::Replay { event: number, error: Box::new(error) };
        let happened = self.happen(curriculum).map_err(refused)?;
        let found = curriculum.digest();
        match expected {
            Some(expected) if expected != found => {
                Err(Error::Journal(JournalError::Diverged { round, expected, found }))
            }
            _ => Ok(happened),
        }
    }

    /// The verb of each event, and what is told of it.
    fn happen<P: Policy, S: Signal, D: Sampler>(
        self,
        curriculum: &mut Curriculum<P, S, D>,
    ) -> Result<Happened> {
        Ok(match self {
            Event::Draw { want, .. } => Happened::Draw(curriculum.draw(want as usize)?),
            Event::Observe(feedback) => {
                let verdicts = curriculum.observe(&feedback)?;
                Happened::Observed { feedback: feedback.into_owned(), verdicts }
            }
            Event::Lose(tickets) => {
                curriculum.lose(&tickets)?;
                Happened::Lost(tickets.into_owned())
            }
            Event::Insert(arm, weight) => {
                Happened::Inserted { sample: curriculum.insert(arm, weight)?, arm, weight }
            }
            Event::Remove(sample) => {
                curriculum.remove(sample)?;
                Happened::Removed(sample)
            }
            Event::Retag(sample, arm) => {
                curriculum.retag(sample, arm)?;
                Happened::Retagged { sample, arm }
            }
            Event::SetWeight(sample, weight) => {
                curriculum.set_weight(sample, weight)?;
                Happened::Weights(vec![(sample, weight)])
            }
            Event::SetWeights(weights) => {
                curriculum.set_weights(&weights)?;
                Happened::Weights(weights.into_owned())
            }
            // In logs of before it stands for a draw that failed, too: what it then folded in is folded in again.
            Event::Fold => {
                let _ = curriculum.fold();
                Happened::Folded
            }
            Event::Tried(tried) => tried.again(curriculum, None),
            Event::Refused(tried, decision) => tried.again(curriculum, Some(decision)),
            Event::Version(version) => {
                curriculum.set_version(version)?;
                Happened::Version(version)
            }
            Event::DrawWithin { ceiling, .. } => Happened::Draw(curriculum.draw_within(ceiling)?),
            Event::AddArm => Happened::ArmAdded(curriculum.add_arm()?),
            Event::SetMixture(weights) => {
                curriculum.set_mixture(&weights)?;
                Happened::Mixture(weights.into_owned())
            }
            Event::InsertKey(key, arm, weight) => {
                Happened::Inserted { sample: curriculum.insert_key(key, arm, weight)?, arm, weight }
            }
            Event::SetCosts(costs) => {
                curriculum.set_costs(&costs)?;
                Happened::Costs(costs.into_owned())
            }
            Event::Step { want, .. } => {
                let want = want as usize;
                Happened::Step { want, step: curriculum.step(want)? }
            }
        })
    }
}
