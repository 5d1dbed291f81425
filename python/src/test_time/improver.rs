//! The class `Improver`: the loop of self-improvement at test time.

use std::sync::{Mutex, MutexGuard, TryLockError};

use curricle::test_time::self_improvement::{Entry, Improver as Core, Verified};
use curricle::{Error, Result, Ticket};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBytes, PyDict};

use super::budget::Shared;
use super::model::{Ended, Given, taught};
use super::{Budget, Outcome, journal, options};
use crate::error::raised;

/// Improves a model on the inputs that it is uncertain of, one input at a time, and undoes it after each.
///
/// Improver(budget, **options) begins with TT-SI as published: one pair, no check. Options, all by keyword:
///
/// - seed (0): of everything that is left to chance.
/// - variant ("tt_si"): "distillation" if a teacher makes up the pairs, "in_context" if they are shown and not
///   trained on.
/// - samples (1): pairs made up for an input.
/// - per_length ("sum"): how candidates of different length are compared: "sum", "mean", or a power of the length.
/// - by_lesson (False): the budget sees what there is to learn for an input, not its uncertainty; needs `relevance`
///   and `loss`.
/// - duplicates: the similarity from which on a pair repeats another of the same input and is dropped; needs `text`.
/// - seen: the same for pairs that were trained on for any earlier input; (similarity, texts) remembers so many.
/// - agreement: (answers, least share of own answers that agree with a pair); needs `agreement`.
/// - loss_band: (low, high), the losses of pairs before adapting that are kept; needs `loss`.
/// - hold_out: how many pairs are kept from training, whose loss must fall; or (pairs, least fall); needs `loss`.
/// - drift: the greatest drift that is not rolled back; needs `drift`.
/// - clusters: (cosine, clusters), adapting once for inputs that are alike; needs `embedding`, `store` and `load`.
/// - gate: (cost, exploration), adapting only where the expected gain exceeds the cost; learns from `verify`.
/// - switch: the probability of turning adapting off in vain; off once it is shown to harm; learns from `verify`.
/// - paired (False): answers with the model as it is too, before adapting, which `verify` needs.
///
/// The crate's own default is samples=4, duplicates=0.8, hold_out=1.
///
/// What a verb raises stays with its input: the model is restored, answers as it is, and the exception is in the
/// outcome. `KeyboardInterrupt`, `SystemExit` and all else that is no `Exception` is raised, once the model is
/// restored.
///
/// The interpreter is held during a call, but for what the verbs do. One call at a time: another one meanwhile, of a
/// verb or of another thread, is an `UnsupportedError`.
#[pyclass(frozen, module = "curricle.test_time")]
pub struct Improver {
    inner: Mutex<Core<Shared>>,
    /// The budget; the same object.
    #[pyo3(get)]
    budget: Py<Budget>,
}

impl Improver {
    /// It never waits: whoever has it may wait for the interpreter.
    fn lock(&self) -> Result<MutexGuard<'_, Core<Shared>>> {
        self.inner.try_lock().map_err(|held| match held {
            TryLockError::Poisoned(_) => Error::Poisoned,
            TryLockError::WouldBlock => {
                Error::Unsupported { part: "Improver", request: "a call during another" }
            }
        })
    }

    fn dicts<'py>(py: Python<'py>, entries: &[Entry]) -> PyResult<Vec<Bound<'py, PyDict>>> {
        entries.iter().map(|entry| journal::entry(py, entry)).collect()
    }
}

#[pymethods]
impl Improver {
    #[new]
    #[pyo3(signature = (budget, **options))]
    fn make(budget: &Bound<'_, Budget>, options: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let none = PyDict::new(budget.py());
        let options = options::read(options.unwrap_or(&none))?;
        let inner = raised(Core::new(options, budget.get().shared()))?;
        Ok(Self { inner: Mutex::new(inner), budget: budget.clone().unbind() })
    }

