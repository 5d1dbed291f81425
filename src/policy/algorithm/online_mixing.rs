//! EXP3 on the training loss: online data mixing.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::math::ln;
use crate::base::rng::Rng;
use crate::event::Field;
use crate::policy::kit::learned::{MOST, are_finite};
use crate::policy::kit::open_arms::{open, softmax_open};
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// How [`OnlineMixing`] sums up the losses of an arm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Estimate {
    /// All of them: `R <- R + r`, the estimate of EXP3.
    Accumulated,
    /// A moving average that keeps this share, in `[0, 1)`: `R <- keep R + (1 - keep) r`. The
    /// mixture then becomes even as the rate of exploration falls.
    Smoothed(f64),
}

/// Online data mixing (ODM): EXP3 over the domains of a pre-training set, with the loss of a domain
/// as its reward. A domain that still has a high loss has more to teach.
///
/// ```text
/// r_a = (n_a / n) loss_a / (scale p_a)          for an arm with n_a of the n tickets of the round
/// e_t = min(1 / K, sqrt(ln K / (K t)))          e_0 = 1 / K
/// p_a = (1 - K e_t) exp(e_{t-1} R_a) / sum_b exp(e_{t-1} R_b) + e_t
/// ```
///
/// in round `t` = 1, 2, ... with `R` the [`Estimate`], here the sum of all `r` so far, and `p_a` in
/// `r_a` the probability that the arm had when the round was drawn. Dividing by it makes the
/// expectation of `r_a` the loss of the arm, however rarely it was drawn. The rounds of the warm-up
/// are even; their losses count. `t` is the number of the round that is decided, from 1: one more than were learned from.
///
/// Defaults, those of the released code: `scale` 10, losses accumulated, a warm-up of 2000 rounds,
/// which is long for a short run. EXP3 keeps a floor of `e_t` for every arm.
///
/// Losses of different domains need not be comparable: a domain with a high *irreducible* loss is
/// drawn for ever. [`ScalingLaw`](crate::policy::ScalingLaw) looks at the slope in place of the height.
///
/// Cost: O(K) a round for K arms; memory 8 bytes an arm.
///
/// Paper: Albalak et al., *Efficient Online Data Mixing For Language Model Pre-Training*,
/// arXiv 2312.02406.
///
/// ```
/// use curricle::{Curriculum, policy::OnlineMixing};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(100)
///     .arms(4, |sample| (sample.0 % 4) as u32)
///     .policy(OnlineMixing::new().warm_up(20))
///     .build()?;
/// curriculum.draw(8)?;
/// assert_eq!(curriculum.shares(), [0.25; 4]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OnlineMixing {
    scale: f64,
    estimate: Estimate,
    warm_up: u64,
    rounds: u64,
    rewards: Vec<f64>,
}

impl Default for OnlineMixing {
    fn default() -> Self {
        Self::new()
    }
}

impl OnlineMixing {
    /// The released setting: losses over 10, accumulated, after 2000 even rounds.
    pub fn new() -> Self {
        let estimate = Estimate::Accumulated;
        Self { scale: 10.0, estimate, warm_up: 2000, rounds: 0, rewards: Vec::new() }
    }

    /// Sets the loss, `> 0`, that counts as a reward of 1.
    #[must_use]
    pub fn scale(mut self, scale: f64) -> Self {
        self.scale = scale;
        self
    }

    /// Sets how the losses of an arm are summed up.
    #[must_use]
    pub fn estimate(mut self, estimate: Estimate) -> Self {
        self.estimate = estimate;
        self
    }

    /// Sets how many rounds at the start are even.
    #[must_use]
    pub fn warm_up(mut self, rounds: u64) -> Self {
        self.warm_up = rounds;
        self
    }

    /// The estimates `R`, by arm.
    pub fn estimates(&self) -> &[f64] {
        &self.rewards
    }

    /// The rate of exploration `e_t`.
    fn exploration(&self, t: u64) -> f64 {
        let arms = self.rewards.len() as f64;
        let falling = (ln(arms) / (arms * t as f64)).sqrt();
        if t == 0 { 1.0 / arms } else { falling.min(1.0 / arms) }
    }
}

