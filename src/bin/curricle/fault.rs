//! What went wrong, as a person should read it.

use std::path::Path;

/// A message, and whose fault it was.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The input is bad.
    #[error("{0}")]
    Input(String),
    /// The result could not be written.
    #[error("{0}")]
    Output(curricle::Error),
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
            Self::Output(_) => 1,
        }
    }
}
