//! The greedy mode of a determinantal point process.

use super::cholesky::Cholesky;
use super::rows::product;
use super::{Rows, Select, greatest, taken};
use crate::base::error::{Result, length};
use crate::base::rng::Rng;

/// Greedy mode of a determinantal point process (DPP MAP): the items that span the greatest volume.
///
/// ```text
/// next = argmax log det L_{S + i} - log det L_S = argmax d_i^2
/// ```
///
/// `L` is the Gram matrix of features, `L_ij = <b_i, b_j>`, or a matrix given as such, which must be
/// symmetric and positive semidefinite (not checked: only the rows of picks are read, and an item whose
/// `d_i^2` falls below 1e-10 of the greatest diagonal entry is never taken). `d_i^2` is what of `b_i`
/// lies outside the span of the picks, kept by an incremental Cholesky factorisation. Scale `b_i` by
/// the quality of an item to prefer good ones.
///
/// Returns fewer than `count` items where the rest lies in the span of the picks: `d` features allow at
/// most
/// `d` picks. Cost: O(n (d + k)) a pick; memory 8 n k bytes.
///
/// Paper: Chen, Zhang and Zhou, *Fast Greedy MAP Inference for Determinantal Point Process*,
/// arXiv 1709.05135.
///
/// ```
/// use curricle::test_time::select::{DppMap, Rows, Select};
/// use curricle::{Purpose, Rng, Round};
///
/// let features = [1.0, 0.0, 0.9, 0.0, 0.0, 0.5];
/// let selection = DppMap::features(Rows::new(&features, 2)?);
/// assert_eq!(selection.select(&[], 3, &mut Rng::at(0, Round(0), Purpose::User))?, [0, 2]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct DppMap<'a> {
    rows: Rows<'a>,
    is_kernel: bool,
}

impl<'a> DppMap<'a> {
    /// By features `[n, d]`.
    pub fn features(features: Rows<'a>) -> Self {
        Self { rows: features, is_kernel: false }
    }

    /// By the matrix `L` itself, `[n, n]`.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) if it is not square.
    pub fn kernel(kernel: Rows<'a>) -> Result<Self> {
        length("rows of the kernel", kernel.dim(), kernel.count())?;
        Ok(Self { rows: kernel, is_kernel: true })
    }

    fn row(&self, item: usize) -> Vec<f64> {
        if self.is_kernel {
            return self.rows.row(item).iter().map(|&x| x.into()).collect();
        }
        let mut row = vec![0.0; self.rows.count()];
        self.rows.products(self.rows.row(item), &mut row);
        row
    }
}

impl Select for DppMap<'_> {
    fn select(&self, chosen: &[usize], count: usize, _: &mut Rng) -> Result<Vec<usize>> {
        let mut taken = taken(self.rows.count(), chosen, count)?;
        let diagonal: Vec<f64> = (0..self.rows.count())
            .map(|item| {
                let row = self.rows.row(item);
                if self.is_kernel { row[item].into() } else { product(row, row) }
            })
            .collect();
        let least = 1e-10 * diagonal.iter().fold(0.0, |most: f64, &x| most.max(x));
        let mut cholesky = Cholesky::new(diagonal);
        for &item in chosen {
            if cholesky.variances()[item] > least {
                cholesky.give(item, self.row(item), 0.0);
            }
        }
        let mut picked = Vec::with_capacity(count);
        while picked.len() < count {
            let Some(next) = greatest(cholesky.variances(), &taken) else { break };
            if cholesky.variances()[next] <= least {
                break;
            }
            taken[next] = true;
            picked.push(next);
            if picked.len() < count {
                cholesky.give(next, self.row(next), 0.0);
            }
        }
        Ok(picked)
    }
}
