//! Disagreement of several models, heads or dropout masks on one input.

use curricle_kernels::logits::exact;
use serde::{Deserialize, Serialize};

use super::Score;
use super::candidates::log_sum;
use crate::base::error::{Error, Result, length};
use crate::base::math::{exp, ln, log1p};

/// What the predictions `p_1 .. p_M` of an ensemble say, with `p` their mean.
///
/// ```text
/// total      H(p)                                   all uncertainty
/// expected   mean H(p_m)                            of the data: every member has it
/// mutual     mean_m sum_c p_mc (ln p_mc - ln p_c)   of the model: what a label would teach (BALD)
/// ratio      1 - share of the most frequent choice
/// ```
///
/// `mutual` equals `total - expected`, but as a mean of divergences it does not cancel: for members
/// that nearly agree the difference is often negative.
///
/// Paper: Houlsby et al., *Bayesian Active Learning for Classification and Preference Learning*, arXiv
/// 1112.5745.
///
/// ```
/// use curricle::signal::uncertainty::Ensemble;
///
/// let torn = Ensemble::of(&[4.0, 0.0, 0.0, 4.0], 2)?;
/// let unsure = Ensemble::of(&[0.0, 0.0, 0.0, 0.0], 2)?;
/// assert!((torn.total - unsure.total).abs() < 1e-12);
/// assert!(torn.mutual > 0.5 && unsure.mutual == 0.0);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ensemble {
    /// The entropy of the mean prediction.
    pub total: f64,
    /// The mean entropy of the predictions.
    pub expected: f64,
    /// Their mutual information with the choice of member, at least 0.
    pub mutual: f64,
    /// The variation ratio.
    pub ratio: f64,
}

impl Ensemble {
    /// From the logits of the members, row-major, shape `[members, classes]`.
    ///
    /// # Errors
    /// [`Error::Empty`] without members or classes, or if a member has no possible class;
    /// [`Error::NonFinite`] for NaN, or more than one `+inf` of a member (index: the member);
    /// [`Error::Length`] if the logits are not whole rows.
    ///
    /// Cost: O(members x classes).
    pub fn of(logits: &[f64], classes: usize) -> Result<Self> {
        if logits.is_empty() || classes == 0 {
            return Err(Error::Empty { what: "ensemble", index: 0 });
        }
        let members = logits.len() / classes;
        length("logits", members * classes, logits.len())?;
        let mut logs = vec![0.0; logits.len()];
        let (mut expected, mut choices) = (0.0, vec![0u64; classes]);
        let rows = logits.chunks(classes).zip(logs.chunks_mut(classes)).enumerate();
        for (member, (row, logs)) in rows {
            let sums = exact(row, 1.0);
            expected += Score::Entropy.of(&sums).map_err(|error| match error {
                Error::NonFinite { what, value, .. } => {
                    Error::NonFinite { what, index: member as u64, value }
                }
                Error::Empty { what, .. } => Error::Empty { what, index: member as u64 },
                other => other,
            })?;
            choices[sums.argmax as usize] += 1;
            let log = log1p(sums.rest);
            for (class, (logit, log_probability)) in row.iter().zip(logs).enumerate() {
                let greatest = class as u64 == sums.argmax;
                *log_probability = if greatest { -log } else { logit - sums.max - log };
            }
        }
        let count = members as f64;
        let mean: Vec<f64> = (0..classes)
            .map(|class| {
                let of_class: Vec<f64> = logs.chunks(classes).map(|logs| logs[class]).collect();
                log_sum(&of_class) - ln(count)
            })
            .collect();
        let mut mutual = 0.0;
        for logs in logs.chunks(classes) {
            for (log, mean) in logs.iter().zip(&mean) {
                let probability = exp(*log);
                if probability > 0.0 {
                    mutual += probability * (log - mean);
                }
            }
        }
        let most = choices.iter().copied().max().unwrap_or(0);
        Ok(Self {
            total: Score::Entropy.of(&exact(&mean, 1.0))?,
            expected: expected / count,
            mutual: (mutual / count).max(0.0),
            ratio: 1.0 - most as f64 / count,
        })
    }
}
