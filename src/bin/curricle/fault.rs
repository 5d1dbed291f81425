//! What went wrong, as a person should read it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use curricle::Error;

/// A message, and whose fault it was.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The input is bad.
    #[error("{0}")]
    Input(String),
    /// The result could not be written.
    #[error("{}", said(.0))]
    Output(Error),
    /// There is no folder to write the result to.
    #[error("{}: there is no folder {}", out.display(), folder.display())]
    NoFolder {
        /// What was to be written.
        out: PathBuf,
        /// Where it was to be.
        folder: PathBuf,
    },
}

impl Fault {
    /// Something wrong with a file of the input.
    pub fn file(path: &Path, what: impl std::fmt::Display) -> Self {
        Self::Input(format!("{}: {what}", path.display()))
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Input(_) => 2,
            Self::Output(_) | Self::NoFolder { .. } => 1,
        }
    }
}

/// The message of an error; what the system said is put in the system's words.
fn said(error: &Error) -> String {
    match error {
        Error::Io { path, kind } => {
            let why = match kind {
                ErrorKind::StorageFull => "no space left on device".into(),
                ErrorKind::NotFound => "no such file or folder".into(),
                ErrorKind::QuotaExceeded => "disk quota exceeded".into(),
                ErrorKind::ReadOnlyFilesystem => "read-only file system".into(),
                kind => kind.to_string(),
            };
            format!("{}: {why}", path.display())
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named() {
        let full = Error::Io { path: "a/o.csv".into(), kind: ErrorKind::StorageFull };
        let fault = Fault::Output(full);
        assert_eq!(fault.to_string(), "a/o.csv: no space left on device");
        assert_eq!(fault.code(), 1);
    }
}
