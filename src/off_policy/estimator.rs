//! From rows to estimates: inverse propensities, self-normalised ones, doubly robust.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::estimate::{Estimate, deviations};
use super::logged::{Logged, Prediction};
use crate::base::error::{Error, Result, finite, length, within};
use crate::base::id::Round;

/// Estimates what a target would have earned for a choice, from choices that another made.
///
/// With the weight `w_i = p_i / q_i` of row `i`, cut off at the [clip](Self::clip) if there is one, over `n` rows:
///
/// ```text
/// IPS     1/n sum w_i r_i                          unbiased; noisy where weights are great
/// SNIPS   sum w_i r_i / sum w_i                    a bias of the order 1/n; an offset of the rewards is no noise
/// DR      1/n sum (v_i + w_i (r_i - m_i))          unbiased if propensities or predictions are right
/// ```
///
/// Clipping trades variance for a bias towards what the log did. All are unbiased only where the log can make every
/// choice of the target: look at [`Weights::mean`].
///
/// Papers: Horvitz and Thompson, *A generalization of sampling without replacement from a finite universe*, 1952
/// (IPS); Swaminathan and Joachims, *The self-normalized estimator for counterfactual learning*, 2015 (SNIPS); Dudik,
/// Langford and Li, *Doubly robust policy evaluation and learning*, arXiv 1103.4601 (DR).
///
/// ```
/// use curricle::{Round, off_policy::{Estimator, Logged}};
///
/// # fn main() -> curricle::Result<()> {
/// // Two arms, drawn evenly, of which the second earns 1; the target draws it with probability 0.9.
/// let row = |round| match round % 2 {
///     0 => Logged::new(Round(round), 0.5, 0.1, 0.0),
///     _ => Logged::new(Round(round), 0.5, 0.9, 1.0),
/// };
/// let rows: Vec<Logged> = (0..100).map(row).collect();
/// let found = Estimator::new().estimate(&rows)?;
/// assert!((found.ips.value - 0.9).abs() < 1e-12);
/// assert!((found.weights.mean.value - 1.0).abs() < 1e-12);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimator {
    level: f64,
    clip: Option<f64>,
}

/// What an [`Estimator`] has found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Estimates {
    /// How many rows there were.
    pub rows: usize,
    /// How many rounds they were of.
    pub rounds: usize,
    /// Inverse propensity scores.
    pub ips: Estimate,
    /// Self-normalised inverse propensity scores; none if the target would have made none of the choices.
    pub snips: Option<Estimate>,
    /// Doubly robust; none if the rows have no predictions.
    pub doubly_robust: Option<Estimate>,
    /// The mean of what was earned, by the log itself.
    pub logged: Estimate,
    /// What the weights say of how far the log carries.
    pub weights: Weights,
}

/// Whether a log says much of a target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Weights {
    /// Their mean before clipping, about 1 if the log can make every choice of the target. If 1 lies far outside of its
    /// interval, the log does not cover the target, or propensities are wrong, and no estimate here is to be trusted.
    pub mean: Estimate,
    /// An estimate of the target's probability of choices that the log could not have made: what the mean is short of
    /// 1.
    pub uncovered: f64,
    /// Kish's effective sample size `(sum w)^2 / sum w^2`, after clipping: how many rows of equal weight would say as
    /// much.
    pub effective_sample_size: f64,
    /// The greatest, before clipping.
    pub greatest: f64,
    /// How many were clipped.
    pub clipped: usize,
}

impl Default for Estimator {
    fn default() -> Self {
        Self::new()
    }
}

impl Estimator {
    /// Confidence intervals at 95 %, no clipping.
    pub fn new() -> Self {
        Self { level: 0.95, clip: None }
    }

    /// Sets the level of the confidence intervals, between 0 and 1; default 0.95.
    #[must_use]
    pub fn level(self, level: f64) -> Self {
        Self { level, ..self }
    }

    /// Sets the greatest weight, `> 0`: what is above counts as this much. Default: none.
    #[must_use]
    pub fn clip(self, most: f64) -> Self {
        Self { clip: Some(most), ..self }
    }

