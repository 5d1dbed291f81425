//! Lists that samplers keep from one draw to the next, so that a draw allocates nothing. Every draw
//! clears what it uses: nothing of an earlier draw is ever read.

use std::cell::Cell;

use crate::base::id::ArmId;
use crate::base::seen::Seen;

/// The lists of a thread.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// The integer probabilities of arms, summed up.
    pub sums: Vec<u64>,
    /// Targets, and what owns them.
    pub drawn: Vec<u64>,
    pub targets: Vec<u64>,
    pub searched: Vec<u64>,
    /// By arm: where its weights begin in the tree.
    pub starts: Vec<u64>,
    /// By arm: how many slots it gets.
    pub counts: Vec<usize>,
    /// By arm: the weight that has been drawn.
    pub gone: Gone,
    /// The slots, or ranks, that have been taken.
    pub taken: Seen,
    pub ranks: Vec<usize>,
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

    /// Adds to the sum of an arm; returns what it was before.
    pub fn add(&mut self, arm: ArmId, weight: u64) -> u64 {
        self.touched.push(arm);
        let sum = &mut self.by_arm[arm.index()];
        std::mem::replace(sum, *sum + weight)
    }
}

thread_local! {
    static ROOM: Cell<Option<Box<Room>>> = const { Cell::new(None) };
}

impl Room {
    /// Lends the lists of this thread.
    pub fn lend<R>(work: impl FnOnce(&mut Room) -> R) -> R {
        let mut room = ROOM.take().unwrap_or_default();
        let done = work(&mut room);
        ROOM.set(Some(room));
        done
    }
}
