//! Checkpoints of burn's learner that hold the curriculum of the same step.
//!
//! burn asks its strategy at the end of an epoch, on the thread that trains, and then hands each of its three records to a
//! thread of its own. So the strategy takes the position of the journal, the three write into the folder that it began, and
//! the last of them finishes it, while the next epoch is under way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use burn::train::Interrupter;
use burn::train::checkpoint::{
    Checkpoint, Checkpointer, CheckpointerError, CheckpointingAction, CheckpointingStrategy,
};
use burn::train::metric::store::EventStoreClient;
use curricle::feed::Lockstep;
use curricle::{Checkpoints, Draft};

use crate::Kept;

/// The records of burn's learner, by the names of their files.
pub const RECORDS: [&str; 3] = ["model.bpk", "optimizer.bpk", "scheduler.bpk"];

/// The checkpoints that are being written, by epoch, each with the number of records that it lacks.
type Drafts = Arc<Mutex<BTreeMap<usize, (Draft, usize)>>>;

/// Begins a checkpoint at the end of each epoch.
pub struct EachEpoch {
    checkpoints: Checkpoints,
    feed: Lockstep<Kept>,
    drafts: Drafts,
    interrupter: Interrupter,
}

impl EachEpoch {
    pub fn new(checkpoints: Checkpoints, feed: Lockstep<Kept>, interrupter: Interrupter) -> Self {
        Self { checkpoints, feed, drafts: Drafts::default(), interrupter }
    }

    /// What writes and reads the record of a name.
    pub fn record(&self, name: &'static str) -> Record {
        Record { name, checkpoints: self.checkpoints.clone(), drafts: self.drafts.clone() }
    }
}

impl CheckpointingStrategy for EachEpoch {
    fn checkpointing(&mut self, epoch: usize, _: &EventStoreClient) -> Vec<CheckpointingAction> {
        let begun = self.feed.with(|journal| self.checkpoints.begin_at(epoch as u64, journal));
        match begun.flatten() {
            Ok(draft) => {
                let mut drafts = self.drafts.lock().unwrap_or_else(PoisonError::into_inner);
                drafts.insert(epoch, (draft, RECORDS.len()));
                vec![CheckpointingAction::Save]
            }
            Err(error) => {
                self.interrupter.fail(unknown(error));
                Vec::new()
            }
        }
    }
}

pub struct Record {
    name: &'static str,
    checkpoints: Checkpoints,
    drafts: Drafts,
}

impl<R: Checkpoint> Checkpointer<R> for Record {
    fn save(&self, epoch: usize, record: R) -> Result<(), CheckpointerError> {
        let drafts = || self.drafts.lock().unwrap_or_else(PoisonError::into_inner);
        let path = drafts().get(&epoch).map(|(draft, _)| draft.path().join(self.name));
        record.save(path.ok_or_else(|| unknown("no checkpoint was begun"))?)?;
        let mut drafts = drafts();
        if let Some((draft, lacking)) = drafts.remove(&epoch) {
            match lacking - 1 {
                0 => drop(draft.finish().map_err(unknown)?),
                lacking => drop(drafts.insert(epoch, (draft, lacking))),
            }
        }
        Ok(())
    }

    fn restore(&self, epoch: usize) -> Result<R, CheckpointerError> {
        let file = self.checkpoints.at(epoch as u64).and_then(|found| found.file(self.name));
        R::load(file.map_err(unknown)?)
    }

    /// Old checkpoints are removed as a whole.
    fn delete(&self, _: usize) -> Result<(), CheckpointerError> {
        Ok(())
    }
}

fn unknown(error: impl ToString) -> CheckpointerError {
    CheckpointerError::Unknown(error.to_string())
}
