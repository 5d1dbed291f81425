//! Arm counts as close to their expectation as integers can be.

use serde::{Deserialize, Serialize};

use super::distinct::Rest;
use super::{Pick, Sampler, arm_tree, available, enough};
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
/// Does not draw over ranks. Cost of n draws: O(K + n log N log n).
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
        let Allotment::Arms(p) = allotment else {
            return Err(Error::Unsupported { part: "Systematic", request: "a Gaussian over ranks" });
        };
        enough(n, available(population, p))?;
        let counts = counts(population, p, n, rng)?;
        let first = picks.len();
        let mut rest = Rest::new(population);
        for (arm, &count) in counts.iter().enumerate() {
            for _ in 0..count {
                let pick = rest.draw(ArmId(arm as u32), rng)?;
                picks.push(Pick { propensity: p[arm] * pick.propensity, ..pick });
            }
        }
        rng.shuffle(&mut picks[first..]);
        Ok(())
    }
}

/// How many of n slots each arm gets; at least n members must be available.
fn counts(population: &Population, p: &[f64], n: usize, rng: &mut Rng) -> Result<Vec<usize>> {
    let mut counts = vec![0; p.len()];
    let mut missing = n;
    while missing > 0 {
        let room = |arm: usize| population.drawable(ArmId(arm as u32)) - counts[arm];
        let arms = arm_tree(p, |arm| if room(arm) > 0 { 1.0 } else { 0.0 })?;
        let start = u128::from(rng.below(arms.total()));
        let total = u128::from(arms.total());
        let mut points: Vec<u64> = (0..missing as u128)
            .map(|slot| ((start + slot * total) / missing as u128) as u64)
            .collect();
        arms.find_each(&mut points);
        for arm in points {
            // A slot that finds its arm full is placed again in the next round.
            if population.drawable(ArmId(arm as u32)) > counts[arm as usize] {
                counts[arm as usize] += 1;
                missing -= 1;
            }
        }
    }
    Ok(counts)
}
