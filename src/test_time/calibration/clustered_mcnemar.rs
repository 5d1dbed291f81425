//! McNemar's test where the items come in clusters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, length};

/// Two systems on the same items, where items of one cluster are not independent: the answers of one trained model, the
/// questions about one text, the runs of one seed.
///
/// [`McNemar`](super::McNemar) takes each item for a coin toss of its own. Items of a cluster that rise and fall
/// together are fewer tosses than they look, and its `p` is then too small. Here a whole cluster is one toss: with
/// `d_c` the items of cluster `c` that the second system gained less those that it lost,
///
/// ```text
/// p = P(|sum_c s_c d_c| >= |sum_c d_c|)          s_c = +1 or -1, fair and independent
/// ```
///
/// the sign-flip test, exactly. Assumed is that clusters are independent of each other, and that if neither system is
/// better each cluster is as likely to have come out with the two exchanged. Nothing is assumed of what goes on within
/// a cluster, and no number of clusters is too small for it to hold; but `m` clusters that differ cannot give less than
/// `2^(1-m)`: five seeds never less than 1/16. The test of Obuchowski has the same numerator, that of Durkalski and
/// others weighs a cluster by one over its size; both go by the normal distribution, which a handful of clusters does
/// not follow. With one item a cluster it is McNemar's exact test.
///
/// Cost: O(m S) for `S = sum |d_c|`, or O(2^m) up to 20 clusters, whichever is less; memory O(S). With more clusters
/// and `m S` beyond 2^28 the sum is taken for normal, which is off by at most `1.12 sum |d_c|^3 / (sum d_c^2)^(3/2)`
/// (Berry and Esseen).
///
/// Papers: Fisher, *The Design of Experiments*, 1935; Obuchowski, *On the Comparison of Correlated Proportions for
/// Clustered Data*, Statistics in Medicine 17, 1998; Durkalski et al., *Analysis of Clustered Matched-Pair Data*,
/// Statistics in Medicine 22, 2003.
///
/// ```
/// use curricle::test_time::calibration::{ClusteredMcNemar, McNemar};
///
/// // Three texts of four questions each; the second system helps in two of them, and much.
/// let before = [false, false, false, false, false, false, false, true, true, true, false, true];
/// let after = [true, true, true, true, true, true, true, true, true, false, false, true];
/// let texts = [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3];
/// let test = ClusteredMcNemar::of(&before, &after, &texts)?;
/// assert_eq!((test.gained, test.lost, test.clusters), (7, 1, 3));
/// // By question the difference seems certain; by text it is nothing that three coins could not do.
/// assert_eq!(test.p, 0.5);
/// assert!(McNemar::of(&before, &after)?.p < 0.1);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusteredMcNemar {
    /// Items that the second system alone has right.
    pub gained: u64,
    /// Items that the first alone has right.
    pub lost: u64,
    /// Clusters in which the two numbers differ: only they say anything.
    pub clusters: u64,
    /// The two-sided p-value.
    pub p: f64,
}

impl ClusteredMcNemar {
    /// From whether each system has each item right, and the cluster that each belongs to, under any numbers.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) if the lists differ.
    pub fn of(before: &[bool], after: &[bool], clusters: &[u64]) -> Result<Self> {
        length("items of the second system", before.len(), after.len())?;
        length("clusters of the items", before.len(), clusters.len())?;
        let mut counts: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        for ((&before, &after), &cluster) in before.iter().zip(after).zip(clusters) {
            let (gained, lost) = counts.entry(cluster).or_default();
            *gained += u64::from(after && !before);
            *lost += u64::from(before && !after);
        }
        Ok(Self::from_counts(&counts.into_values().collect::<Vec<_>>()))
    }

    /// From how many items of each cluster the second system gained and lost. Sums beyond the greatest `u64` stay there.
    ///
    /// ```
    /// use curricle::test_time::calibration::{ClusteredMcNemar, McNemar};
    ///
    /// // Five seeds that all agree, however many items each has.
    /// assert_eq!(ClusteredMcNemar::from_counts(&[(180, 26), (175, 28), (171, 13), (192, 27), (183, 26)]).p, 0.0625);
    /// // One item a cluster.
    /// let single = ClusteredMcNemar::from_counts(&[(1, 0), (1, 0), (0, 1), (1, 0), (1, 0), (1, 0)]);
    /// assert_eq!(single.p, McNemar::from_counts(5, 1).p);
    /// ```
    pub fn from_counts(clusters: &[(u64, u64)]) -> Self {
        let sum = |of: fn(&(u64, u64)) -> u64| {
            clusters.iter().map(of).fold(0, |sum: u64, count| sum.saturating_add(count))
        };
        let differences: Vec<i128> = (clusters.iter())
            .map(|&(gained, lost)| i128::from(gained) - i128::from(lost))
            .filter(|&difference| difference != 0)
            .collect();
        Self {
            gained: sum(|&(gained, _)| gained),
            lost: sum(|&(_, lost)| lost),
            clusters: differences.len() as u64,
            p: two_sided(&differences),
        }
    }
}

