//! What the samples of an arm are like: the prior of each of them.

use serde::{Deserialize, Serialize};

use super::Belief;
use super::chance::useful;

/// How many reports the moments remember.
const MEMORY: f64 = 1024.0;

/// How many reports of weight 1 the flat prior counts as.
const FLAT: f64 = 4.0;

/// The least and the greatest `a + b`.
const CONCENTRATION: (f64, f64) = (0.05, 100.0);

/// The least shape.
const LEAST: f64 = 1e-3;

/// Moments of the success of an arm's samples, kept running. A report counts for the inverse of how much more often
/// than an unseen sample its sample was drawn, so that they are moments of the arm and not of what is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Prior {
    weight: f64,
    /// The sum of successes.
    first: f64,
    /// The weight of the groups of two rollouts or more.
    pairs: f64,
    /// The sum over them of the part of all pairs of rollouts that both succeeded.
    second: f64,
    /// How many reports, and their rollouts.
    reports: f64,
    rollouts: f64,
}

/// A prior as the shapes of a beta distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shape {
    pub a: f64,
    pub b: f64,
    /// The chance of a useful group.
    pub useful: f64,
    /// How many rollouts a report has, on average.
    pub rollouts: f64,
}

impl Prior {
    /// Adds a report, for so much.
    pub fn add(&mut self, success: f64, rollouts: u32, weight: f64) {
        let rollouts = f64::from(rollouts);
        self.weight += weight;
        self.first += weight * success;
        if rollouts >= 2.0 {
            self.pairs += weight;
            self.second += weight * success * ((success * rollouts - 1.0) / (rollouts - 1.0)).max(0.0);
        }
        self.reports += 1.0;
        self.rollouts += rollouts;
    }

    /// The moments after those of a round.
    pub fn after(&self, round: &Self) -> Self {
        let kept = MEMORY / (MEMORY + round.reports);
        Self {
            weight: kept * self.weight + round.weight,
            first: kept * self.first + round.first,
            pairs: kept * self.pairs + round.pairs,
            second: kept * self.second + round.second,
            reports: kept * self.reports + round.reports,
            rollouts: kept * self.rollouts + round.rollouts,
        }
    }

    /// The beta distribution of these moments.
    pub fn shape(&self, belief: &Belief) -> Shape {
        let mean = (self.first + FLAT / 2.0) / (self.weight + FLAT);
        let square = (self.second + FLAT / 3.0) / (self.pairs + FLAT);
        let most = mean * (1.0 - mean);
        let (low, high) = CONCENTRATION;
        let variance = (square - mean * mean).clamp(most / (1.0 + high), most / (1.0 + low));
        let sum = (most / variance - 1.0).clamp(low, high);
        let (a, b) = ((mean * sum).max(LEAST), ((1.0 - mean) * sum).max(LEAST));
        let of_option = f64::from(belief.rollouts);
        let rollouts = (self.rollouts + FLAT * of_option) / (self.reports + FLAT);
        Shape { a, b, useful: useful(a, b, belief.rollouts), rollouts }
    }

    /// Whether the numbers can have come about; used after reading them from a file.
    pub fn is_possible(&self) -> bool {
        let Self { weight, first, pairs, second, reports, rollouts } = *self;
        let all = [weight, first, pairs, second, reports, rollouts];
        let slack = 1.0 + 1e-6;
        all.iter().all(|number| (0.0..1e18).contains(number))
            && first <= weight * slack
            && pairs <= weight * slack
            && second <= pairs * slack
            && reports <= rollouts * slack
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_become_shapes() {
        let belief = Belief::new();
        // Nothing is known: flat.
        let flat = Prior::default().shape(&belief);
        assert!((flat.a - 1.0).abs() < 1e-12 && (flat.b - 1.0).abs() < 1e-12, "{flat:?}");
        assert!((flat.useful - 7.0 / 9.0).abs() < 1e-12 && flat.rollouts == 8.0);
        // Half solved, half hopeless: hardly anything between.
        let mut round = Prior::default();
        (0..500).for_each(|report| round.add(f64::from(report % 2), 8, 1.0));
        let extreme = Prior::default().after(&round).shape(&belief);
        assert!((extreme.a - extreme.b).abs() < 1e-9 && extreme.a < 0.05, "{extreme:?}");
        assert!(extreme.useful < 0.1);
        // All alike, known by groups of 1000.
        let mut round = Prior::default();
        (0..5000).for_each(|_| round.add(0.25, 1000, 1.0));
        let alike = Prior::default().after(&round).shape(&belief);
        assert!((alike.a / (alike.a + alike.b) - 0.25).abs() < 1e-3 && alike.a > 20.0, "{alike:?}");
    }

    /// What is drawn ten times as often counts for a tenth.
    #[test]
    fn moments_are_those_of_the_arm() {
        let (mut drawn, mut even) = (Prior::default(), Prior::default());
        (0..100).for_each(|_| even.add(0.0, 8, 1.0));
        (0..10).for_each(|_| even.add(0.5, 8, 1.0));
        (0..100).for_each(|_| drawn.add(0.0, 8, 1.0));
        (0..100).for_each(|_| drawn.add(0.5, 8, 0.1));
        let (drawn, even) = (drawn.shape(&Belief::new()), even.shape(&Belief::new()));
        assert!((drawn.a - even.a).abs() < 1e-9 && (drawn.b - even.b).abs() < 1e-9);
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut round = Prior::default();
        (0..512).for_each(|_| round.add(1.0, 8, 1.0));
        let mut prior = Prior::default();
        for _ in 0..1000 {
            prior = prior.after(&round);
            assert!(prior.is_possible());
        }
        assert!(prior.reports < 2.0 * MEMORY);
        assert!(!Prior { first: 2.0, weight: 1.0, ..prior }.is_possible());
        assert!(!Prior { weight: f64::NAN, ..prior }.is_possible());
    }
}
