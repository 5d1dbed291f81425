//! An exact integer sum tree: weighted draws and updates in O(log N).

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Children of a node. Sixteen `u64` are two cache lines, read together.
pub(crate) const FAN_OUT: usize = 16;

/// A list of `u64` weights that keeps the sums needed to draw an index in proportion to its weight.
///
/// All sums are exact integers, so they do not depend on the order of updates, never drift, and
/// every index of positive weight can be drawn, however many there are.
///
/// | verb | cost |
/// |--|--|
/// | [`set`](Self::set), [`find`](Self::find), [`prefix`](Self::prefix) | O(log16 N) |
/// | [`find_each`](Self::find_each) of n | O(n log16 N), the memory accesses of the n descents overlap |
/// | [`push`](Self::push) | O(log16 N) amortised |
/// | memory | 8.54 bytes an index |
///
/// ```
/// use curricle::SumTree;
///
/// # fn main() -> curricle::Result<()> {
/// let mut tree = SumTree::new(&[3, 0, 1])?;
/// assert_eq!((0..4).map(|target| tree.find(target)).collect::<Vec<_>>(), [0, 0, 0, 2]);
/// tree.set(1, 2)?;
/// assert_eq!(tree.total(), 6);
/// assert_eq!(tree.find(3), 1);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u64>", into = "Vec<u64>")]
pub struct SumTree {
    /// `levels[0]` are the weights; `levels[k + 1][i]` is the sum of the i-th node of `levels[k]`.
    /// Every level is padded with zeros to whole nodes; the last level is one node.
    levels: Vec<Vec<u64>>,
    len: usize,
    total: u64,
}

impl SumTree {
    /// A tree over the given weights. Cost: O(N).
    ///
    /// # Errors
    /// [`Error::WeightOverflow`] if the weights sum to 2^64 or more.
    pub fn new(weights: &[u64]) -> Result<Self> {
        let total = weights.iter().map(|&weight| u128::from(weight)).sum::<u128>();
        let total = u64::try_from(total).map_err(|_| Error::WeightOverflow { total })?;
        let mut levels = vec![padded(weights.to_vec())];
        while let Some(below) = levels.last().filter(|below| below.len() > FAN_OUT) {
            let sums = below.chunks_exact(FAN_OUT).map(|node| node.iter().sum()).collect();
            levels.push(padded(sums));
        }
        Ok(Self { levels, len: weights.len(), total })
    }

    /// How many indices there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no index.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The sum of all weights.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The weight of an index; 0 beyond the end.
    #[inline]
    pub fn get(&self, index: usize) -> u64 {
        self.levels.first().and_then(|weights| weights.get(index)).copied().unwrap_or(0)
    }

    /// The weights.
    pub fn weights(&self) -> &[u64] {
        self.levels.first().map_or(&[], |weights| &weights[..self.len])
    }

    /// The levels, from the weights up to the root node; each is padded to whole nodes.
    pub(crate) fn levels(&self) -> &[Vec<u64>] {
        &self.levels
    }

    /// Sets the weight of an index.
    ///
    /// # Errors
    /// [`Error::WeightOverflow`] if the total would reach 2^64; the tree is then unchanged.
    ///
    /// # Panics
    /// If `index >= len`.
    pub fn set(&mut self, index: usize, weight: u64) -> Result<()> {
        assert!(index < self.len, "index {index} of a tree of {}", self.len);
        let old = self.levels[0][index];
        self.total = (self.total - old).checked_add(weight).ok_or(Error::WeightOverflow {
            total: u128::from(self.total - old) + u128::from(weight),
        })?;
        let change = weight.wrapping_sub(old);
        let mut at = index;
        for level in &mut self.levels {
            level[at] = level[at].wrapping_add(change);
            at /= FAN_OUT;
        }
        Ok(())
    }

    /// Appends an index.
    ///
    /// # Errors
    /// [`Error::WeightOverflow`] if the total would reach 2^64; the tree is then unchanged.
    pub fn push(&mut self, weight: u64) -> Result<()> {
        let total = u128::from(self.total) + u128::from(weight);
        if total > u128::from(u64::MAX) {
            return Err(Error::WeightOverflow { total });
        }
        if self.levels.first().is_none_or(|weights| weights.len() == self.len) {
            let room = (2 * self.len).max(FAN_OUT);
            let mut weights = self.weights().to_vec();
            weights.resize(room, 0);
            let len = self.len;
            *self = Self::new(&weights)?;
            self.len = len;
        }
        self.len += 1;
        self.set(self.len - 1, weight)
    }

    /// The sum of the weights before an index.
    ///
    /// # Panics
    /// If `index > len`.
    pub fn prefix(&self, index: usize) -> u64 {
        assert!(index <= self.len, "prefix {index} of a tree of {}", self.len);
        if index == self.len {
            // One past the end of a full tree lies in no node.
            return self.total;
        }
        let mut at = index;
        let mut sum = 0;
        for level in &self.levels {
            let node = at - at % FAN_OUT;
            sum += level[node..at].iter().sum::<u64>();
            at /= FAN_OUT;
        }
        sum
    }