/// The most steps that an exact value may take.
const MANY: u128 = 1 << 28;
/// So many clusters are flipped one by one.
const FEW: usize = 20;

/// The probability that the sum with random signs is as far from 0 as the sum. No difference is 0.
fn two_sided(differences: &[i128]) -> f64 {
    let sizes: Vec<u128> = differences.iter().map(|difference| difference.unsigned_abs()).collect();
    let apart = differences.iter().sum::<i128>().unsigned_abs();
    let all: u128 = sizes.iter().sum();
    let steps = all.saturating_mul(sizes.len() as u128);
    if sizes.len() <= FEW && (1 << sizes.len()) <= steps.max(1) {
        one_by_one(&sizes, all, apart)
    } else if steps <= MANY {
        by_sum(&sizes, all, apart)
    } else {
        let squares: f64 = sizes.iter().map(|&size| size as f64 * size as f64).sum();
        libm::erfc(apart as f64 / (2.0 * squares).sqrt())
    }
}

/// Every choice of signs.
fn one_by_one(sizes: &[u128], all: u128, apart: u128) -> f64 {
    let choices = 1u64 << sizes.len();
    let mut as_far = 0u64;
    let mut positive = 0u128;
    for choice in 0..choices {
        // In the order of a Gray code, of which each differs in one sign from the one before.
        if let Some(size) = sizes.get(choice.trailing_zeros() as usize).filter(|_| choice > 0) {
            let is_positive = (choice ^ (choice >> 1)) >> choice.trailing_zeros() & 1 == 1;
            positive = if is_positive { positive + size } else { positive - size };
        }
        as_far += u64::from((2 * positive).abs_diff(all) >= apart);
    }
    as_far as f64 / choices as f64
}

