//! Checkpoints: the files of a model and the state of its curriculum, of one moment, in one folder.

mod draft;
#[cfg(test)]
mod kills;
mod manifest;
mod whole;

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::error::{CheckpointError, Result};
use crate::curriculum::Curriculum;
use crate::files::journal::Journal;
use crate::files::whole_file::{Held, at, is_locked, sync_folder};
use crate::policy::Policy;
use crate::sampler::Sampler;
use crate::signal::Signal;
pub use draft::Draft;
use manifest::State;
pub use whole::Checkpoint;

/// What the names in the folder of checkpoints begin with, and what stands behind that of one that is being written
/// and of one that is being removed. Those begin with a point, too.
const NAME: &str = "checkpoint-";
const PART: &str = ".part";
const OLD: &str = ".old";
const LOCK: &str = ".lock";

/// The snapshot in a checkpoint.
const CURRICULUM: &str = "curriculum";

/// How many checkpoints are kept unless something else is said.
const KEPT: NonZeroUsize = NonZeroUsize::new(3).expect("3 is not 0");

/// A folder of checkpoints, each with the files of a model and the state of its curriculum at the same moment, so that
/// a crash at any moment leaves both at the same step.
///
/// A checkpoint is written into a folder of its own, beside the others: first the state of the curriculum, then your
/// files, by whatever library writes them. When it is [finished](Draft::finish) a list of all files with their sizes
/// and checksums is added, everything is flushed to the disk, and only then does the folder get its name, in one step.
/// What was interrupted never has that name, and is removed when the folder is opened again.
///
/// The state is either a snapshot in the checkpoint ([`begin`](Self::begin)), or the position of a [`Journal`]
/// ([`begin_at`](Self::begin_at)), which is taken back to it when the run is resumed.
///
/// ```
/// use curricle::{Checkpoints, Curriculum, Journal, Missing, Moment};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let run = folder.path();
/// let build = || Curriculum::builder(100).missing(Missing::Lose).build();
/// let checkpoints = Checkpoints::open(run.join("checkpoints"))?;
/// // Starts, or resumes.
/// let (mut model, mut journal) = match checkpoints.newest()? {
///     Some(found) => {
///         let model = std::fs::read_to_string(found.file("model")?)?;
///         (model, found.journal(run.join("curriculum"), build()?)?)
///     }
///     None => {
///         // What was done before the first checkpoint has no model: it is taken back.
///         let start = Moment::Position(0);
///         (String::new(), Journal::open_at(run.join("curriculum"), build()?, start)?)
///     }
/// };
/// for step in 1..=4 {
///     model.push_str(&format!("{:?}", journal.draw(8)?.draws[0].sample)); // trained
///     if step % 2 == 0 {
///         let draft = checkpoints.begin_at(step, &mut journal)?;
///         std::fs::write(draft.path().join("model"), &model)?;
///         draft.finish()?;
///     }
/// }
/// assert_eq!(checkpoints.numbers()?, [2, 4]);
/// # Ok(()) }
/// ```
///
/// Files: `checkpoint-` and its number are a checkpoint: your files, `manifest`, and perhaps `curriculum`, an ordinary
/// snapshot. `.checkpoint-` with `.part` behind is being written, with `.old` removed. `.lock` is locked from
/// [`open`](Self::open) until the last copy of this value and the last [`Draft`] are dropped, where the file system has
/// locks: one process writes at a time. Any number may [read](Checkpoint::open).
///
/// **Compacting.** A journal cannot go back behind its base. [`compact`](Journal::compact) it right behind a
/// checkpoint, before its next event: that checkpoint stays good, older ones can then no longer resume it. Where older
/// ones are to stay good, use snapshots.
///
/// **A full disk**, or any other error, leaves the checkpoints that there are. Old ones go only when a new one is safe.
///
/// Copies of this value are of the same folder.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
    keep: NonZeroUsize,
    /// Held for as long as anything may be written.
    lock: Arc<Held>,
}

