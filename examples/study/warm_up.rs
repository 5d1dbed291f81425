//! The supervised training that all runs of a workload and a seed begin with.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use burn::module::Module;
use curricle::{Purpose, Rng, Round};
use parking_lot::Mutex;

use crate::Result;
use crate::grpo::Trainer;
use crate::model::{Writer, device};
use crate::workload::Workload;

/// Examples of a step.
const BATCH: usize = 128;

type Start = Arc<OnceLock<std::result::Result<Writer, String>>>;

/// A run of fewer tokens than this says nothing: it only shows that everything runs, and is hardly warmed up.
const TRIAL: u64 = 10_000;
const FEW: u64 = 30;

/// What was made so far, by workload and seed, and whether it is for trials.
static MADE: Mutex<BTreeMap<(String, u64, bool), Start>> = Mutex::new(BTreeMap::new());

/// The model of a workload and a seed after its warm-up, without gradients: runs at a time whose weights are the same
/// nodes of burn's graph would take each other's gradients. It is made once for each process.
pub fn start(name: &str, workload: &dyn Workload, seed: u64, tokens: u64) -> Result<Writer> {
    let is_trial = tokens < TRIAL;
    let cell = Arc::clone(MADE.lock().entry((name.to_owned(), seed, is_trial)).or_default());
    // Another run that asks for the same waits here, and no other.
    let made = cell.get_or_init(|| make(workload, seed, is_trial).map_err(|error| error.to_string()));
    Ok(made.clone()?)
}

fn make(workload: &dyn Workload, seed: u64, is_trial: bool) -> Result<Writer> {
    let (shape, mut warm_up) = (workload.shape(), workload.warm_up());
    if is_trial {
        warm_up.steps = FEW;
    }
    if cfg!(test) {
        warm_up.steps = 2;
    }
    let device = device().autodiff();
    let mut trainer = Trainer::new(Writer::new(shape, seed, &device), shape, warm_up.rate, device);
    for step in 0..warm_up.steps {
        let mut rng = Rng::at(seed, Round((1 << 40) + step), Purpose::User);
        let examples: Vec<_> = (0..BATCH).map(|_| workload.example(&mut rng)).collect();
        // The last third at a falling rate, so that all begin at rest.
        let left = (warm_up.steps - step) as f64 / (warm_up.steps as f64 / 3.0);
        trainer.set_rate(warm_up.rate * left.min(1.0));
        trainer.imitate(&examples)?;
    }
    Ok(trainer.model.valid())
}