    /// The index that owns a target in `[0, total)`: the least `i` with
    /// `prefix(i) <= target < prefix(i + 1)`. With a uniform target, index `i` is found with
    /// probability `weight(i) / total` exactly.
    ///
    /// # Panics
    /// If `target >= total`.
    pub fn find(&self, target: u64) -> usize {
        let mut found = [target];
        self.find_each(&mut found);
        found[0] as usize
    }

    /// Replaces every target by the index that owns it, as [`find`](Self::find) does for one.
    ///
    /// The descents advance level by level, so the memory accesses of a batch overlap instead of
    /// waiting for each other.
    ///
    /// # Panics
    /// If a target is `>= total`.
    pub fn find_each(&self, targets: &mut [u64]) {
        assert!(targets.iter().all(|&target| target < self.total), "target beyond the total");
        let mut nodes = vec![0usize; targets.len()];
        for level in self.levels.iter().rev() {
            for (node, rest) in nodes.iter_mut().zip(targets.iter_mut()) {
                let (child, before) = step(&level[*node * FAN_OUT..][..FAN_OUT], *rest);
                *node = *node * FAN_OUT + child;
                *rest -= before;
            }
        }
        for (node, target) in nodes.iter().zip(targets) {
            *target = *node as u64;
        }
    }
}

/// The child of a node that owns `rest`, and the sum of the children before it. Branch-free.
#[inline]
fn step(node: &[u64], rest: u64) -> (usize, u64) {
    let (mut child, mut before, mut sum) = (0, 0, 0u64);
    for &weight in node {
        sum += weight;
        let passed = sum <= rest;
        child += usize::from(passed);
        before = if passed { sum } else { before };
    }
    (child, before)
}

/// Appends zeros up to a whole number of nodes, at least one.
fn padded(mut level: Vec<u64>) -> Vec<u64> {
    level.resize(level.len().next_multiple_of(FAN_OUT).max(FAN_OUT), 0);
    level
}

impl TryFrom<Vec<u64>> for SumTree {
    type Error = Error;

    fn try_from(weights: Vec<u64>) -> Result<Self> {
        Self::new(&weights)
    }
}

impl From<SumTree> for Vec<u64> {
    fn from(tree: SumTree) -> Self {
        tree.weights().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The obviously right twin of `find`.
    fn naive_find(weights: &[u64], mut target: u64) -> usize {
        for (index, &weight) in weights.iter().enumerate() {
            if target < weight {
                return index;
            }
            target -= weight;
        }
        panic!("target beyond the total")
    }

    fn weight() -> impl Strategy<Value = u64> {
        prop_oneof![Just(0), 1..5u64, 0..1u64 << 50]
    }

    proptest! {
        #[test]
        fn agrees_with_the_naive_twin(
            mut weights in prop::collection::vec(weight(), 1..700),
            changes in prop::collection::vec((any::<prop::sample::Index>(), weight()), 0..40),
            pushed in prop::collection::vec(weight(), 0..300),
            targets in prop::collection::vec(any::<u64>(), 0..50),
        ) {
            let mut tree = SumTree::new(&weights).unwrap();
            for (index, weight) in changes {
                let index = index.index(weights.len());
                weights[index] = weight;
                tree.set(index, weight).unwrap();
            }
            for weight in pushed {
                weights.push(weight);
                tree.push(weight).unwrap();
            }
            prop_assert_eq!(tree.weights(), &weights[..]);
            prop_assert_eq!(tree.total(), weights.iter().sum::<u64>());
            for index in [0, weights.len() / 2, weights.len()] {
                prop_assert_eq!(tree.prefix(index), weights[..index].iter().sum::<u64>());
            }
            if tree.total() > 0 {
                let targets: Vec<u64> = targets.into_iter().map(|t| t % tree.total()).collect();
                let mut found = targets.clone();
                tree.find_each(&mut found);
                for (&target, &index) in targets.iter().zip(&found) {
                    prop_assert_eq!(index as usize, naive_find(&weights, target));
                }
            }
        }
    }

    #[test]
    fn the_whole_prefix_of_a_full_tree_is_the_total() {
        for len in [1, 16, 17, 256, 4096] {
            let tree = SumTree::new(&vec![3; len]).unwrap();
            assert_eq!(tree.prefix(len), 3 * len as u64);
            assert_eq!(tree.prefix(len - 1), 3 * (len as u64 - 1));
        }
    }

    #[test]
    fn overflow_is_refused_and_changes_nothing() {
        let mut tree = SumTree::new(&[u64::MAX - 1, 1]).unwrap();
        let before = tree.clone();
        assert!(matches!(tree.set(1, 2), Err(Error::WeightOverflow { .. })));
        assert!(matches!(tree.push(1), Err(Error::WeightOverflow { .. })));
        assert_eq!(tree, before);
        assert!(SumTree::new(&[u64::MAX, 1]).is_err());
        assert_eq!(tree.find(u64::MAX - 1), 1);
    }

    #[test]
    fn many_updates_leave_the_exact_total() {
        let mut tree = SumTree::new(&[1; 1000]).unwrap();
        let mut rng = crate::Rng::at(1, crate::Round(0), crate::Purpose::User);
        for _ in 0..100_000 {
            tree.set(rng.below(1000) as usize, rng.below(1 << 53)).unwrap();
        }
        assert_eq!(tree, SumTree::new(tree.weights()).unwrap());
    }
}
