//! A number with its uncertainty, from sums by round.

use std::fmt;

use serde::Serialize;

use crate::base::error::{Result, finite};

/// An estimate and how far it may be off.
///
/// The standard error takes rounds as independent, and not the choices within one: with the rounds `g`, the sum of a
/// round's residuals `e_g` and the number of rounds `G`,
///
/// ```text
/// se^2 = G / (G - 1) sum_g e_g^2 / d^2
/// IPS, DR:  e_g = sum_{i in g} (x_i - V)        d = n            x_i the term of a row, V the estimate
/// SNIPS:    e_g = sum_{i in g} w_i (r_i - V)    d = sum_i w_i    the delta method for a ratio
/// ```
///
/// The interval is `V -+ z se` with the quantile `z` of the normal distribution. Both hold asymptotically, for many
/// rounds: with few, or with a few very great weights, the interval is too narrow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error; none from a single round.
    pub standard_error: Option<f64>,
    /// Its confidence interval at the [level](super::Estimator::level) that was asked for; none from a single round.
    pub interval: Option<(f64, f64)>,
}

impl Estimate {
    /// The ratio of the sums of pairs, a pair for each round; the second sum is positive.
    pub(super) fn ratio(
        what: &'static str,
        rounds: impl Iterator<Item = (f64, f64)> + Clone,
        deviations: f64,
    ) -> Result<Self> {
        let (mut above, mut below, mut count) = (0.0, 0.0, 0.0);
        for (numerator, denominator) in rounds.clone() {
            above += numerator;
            below += denominator;
            count += 1.0;
        }
        let value = finite(what, 0, above / below)?;
        if count < 2.0 {
            return Ok(Self { value, standard_error: None, interval: None });
        }
        let residual = |(numerator, denominator): (f64, f64)| (numerator - value * denominator) / below;
        let squares: f64 = rounds.map(residual).map(|residual| residual * residual).sum();
        let error = finite(what, 0, (count / (count - 1.0) * squares).sqrt())?;
        let reach = deviations * error;
        let interval = Some((value - reach, value + reach));
        Ok(Self { value, standard_error: Some(error), interval })
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, interval, .. } = self;
        match interval {
            Some((low, high)) => write!(f, "{value:.4} in [{low:.4}, {high:.4}]"),
            None => write!(f, "{value:.4}"),
        }
    }
}

/// How many standard deviations about the mean of a normal distribution hold this part of it.
pub(super) fn deviations(level: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if libm::erf(middle * std::f64::consts::FRAC_1_SQRT_2) < level {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_tables() {
        let table = [(0.5, 0.674_489_750_196), (0.95, 1.959_963_984_540), (0.999, 3.290_526_731_492)];
        for (level, expected) in table {
            assert!((deviations(level) - expected).abs() < 1e-9, "{level}");
        }
    }

    #[test]
    fn one_round_has_no_error() {
        let one = Estimate::ratio("mean", [(3.0, 4.0)].into_iter(), 1.96).unwrap();
        assert_eq!((one.value, one.standard_error, one.interval), (0.75, None, None));
        assert_eq!(one.to_string(), "0.7500");
        // Two rounds of the means 1 and 3: e = -1 and 1 for one choice each.
        let two = Estimate::ratio("mean", [(1.0, 1.0), (3.0, 1.0)].into_iter(), 2.0).unwrap();
        assert_eq!((two.value, two.standard_error, two.interval), (2.0, Some(1.0), Some((0.0, 4.0))));
    }
}
