//! A checkpoint that was finished.

use std::path::{Path, PathBuf};

use super::CURRICULUM;
use super::manifest::{Manifest, State};
use crate::base::error::{CheckpointError, Result};
use crate::curriculum::Curriculum;
use crate::files::journal::Journal;
use crate::files::whole_file::at;
use crate::policy::Policy;
use crate::sampler::Sampler;
use crate::signal::Signal;

/// A checkpoint that was finished: a folder in which all files are as they were written.
///
/// ```
/// use curricle::{Checkpoint, Checkpoints, Curriculum};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let build = || Curriculum::builder(100).build();
/// let mut curriculum = build()?;
/// let batch = curriculum.draw(4)?;
/// let draft = Checkpoints::open(folder)?.begin(1, &curriculum)?;
/// std::fs::write(draft.path().join("model"), "weights")?;
/// let path = draft.finish()?.path().to_owned();
///
/// let checkpoint = Checkpoint::open(path)?;
/// assert_eq!(std::fs::read_to_string(checkpoint.file("model")?)?, "weights");
/// assert_eq!(checkpoint.restored(build()?)?.unfinished(), [batch]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    path: PathBuf,
    manifest: Manifest,
}

impl Checkpoint {
    pub(super) fn new(path: PathBuf, manifest: Manifest) -> Self {
        Self { path, manifest }
    }

    #[cfg(test)]
    pub(super) fn manifest_for_tests(&self) -> &Manifest {
        &self.manifest
    }

    /// Opens a checkpoint to be read, whoever writes others. While a run that keeps a few is going on, one that is read
    /// may be removed: copy what is to stay.
    ///
    /// Cost: reads all files once, to check them.
    ///
    /// # Errors
    /// [`CheckpointError`], naming the file that is missing or was changed; [`Error::Io`](crate::Error::Io).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = std::path::absolute(path.as_ref()).map_err(at(path.as_ref()))?;
        let manifest = Manifest::read(&path)?;
        Ok(Self { path, manifest })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.manifest.number
    }

    /// The names of the files, sorted, with `/` between those of folders and files.
    pub fn files(&self) -> impl Iterator<Item = &str> + '_ {
        self.manifest.files.iter().map(|entry| entry.name.as_str())
    }

    /// Where a file is.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`] if no file of this name was written.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        match self.files().any(|file| file == name) {
            true => Ok(path),
            false => Err(CheckpointError::Missing { path }.into()),
        }
    }

    /// The [position](Journal::position) of the journal; none if there is a snapshot.
    pub fn position(&self) -> Option<u64> {
        match self.manifest.state {
            State::Snapshot => None,
            State::Journal { position, .. } => Some(position),
        }
    }

    /// The curriculum with the state of its snapshot. It must have been built in the same way.
    ///
    /// # Errors
    /// As [`Curriculum::restored`]; [`CheckpointError::Missing`] if the state is in a journal.
    pub fn restored<P: Policy, S: Signal, D: Sampler>(
        &self,
        curriculum: Curriculum<P, S, D>,
    ) -> Result<Curriculum<P, S, D>> {
        match self.manifest.state {
            State::Snapshot => curriculum.restored(self.file(CURRICULUM)?),
            State::Journal { .. } => {
                Err(CheckpointError::Missing { path: self.path.join(CURRICULUM) }.into())
            }
        }
    }

    /// The journal at `path`, taken back to the position of the checkpoint, as by [`Journal::open_at`]. The curriculum
    /// must have been built in the same way.
    ///
    /// # Errors
    /// As `open_at`; [`JournalError::Other`](crate::JournalError::Other) if another run has this journal;
    /// [`CheckpointError::NoPosition`] if the state is in a snapshot. The files are then as they were.
    pub fn journal<P: Policy, S: Signal, D: Sampler>(
        &self,
        path: impl AsRef<Path>,
        curriculum: Curriculum<P, S, D>,
    ) -> Result<Journal<P, S, D>> {
        match self.manifest.state {
            State::Snapshot => Err(CheckpointError::NoPosition { path: self.path.clone() }.into()),
            State::Journal { position, digest } => {
                Journal::open_with_digest(path.as_ref(), curriculum, position, digest)
            }
        }
    }
}
