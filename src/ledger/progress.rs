//! How fast an arm's success moves: two moving averages and their noise.

use serde::{Deserialize, Serialize};

/// Rate of the fast moving average, per visit.
const FAST: f64 = 0.2;
/// Rate of the slow moving average, per visit.
const SLOW: f64 = 0.05;
/// Rate of the moving average of the noise.
const NOISE: f64 = 0.1;
/// Rate of the moving average of the evidence.
const EVIDENCE: f64 = 0.05;
/// Visits before the evidence starts to move.
const WARM_UP: u64 = 10;

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
/// so its evidence falls towards a small constant, however noisy it is; an arm that is being
/// learned, or forgotten, has evidence far above it.
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
        let spread = (self.slow * (1.0 - self.slow)).max(0.01);
        let variance = spread / f64::from(rollouts.max(1)).max(tickets) + 0.2 * spread / tickets;
        self.noise =
            if self.visits == 0 { variance } else { self.noise + NOISE * (variance - self.noise) };
        self.visits += 1;
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
