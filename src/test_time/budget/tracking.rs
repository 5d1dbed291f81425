//! Quantile tracking: a rate that holds for every stream.

use serde::{Deserialize, Serialize};

use super::window::Window;
use super::{Budget, Choice, threshold_metrics};
use crate::base::error::{Result, within};
use crate::base::metrics::Metrics;

/// A threshold in `[0, 1]` that follows what it selects, so that the rate of selections is met.
///
/// ```text
/// k_t = 1 if v_t < theta_t, else 0
/// theta_(t+1) = theta_t + eta (b - k_t)
/// ```
///
/// Summing up gives `N_T - b T = (theta_1 - theta_(T+1)) / eta`; and `theta` cannot leave `[-eta, 1 +
/// eta]`, as it selects nothing below 0 and everything above 1. Hence for every sequence, every prefix
/// of it, and an adversary who sees `theta`,
///
/// ```text
/// |N_T / T - b| <= (1 + eta) / (eta T)
/// ```
///
/// Paper: Gibbs and Candès, *Adaptive Conformal Inference Under Distribution Shift*, arXiv 2106.00170.
///
/// ```
/// use curricle::test_time::budget::Tracker;
///
/// let mut tracker = Tracker::new(0.3, 0.1, 0.5)?;
/// assert!(!tracker.step(0.9)?);
/// assert!(tracker.step(0.2)?);
/// assert!((tracker.theta() - 0.46).abs() < 1e-12);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tracker {
    rate: f64,
    eta: f64,
    theta: f64,
}

impl Tracker {
    /// A tracker of a rate `b` in `[0, 1]`, with a step `eta` in `(0, 1]`, from `theta` in `[0, 1]`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) outside of those.
    pub fn new(rate: f64, eta: f64, theta: f64) -> Result<Self> {
        within("rate", rate, 0.0, 1.0)?;
        within("step of a tracker", eta, 1e-9, 1.0)?;
        within("threshold of a tracker", theta, 0.0, 1.0)?;
        Ok(Self { rate, eta, theta })
    }

    /// Takes a value in `[0, 1]` in: whether it is selected.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for another value, NaN included.
    pub fn step(&mut self, value: f64) -> Result<bool> {
        within("tracked value", value, 0.0, 1.0)?;
        // At a threshold above 1 everything is below it; at one of at most 0 nothing is.
        let selected = value < self.theta;
        self.theta += self.eta * (self.rate - f64::from(u8::from(selected)));
        Ok(selected)
    }

    /// The threshold of the next step.
    pub fn theta(&self) -> f64 {
        self.theta
    }

    /// The greatest `|N_T / T - b|` after `steps` steps.
    pub fn bound(&self, steps: u64) -> f64 {
        (1.0 + self.eta) / (self.eta * steps.max(1) as f64)
    }
}

/// Selects a given part of any stream, the most uncertain of it: a [`Tracker`] of smoothed ranks in a
/// sliding [`Window`].
///
/// In terms of ranks neither units nor drift nor ties matter: the rate is that of the tracker, for
/// every stream, and the items selected are those near the top of the last `window`.
///
/// The threshold starts at `b`, so the number selected of the first `T` items obeys, whatever they are,
///
/// ```text
/// b T - (1 - b) / eta - b  <=  N_T  <=  b T + b / eta + 1 - b
/// ```
///
/// The rate is met in the long run, not at once: with the defaults and `b` 0.2 up to 40 items more than
/// a fifth are selected in all, as for an uncertainty that rises from item to item, which is 60 % of
/// the first 100, 28 % of the first 500 and 22 % of the first 2000; and up to 161 fewer. Over a short
/// stream take a greater `eta` (0.05 leaves 4 items too many), [`Horizon`](super::Horizon) where its
/// length is known, or put a [`TokenBucket`](super::TokenBucket) around it.
///
/// Defaults: the last 2000, `eta` 0.005. A greater `eta` (0.02) holds the rate more tightly over short
/// spans, a smaller one (0.002) selects better in bursts.
///
/// Cost: O(log window) an item; memory 50 bytes an item of the window.
///
/// ```
/// use curricle::test_time::budget::{Budget, Tracking};
/// use curricle::{Purpose, Rng, Round};
///
/// let mut budget = Tracking::new(0.2)?;
/// let mut selected = 0;
/// for item in 0..10_000 {
///     let mut rng = Rng::at(7, Round(item), Purpose::User);
///     let uncertainty = rng.unit();
///     selected += u64::from(budget.wants(uncertainty, rng.unit())?.selected);
/// }
/// assert!((selected as f64 / 10_000.0 - 0.2).abs() <= budget.bound());
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tracking {
    tracker: Tracker,
    window: Window,
    seen: u64,
}

impl Tracking {
    /// A budget of a part `rate` of the stream.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a rate outside `[0, 1]`.
    pub fn new(rate: f64) -> Result<Self> {
        Self::with(rate, 0.005, 2000)
    }

    /// The same with a step and a window of one's own.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a rate outside `[0, 1]`, a step outside
    /// `[1e-9, 1]`, or an empty window.
    pub fn with(rate: f64, eta: f64, window: usize) -> Result<Self> {
        Ok(Self { tracker: Tracker::new(rate, eta, rate)?, window: Window::new(window)?, seen: 0 })
    }

    /// The present threshold in rank space.
    pub fn theta(&self) -> f64 {
        self.tracker.theta()
    }

    /// How many items have been seen.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The greatest difference that there can be by now between the share selected and the rate. Above
    /// 1 it says nothing yet: with the defaults up to 201 items.
    pub fn bound(&self) -> f64 {
        self.tracker.bound(self.seen)
    }
}

impl Budget for Tracking {
    fn wants(&mut self, uncertainty: f64, coin: f64) -> Result<Choice> {
        let rank = self.window.rank(uncertainty, coin)?;
        let threshold = self.tracker.theta();
        let selected = self.tracker.step(rank)?;
        self.window.push(uncertainty)?;
        self.seen += 1;
        Ok(Choice::plain(selected, Some(rank), threshold))
    }

    fn metrics(&self) -> Metrics {
        let mut metrics = threshold_metrics(self.theta());
        metrics.push("budget/seen", self.seen as f64);
        metrics
    }
}
