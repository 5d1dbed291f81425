//! The last uncertainties, and where a new one ranks among them.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::ranks::Ranks;
use crate::base::error::{Error, Result, within};

/// A sliding window over a stream, with smoothed ranks.
///
/// ```text
/// v = (greater + U (equal + 1)) / (n + 1)        U uniform in [0, 1)
/// ```
///
/// over the `n` numbers in the window. If they and the new one are exchangeable, `v` is exactly
/// uniform, whatever their distribution and however many of them tie. High numbers have low ranks. A
/// rank in an empty window is `U`.
///
/// Cost: O(log n) for each; 50 bytes a number.
///
/// ```
/// use curricle::test_time::budget::Window;
///
/// let mut window = Window::new(3)?;
/// (1..=4).for_each(|x| window.push(f64::from(x)).unwrap()); // 1 has left
/// assert_eq!(window.rank(3.5, 0.0)?, 0.25); // 4 is greater
/// assert_eq!(window.rank(3.0, 0.5)?, 0.5);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Saved", into = "Saved")]
pub struct Window {
    capacity: usize,
    values: VecDeque<f64>,
    ranks: Ranks,
}

/// What is saved of a window: the ranks follow from the values.
#[derive(Serialize, Deserialize)]
struct Saved {
    capacity: usize,
    values: VecDeque<f64>,
}

impl From<Window> for Saved {
    fn from(window: Window) -> Self {
        Self { capacity: window.capacity, values: window.values }
    }
}

impl TryFrom<Saved> for Window {
    type Error = Error;

    fn try_from(saved: Saved) -> Result<Self> {
        let mut window = Self::new(saved.capacity)?;
        within("values in a window", saved.values.len() as f64, 0.0, saved.capacity as f64)?;
        saved.values.into_iter().try_for_each(|value| window.push(value))?;
        Ok(window)
    }
}

impl Window {
    /// An empty window of the last `capacity` numbers.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `1 <= capacity < 2^31`.
    pub fn new(capacity: usize) -> Result<Self> {
        within("length of a window", capacity as f64, 1.0, f64::from(i32::MAX))?;
        Ok(Self { capacity, values: VecDeque::new(), ranks: Ranks::new() })
    }

    /// The smoothed rank `v` of a number, which is not taken in.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if it is NaN; [`Error::OutOfRange`] if the coin is not in `[0, 1)`.
    pub fn rank(&self, value: f64, coin: f64) -> Result<f64> {
        let value = ordered(value)?;
        let coin = fair(coin)?;
        let (greater, equal) = self.ranks.above(value);
        Ok(smoothed(f64::from(greater), f64::from(equal), self.values.len() as f64, coin))
    }

    /// Takes a number in, and lets the oldest go if the window is full.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if it is NaN.
    pub fn push(&mut self, value: f64) -> Result<()> {
        let value = ordered(value)?;
        if self.values.len() == self.capacity
            && let Some(oldest) = self.values.pop_front()
        {
            self.ranks.remove(oldest);
        }
        self.values.push_back(value);
        self.ranks.insert(value);
        Ok(())
    }

    /// How many numbers are in it.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Less than 1, whatever rounding does.
pub(super) fn smoothed(greater: f64, equal: f64, count: f64, coin: f64) -> f64 {
    ((greater + coin * (equal + 1.0)) / (count + 1.0)).min(1.0 - f64::EPSILON / 2.0)
}

/// A number that has a place in an order: not NaN. The two zeros become one.
pub(super) fn ordered(uncertainty: f64) -> Result<f64> {
    if uncertainty.is_nan() {
        return Err(Error::NonFinite { what: "uncertainty", index: 0, value: uncertainty });
    }
    Ok(uncertainty + 0.0)
}

/// A number in `[0, 1)`.
pub(super) fn fair(coin: f64) -> Result<f64> {
    within("coin", coin, 0.0, 1.0 - f64::EPSILON / 2.0)
}
