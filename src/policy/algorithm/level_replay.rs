//! Replay by rank of score and staleness: prioritised level replay.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, finite, within};
use crate::base::math::pow;
use crate::base::rng::Rng;
use crate::policy::kit::learned::MOST;
use crate::policy::kit::open_arms::open;
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// Prioritised level replay (PLR): arms that were seen are replayed by the rank of their last score
/// and by how long ago it was taken; arms that were not are mixed in.
///
/// ```text
/// S_a = (1 / rank_a)^(1 / beta) / sum_b (1 / rank_b)^(1 / beta)        rank 1: the greatest score
/// C_a = age_a / sum_b age_b                         age: rounds since tickets of the arm were last done with
/// p_a = (1 - nu) ((1 - rho) S_a + rho C_a)          for an arm that was seen
/// p_a = nu / unseen                                 for one that was not
/// ```
///
/// Defaults, the paper's: `beta` 0.1, `rho` 0.1, and `nu` 0.5, here the share of unseen arms. When
/// no arm is left unseen, or none has been seen, the others have everything. Equal scores share
/// the weights of their ranks evenly; if all ages are 0, `C` is even. Only arms that have something to draw are
/// ranked.
///
/// `1 / beta` is the exponent of the rank: at 0.1 the first two ranks have odds of 1024, at 1 of 2.
/// The score is the paper's mean absolute advantage, or any other
/// [signal](crate::signal), and an arm may well be a single sample.
///
/// Cost: O(K log K) a round for K arms; memory 24 bytes an arm.
///
/// Paper: Jiang, Grefenstette and Rocktäschel, *Prioritized Level Replay*, arXiv 2010.03934.
///
/// ```
/// use curricle::{Curriculum, policy::LevelReplay, signal::MeanAdvantage};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(100)
///     .arms(100, |sample| sample.0 as u32)
///     .policy(LevelReplay::new())
///     .signal(MeanAdvantage)
///     .build()?;
/// assert_eq!(curriculum.draw(8)?.draws.len(), 8);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelReplay {
    beta: f64,
    rho: f64,
    nu: f64,
    round: u64,
    seen: Vec<Option<Seen>>,
}

/// What is known of an arm that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Seen {
    score: f64,
    round: u64,
}

impl Default for LevelReplay {
    fn default() -> Self {
        Self::new()
    }
}

impl LevelReplay {
    /// The paper's setting: `beta` 0.1, `rho` 0.1, `nu` 0.5.
    pub fn new() -> Self {
        Self { beta: 0.1, rho: 0.1, nu: 0.5, round: 0, seen: Vec::new() }
    }

    /// Sets `beta > 0`: the smaller, the sharper the preference for the first ranks.
    #[must_use]
    pub fn beta(mut self, beta: f64) -> Self {
        self.beta = beta;
        self
    }

    /// Sets the share `rho`, in `[0, 1]`, that goes by staleness.
    #[must_use]
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// Sets the share `nu`, in `[0, 1]`, of the arms that were never seen.
    #[must_use]
    pub fn nu(mut self, nu: f64) -> Self {
        self.nu = nu;
        self
    }
}

