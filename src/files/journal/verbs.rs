//! The verbs of a curriculum, each written down.

use super::event::{Event, Tried};
use super::{Durability, Journal};
use crate::base::error::{Error, JournalError, Result};
use crate::base::id::{ArmId, SampleId, Ticket};
use crate::curriculum::Curriculum;
use crate::curriculum::refill::Step;
use crate::event::{Batch, Feedback, Verdict};
use crate::policy::Policy;
use crate::population::{Key, Weight};
use crate::sampler::Sampler;
use crate::signal::Signal;

impl<P: Policy, S: Signal, D: Sampler> Journal<P, S, D> {
    /// As [`Curriculum::draw`].
    ///
    /// # Errors
    /// As `Curriculum::draw`; those of the disk.
    pub fn draw(&mut self, n: usize) -> Result<Batch> {
        self.happen_or(|curriculum| curriculum.draw(n), |curriculum| draw(n, curriculum), tried(n))
    }

    /// As [`Curriculum::draw_into`]; writing it down allocates nothing either.
    ///
    /// # Errors
    /// As `Curriculum::draw_into`; those of the disk, when the batch is the one that was drawn.
    pub fn draw_into(&mut self, n: usize, batch: &mut Batch) -> Result<()> {
        let verb = |curriculum: &mut Curriculum<P, S, D>| curriculum.draw_into(n, batch);
        self.happen_or(verb, |curriculum| draw(n, curriculum), tried(n))
    }

    /// As [`Curriculum::draw_within`].
    ///
    /// # Errors
    /// As `Curriculum::draw_within`; those of the disk.
    pub fn draw_within(&mut self, ceiling: f64) -> Result<Batch> {
        let event = |curriculum: &Curriculum<P, S, D>| Event::DrawWithin {
            ceiling,
            digest: curriculum.digest(),
        };
        let tried = Some(Tried::DrawWithin(ceiling));
        self.happen_or(|curriculum| curriculum.draw_within(ceiling), event, tried)
    }

    /// As [`Curriculum::set_costs`]; one event.
    ///
    /// # Errors
    /// As `Curriculum::set_costs`; those of the disk.
    pub fn set_costs(&mut self, costs: &[(SampleId, f64)]) -> Result<()> {
        let event = |_: &_| Event::SetCosts(costs.into());
        self.happen(|curriculum| curriculum.set_costs(costs), event)
    }

    /// As [`Curriculum::fold`]. Nothing is written where nothing was due.
    ///
    /// # Errors
    /// As `Curriculum::fold`; those of the disk.
    pub fn fold(&mut self) -> Result<u64> {
        self.check()?;
        let changes = self.curriculum.changes();
        let rounds = self.change(Curriculum::fold);
        if self.curriculum.changes() != changes {
            self.log(|_| Event::Fold)?;
        }
        rounds
    }

    /// As [`Curriculum::observe`].
    ///
    /// # Errors
    /// As `Curriculum::observe`; those of the disk.
    pub fn observe(&mut self, feedback: &[Feedback]) -> Result<Vec<Verdict>> {
        self.happen(|curriculum| curriculum.observe(feedback), |_| Event::Observe(feedback.into()))
    }

    /// As [`Curriculum::observe_into`].
    ///
    /// # Errors
    /// As `Curriculum::observe_into`; those of the disk.
    pub fn observe_into(&mut self, feedback: &[Feedback], verdicts: &mut Vec<Verdict>) -> Result<()> {
        let observe =
            |curriculum: &mut Curriculum<P, S, D>| curriculum.observe_into(feedback, verdicts);
        self.happen(observe, |_| Event::Observe(feedback.into()))
    }

    /// As [`Curriculum::report`]. What was taken in is one event; where nothing was, nothing is written.
    ///
    /// # Errors
    /// Those of the disk; then what is good of the feedback is in the curriculum and not in the files.
    pub fn report(&mut self, feedback: &[Feedback]) -> Result<Vec<Result<Verdict>>> {
        self.check()?;
        let results = self.change(|curriculum| curriculum.report(feedback));
        let taken = feedback.iter().zip(&results).filter(|(_, result)| result.is_ok());
        let taken: Vec<Feedback> = taken.map(|(feedback, _)| *feedback).collect();
        if !taken.is_empty() {
            self.log(|_| Event::Observe(taken.into()))?;
        }
        Ok(results)
    }

