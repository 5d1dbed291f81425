//! A hard cap on what another budget selects.

use serde::{Deserialize, Serialize};

use super::{Budget, Choice};
use crate::base::error::{Result, within};
use crate::base::metrics::Metrics;

/// A token is 2^32 of these: whole numbers, so that a million steps lose nothing.
const TOKEN: u64 = 1 << 32;

/// Lets through at most `rate w + burst` selections of another budget in any `w` items in a row.
///
/// Tokens come at `rate` an item, up to `burst` of them; a selection takes one. The inner budget
/// decides as if there were no cap, so its guarantee holds for what is [`wanted`](Choice::wanted); what
/// is [`selected`](Choice::selected) is less.
///
/// What comes is rounded down to `2^-32` an item, and a full bucket takes nothing more: at a burst of 1 and a rate of 0.2
/// the fifth item finds a token that is not quite whole, and every sixth is let through. With a burst of 2 or more the
/// token is whole one item later, and nothing runs over.
///
/// ```
/// use curricle::test_time::budget::{Budget, Fixed, TokenBucket};
///
/// let mut capped = TokenBucket::new(Fixed::new(0.5)?, 0.25, 2)?;
/// let selected: Vec<bool> = (0..8)
///     .map(|_| Ok(capped.wants(0.9, 0.0)?.selected))
///     .collect::<curricle::Result<_>>()?;
/// assert_eq!(selected, [true, true, false, false, true, false, false, false]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenBucket<B> {
    inner: B,
    /// In parts of a token.
    gain: u64,
    most: u64,
    held: u64,
}

impl<B> TokenBucket<B> {
    /// Around a budget; the bucket begins full.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a rate outside `[0, 1]` or a burst outside
    /// `[1, 2^31]`.
    pub fn new(inner: B, rate: f64, burst: u32) -> Result<Self> {
        within("rate", rate, 0.0, 1.0)?;
        within("burst", f64::from(burst), 1.0, f64::from(1u32 << 31))?;
        let gain = (rate * TOKEN as f64).floor() as u64;
        let most = u64::from(burst) * TOKEN;
        Ok(Self { inner, gain, most, held: most })
    }

    /// The budget inside.
    pub fn inner(&self) -> &B {
        &self.inner
    }
}

impl<B: Budget> Budget for TokenBucket<B> {
    fn wants(&mut self, uncertainty: f64, coin: f64) -> Result<Choice> {
        let mut choice = self.inner.wants(uncertainty, coin)?;
        choice.selected &= self.held >= TOKEN;
        if choice.selected {
            self.held -= TOKEN;
        }
        self.held = (self.held + self.gain).min(self.most);
        Ok(choice)
    }

    fn metrics(&self) -> Metrics {
        let mut metrics = self.inner.metrics();
        metrics.push("budget/tokens", self.held as f64 / TOKEN as f64);
        metrics
    }
}
