//! How fast an arm's success moves: two moving averages and their noise.

use serde::{Deserialize, Serialize};

/// Rate of the fast moving average, per visit: a memory of 5 visits, what a step or two of training can
/// change.
const FAST: f64 = 0.2;
/// Rate of the slow moving average, per visit: a memory of 20 visits. A quarter of the fast rate keeps
/// the two far enough apart for a slope to show, and the slow one soon enough at its end.
const SLOW: f64 = 0.05;
/// Rate of the moving average of the noise, between the two: the size of a visit may change, and the
/// noise of one visit is known exactly, so that it needs little smoothing.
const NOISE: f64 = 0.1;
/// Rate of the moving average of the evidence: that of the slow average, as what it looks at has that
/// memory.
const EVIDENCE: f64 = 0.05;
/// Visits before the evidence starts to move: until then the averages still know where they started,
/// and `sd0`, which is that of averages long under way, is too large for them.
const WARM_UP: u64 = 10;
/// The least variance of a success, that of a rate of 0.01: an arm that has only failed so far may have
/// a small rate, and its first success must not count as more than one.
const LEAST_SPREAD: f64 = 0.01;
/// The part of the variance that rollouts of one ticket share, as they are of the same sample: it falls
/// with the tickets only. A rate that varies from sample to sample as the logistic of a standard normal
/// has 0.17 of it at 1/2.
const BETWEEN: f64 = 0.2;

/// The running success of an arm, at two speeds, with the standard deviation that their difference
/// would have if nothing were learned.
///
/// A visit with `n` tickets of `g` rollouts each and mean success `x` moves
///
/// ```text
/// fast <- fast + 0.2 (x - fast)      slow <- slow + 0.05 (x - slow)       (both start at the first x)
/// v    <- v + 0.1 (p(1-p)/(n g) + 0.2 p(1-p)/n - v)       with p = slow, p(1-p) at least 0.01
/// sd0^2 = v (a/(2-a) + b/(2-b) - 2ab/(a+b-ab))            with a = 0.2, b = 0.05
/// z     = (fast - slow) / sd0
/// evidence <- 0.95 evidence + 0.05 max(0, z^2 - 1)        starts at 1, frozen for 10 visits
/// ```
///
/// `sd0` is the *null standard deviation*: an arm whose success merely fluctuates has `z^2` about 1,
/// so its evidence falls towards a small constant (0.48 for a normal `z`, as the mean of
/// `max(0, z^2 - 1)` is), however noisy it is; an arm that is being learned, or forgotten, has evidence
/// far above it. The rates are ours, chosen on the simulated learner; no paper has this rule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    fast: f64,
    slow: f64,
    noise: f64,
    evidence: f64,
    visits: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Self { fast: 0.0, slow: 0.0, noise: 0.0, evidence: 1.0, visits: 0 }
    }
}

impl Progress {
    /// Takes in one visit: the mean success of `tickets` tickets with `rollouts` rollouts in all.
    ///
    /// ```
    /// use curricle::Progress;
    ///
    /// let mut learned = Progress::default();
    /// let mut noise = Progress::default();
    /// for visit in 0..60 {
    ///     learned.visit(f64::from(visit) / 60.0, 16, 128);
    ///     noise.visit(if visit % 2 == 0 { 0.48 } else { 0.52 }, 16, 128);
    /// }
    /// assert!(learned.evidence() > 1.0);
    /// assert!(noise.evidence() < 0.2);
    /// ```
    pub fn visit(&mut self, success: f64, tickets: u32, rollouts: u32) {
        let tickets = f64::from(tickets.max(1));
        if self.visits == 0 {
            (self.fast, self.slow) = (success, success);
        } else {
            self.fast += FAST * (success - self.fast);
            self.slow += SLOW * (success - self.slow);
        }
        let spread = (self.slow * (1.0 - self.slow)).max(LEAST_SPREAD);
        let variance = spread / f64::from(rollouts.max(1)).max(tickets) + BETWEEN * spread / tickets;
        self.noise =
            if self.visits == 0 { variance } else { self.noise + NOISE * (variance - self.noise) };
        self.visits = self.visits.saturating_add(1);
        if self.visits > WARM_UP {
            let z = self.gain() / self.null_sd();
            self.evidence = (1.0 - EVIDENCE) * self.evidence + EVIDENCE * (z * z - 1.0).max(0.0);
        }
    }

    /// The fast moving average of success.
    pub fn fast(&self) -> f64 {
        self.fast
    }

