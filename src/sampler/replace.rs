//! Independent draws, with replacement.

use curricle_kernels::blocks;
use serde::{Deserialize, Serialize};

use super::room::Room;
use super::{Pick, Sampler, arm_sums, enough, occupant, owner, ranks};
use crate::base::error::{Error, Result};
use crate::base::id::ArmId;
use crate::base::rng::Rng;
use crate::policy::Allotment;
use crate::population::Population;

/// Independent draws: an arm with probability `p_a`, then a member in proportion to its weight. A
/// sample can appear several times in a batch.
///
/// Cost of n draws: O(K) to read a list of probabilities, then O(n log N).
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
    fn draw(
        &self,
        population: &Population,
        allotment: &Allotment,
        n: usize,
        rng: &mut Rng,
        picks: &mut Vec<Pick>,
    ) -> Result<()> {
        if let Allotment::Ranks { mean, sd } = allotment {
            enough(1, population.drawable_total())?;
            return ranks::Ranks::new(population, *mean, *sd).replace(n, rng, picks);
        }
        Room::lend(|room| independent(population, allotment, n, rng, room, |pick| picks.push(pick)))
    }
}

/// Makes n independent draws over arms.
pub(super) fn independent(
    population: &Population,
    allotment: &Allotment,
    n: usize,
    rng: &mut Rng,
    room: &mut Room,
    mut each: impl FnMut(Pick),
) -> Result<()> {
    let Room { sums, drawn, targets, .. } = room;
    match allotment {
        Allotment::Arms(p) => {
            let total = arm_sums(p, |_| 1.0, sums)?;
            enough(1, total.min(1) as usize)?;
            drawn.clear();
            drawn.extend((0..n).map(|_| rng.below(total)));
            drawn.iter_mut().for_each(|arm| *arm = owner(sums, *arm) as u64);
        }
        Allotment::Odds(odds) => {
            enough(1, odds.total().min(1) as usize)?;
            odds.draw_each(n, rng, drawn, targets);
        }
        Allotment::Ranks { .. } => {
            return Err(Error::Unsupported {
                part: "a draw over arms",
                request: "a Gaussian over ranks",
            });
        }
    }
    members(population, rng, room);
    let mut drawn = room.drawn.iter();
    for (now, next) in blocks(&room.targets) {
        next.iter().for_each(|&slot| population.arms().fetch_slot(slot as usize));
        for (&slot, &arm) in now.iter().zip(drawn.by_ref()) {
            let arm = ArmId(arm as u32);
            let weight = population.tree().get(slot as usize) as f64;
            each(Pick {
                sample: occupant(population, slot as usize)?,
                arm,
                propensity: allotment.share(arm) * weight / population.arm_weight(arm) as f64,
            });
        }
    }
    Ok(())
}

/// Draws a member of each arm in `room.drawn`, in proportion to the weights; their slots come to stand
/// in `room.targets`.
///
/// Bits are drawn one by one, then everything else happens to all of them at once, step by step, so
/// that the memory accesses of a batch overlap.
pub(super) fn members(population: &Population, rng: &mut Rng, room: &mut Room) {
    /// No sum of weights before an arm and no slot, as the totals are below it.
    const UNKNOWN: u64 = u64::MAX;
    let Room { drawn, targets, starts, searched, .. } = room;
    let (tree, arms) = (population.tree(), population.arms());
    for (now, next) in blocks(drawn) {
        for arm in next.iter().map(|&arm| ArmId(arm as u32)) {
            population.fetch_arm(arm);
            arms.fetch_span(arm);
        }
        now.iter().for_each(|&arm| tree.fetch(arms.slots(ArmId(arm as u32)).start));
    }
    // The sums before arms are worth a list only if most arms are drawn more than once.
    let is_listed = arms.count() <= drawn.len();
    starts.clear();
    starts.resize(if is_listed { arms.count() } else { 0 }, UNKNOWN);
    targets.clear();
    searched.clear();
    for &arm in &*drawn {
        let slots = arms.slots(ArmId(arm as u32));
        let target = rng.below(population.arm_weight(ArmId(arm as u32)));
        if slots.len() == 1 {
            targets.push(slots.start as u64);
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
        targets.push(UNKNOWN);
        searched.push(start + target);
    }
    tree.find_each(searched);
    let mut found = searched.iter();
    for slot in targets {
        if *slot == UNKNOWN
            && let Some(&found) = found.next()
        {
            *slot = found;
        }
    }
}
