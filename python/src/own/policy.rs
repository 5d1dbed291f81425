//! A policy that is an object of Python.

use std::sync::{Arc, OnceLock};

use curricle::policy::{Allotment, Any, Logits, Policy, Reads, Reward, Turn};
use curricle::{Error, Population, Result, Rng};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use serde::de::Deserializer;
use serde::ser::{Error as _, Serializer};
use serde::{Deserialize, Serialize};

use super::{Columns, call, fields, has, keep};
use crate::arrays;
use crate::error::raise;

/// An object with `shares` and `learn`.
///
/// One that was read from a file has its state only, and gets its object when it is compared with the one that the
/// curriculum was built with: a copy of that, which takes over the state.
#[derive(Default)]
pub struct OwnPolicy {
    object: OnceLock<Py<PyAny>>,
    /// As JSON, of one that was read.
    state: Arc<str>,
    reads: Reads,
    /// Whether it has learned anything: from then on it has a state.
    has_learned: bool,
    /// Whether `learn` has raised: what the object holds is then not known.
    is_broken: bool,
}

impl OwnPolicy {
    /// Whether an object is meant as a policy, and not as the name of one.
    pub fn is_one(object: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(has(object, "shares")? && has(object, "learn")?)
    }

    pub fn new(object: Bound<'_, PyAny>) -> PyResult<Self> {
        let reads = match object.getattr_opt("reads")? {
            Some(names) => {
                let mut names: Vec<String> = names.extract()?;
                let before = names.len();
                names.retain(|name| name != "score");
                Reads { score: names.len() < before, fields: fields(&names)? }
            }
            None => Reads::SCORE,
        };
        Ok(Self { object: object.unbind().into(), reads, ..Self::default() })
    }

    fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let none = || raise(&Error::Unsupported { part: "policy", request: "no object" });
        self.object.get().map(|object| object.bind(py).clone()).ok_or_else(none)
    }

    /// The state of the object as JSON; that of one without `state_dict` is nothing, as long as it has learned nothing.
    fn written(&self) -> PyResult<String> {
        if self.is_broken {
            return Err(raise(&Error::Unsupported {
                part: "policy",
                request: "to be saved after `learn` raised",
            }));
        }
        Python::attach(|py| {
            let object = self.object(py)?;
            if !has(&object, "state_dict")? {
                let request = "to be saved after it has learned: it has no `state_dict`";
                let refused = Error::Unsupported { part: "policy", request };
                return if self.has_learned { Err(raise(&refused)) } else { Ok("null".to_owned()) };
            }
            let options = PyDict::new(py);
            options.set_item("allow_nan", false)?;
            let state = object.call_method0("state_dict")?;
            py.import("json")?.call_method("dumps", (state,), Some(&options))?.extract()
        })
    }

    /// A copy of an object, which takes over the state that was read.
    fn restored(&self, built: &Self) -> PyResult<Py<PyAny>> {
        Python::attach(|py| {
            let copy = py.import("copy")?.call_method1("deepcopy", (built.object(py)?,))?;
            if &*self.state != "null" {
                let state =
                    py.import("json")?.call_method1("loads", (PyString::new(py, &self.state),))?;
                copy.call_method1("load_state_dict", (state,))?;
            }
            Ok(copy.unbind())
        })
    }
}

impl Clone for OwnPolicy {
    fn clone(&self) -> Self {
        let Self { state, reads, has_learned, is_broken, .. } = self;
        let rest = Self {
            object: OnceLock::new(),
            state: state.clone(),
            reads: *reads,
            has_learned: *has_learned,
            is_broken: *is_broken,
        };
        let copy = self.object.get().map(|object| {
            Python::attach(|py| {
                let copy = py.import("copy")?.call_method1("deepcopy", (object.bind(py),))?;
                Ok(copy.unbind())
            })
        });
        match copy {
            Some(Ok(object)) => Self { object: object.into(), ..rest },
            Some(Err(raised)) => {
                keep(raised);
                Self { is_broken: true, ..rest }
            }
            None => rest,
        }
    }
}

impl Serialize for OwnPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let written = self.written().map_err(|raised| {
            let text = raised.to_string();
            keep(raised);
            S::Error::custom(text)
        })?;
        (written, self.has_learned, self.is_broken).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for OwnPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let (state, has_learned, is_broken): (String, bool, bool) =
            Deserialize::deserialize(deserializer)?;
        Ok(Self { state: state.into(), has_learned, is_broken, ..Self::default() })
    }
}

