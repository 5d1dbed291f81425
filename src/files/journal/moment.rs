//! A moment that a journal can be opened at.

use std::fmt;

use crate::base::id::Round;
use crate::curriculum::Curriculum;

/// A moment in the life of a journal.
///
/// The [`Position`](Self::Position) is exact. The two others name the first moment at which they hold,
/// which is that behind the draw that led to it: what happened between this draw and the next, such as
/// its feedback, comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Moment {
    /// So many events after the journal was started: [`Journal::position`](crate::Journal::position).
    Position(u64),
    /// The first at which this is the next round to be drawn: [`Curriculum::round`].
    Round(Round),
    /// The first at which the decisions have this digest: [`Curriculum::digest`].
    Digest(u64),
}

impl Moment {
    pub(super) fn is_now<P, S, D>(self, curriculum: &Curriculum<P, S, D>, position: u64) -> bool {
        match self {
            Self::Position(wanted) => wanted == position,
            Self::Round(wanted) => wanted == curriculum.round(),
            Self::Digest(wanted) => wanted == curriculum.digest(),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => write!(formatter, "position {position}"),
            Self::Round(round) => write!(formatter, "{round}"),
            Self::Digest(digest) => write!(formatter, "digest {digest:016x}"),
        }
    }
}
