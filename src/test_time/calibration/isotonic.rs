//! Isotonic regression.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, finite, length, within};

/// The non-decreasing step function nearest to some points in the mean square: with uncertainty and
/// error, the probability of an error at an uncertainty.
///
/// By pooling adjacent violators: points in rising order of `x`, equal ones as one; a block whose mean
/// is not above that of the block before is pooled with it. Between points the value is that of the
/// point below, and before the first that of the first.
///
/// Cost: O(n log n) to fit, O(log n) to ask.
///
/// Paper: Ayer et al., *An Empirical Distribution Function for Sampling with Incomplete Information*,
/// 1955.
///
/// ```
/// use curricle::test_time::calibration::Isotonic;
///
/// let error = Isotonic::fit(&[0.1, 0.2, 0.3, 0.4], &[0.0, 1.0, 0.0, 1.0])?;
/// assert_eq!([0.0, 0.15, 0.25, 0.9].map(|u| error.at(u)), [0.0, 0.0, 0.5, 1.0]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Isotonic {
    /// Where each step begins, and its value.
    steps: Vec<(f64, f64)>,
}

impl Isotonic {
    /// Fits points.
    ///
    /// # Errors
    /// [`Error::Length`] if the lists differ; [`Error::NonFinite`] for a number that is not finite;
    /// [`Error::Empty`] of nothing.
    pub fn fit(x: &[f64], y: &[f64]) -> Result<Self> {
        length("values", x.len(), y.len())?;
        for (index, (&x, &y)) in x.iter().zip(y).enumerate() {
            finite("point", index as u64, x)?;
            finite("value", index as u64, y)?;
            // So that sums and their products are finite, too.
            within("value", y, -1e140, 1e140)?;
        }
        if x.is_empty() {
            return Err(Error::Empty { what: "points", index: 0 });
        }
        let mut order: Vec<usize> = (0..x.len()).collect();
        order.sort_by(|&a, &b| (x[a] + 0.0).total_cmp(&(x[b] + 0.0)));
        // Where a block begins, the sum of its values, and their number.
        let mut blocks: Vec<(f64, f64, f64)> = Vec::new();
        for ties in order.chunk_by(|&a, &b| x[a] == x[b]) {
            let sum: f64 = ties.iter().map(|&point| y[point]).sum();
            blocks.push((x[ties[0]], sum, ties.len() as f64));
            while let [.., before, last] = blocks[..] {
                // The mean before is at least the mean here.
                if before.1 * last.2 < last.1 * before.2 {
                    break;
                }
                blocks.truncate(blocks.len() - 2);
                blocks.push((before.0, before.1 + last.1, before.2 + last.2));
            }
        }
        Ok(Self { steps: blocks.iter().map(|&(x, sum, count)| (x, sum / count)).collect() })
    }

    /// The value at `x`; that of the first step for NaN.
    pub fn at(&self, x: f64) -> f64 {
        let after = self.steps.partition_point(|step| step.0 <= x);
        self.steps[after.saturating_sub(1)].1
    }

    /// Where each step begins, and its value; both rise.
    pub fn steps(&self) -> &[(f64, f64)] {
        &self.steps
    }
}
