//! How many rollouts each prompt of a batch gets.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

use super::{Curriculum, Memory};
use crate::base::error::{Error, Result, within};
use crate::event::Batch;

/// A group of one has no advantage.
const LEAST: u64 = 2;
/// More are not handed out one by one.
const MOST: f64 = 16_777_216.0;

/// What rollouts are shared out for, of which each prompt of a batch gets two at least; for
/// [`Curriculum::rollouts`].
///
/// They differ: at even odds six rollouts nearly always hold a success and a failure, and a seventh makes more groups
/// useful where one of the two is rare, though not where it hardly ever comes; the gradient is noisiest at even odds.
///
/// ```
/// use curricle::Allocation;
///
/// assert_ne!(Allocation::UsefulGroups, Allocation::Neyman);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Allocation {
    /// For the greatest number of useful groups: each further rollout goes where it raises the chance most that the
    /// group has both a success and a failure, `E[p^n (1 - p)] + E[(1 - p)^n p]` for the one after `n`.
    UsefulGroups,
    /// For the least sum of `E[p (1 - p)] / n`, the variances of the mean rewards: in proportion to the standard
    /// deviation of a rollout, `sqrt(E[p (1 - p)])`, and two where that would be less; so prompts that are nearly
    /// solved or hopeless get fewest. Numbers are rounded by largest remainder.
    Neyman,
}

impl<P, S, D> Curriculum<P, S, D> {
    /// Shares `budget` rollouts out among the draws of a batch, by what is [believed](crate::Belief) of their
    /// samples, with an [aim](Allocation). The numbers sum up to the budget (of a batch that is not empty); of equals
    /// the first ticket gets what is left over. Nothing of the state changes, and nobody has to go by them: an
    /// outcome says how many there were.
    ///
    /// The weights go on to be those of groups of [`Belief::rollouts`](crate::Belief::rollouts).
    ///
    /// ```
    /// use curricle::Allocation;
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let mut curriculum = curricle::Curriculum::builder(100).prompts().build()?;
    /// let batch = curriculum.draw(10)?;
    /// // Nothing is known yet.
    /// assert_eq!(curriculum.rollouts(&batch, 80, Allocation::UsefulGroups)?, [8; 10]);
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: O((n + budget) log n) for n draws, O(n log n) by Neyman. Papers: *CurES*, arXiv 2510.01037, has rollouts
    /// in proportion to the standard deviation, as Neyman (1934) has the sizes of strata; useful groups are those
    /// that DAPO's filter keeps, arXiv 2503.14476.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if weights do not come from beliefs; [`Error::OutOfRange`] for less than two rollouts a
    /// draw or more than 2^24; [`Error::UnknownSample`] for a batch of another curriculum.
    pub fn rollouts(&self, batch: &Batch, budget: u64, aim: Allocation) -> Result<Vec<u32>> {
        let Memory { population, round, .. } = &self.memory;
        let (Some(belief), Some(beliefs)) = (self.options.weighting.belief(), population.beliefs())
        else {
            let part = "curriculum without beliefs";
            return Err(Error::Unsupported { part, request: "rollouts by belief" });
        };
        let sure = LEAST * batch.draws.len() as u64;
        within("budget of rollouts", budget as f64, sure as f64, MOST)?;
        let mut posteriors = Vec::with_capacity(batch.draws.len());
        for draw in &batch.draws {
            if draw.sample.index() >= population.arms().samples() {
                return Err(Error::UnknownSample(draw.sample));
            }
            let shape = beliefs.prior(population.arms().label(draw.sample)).shape(belief);
            posteriors.push(beliefs.get(draw.sample).posterior(&shape, belief, *round));
        }
        Ok(match aim {
            Allocation::UsefulGroups => useful_groups(&posteriors, budget - sure),
            Allocation::Neyman => neyman(&posteriors, budget),
        })
    }
}

/// The next rollout of a group, of which the success is distributed as Beta(a, b).
struct Next {
    /// What it adds to the chance that the group is useful.
    gain: f64,
    place: Reverse<usize>,
    rollouts: f64,
    /// The chance that all rollouts so far succeed, and that none does.
    all: f64,
    none: f64,
}

impl Next {
    /// The one after none.
    fn first(place: usize) -> Self {
        Self { gain: 0.0, place: Reverse(place), rollouts: 0.0, all: 1.0, none: 1.0 }
    }

