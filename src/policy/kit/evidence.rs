//! What the arms have shown so far, and how it is forgotten.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::id::ArmId;
use crate::policy::Reward;
use crate::policy::kit::learned::{MOST, are_finite, can_be_summed};

/// How the evidence about an arm fades, so that a policy can follow arms that change.
///
/// A clock by round makes every arm look unfamiliar after a while, so that each is looked at again. A
/// clock by visit forgets only where there is news: cheaper while the favourite's own decline
/// announces every change, blind to arms that improve unseen. Give the latter a floor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Forgetting {
    /// Nothing is forgotten: for arms that do not change.
    #[default]
    Never,
    /// Counts and sums of *all* arms are multiplied by this factor in `[1e-9, 1]` once a round.
    PerRound(f64),
    /// Counts and sums of an arm are multiplied by this factor in `[1e-9, 1]` when a round visits it.
    PerVisit(f64),
    /// Only the last this many rounds count, at least 1.
    Window(u64),
}

impl Forgetting {
    pub(in crate::policy) fn check(&self) -> Result<()> {
        match *self {
            Self::Never => Ok(()),
            Self::PerRound(factor) | Self::PerVisit(factor) => {
                within("discount", factor, 1e-9, 1.0).map(drop)
            }
            Self::Window(rounds) => within("window", rounds as f64, 1.0, 1e9).map(drop),
        }
    }
}

/// By what factor a sum that leaves a window must be greater than what stays for that to be summed up anew.
const SWAMPS: f64 = 1_048_576.0;

/// Discounted counts `N` of tickets and sums `S` of scores, by arm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::policy) struct Evidence {
    forgetting: Forgetting,
    counts: Vec<f64>,
    sums: Vec<f64>,
    /// The visits inside the window, oldest first; empty without one.
    recent: VecDeque<Visit>,
    rounds: u64,
    /// Tickets of all time.
    total: f64,
    /// `total` when the arm was last forgotten as a whole.
    since: Vec<f64>,
    /// Whether some arm was forgotten at another time than the others.
    parted: bool,
}

/// What one round said of one arm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Visit {
    round: u64,
    arm: u32,
    count: f64,
    sum: f64,
}

impl Evidence {
    pub fn new(forgetting: Forgetting) -> Self {
        Self { forgetting, ..Self::default() }
    }

    /// Checks the forgetting, and starts from nothing.
    pub fn prepare(&mut self, arms: usize) -> Result<()> {
        self.forgetting.check()?;
        let zeros = vec![0.0; arms];
        *self = Self {
            counts: zeros.clone(),
            sums: zeros.clone(),
            since: zeros,
            ..Self::new(self.forgetting)
        };
        Ok(())
    }

    /// There are so many arms now; of the new ones nothing is known.
    pub fn grow(&mut self, arms: usize) {
        self.counts.resize(arms, 0.0);
        self.sums.resize(arms, 0.0);
        self.since.resize(arms, self.total);
        self.parted |= self.total > 0.0;
    }

