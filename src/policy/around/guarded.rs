//! A policy against the target, in blocks that take turns: whichever brings more progress leads.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::math;
use crate::base::rng::Rng;
use crate::event::Field;
use crate::policy::kit::learned::MOST;
use crate::policy::kit::mixture::{check_mixture, is_mixture, normalise, spread_evenly};
use crate::policy::{Allotment, Policy, Prior, Reads, Reward, Turn};
use crate::population::Population;

/// The most rounds of a block.
const LONGEST: u64 = 512;
/// The chance that a verdict is wrong where the two are alike.
const ALPHA: f64 = 0.05;

/// Any policy, compared with drawing by the target, for whoever does not want to believe it.
///
/// Rounds come in pairs of blocks: one follows the policy, the other the target; the policy comes first in pairs
/// whose number has an even number of ones in binary, as in the sequence of Thue and Morse. Blocks have 16 rounds at
/// first, those of each pair half as many again, rounded down, at most 512. With `x_a1` and `x_a2` the mean success
/// of arm `a` in the first and the second half of a block (the first has the odd round), `n_a1` and `n_a2` their
/// tickets,
///
/// ```text
/// S   = sum_a M_a (x_a2 - x_a1) / c                      c: the mean of the tokens of both halves
/// v   = sum_a M_a^2 s_a^2 (1/n_a1 + 1/n_a2) / c^2        s_a^2: of a ticket, from how rounds differ within a half;
///                                                        0.25 counts for two rounds
/// D_j = S of the policy - S of the target in pair j      v_j: the sum of their v
/// Z   = sum_j D_j / v_j      V = sum_j 1 / v_j           r = 1 / v of the first pair
/// the policy leads if   Z >  sqrt((V + r) (ln((V + r) / r) + 2 ln 20))
/// the target leads if  -Z >  the same; else they take turns evenly
/// ```
///
/// `M`, the [`measure`](Self::measure), is the target if no other is set. An arm that is not drawn in both halves of
/// a block counts as without progress in it: a policy that leaves arms alone is not thanked for what they gain
/// meanwhile. Who does not lead keeps an eighth of the rounds of a pair, so that the comparison goes on: longer
/// blocks of later weigh more, and a verdict can change. A verdict counts from the pair behind the next one on; with
/// a [lag](crate::Builder::lag) of more than 32 rounds some blocks are of both sides, and verdicts come late or not
/// at all. What comes back later than its block, in the pace of arrival, is not measured.
///
/// **What it buys.** It needs no theory of why a policy fails: an arm that moves by itself, interference between
/// tasks, a signal that is wrong. What is compared is success by the measure, a token. Half of the run until the
/// verdict, an eighth after it, is the price on either side.
///
/// **What it cannot do.** The test is valid at any time for differences that are about normal and whose variance is
/// estimated well. A policy whose gain shows only later than in its own block (arms that unlock others) is
/// undervalued. Where the measure has arms that move by themselves nothing can be told. A factor of several is told
/// within some hundreds of rounds of 64 groups of 8 (see the tests), one of two in about half of the runs of a
/// thousand, less not.
///
/// **A probe.** Put held-out samples into an arm of their own, answer their tickets without training on them, and
/// [`measure`](Self::measure) by that arm alone. Both targets, the guard's and that of the policy within, give it a
/// small weight, as both sides have to draw from it.
///
/// Tokens are the [cost](crate::Outcome::cost) where it is reported, else rollouts; costs of 0 everywhere compare
/// nothing. [`set_mixture`](crate::Curriculum::set_mixture) changes the target, of the policy within, too, and leaves
/// the measure. Cost: O(K) a round; memory 64 bytes an arm beside the policy's.
///
/// Paper: Robbins, *Statistical methods related to the law of the iterated logarithm*, 1970, for the boundary, a
/// normal mixture; the rule is ours.
///
/// ```
/// use curricle::policy::{Guarded, Prior, Tilt};
/// use curricle::{Curriculum, signal::GroupSpread};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(400)
///     .arms(4, |sample| (sample.0 / 100) as u32)
///     .policy(Guarded::new(Tilt::new()).target(Prior::Size))
///     .signal(GroupSpread)
///     .build()?;
/// curriculum.draw(16)?;
/// assert!(curriculum.policy().leader().is_none()); // nobody leads yet
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Policy")]
pub struct Guarded<P> {
    inner: P,
    target: Prior,
    /// By what progress is measured, if not by the target.
    measure: Option<Prior>,
    /// The block that success is being collected of.
    block: Block,
    halves: [Vec<Seen>; 2],
    tokens: [f64; 2],
    /// What the first block of the pair came to, if it is over: progress a token, and its variance.
    first: Option<(f64, f64)>,
    /// `Z`, `V` and `r`.
    sums: (f64, f64, f64),
    /// From which pair on who leads, and who did before.
    verdicts: [(u64, Option<Side>); 2],
}

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Side {
    /// The policy within.
    Policy,
    /// The target.
    Target,
}

