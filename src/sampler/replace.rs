//! Independent draws, with replacement.

use serde::{Deserialize, Serialize};

use super::{Pick, Sampler, arm_start, arm_tree, enough, occupant, ranks};
use crate::error::Result;
use crate::id::ArmId;
use crate::policy::Allotment;
use crate::population::Population;
use crate::rng::Rng;

/// Independent draws: an arm with probability `p_a`, then a member in proportion to its weight. A
/// sample can appear several times in a batch.
///
/// Cost of n draws: O(K) to read the probabilities, then O(n log N).
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
        match allotment {
            Allotment::Arms(p) => independent(population, p, n, rng, picks),
            Allotment::Ranks { mean, sd } => {
                enough(1, population.drawable_total())?;
                ranks::Ranks::new(population, *mean, *sd).replace(n, rng, picks)
            }
        }
    }
}

/// Appends n independent draws over arms.
pub(super) fn independent(
    population: &Population,
    p: &[f64],
    n: usize,
    rng: &mut Rng,
    picks: &mut Vec<Pick>,
) -> Result<()> {
    let arms = arm_tree(p, |_| 1.0)?;
    enough(1, arms.total().min(1) as usize)?;
    let mut drawn: Vec<u64> = (0..n).map(|_| rng.below(arms.total())).collect();
    arms.find_each(&mut drawn);
    // Bits are drawn slot by slot, then all descents run together.
    let mut starts = vec![None; p.len()];
    let mut targets = Vec::with_capacity(n);
    for &arm in &drawn {
        let arm = ArmId(arm as u32);
        let start = *starts[arm.index()].get_or_insert_with(|| arm_start(population, arm));
        targets.push(start + rng.below(population.arm_weight(arm)));
    }
    population.tree().find_each(&mut targets);
    for (&arm, &slot) in drawn.iter().zip(&targets) {
        let arm = ArmId(arm as u32);
        let weight = population.tree().get(slot as usize) as f64;
        picks.push(Pick {
            sample: occupant(population, slot as usize)?,
            arm,
            propensity: p[arm.index()] * weight / population.arm_weight(arm) as f64,
        });
    }
    Ok(())
}
