//! Samplers: who draws, from what the policy allotted.
//!
//! | sampler | members | propensity of a draw, over arms |
//! |--|--|--|
//! | [`Replace`] | may repeat | `p_a w_i / W_a` |
//! | [`Distinct`] | each at most once | the same, renormalised over what was not drawn before it |
//! | [`Systematic`] | each at most once; arm counts within 1 of `n q_a` | `q_a w_i / (W_a` less what was drawn before it in the arm`)` |
//! | [`Passes`] | each once in a pass over its arm, at random | `q_a w_i / (W_a` less what was drawn before it in the pass`)` |
//! | [`Sequential`] | each once in a pass over its arm, in order | `q_a` |
//! | [`Top`] | the best, no randomness | 1 |
//!
//! `q_a` is `p_a`, as far as the arm has members for it: with `d_a` of them that can be drawn, the arms with
//! `n p_a > d_a` have `q_a = d_a / n`, and the others share the rest in proportion to `p_a`, until that
//! holds of none.
//!
//! `p_a` is the probability of the arm; a positive one of less than 2^-62 counts as 2^-62. `w_i` the weight of the
//! sample and `W_a` the sum of its arm's weights. Over ranks the propensity is `exp(-(i - mean)^2 / (2 sd^2))` over
//! its sum, the sum being taken over all ranks that can be drawn (for [`Distinct`] less those drawn before): not over
//! vacant ones and ones of weight 0. Beside being 0 or not, weights play no part over ranks.

mod any;
mod distinct;
pub(crate) mod odds;
mod passes;
mod ranks;
mod replace;
mod scratch;
mod systematic;
mod top;

use serde::{Serialize, de::DeserializeOwned};

use crate::base::error::{Error, Result};
use crate::base::id::{ArmId, SampleId};
use crate::base::rng::Rng;
use crate::policy::Allotment;
use crate::population::Population;
use crate::population::SumTree;

pub use any::Any;
pub use distinct::Distinct;
pub use passes::{Passes, Sequential};
pub use replace::Replace;
pub use scratch::Scratch;
pub use systematic::Systematic;
pub use top::Top;

/// One drawn sample, before it gets a ticket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pick {
    /// The sample.
    pub sample: SampleId,
    /// Its arm.
    pub arm: ArmId,
    /// The probability of its arm in this batch: as the policy allotted it or, from [`Systematic`], as far
    /// as the arm has the members to be given it; 1 over ranks.
    pub share: f64,
    /// The probability of this draw; see the [table](self).
    pub propensity: f64,
}

/// The samplers of this crate.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    Replace,
    Distinct,
    Systematic,
    Top,
    Passes,
    Sequential,
}

/// The greatest batch of a sampler that may repeat a sample, if no more can be drawn without a repeat. A record of a
/// log of some ten bytes asks for as much: a hundred megabytes and half a second, not gigabytes.
const MOST_REPEATED: usize = 1 << 20;

/// Turns an allotment into samples.
///
/// A sampler is pure: what it draws depends on its arguments only.
///
/// ```
/// use curricle::sampler::{Distinct, Sampler, Scratch};
/// use curricle::{Arms, Population, Purpose, Rng, Round, policy::Allotment};
///
/// # fn main() -> curricle::Result<()> {
/// let population = Population::new(Arms::even(2, 100)?, None)?;
/// let mut rng = Rng::at(1, Round(0), Purpose::Sampler);
/// let mut picks = Vec::new();
/// Distinct.draw(&population, &Allotment::Arms(vec![0.25, 0.75]), 10, &mut rng, &mut Scratch::default(), &mut picks)?;
/// assert_eq!(picks.len(), 10);
/// # Ok(()) }
/// ```
pub trait Sampler: Clone + Serialize + DeserializeOwned {
    /// Appends `n` picks: members of their arms, with propensities in `(0, 1]`. What is no such pick is refused
    /// before anything is drawn. Arms without anything to draw must have probability 0. `scratch` holds lists whose
    /// memory is reused; what it contains makes no difference, and a sampler of one's own need not use it.
    ///
    /// # Errors
    /// [`Error::BatchExceedsPool`] if the sampler never repeats a sample and there are fewer than
    /// `n`; [`Error::NothingToDraw`] if there is none; [`Error::Unsupported`] if it cannot draw from
    /// this kind of allotment.
    fn draw(
        &self,
        population: &Population,
        allotment: &Allotment,
        n: usize,
        rng: &mut Rng,
        scratch: &mut Scratch,
        picks: &mut Vec<Pick>,
    ) -> Result<()>;

