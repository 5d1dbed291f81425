//! Mixtures that do not change: priors, and the check of weights by arm.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, finite, length, within};
use crate::base::id::ArmId;
use crate::population::Population;

/// What a policy leans on before it knows better: the floor of a [`Bounded`](crate::policy::Bounded) is
/// proportional to it, and a [`ScalingLaw`](crate::policy::ScalingLaw) starts from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Prior {
    /// The same for every arm that has something to draw.
    Uniform,
    /// The number of drawable samples.
    Size,
    /// Given weights, one for each arm; arms without anything to draw count as 0.
    Weights(Vec<f64>),
}

impl Prior {
    /// The weight of every arm, not normalised; 0 for one that has nothing to draw.
    pub(in crate::policy) fn shares(&self, population: &Population) -> Vec<f64> {
        (0..population.arms().count()).map(|arm| self.share(arm, population)).collect()
    }

    /// The weight of an arm, not normalised; 0 for one that has nothing to draw.
    pub(in crate::policy) fn share(&self, arm: usize, population: &Population) -> f64 {
        let drawable = population.drawable(ArmId(arm as u32));
        match self {
            _ if drawable == 0 => 0.0,
            Prior::Uniform => 1.0,
            Prior::Size => drawable as f64,
            Prior::Weights(weights) => weights.get(arm).copied().unwrap_or(0.0),
        }
    }
}

/// Checks a mixture: one finite weight `>= 0` for each arm, not all 0.
pub(in crate::policy) fn check_mixture(weights: &[f64], population: &Population) -> Result<()> {
    length("mixture weights", population.arms().count(), weights.len())?;
    for (arm, &weight) in weights.iter().enumerate() {
        within("mixture weight", finite("mixture weight", arm as u64, weight)?, 0.0, 1e300)?;
    }
    normalise(&mut weights.to_vec())
}

/// Whether weights, read from a snapshot, can have been checked by [`check_mixture`] for so many arms.
pub(in crate::policy) fn is_mixture(weights: &[f64], arms: usize) -> bool {
    weights.len() == arms
        && weights.iter().all(|weight| (0.0..=1e300).contains(weight))
        && weights.iter().any(|weight| *weight > 0.0)
}

/// Whether weights, read from a snapshot, are those that were built with, and 0 for the arms that were added since.
pub(in crate::policy) fn is_grown(weights: &[f64], built: &[f64], arms: usize) -> bool {
    weights.len() == arms
        && weights
            .split_at_checked(built.len())
            .is_some_and(|(first, added)| first == built && added.iter().all(|weight| *weight == 0.0))
}

impl Prior {
    /// The same of a prior.
    pub(in crate::policy) fn is_grown(&self, built: &Self, arms: usize) -> bool {
        match (self, built) {
            (Prior::Weights(weights), Prior::Weights(built)) => is_grown(weights, built, arms),
            (prior, built) => prior == built,
        }
    }
}

/// Makes probabilities even over the arms that have something to draw.
pub(in crate::policy) fn spread_evenly(population: &Population, p: &mut [f64]) {
    let is_open = |arm: usize| population.drawable(ArmId(arm as u32)) > 0;
    let open = (0..p.len()).filter(|&arm| is_open(arm)).count();
    for (arm, share) in p.iter_mut().enumerate() {
        *share = if is_open(arm) { 1.0 / open as f64 } else { 0.0 };
    }
}

/// Scales non-negative numbers to sum to one.
pub(in crate::policy) fn normalise(p: &mut [f64]) -> Result<()> {
    // The greatest is divided out first, so that the sum cannot overflow.
    let greatest = p.iter().copied().fold(0.0, f64::max);
    if greatest <= 0.0 {
        return Err(Error::NothingToDraw);
    }
    p.iter_mut().for_each(|share| *share /= greatest);
    let sum: f64 = p.iter().sum();
    p.iter_mut().for_each(|share| *share /= sum);
    Ok(())
}
