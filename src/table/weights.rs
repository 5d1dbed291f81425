//! Weights of samples from columns.

use super::{Result, Table, statistics};
use crate::base::error::within;
use crate::base::math::{exp, ln};

/// The least weight beside the greatest: what scored worst by everything can still be drawn.
const LEAST: f64 = 1.0 / 1_048_576.0;

impl Table {
    /// The weights of `samples` samples by some columns, for [`Builder::weights`](crate::Builder::weights): a product
    /// of quantiles with exponents.
    ///
    /// ```text
    /// q = (rank + 1/2) / n                  equal values share the mean of their ranks, the least has rank 0
    /// weight = prod over columns of   q^e   for e > 0: the greater the better
    ///                           (1 - q)^-e  for e < 0: the less the better
    /// ```
    ///
    /// divided by the greatest, and at least 2^-20. Quantiles have no scale, so that an angle, a log-ratio and a length
    /// can stand side by side; an exponent of 0 takes a column out, one of 1 draws the best twice as often as the
    /// middle, where only this column counts.
    ///
    /// ```
    /// use curricle::table::{Column, Provenance, Table};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let table = Table::new(Provenance::default(), vec![0, 1, 2, 3])?
    ///     .column("angle", Column::Number([0.1, 0.4, 0.2, 0.3].map(Some).to_vec()))?
    ///     .column("length", Column::Count(vec![20, 20, 300, 10]))?;
    /// let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
    /// let by_angle = table.weights(&[("angle", 1.0)], 4)?;
    /// assert!(by_angle[1] == 1.0 && close(by_angle[0], 1.0 / 7.0) && close(by_angle[2], 3.0 / 7.0));
    /// let short = table.weights(&[("angle", 1.0), ("length", -1.0)], 4)?;
    /// assert!(short[3] == 1.0 && close(short[2], 0.375 * 0.125 / (0.625 * 0.875)));
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: O(n log n) a column.
    ///
    /// # Errors
    /// [`TableError::NoColumn`](super::TableError::NoColumn);
    /// [`TableError::Undefined`](super::TableError::Undefined) for a sample without a value in a column that counts;
    /// [`TableError::Stray`](super::TableError::Stray) and [`TableError::Gap`](super::TableError::Gap) as for
    /// [`ranks`](Self::ranks); [`Error::OutOfRange`](crate::Error::OutOfRange) for an exponent that is not in `[-16,
    /// 16]`.
    pub fn weights(&self, factors: &[(&str, f64)], samples: u64) -> Result<Vec<f64>> {
        self.complete(samples)?;
        let mut logarithms = vec![0.0; self.samples.len()];
        for &(name, exponent) in factors {
            within("exponent of a column", exponent, -16.0, 16.0)?;
            let column = self.need(name)?;
            if exponent == 0.0 {
                continue;
            }
            self.defined(name)?;
            let values: Vec<f64> = (0..column.len()).filter_map(|row| column.number(row)).collect();
            let ranks = statistics::mid_ranks(&values);
            for (&sample, rank) in self.samples.iter().zip(&ranks) {
                let below = (rank + 0.5) / values.len() as f64;
                let quantile = if exponent < 0.0 { 1.0 - below } else { below };
                // All numbers of samples are below their count.
                logarithms[sample as usize] += exponent.abs() * ln(quantile);
            }
        }
        let greatest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights = logarithms.iter().map(|logarithm| exp(logarithm - greatest).max(LEAST)).collect();
        Ok(weights)
    }
}