    /// As [`Curriculum::lose`].
    ///
    /// # Errors
    /// As `Curriculum::lose`; those of the disk.
    pub fn lose(&mut self, tickets: &[Ticket]) -> Result<()> {
        self.happen(|curriculum| curriculum.lose(tickets), |_| Event::Lose(tickets.into()))
    }

    /// As [`Curriculum::step`]. A [`Step::Wait`] is written down only for what it has folded in.
    ///
    /// # Errors
    /// As `Curriculum::step`; those of the disk.
    pub fn step(&mut self, want: usize) -> Result<Step> {
        self.check()?;
        let before = Before::of(&self.curriculum);
        let seen = self.change(|curriculum| curriculum.step(want));
        if matches!(seen, Ok(Step::Draw(_) | Step::Ready(_) | Step::Starved { .. })) {
            let want = want as u32;
            self.log(|curriculum| Event::Step { want, digest: curriculum.digest() })?;
        } else {
            // More than 2^32 are refused before anything is done.
            self.log_failed(&before, Some(Tried::Step(want as u32)))?;
        }
        seen
    }

    /// As [`Curriculum::set_version`].
    ///
    /// # Errors
    /// As `Curriculum::set_version`; those of the disk.
    pub fn set_version(&mut self, version: u64) -> Result<()> {
        self.happen(|curriculum| curriculum.set_version(version), |_| Event::Version(version))
    }

    /// As [`Curriculum::insert`].
    ///
    /// # Errors
    /// As `Curriculum::insert`; those of the disk.
    pub fn insert(&mut self, arm: ArmId, weight: impl Into<Weight>) -> Result<SampleId> {
        let weight = weight.into().among(self.curriculum.population());
        self.happen(|curriculum| curriculum.insert(arm, weight), |_| Event::Insert(arm, weight))
    }

    /// As [`Curriculum::insert_key`].
    ///
    /// # Errors
    /// As `Curriculum::insert_key`; those of the disk.
    pub fn insert_key(
        &mut self,
        key: impl Into<Key>,
        arm: ArmId,
        weight: impl Into<Weight>,
    ) -> Result<SampleId> {
        let (key, weight) = (key.into(), weight.into().among(self.curriculum.population()));
        let event = |_: &_| Event::InsertKey(key, arm, weight);
        self.happen(|curriculum| curriculum.insert_key(key, arm, weight), event)
    }

    /// As [`Curriculum::add_arm`].
    ///
    /// # Errors
    /// As `Curriculum::add_arm`; those of the disk.
    pub fn add_arm(&mut self) -> Result<ArmId> {
        self.happen(Curriculum::add_arm, |_| Event::AddArm)
    }

    /// As [`Curriculum::set_mixture`].
    ///
    /// # Errors
    /// As `Curriculum::set_mixture`; those of the disk.
    pub fn set_mixture(&mut self, weights: &[f64]) -> Result<()> {
        let event = |_: &_| Event::SetMixture(weights.into());
        self.happen(|curriculum| curriculum.set_mixture(weights), event)
    }

    /// As [`Curriculum::remove`].
    ///
    /// # Errors
    /// As `Curriculum::remove`; those of the disk.
    pub fn remove(&mut self, sample: SampleId) -> Result<()> {
        self.happen(|curriculum| curriculum.remove(sample), |_| Event::Remove(sample))
    }

    /// As [`Curriculum::retag`].
    ///
    /// # Errors
    /// As `Curriculum::retag`; those of the disk.
    pub fn retag(&mut self, sample: SampleId, arm: ArmId) -> Result<()> {
        self.happen(|curriculum| curriculum.retag(sample, arm), |_| Event::Retag(sample, arm))
    }

    /// As [`Curriculum::set_weight`].
    ///
    /// # Errors
    /// As `Curriculum::set_weight`; those of the disk.
    pub fn set_weight(&mut self, sample: SampleId, weight: f64) -> Result<()> {
        let event = |_: &_| Event::SetWeight(sample, weight);
        self.happen(|curriculum| curriculum.set_weight(sample, weight), event)
    }