impl Policy for OwnPolicy {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        let arms = population.arms().count();
        call("policy", "prepare", |py| {
            let object = self.object(py)?;
            if has(&object, "prepare")? {
                object.call_method1("prepare", (arms,))?;
            }
            Ok(())
        })
    }

    fn is_learned_from(&self, built: &Self, _: usize) -> bool {
        if self.object.get().is_some() {
            return true;
        }
        match self.restored(built) {
            Ok(object) => self.object.set(object).is_ok(),
            Err(raised) => {
                keep(raised);
                false
            }
        }
    }

    fn reads(&self) -> Reads {
        self.reads
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        if self.is_broken {
            return Err(Error::Unsupported {
                part: "policy",
                request: "a decision after `learn` raised",
            });
        }
        let (arms, seed) = (turn.population.arms().count(), rng.bits());
        let shares = call("policy", "shares", |py| {
            let options = PyDict::new(py);
            options.set_item("round", turn.round.0)?;
            options.set_item("n", turn.n)?;
            options.set_item("seed", seed)?;
            arrays::doubles("shares", &self.object(py)?.call_method("shares", (), Some(&options))?)
        })?;
        let found = shares.len();
        if found != arms {
            return Err(Error::Length { what: "shares", expected: arms, found });
        }
        for (index, &value) in shares.iter().enumerate() {
            if !value.is_finite() {
                return Err(Error::NonFinite { what: "share", index: index as u64, value });
            }
            if value < 0.0 {
                let (low, high) = (0.0, f64::MAX);
                return Err(Error::OutOfRange { what: "share", value, low, high });
            }
        }
        let sum: f64 = shares.iter().sum();
        if !(sum > 0.0 && sum.is_finite()) {
            let (low, high) = (f64::MIN_POSITIVE, f64::MAX);
            return Err(Error::OutOfRange { what: "sum of shares", value: sum, low, high });
        }
        let places = allotment.arms(arms).iter_mut().zip(shares);
        places.for_each(|(place, share)| *place = share / sum);
        Ok(())
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        let learned = call("policy", "learn", |py| {
            let columns = Columns::new(py);
            let of = || rewards.iter();
            columns.add("arms", of().map(|it| it.arm.0))?;
            columns.add("counts", of().map(|it| it.count))?;
            columns.add("lost", of().map(|it| it.lost))?;
            columns.add("rollouts", of().map(|it| it.rollouts))?;
            columns.add("scores", of().map(|it| it.score))?;
            columns.maybe("successes", of().map(|it| it.success))?;
            columns.maybe("losses", of().map(|it| it.loss))?;
            columns.maybe("costs", of().map(|it| it.cost))?;
            columns.add("shares", of().map(|it| it.share))?;
            columns.add("evidence", of().map(|it| it.evidence))?;
            columns.add("dips", of().map(|it| it.dip))?;
            self.object(py)?.call_method1("learn", (columns.0,)).map(drop)
        });
        self.has_learned |= self.reads != Reads::NOTHING;
        self.is_broken |= learned.is_err();
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        let grown = call("policy", "an arm that is added", |py| {
            let object = self.object(py)?;
            let can = has(&object, "grow")?;
            if can {
                object.call_method1("grow", (arms,))?;
            }
            Ok(can)
        })?;
        let refused = Error::Unsupported { part: "policy", request: "an arm that is added" };
        if grown { Ok(()) } else { Err(refused) }
    }
}

/// A policy by name, or an object.
#[derive(Clone, Serialize, Deserialize)]
pub enum Played {
    Named(Box<Any>),
    Own(OwnPolicy),
}

impl Played {
    /// The object of one that is its own.
    pub fn object(&self) -> Option<&Py<PyAny>> {
        match self {
            Self::Named(_) => None,
            Self::Own(policy) => policy.object.get(),
        }
    }
}

/// Asks whichever there is.
macro_rules! whichever {
    ($self:expr, $policy:ident => $asked:expr) => {
        match $self {
            Played::Named($policy) => $asked,
            Played::Own($policy) => $asked,
        }
    };
}

impl Policy for Played {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        whichever!(self, policy => policy.prepare(population))
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        match (self, built) {
            (Self::Named(policy), Self::Named(built)) => policy.is_learned_from(built, arms),
            (Self::Own(policy), Self::Own(built)) => policy.is_learned_from(built, arms),
            _ => false,
        }
    }

    fn reads(&self) -> Reads {
        whichever!(self, policy => policy.reads())
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        whichever!(self, policy => policy.allot(turn, rng, allotment))
    }

    fn logits(&self, turn: &Turn<'_>) -> Option<Logits<'_>> {
        whichever!(self, policy => policy.logits(turn))
    }

    fn learn(&mut self, population: &Population, rewards: &[Reward]) {
        whichever!(self, policy => policy.learn(population, rewards))
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        whichever!(self, policy => policy.grow(arms))
    }

    fn set_mixture(&mut self, weights: &[f64], population: &Population) -> Result<()> {
        whichever!(self, policy => policy.set_mixture(weights, population))
    }

    fn requested(&self) -> Option<Vec<f64>> {
        whichever!(self, policy => policy.requested())
    }

    fn is_adapted(&self, turn: &Turn<'_>) -> bool {
        whichever!(self, policy => policy.is_adapted(turn))
    }
}
