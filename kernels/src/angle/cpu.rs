//! The sums of unit rows on the CPU, each row read from memory once.

use std::ops::Range;

use rayon::prelude::*;

use super::{Dots, EPSILON, Spans};
use crate::{Element, Error};

/// Rows that are summed in `f32` before their sum is added in `f64`, and the grain of the work that
/// cores share. The boundaries depend on the span only, so results do not depend on the cores.
const CHUNK: usize = 256;
/// Rows that are read together: the accumulator is then loaded and stored once for all of them.
const GROUP: usize = 4;
/// Independent partial sums of squares, so that an addition need not wait for the last one.
const LANES: usize = 64;

/// The sum of unit rows: 8 bytes a dimension, whatever the number of rows.
///
/// `u_i = x_i / max(|x_i|, 1e-12)`, `S = sum u_i`, `D = sum |u_i|^2`. Two sums over different rows,
/// be they chunks of a sequence, shares of several machines or a cached prefix, are merged by adding.
/// Within a call of [`add`](Self::add) up to 256 rows are summed in `f32`; the rest is `f64`.
///
/// ```
/// use curricle_kernels::angle::UnitSum;
///
/// let mut whole = UnitSum::new(2);
/// whole.add(&[3.0f32, 4.0, 0.0, 2.0])?;
/// let mut part = UnitSum::new(2);
/// part.add(&[0.0f32, -1.0])?;
/// whole.merge(&part);
/// assert_eq!(whole.rows(), 3);
/// assert!((whole.dot(&whole) - (0.6f64.powi(2) + 0.8f64.powi(2))).abs() < 1e-6);
/// # Ok::<(), curricle_kernels::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct UnitSum {
    sum: Vec<f64>,
    diagonal: f64,
    rows: u64,
}

impl UnitSum {
    /// The sum of no rows of `dim` numbers.
    pub fn new(dim: usize) -> Self {
        Self { sum: vec![0.0; dim], diagonal: 0.0, rows: 0 }
    }

    /// Adds rows, which stand one after the other, on all cores.
    ///
    /// # Errors
    /// [`Error::Shape`] if they are not whole rows, [`Error::NonFinite`] if a row holds NaN or an
    /// infinity (the row counts from the first of this call). Nothing has been added then.
    pub fn add<E: Element>(&mut self, rows: &[E]) -> Result<(), Error> {
        let dim = self.sum.len();
        if dim == 0 || !rows.len().is_multiple_of(dim) {
            return Err(Error::Shape { len: rows.len(), dim });
        }
        let chunks: Vec<Chunk> = if rows.len() <= CHUNK * dim {
            vec![Chunk::of(rows, dim)]
        } else {
            rows.par_chunks(CHUNK * dim).map(|rows| Chunk::of(rows, dim)).collect()
        };
        for (index, chunk) in chunks.iter().enumerate() {
            if let Some(row) = chunk.fault {
                return Err(Error::NonFinite { row: index * CHUNK + row });
            }
        }
        for chunk in &chunks {
            for (sum, &part) in self.sum.iter_mut().zip(&chunk.sum) {
                *sum += f64::from(part);
            }
            self.diagonal += chunk.diagonal;
        }
        self.rows += (rows.len() / dim) as u64;
        Ok(())
    }

    /// Adds the sum of other rows.
    ///
    /// # Panics
    /// If the dimensions differ.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.sum.len(), other.sum.len(), "sums of different dimension");
        for (sum, part) in self.sum.iter_mut().zip(&other.sum) {
            *sum += part;
        }
        self.diagonal += other.diagonal;
        self.rows += other.rows;
    }

    /// The inner product with another sum: the sum of all cosines between the rows of the two.
    ///
    /// # Panics
    /// If the dimensions differ.
    pub fn dot(&self, other: &Self) -> f64 {
        assert_eq!(self.sum.len(), other.sum.len(), "sums of different dimension");
        self.sum.iter().zip(&other.sum).map(|(a, b)| a * b).sum()
    }

    /// `D`, the sum of squared lengths: the number of rows that are not (nearly) zero.
    pub fn diagonal(&self) -> f64 {
        self.diagonal
    }

    /// How many rows have been added, zero rows included.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

