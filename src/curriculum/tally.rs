//! Sums by arm, over the trials of a round.

use curricle_kernels::prefetch;

use crate::base::id::ArmId;

/// Groups trials by arm without sorting them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// By arm: the place of its group plus one, or 0 if it has none.
    place: Vec<u32>,
    groups: Vec<Group>,
    /// Arms and the places of their groups, in the order of arms.
    order: Vec<u64>,
}

/// What the trials of one arm add up to; sums are taken in ticket order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    pub arm: ArmId,
    pub success: Mean,
    pub score: Mean,
    pub loss: Mean,
    pub cost: Mean,
    /// The tickets that were given up.
    pub lost: u32,
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
            lost: 0,
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
#[derive(Debug, Clone, Copy)]
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
