//! In proportion to how fast the success of an arm moves.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::id::ArmId;
use crate::base::math;
use crate::base::rng::Rng;
use crate::event::Field;
use crate::policy::kit::open_arms::open;
use crate::policy::kit::silence::Silence;
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// Absolute learning progress: an arm has a probability by the distance between two moving averages
/// of its success, one that follows quickly and one that lags behind.
///
/// ```text
/// fast_a <- fast_a + alpha (x_a - fast_a)       slow_a <- slow_a + beta (fast_a - slow_a)
///
/// plain:          lp_a = |fast_a - slow_a|            p_a = (1 - floor) lp_a / sum lp + floor / K
/// bidirectional:  lp_a = |f(fast_a) - f(slow_a)|      f(p) = p (1 - theta) / (p + theta (1 - 2p))
///                 z_a  = (lp_a - mean lp) / sd lp     q_a  = 1 / (1 + exp(-z_a))
///                 p_a  = (1 - floor) q_a / sum q + floor / K
/// ```
///
/// with `x_a` the mean success of the arm in a round; both averages start at the first `x_a` and
/// move when the arm is visited; when nothing came back of three visits in a row, `slow` becomes
/// `fast`, as a progress that nobody sees would else have all that the others leave. `f` stretches
/// differences near 0, so that a task which is solved once in a while, at last, counts for more than a
/// mastered one that wavers.
///
/// Defaults: `alpha` and `beta` 0.1; `floor` 0.2 for [`plain`](Self::new), 0 for
/// [`bidirectional`](Self::bidirectional), whose sigmoid leaves no arm without probability, and
/// `theta` 0.1. If no arm progresses, all are taken alike; an arm that was never visited counts as
/// one without progress, and lives on the floor. Mean and standard deviation are taken over the arms
/// that have something to draw.
///
/// The success of an arm wavers even if nothing is learned, and this rule cannot tell: see
/// [`Gated`](crate::signal::Gated) for one that can.
///
/// Cost: O(K) a round for K arms; memory 24 bytes an arm.
///
/// Papers: Portelas et al., *Teacher algorithms for curriculum learning of Deep RL in continuously
/// parameterized environments*, arXiv 1910.07224, for absolute learning progress; Kanitscheider et
/// al., *Multi-task curriculum learning in a complex, visual, hard-exploration domain: Minecraft*,
/// arXiv 2106.14876, for the bidirectional form.
///
/// ```
/// use curricle::{Curriculum, policy::AbsoluteProgress};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(100)
///     .arms(4, |sample| (sample.0 % 4) as u32)
///     .policy(AbsoluteProgress::bidirectional())
///     .build()?;
/// curriculum.draw(8)?;
/// assert_eq!(curriculum.shares(), [0.25; 4]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AbsoluteProgress {
    fast: f64,
    slow: f64,
    /// The constant of the bidirectional form.
    theta: Option<f64>,
    floor: f64,
    averages: Vec<Option<Averages>>,
}

/// The success of an arm, at two speeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Averages {
    fast: f64,
    slow: f64,
    silence: Silence,
}

impl Default for AbsoluteProgress {
    fn default() -> Self {
        Self::new()
    }
}

impl AbsoluteProgress {
    /// The plain form: rates 0.1 and 0.1, floor 0.2.
    pub fn new() -> Self {
        Self { fast: 0.1, slow: 0.1, theta: None, floor: 0.2, averages: Vec::new() }
    }

    /// The bidirectional form: rates 0.1 and 0.1, `theta` 0.1, no floor.
    pub fn bidirectional() -> Self {
        Self { theta: Some(0.1), floor: 0.0, ..Self::new() }
    }

    /// Sets the rates `alpha` and `beta` of the two averages, each in `(0, 1]`.
    #[must_use]
    pub fn rates(mut self, fast: f64, slow: f64) -> Self {
        (self.fast, self.slow) = (fast, slow);
        self
    }

    /// Sets the constant of the bidirectional form, in `(0, 0.5]`, and turns that form on; 0.5
    /// stretches nothing.
    #[must_use]
    pub fn theta(mut self, theta: f64) -> Self {
        self.theta = Some(theta);
        self
    }

    /// Sets the share, in `[0, 1]`, that is spread evenly.
    #[must_use]
    pub fn floor(mut self, floor: f64) -> Self {
        self.floor = floor;
        self
    }

    /// The learning progress `lp` of an arm; 0 before the first visit.
    pub fn progress(&self, arm: ArmId) -> f64 {
        let Some(Some(Averages { fast, slow, .. })) = self.averages.get(arm.index()) else {
            return 0.0;
        };
        let stretch =
            |p: f64| self.theta.map_or(p, |theta| p * (1.0 - theta) / (p + theta * (1.0 - 2.0 * p)));
        (stretch(*fast) - stretch(*slow)).abs()
    }
}

