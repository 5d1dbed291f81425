//! Weights by how wrong the model is.

use crate::base::error::{Result, length};
use crate::base::numbers::{all_finite, count_within, positive, shares, sigmoid, some, sum};

/// What [`residual`] and [`listwise_residual`] give, a value for each item.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Residual {
    /// What the model makes of it.
    pub p: Vec<f64>,
    /// How wrong that is.
    pub weight: Vec<f64>,
}

/// `p = sigma(yes - no)`, and the weight `1 - p` where the label is true, else `p`: the factor of the gradient of supervised
/// fine-tuning.
///
/// Small weights keep their digits. Cost: O(items).
///
/// Paper: *SFT or contrastive learning for reranking*, arXiv 2510.14824.
///
/// ```
/// let reading = curricle::weigh::residual(&[2.0, 2.0], &[2.0, 2.0], &[true, false])?;
/// assert_eq!(reading.weight, [0.5, 0.5]);
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No item; lists of different lengths; a logit that is not finite.
pub fn residual(yes: &[f64], no: &[f64], label: &[bool]) -> Result<Residual> {
    some("yes", yes)?;
    length("no", yes.len(), no.len())?;
    length("label", yes.len(), label.len())?;
    all_finite("yes", yes)?;
    all_finite("no", no)?;
    let apart: Vec<f64> = yes.iter().zip(no).map(|(yes, no)| yes - no).collect();
    let of = |(&apart, &label): (&f64, &bool)| sigmoid(if label { -apart } else { apart });
    Ok(Residual {
        p: apart.iter().map(|&apart| sigmoid(apart)).collect(),
        weight: apart.iter().zip(label).map(of).collect(),
    })
}

/// `p = softmax(scores / temperature)`, and the weight `p` of every negative, and of the positive their sum: the factor of
/// the gradient of contrastive learning, without `1 / temperature`.
///
/// Cost: O(items).
///
/// Paper: *SFT or contrastive learning for reranking*, arXiv 2510.14824 (temperature 1).
///
/// ```
/// let reading = curricle::weigh::listwise_residual(&[1.0, 1.0], 0, 1.0)?;
/// assert_eq!(reading.weight, [0.5, 0.5]);
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No item; a score that is not finite; a positive that is not among them; a temperature that is not above 0.
pub fn listwise_residual(scores: &[f64], positive_at: usize, temperature: f64) -> Result<Residual> {
    some("scores", scores)?;
    all_finite("scores", scores)?;
    positive("temperature", temperature)?;
    count_within("positive_at", positive_at as u64, 0, scores.len() as u64 - 1)?;
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let p = shares(&scores.iter().map(|score| (score - most) / temperature).collect::<Vec<_>>());
    let mut weight = p.clone();
    weight[positive_at] = sum((0..p.len()).filter(|&at| at != positive_at).map(|at| p[at]));
    Ok(Residual { p, weight })
}