/// The [`Dots`] of each sample over `states`, rows of `dim` numbers, on all cores.
///
/// A prefix that several samples share is summed once. Cost: one read of the rows within spans;
/// memory of 8 `dim` bytes for each distinct prefix and for each core.
///
/// # Errors
/// [`Error::Shape`] if `states` are not whole rows, [`Error::Backwards`] or [`Error::OutOfRange`] for a span
/// that is none of them,
/// [`Error::NonFinite`] for a row of a span with NaN or an infinity: the first such row of the first
/// prefix or question that has one.
///
/// ```
/// use curricle_kernels::angle::{Spans, dots};
///
/// let states = [1.0f32, 0.0, 3.0, 4.0, 4.0, 3.0];
/// let dots = dots(&states, 2, &[Spans { prefix: 0..1, question: 1..3 }])?;
/// assert!((dots[0].question / 4.0 - 0.98).abs() < 1e-6);
/// assert!((dots[0].inter / 2.0 - 0.7).abs() < 1e-6);
/// # Ok::<(), curricle_kernels::Error>(())
/// ```
pub fn dots<E: Element>(states: &[E], dim: usize, spans: &[Spans]) -> Result<Vec<Dots>, Error> {
    if dim == 0 || !states.len().is_multiple_of(dim) {
        return Err(Error::Shape { len: states.len(), dim });
    }
    super::check(spans, states.len() / dim)?;
    let sum_of = |rows: &Range<usize>| {
        let mut sum = UnitSum::new(dim);
        sum.add(&states[rows.start * dim..rows.end * dim]).map_err(|error| error.after(rows.start))?;
        Ok(sum)
    };
    let (prefixes, of_sample) = super::distinct_prefixes(spans);
    let prefixes: Vec<UnitSum> = prefixes.par_iter().map(&sum_of).collect::<Result<_, Error>>()?;
    let dots = spans.par_iter().zip(&of_sample).map(|(span, &prefix)| {
        let question = sum_of(&span.question)?;
        Ok(Dots {
            question: question.dot(&question),
            diagonal: question.diagonal(),
            inter: question.dot(&prefixes[prefix]),
        })
    });
    dots.collect()
}

/// The sum over at most [`CHUNK`] rows.
struct Chunk {
    sum: Vec<f32>,
    diagonal: f64,
    /// The first row that is not finite.
    fault: Option<usize>,
}

impl Chunk {
    fn of<E: Element>(rows: &[E], dim: usize) -> Self {
        let mut chunk = Self { sum: vec![0.0; dim], diagonal: 0.0, fault: None };
        let mut room = vec![0.0; if size_of::<E>() == 4 { 0 } else { GROUP * dim }];
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || chunk.add_all(rows, dim, &mut room),
        );
        chunk
    }

    #[inline(always)]
    fn add_all<E: Element>(&mut self, rows: &[E], dim: usize, room: &mut [f32]) {
        let mut first = 0;
        for group in rows.chunks(GROUP * dim) {
            let mut scales = [0.0; GROUP];
            let wide = E::widen(group, room);
            let mut plain = wide.len() == GROUP * dim;
            for (scale, row) in scales.iter_mut().zip(wide.chunks_exact(dim)) {
                let squares = sum_of_squares(row);
                // Written so that NaN fails.
                plain &= squares >= PLAIN.0 && squares <= PLAIN.1;
                *scale = 1.0 / squares.sqrt();
            }
            if plain {
                self.add_group(wide, dim, scales);
                self.diagonal += GROUP as f64;
            } else {
                for (index, row) in wide.chunks_exact(dim).enumerate() {
                    if !self.add_one(row) {
                        self.fault = Some(first + index);
                        return;
                    }
                }
            }
            first += GROUP;
        }
    }

    #[inline(always)]
    fn add_group(&mut self, rows: &[f32], dim: usize, scales: [f32; GROUP]) {
        let (a, rest) = rows.split_at(dim);
        let (b, rest) = rest.split_at(dim);
        let (c, d) = rest.split_at(dim);
        let [sa, sb, sc, sd] = scales;
        for ((((sum, a), b), c), d) in self.sum.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *sum += (a * sa + b * sb) + (c * sc + d * sd);
        }
    }

    /// Adds one row of whatever size, or finds that it is not finite.
    #[inline(never)]
    fn add_one(&mut self, row: &[f32]) -> bool {
        // The square of any f32, and the sum of any number of them, is a normal f64.
        let squares: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let norm = squares.sqrt().max(EPSILON);
        if !squares.is_finite() {
            return false;
        }
        for (sum, &x) in self.sum.iter_mut().zip(row) {
            *sum += (f64::from(x) / norm) as f32;
        }
        self.diagonal += squares / (norm * norm);
        true
    }
}

/// Sums of squares for which `1 / sqrt` in `f32` is as good as any: no square that matters has
/// under- or overflowed, and the norm is beyond [`EPSILON`].
const PLAIN: (f32, f32) = (1e-20, 1e30);

#[inline(always)]
fn sum_of_squares(row: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (blocks, tail) = row.as_chunks::<LANES>();
    for block in blocks {
        for (lane, x) in lanes.iter_mut().zip(block) {
            *lane += x * x;
        }
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
    }
    tail.iter().fold(lanes[0], |sum, x| sum + x * x)
}
