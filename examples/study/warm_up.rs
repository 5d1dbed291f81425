//! The supervised training that all runs of a workload and a seed begin with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use burn::module::Module;
use burn::store::ModuleRecord;
use curricle::{Purpose, Rng, Round};
use parking_lot::Mutex;

use crate::Result;
use crate::grpo::Trainer;
use crate::model::{Writer, device};
use crate::sampling::read;
use crate::store::{slug, write_whole};
use crate::workload::Workload;

/// Examples of a step.
const BATCH: usize = 64;
/// A run of fewer tokens than this says nothing: it only shows that everything runs, and is hardly warmed up.
const TRIAL: u64 = 10_000;
const FEW: u64 = 30;

type Start = Arc<OnceLock<std::result::Result<Writer, String>>>;

/// The warm-ups of a process, each made once, and kept in a folder for the next one.
#[derive(Debug, Default)]
pub struct Starts {
    /// Without one they are kept in memory only.
    folder: Option<PathBuf>,
    /// What was asked for so far, by workload and seed, and whether it is for trials.
    asked: Mutex<BTreeMap<(String, u64, bool), Start>>,
}

impl Starts {
    /// Those of a folder; it need not be there.
    pub fn kept(folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()), ..Self::default() }
    }

    /// The model of a workload and a seed after its warm-up, without gradients: runs at a time whose weights are the
    /// same nodes of burn's graph would take each other's gradients.
    ///
    /// # Errors
    /// What burn refuses; a folder that cannot be written to.
    pub fn of(&self, name: &str, workload: &dyn Workload, seed: u64, tokens: u64) -> Result<Writer> {
        let is_trial = tokens < TRIAL;
        let cell = Arc::clone(self.asked.lock().entry((name.to_owned(), seed, is_trial)).or_default());
        // Another run that asks for the same waits here, and no other.
        let found = cell.get_or_init(|| {
            let warm_up = WarmUp::new(workload, seed, is_trial);
            let folder = self.folder.as_deref().filter(|_| !is_trial);
            warm_up.found_or_made(name, folder).map_err(|error| error.to_string())
        });
        Ok(found.clone()?)
    }
}

struct WarmUp<'a> {
    workload: &'a dyn Workload,
    seed: u64,
    steps: u64,
    rate: f64,
}

impl<'a> WarmUp<'a> {
    fn new(workload: &'a dyn Workload, seed: u64, is_trial: bool) -> Self {
        let warm_up = workload.warm_up();
        let steps = match (cfg!(test), is_trial) {
            (true, _) => 2,
            (_, true) => warm_up.steps.min(FEW),
            _ => warm_up.steps,
        };
        Self { workload, seed, steps, rate: warm_up.rate }
    }

    fn found_or_made(&self, name: &str, folder: Option<&Path>) -> Result<Writer> {
        let Some(folder) = folder else { return self.make() };
        let model = Writer::new(self.workload.shape(), self.seed, &device().autodiff()).valid();
        let path =
            folder.join(format!("{}.seed{}.{:016x}.bpk", slug(name), self.seed, self.mark(&model)?));
        // A file that cannot be read is made again: what is in it can be had at any time.
        if let Ok(record) = ModuleRecord::load(&path) {
            return Ok(model.load_record(record));
        }
        let made = self.make()?;
        write_whole(&path, &made.clone().into_record().into_bytes()?)?;
        Ok(made)
    }

    /// What the untrained model makes of the first examples, their number and the rate: another model, other tasks or
    /// another warm-up have another mark, and so has a machine that rounds otherwise.
    fn mark(&self, model: &Writer) -> Result<u64> {
        let (prompts, answers): (Vec<_>, Vec<_>) = self.examples(0).into_iter().unzip();
        let (prompts, answers) = (texts(&prompts), texts(&answers));
        let (shape, device) = (self.workload.shape(), device());
        let chances =
            read(model.log_chances(shape, &answers, model.prompts(&prompts, &device), &device))?;
        let numbers = chances.iter().map(|chance| u64::from(chance.to_bits()));
        let symbols = [prompts.concat(), answers.concat()].concat();
        let all = numbers.chain(symbols.into_iter().map(u64::from));
        // FNV-1a, a number at a time: no one is to be kept out by it.
        Ok([self.steps, self.rate.to_bits()]
            .into_iter()
            .chain(all)
            .fold(0xCBF2_9CE4_8422_2325, |mark, it| (mark ^ it).wrapping_mul(0x0100_0000_01B3)))
    }

    fn examples(&self, step: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut rng = Rng::at(self.seed, Round((1 << 40) + step), Purpose::User);
        (0..BATCH).map(|_| self.workload.example(&mut rng)).collect()
    }

    fn make(&self) -> Result<Writer> {
        let (shape, device) = (self.workload.shape(), device().autodiff());
        let model = Writer::new(shape, self.seed, &device);
        let mut trainer = Trainer::new(model, shape, self.rate, device);
        for step in 0..self.steps {
            // The last third at a falling rate, so that all begin at rest.
            let left = (self.steps - step) as f64 / (self.steps as f64 / 3.0);
            trainer.set_rate(self.rate * left.min(1.0));
            let (prompts, answers): (Vec<_>, Vec<_>) = self.examples(step).into_iter().unzip();
            trainer.imitate(&texts(&prompts), &texts(&answers))?;
        }
        Ok(trainer.model.valid())
    }
}

fn texts(of: &[Vec<u8>]) -> Vec<&[u8]> {
    of.iter().map(Vec::as_slice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload;

    #[test]
    fn what_is_kept_is_what_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let workload = workload::find("chain").unwrap();
        let weights = |starts: &Starts, seed| {
            let model = starts.of("chain", workload.as_ref(), seed, 1 << 20).unwrap();
            model.into_record().into_bytes().unwrap().to_vec()
        };
        let (made, other) = (Starts::kept(folder.path()), Starts::kept(folder.path()));
        let first = weights(&made, 1);
        let files = || {
            std::fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().path()).collect::<Vec<_>>()
        };
        assert_eq!(files().len(), 1);
        assert_eq!(weights(&other, 1), first);
        assert_ne!(weights(&other, 2), first);
        // What is damaged is made again, but for the names of the parameters.
        std::fs::write(&files()[0], b"nothing").unwrap();
        weights(&Starts::kept(folder.path()), 1);
        weights(&Starts::kept(folder.path()), 2);
        assert_eq!(files().len(), 2);
        for file in files() {
            assert!(ModuleRecord::load(file).is_ok());
        }
    }

    #[test]
    fn another_warm_up_has_another_mark() {
        let (chain, ladder) = (workload::find("chain").unwrap(), workload::find("ladder").unwrap());
        let mark = |workload: &dyn Workload, seed, steps, rate| {
            let model = Writer::new(workload.shape(), 1, &device().autodiff()).valid();
            WarmUp { workload, seed, steps, rate }.mark(&model).unwrap()
        };
        let marks = [
            mark(chain.as_ref(), 1, 700, 1e-3),
            mark(chain.as_ref(), 1, 701, 1e-3),
            mark(chain.as_ref(), 1, 700, 2e-3),
            mark(chain.as_ref(), 2, 700, 1e-3),
            mark(ladder.as_ref(), 1, 700, 1e-3),
        ];
        assert!(marks.iter().enumerate().all(|(at, mark)| !marks[..at].contains(mark)), "{marks:?}");
        assert_eq!(marks[0], mark(chain.as_ref(), 1, 700, 1e-3));
    }
}