/// A run of rounds that one side decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    pair: u64,
    is_second: bool,
    /// Its first round, and how many it has.
    start: u64,
    rounds: u64,
}

/// The success of an arm in half a block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Seen {
    rounds: f64,
    tickets: f64,
    sum: f64,
    squares: f64,
}

/// What the variance of a ticket is taken for before it is measured, the greatest there is, and the rounds that this
/// counts for. An arm that is drawn once in a while must not look as if it never varied.
const GUESS: (f64, f64) = (0.25, 2.0);

impl Seen {
    fn mean(&self) -> f64 {
        self.sum / self.tickets
    }

    /// How far rounds were from their mean, as the sum of squares a ticket, and of how many rounds more than one.
    fn apart(&self) -> (f64, f64) {
        ((self.squares - self.mean() * self.sum).max(0.0), self.rounds - 1.0)
    }

    /// By how much the mean rose from one half to the other, and the variance of that.
    fn rise(before: &Self, after: &Self) -> (f64, f64) {
        let ((one, few), (two, many)) = (before.apart(), after.apart());
        let of_ticket = (one + two + GUESS.0 * GUESS.1) / (few + many + GUESS.1);
        (after.mean() - before.mean(), of_ticket * (1.0 / before.tickets + 1.0 / after.tickets))
    }

    fn is_possible(&self) -> bool {
        [self.rounds, self.tickets, self.sum, self.squares].iter().all(|x| (0.0..=1e18).contains(x))
    }
}

impl<P: Policy> Guarded<P> {
    /// Compares a policy with the target, which is the number of samples of each arm if no other is set.
    pub fn new(inner: P) -> Self {
        Self {
            inner,
            target: Prior::Size,
            measure: None,
            block: Block::default(),
            halves: [Vec::new(), Vec::new()],
            tokens: [0.0; 2],
            first: None,
            sums: (0.0, 0.0, 0.0),
            verdicts: [(0, None); 2],
        }
    }

    /// Sets what the training is for: the decision of the other side, and, if no [`measure`](Self::measure) is set,
    /// by what progress is measured.
    #[must_use]
    pub fn target(mut self, target: Prior) -> Self {
        self.target = target;
        self
    }

    /// Sets by what progress is measured: weights of arms, such as 1 for one of held-out samples and 0 for the
    /// others.
    #[must_use]
    pub fn measure(mut self, measure: Prior) -> Self {
        self.measure = Some(measure);
        self
    }

    /// The policy within.
    pub fn inner(&self) -> &P {
        &self.inner
    }

    /// Who leads, as far as is known; it counts from the pair behind the next one on.
    pub fn leader(&self) -> Option<Side> {
        self.verdicts[1].1
    }

    /// `Z` and the boundary that it has to pass.
    pub fn evidence(&self) -> (f64, f64) {
        let (z, v, r) = self.sums;
        if r <= 0.0 {
            return (0.0, f64::INFINITY);
        }
        (z, ((v + r) * (math::ln((v + r) / r) + 2.0 * math::ln(1.0 / ALPHA))).sqrt())
    }

    /// The block that a round is in, and who decides it.
    fn at(&self, round: u64) -> (Block, Side) {
        // Pairs come one after the other, longer and longer: a walk of some ten steps, then even ones.
        let (mut pair, mut start, mut rounds) = (0u64, 0u64, 16u64);
        while rounds < LONGEST && round - start >= 2 * rounds {
            start += 2 * rounds;
            rounds = (rounds + rounds / 2).min(LONGEST);
            pair += 1;
        }
        let more = (round - start) / (2 * rounds);
        (pair, start) = (pair + more, start + more * 2 * rounds);
        let leader =
            self.verdicts.iter().rev().find(|(from, _)| *from <= pair).and_then(|(_, who)| *who);
        let policy_first = pair.count_ones().is_multiple_of(2);
        // Of both together, what the one that comes first decides.
        let first = match (leader, policy_first) {
            (None, _) => rounds,
            (Some(Side::Policy), true) | (Some(Side::Target), false) => 2 * rounds - rounds / 4,
            _ => rounds / 4,
        };
        let is_second = round - start >= first;
        let block = Block {
            pair,
            is_second,
            start: if is_second { start + first } else { start },
            rounds: if is_second { 2 * rounds - first } else { first },
        };
        (block, if is_second == policy_first { Side::Target } else { Side::Policy })
    }

