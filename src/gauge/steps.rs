//! The worth of the steps of a solution, from rollouts of its prefixes.

use crate::base::error::{Result, length};
use crate::base::numbers::{at_least, count_within, first_least};

/// What [`step_advantage`] reads.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StepAdvantage {
    /// The success of each prefix; the first is before any step.
    pub q: Vec<f64>,
    /// `q_i - q_(i - 1)` of each step.
    pub advantage: Vec<f64>,
    /// The first step, counted from 1, behind which success is least: where a wrong solution is cut.
    pub first_pit: usize,
    /// The sum of the advantages, which is `q_last - q_0`.
    pub total: f64,
    /// The chance that one of so many tries succeeds.
    pub q_best_of: Vec<f64>,
}

/// The advantage of every step: how much more often it is solved from behind it than from before it.
///
/// `successes` and `rollouts` count from each prefix, the first being before the first step. Cost: O(steps).
///
/// Paper: Setlur et al., *RL on Incorrect Synthetic Data*, arXiv 2406.14532 (5 rollouts, best of 5).
///
/// ```
/// let reading = curricle::gauge::step_advantage(&[3, 4, 0, 0], &[5, 5, 5, 5], 5)?;
/// assert_eq!(reading.first_pit, 2);
/// assert!((reading.total + 0.6).abs() < 1e-12);
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No step; lists of different lengths; no rollouts, or more successes than rollouts; a `best_of` of 0.
pub fn step_advantage(successes: &[u64], rollouts: &[u64], best_of: u32) -> Result<StepAdvantage> {
    length("rollouts", successes.len(), rollouts.len())?;
    at_least("successes", 2, successes)?;
    count_within("best_of", best_of.into(), 1, u32::MAX.into())?;
    let q = successes
        .iter()
        .zip(rollouts)
        .map(|(&of, &all)| {
            count_within("rollouts", all, 1, u64::MAX)?;
            count_within("successes", of, 0, all)?;
            Ok(of as f64 / all as f64)
        })
        .collect::<Result<Vec<f64>>>()?;
    Ok(StepAdvantage {
        advantage: q.windows(2).map(|pair| pair[1] - pair[0]).collect(),
        first_pit: first_least(&q[1..]) + 1,
        total: q[q.len() - 1] - q[0],
        q_best_of: q.iter().map(|&q| -libm::expm1(f64::from(best_of) * libm::log1p(-q))).collect(),
        q,
    })
}
