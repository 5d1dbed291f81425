//! Samples that rest, and come back: until the pass of their arm is over, and while they are in flight.

use std::collections::BTreeSet;

use curricle_kernels::blocks;

use super::Population;
use super::passes::Passes;
use crate::base::error::Result;
use crate::base::id::{ArmId, SampleId};

impl Population {
    /// From now on the samples that are [drawn](Self::draw) rest until the pass of their arm is over.
    ///
    /// After `limit` passes an arm gives nothing more.
    pub(crate) fn keep_passes(&mut self, limit: Option<u64>) -> Result<()> {
        self.passes = Some(Passes::new(&self.arms, limit)?);
        Ok(())
    }

    /// Whether the sampler keeps passes.
    pub(crate) fn keeps_passes(&self) -> bool {
        self.passes.is_some()
    }

    /// After how many passes an arm gives nothing more.
    pub(crate) fn pass_limit(&self) -> Option<u64> {
        self.passes.as_ref().and_then(Passes::limit)
    }

    /// Whether passes end, and all that are to be made of the arms that are `drawn` from have begun.
    pub(crate) fn is_last_pass(&self, drawn: impl Fn(ArmId) -> bool) -> bool {
        let Some(passes) = self.passes.as_ref().filter(|passes| passes.limit().is_some()) else {
            return false;
        };
        let flying = self.arms_in_flight();
        let counts = |arm: &ArmId| drawn(*arm) || flying.contains(arm);
        (0..self.arms.count() as u32).map(ArmId).filter(counts).all(|arm| passes.is_ending(arm))
    }

    /// Whether a sample has been drawn in the present pass of its arm.
    pub(crate) fn is_drawn(&self, sample: SampleId) -> bool {
        self.passes.as_ref().is_some_and(|passes| passes.is_drawn(sample))
    }

    /// Whether a batch of `n` can draw from the pass of an arm behind the present one.
    pub(crate) fn can_end_pass(&self, arm: ArmId, n: usize) -> bool {
        let now = self.now.drawable(arm);
        n > now && self.drawable(arm) > now
    }

    /// The first member of an arm that can be drawn.
    pub(crate) fn next_in_order(&self, arm: ArmId) -> Option<SampleId> {
        let tree = self.now.tree();
        let start = tree.prefix(self.arms.slots(arm).start);
        (self.now.of_arm(arm) > 0).then(|| self.arms.sample_at(tree.find(start))).flatten()
    }

    /// Whether an arm has samples of positive weight, resting or not.
    pub(crate) fn has_samples(&self, arm: ArmId) -> bool {
        let drawn = self.passes.as_ref().map_or(0, |passes| passes.drawn.drawable(arm));
        self.now.drawable(arm) + drawn > 0
            || self.arms_in_flight().contains(&arm)
            || self.retires_of(arm)
    }

    /// The arms of samples in flight.
    pub(crate) fn arms_in_flight(&self) -> BTreeSet<ArmId> {
        self.held().map(|sample| self.arms.label(sample)).collect()
    }

