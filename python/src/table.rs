//! The class `Table`: scores of samples, in files.

use std::path::PathBuf;

use curricle::table::{Column, Provenance, merge as merged};
use numpy::{PyArray1, PyArrayDescrMethods, PyUntypedArrayMethods};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyType};

use crate::arrays;
use crate::error::{self, raised};

/// What was scored, sample by sample: columns of numbers, counts or flags, and what made them.
///
/// A column is float64 with NaN where a quantity is undefined, uint64, or bool.
///
/// >>> import numpy as np
/// >>> from curricle import Table
/// >>> table = Table([7, 8, 9], {"total": [0.2, np.nan, 0.9], "tokens": [12, 0, 20]}, signal="angle")
/// >>> table.order("total")
/// array([9, 7, 8], dtype=uint64)
/// >>> table["tokens"]
/// array([12,  0, 20], dtype=uint64)
///
/// Raises `TableError` for a sample in two rows, `LengthError` for a column of another length, `NonFiniteError` for
/// an infinite number.
#[pyclass(frozen, eq, module = "curricle")]
#[derive(PartialEq)]
pub struct Table {
    table: curricle::table::Table,
}

/// A column of an array, by the type of its elements.
fn column(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Column> {
    let array = arrays::any(what, value)?;
    arrays::dimensions(what, 1, &array)?;
    match array.dtype().kind() {
        b'b' => {
            Ok(Column::Flag(arrays::doubles(what, value)?.into_iter().map(|it| it != 0.0).collect()))
        }
        b'u' | b'i' => Ok(Column::Count(arrays::whole("value of a column", &array)?)),
        _ => {
            let number = |value: f64| (!value.is_nan()).then_some(value);
            Ok(Column::Number(arrays::doubles(what, value)?.into_iter().map(number).collect()))
        }
    }
}

impl Table {
    fn read(
        py: Python<'_>,
        read: impl FnOnce() -> curricle::Result<curricle::table::Table> + Send,
    ) -> PyResult<Self> {
        Ok(Self { table: raised(py.detach(read))? })
    }
}

#[pymethods]
impl Table {
    #[new]
    #[pyo3(signature = (samples, columns, *, signal = "", model = "", revision = ""))]
    fn new(
        samples: &Bound<'_, PyAny>,
        columns: &Bound<'_, PyDict>,
        signal: &str,
        model: &str,
        revision: &str,
    ) -> PyResult<Self> {
        let mut made_by = Provenance::default();
        (made_by.signal, made_by.model, made_by.revision) =
            (signal.into(), model.into(), revision.into());
        let samples = arrays::numbers("samples", samples)?;
        let mut table = raised(curricle::table::Table::new(made_by, samples))?;
        for (name, values) in columns {
            let name = name.extract::<String>().map_err(|refused| {
                error::option(name.py(), &format!("columns: a name is a text: {refused}"))
            })?;
            let values = column(&name, &values)?;
            table = table.column(&name, values).map_err(|refused| error::of(&name, &refused))?;
        }
        Ok(Self { table })
    }

    /// Reads a Parquet file.
    #[classmethod]
    fn read_parquet(cls: &Bound<'_, PyType>, path: PathBuf) -> PyResult<Self> {
        Self::read(cls.py(), || curricle::table::Table::read_parquet(path))
    }

    /// Reads a CSV file.
    #[classmethod]
    fn read_csv(cls: &Bound<'_, PyType>, path: PathBuf) -> PyResult<Self> {
        Self::read(cls.py(), || curricle::table::Table::read_csv(path))
    }

    /// Writes a Parquet file, which appears whole or not at all.
    fn write_parquet(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        raised(py.detach(|| self.table.write_parquet(path)))
    }

    /// Writes a CSV file, which appears whole or not at all.
    fn write_csv(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        raised(py.detach(|| self.table.write_csv(path)))
    }

    /// The samples, row by row. uint64.
    #[getter]
    fn samples<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u64>> {
        PyArray1::from_slice(py, self.table.samples())
    }

    /// The names of the columns.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.table.columns().map(|(name, _)| name.to_owned()).collect()
    }

    /// What made the table: signal, model and revision.
    #[getter]
    fn made_by<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Provenance { signal, model, revision } = self.table.made_by().clone();
        [("signal", signal), ("model", model), ("revision", revision)].into_py_dict(py)
    }

    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self.table.get(name) {
            Some(Column::Number(values)) => {
                PyArray1::from_iter(py, values.iter().map(|value| value.unwrap_or(f64::NAN))).into_any()
            }
            Some(Column::Count(values)) => PyArray1::from_slice(py, values).into_any(),
            Some(Column::Flag(values)) => PyArray1::from_slice(py, values).into_any(),
            _ => return Err(PyKeyError::new_err(name.to_owned())),
        })
    }

    fn __len__(&self) -> usize {
        self.table.samples().len()
    }

    fn __repr__(&self) -> String {
        format!("<curricle.Table of {} samples: {}>", self.__len__(), self.columns().join(", "))
    }

    /// The samples by falling value of a column; equal ones by their number, undefined ones at the end. uint64.
    fn order<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyArray1<u64>>> {
        let order = raised(self.table.order(name))?;
        Ok(PyArray1::from_iter(py, order.into_iter().map(|sample| sample.0)))
    }

    /// The order of a data set of so many samples, of which none may be missing: for `order=` of a curriculum.
    fn ranks<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        samples: u64,
    ) -> PyResult<Bound<'py, PyArray1<u64>>> {
        let ranks = raised(self.table.ranks(name, samples))?;
        Ok(PyArray1::from_iter(py, ranks.into_iter().map(|sample| sample.0)))
    }

    /// Weights in (0, 1] by products of powers of the odds of ranks, an exponent by column: for `weights=` of a
    /// curriculum. float64.
    fn weights<'py>(
        &self,
        py: Python<'py>,
        exponents: &Bound<'py, PyDict>,
        samples: u64,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let exponents: Vec<(String, f64)> = exponents.items().extract()?;
        let factors: Vec<(&str, f64)> =
            exponents.iter().map(|(name, it)| (name.as_str(), *it)).collect();
        Ok(PyArray1::from_vec(py, raised(self.table.weights(&factors, samples))?))
    }

    /// The figures to see before sorting by a column, as a dict; None if it has no value at all.
    ///
    /// `with_length` is the rank correlation with `tokens`: near 1 or -1 the score is a sort by length.
    fn statistics<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(found) = raised(self.table.statistics(name))? else { return Ok(None) };
        let made = PyDict::new(py);
        made.set_item("count", found.count)?;
        made.set_item("undefined", found.undefined)?;
        made.set_item("mean", found.mean)?;
        made.set_item("sd", found.sd)?;
        made.set_item("quantiles", found.quantiles.to_vec())?;
        made.set_item("tied", found.tied)?;
        made.set_item("with_length", found.with_length)?;
        Ok(Some(made))
    }
}

