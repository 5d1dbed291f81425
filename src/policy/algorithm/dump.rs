//! An upper confidence bound on the advantage of each arm: the rule of DUMP.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::math::ln;
use crate::base::rng::Rng;
use crate::policy::kit::learned::can_be_summed;
use crate::policy::kit::open_arms::softmax_open;
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// DUMP: a softmax over upper confidence bounds of the recent score of each arm.
///
/// ```text
/// UCB_a = mean of the last k scores of a + sqrt(2 ln(n + 1) / (n_a + 1))        n = sum n_a
/// p_a   = exp(UCB_a / tau) / sum_b exp(UCB_b / tau)
/// ```
///
/// `n_a` counts every *rollout* of the arm, as reported ([`Outcome::rollouts`](crate::Outcome::rollouts); one for an
/// outcome that says nothing of it); the window holds the last `k` of them, each with the mean
/// [score](crate::policy::Reward::score) of its round over tickets. A ticket that was given up counts too, for as many
/// rollouts as those that came back had in the mean, in its round or in the last one before of which anything did
/// (rounded up, one to begin with): an arm whose tickets never come back must not keep its bonus. Defaults, the
/// paper's: `k` 300 rollouts and `tau` 0.1, for scores such as [`MeanAdvantage`](crate::signal::MeanAdvantage), in
/// `[0, 1]`; nearer to greedy was much worse there. 300 rollouts are 37 tickets with groups of 8.
///
/// An arm that was never visited has mean 0 and the full bonus. The bonus never quite ends, so an
/// arm whose score has gone is looked at again, ever more rarely. Scores of another scale call for
/// another `tau`, and drown the bonus or drown in it.
///
/// Cost: O(K) a round for K arms, and O(rounds in the window) for each visited arm; memory at most
/// 16 bytes an arm for each round in its window.
///
/// Paper: Wang et al., *DUMP: Automated Distribution-Level Curriculum Learning for RL-based LLM
/// Post-training*, arXiv 2504.09710.
///
/// ```
/// use curricle::{Curriculum, policy::Dump, signal::MeanAdvantage};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(100)
///     .arms(4, |sample| (sample.0 % 4) as u32)
///     .policy(Dump::new())
///     .signal(MeanAdvantage)
///     .build()?;
/// curriculum.draw(8)?;
/// assert_eq!(curriculum.shares(), [0.25; 4]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dump {
    window: u32,
    temperature: f64,
    /// Rollouts of a ticket in the last round of which any came back, at least 1.
    group: u32,
    arms: Vec<Recent>,
}

/// The recent scores of an arm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Recent {
    /// The mean score of a round, and how many of its rollouts are in the window.
    scores: VecDeque<(f64, u32)>,
    mean: f64,
    /// All rollouts.
    total: u64,
}

impl Recent {
    fn take_in(&mut self, score: f64, count: u32, window: u32) {
        self.total = self.total.saturating_add(u64::from(count));
        self.scores.push_back((score, count.min(window)));
        let mut surplus = (self.scores.iter().map(|&(_, count)| u64::from(count)).sum::<u64>())
            .saturating_sub(window.into());
        while let Some((_, oldest)) = self.scores.front_mut().filter(|_| surplus > 0) {
            if u64::from(*oldest) > surplus {
                *oldest -= surplus as u32;
                break;
            }
            surplus -= u64::from(*oldest);
            self.scores.pop_front();
        }
        let (mut sum, mut counts) = (0.0, 0.0);
        for &(score, count) in &self.scores {
            sum += score * f64::from(count);
            counts += f64::from(count);
        }
        self.mean = if counts > 0.0 { sum / counts } else { 0.0 };
    }
}

impl Default for Dump {
    fn default() -> Self {
        Self::new()
    }
}

impl Dump {
    /// The paper's setting: a window of 300 rollouts, temperature 0.1.
    pub fn new() -> Self {
        Self { window: 300, temperature: 0.1, group: 1, arms: Vec::new() }
    }

    /// Sets how many rollouts of an arm its mean is taken over, at least 1.
    #[must_use]
    pub fn window(mut self, window: u32) -> Self {
        self.window = window;
        self
    }

    /// Sets the temperature `tau > 0`, in units of the score.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = temperature;
        self
    }

    /// The upper confidence bounds, by arm.
    pub fn bounds(&self) -> Vec<f64> {
        let rollouts: f64 = self.arms.iter().map(|arm| arm.total as f64).sum();
        let bound =
            |arm: &Recent| arm.mean + (2.0 * ln(rollouts + 1.0) / (arm.total as f64 + 1.0)).sqrt();
        self.arms.iter().map(bound).collect()
    }
}

