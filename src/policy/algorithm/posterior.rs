//! A posterior of success for each arm, sampled: the selection of MoPPS.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::id::ArmId;
use crate::base::rng::Rng;
use crate::event::Field;
use crate::policy::kit::learned::{MOST, are_finite};
use crate::policy::kit::open_arms::{by_slot, open};
use crate::policy::kit::silence::Pause;
use crate::policy::kit::variate::{Normals, beta};
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// The least prior count: far below it a gamma variate underflows.
const LEAST: f64 = 0.1;

/// Model-predictive prompt selection (MoPPS): a beta posterior of the success of each arm, a draw
/// from each, and the arms whose draw lies nearest to a target pass rate. It is made for arms of one
/// sample each.
///
/// ```text
/// after n rollouts of arm a with mean success x:
///     A_a <- lambda A_a + (1 - lambda) A_0 + n x
///     B_a <- lambda B_a + (1 - lambda) B_0 + n (1 - x)
/// each round:  p~_a ~ Beta(A_a, B_a);  the `slots` arms with the smallest |p~_a - target|
/// ```
///
/// Each chosen arm has probability `1 / slots`. With more slots than arms they are dealt round and
/// round, the nearest arm first, each arm at most as often as it has drawable samples, until the
/// others are used up too. A [`band`](Self::band) takes the place of the target: all draws
/// inside it are equally near, and chance decides among them.
///
/// Defaults, the paper's: `lambda` 0.5, prior `(1, 1)`, target 0.5. The rollouts are those of the
/// outcomes. The counts decay when the arm is visited: what is known of an arm stays until it is looked
/// at again. They never fall below the prior. An arm of which nothing came back is passed
/// over for a while, which doubles each time, from 2 rounds to 1024: of what is never seen nobody knows
/// that it is not near the target.
///
/// To get the chosen arms exactly, use [`Systematic`](crate::sampler::Systematic), or
/// [`Distinct`](crate::sampler::Distinct) with one sample an arm.
///
/// Cost: two gamma variates for each of K arms and O(K) a round, O(K log K) with more slots than
/// arms; memory 32 bytes an arm.
///
/// Paper: Qu et al., *Can Prompt Difficulty be Online Predicted for Accelerating RL Finetuning of
/// Reasoning Models?*, arXiv 2507.04632.
///
/// ```
/// use curricle::{Curriculum, policy::Posterior};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(100)
///     .arms(100, |sample| sample.0 as u32)
///     .policy(Posterior::new())
///     .build()?;
/// curriculum.draw(10)?;
/// assert_eq!(curriculum.shares().iter().filter(|&&share| share > 0.0).count(), 10);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Posterior {
    decay: f64,
    prior: (f64, f64),
    band: (f64, f64),
    /// The shapes of the beta distributions, by arm.
    shapes: Vec<(f64, f64)>,
    rounds: u64,
    pauses: Vec<Pause>,
}

impl Default for Posterior {
    fn default() -> Self {
        Self::new()
    }
}

impl Posterior {
    /// The paper's setting: `lambda` 0.5, prior `(1, 1)`, target 0.5.
    pub fn new() -> Self {
        Self {
            decay: 0.5,
            prior: (1.0, 1.0),
            band: (0.5, 0.5),
            shapes: Vec::new(),
            rounds: 0,
            pauses: Vec::new(),
        }
    }

    /// Sets how much of the counts a visit leaves, `lambda` in `[0, 1]`; 1 forgets nothing.
    #[must_use]
    pub fn decay(mut self, lambda: f64) -> Self {
        self.decay = lambda;
        self
    }

    /// Sets the prior counts of success and failure, each in `[0.1, 1e9]`.
    #[must_use]
    pub fn prior(mut self, successes: f64, failures: f64) -> Self {
        self.prior = (successes, failures);
        self
    }

    /// Sets the target pass rate, in `[0, 1]`.
    #[must_use]
    pub fn target(self, target: f64) -> Self {
        self.band(target, target)
    }

    /// Sets a band of pass rates, such as `[0.3, 0.7]`, in place of the target.
    #[must_use]
    pub fn band(mut self, low: f64, high: f64) -> Self {
        self.band = (low, high);
        self
    }

    /// The posterior mean of an arm's success; 0.5 for an unknown arm.
    pub fn mean(&self, arm: ArmId) -> f64 {
        self.shapes.get(arm.index()).map_or(0.5, |&(a, b)| a / (a + b))
    }
}

/// How far a number lies outside a band.
fn outside(x: f64, (low, high): (f64, f64)) -> f64 {
    (low - x).max(x - high).max(0.0)
}

