//! Several scores of the same rows, for one read of them.

use curricle_kernels::Element;
use curricle_kernels::logits::{self, RowSums};

use super::{Logits, NonFinite, Reading, Score, Uncertainty};
use crate::base::error::{Result, length, within};

/// Several [`Score`]s of rows of logits. The sums over a row are made once for each temperature that
/// some score needs, whatever the number of scores: a Rényi entropy of another order than 0, 1, 2 or
/// infinity takes a second one, and two of the same order share it.
///
/// Cost: one read of the logits for each of these temperatures, on all cores.
///
/// ```
/// use curricle::signal::uncertainty::{Logits, Score, ScoreSet};
///
/// let set = ScoreSet::new(&[Score::Margin, Score::Renyi(0.5)]).temperature(2.0);
/// let logits = Logits { rows: &[4.0f32, 0.0, 0.0, 0.0, 0.0, 0.0], vocab: 3 };
/// let readings = set.read(&logits, 0)?;
/// let [margins, entropies] = [0, 1].map(|score| &readings[score]);
/// assert!(margins[0].unwrap().value > margins[1].unwrap().value);
/// assert!((entropies[1].unwrap().value - 3f64.ln()).abs() < 1e-12);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreSet {
    scores: Vec<Score>,
    temperature: f64,
    non_finite: NonFinite,
}

impl ScoreSet {
    /// Scores at temperature 1 that refuse faulty rows.
    pub fn new(scores: &[Score]) -> Self {
        Self { scores: scores.to_vec(), temperature: 1.0, non_finite: NonFinite::Error }
    }

    /// Sets the temperature of the softmax, in `[1e-6, 1e6]`; default 1.
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

    /// The scores.
    pub fn scores(&self) -> &[Score] {
        &self.scores
    }

    /// Reads each row: for each score its readings, `None` for a row that is left out. `first` is what
    /// the first of these rows is called in errors, so that a file can be read some rows at a time.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) or [`Error::Empty`](crate::Error::Empty) with the
    /// row as index, if faulty rows are refused: the first of them, whichever score;
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a temperature outside `[1e-6, 1e6]`, or an
    /// order that is negative or outside of that range and none of 0, 1, 2 and infinity;
    /// [`Error::Length`](crate::Error::Length) if the logits are not whole rows.
    pub fn read<E: Element>(
        &self,
        logits: &Logits<'_, E>,
        first: u64,
    ) -> Result<Vec<Vec<Option<Reading>>>> {
        let count = logits.rows.len().checked_div(logits.vocab).unwrap_or(0);
        length("logits", count * logits.vocab, logits.rows.len())?;
        // The sums of all rows at each temperature, and where each score finds its second one.
        let mut temperatures = vec![within("temperature", self.temperature, 1e-6, 1e6)?];
        let mut second: Vec<Option<usize>> = Vec::with_capacity(self.scores.len());
        for &score in &self.scores {
            second.push(match second_temperature(score, self.temperature)? {
                Some(wanted) => {
                    let found = temperatures.iter().position(|&other| other == wanted);
                    Some(found.unwrap_or_else(|| {
                        temperatures.push(wanted);
                        temperatures.len() - 1
                    }))
                }
                None => None,
            });
        }
        let sums: Vec<Vec<RowSums>> = temperatures
            .into_iter()
            .map(|temperature| {
                let mut sums = vec![logits::exact(&[], temperature); count];
                logits::rows(logits.rows, logits.vocab, temperature, &mut sums);
                sums
            })
            .collect();
        let mut readings = vec![Vec::with_capacity(count); self.scores.len()];
        for (row, own) in sums[0].iter().enumerate() {
            for ((&score, second), readings) in self.scores.iter().zip(&second).zip(&mut readings) {
                let uncertainty =
                    Uncertainty::new(score).temperature(self.temperature).non_finite(self.non_finite);
                let second = second.map(|second| &sums[second][row]);
                let name = first.saturating_add(row as u64);
                readings.push(uncertainty.reading(name, logits.vocab, own, second)?);
            }
        }
        Ok(readings)
    }
}

/// The second temperature of a score, if it has one that sums can be made at.
pub(super) fn second_temperature(score: Score, temperature: f64) -> Result<Option<f64>> {
    let second = score.second_temperature(temperature);
    if let (Some(_), Score::Renyi(order)) = (second, score) {
        within("order of an entropy", order, 1e-6, 1e6)?;
    }
    Ok(second)
}
