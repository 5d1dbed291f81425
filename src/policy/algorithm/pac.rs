//! Thompson sampling on a Kalman filter: the controller of PAC.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, finite, within};
use crate::base::rng::Rng;
use crate::event::Field;
use crate::policy::kit::learned::{are_finite, can_be_summed};
use crate::policy::kit::open_arms::{Greatest, by_slot, open};
use crate::policy::kit::variate::Normals;
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// PAC's controller: each arm has a Gaussian belief about its utility, which a Kalman filter tracks
/// while the utility drifts; each slot draws one utility for every arm and takes the greatest.
///
/// ```text
/// after a round:   v_a <- v_a + q                                             for every arm
/// for each arm a with n tickets among the B of the round:
///     s_adv  = mean of the scores of its last W visits
///     s_prog = slope_a / sum_b |slope_b|           slope: least squares of success over W visits
///     u      = (1 + s_prog) s_adv
///     g      = v_a / (v_a + (B / K) / n)
///     mu_a  <- mu_a + g (u - mu_a)                 v_a <- (1 - g) v_a
/// each slot:       argmax_a  mu_a + sqrt(v_a) normal
/// ```
///
/// Defaults, PAC's: `W` 16, `q` 0.02, `mu` 0 and `v` 1 at the start, and 50 uniform rounds
/// before the first choice, for scores such as [`MeanAdvantage`](crate::signal::MeanAdvantage).
///
/// The variance of an arm that is not visited grows by `q` a round, so it comes back sooner or
/// later. The slope of an arm with fewer than two visits is 0; if all slopes are 0, so is `s_prog`.
/// The slope is taken over visits, not over rounds. An arm is chosen at most as often as it has
/// drawable samples, until the others are used up too.
///
/// Cost: O(K) a round and O(K) for each slot, for K arms; memory 16 `W` bytes an arm.
///
/// The observation variance is 1 for an arm that got its even share of the batch: scores of a range
/// far from 1 call for other values of [`start`](Self::start) and [`drift`](Self::drift).
///
/// Origin: PAC (2026), written from a description of its controller, without the paper at hand.
///
/// ```
/// use curricle::{Curriculum, policy::Pac, signal::MeanAdvantage};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(100)
///     .arms(4, |sample| (sample.0 % 4) as u32)
///     .policy(Pac::new())
///     .signal(MeanAdvantage)
///     .build()?;
/// curriculum.draw(8)?;
/// assert_eq!(curriculum.shares(), [0.25; 4]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pac {
    window: usize,
    drift: f64,
    start: (f64, f64),
    cold: u64,
    arms: Vec<Belief>,
}

/// What is believed of one arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Belief {
    mean: f64,
    variance: f64,
    /// Score and success of the last visits.
    visits: VecDeque<(f64, f64)>,
    slope: f64,
}

impl Belief {
    fn visit(&mut self, score: f64, success: f64, window: usize) {
        self.visits.push_back((score, success));
        if self.visits.len() > window {
            self.visits.pop_front();
        }
        let centre = (self.visits.len() as f64 - 1.0) / 2.0;
        // Relative to one of them, so that a constant success has slope 0 exactly.
        let first = self.visits.front().map_or(0.0, |&(_, success)| success);
        let (mut product, mut square) = (0.0, 0.0);
        for (visit, &(_, success)) in self.visits.iter().enumerate() {
            let from_centre = visit as f64 - centre;
            product += from_centre * (success - first);
            square += from_centre * from_centre;
        }
        self.slope = if square > 0.0 { product / square } else { 0.0 };
    }

    fn advantage(&self) -> f64 {
        let visits = self.visits.len().max(1) as f64;
        self.visits.iter().map(|&(score, _)| score).sum::<f64>() / visits
    }
}

impl Default for Pac {
    fn default() -> Self {
        Self::new()
    }
}

impl Pac {
    /// PAC's setting: window 16, drift 0.02, start at mean 0 and variance 1, 50 uniform rounds.
    pub fn new() -> Self {
        Self { window: 16, drift: 0.02, start: (0.0, 1.0), cold: 50, arms: Vec::new() }
    }