impl Policy for Posterior {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("lambda", self.decay, 0.0, 1.0)?;
        within("prior successes", self.prior.0, LEAST, 1e9)?;
        within("prior failures", self.prior.1, LEAST, 1e9)?;
        within("upper end of the band", self.band.1, 0.0, 1.0)?;
        within("lower end of the band", self.band.0, 0.0, self.band.1)?;
        self.shapes = vec![self.prior; population.arms().count()];
        (self.rounds, self.pauses) = (0, vec![Pause::default(); population.arms().count()]);
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        (self.decay, self.prior, self.band) == (built.decay, built.prior, built.band)
            && self.shapes.len() == arms
            && self.rounds <= MOST
            && self.pauses.len() == arms
            && self.shapes.iter().all(|&(a, b)| are_finite(&[a, b]) && a >= 0.0 && b >= 0.0)
    }

    fn reads(&self) -> Reads {
        Field::Success.into()
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let open = open(turn.population, self.shapes.len())?;
        let mut drawn: Vec<(f64, u64, usize)> = Vec::with_capacity(open.len());
        let mut normals = Normals::default();
        // Only a forged state has other shapes.
        let shape = |shape: f64| if shape >= LEAST { shape.min(1e300) } else { LEAST };
        for &arm in &open {
            let (a, b) = self.shapes[arm];
            let distance = outside(beta(rng, &mut normals, shape(a), shape(b)), self.band);
            let is_paused = self.pauses.get(arm).is_some_and(|pause| pause.holds(self.rounds));
            // No distance is greater than 1: behind all others.
            let distance = if is_paused { 2.0 + distance } else { distance };
            drawn.push((distance, rng.bits(), arm));
        }
        let nearer = |a: &(f64, u64, usize), b: &(f64, u64, usize)| {
            a.0.total_cmp(&b.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2)))
        };
        let slots = turn.n.max(1);
        if slots < drawn.len() {
            drawn.select_nth_unstable_by(slots, nearer);
            let p = allotment.arms(self.shapes.len());
            drawn[..slots].iter().for_each(|&(_, _, arm)| p[arm] = 1.0 / slots as f64);
            return Ok(());
        }
        drawn.sort_unstable_by(nearer);
        let mut next = 0;
        by_slot(turn, &open, allotment, |_, arms| {
            let turns = (0..drawn.len()).map(|more| (next + more) % drawn.len());
            let mut open =
                turns.filter_map(|turn| Some((turn, arms.binary_search(&drawn[turn].2).ok()?)));
            let (turn, place) = open.next().unwrap_or_default();
            next = turn + 1;
            place
        });
        Ok(())
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        self.rounds = self.rounds.saturating_add(1);
        for reward in rewards {
            if let Some(pause) = self.pauses.get_mut(reward.arm.index()) {
                pause.note(reward, self.rounds);
            }
            let (Some(success), Some((a, b))) =
                (reward.success, self.shapes.get_mut(reward.arm.index()))
            else {
                continue;
            };
            let n = f64::from(reward.rollouts);
            *a = self.decay * *a + (1.0 - self.decay) * self.prior.0 + n * success;
            *b = self.decay * *b + (1.0 - self.decay) * self.prior.1 + n * (1.0 - success);
        }
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.shapes.resize(arms, self.prior);
        self.pauses.resize(arms, Pause::default());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::kit::open_arms::testing::{allotted, population, same};

    #[test]
    fn counts_by_hand() {
        let two = population(&[1, 1]);
        let mut policy = Posterior::new().prior(2.0, 1.0);
        policy.prepare(&two).unwrap();
        let reward = |success: f64| [Reward::new(ArmId(1), 1, 0.0).success(success).rollouts(8)];
        policy.learn(&two, &reward(0.25));
        policy.learn(&two, &reward(1.0));
        // (2, 1) -> (2 + 2, 1 + 6) -> (2 + 1 + 8, 3.5 + 0.5 + 0)
        assert_eq!(policy.shapes, [(2.0, 1.0), (11.0, 4.0)]);
        assert_eq!(policy.mean(ArmId(1)), 11.0 / 15.0);
    }

    /// With 1000 rollouts an arm the draws lie within 0.05 of the rates, so the order is sure.
    #[test]
    fn the_nearest_arms_are_taken() {
        let ones = population(&[1; 5]);
        let mut policy = Posterior::new().decay(1.0);
        policy.prepare(&ones).unwrap();
        let rates = [0.05, 0.5, 0.95, 0.35, 0.2];
        let rewards: Vec<Reward> = (0..5u32)
            .map(|arm| Reward::new(ArmId(arm), 1, 0.0).success(rates[arm as usize]).rollouts(1000))
            .collect();
        policy.learn(&ones, &rewards);
        same(&allotted(&policy, 0, 2, &ones), &[0.0, 0.5, 0.0, 0.5, 0.0]);
        let high = Posterior { band: (1.0, 1.0), ..policy.clone() };
        same(&allotted(&high, 0, 1, &ones), &[0.0, 0.0, 1.0, 0.0, 0.0]);
        // More slots than arms: the nearest have one more.
        let p = allotted(&policy, 0, 7, &ones);
        same(&p, &[1.0, 2.0, 1.0, 2.0, 1.0].map(|slots| slots / 7.0));
        // Nothing can be drawn from the best.
        let p = allotted(&policy, 0, 1, &population(&[1, 0, 1, 1, 1]));
        same(&p, &[0.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn inside_a_band_chance_decides() {
        let three = population(&[1; 3]);
        let mut policy = Posterior::new().band(0.0, 1.0);
        policy.prepare(&three).unwrap();
        let mut chosen = [0.0; 3];
        for round in 0..3000 {
            let p = allotted(&policy, round, 1, &three);
            chosen.iter_mut().zip(p).for_each(|(sum, share)| *sum += share);
        }
        // 1000 each, standard deviation 26; the seed is fixed.
        assert!(chosen.iter().all(|chosen| (chosen - 1000.0).abs() < 110.0), "{chosen:?}");
    }
}
