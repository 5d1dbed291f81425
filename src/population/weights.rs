//! Weights by slot, with what they sum up to in each arm.

use curricle_kernels::prefetch;
use curricle_kernels::tree::SumTree;
use serde::{Deserialize, Serialize};

use super::arms::{Arms, Moves};
use super::work;
use crate::base::error::Result;
use crate::base::id::ArmId;

/// Weights of samples, by slot; those of weight 0 and vacant slots cannot be drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Weights {
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

impl Weights {
    /// The weights that a function gives, by sample.
    pub fn new(arms: &Arms, weight: impl Fn(usize) -> u64 + Sync + Send) -> Result<Self> {
        let tree = SumTree::from_fn(arms.slot_count(), |slot| {
            arms.sample_at(slot).map_or(0, |sample| weight(sample.index()))
        })?;
        let weights = tree.weights();
        let totals: Vec<ArmTotal> = (0..arms.count() as u32)
            .map(|arm| {
                let members = &weights[arms.slots(ArmId(arm))];
                let drawable = members.iter().filter(|&&weight| weight > 0).count() as u32;
                ArmTotal { weight: members.iter().sum(), drawable }
            })
            .collect();
        let drawable = totals.iter().map(|total| total.drawable as usize).sum();
        Ok(Self { tree, totals, drawable })
    }

    #[inline]
    pub fn tree(&self) -> &SumTree {
        &self.tree
    }

    /// The sum of an arm's weights.
    #[inline]
    pub fn of_arm(&self, arm: ArmId) -> u64 {
        self.totals.get(arm.index()).map_or(0, |total| total.weight)
    }

    /// How many members of an arm have a positive weight.
    #[inline]
    pub fn drawable(&self, arm: ArmId) -> usize {
        self.totals.get(arm.index()).map_or(0, |total| total.drawable as usize)
    }

    /// How many samples have a positive weight.
    #[inline]
    pub fn drawable_total(&self) -> usize {
        self.drawable
    }

    /// Asks the processor to fetch what an arm can offer.
    #[inline]
    pub fn fetch_arm(&self, arm: ArmId) {
        prefetch(&self.totals, arm.index());
    }

    /// Sets the weight in a slot of an arm; returns the old one.
    pub fn set(&mut self, slot: usize, arm: ArmId, weight: u64) -> Result<u64> {
        let old = self.tree.get(slot);
        self.tree.set(slot, weight)?;
        self.count(arm, old, weight);
        Ok(old)
    }

    /// Sets the weights of members, one after the other, and leaves in each pair of a slot and a weight the weight that it
    /// replaced; all or none. `members` are the arm and the new weight of each.
    pub fn exchange(
        &mut self,
        changes: &mut [(usize, u64)],
        members: impl Iterator<Item = (ArmId, u64)>,
    ) -> Result<()> {
        self.tree.set_each(changes)?;
        for ((arm, weight), &(_, old)) in members.zip(&*changes) {
            self.count(arm, old, weight);
        }
        Ok(())
    }

    fn count(&mut self, arm: ArmId, old: u64, weight: u64) {
        let total = &mut self.totals[arm.index()];
        // Between two of many changes a sum may have wrapped.
        total.weight = total.weight.wrapping_sub(old).wrapping_add(weight);
        total.drawable = total.drawable - u32::from(old > 0) + u32::from(weight > 0);
        self.drawable = self.drawable - usize::from(old > 0) + usize::from(weight > 0);
    }
    /// There is one arm more, without samples.
    pub fn add_arm(&mut self) {
        self.totals.push(ArmTotal::default());
    }

    /// Carries the weights along with members that changed their slot within their arms.
    pub fn follow(&mut self, arms: &Arms, moves: &Moves) -> Result<()> {
        self.tree.extend_to(arms.slot_count());
        work::done(2 * moves.len());
        let weights = moves.iter().map(|&(from, _)| self.tree.get(from));
        let weights: Vec<u64> = weights.collect();
        let changes =
            moves.iter().zip(weights).flat_map(|(&(from, to), weight)| [(from, 0), (to, weight)]);
        let mut changes: Vec<(usize, u64)> = changes.collect();
        Ok(self.tree.set_each(&mut changes)?)
    }

    /// Takes over that all slots have been assigned afresh; see [`Arms::pack`].
    pub fn pack(&mut self, from: &[u32]) -> Result<()> {
        work::done(from.len());
        let before = std::mem::take(&mut self.tree);
        // A vacant slot comes from beyond the end, where the weight is 0.
        self.tree = SumTree::from_fn(from.len(), |slot| before.get(from[slot] as usize))?;
        Ok(())
    }

    /// Whether tree, totals and partition agree; used after reading them from a file.
    pub fn is_consistent(&self, arms: &Arms) -> bool {
        let vacant_weigh_nothing = (0..arms.slot_count())
            .all(|slot| arms.sample_at(slot).is_some() || self.tree.get(slot) == 0);
        self.tree.len() == arms.slot_count()
            && vacant_weigh_nothing
            && self.totals.len() == arms.count()
            && self.drawable == self.totals.iter().map(|total| total.drawable as usize).sum::<usize>()
            && (0..arms.count() as u32).map(ArmId).zip(&self.totals).all(|(arm, total)| {
                let members = || arms.slots(arm).map(|slot| self.tree.get(slot));
                let drawable = members().filter(|&weight| weight > 0).count();
                members().sum::<u64>() == total.weight && drawable == total.drawable as usize
            })
    }
}
