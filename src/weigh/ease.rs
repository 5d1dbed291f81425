//! How easy an item is, by a score that was there before.

use crate::base::error::Result;
use crate::base::math::pow;
use crate::base::numbers::{all_equal, all_finite, mean, sample_deviation, some};

/// How a score becomes an ease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EaseRule {
    /// `1 / rank`; the greatest has rank 1, and ties go by place.
    ReciprocalRank,
    /// `(s - min) / (max - min)`.
    MinMax,
    /// The mean over j of `Phi((s - s_j) / h)` with `h` the sample deviation times `n^(-1/5)` (Scott).
    Kde,
}

/// The ease of every candidate of one query, from 0 to 1, by any cheap score of a first stage.
///
/// Where all scores are equal, `MinMax` and `Kde` give 0.5 to all. Cost: O(n log n), for `Kde` O(n^2).
///
/// Paper: MacAvaney et al., *Training Curricula for Open Domain Answer Re-Ranking*, arXiv 2004.14269; its code divides by
/// zero where all are equal.
///
/// ```
/// use curricle::weigh::{EaseRule, ease};
///
/// assert_eq!(ease(&[3.0, 5.0, 4.0], EaseRule::ReciprocalRank)?, [1.0 / 3.0, 1.0, 0.5]);
/// assert_eq!(ease(&[3.0, 5.0, 4.0], EaseRule::MinMax)?, [0.0, 1.0, 0.5]);
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No score; one that is not finite.
pub fn ease(scores: &[f64], rule: EaseRule) -> Result<Vec<f64>> {
    some("scores", scores)?;
    all_finite("scores", scores)?;
    if rule != EaseRule::ReciprocalRank && all_equal(scores) {
        return Ok(vec![0.5; scores.len()]);
    }
    Ok(match rule {
        EaseRule::ReciprocalRank => {
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_by(|&a, &b| (scores[b] + 0.0).total_cmp(&(scores[a] + 0.0)).then(a.cmp(&b)));
            let mut ease = vec![0.0; scores.len()];
            order.into_iter().enumerate().for_each(|(rank, at)| ease[at] = 1.0 / (rank + 1) as f64);
            ease
        }
        EaseRule::MinMax => {
            let least = scores.iter().copied().fold(f64::INFINITY, f64::min);
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            scores
                .iter()
                .map(|score| (score / 2.0 - least / 2.0) / (most / 2.0 - least / 2.0))
                .collect()
        }
        EaseRule::Kde => {
            let width = sample_deviation(scores) * pow(scores.len() as f64, -0.2);
            let below = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
            let of = |score: &f64| {
                mean(&scores.iter().map(|other| below((score - other) / width)).collect::<Vec<_>>())
            };
            scores.iter().map(of).collect()
        }
    })
}
