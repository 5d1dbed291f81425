//! The classes `Outcome` and `Failure`: what came of one input.

use curricle::test_time::self_improvement::{self, Action, Cause, Entry};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::{Choice, name};
use crate::error;

/// What went wrong for one input.
#[pyclass(frozen, module = "curricle.test_time")]
pub struct Failure {
    /// Where: the verb, or "budget".
    #[pyo3(get)]
    stage: String,
    /// What: the exception that the verb raised, with its traceback; or one of this package, if the verb gave something
    /// that cannot be used, or the model does not offer what an option needs.
    #[pyo3(get)]
    error: Py<PyAny>,
}

impl Failure {
    fn new(py: Python<'_>, failure: self_improvement::Failure<PyErr>) -> PyResult<Py<Self>> {
        let raised = match failure.cause {
            Cause::Model(raised) => raised,
            Cause::Refused(refused) => error::raise(&refused),
            Cause::Panicked(message) => PyRuntimeError::new_err(format!("panicked: {message}")),
            other => PyRuntimeError::new_err(format!("{other:?}")),
        };
        let error = raised.into_value(py).into_any();
        Py::new(py, Self { stage: name(&failure.stage), error })
    }
}

#[pymethods]
impl Failure {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let error = self.error.bind(py).repr()?;
        Ok(format!("<curricle.test_time.Failure at {}: {error}>", self.stage))
    }
}

/// What was done for an input, and why no more, and the cluster whose weights were taken.
pub fn of_action(action: Action) -> (String, Option<String>, Option<u64>) {
    match action {
        Action::Base(why) => (name(&action), Some(name(&why)), None),
        Action::Reused(cluster) => (name(&action), None, Some(cluster)),
        _ => (name(&action), None, None),
    }
}

/// The answer to one input, and how it came about.
#[pyclass(frozen, generic, module = "curricle.test_time")]
pub struct Outcome {
    /// The number of the input; it names it in `Improver.verify` and in the journal.
    #[pyo3(get)]
    ticket: u64,
    /// What was done: "base", answered by the model as it is; "adapted"; "reused", with what had been learned for its
    /// cluster; "demonstrated", with the pairs in view.
    #[pyo3(get)]
    action: String,
    /// Of "base", why: "certain", "capped", "not_worth_it", "switched_off", "too_few_samples", "held_out", "drift" or
    /// "failed".
    #[pyo3(get)]
    why: Option<String>,
    /// Of "reused": the number of the cluster.
    #[pyo3(get)]
    cluster: Option<u64>,
    /// One less the margin of the likeliest two answers; None if scoring failed.
    #[pyo3(get)]
    uncertainty: Option<f64>,
    /// What the budget made of it, if it was asked.
    #[pyo3(get)]
    choice: Option<Choice>,
    /// The answer of the model as it is, if another was given and `paired` is set.
    #[pyo3(get)]
    base: Option<Py<PyAny>>,
    /// Why improving failed, if it did; the answer is then that of the model as it is.
    #[pyo3(get)]
    failure: Option<Py<Failure>>,
    /// Why there is no answer, if the model could not answer by itself either.
    #[pyo3(get)]
    unanswered: Option<Py<Failure>>,
    given: Option<Py<PyAny>>,
}

impl Outcome {
    pub fn new(
        py: Python<'_>,
        outcome: self_improvement::Outcome<Bound<'_, PyAny>, PyErr>,
        entry: Option<&Entry>,
    ) -> PyResult<Self> {
        let (action, why, cluster) = of_action(outcome.action);
        let (given, unanswered) = match outcome.answer {
            Ok(answer) => (Some(answer.unbind()), None),
            Err(failure) => (None, Some(Failure::new(py, failure)?)),
        };
        Ok(Self {
            ticket: outcome.ticket.0,
            action,
            why,
            cluster,
            uncertainty: entry.and_then(|entry| entry.uncertainty),
            choice: entry.and_then(|entry| entry.choice).map(Choice::from),
            base: outcome.base.map(Bound::unbind),
            failure: outcome.failure.map(|failure| Failure::new(py, failure)).transpose()?,
            unanswered,
            given,
        })
    }
}

#[pymethods]
impl Outcome {
    /// The answer. Where there is none it raises what the model raised.
    #[getter]
    fn answer(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match (&self.given, &self.unanswered) {
            (Some(answer), _) => Ok(answer.clone_ref(py)),
            (None, Some(failure)) => Err(PyErr::from_value(failure.get().error.bind(py).clone())),
            (None, None) => Ok(py.None()),
        }
    }

    fn __repr__(&self) -> String {
        let why = self.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        format!("<curricle.test_time.Outcome {}: {}{why}>", self.ticket, self.action)
    }
}
