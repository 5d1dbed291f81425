//! The target, tilted towards what is being learned: our default.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, length, within};
use crate::base::id::ArmId;
use crate::base::math;
use crate::base::rng::Rng;
use crate::event::Field;
use crate::ledger::progress::{Progress, opening};
use crate::policy::kit::learned::MOST;
use crate::policy::kit::mixture::{check_mixture, is_mixture, normalise, spread_evenly};
use crate::policy::{Allotment, Policy, Prior, Reads, Reward, Turn};
use crate::population::Population;

/// How many tickets the moving average of an arm's score remembers.
const MEMORY: f64 = 16.0;
/// The part of its way down that the scale of the scores goes in a round.
const FALL: f64 = 0.01;
/// The variance of evidence that tells nothing is 0.058; this is twice that. See [`Progress`].
const CHANCE: f64 = 0.12;
/// The most that evidence is moved towards the mean: about its standard deviation where it tells nothing.
const MOVED: f64 = 0.25;

/// Exponential tilting of a target by what is being learned, the default of
/// [`post_training`](crate::Builder::post_training).
///
/// Training is for something: the *target* `T`, a weight for each arm (by default the number of its samples). Without
/// evidence the decision is the target; with evidence it is tilted towards arms that give a gradient and
/// get better by it:
///
/// ```text
/// u_a <- u_a + max(n/(n + 15), n/N_a) (r_a - u_a)        r: mean score of n tickets, where one that is lost counts 0
/// R   <- m if m > R, else R + 0.01 (m - R)               m = max_a u_a: the scale of the scores
/// w_a  = min(1, u_a / (s R))                             s = 0.3: enough signal is enough
/// e'_a = e_a - clip(min(1, 0.12 / V) (e_a - E), -d, d)   E, V: mean and variance of e over arms, weighted by w; d = 0.25
/// g_a  = clip((e'_a - 0.1) / 0.3, 0, 1)
/// p_a  = (1 - f) T_a exp(w_a g_a / tau) / Z + f T_a      tau = 0.3, f = 0.05
/// ```
///
/// with `N_a` the tickets of the arm so far, these included; `m`, `E` and `V` are over the arms that are drawn: those
/// with `T > 0` that have something to draw, `m` over those visited. A score below 0 is no signal. `r` is a learning
/// gain `>= 0` of any scale, such as [`MeanAdvantage`](crate::signal::MeanAdvantage) or
/// [`GroupSpread`](crate::signal::GroupSpread); `e` is the [evidence](Progress::evidence) that the success of the arm
/// rises.
///
/// - **Of any scale**: `w` is relative to the greatest score of late. Halving all advantages changes nothing.
/// - **Enough signal is enough**: an arm with a third of the best one's signal is as good. What counts is
///   whether a group teaches, not how often; to follow the size of the signal further makes gradients
///   one-sided, and costs more than it brings where groups without signal are dropped.
/// - **No progress anywhere is the target.** An arm that gives signal and does not get better (coin tosses, labels
///   that are wrong) has `g = 0`, and the same probability as one without signal: its part of the target.
/// - **Evidence is compared, not believed**: what differs between arms by chance alone is shrunk to their mean, so
///   that equal arms stay equal, but by no more than evidence wavers by chance, so that one that differs from all
///   others is still seen: a limited translation estimator, after James and Stein.
/// - **Bounded**: the odds between two arms are at most `exp(1/tau)`, 28, times those of the target. An arm that
///   rises by itself can hold no more; no statistics of success can tell it from one that is learned.
///
/// An arm that was never visited counts as one with full signal. Options: [`target`](Self::target),
/// [`temperature`](Self::temperature), [`enough`](Self::enough), [`floor`](Self::floor) and
/// [`trusting`](Self::trusting), which leaves the gate open.
///
/// [`set_mixture`](crate::Curriculum::set_mixture) changes the target of a living run, by arm.
///
/// Cost: O(K) a round for K arms; memory 24 bytes an arm. `POLICIES.md` has what it is worth, and where it is not.
///
/// The rule is ours. Papers that it builds on: Chen et al., *Self-Evolving Curriculum for LLM Reasoning*, arXiv
/// 2505.14970, for the Boltzmann form over learning gains; Efron and Morris, *Limiting the risk of Bayes and
/// empirical Bayes estimators*, 1972, for the shrinkage.
///
/// ```
/// use curricle::policy::{Prior, Tilt};
/// use curricle::{Curriculum, Feedback, Outcome, signal::GroupSpread};
///
/// # fn main() -> curricle::Result<()> {
/// // The target is the first three arms; the last one is there because it may help.
/// let target = Prior::Weights(vec![2.0, 1.0, 1.0, 0.1]);
/// let mut curriculum = Curriculum::builder(400)
///     .arms(4, |sample| (sample.0 / 100) as u32)
///     .policy(Tilt::new().target(target))
///     .signal(GroupSpread)
///     .build()?;
/// curriculum.draw(16)?;
/// assert!((curriculum.shares()[0] - 2.0 / 4.1).abs() < 1e-12); // nothing is known yet
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tilt {
    target: Prior,
    temperature: f64,
    enough: f64,
    floor: f64,
    is_trusting: bool,
    arms: Vec<Gain>,
    /// `R`.
    scale: f64,
}

