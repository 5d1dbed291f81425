//! Arm counts as close to their expectation as integers can be.

use serde::{Deserialize, Serialize};

use super::distinct::Rest;
use super::replace::members;
use super::room::Room;
use super::{Pick, Sampler, arm_sums, available, enough, is_tedious, occupant, owner};
use crate::error::{Error, Result};
use crate::id::ArmId;
use crate::policy::Allotment;
use crate::population::Population;
use crate::rng::Rng;

/// Systematic sampling of the arms, distinct members: arm `a` gets `n p_a` of the n slots, rounded
/// down or up at random so that the expectation is exact.
///
/// One uniform number `u` places n equidistant points on the stacked probabilities,
/// `|n_a - n p_a| < 1`. The variance of what an arm earns is much smaller than under independent
/// draws, which is why bandit rewards taken from such batches are steadier. Slots of an arm that has
/// fewer members than that go to the others in proportion to their probabilities. Members of an arm are
/// drawn as by [`Distinct`](super::Distinct). The batch is shuffled, so that its parts are alike.
///
/// Does not draw over ranks. Cost of n draws: O(K + n log N) while repeats are rare, O(n log N log n) for
/// those of them that an almost empty arm makes frequent.
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
        let shares;
        let p = match allotment {
            Allotment::Arms(p) => p,
            Allotment::Odds(_) => {
                shares = allotment.shares();
                &shares
            }
            Allotment::Ranks { .. } => {
                return Err(Error::Unsupported {
                    part: "Systematic",
                    request: "a Gaussian over ranks",
                });
            }
        };
        enough(n, available(population, allotment))?;
        let first = picks.len();
        Room::lend(|room| {
            counts(population, p, n, rng, room)?;
            room.drawn.clear();
            for (arm, &count) in room.counts.iter().enumerate() {
                room.drawn.extend(std::iter::repeat_n(arm as u64, count));
            }
            fill(population, p, rng, room, picks)
        })?;
        rng.shuffle(&mut picks[first..]);
        Ok(())
    }
}

/// Appends a member of each arm in `room.drawn`, none twice; the arms must have as many.
fn fill(
    population: &Population,
    p: &[f64],
    rng: &mut Rng,
    room: &mut Room,
    picks: &mut Vec<Pick>,
) -> Result<()> {
    let first = picks.len();
    room.taken.clear(room.drawn.len());
    room.gone.clear();
    room.gone.resize(p.len(), 0);
    // Independent draws from an arm of which repeats are dropped are successive draws from it.
    let (n, mut made) = (room.drawn.len(), 0);
    loop {
        let asked = room.drawn.len();
        made += asked;
        members(population, rng, room);
        let mut missing = 0;
        for place in 0..asked {
            let (arm, slot) = (room.drawn[place] as usize, room.targets[place] as usize);
            if room.taken.insert(slot as u64) {
                let weight = population.tree().get(slot);
                let left = population.arm_weight(ArmId(arm as u32)) - room.gone[arm];
                room.gone[arm] += weight;
                picks.push(Pick {
                    sample: occupant(population, slot)?,
                    arm: ArmId(arm as u32),
                    propensity: p[arm] * (weight as f64 / left as f64),
                });
            } else {
                room.drawn[missing] = arm as u64;
                missing += 1;
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
        let pick = rest.draw(ArmId(arm as u32), rng)?;
        picks.push(Pick { propensity: p[arm as usize] * pick.propensity, ..pick });
    }
    Ok(())
}

/// How many of n slots each arm gets, in `room.counts`; at least n members must be available.
fn counts(population: &Population, p: &[f64], n: usize, rng: &mut Rng, room: &mut Room) -> Result<()> {
    let Room { counts, sums, .. } = room;
    counts.clear();
    counts.resize(p.len(), 0);
    let mut missing = n;
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
    Ok(())
}
