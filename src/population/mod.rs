//! What a sampler draws from: the arms, and the weight of each of their members.

mod arms;
mod changes;
mod columns;
mod flight;
mod keys;
mod labels;
mod passes;
mod ranks;
mod resting;
mod retired;
mod weights;
mod work;

pub use curricle_kernels::tree::{Overflow, SumTree};
use serde::{Deserialize, Serialize};

use crate::base::error::{Result, finite, length, within};
use crate::base::id::{ArmId, Round, SampleId};
use crate::belief::{Beliefs, Believed, GREATEST, LEAST};

pub use arms::Arms;
pub(crate) use changes::scaled;
use columns::Columns;
use flight::Flight;
pub use keys::Key;
use keys::Keys;
use passes::Passes;
use retired::Retired;
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
/// A sample can *rest* without losing its weight: while it is [in flight](crate::Builder::exclude_in_flight), while it
/// is [retired](crate::route::Treatment::Retire), or,
/// with the sampler [`Passes`](crate::sampler::Passes) or [`Sequential`](crate::sampler::Sequential), from when it is
/// drawn until the pass of its arm is over.
///
/// Cost: a change of weight O(log N), memory 17.2 bytes a sample and the label of its
/// [arm](Arms), 0 to 4 more; with passes 9.3 more, with [beliefs](crate::Belief) 12.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Population {
    arms: Arms,
    /// The weights of the samples that do not rest, by slot.
    now: Weights,
    passes: Option<Passes>,
    flight: Flight,
    retired: Retired,
    /// The greatest weight that any sample was ever given.
    greatest: u64,
    columns: Columns,
}

