//! Samples that rest once they have been drawn, and come back.

use std::collections::BTreeSet;

use super::{Curriculum, Memory};
use crate::base::error::{Error, Result};
use crate::base::id::{Round, SampleId};
use crate::curriculum::pace::Pace;
use crate::ledger::Pending;
use crate::policy::Policy;
use crate::sampler::Sampler;
use crate::signal::Signal;

/// How many samples a draw lacked that failed for want of them.
pub(super) fn lacking(error: &Error) -> Option<usize> {
    match error {
        Error::NothingToDraw => Some(1),
        Error::BatchExceedsPool { want, available } => Some(want - available),
        _ => None,
    }
}

impl<P: Policy, S: Signal, D: Sampler> Curriculum<P, S, D> {
    /// Decides, and where there are too few samples for it what is retired comes back, the next test first, until there
    /// are enough: no draw would ever bring the round of the test.
    pub(super) fn with_retired(
        &mut self,
        mut decide: impl FnMut(&mut Self) -> Result<()>,
    ) -> Result<()> {
        loop {
            let Err(error) = decide(self) else { return Ok(()) };
            // Where all of them would be too few they stay where they are.
            let retired = self.memory.population.retired();
            let Some(lacking) = lacking(&error).filter(|lacking| *lacking <= retired) else {
                return Err(error);
            };
            let mut back = 0;
            while back < lacking && self.memory.population.retired() > 0 {
                back += self.retest_early();
            }
            self.refresh();
        }
    }
}

impl<P, S, D> Curriculum<P, S, D> {
    /// What was drawn last rests, if a pass or its flight asks for it.
    pub(super) fn rest_drawn(&mut self) {
        let holds = self.options.exclude_in_flight;
        let Self { memory, work, stale, .. } = self;
        if !holds && !memory.population.keeps_passes() {
            work.waited = None;
            return;
        }
        let draws = work.decision.draws();
        // What had waited was drawn before.
        let waited = work.waited.take();
        let drawn = draws.iter().map(|draw| draw.sample).filter(|sample| Some(*sample) != waited);
        let mut moved = memory.population.draw(drawn, holds);
        if let Some(sample) = waited.filter(|_| holds && moved.is_ok()) {
            moved = memory.population.hold(sample);
        }
        debug_assert_eq!(moved, Ok(()), "a weight that moves changes no sum");
        let arms = memory.population.arms().count();
        draws.iter().for_each(|draw| stale.note(draw.arm, arms));
    }

    /// The samples of the round that has just been folded in come back.
    pub(super) fn release_folded(&mut self) {
        if self.options.exclude_in_flight && self.options.refill.is_none() {
            let done = self.work.spare.pop();
            self.release(done.iter().flat_map(|pending| pending.draws.iter().map(|draw| draw.sample)));
            self.work.spare.extend(done);
        }
        self.release_idle();
    }

    /// Those of the tickets that have just arrived, or were given up, come back.
    pub(super) fn release_arrived(&mut self) {
        if self.options.exclude_in_flight && self.options.refill.is_none() {
            let arrived = std::mem::take(&mut self.work.arrived);
            self.release(arrived.draws.iter().map(|draw| draw.sample));
            self.work.arrived = arrived;
        }
        self.release_idle();
    }

    /// With refill: those come back of which no ticket is in flight or banked, unless a step is under way.
    pub(super) fn release_idle(&mut self) {
        let memory = &self.memory;
        let excludes = self.options.exclude_in_flight && self.options.refill.is_some();
        if !excludes || memory.bank.step.is_some() {
            return;
        }
        let is_lockstep = self.options.pace == Pace::Lockstep;
        let in_flight = |pending: &Pending| -> Vec<SampleId> {
            if is_lockstep {
                pending.draws.iter().map(|draw| draw.sample).collect()
            } else {
                pending.open_draws().map(|draw| draw.sample).collect()
            }
        };
        let mut busy: BTreeSet<SampleId> = memory.bank.samples().collect();
        busy.extend(memory.ledger.pending.iter().flat_map(in_flight));
        let idle: Vec<SampleId> =
            memory.population.held().filter(|sample| !busy.contains(sample)).collect();
        for sample in idle {
            let moved = self.memory.population.let_go(sample);
            debug_assert_eq!(moved, Ok(()), "a weight that moves changes no sum");
            self.touch_sample(sample);
        }
    }

    pub(super) fn release(&mut self, samples: impl Iterator<Item = SampleId>) {
        for sample in samples {
            let moved = self.memory.population.release(sample);
            debug_assert_eq!(moved, Ok(()), "a weight that moves changes no sum");
            self.touch_sample(sample);
        }
    }

    /// The retired samples of which the test is due come back, and those of the next test where nothing else can be
    /// drawn, or will be: no draw would ever bring its round. Says whether there were any.
    pub(super) fn retest(&mut self) -> bool {
        let mut is_any = false;
        let mut due = Some(self.memory.round);
        while let Some(round) = due {
            is_any |= self.bring_back(round) > 0;
            let population = &self.memory.population;
            let waits = self.options.pace != Pace::Lockstep && population.in_flight() > 0;
            let is_out = population.drawable_total() == 0 && !waits;
            due = if is_out { population.next_retest() } else { None };
        }
        is_any
    }

    /// The retired samples of the next test come back before its round. Gives how many there were.
    pub(super) fn retest_early(&mut self) -> usize {
        let Some(round) = self.memory.population.next_retest() else { return 0 };
        self.changes += 1;
        self.bring_back(round)
    }

    /// The retired samples of which the test is due in a round come back. Gives how many there were.
    fn bring_back(&mut self, round: Round) -> usize {
        let back = self.memory.population.retest(round);
        debug_assert!(back.is_ok(), "a weight that moves changes no sum");
        let back = back.unwrap_or_default();
        back.iter().for_each(|sample| self.touch_sample(*sample));
        back.len()
    }

    pub(super) fn touch_sample(&mut self, sample: SampleId) {
        let arms = self.memory.population.arms();
        self.stale.note(arms.label(sample), arms.count());
    }

    /// In the pace of arrival samples that are in flight come back with the next report, and with them those whose pass
    /// waits for them: a draw for which there are too few others has to hold.
    pub(super) fn hold_for_samples(&self, error: Error, want: usize) -> Error {
        let Memory { ledger, population, .. } = &self.memory;
        let is_for_samples = matches!(error, Error::BatchExceedsPool { .. } | Error::NothingToDraw);
        let comes_back = self.options.pace != Pace::Lockstep && population.in_flight() > 0;
        let most = population.drawable_after_flight();
        if is_for_samples && comes_back && want <= most {
            return Error::Hold { open: ledger.counts.open, want, most: most as u64 };
        }
        error
    }
}
