//! Whether two orders agree.

use std::cmp::Ordering;

use crate::base::error::{Result, length};
use crate::base::numbers::{all_finite, at_least};

/// What [`kendall_tau`] reads.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Kendall {
    /// Pairs in the same order in both.
    pub concordant: u64,
    /// Pairs in opposite orders.
    pub discordant: u64,
    /// Pairs that are equal in x.
    pub tied_x: u64,
    /// Pairs that are equal in y; one that is equal in both counts in both.
    pub tied_y: u64,
    /// `(concordant - discordant) / pairs`.
    pub tau_a: f64,
    /// The same over `sqrt((pairs - tied_x) (pairs - tied_y))`; `None` if that is 0.
    pub tau_b: Option<f64>,
}

/// Kendall's rank correlation of a series with its order, or with `x`.
///
/// Over the checkpoints of an arm a `tau_b` near 1 says that the metric moves steadily, near 0 that it is noise at this
/// scale; negate it for losses. The two forms differ as soon as two scores tie, and accuracies of small sets tie often.
/// Cost: O(n^2).
///
/// Paper: Madaan et al., *Quantifying Variance in Evaluation Benchmarks*, arXiv 2406.10229.
///
/// ```
/// let reading = curricle::monitor::kendall_tau(&[0.1, 0.2, 0.2, 0.4], None)?;
/// assert_eq!((reading.concordant, reading.discordant, reading.tied_y), (5, 0, 1));
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// Fewer than two numbers; lists of different lengths; a number that is not finite.
pub fn kendall_tau(y: &[f64], x: Option<&[f64]>) -> Result<Kendall> {
    at_least("y", 2, y)?;
    all_finite("y", y)?;
    if let Some(x) = x {
        length("x", y.len(), x.len())?;
        all_finite("x", x)?;
    }
    let (mut concordant, mut discordant, mut tied_x, mut tied_y) = (0u64, 0u64, 0u64, 0u64);
    let order = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or(Ordering::Equal);
    for later in 1..y.len() {
        for earlier in 0..later {
            let in_x = x.map_or(Ordering::Greater, |x| order(x[later], x[earlier]));
            let in_y = order(y[later], y[earlier]);
            tied_x += u64::from(in_x.is_eq());
            tied_y += u64::from(in_y.is_eq());
            if in_x.is_ne() && in_y.is_ne() {
                concordant += u64::from(in_x == in_y);
                discordant += u64::from(in_x != in_y);
            }
        }
    }
    let pairs = (y.len() as u64) * (y.len() as u64 - 1) / 2;
    let apart = concordant as f64 - discordant as f64;
    let untied = ((pairs - tied_x) as f64 * (pairs - tied_y) as f64).sqrt();
    Ok(Kendall {
        concordant,
        discordant,
        tied_x,
        tied_y,
        tau_a: apart / pairs as f64,
        tau_b: (untied > 0.0).then(|| apart / untied),
    })
}
