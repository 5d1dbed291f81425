//! From easy to hard on a timetable: the schedules of E2H Reasoner.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::math::{cos, pow};
use crate::base::rng::Rng;
use crate::policy::kit::open_arms::{open, softmax_open};
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// The shape of an [`EasyToHard`] timetable.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Pacing {
    /// All arms at any time, weighted towards the easy ones first and towards the hard ones last.
    Cosine,
    /// A bell that moves from the easiest arm to the hardest.
    Gaussian {
        /// How it moves, `> 0`: below 1 it leaves the easy arms early, above 1 late.
        beta: f64,
        /// Its standard deviation, in arms, `> 0`.
        sigma: f64,
    },
}

/// Easy to hard (E2H Reasoner): an open-loop timetable over arms that stand in the order of their
/// difficulty, arm 0 the easiest.
///
/// ```text
/// cosine:    p_k ~ a (K - k - 1) + (1 - a) k         a = (1 + cos(pi t / T)) / 2
/// gaussian:  p_k ~ exp(-(x - k)^2 / (2 sigma^2))     x = (t / T)^beta (K - 1)
/// ```
///
/// in round `t` of a horizon of `T` rounds, for `k = 0..K`; after the horizon the last mixture
/// stays. It learns nothing. The cosine begins without the hardest arm, is even half way, and ends
/// without the easiest. Arms without anything to draw are left out; if only arms of weight 0 are
/// left, they are taken alike.
///
/// [`EasyToHard::gaussian`] has `beta` 0.5 and `sigma` 0.5. The paper tunes both, task by task.
///
/// Cost: O(K) a round for K arms; no memory.
///
/// Paper: Parashar et al., *Curriculum Reinforcement Learning from Easy to Hard Tasks Improves LLM
/// Reasoning*, arXiv 2506.06632.
///
/// ```
/// use curricle::{Curriculum, policy::EasyToHard};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(90)
///     .arms(3, |sample| (sample.0 / 30) as u32)
///     .policy(EasyToHard::cosine(200))
///     .build()?;
/// curriculum.draw(8)?;
/// assert!((curriculum.shares()[0] - 2.0 / 3.0).abs() < 1e-12);
/// assert_eq!(curriculum.shares()[2], 0.0);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EasyToHard {
    pace: Pacing,
    rounds: u64,
}

impl EasyToHard {
    /// A timetable of `rounds` rounds, at least 1.
    pub fn new(pace: Pacing, rounds: u64) -> Self {
        Self { pace, rounds }
    }

    /// The cosine timetable.
    pub fn cosine(rounds: u64) -> Self {
        Self::new(Pacing::Cosine, rounds)
    }

    /// The Gaussian timetable, with `beta` 0.5 and `sigma` 0.5.
    pub fn gaussian(rounds: u64) -> Self {
        Self::new(Pacing::Gaussian { beta: 0.5, sigma: 0.5 }, rounds)
    }
}

impl Policy for EasyToHard {
    fn prepare(&mut self, _: &Population) -> Result<()> {
        within("rounds of the timetable", self.rounds as f64, 1.0, f64::MAX)?;
        if let Pacing::Gaussian { beta, sigma } = self.pace {
            within("beta", beta, 1e-9, 1e9)?;
            within("sigma", sigma, 1e-9, 1e9)?;
        }
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, _: usize) -> bool {
        self == built
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let arms = turn.population.arms().count();
        let open = open(turn.population, arms)?;
        let part = turn.round.0.min(self.rounds) as f64 / self.rounds.max(1) as f64;
        let p = allotment.arms(arms);
        let hardest = arms as f64 - 1.0;
        match self.pace {
            Pacing::Cosine => {
                let easy = 0.5 * (1.0 + cos(PI * part));
                for &arm in &open {
                    p[arm] = easy * (hardest - arm as f64) + (1.0 - easy) * arm as f64;
                }
                let sum: f64 = p.iter().sum();
                for &arm in &open {
                    p[arm] = if sum > 0.0 { p[arm] / sum } else { 1.0 / open.len() as f64 };
                }
            }
            Pacing::Gaussian { beta, sigma } => {
                let centre = pow(part, beta) * hardest;
                for (arm, log) in p.iter_mut().enumerate() {
                    let distance = (arm as f64 - centre) / sigma;
                    *log = -0.5 * distance * distance;
                }
                softmax_open(turn.population, p, 1.0)?;
            }
        }
        Ok(())
    }

    fn learn(&mut self, _: &Population, _: &[Reward]) {}

    fn grow(&mut self, _: usize) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::math::exp;
    use crate::policy::kit::open_arms::testing::{allotted, population, same};

    #[test]
    fn the_cosine_by_hand() {
        let four = population(&[2; 4]);
        let policy = EasyToHard::cosine(100);
        same(&allotted(&policy, 0, 8, &four), &[3.0, 2.0, 1.0, 0.0].map(|p| p / 6.0));
        same(&allotted(&policy, 50, 8, &four), &[0.25; 4]);
        let hard = [0.0, 1.0, 2.0, 3.0].map(|p| p / 6.0);
        same(&allotted(&policy, 100, 8, &four), &hard);
        same(&allotted(&policy, 100_000, 8, &four), &hard);
        // cos(pi / 3) = 1/2: a = 3/4 a third of the way.
        let third = EasyToHard::cosine(3);
        same(&allotted(&third, 1, 8, &four), &[2.25, 1.75, 1.25, 0.75].map(|p| p / 6.0));
        same(&allotted(&policy, 0, 8, &population(&[0, 0, 0, 2])), &[0.0, 0.0, 0.0, 1.0]);
        same(&allotted(&policy, 7, 8, &population(&[2])), &[1.0]);
    }

    #[test]
    fn the_gaussian_restated() {
        let five = population(&[2; 5]);
        let policy = EasyToHard::gaussian(64);
        for round in [0, 16, 64] {
            let centre = 4.0 * (round as f64 / 64.0).sqrt();
            let bell: Vec<f64> = (0..5)
                .map(|arm| exp(-(centre - f64::from(arm)) * (centre - f64::from(arm)) / 0.5))
                .collect();
            let sum: f64 = bell.iter().sum();
            let bell: Vec<f64> = bell.iter().map(|p| p / sum).collect();
            same(&allotted(&policy, round, 8, &five), &bell);
        }
        // Far from the bell, and still to be drawn.
        let narrow = EasyToHard::new(Pacing::Gaussian { beta: 1.0, sigma: 1e-3 }, 64);
        same(&allotted(&narrow, 0, 8, &population(&[0, 0, 0, 2, 2])), &[0.0, 0.0, 0.0, 1.0, 0.0]);
    }
}
