//! The scores of one categorical distribution, from the sums over its logits.

use std::fmt;
use std::str::FromStr;

use curricle_kernels::logits::{Moments, RowSums};
use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::math::{exp, expm1, ln, log1p, tanh};

/// A number that says how certain a distribution `p = softmax(z / T)` over `n` possible outcomes is.
///
/// With `m >= z_2` the two greatest of `z / T`, `g = m - z_2`, `d_j = z_j / T - m`, and over all but
/// the greatest `R = sum e^d`, `A = sum e^d d`, `Q = sum e^2d`, `S = 1 + R`, `lS = ln(1 + R)`:
///
/// | score | is | computed as | name |
/// |--|--|--|--|
/// | `Entropy` | `-sum p ln p` | `lS - A / S` | `entropy` |
/// | `NormalisedEntropy` | entropy `/ ln n`, 0 if `n = 1` | | `normalised-entropy` |
/// | `Renyi(a)` | `ln(sum p^a) / (1 - a)` | `(ln(1 + sum e^(a d)) - a lS) / (1 - a)`; `ln n` at 0, entropy at 1, `2 lS - ln(1 + Q)` at 2, `lS` at infinity | `renyi-2`, `renyi-inf` |
/// | `Gini` | `1 - sum p^2` | `(2R + R^2 - Q) / S^2` | `gini` |
/// | `LeastConfidence` | `1 - p_1` | `R / S` | `least-confidence` |
/// | `MarginComplement` | `1 - (p_1 - p_2)` | `(R + e^-g) / S` | `margin-complement` |
/// | `Energy` | `-T ln sum e^(z / T)` | `-T (m + lS)` | `energy` |
/// | `Margin` | `p_1 - p_2` | `(1 - e^-g) / S` | `margin` |
/// | `RelativeMargin` | `(p_1 - p_2) / (p_1 + p_2)` | `tanh(g / 2)` | `relative-margin` |
/// | `LogitMargin` | `ln(p_1 / p_2)` | `g` | `logit-margin` |
/// | `NormalisedLogitMargin` | `g / sd(z / T)`, 0 if all are equal | | `normalised-logit-margin` |
/// | `LogMaxProbability` | `ln p_1` | `-lS` | `log-max-probability` |
/// | `SelfCertainty` | `KL(uniform, p)` | `lS - mean d - ln n` | `self-certainty` |
///
/// The first seven are high for uncertain distributions, the last six for certain ones. In these forms
/// nothing cancels: a tail probability of 1e-20 keeps all its digits in least confidence, margin
/// complement and entropy, where `1 - p_1` of a rounded softmax is 0.
///
/// With one possible outcome margins of probabilities are 1, those of logits infinite.
///
/// ```
/// use curricle::signal::uncertainty::Score;
///
/// let sums = curricle_kernels::logits::exact(&[40.0, 0.0, 0.0, 0.0], 1.0);
/// let score: Score = "least-confidence".parse()?;
/// assert!((score.of(&sums)? - 3.0 * (-40f64).exp()).abs() < 1e-30);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Score {
    /// Shannon's entropy, in nats.
    #[default]
    Entropy,
    /// The entropy as a part of the greatest possible.
    NormalisedEntropy,
    /// Rényi's entropy of an order from 0 to infinity.
    Renyi(f64),
    /// The probability that two draws differ (Gini and Simpson).
    Gini,
    /// The probability of not being the likeliest.
    LeastConfidence,
    /// One less the margin.
    MarginComplement,
    /// The free energy.
    Energy,
    /// The gap of the two greatest probabilities.
    Margin,
    /// The same, of the two alone.
    RelativeMargin,
    /// The gap of the two greatest logits.
    LogitMargin,
    /// The same in standard deviations of the logits.
    NormalisedLogitMargin,
    /// The logarithm of the greatest probability.
    LogMaxProbability,
    /// The divergence of the distribution from the uniform one.
    SelfCertainty,
}