    /// Which of this crate it is, if it is one: its picks need not be looked at, as its tests do, and its
    /// probabilities are known in closed form.
    #[doc(hidden)]
    fn kind(&self) -> Option<Kind> {
        None
    }

    /// Whether samples that were drawn rest until the pass of their arm is over, as for [`Passes`]: then
    /// [`Population::drawable`] is how many different ones a batch can draw, those of a pass that it begins included.
    #[doc(hidden)]
    fn keeps_passes(&self) -> bool {
        false
    }

    /// The greatest batch that can be drawn from a population: a greater one is refused before a policy
    /// is asked to decide for so many. The default is that of a sampler that may repeat a sample: 2^20,
    /// or all that can be drawn, if that is more.
    fn most(&self, population: &Population) -> usize {
        population.drawable_total().max(MOST_REPEATED)
    }
}

/// How many units a probability of 1 has.
pub(crate) const ARM_UNITS: f64 = (1u64 << 62) as f64;

/// Probabilities of arms in units of 2^-62, as integers, so that draws from them are exact and never
/// fall off the end. A positive probability is at least one unit.
fn arm_tree(arms: usize, p: impl Fn(ArmId) -> f64) -> Result<SumTree> {
    let units: Vec<u64> = (0..arms as u32).map(|arm| arm_units(p(ArmId(arm)))).collect();
    Ok(SumTree::new(&units)?)
}

/// The same probabilities, summed up: arm `a` owns the targets from `sums[a - 1]` to below `sums[a]`.
/// Returns their total. Takes less than a tree if it is used for one draw.
fn arm_sums(units: impl Iterator<Item = u64>, sums: &mut Vec<u64>) -> Result<u64> {
    sums.clear();
    let mut total = 0u64;
    for units in units {
        total = total
            .checked_add(units)
            .ok_or(Error::WeightOverflow { total: u128::from(total) + u128::from(units) })?;
        sums.push(total);
    }
    Ok(total)
}

/// The arm that owns a target below the total.
#[inline]
fn owner(sums: &[u64], target: u64) -> usize {
    sums.partition_point(|&sum| sum <= target)
}

/// One probability in units of 2^-62.
pub(crate) fn arm_units(p: f64) -> u64 {
    let units = (p * ARM_UNITS) as u64;
    if p > 0.0 { units.max(1) } else { 0 }
}

/// Whether drawing from what is left pays, after `repeats` of `asked` independent draws repeated: it
/// has to be set up, so not for a few, unless `made` draws were made already and there is no end.
fn is_tedious(repeats: usize, asked: usize, made: usize, n: usize) -> bool {
    repeats > asked / 2 && (repeats > 16 || made > 2 * n + 64)
}

/// How many different samples can be drawn from what has positive probability.
fn available(population: &Population, allotment: &Allotment) -> usize {
    match allotment {
        Allotment::Arms(p) => {
            let possible = p.iter().enumerate().filter(|(_, p)| **p > 0.0);
            possible.map(|(arm, _)| population.drawable(ArmId(arm as u32))).sum()
        }
        Allotment::Tree(_) | Allotment::Ranks { .. } => population.drawable_total(),
    }
}

/// Fails if fewer than `want` different samples can be drawn.
fn enough(want: usize, available: usize) -> Result<()> {
    match available {
        0 => Err(Error::NothingToDraw),
        _ if available < want => Err(Error::BatchExceedsPool { want, available }),
        _ => Ok(()),
    }
}

/// The sample in a slot that is known to be occupied.
#[inline]
fn occupant(population: &Population, slot: usize) -> Result<SampleId> {
    let Some(sample) = population.arms().sample_at(slot) else { return Err(Error::NothingToDraw) };
    Ok(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where it changes over is a part of the decision stream.
    #[test]
    fn drawing_goes_on_until_it_is_tedious() {
        // More than half of what was asked for, and more than a few.
        assert!(!is_tedious(17, 34, 0, 8) && is_tedious(18, 34, 0, 8));
        assert!(!is_tedious(16, 18, 0, 8) && is_tedious(17, 18, 0, 8));
        // A few only where there is no end: more than two draws for each that is wanted, and 64.
        assert!(!is_tedious(10, 16, 80, 8) && is_tedious(10, 16, 81, 8));
        assert!(!is_tedious(8, 16, 1000, 8) && is_tedious(9, 16, 1000, 8));
    }
}
