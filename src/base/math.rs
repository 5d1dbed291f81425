//! The transcendental functions that decisions use.
//!
//! The standard library leaves the precision of `exp`, `ln`, `tanh` and their kin to the platform,
//! so the same seed could make different batches on two machines. These come from `libm`, one
//! portable implementation. `sqrt`, `floor` and the four operations are exact under IEEE 754 and
//! need no such care.

pub(crate) use libm::{cos, exp, log as ln, pow, tanh};
#[cfg(feature = "scores")]
pub(crate) use libm::{expm1, log1p};

/// `exp(x_k / temperature)`, scaled to sum to one, in place.
///
/// The maximum is subtracted first, so no finite input overflows. What is finite gets a positive share, at least about
/// `e^-700`, so that an arm that is worth little can be drawn once the others are exhausted; what is `-inf` gets 0.
/// Cost: about 3 ns an element.
pub(crate) fn softmax(x: &mut [f64], temperature: f64) {
    let greatest = x.iter().fold(f64::NEG_INFINITY, |most, &x| if x > most { x } else { most });
    x.iter_mut().for_each(|value| {
        let share = exp_of_negative(((*value - greatest) / temperature).max(-700.0));
        *value = if *value == f64::NEG_INFINITY { 0.0 } else { share };
    });
    let sum: f64 = x.iter().sum();
    for value in x.iter_mut() {
        *value /= sum;
    }
}

/// `exp(x)` for `x <= 0`, without a branch, so that the compiler can work on several at a time; 0
/// where the result would be subnormal. The relative error is below 5e-16.
///
/// `x = k ln 2 + r` with an integer `k` and `|r| <= ln 2 / 2`; the Taylor polynomial of `exp(r)` of degree
/// 13 is exact to 5e-18 there. Only sums and products are used, and no fused ones, so that every
/// platform gives the same bits.
#[inline]
#[allow(clippy::excessive_precision, reason = "the digits of the two parts of ln 2")]
pub(crate) fn exp_of_negative(x: f64) -> f64 {
    /// Adding it leaves the nearest integer in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN_2_HIGH: f64 = 6.931_471_803_691_238_16e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_70e-10;
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    const INVERSE_FACTORIALS: [f64; 14] = {
        let mut inverse = [1.0; 14];
        let mut factorial = 1.0;
        let mut n = 1;
        while n < 14 {
            factorial *= n as f64;
            inverse[n] = 1.0 / factorial;
            n += 1;
        }
        inverse
    };
    let sum = INVERSE_FACTORIALS.iter().rev().fold(0.0, |sum, inverse| sum * r + inverse);
    let power_of_two = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    if x < -708.0 { 0.0 } else { sum * power_of_two }
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
        let mut p = [1e308, -1e308, 0.0, f64::NEG_INFINITY];
        softmax(&mut p, 1e-3);
        assert!(p[0] == 1.0 && p[1] > 0.0 && p[1] < 1e-300 && p[2] == p[1] && p[3] == 0.0, "{p:?}");
        let mut q = [0.3, 0.3, 0.3, 0.3];
        softmax(&mut q, 0.1);
        assert_eq!(q, [0.25; 4]);
    }

    #[test]
    fn exp_of_negative_numbers_is_that_of_libm() {
        let mut worst = 0.0f64;
        for step in 0..700_000 {
            let x = -1e-3 * f64::from(step) - 1e-9 * f64::from(step % 997);
            worst = worst.max((exp_of_negative(x) / exp(x) - 1.0).abs());
        }
        assert!(worst < 5e-16, "{worst}");
        assert_eq!(exp_of_negative(0.0), 1.0);
        assert_eq!(exp_of_negative(-0.0), 1.0);
        assert_eq!(exp_of_negative(-1e308), 0.0);
        assert_eq!(exp_of_negative(f64::NEG_INFINITY), 0.0);
        assert!(exp_of_negative(-708.0) > 0.0);
    }

    #[test]
    fn a_full_gaussian_integrates_to_its_constant() {
        let whole = gaussian_integral(3.0, 2.0, -1e3, 1e3);
        assert!((whole - 2.0 * (2.0 * std::f64::consts::PI).sqrt()).abs() < 1e-12);
    }
}
