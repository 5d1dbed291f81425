//! Thresholds calibrated on a sample beforehand.

use serde::{Deserialize, Serialize};

use super::window::{fair, ordered, smoothed};
use super::{Budget, Choice, threshold_metrics};
use crate::base::error::{Result, length, within};
use crate::base::math::{exp, ln, log1p};
use crate::base::metrics::Metrics;

/// Selects a part `rate` of what is exchangeable with a calibration sample: exactly that part on
/// average, for any sample size and any distribution, ties included.
///
/// ```text
/// selected  if  (greater + U (equal + 1)) / (n + 1) < rate
/// ```
///
/// Unlike [`Tracking`](super::Tracking) it does not adapt: when the stream drifts from the sample, the
/// rate does too.
///
/// Cost: O(log n) an item.
///
/// Paper: Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random World* (smoothed conformal
/// p-values).
///
/// ```
/// use curricle::test_time::budget::{Budget, Conformal};
///
/// let mut top = Conformal::new(&[0.1, 0.4, 0.2, 0.8], 0.4)?;
/// assert!(top.wants(0.7, 0.5)?.selected); // one is greater: (1 + 0.5) / 5
/// assert!(!top.wants(0.3, 0.5)?.selected);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conformal {
    /// In falling order.
    sample: Vec<f64>,
    rate: f64,
}

impl Conformal {
    /// Calibrated on the uncertainties of a sample, in any order; an empty one selects by the coin
    /// alone.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) for NaN;
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a rate outside `[0, 1]`.
    pub fn new(sample: &[f64], rate: f64) -> Result<Self> {
        within("rate", rate, 0.0, 1.0)?;
        let mut sample = sample.iter().map(|&x| ordered(x)).collect::<Result<Vec<f64>>>()?;
        sample.sort_by(|a, b| b.total_cmp(a));
        Ok(Self { sample, rate })
    }
}

impl Budget for Conformal {
    fn wants(&mut self, uncertainty: f64, coin: f64) -> Result<Choice> {
        let uncertainty = ordered(uncertainty)?;
        let coin = fair(coin)?;
        let greater = self.sample.partition_point(|&x| x > uncertainty);
        let equal = self.sample[greater..].partition_point(|&x| x == uncertainty);
        let rank = smoothed(greater as f64, equal as f64, self.sample.len() as f64, coin);
        Ok(Choice::plain(rank < self.rate, Some(rank), self.rate))
    }

    fn metrics(&self) -> Metrics {
        threshold_metrics(self.rate)
    }
}

/// The split-conformal quantile of some scores: with `k = ceil((n + 1)(1 - alpha))`, `(k, the k-th
/// least)`, the latter infinite if `k > n`. A new exchangeable score is at most that with probability
/// at least `1 - alpha`.
///
/// `k` is computed as `n + 1 - floor((n + 1) alpha)`, where the product is rounded to a double: 10 times 0.3 is 3,
/// although the double next to 0.3 lies below it. So the probability is at least `1 - alpha (1 + 2^-53)`, to the
/// letter.
///
/// # Errors
/// [`Error::NonFinite`](crate::Error::NonFinite) for NaN;
/// [`Error::OutOfRange`](crate::Error::OutOfRange) for `alpha` outside `[0, 1]`.
///
/// ```
/// use curricle::test_time::budget::conformal_quantile;
///
/// assert_eq!(conformal_quantile(&[3.0, 1.0, 2.0], 0.5)?, (2, 2.0));
/// assert_eq!(conformal_quantile(&[3.0, 1.0, 2.0], 0.2)?, (4, f64::INFINITY));
/// # Ok::<(), curricle::Error>(())
/// ```
pub fn conformal_quantile(scores: &[f64], alpha: f64) -> Result<(usize, f64)> {
    within("alpha", alpha, 0.0, 1.0)?;
    let mut scores = scores.iter().map(|&x| ordered(x)).collect::<Result<Vec<f64>>>()?;
    scores.sort_by(f64::total_cmp);
    // From `1 - alpha` it would be rounded twice.
    let k = scores.len() + 1 - ((scores.len() + 1) as f64 * alpha).floor() as usize;
    let quantile = match k {
        0 => f64::NEG_INFINITY,
        k => scores.get(k - 1).copied().unwrap_or(f64::INFINITY),
    };
    Ok((k, quantile))
}

