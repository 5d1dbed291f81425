//! The sums of unit rows on the CPU, each row read from memory once.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{Dots, EPSILON, Spans};
use crate::lanes::{Array, LANES, Lanes, filled};
use crate::{Element, Error};

/// Rows that are summed in `f32` before their sum is added in `f64`, and the grain of the work that
/// cores share. The boundaries depend on the span only, so results do not depend on the cores.
const CHUNK: usize = 256;
/// Rows that are read together: the accumulator is then loaded and stored once for all of them.
const GROUP: usize = 4;
/// Numbers of a row that are widened at a time: 1 KiB of `f32`, which stay in the first cache.
const BLOCK: usize = 256;

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
/// memory of 8 `dim` bytes for each distinct prefix and for each core, and of 4 `dim` bytes for every
/// 256 rows of the spans being summed.
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
        Arch::new().dispatch(AddAll { chunk: &mut chunk, rows });
        chunk
    }

    #[inline(always)]
    fn add_all<S: Simd, E: Element>(&mut self, simd: S, rows: &[E]) {
        let dim = self.sum.len();
        for (number, group) in rows.chunks(GROUP * dim).enumerate() {
            let mut scales = [0.0; GROUP];
            let mut plain = group.len() == GROUP * dim;
            for (scale, row) in scales.iter_mut().zip(group.chunks_exact(dim)) {
                let squares = sum_of_squares(simd, row);
                // Written so that NaN fails.
                plain &= squares >= PLAIN.0 && squares <= PLAIN.1;
                *scale = 1.0 / squares.sqrt();
            }
            if plain {
                self.add_group(group, scales);
                self.diagonal += GROUP as f64;
                continue;
            }
            for (index, row) in group.chunks_exact(dim).enumerate() {
                if !self.add_one(row) {
                    self.fault = Some(number * GROUP + index);
                    return;
                }
            }
        }
    }

    #[inline(always)]
    fn add_group<E: Element>(&mut self, rows: &[E], scales: [f32; GROUP]) {
        let dim = self.sum.len();
        let mut rooms = [[0.0; BLOCK]; GROUP];
        let [wa, wb, wc, wd] = &mut rooms;
        let [sa, sb, sc, sd] = scales;
        for (number, sum) in self.sum.chunks_mut(BLOCK).enumerate() {
            let part = |row: usize| &rows[row * dim + number * BLOCK..][..sum.len()];
            let (a, b) = (E::widen(part(0), wa), E::widen(part(1), wb));
            let (c, d) = (E::widen(part(2), wc), E::widen(part(3), wd));
            for ((((sum, a), b), c), d) in sum.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                *sum += (a * sa + b * sb) + (c * sc + d * sd);
            }
        }
    }

    /// Adds one row of whatever size, or finds that it is not finite.
    #[inline(never)]
    fn add_one<E: Element>(&mut self, row: &[E]) -> bool {
        let mut room = vec![0.0; row.len()];
        let row = E::widen(row, &mut room);
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

/// [`Chunk::add_all`], compiled for each instruction set. A closure would not do: it stays a function of its
/// own, which has the instructions of the oldest processor.
struct AddAll<'a, E> {
    chunk: &'a mut Chunk,
    rows: &'a [E],
}

impl<E: Element> WithSimd for AddAll<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.chunk.add_all(simd, self.rows);
    }
}

/// Sums of squares for which `1 / sqrt` in `f32` is as good as any: no square that matters has
/// under- or overflowed, and the norm is beyond [`EPSILON`].
const PLAIN: (f32, f32) = (1e-20, 1e30);

/// The sum of squares in 64 parts, so that no addition need wait for the one before it.
#[inline(always)]
fn sum_of_squares<S: Simd, E: Element>(simd: S, row: &[E]) -> f32 {
    let mut room = [0.0; BLOCK];
    let zero = Lanes::splat(simd, 0.0);
    let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
    let square = |sum: Lanes<S>, x: &Array| {
        let x = Lanes::load(simd, x);
        sum.plus_product(simd, x, x)
    };
    for block in row.chunks(BLOCK) {
        let (chunks, tail) = E::widen(block, &mut room).as_chunks::<LANES>();
        let (fours, rest) = chunks.as_chunks::<4>();
        for [w, x, y, z] in fours {
            (a, b, c, d) = (square(a, w), square(b, x), square(c, y), square(d, z));
        }
        for x in rest {
            a = square(a, x);
        }
        if !tail.is_empty() {
            a = square(a, &filled(tail, 0.0));
        }
    }
    a.plus(simd, b).plus(simd, c.plus(simd, d)).total() as f32
}
