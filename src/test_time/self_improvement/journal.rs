//! Every decision of the loop, in order.

use serde::{Deserialize, Serialize};

use super::gain_gate::Expectation;
use crate::base::error::{Error, Result};
use crate::base::id::Ticket;
use crate::base::metrics::Metrics;
use crate::test_time::budget::Choice;
use crate::test_time::calibration::McNemar;

/// What was done for an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Action {
    /// Answered by the model as it is.
    Base(Why),
    /// Answered after adapting to it.
    Adapted,
    /// Answered with what had been learned for this cluster.
    Reused(u64),
    /// Answered with the synthesised pairs in view.
    Demonstrated,
}

/// Why an input was answered by the model as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Why {
    /// The budget did not want an update.
    Certain,
    /// The budget wanted one and had none left.
    Capped,
    /// The gate did not expect it to be worth its cost.
    NotWorthIt,
    /// Adapting has been turned off.
    SwitchedOff,
    /// Too few synthesised pairs were accepted.
    TooFewSamples,
    /// The held-out pairs did not get better.
    HeldOut,
    /// The model drifted too far.
    Drift,
    /// Something failed.
    Failed(Stage),
}

/// A step of the loop, as the place of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is the verb of `Model` of that name, or says what it is")]
pub enum Stage {
    Candidates,
    Budget,
    Embedding,
    Load,
    Synthesise,
    Text,
    Accepts,
    Agreement,
    Loss,
    Relevance,
    Adapt,
    Drift,
    Store,
    Answer,
    Restore,
}

/// Whether answers turned out right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// The answer of the model as it is.
    pub base: bool,
    /// The answer that was given.
    pub given: bool,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Its number.
    pub ticket: Ticket,
    /// `1 - margin`; none if scoring failed.
    pub uncertainty: Option<f64>,
    /// What there is to learn for it, in nats, where the budget goes by that: see
    /// [`Options::by_lesson`](super::Options::by_lesson).
    pub lesson: Option<f64>,
    /// What the budget made of it.
    pub choice: Option<Choice>,
    /// Where it stands among what came before, in `[0, 1]`, 1 the most uncertain, or with the most to learn: one less
    /// its rank where the budget ranks, else what the budget saw, cut. What the gate goes by.
    pub standing: Option<f64>,
    /// What the gate expected.
    pub expected: Option<Expectation>,
    /// The probability, given the choice of the budget, of trying to improve: 1, 0, or the exploration
    /// rate.
    pub propensity: f64,
    /// Pairs synthesised.
    pub synthesised: u32,
    /// Pairs left by the filters.
    pub accepted: u32,
    /// Mean loss of the held-out pairs before and after adapting, in nats.
    pub held_out: Option<(f64, f64)>,
    /// Whether an update was paid for, be it kept or not.
    pub spent: bool,
    /// What was done.
    pub action: Action,
    /// What failed first, if anything did.
    pub failed: Option<Stage>,
    /// Whether it was right, once known.
    pub verified: Option<Verified>,
}

impl Entry {
    pub(super) fn new(ticket: Ticket) -> Self {
        Self {
            ticket,
            uncertainty: None,
            lesson: None,
            choice: None,
            standing: None,
            expected: None,
            propensity: 0.0,
            synthesised: 0,
            accepted: 0,
            held_out: None,
            spent: false,
            action: Action::Base(Why::Certain),
            failed: None,
            verified: None,
        }
    }

    /// Whether something other than the model as it is gave the answer.
    pub fn is_improved(&self) -> bool {
        !matches!(self.action, Action::Base(_))
    }
}

/// All decisions since the beginning, or since the journal was last taken.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    first: u64,
    entries: Vec<Entry>,
}

/// What a journal adds up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Summary {
    /// Inputs.
    pub inputs: u64,
    /// Inputs for which the budget wanted an update.
    pub wanted: u64,
    /// Updates paid for.
    pub spent: u64,
    /// Inputs answered otherwise than by the model as it is.
    pub improved: u64,
    /// Inputs at which something failed.
    pub failed: u64,
    /// Verified inputs.
    pub verified: u64,
    /// Verified inputs that went from wrong to right.
    pub fixed: u64,
    /// Verified inputs that went from right to wrong.
    pub harmed: u64,
}

impl Summary {
    pub(super) fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::default();
        let counts = [
            ("inputs", self.inputs),
            ("wanted", self.wanted),
            ("spent", self.spent),
            ("improved", self.improved),
            ("failed", self.failed),
            ("verified", self.verified),
            ("fixed", self.fixed),
            ("harmed", self.harmed),
        ];
        metrics.push_counts("self_improvement", counts);
        metrics
    }

    /// The p-value of [`McNemar`]'s test of the fixed and the harmed, for inputs that are independent of each other; `None`
    /// where no input was verified, so that nothing is known of either.
    pub fn p_value(&self) -> Option<f64> {
        (self.verified > 0).then(|| McNemar::from_counts(self.fixed, self.harmed).p)
    }
}

impl Journal {
    /// The entries, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The journal as bytes (postcard): equal for equal decisions.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it cannot be written, which plain values can.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(self)
            .map_err(|_| Error::Unsupported { part: "journal", request: "serialise" })
    }

    /// What it adds up to.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for entry in &self.entries {
            summary.inputs += 1;
            summary.wanted += u64::from(entry.choice.is_some_and(|choice| choice.wanted));
            summary.spent += u64::from(entry.spent);
            summary.improved += u64::from(entry.is_improved());
            summary.failed += u64::from(entry.failed.is_some());
            if let Some(Verified { base, given }) = entry.verified {
                summary.verified += 1;
                summary.fixed += u64::from(!base && given);
                summary.harmed += u64::from(base && !given);
            }
        }
        summary
    }

    pub(super) fn next(&self) -> Ticket {
        Ticket(self.first + self.entries.len() as u64)
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    pub(super) fn entry(&mut self, ticket: Ticket) -> Result<&mut Entry> {
        let place = ticket.0.checked_sub(self.first).map(|place| place as usize);
        place.and_then(|place| self.entries.get_mut(place)).ok_or(Error::UnknownTicket(ticket))
    }

    /// Leaves an empty journal that goes on counting.
    pub(super) fn take(&mut self) -> Journal {
        let rest = Journal { first: self.next().0, entries: Vec::new() };
        std::mem::replace(self, rest)
    }
}
