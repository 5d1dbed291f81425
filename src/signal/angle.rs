//! Angle concentration of hidden states: the signal of GAIN-RL.

pub use curricle_kernels::Element;
use curricle_kernels::angle::dots;
pub use curricle_kernels::angle::{Dots, Spans, UnitSum};

use crate::base::error::{Error, Result, length};

/// Hidden states of the tokens of several samples, and where each sample lies: the evidence of
/// [`Angle`].
///
/// The states are those of the model's last layer, after its normalisation, one row of `dim` numbers
/// a token. Padding belongs to no span. `E` is `f32`, `half::f16` or `half::bf16`.
#[derive(Debug, Clone, Copy)]
pub struct HiddenStates<'a, E> {
    /// `[tokens, dim]`, row by row.
    pub states: &'a [E],
    /// Numbers in a row.
    pub dim: usize,
    /// Where each sample lies among the rows.
    pub spans: &'a [Spans],
}

impl<E: Element> HiddenStates<'_, E> {
    /// The concentration of each sample: one read of the rows, on all cores, and the same result for
    /// any number of them. A prefix that several samples share is summed once.
    ///
    /// Sums of up to 256 rows are `f32`, all else is `f64`: within 2e-6 of the pairwise definition.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel) for states that are not whole rows, a span beyond them,
    /// a row of a span that is not finite.
    ///
    /// ```
    /// use curricle::signal::{HiddenStates, Spans};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let states = [1.0f32, 0.0, 3.0, 4.0, 4.0, 3.0];
    /// let spans = [Spans { prefix: 0..1, question: 1..3 }];
    /// let found = HiddenStates { states: &states, dim: 2, spans: &spans }.concentrations()?;
    /// assert!((found[0].intra.unwrap() - 0.98).abs() < 1e-6);
    /// assert!((found[0].total().unwrap() - 1.68).abs() < 1e-6);
    /// # Ok(()) }
    /// ```
    pub fn concentrations(&self) -> Result<Vec<Concentration>> {
        let dots = dots(self.states, self.dim, self.spans)?;
        Ok(dots.iter().zip(self.spans).map(|(dots, spans)| Concentration::new(dots, spans)).collect())
    }
}

/// How far the hidden states of a sample point one way: mean cosines.
///
/// With `q` tokens in the question, `n` in the prefix, and `u` the unit vectors:
///
/// | part | formula | undefined if |
/// |--|--|--|
/// | `intra` | `sum_ij u_i.u_j / q^2` over the question | `q = 0` |
/// | `intra_no_diag` | `sum_(i != j) u_i.u_j / (q (q - 1))` | `q < 2` |
/// | `inter` | `sum u_i.u_j / (q n)`, question by prefix | `q = 0` or `n = 0` |
///
/// A zero row is counted among the tokens and has cosine 0 with all, itself included. The paper's form
/// contains the diagonal, and with it a bias of `(1 - c) / q` towards short questions;
/// `intra_no_diag` has none.
///
/// Paper: Wang et al., *Angles Don't Lie* (GAIN-RL), arXiv 2506.02281.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Concentration {
    /// Within the question, each token with itself included.
    pub intra: Option<f64>,
    /// Within the question, between different tokens.
    pub intra_no_diag: Option<f64>,
    /// Between question and prefix.
    pub inter: Option<f64>,
    /// Tokens of the question.
    pub tokens: usize,
}

impl Concentration {
    /// The concentration that the sums over a sample make.
    pub fn new(dots: &Dots, spans: &Spans) -> Self {
        let q = spans.question.len() as f64;
        let n = spans.prefix.len() as f64;
        let mean = |sum: f64, pairs: f64| (pairs > 0.0).then(|| sum / pairs);
        Self {
            intra: mean(dots.question, q * q),
            intra_no_diag: mean(dots.question - dots.diagonal, q * (q - 1.0)),
            inter: mean(dots.inter, q * n),
            tokens: spans.question.len(),
        }
    }

