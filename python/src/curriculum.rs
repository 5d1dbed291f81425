//! The class `Curriculum`: how it is made, and the verbs of a training loop.

use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard};

use curricle::{Config, Error, Result, Ticket};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};

use crate::arrays;
use crate::batch::Batch;
use crate::build;
use crate::engine::{Engine, Turned};
use crate::error::{self, raised};
use crate::outcomes::Reported;
use crate::results::Results;
use crate::step::Step;

/// Decides which samples a model trains on next, from what the training reports back.
///
/// Curriculum(samples, arms=None, *, preset=None, policy="uniform", seed=0, lag=0, ...) is over the samples
/// `0..samples`. Arms are a number of blocks of consecutive samples, or a label for each sample: a number or a name.
/// Data by keyword: weights, target, costs, keys, order, arm_names, fingerprint. All other keywords are those of a
/// configuration in TOML, with their names and values: policy, signal, sampler, gate, pace, refill, weighting, ...
/// A preset is the start that the others change.
///
/// >>> import numpy as np
/// >>> from curricle import Curriculum
/// >>> curriculum = Curriculum(1000, arms=10, preset="post_training", gate="zero_signal", seed=7)
/// >>> for _ in range(20):
/// ...     batch = curriculum.draw(32)
/// ...     rewards = np.tile([0.0, 1.0], (32, 4)) * (batch.arms == 3)[:, None]  # only arm 3 teaches
/// ...     results = curriculum.observe(batch.tickets, rewards=rewards)
/// >>> bool(curriculum.shares()[3] > 0.5)
/// True
///
/// Calls from several threads take turns; the interpreter is not held while they compute.
#[pyclass(frozen, subclass, module = "curricle")]
pub struct Curriculum {
    /// None when it was handed over to a journal, or closed.
    engine: Mutex<Option<Box<dyn Engine>>>,
    /// The configuration as JSON.
    pub config: String,
}

thread_local! {
    /// The curricula that this thread is calling, the innermost last.
    static HELD: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// The engine of a curriculum that this thread is calling.
struct Held<'a> {
    engine: MutexGuard<'a, Option<Box<dyn Engine>>>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        HELD.with_borrow_mut(|held| held.pop());
    }
}

impl Curriculum {
    pub fn new(engine: Box<dyn Engine>, config: String) -> Self {
        Self { engine: Mutex::new(Some(engine)), config }
    }

    /// The engine, for one call: a part of it that is an object of Python cannot call it meanwhile, as it would wait for
    /// itself.
    fn lock(&self) -> Result<Held<'_>> {
        let own = std::ptr::from_ref(self) as usize;
        if HELD.with_borrow(|held| held.contains(&own)) {
            let request = "a call by one of its own parts";
            return Err(Error::Unsupported { part: "curriculum", request });
        }
        let engine = self.engine.lock().map_err(|_| Error::Poisoned)?;
        HELD.with_borrow_mut(|held| held.push(own));
        Ok(Held { engine })
    }

    /// Works with the engine, without the interpreter: another thread that waits for both cannot be in the way.
    pub fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut dyn Engine) -> Result<T> + Send,
    ) -> PyResult<T> {
        raised(py.detach(|| {
            let mut held = self.lock()?;
            work(&mut **held.engine.as_mut().ok_or(Error::Closed)?)
        }))
    }

    /// Turns the engine into another one, which the caller gets. What refuses to be turned stays.
    pub fn turn(
        &self,
        py: Python<'_>,
        turn: impl FnOnce(Box<dyn Engine>) -> Turned + Send,
    ) -> PyResult<Box<dyn Engine>> {
        raised(py.detach(|| {
            let mut held = self.lock()?;
            let engine = held.engine.take().ok_or(Error::Closed)?;
            turn(engine).map_err(|refused| {
                *held.engine = refused.engine;
                refused.error
            })
        }))
    }

    /// Takes the engine out, for good.
    pub fn take(&self, py: Python<'_>) -> PyResult<Option<Box<dyn Engine>>> {
        raised(py.detach(|| Ok(self.lock()?.engine.take())))
    }

    fn built(
        samples: usize,
        arms: Option<&Bound<'_, PyAny>>,
        config: Option<Config>,
        given: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let (curriculum, config) = build::build(samples, arms, config, given)?;
        Ok(Self::new(curriculum, config))
    }
}

/// Whether an error says what is wrong with the files or the process, and not with feedback: no more is tried then.
fn is_of_engine(error: &Error) -> bool {
    matches!(error, Error::Io { .. } | Error::Journal(_) | Error::Poisoned)
}

/// Keyword arguments that can be taken from.
fn copied<'py>(py: Python<'py>, given: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyDict>> {
    given.map_or_else(|| Ok(PyDict::new(py)), |given| given.copy())
}

