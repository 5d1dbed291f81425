//! What a sampler draws from: the arms, and the weight of each of their members.

mod arms;
mod flight;
mod keys;
mod labels;
mod passes;
mod ranks;
mod weights;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use curricle_kernels::blocks;
pub use curricle_kernels::tree::{Overflow, SumTree};
use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, finite, length, within};
use crate::base::id::{ArmId, SampleId};

pub use arms::Arms;
use arms::Moves;
use flight::Flight;
pub use keys::Key;
use keys::Keys;
use passes::Passes;
pub(crate) use weights::Weights;

/// One unit of weight: user weights are kept as integer multiples of it.
const UNIT: f64 = 1.0 / 4_294_967_296.0;

/// The samples, partitioned into arms, each with a weight.
///
/// A weight `w >= 0` is kept as the integer `round(w 2^32)`, at least 1 if `w > 0`, so a positive
/// weight never becomes undrawable and proportions are exact in these integers. Weights up to 2^31
/// are taken; the total over all samples must stay below 2^32 (10^8 samples may weigh 42 on
/// average), else [`Error::WeightOverflow`](crate::Error::WeightOverflow) is returned.
///
/// A sample can *rest* without losing its weight: while it is [in flight](crate::Builder::exclude_in_flight), or, with the
/// sampler [`Passes`](crate::sampler::Passes) or [`Sequential`](crate::sampler::Sequential), from when it is drawn until
/// the pass of its arm is over.
///
/// Cost: a change of weight O(log N), memory 17.2 bytes a sample and the label of its
/// [arm](Arms), 0 to 4 more; with passes 9.3 more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Population {
    arms: Arms,
    /// The weights of the samples that do not rest, by slot.
    now: Weights,
    passes: Option<Passes>,
    flight: Flight,
    /// The greatest weight that any sample was ever given.
    greatest: u64,
    keys: Option<Keys>,
}

/// The weight of a sample that is inserted.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Weight {
    /// This weight, `>= 0`.
    Given(f64),
    /// The greatest that any sample of the curriculum was ever given, by the user or by a
    /// [score](crate::Weighting::Score).
    Greatest,
}

impl From<f64> for Weight {
    fn from(weight: f64) -> Self {
        Self::Given(weight)
    }
}

impl Weight {
    /// As a number.
    pub(crate) fn among(self, population: &Population) -> f64 {
        match self {
            Self::Given(weight) => weight,
            Self::Greatest => population.greatest as f64 * UNIT,
        }
    }
}

