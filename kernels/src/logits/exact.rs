//! The sums of one row in `f64`, in two passes, with the exponential of `libm`.

use super::{Moments, RowSums};

/// Numbers that are summed together.
const TOGETHER: usize = 64;

/// Several sums in two levels, so that the error grows with 64 and `n / 64` instead of `n`.
struct Sums<const N: usize> {
    parts: [f64; N],
    wholes: [f64; N],
    held: usize,
}

impl<const N: usize> Sums<N> {
    fn new() -> Self {
        Self { parts: [0.0; N], wholes: [0.0; N], held: 0 }
    }

    #[inline(always)]
    fn add(&mut self, x: [f64; N]) {
        for (part, x) in self.parts.iter_mut().zip(x) {
            *part += x;
        }
        self.held += 1;
        if self.held == TOGETHER {
            self.flush();
        }
    }

    fn flush(&mut self) {
        for (whole, part) in self.wholes.iter_mut().zip(&mut self.parts) {
            *whole += *part;
            *part = 0.0;
        }
        self.held = 0;
    }

    fn values(mut self) -> [f64; N] {
        self.flush();
        self.wholes
    }
}

/// The sums of a row of any length, each within 1e-13 of itself of the true one.
///
/// Squares overflow beyond 1e154, and `spread` is then infinite.
pub(crate) fn sums(row: impl Iterator<Item = f64> + Clone, temperature: f64) -> RowSums {
    let mut sums = RowSums::empty();
    let mut mean = Sums::new();
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
            mean.add([z]);
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
    let [mean] = mean.values();
    let mean = mean / sums.count as f64;
    let mut all = Sums::new();
    for (index, z) in row.enumerate() {
        if !z.is_finite() {
            continue;
        }
        let (off, gap) = (z - mean, z - sums.max);
        if index as u64 == sums.argmax {
            all.add([0.0, 0.0, 0.0, 0.0, off * off]);
            continue;
        }
        let d = gap / temperature;
        let e = libm::exp(d);
        // A gap beyond all numbers has no weight.
        all.add([e, if e > 0.0 { e * d } else { 0.0 }, e * e, gap, off * off]);
    }
    let [rest, weighted, squared, gaps, spread] = all.values();
    (sums.rest, sums.weighted, sums.squared) = (rest, weighted, squared);
    sums.moments = Some(Moments { gaps, spread });
    sums.settled(temperature)
}
