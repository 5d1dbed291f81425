//! The transcendental functions that decisions use.
//!
//! The standard library leaves the precision of `exp`, `ln`, `tanh` and their kin to the platform,
//! so the same seed could make different batches on two machines. These come from `libm`, one
//! portable implementation. `sqrt`, `floor` and the four operations are exact under IEEE 754 and
//! need no such care.

pub(crate) use libm::{cos, exp, log as ln, pow, tanh};

/// `exp(x_k / temperature)`, scaled to sum to one, in place.
///
/// The maximum is subtracted first, so no finite input overflows. Cost: one `exp` an element.
pub(crate) fn softmax(x: &mut [f64], temperature: f64) {
    let greatest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for value in x.iter_mut() {
        *value = exp((*value - greatest) / temperature);
        sum += *value;
    }
    for value in x.iter_mut() {
        *value /= sum;
    }
}

/// The integral of `exp(-(x - mean)^2 / (2 sd^2))` over `[low, high]`.
pub(crate) fn gaussian_integral(mean: f64, sd: f64, low: f64, high: f64) -> f64 {
    let scale = sd * std::f64::consts::SQRT_2;
    let half = 0.5 * sd * (2.0 * std::f64::consts::PI).sqrt();
    half * (libm::erf((high - mean) / scale) - libm::erf((low - mean) / scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_survives_extreme_values() {
        let mut p = [1e308, -1e308, 0.0];
        softmax(&mut p, 1e-3);
        assert_eq!(p, [1.0, 0.0, 0.0]);
        let mut q = [0.3, 0.3, 0.3, 0.3];
        softmax(&mut q, 0.1);
        assert_eq!(q, [0.25; 4]);
    }

    #[test]
    fn a_full_gaussian_integrates_to_its_constant() {
        let whole = gaussian_integral(3.0, 2.0, -1e3, 1e3);
        assert!((whole - 2.0 * (2.0 * std::f64::consts::PI).sqrt()).abs() < 1e-12);
    }
}
