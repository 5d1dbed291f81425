//! How far each arm is in its present pass.

use serde::{Deserialize, Serialize};

use super::arms::Arms;
use super::weights::Weights;
use crate::base::error::Result;
use crate::base::id::{ArmId, SampleId};
use crate::files::column;
use crate::ledger::ENDLESS;

/// The passes of all arms: which samples have been drawn in the present pass of their arm.
///
/// A pass of an arm is over when none of its samples is left that can be drawn; then all begin anew. A sample of this
/// pass that is in flight is *owed*: the pass waits for it. It waits for none that is retired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Passes {
    /// The weights of the samples that have been drawn.
    pub drawn: Weights,
    /// A bit for each sample: whether it has been drawn.
    #[serde(deserialize_with = "column::deserialize")]
    bits: Vec<u64>,
    arms: Vec<Pass>,
    /// How many of the drawn samples can be drawn again by a batch that ends the pass of their arm.
    reachable: usize,
    /// After how many passes an arm gives nothing more.
    limit: Option<u64>,
}

/// The pass of one arm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Pass {
    /// How many passes are over.
    done: u64,
    /// How many samples of positive weight are in flight and not drawn in this pass.
    owed: u32,
}

impl Passes {
    pub fn new(arms: &Arms, limit: Option<u64>) -> Result<Self> {
        let bits = vec![0; arms.samples().div_ceil(64)];
        let pass = vec![Pass::default(); arms.count()];
        Ok(Self { drawn: Weights::new(arms, |_| 0)?, bits, arms: pass, reachable: 0, limit })
    }

    /// How many passes of an arm are over.
    pub fn done(&self, arm: ArmId) -> u64 {
        self.arms.get(arm.index()).map_or(0, |pass| pass.done)
    }

    /// How many samples the pass of an arm waits for.
    pub fn owed(&self, arm: ArmId) -> usize {
        self.arms.get(arm.index()).map_or(0, |pass| pass.owed as usize)
    }

    /// How many of the drawn samples of an arm can be drawn by a batch that ends its pass.
    #[inline]
    pub fn reachable(&self, arm: ArmId) -> usize {
        match self.owed(arm) {
            0 if !self.is_last(arm) => self.drawn.drawable(arm),
            _ => 0,
        }
    }

    /// Whether no pass of an arm comes after this one.
    #[inline]
    fn is_last(&self, arm: ArmId) -> bool {
        self.limit.is_some_and(|limit| self.done(arm) + 1 >= limit)
    }

    /// Whether no pass of an arm comes after this one, and it waits for no sample in flight.
    pub fn is_ending(&self, arm: ArmId) -> bool {
        self.is_last(arm) && self.owed(arm) == 0
    }

    /// Whether an arm gives nothing more.
    pub fn is_done(&self, arm: ArmId) -> bool {
        self.limit.is_some_and(|limit| self.done(arm) >= limit)
    }

    pub fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Whether the pass of an arm is over, if nothing is left of it that can be drawn now.
    pub fn is_over(&self, arm: ArmId) -> bool {
        self.owed(arm) == 0 && self.drawn.drawable(arm) > 0 && !self.is_done(arm)
    }

    /// The same of all arms.
    pub fn reachable_total(&self) -> usize {
        self.reachable
    }

    /// How many drawn samples could be drawn again, but that the passes of their arms wait for others. O(arms).
    pub fn held_up(&self) -> usize {
        let waits = |arm: &ArmId| self.owed(*arm) > 0 && !self.is_last(*arm);
        let arms = (0..self.arms.len() as u32).map(ArmId);
        arms.filter(waits).map(|arm| self.drawn.drawable(arm)).sum()
    }

    #[inline]
    pub fn is_drawn(&self, sample: SampleId) -> bool {
        let word = self.bits.get(sample.index() / 64).copied().unwrap_or(0);
        word >> (sample.0 % 64) & 1 == 1
    }

    /// Notes whether a sample has been drawn. Its weight must stand nowhere.
    pub fn mark(&mut self, sample: SampleId, is_drawn: bool) {
        let bit = 1 << (sample.0 % 64);
        if let Some(word) = self.bits.get_mut(sample.index() / 64) {
            *word = if is_drawn { *word | bit } else { *word & !bit };
        }
    }

    /// Sets the weight in the slot of a drawn sample.
    pub fn set(&mut self, slot: usize, arm: ArmId, weight: u64) -> Result<u64> {
        self.reachable -= self.reachable(arm);
        let old = self.drawn.set(slot, arm, weight);
        self.reachable += self.reachable(arm);
        old
    }

