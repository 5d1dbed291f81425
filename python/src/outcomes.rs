//! What a trainer saw, from arrays: one outcome for each ticket.

use curricle::{Error, Feedback, Group, Normalisation, Outcome, Ticket};
use numpy::PyArray1;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::arrays::{self, Rows};
use crate::error;

/// Feedback for those tickets whose group could be reduced, and what was wrong with the others.
pub struct Reported {
    pub feedback: Vec<Feedback>,
    /// By position in what was handed over.
    pub refused: Vec<(usize, Error)>,
    /// How many were handed over.
    pub len: usize,
}

/// The rewards of groups, and how they are reduced.
#[derive(Default)]
struct Groups {
    rewards: Option<Rows>,
    successes: Option<Rows>,
    /// The success of each group, where it is said beside the rewards.
    success: Option<Vec<f32>>,
    normalisation: Normalisation,
}

impl Groups {
    /// The outcome of a group.
    fn outcome(&self, rewards: &Rows, row: usize) -> Result<Outcome, Error> {
        let rewards = rewards.get(row);
        let group = Group::new(rewards).normalisation(self.normalisation);
        match (&self.successes, &self.success) {
            (Some(successes), _) => group.successes(successes.get(row)).outcome(),
            // The mean of one success, so often, is that success.
            (None, Some(success)) => group.successes(&vec![success[row]; rewards.len()]).outcome(),
            (None, None) => group.outcome(),
        }
    }

    /// The outcome of each group, or what is wrong with it.
    fn outcomes(&self, len: usize) -> PyResult<Vec<Result<Outcome, Error>>> {
        let Some(rewards) = &self.rewards else {
            return match &self.successes {
                Some(_) => {
                    Err(PyTypeError::new_err("`successes` belong to `rewards`, which are not given"))
                }
                None => Ok(vec![Ok(Outcome::default()); len]),
            };
        };
        for (what, rows) in [("rewards", Some(rewards)), ("successes", self.successes.as_ref())] {
            if let Some(found) = rows.map(Rows::len).filter(|&found| found != len) {
                return Err(error::raise(&Error::Length { what, expected: len, found }));
            }
        }
        Ok((0..len).map(|row| self.outcome(rewards, row)).collect())
    }
}

/// How advantages are normalised, by name.
fn normalisation(name: &Bound<'_, PyAny>) -> PyResult<Normalisation> {
    match name.cast::<PyString>()?.to_string().as_str() {
        "deviation" => Ok(Normalisation::Deviation),
        "none" => Ok(Normalisation::None),
        other => {
            let text = format!("normalisation: `deviation` or `none` is expected, not `{other}`");
            Err(error::option(name.py(), &text))
        }
    }
}

/// Sets a field of each outcome.
fn set<T: Copy>(
    outcomes: &mut [Result<Outcome, Error>],
    values: Vec<T>,
    field: impl Fn(&mut Outcome, T),
) {
    for (outcome, value) in outcomes.iter_mut().zip(values) {
        if let Ok(outcome) = outcome {
            field(outcome, value);
        }
    }
}