    /// Takes stock of the block that is over.
    fn close(&mut self, population: &Population) {
        let mut measure = self.measure.as_ref().unwrap_or(&self.target).shares(population);
        if normalise(&mut measure).is_err() {
            measure.iter_mut().for_each(|share| *share = 0.0);
        }
        let (mut progress, mut variance) = (0.0, 0.0);
        for (arm, weight) in measure.iter().enumerate() {
            let (Some(before), Some(after)) = (self.halves[0].get(arm), self.halves[1].get(arm)) else {
                continue;
            };
            if before.tickets > 0.0 && after.tickets > 0.0 {
                let (rise, of_rise) = Seen::rise(before, after);
                progress += weight * rise;
                variance += weight * weight * of_rise;
            }
        }
        let tokens = 0.5 * (self.tokens[0] + self.tokens[1]);
        let found = (tokens > 0.0 && variance > 0.0)
            .then(|| (progress / tokens, variance / (tokens * tokens)))
            .filter(|(progress, variance)| progress.is_finite() && *variance > 1e-200);
        let block = self.block;
        if !block.is_second {
            self.first = found;
        } else if let (Some(one), Some(two)) = (self.first.take(), found) {
            let policy_first = block.pair.count_ones().is_multiple_of(2);
            let (policy, other) = if policy_first { (one, two) } else { (two, one) };
            self.compare(policy.0 - other.0, policy.1 + other.1);
            let (z, boundary) = self.evidence();
            let leader = match z {
                _ if z > boundary => Some(Side::Policy),
                _ if -z > boundary => Some(Side::Target),
                _ => None,
            };
            if leader != self.verdicts[1].1 {
                self.verdicts = [self.verdicts[1], (block.pair + 2, leader)];
            }
        }
        self.halves.iter_mut().flatten().for_each(|seen| *seen = Seen::default());
        self.tokens = [0.0; 2];
    }

    /// Takes in the difference of a pair.
    fn compare(&mut self, difference: f64, variance: f64) {
        let (z, v, r) = &mut self.sums;
        *z += difference / variance;
        *v += 1.0 / variance;
        if *r <= 0.0 {
            *r = 1.0 / variance;
        }
    }
}

