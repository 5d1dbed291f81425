//! How many tries it takes to succeed so often, where the chance of success is known by evidence only.

/// The number of successes among `m` tries whose common chance has a Beta distribution with parameters `a` and `b`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BetaBinomial {
    a: f64,
    b: f64,
}

impl BetaBinomial {
    /// Of a chance with this mean and variance. A variance that no Beta distribution has is brought to the next that
    /// one has.
    pub fn with(mean: f64, variance: f64) -> Self {
        let mean = mean.clamp(1e-9, 1.0 - 1e-9);
        let most = mean * (1.0 - mean);
        // Beyond 10^9 it cannot be told from a binomial distribution.
        let strength = (most / variance.max(most * 1e-9) - 1.0).max(1e-6);
        Self { a: mean * strength, b: (1.0 - mean) * strength }
    }

    /// The probability of at least `least` successes among `m`. Cost: O(m). Products and quotients only, from the mode
    /// outwards, so that nothing underflows that matters.
    pub fn at_least(&self, least: u64, m: u64) -> f64 {
        let Self { a, b } = *self;
        if least == 0 {
            return 1.0;
        }
        if least > m {
            return 0.0;
        }
        // P(k + 1) / P(k).
        let ratio = |k: u64| {
            let (k, left) = (k as f64, (m - k) as f64);
            left / (k + 1.0) * ((a + k) / (b + left - 1.0))
        };
        let start = (a / (a + b) * m as f64) as u64;
        let (mut enough, mut short) = (0.0, 0.0);
        let mut add = |k: u64, weight: f64| {
            if k >= least {
                enough += weight;
            } else {
                short += weight;
            }
        };
        let start = start.min(m);
        add(start, 1.0);
        let mut weight = 1.0;
        for k in start..m {
            weight *= ratio(k);
            add(k + 1, weight);
        }
        weight = 1.0;
        for k in (0..start).rev() {
            weight /= ratio(k);
            add(k, weight);
        }
        enough / (enough + short)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The naive twin: the probability of each number, by its recursion over tries.
    fn naive(a: f64, b: f64, least: u64, m: u64) -> f64 {
        // After t tries with k successes the next succeeds with (a + k) / (a + b + t).
        let mut chances = vec![1.0];
        for tries in 0..m {
            let mut next = vec![0.0; chances.len() + 1];
            for (k, chance) in chances.iter().enumerate() {
                let success = (a + k as f64) / (a + b + tries as f64);
                next[k + 1] += chance * success;
                next[k] += chance * (1.0 - success);
            }
            chances = next;
        }
        chances.iter().skip(least as usize).sum()
    }

    proptest! {
        #[test]
        fn agrees_with_the_recursion_over_tries(
            mean in 0.01..0.99f64, spread in 0.001..0.9f64, least in 0..30u64, m in 0..60u64,
        ) {
            let variance = mean * (1.0 - mean) * spread;
            let it = BetaBinomial::with(mean, variance);
            let expected = naive(it.a, it.b, least, m);
            prop_assert!((it.at_least(least, m) - expected).abs() < 1e-9);
            // The parameters have that mean and that variance.
            let sum = it.a + it.b;
            prop_assert!((it.a / sum - mean).abs() < 1e-9);
            prop_assert!((it.a * it.b / (sum * sum * (sum + 1.0)) - variance).abs() < 1e-9);
        }
    }

    #[test]
    fn extremes_are_probabilities() {
        for mean in [0.0, 1e-12, 0.5, 1.0] {
            for variance in [0.0, 1e-300, 0.25, 9.0, f64::INFINITY] {
                for (least, m) in [(0, 0), (1, 0), (1, 1), (64, 100_000), (99_999, 100_000)] {
                    let p = BetaBinomial::with(mean, variance).at_least(least, m);
                    assert!((0.0..=1.0).contains(&p), "{mean} {variance} {least} {m}: {p}");
                }
            }
        }
    }
}
