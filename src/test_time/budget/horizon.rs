//! A number of selections over a stream of known length.

use serde::{Deserialize, Serialize};

use super::window::Window;
use super::{Budget, Choice, threshold_metrics};
use crate::base::error::{Error, Result};
use crate::base::metrics::Metrics;

/// Selects at most `budget` of a stream of `length` items: what is left of the budget is shared out
/// anew at each.
///
/// ```text
/// selected  if  v_t < (budget - N) / (length - t + 1)          t = 1, 2, ...
/// ```
///
/// with `N` selected so far and `v_t` the smoothed rank in a [`Window`]. Once as many items are left as
/// budget, all are selected, so a stream of the stated length uses it up but for rounding; what comes
/// after the stated length is not selected. The budget is never exceeded.
///
/// Paper: the re-solving rule of Arlotto and Gurvich, *Uniformly Bounded Regret in the Multisecretary
/// Problem*, arXiv 1710.07719.
///
/// ```
/// use curricle::test_time::budget::{Budget, Horizon};
///
/// let mut horizon = Horizon::new(2, 5)?;
/// let picked: Vec<bool> = [0.1, 0.9, 0.2, 0.8, 0.3]
///     .into_iter()
///     .map(|uncertainty| Ok(horizon.wants(uncertainty, 0.5)?.selected))
///     .collect::<curricle::Result<_>>()?;
/// assert_eq!(picked, [false, true, false, true, false]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Horizon {
    left: u64,
    items: u64,
    window: Window,
}

impl Horizon {
    /// At most `budget` of `length` items, ranked among the last 2000.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `budget <= length <= 2^53`.
    pub fn new(budget: u64, length: u64) -> Result<Self> {
        // Compared as integers, of which two can be one number.
        if length > 1 << 53 {
            let (value, high) = (length as f64, (1u64 << 53) as f64);
            return Err(Error::OutOfRange { what: "length of a stream", value, low: 0.0, high });
        }
        if budget > length {
            let (value, high) = (budget as f64, length as f64);
            return Err(Error::OutOfRange { what: "budget", value, low: 0.0, high });
        }
        Ok(Self { left: budget, items: length, window: Window::new(2000)? })
    }

    /// Ranks among the last `window` items.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for an empty window.
    pub fn window(mut self, window: usize) -> Result<Self> {
        self.window = Window::new(window)?;
        Ok(self)
    }

    /// How many more may be selected.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// The part of the items to come that may be selected.
    fn threshold(&self) -> f64 {
        if self.items == 0 { 0.0 } else { self.left as f64 / self.items as f64 }
    }
}

impl Budget for Horizon {
    fn wants(&mut self, uncertainty: f64, coin: f64) -> Result<Choice> {
        let rank = self.window.rank(uncertainty, coin)?;
        self.window.push(uncertainty)?;
        let threshold = self.threshold();
        let selected = rank < threshold;
        self.left -= u64::from(selected);
        self.items = self.items.saturating_sub(1);
        Ok(Choice::plain(selected, Some(rank), threshold))
    }

    fn metrics(&self) -> Metrics {
        let mut metrics = threshold_metrics(self.threshold());
        metrics.push("budget/left", self.left as f64);
        metrics.push("budget/items_left", self.items as f64);
        metrics
    }
}
