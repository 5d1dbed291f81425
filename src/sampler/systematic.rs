//! Arm counts as close to their expectation as integers can be.

use curricle_kernels::blocks;
use serde::{Deserialize, Serialize};

use super::distinct::Rest;
use super::replace::members;
use super::room::Room;
use super::{Pick, Sampler, arm_sums, available, enough, is_tedious, occupant, owner};
use crate::base::error::{Error, Result};
use crate::base::id::ArmId;
use crate::base::rng::Rng;
use crate::policy::{Allotment, Odds};
use crate::population::Population;

/// Systematic sampling of the arms, distinct members: arm `a` gets `n p_a` of the n slots, rounded
/// down or up at random so that the expectation is exact.
///
/// One uniform number `u` places n equidistant points on the stacked probabilities,
/// `|n_a - n p_a| < 1`. The variance of what an arm earns is much smaller than under independent
/// draws, which is why bandit rewards taken from such batches are steadier. Slots of an arm that has
/// fewer members than that go to the others in proportion to their probabilities. Members of an arm are
/// drawn as by [`Distinct`](super::Distinct). The batch is shuffled, so that its parts are alike.
///
/// Does not draw over ranks. Cost of n draws: O(K) to read a list of probabilities, or [`Odds`] if an arm gets more slots
/// than it has members; then O(n log N) while repeats are rare, O(K + n log N log n) where an almost empty arm makes
/// them frequent.
///
/// ```
/// use curricle::{Curriculum, policy::Fixed, sampler::Systematic};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(300)
///     .arms(3, |sample| (sample.0 % 3) as u32)
///     .policy(Fixed::weights(vec![1.0, 2.0, 5.0]))
///     .sampler(Systematic)
///     .build()?;
/// let batch = curriculum.draw(16)?;
/// let from = |arm: u32| batch.draws.iter().filter(|draw| draw.arm.0 == arm).count();
/// assert_eq!([from(0), from(1), from(2)], [2, 4, 10]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Systematic;

impl Sampler for Systematic {
    fn draw(
        &self,
        population: &Population,
        allotment: &Allotment,
        n: usize,
        rng: &mut Rng,
        picks: &mut Vec<Pick>,
    ) -> Result<()> {
        enough(n, available(population, allotment))?;
        let first = picks.len();
        Room::lend(|room| {
            room.drawn.clear();
            match allotment {
                Allotment::Arms(p) => {
                    room.counts.clear();
                    room.counts.resize(p.len(), 0);
                    spread(population, p, n, rng, room)?;
                }
                Allotment::Odds(odds) => {
                    let missing = along(population, odds, n, rng, room);
                    if missing > 0 {
                        room.counts.clear();
                        room.counts.resize(odds.arms(), 0);
                        room.drawn.iter().for_each(|&arm| room.counts[arm as usize] += 1);
                        spread(population, &allotment.shares(), missing, rng, room)?;
                    }
                }
                Allotment::Ranks { .. } => {
                    let request = "a Gaussian over ranks";
                    return Err(Error::Unsupported { part: "Systematic", request });
                }
            }
            fill(population, allotment, rng, room, picks)
        })?;
        rng.shuffle(&mut picks[first..]);
        Ok(())
    }
}

/// Appends a member of each arm in `room.drawn`, none twice; the arms must have as many.
fn fill(
    population: &Population,
    allotment: &Allotment,
    rng: &mut Rng,
    room: &mut Room,
    picks: &mut Vec<Pick>,
) -> Result<()> {
    let first = picks.len();
    room.taken.clear(room.drawn.len());
    room.gone.clear(population.arms().count());
    // Independent draws from an arm of which repeats are dropped are successive draws from it.
    let (n, mut made) = (room.drawn.len(), 0);
    loop {
        let asked = room.drawn.len();
        made += asked;
        members(population, rng, room);
        let (mut place, mut missing) = (0, 0);
        for (now, next) in blocks(&room.targets) {
            next.iter().for_each(|&slot| population.arms().fetch_slot(slot as usize));
            for &slot in now {
                let (arm, slot) = (ArmId(room.drawn[place] as u32), slot as usize);
                if room.taken.insert(slot as u64) {
                    let weight = population.tree().get(slot);
                    let left = population.arm_weight(arm) - room.gone.add(arm, weight);
                    picks.push(Pick {
                        sample: occupant(population, slot)?,
                        arm,
                        propensity: allotment.share(arm) * (weight as f64 / left as f64),
                    });
                } else {
                    room.drawn[missing] = arm.0.into();
                    missing += 1;
                }
                place += 1;
            }
        }
        room.drawn.truncate(missing);
        if missing == 0 {
            return Ok(());
        }
        if is_tedious(missing, asked, made, n) {
            break;
        }
    }
    // Repeats have become frequent: draw from the rest itself.
    let mut rest = Rest::new(population);
    for pick in &picks[first..] {
        rest.take(population.arms().slot_of(pick.sample)?, pick.arm);
    }
    for &arm in &room.drawn {
        let arm = ArmId(arm as u32);
        let pick = rest.draw(arm, rng)?;
        picks.push(Pick { propensity: allotment.share(arm) * pick.propensity, ..pick });
    }
    Ok(())
}

/// Spreads n slots evenly over the odds; their arms come to stand in `room.drawn`, in order. Says how many slots found
/// their arm full.
fn along(population: &Population, odds: &Odds, n: usize, rng: &mut Rng, room: &mut Room) -> usize {
    let (total, slots) = (u128::from(odds.total()), n as u128);
    let start = u128::from(rng.below(odds.total()));
    let mut arm = None;
    let mut count = 0;
    for slot in 0..slots {
        let owner = odds.in_order(((start + slot * total) / slots) as u64);
        count = if arm == Some(owner) { count + 1 } else { 1 };
        arm = Some(owner);
        if count <= population.drawable(owner) {
            room.drawn.push(owner.0.into());
        }
    }
    n - room.drawn.len()
}

/// Spreads slots evenly over arms that have room beside `room.counts`, which grow; the arms of all counted slots
/// come to stand in `room.drawn`, in order. There must be as many members.
fn spread(
    population: &Population,
    p: &[f64],
    mut missing: usize,
    rng: &mut Rng,
    room: &mut Room,
) -> Result<()> {
    let Room { counts, sums, drawn, .. } = room;
    while missing > 0 {
        let room = |arm: usize| population.drawable(ArmId(arm as u32)) - counts[arm];
        let total = arm_sums(p, |arm| if room(arm) > 0 { 1.0 } else { 0.0 }, sums)?;
        let start = u128::from(rng.below(total));
        let slots = missing as u128;
        for slot in 0..slots {
            let arm = owner(sums, ((start + slot * u128::from(total)) / slots) as u64);
            // A slot that finds its arm full is placed again in the next round.
            if population.drawable(ArmId(arm as u32)) > counts[arm] {
                counts[arm] += 1;
                missing -= 1;
            }
        }
    }
    drawn.clear();
    for (arm, &count) in counts.iter().enumerate() {
        drawn.extend(std::iter::repeat_n(arm as u64, count));
    }
    Ok(())
}
