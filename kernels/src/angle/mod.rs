//! Sums of unit rows: what the angle concentration of hidden states is made of.

use std::ops::Range;

/// Where a sample lies among the token rows: the part that it shares with others, and its own.
/// Either may be empty; a prefix may be shared by many samples and is then summed once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spans {
    /// The rows of the prefix.
    pub prefix: Range<usize>,
    /// The rows of the question.
    pub question: Range<usize>,
}

/// The least length that a row is divided by.
pub const EPSILON: f64 = 1e-12;

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
