//! Exponential weights for adversarial rewards: EXP3, EXP3.S, Rexp3, EXP3-IX.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::math::{exp, ln};
use crate::base::rng::Rng;
use crate::policy::kit::learned::MOST;
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// No weight falls below this part of the greatest, so that each can come back.
const LEAST: f64 = 1e-290;

/// How the weights of an [`Exp3`] move, given the estimate `x` of the score of each arm.
///
/// With `n_a` of the round's `n` tickets and probability `p_a` when they were drawn, the estimate is
/// `(n_a / n) score_a / p_a`, and 0 for arms without a ticket: its expectation is the score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Update {
    /// Auer et al.: `w_a <- w_a exp(gamma x_a / K) + (e share / K) sum w`, drawn with
    /// `p = (1 - gamma) w / sum w + gamma / K`. Scores in `[0, 1]`. With `share = 0` it is EXP3, else
    /// EXP3.S, which follows a changing best arm.
    Auer {
        /// Exploration and learning rate, in `(0, 1]`.
        gamma: f64,
        /// What every arm is handed of all weight, `>= 0`.
        share: f64,
    },
    /// Graves et al.: `v = w exp(eta x)`, then
    /// `w_a <- (1 - share) v_a + share / (K - 1) sum of the other v`, drawn with
    /// `p = (1 - epsilon) w / sum w + epsilon / K`. Scores in `[-1, 1]`.
    Graves {
        /// Learning rate, `> 0`.
        eta: f64,
        /// Exploration, in `[0, 1]`.
        epsilon: f64,
        /// What an arm gives to the others, in `[0, 1]`; `None` is `1 / t` in the t-th round.
        share: Option<f64>,
    },
    /// Neu's implicit exploration: with the loss `l = 1 - score` in `[0, 1]` and its estimate
    /// `(n_a / n) l_a / (p_a + gamma)`, `w_a <- w_a exp(-eta estimate)`, then
    /// `w <- (1 - share) w + share / K`, drawn with `p = w`. A positive share follows a changing best
    /// arm.
    ImplicitExploration {
        /// Learning rate, `> 0`.
        eta: f64,
        /// Bias against the variance of the estimate, `>= 0`.
        gamma: f64,
        /// Fixed share, in `[0, 1]`.
        share: f64,
    },
}

/// Exponential weights: no assumption on how scores change, only that they have a range.
///
/// Rules and probabilities are those of [`Update`]; scores outside the rule's range are taken into it,
/// so put a [`Rescaled`](crate::policy::Rescaled) around it where they are not of that range by nature. Weights
/// are kept relative to the greatest.
///
/// Cost: O(K) a round. Memory: 8 bytes an arm.
///
/// Papers: Auer et al., *The nonstochastic multiarmed bandit problem*, 2002 (EXP3, EXP3.S); Besbes, Gur
/// and Zeevi, *Stochastic Multi-Armed-Bandit Problem with Non-stationary Rewards*, arXiv 1405.3316
/// (Rexp3); Graves et al., *Automated Curriculum Learning for Neural Networks*, arXiv 1704.03003; Neu,
/// *Explore no more*, arXiv 1506.03271 (EXP3-IX).
///
/// ```
/// use curricle::{Curriculum, policy::Exp3};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum =
///     Curriculum::builder(80).arms(4, |sample| (sample.0 / 20) as u32).policy(Exp3::graves()).build()?;
/// curriculum.draw(8)?;
/// assert_eq!(curriculum.shares(), [0.25; 4]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exp3 {
    update: Update,
    restart: Option<u64>,
    /// The greatest is 1; in implicit exploration they sum to 1.
    weights: Vec<f64>,
    rounds: u64,
}

impl Exp3 {
    /// Weights that move by a rule.
    pub fn new(update: Update) -> Self {
        Self { update, restart: None, weights: Vec::new(), rounds: 0 }
    }

    /// EXP3.S for `rounds` rounds in which the best of `arms` arms changes `changes` times:
    /// `share = 1 / T`, `gamma = min(1, sqrt(K (C ln(K T) + e) / ((e - 1) T)))`.
    pub fn auer(arms: u32, rounds: u64, changes: u64) -> Self {
        use std::f64::consts::E;
        let (k, t) = (f64::from(arms), rounds.max(1) as f64);
        let gamma = (k * (changes as f64 * ln(k * t) + E) / ((E - 1.0) * t)).sqrt().min(1.0);
        Self::new(Update::Auer { gamma, share: 1.0 / t })
    }

    /// The rule of Graves et al. for batches: `eta` 0.2, `epsilon` 0.1, `share` 0.01. The paper's own
    /// `eta` of 0.001 stays uniform for thousands of rounds.
    pub fn graves() -> Self {
        Self::new(Update::Graves { eta: 0.2, epsilon: 0.1, share: Some(0.01) })
    }

    /// EXP3-IX with fixed share for `rounds` rounds with `changes` changes:
    /// `eta = sqrt(2 C ln(K T) / (K T))`, `gamma = eta / 2`, `share = C / T`.
    pub fn implicit_exploration(arms: u32, rounds: u64, changes: u64) -> Self {
        let (k, t, c) = (f64::from(arms), rounds.max(1) as f64, changes.max(1) as f64);
        let eta = (2.0 * c * ln(k * t) / (k * t)).sqrt();
        Self::new(Update::ImplicitExploration { eta, gamma: eta / 2.0, share: (c / t).min(1.0) })
    }

