//! Why files of a run are refused: snapshots, journals, checkpoints.

use std::fmt;
use std::path::PathBuf;

use super::Error;
use crate::base::id::Round;

/// Why a snapshot was refused. The value it was to be restored into is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The bytes do not begin with the snapshot signature.
    #[error("not a curricle snapshot")]
    NotASnapshot,
    /// The file is shorter or longer than its header says.
    #[error("{expected} bytes expected, {found} found")]
    Size {
        /// The size that the header announces.
        expected: u64,
        /// The size of the file.
        found: u64,
    },
    /// The bytes were changed after they were written.
    #[error("checksum {expected:016x} expected, {found:016x} found")]
    Checksum {
        /// The checksum written in the file.
        expected: u64,
        /// The checksum of its bytes.
        found: u64,
    },
    /// The file was written by a newer (or no longer supported) layout.
    #[error("schema {found}, this version reads {supported}")]
    Schema {
        /// The layout version of the file.
        found: u32,
        /// The layout version that this build reads.
        supported: u32,
    },
    /// The file was written by a version whose decision stream differs from this one's.
    #[error("decision stream {found}, this version continues {supported}")]
    Algorithm {
        /// The algorithm version of the file.
        found: u32,
        /// The algorithm version of this build.
        supported: u32,
    },
    /// The file belongs to another data set.
    #[error(
        "data set {found:032x}, expected {expected:032x}: build with the samples, arms and weights that the run started with; \
        what was inserted since is in the file. With keys, `reconcile` goes on with data that has changed"
    )]
    Dataset {
        /// The fingerprint of the curriculum being restored.
        expected: u128,
        /// The fingerprint in the file.
        found: u128,
    },
    /// The file belongs to a curriculum built from other parts, options or seed.
    #[error("built otherwise: {}", Listed(differences))]
    Configuration {
        /// The configuration digest of the curriculum being restored.
        expected: u128,
        /// The configuration digest in the file.
        found: u128,
        /// The parts in which they differ.
        differences: Vec<Difference>,
    },
    /// The checksum holds, but the content contradicts itself.
    #[error("inconsistent content: {0}")]
    Inconsistent(&'static str),
}

/// A part of a curriculum that is built otherwise than the one that was saved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} is {expected}, in the file {found}")]
pub struct Difference {
    /// The name of an option of the builder, or `policy`, `signal` or `sampler`.
    pub part: String,
    /// What was built.
    pub expected: String,
    /// What was saved.
    pub found: String,
}

struct Listed<'a>(&'a [Difference]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, difference) in self.0.iter().enumerate() {
            let between = if place > 0 { "; " } else { "" };
            write!(formatter, "{between}{difference}")?;
        }
        Ok(())
    }
}