impl Population {
    /// A population with the given weights, by sample; `None` gives every sample weight 1.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length), [`Error::NonFinite`](crate::Error::NonFinite),
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) or
    /// [`Error::WeightOverflow`](crate::Error::WeightOverflow), naming the sample.
    pub fn new(arms: Arms, weights: Option<&[f64]>) -> Result<Self> {
        if let Some(weights) = weights {
            length("weights", arms.samples(), weights.len())?;
            for (sample, &weight) in weights.iter().enumerate() {
                units(sample as u64, weight)?;
            }
        }
        let even = units(0, 1.0)?;
        // Checked above, so that the tree can be filled in any order.
        let weight = |sample: usize| {
            weights.map_or(Ok(even), |weights| units(sample as u64, weights[sample])).unwrap_or(0)
        };
        let now = Weights::new(&arms, weight)?;
        let greatest = now.tree().weights().iter().copied().max().unwrap_or(even);
        Ok(Self { arms, now, passes: None, flight: Flight::default(), greatest, keys: None })
    }

    /// Gives each sample its key.
    pub(crate) fn set_keys(&mut self, keys: Vec<Key>) -> Result<()> {
        self.keys = Some(Keys::new(keys, self.arms.samples())?);
        Ok(())
    }

    /// The key of a sample, also of one that was removed, if samples have [keys](crate::Builder::keys).
    pub fn key(&self, sample: SampleId) -> Option<Key> {
        self.keys.as_ref().and_then(|keys| keys.get(sample))
    }

    /// The sample that has a [key](crate::Builder::keys), if it is there. Cost: O(log N).
    pub fn find(&self, key: impl Into<Key>) -> Option<SampleId> {
        self.keys.as_ref().and_then(|keys| keys.find(key.into(), &self.arms))
    }

    /// Whether samples have keys.
    pub(crate) fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// The keys of all samples, in order, if they have some.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.keys.iter().flat_map(Keys::iter)
    }

    /// Makes the index of keys that were read from a file; says whether they are all different.
    pub(crate) fn index_keys(&mut self) -> bool {
        let Self { keys, arms, .. } = self;
        keys.as_mut().is_none_or(|keys| keys.index(arms))
    }

    /// Samples that were there under other numbers have the weights that they had, and rest if they did: pairs of the old
    /// number and the new one.
    pub(crate) fn take_over(&mut self, old: &Self, kept: &[(SampleId, SampleId)]) -> Result<()> {
        let mut changes = Vec::with_capacity(kept.len());
        for &(before, now) in kept {
            changes.push((now, old.units_of(before)?));
        }
        self.exchange(&mut changes, &mut Vec::new())?;
        if let (Some(passes), Some(before)) = (&mut self.passes, &old.passes) {
            passes.go_on_from(before);
        }
        for &(before, now) in kept {
            let is_drawn = old.passes.as_ref().is_some_and(|passes| passes.is_drawn(before));
            let tickets = old.flight.tickets(before);
            if is_drawn || tickets > 0 {
                self.shift(now, |it| {
                    if let Some(passes) = it.passes.as_mut().filter(|_| is_drawn) {
                        passes.mark(now, true);
                    }
                    (0..tickets).for_each(|_| it.flight.hold(now));
                })?;
            }
        }
        self.greatest = self.greatest.max(old.greatest);
        (0..self.arms.count() as u32).try_for_each(|arm| self.turn(ArmId(arm)))
    }

    /// Adds a sample that is gone already, and has a number only.
    pub(crate) fn insert_gone(&mut self, key: Option<Key>) -> Result<SampleId> {
        let sample = self.insert_keyed(ArmId(0), 0.0, None)?;
        if let (Some(keys), Some(key)) = (&mut self.keys, key) {
            keys.push(key);
        }
        self.remove(sample)?;
        Ok(sample)
    }

    /// From now on the samples that are [drawn](Self::draw) rest until the pass of their arm is over.
    ///
    /// After `limit` passes an arm gives nothing more.
    pub(crate) fn keep_passes(&mut self, limit: Option<u64>) -> Result<()> {
        self.passes = Some(Passes::new(&self.arms, limit)?);
        Ok(())
    }

    /// The partition.
    #[inline]
    pub fn arms(&self) -> &Arms {
        &self.arms
    }

    /// The weights of the samples that do not rest, by slot.
    #[inline]
    pub fn tree(&self) -> &SumTree {
        self.now.tree()
    }

    /// The weights that a draw meets first.
    #[inline]
    pub(crate) fn now(&self) -> &Weights {
        &self.now
    }

    /// The weights that a draw meets in an arm whose pass it has ended.
    #[inline]
    pub(crate) fn next_pass(&self) -> &Weights {
        self.passes.as_ref().map_or(&self.now, |passes| &passes.drawn)
    }

    /// How many members of an arm a batch can draw: those of positive weight that do not rest and, where
    /// [passes](Self::passes) are kept and no sample in flight holds up the present one, those of the next pass.
    #[inline]
    pub fn drawable(&self, arm: ArmId) -> usize {
        let next = self.passes.as_ref().map_or(0, |passes| passes.reachable(arm));
        self.now.drawable(arm) + next
    }

    /// How many samples a batch can draw; see [`drawable`](Self::drawable).
    #[inline]
    pub fn drawable_total(&self) -> usize {
        self.now.drawable_total() + self.passes.as_ref().map_or(0, Passes::reachable_total)
    }

    /// The sum of the weights of an arm's members that do not rest, in units of 2^-32.
    #[inline]
    pub fn arm_weight(&self, arm: ArmId) -> u64 {
        self.now.of_arm(arm)
    }

    /// The weight of a sample, whether it rests or not.
    ///
    /// # Errors
    /// [`Error::UnknownSample`](crate::Error::UnknownSample).
    pub fn weight(&self, sample: SampleId) -> Result<f64> {
        Ok(self.units_of(sample)? as f64 * UNIT)
    }

    /// How many passes over its samples an arm has completed, where the sampler [keeps passes](crate::sampler::Passes); 0
    /// elsewhere.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// use curricle::{ArmId, Curriculum, sampler::Passes};
    ///
    /// let mut curriculum = Curriculum::builder(10).sampler(Passes).build()?;
    /// let batch = curriculum.draw(8)?;
    /// assert_eq!(curriculum.population().left_in_pass(ArmId(0)), 2);
    /// curriculum.lose(&batch.draws.iter().map(|draw| draw.ticket).collect::<Vec<_>>())?;
    /// curriculum.draw(4)?; // the last two of the first pass, and two of the second
    /// assert_eq!(curriculum.population().passes(ArmId(0)), 1);
    /// assert_eq!(curriculum.population().left_in_pass(ArmId(0)), 8);
    /// # Ok(()) }
    /// ```
    pub fn passes(&self, arm: ArmId) -> u64 {
        self.passes.as_ref().map_or(0, |passes| passes.done(arm))
    }

    /// How many samples of positive weight have still to be drawn in the present pass of an arm, those in flight of which
    /// that is true included; all of the arm where no passes are kept.
    pub fn left_in_pass(&self, arm: ArmId) -> usize {
        self.now.drawable(arm) + self.passes.as_ref().map_or(0, |passes| passes.owed(arm))
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

    /// Whether the sampler keeps passes.
    pub(crate) fn keeps_passes(&self) -> bool {
        self.passes.is_some()
    }

    /// The arms of samples in flight.
    pub(crate) fn arms_in_flight(&self) -> BTreeSet<ArmId> {
        self.held().map(|sample| self.arms.label(sample)).collect()
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

    /// Whether an arm has samples of positive weight, resting or not.
    pub(crate) fn has_samples(&self, arm: ArmId) -> bool {
        let drawn = self.passes.as_ref().map_or(0, |passes| passes.drawn.drawable(arm));
        self.now.drawable(arm) + drawn > 0 || self.arms_in_flight().contains(&arm)
    }

    /// After how many passes an arm gives nothing more.
    pub(crate) fn pass_limit(&self) -> Option<u64> {
        self.passes.as_ref().and_then(Passes::limit)
    }

    /// How many samples rest because they are [in flight](crate::Builder::exclude_in_flight).
    pub fn in_flight(&self) -> usize {
        self.flight.len()
    }

    /// The samples that rest because they are in flight, in order.
    pub(crate) fn held(&self) -> impl Iterator<Item = SampleId> + '_ {
        self.flight.iter().map(|(sample, _)| sample)
    }

    /// The same, each with the number of tickets that hold it.
    pub(crate) fn held_by(&self) -> impl Iterator<Item = (SampleId, u32)> + '_ {
        self.held().map(|sample| (sample, self.flight.tickets(sample)))
    }

    /// Asks the processor to fetch what an arm can offer.
    #[inline]
    pub(crate) fn fetch_arm(&self, arm: ArmId) {
        self.now.fetch_arm(arm);
    }

    /// Whether no sample rests, nor will.
    #[inline]
    fn is_plain(&self) -> bool {
        self.passes.is_none() && self.flight.is_empty()
    }

    fn units_of(&self, sample: SampleId) -> Result<u64> {
        let slot = self.arms.slot_of(sample)?;
        if self.is_plain() {
            return Ok(self.now.tree().get(slot));
        }
        Ok(match (self.flight.get(sample), &self.passes) {
            (Some(held), _) => held,
            (None, Some(passes)) if passes.is_drawn(sample) => passes.drawn.tree().get(slot),
            (None, _) => self.now.tree().get(slot),
        })
    }

    /// Sets the weight of a sample where it stands, and returns the old one.
    fn put(&mut self, sample: SampleId, weight: u64) -> Result<u64> {
        let slot = self.arms.slot_of(sample)?;
        let arm = self.arms.label(sample);
        let is_drawn = self.passes.as_ref().is_some_and(|passes| passes.is_drawn(sample));
        if let Some(old) = self.flight.set(sample, weight) {
            if let Some(passes) = self.passes.as_mut().filter(|_| !is_drawn) {
                passes.owe(arm, old, weight);
            }
            return Ok(old);
        }
        match self.passes.as_mut().filter(|_| is_drawn) {
            Some(passes) => passes.set(slot, arm, weight),
            None => self.now.set(slot, arm, weight),
        }
    }

    /// Changes where a sample stands; it keeps its weight.
    fn shift(&mut self, sample: SampleId, change: impl FnOnce(&mut Self)) -> Result<()> {
        let weight = self.put(sample, 0)?;
        change(self);
        self.put(sample, weight).map(drop)
    }

    /// Begins a new pass of an arm of whose present pass nothing is left.
    fn turn(&mut self, arm: ArmId) -> Result<()> {
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

    /// Whether a sample is held as in flight.
    pub(crate) fn holds(&self, sample: SampleId) -> bool {
        self.flight.contains(sample)
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

    /// Sets the weight of a sample; 0 keeps it from being drawn.
    pub(crate) fn set_weight(&mut self, sample: SampleId, weight: f64) -> Result<()> {
        let weight = units(sample.0, weight)?;
        let old = self.units_of(sample)?;
        self.room_for(weight, old)?;
        self.greatest = self.greatest.max(weight);
        self.put(sample, weight)?;
        self.turn(self.arms.label(sample))
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
        Ok(arm)
    }

    /// Adds a sample to an arm. It has a key if all have.
    pub(crate) fn insert(&mut self, arm: ArmId, weight: f64, key: Option<Key>) -> Result<SampleId> {
        match (&self.keys, key) {
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
        if let Some(passes) = &mut self.passes {
            passes.extend(&self.arms);
        }
        if let (Some(keys), Some(key)) = (&mut self.keys, key) {
            keys.push(key);
        }
        self.follow(&moves)?;
        self.greatest = self.greatest.max(weight);
        self.put(sample, weight)?;
        self.tidy()?;
        Ok(sample)
    }

    /// Takes a sample out.
    pub(crate) fn remove(&mut self, sample: SampleId) -> Result<()> {
        self.put(sample, 0)?;
        self.flight.remove(sample);
        if let Some(passes) = &mut self.passes {
            passes.mark(sample, false);
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

    /// The sum of all weights.
    fn total(&self) -> u128 {
        let drawn = self.passes.as_ref().map_or(0, |passes| passes.drawn.tree().total());
        [self.now.tree().total(), drawn, self.flight.weight()].map(u128::from).iter().sum()
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

    /// Whether the parts agree; used after reading them from a file.
    pub(crate) fn is_consistent(&self) -> bool {
        let Self { arms, now, passes, flight, .. } = self;
        if !arms.is_consistent() || !now.is_consistent(arms) || !flight.is_consistent() {
            return false;
        }
        let slot_of = |sample: SampleId| arms.slot_of(sample).ok();
        let rests = |slot| now.tree().get(slot) == 0;
        if !self.held().all(|sample| slot_of(sample).is_some_and(rests)) {
            return false;
        }
        let is_drawn_once = |passes: &Passes| {
            let mut owed = vec![0; arms.count()];
            for (sample, weight) in flight.iter() {
                owed[arms.label(sample).index()] += u32::from(weight > 0 && !passes.is_drawn(sample));
            }
            let drawn = passes.drawn.tree();
            let is_empty = |slot| drawn.get(slot) == 0;
            let is_marked = |slot| arms.sample_at(slot).is_some_and(|it| passes.is_drawn(it));
            passes.is_consistent(arms, &owed)
                && self.held().all(|sample| slot_of(sample).is_some_and(is_empty))
                && (0..arms.slot_count()).all(|slot| rests(slot) || !is_marked(slot))
                && (0..arms.count() as u32)
                    .map(ArmId)
                    .all(|arm| now.drawable(arm) > 0 || !passes.is_over(arm))
        };
        self.total() <= u128::from(u64::MAX) && passes.as_ref().is_none_or(is_drawn_once)
    }
}

/// Converts a weight to integer units.
pub(crate) fn units(sample: u64, weight: f64) -> Result<u64> {
    let weight = within("weight", finite("weight", sample, weight)?, 0.0, 2_147_483_648.0)?;
    let units = (weight / UNIT).round() as u64;
    Ok(if weight > 0.0 { units.max(1) } else { 0 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Weights stay with their samples through any sequence of changes, also where samples rest; who rests, and how far
        /// the passes are, agrees with plain lists.
        #[test]
        fn weights_follow_their_samples(
            labels in prop::collection::vec(0..4u32, 1..50),
            changes in prop::collection::vec(
                (0..6u8, any::<prop::sample::Index>(), 0..4u32, 0..9u32), 0..600),
            passes in any::<bool>(),
            holds in any::<bool>(),
        ) {
            let arms = Arms::from_labels(4, &labels).unwrap();
            let mut population = Population::new(arms, None).unwrap();
            if passes {
                population.keep_passes(None).unwrap();
            }
            let mut twin: Vec<Option<(ArmId, f64)>> =
                labels.iter().map(|&arm| Some((ArmId(arm), 1.0))).collect();
            let (mut drawn, mut held, mut done) = (BTreeSet::new(), BTreeSet::new(), [0; 4]);
            for (verb, which, arm, weight) in changes {
                let sample = SampleId(which.index(twin.len()) as u64);
                let (arm, weight) = (ArmId(arm), f64::from(weight));
                let entry = twin[sample.index()];
                match verb {
                    0 => {
                        population.insert(arm, weight, None).unwrap();
                        twin.push(Some((arm, weight)));
                    }
                    1 => {
                        prop_assert_eq!(population.remove(sample).is_ok(), entry.is_some());
                        twin[sample.index()] = None;
                        drawn.remove(&sample);
                        held.remove(&sample);
                    }
                    2 => {
                        let is_free = |it: usize| {
                            let it = SampleId(it as u64);
                            let is_in = twin[it.index()].is_some_and(|(of, w)| of == arm && w > 0.0);
                            it != sample && is_in && !held.contains(&it)
                        };
                        if entry.is_some() && !(0..twin.len()).any(is_free) {
                            // In an arm where nothing was drawn it begins the pass.
                            drawn.remove(&sample);
                        }
                        prop_assert_eq!(population.retag(sample, arm).is_ok(), entry.is_some());
                        twin[sample.index()] = entry.map(|(_, weight)| (arm, weight));
                    }
                    3 => {
                        prop_assert_eq!(population.set_weight(sample, weight).is_ok(), entry.is_some());
                        twin[sample.index()] = entry.map(|(arm, _)| (arm, weight));
                    }
                    4 => {
                        let rests = drawn.contains(&sample) || held.contains(&sample);
                        if rests || entry.is_none_or(|(_, weight)| weight == 0.0) {
                            continue;
                        }
                        population.draw(std::iter::once(sample), holds).unwrap();
                        if passes {
                            drawn.insert(sample);
                        }
                        if holds {
                            held.insert(sample);
                        }
                    }
                    _ => {
                        population.release(sample).unwrap();
                        held.remove(&sample);
                    }
                }
                for arm in 0..4u32 {
                    let arm = ArmId(arm);
                    let members: Vec<SampleId> = (0..twin.len() as u64)
                        .map(SampleId)
                        .filter(|it| twin[it.index()].is_some_and(|(of, w)| of == arm && w > 0.0))
                        .collect();
                    let is_free = |it: &&SampleId| !held.contains(*it);
                    let is_over = members.iter().all(|it| drawn.contains(it));
                    if passes && is_over && members.iter().filter(is_free).count() > 0 {
                        done[arm.index()] += 1;
                        let whole = population.arms().members(arm).collect::<Vec<_>>();
                        whole.iter().for_each(|it| _ = drawn.remove(it));
                    }
                    let is_left = |it: &&SampleId| !drawn.contains(*it);
                    let left = members.iter().filter(is_left);
                    let now = left.clone().filter(is_free).count();
                    let next = members.iter().filter(|it| !is_left(it)).filter(is_free).count();
                    let is_owed = left.clone().count() > now;
                    let drawable = now + if is_owed { 0 } else { next };
                    prop_assert_eq!(population.drawable(arm), drawable);
                    prop_assert_eq!(population.passes(arm), done[arm.index()]);
                    if passes {
                        prop_assert_eq!(population.left_in_pass(arm), left.count());
                    }
                }
                let total: usize = (0..4).map(|arm| population.drawable(ArmId(arm))).sum();
                prop_assert_eq!(population.drawable_total(), total);
                prop_assert_eq!(population.held().collect::<BTreeSet<_>>(), held.clone());
            }
            prop_assert!(population.is_consistent());
            for (sample, entry) in twin.iter().enumerate() {
                let sample = SampleId(sample as u64);
                let weight = population.weight(sample).ok();
                prop_assert_eq!(population.arms().arm_of(sample).ok().zip(weight), *entry);
            }
        }
    }

    /// Which sample is changed, and how, in the n-th change.
    type Pattern = fn(&mut crate::Rng, usize, u32) -> (Change, u32);

    #[derive(Clone, Copy, PartialEq)]
    enum Change {
        Insert,
        /// Of the oldest sample.
        Remove,
        /// Of any sample.
        Retag,
    }

    /// The number of slots and arms that are touched, a slot once for each of its lists, is in
    /// proportion to the changes, that of slots to the members, whatever comes, goes or changes its
    /// arm, in any order.
    #[test]
    fn changes_touch_no_more_slots_than_they_pay_for() {
        let patterns: [(&str, Pattern); 8] = [
            ("retags to any arm", |rng, _, arms| (Change::Retag, rng.below(arms.into()) as u32)),
            ("retags to and fro", |_, n, arms| (Change::Retag, n as u32 % arms.min(2))),
            ("retags to one arm after the other", |_, n, arms| {
                (Change::Retag, (n / 5000) as u32 % arms)
            }),
            ("insertions into the first arms", |_, n, arms| (Change::Insert, n as u32 % arms.min(3))),
            ("insertions into any arm", |rng, _, arms| (Change::Insert, rng.below(arms.into()) as u32)),
            ("coming and going", |rng, n, arms| {
                let change = if n % 2 == 0 { Change::Insert } else { Change::Remove };
                (change, rng.below(arms.into()) as u32)
            }),
            ("waves", |rng, n, arms| {
                let change = if n / 3000 % 2 == 0 { Change::Insert } else { Change::Remove };
                (change, rng.below(arms.into()) as u32)
            }),
            ("anything", |rng, _, arms| {
                let change = [Change::Insert, Change::Remove, Change::Retag][rng.below(3) as usize];
                (change, rng.below(arms.into()) as u32)
            }),
        ];
        for (name, pattern) in patterns {
            for (samples, arms) in [(4000, 1), (4000, 2), (4000, 10), (4000, 4000), (100, 8000)] {
                let mut population = Population::new(Arms::even(arms, samples).unwrap(), None).unwrap();
                let mut alive: std::collections::VecDeque<SampleId> =
                    (0..samples as u64).map(SampleId).collect();
                let mut rng = crate::Rng::at(1, crate::Round(0), crate::Purpose::User);
                let changes = 40_000;
                work::taken();
                for change in 0..changes {
                    let (verb, arm) = pattern(&mut rng, change, arms);
                    let arm = ArmId(arm);
                    match verb {
                        Change::Insert => alive.push_back(population.insert(arm, 1.0, None).unwrap()),
                        Change::Retag if !alive.is_empty() => {
                            let sample = alive[rng.below(alive.len() as u64) as usize];
                            population.retag(sample, arm).unwrap();
                        }
                        Change::Remove | Change::Retag => {
                            alive
                                .pop_front()
                                .into_iter()
                                .for_each(|old| population.remove(old).unwrap());
                        }
                    }
                    let most = 2 * alive.len() + arms as usize + 1024;
                    let slots = population.arms().slot_count();
                    assert!(slots <= most, "{name}, {samples} in {arms}: {slots} slots");
                }
                let work = work::taken();
                let most = 40 * changes + 8 * (samples + arms as usize);
                assert!(
                    work <= most,
                    "{name}, {samples} in {arms}: {work} slots for {changes} changes"
                );
                assert!(work >= changes / 2, "{name}: nothing was counted");
                assert!(population.is_consistent());
            }
        }
    }

    #[test]
    fn a_tiny_weight_stays_positive_and_a_huge_one_is_refused() {
        assert_eq!(units(0, f64::MIN_POSITIVE), Ok(1));
        assert_eq!(units(0, 0.0), Ok(0));
        assert!(units(0, 1e300).is_err() && units(0, -1.0).is_err() && units(0, f64::NAN).is_err());
    }
}