impl Score {
    /// The scores without a parameter.
    pub const PLAIN: [Self; 12] = [
        Self::Entropy,
        Self::NormalisedEntropy,
        Self::Gini,
        Self::LeastConfidence,
        Self::MarginComplement,
        Self::Energy,
        Self::Margin,
        Self::RelativeMargin,
        Self::LogitMargin,
        Self::NormalisedLogitMargin,
        Self::LogMaxProbability,
        Self::SelfCertainty,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Entropy => "entropy",
            Self::NormalisedEntropy => "normalised-entropy",
            Self::Renyi(_) => "renyi",
            Self::Gini => "gini",
            Self::LeastConfidence => "least-confidence",
            Self::MarginComplement => "margin-complement",
            Self::Energy => "energy",
            Self::Margin => "margin",
            Self::RelativeMargin => "relative-margin",
            Self::LogitMargin => "logit-margin",
            Self::NormalisedLogitMargin => "normalised-logit-margin",
            Self::LogMaxProbability => "log-max-probability",
            Self::SelfCertainty => "self-certainty",
        }
    }

    /// Whether uncertain distributions have the high values.
    pub fn rises_with_uncertainty(self) -> bool {
        match self {
            Self::Entropy
            | Self::NormalisedEntropy
            | Self::Renyi(_)
            | Self::Gini
            | Self::LeastConfidence
            | Self::MarginComplement
            | Self::Energy => true,
            Self::Margin
            | Self::RelativeMargin
            | Self::LogitMargin
            | Self::NormalisedLogitMargin
            | Self::LogMaxProbability
            | Self::SelfCertainty => false,
        }
    }

    /// A value of this score, turned so that high means uncertain: itself or its negative.
    ///
    /// ```
    /// use curricle::signal::uncertainty::Score;
    ///
    /// assert_eq!(Score::Margin.uncertainty(0.3), -0.3);
    /// assert_eq!(Score::Entropy.uncertainty(0.3), 0.3);
    /// ```
    pub fn uncertainty(self, value: f64) -> f64 {
        if self.rises_with_uncertainty() { value } else { -value }
    }

    /// Whether the score needs sums at a second temperature: that of [`of_two`](Self::of_two).
    pub fn second_temperature(self, temperature: f64) -> Option<f64> {
        match self {
            Self::Renyi(order) if ![0.0, 1.0, 2.0, f64::INFINITY].contains(&order) => {
                Some(temperature / order)
            }
            _ => None,
        }
    }

    /// The score of a distribution.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if the sums are of a row with NaN, or with more than one `+inf`;
    /// [`Error::Empty`] if nothing is possible; [`Error::OutOfRange`] for a negative order;
    /// [`Error::Unavailable`] for a Rényi entropy of another order than 0, 1, 2 or infinity, which
    /// takes sums at a second temperature, and for
    /// `SelfCertainty` and `NormalisedLogitMargin` of sums without [moments](RowSums::moments).
    pub fn of(self, sums: &RowSums) -> Result<f64> {
        self.of_two(sums, None)
    }

    /// The score of a distribution, with the sums at [`second_temperature`](Self::second_temperature)
    /// if it has one.
    ///
    /// # Errors
    /// As for [`of`](Self::of), if there is no second.
    ///
    /// ```
    /// use curricle_kernels::logits::exact;
    /// use curricle::signal::uncertainty::Score;
    ///
    /// // Half an order is twice the temperature.
    /// let (logits, score) = ([2.0, 1.0, 0.1], Score::Renyi(0.5));
    /// let half = score.of_two(&exact(&logits, 1.0), Some(&exact(&logits, 2.0)))?;
    /// assert!((half - 0.962_524_685).abs() < 1e-9);
    /// # Ok::<(), curricle::Error>(())
    /// ```
    pub fn of_two(self, sums: &RowSums, second: Option<&RowSums>) -> Result<f64> {
        check(sums)?;
        let RowSums { rest, weighted, squared, .. } = *sums;
        let whole = 1.0 + rest;
        let log = log1p(rest);
        let entropy = log - weighted / whole;
        let gap = sums.max - sums.second;
        // The gap of a single outcome is infinite; its `max` may be too.
        let gap = if sums.count == 1 || gap.is_nan() { f64::INFINITY } else { gap };
        let support = sums.count as f64;
        Ok(match self {
            Self::Entropy => entropy,
            Self::NormalisedEntropy if sums.count == 1 => 0.0,
            Self::NormalisedEntropy => entropy / ln(support),
            Self::Renyi(order) => {
                crate::base::error::within("order of an entropy", order, 0.0, f64::INFINITY)?;
                if order == 0.0 {
                    ln(support)
                } else if order == 1.0 {
                    entropy
                } else if order == 2.0 {
                    2.0 * log - log1p(squared)
                } else if order == f64::INFINITY {
                    log
                } else {
                    let evidence = "sums at one temperature";
                    let powers = second.ok_or(Error::Unavailable { score: self, evidence })?;
                    check(powers)?;
                    (log1p(powers.rest) - order * log) / (1.0 - order)
                }
            }
            Self::Gini => (2.0 * rest + rest * rest - squared) / (whole * whole),
            Self::LeastConfidence => rest / whole,
            Self::MarginComplement => (rest + exp(-gap)) / whole,
            Self::Energy => -sums.temperature * (sums.max + log),
            Self::Margin => -expm1(-gap) / whole,
            Self::RelativeMargin => tanh(0.5 * gap),
            Self::LogitMargin => gap,
            Self::NormalisedLogitMargin => normalised(gap, sums, self.moments(sums)?),
            Self::LogMaxProbability => -log,
            Self::SelfCertainty if sums.count == 1 => 0.0,
            Self::SelfCertainty => {
                let gaps = self.moments(sums)?.gaps;
                (log - gaps / support - ln(support)).max(0.0)
            }
        })
    }

    fn moments(self, sums: &RowSums) -> Result<Moments> {
        let evidence = "sums without moments";
        sums.moments.ok_or(Error::Unavailable { score: self, evidence })
    }

    /// The value at which the score says that nothing is known of `n` outcomes; infinite if there is
    /// none.
    pub(crate) fn at_worst(self, outcomes: usize) -> f64 {
        let outcomes = outcomes.max(1) as f64;
        match self {
            Self::Entropy | Self::Renyi(_) => ln(outcomes),
            Self::Gini => 1.0 - 1.0 / outcomes,
            Self::NormalisedEntropy | Self::LeastConfidence | Self::MarginComplement => 1.0,
            Self::Energy => f64::INFINITY,
            Self::LogMaxProbability => -ln(outcomes),
            Self::Margin
            | Self::RelativeMargin
            | Self::LogitMargin
            | Self::NormalisedLogitMargin
            | Self::SelfCertainty => 0.0,
        }
    }
}