    /// Answers an input, improving the model for it if that seems worth it. The model is its own again afterwards.
    ///
    /// In the variant "distillation" `teacher(input, count, seed)` makes up the pairs, in the place of the model's
    /// `synthesise`.
    #[pyo3(signature = (model, input, *, teacher = None))]
    fn answer<'py>(
        &self,
        model: Bound<'py, PyAny>,
        input: Bound<'py, PyAny>,
        teacher: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Outcome> {
        let (py, ended) = (input.py(), Ended::default());
        let mut given = raised(Given::new(model, teacher.is_some(), &ended)?)?;
        let mut inner = raised(self.lock())?;
        let answered = match &teacher {
            None => inner.answer(&mut given, &input),
            Some(teacher) => {
                let made = |input: &_, count, seed| taught(teacher, &ended, (input, count, seed));
                inner.answer_taught(&mut given, made, &input)
            }
        };
        drop(given);
        if let Some(request) = ended.into_inner() {
            return Err(request);
        }
        Outcome::new(py, raised(answered)?, inner.journal().entries().last())
    }

    /// Takes in whether the answer to an input was right, `given`, and that of the model as it is, `base`: gate and
    /// switch learn from it. Of an answer of the model as it is both are the same, and `base` can be left out.
    #[pyo3(signature = (ticket, given, base = None))]
    fn verify(&self, ticket: u64, given: bool, base: Option<bool>) -> PyResult<()> {
        raised(self.lock().and_then(|mut inner| {
            let mut entries = inner.journal().entries().iter();
            let improved = entries.any(|entry| entry.ticket.0 == ticket && entry.is_improved());
            let base = match base {
                None if improved => {
                    let request = "an improved answer without `base`";
                    return Err(Error::Unsupported { part: "Improver.verify", request });
                }
                base => base.unwrap_or(given),
            };
            inner.verify(Ticket(ticket), Verified { base, given })
        }))
    }

    /// Every decision since the journal was last taken, in order: a dict for each input, with the same keys.
    fn journal<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        Self::dicts(py, raised(self.lock())?.journal().entries())
    }

    /// The journal as bytes: equal for equal decisions.
    fn journal_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = raised(self.lock().and_then(|inner| inner.journal().to_bytes()))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Takes the journal away, so that it does not grow without end. What is not verified yet can then no longer be.
    fn take_journal<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let taken = raised(self.lock().map(|mut inner| inner.take_journal()))?;
        Self::dicts(py, taken.entries())
    }

    /// What the journal adds up to: inputs, wanted, spent, improved, failed, verified, fixed, harmed, and the p-value
    /// of McNemar's test of the last two, None where nothing was verified.
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let summary = raised(self.lock().map(|inner| inner.journal().summary()))?;
        journal::summary(py, &summary)
    }

    /// The counts of `summary` as "self_improvement/inputs" and so on, and the metrics of the budget.
    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let metrics = raised(self.lock().map(|inner| inner.metrics()))?;
        metrics.into_iter().into_py_dict(py)
    }

    /// What the gate expects of adapting to an input of this standing, in [0, 1], 1 the most uncertain: "gain", "harm",
    /// and whether it "passes". None without a gate.
    fn expected<'py>(&self, py: Python<'py>, standing: f64) -> PyResult<Option<Bound<'py, PyDict>>> {
        let inner = raised(self.lock())?;
        let Some(gate) = inner.gate() else { return Ok(None) };
        let (expected, made) = (gate.expect(standing), PyDict::new(py));
        made.set_item("gain", expected.gain)?;
        made.set_item("harm", expected.harm)?;
        made.set_item("passes", gate.passes(standing))?;
        Ok(Some(made))
    }

    /// What the switch has seen: whether it is "off", and the wealth of the bets, "evidence_of_harm" and
    /// "evidence_of_help". None without a switch.
    #[getter]
    fn switch<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let inner = raised(self.lock())?;
        let Some(switch) = inner.switch() else { return Ok(None) };
        let made = PyDict::new(py);
        made.set_item("off", switch.is_off())?;
        made.set_item("evidence_of_harm", switch.evidence_of_harm())?;
        made.set_item("evidence_of_help", switch.evidence_of_help())?;
        Ok(Some(made))
    }

    /// Turns adapting on again, with a switch that has seen nothing.
    fn switch_on(&self) -> PyResult<()> {
        raised(self.lock().map(|mut inner| inner.switch_on()))
    }

    /// Says that the model is as it should be again. After a `restore` that raised, nothing is answered without it.
    fn restored(&self) -> PyResult<()> {
        raised(self.lock().map(|mut inner| inner.restored()))
    }
}
