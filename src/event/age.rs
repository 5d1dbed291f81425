//! How old feedback is, and bounds on it.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};

/// How long ago a ticket was drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Age {
    /// How many rounds have been drawn since: 0 until the next draw.
    pub rounds: u64,
    /// By how much the [version](crate::Curriculum::set_version) of the model has grown since.
    pub versions: u64,
}

impl Age {
    /// An age.
    pub fn new(rounds: u64, versions: u64) -> Self {
        Self { rounds, versions }
    }
}

/// A bound on [`Age`]: in rounds, in versions of the model, or both, of which either can be exceeded.
///
/// ```
/// use curricle::{Age, AgeLimit};
///
/// let limit = AgeLimit::versions(2).and_rounds(100);
/// assert!(!limit.is_exceeded(Age::new(100, 2)));
/// assert!(limit.is_exceeded(Age::new(101, 0)) && limit.is_exceeded(Age::new(0, 3)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgeLimit {
    #[serde(default)]
    rounds: Option<u64>,
    #[serde(default)]
    versions: Option<u64>,
}

impl AgeLimit {
    /// At most so many rounds.
    pub fn rounds(most: u64) -> Self {
        Self { rounds: Some(most), versions: None }
    }

    /// At most so many versions.
    pub fn versions(most: u64) -> Self {
        Self { rounds: None, versions: Some(most) }
    }

    /// At most so many rounds, too.
    #[must_use]
    pub fn and_rounds(self, most: u64) -> Self {
        Self { rounds: Some(most), ..self }
    }

    /// At most so many versions, too.
    #[must_use]
    pub fn and_versions(self, most: u64) -> Self {
        Self { versions: Some(most), ..self }
    }

    /// Whether an age is beyond the bound.
    pub fn is_exceeded(&self, age: Age) -> bool {
        self.rounds.is_some_and(|most| age.rounds > most)
            || self.versions.is_some_and(|most| age.versions > most)
    }

    /// A bound that bounds nothing, as an empty table in a configuration makes it, is refused.
    pub(crate) fn check(&self, what: &'static str) -> Result<()> {
        match (self.rounds, self.versions) {
            (None, None) => Err(Error::Empty { what, index: 0 }),
            _ => Ok(()),
        }
    }
}
