//! A model that is an object of Python.

use std::cell::RefCell;

use curricle::signal::uncertainty::Candidate;
use curricle::test_time::self_improvement::Model;
use curricle::{Error, Result};
use pyo3::call::PyCallArgs;
use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::arrays;

/// What every model has; the other verbs may be absent.
const REQUIRED: [&str; 5] = ["candidates", "synthesise", "adapt", "restore", "answer"];

/// What was raised that is no failure of a verb, but a request to end: `KeyboardInterrupt`, `SystemExit`, and all else
/// that is no `Exception`. From then on the model is restored, and asked for nothing.
#[derive(Default)]
pub struct Ended(RefCell<Option<PyErr>>);

impl Ended {
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        self.0.borrow().as_ref().map_or(Ok(()), |raised| Err(raised.clone_ref(py)))
    }

    fn watched<T>(&self, py: Python<'_>, result: PyResult<T>) -> PyResult<T> {
        result.inspect_err(|raised| {
            if !raised.is_instance_of::<PyException>(py) {
                self.0.borrow_mut().get_or_insert(raised.clone_ref(py));
            }
        })
    }

    /// The request, if there was one.
    pub fn into_inner(self) -> Option<PyErr> {
        self.0.into_inner()
    }
}

/// A model, for the time of one answer. The interpreter is held all the while.
pub struct Given<'a, 'py> {
    object: Bound<'py, PyAny>,
    ended: &'a Ended,
}

/// A callable attribute.
fn verb<'py>(object: &Bound<'py, PyAny>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(object.getattr_opt(name)?.filter(|found| found.is_callable()))
}

/// What a verb returned, read; another type is said to be of this verb.
fn read<'py, T>(
    name: &str,
    expected: &str,
    made: &Bound<'py, PyAny>,
    reader: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<T>,
) -> PyResult<T> {
    let py = made.py();
    reader(made).map_err(|cause| {
        if !cause.is_instance_of::<PyTypeError>(py) {
            return cause;
        }
        let class = made.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
        let refused = PyTypeError::new_err(format!("{name}: {expected} expected, not {class}"));
        refused.set_cause(py, Some(cause));
        refused
    })
}

/// Training pairs, no more than were asked for.
fn pairs<'py>(name: &str, made: &Bound<'py, PyAny>, count: usize) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let pairs = read(name, "a list of training pairs is", made, |made| made.try_iter())?;
    pairs.take(count).collect()
}

/// Candidates: `(key, negative log-likelihood)`, or with the number of tokens as well.
fn candidates(made: &Bound<'_, PyAny>) -> PyResult<Vec<Candidate<String>>> {
    let name = "candidates";
    let given = read(name, "a list of candidates is", made, |made| made.try_iter())?;
    let expected = "a key and a negative log-likelihood are";
    given.map(|it| read(name, expected, &it?, candidate)).collect()
}

fn candidate(given: &Bound<'_, PyAny>) -> PyResult<Candidate<String>> {
    let parts = given.try_iter()?.collect::<PyResult<Vec<_>>>()?;
    match &parts[..] {
        [key, nll] => Ok(Candidate::new(key.extract::<String>()?, nll.extract()?)),
        [key, nll, tokens] => {
            Ok(Candidate::new(key.extract::<String>()?, nll.extract()?).tokens(tokens.extract()?))
        }
        _ => Err(PyTypeError::new_err(format!("a candidate has 2 or 3 parts, not {}", parts.len()))),
    }
}

/// What may be None, which means that it is not offered.
fn unless_none<'py, T>(
    made: &Bound<'py, PyAny>,
    reader: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<T>,
) -> PyResult<Option<T>> {
    if made.is_none() { Ok(None) } else { reader(made).map(Some) }
}

/// Whoever makes up pairs in the place of the model.
pub fn taught<'py>(
    teacher: &Bound<'py, PyAny>,
    ended: &Ended,
    (input, count, seed): (&Bound<'py, PyAny>, usize, u64),
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let made = teacher.call1((input, count, seed));
    ended.watched(teacher.py(), made.and_then(|made| pairs("teacher", &made, count)))
}

impl<'a, 'py> Given<'a, 'py> {
    /// # Errors
    /// `UnsupportedError` if one of the five verbs is absent; with a teacher the model need not synthesise.
    pub fn new(object: Bound<'py, PyAny>, taught: bool, ended: &'a Ended) -> PyResult<Result<Self>> {
        for name in REQUIRED.into_iter().filter(|&name| !(taught && name == "synthesise")) {
            if verb(&object, name)?.is_none() {
                return Ok(Err(Error::Unsupported { part: "Model", request: name }));
            }
        }
        Ok(Ok(Self { object, ended }))
    }

