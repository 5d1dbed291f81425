//! Mastered arms rest, and are looked at again.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::id::ArmId;
use crate::base::rng::Rng;
use crate::event::Field;
use crate::policy::around::settled_or_even;
use crate::policy::kit::learned::MOST;
use crate::policy::kit::silence::Silence;
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// Any policy, which leaves mastered arms alone and looks at them again from time to time.
///
/// An arm whose running success reaches `mastery`, from its third visit on, keeps the share `rest` of its probability, until it
/// falls below `mastery - 0.1`. Every `every` rounds without a visit it is due for a test: it then has at
/// least the probability `test`. So what has been mastered does not take time from what has not,
/// and what has been forgotten comes back.
///
/// An arm of which nothing came back in three visits in a row rests like a mastered one, until
/// something does: when the others rest, it must not be given all that they leave.
///
/// Running success is a moving average over visits, with rate 0.2. If every arm rests the
/// policy's decision stands. Cost beside the policy's: O(K) a round.
///
/// ```
/// use curricle::{Curriculum, policy::{Boltzmann, Mastered}};
///
/// # fn main() -> curricle::Result<()> {
/// let curriculum = Curriculum::builder(80)
///     .arms(4, |sample| (sample.0 / 20) as u32)
///     .policy(Mastered::new(Boltzmann::new(), 0.9).retest(50, 0.05))
///     .build()?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Policy")]
pub struct Mastered<P> {
    inner: P,
    mastery: f64,
    rest: f64,
    every: u64,
    test: f64,
    rounds: u64,
    arms: Vec<Mastery>,
}

/// What is known of the mastery of an arm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Mastery {
    success: f64,
    visits: u32,
    /// The number of the last round that visited it.
    last: u64,
    is_mastered: bool,
    silence: Silence,
}

impl Mastery {
    /// Whether the arm is left alone: mastered, or nothing comes back of it.
    fn is_at_rest(&self) -> bool {
        self.is_mastered || self.silence.is_long()
    }
}

impl<P: Policy> Mastered<P> {
    /// How far below `mastery` success must fall for an arm to come back.
    const SLACK: f64 = 0.1;
    /// Visits before an arm can count as mastered.
    const VISITS: u32 = 3;

    /// Leaves arms of at least this success alone: they keep a tenth of their probability, and are
    /// tested with probability 0.02 after 50 rounds without a visit.
    pub fn new(inner: P, mastery: f64) -> Self {
        let (rest, every, test) = (0.1, 50, 0.02);
        Self { inner, mastery, rest, every, test, rounds: 0, arms: Vec::new() }
    }

    /// Sets the share of its probability, in `[0, 1]`, that a mastered arm keeps; default 0.1.
    #[must_use]
    pub fn rest(mut self, rest: f64) -> Self {
        self.rest = rest;
        self
    }

    /// Sets after how many rounds, at least 1, an arm is tested, and with which probability in `(0, 1]`.
    #[must_use]
    pub fn retest(mut self, every: u64, test: f64) -> Self {
        (self.every, self.test) = (every, test);
        self
    }

    /// Whether an arm counts as mastered.
    pub fn is_mastered(&self, arm: ArmId) -> bool {
        self.arms.get(arm.index()).is_some_and(|arm| arm.is_mastered)
    }
}

impl<P: Policy> Policy for Mastered<P> {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("mastery", self.mastery, 0.0, 1.0)?;
        within("share at rest", self.rest, 0.0, 1.0)?;
        within("rounds between tests", self.every as f64, 1.0, 1e18)?;
        within("probability of a test", self.test, f64::MIN_POSITIVE, 1.0)?;
        self.rounds = 0;
        self.arms = vec![Mastery::default(); population.arms().count()];
        self.inner.prepare(population)
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        let is_possible = |arm: &Mastery| arm.success.is_finite() && arm.last <= self.rounds;
        (self.mastery, self.rest, self.every, self.test)
            == (built.mastery, built.rest, built.every, built.test)
            && self.rounds <= MOST
            && self.arms.len() == arms
            && self.arms.iter().all(is_possible)
            && self.inner.is_learned_from(&built.inner, arms)
    }

    fn reads(&self) -> Reads {
        self.inner.reads() | Field::Success.into()
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let p = settled_or_even(&self.inner, "Mastered", (turn, rng, allotment))?;
        let open = |(arm, p): (&Mastery, &f64)| if arm.is_at_rest() { 0.0 } else { *p };
        if self.arms.iter().zip(p.iter()).map(open).sum::<f64>() <= 0.0 {
            return Ok(());
        }
        let mut sum = 0.0;
        for (arm, share) in self.arms.iter().zip(p.iter_mut()) {
            if arm.is_at_rest() {
                *share *= self.rest;
                if *share < self.test && arm.last + self.every <= self.rounds {
                    *share = self.test;
                }
            }
            sum += *share;
        }
        p.iter_mut().for_each(|share| *share /= sum);
        Ok(())
    }

    fn learn(&mut self, population: &Population, rewards: &[Reward]) {
        self.rounds += 1;
        for reward in rewards {
            let arm = &mut self.arms[reward.arm.index()];
            arm.silence.note(reward);
            if reward.returned() == 0 {
                arm.last = self.rounds;
            }
            let Some(success) = reward.success else { continue };
            arm.success += if arm.visits == 0 { 1.0 } else { 0.2 } * (success - arm.success);
            arm.visits = arm.visits.saturating_add(1);
            arm.last = self.rounds;
            let least = if arm.is_mastered { self.mastery - Self::SLACK } else { self.mastery };
            arm.is_mastered = arm.visits >= Self::VISITS && arm.success >= least;
        }
        self.inner.learn(population, rewards);
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.inner.grow(arms)?;
        self.arms.resize(arms, Mastery::default());
        Ok(())
    }

    passes_on! { set_mixture requested }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Uniform;
    use crate::policy::kit::open_arms::testing::{allotted, population};

    #[test]
    fn a_mastered_arm_rests_is_tested_and_comes_back() {
        let population = population(&[4; 2]);
        let mut policy = Mastered::new(Uniform, 0.9).rest(0.0).retest(10, 0.2);
        policy.prepare(&population).unwrap();
        let reward = |arm, success| Reward::new(ArmId(arm), 4, 0.0).success(success);
        (0..4).for_each(|_| policy.learn(&population, &[reward(0, 1.0), reward(1, 0.1)]));
        assert!(policy.is_mastered(ArmId(0)));
        assert_eq!(allotted(&policy, 0, 8, &population), [0.0, 1.0]);
        (0..10).for_each(|_| policy.learn(&population, &[reward(1, 0.1)]));
        let tested = allotted(&policy, 0, 8, &population);
        assert!((tested[0] - 0.2 / 0.7).abs() < 1e-12, "{tested:?}");
        // It has been forgotten.
        (0..2).for_each(|_| policy.learn(&population, &[reward(0, 0.0)]));
        assert!(!policy.is_mastered(ArmId(0)));
        assert_eq!(allotted(&policy, 0, 8, &population), [0.5, 0.5]);
    }
}