    /// As [`Curriculum::set_weights`]; one event.
    ///
    /// # Errors
    /// As `Curriculum::set_weights`; those of the disk.
    pub fn set_weights(&mut self, weights: &[(SampleId, f64)]) -> Result<()> {
        let event = |_: &_| Event::SetWeights(weights.into());
        self.happen(|curriculum| curriculum.set_weights(weights), event)
    }

    /// Changes the curriculum and writes down what happened.
    fn happen<'a, T>(
        &mut self,
        verb: impl FnOnce(&mut Curriculum<P, S, D>) -> Result<T>,
        event: impl FnOnce(&Curriculum<P, S, D>) -> Event<'a>,
    ) -> Result<T> {
        self.happen_or(verb, event, None)
    }

    /// The same of a verb that opens tickets: where it was `tried` and failed, what it folded in and brought back stays.
    fn happen_or<'a, T>(
        &mut self,
        verb: impl FnOnce(&mut Curriculum<P, S, D>) -> Result<T>,
        event: impl FnOnce(&Curriculum<P, S, D>) -> Event<'a>,
        tried: Option<Tried>,
    ) -> Result<T> {
        self.check()?;
        let before = Before::of(&self.curriculum);
        let seen = self.change(verb);
        match seen {
            Ok(_) => self.log(|curriculum| event(curriculum))?,
            Err(_) => self.log_failed(&before, tried)?,
        }
        seen
    }

    /// Writes down what a verb has changed that failed, if anything.
    fn log_failed(&mut self, before: &Before, tried: Option<Tried>) -> Result<()> {
        if self.curriculum.changes() == before.changes {
            return Ok(());
        }
        let refused = self.curriculum.refused_after(before.decisions);
        self.log(|_| match (tried, refused) {
            (Some(tried), Some(decision)) => Event::Refused(tried, decision),
            (Some(tried), None) => Event::Tried(tried),
            (None, _) => Event::Fold,
        })
    }

    /// Changes the curriculum. After a panic in it nobody knows its state: it is neither written nor gone on with.
    fn change<T>(&mut self, verb: impl FnOnce(&mut Curriculum<P, S, D>) -> T) -> T {
        self.changing = true;
        let seen = verb(&mut self.curriculum);
        self.changing = false;
        seen
    }

    /// Writes down what happened.
    fn log<'a>(&mut self, event: impl FnOnce(&Curriculum<P, S, D>) -> Event<'a>) -> Result<()> {
        let mark = self.log.mark();
        self.write(&event(&self.curriculum)).inspect_err(|_| {
            (self.behind, self.unlogged) = (true, 1);
            // No more can be done if this fails too.
            let _ = self.log.take_back(mark).and_then(|()| self.log.rewrite());
        })
    }

    fn write(&mut self, event: &Event) -> Result<()> {
        self.log.append(event)?;
        match self.durability {
            Durability::Each => self.log.sync(),
            Durability::Every(events) if self.log.unsynced >= u64::from(events.get()) => {
                self.log.sync()
            }
            Durability::Every(_) | Durability::OnDemand => Ok(()),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        self.check_owner()?;
        if self.behind { Err(Error::Journal(JournalError::Behind)) } else { Ok(()) }
    }

    /// Whether anything may be written, be it a new base.
    pub(super) fn check_owner(&self) -> Result<()> {
        match (self.log.is_own(), self.changing) {
            (false, _) => Err(Error::Journal(JournalError::Forked)),
            (_, true) => Err(Error::Poisoned),
            _ => Ok(()),
        }
    }
}

/// What is known before a verb of what it changes if it fails.
struct Before {
    changes: u64,
    decisions: u64,
}

impl Before {
    fn of<P, S, D>(curriculum: &Curriculum<P, S, D>) -> Self {
        Self { changes: curriculum.changes(), decisions: curriculum.decisions() }
    }
}

/// What was tried in a draw. More than 2^32 are refused once what was due has been folded in, and no more is done.
fn tried(n: usize) -> Option<Tried> {
    u32::try_from(n).ok().map(Tried::Draw)
}

/// The event of a draw that has just happened.
fn draw<P, S, D>(n: usize, curriculum: &Curriculum<P, S, D>) -> Event<'static> {
    // A draw of more than 2^32 is refused.
    Event::Draw { want: n as u32, digest: curriculum.digest() }
}
