//! What became of each feedback of a report.

use curricle::route::Treatment;
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
    /// What is neither plainly admitted nor dropped, by position.
    treated: Vec<(usize, Treatment)>,
    /// What was refused, by position.
    refused: Vec<(usize, curricle::Error)>,
    array: PyOnceLock<Py<PyArray1<u8>>>,
}

impl Results {
    /// Of feedback, of which some may not have been taken in.
    pub fn new(results: impl ExactSizeIterator<Item = Result<Verdict>>) -> Self {
        let mut codes = Vec::with_capacity(results.len());
        let (mut treated, mut refused) = (Vec::new(), Vec::new());
        for (place, result) in results.enumerate() {
            match result {
                Ok(verdict) => {
                    codes.push(of_verdict(verdict));
                    // Neither a plain admission nor a plain rejection.
                    if let Verdict::Treat(treatment) = verdict {
                        treated.push((place, treatment));
                    }
                }
                Err(error) => {
                    codes.push(of_error(&error));
                    refused.push((place, error));
                }
            }
        }
        Self { codes, treated, refused, array: PyOnceLock::new() }
    }

    /// Of feedback that was taken in.
    pub fn of(verdicts: &[Verdict]) -> Self {
        // Nearly all are plain.
        let is_treated = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Treat(_)));
        if is_treated {
            return Self::new(verdicts.iter().map(|verdict| Ok(*verdict)));
        }
        let codes = verdicts.iter().map(|verdict| of_verdict(*verdict)).collect();
        Self { codes, treated: Vec::new(), refused: Vec::new(), array: PyOnceLock::new() }
    }

    /// Numbers, of which those of some treatments take the place.
    fn with_numbers<'py>(
        &self,
        py: Python<'py>,
        mut numbers: Vec<f64>,
        number: impl Fn(&Treatment) -> Option<f64>,
    ) -> Bound<'py, PyArray1<f64>> {
        for (place, treatment) in &self.treated {
            if let Some(number) = number(treatment) {
                numbers[*place] = number;
            }
        }
        PyArray1::from_vec(py, numbers)
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

    /// What is done with each: "train", "drop", "hint", "retire", ...; None for what was not taken in.
    #[getter]
    fn treatments(&self) -> Vec<Option<&'static str>> {
        let plain = |&code: &u8| match code {
            0 => Some(Treatment::TRAIN.name()),
            1..REFUSED => Some(Treatment::Drop.name()),
            _ => None,
        };
        let mut names: Vec<Option<&str>> = self.codes.iter().map(plain).collect();
        self.treated.iter().for_each(|(place, treatment)| names[*place] = Some(treatment.name()));
        names
    }

    /// What to multiply the loss of each with, beside `loss_weights`: 1 for what is admitted plainly, 0 for what is not
    /// admitted. float64.
    ///
    /// >>> from curricle import Curriculum
    /// >>> route = {"by": "success", "edges": [0.1, 0.9], "treatments": ["hint", {"train": {"weight": 0.5}}, "retire"]}
    /// >>> curriculum = Curriculum(1000, gate={"route": route}, retest=20)
    /// >>> batch = curriculum.draw(3)
    /// >>> results = curriculum.observe(batch.tickets, success=[0.0, 0.5, 1.0])
    /// >>> results.treatments, results.weights
    /// (['hint', 'train', 'retire'], array([0. , 0.5, 0. ]))
    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        let plain = self.codes.iter().map(|&code| f64::from(u8::from(code == 0)));
        self.with_numbers(py, plain.collect(), |treatment| match treatment {
            Treatment::Train { weight } => Some(*weight),
            _ => None,
        })
    }

    /// The margin of each, where the treatment has one; else 0. float64.
    #[getter]
    fn margins<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.with_numbers(py, vec![0.0; self.codes.len()], |treatment| match treatment {
            Treatment::Margin { margin } | Treatment::SoftenMargin { margin } => Some(*margin),
            _ => None,
        })
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
