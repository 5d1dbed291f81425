//! A Cholesky factorisation that grows by one row at a time, seen from all items.

/// The covariances of items given some of them, kept as the columns of a partial Cholesky factor.
///
/// ```text
/// c(i, j) = k(i, j) - sum_t f_t(i) f_t(j),   f_t(i) = c_{t-1}(i, s_t) / sqrt(c_{t-1}(s_t, s_t) + noise)
/// ```
pub(super) struct Cholesky {
    factors: Vec<Vec<f64>>,
    variances: Vec<f64>,
}

impl Cholesky {
    /// Nothing is given yet; `variances` is the diagonal of the kernel.
    pub(super) fn new(variances: Vec<f64>) -> Self {
        Self { factors: Vec::new(), variances }
    }

    /// `c(i, i)` of every item; not negative beyond rounding if the kernel is positive semidefinite.
    pub(super) fn variances(&self) -> &[f64] {
        &self.variances
    }

    /// `c(i, item)` of every item, where `row` comes in as `k(i, item)`.
    pub(super) fn covariances(&self, item: usize, row: &mut [f64]) {
        for factor in &self.factors {
            let weight = factor[item];
            for (row, &factor) in row.iter_mut().zip(factor) {
                *row -= weight * factor;
            }
        }
    }

    /// Gives an item, observed with variance `noise`; `row` is `k(i, item)`. Returns whether its
    /// variance was positive; if not, nothing has changed.
    pub(super) fn give(&mut self, item: usize, mut row: Vec<f64>, noise: f64) -> bool {
        let variance = self.variances[item] + noise;
        if variance <= 0.0 {
            return false;
        }
        self.covariances(item, &mut row);
        let scale = 1.0 / variance.sqrt();
        for (row, variance) in row.iter_mut().zip(&mut self.variances) {
            *row *= scale;
            *variance -= *row * *row;
        }
        self.factors.push(row);
        true
    }

    /// How many items have been given.
    pub(super) fn given(&self) -> usize {
        self.factors.len()
    }
}
