//! What a column of scores looks like, and what it really sorts by.

use super::{Column, Table};
use crate::base::error::Result;

/// The figures that everyone should see before sorting by a column.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// Rows with a value.
    pub count: usize,
    /// Rows without.
    pub undefined: usize,
    /// Mean of the values.
    pub mean: f64,
    /// Their standard deviation (population).
    pub sd: f64,
    /// Minimum, lower quartile, median, upper quartile, maximum; each is one of the values.
    pub quantiles: [f64; 5],
    /// Values that some other row has too: rows that a sort by this column leaves in arbitrary order.
    pub tied: usize,
    /// The rank correlation with `tokens`, if the table has that column of counts and neither is
    /// constant. A score whose correlation is near 1 or -1 is a sort by length.
    pub with_length: Option<f64>,
}

impl Table {
    /// The statistics of a column; `None` if it has no value at all.
    ///
    /// # Errors
    /// [`TableError::NoColumn`](super::TableError::NoColumn).
    ///
    /// ```
    /// use curricle::table::{Column, Provenance, Table};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let table = Table::new(Provenance::default(), vec![0, 1, 2, 3])?
    ///     .column("total", Column::Number([0.9, 0.5, 0.3, 0.1].map(Some).to_vec()))?
    ///     .column("tokens", Column::Count(vec![10, 20, 30, 50]))?;
    /// let found = table.statistics("total")?.expect("values");
    /// assert_eq!(found.quantiles[2], 0.5);
    /// assert_eq!(found.with_length, Some(-1.0)); // shortest first
    /// # Ok(()) }
    /// ```
    pub fn statistics(&self, name: &str) -> Result<Option<Statistics>> {
        let column = self.need(name)?;
        let (mut values, mut lengths) = (Vec::new(), Vec::new());
        let tokens = match self.get("tokens") {
            Some(Column::Count(tokens)) => Some(tokens),
            _ => None,
        };
        for row in 0..column.len() {
            if let Some(value) = column.number(row) {
                values.push(value);
                lengths.extend(tokens.map(|tokens| tokens[row] as f64));
            }
        }
        if values.is_empty() {
            return Ok(None);
        }
        let count = values.len();
        let (mean, sd) = moments(&values);
        let with_length = (lengths.len() == count).then(|| rank_correlation(&values, &lengths));
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[((count - 1) as f64 * share).round() as usize];
        let tied = values.chunk_by(|a, b| a == b).map(<[f64]>::len).filter(|&run| run > 1).sum();
        Ok(Some(Statistics {
            count,
            undefined: column.len() - count,
            mean,
            sd,
            quantiles: [0.0, 0.25, 0.5, 0.75, 1.0].map(at),
            tied,
            with_length: with_length.flatten(),
        }))
    }
}

/// Mean and standard deviation (population) of finite values.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let of = |scale: f64| {
        let mean = values.iter().map(|x| x / scale).sum::<f64>() / count;
        let squares = values.iter().map(|x| (x / scale - mean) * (x / scale - mean));
        (mean * scale, (squares.sum::<f64>() / count).sqrt() * scale)
    };
    match of(1.0) {
        (mean, sd) if mean.is_finite() && sd.is_finite() => (mean, sd),
        // Sums and squares of great values overflow where their mean does not.
        _ => of(values.iter().fold(f64::MIN_POSITIVE, |most, x| most.max(x.abs()))),
    }
}

/// Spearman's rank correlation: Pearson's of the ranks, equal values sharing their mean rank. `None`
/// if either side is constant or empty or holds NaN, or the lengths differ. Cost: O(n log n).
///
/// ```
/// use curricle::table::rank_correlation;
///
/// assert_eq!(rank_correlation(&[1.0, 5.0, 30.0], &[2.0, 3.0, 4.0]), Some(1.0));
/// assert_eq!(rank_correlation(&[1.0, 1.0], &[2.0, 3.0]), None);
/// ```
pub fn rank_correlation(x: &[f64], y: &[f64]) -> Option<f64> {
    if x.len() != y.len() || x.is_empty() || x.iter().chain(y).any(|value| value.is_nan()) {
        return None;
    }
    let (x, y) = (mid_ranks(x), mid_ranks(y));
    // Ranks of n values have the mean (n - 1) / 2, ties or not.
    let mean = (x.len() - 1) as f64 / 2.0;
    let products =
        |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum() };
    let (xx, yy) = (products(&x, &x), products(&y, &y));
    (xx > 0.0 && yy > 0.0).then(|| products(&x, &y) / (xx * yy).sqrt())
}

/// The rank of each value, from 0; equal values share the mean of their ranks.
pub(super) fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for run in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = first as f64 + (run.len() - 1) as f64 / 2.0;
        run.iter().for_each(|&index| ranks[index] = rank);
        first += run.len();
    }
    ranks
}