/// What is known of an arm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Gain {
    /// `u`.
    mean: f64,
    /// `N`.
    tickets: u64,
    evidence: f64,
}

impl Default for Gain {
    fn default() -> Self {
        Self { mean: 0.0, tickets: 0, evidence: Progress::default().evidence() }
    }
}

impl Default for Tilt {
    fn default() -> Self {
        Self::new()
    }
}

impl Tilt {
    /// Target by the number of samples, temperature 0.3, enough signal at 0.3 of the greatest, floor 0.05.
    pub fn new() -> Self {
        Self {
            target: Prior::Size,
            temperature: 0.3,
            enough: 0.3,
            floor: 0.05,
            is_trusting: false,
            arms: Vec::new(),
            scale: 0.0,
        }
    }

    /// Sets what the training is for: the probabilities without evidence, and those of the floor.
    #[must_use]
    pub fn target(mut self, target: Prior) -> Self {
        self.target = target;
        self
    }

    /// Sets the temperature `tau`, in `[0.05, 1e6]`: the odds between an arm that is learned and one that is not are
    /// at most `exp(1 / tau)` times those of the target.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = temperature;
        self
    }

    /// Sets `s`, the part of the greatest score that is enough signal, in `(0, 1]`. At 1 probabilities follow the
    /// size of the signal.
    #[must_use]
    pub fn enough(mut self, enough: f64) -> Self {
        self.enough = enough;
        self
    }

    /// Sets the share `f` that is spread by the target whatever is known, in `[0, 1]`.
    #[must_use]
    pub fn floor(mut self, floor: f64) -> Self {
        self.floor = floor;
        self
    }

    /// Leaves the gate open: for arms that are all known to be learnable. An arm of coin tosses would then take as
    /// much as one that is learned. Success is not read.
    #[must_use]
    pub fn trusting(mut self) -> Self {
        self.is_trusting = true;
        self
    }

    /// `w` of an arm, in `[0, 1]`: whether a group of it teaches something, next to the best arm. 1 before the first
    /// visit.
    pub fn signal(&self, arm: ArmId) -> f64 {
        match self.arms.get(arm.index()) {
            Some(gain) if gain.tickets > 0 && self.enough * self.scale > 0.0 => {
                (gain.mean / (self.enough * self.scale)).clamp(0.0, 1.0)
            }
            Some(gain) if gain.tickets > 0 => 0.0,
            _ => 1.0,
        }
    }

    /// `g` of an arm, in `[0, 1]`: how far the evidence of progress opens it. Cost: O(K).
    pub fn gate(&self, arm: ArmId, population: &Population) -> f64 {
        let evidence = self.arms.get(arm.index()).copied().unwrap_or_default().evidence;
        self.shrinkage(|arm| self.is_drawn(arm, population)).gate(evidence)
    }

    /// Whether an arm is part of the target, and has something to draw.
    fn is_drawn(&self, arm: usize, population: &Population) -> bool {
        self.target.share(arm, population) > 0.0
    }

    /// What evidence is compared with: that of the arms that are drawn.
    fn shrinkage(&self, is_drawn: impl Fn(usize) -> bool) -> Shrinkage {
        let (mut weights, mut mean, mut variance) = (0.0, 0.0, 0.0);
        let known = || (0..).map(ArmId).zip(&self.arms).filter(|(arm, _)| is_drawn(arm.index()));
        for (arm, gain) in known() {
            let weight = self.signal(arm);
            weights += weight;
            mean += weight * gain.evidence;
        }
        mean /= f64::max(weights, f64::MIN_POSITIVE);
        for (arm, gain) in known() {
            let apart = gain.evidence - mean;
            variance += self.signal(arm) * apart * apart;
        }
        variance /= f64::max(weights, f64::MIN_POSITIVE);
        Shrinkage { is_trusting: self.is_trusting, mean, moved: CHANCE / variance.max(CHANCE) }
    }
}

