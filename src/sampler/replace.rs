//! Independent draws, with replacement.

use curricle_kernels::blocks;
use serde::{Deserialize, Serialize};

use super::scratch::Scratch;
use super::{Kind, Pick, Sampler, arm_sums, arm_units, enough, occupant, owner, ranks};
use crate::base::error::{Error, Result};
use crate::base::id::ArmId;
use crate::base::rng::Rng;
use crate::policy::Allotment;
use crate::population::{Population, Weights};

/// Independent draws: an arm with probability `p_a`, then a member in proportion to its weight. A
/// sample can appear several times in a batch.
///
/// Cost of n draws: O(K) to read a list of probabilities, then O(n log N). Over ranks O(n), and O(sd)
/// once a rank is vacant or has weight 0.
///
/// ```
/// use curricle::{Curriculum, sampler::Replace};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(3).sampler(Replace).build()?;
/// assert_eq!(curriculum.draw(100)?.draws.len(), 100);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Replace;

impl Sampler for Replace {
    fn kind(&self) -> Option<Kind> {
        Some(Kind::Replace)
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
        if let Allotment::Ranks { mean, sd } = allotment {
            enough(1, population.drawable_total())?;
            return ranks::Ranks::new(population, *mean, *sd).replace(n, rng, scratch, picks);
        }
        independent(population, allotment, n, rng, scratch, |pick| picks.push(pick))
    }
}

/// Makes n independent draws over arms.
pub(super) fn independent(
    population: &Population,
    allotment: &Allotment,
    n: usize,
    rng: &mut Rng,
    scratch: &mut Scratch,
    mut each: impl FnMut(Pick),
) -> Result<()> {
    let Scratch { sums, arms, members: targets, .. } = scratch;
    match allotment {
        Allotment::Arms(p) => match arm_sums(p.iter().map(|&p| arm_units(p)), sums)? {
            0 => return Err(Error::NothingToDraw),
            total => {
                arms.clear();
                arms.extend((0..n).map(|_| rng.below(total)));
                arms.iter_mut().for_each(|arm| *arm = owner(sums, *arm) as u64);
            }
        },
        Allotment::Tree(tree) if tree.total() == 0 => return Err(Error::NothingToDraw),
        Allotment::Tree(tree) => tree.draw_each(n, rng, arms, targets),
        Allotment::Ranks { .. } => {
            return Err(Error::Unsupported {
                part: "a draw over arms",
                request: "a Gaussian over ranks",
            });
        }
    }
    draw_members(population, population.now(), rng, scratch);
    let mut arms = scratch.arms.iter();
    for (now, next) in blocks(&scratch.members) {
        next.iter().for_each(|&slot| population.arms().fetch_slot(slot as usize));
        for (&slot, &arm) in now.iter().zip(arms.by_ref()) {
            let arm = ArmId(arm as u32);
            let share = allotment.share(arm);
            let weight = population.tree().get(slot as usize) as f64;
            each(Pick {
                sample: occupant(population, slot as usize)?,
                arm,
                share,
                propensity: share * weight / population.arm_weight(arm) as f64,
            });
        }
    }
    Ok(())
}

/// Draws a member of each of `scratch.arms`, in proportion to the weights, into `scratch.members`.
///
/// Bits are drawn one by one, then everything else happens to all of them at once, step by step, so
/// that the memory accesses of a batch overlap.
pub(super) fn draw_members(
    population: &Population,
    weights: &Weights,
    rng: &mut Rng,
    scratch: &mut Scratch,
) {
    /// No sum of weights before an arm and no slot, as the totals are below it.
    const UNKNOWN: u64 = u64::MAX;
    let Scratch { arms: drawn, members, starts, searched, .. } = scratch;
    let (tree, arms) = (weights.tree(), population.arms());
    for (now, next) in blocks(drawn) {
        for arm in next.iter().map(|&arm| ArmId(arm as u32)) {
            weights.fetch_arm(arm);
            arms.fetch_span(arm);
        }
        now.iter().for_each(|&arm| tree.fetch(arms.slots(ArmId(arm as u32)).start));
    }
    // The sums before arms are worth a list only if most arms are drawn more than once.
    let is_listed = arms.count() <= drawn.len();
    starts.clear();
    starts.resize(if is_listed { arms.count() } else { 0 }, UNKNOWN);
    members.clear();
    searched.clear();
    for &arm in &*drawn {
        let slots = arms.slots(ArmId(arm as u32));
        let target = rng.below(weights.of_arm(ArmId(arm as u32)));
        if slots.len() == 1 {
            members.push(slots.start as u64);
            continue;
        }
        let start = match starts.get_mut(arm as usize) {
            Some(start) => {
                if *start == UNKNOWN {
                    *start = tree.prefix(slots.start);
                }
                *start
            }
            None => tree.prefix(slots.start),
        };
        members.push(UNKNOWN);
        searched.push(start + target);
    }
    tree.find_each(searched);
    let mut found = searched.iter();
    for slot in members {
        if *slot == UNKNOWN
            && let Some(&found) = found.next()
        {
            *slot = found;
        }
    }
}
