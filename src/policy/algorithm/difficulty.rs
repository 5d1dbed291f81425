//! A target difficulty that follows success: the controller of AdaRFT.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, finite, length, within};
use crate::base::id::ArmId;
use crate::base::math::tanh;
use crate::base::rng::Rng;
use crate::event::Field;
use crate::policy::kit::learned::MOST;
use crate::policy::kit::open_arms::open;
use crate::policy::kit::silence::Pause;
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// Adaptive curriculum by difficulty (AdaRFT): one target difficulty, raised while the model
/// succeeds more often than it should and lowered while less often; the batch is filled from the
/// arms nearest to it.
///
/// ```text
/// T <- clip(T + eta tanh(alpha (x - beta)), low, high)          x: mean success of the round
/// ```
///
/// The arms are taken in the order of `|d_a - T|`, each for as many draws as it has drawable samples, until
/// the batch is full; arms at the same distance share what is left of it in proportion to these. `p_a` is
/// the part of the batch that arm `a` gives.
///
/// Defaults, the paper's, for difficulties in `[0, 100]`: `eta` 50, `alpha` 2, `beta` 0.5, start 0.
/// The difficulties are given, one for each arm; an arm may be a level, or a single sample. A round
/// that reports nothing leaves `T` where it is, and an arm of which nothing came
/// back is passed over for a while, unless the others cannot fill the batch, which doubles each time,
/// from 2 rounds to 1024: at a target that does not move it would be taken for ever.
///
/// To get the batch exactly, use [`Systematic`](crate::sampler::Systematic) or, with one sample an
/// arm, [`Distinct`](crate::sampler::Distinct).
///
/// Cost: O(K log K) a round for K arms; memory 8 bytes an arm.
///
/// Paper: Shi et al., *Efficient Reinforcement Finetuning via Adaptive Curriculum Learning*,
/// arXiv 2504.05520.
///
/// ```
/// use curricle::{Curriculum, policy::Difficulty};
///
/// # fn main() -> curricle::Result<()> {
/// let levels = Difficulty::new(vec![10.0, 35.0, 60.0, 85.0]).start(50.0);
/// let mut curriculum =
///     Curriculum::builder(40).arms(4, |sample| (sample.0 % 4) as u32).policy(levels).build()?;
/// curriculum.draw(16)?;
/// assert_eq!(curriculum.shares(), [0.0, 0.375, 0.625, 0.0]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difficulty {
    difficulties: Vec<f64>,
    eta: f64,
    alpha: f64,
    beta: f64,
    range: (f64, f64),
    target: f64,
    rounds: u64,
    pauses: Vec<Pause>,
}

impl Difficulty {
    /// Arms of the given difficulties in `[0, 100]`, with the paper's constants.
    pub fn new(difficulties: Vec<f64>) -> Self {
        let range = (0.0, 100.0);
        Self {
            difficulties,
            eta: 50.0,
            alpha: 2.0,
            beta: 0.5,
            range,
            target: 0.0,
            rounds: 0,
            pauses: Vec::new(),
        }
    }

    /// Sets the step scale `eta >= 0`, in units of difficulty.
    #[must_use]
    pub fn eta(mut self, eta: f64) -> Self {
        self.eta = eta;
        self
    }

    /// Sets the sensitivity `alpha >= 0` to success.
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Sets the success `beta`, in `[0, 1]`, that the target is steered to.
    #[must_use]
    pub fn beta(mut self, beta: f64) -> Self {
        self.beta = beta;
        self
    }

    /// Sets the range of the target; default `[0, 100]`.
    #[must_use]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = (low, high);
        self
    }

    /// Sets the target at the start; default 0. It is taken into the range.
    #[must_use]
    pub fn start(mut self, target: f64) -> Self {
        self.target = target;
        self
    }

    /// The present target.
    pub fn target(&self) -> f64 {
        self.target
    }
}

