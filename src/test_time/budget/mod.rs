//! Budgets: which items of a stream are worth an effort, so that the whole stays affordable.
//!
//! | budget | selects | promises |
//! |--|--|--|
//! | [`Always`] | everything | |
//! | [`Fixed`] | above a threshold | nothing about the rate |
//! | [`Tracking`] | the most uncertain part of any stream | the rate, for every sequence |
//! | [`Horizon`] | a number of a stream of known length | never more |
//! | [`TokenBucket`] | what another budget wants, capped | never more in any window |
//! | [`Conformal`] | a part of what is like a sample | the rate, if it is |
//! | [`ErrorRecall`] | most of the errors | their share, if they are like known ones |
//! | [`ResidualRisk`] | all but a few errors | how many slip through |
//!
//! [`Window`] (exact, the last numbers), [`DdSketch`] (all numbers, within a relative error, mergeable)
//! and [`PSquare`] (constant memory, no promise) tell quantiles of a stream.
//!
//! All budgets take uncertainty: HIGH means that an effort is wanted. A score that is low for uncertain
//! items, such as a margin, goes in as its complement or its negative
//! ([`Score::uncertainty`](crate::signal::uncertainty::Score)).

mod always;
mod conformal;
mod dd_sketch;
mod fixed;
mod horizon;
mod p_square;
mod ranks;
mod token_bucket;
mod tracking;
mod window;

pub use always::Always;
pub use conformal::{Conformal, ErrorRecall, ResidualRisk, conformal_quantile};
pub use dd_sketch::DdSketch;
pub use fixed::Fixed;
pub use horizon::Horizon;
pub use p_square::PSquare;
pub use token_bucket::TokenBucket;
pub use tracking::{Tracker, Tracking};
pub use window::Window;

use serde::{Deserialize, Serialize};

use crate::base::error::Result;
use crate::base::metrics::Metrics;

/// What a budget made of one item.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Choice {
    /// Whether the item should be given the effort.
    pub selected: bool,
    /// Whether it would have been without a cap.
    pub wanted: bool,
    /// Its smoothed rank in `[0, 1)`, low for uncertain items, where the budget ranks.
    pub rank: Option<f64>,
    /// What it was compared with: a rank where there is one, else an uncertainty.
    pub threshold: f64,
}

impl Choice {
    /// A choice, for a budget of one's own.
    pub fn plain(selected: bool, rank: Option<f64>, threshold: f64) -> Self {
        Self { selected, wanted: selected, rank, threshold }
    }
}

/// Decides, item by item, which of a stream are worth an effort.
///
/// ```
/// use curricle::test_time::budget::{Budget, Choice, Fixed};
///
/// /// Selects every other item.
/// struct Alternate(bool);
///
/// impl Budget for Alternate {
///     fn wants(&mut self, _: f64, _: f64) -> curricle::Result<Choice> {
///         self.0 = !self.0;
///         Ok(Choice::plain(self.0, None, 0.0))
///     }
/// }
///
/// let mut budgets: [Box<dyn Budget>; 2] = [Box::new(Alternate(false)), Box::new(Fixed::new(0.5)?)];
/// assert!(budgets.iter_mut().all(|budget| budget.wants(0.9, 0.0).unwrap().selected));
/// # Ok::<(), curricle::Error>(())
/// ```
pub trait Budget {
    /// Takes one item in. `uncertainty` is high if an effort is wanted, and may be infinite; `coin` is
    /// uniform in
    /// `[0, 1)`, drawn by the caller from a stream addressed by the item ([`Rng`](crate::Rng)), and
    /// decides among ties.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) if the uncertainty is NaN,
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a coin outside `[0, 1)`. The budget is then
    /// as it was.
    fn wants(&mut self, uncertainty: f64, coin: f64) -> Result<Choice>;

    /// The state of the budget as names and numbers, to be logged: `budget/threshold`, what the next item is
    /// compared with (a rank for those that rank), and what else there is of it: `budget/seen`, `budget/left`,
    /// `budget/items_left`, `budget/tokens`. The default has none.
    fn metrics(&self) -> Metrics {
        Metrics::default()
    }
}

/// The metrics of a budget that is a threshold.
fn threshold_metrics(threshold: f64) -> Metrics {
    let mut metrics = Metrics::default();
    metrics.push("budget/threshold", threshold);
    metrics
}
