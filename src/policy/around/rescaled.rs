//! Scores of any range, moved into the one that a policy asks for.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, within};
use crate::base::rng::Rng;
use crate::policy::around::score_is_read;
use crate::policy::kit::learned::are_finite;
use crate::policy::{Allotment, Logits, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// What is taken for the range of the scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Range {
    /// Given numbers.
    Fixed {
        /// The least score.
        low: f64,
        /// The greatest score.
        high: f64,
    },
    /// Quantiles of the mean scores of the last visits to any arm: `(0, 1)` is the running least and
    /// greatest, `(0.2, 0.8)` the rule of Graves et al.
    Quantiles {
        /// The quantile that counts as least, in `[0, 1]`.
        low: f64,
        /// The quantile that counts as greatest, in `[0, 1]`.
        high: f64,
        /// How many visits are remembered, at least 2.
        visits: usize,
    },
}

/// Any policy, its scores mapped linearly from a [`Range`] to `[0, 1]`, or another interval, and cut
/// off at its ends.
///
/// ```text
/// score <- to.0 + (to.1 - to.0) clip((score - low) / (high - low), 0, 1)
/// ```
///
/// A temperature, a width of a confidence bound or a learning rate then means the same whatever the
/// signal: GRPO's mean absolute advantage reaches 0.87, that of RLOO only 0.5, a loss has no bound.
/// While the range is empty (no score yet, or all alike) scores are put in its middle.
///
/// Cost beside the policy's: O(log v) comparisons and O(v) moves a visit, v being the visits remembered.
///
/// Paper: Graves et al., *Automated Curriculum Learning for Neural Networks*, arXiv 1704.03003.
///
/// ```
/// use curricle::{Curriculum, signal::Utility};
/// use curricle::policy::{Exp3, Range, Rescaled};
///
/// # fn main() -> curricle::Result<()> {
/// let range = Range::Quantiles { low: 0.2, high: 0.8, visits: 1000 };
/// let curriculum = Curriculum::builder(80)
///     .arms(4, |sample| (sample.0 / 20) as u32)
///     .policy(Rescaled::new(Exp3::graves(), range).to(-1.0, 1.0))
///     .signal(Utility)
///     .build()?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Policy")]
pub struct Rescaled<P> {
    inner: P,
    range: Range,
    to: (f64, f64),
    recent: VecDeque<f64>,
    /// The same, in order.
    sorted: Vec<f64>,
}

impl<P: Policy> Rescaled<P> {
    /// Moves scores from a range to `[0, 1]`.
    pub fn new(inner: P, range: Range) -> Self {
        Self { inner, range, to: (0.0, 1.0), recent: VecDeque::new(), sorted: Vec::new() }
    }

    /// Sets the interval that scores are moved to; default `[0, 1]`.
    #[must_use]
    pub fn to(mut self, low: f64, high: f64) -> Self {
        self.to = (low, high);
        self
    }

    /// The policy within.
    pub fn inner(&self) -> &P {
        &self.inner
    }

    fn remember(&mut self, score: f64, visits: usize) {
        if self.recent.len() >= visits
            && let Some(old) = self.recent.pop_front()
        {
            let place = self.sorted.partition_point(|other| other.total_cmp(&old).is_lt());
            self.sorted.remove(place);
        }
        let place = self.sorted.partition_point(|other| other.total_cmp(&score).is_lt());
        self.sorted.insert(place, score);
        self.recent.push_back(score);
    }

    /// The quantile between order statistics, by linear interpolation.
    fn quantile(&self, q: f64) -> f64 {
        let place = q * (self.sorted.len().saturating_sub(1)) as f64;
        let (below, part) = (place as usize, place.fract());
        match (self.sorted.get(below), self.sorted.get(below + 1)) {
            (Some(low), Some(high)) => low + part * (high - low),
            (Some(low), None) => *low,
            _ => 0.0,
        }
    }

