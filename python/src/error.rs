//! Errors of the crate as exceptions: the class says the kind, the text is the crate's own.

use std::io::ErrorKind;
use std::path::Path;

use curricle::{Error, Failure};
use numpy::{PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyAnyMethods, PyModule};

use crate::own;

/// The class of an error, in `curricle._errors`.
fn class(error: &Error) -> &'static str {
    match error {
        Error::NonFinite { .. } => "NonFiniteError",
        Error::OutOfRange { .. } | Error::Kernel(_) => "OutOfRangeError",
        Error::Length { .. } => "LengthError",
        Error::UnknownSample(_) => "UnknownSampleError",
        Error::UnknownArm(_) => "UnknownArmError",
        Error::UnknownTicket(_) => "UnknownTicketError",
        Error::RepeatedTicket(_) => "RepeatedTicketError",
        Error::LateTicket(_) => "LateTicketError",
        Error::MissingOutcome { .. } => "MissingFieldError",
        Error::Unscored { .. } => "UnscoredError",
        Error::Awaiting { .. } => "AwaitingError",
        Error::Hold { .. } => "HoldError",
        Error::Finished => "FinishedError",
        Error::NothingToDraw => "NothingToDrawError",
        Error::BatchExceedsPool { .. } => "BatchExceedsPoolError",
        Error::Cost { .. } => "CostError",
        Error::Unsupported { .. } | Error::Feature(_) => "UnsupportedError",
        Error::Config { .. } | Error::Unread { .. } => "ConfigError",
        Error::Empty { .. } | Error::Unavailable { .. } => "EmptyError",
        Error::Duplicate { .. } => "DuplicateError",
        Error::WeightOverflow { .. } => "WeightOverflowError",
        Error::Snapshot(_) => "SnapshotError",
        Error::Journal(_) => "JournalError",
        Error::Table(_) => "TableError",
        Error::Io { .. } => "FileError",
        Error::Diverged { .. } => "DivergedError",
        Error::Frame { .. } => "FrameError",
        Error::Conflict { .. } => "ConflictError",
        Error::RankGone { .. } | Error::Transport(_) => "TransportError",
        _ => "Error",
    }
}

/// What a caller may want to react to, as attributes of the exception.
fn fields(error: &Error, exception: &Bound<'_, PyAny>) -> PyResult<()> {
    match error {
        Error::UnknownTicket(ticket) | Error::RepeatedTicket(ticket) | Error::LateTicket(ticket) => {
            exception.setattr("ticket", ticket.0)
        }
        Error::MissingOutcome { ticket, field } => {
            exception.setattr("ticket", ticket.0)?;
            exception.setattr("field", field.to_string())
        }
        Error::Awaiting { round, missing, first } => {
            exception.setattr("round", round.0)?;
            exception.setattr("missing", missing)?;
            exception.setattr("first", first.0)
        }
        Error::Hold { open, want, most } => {
            exception.setattr("open", open)?;
            exception.setattr("want", want)?;
            exception.setattr("most", most)
        }
        Error::BatchExceedsPool { want, available } => {
            exception.setattr("want", want)?;
            exception.setattr("available", available)
        }
        Error::NonFinite { what, index, value } => {
            exception.setattr("what", what)?;
            exception.setattr("index", index)?;
            exception.setattr("value", value)
        }
        Error::OutOfRange { what, value, low, high } => {
            exception.setattr("what", what)?;
            exception.setattr("value", value)?;
            exception.setattr("low", low)?;
            exception.setattr("high", high)
        }
        Error::Config { path, .. } => exception.setattr("path", path),
        Error::Diverged { dissent, .. } => {
            let ranks: Vec<usize> = dissent.ranks.iter().map(|(rank, _)| *rank).collect();
            exception.setattr("ranks", ranks)
        }
        Error::Frame { rank, .. } => exception.setattr("ranks", [*rank]),
        Error::Conflict { ticket, ranks } => {
            exception.setattr("ticket", ticket.0)?;
            exception.setattr("ranks", ranks)
        }
        _ => Ok(()),
    }
}

/// An exception of a class of `curricle._errors`.
fn exception<'py>(py: Python<'py>, class: &str, text: &str) -> PyResult<Bound<'py, PyAny>> {
    PyModule::import(py, "curricle._errors")?.getattr(class)?.call1((text,))
}

/// What the operating system said, with the number, the text and the file that Python's own exceptions have.
fn of_file<'py>(py: Python<'py>, path: &Path, source: &Failure) -> PyResult<Bound<'py, PyAny>> {
    let number = match source.raw_os_error() {
        None if source.kind() == ErrorKind::IsADirectory => {
            Some(py.import("errno")?.getattr("EISDIR")?.extract()?)
        }
        number => number,
    };
    let text = match number {
        Some(number) => py.import("os")?.call_method1("strerror", (number,))?.extract()?,
        None => source.to_string(),
    };
    let class = PyModule::import(py, "curricle._errors")?.getattr("FileError")?;
    class.call1((number, text, path.to_string_lossy()))
}

/// The exception of an error.
pub fn raise(error: &Error) -> PyErr {
    raise_as(error, &error.to_string())
}

/// The exception of an error of something that has a name.
pub fn of(name: &str, error: &Error) -> PyErr {
    raise_as(error, &format!("{name}: {error}"))
}

fn raise_as(error: &Error, text: &str) -> PyErr {
    Python::attach(|py| {
        let made = match error {
            Error::Io { path, source, .. } => of_file(py, path, source),
            _ => exception(py, class(error), text),
        };
        match made.and_then(|made| fields(error, &made).map(|()| made)) {
            Ok(made) => PyErr::from_value(made),
            Err(failed) => failed,
        }
    })
}

/// The result of a call of the crate that is over: what an object of Python raised within it comes first, as itself, or
/// as the cause of what the crate says of an exchange. What is no `Exception`, such as an interrupt, is always itself.
pub fn raised<T>(result: curricle::Result<T>) -> PyResult<T> {
    match (own::take(), result) {
        (Some(cause), Err(error @ Error::Transport(_))) => Python::attach(|py| {
            if !cause.is_instance_of::<PyException>(py) {
                return Err(cause);
            }
            let made = raise(&error);
            made.set_cause(py, Some(cause));
            Err(made)
        }),
        (Some(raised), _) => Err(raised),
        (None, result) => result.map_err(|error| raise(&error)),
    }
}

fn other(py: Python<'_>, class: &str, text: &str) -> PyErr {
    exception(py, class, text).map_or_else(|failed| failed, PyErr::from_value)
}

/// An array has elements of another type than can be taken.
pub fn dtype(what: &str, expected: &str, array: &Bound<'_, PyUntypedArray>) -> PyErr {
    other(array.py(), "DtypeError", &format!("{what}: {expected} are expected, not {}", array.dtype()))
}

/// A list of whole numbers has a truth value at a place, which NumPy would take for one.
pub fn truth_value(py: Python<'_>, what: &str, place: usize) -> PyErr {
    other(
        py,
        "DtypeError",
        &format!("{what}: a whole number is expected at {place}, not a truth value"),
    )
}

/// An array has another number of dimensions than can be taken.
pub fn shape(py: Python<'_>, what: &str, expected: usize, found: usize) -> PyErr {
    let text = format!("{what}: an array of {expected} dimensions is expected, not of {found}");
    other(py, "ShapeError", &text)
}

/// An option is none of the names that there are.
pub fn option(py: Python<'_>, text: &str) -> PyErr {
    other(py, "ConfigError", text)
}
