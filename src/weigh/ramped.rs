//! Easy ones first, by the weight of the loss.

use crate::base::error::{Result, length};
use crate::base::numbers::{all_within, in_range, positive, some};

/// Weights of the loss that begin at the ease of an item and end at 1 for all:
///
/// ```text
/// p      = min(epoch / length, 1)
/// weight = (base + smooth) (1 - p) + p
/// ```
///
/// Multiply the loss of each sample by its weight, not the mean loss by the mean weight. Cost: O(items).
///
/// Paper: MacAvaney et al., *Training Curricula for Open Domain Answer Re-Ranking*, arXiv 2004.14269 (length 20, smooth
/// 1e-8), whose released trainer multiplies means.
///
/// ```
/// use curricle::weigh::RampedWeight;
///
/// let ramp = RampedWeight { length: 10.0, smooth: 0.0, ..RampedWeight::default() };
/// assert_eq!(ramp.pointwise(&[0.2, 0.2], &[true, false], 0.0)?.weight, [0.2, 0.8]);
/// assert_eq!(ramp.pointwise(&[0.2, 0.2], &[true, false], 10.0)?.weight, [1.0, 1.0]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RampedWeight {
    /// The epoch from which on every weight is 1.
    pub length: f64,
    /// What no weight is below at the start.
    pub smooth: f64,
    /// Whether the hard ones come first.
    pub anti: bool,
}

impl Default for RampedWeight {
    fn default() -> Self {
        Self { length: 20.0, smooth: 1e-8, anti: false }
    }
}

/// What [`RampedWeight`] gives, a value for each item.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Ramped {
    /// How easy it counts as.
    pub base: Vec<f64>,
    /// Its weight now.
    pub weight: Vec<f64>,
}

impl RampedWeight {
    /// Of single items: the base is the ease of a relevant one, and 1 less the ease of one that is not.
    ///
    /// # Errors
    /// No item; lists of different lengths; an ease outside [0, 1]; an option or an epoch out of its range.
    pub fn pointwise(&self, ease: &[f64], relevant: &[bool], epoch: f64) -> Result<Ramped> {
        some("ease", ease)?;
        length("relevant", ease.len(), relevant.len())?;
        all_within("ease", ease, 0.0, 1.0)?;
        let base = ease.iter().zip(relevant).map(|(&ease, &is)| if is { ease } else { 1.0 - ease });
        self.ramped(base.collect(), epoch)
    }

    /// Of items with the eases of their negatives: the base is the least `(ease - negative + 1) / 2`.
    ///
    /// # Errors
    /// No item, or one without negatives; the rest as of [`pointwise`](Self::pointwise).
    pub fn pairwise<R: AsRef<[f64]>>(
        &self,
        ease: &[f64],
        negatives: &[R],
        epoch: f64,
    ) -> Result<Ramped> {
        some("ease", ease)?;
        length("negatives", ease.len(), negatives.len())?;
        all_within("ease", ease, 0.0, 1.0)?;
        let mut base = Vec::with_capacity(ease.len());
        for (ease, negatives) in ease.iter().zip(negatives) {
            some("negatives", negatives.as_ref())?;
            all_within("negatives", negatives.as_ref(), 0.0, 1.0)?;
            let apart = negatives.as_ref().iter().map(|negative| (ease - negative + 1.0) / 2.0);
            base.push(apart.fold(f64::INFINITY, f64::min));
        }
        self.ramped(base, epoch)
    }

    fn ramped(&self, mut base: Vec<f64>, epoch: f64) -> Result<Ramped> {
        positive("length", self.length)?;
        in_range("smooth", self.smooth, 0.0, f64::MAX)?;
        in_range("epoch", epoch, 0.0, f64::MAX)?;
        if self.anti {
            base.iter_mut().for_each(|base| *base = 1.0 - *base);
        }
        let part = (epoch / self.length).min(1.0);
        let weight = base.iter().map(|base| (base + self.smooth) * (1.0 - part) + part).collect();
        Ok(Ramped { base, weight })
    }
}
