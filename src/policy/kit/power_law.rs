//! A power law with a floor, fitted to a learning curve.

use serde::{Deserialize, Serialize};

use crate::base::math::{exp, ln};

/// The number of floors tried in the first pass of a fit.
const FLOORS: u32 = 16;
/// The least exponent of a law: no arm counts as learned for good.
const LEAST_ALPHA: f64 = 0.05;

/// The relative error of a loss below which two fits are equally good.
const ROUNDING: f64 = 1e-9;

/// `L(n) = floor + exp(log_scale) n^(-alpha)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(in crate::policy) struct Law {
    floor: f64,
    log_scale: f64,
    alpha: f64,
}

impl Law {
    /// Least squares over a grid of floors; `None` for fewer than 3 points, or points of one `n`.
    pub fn fit(points: &[(f64, f64)]) -> Option<Self> {
        let least = points.iter().map(|&(_, loss)| loss).reduce(f64::min)?;
        let count = points.len() as f64;
        let centre = points.iter().map(|&(x, _)| x).sum::<f64>() / count;
        let square: f64 = points.iter().map(|&(x, _)| (x - centre) * (x - centre)).sum();
        if points.len() < 3 || square <= 1e-12 {
            return None;
        }
        let at = |part: f64| {
            // Denser towards the least loss.
            let floor = least * (1.0 - (1.0 - part) * (1.0 - part));
            let (mut sum, mut product) = (0.0, 0.0);
            for &(x, loss) in points {
                let log = ln(loss - floor);
                sum += log;
                product += (x - centre) * log;
            }
            let alpha = -product / square;
            let law = Self { floor, log_scale: sum / count + alpha * centre, alpha };
            let error = |&(x, loss): &(f64, f64)| {
                let error = loss - floor - exp(law.log_scale - alpha * x);
                error * error
            };
            (part, points.iter().map(error).sum::<f64>(), law)
        };
        // What rounding makes of a flat curve must not choose its floor: the lowest one does.
        let rounding = count * (ROUNDING * least) * (ROUNDING * least);
        let error = |error: f64| error.max(rounding);
        let best = |parts: &mut dyn Iterator<Item = f64>| {
            parts.map(at).min_by(|a, b| error(a.1).total_cmp(&error(b.1)))
        };
        let step = 1.0 / f64::from(FLOORS);
        let (coarse, _, _) = best(&mut (0..FLOORS).map(|index| f64::from(index) * step))?;
        let fine = |index| coarse + (f64::from(index) / f64::from(FLOORS) - 1.0) * step;
        let inside = |part: &f64| (0.0..1.0).contains(part);
        best(&mut (1..2 * FLOORS).map(fine).filter(inside)).map(|(_, _, law)| law)
    }

    /// How much one more sample lowers the loss.
    pub fn slope(&self, tickets: u64) -> f64 {
        let x = ln(tickets.max(1) as f64);
        self.alpha.max(LEAST_ALPHA) * exp(self.log_scale - (self.alpha + 1.0) * x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::math::pow;

    #[test]
    fn a_law_is_found_again() {
        // Slopes at the end, from points on a law whose floor no pass tries.
        for (alpha, tolerance) in [(0.5, 0.05), (1.0, 0.05), (0.2, 0.05)] {
            let law = Law { floor: 1.8, log_scale: ln(3.0), alpha };
            let loss = |n: f64| law.floor + 3.0 * pow(n, -alpha);
            let points: Vec<(f64, f64)> =
                (1..=60).map(|n| (ln(f64::from(n) * 50.0), loss(f64::from(n) * 50.0))).collect();
            let found = Law::fit(&points).unwrap().slope(3000);
            let ratio = found / law.slope(3000);
            assert!((ratio - 1.0).abs() < tolerance, "alpha {alpha}: {ratio}");
            let true_slope = loss(3000.0) - loss(3001.0);
            assert!((law.slope(3000) / true_slope - 1.0).abs() < 1e-3);
        }
        assert_eq!(Law::fit(&[(0.0, 1.0), (1.0, 0.5)]), None);
        assert_eq!(Law::fit(&[(1.0, 1.0); 5]), None);
        // A loss that does not fall still has a slope.
        let flat: Vec<(f64, f64)> = (1..9).map(|n| (ln(f64::from(n)), 2.0)).collect();
        let slope = Law::fit(&flat).unwrap().slope(9);
        assert!(slope > 0.0);
        // And the same one however many points it is known by.
        for count in 9..64 {
            let flat: Vec<(f64, f64)> = (1..count).map(|n| (ln(0.7 * f64::from(n)), 2.0)).collect();
            let other = Law::fit(&flat).unwrap().slope(9);
            assert!((other / slope - 1.0).abs() < 0.2, "{count} points: {other}, {slope}");
        }
    }
}