/// The outcomes that keyword arguments describe, for so many tickets.
fn outcomes(len: usize, fields: Option<&Bound<'_, PyDict>>) -> PyResult<Vec<Result<Outcome, Error>>> {
    let given = |name: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
        let value = fields.map(|fields| fields.get_item(name)).transpose()?.flatten();
        Ok(value.filter(|value| !value.is_none()))
    };
    let real = |what: &'static str| -> PyResult<Option<Vec<f32>>> {
        given(what)?.map(|value| arrays::column(what, &value)?.of(what, len)).transpose()
    };
    let count = |what: &'static str| -> PyResult<Option<Vec<u32>>> {
        given(what)?.map(|value| arrays::counts(what, &value)?.of(what, len)).transpose()
    };
    let rows = |what: &'static str| given(what)?.map(|value| Rows::new(what, &value)).transpose();
    let success = real("success")?;
    let groups = Groups {
        rewards: rows("rewards")?,
        successes: rows("successes")?,
        normalisation: given("normalisation")?
            .map_or(Ok(Normalisation::default()), |it| normalisation(&it))?,
        success: success.clone(),
    };
    let mut outcomes = groups.outcomes(len)?;
    let outcomes_of = &mut outcomes[..];
    if let Some(values) = success {
        set(outcomes_of, values, |outcome, value| outcome.success = Some(value));
    }
    let reals: [(_, fn(&mut Outcome, f32)); 6] = [
        ("loss", |outcome, value| outcome.loss = Some(value)),
        ("abs_advantage", |outcome, value| outcome.abs_advantage = Some(value)),
        ("spread", |outcome, value| outcome.spread = Some(value)),
        ("range", |outcome, value| outcome.range = Some(value)),
        ("utility", |outcome, value| outcome.utility = Some(value)),
        ("cost", |outcome, value| outcome.cost = Some(value)),
    ];
    let counts: [(_, fn(&mut Outcome, u32)); 3] = [
        ("nonzero_advantages", |outcome, value| outcome.nonzero_advantages = Some(value)),
        ("rollouts", |outcome, value| outcome.rollouts = value),
        ("unscored", |outcome, value| outcome.unscored = value),
    ];
    for (what, field) in reals {
        if let Some(values) = real(what)? {
            set(outcomes_of, values, field);
        }
    }
    for (what, field) in counts {
        if let Some(values) = count(what)? {
            set(outcomes_of, values, field);
        }
    }
    let others = ["success", "rewards", "successes", "normalisation"];
    let is_known = |name: &str| {
        let mut names = reals.iter().map(|(what, _)| *what).chain(counts.iter().map(|(what, _)| *what));
        others.contains(&name) || names.any(|what| what == name)
    };
    for name in fields.into_iter().flat_map(|fields| fields.keys()) {
        let name = name.to_string();
        if !is_known(&name) {
            return Err(PyTypeError::new_err(format!("an outcome has no field `{name}`")));
        }
    }
    Ok(outcomes)
}

impl Reported {
    /// Reads the arrays of a report.
    pub fn new(tickets: &Bound<'_, PyAny>, fields: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let tickets = arrays::numbers("tickets", tickets)?;
        let (mut feedback, mut refused) = (Vec::with_capacity(tickets.len()), Vec::new());
        let outcomes = outcomes(tickets.len(), fields)?.into_iter();
        for (place, (&ticket, outcome)) in tickets.iter().zip(outcomes).enumerate() {
            match outcome {
                Ok(outcome) => feedback.push(Feedback::new(Ticket(ticket), outcome)),
                Err(error) => refused.push((place, error)),
            }
        }
        Ok(Self { feedback, refused, len: tickets.len() })
    }

    /// Puts the results of the feedback and what was refused before them into the order of the tickets.
    pub fn results<T>(self, results: Vec<Result<T, Error>>) -> Vec<Result<T, Error>> {
        let (mut refused, mut results) = (self.refused.into_iter().peekable(), results.into_iter());
        let next = |place| match refused.next_if(|(refused, _)| *refused == place) {
            Some((_, error)) => Some(Err(error)),
            None => results.next(),
        };
        (0..self.len).filter_map(next).collect()
    }
}

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
    let outcomes: Result<Vec<Outcome>, Error> = groups.outcomes(len)?.into_iter().collect();
    let outcomes = error::raised(outcomes)?;
    let made = PyDict::new(py);
    let reals: [(_, fn(&Outcome) -> Option<f32>); 4] = [
        ("success", |outcome| outcome.success),
        ("abs_advantage", |outcome| outcome.abs_advantage),
        ("spread", |outcome| outcome.spread),
        ("range", |outcome| outcome.range),
    ];
    for (name, field) in reals {
        let values: Vec<f32> = outcomes.iter().filter_map(field).collect();
        made.set_item(name, PyArray1::from_vec(py, values))?;
    }
    let counts: [(_, fn(&Outcome) -> u32); 3] = [
        ("nonzero_advantages", |outcome| outcome.nonzero_advantages.unwrap_or(0)),
        ("rollouts", |outcome| outcome.rollouts),
        ("unscored", |outcome| outcome.unscored),
    ];
    for (name, field) in counts {
        made.set_item(name, PyArray1::from_iter(py, outcomes.iter().map(field)))?;
    }
    Ok(made)
}
