//! What is believed of samples once a round has been folded in.

use super::fold::Fold;
use crate::base::error::Result;
use crate::base::id::{ArmId, Round, SampleId};
use crate::belief::{Belief, Beliefs, Believed, GREATEST, LEAST, Prior, Shape};
use crate::population::{Population, scaled, units};

/// How many trials ahead of its use the place of a sample is fetched, and its weight.
const AHEAD: (usize, usize) = (32, 16);

/// What a round changes of the beliefs; the lists keep their memory from round to round.
#[derive(Debug, Default)]
pub(super) struct Believing {
    /// The samples of the trials, and the places of these, by sample.
    reports: Vec<(SampleId, u32)>,
    /// What is believed now, by sample.
    samples: Vec<(SampleId, Believed)>,
    /// The priors of the arms that reported, by arm.
    arms: Vec<(ArmId, Prior)>,
    /// The same as they are used.
    shapes: Vec<(ArmId, Shape)>,
    /// The samples whose tickets were given up.
    lost: Vec<SampleId>,
    /// How many samples were swept.
    swept: u64,
}

impl Believing {
    fn clear(&mut self) {
        self.reports.clear();
        self.samples.clear();
        self.arms.clear();
        self.shapes.clear();
        self.lost.clear();
        self.swept = 0;
    }

    /// The prior of an arm after the round.
    fn shape(&self, arm: ArmId, belief: &Belief, beliefs: &Beliefs) -> Shape {
        match self.shapes.binary_search_by_key(&arm, |(arm, _)| *arm) {
            Ok(place) => self.shapes[place].1,
            Err(_) => beliefs.prior(arm).shape(belief),
        }
    }

    /// Takes over what was worked out; the weights have been set.
    pub fn learned(&self, population: &mut Population) {
        let Some(beliefs) = population.beliefs_mut() else { return };
        self.samples.iter().for_each(|&(sample, believed)| beliefs.set(sample, believed));
        self.arms.iter().for_each(|&(arm, prior)| beliefs.set_prior(arm, prior));
        beliefs.swept(self.swept);
    }
}

impl Fold {
    /// Works out what is believed of the samples of the round, and the weights of these and of those that are swept.
    pub(super) fn believe(
        &mut self,
        belief: &Belief,
        population: &Population,
        now: Round,
    ) -> Result<()> {
        self.believing.clear();
        let Some(beliefs) = population.beliefs() else { return Ok(()) };
        self.measure_arms(belief, beliefs, population);
        self.measure_samples(belief, beliefs, population, now)?;
        self.halve_lost(belief, beliefs, population)?;
        self.sweep(belief, beliefs, population, now)
    }

    /// The priors of the arms that reported.
    fn measure_arms(&mut self, belief: &Belief, beliefs: &Beliefs, population: &Population) {
        let Self { trials, tally, believing, .. } = self;
        let arms = population.arms();
        for (place, trial) in trials.iter().enumerate() {
            if let Some(ahead) = trials.get(place + AHEAD.0) {
                arms.fetch_sample(ahead.sample);
                beliefs.fetch(ahead.sample);
            }
            if let Some(ahead) = trials.get(place + AHEAD.1) {
                population.fetch_weight(ahead.sample);
            }
            let (Some(success), Ok(weight)) = (trial.outcome.success, population.weight(trial.sample))
            else {
                continue;
            };
            believing.reports.push((trial.sample, place as u32));
            let given = f64::from(beliefs.get(trial.sample).given);
            if given <= 0.0 {
                continue;
            }
            let group = tally.group(trial.arm);
            if group.believed == 0 {
                believing.arms.push((trial.arm, Prior::default()));
                group.believed = believing.arms.len() as u32;
            }
            // As if all of the arm had been drawn alike, as in a pass they are.
            let factor = (weight / given).clamp(LEAST, GREATEST);
            let factor = if population.keeps_passes() { 1.0 } else { factor };
            let (_, round) = &mut believing.arms[group.believed as usize - 1];
            round.add(f64::from(success), trial.outcome.rollouts, 1.0 / factor);
        }
        believing.arms.sort_unstable_by_key(|(arm, _)| *arm);
        for (arm, prior) in &mut believing.arms {
            *prior = beliefs.prior(*arm).after(prior);
            believing.shapes.push((*arm, prior.shape(belief)));
        }
    }

