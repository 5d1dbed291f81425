//! What became of each feedback of a report.

use curricle::{Result, Verdict};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyDict};

use crate::code::{REFUSED, of_error, of_verdict};
use crate::error;

/// What became of each feedback, in the order of the tickets.
///
/// >>> from curricle import Code, Curriculum
/// >>> curriculum = Curriculum(1000, gate="zero_signal")
/// >>> batch = curriculum.draw(2)
/// >>> results = curriculum.observe([0, 1, 7], rewards=[[1, 0], [1, 1], [0, 1]])
/// >>> results.admitted
/// array([ True, False, False])
/// >>> [Code(code).name for code in results.codes]
/// ['ADMIT', 'ZERO_SIGNAL', 'UNKNOWN_TICKET']
/// >>> results.errors
/// {2: UnknownTicketError('ticket 7 was never drawn')}
#[pyclass(frozen, module = "curricle")]
pub struct Results {
    codes: Vec<u8>,
    /// What was refused, by position.
    refused: Vec<(usize, curricle::Error)>,
    array: PyOnceLock<Py<PyArray1<u8>>>,
}

impl Results {
    /// Of feedback that was taken in.
    pub fn all(verdicts: &[Verdict]) -> Self {
        let codes = verdicts.iter().map(|&verdict| of_verdict(verdict)).collect();
        Self { codes, refused: Vec::new(), array: PyOnceLock::new() }
    }

    /// Of feedback of which some was not.
    pub fn each(results: Vec<Result<Verdict>>) -> Self {
        let (mut codes, mut refused) = (Vec::with_capacity(results.len()), Vec::new());
        for (place, result) in results.into_iter().enumerate() {
            codes.push(result.as_ref().map_or_else(of_error, |&verdict| of_verdict(verdict)));
            refused.extend(result.err().map(|error| (place, error)));
        }
        Self { codes, refused, array: PyOnceLock::new() }
    }
}

#[pymethods]
impl Results {
    /// A `Code` for each feedback. uint8; below 16 it was taken in.
    #[getter]
    fn codes(&self, py: Python<'_>) -> Py<PyArray1<u8>> {
        self.array.get_or_init(py, || PyArray1::from_slice(py, &self.codes).unbind()).clone_ref(py)
    }

    /// Which of them to train on. bool.
    #[getter]
    fn admitted<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<bool>> {
        PyArray1::from_iter(py, self.codes.iter().map(|&code| code == 0))
    }

    /// Which of them were taken in, whatever the gate says of them: they teach the policy. bool.
    #[getter]
    fn taken<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<bool>> {
        PyArray1::from_iter(py, self.codes.iter().map(|&code| code < REFUSED))
    }

    /// What was wrong with those that were not taken in: an exception by position.
    #[getter]
    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let raised =
            self.refused.iter().map(|(place, refused)| (*place, error::raise(refused).into_value(py)));
        raised.into_py_dict(py)
    }

    /// Raises the first of the errors, if there is any.
    fn check(&self) -> PyResult<()> {
        self.refused.first().map_or(Ok(()), |(_, refused)| Err(error::raise(refused)))
    }

    fn __len__(&self) -> usize {
        self.codes.len()
    }

    #[pyo3(signature = (dtype = None, copy = None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let codes = self.codes(py).into_bound(py).into_any();
        let wanted = [
            ("dtype", dtype),
            (
                "copy",
                copy.map(|copy| copy.into_pyobject(py).map(|it| it.to_owned().into_any()))
                    .transpose()?,
            ),
        ];
        let given = wanted.into_iter().filter_map(|(name, value)| Some((name, value?)));
        PyModule::import(py, "numpy")?.call_method("array", (codes,), Some(&given.into_py_dict(py)?))
    }

    fn __repr__(&self) -> String {
        let count =
            |from: u8, to: u8| self.codes.iter().filter(|code| (from..to).contains(code)).count();
        let (admitted, rejected) = (count(0, 1), count(1, REFUSED));
        format!(
            "<curricle.Results: {admitted} admitted, {rejected} rejected, {} refused>",
            self.refused.len()
        )
    }
}