    /// Sets how many visits of an arm score and slope are taken over, `1..=1000000`.
    #[must_use]
    pub fn window(mut self, window: usize) -> Self {
        self.window = window;
        self
    }

    /// Sets the variance `q >= 0` that a belief gains in a round.
    #[must_use]
    pub fn drift(mut self, drift: f64) -> Self {
        self.drift = drift;
        self
    }

    /// Sets the mean and the variance, `> 0`, of every belief at the start.
    #[must_use]
    pub fn start(mut self, mean: f64, variance: f64) -> Self {
        self.start = (mean, variance);
        self
    }

    /// Sets how many rounds are uniform at the start.
    #[must_use]
    pub fn cold(mut self, rounds: u64) -> Self {
        self.cold = rounds;
        self
    }

    /// The mean and the variance of the belief about each arm.
    pub fn beliefs(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.arms.iter().map(|arm| (arm.mean, arm.variance))
    }
}

impl Policy for Pac {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("window of visits", self.window as f64, 1.0, 1e6)?;
        within("drift", self.drift, 0.0, 1e12)?;
        within("start of the mean", finite("start of the mean", 0, self.start.0)?, -1e100, 1e100)?;
        within("start of the variance", self.start.1, 1e-12, 1e12)?;
        let (mean, variance) = self.start;
        let belief = Belief { mean, variance, visits: VecDeque::new(), slope: 0.0 };
        self.arms = vec![belief; population.arms().count()];
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        let is_possible = |arm: &Belief| {
            let visits = arm
                .visits
                .iter()
                .all(|(score, success)| can_be_summed(&[*score]) && (0.0..=1.0).contains(success));
            visits
                && arm.visits.len() <= self.window
                && are_finite(&[arm.mean, arm.variance])
                && (-2.0..=2.0).contains(&arm.slope)
                && arm.variance >= 0.0
        };
        (self.window, self.drift, self.start, self.cold)
            == (built.window, built.drift, built.start, built.cold)
            && self.arms.len() == arms
            && self.arms.iter().all(is_possible)
    }

    fn reads(&self) -> Reads {
        Reads::SCORE | Field::Success.into()
    }

    fn is_adapted(&self, turn: &Turn<'_>) -> bool {
        turn.round.0 >= self.cold
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let open = open(turn.population, self.arms.len())?;
        if !self.is_adapted(turn) {
            let p = allotment.arms(self.arms.len());
            open.iter().for_each(|&arm| p[arm] = 1.0 / open.len() as f64);
            return Ok(());
        }
        let mut normals = Normals::default();
        by_slot(turn, &open, allotment, |_, arms| {
            let mut greatest = Greatest::default();
            for (place, &arm) in arms.iter().enumerate() {
                let belief = &self.arms[arm];
                let utility = belief.mean + belief.variance.sqrt() * normals.next(rng);
                greatest.offer(place, utility, rng);
            }
            greatest.key().unwrap_or(0)
        });
        Ok(())
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        self.arms.iter_mut().for_each(|arm| arm.variance += self.drift);
        for reward in rewards.iter().filter(|reward| reward.returned() > 0) {
            if let Some(arm) = self.arms.get_mut(reward.arm.index()) {
                arm.visit(reward.score, reward.success.unwrap_or(0.0), self.window);
            }
        }
        let slopes: f64 = self.arms.iter().map(|arm| arm.slope.abs()).sum();
        let tickets: f64 = rewards.iter().map(|reward| f64::from(reward.count)).sum();
        let even = tickets / self.arms.len() as f64;
        let utility = |arm: &Belief| {
            let progress = if slopes > 0.0 { arm.slope / slopes } else { 0.0 };
            (1.0 + progress) * arm.advantage()
        };
        // What did not come back was of no use, and no better than the worst that did.
        let returned = rewards.iter().filter(|reward| reward.returned() > 0);
        let returned = returned.filter_map(|reward| self.arms.get(reward.arm.index()));
        let least = returned.map(utility).fold(0.0, f64::min);
        for reward in rewards.iter().filter(|reward| reward.count > 0) {
            let Some(arm) = self.arms.get_mut(reward.arm.index()) else { continue };
            let utility = if reward.returned() > 0 { utility(arm) } else { least };
            let gain = arm.variance / (arm.variance + even / f64::from(reward.count));
            arm.mean += gain * (utility - arm.mean);
            arm.variance *= 1.0 - gain;
        }
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        let (mean, variance) = self.start;
        let belief = Belief { mean, variance, visits: VecDeque::new(), slope: 0.0 };
        self.arms.resize(arms, belief);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ArmId;
    use crate::policy::kit::open_arms::testing::{allotted, population, same};

    /// Numbers whose sums would not be finite can only be forged.
    #[test]
    fn a_window_that_cannot_be_is_told() {
        let mut built = Pac::new();
        built.prepare(&population(&[3, 3])).unwrap();
        let mut good = built.clone();
        good.arms[0].visit(0.3, 0.5, 16);
        assert!(good.is_learned_from(&built, 2));
        for (score, success, slope) in
            [(1e300, 0.5, 0.0), (f64::NAN, 0.5, 0.0), (0.3, 1e308, 0.0), (0.3, 0.5, 3.0)]
        {
            let mut bad = good.clone();
            bad.arms[1].visits.push_back((score, success));
            bad.arms[1].slope = slope;
            assert!(!bad.is_learned_from(&built, 2), "{score} {success} {slope}");
        }
    }

    fn reward(arm: u32, count: u32, score: f64, success: f64) -> Reward {
        Reward::new(ArmId(arm), count, score).success(success)
    }

    #[test]
    fn two_rounds_by_hand() {
        let two = population(&[4, 4]);
        let mut policy = Pac::new();
        policy.prepare(&two).unwrap();
        policy.learn(&two, &[reward(0, 6, 0.5, 0.2), reward(1, 2, 0.25, 0.75)]);
        // B/K = 4: observation variances 4/6 and 4/2; no slopes yet.
        let (g, h) = (1.02 / (1.02 + 4.0 / 6.0), 1.02 / (1.02 + 2.0));
        let belief = |policy: &Pac| policy.beliefs().flat_map(<[f64; 2]>::from).collect::<Vec<_>>();
        same(&belief(&policy), &[g * 0.5, 1.02 * (1.0 - g), h * 0.25, 1.02 * (1.0 - h)]);
        policy.learn(&two, &[reward(0, 8, 0.75, 0.5)]);
        // The slope of arm 0 is 0.3 and the only one: u = 2 (0.5 + 0.75) / 2.
        let before = 1.02 * (1.0 - g) + 0.02;
        let gain = before / (before + 0.5);
        let mean = g * 0.5 + gain * (1.25 - g * 0.5);
        let other = 1.02 * (1.0 - h) + 0.02;
        same(&belief(&policy), &[mean, before * (1.0 - gain), h * 0.25, other]);
    }

    #[test]
    fn a_slope_is_a_least_squares_slope_over_the_window() {
        let mut arm = Belief { mean: 0.0, variance: 1.0, visits: VecDeque::new(), slope: 0.0 };
        for success in [9.0, 0.0, 1.0, 4.0] {
            arm.visit(1.0, success, 3);
        }
        assert_eq!(arm.slope, 2.0);
    }

    /// Of two arms with means 0 and 1 and variances 1, the better wins with probability
    /// `Phi(1 / sqrt 2) = 0.7602`.
    #[test]
    fn slots_draw_a_utility_each() {
        let two = population(&[4, 4]);
        let mut policy = Pac::new();
        policy.prepare(&two).unwrap();
        policy.arms[1].mean = 1.0;
        same(&allotted(&policy, 49, 8, &two), &[0.5, 0.5]);
        // Standard deviation 0.0014; the seed is fixed.
        let p = allotted(&policy, 50, 100_000, &population(&[100_000, 100_000]));
        assert!((p[1] - 0.7602).abs() < 0.006, "{p:?}");
        same(&allotted(&policy, 50, 10, &population(&[4, 0])), &[1.0, 0.0]);
    }
}