    /// The one after this.
    fn after(self, (a, b): (f64, f64)) -> Self {
        let inverse = 1.0 / (a + b + self.rollouts);
        let all = self.all * ((a + self.rollouts) * inverse);
        let none = self.none * ((b + self.rollouts) * inverse);
        let rollouts = self.rollouts + 1.0;
        let inverse = 1.0 / (a + b + rollouts);
        Self { gain: all * (b * inverse) + none * (a * inverse), rollouts, all, none, ..self }
    }
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        self.gain.total_cmp(&other.gain).then(self.place.cmp(&other.place))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Next {}

/// Two each, and the others one by one to where they add most: what one adds falls with every one before it, so that no
/// other way has more useful groups in expectation.
fn useful_groups(posteriors: &[(f64, f64)], more: u64) -> Vec<u32> {
    let mut shared = vec![LEAST as u32; posteriors.len()];
    let nexts = posteriors.iter().enumerate().map(|(place, &posterior)| {
        (0..LEAST).fold(Next::first(place), |next, _| next.after(posterior))
    });
    let mut nexts: BinaryHeap<Next> = nexts.collect();
    for _ in 0..more {
        let Some(best) = nexts.pop() else { break };
        let Reverse(place) = best.place;
        shared[place] += 1;
        nexts.push(best.after(posteriors[place]));
    }
    shared
}

/// In proportion to the standard deviation of a rollout; two where that would be less.
fn neyman(posteriors: &[(f64, f64)], budget: u64) -> Vec<u32> {
    let deviation = |&(a, b): &(f64, f64)| (a / (a + b) * (b / (a + b + 1.0))).sqrt();
    let deviations: Vec<f64> = posteriors.iter().map(deviation).collect();
    let mut order: Vec<usize> = (0..deviations.len()).collect();
    order.sort_by(|&a, &b| deviations[a].total_cmp(&deviations[b]));
    // From the least on: who gets two, until all others get more.
    let (mut sum, mut left): (f64, u64) = (deviations.iter().sum(), budget);
    let mut few = 0;
    for &place in &order {
        if left as f64 * deviations[place] >= LEAST as f64 * sum {
            break;
        }
        (sum, left, few) = (sum - deviations[place], left - LEAST, few + 1);
    }
    let mut shared = vec![LEAST as u32; deviations.len()];
    let mut others = order.split_off(few);
    // Anew: differences have lost their digits.
    let sum: f64 = others.iter().map(|&place| deviations[place]).sum();
    let quota = |place: usize| left as f64 * deviations[place] / sum;
    others.iter().for_each(|&place| shared[place] = quota(place) as u32);
    let given: u64 = others.iter().map(|&place| u64::from(shared[place])).sum();
    others.sort_by(|&a, &b| quota(b).fract().total_cmp(&quota(a).fract()).then(a.cmp(&b)));
    // Where all get two, what is left goes round.
    let all: Vec<usize> = if others.is_empty() { (0..shared.len()).collect() } else { others };
    let more = if all.is_empty() { 0 } else { left.saturating_sub(given) as usize };
    all.iter().cycle().take(more).for_each(|&place| shared[place] += 1);
    shared
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::belief::useful;

    proptest! {
        /// Within one rollout of the sharing of fractions that has the least sum of variances, which is found by
        /// bisection.
        #[test]
        fn the_sum_of_variances_is_all_but_the_least(
            posteriors in prop::collection::vec((0.01..30.0f64, 0.01..30.0f64), 1..12),
            more in 0..80u64,
        ) {
            let budget = LEAST * posteriors.len() as u64 + more;
            let shared = neyman(&posteriors, budget);
            let sum: u64 = shared.iter().map(|&rollouts| u64::from(rollouts)).sum();
            prop_assert_eq!(sum, budget);
            prop_assert!(shared.iter().all(|&rollouts| u64::from(rollouts) >= LEAST));
            let variance = |&(a, b): &(f64, f64)| a / (a + b) * (b / (a + b + 1.0));
            let whole = |shared: &[f64]| -> f64 {
                posteriors.iter().zip(shared).map(|(it, n)| variance(it) / n).sum()
            };
            // The least there is without rounding: max(2, c sd), with c by bisection.
            let (mut low, mut high) = (0.0, 1e9);
            let at = |c: f64| -> Vec<f64> {
                posteriors.iter().map(|it| (c * variance(it).sqrt()).max(LEAST as f64)).collect()
            };
            for _ in 0..200 {
                let middle = 0.5 * (low + high);
                if at(middle).iter().sum::<f64>() > budget as f64 { high = middle } else { low = middle }
            }
            for (found, best) in shared.iter().zip(at(low)) {
                prop_assert!((f64::from(*found) - best).abs() <= 1.0 + 1e-6, "{shared:?} {:?}", at(low));
            }
            let found: Vec<f64> = shared.iter().map(|&rollouts| rollouts.into()).collect();
            prop_assert!(whole(&found) >= whole(&at(low)) - 1e-9);
        }

        /// No rollout that is moved from one group to another makes more of them useful.
        #[test]
        fn no_exchange_gains(
            posteriors in prop::collection::vec((0.01..30.0f64, 0.01..30.0f64), 1..12),
            more in 0..80u64,
        ) {
            let shared = useful_groups(&posteriors, more);
            let sum: u64 = shared.iter().map(|&rollouts| u64::from(rollouts)).sum();
            prop_assert_eq!(sum, LEAST * posteriors.len() as u64 + more);
            let chance = |place: usize, rollouts: u32| {
                let (a, b) = posteriors[place];
                useful(a, b, rollouts)
            };
            for from in (0..shared.len()).filter(|&from| u64::from(shared[from]) > LEAST) {
                for to in 0..shared.len() {
                    let lost = chance(from, shared[from]) - chance(from, shared[from] - 1);
                    let won = chance(to, shared[to] + 1) - chance(to, shared[to]);
                    prop_assert!(won <= lost + 1e-12, "{won} for {lost}");
                }
            }
        }
    }
}
