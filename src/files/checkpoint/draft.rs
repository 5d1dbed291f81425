//! A checkpoint that is being written.

use std::fs::{DirEntry, File};
use std::path::{Path, PathBuf};

use super::manifest::{Entry, MANIFEST, Manifest, State};
use super::{Checkpoint, Checkpoints, PART, between, name_of};
use crate::base::error::{CheckpointError, Result};
use crate::files::whole_file::{at, sync_folder};

/// A checkpoint that is being written: a folder for the files of the model, which becomes a [`Checkpoint`] when it is
/// [finished](Self::finish) and is removed when it is dropped before.
///
/// The state of the curriculum in it is that of the moment at which it was [begun](Checkpoints::begin_at); it can be
/// sent to another thread, which writes the files while the training goes on.
#[derive(Debug)]
#[must_use = "a draft that is dropped is no checkpoint"]
pub struct Draft {
    pub(super) checkpoints: Checkpoints,
    number: u64,
    path: PathBuf,
    state: State,
}

impl Draft {
    pub(super) fn new(checkpoints: &Checkpoints, number: u64, state: State) -> Result<Self> {
        checkpoints.check_owner()?;
        if let Some(&newest) = checkpoints.numbers()?.last()
            && newest >= number
        {
            let path = checkpoints.folder.clone();
            return Err(CheckpointError::Number { path, number, newest }.into());
        }
        let path = checkpoints.hidden(number, PART);
        std::fs::create_dir(&path).map_err(at(&path))?;
        between();
        Ok(Self { checkpoints: checkpoints.clone(), number, path, state })
    }

    /// The folder to write files into, also into folders of it. The names `manifest` and `curriculum` are taken.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a checkpoint of what was written, safe on the disk, and removes those that are not to be
    /// [kept](Checkpoints::keep). All files must be closed.
    ///
    /// Cost: reads and flushes each file once.
    ///
    /// # Errors
    /// [`CheckpointError::Kind`] for a link or a device, [`CheckpointError::Name`] for a name that is not text;
    /// [`CheckpointError::Forked`]; [`Error::Io`](crate::Error::Io), naming the file. There is no new checkpoint then,
    /// unless the last flush fails, that of its name: then it has appeared, and a power cut may take it. The older ones
    /// stay.
    pub fn finish(self) -> Result<Checkpoint> {
        self.checkpoints.check_owner()?;
        let mut files = Vec::new();
        gather(&self.path, "", &mut files)?;
        files.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let manifest = Manifest { number: self.number, state: self.state, files };
        manifest.write(&self.path)?;
        between();
        sync_folder(&self.path.join(MANIFEST))?;
        let place = self.checkpoints.folder.join(name_of(self.number));
        std::fs::rename(&self.path, &place).map_err(at(&place))?;
        between();
        sync_folder(&place)?;
        self.checkpoints.remove_old();
        Ok(Checkpoint::new(place, manifest))
    }
}

/// Removes what was not finished; what cannot be removed is, when the folder is opened again.
impl Drop for Draft {
    fn drop(&mut self) {
        if self.checkpoints.check_owner().is_err() {
            return;
        }
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Lists and flushes all files of a folder and of the folders in it.
fn gather(folder: &Path, before: &str, files: &mut Vec<Entry>) -> Result<()> {
    let entries: std::io::Result<Vec<DirEntry>> = std::fs::read_dir(folder).and_then(Iterator::collect);
    for entry in entries.map_err(at(folder))? {
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return Err(CheckpointError::Name { path }.into());
        };
        let name = format!("{before}{name}");
        let kind = entry.file_type().map_err(at(&path))?;
        if kind.is_dir() {
            gather(&path, &format!("{name}/"), files)?;
            sync_folder(&path.join(MANIFEST))?;
        } else if kind.is_file() {
            // Some systems flush a file only for who may write to it.
            let file = File::options().read(true).write(cfg!(windows)).open(&path);
            let file = file.map_err(at(&path))?;
            files.push(Entry::of(name, &file, &path)?);
            file.sync_all().map_err(at(&path))?;
        } else {
            return Err(CheckpointError::Kind { path }.into());
        }
        between();
    }
    Ok(())
}
