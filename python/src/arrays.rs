//! What a caller hands over as an array: NumPy arrays, and all that `numpy.asarray` takes.

use numpy::{PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyTuple};

use crate::error;

/// Up to here a float says which whole number is meant.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// One number for all, or one for each.
pub enum Column<T> {
    One(T),
    Each(Vec<T>),
}

/// A part of a column.
pub enum Part<'a, T> {
    One(T),
    Each(&'a [T]),
}

impl<T: Copy> Column<T> {
    /// The same, if it has a number for each of so many.
    pub fn sized(self, what: &'static str, expected: usize) -> PyResult<Self> {
        match &self {
            Self::Each(values) if values.len() != expected => {
                let found = values.len();
                Err(error::raise(&curricle::Error::Length { what, expected, found }))
            }
            _ => Ok(self),
        }
    }

    /// The numbers of so many of them, from a place on.
    pub fn part(&self, from: usize, len: usize) -> Part<'_, T> {
        match self {
            Self::One(value) => Part::One(*value),
            Self::Each(values) => Part::Each(&values[from..from + len]),
        }
    }

    /// The number of one of them.
    pub fn get(&self, place: usize) -> T {
        match self {
            Self::One(value) => *value,
            Self::Each(values) => values[place],
        }
    }
}

/// An array of anything: as it is if it is a plain one of NumPy, else as `curricle._arrays` makes it.
pub fn any<'py>(what: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyUntypedArray>> {
    if let Ok(array) = value.cast_exact::<PyUntypedArray>() {
        return Ok(array.clone());
    }
    let made = PyModule::import(value.py(), "curricle._arrays")?.getattr("array")?;
    Ok(made.call1((what, value))?.cast_into()?)
}

/// The numbers of an array whose elements are of this type, in C order; none if they are of another type.
fn elements<T: numpy::Element + Copy>(array: &Bound<'_, PyUntypedArray>) -> PyResult<Option<Vec<T>>> {
    let Ok(typed) = array.cast::<PyArrayDyn<T>>() else { return Ok(None) };
    if typed.is_c_contiguous()
        && let Ok(slice) = typed.try_readonly()?.as_slice()
    {
        return Ok(Some(slice.to_vec()));
    }
    // Strides, or an address that no number of this type may have.
    let numpy = PyModule::import(array.py(), "numpy")?;
    let copy = numpy.call_method1("ascontiguousarray", (array,))?;
    let copy = copy.cast_into::<PyArrayDyn<T>>()?;
    let copy = if copy.readonly().as_slice().is_ok() {
        copy
    } else {
        typed.call_method0("copy")?.cast_into()?
    };
    Ok(Some(copy.readonly().as_slice()?.to_vec()))
}

/// The same array with elements of another type.
fn converted<'py>(
    array: &Bound<'py, PyUntypedArray>,
    dtype: &str,
) -> PyResult<Bound<'py, PyUntypedArray>> {
    Ok(array.call_method1("astype", (dtype,))?.cast_into()?)
}

fn kind(array: &Bound<'_, PyUntypedArray>) -> u8 {
    array.dtype().kind()
}

/// Floating point numbers in C order, from any real type.
fn real(what: &str, array: &Bound<'_, PyUntypedArray>) -> PyResult<Vec<f32>> {
    if let Some(values) = elements::<f32>(array)? {
        return Ok(values);
    }
    if let Some(values) = elements::<f64>(array)? {
        return Ok(values.into_iter().map(|value| value as f32).collect());
    }
    if !b"biuf".contains(&kind(array)) {
        return Err(error::dtype(what, "numbers", array));
    }
    real(what, &converted(array, "float64")?)
}

/// The same, in double precision.
fn reals(what: &str, array: &Bound<'_, PyUntypedArray>) -> PyResult<Vec<f64>> {
    match elements::<f64>(array)? {
        Some(values) => Ok(values),
        None if b"biuf".contains(&kind(array)) => reals(what, &converted(array, "float64")?),
        None => Err(error::dtype(what, "numbers", array)),
    }
}

/// Numbers in double precision, one for each.
pub fn doubles(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let array = any(what, value)?;
    dimensions(what, 1, &array)?;
    reals(what, &array)
}

