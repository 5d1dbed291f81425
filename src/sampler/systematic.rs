//! Arm counts as close to their expectation as integers can be.

use curricle_kernels::blocks;
use serde::{Deserialize, Serialize};

use super::distinct::Rest;
use super::replace::draw_members;
use super::{
    Kind, Pick, Sampler, Scratch, arm_sums, arm_units, available, enough, is_tedious, occupant, owner,
};
use crate::base::error::{Error, Result};
use crate::base::id::ArmId;
use crate::base::rng::Rng;
use crate::policy::{Allotment, ArmTree};
use crate::population::{Population, Weights};

/// Systematic sampling of the arms, distinct members: arm `a` gets `n q_a` of the n slots, rounded
/// down or up at random so that the expectation is exact.
///
/// One uniform number places equidistant points on the stacked probabilities,
/// `|n_a - n q_a| < 1`. The variance of what an arm earns is much smaller than under independent
/// draws, which is why bandit rewards taken from such batches are steadier.
///
/// An arm cannot give more slots than it has members that can be drawn, `d_a`. Where `n p_a > d_a` it gives all of
/// them, `q_a = d_a / n`, and the others share the remaining slots in proportion to `p_a`; where that again asks too
/// much of an arm, it gives all of its members too, and so on. Elsewhere `q_a = p_a`. So the expected number of slots
/// is `n q_a` for every arm, and the propensities that are reported are those of `q_a`. Members of an arm are drawn as
/// by [`Distinct`](super::Distinct). The batch is shuffled, so that its parts are alike.
///
/// Does not draw over ranks. Cost of n draws: O(K) to read a list of probabilities, or [`ArmTree`] if an arm is asked
/// for more slots than it has members; then O(n log N) while repeats are rare, O(K + n log N log n) where an almost
/// empty arm makes them frequent.
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
    fn kind(&self) -> Option<Kind> {
        Some(Kind::Systematic)
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
        let first = picks.len();
        let shares = spread(population, allotment, n, rng, scratch)?;
        fill(population, population.now(), shares.by(population, allotment), rng, scratch, picks)?;
        rng.shuffle(&mut picks[first..]);
        Ok(())
    }

    fn most(&self, population: &Population) -> usize {
        population.drawable_total()
    }
}

/// Spreads n slots over the arms; `scratch.arms` is then the arm of each, in order. There must be n members of positive
/// probability.
pub(super) fn spread(
    population: &Population,
    allotment: &Allotment,
    n: usize,
    rng: &mut Rng,
    scratch: &mut Scratch,
) -> Result<Shares> {
    enough(n, available(population, allotment))?;
    match allotment {
        Allotment::Arms(p) => Shares::spread(population, p, n, rng, scratch),
        Allotment::Tree(tree) => match spread_along(population, tree, n, rng, scratch) {
            true => Ok(Shares { rest: 1.0, slots: n as f64 }),
            // Rare: the probabilities of all arms have to be looked at.
            false => Shares::spread(population, &allotment.shares(), n, rng, scratch),
        },
        Allotment::Ranks { .. } => Err(Error::Unsupported {
            part: "a sampler that spreads slots over arms",
            request: "a Gaussian over ranks",
        }),
    }
}

/// How the slots of a batch are shared out: `q_a` of arms that give all of their members is their part of
/// the slots, that of others `p_a` times a factor.
pub(super) struct Shares {
    rest: f64,
    slots: f64,
}

impl Shares {
    /// Spreads n slots over the arms; `scratch.arms` is the arm of each, in order, and `scratch.whole` says
    /// which arms give all of their members. There must be n members of positive probability.
    fn spread(
        population: &Population,
        p: &[f64],
        n: usize,
        rng: &mut Rng,
        scratch: &mut Scratch,
    ) -> Result<Self> {
        let (shares, total, left) = Self::work_out(population, p, n, scratch)?;
        let Scratch { sums, arms: slots, counts, .. } = scratch;
        let start = u128::from(rng.below(total));
        for slot in 0..left as u128 {
            let target = (start + slot * u128::from(total)) / left as u128;
            counts[owner(sums, target as u64)] += 1;
        }
        slots.clear();
        for (arm, &count) in counts.iter().enumerate() {
            slots.extend(std::iter::repeat_n(arm as u64, count));
        }
        Ok(shares)
    }

