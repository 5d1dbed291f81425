//! The highest scores; a coin decides among equal ones.

use super::{Select, taken};
use crate::base::error::{Error, Result, within};
use crate::base::rng::Rng;

/// The items of the highest scores. Among equal ones each is as likely to be taken: a row of a thousand
/// predictions that are all certain has no first.
///
/// A score may be infinite; an item without one is never taken.
///
/// Cost: O(n log n), one number of the stream for each item.
///
/// ```
/// use curricle::test_time::select::{FairTopK, Select};
/// use curricle::{Purpose, Rng, Round};
///
/// let scores = [Some(0.2), None, Some(0.9), Some(0.2)];
/// let selection = FairTopK::new(&scores)?;
/// assert_eq!((selection.share(0.5)?, selection.available()), (2, 3));
/// let mut rng = Rng::at(0, Round(0), Purpose::TestTime);
/// let picked = selection.select(&[], 2, &mut rng)?;
/// assert!(picked == [2, 0] || picked == [2, 3]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct FairTopK<'a> {
    scores: &'a [Option<f64>],
}

impl<'a> FairTopK<'a> {
    /// A selection by these scores.
    ///
    /// # Errors
    /// [`Error::NonFinite`] for a score of NaN.
    pub fn new(scores: &'a [Option<f64>]) -> Result<Self> {
        match scores.iter().position(|score| score.is_some_and(f64::is_nan)) {
            Some(item) => Err(Error::NonFinite { what: "score", index: item as u64, value: f64::NAN }),
            None => Ok(Self { scores }),
        }
    }

    /// How many items have a score.
    pub fn available(&self) -> usize {
        self.scores.iter().flatten().count()
    }

    /// How many items a share of all of them is, rounded down, and at most those that have a score. A
    /// share that a rounding leaves just below a whole number is that number: 0.29 of 100 is 29.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a share outside `[0, 1]`.
    pub fn share(&self, share: f64) -> Result<usize> {
        let part = within("share", share, 0.0, 1.0)? * self.scores.len() as f64;
        Ok(((part + 1e-9).floor() as usize).min(self.available()))
    }
}

impl Select for FairTopK<'_> {
    fn select(&self, chosen: &[usize], count: usize, rng: &mut Rng) -> Result<Vec<usize>> {
        let taken = taken(self.scores.len(), chosen, 0)?;
        let mut items: Vec<(f64, u64, usize)> = Vec::with_capacity(self.scores.len());
        for (item, &score) in self.scores.iter().enumerate() {
            // A coin for each, so that one item's does not depend on the others' scores.
            let coin = rng.bits();
            // The zeros are equal.
            items.extend(score.filter(|_| !taken[item]).map(|score| (score + 0.0, coin, item)));
        }
        if count > items.len() {
            return Err(Error::BatchExceedsPool { want: count, available: items.len() });
        }
        items.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        Ok(items[..count].iter().map(|&(.., item)| item).collect())
    }
}
