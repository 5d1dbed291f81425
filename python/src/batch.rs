//! The draws of a round, as arrays.

use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// The draws of one round, in the order of their tickets.
///
/// Each array is made when it is first asked for, and is the same from then on: what you write into it, you read again,
/// and nobody else does.
///
/// >>> from curricle import Curriculum
/// >>> batch = Curriculum(1000, arms=4).draw(3)
/// >>> batch.tickets
/// array([0, 1, 2], dtype=uint64)
/// >>> len(batch), batch.round, batch.samples.shape, batch.propensities.dtype
/// (3, 0, (3,), dtype('float64'))
#[pyclass(frozen, module = "curricle")]
pub struct Batch {
    pub batch: curricle::Batch,
    tickets: PyOnceLock<Py<PyArray1<u64>>>,
    samples: PyOnceLock<Py<PyArray1<u64>>>,
    arms: PyOnceLock<Py<PyArray1<u32>>>,
    propensities: PyOnceLock<Py<PyArray1<f64>>>,
    loss_weights: PyOnceLock<Py<PyArray1<f32>>>,
}

impl From<curricle::Batch> for Batch {
    fn from(batch: curricle::Batch) -> Self {
        Self {
            batch,
            tickets: PyOnceLock::new(),
            samples: PyOnceLock::new(),
            arms: PyOnceLock::new(),
            propensities: PyOnceLock::new(),
            loss_weights: PyOnceLock::new(),
        }
    }
}

impl Batch {
    /// The array of one field of all draws.
    fn array<T: numpy::Element>(
        &self,
        py: Python<'_>,
        made: &PyOnceLock<Py<PyArray1<T>>>,
        field: impl Fn(&curricle::Draw) -> T,
    ) -> Py<PyArray1<T>> {
        let make = || PyArray1::from_iter(py, self.batch.draws.iter().map(field)).unbind();
        made.get_or_init(py, make).clone_ref(py)
    }
}

#[pymethods]
impl Batch {
    /// The identities of the draws; feedback refers to them. uint64.
    #[getter]
    fn tickets(&self, py: Python<'_>) -> Py<PyArray1<u64>> {
        self.array(py, &self.tickets, |draw| draw.ticket.0)
    }

    /// Which samples to train on. uint64.
    #[getter]
    fn samples(&self, py: Python<'_>) -> Py<PyArray1<u64>> {
        self.array(py, &self.samples, |draw| draw.sample.0)
    }

    /// The arms that they were drawn from. uint32.
    #[getter]
    fn arms(&self, py: Python<'_>) -> Py<PyArray1<u32>> {
        self.array(py, &self.arms, |draw| draw.arm.0)
    }

    /// The probability with which each slot of the batch got its sample. float64.
    #[getter]
    fn propensities(&self, py: Python<'_>) -> Py<PyArray1<f64>> {
        self.array(py, &self.propensities, |draw| draw.propensity)
    }

    /// What to multiply each loss with: 1, unless `importance` is on. float32.
    #[getter]
    fn loss_weights(&self, py: Python<'_>) -> Py<PyArray1<f32>> {
        self.array(py, &self.loss_weights, |draw| draw.loss_weight)
    }

    /// The round that drew it.
    #[getter]
    fn round(&self) -> u64 {
        self.batch.round.0
    }

    /// The version of the model that it was drawn for.
    #[getter]
    fn version(&self) -> u64 {
        self.batch.version
    }

    fn __len__(&self) -> usize {
        self.batch.draws.len()
    }

    fn __repr__(&self) -> String {
        let (round, len) = (self.batch.round.0, self.batch.draws.len());
        format!("<curricle.Batch of round {round} with {len} draws>")
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.batch == other.batch
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        let text = serde_json::to_string(&slf.get().batch).map_err(unreadable)?;
        Ok((slf.get_type().getattr("_read")?, (text,)))
    }

    #[classmethod]
    fn _read(_: &Bound<'_, PyType>, text: &str) -> PyResult<Self> {
        Ok(serde_json::from_str::<curricle::Batch>(text).map_err(unreadable)?.into())
    }
}

fn unreadable(error: serde_json::Error) -> PyErr {
    pyo3::exceptions::PyValueError::new_err(format!("a pickled batch: {error}"))
}