impl Policy for OnlineMixing {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("scale of the loss", self.scale, 1e-12, 1e12)?;
        if let Estimate::Smoothed(keep) = self.estimate {
            within("smoothing", keep, 0.0, 1.0 - 1e-9)?;
        }
        self.rewards = vec![0.0; population.arms().count()];
        self.rounds = 0;
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        (self.scale, self.estimate, self.warm_up) == (built.scale, built.estimate, built.warm_up)
            && self.rounds <= MOST
            && self.rewards.len() == arms
            && are_finite(&self.rewards)
    }

    fn reads(&self) -> Reads {
        Field::Loss.into()
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let open = open(turn.population, self.rewards.len())?;
        let p = allotment.arms(self.rewards.len());
        if turn.round.0 < self.warm_up {
            open.iter().for_each(|&arm| p[arm] = 1.0 / open.len() as f64);
            return Ok(());
        }
        let before = self.exploration(self.rounds);
        let floor = self.exploration(self.rounds + 1);
        for (value, reward) in p.iter_mut().zip(&self.rewards) {
            *value = before * reward;
        }
        softmax_open(turn.population, p, 1.0)?;
        let arms = p.len() as f64;
        p.iter_mut().for_each(|share| *share = (1.0 - arms * floor) * *share + floor);
        Ok(())
    }

    fn is_adapted(&self, turn: &Turn<'_>) -> bool {
        let even = 1.0 / self.rewards.len().max(1) as f64;
        turn.round.0 >= self.warm_up && self.exploration(self.rounds + 1) < even
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        self.rounds += 1;
        let tickets: f64 = rewards.iter().map(|reward| f64::from(reward.count)).sum();
        let mut rewards = rewards.iter().peekable();
        for (arm, sum) in self.rewards.iter_mut().enumerate() {
            let reward = rewards.next_if(|reward| reward.arm.index() == arm);
            let is_lost = reward.is_some_and(|reward| reward.returned() == 0);
            let loss = reward.and_then(|reward| {
                let share = (reward.share > 0.0).then_some(reward.share)?;
                Some(f64::from(reward.returned()) / tickets * reward.loss? / (self.scale * share))
            });
            // A share near the least number there is.
            let loss = loss.filter(|loss| loss.is_finite());
            match self.estimate {
                Estimate::Accumulated => *sum += loss.unwrap_or(0.0),
                Estimate::Smoothed(keep) => {
                    if let Some(loss) = loss.or(is_lost.then_some(0.0)) {
                        *sum = keep * *sum + (1.0 - keep) * loss;
                    }
                }
            }
        }
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.rewards.resize(arms, 0.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ArmId;
    use crate::base::math::exp;
    use crate::policy::kit::open_arms::testing::{allotted, population, same};

    fn reward(arm: u32, count: u32, share: f64, loss: f64) -> Reward {
        Reward { loss: Some(loss), ..Reward::new(ArmId(arm), count, 0.0).share(share) }
    }

    #[test]
    fn two_rounds_by_hand() {
        let three = population(&[4, 4, 4]);
        let mut policy = OnlineMixing::new().warm_up(1);
        policy.prepare(&three).unwrap();
        same(&allotted(&policy, 0, 4, &three), &[1.0 / 3.0; 3]);
        policy.learn(&three, &[reward(0, 3, 0.5, 2.0), reward(2, 1, 0.25, 4.0)]);
        policy.learn(&three, &[reward(2, 4, 0.25, 3.0)]);
        let sums = [0.75 * 0.2 / 0.5, 0.0, 0.25 * 0.4 / 0.25 + 0.3 / 0.25];
        same(policy.estimates(), &sums);
        let (before, floor) = ((ln(3.0) / 6.0).sqrt(), (ln(3.0) / 9.0).sqrt());
        // Both are above 1/3: only exploration so far.
        assert!(before > 1.0 / 3.0 && floor > 1.0 / 3.0);
        same(&allotted(&policy, 2, 4, &three), &[1.0 / 3.0; 3]);
        (0..30).for_each(|_| policy.learn(&three, &[]));
        let (before, floor) = ((ln(3.0) / (3.0 * 32.0)).sqrt(), (ln(3.0) / (3.0 * 33.0)).sqrt());
        let weights = sums.map(|sum| exp(before * sum));
        let total: f64 = weights.iter().sum();
        let expected = weights.map(|weight| (1.0 - 3.0 * floor) * weight / total + floor);
        same(&allotted(&policy, 32, 4, &three), &expected);
    }

    #[test]
    fn a_smoothed_estimate_is_an_average_over_visits() {
        let two = population(&[4, 4]);
        let mut policy = OnlineMixing::new().estimate(Estimate::Smoothed(0.9)).scale(1.0).warm_up(0);
        policy.prepare(&two).unwrap();
        policy.learn(&two, &[reward(0, 2, 1.0, 5.0)]);
        policy.learn(&two, &[reward(0, 2, 0.5, 2.0)]);
        policy.learn(&two, &[]);
        same(policy.estimates(), &[0.9 * 0.5 + 0.1 * 4.0, 0.0]);
        // A single arm has everything, from the start.
        let mut one = OnlineMixing::new().warm_up(0);
        one.prepare(&population(&[3])).unwrap();
        one.learn(&population(&[3]), &[reward(0, 2, 1.0, 5.0)]);
        same(&allotted(&one, 1, 4, &population(&[3])), &[1.0]);
    }
}