    /// The concentration of a question, given the sums over it and over its prefix, however they were
    /// put together: from chunks, from several machines, from a cached prefix.
    ///
    /// ```
    /// use curricle::signal::{Concentration, UnitSum};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let (mut prefix, mut question) = (UnitSum::new(2), UnitSum::new(2));
    /// prefix.add(&[1.0f32, 0.0])?;
    /// question.add(&[3.0f32, 4.0])?;
    /// question.add(&[4.0f32, 3.0])?;
    /// assert!((Concentration::of_sums(&question, &prefix).total().unwrap() - 1.68).abs() < 1e-6);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// If the sums differ in dimension.
    pub fn of_sums(question: &UnitSum, prefix: &UnitSum) -> Self {
        let dots = Dots {
            question: question.dot(question),
            diagonal: question.diagonal(),
            inter: question.dot(prefix),
        };
        let spans = Spans { prefix: 0..prefix.rows() as usize, question: 0..question.rows() as usize };
        Self::new(&dots, &spans)
    }

    /// The paper's score, `intra + inter`. An empty prefix counts as `inter` of 0; an empty question
    /// has no score.
    ///
    /// ```
    /// use curricle::signal::{HiddenStates, Spans};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let spans = [Spans { prefix: 0..1, question: 1..1 }];
    /// let found = HiddenStates { states: &[1.0f32, 0.0], dim: 2, spans: &spans }.concentrations()?;
    /// assert_eq!(found[0].total(), None);
    /// # Ok(()) }
    /// ```
    pub fn total(&self) -> Option<f64> {
        sum(self.intra, self.inter)
    }

    /// The score without the bias towards short questions, `intra_no_diag + inter`. One undefined part
    /// counts as 0; where neither is defined, as for an empty question, or for one token without a
    /// prefix, there is no score.
    pub fn total_no_diag(&self) -> Option<f64> {
        sum(self.intra_no_diag, self.inter)
    }
}

/// The sum of what is defined, if anything is.
fn sum(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    (a.is_some() || b.is_some()).then(|| a.unwrap_or(0.0) + b.unwrap_or(0.0))
}

/// The angle concentration of hidden states, higher first: what GAIN-RL orders samples by.
///
/// The default is the paper's score; [`unbiased`](Self::unbiased) leaves the diagonal out. Before
/// trusting an order, look at the [rank correlation with length](crate::table::Statistics): the
/// published orders are close to sorts by length.
///
/// ```
/// use curricle::signal::{Angle, HiddenStates, Signal, Spans};
///
/// # fn main() -> curricle::Result<()> {
/// let states = [1.0f32, 0.0, 3.0, 4.0, 4.0, 3.0];
/// let spans = [Spans { prefix: 0..1, question: 1..3 }, Spans { prefix: 0..1, question: 2..3 }];
/// let mut scores = [0.0; 2];
/// Angle::new().score(&HiddenStates { states: &states, dim: 2, spans: &spans }, &mut scores)?;
/// assert!((scores[0] - 1.68).abs() < 1e-6 && (scores[1] - 1.8).abs() < 1e-6);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Angle {
    no_diagonal: bool,
}

impl Angle {
    /// The paper's score.
    pub fn new() -> Self {
        Self::default()
    }

    /// The score without the bias towards short questions.
    pub fn unbiased() -> Self {
        Self { no_diagonal: true }
    }

    /// The score that a concentration makes, if it makes one.
    pub fn of(&self, concentration: &Concentration) -> Option<f64> {
        if self.no_diagonal { concentration.total_no_diag() } else { concentration.total() }
    }
}

impl Angle {
    /// Writes the concentration of each sample into `scores`, one for each span.
    ///
    /// # Errors
    /// As [`HiddenStates::concentrations`]; [`Error::Length`] for another number of scores; [`Error::Empty`]
    /// with the sample as index for one without a score. Score these by [`of`](Self::of), which leaves the
    /// decision to the caller.
    pub fn score<E: Element>(&self, evidence: &HiddenStates<'_, E>, scores: &mut [f32]) -> Result<()> {
        length("scores", evidence.spans.len(), scores.len())?;
        for (index, concentration) in evidence.concentrations()?.iter().enumerate() {
            // One token has no pair, and without a prefix nothing else that it could be compared with.
            let what = if concentration.tokens == 0 { "question" } else { "set of token pairs" };
            let empty = Error::Empty { what, index: index as u64 };
            scores[index] = self.of(concentration).ok_or(empty)? as f32;
        }
        Ok(())
    }
}
