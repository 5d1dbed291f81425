//! The highest scores, by chance: power sampling.

use super::{Select, taken};
use crate::base::error::{Error, Result, finite, within};
use crate::base::math;
use crate::base::rng::Rng;

/// Stochastic batch selection in proportion to a power of a score.
///
/// ```text
/// key_i = beta ln u_i + G_i,   G_i = -ln(-ln U_i);   the `count` greatest keys
/// ```
///
/// This is drawing without replacement, each time with probability in proportion to `u_i^beta`
/// (Gumbel top-k). `beta` is 1 by default; 0 draws uniformly, a large one takes the highest scores. It
/// costs nothing beside the scores, yet often does as well as a joint objective, since scores alone
/// take the same thing many times. An item of score 0 is never drawn. One random number is used for
/// each item of the pool, in the order of indices, whatever has been chosen. Cost: O(n log n).
///
/// Paper: Kirsch et al., *Stochastic Batch Acquisition: A Simple Baseline for Deep Active Learning*,
/// arXiv 2106.12059.
///
/// ```
/// use curricle::test_time::select::{PowerTopK, Select};
/// use curricle::{Purpose, Rng, Round};
///
/// let selection = PowerTopK::new(&[0.9, 0.0, 0.4])?;
/// let mut picked = selection.select(&[], 2, &mut Rng::at(0, Round(0), Purpose::User))?;
/// picked.sort_unstable();
/// assert_eq!(picked, [0, 2]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct PowerTopK<'a> {
    scores: &'a [f64],
    power: f64,
}

impl<'a> PowerTopK<'a> {
    /// A selection by scores that are not negative, high for what is wanted.
    ///
    /// # Errors
    /// [`Error::NonFinite`] or [`Error::OutOfRange`] for a bad score.
    pub fn new(scores: &'a [f64]) -> Result<Self> {
        for (item, &score) in scores.iter().enumerate() {
            finite("score", item as u64, score)?;
            within("score", score, 0.0, f64::MAX)?;
        }
        Ok(Self { scores, power: 1.0 })
    }

    /// Sets the power `beta`, in `[0, 1e6]`.
    #[must_use]
    pub fn power(mut self, beta: f64) -> Self {
        self.power = beta;
        self
    }
}

impl Select for PowerTopK<'_> {
    fn select(&self, chosen: &[usize], count: usize, rng: &mut Rng) -> Result<Vec<usize>> {
        within("power", self.power, 0.0, 1e6)?;
        let taken = taken(self.scores.len(), chosen, 0)?;
        let mut keys: Vec<(f64, usize)> = Vec::with_capacity(self.scores.len());
        for (item, &score) in self.scores.iter().enumerate() {
            // `unit` may be 0, never 1.
            let gumbel = -math::ln(rng.exponential().max(f64::MIN_POSITIVE));
            if !taken[item] && score > 0.0 {
                keys.push((self.power * math::ln(score) + gumbel, item));
            }
        }
        if count > keys.len() {
            return Err(Error::BatchExceedsPool { want: count, available: keys.len() });
        }
        let greater = |a: &(f64, usize), b: &(f64, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        keys.sort_unstable_by(greater);
        Ok(keys[..count].iter().map(|&(_, item)| item).collect())
    }
}