/// The weight of a sample that is inserted.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Weight {
    /// This weight, `>= 0`.
    Given(f64),
    /// The greatest that any sample of the curriculum was ever given, by the user or by a
    /// [score](crate::Weighting::Score); where weights come from [beliefs](crate::Belief), by the user.
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
        let (flight, retired, columns) = (Flight::default(), Retired::default(), Columns::default());
        Ok(Self { arms, now, passes: None, flight, retired, greatest, columns })
    }

    /// Gives each sample its key.
    pub(crate) fn set_keys(&mut self, keys: Vec<Key>) -> Result<()> {
        self.columns.keys = Some(Keys::new(keys, self.arms.samples())?);
        Ok(())
    }

    /// The key of a sample, also of one that was removed, if samples have [keys](crate::Builder::keys).
    pub fn key(&self, sample: SampleId) -> Option<Key> {
        self.columns.keys.as_ref().and_then(|keys| keys.get(sample))
    }

    /// The sample that has a [key](crate::Builder::keys), if it is there. Cost: O(log N).
    pub fn find(&self, key: impl Into<Key>) -> Option<SampleId> {
        self.columns.keys.as_ref().and_then(|keys| keys.find(key.into(), &self.arms))
    }

    /// Whether samples have keys.
    pub(crate) fn has_keys(&self) -> bool {
        self.columns.keys.is_some()
    }

    /// The keys of all samples, in order, if they have some.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.columns.keys.iter().flat_map(Keys::iter)
    }

    /// Makes the index of keys that were read from a file; says whether they are all different.
    pub(crate) fn index_keys(&mut self) -> bool {
        let Self { columns, arms, .. } = self;
        columns.keys.as_mut().is_none_or(|keys| keys.index(arms))
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

    /// How many passes over its samples an arm has completed, where the sampler [keeps
    /// passes](crate::sampler::Passes); 0 elsewhere.
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

    /// How many samples of positive weight have still to be drawn in the present pass of an arm, those in flight of
    /// which that is true included; all of the arm where no passes are kept.
    pub fn left_in_pass(&self, arm: ArmId) -> usize {
        self.now.drawable(arm) + self.passes.as_ref().map_or(0, |passes| passes.owed(arm))
    }

    /// How many samples rest because they are [in flight](crate::Builder::exclude_in_flight).
    pub fn in_flight(&self) -> usize {
        self.flight.len()
    }

    /// How many samples a batch could draw if all that are in flight came back.
    pub(crate) fn drawable_after_flight(&self) -> usize {
        self.drawable_total() + self.in_flight() + self.passes.as_ref().map_or(0, Passes::held_up)
    }

    /// Asks the processor to fetch what an arm can offer.
    #[inline]
    pub(crate) fn fetch_arm(&self, arm: ArmId) {
        self.now.fetch_arm(arm);
    }

    /// What is believed of the samples, if their weights come from that.
    #[inline]
    pub(crate) fn beliefs(&self) -> Option<&Beliefs> {
        self.columns.beliefs.as_ref()
    }

    /// Asks the processor to fetch the weight of a sample, unless it rests.
    #[inline]
    pub(crate) fn fetch_weight(&self, sample: SampleId) {
        if let Ok(slot) = self.arms.slot_of(sample) {
            self.now.tree().fetch(slot);
        }
    }

    /// Whether no sample rests, nor will.
    #[inline]
    fn is_plain(&self) -> bool {
        self.passes.is_none() && self.flight.is_empty() && self.retired.held.is_empty()
    }

    fn units_of(&self, sample: SampleId) -> Result<u64> {
        let slot = self.arms.slot_of(sample)?;
        if self.is_plain() {
            return Ok(self.now.tree().get(slot));
        }
        let held = self.flight.get(sample).or_else(|| self.retired.held.get(sample));
        Ok(match (held, &self.passes) {
            (Some(held), _) => held,
            (None, Some(passes)) if passes.is_drawn(sample) => passes.drawn.tree().get(slot),
            (None, _) => self.now.tree().get(slot),
        })
    }

    /// Whether the parts agree; used after reading them from a file.
    pub(crate) fn is_consistent(&self) -> bool {
        let Self { arms, now, passes, flight, retired, .. } = self;
        if !arms.is_consistent() || !now.is_consistent(arms) {
            return false;
        }
        // What is in flight and retired has its weight where the flight keeps it.
        let is_kept_once = |(sample, weight)| weight == 0 || !flight.contains(sample);
        if !flight.is_consistent() || !retired.is_consistent() || !retired.held.iter().all(is_kept_once)
        {
            return false;
        }
        let slot_of = |sample: SampleId| arms.slot_of(sample).ok();
        let rests = |slot| now.tree().get(slot) == 0;
        let held = || self.held().chain(retired.held.iter().map(|(sample, _)| sample));
        if !held().all(|sample| slot_of(sample).is_some_and(rests)) {
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
                && held().all(|sample| slot_of(sample).is_some_and(is_empty))
                && (0..arms.slot_count()).all(|slot| rests(slot) || !is_marked(slot))
                && (0..arms.count() as u32)
                    .map(ArmId)
                    .all(|arm| now.drawable(arm) > 0 || !passes.is_over(arm))
        };
        self.total() <= u128::from(u64::MAX) && passes.as_ref().is_none_or(is_drawn_once)
    }

    /// Whether what is believed agrees with the weights; used after reading both from a file.
    pub(crate) fn are_beliefs_possible(&self, now: Round) -> bool {
        let Some(beliefs) = self.beliefs() else { return true };
        let is_weight = |sample: SampleId| {
            let believed = beliefs.get(sample);
            let Ok(units) = self.units_of(sample) else { return believed == Believed::default() };
            let (given, weight) = (f64::from(believed.given), units as f64 * UNIT);
            let (least, most) = (0.999 * LEAST * given - UNIT, 1.001 * GREATEST * given + UNIT);
            (given > 0.0) == (units > 0) && (least..=most).contains(&weight)
        };
        beliefs.is_possible(self.arms.samples(), self.arms.count(), now)
            && (0..self.arms.samples() as u64).map(SampleId).all(is_weight)
    }
}

/// Converts a weight to integer units.
pub(crate) fn units(sample: u64, weight: f64) -> Result<u64> {
    let weight = within("weight", finite("weight", sample, weight)?, 0.0, 2_147_483_648.0)?;
    let units = (weight / UNIT).round() as u64;
    Ok(if weight > 0.0 { units.max(1) } else { 0 })
}

#[cfg(test)]
mod tests;