impl Policy for Dump {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("window of scores", self.window.into(), 1.0, u32::MAX.into())?;
        within("temperature", self.temperature, 1e-9, 1e300)?;
        (self.group, self.arms) = (1, vec![Recent::default(); population.arms().count()]);
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        let is_within = |arm: &Recent| {
            let counts = arm.scores.iter().map(|&(_, count)| u64::from(count)).sum::<u64>();
            arm.mean.is_finite()
                && arm.scores.iter().all(|(score, _)| can_be_summed(&[*score]))
                && counts <= self.window.into()
        };
        (self.window, self.temperature) == (built.window, built.temperature)
            && self.group >= 1
            && self.arms.len() == arms
            && self.arms.iter().all(is_within)
    }

    fn reads(&self) -> Reads {
        Reads::SCORE
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let p = allotment.arms(self.arms.len());
        p.copy_from_slice(&self.bounds());
        softmax_open(turn.population, p, self.temperature)
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        let back = |reward: &Reward| if reward.returned() > 0 { reward.rollouts } else { 0 };
        let tickets: u64 = rewards.iter().map(|reward| u64::from(reward.returned())).sum();
        if tickets > 0 {
            let rollouts: u64 = rewards.iter().map(|reward| u64::from(back(reward))).sum();
            self.group = u32::try_from(rollouts.div_ceil(tickets)).unwrap_or(u32::MAX).max(1);
        }
        for reward in rewards {
            if let Some(arm) = self.arms.get_mut(reward.arm.index()) {
                let rollouts = back(reward).saturating_add(reward.lost.saturating_mul(self.group));
                arm.take_in(reward.score, rollouts, self.window);
            }
        }
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.arms.resize(arms, Recent::default());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ArmId;
    use crate::policy::kit::open_arms::testing::{allotted, population, same};

    /// A window over single rollouts, restated.
    #[test]
    fn the_window_holds_the_last_rollouts() {
        let mut recent = Recent::default();
        let mut rollouts: Vec<f64> = Vec::new();
        for (round, count) in [3, 1, 5, 0, 2, 9, 1, 1, 4].into_iter().enumerate() {
            let score = (round * 7 % 5) as f64;
            recent.take_in(score, count, 6);
            rollouts.extend(vec![score; count as usize]);
            let last = &rollouts[rollouts.len().saturating_sub(6)..];
            let mean = last.iter().sum::<f64>() / last.len() as f64;
            assert!((recent.mean - mean).abs() < 1e-12, "round {round}");
            assert_eq!(recent.total, rollouts.len() as u64);
        }
        assert!(recent.scores.len() <= 6);
    }

    /// Eight rollouts a ticket: they are what the window and the bounds count. A ticket that was given up counts as
    /// many as those that come back, also in a round of which nothing did.
    #[test]
    fn rollouts_are_counted_not_tickets() {
        let two = population(&[2, 2]);
        let mut policy = Dump::new().window(40);
        policy.prepare(&two).unwrap();
        let reward = |arm: u32, count: u32, score: f64| Reward::new(ArmId(arm), count, score);
        policy.learn(&two, &[reward(0, 3, 0.5).rollouts(24), reward(1, 2, 0.25).rollouts(8).lost(1)]);
        assert_eq!([policy.arms[0].total, policy.arms[1].total], [24, 16]);
        let log = 2.0 * ln(41.0);
        same(&policy.bounds(), &[0.5 + (log / 25.0).sqrt(), 0.25 + (log / 17.0).sqrt()]);
        policy.learn(&two, &[reward(0, 2, 0.0).lost(2)]);
        assert_eq!(policy.arms[0].total, 40);
        policy.learn(&two, &[reward(0, 1, 1.0).rollouts(8)]);
        // Of 48 rollouts the window has the last 40: 16 of the first round, 16 lost, 8.
        same(&[policy.arms[0].mean], &[(16.0 * 0.5 + 8.0) / 40.0]);
    }

    #[test]
    fn a_group_of_no_rollouts_is_forged() {
        let two = population(&[2, 2]);
        let mut built = Dump::new();
        built.prepare(&two).unwrap();
        let mut learned = built.clone();
        learned.learn(&two, &[Reward::new(ArmId(0), 3, 0.5).rollouts(24)]);
        assert!(learned.is_learned_from(&built, 2) && learned.group == 8);
        let forged = Dump { group: 0, ..learned };
        assert!(!forged.is_learned_from(&built, 2));
    }

    #[test]
    fn bounds_by_hand() {
        let mut policy = Dump::new();
        let three = population(&[2, 2, 2]);
        policy.prepare(&three).unwrap();
        let rewards = [Reward::new(ArmId(0), 4, 0.5), Reward::new(ArmId(2), 1, 0.25)];
        policy.learn(&three, &rewards);
        let log = 2.0 * ln(6.0);
        let expected = [0.5 + (log / 5.0).sqrt(), log.sqrt(), 0.25 + (log / 2.0).sqrt()];
        same(&policy.bounds(), &expected);
        let weights = expected.map(|bound| crate::base::math::exp(10.0 * bound));
        let sum: f64 = weights.iter().sum();
        same(&allotted(&policy, 0, 8, &three), &weights.map(|weight| weight / sum));
        same(&allotted(&policy, 0, 8, &population(&[2, 0, 0])), &[1.0, 0.0, 0.0]);
    }
}
