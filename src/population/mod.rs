//! What a sampler draws from: the arms, and the weight of each of their members.

mod arms;
mod labels;
mod ranks;
mod work;

pub use curricle_kernels::tree::{Overflow, SumTree};
use curricle_kernels::{blocks, prefetch};
use serde::{Deserialize, Serialize};

use crate::base::error::{Result, finite, length, within};
use crate::base::id::{ArmId, SampleId};

pub use arms::Arms;
use arms::Moves;

/// One unit of weight: user weights are kept as integer multiples of it.
const UNIT: f64 = 1.0 / 4_294_967_296.0;

/// The samples, partitioned into arms, each with a weight.
///
/// A weight `w >= 0` is kept as the integer `round(w 2^32)`, at least 1 if `w > 0`, so a positive
/// weight never becomes undrawable and proportions are exact in these integers. Weights up to 2^31
/// are taken; the total over all samples must stay below 2^32 (10^8 samples may weigh 42 on
/// average), else [`Error::WeightOverflow`](crate::Error::WeightOverflow) is returned.
///
/// Cost: a change of weight O(log N), memory 17.2 bytes a sample and the label of its
/// [arm](Arms), 0 to 4 more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Population {
    arms: Arms,
    /// Weights by slot.
    tree: SumTree,
    totals: Vec<ArmTotal>,
    /// How many samples have a positive weight.
    drawable: usize,
}

