//! Disagreement of sampled answers: how votes are spread.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::math::ln;

/// How often each distinct answer was given, among `n` in all; `k` of them at least once.
///
/// ```
/// use curricle::signal::uncertainty::Votes;
///
/// let votes = Votes::of(&[5, 3, 2])?;
/// assert_eq!((votes.samples(), votes.answers()), (10, 3));
/// assert_eq!((votes.majority(), votes.margin()), (0.5, 0.2));
/// assert!((votes.entropy() - 1.0297).abs() < 1e-4);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Votes {
    /// The positive counts, in falling order.
    counts: Vec<u64>,
}

impl Votes {
    /// From the count of each answer; zeros do not matter.
    ///
    /// # Errors
    /// [`Error::Empty`] if nobody voted; [`Error::OutOfRange`] if there are more than 2^53 votes.
    pub fn of(counts: &[u64]) -> Result<Self> {
        let mut counts: Vec<u64> = counts.iter().copied().filter(|&count| count > 0).collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let all: u128 = counts.iter().map(|&count| u128::from(count)).sum();
        if all > 1 << 53 {
            let (value, high) = (all as f64, (1u64 << 53) as f64);
            return Err(Error::OutOfRange { what: "votes", value, low: 0.0, high });
        }
        if all == 0 { Err(Error::Empty { what: "votes", index: 0 }) } else { Ok(Self { counts }) }
    }

    /// `n`.
    pub fn samples(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// `k`.
    pub fn answers(&self) -> usize {
        self.counts.len()
    }

    fn shares(&self) -> impl Iterator<Item = f64> {
        let all = self.samples() as f64;
        self.counts.iter().map(move |&count| count as f64 / all)
    }

    /// `H = -sum (n_c / n) ln(n_c / n)`.
    pub fn entropy(&self) -> f64 {
        if self.counts.len() == 1 {
            0.0
        } else {
            -self.shares().map(|share| share * ln(share)).sum::<f64>()
        }
    }

    /// `H / ln n`: 1 if all answers differ, comparable where the number of answers is open; 0 if `n =
    /// 1`.
    pub fn entropy_by_samples(&self) -> f64 {
        if self.samples() == 1 { 0.0 } else { self.entropy() / ln(self.samples() as f64) }
    }

    /// `H / ln k`: 1 if all answers are as frequent; 0 if `k = 1`.
    pub fn entropy_by_answers(&self) -> f64 {
        if self.answers() == 1 { 0.0 } else { self.entropy() / ln(self.answers() as f64) }
    }

    /// `H + (k - 1) / (2n)`: corrected for what a small sample misses (Miller and Madow).
    pub fn miller_madow(&self) -> f64 {
        self.entropy() + (self.answers() - 1) as f64 / (2.0 * self.samples() as f64)
    }

    /// The share of the most frequent answer: high means certain.
    pub fn majority(&self) -> f64 {
        self.counts[0] as f64 / self.samples() as f64
    }

    /// The difference of the shares of the two most frequent answers: high means certain; 1 if `k = 1`.
    pub fn margin(&self) -> f64 {
        let second = self.counts.get(1).copied().unwrap_or(0);
        (self.counts[0] - second) as f64 / self.samples() as f64
    }

    /// `1 - sum (n_c / n)^2`.
    pub fn gini(&self) -> f64 {
        let all = self.samples() as f64;
        self.counts.iter().map(|&count| count as f64 / all * ((all - count as f64) / all)).sum()
    }

    /// The logarithms of the counts.
    pub(crate) fn logs(&self) -> Vec<f64> {
        self.counts.iter().map(|&count| ln(count as f64)).collect()
    }
}
