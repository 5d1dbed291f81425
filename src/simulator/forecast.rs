//! What is to be expected of a learner: what an oracle reads.

use super::learner::{FLATTENING, Learner, TRANSFER, sigmoid};
use super::scenario::Subject;
use crate::base::math;

impl Learner {
    /// `E[sqrt(f (1 - f))]` of an arm as it is: half its expected mean absolute advantage.
    pub(super) fn expected_root(&self, arm: usize) -> f64 {
        match self.subjects[arm] {
            Subject::Skill { .. } => over_difficulties(|d| root(sigmoid(self.logits[arm] - d))),
            Subject::Noise => root(0.5),
            Subject::Impossible => 0.0,
        }
    }

    /// How far a skill is expected to move if `share` of a batch is spent on it.
    pub(super) fn expected_gain(&self, arm: usize, share: f64) -> f64 {
        self.gain(arm, share * self.expected_root(arm))
    }

    /// Moves on as expected if `share` of a batch is spent on an arm; nothing is forgotten.
    pub(super) fn foresee(&mut self, arm: usize, share: f64) {
        let gain = self.expected_gain(arm, share);
        self.skills[arm] += gain;
        for (skill, subject) in self.skills.iter_mut().zip(&self.subjects) {
            if let Subject::Skill { needs, .. } = subject {
                let times = needs.iter().filter(|need| need.index() == arm).count();
                *skill += times as f64 * TRANSFER * gain;
            }
        }
        self.refresh();
    }

    /// What one logit more of each skill adds to the sum of all `min(ability, cap)`, through the arms
    /// that build on it too.
    pub(super) fn slopes(&self, cap: f64) -> Vec<f64> {
        let mut slopes = vec![0.0; self.subjects.len()];
        // By how much the sum rises with each ability; arms build on earlier ones only.
        let mut worth: Vec<f64> =
            self.abilities.iter().map(|a| f64::from(u8::from(*a < cap))).collect();
        for (arm, subject) in self.subjects.iter().enumerate().rev() {
            if let Subject::Skill { needs, .. } = subject {
                let ability = self.abilities[arm];
                slopes[arm] = worth[arm] * ability * (1.0 - ability) / FLATTENING.sqrt();
                needs.iter().for_each(|need| worth[need.index()] += self.pace.gap * slopes[arm]);
            }
        }
        slopes
    }
}

/// `E[sqrt(f (1 - f))]` for `8 f ~ Binomial(8, p)`, as a polynomial in `p (1 - p)`.
fn root(p: f64) -> f64 {
    let u = p * (1.0 - p);
    let square = 1.0 - 2.0 * u;
    let one = 7f64.sqrt() * square * (square * square - 3.0 * u * u);
    let two = 28.0 * 12f64.sqrt() / 8.0 * (square * square - 2.0 * u * u);
    let three = 7.0 * 15f64.sqrt() * square;
    u * (one + u * (two + u * (three + u * 35.0)))
}

/// The mean of a function over a standard normal difficulty: the trapezoid rule on [-5, 5], exact to
/// about 1e-6 for what is smooth.
fn over_difficulties(value: impl Fn(f64) -> f64) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for step in -10..=10 {
        let d = 0.5 * f64::from(step);
        let weight = math::exp(-0.5 * d * d);
        sum += weight * value(d);
        total += weight;
    }
    sum / total
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::scenario::Scenario;
    use super::*;

    /// The mean over difficulties on a grid 50 times finer.
    pub(in crate::simulator) fn fine_mean(value: impl Fn(f64) -> f64) -> f64 {
        let density = |step: i32| math::exp(-0.5 * f64::from(step) * f64::from(step) * 1e-4);
        let total: f64 = (-800..=800).map(density).sum();
        (-800..=800).map(|step| density(step) * value(0.01 * f64::from(step))).sum::<f64>() / total
    }

    #[test]
    fn the_expected_root_is_that_of_the_binomial() {
        for logit in [-6.0, -1.5, 0.0, 0.7, 4.0] {
            let direct = |p: f64| -> f64 {
                (1..8)
                    .fold((8.0, 0.0), |(ways, sum), n: i32| {
                        let f = f64::from(n) / 8.0;
                        let term =
                            ways * math::pow(p, f64::from(n)) * math::pow(1.0 - p, f64::from(8 - n));
                        (
                            ways * f64::from(8 - n) / f64::from(n + 1),
                            sum + term * (f * (1.0 - f)).sqrt(),
                        )
                    })
                    .1
            };
            let found = over_difficulties(|d| root(sigmoid(logit - d)));
            assert!((found - fine_mean(|d| direct(sigmoid(logit - d)))).abs() < 1e-5, "{logit}");
        }
    }

    #[test]
    fn slopes_are_those_of_the_sum_of_abilities() {
        let mut learner = Learner::new(&Scenario::Graph, 1);
        (0..12).for_each(|arm| learner.foresee(arm, 5.0));
        let slopes = learner.slopes(2.0);
        for (arm, slope) in slopes.into_iter().enumerate() {
            let mut moved = learner.clone();
            moved.skills[arm] += 1e-6;
            moved.refresh();
            let rise = 20.0 * (moved.mean_ability() - learner.mean_ability()) / 1e-6;
            assert!((rise - slope).abs() < 1e-4, "{arm}: {rise} {slope}");
        }
    }
}
