//! One byte for what became of a feedback.

use curricle::{Error, Reason, Verdict};
use pyo3::prelude::*;

/// From here on: what could not be taken in.
pub const REFUSED: u8 = 16;

/// The names of the codes, and their numbers; `curricle.Code` has the same.
const CODES: [(&str, u8); 17] = [
    ("ADMIT", 0),
    ("ZERO_SIGNAL", 1),
    ("TOO_HARD", 2),
    ("TOO_EASY", 3),
    ("TOO_FEW", 4),
    ("STALE", 5),
    ("OWN", 6),
    ("RETIRED", 7),
    ("ROUTED", 8),
    ("UNKNOWN_TICKET", REFUSED),
    ("REPEATED", 17),
    ("LATE", 18),
    ("MISSING_FIELD", 19),
    ("NON_FINITE", 20),
    ("OUT_OF_RANGE", 21),
    ("UNSCORED", 22),
    ("OTHER", 23),
];

/// The code of a verdict. What is trained on in another way than others is admitted, too; a reason that this package does
/// not know yet is one's own.
pub fn of_verdict(verdict: Verdict) -> u8 {
    match verdict.rejection() {
        None => 0,
        Some(Reason::ZeroSignal) => 1,
        Some(Reason::TooHard) => 2,
        Some(Reason::TooEasy) => 3,
        Some(Reason::TooFew) => 4,
        Some(Reason::Stale) => 5,
        Some(Reason::Retired) => 7,
        Some(Reason::Routed) => 8,
        Some(_) => 6,
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
