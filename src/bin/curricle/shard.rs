//! Which part of the samples a job scores.

use std::ops::Range;
use std::str::FromStr;

/// Part `k` of `n`, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    k: u64,
    n: u64,
}

impl Shard {
    /// The samples of this part; the parts are contiguous and differ in size by one at most.
    pub fn of(self, samples: usize) -> Range<usize> {
        let bound = |k: u64| (u128::from(k) * samples as u128 / u128::from(self.n)) as usize;
        bound(self.k - 1)..bound(self.k)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((k, n)) if 1 <= k && k <= n => Ok(Self { k, n }),
            _ => Err("expected k/n with 1 <= k <= n, such as 2/8".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_whole() {
        for (samples, n) in [(10, 3), (2, 5), (0, 1), (100, 7)] {
            let parts = (1..=n).flat_map(|k| Shard { k, n }.of(samples));
            assert_eq!(parts.collect::<Vec<_>>(), (0..samples).collect::<Vec<_>>());
        }
        for bad in ["0/3", "4/3", "1", "a/b", "1/0", "-1/2"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }
}
