//! Thompson sampling over a Kalman filter: means that drift like a random walk.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, finite, within};
use crate::base::id::ArmId;
use crate::base::rng::Rng;
use crate::policy::Forget;
use crate::policy::kit::open_arms::choose;
use crate::policy::kit::variate::Normals;
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// Thompson sampling where the mean score of each arm is believed to take a Gaussian random walk.
///
/// ```text
/// every slot         the arm with the greatest draw from Normal(m_a, v_a)
/// n tickets, mean x  k = v_a / (v_a + s^2 / n),  m_a <- m_a + k (x - m_a),  v_a <- (1 - k) v_a
/// after every round  v_a <- min(v_a + q, v_0)
/// ```
///
/// The filter is the optimal one for such means. The drift `q` (variance a round) sets how soon an
/// arm is looked at again; `s^2` is the variance of a score. Probabilities are as in
/// [`Thompson`](crate::policy::Thompson).
///
/// Cost: O(n K) variates a round. Memory: 16 bytes an arm.
///
/// Paper: Kalman, *A New Approach to Linear Filtering and Prediction Problems*, 1960.
///
/// ```
/// use curricle::{Curriculum, policy::Kalman};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum =
///     Curriculum::builder(80).arms(4, |sample| (sample.0 / 20) as u32).policy(Kalman::new(1e-4)).build()?;
/// assert_eq!(curriculum.draw(8)?.draws.len(), 8);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kalman {
    drift: f64,
    noise: f64,
    mean: f64,
    variance: f64,
    beliefs: Vec<(f64, f64)>,
}

impl Kalman {
    /// Means that drift by this variance a round, for scores in `[0, 1]`: each score has variance 1/4,
    /// each arm starts with mean 1/2 and variance 1/4, which is also the greatest.
    pub fn new(drift: f64) -> Self {
        Self { drift, noise: 0.25, mean: 0.5, variance: 0.25, beliefs: Vec::new() }
    }

    /// Sets the variance of a score, `> 0`.
    #[must_use]
    pub fn noise(mut self, variance: f64) -> Self {
        self.noise = variance;
        self
    }

    /// Sets the mean and the variance that each arm starts with; the variance never exceeds it.
    #[must_use]
    pub fn start(mut self, mean: f64, variance: f64) -> Self {
        (self.mean, self.variance) = (mean, variance);
        self
    }

    /// Mean and variance of what is believed of each arm.
    pub fn beliefs(&self) -> &[(f64, f64)] {
        &self.beliefs
    }
}

impl Policy for Kalman {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("drift", self.drift, 0.0, 1e100)?;
        within("variance of a score", self.noise, 1e-100, 1e100)?;
        within("starting variance", self.variance, 1e-100, 1e100)?;
        within("starting mean", finite("starting mean", 0, self.mean)?, -1e100, 1e100)?;
        self.beliefs = vec![(self.mean, self.variance); population.arms().count()];
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        (self.drift, self.noise, self.mean, self.variance)
            == (built.drift, built.noise, built.mean, built.variance)
            && self.beliefs.len() == arms
            && self
                .beliefs
                .iter()
                .all(|&(mean, variance)| mean.is_finite() && variance.is_finite() && variance >= 0.0)
    }

    fn reads(&self) -> Reads {
        Reads::SCORE
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let mut normals = Normals::default();
        choose(turn, rng, allotment, |rng, arm, _| {
            let (mean, variance) = self.beliefs[arm];
            mean + normals.next(rng) * variance.sqrt()
        })
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        for reward in rewards {
            let (mean, variance) = &mut self.beliefs[reward.arm.index()];
            let gain = *variance / (*variance + self.noise / f64::from(reward.count.max(1)));
            *mean += gain * (reward.score - *mean);
            *variance *= 1.0 - gain;
        }
        for (_, variance) in &mut self.beliefs {
            *variance = (*variance + self.drift).min(self.variance);
        }
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.beliefs.resize(arms, (self.mean, self.variance));
        Ok(())
    }
}

impl Forget for Kalman {
    fn forget(&mut self, arm: ArmId) {
        self.beliefs[arm.index()] = (self.mean, self.variance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population::Arms;

    #[test]
    fn without_drift_it_is_the_posterior_mean() {
        let population = Population::new(Arms::even(1, 1).unwrap(), None).unwrap();
        let mut kalman = Kalman::new(0.0).start(0.5, 2.0).noise(0.5);
        kalman.prepare(&population).unwrap();
        kalman.learn(&population, &[Reward::new(ArmId(0), 3, 0.9)]);
        kalman.learn(&population, &[Reward::new(ArmId(0), 1, 0.1)]);
        let precision = 1.0 / 2.0 + 4.0 / 0.5;
        let mean = (0.5 / 2.0 + (3.0 * 0.9 + 0.1) / 0.5) / precision;
        assert!((kalman.beliefs()[0].0 - mean).abs() < 1e-12);
        assert!((kalman.beliefs()[0].1 - 1.0 / precision).abs() < 1e-12);
    }
}