/// Puts the shards of a table together. Returns the table, and what a merge must not hide: samples that were in more
/// than one row with the same values (`repeated`), with others (`disagreeing`), and ranges of samples below the
/// greatest that are in no row (`gaps`).
///
/// >>> from curricle import Table, merge
/// >>> table, faults = merge([Table([0, 4], {"a": [0.1, 0.2]}), Table([4, 1], {"a": [0.2, 0.3]})])
/// >>> len(table), faults
/// (3, {'repeated': [4], 'disagreeing': [], 'gaps': [(2, 4)]})
#[pyfunction]
pub fn merge<'py>(py: Python<'py>, shards: Vec<Py<Table>>) -> PyResult<(Table, Bound<'py, PyDict>)> {
    let shards: Vec<_> = shards.iter().map(|shard| shard.get().table.clone()).collect();
    let all = raised(py.detach(|| merged(shards)))?;
    let numbers = |samples: &[curricle::SampleId]| samples.iter().map(|it| it.0).collect::<Vec<u64>>();
    let made = PyDict::new(py);
    made.set_item("repeated", numbers(&all.repeated))?;
    made.set_item("disagreeing", numbers(&all.disagreeing))?;
    made.set_item("gaps", all.gaps.iter().map(|gap| (gap.start, gap.end)).collect::<Vec<_>>())?;
    Ok((Table { table: all.table }, made))
}