impl Checkpoints {
    /// Opens a folder of checkpoints for writing, or makes it, and removes what was interrupted.
    ///
    /// # Errors
    /// [`CheckpointError::Locked`] if another has it open; [`Error::Io`](crate::Error::Io).
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        // A program that changes its folder later must not change the files.
        let folder = std::path::absolute(folder).map_err(at(folder))?;
        std::fs::create_dir_all(&folder).map_err(at(&folder))?;
        sync_folder(&folder)?;
        let path = folder.join(LOCK);
        let lock = File::options().create(true).write(true).truncate(false).open(&path);
        let lock = lock.map_err(at(&path))?;
        if !is_locked(&lock).map_err(at(&path))? {
            return Err(CheckpointError::Locked { path: folder }.into());
        }
        let checkpoints = Self { folder, keep: KEPT, lock: Arc::new(Held::new(lock)) };
        for name in names(&checkpoints.folder)? {
            if is_left_over(&name) {
                // What cannot be removed does no harm; it will be tried again.
                let _ = std::fs::remove_dir_all(checkpoints.folder.join(name));
            }
        }
        Ok(checkpoints)
    }

    /// Sets how many checkpoints stay when a new one is finished, with it; default 3.
    #[must_use]
    pub fn keep(self, keep: NonZeroUsize) -> Self {
        Self { keep, ..self }
    }

    /// Starts a checkpoint with a snapshot of a curriculum. The files that are then written beside it must be of the
    /// same moment. The number is yours, say that of the step; it is greater than those before.
    ///
    /// Cost: that of [`save`](Curriculum::save).
    ///
    /// # Errors
    /// [`CheckpointError::Number`] if there is a newer one, [`CheckpointError::Forked`] in a process that is forked
    /// from the one that opened the folder; as `save`. Then there is nothing new.
    pub fn begin<P: Policy, S, D>(
        &self,
        number: u64,
        curriculum: &Curriculum<P, S, D>,
    ) -> Result<Draft> {
        let draft = Draft::new(self, number, State::Snapshot)?;
        curriculum.save(draft.path().join(CURRICULUM))?;
        between();
        Ok(draft)
    }

    /// As [`begin`](Self::begin), with the present position of a journal, which is [flushed](Journal::sync) first. The
    /// journal may go on while the files are written.
    ///
    /// Cost: a flush, whatever the number of samples.
    ///
    /// # Errors
    /// [`CheckpointError::Number`] if there is a newer one; as `sync`. Then there is nothing new.
    pub fn begin_at<P: Policy, S: Signal, D: Sampler>(
        &self,
        number: u64,
        journal: &mut Journal<P, S, D>,
    ) -> Result<Draft> {
        journal.sync()?;
        let state =
            State::Journal { position: journal.position(), digest: journal.curriculum().digest() };
        Draft::new(self, number, state)
    }

    /// The numbers of the checkpoints that there are, the oldest first. Whether they are whole is found when they are
    /// [opened](Self::at).
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io).
    pub fn numbers(&self) -> Result<Vec<u64>> {
        let mut numbers: Vec<u64> =
            names(&self.folder)?.iter().filter_map(|name| number_of(name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The newest checkpoint; none if there is none. One that has been damaged is an error, not passed over: to go on
    /// from an [older one](Self::at), [`remove`](Self::remove) it.
    ///
    /// Cost: reads all files of it once.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn newest(&self) -> Result<Option<Checkpoint>> {
        self.numbers()?.last().map(|&number| self.at(number)).transpose()
    }

    /// The checkpoint of a number.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn at(&self, number: u64) -> Result<Checkpoint> {
        Checkpoint::open(self.folder.join(name_of(number)))
    }

    /// Removes a checkpoint, whole or damaged. A crash leaves it, or nothing of it.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), also if there is none of this number; [`CheckpointError::Forked`].
    pub fn remove(&self, number: u64) -> Result<()> {
        self.check_owner()?;
        let (path, old) = (self.folder.join(name_of(number)), self.hidden(number, OLD));
        // Something that an earlier try could not remove would be in the way.
        let _ = std::fs::remove_dir_all(&old);
        std::fs::rename(&path, &old).map_err(at(&path))?;
        between();
        sync_folder(&path)?;
        std::fs::remove_dir_all(&old).map_err(at(&path))
    }

    /// Whether this process has opened the folder.
    fn check_owner(&self) -> Result<()> {
        match self.lock.is_own() {
            true => Ok(()),
            false => Err(CheckpointError::Forked { path: self.folder.clone() }.into()),
        }
    }

    fn hidden(&self, number: u64, end: &str) -> PathBuf {
        self.folder.join(format!(".{}{end}", name_of(number)))
    }

    /// Removes what is not to be kept. What cannot be removed does no harm; it will be tried again.
    fn remove_old(&self) {
        let numbers = self.numbers().unwrap_or_default();
        let old = numbers.len().saturating_sub(self.keep.get());
        numbers.iter().take(old).for_each(|&number| drop(self.remove(number)));
    }
}

/// What the folder of a checkpoint is called.
fn name_of(number: u64) -> String {
    format!("{NAME}{number:010}")
}

/// The number in the name of a checkpoint; none if it is the name of something else.
fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_prefix(NAME)?.parse().ok()?;
    (name_of(number) == name).then_some(number)
}

fn is_left_over(name: &str) -> bool {
    let hidden = name.strip_prefix('.');
    let number = hidden.and_then(|name| name.strip_suffix(PART).or(name.strip_suffix(OLD)));
    number.is_some_and(|name| number_of(name).is_some())
}

/// The names in a folder that are text; ours are.
fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(at(folder))? {
        names.extend(entry.map_err(at(folder))?.file_name().into_string());
    }
    Ok(names)
}

/// Called between any two changes of the disk, for the test that looks at what a kill would leave there.
#[cfg(not(test))]
fn between() {}
#[cfg(test)]
use kills::between;