impl Policy for AbsoluteProgress {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("rate of the fast average", self.fast, f64::MIN_POSITIVE, 1.0)?;
        within("rate of the slow average", self.slow, f64::MIN_POSITIVE, 1.0)?;
        within("theta", self.theta.unwrap_or(0.5), 1e-9, 0.5)?;
        within("floor", self.floor, 0.0, 1.0)?;
        self.averages = vec![None; population.arms().count()];
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        (self.fast, self.slow, self.theta, self.floor)
            == (built.fast, built.slow, built.theta, built.floor)
            && self.averages.len() == arms
            && self.averages.iter().flatten().all(|mean| mean.fast.is_finite() && mean.slow.is_finite())
    }

    fn reads(&self) -> Reads {
        Field::Success.into()
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let open = open(turn.population, self.averages.len())?;
        let arms = open.len() as f64;
        let p = allotment.arms(self.averages.len());
        open.iter().for_each(|&arm| p[arm] = self.progress(ArmId(arm as u32)));
        if self.theta.is_some() {
            let mean = open.iter().map(|&arm| p[arm]).sum::<f64>() / arms;
            let square = |arm: &usize| (p[*arm] - mean) * (p[*arm] - mean);
            let sd = (open.iter().map(square).sum::<f64>() / arms).sqrt();
            for &arm in &open {
                let z = if sd > 0.0 { (p[arm] - mean) / sd } else { 0.0 };
                p[arm] = 1.0 / (1.0 + math::exp(-z));
            }
        }
        let sum: f64 = open.iter().map(|&arm| p[arm]).sum();
        if sum <= f64::MIN_POSITIVE {
            open.iter().for_each(|&arm| p[arm] = 1.0 / arms);
            return Ok(());
        }
        for &arm in &open {
            p[arm] = (1.0 - self.floor) * p[arm] / sum + self.floor / arms;
        }
        Ok(())
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        for reward in rewards {
            let Some(averages) = self.averages.get_mut(reward.arm.index()) else { continue };
            let Some(success) = reward.success else {
                if let Some(averages) = averages {
                    averages.silence.note(reward);
                    if averages.silence.is_long() {
                        averages.slow = averages.fast;
                    }
                }
                continue;
            };
            let averages = averages.get_or_insert(Averages {
                fast: success,
                slow: success,
                silence: Silence::default(),
            });
            averages.silence.note(reward);
            averages.fast += self.fast * (success - averages.fast);
            averages.slow += self.slow * (averages.fast - averages.slow);
        }
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.averages.resize(arms, None);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::kit::open_arms::testing::{allotted, population, same};

    /// Two rounds: arm 0 goes from 0 to 1, arm 1 from 1 to 0.5, arm 2 stays at 0.5.
    fn taught(policy: AbsoluteProgress) -> AbsoluteProgress {
        let mut policy = policy;
        policy.prepare(&population(&[2, 2, 2])).unwrap();
        for success in [[0.0, 1.0, 0.5], [1.0, 0.5, 0.5]] {
            let reward = |arm: usize| Reward::new(ArmId(arm as u32), 2, 0.0).success(success[arm]);
            policy.learn(&population(&[2, 2, 2]), &[reward(0), reward(1), reward(2)]);
        }
        policy
    }

    #[test]
    fn the_plain_form_by_hand() {
        let policy = taught(AbsoluteProgress::new());
        // fast 0.1 and slow 0.01; fast 0.95 and slow 0.995.
        let progress: Vec<f64> = (0..3).map(|arm| policy.progress(ArmId(arm))).collect();
        same(&progress, &[0.09, 0.045, 0.0]);
        let floor = 0.2 / 3.0;
        let p = allotted(&policy, 0, 8, &population(&[2, 2, 2]));
        same(&p, &[0.8 * 2.0 / 3.0 + floor, 0.8 / 3.0 + floor, floor]);
        same(&allotted(&policy, 0, 8, &population(&[0, 2, 2])), &[0.0, 0.9, 0.1]);
    }

    #[test]
    fn the_bidirectional_form_restated() {
        let policy = taught(AbsoluteProgress::bidirectional());
        let f = |p: f64| p * 0.9 / (p + 0.1 * (1.0 - 2.0 * p));
        let lp: [f64; 3] = [f(0.1) - f(0.01), f(0.995) - f(0.95), 0.0];
        assert!((f(0.1) - 0.5).abs() < 1e-15 && f(0.0) == 0.0 && f(1.0) == 1.0);
        let mean = (lp[0] + lp[1] + lp[2]) / 3.0;
        let sd = (lp.map(|lp| (lp - mean) * (lp - mean)).iter().sum::<f64>() / 3.0).sqrt();
        let q = lp.map(|lp| 1.0 / (1.0 + math::exp((mean - lp) / sd)));
        let sum: f64 = q.iter().sum();
        same(&allotted(&policy, 0, 8, &population(&[2, 2, 2])), &q.map(|q| q / sum));
    }

    #[test]
    fn without_progress_all_are_alike() {
        for mut policy in [AbsoluteProgress::new().floor(0.0), AbsoluteProgress::bidirectional()] {
            policy.prepare(&population(&[2, 2])).unwrap();
            same(&allotted(&policy, 0, 8, &population(&[2, 2])), &[0.5, 0.5]);
        }
    }
}
