//! How many reports were refused, and why.

use crate::base::error::Error;
use crate::base::metrics::Metrics;

/// What stands before their names.
const PATH: &str = "feedback/refused";

/// Counts of refused feedback. They are those of a process: what was refused has changed nothing, so that no event and
/// no snapshot holds it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    unknown: u64,
    late: u64,
    repeated: u64,
    invalid: u64,
}

impl Refused {
    pub fn count(&mut self, error: &Error) {
        let count = match error {
            Error::UnknownTicket(_) => &mut self.unknown,
            Error::LateTicket(_) => &mut self.late,
            Error::RepeatedTicket(_) => &mut self.repeated,
            _ => &mut self.invalid,
        };
        *count += 1;
    }

    pub fn metrics(&self, metrics: &mut Metrics) {
        metrics.push_counts(PATH, self.counts());
    }

    /// Adds them to those that are there already.
    pub fn add_to(&self, metrics: &mut Metrics) {
        metrics.add_counts(PATH, self.counts());
    }

    fn counts(&self) -> [(&'static str, u64); 4] {
        let Self { unknown, late, repeated, invalid } = *self;
        [("unknown", unknown), ("late", late), ("repeated", repeated), ("invalid", invalid)]
    }
}
