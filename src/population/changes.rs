//! Samples and arms that come, go and change: weights follow their samples, whether they rest or not.

use std::collections::{BTreeMap, BTreeSet};

use curricle_kernels::blocks;

use super::arms::Moves;
use super::{Key, Population, UNIT, units};
use crate::base::error::{Error, Result};
use crate::base::id::{ArmId, Round, SampleId};
use crate::belief::{Beliefs, Believed};

impl Population {
    /// Sets the weight of a sample; 0 keeps it from being drawn.
    #[cfg(test)]
    pub(crate) fn set_weight(&mut self, sample: SampleId, weight: f64) -> Result<()> {
        self.give(sample, weight, 1.0)
    }

    /// The user gives a sample a weight, which what is believed of it multiplies; 0 keeps it from being drawn.
    pub(crate) fn give(&mut self, sample: SampleId, given: f64, factor: f64) -> Result<()> {
        let own = units(sample.0, given)?;
        let weight = units(sample.0, scaled(given, factor))?;
        let old = self.units_of(sample)?;
        self.room_for(weight, old)?;
        self.greatest = self.greatest.max(own);
        self.put(sample, weight)?;
        if let Some(beliefs) = &mut self.columns.beliefs {
            beliefs.give(sample, own as f64 * UNIT);
        }
        self.turn(self.arms.label(sample))
    }

    /// The user gives samples weights, which what is believed of them multiplies: `changes` are the products in
    /// integer units, `given` the weights. All or none; the products are replaced as by [`exchange`](Self::exchange).
    pub(crate) fn give_each(
        &mut self,
        changes: &mut [(SampleId, u64)],
        given: &[(SampleId, f64)],
        room: &mut Vec<(usize, u64)>,
    ) -> Result<()> {
        let greatest = self.greatest;
        self.exchange(changes, room)?;
        if let Some(beliefs) = &mut self.columns.beliefs {
            self.greatest = greatest;
            for &(sample, weight) in given {
                let own = units(sample.0, weight)?;
                self.greatest = self.greatest.max(own);
                beliefs.give(sample, own as f64 * UNIT);
            }
        }
        Ok(())
    }

    /// Sets the weights of samples by what is believed of them; the greatest given weight stays what it is.
    pub(crate) fn believe(
        &mut self,
        changes: &mut [(SampleId, u64)],
        room: &mut Vec<(usize, u64)>,
    ) -> Result<()> {
        let greatest = self.greatest;
        self.exchange(changes, room)?;
        self.greatest = greatest;
        Ok(())
    }

    /// The beliefs, to be changed.
    pub(crate) fn beliefs_mut(&mut self) -> Option<&mut Beliefs> {
        self.columns.beliefs.as_mut()
    }

    /// From now on weights come from beliefs, or do not: those that there are now are the given ones then, or become
    /// them again. Nothing changes if it is so already.
    pub(crate) fn keep_beliefs(&mut self, keeps: bool) -> Result<()> {
        let all = (0..self.arms.samples() as u64).map(SampleId);
        match self.columns.beliefs.take() {
            None if keeps => {
                let given = |sample| self.weight(sample).unwrap_or(0.0);
                let beliefs = Beliefs::new(self.arms.samples(), self.arms.count(), given);
                self.columns.beliefs = Some(beliefs);
            }
            Some(beliefs) if !keeps => {
                let mut changes = Vec::new();
                for sample in all.filter(|&sample| self.arms.slot_of(sample).is_ok()) {
                    let given = f64::from(beliefs.get(sample).given);
                    changes.push((sample, units(sample.0, given)?));
                }
                self.exchange(&mut changes, &mut Vec::new())?;
            }
            as_it_is => self.columns.beliefs = as_it_is,
        }
        Ok(())
    }

    /// Sets the integer weights of samples, one after the other, and leaves in each pair the weight
    /// that it replaced, so that the list in reverse order undoes it; all or none. `room` is for its
    /// own use.
    pub(crate) fn exchange(
        &mut self,
        changes: &mut [(SampleId, u64)],
        room: &mut Vec<(usize, u64)>,
    ) -> Result<()> {
        if !self.is_plain() {
            return self.exchange_apart(changes);
        }
        room.clear();
        for (now, next) in blocks(changes) {
            next.iter().for_each(|&(sample, _)| self.arms.fetch_sample(sample));
            for &(sample, weight) in now {
                room.push((self.arms.slot_of(sample)?, weight));
            }
        }
        let arms = &self.arms;
        let members = changes.iter().map(|&(sample, weight)| (arms.label(sample), weight));
        self.now.exchange(room, members)?;
        let given = changes.iter().map(|&(_, weight)| weight);
        self.greatest = given.fold(self.greatest, u64::max);
        for ((_, weight), &(_, old)) in changes.iter_mut().zip(&*room) {
            *weight = old;
        }
        Ok(())
    }

