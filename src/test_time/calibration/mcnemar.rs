//! McNemar's test.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, length};
use crate::base::math::exp;

/// Two systems on the same items: whether one is right more often than chance explains.
///
/// Only the items count on which exactly one is right, `gained` by the second and `lost` by it. If
/// neither system is better, which of them it is is a fair coin each time, so
///
/// ```text
/// p = min(1, 2 P(Binomial(gained + lost, 1/2) <= min(gained, lost)))
/// ```
///
/// exactly; beyond 2^26 such items by the normal distribution with a correction for continuity, which
/// is off by a part in 10^5 at most. On the same items this is far sharper than comparing two
/// accuracies.
///
/// Each item is taken for a toss of its own. Items that go together, such as the queries of several seeds, each with a
/// model of its own, give too small a `p`; [`ClusteredMcNemar`](super::ClusteredMcNemar) does not.
///
/// Paper: McNemar, *Note on the Sampling Error of the Difference Between Correlated Proportions*,
/// Psychometrika 12,
/// 1947.
///
/// ```
/// use curricle::test_time::calibration::McNemar;
///
/// let before = [true, true, false, false, false, false, false, false];
/// let after = [true, true, true, true, true, true, true, false];
/// let test = McNemar::of(&before, &after)?;
/// assert_eq!((test.gained, test.lost, test.p), (5, 0, 0.0625));
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct McNemar {
    /// Items that the second system alone has right.
    pub gained: u64,
    /// Items that the first alone has right.
    pub lost: u64,
    /// The two-sided p-value.
    pub p: f64,
}

impl McNemar {
    /// From whether each system has each item right.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) if the lists differ.
    pub fn of(before: &[bool], after: &[bool]) -> Result<Self> {
        length("items of the second system", before.len(), after.len())?;
        let pairs = before.iter().zip(after);
        let gained = pairs.clone().filter(|&(&before, &after)| after && !before).count() as u64;
        let lost = pairs.filter(|&(&before, &after)| before && !after).count() as u64;
        Ok(Self::from_counts(gained, lost))
    }

    /// From how many items each system alone has right.
    ///
    /// ```
    /// use curricle::test_time::calibration::McNemar;
    ///
    /// assert_eq!(McNemar::from_counts(3, 3).p, 1.0);
    /// assert!((McNemar::from_counts(10, 1).p - 24.0 / 2048.0).abs() < 1e-12);
    /// ```
    pub fn from_counts(gained: u64, lost: u64) -> Self {
        Self { gained, lost, p: two_sided(gained, lost) }
    }
}

/// So many items are summed over; the rounding of their factorials is then worse than the normal
/// distribution.
const MANY: u64 = 1 << 26;

fn two_sided(gained: u64, lost: u64) -> f64 {
    let (all, least) = (gained.saturating_add(lost), gained.min(lost));
    if all > MANY {
        let apart = (gained.abs_diff(lost) as f64 - 1.0).max(0.0);
        return libm::erfc(apart / (2.0 * all as f64).sqrt());
    }
    // Small numbers exactly: 2^-all and whole binomials.
    let tail: f64 = if all <= 50 {
        let (mut choices, mut sum) = (1u64, 0u64);
        for k in 0..=least {
            sum += choices;
            choices = choices * (all - k) / (k + 1);
        }
        sum as f64 / (1u64 << all) as f64
    } else {
        // From the greatest term down, until they are too small to count.
        let n = all as f64;
        let log_choices = libm::lgamma(n + 1.0)
            - libm::lgamma(least as f64 + 1.0)
            - libm::lgamma((all - least) as f64 + 1.0);
        let mut term = exp(log_choices - n * std::f64::consts::LN_2);
        let (mut sum, mut k) = (term, least);
        while k > 0 && term > 1e-18 * sum {
            term *= k as f64 / (all - k + 1) as f64;
            sum += term;
            k -= 1;
        }
        sum
    };
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_ways_agree() {
        // At 50 the exact way, against the other by its own sum.
        for least in 0..25u64 {
            let mut exact = 0.0;
            let mut choices = 1.0f64;
            for k in 0..=least {
                exact += choices;
                choices = choices * (51 - k) as f64 / (k + 1) as f64;
            }
            let exact = 2.0 * exact / (1u64 << 51) as f64;
            assert!((two_sided(least, 51 - least) / exact - 1.0).abs() < 1e-11, "{least}");
        }
        assert_eq!(two_sided(0, 0), 1.0);
        assert_eq!(two_sided(3, 3), 1.0);
        assert!(two_sided(5000, 5000) == 1.0 && two_sided(5000, 5500) < 1e-5);
        // At the seam, and at the end.
        let half = MANY / 2;
        for apart in [0, 3000, 30_000, 80_000] {
            let (summed, normal) =
                (two_sided(half - apart, half + apart), two_sided(half - apart, half + apart + 1));
            assert!(
                (summed / normal - 1.0).abs() < 1e-2 * (1.0 + apart as f64 / 8e4),
                "{summed} {normal}"
            );
        }
        assert_eq!(two_sided(u64::MAX, u64::MAX), 1.0);
        assert_eq!(two_sided(0, u64::MAX), 0.0);
    }
}
