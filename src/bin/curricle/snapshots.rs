//! What is read of a run: a snapshot, or a journal as far as it goes, from their files alone.

use std::path::Path;

use curricle::{AnyCurriculum, Config, Error, History, Moment};

use crate::fault::Fault;

/// A curriculum, and what it was configured by.
pub struct Found {
    pub config: Config,
    pub curriculum: AnyCurriculum,
}

/// Reads a snapshot, or the base of a journal.
pub fn read(path: &Path) -> Result<Found, Fault> {
    let mut log = path.as_os_str().to_owned();
    log.push(".log");
    if Path::new(&log).exists() {
        let path = path.display();
        eprintln!(
            "curricle: {path} is the base of a journal; `curricle replay` shows what its log adds"
        );
    }
    let config = Config::of_snapshot(path).map_err(|error| fault(path, error))?;
    let curriculum = AnyCurriculum::of_snapshot(path).map_err(|error| fault(path, error))?;
    Ok(Found { config: config.unwrap_or_default(), curriculum })
}

/// Lets the events of a journal happen again, beside a run that may go on. Gives the curriculum at that moment, or at
/// the end, and how many events there were.
pub fn replay(path: &Path, moment: Option<Moment>) -> Result<(Found, u64), Fault> {
    let replay = || {
        let config = Config::of_snapshot(path)?;
        let mut history = History::of_files(path)?;
        match moment {
            Some(moment) => history.go_to(moment)?,
            None => while history.next()?.is_some() {},
        }
        let (position, curriculum) = (history.position(), history.into_curriculum());
        Ok((Found { config: config.unwrap_or_default(), curriculum }, position))
    };
    replay().map_err(|error| fault(path, error))
}

/// The fault of a file.
pub fn fault(path: &Path, error: Error) -> Fault {
    match error {
        // It names the file itself.
        error @ Error::Io { .. } => Fault::Input(error.to_string()),
        error => Fault::file(path, error),
    }
}
