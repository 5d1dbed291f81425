//! SIFT: the items that say most about a target.

use super::cholesky::Cholesky;
use super::rows::product;
use super::{Rows, Select, taken};
use crate::base::error::{Error, Result, finite, length, within};
use crate::base::rng::Rng;

/// What is within this part of the greatest counts as equal to it: rounding tells no two items apart.
const SLACK: f64 = 1e-12;

/// The most picks with repetition: each takes 8 bytes an item of the pool.
const MOST_REPEATED: f64 = 1e6;

/// SIFT: greedily the data that leave the least uncertainty about a target, such as the prompt a model
/// is about to be tuned for. Near like nearest neighbours, but without taking the same twice over.
///
/// ```text
/// k(x, x') = <x, x'>;   c = covariance given the picks, each seen with noise lambda
/// next = argmax c(x*, x)^2 / (c(x, x) + lambda);   sigma^2 = c(x*, x*)
/// ```
///
/// `lambda`, in `[1e-9, 1e9]`, is 0.01 by default: towards infinity it is nearest-neighbour retrieval,
/// towards 0 the picks get diverse. Rows should have unit length. Items that tell the same but for a part of 10^-12 are
/// equals, of which the lowest index wins, so that neither a copy of an item nor its mirror image is told from it by
/// rounding. An item is taken once, or any number
/// of times with [`repeats`](Self::repeats), as the paper allows. With
/// [`stop`](Self::stop) the selection ends early when `sigma_n > 1 / (alpha n)` after `n` items (those
/// chosen before counted in): the compute spent then follows what it is expected to gain.
///
/// Cut a large data set to the few hundred nearest rows first. Cost: O(n (d + k)) a pick; memory 8 n k
/// bytes.
///
/// Paper: Hübotter et al., *Efficiently Learning at Test-Time: Active Fine-Tuning of LLMs*,
/// arXiv 2410.08020.
///
/// ```
/// use curricle::test_time::select::{Rows, Select, Sift};
/// use curricle::{Purpose, Rng, Round};
///
/// let data = [3.0, 1.0, 0.0, 3.0, 1.0, 0.0, 1.0, 3.0, 0.0];
/// let sift = Sift::new(Rows::new(&data, 3)?, &[1.0, 1.0, 0.0])?;
/// // Row 1 repeats row 0; row 2 tells more.
/// assert_eq!(sift.select(&[], 2, &mut Rng::at(0, Round(0), Purpose::User))?, [0, 2]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Sift<'a> {
    data: Rows<'a>,
    target: &'a [f32],
    lambda: f64,
    repeats: bool,
    alpha: Option<f64>,
}

impl<'a> Sift<'a> {
    /// A selection from data `[n, d]` for a target `[d]`.
    ///
    /// # Errors
    /// [`Error::Length`] if the target has another dimension, [`Error::NonFinite`] if it is not finite.
    pub fn new(data: Rows<'a>, target: &'a [f32]) -> Result<Self> {
        length("target", data.dim(), target.len())?;
        for (index, &x) in target.iter().enumerate() {
            finite("target", index as u64, x.into())?;
        }
        Ok(Self { data, target, lambda: 0.01, repeats: false, alpha: None })
    }

    /// Sets the noise `lambda`.
    #[must_use]
    pub fn lambda(mut self, lambda: f64) -> Self {
        self.lambda = lambda;
        self
    }

    /// Allows an item to be taken again, up to a million picks in all.
    #[must_use]
    pub fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// Ends when `sigma_n > 1 / (alpha n)`; `alpha` is positive.
    #[must_use]
    pub fn stop(mut self, alpha: f64) -> Self {
        self.alpha = Some(alpha);
        self
    }

    /// The items, and the variance `sigma^2` of the target after each.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for `lambda`, `alpha`, a chosen item, or more than a million picks with
    /// repetition; [`Error::BatchExceedsPool`].
    pub fn variances(&self, chosen: &[usize], count: usize) -> Result<Vec<(usize, f64)>> {
        within("lambda", self.lambda, 1e-9, 1e9)?;
        if let Some(alpha) = self.alpha {
            within("alpha", alpha, f64::MIN_POSITIVE, f64::MAX)?;
        }
        let size = self.data.count();
        if self.repeats {
            within("picks of a pool that never ends", count as f64, 0.0, MOST_REPEATED)?;
        }
        let mut taken = taken(size, chosen, if self.repeats { 0 } else { count })?;
        if self.repeats {
            if size == 0 && count > 0 {
                return Err(Error::BatchExceedsPool { want: count, available: 0 });
            }
            taken.fill(false);
        }
        // The target is one more item, the last.
        let row = |point: &[f32]| {
            let mut row = vec![0.0; size + 1];
            self.data.products(point, &mut row);
            row[size] = product(self.target, point);
            row
        };
        let diagonal = (0..size).map(|item| self.data.row(item)).chain([self.target]);
        let mut cholesky = Cholesky::new(diagonal.map(|row| product(row, row)).collect());
        let to_target = row(self.target);
        for &item in chosen {
            cholesky.give(item, row(self.data.row(item)), self.lambda);
        }
        let mut picked = Vec::with_capacity(count.min(size));
        let mut covariances = to_target.clone();
        let mut told = vec![0.0; size];
        while picked.len() < count {
            covariances.copy_from_slice(&to_target);
            cholesky.covariances(size, &mut covariances);
            for (item, told) in told.iter_mut().enumerate() {
                let variance = cholesky.variances()[item].max(0.0);
                *told = covariances[item] * covariances[item] / (variance + self.lambda);
            }
            let open = || (0..size).filter(|&item| !taken[item]);
            let most = open().map(|item| told[item]).fold(0.0, f64::max);
            let equal = (1.0 - SLACK) * most;
            let Some(item) = open().find(|&item| told[item] >= equal) else { break };
            taken[item] = !self.repeats;
            cholesky.give(item, row(self.data.row(item)), self.lambda);
            let left = cholesky.variances()[size].max(0.0);
            picked.push((item, left));
            let given = cholesky.given() as f64;
            if self.alpha.is_some_and(|alpha| left.sqrt() > 1.0 / (alpha * given)) {
                break;
            }
        }
        Ok(picked)
    }
}

impl Select for Sift<'_> {
    fn select(&self, chosen: &[usize], count: usize, _: &mut Rng) -> Result<Vec<usize>> {
        Ok(self.variances(chosen, count)?.into_iter().map(|(item, _)| item).collect())
    }
}
