//! What a training step asks for, with refill.

use numpy::PyArray1;
use pyo3::prelude::*;

use crate::batch::Batch;
use crate::error;

/// What to do next for a training step; see `Curriculum.step`.
///
/// kind "draw": work on `batch`, report, and ask again. "wait": report what is open, and ask again. "ready": train on
/// `batch`, whose draws are of the `rounds` and `versions` that stand beside them. "starved": there is not enough.
#[pyclass(frozen, module = "curricle")]
pub struct Step {
    /// "draw", "wait", "ready" or "starved".
    #[pyo3(get)]
    kind: &'static str,
    /// The draws, if there are any; those of a step that is ready have the round and the version of the last of them.
    #[pyo3(get)]
    batch: Option<Py<Batch>>,
    /// Of "wait": how many tickets are open.
    #[pyo3(get)]
    open: Option<u64>,
    /// Of "starved": how many useful tickets are banked.
    #[pyo3(get)]
    have: Option<usize>,
    /// Of "starved": how many tickets the step drew.
    #[pyo3(get)]
    drawn: Option<u64>,
    /// Of "ready": the round that drew each ticket. uint64.
    #[pyo3(get)]
    rounds: Option<Py<PyArray1<u64>>>,
    /// Of "ready": the version of the model that each was drawn for. uint64.
    #[pyo3(get)]
    versions: Option<Py<PyArray1<u64>>>,
}

impl Step {
    fn of(kind: &'static str) -> Self {
        Self { kind, batch: None, open: None, have: None, drawn: None, rounds: None, versions: None }
    }

    /// What the crate says.
    pub fn new(py: Python<'_>, step: curricle::Step) -> PyResult<Self> {
        Ok(match step {
            curricle::Step::Draw(batch) => {
                Self { batch: Some(Py::new(py, Batch::from(batch))?), ..Self::of("draw") }
            }
            curricle::Step::Wait { open } => Self { open: Some(open), ..Self::of("wait") },
            curricle::Step::Ready(useful) => {
                let last = useful.iter().map(|it| (it.round, it.version)).max().unwrap_or_default();
                let draws = useful.iter().map(|it| it.draw).collect();
                let batch = curricle::Batch { round: last.0, version: last.1, draws };
                let rounds = PyArray1::from_iter(py, useful.iter().map(|it| it.round.0));
                let versions = PyArray1::from_iter(py, useful.iter().map(|it| it.version));
                Self {
                    batch: Some(Py::new(py, Batch::from(batch))?),
                    rounds: Some(rounds.unbind()),
                    versions: Some(versions.unbind()),
                    ..Self::of("ready")
                }
            }
            curricle::Step::Starved { have, drawn } => {
                Self { have: Some(have), drawn: Some(drawn), ..Self::of("starved") }
            }
            other => {
                let text = format!("this package is older than the step {other:?}");
                return Err(error::option(py, &text));
            }
        })
    }
}

#[pymethods]
impl Step {
    fn __repr__(&self) -> String {
        format!("<curricle.Step {}>", self.kind)
    }
}