/// What an arm can offer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct ArmTotal {
    /// Sum of the weights of the members.
    weight: u64,
    /// How many members have a positive weight.
    drawable: u32,
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
        let mut population = Self { arms, tree: SumTree::default(), totals: Vec::new(), drawable: 0 };
        population.rebuild(weight)?;
        Ok(population)
    }

    /// The partition.
    #[inline]
    pub fn arms(&self) -> &Arms {
        &self.arms
    }

    /// The weights, by slot.
    #[inline]
    pub fn tree(&self) -> &SumTree {
        &self.tree
    }

    /// How many members of an arm have a positive weight.
    #[inline]
    pub fn drawable(&self, arm: ArmId) -> usize {
        self.totals.get(arm.index()).map_or(0, |total| total.drawable as usize)
    }

    /// How many samples have a positive weight.
    pub fn drawable_total(&self) -> usize {
        self.drawable
    }

    /// The sum of an arm's weights, in units of 2^-32.
    #[inline]
    pub fn arm_weight(&self, arm: ArmId) -> u64 {
        self.totals.get(arm.index()).map_or(0, |total| total.weight)
    }

    /// The weight of a sample.
    ///
    /// # Errors
    /// [`Error::UnknownSample`](crate::Error::UnknownSample).
    pub fn weight(&self, sample: SampleId) -> Result<f64> {
        Ok(self.tree.get(self.arms.slot_of(sample)?) as f64 * UNIT)
    }

    /// Asks the processor to fetch what an arm can offer.
    #[inline]
    pub(crate) fn fetch_arm(&self, arm: ArmId) {
        prefetch(&self.totals, arm.index());
    }

    /// Sets the weight of a sample; 0 keeps it from being drawn.
    pub(crate) fn set_weight(&mut self, sample: SampleId, weight: f64) -> Result<()> {
        let weight = units(sample.0, weight)?;
        self.set_units(sample, weight).map(drop)
    }

    /// Sets the integer weight of a sample and returns the old one.
    pub(crate) fn set_units(&mut self, sample: SampleId, weight: u64) -> Result<u64> {
        let slot = self.arms.slot_of(sample)?;
        let arm = self.arms.arm_of(sample)?;
        self.set_slot(slot, arm, weight)
    }

    /// Sets the integer weights of samples, one after the other, and leaves in each pair the weight
    /// that it replaced, so that the list in reverse order undoes it; all or none. `room` is for its
    /// own use.
    pub(crate) fn exchange(
        &mut self,
        changes: &mut [(SampleId, u64)],
        room: &mut Vec<(usize, u64)>,
    ) -> Result<()> {
        room.clear();
        for (now, next) in blocks(changes) {
            next.iter().for_each(|&(sample, _)| self.arms.fetch_sample(sample));
            for &(sample, weight) in now {
                room.push((self.arms.slot_of(sample)?, weight));
            }
        }
        self.tree.set_each(room)?;
        for ((sample, weight), &(_, old)) in changes.iter_mut().zip(&*room) {
            let total = &mut self.totals[self.arms.label(*sample).index()];
            total.weight = total.weight.wrapping_sub(old).wrapping_add(*weight);
            total.drawable = total.drawable - u32::from(old > 0) + u32::from(*weight > 0);
            self.drawable = self.drawable - usize::from(old > 0) + usize::from(*weight > 0);
            *weight = old;
        }
        Ok(())
    }

    fn set_slot(&mut self, slot: usize, arm: ArmId, weight: u64) -> Result<u64> {
        let old = self.tree.get(slot);
        self.tree.set(slot, weight)?;
        let total = &mut self.totals[arm.index()];
        total.weight = total.weight - old + weight;
        total.drawable = total.drawable - u32::from(old > 0) + u32::from(weight > 0);
        self.drawable = self.drawable - usize::from(old > 0) + usize::from(weight > 0);
        Ok(old)
    }

    /// Adds a sample to an arm.
    pub(crate) fn insert(&mut self, arm: ArmId, weight: f64) -> Result<SampleId> {
        let weight = units(self.arms.samples() as u64, weight)?;
        self.room_for(weight)?;
        let (sample, moves) = self.arms.insert(arm)?;
        self.follow(moves)?;
        self.set_slot(self.arms.slot_of(sample)?, arm, weight)?;
        self.tidy()?;
        Ok(sample)
    }

    /// Takes a sample out.
    pub(crate) fn remove(&mut self, sample: SampleId) -> Result<()> {
        self.set_units(sample, 0)?;
        self.arms.remove(sample)?;
        self.tidy()
    }

    /// Moves a sample to another arm; it keeps its weight.
    pub(crate) fn retag(&mut self, sample: SampleId, arm: ArmId) -> Result<()> {
        self.arms.slot_of(sample)?;
        self.arms.check(arm)?;
        let weight = self.set_units(sample, 0)?;
        let moves = self.arms.retag(sample, arm)?;
        self.follow(moves)?;
        self.set_slot(self.arms.slot_of(sample)?, arm, weight)?;
        self.tidy()
    }

    /// Checks that one more weight fits.
    fn room_for(&self, weight: u64) -> Result<()> {
        let total = u128::from(self.tree.total()) + u128::from(weight);
        if total > u128::from(u64::MAX) {
            return Err(crate::Error::WeightOverflow { total });
        }
        Ok(())
    }

    /// Carries the weights along with members that changed their slot.
    fn follow(&mut self, moves: Moves) -> Result<()> {
        self.tree.extend_to(self.arms.slot_count());
        work::done(2 * moves.len());
        let weights = moves.iter().map(|&(from, _)| self.tree.get(from));
        let weights: Vec<u64> = weights.collect();
        let changes =
            moves.iter().zip(weights).flat_map(|(&(from, to), weight)| [(from, 0), (to, weight)]);
        let mut changes: Vec<(usize, u64)> = changes.collect();
        Ok(self.tree.set_each(&mut changes)?)
    }

    /// Packs the slots if too many are vacant.
    fn tidy(&mut self) -> Result<()> {
        if self.arms.is_wasteful() {
            let from = self.arms.pack();
            work::done(from.len());
            let before = std::mem::take(&mut self.tree);
            // A vacant slot comes from beyond the end, where the weight is 0.
            self.tree = SumTree::from_fn(from.len(), |slot| before.get(from[slot] as usize))?;
        }
        Ok(())
    }

    /// Computes the tree and the totals from the weights by sample.
    fn rebuild(&mut self, weight: impl Fn(usize) -> u64 + Sync + Send) -> Result<()> {
        let arms = &self.arms;
        self.tree = SumTree::from_fn(arms.slot_count(), |slot| {
            arms.sample_at(slot).map_or(0, |sample| weight(sample.index()))
        })?;
        let weights = self.tree.weights();
        self.totals = (0..arms.count() as u32)
            .map(|arm| {
                let members = &weights[arms.slots(ArmId(arm))];
                let drawable = members.iter().filter(|&&weight| weight > 0).count() as u32;
                ArmTotal { weight: members.iter().sum(), drawable }
            })
            .collect();
        self.drawable = self.totals.iter().map(|total| total.drawable as usize).sum();
        Ok(())
    }

    /// Whether tree, totals and partition agree; used after reading them from a file.
    pub(crate) fn is_consistent(&self) -> bool {
        let vacant_weigh_nothing = (0..self.arms.slot_count())
            .all(|slot| self.arms.sample_at(slot).is_some() || self.tree.get(slot) == 0);
        let arms = 0..self.arms.count() as u32;
        self.arms.is_consistent()
            && self.tree.len() == self.arms.slot_count()
            && vacant_weigh_nothing
            && self.totals.len() == self.arms.count()
            && self.drawable == self.totals.iter().map(|total| total.drawable as usize).sum::<usize>()
            && arms.zip(&self.totals).all(|(arm, total)| {
                let members = || self.arms.slots(ArmId(arm)).map(|slot| self.tree.get(slot));
                let drawable = members().filter(|&weight| weight > 0).count();
                members().sum::<u64>() == total.weight && drawable == total.drawable as usize
            })
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
        /// Weights stay with their samples through any sequence of changes.
        #[test]
        fn weights_follow_their_samples(
            labels in prop::collection::vec(0..4u32, 1..50),
            changes in prop::collection::vec(
                (0..4u8, any::<prop::sample::Index>(), 0..4u32, 0..9u32), 0..600),
        ) {
            let arms = Arms::from_labels(4, &labels).unwrap();
            let mut population = Population::new(arms, None).unwrap();
            let mut twin: Vec<Option<(ArmId, f64)>> =
                labels.iter().map(|&arm| Some((ArmId(arm), 1.0))).collect();
            for (verb, which, arm, weight) in changes {
                let sample = SampleId(which.index(twin.len()) as u64);
                let (arm, weight) = (ArmId(arm), f64::from(weight));
                let entry = twin[sample.index()];
                match verb {
                    0 => {
                        population.insert(arm, weight).unwrap();
                        twin.push(Some((arm, weight)));
                    }
                    1 => {
                        prop_assert_eq!(population.remove(sample).is_ok(), entry.is_some());
                        twin[sample.index()] = None;
                    }
                    2 => {
                        prop_assert_eq!(population.retag(sample, arm).is_ok(), entry.is_some());
                        twin[sample.index()] = entry.map(|(_, weight)| (arm, weight));
                    }
                    _ => {
                        prop_assert_eq!(population.set_weight(sample, weight).is_ok(), entry.is_some());
                        twin[sample.index()] = entry.map(|(arm, _)| (arm, weight));
                    }
                }
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
                        Change::Insert => alive.push_back(population.insert(arm, 1.0).unwrap()),
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