/// Selects so that of the model's errors at least `1 - alpha` are selected, from the uncertainties of
/// known errors.
///
/// The threshold is the `ceil((n + 1)(1 - alpha))`-th greatest uncertainty of `n` errors; everything at
/// or above it is selected, and all if there are too few errors to tell. If new errors are exchangeable
/// with the known ones,
/// `P(selected | error) >= 1 - alpha`.
///
/// ```
/// use curricle::test_time::budget::{Budget, ErrorRecall};
///
/// let mut recall = ErrorRecall::new(&[0.9, 0.5, 0.7, 0.8], 0.4)?;
/// assert_eq!(recall.threshold(), 0.7);
/// assert!(recall.wants(0.7, 0.0)?.selected);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ErrorRecall {
    threshold: f64,
}

impl ErrorRecall {
    /// From the uncertainties of known errors.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) for NaN;
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for `alpha` outside `[0, 1]`.
    pub fn new(errors: &[f64], alpha: f64) -> Result<Self> {
        let certainties: Vec<f64> = errors.iter().map(|&x| -x).collect();
        Ok(Self { threshold: -conformal_quantile(&certainties, alpha)?.1 })
    }

    /// The least uncertainty that is selected.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }
}

impl Budget for ErrorRecall {
    fn wants(&mut self, uncertainty: f64, coin: f64) -> Result<Choice> {
        let uncertainty = ordered(uncertainty)?;
        fair(coin)?;
        Ok(Choice::plain(uncertainty >= self.threshold, None, self.threshold))
    }

    fn metrics(&self) -> Metrics {
        threshold_metrics(self.threshold)
    }
}

/// Selects as little as leaves at most a part `risk` of all items both wrong and unselected, with
/// probability at least
/// `1 - delta` over the calibration sample.
///
/// What is not selected is answered as it is, so this is the rate of errors that slip through. For a
/// threshold that lets `k` errors of `n` labelled items through, the upper bound on the rate is the
/// exact binomial one (Clopper and Pearson), which for 0/1 losses is below that of Hoeffding and
/// Bentkus. The threshold goes up from "select all" as long as the bound stays within `risk`; as the
/// rate only rises with it, the last one holds with the same probability.
///
/// Paper: Bates et al., *Distribution-Free, Risk-Controlling Prediction Sets*, arXiv 2101.02703.
///
/// ```
/// use curricle::test_time::budget::ResidualRisk;
///
/// let uncertainties: Vec<f64> = (0..1000).map(|i| f64::from(i) / 1000.0).collect();
/// let wrong: Vec<bool> = (0..1000).map(|i| i >= 800 && i % 2 == 0).collect();
/// let safe = ResidualRisk::new(&uncertainties, &wrong, 0.02, 0.05)?;
/// assert!(safe.threshold() > 0.8 && safe.threshold() < 0.84);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ResidualRisk {
    threshold: f64,
}

impl ResidualRisk {
    /// From labelled items: their uncertainties, and whether the model was wrong.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) if the lists differ;
    /// [`Error::NonFinite`](crate::Error::NonFinite) for NaN;
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `risk` and
    /// `delta` are in `(0, 1)`.
    ///
    /// Cost: O(n log n).
    pub fn new(uncertainties: &[f64], wrong: &[bool], risk: f64, delta: f64) -> Result<Self> {
        length("labels", uncertainties.len(), wrong.len())?;
        within("risk", risk, f64::MIN_POSITIVE, 1.0 - f64::EPSILON)?;
        within("delta", delta, f64::MIN_POSITIVE, 1.0 - f64::EPSILON)?;
        let mut items = uncertainties
            .iter()
            .zip(wrong)
            .map(|(&x, &wrong)| Ok((ordered(x)?, wrong)))
            .collect::<Result<Vec<(f64, bool)>>>()?;
        items.sort_by(|a, b| a.0.total_cmp(&b.0));
        // `k` errors let through are safe if so few would be rare at a rate of `risk`.
        let bearable = most_errors(items.len() as u64, risk, delta);
        let Some(bearable) = bearable else {
            return Ok(Self { threshold: f64::NEG_INFINITY });
        };
        // The first error too many is selected, and with it all that are as uncertain.
        let errors = items.iter().filter(|(_, wrong)| *wrong);
        let first = errors.map(|(x, _)| *x).nth(bearable as usize);
        Ok(Self { threshold: first.unwrap_or(f64::INFINITY) })
    }

