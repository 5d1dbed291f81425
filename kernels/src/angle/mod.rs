//! Sums of unit rows: what the angle concentration of hidden states is made of.
//!
//! The mean cosine over all pairs of `n` vectors is `|sum u|^2 / n^2`, with `u` the unit vectors, so the
//! quadratic sum costs one read of the vectors.

mod cpu;

use std::collections::BTreeMap;
use std::ops::Range;

pub use cpu::{UnitSum, dots};

use crate::Error;

/// The least length that a row is divided by.
pub const EPSILON: f64 = 1e-12;

/// Where a sample lies among the token rows: the part that it shares with others, and its own.
/// Either may be empty; a prefix may be shared by many samples and is then summed once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spans {
    /// The rows of the prefix.
    pub prefix: Range<usize>,
    /// The rows of the question.
    pub question: Range<usize>,
}

/// The sums over one sample, with `u = x / max(|x|, 1e-12)` of a token row `x`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Dots {
    /// `|sum u|^2` over the question: the sum of all cosines within it, the diagonal included.
    pub question: f64,
    /// `sum |u|^2` over the question: how many of its rows are not zero.
    pub diagonal: f64,
    /// `(sum u over the question) . (sum u over the prefix)`: the sum of all cosines between them.
    pub inter: f64,
}

/// Checks that all spans lie within the rows.
pub(crate) fn check(spans: &[Spans], rows: usize) -> Result<(), Error> {
    for (sample, Spans { prefix, question }) in spans.iter().enumerate() {
        for span in [prefix, question] {
            if span.start > span.end {
                return Err(Error::Backwards { sample, start: span.start, end: span.end });
            }
            if span.end > rows {
                return Err(Error::OutOfRange { sample, end: span.end, rows });
            }
        }
    }
    Ok(())
}

/// The distinct prefixes in the order of their first row, and which of them each sample has.
pub(crate) fn distinct_prefixes(spans: &[Spans]) -> (Vec<Range<usize>>, Vec<usize>) {
    let mut numbers: BTreeMap<(usize, usize), usize> =
        spans.iter().map(|span| ((span.prefix.start, span.prefix.end), 0)).collect();
    for (number, slot) in numbers.values_mut().enumerate() {
        *slot = number;
    }
    let of_sample = spans.iter().map(|span| numbers[&(span.prefix.start, span.prefix.end)]).collect();
    (numbers.into_keys().map(|(start, end)| start..end).collect(), of_sample)
}