impl Policy for LevelReplay {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("beta", self.beta, 1e-3, 1e6)?;
        within("rho", self.rho, 0.0, 1.0)?;
        within("nu", self.nu, 0.0, 1.0)?;
        self.seen = vec![None; population.arms().count()];
        self.round = 0;
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        (self.beta, self.rho, self.nu) == (built.beta, built.rho, built.nu)
            && self.round <= MOST
            && self.seen.len() == arms
            && self.seen.iter().flatten().all(|seen| seen.score.is_finite() && seen.round <= self.round)
    }

    fn reads(&self) -> Reads {
        Reads::SCORE
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let open = open(turn.population, self.seen.len())?;
        let p = allotment.arms(self.seen.len());
        let (mut ranked, mut unseen) = (Vec::new(), Vec::new());
        for &arm in &open {
            match self.seen[arm] {
                Some(seen) => {
                    finite("score of the arm", arm as u64, seen.score)?;
                    ranked.push((arm, seen));
                }
                None => unseen.push(arm),
            }
        }
        let nu = match (unseen.is_empty(), ranked.is_empty()) {
            (true, _) => 0.0,
            (_, true) => 1.0,
            _ => self.nu,
        };
        unseen.iter().for_each(|&arm| p[arm] = nu / unseen.len() as f64);
        ranked.sort_by(|(_, a), (_, b)| b.score.total_cmp(&a.score));
        let weight = |rank: usize| pow(1.0 / (rank as f64 + 1.0), 1.0 / self.beta);
        let age = |seen: &Seen| self.round.saturating_sub(seen.round) as f64;
        let weights: f64 = (0..ranked.len()).map(weight).sum();
        let ages: f64 = ranked.iter().map(|(_, seen)| age(seen)).sum();
        let even = 1.0 / ranked.len().max(1) as f64;
        let mut rank = 0;
        for alike in ranked.chunk_by(|(_, a), (_, b)| a.score.total_cmp(&b.score).is_eq()) {
            // Equal scores share their ranks: no arm is better for its number.
            let mean = (rank..rank + alike.len()).map(weight).sum::<f64>() / alike.len() as f64;
            for (arm, seen) in alike {
                let stale = if ages > 0.0 { age(seen) / ages } else { even };
                p[*arm] = (1.0 - nu) * ((1.0 - self.rho) * mean / weights + self.rho * stale);
            }
            rank += alike.len();
        }
        Ok(())
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        self.round += 1;
        for reward in rewards {
            if let Some(seen) = self.seen.get_mut(reward.arm.index()) {
                // A negative zero would rank below a positive one.
                *seen = Some(Seen { score: reward.score + 0.0, round: self.round });
            }
        }
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.seen.resize(arms, None);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ArmId;
    use crate::policy::kit::open_arms::testing::{allotted, population, same};

    #[test]
    fn ranks_ages_and_the_unseen_by_hand() {
        let four = population(&[1, 1, 1, 1]);
        let mut policy = LevelReplay::new().beta(0.5).rho(0.2).nu(0.25);
        policy.prepare(&four).unwrap();
        same(&allotted(&policy, 0, 2, &four), &[0.25; 4]);
        policy.learn(&four, &[Reward::new(ArmId(1), 1, -0.0), Reward::new(ArmId(3), 1, 0.5)]);
        // Just seen: ages 0. Ranks: arm 3, arm 1, with weights 1 and 1/4.
        let (first, second) = (0.8 * 0.8 + 0.1, 0.8 * 0.2 + 0.1);
        let expected = [0.125, 0.75 * second, 0.125, 0.75 * first];
        same(&allotted(&policy, 1, 2, &four), &expected);
        policy.learn(&four, &[]);
        policy.learn(&four, &[Reward::new(ArmId(0), 1, 0.0), Reward::new(ArmId(2), 1, 0.0)]);
        policy.learn(&four, &[Reward::new(ArmId(2), 1, 0.0)]);
        // Ages 1, 3, 0, 3; scores 0, 0, 0, 0.5: rank 1 for the last, ranks 2 to 4 shared by the others.
        let shared = (1.0 / 4.0 + 1.0 / 9.0 + 1.0 / 16.0) / 3.0;
        let p = |weight: f64, age: f64| 0.8 * weight / (1.0 + 3.0 * shared) + 0.2 * age / 7.0;
        let expected = [p(shared, 1.0), p(shared, 3.0), p(shared, 0.0), p(1.0, 3.0)];
        same(&allotted(&policy, 4, 2, &four), &expected);
    }

    #[test]
    fn a_sharp_preference_survives_many_ranks() {
        let many = population(&vec![1; 2000]);
        let mut policy = LevelReplay::new().beta(1e-3);
        policy.prepare(&many).unwrap();
        let rewards: Vec<Reward> =
            (0..2000).map(|arm| Reward::new(ArmId(arm), 1, f64::from(arm))).collect();
        policy.learn(&many, &rewards);
        assert!(allotted(&policy, 1, 2, &many)[1999] > 0.9);
    }
}
