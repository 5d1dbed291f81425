//! What went wrong, as a person should read it.

use std::path::{Path, PathBuf};

use curricle::Error;

/// A message, and whose fault it was.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The input is bad.
    #[error("{0}")]
    Input(String),
    /// The result could not be written.
    #[error("{0}")]
    Output(Error),
    /// What there is to say could not be said.
    #[error("the standard output: {0}")]
    Said(std::io::Error),
    /// There is no folder to write the result to.
    #[error("{}: there is no folder {}", out.display(), folder.display())]
    NoFolder {
        /// What was to be written.
        out: PathBuf,
        /// Where it was to be.
        folder: PathBuf,
    },
    /// There is no screen to draw on.
    #[error("--follow draws on a terminal, and the output is none; --out writes a page")]
    NoTerminal,
}

impl Fault {
    /// Something wrong with a file of the input.
    pub fn file(path: &Path, what: impl std::fmt::Display) -> Self {
        Self::Input(format!("{}: {what}", path.display()))
    }

    /// Something wrong with some files together.
    pub fn files(paths: &[PathBuf], what: impl std::fmt::Display) -> Self {
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        Self::Input(format!("{}: {what}", paths.join(", ")))
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Input(_) | Self::NoTerminal => 2,
            Self::Output(_) | Self::Said(_) | Self::NoFolder { .. } => 1,
        }
    }
}
