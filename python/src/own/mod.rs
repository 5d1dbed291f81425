//! Parts of a curriculum that are objects of Python: a policy, a signal, an exchange of ranks.
//!
//! The crate calls them without the interpreter and passes on errors of its own only: what Python raised is kept beside
//! until the call of the crate is over.

mod policy;
mod signal;

use std::any::Any;
use std::cell::RefCell;

use curricle::{Curriculum, Error, Fields, Policy, Signal};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error;

pub use policy::{OwnPolicy, Played};
pub use signal::{OwnSignal, Scored};

thread_local! {
    /// What Python raised within the present call of the crate, the first of several.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Keeps what Python raised.
pub fn keep(raised: PyErr) {
    RAISED.with_borrow_mut(|kept| {
        kept.get_or_insert(raised);
    });
}

/// What Python raised within the call of the crate that is over, if it did.
pub fn take() -> Option<PyErr> {
    RAISED.take()
}

/// The objects that a curriculum is made of, for the collector: what it does not hear of is not freed in a circle.
pub fn objects<P, S, D>(curriculum: &Curriculum<P, S, D>) -> Vec<&Py<PyAny>>
where
    P: Policy + 'static,
    S: Signal + 'static,
{
    let policy = (curriculum.policy() as &dyn Any).downcast_ref::<Played>();
    let signal = (curriculum.signal() as &dyn Any).downcast_ref::<Scored>();
    policy.and_then(Played::object).into_iter().chain(signal.and_then(Scored::object)).collect()
}

/// Calls Python; what it raises is kept, and the crate is told that a part could not do what was asked of it.
fn call<T>(
    part: &'static str,
    request: &'static str,
    work: impl FnOnce(Python<'_>) -> PyResult<T>,
) -> curricle::Result<T> {
    Python::attach(work).map_err(|raised| {
        keep(raised);
        Error::Unsupported { part, request }
    })
}

/// Whether an object has a method.
pub fn has(object: &Bound<'_, PyAny>, method: &str) -> PyResult<bool> {
    Ok(object.getattr_opt(method)?.is_some_and(|found| found.is_callable()))
}

/// Fields of an outcome, by name.
fn fields(names: &[String]) -> PyResult<Fields> {
    let read = |fields: Fields, name: &String| {
        let field = serde_json::from_value(serde_json::Value::String(name.clone()));
        let field: curricle::Field = field.map_err(|unknown| {
            Python::attach(|py| error::option(py, &format!("a field of an outcome: {unknown}")))
        })?;
        Ok(fields | field)
    };
    names.iter().try_fold(Fields::NONE, read)
}

/// Columns by name, as what Python gets.
struct Columns<'py>(Bound<'py, PyDict>);

impl<'py> Columns<'py> {
    fn new(py: Python<'py>) -> Self {
        Self(PyDict::new(py))
    }

    fn add<T: numpy::Element>(
        &self,
        name: &str,
        values: impl ExactSizeIterator<Item = T>,
    ) -> PyResult<()> {
        self.0.set_item(name, PyArray1::from_iter(self.0.py(), values))
    }

    /// A number that may be missing: NaN then.
    fn maybe<T: Into<f64>>(
        &self,
        name: &str,
        values: impl ExactSizeIterator<Item = Option<T>>,
    ) -> PyResult<()> {
        self.add(name, values.map(|value| value.map_or(f64::NAN, Into::into)))
    }
}
