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
    /// The rollouts of all trials.
    pub rollouts: u32,
    /// The probability that the arm had.
    pub share: Share,
    /// The place in the list of progress plus one, if any of the trials reported a success, or 0.
    pub visited: u32,
    /// The place in the list of priors plus one, or 0.
    pub believed: u32,
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
            share: Share { first: 1.0, inverses: 0.0, count: 0 },
            visited: 0,
            believed: 0,
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

/// The probability that an arm had when its tickets were drawn: the same for all of a round; of several rounds the
/// harmonic mean, so that dividing a mean score by it estimates what dividing each score by its own probability would.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    first: f64,
    /// The sum of the inverses, once one differs from the first.
    inverses: f64,
    count: u32,
}

impl Share {
    pub fn add(&mut self, share: f64) {
        if self.count == 0 {
            self.first = share;
        } else if self.inverses > 0.0 || share != self.first {
            if self.inverses == 0.0 {
                self.inverses = f64::from(self.count) / self.first;
            }
            self.inverses += 1.0 / share;
        }
        self.count += 1;
    }

    pub fn get(self) -> f64 {
        if self.inverses > 0.0 { f64::from(self.count) / self.inverses } else { self.first }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_several_rounds_is_the_harmonic_mean() {
        let share = |shares: &[f64]| {
            let mut share = Group::EMPTY.share;
            shares.iter().for_each(|&p| share.add(p));
            share.get()
        };
        assert_eq!((share(&[]), share(&[0.3; 7])), (1.0, 0.3));
        for shares in [vec![0.5, 0.25], vec![0.1, 0.1, 0.4], vec![0.9, 0.3, 0.9]] {
            let inverses: f64 = shares.iter().map(|p| 1.0 / p).sum();
            let expected = shares.len() as f64 / inverses;
            assert!((share(&shares) - expected).abs() < 1e-15, "{shares:?}");
        }
    }
}
