//! Temperature scaling.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, finite, length, within};
use crate::base::math::{exp, ln};

/// The temperature at which a classifier's probabilities fit its labels best.
///
/// With `beta = 1 / T` the negative log-likelihood is convex:
///
/// ```text
/// g(beta)   = mean ln sum e^(beta z) - beta z_y
/// g'(beta)  = mean E_p z - z_y              p = softmax(beta z)
/// g''(beta) = mean Var_p z
/// ```
///
/// so Newton's method on `beta`, kept within a bracket of the sign of `g'`, finds the one minimum.
///
/// Paper: Guo et al., *On Calibration of Modern Neural Networks*, arXiv 1706.04599.
///
/// ```
/// use curricle::test_time::calibration::Temperature;
///
/// let logits = [2.0, 0.0, -1.0, 0.5, 1.5, 0.0, 3.0, 2.5, 0.0, 0.0, 0.0, 4.0];
/// let fitted = Temperature::fit(&logits, 3, &[0, 1, 1, 2])?;
/// assert!((fitted.temperature() - 0.5946).abs() < 1e-4);
/// assert!(fitted.nll < fitted.nll_before);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Temperature {
    /// `beta`, the factor of the logits.
    pub inverse: f64,
    /// The mean negative log-likelihood at it.
    pub nll: f64,
    /// That at temperature 1.
    pub nll_before: f64,
}

/// The least and the greatest `beta`.
const RANGE: (f64, f64) = (1e-6, 1e6);

impl Temperature {
    /// Fits logits, row-major, shape `[labels.len(), classes]`.
    ///
    /// # Errors
    /// [`Error::Length`] if the logits are not so many; [`Error::NonFinite`] for one that is not
    /// finite; [`Error::OutOfRange`] for a label that is no class, or if there is no minimum in `[1e-6,
    /// 1e6]`: where every label has the greatest logit, the likelihood rises for ever. [`Error::Empty`]
    /// without labels.
    ///
    /// Cost: O(labels x classes) for each of about ten steps.
    pub fn fit(logits: &[f64], classes: usize, labels: &[usize]) -> Result<Self> {
        if labels.is_empty() {
            return Err(Error::Empty { what: "labels", index: 0 });
        }
        length("logits", labels.len().saturating_mul(classes), logits.len())?;
        for (index, &logit) in logits.iter().enumerate() {
            finite("logit", index as u64, logit)?;
        }
        for &label in labels {
            within("label", label as f64, 0.0, classes as f64 - 1.0)?;
        }
        let at = |beta| derivatives(logits, classes, labels, beta);
        let (mut low, mut high) = RANGE;
        let (mut beta, slope) = (1.0, [at(low)[1], at(high)[1]]);
        // Negative at the left and positive at the right, or there is no minimum between.
        let (least, most) = (f64::MIN_POSITIVE, f64::MAX);
        within("slope of the likelihood at the least temperature", slope[1], least, most)?;
        within("slope of the likelihood at the greatest temperature", slope[0], -most, -least)?;
        for _ in 0..200 {
            let [_, slope, curvature] = at(beta);
            if slope > 0.0 {
                high = beta;
            } else {
                low = beta;
            }
            let newton = beta - slope / curvature;
            // In the middle of their logarithms, where Newton would leave the bracket.
            let inside = newton > low && newton < high;
            let next = if inside { newton } else { (low * high).sqrt() };
            let done = slope == 0.0 || (next - beta).abs() <= 1e-15 * beta;
            if done {
                break;
            }
            beta = next;
        }
        Ok(Self { inverse: beta, nll: at(beta)[0], nll_before: at(1.0)[0] })
    }

    /// `T = 1 / beta`.
    pub fn temperature(&self) -> f64 {
        1.0 / self.inverse
    }
}

/// `[g, g', g'']` at `beta`.
fn derivatives(logits: &[f64], classes: usize, labels: &[usize], beta: f64) -> [f64; 3] {
    let mut sums = [0.0; 3];
    for (row, &label) in logits.chunks(classes).zip(labels) {
        let greatest = row.iter().fold(f64::NEG_INFINITY, |most, &z| most.max(z));
        let (mut weight, mut first, mut second) = (0.0, 0.0, 0.0);
        for &z in row {
            let (d, e) = (z - greatest, exp(beta * (z - greatest)));
            weight += e;
            // A gap beyond all numbers has no weight.
            if e > 0.0 {
                first += e * d;
                second += e * d * d;
            }
        }
        let (mean, off) = (first / weight, row[label] - greatest);
        sums[0] += ln(weight) - beta * off;
        sums[1] += mean - off;
        sums[2] += (second / weight - mean * mean).max(0.0);
    }
    sums.map(|sum| sum / labels.len() as f64)
}
