//! A signal that is an object of Python.

use std::sync::Arc;

use curricle::signal::{Any, Signal, Trial};
use curricle::{Error, Fields, Outcome, Result};
use pyo3::prelude::*;
use serde::Serialize;

use super::{Columns, call, fields, has};
use crate::arrays;

/// An object with `score`.
#[derive(Clone, Serialize)]
pub struct OwnSignal {
    #[serde(skip)]
    object: Arc<Py<PyAny>>,
    #[serde(skip)]
    needs: Fields,
    /// What a snapshot must agree with: the class, and what the object says of its options.
    identity: String,
}

impl OwnSignal {
    /// Whether an object is meant as a signal, and not as the name of one.
    pub fn is_one(object: &Bound<'_, PyAny>) -> PyResult<bool> {
        has(object, "score")
    }

    pub fn new(object: Bound<'_, PyAny>) -> PyResult<Self> {
        let needs: Vec<String> =
            object.getattr_opt("needs")?.map_or(Ok(Vec::new()), |names| names.extract())?;
        let class = object.get_type();
        let mut identity = format!("{}.{}", class.module()?, class.qualname()?);
        if let Some(options) = object.getattr_opt("options")? {
            let dumped = object.py().import("json")?.call_method1("dumps", (options,))?;
            identity = format!("{identity} {}", dumped.extract::<String>()?);
        }
        Ok(Self { needs: fields(&needs)?, identity, object: Arc::new(object.unbind()) })
    }
}

impl Signal for OwnSignal {
    fn score(&self, trials: &[Trial], scores: &mut [f32]) -> Result<()> {
        let made = call("signal", "score", |py| {
            let columns = Columns::new(py);
            let of = || trials.iter();
            columns.add("tickets", of().map(|it| it.ticket.0))?;
            columns.add("samples", of().map(|it| it.sample.0))?;
            columns.add("arms", of().map(|it| it.arm.0))?;
            let reals: [Part; 7] = [
                ("success", |outcome| outcome.success),
                ("loss", |outcome| outcome.loss),
                ("abs_advantage", |outcome| outcome.abs_advantage),
                ("spread", |outcome| outcome.spread),
                ("range", |outcome| outcome.range),
                ("utility", |outcome| outcome.utility),
                ("cost", |outcome| outcome.cost),
            ];
            for (name, field) in reals {
                columns.maybe(name, of().map(|it| field(&it.outcome)))?;
            }
            columns.maybe("nonzero_advantages", of().map(|it| it.outcome.nonzero_advantages))?;
            columns.add("rollouts", of().map(|it| it.outcome.rollouts))?;
            columns.add("unscored", of().map(|it| it.outcome.unscored))?;
            columns.add("settled", of().map(|it| it.record.settled()))?;
            columns.add("mean_success", of().map(|it| f64::from(it.record.success())))?;
            columns.add("last_score", of().map(|it| f64::from(it.record.score())))?;
            columns.add("arm_success", of().map(|it| it.progress.fast()))?;
            columns.add("arm_success_slow", of().map(|it| it.progress.slow()))?;
            columns.add("evidence", of().map(|it| it.progress.evidence()))?;
            arrays::doubles("scores", &self.object.bind(py).call_method1("score", (columns.0,))?)
        })?;
        let (expected, found) = (scores.len(), made.len());
        if found != expected {
            return Err(Error::Length { what: "scores", expected, found });
        }
        scores.iter_mut().zip(made).for_each(|(slot, score)| *slot = score as f32);
        Ok(())
    }

    fn needs(&self) -> Fields {
        self.needs
    }
}

/// The name of a field, and how it is read.
type Part = (&'static str, fn(&Outcome) -> Option<f32>);

/// A signal by name, or an object.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub enum Scored {
    Named(Any),
    Own(OwnSignal),
}

impl Scored {
    /// The object of one that is its own, unless copies of it have it, too.
    pub fn object(&self) -> Option<&Py<PyAny>> {
        match self {
            Self::Named(_) => None,
            Self::Own(signal) => (Arc::strong_count(&signal.object) == 1).then_some(&*signal.object),
        }
    }
}

impl Signal for Scored {
    fn score(&self, trials: &[Trial], scores: &mut [f32]) -> Result<()> {
        match self {
            Self::Named(signal) => signal.score(trials, scores),
            Self::Own(signal) => signal.score(trials, scores),
        }
    }

    fn needs(&self) -> Fields {
        match self {
            Self::Named(signal) => signal.needs(),
            Self::Own(signal) => signal.needs(),
        }
    }

    fn check(&self) -> Result<()> {
        match self {
            Self::Named(signal) => signal.check(),
            Self::Own(signal) => signal.check(),
        }
    }
}
