//! What is read of a run: a snapshot, or a journal as far as it goes, from their files alone.

use std::path::{Path, PathBuf};

use curricle::{AnyCurriculum, Config, Error, Journal, Moment};

use crate::fault::Fault;

/// A curriculum, and what it was configured by.
pub struct Found {
    pub config: Config,
    pub curriculum: AnyCurriculum,
}

/// Reads a snapshot, or the base of a journal.
pub fn read(path: &Path) -> Result<Found, Fault> {
    read_as(path, path)
}

/// Reads a file, and calls it by another name.
fn read_as(path: &Path, name: &Path) -> Result<Found, Fault> {
    let fault = |error: Error| named(name, error);
    let config = Config::of_snapshot(path).map_err(fault)?;
    let curriculum = AnyCurriculum::of_snapshot(path).map_err(fault)?;
    Ok(Found { config: config.unwrap_or_default(), curriculum })
}

/// Lets the events of a journal happen again, on a copy of its files: a run that is going on is not disturbed. Gives the
/// curriculum at that moment, or at the end, and how many events there were.
pub fn replay(path: &Path, moment: Option<Moment>) -> Result<(Found, u64), Fault> {
    let folder = tempfile::tempdir().map_err(|error| Fault::Input(error.to_string()))?;
    let copy = folder.path().join("base");
    let log = |path: &Path| {
        let mut name = path.as_os_str().to_owned();
        name.push(".log");
        PathBuf::from(name)
    };
    for (from, to) in [(path.to_path_buf(), copy.clone()), (log(path), log(&copy))] {
        std::fs::copy(&from, &to).map_err(|error| Fault::file(&from, error))?;
    }
    // What the copies are called is of no interest.
    let fault = |error: Error| Fault::file(path, error);
    let Found { config, curriculum } = read_as(&copy, path)?;
    let journal = match moment {
        Some(moment) => Journal::open_at(&copy, curriculum, moment),
        None => Journal::open(&copy, curriculum),
    };
    let journal = journal.map_err(fault)?;
    let curriculum = journal.curriculum().clone();
    Ok((Found { config, curriculum }, journal.position()))
}

fn named(path: &Path, error: Error) -> Fault {
    match error {
        // It names the file itself.
        error @ Error::Io { .. } => Fault::Input(error.to_string()),
        error => Fault::file(path, error),
    }
}
