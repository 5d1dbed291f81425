//! Uncertainty of rows of logits, as a signal.

use curricle_kernels::Element;
use curricle_kernels::logits::{self, RowSums};
use serde::{Deserialize, Serialize};

use super::score_set::second_temperature;
use super::{NonFinite, Score, ScoreSet};
use crate::base::error::{Error, Result, length, within};

/// Rows of logits, row-major, shape `[rows.len() / vocab, vocab]`: one row for each sample.
///
/// An element is `f32`, `f16` or `bf16`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Logits<'a, E> {
    /// The logits.
    pub rows: &'a [E],
    /// How many there are in a row.
    pub vocab: usize,
}

/// A [`Score`] of each row of [`Logits`], turned so that high means uncertain: the more so, the more
/// there is to learn.
///
/// Cost: one read of the logits on all cores (two for a Rényi entropy of another order than 0, 1, 2 or
/// infinity). A row's score depends on nothing but the row.
///
/// ```
/// use curricle::Signal;
/// use curricle::signal::uncertainty::{Logits, Score, Uncertainty};
///
/// let logits = Logits { rows: &[5.0f32, 0.0, 0.0, 0.1, 0.0, 0.0], vocab: 3 };
/// let mut scores = [0.0; 2];
/// Uncertainty::new(Score::Margin).score(&logits, &mut scores)?;
/// assert!(scores[0] < scores[1]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Uncertainty {
    score: Score,
    temperature: f64,
    non_finite: NonFinite,
}

/// What is known of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Reading {
    /// The score, in its own sense.
    pub value: f64,
    /// Turned so that high means uncertain.
    pub uncertainty: f64,
    /// Whether the row was faulty, and the value is what [`NonFinite`] makes of it.
    pub faulty: bool,
}

impl Uncertainty {
    /// A score at temperature 1 that refuses faulty rows.
    pub fn new(score: Score) -> Self {
        Self { score, temperature: 1.0, non_finite: NonFinite::Error }
    }

    /// Sets the temperature of the softmax; default 1.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = temperature;
        self
    }

    /// Sets what becomes of faulty rows; default [`NonFinite::Error`].
    #[must_use]
    pub fn non_finite(mut self, policy: NonFinite) -> Self {
        self.non_finite = policy;
        self
    }

    /// Reads each row; `None` for one that is left out.
    ///
    /// # Errors
    /// [`Error::NonFinite`] or [`Error::Empty`] with the row as index, if faulty rows are refused;
    /// [`Error::OutOfRange`] for a temperature outside `[1e-6, 1e6]` or a negative order;
    /// [`Error::Length`] if the logits are not whole rows.
    ///
    /// ```
    /// use curricle::signal::uncertainty::{Logits, NonFinite, Score, Uncertainty};
    ///
    /// let logits = Logits { rows: &[0.0f32, 0.0, f32::NAN, 0.0], vocab: 2 };
    /// let entropy = Uncertainty::new(Score::NormalisedEntropy).non_finite(NonFinite::Skip);
    /// let readings = entropy.read(&logits)?;
    /// assert_eq!(readings[0].map(|reading| reading.value), Some(1.0));
    /// assert_eq!(readings[1], None);
    /// # Ok::<(), curricle::Error>(())
    /// ```
    pub fn read<E: Element>(&self, logits: &Logits<'_, E>) -> Result<Vec<Option<Reading>>> {
        let Self { score, temperature, non_finite } = *self;
        let set = ScoreSet::new(&[score]).temperature(temperature).non_finite(non_finite);
        Ok(set.read(logits, 0)?.pop().unwrap_or_default())
    }

    /// Reads one row of `f64`, to the last digits of the logits divided by the temperature: at one that is a power of
    /// two, of the logits themselves.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    ///
    /// ```
    /// use curricle::signal::uncertainty::{Score, Uncertainty};
    ///
    /// let reading = Uncertainty::new(Score::Entropy).read_exactly(&[0.0, 0.0])?.unwrap();
    /// assert!((reading.value - 2f64.ln()).abs() < 1e-15);
    /// # Ok::<(), curricle::Error>(())
    /// ```
    pub fn read_exactly(&self, row: &[f64]) -> Result<Option<Reading>> {
        within("temperature", self.temperature, 1e-6, 1e6)?;
        let second = second_temperature(self.score, self.temperature)?;
        let second = second.map(|temperature| logits::exact(row, temperature));
        self.reading(0, row.len(), &logits::exact(row, self.temperature), second.as_ref())
    }

    /// Reads one row from its sums: several scores can be had of one pass over the logits. `row` names
    /// it in errors, `vocab` is its length, `second` are its sums at the score's
    /// [second temperature](Score::second_temperature).
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    ///
    /// ```
    /// use curricle_kernels::logits;
    /// use curricle::signal::uncertainty::{Score, Uncertainty};
    ///
    /// let sums = logits::row(&[2.0f32, 1.0, 1.0], 1.0);
    /// for score in [Score::Entropy, Score::Margin] {
    ///     assert!(Uncertainty::new(score).reading(0, 3, &sums, None)?.is_some());
    /// }
    /// # Ok::<(), curricle::Error>(())
    /// ```
    pub fn reading(
        &self,
        row: u64,
        vocab: usize,
        sums: &RowSums,
        second: Option<&RowSums>,
    ) -> Result<Option<Reading>> {
        let (value, faulty) = match (self.score.of_two(sums, second), self.non_finite) {
            (Ok(value), _) => (value, false),
            (Err(Error::NonFinite { what, value, .. }), NonFinite::Error) => {
                return Err(Error::NonFinite { what, index: row, value });
            }
            (Err(Error::Empty { what, .. }), NonFinite::Error) => {
                return Err(Error::Empty { what, index: row });
            }
            (Err(Error::NonFinite { .. } | Error::Empty { .. }), NonFinite::Skip) => return Ok(None),
            (Err(Error::NonFinite { .. } | Error::Empty { .. }), NonFinite::Propagate) => {
                (f64::NAN, true)
            }
            (Err(Error::NonFinite { .. } | Error::Empty { .. }), NonFinite::TreatAsUncertain) => {
                (self.score.at_worst(vocab), true)
            }
            (Err(other), _) => return Err(other),
        };
        Ok(Some(Reading { value, uncertainty: self.score.uncertainty(value), faulty }))
    }
}

impl Uncertainty {
    /// Writes the uncertainty of each row into `scores`, for a ranking.
    ///
    /// Infinite uncertainties are written as the greatest or least `f32`, and so is a row that is left out: least.
    ///
    /// # Errors
    /// As [`read`](Self::read); [`Error::Length`](crate::Error::Length) for another number of scores.
    pub fn score<E: Element>(&self, evidence: &Logits<'_, E>, scores: &mut [f32]) -> Result<()> {
        let readings = self.read(evidence)?;
        length("scores", readings.len(), scores.len())?;
        for (reading, slot) in readings.iter().zip(scores) {
            let uncertainty = reading.map_or(f64::NEG_INFINITY, |reading| reading.uncertainty);
            // A NaN that is to be propagated passes through.
            *slot = uncertainty.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
        }
        Ok(())
    }
}