    /// The least uncertainty that is selected; infinite if nothing needs to be.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }
}

/// The greatest `k` with `P(Binomial(n, p) <= k) <= delta`; `None` if not even 0 is that rare.
fn most_errors(n: u64, p: f64, delta: f64) -> Option<u64> {
    let (log_p, log_q) = (ln(p), log1p(-p));
    let (mut log_term, mut below) = (n as f64 * log_q, 0.0);
    for k in 0..=n {
        below += exp(log_term);
        if below > delta {
            return k.checked_sub(1);
        }
        log_term += ln((n - k) as f64) - ln((k + 1) as f64) + log_p - log_q;
    }
    Some(n)
}

impl Budget for ResidualRisk {
    fn wants(&mut self, uncertainty: f64, coin: f64) -> Result<Choice> {
        let uncertainty = ordered(uncertainty)?;
        fair(coin)?;
        Ok(Choice::plain(uncertainty >= self.threshold, None, self.threshold))
    }

    fn metrics(&self) -> Metrics {
        threshold_metrics(self.threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Error;

    #[test]
    fn binomial_tails() {
        // P(Bin(10, 1/2) <= 1) = 11/1024, <= 2: 56/1024.
        assert_eq!(most_errors(10, 0.5, 11.1 / 1024.0), Some(1));
        assert_eq!(most_errors(10, 0.5, 10.9 / 1024.0), Some(0));
        assert_eq!(most_errors(10, 0.5, 0.9 / 1024.0), None);
        assert_eq!(most_errors(0, 0.5, 0.1), None);
    }

    /// `k / (n + 1) >= 1 - alpha (1 + 2^-53)`, in whole numbers; and never far on the safe side.
    #[test]
    fn the_rank_of_a_quantile_covers_but_for_the_rounding_of_a_product() {
        for n in 0..400usize {
            for hundredth in 0..=100u32 {
                let alpha = f64::from(hundredth) / 100.0;
                let (k, _) = conformal_quantile(&vec![0.0; n], alpha).unwrap();
                let meant = (n + 1) - (n + 1) * hundredth as usize / 100;
                assert!(k == meant || k == meant + 1, "{n} {alpha}");
                // Times 2^62 and 2^53 more: a double in [0, 1] from hundredths is a whole number of 2^-62.
                let whole = (alpha * (1u64 << 62) as f64) as u128;
                let missed = (n + 1 - k) as u128;
                assert!(
                    (missed << 62) << 53 <= (n as u128 + 1) * whole * ((1 << 53) + 1),
                    "{n} {alpha}"
                );
            }
        }
        // The product is rounded up here, so that nothing stronger would be true.
        assert!((0.3 * (1u64 << 62) as f64) as u128 * 10 < 3 << 62);
        assert_eq!(conformal_quantile(&[0.0; 9], 0.3).unwrap().0, 7);
    }

    #[test]
    fn wrong_input() {
        assert!(matches!(ResidualRisk::new(&[0.1], &[], 0.1, 0.1), Err(Error::Length { .. })));
        assert!(matches!(ResidualRisk::new(&[], &[], 0.0, 0.1), Err(Error::OutOfRange { .. })));
        assert_eq!(ResidualRisk::new(&[], &[], 0.1, 0.1).unwrap().threshold(), f64::NEG_INFINITY);
    }
}