    /// The samples that rest because they are in flight, in order.
    pub(crate) fn held(&self) -> impl Iterator<Item = SampleId> + '_ {
        self.flight.iter().map(|(sample, _)| sample)
    }

    /// The same, each with the number of tickets that hold it.
    pub(crate) fn held_by(&self) -> impl Iterator<Item = (SampleId, u32)> + '_ {
        self.held().map(|sample| (sample, self.flight.tickets(sample)))
    }

    /// Whether a sample is held as in flight.
    pub(crate) fn holds(&self, sample: SampleId) -> bool {
        self.flight.contains(sample)
    }

    /// Samples have been drawn: they rest until the pass of their arm is over, if passes are kept, and, if `holds` says so,
    /// until they are [released](Self::release).
    pub(crate) fn draw(&mut self, drawn: impl Iterator<Item = SampleId>, holds: bool) -> Result<()> {
        if !holds && self.passes.is_none() {
            return Ok(());
        }
        // Those of the next pass were drawn when nothing was left of this one.
        let (second, first): (Vec<SampleId>, Vec<SampleId>) =
            drawn.partition(|&sample| self.is_drawn(sample));
        self.rest(&first, holds)?;
        self.rest(&second, holds)
    }

    /// Samples rest from now on: all at a time, so that their memory accesses overlap.
    fn rest(&mut self, samples: &[SampleId], holds: bool) -> Result<()> {
        let mut arms: Vec<ArmId> = samples.iter().map(|&sample| self.arms.label(sample)).collect();
        let mut moved = Vec::with_capacity(samples.len());
        for (now, next) in blocks(samples) {
            next.iter().for_each(|&sample| self.arms.fetch_sample(sample));
            for &sample in now {
                moved.push((self.arms.slot_of(sample)?, 0));
            }
        }
        self.now.exchange(&mut moved, arms.iter().map(|&arm| (arm, 0)))?;
        for (&sample, &mut (_, ref mut weight)) in samples.iter().zip(&mut moved) {
            if *weight > 0 {
                if let Some(passes) = &mut self.passes {
                    passes.mark(sample, true);
                }
                if holds {
                    self.flight.hold(sample);
                    self.flight.set(sample, std::mem::take(weight));
                }
            } else {
                // It rested already, or is named twice.
                self.shift(sample, |it| {
                    if let Some(passes) = &mut it.passes {
                        passes.mark(sample, true);
                    }
                    if holds {
                        it.flight.hold(sample);
                    }
                })?;
            }
        }
        if let Some(passes) = self.passes.as_mut().filter(|_| !holds) {
            passes.set_each(&moved, &arms)?;
        }
        arms.sort_unstable();
        arms.dedup();
        arms.into_iter().try_for_each(|arm| self.turn(arm))
    }

    /// A sample rests as if it were in flight, until it is [released](Self::release).
    pub(crate) fn hold(&mut self, sample: SampleId) -> Result<()> {
        self.shift(sample, |it| it.flight.hold(sample))
    }

    /// A sample has been drawn that waits for the next batch: it rests until it is [released](Self::release). That it is
    /// handed out then is no second draw.
    pub(crate) fn carry(&mut self, sample: SampleId) -> Result<()> {
        self.draw(std::iter::once(sample), true)
    }

    /// A ticket of a sample is not in flight any more.
    pub(crate) fn release(&mut self, sample: SampleId) -> Result<()> {
        if self.flight.is_last(sample) { self.let_go(sample) } else { Ok(()) }
    }

    /// No ticket of a sample is in flight any more.
    pub(crate) fn let_go(&mut self, sample: SampleId) -> Result<()> {
        if !self.flight.contains(sample) {
            return Ok(());
        }
        self.shift(sample, |it| it.flight.remove(sample))?;
        self.turn(self.arms.label(sample))
    }

    /// Begins a new pass of an arm of whose present pass nothing is left.
    pub(super) fn turn(&mut self, arm: ArmId) -> Result<()> {
        let Self { arms, now, passes: Some(passes), flight, .. } = self else { return Ok(()) };
        if now.drawable(arm) > 0 || !passes.is_over(arm) {
            return Ok(());
        }
        let is_owed = |&(sample, weight): &(SampleId, u64)| weight > 0 && arms.label(sample) == arm;
        let owed = flight.iter().filter(is_owed).count() as u32;
        let mut begun = passes.turn(arm, arms, owed)?;
        let weights: Vec<u64> = begun.iter().map(|&(_, weight)| weight).collect();
        now.exchange(&mut begun, weights.into_iter().map(|weight| (arm, weight)))
    }

    /// Changes where a sample stands; it keeps its weight.
    pub(super) fn shift(&mut self, sample: SampleId, change: impl FnOnce(&mut Self)) -> Result<()> {
        let weight = self.put(sample, 0)?;
        change(self);
        self.put(sample, weight).map(drop)
    }

    /// Sets the weight of a sample where it stands, and returns the old one.
    pub(super) fn put(&mut self, sample: SampleId, weight: u64) -> Result<u64> {
        let slot = self.arms.slot_of(sample)?;
        let arm = self.arms.label(sample);
        let is_drawn = self.passes.as_ref().is_some_and(|passes| passes.is_drawn(sample));
        if let Some(old) = self.flight.set(sample, weight) {
            if let Some(passes) = self.passes.as_mut().filter(|_| !is_drawn) {
                passes.owe(arm, old, weight);
            }
            return Ok(old);
        }
        if let Some(old) = self.retired.held.set(sample, weight) {
            return Ok(old);
        }
        match self.passes.as_mut().filter(|_| is_drawn) {
            Some(passes) => passes.set(slot, arm, weight),
            None => self.now.set(slot, arm, weight),
        }
    }
}
