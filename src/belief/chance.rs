//! The chance that a group of rollouts teaches something.

/// The chance that of so many rollouts of a prompt, whose success is distributed as Beta(a, b), neither all succeed
/// nor all fail: `1 - E[p^n] - E[(1-p)^n]`, the two expectations by rising factorials. Cost: O(n).
pub(crate) fn useful(a: f64, b: f64, rollouts: u32) -> f64 {
    let (mut all, mut none) = (1.0, 1.0);
    for rollout in 0..rollouts {
        let rollout = f64::from(rollout);
        let inverse = 1.0 / (a + b + rollout);
        all *= (a + rollout) * inverse;
        none *= (b + rollout) * inverse;
    }
    (1.0 - all - none).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::useful;

    /// The probabilities of all counts of successes, by their recurrence: they sum to one.
    fn mixed_by_sum(a: f64, b: f64, n: u32) -> (f64, f64) {
        let ln_gamma = libm::lgamma;
        let n = f64::from(n);
        let of = |k: f64| {
            let choose = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
            let upper = ln_gamma(k + a) + ln_gamma(n - k + b) - ln_gamma(n + a + b);
            libm::exp(choose + upper - ln_gamma(a) - ln_gamma(b) + ln_gamma(a + b))
        };
        let counts = (1..n as u32).map(|k| of(f64::from(k)));
        let mixed: f64 = counts.sum();
        (mixed, mixed + of(0.0) + of(n))
    }

    proptest! {
        #[test]
        fn agrees_with_the_sum_over_all_counts(a in 0.001..60.0f64, b in 0.001..60.0f64, n in 2..40u32) {
            let (mixed, all) = mixed_by_sum(a, b, n);
            prop_assert!((all - 1.0).abs() < 1e-9, "{all}");
            prop_assert!((useful(a, b, n) - mixed).abs() < 1e-9, "{} {mixed}", useful(a, b, n));
        }
    }

    #[test]
    fn by_hand() {
        // Uniform: each of the n + 1 counts is as likely as any other.
        assert!((useful(1.0, 1.0, 8) - 7.0 / 9.0).abs() < 1e-15);
        assert_eq!(useful(1.0, 1.0, 1), 0.0);
        // A coin, as good as known: 1 - 2 / 2^8.
        assert!((useful(1e9, 1e9, 8) - (1.0 - 1.0 / 128.0)).abs() < 1e-6);
        assert!(useful(1e-3, 1e3, 8) < 1e-5);
    }
}