impl<P: Policy> Policy for Guarded<P> {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        for prior in [Some(&self.target), self.measure.as_ref()].into_iter().flatten() {
            if let Prior::Weights(weights) = prior {
                check_mixture(weights, population)?;
            }
        }
        let none = vec![Seen::default(); population.arms().count()];
        let (target, measure) = (self.target.clone(), self.measure.clone());
        *self = Self { target, measure, ..Self::new(self.inner.clone()) };
        self.halves = [none.clone(), none];
        self.block = self.at(0).0;
        self.inner.prepare(population)
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        let is_target = match (&self.target, &built.target) {
            (Prior::Weights(weights), _) => is_mixture(weights, arms),
            (target, built) => target == built,
        };
        let (z, v, r) = self.sums;
        let block = &self.block;
        let is_measure = match (&self.measure, &built.measure) {
            (Some(measure), Some(built)) => measure.is_grown(built, arms),
            (measure, built) => measure == built,
        };
        is_target
            && is_measure
            && self.halves.iter().all(|half| half.len() == arms && half.iter().all(Seen::is_possible))
            && self.tokens.iter().all(|tokens| (0.0..=1e300).contains(tokens))
            && self.first.is_none_or(|(progress, variance)| progress.is_finite() && variance > 1e-200)
            && z.is_finite()
            && (0.0..=1e300).contains(&v)
            && (0.0..=1e300).contains(&r)
            && block.pair <= MOST
            && block.start <= MOST
            && (1..=2 * LONGEST).contains(&block.rounds)
            && self.verdicts.iter().all(|(from, _)| *from <= MOST)
            && self.inner.is_learned_from(&built.inner, arms)
    }

    fn reads(&self) -> Reads {
        self.inner.reads() | Field::Success.into()
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        if self.at(turn.round.0).1 == Side::Policy {
            self.inner.allot(turn, rng, allotment)?;
            return allotment.as_arms("Guarded").map(drop);
        }
        let target = self.target.shares(turn.population);
        let p = allotment.arms(target.len());
        p.copy_from_slice(&target);
        match normalise(p) {
            // What the training is for has nothing to draw.
            Err(Error::NothingToDraw) if turn.population.drawable_total() > 0 => {
                spread_evenly(turn.population, p);
                Ok(())
            }
            other => other,
        }
    }

    fn learn(&mut self, population: &Population, rewards: &[Reward]) {
        for reward in rewards {
            let (block, _) = self.at(reward.round.0);
            if block.start > self.block.start {
                self.close(population);
                self.block = block;
            } else if block.start < self.block.start {
                // A straggler of a block that has been taken stock of.
                continue;
            }
            let at = reward.round.0.saturating_sub(self.block.start);
            let half = usize::from(2 * at >= self.block.rounds);
            self.tokens[half] += reward.cost.unwrap_or(f64::from(reward.rollouts)).max(0.0);
            let (Some(success), Some(seen)) =
                (reward.success, self.halves[half].get_mut(reward.arm.index()))
            else {
                continue;
            };
            let tickets = f64::from(reward.returned());
            seen.rounds += 1.0;
            seen.tickets += tickets;
            seen.sum += tickets * success;
            seen.squares += tickets * success * success;
        }
        self.inner.learn(population, rewards);
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.inner.grow(arms)?;
        for prior in [Some(&mut self.target), self.measure.as_mut()].into_iter().flatten() {
            if let Prior::Weights(weights) = prior {
                weights.resize(arms, 0.0);
            }
        }
        self.halves.iter_mut().for_each(|half| half.resize(arms, Seen::default()));
        Ok(())
    }

    fn set_mixture(&mut self, weights: &[f64], population: &Population) -> Result<()> {
        check_mixture(weights, population)?;
        self.inner.set_mixture(weights, population)?;
        self.target = Prior::Weights(weights.to_vec());
        Ok(())
    }

    passes_on! { requested is_adapted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{ArmId, Round};
    use crate::base::rng::Purpose;
    use crate::policy::Fixed;
    use crate::policy::kit::open_arms::testing::{allotted, population};

    /// All of one arm against half of each.
    fn guarded(population: &Population) -> Guarded<Fixed> {
        let mut policy = Guarded::new(Fixed::weights(vec![1.0, 0.0]));
        policy.prepare(population).unwrap();
        policy
    }

    /// Trains through so many rounds; a step raises the success of both arms by `by_policy` or `by_target`.
    fn trained(rounds: u64, seed: u64, by_policy: f64, by_target: f64) -> (Guarded<Fixed>, f64) {
        let population = population(&[10, 10]);
        let mut policy = guarded(&population);
        let (mut success, mut of_policy) = (0.1, 0.0);
        let mut rng = Rng::at(seed, Round(0), Purpose::User);
        for round in 0..rounds {
            let is_policy = allotted(&policy, round, 8, &population) == [1.0, 0.0];
            success += if is_policy { by_policy } else { by_target };
            of_policy += f64::from(u8::from(is_policy)) / rounds as f64;
            let reward = |arm| {
                let hits = (0..256).filter(|_| rng.unit() < success).count();
                Reward::new(ArmId(arm), 32, 0.5)
                    .rollouts(256)
                    .success(hits as f64 / 256.0)
                    .round(Round(round))
            };
            let rewards: Vec<Reward> = [0, 1].map(reward).into();
            policy.learn(&population, &rewards);
        }
        (policy, of_policy)
    }

    #[test]
    fn blocks_take_turns_and_leave_no_round_out() {
        let population = population(&[10, 10]);
        let mut policy = guarded(&population);
        for leader in [None, Some(Side::Policy), Some(Side::Target)] {
            policy.verdicts = [(0, leader); 2];
            let (mut before, mut of_policy) = (Block::default(), 0);
            for round in 0..20_000 {
                let (block, side) = policy.at(round);
                assert!(
                    (block.start..block.start + block.rounds).contains(&round),
                    "{round}: {block:?}"
                );
                if (block.pair, block.is_second) != (before.pair, before.is_second) && round > 0 {
                    assert_eq!(block.start, before.start + before.rounds, "{round}");
                    assert_eq!(block.start, round);
                }
                before = block;
                of_policy += u64::from(side == Side::Policy);
            }
            let share = of_policy as f64 / 20_000.0;
            let expected = match leader {
                None => 0.5,
                Some(Side::Policy) => 0.875,
                Some(Side::Target) => 0.125,
            };
            assert!((share - expected).abs() < 0.03, "{leader:?}: {share}");
        }
    }

    #[test]
    fn whoever_brings_more_progress_leads() {
        for seed in 0..5 {
            let (policy, share) = trained(900, seed, 0.0015, 0.0002);
            assert_eq!(policy.leader(), Some(Side::Policy), "{seed}: {:?}", policy.evidence());
            assert!(share > 0.55, "{share}");
            let (policy, share) = trained(900, seed, 0.0002, 0.0015);
            assert_eq!(policy.leader(), Some(Side::Target), "{seed}: {:?}", policy.evidence());
            assert!(share < 0.45, "{share}");
        }
    }

    /// One of a hundred draws, of prompts that are each always solved or never: rounds of an arm of one ticket do not
    /// vary.
    #[test]
    fn an_arm_that_is_hardly_drawn_decides_nothing() {
        let mut wrong = 0;
        for seed in 0..100 {
            let population = population(&[10, 10]);
            let mut policy = guarded(&population);
            let mut rng = Rng::at(seed, Round(0), Purpose::User);
            let mut has_verdict = false;
            for round in 0..800 {
                let is_policy = allotted(&policy, round, 8, &population) == [1.0, 0.0];
                let second = if is_policy { u32::from(rng.below(6) == 0) } else { 4 };
                let mut reward = |arm, tickets: u32| {
                    let solved = (0..tickets).filter(|_| rng.below(2) == 0).count();
                    Reward::new(ArmId(arm), tickets, 0.5)
                        .rollouts(8 * tickets)
                        .success(solved as f64 / f64::from(tickets))
                        .round(Round(round))
                };
                let mut rewards = vec![reward(0, 8 - second)];
                rewards.extend((second > 0).then(|| reward(1, second)));
                policy.learn(&population, &rewards);
                has_verdict |= policy.leader().is_some();
            }
            wrong += u32::from(has_verdict);
        }
        assert!(wrong <= 9, "{wrong} of 100");
    }

    /// What is held out decides, whatever the arms that are trained on show.
    #[test]
    fn a_probe_decides() {
        let population = population(&[10, 10]);
        let probe = Prior::Weights(vec![0.0, 1.0]);
        let mut policy = Guarded::new(Fixed::weights(vec![1.0, 0.0])).measure(probe);
        policy.prepare(&population).unwrap();
        let mut rng = Rng::at(1, Round(0), Purpose::User);
        let mut held_out = 0.1;
        for round in 0..900 {
            let is_policy = allotted(&policy, round, 8, &population) == [1.0, 0.0];
            held_out += if is_policy { 0.0 } else { 0.0015 };
            let trained_on = if is_policy { round as f64 / 900.0 } else { 0.1 };
            let mut reward = |arm, success| {
                let hits = (0..256).filter(|_| rng.unit() < success).count();
                let reward = Reward::new(ArmId(arm), 32, 0.5).rollouts(256);
                reward.success(hits as f64 / 256.0).round(Round(round))
            };
            policy.learn(&population, &[reward(0, trained_on), reward(1, held_out)]);
        }
        assert_eq!(policy.leader(), Some(Side::Target), "{:?}", policy.evidence());
        policy.set_mixture(&[2.0, 1.0], &population).unwrap();
        assert_eq!(policy.measure, Some(Prior::Weights(vec![0.0, 1.0])));
    }

    /// Alike, whether success rises or not: a verdict comes in at most about one of twenty runs, whenever one looks.
    #[test]
    fn two_that_are_alike_stay_so() {
        for rise in [0.0, 0.001] {
            let has_verdict = |seed: &u64| trained(800, *seed, rise, rise).0.leader().is_some();
            let wrong = (0..100).filter(has_verdict).count();
            assert!(wrong <= 8, "{rise}: {wrong} of 100");
        }
    }
}
