//! One byte for what became of a feedback.

use curricle::{Error, Reason, Verdict};
use pyo3::prelude::*;

/// From here on: what could not be taken in.
pub const REFUSED: u8 = 16;

/// The names of the codes, and their numbers; `curricle.Code` has the same.
const CODES: [(&str, u8); 15] = [
    ("ADMIT", 0),
    ("ZERO_SIGNAL", 1),
    ("TOO_HARD", 2),
    ("TOO_EASY", 3),
    ("TOO_FEW", 4),
    ("STALE", 5),
    ("OWN", 6),
    ("UNKNOWN_TICKET", REFUSED),
    ("REPEATED", 17),
    ("LATE", 18),
    ("MISSING_FIELD", 19),
    ("NON_FINITE", 20),
    ("OUT_OF_RANGE", 21),
    ("UNSCORED", 22),
    ("OTHER", 23),
];

/// The code of a verdict. One that this package does not know yet is no admission.
pub fn of_verdict(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Admit => 0,
        Verdict::Reject(Reason::ZeroSignal) => 1,
        Verdict::Reject(Reason::TooHard) => 2,
        Verdict::Reject(Reason::TooEasy) => 3,
        Verdict::Reject(Reason::TooFew) => 4,
        Verdict::Reject(Reason::Stale) => 5,
        _ => 6,
    }
}

/// The code of what was wrong.
pub fn of_error(error: &Error) -> u8 {
    match error {
        Error::UnknownTicket(_) => REFUSED,
        Error::RepeatedTicket(_) => 17,
        Error::LateTicket(_) => 18,
        Error::MissingOutcome { .. } => 19,
        Error::NonFinite { .. } => 20,
        Error::OutOfRange { .. } => 21,
        Error::Unscored { .. } => 22,
        _ => 23,
    }
}

/// The names and numbers of the codes.
#[pyfunction]
#[pyo3(name = "_codes")]
pub fn codes() -> Vec<(&'static str, u8)> {
    CODES.to_vec()
}
