//! Lists that are kept from one draw to the next, so that a draw allocates nothing.

use crate::base::id::ArmId;
use crate::base::seen::Seen;

/// Lists that samplers work in, whose memory is reused. Every draw clears what it uses, so nothing of an
/// earlier draw is ever read; one [`Default`] value will do for any number of draws.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The integer probabilities of arms, summed up.
    pub(super) sums: Vec<u64>,
    /// The arm of each slot of the batch.
    pub(super) arms: Vec<u64>,
    /// Where in the tree each of them is to be drawn, then the members found there.
    pub(super) members: Vec<u64>,
    pub(super) searched: Vec<u64>,
    /// By arm: where its weights begin in the tree.
    pub(super) starts: Vec<u64>,
    /// By arm: how many slots it gets.
    pub(super) counts: Vec<usize>,
    /// The arms of which all members are drawn.
    pub(super) whole: Vec<bool>,
    /// By arm: the weight that has been drawn.
    pub(super) gone: Gone,
    /// The samples, slots or ranks that have been taken.
    pub(super) taken: Seen,
    pub(super) ranks: Vec<usize>,
}

/// Sums by arm, for few of many arms.
#[derive(Debug, Default)]
pub(super) struct Gone {
    /// 0 for all arms but the touched ones.
    by_arm: Vec<u64>,
    touched: Vec<ArmId>,
}

impl Gone {
    /// All sums are 0 again. Cost: that of the arms that were touched.
    pub fn clear(&mut self, arms: usize) {
        self.touched.drain(..).for_each(|arm| self.by_arm[arm.index()] = 0);
        self.by_arm.resize(arms, 0);
    }

    /// The sum of an arm.
    pub fn get(&self, arm: ArmId) -> u64 {
        self.by_arm[arm.index()]
    }

    /// Adds to the sum of an arm; returns what it was before.
    pub fn add(&mut self, arm: ArmId, weight: u64) -> u64 {
        self.touched.push(arm);
        let sum = &mut self.by_arm[arm.index()];
        std::mem::replace(sum, *sum + weight)
    }
}
