//! The names of the files of a journal, which no snapshot is written over.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::whole_file::{at, target};
use crate::base::error::{JournalError, Result};

/// What stands behind the name of the base in those of the other files: of the log, of the one that a compaction puts in
/// its place, and of what was taken back.
pub(super) const LOG: &str = ".log";
pub(super) const NEXT: &str = ".log.next";
pub(super) const CUT: &str = ".log.cut";

/// What a log begins with.
pub(super) const SIGNATURE: &[u8; 8] = b"CURRILOG";

/// The path with something behind its name.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Refuses a path at which a snapshot would be the end of a journal: that of a log, and that of a base, which its log
/// would not continue any more.
pub(super) fn check_free(path: &Path) -> Result<()> {
    let place = target(path)?;
    for file in [beside(&place, LOG), beside(&place, NEXT), place] {
        if is_log(&file)? {
            return Err(JournalError::Taken { path: file }.into());
        }
    }
    Ok(())
}

fn is_log(path: &Path) -> Result<bool> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(false);
        }
        Err(error) => return Err(at(path)(error)),
    };
    let mut start = [0; SIGNATURE.len()];
    match file.read_exact(&mut start) {
        Ok(()) => Ok(start == *SIGNATURE),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(at(path)(error)),
    }
}
