//! The prompts of a run: those to train on, and those held out.

use std::collections::BTreeSet;

use curricle::{Purpose, Rng, Round, SampleId};

use crate::workload::Workload;

/// Held-out prompts of each level.
const HELD_OUT: u64 = if cfg!(test) { 4 } else { 64 };
/// The seed of all that is the same whatever the seed of a run.
const COMMON: u64 = u64::MAX;
/// How often a prompt is drawn anew that is held out: a level may have few.
const TRIES: usize = 20;

/// The prompts of a run.
pub struct Prompts {
    /// Those to train on, arm after arm.
    trained: Vec<Vec<u8>>,
    /// Where each arm ends.
    ends: Vec<u64>,
    /// By level; the same for all seeds.
    held_out: Vec<Vec<Vec<u8>>>,
}

impl Prompts {
    pub fn new(workload: &dyn Workload, seed: u64) -> Self {
        let arms = workload.arms();
        let held_out: Vec<Vec<Vec<u8>>> = (0..arms.len() + workload.harder())
            .map(|level| {
                let mut rng = Rng::at(COMMON, Round(level as u64), Purpose::User);
                (0..HELD_OUT).map(|_| workload.held_out(level, &mut rng)).collect()
            })
            .collect();
        let (mut trained, mut ends) = (Vec::new(), Vec::new());
        for (level, (arm, held_out)) in arms.iter().zip(&held_out).enumerate() {
            let mut rng = Rng::at(seed, Round(1000 + level as u64), Purpose::User);
            let held_out: BTreeSet<&Vec<u8>> = held_out.iter().collect();
            for _ in 0..arm.samples {
                let mut prompt = workload.prompt(level, &mut rng);
                for _ in 0..TRIES {
                    if !held_out.contains(&prompt) {
                        break;
                    }
                    prompt = workload.prompt(level, &mut rng);
                }
                trained.push(prompt);
            }
            ends.push(trained.len() as u64);
        }
        Self { trained, ends, held_out }
    }

    /// How many there are to train on.
    pub fn count(&self) -> usize {
        self.trained.len()
    }

    pub fn arms(&self) -> usize {
        self.ends.len()
    }

    /// The prompt of a sample.
    pub fn get(&self, sample: SampleId) -> &[u8] {
        &self.trained[sample.index()]
    }

    /// The arm of a sample.
    pub fn arm(&self, sample: SampleId) -> usize {
        self.ends.partition_point(|&end| end <= sample.0)
    }

    pub fn samples(&self) -> impl Iterator<Item = SampleId> {
        (0..self.trained.len() as u64).map(SampleId)
    }

    /// The held-out prompts of each level: the arms first, then those that are harder.
    pub fn held_out(&self) -> &[Vec<Vec<u8>>] {
        &self.held_out
    }
}
