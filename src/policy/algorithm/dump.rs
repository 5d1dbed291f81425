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
/// `n_a` counts every ticket of the arm that is done with; the window holds the last `k` of them,
/// each with the mean [score](crate::policy::Reward::score) of its round, in which one that was given up counts too: an arm
/// whose tickets never come back must not keep its bonus. Defaults, the paper's: `k` 300 and `tau` 0.1, for scores
/// such as [`MeanAdvantage`](crate::signal::MeanAdvantage), in `[0, 1]`; nearer to greedy was much
/// worse there.
///
/// An arm that was never visited has mean 0 and the full bonus. The bonus never quite ends, so an
/// arm whose score has gone is looked at again, ever more rarely. Scores of another scale call for
/// another `tau`, and drown the bonus or drown in it.
///
/// Cost: O(K) a round for K arms, and O(rounds in the window) for each visited arm; memory at most
/// 16 `k` bytes an arm.
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
    arms: Vec<Recent>,
}

/// The recent scores of an arm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Recent {
    /// The mean score of a round, and how many of its tickets are in the window.
    scores: VecDeque<(f64, u32)>,
    mean: f64,
    /// All tickets that are done with.
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
    /// The paper's setting: a window of 300 tickets, temperature 0.1.
    pub fn new() -> Self {
        Self { window: 300, temperature: 0.1, arms: Vec::new() }
    }

    /// Sets how many tickets of an arm its mean is taken over, at least 1.
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
        let tickets: f64 = self.arms.iter().map(|arm| arm.total as f64).sum();
        let bound =
            |arm: &Recent| arm.mean + (2.0 * ln(tickets + 1.0) / (arm.total as f64 + 1.0)).sqrt();
        self.arms.iter().map(bound).collect()
    }
}

impl Policy for Dump {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("window of scores", self.window.into(), 1.0, u32::MAX.into())?;
        within("temperature", self.temperature, 1e-9, 1e300)?;
        self.arms = vec![Recent::default(); population.arms().count()];
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
        for reward in rewards {
            if let Some(arm) = self.arms.get_mut(reward.arm.index()) {
                arm.take_in(reward.score, reward.count, self.window);
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

    /// A window over single tickets, restated.
    #[test]
    fn the_window_holds_the_last_tickets() {
        let mut recent = Recent::default();
        let mut tickets: Vec<f64> = Vec::new();
        for (round, count) in [3, 1, 5, 0, 2, 9, 1, 1, 4].into_iter().enumerate() {
            let score = (round * 7 % 5) as f64;
            recent.take_in(score, count, 6);
            tickets.extend(vec![score; count as usize]);
            let last = &tickets[tickets.len().saturating_sub(6)..];
            let mean = last.iter().sum::<f64>() / last.len() as f64;
            assert!((recent.mean - mean).abs() < 1e-12, "round {round}");
            assert_eq!(recent.total, tickets.len() as u64);
        }
        assert!(recent.scores.len() <= 6);
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