/// How evidence is moved towards the mean of all arms.
#[derive(Debug, Clone, Copy)]
struct Shrinkage {
    is_trusting: bool,
    mean: f64,
    /// The part of its distance.
    moved: f64,
}

impl Shrinkage {
    fn gate(&self, evidence: f64) -> f64 {
        if self.is_trusting {
            return 1.0;
        }
        opening(evidence - (self.moved * (evidence - self.mean)).clamp(-MOVED, MOVED))
    }
}

impl Policy for Tilt {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("temperature", self.temperature, 0.05, 1e6)?;
        within("enough signal", self.enough, 1e-6, 1.0)?;
        within("floor", self.floor, 0.0, 1.0)?;
        if let Prior::Weights(weights) = &self.target {
            check_mixture(weights, population)?;
        }
        self.arms = vec![Gain::default(); population.arms().count()];
        self.scale = 0.0;
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        let is_possible = |gain: &Gain| {
            gain.mean.is_finite() && gain.tickets <= MOST && (-1.0..=1.0).contains(&gain.evidence)
        };
        // The target can have been set anew.
        let is_target = match (&self.target, &built.target) {
            (Prior::Weights(weights), _) => is_mixture(weights, arms),
            (target, built) => target == built,
        };
        is_target
            && (self.temperature, self.enough, self.floor, self.is_trusting)
                == (built.temperature, built.enough, built.floor, built.is_trusting)
            && self.arms.len() == arms
            && self.arms.iter().all(is_possible)
            && (0.0..=f64::MAX).contains(&self.scale)
    }

    fn reads(&self) -> Reads {
        if self.is_trusting { Reads::SCORE } else { Reads::SCORE | Field::Success.into() }
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let count = turn.population.arms().count();
        length("arms of the policy", count, self.arms.len())?;
        if turn.population.drawable_total() == 0 {
            return Err(Error::NothingToDraw);
        }
        let p = allotment.arms(count);
        for (arm, share) in p.iter_mut().enumerate() {
            *share = self.target.share(arm, turn.population);
        }
        match normalise(p) {
            // What the training is for has nothing to draw: what is left shares evenly.
            Err(Error::NothingToDraw) => spread_evenly(turn.population, p),
            other => other?,
        }
        let shrinkage = self.shrinkage(|arm| p.get(arm).is_some_and(|share| *share > 0.0));
        let tilt = |arm: usize, gain: &Gain| {
            let gate = shrinkage.gate(gain.evidence);
            math::exp(self.signal(ArmId(arm as u32)) * gate / self.temperature)
        };
        let sum: f64 = p
            .iter()
            .zip(&self.arms)
            .enumerate()
            .map(|(arm, (target, gain))| target * tilt(arm, gain))
            .sum();
        for (arm, (share, gain)) in p.iter_mut().zip(&self.arms).enumerate() {
            *share *= (1.0 - self.floor) * tilt(arm, gain) / sum + self.floor;
        }
        Ok(())
    }

    fn is_adapted(&self, turn: &Turn<'_>) -> bool {
        // An arm without a ticket counts as one with signal: beside those that had none it already has more.
        let drawn = (0..).zip(&self.arms).filter(|(arm, _)| self.is_drawn(*arm, turn.population));
        let (mut seen, mut unseen) = (false, false);
        for (_, gain) in drawn {
            (seen, unseen) = (seen || gain.tickets > 0, unseen || gain.tickets == 0);
            if gain.mean > 0.0 {
                return true;
            }
        }
        seen && unseen
    }

    fn learn(&mut self, population: &Population, rewards: &[Reward]) {
        for reward in rewards {
            let Some(gain) = self.arms.get_mut(reward.arm.index()) else { continue };
            let tickets = f64::from(reward.count);
            gain.tickets = gain.tickets.saturating_add(u64::from(reward.count)).min(MOST);
            let rate = (tickets / (tickets + MEMORY - 1.0)).max(tickets / gain.tickets.max(1) as f64);
            // What does not come back gives no signal.
            let returned = reward.returned_score().unwrap_or(0.0) * f64::from(reward.returned());
            gain.mean += rate * (returned / tickets.max(1.0) - gain.mean);
            gain.evidence = reward.evidence;
        }
        // An arm that is not drawn any more would keep its score for ever.
        let known = self.arms.iter().enumerate();
        let drawn = known.filter(|(arm, gain)| gain.tickets > 0 && self.is_drawn(*arm, population));
        let most = drawn.map(|(_, gain)| gain.mean).fold(0.0, f64::max);
        self.scale = if most > self.scale { most } else { self.scale + FALL * (most - self.scale) };
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        if let Prior::Weights(weights) = &mut self.target {
            weights.resize(arms, 0.0);
        }
        self.arms.resize(arms, Gain::default());
        Ok(())
    }

    fn set_mixture(&mut self, weights: &[f64], population: &Population) -> Result<()> {
        check_mixture(weights, population)?;
        self.target = Prior::Weights(weights.to_vec());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::kit::open_arms::testing::{allotted, population};

    fn prepared(policy: Tilt, sizes: &[usize]) -> (Tilt, Population) {
        let population = population(sizes);
        let mut policy = policy;
        policy.prepare(&population).unwrap();
        (policy, population)
    }

    fn told(policy: &mut Tilt, population: &Population, arms: &[(f64, f64)]) {
        for _ in 0..200 {
            let reward = |(arm, &(score, evidence)): (u32, &(f64, f64))| {
                Reward::new(ArmId(arm), 8, score).success(0.5).evidence(evidence)
            };
            let rewards: Vec<Reward> = (0..).zip(arms).map(reward).collect();
            policy.learn(population, &rewards);
        }
    }

    /// By the formula, with plain numbers.
    fn naive(target: &[f64], arms: &[(f64, f64)], [tau, enough, floor]: [f64; 3]) -> Vec<f64> {
        let most = arms.iter().map(|(score, _)| *score).fold(0.0, f64::max);
        let w: Vec<f64> = arms.iter().map(|(score, _)| (score / (enough * most)).min(1.0)).collect();
        let sum: f64 = w.iter().sum();
        let mean = w.iter().zip(arms).map(|(w, (_, e))| w * e).sum::<f64>() / sum;
        let variance =
            w.iter().zip(arms).map(|(w, (_, e))| w * (e - mean) * (e - mean)).sum::<f64>() / sum;
        let moved = (0.12 / variance).min(1.0);
        let tilted: Vec<f64> = (0..arms.len())
            .map(|arm| {
                let e = arms[arm].1 - (moved * (arms[arm].1 - mean)).clamp(-0.25, 0.25);
                let g = ((e - 0.1) / 0.3).clamp(0.0, 1.0);
                target[arm] * math::exp(w[arm] * g / tau)
            })
            .collect();
        let (of_target, of_all): (f64, f64) = (target.iter().sum(), tilted.iter().sum());
        let share = |arm: usize| (1.0 - floor) * tilted[arm] / of_all + floor * target[arm] / of_target;
        (0..arms.len()).map(share).collect()
    }

    #[test]
    fn probabilities_are_those_of_the_formula() {
        let arms = [(0.8, 0.9), (0.1, 0.7), (0.7, 0.0), (0.0, 0.0)];
        let (mut policy, population) = prepared(Tilt::new(), &[10, 20, 30, 40]);
        assert_eq!(allotted(&policy, 0, 8, &population), [0.1, 0.2, 0.3, 0.4]);
        told(&mut policy, &population, &arms);
        let expected = naive(&[10.0, 20.0, 30.0, 40.0], &arms, [0.3, 0.3, 0.05]);
        for (found, expected) in allotted(&policy, 0, 8, &population).iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        let other = Tilt::new().target(Prior::Uniform).temperature(0.7).enough(0.9).floor(0.2);
        let (mut policy, population) = prepared(other, &[10, 20, 30, 40]);
        told(&mut policy, &population, &arms);
        let expected = naive(&[1.0; 4], &arms, [0.7, 0.9, 0.2]);
        for (found, expected) in allotted(&policy, 0, 8, &population).iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }

    #[test]
    fn scores_of_any_scale_decide_alike() {
        let shares = |scale: f64| {
            let (mut policy, population) = prepared(Tilt::new(), &[10; 3]);
            told(
                &mut policy,
                &population,
                &[(0.8 * scale, 0.9), (0.1 * scale, 0.7), (0.7 * scale, 0.0)],
            );
            allotted(&policy, 0, 8, &population)
        };
        for scale in [1e-12, 0.5, 1e6] {
            for (found, expected) in shares(scale).iter().zip(shares(1.0)) {
                assert!((found - expected).abs() < 1e-9, "{scale}: {found} {expected}");
            }
        }
    }

    #[test]
    fn without_progress_anywhere_it_is_the_target() {
        let (mut policy, population) = prepared(Tilt::new(), &[10, 20, 30, 40]);
        told(&mut policy, &population, &[(1.0, 0.05), (0.5, -0.2), (0.2, 0.0), (0.0, 0.1)]);
        for (found, target) in allotted(&policy, 0, 8, &population).iter().zip([0.1, 0.2, 0.3, 0.4]) {
            assert!((found - target).abs() < 1e-12, "{found} {target}");
        }
    }

    /// The scale falls for ever; what is divided by it must not become nothing by nothing.
    #[test]
    fn a_run_without_signal_goes_on() {
        let (mut policy, population) = prepared(Tilt::new().enough(1e-6), &[10, 10]);
        let rewards = |score| [0, 1].map(|arm| Reward::new(ArmId(arm), 8, score).success(0.0));
        policy.learn(&population, &rewards(1.0));
        (0..80_000).for_each(|_| policy.learn(&population, &rewards(0.0)));
        assert_eq!(allotted(&policy, 0, 8, &population), [0.5, 0.5]);
    }

    /// Arms that are no part of the target, or have nothing to draw, are as if they were not there.
    #[test]
    fn arms_that_are_not_drawn_decide_nothing() {
        let arms = [(1.0, 0.0), (0.0, 0.0)];
        let target = Prior::Weights(vec![1.0, 1.0, 0.0, 0.0]);
        let (mut policy, population) = prepared(Tilt::new().target(target), &[10; 4]);
        told(&mut policy, &population, &arms);
        // A coin beside a solved arm: no progress anywhere.
        assert_eq!(allotted(&policy, 0, 8, &population), [0.5, 0.5, 0.0, 0.0]);
        assert_eq!(policy.gate(ArmId(0), &population), 0.0);

        // The arm of the greatest scores goes: a small signal is a signal again.
        let (mut policy, all) = prepared(Tilt::new(), &[10; 3]);
        told(&mut policy, &all, &[(0.9, 0.9), (0.03, 0.9), (0.0, 0.0)]);
        assert!(policy.signal(ArmId(1)) < 0.2);
        let left = self::population(&[0, 10, 10]);
        for _ in 0..1000 {
            let rewards = [Reward::new(ArmId(1), 8, 0.03).success(0.5).evidence(0.9)];
            policy.learn(&left, &rewards);
        }
        assert_eq!(policy.signal(ArmId(1)), 1.0);
    }

    #[test]
    fn a_target_that_is_empty_leaves_what_there_is() {
        let target = Prior::Weights(vec![1.0, 0.0]);
        let mut policy = Tilt::new().target(target);
        policy.prepare(&population(&[4, 4])).unwrap();
        let emptied = population(&[0, 4]);
        assert_eq!(allotted(&policy, 0, 8, &emptied), [0.0, 1.0]);
    }
}
