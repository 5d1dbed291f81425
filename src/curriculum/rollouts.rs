//! How many rollouts each prompt of a batch gets.

use super::{Curriculum, Memory};
use crate::base::error::{Error, Result, within};
use crate::event::Batch;

/// A group of one has no advantage.
const LEAST: u64 = 2;

impl<P, S, D> Curriculum<P, S, D> {
    /// Shares `budget` rollouts out among the draws of a batch, by what is [believed](crate::Belief) of their
    /// samples: two for each, and the others in proportion to the standard deviation of a rollout, `sqrt(E[p (1 -
    /// p)])`, so that prompts that are nearly solved or hopeless get fewer. Numbers are rounded by largest remainder,
    /// equal ones in ticket order, and sum up to the budget. Nothing of the state changes, and nobody has to go by
    /// them: an outcome says how many there were.
    ///
    /// The weights go on to be those of groups of [`Belief::rollouts`](crate::Belief::rollouts).
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// let mut curriculum = curricle::Curriculum::builder(100).prompts().build()?;
    /// let batch = curriculum.draw(10)?;
    /// // Nothing is known yet.
    /// assert_eq!(curriculum.rollouts(&batch, 80)?, [8; 10]);
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: O(n log n) for n draws. Paper: *CurES*, arXiv 2510.01037, has rollouts in proportion to the standard
    /// deviation.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if weights do not come from beliefs; [`Error::OutOfRange`] for less than two rollouts a draw or
    /// more than 10^9; [`Error::UnknownSample`] for a batch of another curriculum.
    pub fn rollouts(&self, batch: &Batch, budget: u64) -> Result<Vec<u32>> {
        let Memory { population, round, .. } = &self.memory;
        let (Some(belief), Some(beliefs)) = (self.options.weighting.belief(), population.beliefs())
        else {
            let part = "curriculum without beliefs";
            return Err(Error::Unsupported { part, request: "rollouts by belief" });
        };
        let sure = LEAST * batch.draws.len() as u64;
        within("budget of rollouts", budget as f64, sure as f64, 1e9)?;
        let mut deviations = Vec::with_capacity(batch.draws.len());
        for draw in &batch.draws {
            if draw.sample.index() >= population.arms().samples() {
                return Err(Error::UnknownSample(draw.sample));
            }
            let shape = beliefs.prior(population.arms().label(draw.sample)).shape(belief);
            deviations.push(beliefs.get(draw.sample).deviation(&shape, belief, *round));
        }
        let (sum, more) = (deviations.iter().sum::<f64>(), budget - sure);
        let quota = |deviation: f64| more as f64 * deviation / sum;
        let mut shared: Vec<u32> =
            deviations.iter().map(|&it| LEAST as u32 + quota(it) as u32).collect();
        let given: u64 = shared.iter().map(|&rollouts| u64::from(rollouts)).sum();
        let mut order: Vec<usize> = (0..shared.len()).collect();
        let remainder = |place: usize| quota(deviations[place]).fract();
        order.sort_by(|&a, &b| remainder(b).total_cmp(&remainder(a)));
        let left = budget.saturating_sub(given) as usize;
        order
            .iter()
            .cycle()
            .take(if order.is_empty() { 0 } else { left })
            .for_each(|&place| shared[place] += 1);
        Ok(shared)
    }
}
