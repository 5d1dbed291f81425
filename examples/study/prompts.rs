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

/// A prompt and, if it is trained on by imitation, what it is to be answered with; else nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exercise {
    pub prompt: Vec<u8>,
    pub answer: Vec<u8>,
}

impl Exercise {
    fn new(workload: &dyn Workload, level: usize, is_held_out: bool, rng: &mut Rng) -> Self {
        let (prompt, answer) = match workload.imitated(level, is_held_out, rng) {
            Some(imitated) => imitated,
            None if is_held_out => (workload.held_out(level, rng), Vec::new()),
            None => (workload.prompt(level, rng), Vec::new()),
        };
        Self { prompt, answer }
    }

    /// The prompt and the answer.
    pub fn texts(&self) -> (&[u8], &[u8]) {
        (&self.prompt, &self.answer)
    }
}

/// The prompts of a run.
pub struct Prompts {
    /// Those to train on, arm after arm.
    trained: Vec<Exercise>,
    /// Where each arm ends.
    ends: Vec<u64>,
    /// By level; the same for all seeds.
    held_out: Vec<Vec<Exercise>>,
}

impl Prompts {
    pub fn new(workload: &dyn Workload, seed: u64) -> Self {
        let arms = workload.arms();
        let held_out: Vec<Vec<Exercise>> = (0..arms.len() + workload.harder())
            .map(|level| {
                let mut rng = Rng::at(COMMON, Round(level as u64), Purpose::User);
                (0..HELD_OUT).map(|_| Exercise::new(workload, level, true, &mut rng)).collect()
            })
            .collect();
        let (mut trained, mut ends) = (Vec::new(), Vec::new());
        for (level, (arm, held_out)) in arms.iter().zip(&held_out).enumerate() {
            let mut rng = Rng::at(seed, Round(1000 + level as u64), Purpose::User);
            let held_out: BTreeSet<&Vec<u8>> = held_out.iter().map(|it| &it.prompt).collect();
            for _ in 0..arm.samples {
                let mut drawn = Exercise::new(workload, level, false, &mut rng);
                for _ in 0..TRIES {
                    if !held_out.contains(&drawn.prompt) {
                        break;
                    }
                    drawn = Exercise::new(workload, level, false, &mut rng);
                }
                trained.push(drawn);
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
        &self.exercise(sample).prompt
    }

    /// A sample.
    pub fn exercise(&self, sample: SampleId) -> &Exercise {
        &self.trained[sample.index()]
    }

    /// The arm of a sample.
    pub fn arm(&self, sample: SampleId) -> usize {
        self.ends.partition_point(|&end| end <= sample.0)
    }

    pub fn samples(&self) -> impl Iterator<Item = SampleId> {
        (0..self.trained.len() as u64).map(SampleId)
    }

    /// What is held out of each level: the arms first, then those that are harder.
    pub fn held_out(&self) -> &[Vec<Exercise>] {
        &self.held_out
    }
}