    /// As [`Policy::is_learned_from`](crate::policy::Policy::is_learned_from).
    pub fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        let lists = [&self.counts, &self.sums, &self.since];
        let recent = self.recent.iter();
        self.forgetting == built.forgetting
            && lists.iter().all(|list| list.len() == arms && are_finite(list))
            && self.counts.iter().all(|count| *count >= 0.0)
            && self.total.is_finite()
            && self.rounds <= MOST
            && recent.clone().all(|visit| (visit.arm as usize) < arms && visit.round < self.rounds)
            && recent.clone().all(|visit| can_be_summed(&[visit.count, visit.sum]))
            && (matches!(self.forgetting, Forgetting::Window(_)) || self.recent.is_empty())
    }

    pub fn arms(&self) -> usize {
        self.counts.len()
    }

    /// The counts, by arm.
    pub fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// The sums of scores, by arm.
    pub fn sums(&self) -> &[f64] {
        &self.sums
    }

    /// The count of an arm.
    pub fn count(&self, arm: usize) -> f64 {
        self.counts[arm]
    }

    /// The sum of the scores of an arm.
    pub fn sum(&self, arm: usize) -> f64 {
        self.sums[arm]
    }

    /// The mean score of an arm, if there is evidence.
    pub fn mean(&self, arm: usize) -> Option<f64> {
        (self.counts[arm] > 0.0).then(|| self.sums[arm] / self.counts[arm])
    }

    /// The number of tickets that a confidence bound of an arm takes the logarithm of: what is not
    /// forgotten of all arms; without forgetting, all since the arm was last reset, plus one.
    pub fn horizon(&self, arm: usize) -> f64 {
        match self.forgetting {
            Forgetting::PerRound(_) | Forgetting::PerVisit(_) => self.counts.iter().sum(),
            Forgetting::Window(rounds) if self.rounds >= rounds => self.counts.iter().sum(),
            Forgetting::Never | Forgetting::Window(_) => self.total - self.since[arm] + 1.0,
        }
    }

    /// Whether [`horizon`](Self::horizon) is the same for all arms.
    pub fn is_shared(&self) -> bool {
        match self.forgetting {
            Forgetting::PerRound(_) | Forgetting::PerVisit(_) => true,
            Forgetting::Window(rounds) if self.rounds >= rounds => true,
            Forgetting::Never | Forgetting::Window(_) => !self.parted,
        }
    }

    /// The greatest mean of any arm that has evidence.
    pub fn greatest_mean(&self) -> Option<f64> {
        (0..self.arms()).filter_map(|arm| self.mean(arm)).max_by(f64::total_cmp)
    }

    /// Takes in one round.
    pub fn learn(&mut self, rewards: &[Reward]) {
        self.learn_as(rewards, |score| score);
    }

    /// Takes in one round, its scores moved into `[0, 1]`.
    pub fn learn_clamped(&mut self, rewards: &[Reward]) {
        self.learn_as(rewards, |score| score.clamp(0.0, 1.0));
    }

    fn learn_as(&mut self, rewards: &[Reward], score: impl Fn(f64) -> f64) {
        if let Forgetting::PerRound(factor) = self.forgetting {
            self.counts.iter_mut().for_each(|count| *count *= factor);
            self.sums.iter_mut().for_each(|sum| *sum *= factor);
        }
        for reward in rewards {
            let arm = reward.arm.index();
            let count = f64::from(reward.count);
            if let Forgetting::PerVisit(factor) = self.forgetting {
                self.counts[arm] *= factor;
                self.sums[arm] *= factor;
            }
            self.counts[arm] += count;
            self.sums[arm] += count * score(reward.score);
            self.total += count;
            if let Forgetting::Window(_) = self.forgetting {
                let visit = Visit {
                    round: self.rounds,
                    arm: reward.arm.0,
                    count,
                    sum: count * score(reward.score),
                };
                self.recent.push_back(visit);
            }
        }
        self.rounds += 1;
        if let Forgetting::Window(rounds) = self.forgetting {
            while let Some(old) = self.recent.pop_front_if(|visit| visit.round + rounds < self.rounds) {
                let arm = old.arm as usize;
                self.counts[arm] -= old.count;
                self.sums[arm] -= old.sum;
                // Beside one that was much greater than what is left, the others have lost their digits.
                if old.sum.abs() > SWAMPS * self.sums[arm].abs() {
                    let left = self.recent.iter().filter(|visit| visit.arm == old.arm);
                    self.sums[arm] = left.map(|visit| visit.sum).sum();
                }
                if self.counts[arm] <= 0.0 {
                    // Whole counts are exact; what rounding has left of the sum goes with them.
                    (self.counts[arm], self.sums[arm]) = (0.0, 0.0);
                }
            }
        }
    }

    /// Throws away all evidence about one arm.
    pub fn forget(&mut self, arm: ArmId) {
        (self.counts[arm.index()], self.sums[arm.index()]) = (0.0, 0.0);
        self.since[arm.index()] = self.total;
        self.parted = self.since.iter().any(|&since| since != self.since[0]);
        self.recent.retain(|visit| visit.arm != arm.0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_outlier_leaves_with_its_window() {
        for outlier in [1e6, 1e12, 1e18, 1e30, -1e18, 1e300] {
            let mut evidence = Evidence::new(Forgetting::Window(20));
            evidence.prepare(2).unwrap();
            for round in 0..200 {
                let score = if round == 50 { outlier } else { 0.9 };
                evidence.learn(&[Reward::new(ArmId(0), 3, score), Reward::new(ArmId(1), 2, 0.1)]);
            }
            let means = [evidence.mean(0).unwrap(), evidence.mean(1).unwrap()];
            assert!(
                (means[0] - 0.9).abs() < 1e-6 && (means[1] - 0.1).abs() < 1e-6,
                "{outlier}: {means:?}"
            );
        }
    }

    proptest! {
        /// Against the definition: a weighted sum over the whole history.
        #[test]
        fn agrees_with_the_whole_history(
            rounds in prop::collection::vec(prop::collection::vec((0..3u32, 1..5u32, 0.0..1.0f64), 0..3), 1..40),
            window in 1..10u64,
            factor in 0.5..1.0f64,
        ) {
            for forgetting in [
                Forgetting::Never,
                Forgetting::PerRound(factor),
                Forgetting::PerVisit(factor),
                Forgetting::Window(window),
            ] {
                let mut evidence = Evidence::new(forgetting);
                evidence.prepare(3).unwrap();
                for round in &rounds {
                    let rewards: Vec<Reward> =
                        round.iter().map(|&(arm, count, score)| Reward::new(ArmId(arm), count, score)).collect();
                    evidence.learn(&rewards);
                }
                for arm in 0..3 {
                    let (mut count, mut sum, mut weight) = (0.0, 0.0, 1.0);
                    for (age, round) in rounds.iter().rev().enumerate() {
                        for &(owner, number, score) in round.iter().rev() {
                            if owner == arm && (!matches!(forgetting, Forgetting::Window(w) if age as u64 >= w)) {
                                count += weight * f64::from(number);
                                sum += weight * f64::from(number) * score;
                                if let Forgetting::PerVisit(factor) = forgetting {
                                    weight *= factor;
                                }
                            }
                        }
                        if let Forgetting::PerRound(factor) = forgetting {
                            weight *= factor;
                        }
                    }
                    prop_assert!((evidence.count(arm as usize) - count).abs() < 1e-9);
                    prop_assert!((evidence.sum(arm as usize) - sum).abs() < 1e-9);
                }
            }
        }
    }
}
