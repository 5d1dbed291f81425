//! A borrowed matrix of checked numbers.

use crate::base::error::{Error, Result, finite};

/// A pool as a matrix `[n, dim]` of finite `f32`, row after row: embeddings, features, residuals.
///
/// ```
/// use curricle::Error;
/// use curricle::test_time::select::Rows;
///
/// let rows = Rows::new(&[0.0, 1.0, 2.0, 3.0], 2)?;
/// assert_eq!((rows.count(), rows.row(1)), (2, &[2.0, 3.0][..]));
/// assert!(matches!(Rows::new(&[0.0, f32::NAN], 1), Err(Error::NonFinite { index: 1, .. })));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    values: &'a [f32],
    dim: usize,
}

impl<'a> Rows<'a> {
    /// A matrix whose rows have `dim` elements. Cost: one read.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if `dim` is 0 or the squared norm of a row exceeds `f32::MAX / 4` (a
    /// squared distance would then overflow), [`Error::Length`] if the last row is incomplete,
    /// [`Error::NonFinite`] naming the row.
    pub fn new(values: &'a [f32], dim: usize) -> Result<Self> {
        if dim == 0 {
            let high = u32::MAX.into();
            return Err(Error::OutOfRange { what: "dimension of a row", value: 0.0, low: 1.0, high });
        }
        if !values.len().is_multiple_of(dim) {
            let expected = values.len().next_multiple_of(dim);
            return Err(Error::Length { what: "rows", expected, found: values.len() });
        }
        let high = f64::from(f32::MAX) / 4.0;
        for (index, row) in values.chunks_exact(dim).enumerate() {
            // The plain sum is NaN or infinite if an element is, and is read by the vector units.
            let squares: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
            if !squares.is_finite() {
                let bad = row.iter().find(|x| !x.is_finite()).copied().unwrap_or(f32::NAN);
                finite("row", index as u64, bad.into())?;
            }
            if squares > high {
                return Err(Error::OutOfRange {
                    what: "squared norm of a row",
                    value: squares,
                    low: 0.0,
                    high,
                });
            }
        }
        Ok(Self { values, dim })
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.values.len() / self.dim
    }

    /// How many elements a row has.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// A row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, index: usize) -> &'a [f32] {
        &self.values[index * self.dim..(index + 1) * self.dim]
    }

    /// All elements.
    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    /// `sum_k self[i, k] point[k]` in `f64`, for every row, written to `into`.
    pub(super) fn products(&self, point: &[f32], into: &mut [f64]) {
        for (into, row) in into.iter_mut().zip(self.values.chunks_exact(self.dim)) {
            *into = product(row, point);
        }
    }
}

/// An inner product in `f64`, in eight partial sums: symmetric in its arguments, bit for bit.
pub(super) fn product(x: &[f32], y: &[f32]) -> f64 {
    let mut lanes = [0.0f64; 8];
    let (xs, x_rest) = x.as_chunks::<8>();
    let (ys, y_rest) = y.as_chunks::<8>();
    for (x, y) in xs.iter().zip(ys) {
        for lane in 0..8 {
            lanes[lane] += f64::from(x[lane]) * f64::from(y[lane]);
        }
    }
    for (lane, (&x, &y)) in x_rest.iter().zip(y_rest).enumerate() {
        lanes[lane] += f64::from(x) * f64::from(y);
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}
