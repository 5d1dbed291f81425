//! Random variates that policies decide with. Their values are part of the decision stream.

use crate::base::math::pow;
use crate::base::rng::Rng;

/// Standard normal variates, of which the polar method makes two at a time.
#[derive(Debug, Default)]
pub(in crate::policy) struct Normals(Option<f64>);

impl Normals {
    /// The next one.
    #[inline]
    pub fn next(&mut self, rng: &mut Rng) -> f64 {
        if let Some(spare) = self.0.take() {
            return spare;
        }
        let (first, second) = rng.two_normals();
        self.0 = Some(second);
        first
    }
}

/// A gamma variate of scale 1: Marsaglia and Tsang, *A simple method for generating gamma variables*,
/// 2000. Below 1 a variate of shape + 1 is scaled by `u^(1/shape)`; a shape that is not positive has
/// all its mass at 0.
pub(in crate::policy) fn gamma(rng: &mut Rng, normals: &mut Normals, shape: f64) -> f64 {
    if shape.is_nan() || shape <= 0.0 {
        return 0.0;
    }
    if shape < 1.0 {
        let boost = pow(1.0 - rng.unit(), 1.0 / shape);
        return gamma(rng, normals, shape + 1.0) * boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normals.next(rng);
        let root = 1.0 + c * x;
        let v = root * root * root;
        if v <= 0.0 {
            continue;
        }
        let u = 1.0 - rng.unit();
        let square = x * x;
        // The first test, which needs no logarithm, decides nearly always.
        if u < 1.0 - 0.0331 * square * square
            || crate::base::math::ln(u) < 0.5 * square + d * (1.0 - v + crate::base::math::ln(v))
        {
            return d * v;
        }
    }
}

/// A beta variate, as a ratio of gamma variates; both shapes are positive.
pub(in crate::policy) fn beta(rng: &mut Rng, normals: &mut Normals, a: f64, b: f64) -> f64 {
    let x = gamma(rng, normals, a);
    let y = gamma(rng, normals, b);
    if x + y > 0.0 { x / (x + y) } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Round;
    use crate::base::rng::Purpose;

    /// Means and variances of 10^5 variates, within 5 standard errors.
    #[test]
    fn moments() {
        const DRAWS: usize = 100_000;
        let moments = |draw: &mut dyn FnMut(&mut Rng, &mut Normals) -> f64| {
            let mut rng = Rng::at(3, Round(0), Purpose::User);
            let mut normals = Normals::default();
            let all: Vec<f64> = (0..DRAWS).map(|_| draw(&mut rng, &mut normals)).collect();
            let mean = all.iter().sum::<f64>() / DRAWS as f64;
            let variance = all.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / DRAWS as f64;
            (mean, variance)
        };
        let root = (DRAWS as f64).sqrt();
        for shape in [0.3, 1.0, 2.5, 40.0] {
            let (mean, variance) = moments(&mut |rng, normals| gamma(rng, normals, shape));
            assert!((mean - shape).abs() < 5.0 * shape.sqrt() / root, "gamma {shape}: mean {mean}");
            // The variance of a squared deviation is shape^2 (2 + 6 / shape).
            let error = 5.0 * shape * (2.0 + 6.0 / shape).sqrt() / root;
            assert!((variance - shape).abs() < error, "gamma {shape}: variance {variance}");
        }
        for (a, b) in [(1.0, 1.0), (2.0, 5.0), (0.5, 0.5), (100.0, 3.0)] {
            let (mean, variance) = moments(&mut |rng, normals| beta(rng, normals, a, b));
            let expected = a * b / ((a + b) * (a + b) * (a + b + 1.0));
            assert!(
                (mean - a / (a + b)).abs() < 5.0 * expected.sqrt() / root,
                "beta {a} {b}: mean {mean}"
            );
            assert!((variance / expected - 1.0).abs() < 0.05, "beta {a} {b}: variance {variance}");
        }
    }
    /// The greatest distance between the empirical distribution of 20000 beta variates and the true
    /// one, times sqrt 20000. It exceeds 1.95 with probability 0.001 (Kolmogorov and Smirnov).
    fn distance(a: f64, b: f64, distribution: impl Fn(f64) -> f64) -> f64 {
        let mut rng = Rng::at(5, Round(0), Purpose::User);
        let mut normals = Normals::default();
        let mut drawn: Vec<f64> = (0..20_000).map(|_| beta(&mut rng, &mut normals, a, b)).collect();
        drawn.sort_by(f64::total_cmp);
        let step = 1.0 / drawn.len() as f64;
        let gap = |(index, &x): (usize, &f64)| {
            let (at, below) = (distribution(x), index as f64 * step);
            (at - below).abs().max((at - below - step).abs())
        };
        drawn.iter().enumerate().map(gap).fold(0.0, f64::max) / step.sqrt()
    }

    #[test]
    fn beta_variates_follow_their_distribution() {
        assert!(distance(1.0, 1.0, |x| x) < 1.95);
        assert!(distance(3.0, 1.0, |x| x * x * x) < 1.95);
        assert!(distance(2.0, 2.0, |x| x * x * (3.0 - 2.0 * x)) < 1.95);
        let arcsine = |x: f64| 2.0 / std::f64::consts::PI * libm::asin(x.sqrt());
        assert!(distance(0.5, 0.5, arcsine) < 1.95);
        assert!(distance(1.0, 40.0, |x| 1.0 - pow(1.0 - x, 40.0)) < 1.95);
        // The test can fail.
        assert!(distance(1.1, 1.0, |x| x) > 1.95);
    }
}
