//! Gamma and beta variates.

use crate::math::{exp, ln};
use crate::rng::Rng;

/// The logarithm of a gamma variate of scale 1 and the given shape, finite and `> 0` (Marsaglia and
/// Tsang, 2000). A shape below 1 is raised by 1 and its variate scaled by `u^(1 / shape)`; the
/// logarithm keeps that from underflowing.
pub(super) fn log_gamma(rng: &mut Rng, shape: f64) -> f64 {
    if shape < 1.0 {
        let u = 1.0 - rng.unit();
        return log_gamma(rng, shape + 1.0) + ln(u) / shape;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = rng.normal();
        let root = 1.0 + c * x;
        if root <= 0.0 {
            continue;
        }
        let v = root * root * root;
        if ln(1.0 - rng.unit()) < 0.5 * x * x + d - d * v + d * ln(v) {
            return ln(d * v);
        }
    }
}

/// A beta variate with shapes `a` and `b`; in `[0, 1]`. Shapes below 0.001, and those that are no
/// numbers, count as 0.001.
pub(super) fn beta(rng: &mut Rng, a: f64, b: f64) -> f64 {
    let shape = |shape: f64| if shape >= 1e-3 { shape.min(1e300) } else { 1e-3 };
    let x = log_gamma(rng, shape(a));
    let y = log_gamma(rng, shape(b));
    1.0 / (1.0 + exp(y - x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Round;
    use crate::rng::Purpose;

    const N: usize = 20_000;

    /// The greatest distance between the empirical distribution of N variates and a given one, times
    /// sqrt N. It exceeds 1.95 with probability 0.001 if the variates follow it (Kolmogorov and
    /// Smirnov); the seed is fixed, so a correct generator passes always.
    fn distance(seed: u64, draw: impl Fn(&mut Rng) -> f64, distribution: impl Fn(f64) -> f64) -> f64 {
        let mut rng = Rng::at(seed, Round(0), Purpose::User);
        let mut drawn: Vec<f64> = (0..N).map(|_| draw(&mut rng)).collect();
        drawn.sort_by(f64::total_cmp);
        let step = 1.0 / N as f64;
        let gap = |(index, &x): (usize, &f64)| {
            let (at, below) = (distribution(x), index as f64 * step);
            (at - below).abs().max((at - below - step).abs())
        };
        drawn.iter().enumerate().map(gap).fold(0.0, f64::max) * (N as f64).sqrt()
    }

    #[test]
    fn gamma_variates_follow_their_distribution() {
        let gamma = |shape: f64| move |rng: &mut Rng| exp(log_gamma(rng, shape));
        // Closed forms: shapes 1 and 3, and 1/2, which is half the square of a normal.
        assert!(distance(1, gamma(1.0), |x| 1.0 - exp(-x)) < 1.95);
        assert!(distance(2, gamma(3.0), |x| 1.0 - exp(-x) * (1.0 + x + x * x / 2.0)) < 1.95);
        assert!(distance(3, gamma(0.5), |x| libm::erf(x.sqrt())) < 1.95);
        // The test can fail.
        assert!(distance(4, gamma(1.1), |x| 1.0 - exp(-x)) > 1.95);
    }

    #[test]
    fn beta_variates_follow_their_distribution() {
        let variate = |a: f64, b: f64| move |rng: &mut Rng| beta(rng, a, b);
        assert!(distance(5, variate(1.0, 1.0), |x| x) < 1.95);
        assert!(distance(6, variate(3.0, 1.0), |x| x * x * x) < 1.95);
        assert!(distance(7, variate(2.0, 2.0), |x| x * x * (3.0 - 2.0 * x)) < 1.95);
        let arcsine = |x: f64| 2.0 / std::f64::consts::PI * libm::asin(x.sqrt());
        assert!(distance(8, variate(0.5, 0.5), arcsine) < 1.95);
        // 1 - (1 - x)^40
        assert!(distance(9, variate(1.0, 40.0), |x| 1.0 - crate::math::pow(1.0 - x, 40.0)) < 1.95);
    }

    #[test]
    fn extreme_shapes_stay_in_the_unit_interval() {
        let mut rng = Rng::at(0, Round(0), Purpose::User);
        for (a, b) in [
            (1e-3, 1e-3),
            (1e-3, 1e9),
            (1e9, 1e-3),
            (1e9, 1e9),
            (f64::NAN, -1e308),
            (f64::INFINITY, 1.0),
        ] {
            assert!((0..200).all(|_| (0.0..=1.0).contains(&beta(&mut rng, a, b))), "{a} {b}");
        }
    }
}
