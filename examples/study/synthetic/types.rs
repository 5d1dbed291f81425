//! The types of the training half, as agreed, with a run that is made up: what stands here until the real one does.

use crate::Result;

/// What a run is: enough to make it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    pub workload: String,
    pub curriculum: String,
    pub seed: u64,
    pub rate: f64,
    /// Rollout tokens after which the run ends.
    pub tokens: u64,
}

/// What was measured after some number of rollout tokens. The first is at 0 tokens, after the warm-up.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub tokens: u64,
    pub rollouts: u64,
    pub steps: u64,
    /// Groups with signal so far.
    pub useful: u64,
    /// Mean held-out pass rate over the learnable arms.
    pub pass: f64,
    /// The least of them.
    pub worst: f64,
    /// Mean over held-out harder levels.
    pub harder: f64,
    /// Mean entropy of the sampled tokens, in nats.
    pub entropy: f64,
    /// Held-out pass rate by arm.
    pub passes: Vec<f64>,
    /// Rollouts so far by arm.
    pub drawn: Vec<u64>,
    pub seconds: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub setting: Setting,
    pub points: Vec<Point>,
}

pub fn run(setting: &Setting, progress: &dyn Fn(u64)) -> Result<Run> {
    Ok(crate::synthetic::run(setting, progress))
}
