//! The sums of one row in `f64`, in two passes, with the exponential of `libm`.

use super::RowSums;

/// A sum that carries what each addition loses (Neumaier).
#[derive(Clone, Copy, Default)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, x: f64) {
        let sum = self.sum + x;
        self.lost +=
            if self.sum.abs() >= x.abs() { (self.sum - sum) + x } else { (x - sum) + self.sum };
        self.sum = sum;
    }

    /// Where the sum has left the finite numbers the correction means nothing.
    fn value(self) -> f64 {
        if self.sum.is_finite() { self.sum + self.lost } else { self.sum }
    }
}

/// The sums of a row of any length, each within a few units of the last place of the true one.
///
/// Squares overflow beyond 1e154, and `spread` is then infinite.
pub(crate) fn sums(row: impl Iterator<Item = f64> + Clone, temperature: f64) -> RowSums {
    let mut sums = RowSums::empty();
    let mut mean = Sum::default();
    for (index, z) in row.clone().enumerate() {
        if z.is_nan() {
            sums.nan += 1;
        } else if z == f64::INFINITY {
            sums.infinite += 1;
            if sums.infinite == 1 {
                sums.infinite_at = index as u64;
            }
        } else if z > f64::NEG_INFINITY {
            sums.count += 1;
            mean.add(z);
            if sums.count == 1 || z > sums.max {
                (sums.second, sums.max, sums.argmax) = (sums.max, z, index as u64);
            } else if z > sums.second {
                sums.second = z;
            }
        }
    }
    if sums.count == 0 {
        return sums.settled(temperature);
    }
    let mean = mean.value() / sums.count as f64;
    let [mut rest, mut weighted, mut squared, mut gaps, mut spread] = [Sum::default(); 5];
    for (index, z) in row.enumerate() {
        if !z.is_finite() {
            continue;
        }
        let off = z - mean;
        spread.add(off * off);
        if index as u64 == sums.argmax {
            continue;
        }
        let d = (z - sums.max) / temperature;
        let e = libm::exp(d);
        rest.add(e);
        // A gap beyond all numbers has no weight.
        weighted.add(if e > 0.0 { e * d } else { 0.0 });
        squared.add(e * e);
        gaps.add(z - sums.max);
    }
    (sums.rest, sums.weighted, sums.squared) = (rest.value(), weighted.value(), squared.value());
    (sums.gaps, sums.spread) = (gaps.value(), spread.value());
    sums.settled(temperature)
}
