//! The one error type of the crate: what was wrong, as data.

mod files;

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::id::{ArmId, Round, SampleId, Ticket};

pub use curricle_kernels::Error as KernelError;
pub use files::{CheckpointError, Difference, JournalError, SnapshotError};

/// The result of a fallible call in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What was wrong with an input, a request or a file.
///
/// Every variant carries the values that a caller needs to react. A call that returns an error has not
/// changed the value it was called on, but that a failed draw may have [folded in](crate::Curriculum::fold) what was
/// due.
///
/// ```
/// use curricle::{Curriculum, Error};
///
/// let refused = Curriculum::builder(4).weights(vec![1.0, f64::NAN, 1.0, 1.0]).build();
/// assert!(matches!(refused, Err(Error::NonFinite { what: "weight", index: 1, .. })));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number is NaN or infinite. `index` is the sample, arm, ticket or position it belongs to.
    #[error("{what} of {index} is not finite: {value}")]
    NonFinite {
        /// The name of the quantity.
        what: &'static str,
        /// Which sample, arm, ticket or position.
        index: u64,
        /// The offending value.
        value: f64,
    },
    /// A number lies outside its closed range.
    #[error("{what} is {}, outside [{}, {}]", Short(*value), Short(*low), Short(*high))]
    OutOfRange {
        /// The name of the quantity.
        what: &'static str,
        /// The offending value.
        value: f64,
        /// The least value allowed.
        low: f64,
        /// The greatest value allowed.
        high: f64,
    },
    /// A list has the wrong number of elements.
    #[error("{what}: expected {expected} elements, found {found}")]
    Length {
        /// The name of the list.
        what: &'static str,
        /// How many elements it should have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// The sample was never inserted, or has been removed.
    #[error("{0} is not in the curriculum")]
    UnknownSample(SampleId),
    /// No arm has this number.
    #[error("{0} is not in the curriculum")]
    UnknownArm(ArmId),
    /// No draw has been given this ticket yet.
    #[error("{0} was never drawn")]
    UnknownTicket(Ticket),
    /// The outcome of this ticket has been reported before.
    #[error("the outcome of {0} has been reported before")]
    RepeatedTicket(Ticket),
    /// This ticket has been given up: its outcome comes too late.
    #[error("{0} has been given up")]
    LateTicket(Ticket),
    /// A call has panicked while it was changing the feed or the journal, whose state is not known since.
    #[error("a call panicked while it was changing the curriculum")]
    Poisoned,
    /// The signal, the policy or the gate needs a field that the outcome does not carry.
    #[error("the outcome of {ticket} lacks `{field}`, which signal, policy or gate needs")]
    MissingOutcome {
        /// The ticket whose outcome is incomplete.
        ticket: Ticket,
        /// The missing field of [`Outcome`](crate::Outcome).
        field: crate::Field,
    },
    /// The next draw depends on feedback that has not arrived.
    #[error("{round} still lacks the feedback of {missing} tickets, the first being {first}")]
    Awaiting {
        /// The round whose feedback is due.
        round: Round,
        /// How many of its tickets are open.
        missing: usize,
        /// The first open ticket.
        first: Ticket,
    },
    /// As many tickets are in flight as [may be](crate::Arrival::in_flight): report or [lose](crate::Curriculum::lose)
    /// some.
    #[error("hold: {open} tickets are in flight, {want} more would be beyond {most}")]
    Hold {
        /// How many tickets are open.
        open: u64,
        /// How many more were asked for.
        want: usize,
        /// How many may be.
        most: u64,
    },
    /// No sample has a positive weight in an arm with a positive probability.
    #[error("nothing can be drawn: no sample of positive weight in an arm of positive probability")]
    NothingToDraw,
    /// A sample does not fit into a batch of at most so much cost, or its cost is not known.
    #[error("{sample} costs {}, a batch may cost {ceiling}", cost.map_or("nobody knows what".to_owned(), |cost| cost.to_string()))]
    Cost {
        /// The sample.
        sample: SampleId,
        /// What it costs, if that is known.
        cost: Option<f32>,
        /// What the batch may cost.
        ceiling: f64,
    },
    /// The [stop rule](crate::Stop) says that nothing more is drawn.
    #[error("finished: the stop rule says that nothing more is drawn")]
    Finished,
    /// A sampler of distinct samples was asked for more than there are.
    #[error("a batch of {want} distinct samples was asked for, {available} can be drawn")]
    BatchExceedsPool {
        /// The size asked for.
        want: usize,
        /// How many distinct samples can be drawn.
        available: usize,
    },
    /// The sum of all weights does not fit 64 bits.
    #[error("the weights overflow: their total would be {total} units, more than 2^64 - 1")]
    WeightOverflow {
        /// The total, in units of 2^-32.
        total: u128,
    },
    /// A policy allotted something that is not a probability distribution over the arms.
    #[error("the policy allotted probabilities that sum to {sum}")]
    NotADistribution {
        /// What the probabilities sum to.
        sum: f64,
    },
    /// A sampler picked a sample from an arm that it is not in.
    #[error("the sampler picked {sample} from {arm}, of which it is no member")]
    Pick {
        /// The sample.
        sample: SampleId,
        /// The arm that it was said to be in.
        arm: ArmId,
    },
    /// None of the rollouts of a group could be scored; its ticket can be [given up](crate::Curriculum::lose).
    #[error("none of the {rollouts} rollouts of a group could be scored")]
    Unscored {
        /// How many rollouts there were.
        rollouts: usize,
    },
    /// A part cannot do what another part asks of it.
    #[error("`{part}` does not support `{request}`")]
    Unsupported {
        /// The part that was asked.
        part: &'static str,
        /// What it was asked for.
        request: &'static str,
    },
    /// A part of a composition makes or sets something that no other part reads, so that it would do nothing.
    #[error("`{part}` would do nothing: no other part reads {what}")]
    Unread {
        /// The part.
        part: &'static str,
        /// What nothing reads.
        what: &'static str,
    },
    /// A configuration could not be accepted.
    #[error("configuration refused at `{path}`: {reason}")]
    Config {
        /// The keys that lead to what is wrong, as `policy.bounded.inner`.
        path: String,
        /// What the parser says of it.
        reason: String,
    },
    /// This build lacks a feature of the crate, named here.
    #[error("built without the feature `{0}`")]
    Feature(&'static str),
    /// A kernel refused its input.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// There is nothing to compute from: an empty list, or a row without a possible token.
    #[error("{what} of {index} is empty")]
    Empty {
        /// The name of what is empty.
        what: &'static str,
        /// Which row or position.
        index: u64,
    },
    /// Two elements of a list are the same that must not be.
    #[error("{what} {index} stands in the list before")]
    Duplicate {
        /// The name of the quantity.
        what: &'static str,
        /// The position of the second one.
        index: u64,
    },
    #[cfg(feature = "scores")]
    /// The evidence does not determine the score.
    #[error("{score} cannot be told from {evidence}")]
    Unavailable {
        /// What was asked for.
        score: crate::signal::uncertainty::Score,
        /// What there is.
        evidence: &'static str,
    },
    /// The model could not be brought back to its own weights after this ticket.
    #[error("the model was not restored after {0}")]
    Unrestored(Ticket),
    /// The thread or the feed at the other end of a channel is gone.
    #[error("the feed has been closed")]
    Closed,
    /// Ranks that hold the same curriculum have come to differ. Nothing has been taken in or drawn.
    #[error("the ranks differ in {what}: {dissent}")]
    Diverged {
        /// In what.
        what: &'static str,
        /// Which ranks say what.
        dissent: crate::feed::ranks::Dissent,
    },
    /// The frame of a rank could not be accepted. Nothing has been taken in or drawn.
    #[error("the frame of rank {rank} was refused: {source}")]
    Frame {
        /// The rank.
        rank: usize,
        /// Why.
        source: crate::feed::ranks::FrameError,
    },
    /// Ranks report different outcomes of one ticket; it can be [given up](crate::feed::ranks::Replicated::lose).
    #[error("the ranks {ranks:?} report different outcomes of {ticket}")]
    Conflict {
        /// The ticket.
        ticket: Ticket,
        /// All ranks that report it.
        ranks: Vec<usize>,
    },
    /// A rank has ended, or its thread has panicked, while others still wait for it.
    #[error("rank {rank} is gone")]
    RankGone {
        /// The first that went.
        rank: usize,
    },
    /// What carries the frames of ranks has failed.
    #[error("the exchange among ranks failed: {0}")]
    Transport(
        /// What it says.
        String,
    ),
    /// A snapshot could not be accepted.
    #[error("snapshot refused: {0}")]
    Snapshot(#[from] SnapshotError),
    /// A journal could not be read, or cannot be written to.
    #[error("journal refused: {0}")]
    Journal(#[from] JournalError),
    /// A checkpoint could not be accepted or made.
    #[error("checkpoint refused: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// A table of scores could not be accepted.
    #[error("table refused: {0}")]
    Table(#[from] crate::table::TableError),
    /// The operating system refused a read or a write.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The class of the failure.
        kind: std::io::ErrorKind,
        /// What the system said; also the [`source`](std::error::Error::source) of the error.
        source: Failure,
    },
}

impl Error {
    /// The error of a file. What the system said is taken out of the errors that libraries wrap around
    /// it.
    pub(crate) fn io(path: &Path, mut error: std::io::Error) -> Self {
        let mut within: Option<&(dyn std::error::Error + 'static)> =
            error.get_ref().map(|wrapped| wrapped as _);
        let mut number = None;
        while let Some(wrapped) = within {
            number = number.or(wrapped.downcast_ref().and_then(std::io::Error::raw_os_error));
            within = wrapped.source();
        }
        if let Some(number) = number {
            error = std::io::Error::from_raw_os_error(number);
        }
        Self::Io { path: path.to_path_buf(), kind: error.kind(), source: error.into() }
    }
}

/// An error of the operating system that can be copied and compared: two are equal if they are of one
/// kind and have one number, or, where the system gave none, one text.
///
/// ```
/// use std::error::Error;
///
/// let error = curricle::Curriculum::builder(1).build()?.save("no/such/folder/file").unwrap_err();
/// let source = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
/// assert_eq!(source.map(|error| error.kind()), Some(std::io::ErrorKind::NotFound));
/// # Ok::<(), curricle::Error>(())
/// ```
// It is no error of its own, so that the source of `Error::Io` is the error within.
#[derive(Debug, Clone)]
pub struct Failure(Arc<std::io::Error>);

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl Deref for Failure {
    type Target = std::io::Error;

    fn deref(&self) -> &std::io::Error {
        &self.0
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        let same = self.kind() == other.kind() && self.raw_os_error() == other.raw_os_error();
        same && (self.raw_os_error().is_some() || self.to_string() == other.to_string())
    }
}

/// A number in no more characters than it needs: the ends of ranges can be very large and very small.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value) = *self;
        let is_plain = value == 0.0 || !value.is_finite() || (1e-6..1e16).contains(&value.abs());
        if is_plain { write!(formatter, "{value}") } else { write!(formatter, "{value:e}") }
    }
}

/// Checks that a number is finite, naming it if it is not.
pub(crate) fn finite(what: &'static str, index: u64, value: f64) -> Result<f64> {
    if value.is_finite() { Ok(value) } else { Err(Error::NonFinite { what, index, value }) }
}

/// Checks that a number is finite and lies in `[low, high]`.
pub(crate) fn within(what: &'static str, value: f64, low: f64, high: f64) -> Result<f64> {
    // Written so that NaN fails.
    if value >= low && value <= high {
        Ok(value)
    } else {
        Err(Error::OutOfRange { what, value, low, high })
    }
}

impl Error {
    /// Whether this says what is wrong with feedback, rather than with what it was given to.
    pub(crate) fn is_of_feedback(&self) -> bool {
        matches!(
            self,
            Self::UnknownTicket(_)
                | Self::RepeatedTicket(_)
                | Self::LateTicket(_)
                | Self::MissingOutcome { .. }
                | Self::NonFinite { .. }
                | Self::OutOfRange { .. }
        )
    }
}

/// Checks the length of a list.
pub(crate) fn length(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::Length { what, expected, found }) }
}

impl From<curricle_kernels::tree::Overflow> for Error {
    fn from(overflow: curricle_kernels::tree::Overflow) -> Self {
        Self::WeightOverflow { total: overflow.total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("wrapped")]
    struct Wrapped(#[source] std::io::Error);

    /// Libraries that write tables wrap what the system says, some twice.
    #[test]
    fn what_the_system_said() {
        let full = || std::io::Error::from_raw_os_error(28);
        let once = std::io::Error::other(Wrapped(full()));
        let twice = std::io::Error::other(Wrapped(std::io::Error::other(Wrapped(full()))));
        let expected = Error::io(Path::new("file"), full());
        assert!(matches!(expected, Error::Io { kind: std::io::ErrorKind::StorageFull, .. }));
        for error in [once, twice, std::io::Error::other(full())] {
            assert_eq!(Error::io(Path::new("file"), error), expected);
        }
        let other = Error::io(Path::new("file"), std::io::Error::other("a text"));
        assert_eq!(other.to_string(), "file: a text");
        assert_ne!(other, expected);
        assert_ne!(other, Error::io(Path::new("file"), std::io::Error::other("another text")));
    }
}
