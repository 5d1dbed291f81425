//! Which items of a pool to take: batches that differ from each other, cover the rest, or fit a target.
//!
//! | selection | takes | cost of `k` of `n` |
//! |--|--|--|
//! | [`KCenter`] | the farthest from all taken | O(n k d) |
//! | [`Badge`] | gradients far apart, by chance | O(n k (C + d)) |
//! | [`FacilityLocation`] | what covers the pool best | O(n^2) at first, few columns later |
//! | [`DppMap`] | what spans the greatest volume | O(n k (d + k)) |
//! | [`Sift`] | what says most about a target | O(n k (d + k)) |
//! | [`FairTopK`] | the highest scores, among equals by chance | O(n log n) |
//! | [`PowerTopK`] | the highest scores, by chance | O(n log n) |
//!
//! Each is made around a pool that it borrows, and has the one verb of [`Select`]. Among equals the
//! lowest index wins, but for [`FairTopK`]. Items taken before are passed as `chosen`: the batch is
//! then the continuation of them, so `k` picks at once and `k` calls for one pick each give the same
//! items wherever no chance is involved.

mod badge;
mod cholesky;
mod dpp_map;
mod facility_location;
mod fair_top_k;
mod k_center;
mod neighbours;
mod power_top_k;
mod rows;
mod sift;

pub use badge::{Badge, residuals};
pub use dpp_map::DppMap;
pub use facility_location::FacilityLocation;
pub use fair_top_k::FairTopK;
pub use k_center::KCenter;
pub use neighbours::Neighbours;
pub use power_top_k::PowerTopK;
pub use rows::Rows;
pub use sift::Sift;

use crate::base::error::{Error, Result};
use crate::base::rng::Rng;

/// Takes items of a pool, in order.
pub trait Select {
    /// The next `count` items beside those `chosen` already, in the order in which they were taken.
    ///
    /// `chosen` may be empty and in any order. Selections without chance do not touch `rng`. Some stop
    /// early where nothing more is to be gained; their documentation says so.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if a chosen item is not in the pool, [`Error::BatchExceedsPool`] if fewer
    /// than `count` items are left.
    fn select(&self, chosen: &[usize], count: usize, rng: &mut Rng) -> Result<Vec<usize>>;
}

/// Which items are taken already; checks that `count` are left.
fn taken(size: usize, chosen: &[usize], count: usize) -> Result<Vec<bool>> {
    let mut taken = vec![false; size];
    for &item in chosen {
        let Some(mark) = taken.get_mut(item) else {
            let high = size.saturating_sub(1) as f64;
            return Err(Error::OutOfRange { what: "chosen item", value: item as f64, low: 0.0, high });
        };
        *mark = true;
    }
    let available = taken.iter().filter(|&&taken| !taken).count();
    if count > available {
        return Err(Error::BatchExceedsPool { want: count, available });
    }
    Ok(taken)
}

/// The item of greatest value that is not taken; the lowest index among equals. Values are not NaN.
fn greatest(values: &[f64], taken: &[bool]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (item, &value) in values.iter().enumerate() {
        if !taken[item] && best.is_none_or(|best| value > values[best]) {
            best = Some(item);
        }
    }
    best
}
