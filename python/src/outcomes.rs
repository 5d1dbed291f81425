//! What a trainer saw, from arrays: one outcome for each ticket.

use curricle::{Error, Feedback, Group, Normalisation, Outcome, Ticket};
use numpy::PyArray1;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::arrays::{self, Column, Part, Rows};
use crate::error;

/// Feedback for tickets, and what was wrong with those whose group could not be reduced, by position: their feedback is
/// none that can be taken in, so that they are looked up and counted as all others that are refused.
pub struct Reported {
    pub feedback: Vec<Feedback>,
    pub refused: Vec<(usize, Error)>,
}

/// A keyword argument of a report.
#[derive(Clone, Copy)]
enum Argument {
    Rewards,
    Successes,
    Normalisation,
    Success,
    Real(Setter<f32>),
    Count(Setter<u32>),
}

/// Sets one field of some outcomes.
type Setter<T> = fn(&mut [Feedback], Part<'_, T>);

/// Sets a field of each outcome: in a loop of its own, as a call for each outcome takes longer than all else.
fn set<T: Copy>(feedback: &mut [Feedback], values: Part<'_, T>, field: impl Fn(&mut Outcome, T)) {
    let outcomes = feedback.iter_mut().map(|feedback| &mut feedback.outcome);
    match values {
        Part::One(value) => outcomes.for_each(|outcome| field(outcome, value)),
        Part::Each(values) => {
            outcomes.zip(values).for_each(|(outcome, value)| field(outcome, *value));
        }
    }
}

/// A field that is given by name.
enum Given {
    Real(Setter<f32>, Column<f32>),
    Count(Setter<u32>, Column<u32>),
}

impl Given {
    /// Sets it in outcomes, of which the first has this place among all.
    fn set(&self, feedback: &mut [Feedback], from: usize) {
        let len = feedback.len();
        match self {
            Self::Real(set, column) => set(feedback, column.part(from, len)),
            Self::Count(set, column) => set(feedback, column.part(from, len)),
        }
    }
}

/// How many outcomes are made at a time: so many stay in the nearest cache until all of their fields are set.
const BLOCK: usize = 64;

/// Feedback with the fields that are given.
fn filled(tickets: &[u64], fields: &[Given]) -> Vec<Feedback> {
    let mut feedback = Vec::with_capacity(tickets.len());
    for block in tickets.chunks(BLOCK) {
        let from = feedback.len();
        let blank = |&ticket: &u64| Feedback::new(Ticket(ticket), Outcome::default());
        feedback.extend(block.iter().map(blank));
        fields.iter().for_each(|field| field.set(&mut feedback[from..], from));
    }
    feedback
}

/// The setter of a field of outcomes: of one that may be absent, or of a number.
macro_rules! setter {
    (Some $field:ident) => {
        |feedback, column| set(feedback, column, |outcome, value| outcome.$field = Some(value))
    };
    ($field:ident) => {
        |feedback, column| set(feedback, column, |outcome, value| outcome.$field = value)
    };
}

const ARGUMENTS: [(&str, Argument); 13] = [
    ("success", Argument::Success),
    ("rewards", Argument::Rewards),
    ("successes", Argument::Successes),
    ("normalisation", Argument::Normalisation),
    ("rollouts", Argument::Count(setter!(rollouts))),
    ("unscored", Argument::Count(setter!(unscored))),
    ("nonzero_advantages", Argument::Count(setter!(Some nonzero_advantages))),
    ("loss", Argument::Real(setter!(Some loss))),
    ("abs_advantage", Argument::Real(setter!(Some abs_advantage))),
    ("spread", Argument::Real(setter!(Some spread))),
    ("range", Argument::Real(setter!(Some range))),
    ("utility", Argument::Real(setter!(Some utility))),
    ("cost", Argument::Real(setter!(Some cost))),
];

/// The rewards of groups, and how they are reduced.
#[derive(Default)]
struct Groups {
    rewards: Option<Rows>,
    successes: Option<Rows>,
    /// The success of each group, where it is said beside the rewards.
    success: Option<Column<f32>>,
    normalisation: Normalisation,
}

impl Groups {
    /// Checks that there are as many rows as tickets.
    fn check(&self, expected: usize) -> PyResult<()> {
        if self.rewards.is_none() && self.successes.is_some() {
            return Err(PyTypeError::new_err("`successes` belong to `rewards`, which are not given"));
        }
        for (what, rows) in [("rewards", &self.rewards), ("successes", &self.successes)] {
            if let Some(found) = rows.as_ref().map(Rows::len).filter(|&found| found != expected) {
                return Err(error::raise(&Error::Length { what, expected, found }));
            }
        }
        Ok(())
    }

    /// The outcome of the group of a ticket.
    fn reported(&self, rewards: &Rows, row: usize, ticket: u64) -> Result<Outcome, Error> {
        let success = self.success.as_ref().map_or(0.0, |success| success.get(row));
        if success.is_finite() {
            return self.outcome(rewards, row);
        }
        Err(Error::NonFinite { what: "success", index: ticket, value: f64::from(success) })
    }

    /// The outcome of a group.
    fn outcome(&self, rewards: &Rows, row: usize) -> Result<Outcome, Error> {
        let rewards = rewards.get(row);
        let group = Group::new(rewards).normalisation(self.normalisation);
        match (&self.successes, &self.success) {
            (Some(successes), _) => group.successes(successes.get(row)).outcome(),
            // The mean of one success, so often, is that success.
            (None, Some(success)) => group.successes(&vec![success.get(row); rewards.len()]).outcome(),
            (None, None) => group.outcome(),
        }
    }
}

/// How advantages are normalised, by name.
fn normalisation(name: &Bound<'_, PyAny>) -> PyResult<Normalisation> {
    match name.cast::<PyString>()?.to_str()? {
        "deviation" => Ok(Normalisation::Deviation),
        "none" => Ok(Normalisation::None),
        other => {
            let text = format!("normalisation: `deviation` or `none` is expected, not `{other}`");
            Err(error::option(name.py(), &text))
        }
    }
}

impl Reported {
    /// Reads the arrays of a report.
    pub fn new(tickets: &Bound<'_, PyAny>, arguments: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let tickets = arrays::numbers("tickets", tickets)?;
        let len = tickets.len();
        let (mut groups, mut success, mut fields) = (Groups::default(), None, Vec::new());
        for (name, value) in arguments.into_iter().flatten() {
            let name = name.cast::<PyString>()?;
            let known =
                ARGUMENTS.iter().find(|(known, _)| name.to_str().is_ok_and(|name| name == *known));
            let Some(&(what, argument)) = known else {
                return Err(PyTypeError::new_err(format!("an outcome has no field `{name}`")));
            };
            if value.is_none() {
                continue;
            }
            match argument {
                Argument::Rewards => groups.rewards = Some(Rows::new(what, &value)?),
                Argument::Successes => groups.successes = Some(Rows::new(what, &value)?),
                Argument::Normalisation => groups.normalisation = normalisation(&value)?,
                Argument::Success => success = Some(arrays::column(what, &value)?.sized(what, len)?),
                Argument::Real(set) => {
                    fields.push(Given::Real(set, arrays::column(what, &value)?.sized(what, len)?));
                }
                Argument::Count(set) => {
                    fields.push(Given::Count(set, arrays::counts(what, &value)?.sized(what, len)?));
                }
            }
        }
        groups.check(len)?;
        let Some(rewards) = groups.rewards.take() else {
            fields.extend(success.map(|success| Given::Real(setter!(Some success), success)));
            return Ok(Self { feedback: filled(&tickets, &fields), refused: Vec::new() });
        };
        groups.success = success;
        let mut refused = Vec::new();
        let reduced = |(row, ticket)| {
            let outcome = groups.reported(&rewards, row, ticket);
            Feedback::new(
                Ticket(ticket),
                outcome.unwrap_or_else(|error| {
                    refused.push((row, error));
                    Outcome::default()
                }),
            )
        };
        let mut feedback: Vec<Feedback> = tickets.into_iter().enumerate().map(reduced).collect();
        // What is given by name stands.
        fields.extend(groups.success.map(|success| Given::Real(setter!(Some success), success)));
        fields.iter().for_each(|field| field.set(&mut feedback, 0));
        for (place, _) in &refused {
            feedback[*place].outcome.success = Some(f32::NAN);
        }
        Ok(Self { feedback, refused })
    }

    /// The results of the feedback, with what was wrong with a group where its ticket is good.
    pub fn results<T>(self, mut results: Vec<Result<T, Error>>) -> Vec<Result<T, Error>> {
        for (place, error) in self.refused {
            let is_of_ticket = |seen: &Error| {
                use Error::{LateTicket, RepeatedTicket, UnknownTicket};
                matches!(seen, UnknownTicket(_) | RepeatedTicket(_) | LateTicket(_))
            };
            if !results[place].as_ref().is_err_and(is_of_ticket) {
                results[place] = Err(error);
            }
        }
        results
    }
}

/// The name of a field, and how it is read.
type Field<T> = (&'static str, fn(&Outcome) -> T);

/// The fields of the outcomes of groups, as arrays: what `observe` makes of `rewards` and reports.
///
/// A reward that is NaN stands for a rollout that could not be scored.
///
/// >>> from curricle import outcomes_of_groups
/// >>> fields = outcomes_of_groups([[1.0, 0.0, 0.0, 0.0], [1.0, float("nan"), 1.0]])
/// >>> fields["success"], fields["rollouts"]
/// (array([0.25, 1.  ], dtype=float32), array([4, 2], dtype=uint32))
///
/// Raises `UnscoredError` for a group of which nothing could be scored, `NonFiniteError` for an infinite reward,
/// `OutOfRangeError` for a success outside [0, 1], and `LengthError` for another number of successes.
#[pyfunction]
#[pyo3(signature = (rewards, *, successes = None, normalisation = "deviation"))]
pub fn outcomes_of_groups<'py>(
    rewards: &Bound<'py, PyAny>,
    successes: Option<&Bound<'py, PyAny>>,
    normalisation: &str,
) -> PyResult<Bound<'py, PyDict>> {
    let py = rewards.py();
    let normalisation = self::normalisation(PyString::new(py, normalisation).as_any())?;
    let successes = successes.map(|value| Rows::new("successes", value)).transpose()?;
    let rewards = Rows::new("rewards", rewards)?;
    let len = rewards.len();
    let groups = Groups { rewards: Some(rewards), successes, success: None, normalisation };
    groups.check(len)?;
    let outcomes: Result<Vec<Outcome>, Error> = match &groups.rewards {
        Some(rewards) => (0..len).map(|row| groups.outcome(rewards, row)).collect(),
        None => Ok(Vec::new()),
    };
    let outcomes = error::raised(outcomes)?;
    let made = PyDict::new(py);
    let reals: [Field<Option<f32>>; 4] = [
        ("success", |outcome| outcome.success),
        ("abs_advantage", |outcome| outcome.abs_advantage),
        ("spread", |outcome| outcome.spread),
        ("range", |outcome| outcome.range),
    ];
    for (name, field) in reals {
        let values: Vec<f32> = outcomes.iter().filter_map(field).collect();
        made.set_item(name, PyArray1::from_vec(py, values))?;
    }
    let counts: [Field<u32>; 3] = [
        ("nonzero_advantages", |outcome| outcome.nonzero_advantages.unwrap_or(0)),
        ("rollouts", |outcome| outcome.rollouts),
        ("unscored", |outcome| outcome.unscored),
    ];
    for (name, field) in counts {
        made.set_item(name, PyArray1::from_iter(py, outcomes.iter().map(field)))?;
    }
    Ok(made)
}
