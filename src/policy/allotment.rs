//! What a policy decides: a probability for each arm.

use serde::{Deserialize, Serialize};

use super::ArmTree;
use crate::base::error::{Error, Result, finite, length};
use crate::base::id::ArmId;
use crate::population::Population;

/// What is decided for one round: a probability for each arm, or a Gaussian over ranks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Allotment {
    /// The probability of each arm, by [`ArmId`]; they sum to 1.
    Arms(Vec<f64>),
    /// The probabilities of very many arms; see [`Policy::logits`](crate::policy::Policy::logits).
    Tree(ArmTree),
    /// The sample of rank `i` among all [`Arms`](crate::Arms), if it can be drawn, has a probability
    /// proportional to `exp(-(i - mean)^2 / (2 sd^2))`.
    Ranks {
        /// The centre, in ranks.
        mean: f64,
        /// The standard deviation, in ranks.
        sd: f64,
    },
}

impl Default for Allotment {
    fn default() -> Self {
        Self::Arms(Vec::new())
    }
}

impl Allotment {
    /// Makes this a list of `arms` probabilities, all 0, and lends it for filling in. The memory of
    /// an earlier list is reused.
    pub fn arms(&mut self, arms: usize) -> &mut [f64] {
        if !matches!(self, Self::Arms(_)) {
            *self = Self::default();
        }
        let Self::Arms(p) = self else { return &mut [] };
        p.clear();
        p.resize(arms, 0.0);
        p
    }

    /// The probabilities of arms, for `part`, which changes them: [`ArmTree`] become a list.
    ///
    /// # Errors
    /// [`Error::Unsupported`] over ranks.
    pub(crate) fn as_arms(&mut self, part: &'static str) -> Result<&mut [f64]> {
        if let Self::Tree(_) = self {
            *self = Self::Arms(self.shares());
        }
        match self {
            Self::Arms(p) => Ok(p),
            _ => Err(Error::Unsupported { part, request: "a Gaussian over ranks" }),
        }
    }

    /// The probability of an arm; 1 over ranks.
    #[inline]
    pub fn share(&self, arm: ArmId) -> f64 {
        match self {
            Self::Arms(p) => p.get(arm.index()).copied().unwrap_or(0.0),
            Self::Tree(tree) => tree.share(arm),
            Self::Ranks { .. } => 1.0,
        }
    }

    /// The probability of each arm; empty over ranks. Cost: O(K).
    pub fn shares(&self) -> Vec<f64> {
        match self {
            Self::Arms(p) => p.clone(),
            Self::Tree(tree) => (0..tree.arms() as u32).map(|arm| tree.share(ArmId(arm))).collect(),
            Self::Ranks { .. } => Vec::new(),
        }
    }

    /// There are so many arms, of which the last ones are new and have no probability yet.
    pub(crate) fn grow(&mut self, arms: usize) {
        if let Self::Tree(_) = self {
            *self = Self::Arms(self.shares());
        }
        if let Self::Arms(p) = self
            && !p.is_empty()
        {
            p.resize(arms, 0.0);
        }
    }

    /// Moves the probability of arms that have nothing to draw to the others, in proportion. Small ones become multiples of
    /// the unit that samplers draw by, at least one.
    ///
    /// # Errors
    /// [`Error::NonFinite`], [`Error::OutOfRange`] or [`Error::NotADistribution`] for numbers that
    /// are no probabilities; [`Error::NothingToDraw`] if nothing is left.
    pub(crate) fn settle(&mut self, population: &Population) -> Result<()> {
        let p = match self {
            Self::Arms(p) => p,
            // A policy's own: they may have weights for arms that have been emptied since.
            Self::Tree(_) => {
                *self = Self::Arms(self.shares());
                return self.settle(population);
            }
            Self::Ranks { mean, sd } => {
                finite("mean rank", 0, *mean)?;
                crate::base::error::within("standard deviation", *sd, f64::MIN_POSITIVE, f64::MAX)?;
                return match population.drawable_total() {
                    0 => Err(Error::NothingToDraw),
                    _ => Ok(()),
                };
            }
        };
        length("probabilities of arms", population.arms().count(), p.len())?;
        let mut sum = 0.0;
        for (arm, &share) in p.iter().enumerate() {
            finite("probability", arm as u64, share)?;
            crate::base::error::within("probability", share, 0.0, 1.0 + 1e-9)?;
            sum += share;
        }
        if (sum - 1.0).abs() > 1e-6 {
            return Err(Error::NotADistribution { sum });
        }
        let mut left = 0.0;
        for (arm, share) in p.iter_mut().enumerate() {
            if population.drawable(ArmId(arm as u32)) == 0 {
                *share = 0.0;
            }
            left += *share;
        }
        if left <= 0.0 {
            return Err(Error::NothingToDraw);
        }
        for share in p.iter_mut() {
            *share /= left;
            // As samplers draw from it, so that what they report is what they do.
            if *share < FINE {
                *share = crate::sampler::arm_units(*share) as f64 / crate::sampler::ARM_UNITS;
            }
        }
        Ok(())
    }
}

/// Below this the unit of samplers is a part of a probability that can be told: `2^-62 / 2^-20` is about `2e-13`.
const FINE: f64 = 1.0 / 1_048_576.0;