#[pymethods]
impl Curriculum {
    /// What the collector has to know of; during a call nothing, and nothing is freed then.
    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        let Ok(engine) = self.engine.try_lock() else { return Ok(()) };
        let objects = engine.as_ref().map(|engine| engine.objects()).unwrap_or_default();
        objects.into_iter().try_for_each(|object| visit.call(object))
    }

    fn __clear__(&self) {
        let engine = self.engine.try_lock().ok().and_then(|mut engine| engine.take());
        // Not while it is locked: what is freed with it may call it.
        drop(engine);
    }

    #[new]
    #[pyo3(signature = (samples, arms = None, **options))]
    fn make(
        py: Python<'_>,
        samples: usize,
        arms: Option<&Bound<'_, PyAny>>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Self::built(samples, arms, None, &copied(py, options)?)
    }

    /// A curriculum whose configuration is a TOML text; data by keyword, as for the class. A text has no presets: it is
    /// what the library reads from any language. `from_config` takes one.
    ///
    /// >>> curriculum = Curriculum.from_toml('seed = 7\npolicy.boltzmann.temperature = 0.1', 1000, arms=10)
    /// >>> curriculum.config["policy"]
    /// {'boltzmann': {'temperature': 0.1}}
    #[classmethod]
    #[pyo3(signature = (text, samples, arms = None, **data))]
    fn from_toml(
        cls: &Bound<'_, PyType>,
        text: &str,
        samples: usize,
        arms: Option<&Bound<'_, PyAny>>,
        data: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let config = raised(Config::from_toml(text))?;
        Self::built(samples, arms, Some(config), &copied(cls.py(), data)?)
    }

    /// A curriculum whose configuration is a dict, as of JSON; data by keyword, as for the class.
    ///
    /// >>> curriculum = Curriculum.from_config({"policy": {"boltzmann": {"temperature": 0.1}}}, 1000, arms=10)
    /// >>> len(curriculum.draw(8))
    /// 8
    #[classmethod]
    #[pyo3(signature = (config, samples, arms = None, **data))]
    fn from_config(
        cls: &Bound<'_, PyType>,
        config: &Bound<'_, PyDict>,
        samples: usize,
        arms: Option<&Bound<'_, PyAny>>,
        data: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let config = build::configured(config)?;
        Self::built(samples, arms, Some(config), &copied(cls.py(), data)?)
    }

    /// The next batch, of `n` samples. Learns first from the feedback that is due.
    ///
    /// Raises `AwaitingError` if feedback that is due has not come, `HoldError` in the pace of arrival if as many
    /// tickets are in flight as may be, `BatchExceedsPoolError`, `NothingToDrawError` or `FinishedError`.
    fn draw(&self, py: Python<'_>, n: usize) -> PyResult<Batch> {
        self.with(py, |engine| engine.draw(n)).map(Batch::from)
    }

    /// The next batch, of as many samples as cost at most `ceiling` together; see `costs`, which are held in single
    /// precision: 0.3 is 0.30000001, and does not fit into 0.3.
    fn draw_within(&self, py: Python<'_>, ceiling: f64) -> PyResult<Batch> {
        self.with(py, |engine| engine.draw_within(ceiling)).map(Batch::from)
    }

    /// With `refill`: brings a training step of `want` useful tickets together.
    ///
    /// >>> curriculum = Curriculum(100, gate="zero_signal", refill={})
    /// >>> step = curriculum.step(4)
    /// >>> while step.kind == "draw":
    /// ...     rewards = [[1.0, 0.0]] * len(step.batch)
    /// ...     results = curriculum.observe(step.batch.tickets, rewards=rewards)
    /// ...     step = curriculum.step(4)
    /// >>> step.kind, len(step.batch)
    /// ('ready', 4)
    fn step(&self, py: Python<'_>, want: usize) -> PyResult<Step> {
        Step::new(py, self.with(py, |engine| engine.step(want))?)
    }

    /// Learns from the feedback that is due, as a draw does; returns of how many rounds.
    fn fold(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |engine| engine.fold())
    }

    /// Takes in the outcomes of tickets: arrays with an element for each ticket, or one number for all.
    ///
    /// Fields: success, loss, abs_advantage, spread, range, nonzero_advantages, utility, cost, rollouts, unscored.
    /// `rewards`, a matrix with a row for each ticket or a list of rows, is reduced to success, abs_advantage,
    /// spread, range, nonzero_advantages, rollouts and unscored; a NaN stands for a rollout that could not be scored,
    /// `successes` or `success` say what succeeded where rewards are not in [0, 1], and `normalisation` is
    /// "deviation" (GRPO) or "none" (Dr. GRPO). A field that is given beside rewards stands.
    ///
    /// `rollouts` is 1 unless it is given or counted from `rewards`: for the gate "zero_signal" a group of one has no
    /// signal.
    ///
    /// What cannot be taken in does not keep out the rest: the `Results` say what became of each. With `strict=True`
    /// all are taken in, or none and the first error is raised.
    #[pyo3(signature = (tickets, *, strict = false, **fields))]
    fn observe(
        &self,
        tickets: &Bound<'_, PyAny>,
        strict: bool,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Results> {
        let (py, reported) = (tickets.py(), Reported::new(tickets, fields)?);
        if let Some((_, refused)) = reported.refused.first().filter(|_| strict) {
            return Err(error::raise(refused));
        }
        let feedback = &reported.feedback;
        // Nearly all reports are good as a whole; a result of its own for each is needed for the others only.
        let seen = self.with(py, |engine| match engine.observe(feedback) {
            Ok(verdicts) => Ok(Ok(verdicts)),
            Err(error) if strict || is_of_engine(&error) => Err(error),
            Err(_) => engine.report(feedback).map(Err),
        })?;
        Ok(match seen {
            Ok(verdicts) => Results::of(&verdicts),
            Err(results) => Results::new(reported.results(results).into_iter()),
        })
    }

    /// Gives tickets up: their outcomes will not come. All of them, or none and an error is raised.
    fn lose(&self, tickets: &Bound<'_, PyAny>) -> PyResult<()> {
        let numbers = arrays::numbers("tickets", tickets)?;
        let lost: Vec<Ticket> = numbers.into_iter().map(Ticket).collect();
        self.with(tickets.py(), |engine| engine.lose(&lost))
    }

    /// Says which version of the model is trained from now on, as after each step of the optimiser.
    fn set_version(&self, py: Python<'_>, version: u64) -> PyResult<()> {
        self.with(py, |engine| engine.set_version(version))
    }

    /// The configuration, as a dict.
    #[getter]
    fn config<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.call_method1("loads", (PyString::new(py, &self.config),))
    }
}
