//! The runs of one curriculum, added up over the seeds.

use curricle::simulator::{Learner, Options, Scenario};
use curricle::{ArmId, Curriculum, Error, Feedback, Policy, Result, Sampler, Signal};

/// Into how many stretches the steps are divided for a picture, at most.
const STRETCHES: u64 = 300;

/// How the runs of a curriculum went, one a seed.
pub struct Course {
    pub name: &'static str,
    /// How many steps a stretch has.
    pub every: u64,
    /// The steps to the target by seed, none where it was not reached.
    pub steps: Vec<Option<u64>>,
    /// By stretch and arm, added up over the seeds: the ability at its end, and what was drawn within it.
    abilities: Vec<Vec<f64>>,
    drawn: Vec<Vec<u64>>,
    /// The mean ability at the end, added up over the seeds.
    last: f64,
}

impl Course {
    pub fn new(name: &'static str, scenario: &Scenario, steps: u64) -> Self {
        let every = steps.div_ceil(STRETCHES).max(1);
        let (stretches, arms) = (steps.div_ceil(every) as usize, scenario.arms() as usize);
        let (abilities, drawn) = (vec![vec![0.0; arms]; stretches], vec![vec![0; arms]; stretches]);
        Self { name, every, steps: Vec::new(), abilities, drawn, last: 0.0 }
    }

    /// Trains a new learner for all steps: also beyond the target, so that the runs of all seeds are as long.
    pub fn run<P: Policy, S: Signal, D: Sampler>(
        &mut self,
        curriculum: &mut Curriculum<P, S, D>,
        scenario: &Scenario,
        seed: u64,
        options: &Options,
    ) -> Result<()> {
        let mut learner = Learner::new(scenario, seed);
        let mut reached = None;
        for step in 1..=options.cap {
            let batch = curriculum.draw(options.batch)?;
            let prompts: Vec<ArmId> = batch.draws.iter().map(|draw| draw.arm).collect();
            let outcomes = learner.train(&prompts)?;
            let feedback = batch.draws.iter().zip(outcomes);
            let feedback = feedback.map(|(draw, outcome)| Feedback::new(draw.ticket, outcome));
            curriculum.observe(&feedback.collect::<Vec<_>>())?;
            if reached.is_none() && learner.mean_ability() >= options.target {
                reached = Some(step);
            }
            let stretch = ((step - 1) / self.every) as usize;
            let drawn = self.drawn.get_mut(stretch).ok_or(Error::Closed)?;
            for arm in prompts {
                *drawn.get_mut(arm.index()).ok_or(Error::UnknownArm(arm))? += 1;
            }
            if step.is_multiple_of(self.every) || step == options.cap {
                let sums = self.abilities.get_mut(stretch).ok_or(Error::Closed)?;
                sums.iter_mut().zip(learner.abilities()).for_each(|(sum, ability)| *sum += ability);
            }
        }
        self.last += learner.mean_ability();
        self.steps.push(reached);
        Ok(())
    }

    pub fn reached(&self) -> usize {
        self.steps.iter().flatten().count()
    }

    /// The steps at a quantile; none if that many runs did not reach the target.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let reached = |steps: &Option<u64>| steps.map_or(f64::INFINITY, |steps| steps as f64);
        let mut steps: Vec<f64> = self.steps.iter().map(reached).collect();
        steps.sort_unstable_by(f64::total_cmp);
        let place = quantile * steps.len().checked_sub(1)? as f64;
        let (low, high) = (*steps.get(place.floor() as usize)?, *steps.get(place.ceil() as usize)?);
        high.is_finite().then(|| low + (high - low) * place.fract())
    }

    /// The mean ability over the seeds at the end.
    pub fn last_ability(&self) -> f64 {
        self.last / self.steps.len().max(1) as f64
    }

    /// The ability at the end of each stretch by arm, mean over the seeds.
    pub fn abilities(&self) -> Vec<Vec<f64>> {
        let seeds = self.steps.len().max(1) as f64;
        let mean = |sums: &Vec<f64>| sums.iter().map(|sum| sum / seeds).collect();
        self.abilities.iter().map(mean).collect()
    }

    /// What part of the prompts each arm had, by stretch.
    pub fn shares(&self) -> Vec<Vec<f64>> {
        let share = |drawn: &Vec<u64>| {
            let all = drawn.iter().sum::<u64>().max(1) as f64;
            drawn.iter().map(|&drawn| drawn as f64 / all).collect()
        };
        self.drawn.iter().map(share).collect()
    }
}