    /// Makes the estimates. Cost: O(n log G) for n rows of G rounds, in any order.
    ///
    /// # Errors
    /// [`Error::Empty`] without rows; [`Error::NonFinite`] for a number that is none, naming the row;
    /// [`Error::OutOfRange`] for a propensity outside `(0, 1]`, a probability outside `[0, 1]`, and options out of
    /// their range; [`Error::Length`] if some rows have predictions and others do not.
    pub fn estimate(&self, rows: &[Logged]) -> Result<Estimates> {
        within("level of confidence", self.level, f64::MIN_POSITIVE, 1.0 - f64::EPSILON)?;
        let most = match self.clip {
            Some(most) => within("greatest weight", most, f64::MIN_POSITIVE, f64::MAX)?,
            None => f64::INFINITY,
        };
        if rows.is_empty() {
            return Err(Error::Empty { what: "log", index: 0 });
        }
        let predicted = rows.iter().filter(|row| row.prediction.is_some()).count();
        if predicted > 0 {
            length("predictions", rows.len(), predicted)?;
        }
        let mut rounds: BTreeMap<Round, Sums> = BTreeMap::new();
        let (mut greatest, mut clipped) = (0.0f64, 0);
        for (place, row) in rows.iter().enumerate() {
            row.check(place)?;
            let weight = row.target / row.propensity;
            greatest = greatest.max(weight);
            clipped += usize::from(weight > most);
            rounds.entry(row.round).or_default().add(row, weight, weight.min(most));
        }
        let deviations = deviations(self.level);
        let ratio = |what, of: fn(&Sums) -> (f64, f64)| {
            Estimate::ratio(what, rounds.values().map(of), deviations)
        };
        let has_weight = rounds.values().any(|sums| sums.weight > 0.0);
        let mean = ratio("mean weight", |sums| (sums.unclipped, sums.count))?;
        let snips =
            if has_weight { Some(ratio("SNIPS", |sums| (sums.earned, sums.weight))?) } else { None };
        let doubly_robust = match predicted {
            0 => None,
            _ => Some(ratio("doubly robust estimate", |sums| (sums.robust, sums.count))?),
        };
        Ok(Estimates {
            rows: rows.len(),
            rounds: rounds.len(),
            ips: ratio("IPS", |sums| (sums.earned, sums.count))?,
            snips,
            doubly_robust,
            logged: ratio("mean reward", |sums| (sums.reward, sums.count))?,
            weights: Weights {
                mean,
                uncovered: (1.0 - mean.value).max(0.0),
                effective_sample_size: effective_sample_size(rows, greatest.min(most), most)?,
                greatest,
                clipped,
            },
        })
    }
}

/// Relative to the greatest weight, so that no square overflows.
fn effective_sample_size(rows: &[Logged], greatest: f64, most: f64) -> Result<f64> {
    if greatest <= 0.0 {
        return Ok(0.0);
    }
    let (mut sum, mut squares) = (0.0, 0.0);
    for row in rows {
        let weight = (row.target / row.propensity).min(most) / greatest;
        sum += weight;
        squares += weight * weight;
    }
    finite("effective sample size", 0, sum * sum / squares)
}

/// The sums of a round.
#[derive(Debug, Default)]
struct Sums {
    count: f64,
    /// Of the weights, before and after clipping.
    unclipped: f64,
    weight: f64,
    /// Of `r`, `w r` and `v + w (r - m)`.
    reward: f64,
    earned: f64,
    robust: f64,
}

impl Sums {
    fn add(&mut self, row: &Logged, unclipped: f64, weight: f64) {
        self.count += 1.0;
        self.unclipped += unclipped;
        self.weight += weight;
        self.reward += row.reward;
        self.earned += weight * row.reward;
        if let Some(Prediction { logged, expected }) = row.prediction {
            self.robust += expected + weight * (row.reward - logged);
        }
    }
}

/// A line for each number.
impl fmt::Display for Estimates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, rounds, weights, .. } = self;
        writeln!(f, "rows                    {rows} of {rounds} rounds")?;
        writeln!(f, "logged                  {}", self.logged)?;
        writeln!(f, "IPS                     {}", self.ips)?;
        if let Some(snips) = self.snips {
            writeln!(f, "SNIPS                   {snips}")?;
        }
        if let Some(robust) = self.doubly_robust {
            writeln!(f, "doubly robust           {robust}")?;
        }
        writeln!(f, "mean weight             {}", weights.mean)?;
        writeln!(f, "effective sample size   {:.1}", weights.effective_sample_size)?;
        writeln!(f, "greatest weight         {:.4}, {} clipped", weights.greatest, weights.clipped)
    }
}
