//! Signals of different units, together.

use crate::base::error::{Result, length};
use crate::base::numbers::{all_finite, positive, some, standardised, sum};

/// `sum over k of w_k (x_ki - centre_k) / scale_k`: several signals of the same items as one.
///
/// `parts[k][i]` is signal k of item i; `units` has the centre and the scale of each. Without them these are the mean and the
/// deviation (that divides by n) over the batch, and a signal whose values are all equal gives 0. Cost: O(parts items).
///
/// Paper: Wu et al., *Fine-Grained Human Feedback Gives Better Rewards*, arXiv 2306.01693, with fixed centres and scales.
///
/// ```
/// let parts = [vec![1.0, 3.0], vec![7.0, 7.0]];
/// assert_eq!(curricle::weigh::weighted_sum(&parts, &[0.5, 9.0], None)?, [-0.5, 0.5]);
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No part or no item; lists of different lengths; a number that is not finite; a scale that is not above 0.
pub fn weighted_sum<R: AsRef<[f64]>>(
    parts: &[R],
    weights: &[f64],
    units: Option<(&[f64], &[f64])>,
) -> Result<Vec<f64>> {
    some("parts", parts)?;
    some("parts", parts[0].as_ref())?;
    let items = parts[0].as_ref().len();
    length("weights", parts.len(), weights.len())?;
    all_finite("weights", weights)?;
    for part in parts {
        length("parts", items, part.as_ref().len())?;
        all_finite("parts", part.as_ref())?;
    }
    if let Some((centre, scale)) = units {
        length("centre", parts.len(), centre.len())?;
        length("scale", parts.len(), scale.len())?;
        all_finite("centre", centre)?;
        scale.iter().try_for_each(|&scale| positive("scale", scale))?;
    }
    let standard: Vec<Vec<f64>> = parts
        .iter()
        .enumerate()
        .map(|(k, part)| {
            let part = part.as_ref();
            match units {
                Some((centre, scale)) => part.iter().map(|x| (x - centre[k]) / scale[k]).collect(),
                None => standardised(part),
            }
        })
        .collect();
    let of = |item: usize| sum(standard.iter().zip(weights).map(|(part, weight)| weight * part[item]));
    Ok((0..items).map(of).collect())
}