/// Whole numbers in C order, `>= 0`.
pub fn whole(what: &'static str, array: &Bound<'_, PyUntypedArray>) -> PyResult<Vec<u64>> {
    if let Some(values) = elements::<u64>(array)? {
        return Ok(values);
    }
    if let Some(values) = elements::<i64>(array)? {
        let natural = |value: i64| {
            let (value_as, low, high) = (value as f64, 0.0, u64::MAX as f64);
            let refused = curricle::Error::OutOfRange { what, value: value_as, low, high };
            u64::try_from(value).map_err(|_| error::raise(&refused))
        };
        return values.into_iter().map(natural).collect();
    }
    match kind(array) {
        b'u' => whole(what, &converted(array, "uint64")?),
        b'i' => whole(what, &converted(array, "int64")?),
        // An empty list has no type of its own, and a list of several types is one of floats.
        b'f' => {
            let exact = |value: f64| {
                (value.trunc() == value && (0.0..EXACT).contains(&value)).then_some(value as u64)
            };
            let values = reals(what, array)?.into_iter().map(exact).collect::<Option<Vec<u64>>>();
            values.ok_or_else(|| error::dtype(what, "whole numbers", array))
        }
        _ => Err(error::dtype(what, "whole numbers", array)),
    }
}

pub fn dimensions(what: &str, expected: usize, array: &Bound<'_, PyUntypedArray>) -> PyResult<()> {
    let found = array.ndim();
    if found == expected { Ok(()) } else { Err(error::shape(array.py(), what, expected, found)) }
}

/// A count by itself, and not in a list; none if it is anything else than one whole number.
pub fn one(what: &'static str, value: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
    let is_scalar = match value.getattr_opt("ndim")? {
        Some(dimensions) => dimensions.extract::<usize>().is_ok_and(|dimensions| dimensions == 0),
        None => value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>(),
    };
    if !is_scalar {
        return Ok(None);
    }
    let number = whole(what, &any(what, value)?)?.first().copied().unwrap_or_default();
    let (as_real, low, high) = (number as f64, 0.0, u32::MAX.into());
    let refused = curricle::Error::OutOfRange { what, value: as_real, low, high };
    u32::try_from(number).map(Some).map_err(|_| error::raise(&refused))
}

/// One real number for all, or one for each.
pub fn column(what: &'static str, value: &Bound<'_, PyAny>) -> PyResult<Column<f32>> {
    if let Ok(one) = value.cast::<PyFloat>() {
        return Ok(Column::One(one.value() as f32));
    }
    let array = any(what, value)?;
    let values = real(what, &array)?;
    match array.ndim() {
        0 => Ok(Column::One(values[0])),
        _ => dimensions(what, 1, &array).map(|()| Column::Each(values)),
    }
}

/// One count for all, or one for each.
pub fn counts(what: &'static str, value: &Bound<'_, PyAny>) -> PyResult<Column<u32>> {
    if value.is_instance_of::<PyInt>()
        && let Ok(one) = value.extract()
    {
        return Ok(Column::One(one));
    }
    let array = any(what, value)?;
    let count = |count: u64| {
        let (value, low, high) = (count as f64, 0.0, u32::MAX.into());
        let refused = curricle::Error::OutOfRange { what, value, low, high };
        u32::try_from(count).map_err(|_| error::raise(&refused))
    };
    let values: Vec<u32> = whole(what, &array)?.into_iter().map(count).collect::<PyResult<_>>()?;
    match array.ndim() {
        0 => Ok(Column::One(values[0])),
        _ => dimensions(what, 1, &array).map(|()| Column::Each(values)),
    }
}

/// Whole numbers, one for each: tickets, samples, labels.
pub fn numbers(what: &'static str, value: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
    let array = any(what, value)?;
    dimensions(what, 1, &array)?;
    // Among numbers NumPy takes a truth value for one.
    if let Ok(list) = value.cast::<PyList>()
        && let Some(place) = list.iter().position(|element| element.is_instance_of::<PyBool>())
    {
        return Err(error::truth_value(value.py(), what, place));
    }
    whole(what, &array)
}

/// Whether these are words rather than numbers.
pub fn are_words(what: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(b"UOT".contains(&kind(&any(what, value)?)))
}

/// Rows of real numbers: a matrix, or a list of rows that need not be of one length.
pub struct Rows {
    values: Vec<f32>,
    ends: Vec<usize>,
}

impl Rows {
    pub fn new(what: &'static str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
            let (mut values, mut ends) = (Vec::new(), Vec::new());
            for row in value.try_iter()? {
                let row = any(what, &row?)?;
                dimensions(what, 1, &row)?;
                values.extend(real(what, &row)?);
                ends.push(values.len());
            }
            return Ok(Self { values, ends });
        }
        let array = any(what, value)?;
        dimensions(what, 2, &array)?;
        let width = array.shape()[1];
        let ends = (1..=array.shape()[0]).map(|row| row * width).collect();
        Ok(Self { values: real(what, &array)?, ends })
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn get(&self, row: usize) -> &[f32] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.values[start..self.ends[row]]
    }
}