    /// Sets the weights in the slots of drawn samples, by slot; 0 leaves what is there.
    pub fn set_each(&mut self, weights: &[(usize, u64)], arms: &[ArmId]) -> Result<()> {
        let given = || weights.iter().zip(arms).filter(|((_, weight), _)| *weight > 0);
        let mut changes: Vec<(usize, u64)> = given().map(|(&change, _)| change).collect();
        let mut touched: Vec<ArmId> = given().map(|(_, &arm)| arm).collect();
        touched.sort_unstable();
        touched.dedup();
        self.reachable -= touched.iter().map(|&arm| self.reachable(arm)).sum::<usize>();
        let members = given().map(|(&(_, weight), &arm)| (arm, weight));
        let set = self.drawn.exchange(&mut changes, members);
        self.reachable += touched.iter().map(|&arm| self.reachable(arm)).sum::<usize>();
        set
    }

    /// A sample in flight that has not been drawn in this pass has another weight.
    pub fn owe(&mut self, arm: ArmId, old: u64, weight: u64) {
        self.reachable -= self.reachable(arm);
        let owed = &mut self.arms[arm.index()].owed;
        *owed = *owed - u32::from(old > 0) + u32::from(weight > 0);
        self.reachable += self.reachable(arm);
    }

    /// The pass of an arm is over, and the next one begins, which owes so many samples. Gives the slots and the
    /// weights of those that can be drawn. Cost: that of the arm's slots.
    pub fn turn(&mut self, arm: ArmId, arms: &Arms, owed: u32) -> Result<Vec<(usize, u64)>> {
        if self.is_last(arm) {
            self.arms[arm.index()].done += 1;
            return Ok(Vec::new());
        }
        self.reachable -= self.reachable(arm);
        let weights = arms.slots(arm).map(|slot| (slot, self.drawn.tree().get(slot)));
        let begun: Vec<(usize, u64)> = weights.filter(|&(_, weight)| weight > 0).collect();
        let mut none: Vec<(usize, u64)> = begun.iter().map(|&(slot, _)| (slot, 0)).collect();
        let members = begun.iter().map(|_| (arm, 0));
        self.drawn.exchange(&mut none, members)?;
        arms.members(arm).for_each(|sample| self.mark(sample, false));
        let pass = &mut self.arms[arm.index()];
        *pass = Pass { done: pass.done + 1, owed };
        self.reachable += self.reachable(arm);
        Ok(begun)
    }

    /// The arms have completed as many passes as in another run.
    pub fn go_on_from(&mut self, other: &Self) {
        for (pass, other) in self.arms.iter_mut().zip(&other.arms) {
            pass.done = other.done;
        }
        let all = (0..self.arms.len() as u32).map(ArmId);
        self.reachable = all.map(|arm| self.reachable(arm)).sum();
    }

    /// There is one arm more, without samples.
    pub fn add_arm(&mut self) {
        self.drawn.add_arm();
        self.arms.push(Pass::default());
    }

    /// There is one sample more.
    pub fn extend(&mut self, arms: &Arms) {
        self.bits.resize(arms.samples().div_ceil(64), 0);
    }

    /// Whether the parts agree with each other; used after reading them from a file. `owed` is how many samples each
    /// arm owes.
    pub fn is_consistent(&self, arms: &Arms, owed: &[u32]) -> bool {
        if self.arms.iter().any(|pass| pass.done > self.limit.unwrap_or(ENDLESS)) {
            return false;
        }
        let last = arms.samples() % 64;
        let padding = match self.bits.last() {
            Some(word) if last > 0 => word >> last == 0,
            _ => true,
        };
        let is_drawn = |slot| arms.sample_at(slot).is_some_and(|sample| self.is_drawn(sample));
        let reachable: usize = (0..arms.count() as u32).map(|arm| self.reachable(ArmId(arm))).sum();
        self.drawn.is_consistent(arms)
            && self.bits.len() == arms.samples().div_ceil(64)
            && padding
            && self.arms.len() == arms.count()
            && self.arms.iter().zip(owed).all(|(pass, owed)| pass.owed == *owed)
            && (0..arms.slot_count()).all(|slot| self.drawn.tree().get(slot) == 0 || is_drawn(slot))
            && self.reachable == reachable
    }
}
