//! What came of one input, and the wall that keeps a failure there.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::journal::{Action, Stage};
use crate::base::error::Error;
use crate::base::id::Ticket;

/// The answer to one input and how it came about.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Outcome<A, E> {
    /// The number of the input; it names it in [`Improver::verify`](super::Improver::verify) and in the
    /// journal.
    pub ticket: Ticket,
    /// What was done.
    pub action: Action,
    /// The answer. An error only if the model could not answer by itself either.
    pub answer: Result<A, Failure<E>>,
    /// The answer of the model as it is, if another was given and
    /// [`Options::paired`](super::Options::paired) is set.
    pub base: Option<A>,
    /// Why improving failed, if it did; the answer is then that of the model as it is.
    pub failure: Option<Failure<E>>,
}

/// What went wrong for one input.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure<E> {
    /// Where.
    pub stage: Stage,
    /// What.
    pub cause: Cause<E>,
}

/// The kinds of failure.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cause<E> {
    /// The model returned an error.
    Model(E),
    /// The model panicked, with this message.
    Panicked(String),
    /// The model gave numbers that cannot be used, or does not offer what an option needs.
    Refused(Error),
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = self.stage;
        match &self.cause {
            Cause::Model(error) => write!(f, "{stage:?}: {error}"),
            Cause::Panicked(message) => write!(f, "{stage:?} panicked: {message}"),
            Cause::Refused(error) => write!(f, "{stage:?}: {error}"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for Failure<E> {}

/// Calls a verb of the model, and turns a panic into a failure.
///
/// Catching is right here and only here: the model is the caller's code, one bad input must not take
/// the others with it, and what the panic may have left half done is undone by `restore`, which is
/// called after every failure. The loop's own state is not touched while a verb runs.
pub(super) fn guarded<T, E>(
    stage: Stage,
    verb: impl FnOnce() -> Result<T, E>,
) -> Result<T, Failure<E>> {
    let cause = match catch_unwind(AssertUnwindSafe(verb)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => Cause::Model(error),
        Err(payload) => {
            let text = payload.downcast_ref::<String>().cloned();
            let message = text.or_else(|| payload.downcast_ref::<&str>().map(|&text| text.to_owned()));
            Cause::Panicked(message.unwrap_or_default())
        }
    };
    Err(Failure { stage, cause })
}

/// A refusal by the loop itself.
pub(super) fn refused<E>(stage: Stage) -> impl Fn(Error) -> Failure<E> {
    move |error| Failure { stage, cause: Cause::Refused(error) }
}

/// What an option needs and the model may not offer.
pub(super) fn offered<T, E>(
    stage: Stage,
    request: &'static str,
    value: Option<T>,
) -> Result<T, Failure<E>> {
    value.ok_or_else(|| refused(stage)(Error::Unsupported { part: "Model", request }))
}
