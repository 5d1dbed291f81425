//! The options of the loop, by name.

use curricle::signal::uncertainty::PerLength;
use curricle::test_time::self_improvement::{GainGate, NearDuplicates, Options, Switch, Variant};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::error::{self, raised};

const NAMES: [&str; 15] = [
    "seed",
    "variant",
    "samples",
    "per_length",
    "by_lesson",
    "duplicates",
    "seen",
    "agreement",
    "loss_band",
    "hold_out",
    "drift",
    "clusters",
    "gate",
    "switch",
    "paired",
];

/// The published options, changed by keywords. None is as if a keyword were absent.
pub fn read(given: &Bound<'_, PyDict>) -> PyResult<Options> {
    let mut options = Options::paper();
    for (name, value) in given.iter() {
        let name: String = name.extract()?;
        if !NAMES.contains(&name.as_str()) {
            let text = format!("options: {} are known, not `{name}`", NAMES.join(", "));
            return Err(refused(given.py(), &name, &text));
        }
        if !value.is_none() {
            options = with(options, &name, &value)?;
        }
    }
    Ok(options)
}

/// The options with one of them set.
fn with(options: Options, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Options> {
    let option = Given { name, value };
    Ok(match name {
        "seed" => options.seed(option.read("a number of 64 bits is")?),
        "variant" => options.variant(option.variant()?),
        "samples" => options.samples(option.read("a number of pairs is")?),
        "per_length" => options.per_length(option.per_length()?),
        "by_lesson" if option.is_set()? => options.by_lesson(),
        "duplicates" => options.duplicates(option.read("a similarity is")?),
        "seen" => {
            let (similarity, texts) = option.one_or_pair("similarity, or (similarity, texts), is")?;
            let seen = raised(NearDuplicates::new(similarity))?;
            options.seen(match texts {
                Some(texts) => seen.capacity(texts),
                None => seen,
            })
        }
        "agreement" => {
            let (answers, least) = option.pair("(answers, least share) is")?;
            options.agreement(answers, least)
        }
        "loss_band" => {
            let (low, high) = option.pair("(low, high) is")?;
            options.loss_band(low, high)
        }
        "hold_out" => {
            let (pairs, least) = option.one_or_pair("a number of pairs, or (pairs, least fall), is")?;
            options.hold_out(pairs, least.unwrap_or(0.0))
        }
        "drift" => options.drift(option.read("a number of nats is")?),
        "clusters" => {
            let (cosine, clusters) = option.pair("(cosine, clusters) is")?;
            options.clusters(cosine, clusters)
        }
        "gate" => {
            let (cost, exploration) = option.pair("(cost, exploration) is")?;
            options.gate(raised(GainGate::new(cost, exploration))?)
        }
        "switch" => {
            let alpha = option.read("a probability is")?;
            options.switch(raised(Switch::new(alpha))?)
        }
        "paired" if option.is_set()? => options.paired(),
        // What is set to False.
        _ => options,
    })
}

fn refused(py: Python<'_>, path: &str, text: &str) -> PyErr {
    let refused = error::option(py, text);
    let named = refused.value(py).setattr("path", path);
    named.map_or_else(|failed| failed, |()| refused)
}

/// One keyword.
struct Given<'a, 'py> {
    name: &'a str,
    value: &'a Bound<'py, PyAny>,
}

impl<'py> Given<'_, 'py> {
    fn refuse(&self, expected: &str) -> PyErr {
        let value = self.value.repr().map_or_else(|_| "another".to_owned(), |text| text.to_string());
        refused(self.value.py(), self.name, &format!("{}: {expected} expected, not {value}", self.name))
    }

    fn read<T>(&self, expected: &str) -> PyResult<T>
    where
        T: for<'a> FromPyObject<'a, 'py>,
    {
        self.value.extract::<T>().map_err(|_| self.refuse(expected))
    }

    /// A tuple or a list of two.
    fn two<A, B>(&self) -> PyResult<(A, B)>
    where
        A: for<'a> FromPyObject<'a, 'py, Error: Into<PyErr>>,
        B: for<'a> FromPyObject<'a, 'py, Error: Into<PyErr>>,
    {
        if self.value.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err("a text"));
        }
        let parts = self.value.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        let [first, second] = &parts[..] else { return Err(PyValueError::new_err("not two")) };
        Ok((first.extract::<A>().map_err(Into::into)?, second.extract::<B>().map_err(Into::into)?))
    }

    fn pair<A, B>(&self, expected: &str) -> PyResult<(A, B)>
    where
        A: for<'a> FromPyObject<'a, 'py, Error: Into<PyErr>>,
        B: for<'a> FromPyObject<'a, 'py, Error: Into<PyErr>>,
    {
        self.two().map_err(|_| self.refuse(expected))
    }

    fn one_or_pair<A, B>(&self, expected: &str) -> PyResult<(A, Option<B>)>
    where
        A: for<'a> FromPyObject<'a, 'py, Error: Into<PyErr>>,
        B: for<'a> FromPyObject<'a, 'py, Error: Into<PyErr>>,
    {
        match self.value.extract::<A>() {
            Ok(one) => Ok((one, None)),
            Err(_) => self.pair(expected).map(|(one, other)| (one, Some(other))),
        }
    }

    fn is_set(&self) -> PyResult<bool> {
        self.read("True or False is")
    }

    fn variant(&self) -> PyResult<Variant> {
        match self.value.extract::<String>().as_deref() {
            Ok("tt_si") => Ok(Variant::TtSi),
            Ok("distillation") => Ok(Variant::Distillation),
            Ok("in_context") => Ok(Variant::InContext),
            _ => Err(self.refuse("`tt_si`, `distillation` or `in_context` is")),
        }
    }

    fn per_length(&self) -> PyResult<PerLength> {
        match self.value.extract::<String>().as_deref() {
            Ok("sum") => Ok(PerLength::Sum),
            Ok("mean") => Ok(PerLength::Mean),
            Ok(_) => Err(self.refuse("`sum`, `mean` or a power is")),
            Err(_) => Ok(PerLength::Power(self.read("`sum`, `mean` or a power is")?)),
        }
    }
}