    /// Which arms give all of their members (`scratch.whole`), and how many these are (`scratch.counts`); the sum of
    /// the probabilities of the others (`scratch.sums`), and the number of slots for them.
    pub(super) fn work_out(
        population: &Population,
        p: &[f64],
        n: usize,
        scratch: &mut Scratch,
    ) -> Result<(Self, u64, usize)> {
        let Scratch { sums, counts, whole, .. } = scratch;
        let drawable = |arm: usize| population.drawable(ArmId(arm as u32));
        whole.clear();
        whole.resize(p.len(), false);
        counts.clear();
        counts.resize(p.len(), 0);
        let mut left = n;
        // In integers, so that no arm is asked for more than it has by a rounding.
        let total = loop {
            let units = |arm: usize| if whole[arm] { 0 } else { arm_units(p[arm]) };
            let total = arm_sums((0..p.len()).map(units), sums)?;
            let asked = |arm: usize| left as u128 * u128::from(arm_units(p[arm]));
            let too_much = |arm: usize| {
                !whole[arm] && p[arm] > 0.0 && asked(arm) > drawable(arm) as u128 * u128::from(total)
            };
            let full: Vec<usize> = (0..p.len()).filter(|&arm| too_much(arm)).collect();
            if full.is_empty() {
                break total;
            }
            for arm in full {
                (whole[arm], counts[arm]) = (true, drawable(arm));
                left -= counts[arm];
            }
        };
        let is_plain = left == n;
        let open = || (0..p.len()).filter(|&arm| !whole[arm]).map(|arm| p[arm]).sum::<f64>();
        let rest = if is_plain { 1.0 } else { left as f64 / n as f64 / open() };
        // Nothing is left over when all arms give what they have.
        Ok((Self { rest, slots: n as f64 }, total.max(1), left))
    }

    /// `q_a`, of an arm and of whether it gives all of its members.
    pub fn by<'a>(
        &'a self,
        population: &'a Population,
        allotment: &'a Allotment,
    ) -> impl Fn(ArmId, bool) -> f64 + 'a {
        |arm, whole| self.of(population, allotment, arm, whole)
    }

    /// `q_a`.
    pub(super) fn of(
        &self,
        population: &Population,
        allotment: &Allotment,
        arm: ArmId,
        whole: bool,
    ) -> f64 {
        if whole {
            population.drawable(arm) as f64 / self.slots
        } else {
            self.rest * allotment.share(arm)
        }
    }
}

/// Appends a member of each of `scratch.arms`, none twice; the arms must have as many that `weights` can draw.
pub(super) fn fill(
    population: &Population,
    weights: &Weights,
    share: impl Fn(ArmId, bool) -> f64,
    rng: &mut Rng,
    scratch: &mut Scratch,
    picks: &mut Vec<Pick>,
) -> Result<()> {
    let first = picks.len();
    scratch.taken.clear(scratch.arms.len());
    scratch.gone.clear(population.arms().count());
    let share =
        |arm: ArmId, whole: &[bool]| share(arm, whole.get(arm.index()).is_some_and(|&whole| whole));
    // Independent draws from an arm of which repeats are dropped are successive draws from it.
    let (n, mut made) = (scratch.arms.len(), 0);
    loop {
        let asked = scratch.arms.len();
        made += asked;
        draw_members(population, weights, rng, scratch);
        let (mut place, mut missing) = (0, 0);
        for (now, next) in blocks(&scratch.members) {
            next.iter().for_each(|&slot| population.arms().fetch_slot(slot as usize));
            for &slot in now {
                let (arm, slot) = (ArmId(scratch.arms[place] as u32), slot as usize);
                if scratch.taken.insert(slot as u64) {
                    let weight = weights.tree().get(slot);
                    let left = weights.of_arm(arm) - scratch.gone.add(arm, weight);
                    let share = share(arm, &scratch.whole);
                    picks.push(Pick {
                        sample: occupant(population, slot)?,
                        arm,
                        share,
                        propensity: share * (weight as f64 / left as f64),
                    });
                } else {
                    scratch.arms[missing] = arm.0.into();
                    missing += 1;
                }
                place += 1;
            }
        }
        scratch.arms.truncate(missing);
        if missing == 0 {
            return Ok(());
        }
        if is_tedious(missing, asked, made, n) {
            break;
        }
    }
    // Repeats have become frequent: draw from the rest itself.
    let mut rest = Rest::new(population, weights);
    for pick in &picks[first..] {
        rest.take(population.arms().slot_of(pick.sample)?, pick.arm);
    }
    for &arm in &scratch.arms {
        let arm = ArmId(arm as u32);
        let (sample, within) = rest.draw(arm, rng)?;
        let share = share(arm, &scratch.whole);
        picks.push(Pick { sample, arm, share, propensity: share * within });
    }
    Ok(())
}

/// Spreads n slots evenly over the masses of the tree, as [`Shares::spread`] does, without looking at all arms. Says
/// whether no arm is asked for more than it has: such an arm gets a slot in any case, so none is overlooked.
fn spread_along(
    population: &Population,
    tree: &ArmTree,
    n: usize,
    rng: &mut Rng,
    scratch: &mut Scratch,
) -> bool {
    let (total, slots) = (u128::from(tree.total()), n as u128);
    let start = u128::from(rng.below(tree.total()));
    scratch.arms.clear();
    scratch.whole.clear();
    let mut last = None;
    for slot in 0..slots {
        let arm = tree.in_order(((start + slot * total) / slots) as u64);
        if last != Some(arm) {
            let asked = slots * u128::from(tree.mass(arm));
            if asked > population.drawable(arm) as u128 * total {
                return false;
            }
            last = Some(arm);
        }
        scratch.arms.push(arm.0.into());
    }
    true
}
