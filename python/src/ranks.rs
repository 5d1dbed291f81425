//! The class `Replicated`: a curriculum of which every rank of a training holds a copy.

use std::path::Path;

use curricle::feed::ranks::{Exchange, Replica, Replicated as Core};
use curricle::{
    ArmId, Error, Feed, Feedback, Key, Metrics, Result, SampleId, Step, Ticket, Verdict, Weight,
};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::batch::Batch;
use crate::curriculum::Curriculum;
use crate::engine::{Engine, Log, Look, Turned, kept};
use crate::{error, own};

/// An object with `rank`, `size` and `all_gather`.
pub struct Given {
    object: Py<PyAny>,
    rank: usize,
    size: usize,
}

impl Given {
    fn new(object: Bound<'_, PyAny>) -> PyResult<Self> {
        let number = |name| object.getattr(name)?.extract::<usize>();
        let (rank, size) = (number("rank")?, number("size")?);
        if !own::has(&object, "all_gather")? {
            let request = "an exchange: it has no `all_gather`";
            return Err(error::raise(&Error::Unsupported { part: "exchange", request }));
        }
        if rank >= size {
            let (value, high) = (rank as f64, size as f64 - 1.0);
            return Err(error::raise(&Error::OutOfRange { what: "rank", value, low: 0.0, high }));
        }
        Ok(Self { object: object.unbind(), rank, size })
    }
}

impl Exchange for Given {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn all_gather(&mut self, frame: &[u8]) -> Result<Vec<Vec<u8>>> {
        let gathered = Python::attach(|py| {
            let frames = self.object.bind(py).call_method1("all_gather", (PyBytes::new(py, frame),))?;
            let bytes = |frame: PyResult<Bound<'_, PyAny>>| Ok(frame?.extract::<&[u8]>()?.to_vec());
            frames.try_iter()?.map(bytes).collect::<PyResult<Vec<Vec<u8>>>>()
        });
        gathered.map_err(|raised| {
            let text = raised.to_string();
            own::keep(raised);
            Error::Transport(text)
        })
    }
}

/// What only a rank has.
pub trait Rank {
    fn exchange(&mut self) -> Result<()>;
    fn part(&self, batch: &curricle::Batch) -> curricle::Batch;
    fn queued(&self) -> usize;
}

impl<F: Replica> Rank for Core<F, Given> {
    fn exchange(&mut self) -> Result<()> {
        Core::exchange(self).map(drop)
    }

    fn part(&self, batch: &curricle::Batch) -> curricle::Batch {
        Core::part(self, batch)
    }

    fn queued(&self) -> usize {
        Core::queued(self)
    }
}

/// A rank has its state from the curriculum that it was made of.
const STATE: Error = Error::Unsupported {
    part: "rank",
    request: "another state (restore the curriculum before it is replicated)",
};

/// What changes samples and arms changes this rank's copy at once, as on all ranks it has to.
impl<F: Engine + Replica + 'static> Engine for Core<F, Given> {
    fn draw(&mut self, n: usize) -> Result<curricle::Batch> {
        Feed::draw(self, n)
    }
    fn draw_within(&mut self, _: f64) -> Result<curricle::Batch> {
        Err(Error::Unsupported { part: "rank", request: "a batch within a cost" })
    }
    fn step(&mut self, want: usize) -> Result<Step> {
        Feed::step(self, want)
    }
    fn fold(&mut self) -> Result<u64> {
        Core::exchange(self)?;
        Engine::fold(self.replica_mut())
    }
    fn observe(&mut self, feedback: &[Feedback]) -> Result<Vec<Verdict>> {
        Feed::observe(self, feedback)
    }
    fn report(&mut self, feedback: &[Feedback]) -> Result<Vec<Result<Verdict>>> {
        Feed::report(self, feedback)
    }
    fn lose(&mut self, tickets: &[Ticket]) -> Result<()> {
        Core::lose(self, tickets)
    }
    fn set_version(&mut self, version: u64) -> Result<()> {
        Feed::set_version(self, version)
    }
    fn insert(&mut self, arm: ArmId, weight: Weight) -> Result<SampleId> {
        Engine::insert(self.replica_mut(), arm, weight)
    }
    fn insert_key(&mut self, key: Key, arm: ArmId, weight: Weight) -> Result<SampleId> {
        Engine::insert_key(self.replica_mut(), key, arm, weight)
    }
    fn add_arm(&mut self) -> Result<ArmId> {
        Engine::add_arm(self.replica_mut())
    }
    fn remove(&mut self, sample: SampleId) -> Result<()> {
        Engine::remove(self.replica_mut(), sample)
    }
    fn retag(&mut self, sample: SampleId, arm: ArmId) -> Result<()> {
        Engine::retag(self.replica_mut(), sample, arm)
    }
    fn set_weights(&mut self, weights: &[(SampleId, f64)]) -> Result<()> {
        Engine::set_weights(self.replica_mut(), weights)
    }
    fn set_costs(&mut self, costs: &[(SampleId, f64)]) -> Result<()> {
        Engine::set_costs(self.replica_mut(), costs)
    }
    fn set_mixture(&mut self, weights: &[f64]) -> Result<()> {
        Engine::set_mixture(self.replica_mut(), weights)
    }
    fn look(&self) -> &dyn Look {
        self.replica().look()
    }
    fn objects(&self) -> Vec<&Py<PyAny>> {
        let mut objects = self.replica().objects();
        objects.push(&self.transport().object);
        objects
    }
    fn metrics(&self) -> Metrics {
        Feed::metrics(self)
    }
    fn restore_bytes(&mut self, _: &[u8]) -> Result<()> {
        Err(STATE)
    }
    fn restore(&mut self, _: &Path) -> Result<()> {
        Err(STATE)
    }
    fn log(&mut self) -> Result<&mut dyn Log> {
        self.replica_mut().log()
    }
    fn rank(&mut self) -> Result<&mut dyn Rank> {
        Ok(self)
    }
    fn into_journal(self: Box<Self>, _: &crate::journal::Wanted) -> Turned {
        let request = "a journal (replicate a journal instead)";
        kept(self, Error::Unsupported { part: "rank", request })
    }
    fn into_rank(self: Box<Self>, _: Given, _: u64) -> Turned {
        kept(self, Error::Unsupported { part: "rank", request: "to be replicated again" })
    }
}