/// The distribution of the sum of the positive ones, cluster by cluster.
fn by_sum(sizes: &[u128], all: u128, apart: u128) -> f64 {
    let mut chances = vec![0.0f64; all as usize + 1];
    let mut reached = 0;
    if let Some(first) = chances.first_mut() {
        *first = 1.0;
    }
    for &size in sizes {
        let size = size as usize;
        reached += size;
        for sum in (0..=reached).rev() {
            let with = if sum >= size { chances[sum - size] } else { 0.0 };
            chances[sum] = 0.5 * (chances[sum] + with);
        }
    }
    let is_as_far = |sum: usize| (2 * sum as u128).abs_diff(all) >= apart;
    let far = chances.iter().enumerate().filter(|&(sum, _)| is_as_far(sum));
    far.map(|(_, chance)| chance).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Round;
    use crate::base::rng::{Purpose, Rng};
    use crate::test_time::calibration::McNemar;

    fn random(seed: u64) -> Rng {
        Rng::at(seed, Round(0), Purpose::User)
    }

    fn differences(rng: &mut Rng, clusters: usize, most: u64) -> Vec<i128> {
        let one = |rng: &mut Rng| {
            let size = 1 + i128::from(rng.below(most));
            if rng.below(3) == 0 { -size } else { size }
        };
        (0..clusters).map(|_| one(rng)).collect()
    }

    /// The twin exchanges the systems in every choice of clusters, item by item, and counts anew.
    #[test]
    fn exchanging_the_systems_item_by_item_gives_the_same() {
        for seed in 0..60 {
            let mut rng = random(seed);
            let count = 1 + rng.below(40) as usize;
            let mut coin =
                |one_in: u64| -> Vec<bool> { (0..count).map(|_| rng.below(one_in) == 0).collect() };
            let (before, after) = (coin(3), coin(2));
            let clusters: Vec<u64> = (0..count).map(|_| 900 - rng.below(7)).collect();
            let gain = |flipped: u64| -> i64 {
                let items = before.iter().zip(&after).zip(&clusters);
                let one = |((&before, &after), &cluster): ((&bool, &bool), &u64)| {
                    let is_exchanged = flipped >> (900 - cluster) & 1 == 1;
                    let (first, second) = if is_exchanged { (after, before) } else { (before, after) };
                    i64::from(second) - i64::from(first)
                };
                items.map(one).sum()
            };
            let as_far = (0..128).filter(|&flipped| gain(flipped).abs() >= gain(0).abs()).count();
            let test = ClusteredMcNemar::of(&before, &after, &clusters).unwrap();
            assert_eq!(test.p, as_far as f64 / 128.0, "seed {seed}");
            assert_eq!(test.gained as i64 - test.lost as i64, gain(0));
        }
    }

    /// Values of a program of its own, with whole numbers: the first by all 2^13 signs, the second by the distribution of
    /// the sum.
    #[test]
    fn values_computed_elsewhere() {
        let few = [
            (5, 1),
            (6, 5),
            (0, 0),
            (8, 0),
            (5, 4),
            (0, 4),
            (3, 0),
            (1, 3),
            (6, 0),
            (3, 0),
            (8, 3),
            (0, 6),
            (9, 0),
            (3, 5),
        ];
        let test = ClusteredMcNemar::from_counts(&few);
        assert_eq!((test.gained, test.lost, test.clusters, test.p), (57, 31, 13, 319.0 / 2048.0));
        let many = [
            (10, 0),
            (9, 6),
            (0, 3),
            (0, 2),
            (4, 6),
            (2, 1),
            (9, 4),
            (8, 2),
            (1, 3),
            (5, 1),
            (8, 1),
            (9, 0),
            (9, 3),
            (7, 6),
            (12, 5),
            (7, 7),
            (5, 4),
            (3, 2),
            (11, 3),
            (1, 4),
            (8, 7),
            (5, 7),
            (4, 1),
            (1, 6),
            (2, 5),
            (2, 7),
            (6, 0),
            (10, 1),
            (12, 5),
            (5, 5),
            (9, 7),
            (9, 7),
            (1, 1),
            (4, 7),
            (11, 1),
            (0, 4),
            (10, 7),
            (4, 6),
            (10, 5),
            (0, 7),
            (5, 2),
            (9, 1),
            (7, 0),
            (3, 4),
            (2, 3),
        ];
        let test = ClusteredMcNemar::from_counts(&many);
        assert!((test.p / 0.005705544044758426 - 1.0).abs() < 1e-12, "{}", test.p);
    }

    #[test]
    fn the_two_exact_ways_agree() {
        for seed in 0..200 {
            let mut rng = random(seed);
            let (clusters, most) = (rng.below(13) as usize, 1 + rng.below(60));
            let differences = differences(&mut rng, clusters, most);
            let sizes: Vec<u128> = differences.iter().map(|d| d.unsigned_abs()).collect();
            let (all, apart) = (sizes.iter().sum(), differences.iter().sum::<i128>().unsigned_abs());
            let (slow, fast) = (one_by_one(&sizes, all, apart), by_sum(&sizes, all, apart));
            assert!((slow - fast).abs() < 1e-14, "{differences:?}: {slow} {fast}");
        }
    }

    #[test]
    fn one_item_a_cluster_is_the_exact_test() {
        for (gained, lost) in [(0, 0), (1, 0), (5, 5), (9, 2), (30, 41), (300, 240)] {
            let clusters = [vec![(1, 0); gained], vec![(0, 1); lost]].concat();
            let test = ClusteredMcNemar::from_counts(&clusters);
            let exact = McNemar::from_counts(gained as u64, lost as u64).p;
            assert!((test.p / exact - 1.0).abs() < 1e-10, "{gained} {lost}: {} {exact}", test.p);
        }
    }

    /// In every cluster all items turn out alike: the rate of false alarms must not exceed the level, where the test by
    /// items raises one most of the time.
    #[test]
    fn the_level_holds_where_items_go_together() {
        let (mut by_cluster, mut by_item) = (0, 0);
        for seed in 0..2000 {
            let mut rng = random(seed);
            let clusters: Vec<(u64, u64)> =
                (0..8).map(|_| if rng.below(2) == 0 { (0, 30) } else { (30, 0) }).collect();
            let test = ClusteredMcNemar::from_counts(&clusters);
            by_cluster += u32::from(test.p <= 0.05);
            by_item += u32::from(McNemar::from_counts(test.gained, test.lost).p <= 0.05);
        }
        // Exactly: 2 / 256 of 2000, 16 with a standard deviation of 4; and all but the ties, 70 / 256.
        assert!(by_cluster < 36 && by_item > 1300, "{by_cluster} {by_item}");
    }

    #[test]
    fn many_and_large_clusters() {
        // Few, however large, are flipped one by one.
        let large: Vec<(u64, u64)> = (0..5).map(|cluster| (u64::MAX - cluster, 0)).collect();
        let test = ClusteredMcNemar::from_counts(&large);
        assert_eq!((test.p, test.gained, test.lost), (0.0625, u64::MAX, 0));
        // At the seam of the normal distribution, within its bound.
        let mut rng = random(3);
        let differences = differences(&mut rng, 600, 40);
        let sizes: Vec<u128> = differences.iter().map(|d| d.unsigned_abs()).collect();
        let all = sizes.iter().sum();
        for apart in [0, 200, 700, 1500] {
            let exact = by_sum(&sizes, all, apart);
            let square = sizes.iter().map(|&size| (size * size) as f64).sum::<f64>();
            let cube = sizes.iter().map(|&size| (size * size * size) as f64).sum::<f64>();
            let normal = libm::erfc(apart as f64 / (2.0 * square).sqrt());
            assert!(
                (exact - normal).abs() <= 1.12 * cube / (square * square.sqrt()),
                "{apart}: {exact} {normal}"
            );
        }
        let far = ClusteredMcNemar::from_counts(&vec![(1000, 0); 3000]);
        assert!(far.p < 1e-300 && far.clusters == 3000);
        let none = ClusteredMcNemar::from_counts(&[(3, 3), (0, 0)]);
        assert_eq!((none.p, none.clusters), (1.0, 0));
    }
}