    fn rescale(&self, score: f64) -> f64 {
        let (low, high) = match self.range {
            Range::Fixed { low, high } => (low, high),
            Range::Quantiles { low, high, .. } => (self.quantile(low), self.quantile(high)),
        };
        let part = if high > low { ((score - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 };
        self.to.0 + (self.to.1 - self.to.0) * part
    }
}

impl<P: Policy> Policy for Rescaled<P> {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        score_is_read(&self.inner, "Rescaled", "a score of another range")?;
        within("upper end of the interval", self.to.1, -1e100, 1e100)?;
        within("lower end of the interval", self.to.0, -1e100, self.to.1)?;
        match self.range {
            Range::Fixed { low, high } => {
                within("greatest score", high, -1e300, 1e300)?;
                within("least score", low, -1e300, high)?;
                if low == high {
                    // Every score would be put in the middle.
                    return Err(Error::OutOfRange {
                        what: "least score",
                        value: low,
                        low: -1e300,
                        high,
                    });
                }
            }
            Range::Quantiles { low, high, visits } => {
                within("upper quantile", high, 0.0, 1.0)?;
                within("lower quantile", low, 0.0, high)?;
                within("visits remembered", visits as f64, 2.0, 1e6)?;
            }
        }
        self.recent.clear();
        self.sorted.clear();
        self.inner.prepare(population)
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        let most = match self.range {
            Range::Fixed { .. } => 0,
            Range::Quantiles { visits, .. } => visits,
        };
        let mut sorted: Vec<f64> = self.recent.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        (self.range, self.to) == (built.range, built.to)
            && sorted.len() <= most
            && are_finite(&sorted)
            && sorted == self.sorted
            && self.inner.is_learned_from(&built.inner, arms)
    }

    fn reads(&self) -> Reads {
        self.inner.reads()
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        self.inner.allot(turn, rng, allotment)
    }

    fn logits(&self, turn: &Turn<'_>) -> Option<Logits<'_>> {
        self.inner.logits(turn)
    }

    fn learn(&mut self, population: &Population, rewards: &[Reward]) {
        if let Range::Quantiles { visits, .. } = self.range {
            rewards
                .iter()
                .filter_map(Reward::returned_score)
                .for_each(|score| self.remember(score, visits));
        }
        let of = |reward: &Reward| {
            let (score, lost_score) = (self.rescale(reward.score), self.rescale(reward.lost_score));
            Reward { score, lost_score, ..*reward }
        };
        let rescaled: Vec<Reward> = rewards.iter().map(of).collect();
        self.inner.learn(population, &rescaled);
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.inner.grow(arms)
    }

    passes_on! { set_mixture requested is_adapted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Boltzmann;

    #[test]
    fn quantiles_are_those_of_the_last_visits() {
        let range = Range::Quantiles { low: 0.2, high: 0.8, visits: 11 };
        let mut rescaled = Rescaled::new(Boltzmann::new(), range);
        (0..100).for_each(|visit| rescaled.remember(f64::from((visit * 37) % 50), 11));
        let mut last: Vec<f64> = (89..100).map(|visit| f64::from((visit * 37) % 50)).collect();
        last.sort_by(f64::total_cmp);
        assert_eq!(rescaled.sorted, last);
        assert_eq!(rescaled.rescale(last[2]), 0.0);
        assert_eq!(rescaled.rescale(last[8]), 1.0);
        assert_eq!(rescaled.rescale(1e9), 1.0);
        assert_eq!(rescaled.rescale((last[2] + last[8]) / 2.0), 0.5);
    }

    #[test]
    fn scores_that_are_all_alike_are_put_in_the_middle() {
        let range = Range::Quantiles { low: 0.0, high: 1.0, visits: 5 };
        let mut rescaled = Rescaled::new(Boltzmann::new(), range).to(-1.0, 1.0);
        rescaled.remember(3.0, 5);
        rescaled.remember(3.0, 5);
        assert_eq!(rescaled.rescale(3.0), 0.0);
    }
}