/// A curriculum of which every rank of a training holds a copy; all come to the same decisions.
///
/// Replicated(curriculum, exchange, *, every=1) takes a curriculum, or a journal, which every rank has built in the same
/// way, and an object with `rank`, `size` and `all_gather(bytes) -> [bytes]` of all ranks in order; `curricle.ranks` has
/// some. Each `draw(want)`, on all ranks equally often, exchanges what was reported since and gives this rank its part of
/// the batch of all. Reports wait for that exchange. A rank that has come to differ raises `DivergedError` on all, with
/// the `ranks`. `every` exchanges in so many draws only, up to the lag and 1.
///
/// >>> from curricle import Curriculum, Replicated
/// >>> from curricle.ranks import Alone
/// >>> feed = Replicated(Curriculum(100, seed=3), Alone())
/// >>> batch = feed.draw(8)
/// >>> results = feed.observe(batch.tickets, success=0.5)
/// >>> feed.queued, feed.counts()["open"]
/// (8, 8)
/// >>> feed.exchange()
/// >>> feed.queued, feed.counts()["admitted"]
/// (0, 8)
#[pyclass(frozen, extends = Curriculum, module = "curricle")]
pub struct Replicated {}

impl Replicated {
    fn rank<T: Send>(
        slf: &Bound<'_, Self>,
        work: impl FnOnce(&mut dyn Rank) -> Result<T> + Send,
    ) -> PyResult<T> {
        slf.as_super().get().with(slf.py(), |engine| work(engine.rank()?))
    }
}

#[pymethods]
impl Replicated {
    #[new]
    #[pyo3(signature = (curriculum, exchange, *, every = 1))]
    fn make(
        py: Python<'_>,
        curriculum: &Bound<'_, Curriculum>,
        exchange: Bound<'_, PyAny>,
        every: u64,
    ) -> PyResult<PyClassInitializer<Self>> {
        let exchange = Given::new(exchange)?;
        let curriculum = curriculum.get();
        let made = curriculum.turn(py, |engine| engine.into_rank(exchange, every))?;
        let base = Curriculum::new(made, curriculum.config.clone());
        Ok(PyClassInitializer::from(base).add_subclass(Self {}))
    }

    /// Exchanges what waits, and draws nothing: all ranks call it, as before one of them saves the state.
    fn exchange(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::rank(slf, |rank| rank.exchange())
    }

    /// This rank's part of a batch that no rank has been handed, as of one that was `unfinished` when it was saved.
    fn part(slf: &Bound<'_, Self>, batch: &Batch) -> PyResult<Batch> {
        Self::rank(slf, |rank| Ok(rank.part(&batch.batch))).map(Batch::from)
    }

    /// How many tickets wait for the next exchange.
    #[getter]
    fn queued(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Self::rank(slf, |rank| Ok(rank.queued()))
    }
}
