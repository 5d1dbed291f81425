//! Every arm is looked at before any is judged.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::id::ArmId;
use crate::base::rng::Rng;
use crate::policy::around::settled;
use crate::policy::kit::mixture::spread_evenly;
use crate::policy::{Allotment, Logits, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// Any policy, which decides only when every arm has brought in some tickets; until then those that
/// have not share all probability evenly, or, if they have fewer members than the batch has slots, the part that their
/// members are of the batch; the policy allots the rest. It learns from the start.
///
/// Tickets under way count, so a long lag does not prolong the start. Arms that have nothing to draw are
/// not waited for, and the start ends in any case after four times the rounds that it should take, and 16
/// more, so that an arm whose outcomes never come back does not hold everything up. Cost beside the policy's: O(K) a round,
/// until that time is over if there are 1024 arms or more.
///
/// ```
/// use curricle::{Curriculum, policy::{Boltzmann, ColdStart}};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(80)
///     .arms(4, |sample| (sample.0 / 20) as u32)
///     .policy(ColdStart::new(Boltzmann::new().start(0.0), 16))
///     .build()?;
/// curriculum.draw(8)?;
/// assert_eq!(curriculum.shares(), [0.25; 4]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Policy")]
pub struct ColdStart<P> {
    inner: P,
    tickets: u32,
    seen: Vec<u32>,
}

impl<P: Policy> ColdStart<P> {
    /// Waits until every arm has brought in this many tickets.
    pub fn new(inner: P, tickets: u32) -> Self {
        Self { inner, tickets, seen: Vec::new() }
    }

    /// The policy within.
    pub fn inner(&self) -> &P {
        &self.inner
    }

    /// Whether so many rounds have gone by that the cold start ends, whatever is missing.
    fn is_over(&self, turn: &Turn<'_>) -> bool {
        let all = u64::from(self.tickets) * self.seen.len() as u64;
        turn.round.0 >= 4 * all.div_ceil(turn.n.max(1) as u64) + 16
    }
}

impl<P: Policy> Policy for ColdStart<P> {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("tickets of a cold start", f64::from(self.tickets), 0.0, 1e9)?;
        self.seen = vec![0; population.arms().count()];
        self.inner.prepare(population)
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        self.tickets == built.tickets
            && self.seen.len() == arms
            && self.inner.is_learned_from(&built.inner, arms)
    }

    fn reads(&self) -> Reads {
        self.inner.reads()
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let is_over = self.is_over(turn);
        let is_cold = |arm: usize| {
            let under_way = turn.under_way.get(arm).copied().unwrap_or(0);
            !is_over
                && self.seen[arm].saturating_add(under_way) < self.tickets
                && turn.population.drawable(ArmId(arm as u32)) > 0
        };
        let arms = self.seen.len();
        let cold: Vec<usize> = (0..arms).filter(|&arm| is_cold(arm)).collect();
        if cold.is_empty() {
            return self.inner.allot(turn, rng, allotment);
        }
        // A sampler that repeats no sample needs as many as there are slots.
        let members: usize = cold.iter().map(|&arm| turn.population.drawable(ArmId(arm as u32))).sum();
        let part = (members as f64 / turn.n.max(1) as f64).min(1.0);
        let decided = match part < 1.0 {
            true => settled(&self.inner, "ColdStart", (turn, rng, allotment))?,
            false => None,
        };
        let p = match decided {
            Some(p) => p,
            None => {
                // Nothing is asked of the policy, or it has nothing that can be drawn: the rest is
                // even.
                let p = allotment.arms(arms);
                spread_evenly(turn.population, p);
                p
            }
        };
        p.iter_mut().for_each(|p| *p *= 1.0 - part);
        cold.iter().for_each(|&arm| p[arm] += part / cold.len() as f64);
        Ok(())
    }

    fn logits(&self, turn: &Turn<'_>) -> Option<Logits<'_>> {
        self.inner.logits(turn).filter(|_| self.is_over(turn))
    }

    fn learn(&mut self, population: &Population, rewards: &[Reward]) {
        for reward in rewards {
            let seen = &mut self.seen[reward.arm.index()];
            *seen = seen.saturating_add(reward.count);
        }
        self.inner.learn(population, rewards);
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.inner.grow(arms)?;
        self.seen.resize(arms, 0);
        Ok(())
    }

    passes_on! { set_mixture requested }

    fn is_adapted(&self, turn: &Turn<'_>) -> bool {
        let is_cold = |arm: usize| {
            self.seen[arm] < self.tickets && turn.population.drawable(ArmId(arm as u32)) > 0
        };
        (self.is_over(turn) || !(0..self.seen.len()).any(is_cold)) && self.inner.is_adapted(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Uniform;
    use crate::policy::kit::open_arms::testing::{allotted, population};

    #[test]
    fn a_cold_arm_with_few_members_gets_that_part_of_the_batch() {
        let population = population(&[6, 2, 8]);
        let mut policy = ColdStart::new(Uniform, 4);
        policy.prepare(&population).unwrap();
        policy.learn(&population, &[Reward::new(ArmId(0), 4, 0.0), Reward::new(ArmId(2), 4, 0.0)]);
        assert_eq!(allotted(&policy, 0, 8, &population), [0.25, 0.5, 0.25]);
        assert_eq!(allotted(&policy, 0, 2, &population), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn a_cold_arm_gets_everything() {
        let population = population(&[8; 3]);
        let mut policy = ColdStart::new(Uniform, 4);
        policy.prepare(&population).unwrap();
        policy.learn(&population, &[Reward::new(ArmId(0), 4, 0.0), Reward::new(ArmId(2), 3, 0.0)]);
        assert_eq!(allotted(&policy, 0, 8, &population), [0.0, 0.5, 0.5]);
        policy.learn(&population, &[Reward::new(ArmId(1), 9, 0.0), Reward::new(ArmId(2), 1, 0.0)]);
        assert_eq!(allotted(&policy, 0, 8, &population), [1.0 / 3.0; 3]);
        // An arm that is never heard of: 4 * ceil(12 / 8) + 16 rounds, then the policy decides.
        let mut policy = ColdStart::new(Uniform, 4);
        policy.prepare(&population).unwrap();
        policy.learn(&population, &[Reward::new(ArmId(0), 4, 0.0), Reward::new(ArmId(1), 4, 0.0)]);
        assert_eq!(allotted(&policy, 23, 8, &population), [0.0, 0.0, 1.0]);
        assert_eq!(allotted(&policy, 24, 8, &population), [1.0 / 3.0; 3]);
    }

    #[test]
    fn what_the_policy_cannot_place_is_spread_evenly() {
        let population = population(&[0, 2, 8]);
        let mut policy = ColdStart::new(crate::policy::Fixed::weights(vec![1.0, 0.0, 0.0]), 4);
        policy.prepare(&population).unwrap();
        policy.learn(&population, &[Reward::new(ArmId(2), 4, 0.0)]);
        // A quarter for the two members of the cold arm, and half of the rest.
        assert_eq!(allotted(&policy, 0, 8, &population), [0.0, 0.625, 0.375]);
    }
}