    /// Starts afresh every so many rounds, at least 1 (Rexp3, for steady drift).
    #[must_use]
    pub fn restart(mut self, rounds: u64) -> Self {
        self.restart = Some(rounds);
        self
    }

    /// The weights, by arm.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    fn start(&mut self) {
        let arms = self.weights.len() as f64;
        let weight =
            if let Update::ImplicitExploration { .. } = self.update { 1.0 / arms } else { 1.0 };
        self.weights.fill(weight);
    }
}

impl Default for Exp3 {
    fn default() -> Self {
        Self::graves()
    }
}

impl Policy for Exp3 {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        match self.update {
            Update::Auer { gamma, share } => {
                within("gamma", gamma, f64::MIN_POSITIVE, 1.0)?;
                within("share", share, 0.0, 1e300)?;
            }
            Update::Graves { eta, epsilon, share } => {
                within("eta", eta, f64::MIN_POSITIVE, 1e300)?;
                within("epsilon", epsilon, 0.0, 1.0)?;
                within("share", share.unwrap_or(0.0), 0.0, 1.0)?;
            }
            Update::ImplicitExploration { eta, gamma, share } => {
                within("eta", eta, f64::MIN_POSITIVE, 1e300)?;
                within("gamma", gamma, 0.0, 1e300)?;
                within("share", share, 0.0, 1.0)?;
            }
        }
        if let Some(rounds) = self.restart {
            within("rounds before a restart", rounds as f64, 1.0, 1e18)?;
        }
        self.weights = vec![0.0; population.arms().count()];
        self.rounds = 0;
        self.start();
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        (self.update, self.restart) == (built.update, built.restart)
            && self.weights.len() == arms
            && self.weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0)
            && self.rounds <= MOST
    }

    fn reads(&self) -> Reads {
        Reads::SCORE
    }

    fn allot(&self, _: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let floor = match self.update {
            Update::Auer { gamma, .. } => gamma,
            Update::Graves { epsilon, .. } => epsilon,
            Update::ImplicitExploration { .. } => 0.0,
        };
        let p = allotment.arms(self.weights.len());
        let sum: f64 = self.weights.iter().sum();
        let even = floor / p.len() as f64;
        for (share, weight) in p.iter_mut().zip(&self.weights) {
            *share = (1.0 - floor) * weight / sum + even;
        }
        Ok(())
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        self.rounds += 1;
        let tickets: u32 = rewards.iter().map(|reward| reward.count).sum();
        let part = |reward: &Reward| f64::from(reward.count) / f64::from(tickets.max(1));
        let arms = self.weights.len() as f64;
        let before: f64 = self.weights.iter().sum();
        match self.update {
            Update::Auer { gamma, share } => {
                for reward in rewards {
                    let estimate = part(reward) * reward.score.clamp(0.0, 1.0) / reward.share;
                    self.weights[reward.arm.index()] *= bounded_exp(gamma * estimate / arms);
                }
                let handed = std::f64::consts::E * share / arms * before;
                self.weights.iter_mut().for_each(|weight| *weight += handed);
            }
            Update::Graves { eta, share, .. } => {
                for reward in rewards {
                    let estimate = part(reward) * reward.score.clamp(-1.0, 1.0) / reward.share;
                    self.weights[reward.arm.index()] *= bounded_exp(eta * estimate);
                }
                let share = share.unwrap_or(1.0 / self.rounds as f64);
                if arms > 1.0 {
                    let sum: f64 = self.weights.iter().sum();
                    for weight in &mut self.weights {
                        *weight = (1.0 - share) * *weight + share / (arms - 1.0) * (sum - *weight);
                    }
                }
            }
            Update::ImplicitExploration { eta, gamma, share } => {
                for reward in rewards {
                    let loss = 1.0 - reward.score.clamp(0.0, 1.0);
                    let estimate = part(reward) * loss / (reward.share + gamma);
                    self.weights[reward.arm.index()] *= bounded_exp(-eta * estimate);
                }
                let sum: f64 = self.weights.iter().sum();
                for weight in &mut self.weights {
                    *weight = ((1.0 - share) * *weight / sum + share / arms).max(LEAST);
                }
            }
        }
        if self.restart.is_some_and(|rounds| self.rounds.is_multiple_of(rounds)) {
            self.start();
        } else if !matches!(self.update, Update::ImplicitExploration { .. }) {
            let greatest = self.weights.iter().copied().fold(LEAST, f64::max);
            self.weights.iter_mut().for_each(|weight| *weight = (*weight / greatest).max(LEAST));
        }
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        // It begins in the middle: nothing is known of it.
        let mean = self.weights.iter().sum::<f64>() / self.weights.len() as f64;
        self.weights.resize(arms, mean);
        if let Update::ImplicitExploration { .. } = self.update {
            let sum: f64 = self.weights.iter().sum();
            self.weights.iter_mut().for_each(|weight| *weight /= sum);
        }
        Ok(())
    }
}

/// `exp(x)` for an estimate that a tiny probability has made huge, kept inside the range of a double.
fn bounded_exp(x: f64) -> f64 {
    exp(x.clamp(-300.0, 300.0))
}