    /// What is believed of the samples that reported, in ticket order for each, and their weights.
    fn measure_samples(
        &mut self,
        belief: &Belief,
        beliefs: &Beliefs,
        population: &Population,
        now: Round,
    ) -> Result<()> {
        let Self { trials, believing, weights, .. } = self;
        believing.reports.sort_unstable();
        let mut next = 0;
        while let Some(&(sample, _)) = believing.reports.get(next) {
            let mut believed = beliefs.get(sample);
            while let Some(&(_, place)) = believing.reports.get(next).filter(|(it, _)| *it == sample) {
                next += 1;
                let trial = &trials[place as usize];
                let Some(success) = trial.outcome.success else { continue };
                let average = believing.shape(trial.arm, belief, beliefs).rollouts;
                let size = f64::from(trial.outcome.rollouts) / average;
                believed = believed.with(f64::from(success), size, belief.kept(), now);
            }
            let shape = believing.shape(population.arms().label(sample), belief, beliefs);
            believing.samples.push((sample, believed));
            if let Some(weight) = weight(sample, &believed, &shape, belief, now)? {
                weights.push((sample, weight));
            }
        }
        Ok(())
    }

    /// Of a sample that never comes back nothing would ever say that its weight is too high.
    fn halve_lost(
        &mut self,
        belief: &Belief,
        beliefs: &Beliefs,
        population: &Population,
    ) -> Result<()> {
        let Self { lost, believing, weights, .. } = self;
        believing.lost.extend(lost.iter().map(|(_, sample)| *sample));
        believing.lost.sort_unstable();
        for alike in believing.lost.chunk_by(|a, b| a == b) {
            let Some(&sample) = alike.first() else { continue };
            let Ok(before) = population.weight(sample) else { continue };
            let least = belief.least() * f64::from(beliefs.get(sample).given);
            let came_back = believing.samples.binary_search_by_key(&sample, |(it, _)| *it).is_ok();
            if before > least && !came_back {
                let after = alike.iter().fold(before, |weight, _| (0.5 * weight).max(least));
                weights.push((sample, units(sample.0, after)?));
            }
        }
        Ok(())
    }

    /// The weights of the samples whose turn it is, by what is believed of them now.
    fn sweep(
        &mut self,
        belief: &Belief,
        beliefs: &Beliefs,
        population: &Population,
        now: Round,
    ) -> Result<()> {
        let Self { trials, lost, believing, weights, .. } = self;
        let samples = population.arms().samples() as u64;
        let (first, swept) = beliefs.sweep(belief, trials.len() + lost.len());
        believing.swept = swept;
        // Side by side samples are mostly of one arm.
        let mut last: Option<(ArmId, Shape)> = None;
        for place in first..first + swept {
            let sample = SampleId(place % samples.max(1));
            let believed = beliefs.get(sample);
            let is_new = || believing.samples.binary_search_by_key(&sample, |(it, _)| *it).is_ok();
            if believed.reports() == 0 || population.arms().slot_of(sample).is_err() || is_new() {
                continue;
            }
            let arm = population.arms().label(sample);
            let shape = match last {
                Some((of, shape)) if of == arm => shape,
                _ => believing.shape(arm, belief, beliefs),
            };
            last = Some((arm, shape));
            if let Some(weight) = weight(sample, &believed, &shape, belief, now)? {
                weights.push((sample, weight));
            }
        }
        Ok(())
    }
}

/// The weight of a sample, in units; none of one that rests.
fn weight(
    sample: SampleId,
    believed: &Believed,
    shape: &Shape,
    belief: &Belief,
    now: Round,
) -> Result<Option<u64>> {
    let given = f64::from(believed.given);
    if given <= 0.0 {
        return Ok(None);
    }
    units(sample.0, scaled(given, believed.factor(shape, belief, now))).map(Some)
}