    /// The same where some of the samples may rest.
    fn exchange_apart(&mut self, changes: &mut [(SampleId, u64)]) -> Result<()> {
        let mut latest = BTreeMap::new();
        let mut before = Vec::with_capacity(changes.len());
        for &(sample, weight) in &*changes {
            let old = self.units_of(sample)?;
            before.push(latest.insert(sample, (weight, old)).map_or(old, |(weight, _)| weight));
        }
        let (more, less) = latest.values().fold((0, 0), |(more, less), &(weight, old)| {
            (more + u128::from(weight), less + u128::from(old))
        });
        self.check_total(self.total() - less + more)?;
        self.greatest = changes.iter().fold(self.greatest, |most, &(_, weight)| most.max(weight));
        // Those that become less come first, so that no sum overflows on the way.
        for is_less in [true, false] {
            for (&sample, &(weight, old)) in &latest {
                if (weight < old) == is_less {
                    self.put(sample, weight)?;
                }
            }
        }
        for ((_, weight), old) in changes.iter_mut().zip(before) {
            *weight = old;
        }
        let arms: BTreeSet<ArmId> = latest.keys().map(|&sample| self.arms.label(sample)).collect();
        arms.into_iter().try_for_each(|arm| self.turn(arm))
    }

    /// Adds an arm without samples.
    pub(crate) fn add_arm(&mut self) -> Result<ArmId> {
        let arm = self.arms.add()?;
        self.now.add_arm();
        if let Some(passes) = &mut self.passes {
            passes.add_arm();
        }
        if let Some(beliefs) = &mut self.columns.beliefs {
            beliefs.add_arm();
        }
        Ok(arm)
    }

    /// Adds a sample to an arm. It has a key if all have.
    pub(crate) fn insert(&mut self, arm: ArmId, weight: f64, key: Option<Key>) -> Result<SampleId> {
        match (&self.columns.keys, key) {
            (Some(_), None) => {
                let part = "curriculum whose samples have keys";
                return Err(Error::Unsupported { part, request: "a sample without one" });
            }
            (None, Some(_)) => {
                let part = "curriculum whose samples have no keys";
                return Err(Error::Unsupported { part, request: "a sample with one" });
            }
            (Some(keys), Some(key)) => {
                if let Some(sample) = keys.find(key, &self.arms) {
                    return Err(Error::Duplicate { what: "key, that of sample", index: sample.0 });
                }
            }
            (None, None) => {}
        }
        self.insert_keyed(arm, weight, key)
    }

    fn insert_keyed(&mut self, arm: ArmId, weight: f64, key: Option<Key>) -> Result<SampleId> {
        let weight = units(self.arms.samples() as u64, weight)?;
        self.room_for(weight, 0)?;
        let (sample, moves) = self.arms.insert(arm)?;
        if let Some(beliefs) = &mut self.columns.beliefs {
            beliefs.push(weight as f64 * UNIT);
        }
        if let Some(passes) = &mut self.passes {
            passes.extend(&self.arms);
        }
        if let (Some(keys), Some(key)) = (&mut self.columns.keys, key) {
            keys.push(key);
        }
        self.follow(&moves)?;
        self.greatest = self.greatest.max(weight);
        self.put(sample, weight)?;
        self.tidy()?;
        Ok(sample)
    }

    /// Adds a sample that is gone already, and has a number only.
    pub(crate) fn insert_gone(&mut self, key: Option<Key>) -> Result<SampleId> {
        let sample = self.insert_keyed(ArmId(0), 0.0, None)?;
        if let (Some(keys), Some(key)) = (&mut self.columns.keys, key) {
            keys.push(key);
        }
        self.remove(sample)?;
        Ok(sample)
    }

