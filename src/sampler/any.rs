//! Any sampler, chosen at run time.

use serde::{Deserialize, Serialize};

use super::{Distinct, Kind, Passes, Pick, Replace, Sampler, Scratch, Sequential, Systematic, Top};
use crate::base::error::Result;
use crate::base::rng::Rng;
use crate::policy::Allotment;
use crate::population::Population;

/// Any sampler of this crate, for a choice that is made at run time. Each kind draws exactly as it does by itself.
///
/// ```
/// use curricle::{Curriculum, sampler::Any};
///
/// # fn main() -> curricle::Result<()> {
/// for sampler in [Any::Replace, Any::Systematic] {
///     assert_eq!(Curriculum::builder(10).sampler(sampler).build()?.draw(5)?.draws.len(), 5);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Any {
    /// [`Replace`]
    Replace,
    /// [`Distinct`]
    #[default]
    Distinct,
    /// [`Systematic`]
    Systematic,
    /// [`Top`]
    Top,
    /// [`Passes`]
    Passes,
    /// [`Sequential`]
    Sequential,
}

impl Sampler for Any {
    fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Replace => Kind::Replace,
            Self::Distinct => Kind::Distinct,
            Self::Systematic => Kind::Systematic,
            Self::Top => Kind::Top,
            Self::Passes => Kind::Passes,
            Self::Sequential => Kind::Sequential,
        })
    }

    fn keeps_passes(&self) -> bool {
        matches!(self, Self::Passes | Self::Sequential)
    }

    fn draw(
        &self,
        population: &Population,
        allotment: &Allotment,
        n: usize,
        rng: &mut Rng,
        scratch: &mut Scratch,
        picks: &mut Vec<Pick>,
    ) -> Result<()> {
        match self {
            Self::Replace => Replace.draw(population, allotment, n, rng, scratch, picks),
            Self::Distinct => Distinct.draw(population, allotment, n, rng, scratch, picks),
            Self::Systematic => Systematic.draw(population, allotment, n, rng, scratch, picks),
            Self::Top => Top.draw(population, allotment, n, rng, scratch, picks),
            Self::Passes => Passes.draw(population, allotment, n, rng, scratch, picks),
            Self::Sequential => Sequential.draw(population, allotment, n, rng, scratch, picks),
        }
    }

    fn most(&self, population: &Population) -> usize {
        match self {
            Self::Replace => Replace.most(population),
            Self::Distinct => Distinct.most(population),
            Self::Systematic => Systematic.most(population),
            Self::Top => Top.most(population),
            Self::Passes => Passes.most(population),
            Self::Sequential => Sequential.most(population),
        }
    }
}
