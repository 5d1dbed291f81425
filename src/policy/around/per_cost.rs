//! Value for money.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::rng::Rng;
use crate::event::Field;
use crate::policy::around::score_is_read;
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// Any policy, its scores divided by what a sample of the arm costs, in tokens or seconds.
///
/// ```text
/// C_a   <- C_a + rate (cost_a - C_a)             cost_a = mean cost of the arm's tickets in a round
/// score <- score * mean C / C_a  if score >= 0   mean C over the arms that have been visited
///          score * C_a / mean C  if score < 0    so that the dearer of two equal arms is worth less
/// ```
///
/// The cost is averaged before it is divided by, so the value is a ratio of means: the mean of
/// ratios would favour arms whose costs vary, and a trainer that reports what is finished first
/// would favour the cheap samples of an arm. The factor is kept in `[1/limit, limit]`.
///
/// Use it where costs differ between arms and do not go with what is to be learned. Cost beside the
/// policy's: O(K) a round.
///
/// Paper: Tran-Thanh et al., *Knapsack based Optimal Policies for Budget-Limited Multi-Armed
/// Bandits*, arXiv 1204.1909.
///
/// ```
/// use curricle::{Curriculum, policy::{Boltzmann, PerCost}};
///
/// # fn main() -> curricle::Result<()> {
/// let curriculum = Curriculum::builder(80)
///     .arms(4, |sample| (sample.0 / 20) as u32)
///     .policy(PerCost::new(Boltzmann::new()))
///     .build()?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Policy")]
pub struct PerCost<P> {
    inner: P,
    rate: f64,
    limit: f64,
    /// The running cost of a sample, by arm.
    costs: Vec<Option<f64>>,
}

impl<P: Policy> PerCost<P> {
    /// Divides by a running cost of rate 0.1, by a factor of at most 10.
    pub fn new(inner: P) -> Self {
        Self { inner, rate: 0.1, limit: 10.0, costs: Vec::new() }
    }

    /// Sets the rate of the running cost, in `(0, 1]`; default 0.1.
    #[must_use]
    pub fn rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    /// Sets the greatest factor, in `[1, 1e12]`, by which a score is raised or lowered; default 10.
    #[must_use]
    pub fn limit(mut self, limit: f64) -> Self {
        self.limit = limit;
        self
    }

    /// The running cost of a sample of each arm.
    pub fn costs(&self) -> &[Option<f64>] {
        &self.costs
    }
}

impl<P: Policy> Policy for PerCost<P> {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        score_is_read(&self.inner, "PerCost", "a score for the money")?;
        within("rate of the cost", self.rate, f64::MIN_POSITIVE, 1.0)?;
        within("limit of the factor", self.limit, 1.0, 1e12)?;
        self.costs = vec![None; population.arms().count()];
        self.inner.prepare(population)
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        let is_possible = |cost: &f64| cost.is_finite() && *cost >= 0.0;
        (self.rate, self.limit) == (built.rate, built.limit)
            && self.costs.len() == arms
            && self.costs.iter().flatten().all(is_possible)
            && self.inner.is_learned_from(&built.inner, arms)
    }

    fn reads(&self) -> Reads {
        self.inner.reads() | Field::Cost.into()
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        self.inner.allot(turn, rng, allotment)
    }

    fn learn(&mut self, population: &Population, rewards: &[Reward]) {
        for reward in rewards {
            if let Some(total) = reward.cost {
                let cost = total / f64::from(reward.returned().max(1));
                let running = self.costs[reward.arm.index()].get_or_insert(cost);
                *running += self.rate * (cost - *running);
            }
        }
        let known = || self.costs.iter().flatten();
        let mean = known().sum::<f64>() / known().count().max(1) as f64;
        let factor = |reward: &Reward| match self.costs[reward.arm.index()] {
            Some(cost) if cost > 0.0 => (mean / cost).clamp(1.0 / self.limit, self.limit),
            // What costs nothing is as cheap as the limit lets it be.
            Some(_) if mean > 0.0 => self.limit,
            _ => 1.0,
        };
        let priced =
            |score: f64, factor: f64| if score < 0.0 { score / factor } else { score * factor };
        let of = |reward: &Reward| {
            let factor = factor(reward);
            let (score, lost_score) = (priced(reward.score, factor), priced(reward.lost_score, factor));
            Reward { score, lost_score, ..*reward }
        };
        let priced: Vec<Reward> = rewards.iter().map(of).collect();
        self.inner.learn(population, &priced);
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.inner.grow(arms)?;
        self.costs.resize(arms, None);
        Ok(())
    }

    passes_on! { set_mixture requested is_adapted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ArmId;
    use crate::policy::Boltzmann;
    use crate::population::Arms;

    #[test]
    fn the_dearer_of_two_equal_arms_is_worth_less() {
        let population = Population::new(Arms::even(2, 4).unwrap(), None).unwrap();
        let mut policy = PerCost::new(Boltzmann::new().alpha(1.0));
        policy.prepare(&population).unwrap();
        let reward = |arm, cost| Reward { cost: Some(cost), ..Reward::new(ArmId(arm), 2, 0.6) };
        policy.learn(&population, &[reward(0, 2.0), reward(1, 6.0)]);
        // Costs 1 and 3 a sample, 2 on average.
        let values = policy.inner.values();
        assert!((values[0] - 1.2).abs() < 1e-12 && (values[1] - 0.4).abs() < 1e-12, "{values:?}");
        // Negative scores, too: the same loss for three times the money is worse.
        let reward = |arm, cost| Reward { cost: Some(cost), ..Reward::new(ArmId(arm), 2, -0.6) };
        policy.learn(&population, &[reward(0, 2.0), reward(1, 6.0)]);
        let values = policy.inner.values();
        assert!((values[0] + 0.3).abs() < 1e-12 && (values[1] + 0.9).abs() < 1e-12, "{values:?}");
    }
}