    /// Calls a verb and reads what it returned.
    fn ask<T>(
        &self,
        name: &str,
        args: impl PyCallArgs<'py>,
        reader: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<T>,
    ) -> PyResult<T> {
        let py = self.object.py();
        self.ended.check(py)?;
        let asked = || reader(&self.object.call_method1(name, args)?);
        self.ended.watched(py, asked())
    }

    /// The same of a verb that may be absent.
    fn ask_for<T>(
        &self,
        name: &str,
        args: impl PyCallArgs<'py>,
        reader: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<T>,
    ) -> PyResult<Option<T>> {
        let py = self.object.py();
        self.ended.check(py)?;
        let asked = || {
            let Some(verb) = verb(&self.object, name)? else { return Ok(None) };
            reader(&verb.call1(args)?).map(Some)
        };
        self.ended.watched(py, asked())
    }

    fn number(&self, name: &str, args: impl PyCallArgs<'py>) -> PyResult<Option<f64>> {
        let number = |made: &_| read(name, "a number is", made, |made| made.extract());
        Ok(self.ask_for(name, args, |made| unless_none(made, number))?.flatten())
    }
}

impl<'py> Model for Given<'_, 'py> {
    type Input = Bound<'py, PyAny>;
    type Sample = Bound<'py, PyAny>;
    type Answer = Bound<'py, PyAny>;
    type Error = PyErr;

    fn candidates(&mut self, input: &Self::Input) -> PyResult<Vec<Candidate<String>>> {
        self.ask("candidates", (input,), candidates)
    }

    fn synthesise(
        &mut self,
        input: &Self::Input,
        count: usize,
        seed: u64,
    ) -> PyResult<Vec<Self::Sample>> {
        self.ask("synthesise", (input, count, seed), |made| pairs("synthesise", made, count))
    }

    fn adapt(&mut self, samples: &[Self::Sample]) -> PyResult<()> {
        self.ask("adapt", (PyList::new(self.object.py(), samples)?,), |_| Ok(()))
    }

    /// Also where the end is asked for.
    fn restore(&mut self) -> PyResult<()> {
        let restored = self.object.call_method0("restore").map(drop);
        self.ended.watched(self.object.py(), restored)
    }

    fn answer(
        &mut self,
        input: &Self::Input,
        demonstrations: &[Self::Sample],
    ) -> PyResult<Self::Answer> {
        let shown = PyList::new(self.object.py(), demonstrations)?;
        self.ask("answer", (input, shown), |made| Ok(made.clone()))
    }

    fn accepts(&mut self, input: &Self::Input, sample: &Self::Sample) -> PyResult<bool> {
        let accepted = self.ask_for("accepts", (input, sample), |made| {
            // A verifier that forgets to return is not one that refuses.
            let said = unless_none(made, |made| made.is_truthy())?;
            said.ok_or_else(|| PyTypeError::new_err("accepts: True or False is expected, not None"))
        })?;
        Ok(accepted.unwrap_or(true))
    }

    fn text(&mut self, sample: &Self::Sample) -> PyResult<Option<String>> {
        let text = |made: &_| read("text", "a text is", made, |made: &Bound<'_, _>| made.extract());
        Ok(self.ask_for("text", (sample,), |made| unless_none(made, text))?.flatten())
    }

    fn agreement(&mut self, sample: &Self::Sample, answers: usize, seed: u64) -> PyResult<Option<f64>> {
        self.number("agreement", (sample, answers, seed))
    }

    fn loss(&mut self, sample: &Self::Sample) -> PyResult<Option<f64>> {
        self.number("loss", (sample,))
    }

    fn relevance(&mut self, input: &Self::Input, sample: &Self::Sample) -> PyResult<Option<f64>> {
        self.number("relevance", (input, sample))
    }

    fn drift(&mut self) -> PyResult<Option<f64>> {
        self.number("drift", ())
    }

    fn embedding(&mut self, input: &Self::Input) -> PyResult<Option<Vec<f32>>> {
        let vector = |made: &_| {
            Ok(arrays::doubles("embedding", made)?.into_iter().map(|it| it as f32).collect())
        };
        Ok(self.ask_for("embedding", (input,), |made| unless_none(made, vector))?.flatten())
    }

    fn store(&mut self, cluster: u64) -> PyResult<()> {
        self.ask_for("store", (cluster,), |_| Ok(())).map(drop)
    }

    fn load(&mut self, cluster: u64) -> PyResult<bool> {
        Ok(self.ask_for("load", (cluster,), |made| made.is_truthy())?.unwrap_or(false))
    }
}
