//! What a curriculum works with while it draws: lists that are kept between draws, so that a steady
//! state allocates nothing. They are no part of its state.

use curricle_kernels::prefetch;

use crate::base::id::{ArmId, Round, SampleId};
use crate::base::seen::Seen;
use crate::event::Draw;
use crate::ledger::Pending;
use crate::ledger::progress::Progress;
use crate::policy::{Allotment, Revision, Reward};
use crate::sampler::Pick;
use crate::signal::Trial;

/// The working lists of a curriculum.
pub(crate) struct Desk<P> {
    /// A copy of the policy that learns from the round being folded in; outside of a draw it is equal to it.
    pub policy: Option<P>,
    /// The settled tickets of that round, and their scores.
    pub trials: Vec<Trial>,
    pub scores: Vec<f32>,
    pub tally: Tally,
    /// The progress of the arms that the round visited.
    pub progress: Vec<(ArmId, Progress)>,
    pub rewards: Vec<Reward>,
    /// New weights; once they are set, the ones that they replaced.
    pub weights: Vec<(SampleId, u64)>,
    pub slots: Vec<(usize, u64)>,
    pub under_way: Vec<u32>,
    /// The decision, unless the odds of the last one are revised in place.
    pub allotment: Allotment,
    pub is_revised: bool,
    pub revision: Revision,
    /// Arms that may have been emptied or filled since the last decision; if they are not known, all are.
    pub touched: Option<Vec<ArmId>>,
    pub picks: Vec<Pick>,
    pub draws: Vec<Draw>,
    /// A round that is done with, for its lists.
    pub spare: Pending,
    pub bytes: Vec<u8>,
    /// Where the tickets of feedback are kept.
    pub places: Vec<(usize, usize)>,
    pub seen: Seen,
}

impl<P> Default for Desk<P> {
    fn default() -> Self {
        Self {
            policy: None,
            trials: Vec::new(),
            scores: Vec::new(),
            tally: Tally::default(),
            progress: Vec::new(),
            rewards: Vec::new(),
            weights: Vec::new(),
            slots: Vec::new(),
            under_way: Vec::new(),
            allotment: Allotment::default(),
            is_revised: false,
            revision: Revision::default(),
            touched: None,
            picks: Vec::new(),
            draws: Vec::new(),
            spare: Pending {
                round: Round(0),
                draws: Vec::new(),
                states: Vec::new(),
                shares: Vec::new(),
            },
            bytes: Vec::new(),
            places: Vec::new(),
            seen: Seen::default(),
        }
    }
}

impl<P> Desk<P> {
    /// Notes that an arm may have been emptied or filled. Beyond `arms` notes it is as well to look at all.
    pub fn touch(&mut self, arm: ArmId, arms: usize) {
        match &mut self.touched {
            Some(touched) if touched.len() < arms => touched.push(arm),
            touched => *touched = None,
        }
    }
}

/// A copy of a curriculum starts with an empty desk.
impl<P> Clone for Desk<P> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<P> std::fmt::Debug for Desk<P> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Desk")
    }
}

/// Groups trials by arm without sorting them.
#[derive(Default)]
pub(crate) struct Tally {
    /// By arm: the place of its group plus one, or 0 if it has none.
    place: Vec<u32>,
    groups: Vec<Group>,
    /// Arms and the places of their groups, in the order of arms.
    order: Vec<u64>,
}

/// What the trials of one arm add up to; sums are taken in ticket order.
#[derive(Clone, Copy)]
pub(crate) struct Group {
    pub arm: ArmId,
    pub success: Mean,
    pub score: Mean,
    pub loss: Mean,
    pub cost: Mean,
    /// The rollouts of all trials, and of those that reported a success.
    pub rollouts: u32,
    pub judged: u32,
    /// The probability that the arm had.
    pub share: f64,
    /// The place in the list of progress plus one, if any of the trials reported a success, or 0.
    pub visited: u32,
}

impl Group {
    const EMPTY: Self = {
        let none = Mean { sum: 0.0, count: 0 };
        Self {
            arm: ArmId(0),
            success: none,
            score: none,
            loss: none,
            cost: none,
            rollouts: 0,
            judged: 0,
            share: 1.0,
            visited: 0,
        }
    };
}

impl Tally {
    /// Forgets all groups.
    pub fn clear(&mut self, arms: usize) {
        self.groups.iter().for_each(|group| self.place[group.arm.index()] = 0);
        self.groups.clear();
        self.order.clear();
        self.place.resize(arms, 0);
    }

    /// Asks the processor to fetch the place of an arm.
    #[inline]
    pub fn fetch(&self, arm: ArmId) {
        prefetch(&self.place, arm.index());
    }

    /// The group of an arm, made if there is none.
    #[inline]
    pub fn group(&mut self, arm: ArmId) -> &mut Group {
        let place = &mut self.place[arm.index()];
        if *place == 0 {
            self.groups.push(Group { arm, ..Group::EMPTY });
            *place = self.groups.len() as u32;
        }
        &mut self.groups[*place as usize - 1]
    }

    /// The group of an arm that has one.
    #[inline]
    pub fn get(&self, arm: ArmId) -> Option<&Group> {
        self.groups.get((self.place[arm.index()] as usize).wrapping_sub(1))
    }

    /// Does something with each group, in the order of arms.
    pub fn in_order(&mut self, mut each: impl FnMut(&mut Group)) {
        if self.order.len() != self.groups.len() {
            self.order.clear();
            let groups = (0u64..).zip(&self.groups);
            self.order.extend(groups.map(|(place, group)| u64::from(group.arm.0) << 32 | place));
            self.order.sort_unstable();
        }
        self.order.iter().for_each(|&key| each(&mut self.groups[key as u32 as usize]));
    }
}

/// A running mean.
#[derive(Clone, Copy)]
pub(crate) struct Mean {
    pub sum: f64,
    pub count: u32,
}

impl Mean {
    pub fn add(&mut self, value: f32) {
        self.sum += f64::from(value);
        self.count += 1;
    }

    pub fn get(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}