    /// Takes a sample out.
    pub(crate) fn remove(&mut self, sample: SampleId) -> Result<()> {
        self.put(sample, 0)?;
        self.flight.remove(sample);
        self.retired.held.remove(sample);
        if let Some(passes) = &mut self.passes {
            passes.mark(sample, false);
        }
        if let Some(beliefs) = &mut self.columns.beliefs {
            beliefs.set(sample, Believed::default());
        }
        self.arms.remove(sample)?;
        self.tidy()?;
        self.turn(self.arms.label(sample))
    }

    /// Moves a sample to another arm; it keeps its weight, and whether it rests.
    pub(crate) fn retag(&mut self, sample: SampleId, arm: ArmId) -> Result<()> {
        let before = self.arms.arm_of(sample)?;
        self.arms.check(arm)?;
        let weight = self.put(sample, 0)?;
        if let Some(passes) =
            self.passes.as_mut().filter(|it| self.now.drawable(arm) + it.drawn.drawable(arm) == 0)
        {
            // In an arm where nothing was drawn it begins the pass.
            passes.mark(sample, false);
        }
        let moves = self.arms.retag(sample, arm)?;
        self.follow(&moves)?;
        self.put(sample, weight)?;
        self.tidy()?;
        self.turn(before)?;
        self.turn(arm)
    }

    /// Samples that were there under other numbers have the weights that they had, and rest if they did: pairs of the
    /// old number and the new one.
    pub(crate) fn take_over(&mut self, old: &Self, kept: &[(SampleId, SampleId)]) -> Result<()> {
        let mut changes = Vec::with_capacity(kept.len());
        for &(before, now) in kept {
            changes.push((now, old.units_of(before)?));
        }
        self.believe(&mut changes, &mut Vec::new())?;
        if let (Some(beliefs), Some(before)) = (&mut self.columns.beliefs, old.beliefs()) {
            beliefs.take_over(before, kept);
        }
        if let (Some(passes), Some(before)) = (&mut self.passes, &old.passes) {
            passes.go_on_from(before);
        }
        let retired: BTreeMap<SampleId, Round> = old.retirements().collect();
        for &(before, now) in kept {
            let until = retired.get(&before);
            let is_drawn = old.passes.as_ref().is_some_and(|passes| passes.is_drawn(before));
            let tickets = old.flight.tickets(before);
            if is_drawn || tickets > 0 || until.is_some() {
                self.shift(now, |it| {
                    if let Some(passes) = it.passes.as_mut().filter(|_| is_drawn) {
                        passes.mark(now, true);
                    }
                    (0..tickets).for_each(|_| it.flight.hold(now));
                    until.into_iter().for_each(|&until| it.retired.hold(now, until));
                })?;
            }
        }
        self.greatest = self.greatest.max(old.greatest);
        (0..self.arms.count() as u32).try_for_each(|arm| self.turn(ArmId(arm)))
    }

    /// The sum of all weights.
    pub(super) fn total(&self) -> u128 {
        let drawn = self.passes.as_ref().map_or(0, |passes| passes.drawn.tree().total());
        let (flying, retired) = (self.flight.weight(), self.retired.held.weight());
        [self.now.tree().total(), drawn, flying, retired].map(u128::from).iter().sum()
    }

    /// Checks that a weight fits in the place of another.
    fn room_for(&self, weight: u64, old: u64) -> Result<()> {
        self.check_total(self.total() - u128::from(old) + u128::from(weight))
    }

    fn check_total(&self, total: u128) -> Result<()> {
        if total > u128::from(u64::MAX) {
            return Err(Error::WeightOverflow { total });
        }
        Ok(())
    }

    /// Carries the weights along with members that changed their slot.
    fn follow(&mut self, moves: &Moves) -> Result<()> {
        self.now.follow(&self.arms, moves)?;
        self.passes.as_mut().map_or(Ok(()), |passes| passes.drawn.follow(&self.arms, moves))
    }

    /// Packs the slots if too many are vacant.
    fn tidy(&mut self) -> Result<()> {
        if self.arms.is_wasteful() {
            let from = self.arms.pack();
            self.now.pack(&from)?;
            if let Some(passes) = &mut self.passes {
                passes.drawn.pack(&from)?;
            }
        }
        Ok(())
    }
}

/// A weight that what is believed multiplies: at most the greatest that there can be. One that nobody gave stays at
/// 0, and one that is no weight stays what it is.
pub(crate) fn scaled(given: f64, factor: f64) -> f64 {
    if given > 0.0 && factor != 1.0 { (given * factor).min(given.max(2_147_483_648.0)) } else { given }
}