/// Why a [`Journal`](crate::Journal) was refused. The files are as they were.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The log does not begin with its signature.
    #[error("not a curricle log")]
    NotALog,
    /// The log was written by a newer (or no longer supported) layout.
    #[error("log schema {found}, this version reads {supported}")]
    Schema {
        /// The layout version of the log.
        found: u32,
        /// The layout version that this build reads.
        supported: u32,
    },
    /// There is a base, but no log beside it: a plain snapshot, or the log was lost.
    #[error("the base has no log")]
    NoLog,
    /// The log continues another base.
    #[error("base {expected:016x}, the log continues {found:016x}")]
    Base {
        /// The checksum of the base.
        expected: u64,
        /// The checksum of the base that the log was started for.
        found: u64,
    },
    /// The log was changed after it was written: no whole record stands here.
    #[error("the log is damaged at byte {offset}")]
    Damaged {
        /// Where the first bad record begins.
        offset: u64,
    },
    /// An event that happened before is refused when it is replayed: the build decides otherwise.
    #[error("event {event} was refused: {error}")]
    Replay {
        /// Which event of the log, from 0.
        event: u64,
        /// Why it was refused.
        #[source]
        error: Box<Error>,
    },
    /// A replayed draw gave other samples than before: the build decides otherwise.
    #[error("{round} has digest {found:016x}, the log {expected:016x}")]
    Diverged {
        /// The round that drew otherwise.
        round: Round,
        /// The digest of all decisions up to then, in the log.
        expected: u64,
        /// The digest of all decisions up to then, replayed.
        found: u64,
    },
    /// The moment to go back to lies before the base, after the end, or in another journal.
    #[error("{wanted} is not in the journal, which goes from {first}, position {}, to {last}, position {}", positions.0, positions.1)]
    Moment {
        /// What was asked for.
        wanted: crate::files::journal::Moment,
        /// The round of the base.
        first: Round,
        /// The round at the end of the log.
        last: Round,
        /// The positions of the base and of the end of the log.
        positions: (u64, u64),
    },
    /// Where a checkpoint has its position, the journal has other decisions: it is of another run.
    #[error(
        "at position {position} the digest is {found:016x}, that of the checkpoint {expected:016x}"
    )]
    Other {
        /// The position.
        position: u64,
        /// The digest of all decisions up to there, of the checkpoint.
        expected: u64,
        /// That of the journal.
        found: u64,
    },
    /// Another journal, of this process or another, has the log open.
    #[error("the log is in use")]
    Locked,
    /// A snapshot was to be written over the base or the log of a journal.
    #[error("a journal has its log here, which a snapshot would put an end to: {path}")]
    Taken {
        /// The log.
        path: PathBuf,
    },
    /// The journal was opened by the process that this one was forked from, and is that one's.
    #[error("the log belongs to the process that opened it, not to one forked from it")]
    Forked,
    /// An event could not be written down, so that no other may follow it.
    #[error("the log has missed an event")]
    Behind,
    /// What a [`History`](crate::History) has read was taken back, or another journal stands in its place: read anew.
    #[error("the log no longer holds the events up to position {position}, which were read")]
    TakenBack {
        /// How many events had been read since the journal was started.
        position: u64,
    },
}

/// Why a [`Checkpoint`](crate::Checkpoint) was refused. The files are as they were.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The list of the files does not begin with its signature.
    #[error("{path}: not the list of a checkpoint")]
    NotACheckpoint {
        /// The list.
        path: PathBuf,
    },
    /// The list of the files was written by a newer (or no longer supported) layout.
    #[error("{path}: schema {found}, this version reads {supported}")]
    Schema {
        /// The list.
        path: PathBuf,
        /// Its layout version.
        found: u32,
        /// The layout version that this build reads.
        supported: u32,
    },
    /// The checksum of the list holds, but its content makes no sense.
    #[error("{path}: inconsistent content")]
    Inconsistent {
        /// The list.
        path: PathBuf,
    },
    /// A file is not there.
    #[error("{path} is missing")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file is shorter or longer than it was.
    #[error("{path}: {expected} bytes expected, {found} found")]
    Size {
        /// The file.
        path: PathBuf,
        /// Its size when it was written.
        expected: u64,
        /// Its size now.
        found: u64,
    },
    /// A file was changed after it was written.
    #[error("{path}: checksum {expected:016x} expected, {found:016x} found")]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Its checksum when it was written.
        expected: u64,
        /// Its checksum now.
        found: u64,
    },
    /// The state of the curriculum is in a snapshot, not in a journal.
    #[error("{path} has a snapshot, no position of a journal")]
    NoPosition {
        /// The checkpoint.
        path: PathBuf,
    },
    /// Something in a draft is neither a file nor a folder.
    #[error("{path} is neither a file nor a folder")]
    Kind {
        /// What it is.
        path: PathBuf,
    },
    /// The name of a file in a draft is not Unicode.
    #[error("{path} has a name that is not Unicode")]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// There is a newer checkpoint already.
    #[error("{path}: checkpoint {number} is not newer than {newest}")]
    Number {
        /// The folder of the checkpoints.
        path: PathBuf,
        /// The number asked for.
        number: u64,
        /// The greatest that there is.
        newest: u64,
    },
    /// Another [`Checkpoints`](crate::Checkpoints), of this process or another, has the folder open.
    #[error("{path} is in use")]
    Locked {
        /// The folder of the checkpoints.
        path: PathBuf,
    },
    /// The folder was opened by the process that this one was forked from, and is that one's.
    #[error("{path} belongs to the process that opened it, not to one forked from it")]
    Forked {
        /// The folder of the checkpoints.
        path: PathBuf,
    },
}
