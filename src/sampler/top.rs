//! The best, without randomness.

use serde::{Deserialize, Serialize};

use super::{Kind, Pick, Sampler, Scratch, available, enough, occupant, ranks};
use crate::base::error::{Error, Result};
use crate::base::id::ArmId;
use crate::base::rng::Rng;
use crate::policy::Allotment;
use crate::population::Population;

/// The members of greatest weight: arm `a` gets `n p_a` slots, rounded by largest remainder, and fills
/// them with its heaviest members; ties go to the one that has been in the arm longer, then the lower
/// arm. Over ranks: the n ranks nearest to the mean that can be drawn.
///
/// Uses no randomness. Nothing else is ever drawn while the weights stand, so this is for ranking
/// inputs, not for training on its own. Cost: O(K log K) to give out the slots, and that of all members
/// of the arms drawn from; over ranks O(n), and that of the ranks passed over.
///
/// ```
/// use curricle::{Curriculum, sampler::Top};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(4).weights(vec![0.1, 0.7, 0.3, 0.7]).sampler(Top).build()?;
/// let best: Vec<u64> = curriculum.draw(3)?.samples().map(|sample| sample.0).collect();
/// assert_eq!(best, [1, 3, 2]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Top;

impl Sampler for Top {
    fn kind(&self) -> Option<Kind> {
        Some(Kind::Top)
    }

    fn draw(
        &self,
        population: &Population,
        allotment: &Allotment,
        n: usize,
        _: &mut Rng,
        _: &mut Scratch,
        picks: &mut Vec<Pick>,
    ) -> Result<()> {
        enough(n, available(population, allotment))?;
        match allotment {
            Allotment::Arms(_) | Allotment::Tree(_) => {
                for (arm, count) in counts(population, &allotment.shares(), n).into_iter().enumerate() {
                    let arm = ArmId(arm as u32);
                    heaviest(population, arm, allotment.share(arm), count, picks)?;
                }
            }
            Allotment::Ranks { mean, sd } => {
                for rank in ranks::Ranks::new(population, *mean, *sd).drawable().take(n) {
                    let sample = population.arms().sample_at_rank(rank).ok_or(Error::NothingToDraw)?;
                    let arm = population.arms().arm_of(sample)?;
                    picks.push(Pick { sample, arm, share: 1.0, propensity: 1.0 });
                }
            }
        }
        Ok(())
    }

    fn most(&self, population: &Population) -> usize {
        population.drawable_total()
    }
}

/// Largest-remainder allocation of n slots, none beyond what an arm has.
fn counts(population: &Population, p: &[f64], n: usize) -> Vec<usize> {
    let room: Vec<usize> = (0..p.len() as u32).map(|arm| population.drawable(ArmId(arm))).collect();
    let ideal = |arm: usize| p[arm] * n as f64;
    let mut counts: Vec<usize> = (0..p.len()).map(|arm| (ideal(arm) as usize).min(room[arm])).collect();
    let mut order: Vec<usize> = (0..p.len()).filter(|&arm| p[arm] > 0.0).collect();
    let mut missing = n.saturating_sub(counts.iter().sum());
    while missing > 0 {
        // Furthest behind its ideal first.
        order.retain(|&arm| counts[arm] < room[arm]);
        let behind = |arm: usize| ideal(arm) - counts[arm] as f64;
        order.sort_by(|&a, &b| behind(b).total_cmp(&behind(a)).then(a.cmp(&b)));
        for &arm in order.iter().take(missing) {
            counts[arm] += 1;
        }
        missing -= missing.min(order.len());
        if order.is_empty() {
            break;
        }
    }
    counts
}

/// Appends the heaviest members of an arm.
fn heaviest(
    population: &Population,
    arm: ArmId,
    share: f64,
    count: usize,
    picks: &mut Vec<Pick>,
) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    let key = |slot: &usize| (std::cmp::Reverse(population.tree().get(*slot)), *slot);
    let mut slots: Vec<usize> = population.arms().slots(arm).collect();
    if count < slots.len() {
        slots.select_nth_unstable_by_key(count, key);
        slots.truncate(count);
    }
    slots.sort_unstable_by_key(key);
    for slot in slots {
        picks.push(Pick { sample: occupant(population, slot)?, arm, share, propensity: 1.0 });
    }
    Ok(())
}