    /// The slow moving average of success.
    pub fn slow(&self) -> f64 {
        self.slow
    }

    /// `fast - slow`: positive while the arm is being learned, negative while it is forgotten.
    pub fn gain(&self) -> f64 {
        self.fast - self.slow
    }

    /// The standard deviation that [`gain`](Self::gain) would have if nothing were learned.
    pub fn null_sd(&self) -> f64 {
        let (a, b) = (FAST, SLOW);
        (self.noise * (a / (2.0 - a) + b / (2.0 - b) - 2.0 * a * b / (a + b - a * b))).sqrt()
    }

    /// The running excess of `z^2` over its null mean, `>= 0`.
    pub fn evidence(&self) -> f64 {
        self.evidence
    }

    /// How often the arm was visited.
    pub fn visits(&self) -> u64 {
        self.visits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Round;
    use crate::base::rng::{Purpose, Rng};

    /// An arm of coin tosses, of which nothing is learned: `gain / null_sd` has a variance of about 1.
    #[test]
    fn the_null_deviation_is_that_of_noise() {
        let mut rng = Rng::at(9, Round(0), Purpose::User);
        for (tickets, rollouts, rate) in [(1, 1, 0.5), (16, 16, 0.5), (16, 16, 0.2)] {
            let (mut squares, mut evidence, runs) = (0.0, 0.0, 400);
            for _ in 0..runs {
                let mut arm = Progress::default();
                for _ in 0..100 {
                    let hits = (0..rollouts).filter(|_| rng.unit() < rate).count();
                    arm.visit(hits as f64 / f64::from(rollouts), tickets, rollouts);
                }
                squares += arm.gain() * arm.gain() / (arm.null_sd() * arm.null_sd()) / f64::from(runs);
                evidence += arm.evidence() / f64::from(runs);
            }
            // Independent tosses lack the part between tickets: 1 / 1.2 of the variance, or a little
            // more where the slow average wavers itself.
            assert!((0.65..1.15).contains(&squares), "{tickets} {rollouts} {rate}: {squares}");
            assert!(evidence < 0.6, "{tickets} {rollouts} {rate}: {evidence}");
        }
    }

    #[test]
    fn two_visits_by_hand() {
        let mut arm = Progress::default();
        arm.visit(0.5, 4, 32);
        assert_eq!((arm.fast(), arm.slow(), arm.gain(), arm.visits()), (0.5, 0.5, 0.0, 1));
        let first = 0.25 / 32.0 + 0.2 * 0.25 / 4.0;
        assert!((arm.noise - first).abs() < 1e-15);
        arm.visit(1.0, 4, 32);
        assert!((arm.fast() - 0.6).abs() < 1e-15 && (arm.slow() - 0.525).abs() < 1e-15);
        let second = 0.525 * 0.475 * (1.0 / 32.0 + 0.05);
        assert!((arm.noise - (0.9 * first + 0.1 * second)).abs() < 1e-15);
        let part = 0.2 / 1.8 + 0.05 / 1.95 - 0.02 / 0.24;
        assert!((arm.null_sd() - (arm.noise * part).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn evidence_is_frozen_at_first_and_then_tells_learning_from_mastery() {
        let mut arm = Progress::default();
        (0..10).for_each(|visit| arm.visit(0.1 * f64::from(visit), 16, 128));
        assert_eq!(arm.evidence(), 1.0);
        (10..30).for_each(|_| arm.visit(1.0, 16, 128));
        assert!(arm.evidence() > 2.0, "{}", arm.evidence());
        (0..200).for_each(|_| arm.visit(1.0, 16, 128));
        assert!(arm.evidence() < 0.1, "{}", arm.evidence());
        // One success after a hundred failures is no evidence of much.
        let mut hard = Progress::default();
        (0..100).for_each(|_| hard.visit(0.0, 16, 128));
        hard.visit(1.0 / 128.0, 16, 128);
        assert!(hard.evidence() < 0.1, "{}", hard.evidence());
    }

    #[test]
    fn any_legal_visit_leaves_numbers() {
        for tickets in [0, 1, u32::MAX] {
            for rollouts in [0, 1, u32::MAX] {
                let mut arm = Progress::default();
                (0..50).for_each(|visit| arm.visit(f64::from(visit % 2), tickets, rollouts));
                let all = [arm.fast(), arm.slow(), arm.gain(), arm.null_sd(), arm.evidence()];
                assert!(all.iter().all(|number| number.is_finite()), "{all:?}");
            }
        }
    }
}
