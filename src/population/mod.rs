//! What a sampler draws from: the arms, and the weight of each of their members.

mod arms;
mod labels;
mod sum_tree;

use curricle_kernels::{blocks, prefetch};
use serde::{Deserialize, Serialize};

use crate::base::error::{Result, finite, length, within};
use crate::base::id::{ArmId, SampleId};

pub use arms::Arms;
use arms::Moved;
pub use sum_tree::SumTree;

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
        let (sample, moved) = self.arms.insert(arm)?;
        self.follow(sample, arm, weight, moved)?;
        Ok(sample)
    }

    /// Takes a sample out.
    pub(crate) fn remove(&mut self, sample: SampleId) -> Result<()> {
        self.set_units(sample, 0)?;
        self.arms.remove(sample).map(drop)
    }

    /// Moves a sample to another arm; it keeps its weight.
    pub(crate) fn retag(&mut self, sample: SampleId, arm: ArmId) -> Result<()> {
        self.arms.check(arm)?;
        let weight = self.set_units(sample, 0)?;
        let (_, moved) = self.arms.retag(sample, arm)?;
        self.follow(sample, arm, weight, moved)
    }

    /// Checks that one more weight fits.
    fn room_for(&self, weight: u64) -> Result<()> {
        let total = u128::from(self.tree.total()) + u128::from(weight);
        if total > u128::from(u64::MAX) {
            return Err(crate::Error::WeightOverflow { total });
        }
        Ok(())
    }

    /// Brings the weights in line with a change of the slots, and gives the new member its weight.
    fn follow(&mut self, sample: SampleId, arm: ArmId, weight: u64, moved: Moved) -> Result<()> {
        while self.tree.len() < self.arms.slot_count() {
            self.tree.push(0)?;
        }
        if let Moved::Arm(left) = moved {
            for (member, slot) in left {
                let carried = self.tree.get(slot);
                self.tree.set(slot, 0)?;
                self.tree.set(self.arms.slot_of(member)?, carried)?;
            }
        }
        self.set_slot(self.arms.slot_of(sample)?, arm, weight)?;
        if self.arms.is_wasteful() {
            let mut weights = vec![0; self.arms.samples()];
            for slot in 0..self.arms.slot_count() {
                if let Some(member) = self.arms.sample_at(slot) {
                    weights[member.index()] = self.tree.get(slot);
                }
            }
            self.arms.pack();
            self.rebuild(|sample| weights[sample])?;
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
            let labels: Vec<ArmId> = labels.into_iter().map(ArmId).collect();
            let arms = Arms::from_labels(4, &labels).unwrap();
            let mut population = Population::new(arms, None).unwrap();
            let mut twin: Vec<Option<(ArmId, f64)>> =
                labels.iter().map(|&arm| Some((arm, 1.0))).collect();
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

    #[test]
    fn a_tiny_weight_stays_positive_and_a_huge_one_is_refused() {
        assert_eq!(units(0, f64::MIN_POSITIVE), Ok(1));
        assert_eq!(units(0, 0.0), Ok(0));
        assert!(units(0, 1e300).is_err() && units(0, -1.0).is_err() && units(0, f64::NAN).is_err());
    }
}