/// `g` in standard deviations. If one logit is infinite both are, and the limit of their ratio is `n /
/// sqrt(n - 1)`.
fn normalised(gap: f64, sums: &RowSums, moments: Moments) -> f64 {
    let support = sums.count as f64;
    if sums.count == 1 {
        f64::INFINITY
    } else if sums.max == f64::INFINITY {
        support / (support - 1.0).sqrt()
    } else if moments.spread == 0.0 {
        0.0
    } else {
        let ratio = gap / (moments.spread / support).sqrt();
        // Of a gap and a spread beyond all numbers.
        if ratio.is_nan() { support / (support - 1.0).sqrt() } else { ratio }
    }
}

fn check(sums: &RowSums) -> Result<()> {
    if sums.faults() > 0 {
        let value = if sums.nan > 0 { f64::NAN } else { f64::INFINITY };
        return Err(Error::NonFinite { what: "logit", index: 0, value });
    }
    if sums.count == 0 { Err(Error::Empty { what: "support", index: 0 }) } else { Ok(()) }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renyi(order) => write!(f, "renyi-{order}"),
            plain => f.write_str(plain.name()),
        }
    }
}

impl FromStr for Score {
    type Err = Error;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(name: &str) -> Result<Self> {
        let unknown = Error::Unsupported { part: "score", request: "a score of this name" };
        if let Some(order) = name.strip_prefix("renyi-") {
            let order = order.parse().map_err(|_| unknown)?;
            crate::base::error::within("order of an entropy", order, 0.0, f64::INFINITY)?;
            return Ok(Self::Renyi(order));
        }
        Self::PLAIN.into_iter().find(|score| score.name() == name).ok_or(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use curricle_kernels::logits::exact;

    #[test]
    fn names_are_read_back() {
        let orders = [0.0, 0.5, 2.0, f64::INFINITY].map(Score::Renyi);
        for score in Score::PLAIN.into_iter().chain(orders) {
            assert_eq!(score.to_string().parse(), Ok(score));
        }
        for wrong in ["", "Entropy", "renyi", "renyi-", "renyi-x", "renyi--1", "renyi-NaN"] {
            assert!(wrong.parse::<Score>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_infinite_logit_is_the_limit_of_great_ones() {
        let (limit, great) = ([f64::INFINITY, 1.0, -2.0, 0.0], [1e12, 1.0, -2.0, 0.0]);
        for score in Score::PLAIN {
            let (limit, great) =
                (score.of(&exact(&limit, 1.0)).unwrap(), score.of(&exact(&great, 1.0)).unwrap());
            assert!(
                (limit - great).abs() < 1e-9 || limit.is_infinite() && great.abs() > 1e11,
                "{score}"
            );
        }
        for score in Score::PLAIN {
            assert!(matches!(score.of(&exact(&[f64::INFINITY; 2], 1.0)), Err(Error::NonFinite { .. })));
            assert!(!score.of(&exact(&[f64::INFINITY], 1.0)).unwrap().is_nan(), "{score}");
        }
    }
}
