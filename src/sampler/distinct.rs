//! Draws without replacement.

use curricle_kernels::tree::Without;
use serde::{Deserialize, Serialize};

use super::replace::independent;
use super::{
    Kind, Pick, Sampler, Scratch, arm_tree, arm_units, available, enough, is_tedious, occupant, ranks,
};
use crate::base::error::Result;
use crate::base::id::{ArmId, SampleId};
use crate::base::rng::Rng;
use crate::policy::Allotment;
use crate::population::{Population, Weights};

/// Successive sampling: each draw is made from what the draws before it left over, so no sample
/// appears twice in a batch.
///
/// Sample `i` of arm `a` has the probability `p_a w_i / W_a` of being drawn first, and each later
/// draw is in proportion to the same numbers among the rest. An arm that has been drawn empty thus
/// leaves its share to the others.
///
/// Cost of n draws: O(K) to read a list of probabilities, then O(n log N) while repeats are rare; from
/// the point where half of the attempts repeat, O(K + n log K + n log N log n). Over ranks O(n log n),
/// as long as n is small against `sd`, and O(sd) once a rank is vacant or has weight 0.
///
/// ```
/// use curricle::{Curriculum, sampler::Distinct};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(100).sampler(Distinct).build()?;
/// let mut all: Vec<u64> = curriculum.draw(100)?.samples().map(|sample| sample.0).collect();
/// all.sort();
/// assert_eq!(all, (0..100).collect::<Vec<_>>());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Distinct;

impl Sampler for Distinct {
    fn kind(&self) -> Option<Kind> {
        Some(Kind::Distinct)
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
        enough(n, available(population, allotment))?;
        match allotment {
            Allotment::Ranks { mean, sd } => {
                ranks::Ranks::new(population, *mean, *sd).distinct(n, rng, scratch, picks)
            }
            _ => successive(population, allotment, n, rng, scratch, picks),
        }
    }

    fn most(&self, population: &Population) -> usize {
        population.drawable_total()
    }
}

/// Appends n distinct draws; at least n must be available.
fn successive(
    population: &Population,
    allotment: &Allotment,
    n: usize,
    rng: &mut Rng,
    scratch: &mut Scratch,
    picks: &mut Vec<Pick>,
) -> Result<()> {
    let (first, goal) = (picks.len(), picks.len() + n);
    // Independent draws of which repeats are dropped are successive draws.
    let (mut mass, mut made) = (1.0, 0);
    let mut taken = std::mem::take(&mut scratch.taken);
    taken.clear(n);
    while picks.len() < goal {
        let missing = goal - picks.len();
        independent(population, allotment, missing, rng, scratch, |pick| {
            if taken.insert(pick.sample.0) {
                picks.push(Pick { propensity: (pick.propensity / mass).min(1.0), ..pick });
                mass = (mass - pick.propensity).max(f64::MIN_POSITIVE);
            }
        })?;
        made += missing;
        if is_tedious(goal - picks.len(), missing, made, n) {
            break;
        }
    }
    scratch.taken = taken;
    if picks.len() == goal {
        return Ok(());
    }
    // Repeats have become frequent: draw from the rest itself.
    let mut rest = Rest::new(population, population.now());
    for pick in &picks[first..] {
        rest.take(population.arms().slot_of(pick.sample)?, pick.arm);
    }
    let mut arms = arm_tree(population.arms().count(), |arm| allotment.share(arm) * rest.part(arm))?;
    while picks.len() < goal {
        let index = arms.find(rng.below(arms.total()));
        let arm = ArmId(index as u32);
        let part = arms.get(index) as f64 / arms.total() as f64;
        let (sample, within) = rest.draw(arm, rng)?;
        let share = allotment.share(arm);
        picks.push(Pick { sample, arm, share, propensity: part * within });
        arms.set(index, arm_units(allotment.share(arm) * rest.part(arm)))?;
    }
    Ok(())
}

/// What the draws so far have left over.
pub(super) struct Rest<'a> {
    population: &'a Population,
    weights: &'a Weights,
    without: Without<'a>,
    /// The weight taken out of each arm.
    taken: Vec<u64>,
}

impl<'a> Rest<'a> {
    pub fn new(population: &'a Population, weights: &'a Weights) -> Self {
        let taken = vec![0; population.arms().count()];
        Self { population, weights, without: Without::new(weights.tree()), taken }
    }

    /// Takes a slot out, once.
    pub fn take(&mut self, slot: usize, arm: ArmId) {
        self.without.take(slot);
        self.taken[arm.index()] += self.weights.tree().get(slot);
    }

    /// The part of an arm's weight that is left.
    fn part(&self, arm: ArmId) -> f64 {
        match self.weights.of_arm(arm) {
            0 => 0.0,
            whole => (whole - self.taken[arm.index()]) as f64 / whole as f64,
        }
    }

    /// Draws one of the members that are left, of which there must be one; returns it with its
    /// probability within the arm.
    pub fn draw(&mut self, arm: ArmId, rng: &mut Rng) -> Result<(SampleId, f64)> {
        let left = self.weights.of_arm(arm) - self.taken[arm.index()];
        let start = self.population.arms().slots(arm).start;
        let slot = self.without.find(self.without.prefix(start) + rng.below(left));
        let probability = self.weights.tree().get(slot) as f64 / left as f64;
        let sample = occupant(self.population, slot)?;
        self.take(slot, arm);
        Ok((sample, probability))
    }
}
