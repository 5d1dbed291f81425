//! What went wrong with the files of the study.

use std::path::{Path, PathBuf};

use crate::run::Setting;

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    /// A file that the study did not write.
    #[error("{}: no runs of the study: {what}", path.display())]
    Foreign { path: PathBuf, what: String },
    /// A file that is not as it was written.
    #[error("{}: damaged ({what}); remove it, and the run is made again", path.display())]
    Damaged { path: PathBuf, what: String },
    /// A file whose name says something else than what it holds.
    #[error("{}: it holds {}", path.display(), told(found))]
    Other { path: PathBuf, found: Setting },
    /// A run of another decision stream: not to be mixed with those of this one.
    #[error("{}: drawn by decision stream {found}, now it is {now}; move it away", path.display())]
    Stream { path: PathBuf, found: u32, now: u32 },
    /// Another process writes to the folder.
    #[error("{}: another study writes to this folder", folder.display())]
    Busy { folder: PathBuf },
    /// A run that measured what cannot be.
    #[error("{}: {what}", told(setting))]
    Run { setting: Setting, what: String },
    /// Two runs of which one only can be meant.
    #[error("{} and {}: a table has one run of a curriculum and a seed", told(one), told(other))]
    Twice { one: Box<Setting>, other: Box<Setting> },
    /// A run that ended long before its tokens were spent.
    #[error("{}: it ended after {end} tokens", told(setting))]
    Short { setting: Setting, end: u64 },
    /// No rate was tuned.
    #[error("{}: no rate for {workload}; `study rates` tunes it", path.display())]
    NoRate { path: PathBuf, workload: String },
    /// A file of rates that cannot be read.
    #[error("{}: line {line}: {what}", path.display())]
    Rates { path: PathBuf, line: usize, what: String },
}

impl Fault {
    /// An error of the system at a path.
    pub fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        |source| Self::Io { path: path.to_path_buf(), source }
    }
}

/// A setting, in a line.
pub fn told(setting: &Setting) -> String {
    let Setting { workload, curriculum, seed, rate, tokens } = setting;
    format!("{workload}, {curriculum}, seed {seed}, rate {rate}, {tokens} tokens")
}