impl Policy for Difficulty {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        length("difficulties", population.arms().count(), self.difficulties.len())?;
        for (arm, &difficulty) in self.difficulties.iter().enumerate() {
            within("difficulty", finite("difficulty", arm as u64, difficulty)?, -1e300, 1e300)?;
        }
        within("eta", self.eta, 0.0, 1e300)?;
        within("alpha", self.alpha, 0.0, 1e300)?;
        within("target success", self.beta, 0.0, 1.0)?;
        within("greatest target", self.range.1, -1e300, 1e300)?;
        within("least target", self.range.0, -1e300, self.range.1)?;
        finite("start of the target", 0, self.target)?;
        (self.rounds, self.pauses) = (0, vec![Pause::default(); population.arms().count()]);
        self.target = self.target.max(self.range.0).min(self.range.1);
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        let (low, high) = self.range;
        self.difficulties == built.difficulties
            && (self.eta, self.alpha, self.beta, self.range)
                == (built.eta, built.alpha, built.beta, built.range)
            && (low..=high).contains(&self.target)
            && self.rounds <= MOST
            && self.pauses.len() == arms
    }

    fn reads(&self) -> Reads {
        Field::Success.into()
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let mut nearest = open(turn.population, self.difficulties.len())?;
        let distance = |arm: usize| (self.difficulties[arm] - self.target).abs();
        let is_paused = |arm: usize| self.pauses.get(arm).is_some_and(|pause| pause.holds(self.rounds));
        let order = |a: usize, b: usize| {
            is_paused(a).cmp(&is_paused(b)).then_with(|| distance(a).total_cmp(&distance(b)))
        };
        nearest.sort_by(|&a, &b| order(a, b));
        let p = allotment.arms(self.difficulties.len());
        let drawable = |arm: usize| turn.population.drawable(ArmId(arm as u32)) as f64;
        let slots = turn.n.max(1) as f64;
        let mut left = slots;
        // Arms at the same distance share what is left by what they have to give.
        for alike in nearest.chunk_by(|&a, &b| order(a, b).is_eq()) {
            let whole: f64 = alike.iter().map(|&arm| drawable(arm)).sum();
            let given = whole.min(left);
            alike.iter().for_each(|&arm| p[arm] = given * (drawable(arm) / whole));
            left -= given;
            if left <= 0.0 {
                break;
            }
        }
        p.iter_mut().for_each(|share| *share /= slots - left);
        Ok(())
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        let (mut count, mut sum) = (0.0, 0.0);
        self.rounds = self.rounds.saturating_add(1);
        for reward in rewards {
            if let Some(pause) = self.pauses.get_mut(reward.arm.index()) {
                pause.note(reward, self.rounds);
            }
            if let Some(success) = reward.success {
                count += f64::from(reward.returned());
                sum += f64::from(reward.returned()) * success;
            }
        }
        if count > 0.0 {
            let step = self.eta * tanh(self.alpha * (sum / count - self.beta));
            self.target = (self.target + step).max(self.range.0).min(self.range.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::kit::open_arms::testing::{allotted, population, same};

    #[test]
    fn the_target_by_hand() {
        let two = population(&[4, 4]);
        let mut policy = Difficulty::new(vec![0.0, 100.0]);
        policy.prepare(&two).unwrap();
        let rewards = |a: f64, b: f64| {
            [Reward::new(ArmId(0), 3, 0.0).success(a), Reward::new(ArmId(1), 1, 0.0).success(b)]
        };
        // Mean success 0.75: 50 tanh 0.5.
        policy.learn(&two, &rewards(1.0, 0.0));
        assert!((policy.target() - 23.105_857_863_000_49).abs() < 1e-12);
        policy.learn(&two, &[]);
        assert!((policy.target() - 23.105_857_863_000_49).abs() < 1e-12);
        policy.learn(&two, &rewards(0.0, 0.0));
        assert_eq!(policy.target(), 0.0);
        for _ in 0..3 {
            policy.learn(&two, &rewards(1.0, 1.0));
        }
        assert_eq!(policy.target(), 100.0);
    }

    #[test]
    fn slots_are_filled_from_the_nearest() {
        let sizes = population(&[2, 3, 0, 9]);
        let mut policy = Difficulty::new(vec![40.0, 60.0, 50.0, 10.0]).start(50.0);
        policy.prepare(&sizes).unwrap();
        // Arms 0 and 1 are as near: they share as 2 to 3.
        same(&allotted(&policy, 0, 2, &sizes), &[0.4, 0.6, 0.0, 0.0]);
        same(&allotted(&policy, 0, 5, &sizes), &[0.4, 0.6, 0.0, 0.0]);
        same(&allotted(&policy, 0, 10, &sizes), &[0.2, 0.3, 0.0, 0.5]);
        // More slots than samples: what there is, in proportion.
        same(&allotted(&policy, 0, 99, &sizes), &[2.0 / 14.0, 3.0 / 14.0, 0.0, 9.0 / 14.0]);
    }
}
