//! The state of one attempt to improve.

use super::journal::{Entry, Why};
use super::outcome::Failure;
use crate::base::id::{Round, Ticket};
use crate::base::rng::{Purpose, Rng};

/// The random numbers of an input: always as many, so that no decision shifts those after it.
pub(super) struct Chance {
    pub(super) budget: f64,
    pub(super) explore: f64,
    pub(super) synthesis: u64,
    pub(super) agreement: u64,
}

impl Chance {
    pub(super) fn of(seed: u64, ticket: Ticket) -> Self {
        let mut rng = Rng::at(seed, Round(ticket.0), Purpose::TestTime);
        Self { budget: rng.unit(), explore: rng.unit(), synthesis: rng.bits(), agreement: rng.bits() }
    }
}

/// Why there is no improved answer.
pub(super) enum Stop<E> {
    Decided(Why),
    Failed(Failure<E>),
}

impl<E> From<Failure<E>> for Stop<E> {
    fn from(failure: Failure<E>) -> Self {
        Stop::Failed(failure)
    }
}

/// What one attempt has left behind for the time after it.
pub(super) struct Attempt<A> {
    pub(super) entry: Entry,
    /// The answer of the model as it is, if it has been asked.
    pub(super) base: Option<A>,
    /// Whether the weights may not be the model's own.
    pub(super) touched: bool,
}
