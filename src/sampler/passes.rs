//! Each member of an arm once before any of them again.

use serde::{Deserialize, Serialize};

use super::systematic::{fill, spread};
use super::{Kind, Pick, Sampler, Scratch, occupant};
use crate::base::error::{Error, Result};
use crate::base::id::ArmId;
use crate::base::rng::Rng;
use crate::policy::Allotment;
use crate::population::{Population, Weights};

/// Passes in random order: a member that has been drawn is not drawn again before all others of its arm have been.
///
/// The slots of a batch are shared out as by [`Systematic`](super::Systematic); within arm `a` the propensity is
/// `q_a w_i / W_a`, where `W_a` is the weight of the members that are left in the present pass. When none is left, the
/// next pass begins, in the middle of a batch if need be: its members stand behind the last ones of the pass before. A
/// batch has no sample twice, so those that it has drawn come later in the new pass. What has been drawn is a part of
/// the curriculum's state: kills and snapshots do not disturb a pass. A sample that is inserted belongs to the present
/// pass, one that is retagged keeps its mark, unless its new arm is empty, and one of weight 0 is not waited for, while
/// one that is [in flight](crate::Builder::exclude_in_flight) is.
/// [`Population::passes`](crate::Population::passes) counts them.
///
/// Does not draw over ranks. Cost of n draws: as `Systematic`, and O(n log N) for what is noted; beginning a pass
/// O(members).
///
/// ```
/// use curricle::{Curriculum, Missing, sampler::Passes};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(10).sampler(Passes).missing(Missing::Lose).build()?;
/// let mut seen: Vec<u64> = Vec::new();
/// for _ in 0..5 {
///     seen.extend(curriculum.draw(4)?.samples().map(|sample| sample.0));
/// }
/// for pass in seen.chunks_mut(10) {
///     pass.sort();
///     assert_eq!(pass, (0..10).collect::<Vec<_>>());
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passes;

/// Passes in the given order: within an arm always the first member that is left in the present pass.
///
/// As [`Passes`], but the next member of an arm is certain: it is drawn with propensity `q_a`. The order within an arm
/// is that of the samples, or the [given](crate::Builder::order) one; samples that are inserted or retagged stand at
/// its end.
///
/// ```
/// use curricle::{Curriculum, Missing, sampler::Sequential};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(5).sampler(Sequential).missing(Missing::Lose).build()?;
/// let first: Vec<u64> = curriculum.draw(3)?.samples().map(|sample| sample.0).collect();
/// let second: Vec<u64> = curriculum.draw(3)?.samples().map(|sample| sample.0).collect();
/// assert_eq!((first, second), (vec![0, 1, 2], vec![3, 4, 0]));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequential;

impl Sampler for Passes {
    fn kind(&self) -> Option<Kind> {
        Some(Kind::Passes)
    }

    fn keeps_passes(&self) -> bool {
        true
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
        let share = shares.by(population, allotment);
        // The slots stand in the order of arms: those beyond what is left of a pass are of the next one.
        let mut next = Vec::new();
        let (mut arm, mut left) = (None, 0);
        scratch.arms.retain(|&of| {
            if arm != Some(of) {
                (arm, left) = (Some(of), population.now().drawable(ArmId(of as u32)));
            }
            let is_of_this = left > 0;
            if is_of_this {
                left -= 1;
            } else {
                next.push(of);
            }
            is_of_this
        });
        fill(population, population.now(), &share, rng, scratch, picks)?;
        rng.shuffle(&mut picks[first..]);
        if !next.is_empty() {
            let first = picks.len();
            scratch.arms = next;
            fill(population, population.next_pass(), &share, rng, scratch, picks)?;
            rng.shuffle(&mut picks[first..]);
        }
        Ok(())
    }

    fn most(&self, population: &Population) -> usize {
        population.drawable_total()
    }
}

impl Sampler for Sequential {
    fn kind(&self) -> Option<Kind> {
        Some(Kind::Sequential)
    }

    fn keeps_passes(&self) -> bool {
        true
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
        let shares = spread(population, allotment, n, rng, scratch)?;
        let share = shares.by(population, allotment);
        // So that the parts of a batch are alike.
        rng.shuffle(&mut scratch.arms);
        scratch.gone.clear(population.arms().count());
        for &arm in &scratch.arms {
            let arm = ArmId(arm as u32);
            let is_whole = scratch.whole.get(arm.index()).is_some_and(|&whole| whole);
            let share = share(arm, is_whole);
            let (now, next) = (population.now(), population.next_pass());
            let gone = scratch.gone.get(arm);
            let beyond = gone.checked_sub(now.of_arm(arm));
            let (weights, gone) = beyond.map_or((now, gone), |gone| (next, gone));
            let slot = first_after(population, weights, arm, gone)?;
            scratch.gone.add(arm, weights.tree().get(slot));
            picks.push(Pick { sample: occupant(population, slot)?, arm, share, propensity: share });
        }
        Ok(())
    }

    fn most(&self, population: &Population) -> usize {
        population.drawable_total()
    }
}

/// The slot of the first member of an arm behind those that weigh so much.
fn first_after(population: &Population, weights: &Weights, arm: ArmId, gone: u64) -> Result<usize> {
    if gone >= weights.of_arm(arm) {
        return Err(Error::NothingToDraw);
    }
    let tree = weights.tree();
    Ok(tree.find(tree.prefix(population.arms().slots(arm).start) + gone))
}
