//! Quantiles of a stream within a relative error.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, finite, within};
use crate::base::math::{exp, ln};

/// A histogram with buckets of equal ratio: it tells any quantile of all numbers so far within a
/// relative error `a` of its value, and sketches of parts merge into that of the whole.
///
/// ```text
/// bucket i holds (g^(i-1), g^i],   g = (1 + a) / (1 - a);   it stands for 2 g^i / (g + 1)
/// ```
///
/// The error is of the value, not of the rank: where many numbers crowd within `a` of each other, as
/// margins near 1 do, feed it the complement. To select at a rate, take a [`Window`](super::Window),
/// which is exact in rank.
///
/// Paper: Masson, Rim and Lee, *DDSketch: A Fast and Fully-Mergeable Quantile Sketch with
/// Relative-Error Guarantees*, arXiv 1908.10693.
///
/// ```
/// use curricle::test_time::budget::DdSketch;
///
/// let mut sketch = DdSketch::new(0.01)?;
/// (1..=1000).try_for_each(|x| sketch.push(f64::from(x)))?;
/// let median = sketch.quantile(0.5)?.unwrap();
/// assert!((median / 500.0 - 1.0).abs() < 0.011);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DdSketch {
    accuracy: f64,
    zeros: u64,
    buckets: BTreeMap<i32, u64>,
}

impl DdSketch {
    /// A sketch of relative accuracy `a` in `[1e-4, 0.5]`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) outside of it.
    pub fn new(accuracy: f64) -> Result<Self> {
        within("relative accuracy", accuracy, 1e-4, 0.5)?;
        Ok(Self { accuracy, zeros: 0, buckets: BTreeMap::new() })
    }

    fn log_ratio(&self) -> f64 {
        ln((1.0 + self.accuracy) / (1.0 - self.accuracy))
    }

    /// The bucket of a positive number.
    pub fn index(&self, value: f64) -> i32 {
        (ln(value) / self.log_ratio()).ceil() as i32
    }

    /// The number that a bucket stands for.
    pub fn value(&self, index: i32) -> f64 {
        let log = self.log_ratio();
        let scale = ln((exp(log) + 1.0) / 2.0);
        exp(f64::from(index) * log - scale).min(f64::MAX)
    }

    /// Takes a number of at least 0 in.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) or [`Error::OutOfRange`](crate::Error::OutOfRange)
    /// for another.
    pub fn push(&mut self, value: f64) -> Result<()> {
        finite("observation", self.len(), value)?;
        within("observation", value, 0.0, f64::MAX)?;
        // Below the normal numbers there are no more ratios to keep.
        if value < f64::MIN_POSITIVE {
            self.zeros += 1;
        } else {
            *self.buckets.entry(self.index(value)).or_default() += 1;
        }
        Ok(())
    }

    /// Takes all of another sketch in.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) if its accuracy is another.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        within("relative accuracy", other.accuracy, self.accuracy, self.accuracy)?;
        self.zeros += other.zeros;
        for (&index, &count) in &other.buckets {
            *self.buckets.entry(index).or_default() += count;
        }
        Ok(())
    }

    /// How many numbers are in it.
    pub fn len(&self) -> u64 {
        self.zeros + self.buckets.values().sum::<u64>()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The quantile `p`, the number of rank `floor(p (n - 1))` in rising order; `None` of nothing.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for `p` outside `[0, 1]`.
    pub fn quantile(&self, p: f64) -> Result<Option<f64>> {
        within("quantile", p, 0.0, 1.0)?;
        let Some(last) = self.len().checked_sub(1) else { return Ok(None) };
        let rank = (p * last as f64).floor() as u64;
        let mut below = self.zeros;
        if rank < below {
            return Ok(Some(0.0));
        }
        for (&index, &count) in &self.buckets {
            below += count;
            if rank < below {
                return Ok(Some(self.value(index)));
            }
        }
        Ok(self.buckets.keys().next_back().map(|&index| self.value(index)))
    }
}
