//! The class `Journal`: a curriculum whose every step is written down.

use std::num::NonZeroU32;
use std::path::PathBuf;

use curricle::{Curriculum as Core, Durability, Moment, Opening, Policy, Sampler, Signal};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};

use crate::curriculum::Curriculum;
use crate::engine::Log;
use crate::error;

/// How a journal is to be opened.
pub struct Wanted {
    path: PathBuf,
    at: Option<u64>,
    durability: Durability,
}

impl Wanted {
    /// Opens the journal of a curriculum.
    pub fn open<P: Policy, S: Signal, D: Sampler>(
        &self,
        curriculum: Core<P, S, D>,
    ) -> curricle::Result<curricle::Journal<P, S, D>> {
        let opened = match self.at {
            Some(position) => {
                curricle::Journal::open_at(&self.path, curriculum, Moment::Position(position))?
            }
            None => curricle::Journal::open(&self.path, curriculum)?,
        };
        Ok(opened.durability(self.durability))
    }
}

/// When events are flushed, by name or number.
fn durability(given: Option<&Bound<'_, PyAny>>) -> PyResult<Durability> {
    let Some(given) = given else { return Ok(Durability::Each) };
    let named = given.cast::<PyString>().map(|name| name.to_string());
    match named.as_deref() {
        Ok("each") => Ok(Durability::Each),
        Ok("on_demand") => Ok(Durability::OnDemand),
        Err(_) if given.extract::<NonZeroU32>().is_ok() && !given.is_instance_of::<PyBool>() => {
            Ok(Durability::Every(given.extract()?))
        }
        _ => {
            let text = format!(
                "durability: `each`, `on_demand` or a number of events is expected, not {given}"
            );
            Err(error::option(given.py(), &text))
        }
    }
}

/// A curriculum whose every step is written down: killed anywhere, it goes on where it was.
///
/// Journal(path, curriculum, *, at=None, durability="each") resumes from the files at `path`, or starts there if
/// there are none. The curriculum must have been built in the same way each time, and is the journal's from then on,
/// or gone if the files are refused. `at` is a `position` to go back to, as one saved beside a model. Events are
/// flushed to the disk each before its call returns, after every so many, or "on_demand" by `sync`.
///
/// >>> import os, tempfile
/// >>> from curricle import Curriculum, Journal
/// >>> path = os.path.join(tempfile.mkdtemp(), "run.curriculum")
/// >>> with Journal(path, Curriculum(100, missing="lose")) as journal:
/// ...     position = journal.position
/// ...     batch = journal.draw(4)
/// >>> with Journal(path, Curriculum(100, missing="lose"), at=position) as journal:
/// ...     journal.draw(4) == batch
/// True
///
/// One journal at a time has the files: `close` it, or leave its `with`.
#[pyclass(frozen, extends = Curriculum, module = "curricle")]
pub struct Journal {}

impl Journal {
    /// Works with the files.
    fn log<T: Send>(
        slf: &Bound<'_, Self>,
        work: impl FnOnce(&mut dyn Log) -> curricle::Result<T> + Send,
    ) -> PyResult<T> {
        slf.as_super().get().with(slf.py(), |engine| work(engine.log()?))
    }
}

#[pymethods]
impl Journal {
    #[new]
    #[pyo3(signature = (path, curriculum, *, at = None, durability = None))]
    fn open(
        py: Python<'_>,
        path: PathBuf,
        curriculum: &Bound<'_, Curriculum>,
        at: Option<u64>,
        durability: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let wanted = Wanted { path, at, durability: self::durability(durability)? };
        let curriculum = curriculum.get();
        let opened = curriculum.turn(py, |engine| engine.into_journal(&wanted))?;
        let base = Curriculum::new(opened, curriculum.config.clone());
        Ok(PyClassInitializer::from(base).add_subclass(Self {}))
    }

    /// How many events there were since the journal was started: what to save with a model.
    #[getter]
    fn position(slf: &Bound<'_, Self>) -> PyResult<u64> {
        Self::log(slf, |log| Ok(log.position()))
    }

    /// The size of the log, in bytes: what `compact` would save.
    #[getter]
    fn log_bytes(slf: &Bound<'_, Self>) -> PyResult<u64> {
        Self::log(slf, |log| Ok(log.log_bytes()))
    }

    /// How the journal began: a dict with `kind`, which is "new", "resumed" or "taken_back"; `events` that happened
    /// again; and the bytes that were cut off, `torn` or `cut`.
    #[getter]
    fn opening<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let made = PyDict::new(slf.py());
        match Self::log(slf, |log| Ok(log.opening()))? {
            Opening::New => made.set_item("kind", "new")?,
            Opening::Resumed { events, torn } => {
                made.set_item("kind", "resumed")?;
                made.set_item("events", events)?;
                made.set_item("torn", torn)?;
            }
            Opening::TakenBack { events, cut } => {
                made.set_item("kind", "taken_back")?;
                made.set_item("events", events)?;
                made.set_item("cut", cut)?;
            }
            other => made.set_item("kind", format!("{other:?}"))?,
        }
        Ok(made)
    }

    /// Writes a new base, with all that has happened, and starts an empty log.
    fn compact(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::log(slf, |log| log.compact())
    }

    /// Waits until all events have reached the disk.
    fn sync(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::log(slf, |log| log.sync())
    }

    /// Lets the files go; every later call raises an error.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, engine) = (slf.py(), slf.as_super().get().take(slf.py())?);
        py.detach(|| drop(engine));
        Ok(())
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __exit__(
        slf: &Bound<'_, Self>,
        _class: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        Self::close(slf)
    }
}
