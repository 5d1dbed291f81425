//! An exact integer sum tree: weighted draws and updates in O(log N), in batches.

use curricle_kernels::tree::{self, FAN_OUT, Node};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::error::{Error, Result};

/// A list of `u64` weights that keeps the sums needed to draw an index in proportion to its weight.
///
/// All sums are exact integers, so they do not depend on the order of updates, never drift, and
/// every index of positive weight can be drawn, however many there are.
///
/// | verb | cost |
/// |--|--|
/// | [`new`](Self::new), [`from_fn`](Self::from_fn) | O(N), on all threads if N is large |
/// | [`set`](Self::set), [`find`](Self::find), [`prefix`](Self::prefix) | O(log8 N) |
/// | [`find_each`](Self::find_each), [`set_each`](Self::set_each) of n | O(n log8 N), their memory accesses overlap |
/// | [`push`](Self::push) | O(log8 N) amortised |
/// | memory | 9.14 bytes an index, in huge pages where the system gives them |
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SumTree {
    /// `levels[0]` are the weights, padded with zeros to whole nodes; further up, each node holds the
    /// sums of its children before each child. The last level is one node.
    levels: Vec<Vec<Node>>,
    len: usize,
    total: u64,
}

impl SumTree {
    /// A tree over the given weights.
    ///
    /// # Errors
    /// [`Error::WeightOverflow`] if the weights sum to 2^64 or more.
    pub fn new(weights: &[u64]) -> Result<Self> {
        Self::from_fn(weights.len(), |index| weights[index])
    }

    /// A tree of `len` indices whose weights a function gives. It may be called from several threads,
    /// in any order.
    ///
    /// # Errors
    /// [`Error::WeightOverflow`] if the weights sum to 2^64 or more.
    ///
    /// ```
    /// use curricle::SumTree;
    ///
    /// assert_eq!(SumTree::from_fn(5, |index| index as u64)?, SumTree::new(&[0, 1, 2, 3, 4])?);
    /// # Ok::<(), curricle::Error>(())
    /// ```
    pub fn from_fn(len: usize, weight: impl Fn(usize) -> u64 + Sync + Send) -> Result<Self> {
        let leaves = tree::leaves(len, weight);
        let total = tree::numbers(&leaves).iter().map(|&weight| u128::from(weight)).sum::<u128>();
        let total = u64::try_from(total).map_err(|_| Error::WeightOverflow { total })?;
        Ok(Self { levels: tree::levels(leaves), len, total })
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
    #[inline]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The weight of an index; 0 beyond the end.
    #[inline]
    pub fn get(&self, index: usize) -> u64 {
        self.padded().get(index).copied().unwrap_or(0)
    }

    /// The weights.
    pub fn weights(&self) -> &[u64] {
        &self.padded()[..self.len]
    }

    /// The weights, with zeros up to a whole number of nodes.
    #[inline]
    fn padded(&self) -> &[u64] {
        self.levels.first().map_or(&[], |leaves| tree::numbers(leaves))
    }

    /// How many levels there are.
    pub(crate) fn depth(&self) -> usize {
        self.levels.len()
    }

    /// The weight of a child, counted over the nodes of a level; `None` for the last child of an inner
    /// node, which has what is left of it.
    pub(crate) fn child(&self, level: usize, child: usize) -> Option<u64> {
        let numbers = tree::numbers(&self.levels[level]);
        match level {
            0 => Some(numbers[child]),
            _ if child % FAN_OUT == FAN_OUT - 1 => None,
            _ => Some(numbers[child + 1] - numbers[child]),
        }
    }

    /// Asks the processor to fetch the weight of an index.
    #[inline]
    pub(crate) fn fetch(&self, index: usize) {
        curricle_kernels::prefetch(self.padded(), index);
    }

    /// Sets the weight of an index.
    ///
    /// # Errors
    /// [`Error::WeightOverflow`] if the total would reach 2^64; the tree is then unchanged.
    ///
    /// # Panics
    /// If `index >= len`.
    pub fn set(&mut self, index: usize, weight: u64) -> Result<()> {
        self.set_each(&mut [(index, weight)])
    }

    /// Sets the weights of many indices, one after the other, and leaves in each pair the weight that
    /// it replaced: setting the same list in reverse order takes everything back.
    ///
    /// # Errors
    /// [`Error::WeightOverflow`] if the total after all of them would reach 2^64; tree and list are
    /// then unchanged.
    ///
    /// # Panics
    /// If an `index >= len`; nothing has changed then.
    ///
    /// ```
    /// use curricle::SumTree;
    ///
    /// let mut tree = SumTree::new(&[3, 0, 1])?;
    /// let mut changes = [(2, 5), (0, 1), (2, 6)];
    /// tree.set_each(&mut changes)?;
    /// assert_eq!(tree.weights(), [1, 0, 6]);
    /// assert_eq!(changes, [(2, 1), (0, 3), (2, 5)]);
    /// # Ok::<(), curricle::Error>(())
    /// ```
    pub fn set_each(&mut self, changes: &mut [(usize, u64)]) -> Result<()> {
        for &(index, _) in &*changes {
            assert!(index < self.len, "index {index} of a tree of {}", self.len);
        }
        let total = i128::from(self.total) + tree::exchange_each(&mut self.levels, changes);
        if let Ok(total) = u64::try_from(total) {
            self.total = total;
            return Ok(());
        }
        // The sums wrapped; going back wraps them back.
        changes.reverse();
        tree::exchange_each(&mut self.levels, changes);
        changes.reverse();
        Err(Error::WeightOverflow { total: total.unsigned_abs() })
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
        let room = self.padded().len();
        if room == self.len {
            let grown = Self::from_fn((2 * self.len).max(FAN_OUT), |index| self.get(index))?;
            *self = Self { len: self.len, ..grown };
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
        let Some((leaves, inner)) = self.levels.split_first() else { return 0 };
        let mut at = index / FAN_OUT;
        let mut sum = leaves[at].0[..index % FAN_OUT].iter().sum();
        for level in inner {
            sum += level[at / FAN_OUT].0[at % FAN_OUT];
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
        tree::find_each(&self.levels, targets);
    }
}

impl Serialize for SumTree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.weights().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SumTree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let weights: Vec<u64> = crate::files::column::deserialize(deserializer)?;
        Self::new(&weights).map_err(serde::de::Error::custom)
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
            let mut changes: Vec<(usize, u64)> =
                changes.into_iter().map(|(at, weight)| (at.index(weights.len()), weight)).collect();
            for &(index, weight) in &changes {
                weights[index] = weight;
            }
            let mut one_by_one = tree.clone();
            changes.iter().for_each(|&(index, weight)| one_by_one.set(index, weight).unwrap());
            tree.set_each(&mut changes).unwrap();
            prop_assert_eq!(&tree, &one_by_one);
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
        let mut changes = [(1, 0), (0, 7), (1, u64::MAX), (0, 2)];
        assert_eq!(tree.set_each(&mut changes), Err(Error::WeightOverflow { total: 1 << 64 | 1 }));
        assert_eq!(changes, [(1, 0), (0, 7), (1, u64::MAX), (0, 2)]);
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
