//! Bandit problems whose means change.

use curricle::policy::{Allotment, Policy, Reward, Turn};
use curricle::{ArmId, Arms, Population, Purpose, Rng, Round};

use crate::Result;

/// The problems of the reference that separate policies.
pub const NAMES: [&str; 4] = ["P1", "P2", "P3", "P5"];

/// The mean reward of each arm in each round, and the rounds in which they jump.
#[derive(Debug)]
pub struct Problem {
    pub means: Vec<Vec<f64>>,
    pub changes: Vec<usize>,
    population: Population,
}

/// The uniform numbers of one run: they are drawn beforehand, so that a time is the policy's.
#[derive(Debug)]
pub struct Luck {
    rewards: Vec<f64>,
    choices: Vec<f64>,
}

impl Problem {
    /// What chance has in store for a run.
    pub fn luck(&self, seed: u64) -> Luck {
        let numbers = |round| {
            let mut rng = Rng::at(seed, Round(round), Purpose::User);
            (0..self.rounds()).map(|_| rng.unit()).collect()
        };
        Luck { rewards: numbers(0), choices: numbers(1) }
    }

    pub fn piecewise(rounds: usize, starts: &[usize], segments: &[Vec<f64>]) -> Result<Self> {
        let segment = |round: usize| starts.partition_point(|&start| start <= round) - 1;
        let means = (0..rounds).map(|round| segments[segment(round)].clone()).collect();
        Self::new(means, starts[1..].to_vec())
    }

    /// The gain of each arm rises and falls, one after the other.
    pub fn bumps(rounds: usize, arms: usize) -> Result<Self> {
        let mean = |round: usize, arm: usize| {
            let away = round as f64 / rounds as f64 - (arm as f64 + 0.5) / arms as f64;
            0.9 * libm::exp(-0.5 * (away / 0.12) * (away / 0.12))
        };
        let means = (0..rounds).map(|round| (0..arms).map(|arm| mean(round, arm)).collect()).collect();
        Self::new(means, Vec::new())
    }

    fn new(means: Vec<Vec<f64>>, changes: Vec<usize>) -> Result<Self> {
        let arms = means.first().map_or(0, Vec::len);
        let population = Population::new(Arms::even(arms as u32, arms)?, None)?;
        Ok(Self { means, changes, population })
    }

    pub fn rounds(&self) -> usize {
        self.means.len()
    }

    /// The regret of a policy. `value` turns a reward into the score that the policy learns from,
    /// `changed` is called when the means jump.
    pub fn regret<P: Policy>(
        &self,
        mut policy: P,
        seed: u64,
        luck: &Luck,
        value: impl Fn(f64) -> f64,
        changed: impl Fn(&mut P),
    ) -> Result<f64> {
        policy.prepare(&self.population)?;
        let Luck { rewards, choices } = luck;
        let mut decisions = Rng::at(seed, Round(0), Purpose::Policy);
        let mut allotment = Allotment::default();
        let mut changes = self.changes.iter().peekable();
        let mut regret = 0.0;
        for (round, means) in self.means.iter().enumerate() {
            if changes.next_if(|change| **change == round).is_some() {
                changed(&mut policy);
            }
            let turn = Turn::new(Round(round as u64), 1, &self.population);
            policy.allot(&turn, &mut decisions, &mut allotment)?;
            let Allotment::Arms(p) = &allotment else { return Err("a policy over ranks".into()) };
            let mut left = choices[round];
            let arm = p.iter().position(|share| {
                left -= share;
                left < 0.0
            });
            let arm = arm.unwrap_or(p.len() - 1);
            let share = p[arm];
            let reward = f64::from(rewards[round] < means[arm]);
            regret += means.iter().copied().fold(0.0, f64::max) - means[arm];
            policy.learn(
                &self.population,
                &[Reward::new(ArmId(arm as u32), 1, value(reward)).share(share)],
            );
        }
        Ok(regret)
    }
}
