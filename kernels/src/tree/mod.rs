//! An exact integer sum tree: weighted draws and updates in O(log N), many at a time.
//!
//! How its nodes are laid out is known to this module alone: levels of nodes of eight numbers, one
//! cache line each. The first level holds the weights; every node further up holds the sums of its
//! children *before* each child, so that the child that owns a target is found by comparisons alone.
//! The last level is one node.

mod descent;
mod exchange;
mod levels;
mod node;
mod stored;
mod without;

use node::{FAN_OUT, Node, numbers};
pub use without::Without;

use crate::memory::prefetch;

/// The sum of the weights does not fit 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the weights sum to {total}, more than 2^64 - 1")]
pub struct Overflow {
    /// What they would sum to.
    pub total: u128,
}

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
/// | [`extend_to`](Self::extend_to) | O(1) amortised for each index |
/// | memory | 9.14 bytes an index, in huge pages where the system gives them |
///
/// ```
/// use curricle_kernels::tree::SumTree;
///
/// # fn main() -> Result<(), curricle_kernels::tree::Overflow> {
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
    /// [`Overflow`] if the weights sum to 2^64 or more.
    pub fn new(weights: &[u64]) -> Result<Self, Overflow> {
        Self::from_fn(weights.len(), |index| weights[index])
    }

    /// A tree of `len` indices whose weights a function gives. It may be called from several threads,
    /// in any order.
    ///
    /// # Errors
    /// [`Overflow`] if the weights sum to 2^64 or more.
    ///
    /// ```
    /// use curricle_kernels::tree::SumTree;
    ///
    /// assert_eq!(SumTree::from_fn(5, |index| index as u64)?, SumTree::new(&[0, 1, 2, 3, 4])?);
    /// # Ok::<(), curricle_kernels::tree::Overflow>(())
    /// ```
    pub fn from_fn(len: usize, weight: impl Fn(usize) -> u64 + Sync + Send) -> Result<Self, Overflow> {
        Self::over(levels::leaves(len, weight), len)
    }

    /// A tree over `len` weights in whole nodes, of which there may be none.
    fn over(mut leaves: Vec<Node>, len: usize) -> Result<Self, Overflow> {
        if leaves.is_empty() {
            leaves.push(Node::default());
        }
        let total = numbers(&leaves).iter().map(|&weight| u128::from(weight)).sum::<u128>();
        let total = u64::try_from(total).map_err(|_| Overflow { total })?;
        Ok(Self { levels: levels::levels(leaves), len, total })
    }

    /// How many indices there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no index.
    #[inline]
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
    #[inline]
    pub fn weights(&self) -> &[u64] {
        &self.padded()[..self.len]
    }

    /// The weights, with zeros up to a whole number of nodes.
    #[inline]
    fn padded(&self) -> &[u64] {
        self.levels.first().map_or(&[], |leaves| numbers(leaves))
    }

    /// The weight below a child, counted over the nodes of a level; `None` for the last child of an
    /// inner node, which has what is left of it.
    fn child(&self, level: usize, child: usize) -> Option<u64> {
        let numbers = numbers(&self.levels[level]);
        match level {
            0 => Some(numbers[child]),
            _ if child % FAN_OUT == FAN_OUT - 1 => None,
            _ => Some(numbers[child + 1] - numbers[child]),
        }
    }

    /// Asks the processor to fetch the weight of an index.
    #[inline]
    pub fn fetch(&self, index: usize) {
        prefetch(self.padded(), index);
    }

    /// Sets the weight of an index.
    ///
    /// # Errors
    /// [`Overflow`] if the total would reach 2^64; the tree is then unchanged.
    ///
    /// # Panics
    /// If `index >= len`.
    pub fn set(&mut self, index: usize, weight: u64) -> Result<(), Overflow> {
        self.set_each(&mut [(index, weight)])
    }

    /// Sets the weights of many indices, one after the other, and leaves in each pair the weight that
    /// it replaced: setting the same list in reverse order takes everything back.
    ///
    /// # Errors
    /// [`Overflow`] if the total after all of them would reach 2^64; tree and list are
    /// then unchanged.
    ///
    /// # Panics
    /// If an `index >= len`; nothing has changed then.
    ///
    /// ```
    /// use curricle_kernels::tree::SumTree;
    ///
    /// let mut tree = SumTree::new(&[3, 0, 1])?;
    /// let mut changes = [(2, 5), (0, 1), (2, 6)];
    /// tree.set_each(&mut changes)?;
    /// assert_eq!(tree.weights(), [1, 0, 6]);
    /// assert_eq!(changes, [(2, 1), (0, 3), (2, 5)]);
    /// # Ok::<(), curricle_kernels::tree::Overflow>(())
    /// ```
    pub fn set_each(&mut self, changes: &mut [(usize, u64)]) -> Result<(), Overflow> {
        for &(index, _) in &*changes {
            assert!(index < self.len, "index {index} of a tree of {}", self.len);
        }
        let total = i128::from(self.total) + exchange::exchange_each(&mut self.levels, changes);
        if let Ok(total) = u64::try_from(total) {
            self.total = total;
            return Ok(());
        }
        // The sums wrapped; going back wraps them back.
        changes.reverse();
        exchange::exchange_each(&mut self.levels, changes);
        changes.reverse();
        Err(Overflow { total: total.unsigned_abs() })
    }

    /// Appends an index.
    ///
    /// # Errors
    /// [`Overflow`] if the total would reach 2^64; the tree is then unchanged.
    pub fn push(&mut self, weight: u64) -> Result<(), Overflow> {
        let total = u128::from(self.total) + u128::from(weight);
        if total > u128::from(u64::MAX) {
            return Err(Overflow { total });
        }
        self.extend_to(self.len + 1);
        self.set(self.len - 1, weight)
    }

    /// Appends indices of weight 0 until there are `len`. Cost: O(1) amortised for each index.
    pub fn extend_to(&mut self, len: usize) {
        if len > self.padded().len() {
            // In proportion, so that the next few find room; the total stays.
            let room = len.max(self.len + self.len / 2);
            let leaves = levels::leaves(room, |index| self.get(index));
            self.levels = levels::levels(leaves);
        }
        self.len = self.len.max(len);
    }

    /// The sum of the weights before an index.
    ///
    /// # Panics
    /// If `index > len`.
    #[inline]
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
        descent::find_each(&self.levels, targets);
    }

    /// As [`find`](Self::find) of a tree in which index `i` has the weight `weight(i) + times
    /// other(i)`, of the weights in this tree and another of as many indices. The target is below the
    /// sum of these, which fits 64 bits.
    ///
    /// ```
    /// use curricle_kernels::tree::SumTree;
    ///
    /// let (tree, other) = (SumTree::new(&[3, 0, 1])?, SumTree::new(&[1, 1, 0])?);
    /// let found: Vec<usize> = (0..8).map(|target| tree.find_with(&other, 2, target)).collect();
    /// assert_eq!(found, [0, 0, 0, 0, 0, 1, 1, 2]);
    /// # Ok::<(), curricle_kernels::tree::Overflow>(())
    /// ```
    pub fn find_with(&self, other: &Self, times: u64, mut target: u64) -> usize {
        let mut node = 0;
        for level in (0..self.levels.len()).rev() {
            let mut child = node * FAN_OUT;
            while let Some((weight, more)) = self.child(level, child).zip(other.child(level, child)) {
                let sum = weight + times * more;
                if target < sum {
                    break;
                }
                target -= sum;
                child += 1;
            }
            node = child;
        }
        node
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulp::Simd;

    use super::descent::Descent;
    use super::exchange::Exchange;
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

    /// A tree, what its changes replaced, and owners of targets.
    type Worked = (Vec<Vec<Node>>, Vec<(usize, u64)>, Vec<u64>);

    /// Changes and then descents with a given instruction set.
    fn work(
        simd: impl Simd,
        mut tree: Vec<Vec<Node>>,
        mut changes: Vec<(usize, u64)>,
        mut targets: Vec<u64>,
    ) -> Worked {
        let (leaves, inner) = tree.split_first_mut().unwrap();
        simd.vectorize(Exchange { leaves, inner, changes: &mut changes });
        let total: u64 = numbers(&tree[0]).iter().sum();
        targets.retain_mut(|target| {
            *target = target.checked_rem(total).unwrap_or(0);
            total > 0
        });
        let (leaves, inner) = tree.split_first().unwrap();
        simd.vectorize(Descent { leaves, inner, targets: &mut targets });
        (tree, changes, targets)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 256 }))]

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
            let before = tree.clone();
            tree.set_each(&mut changes).unwrap();
            prop_assert_eq!(&tree, &one_by_one);
            prop_assert_eq!(&tree, &SumTree::new(&weights).unwrap());
            let mut undone = tree.clone();
            changes.reverse();
            undone.set_each(&mut changes).unwrap();
            prop_assert_eq!(undone, before);
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

        /// Every instruction set that this processor has gives the same.
        #[test]
        fn instruction_sets_agree(
            weights in prop::collection::vec(weight(), 1..700),
            changes in prop::collection::vec((any::<prop::sample::Index>(), weight()), 0..100),
            targets in prop::collection::vec(any::<u64>(), 0..100),
        ) {
            let len = weights.len();
            let tree = levels::levels(levels::leaves(len, |index| weights[index]));
            let changes: Vec<(usize, u64)> =
                changes.into_iter().map(|(index, weight)| (index.index(len), weight)).collect();
            let plain = work(pulp::Scalar::new(), tree.clone(), changes.clone(), targets.clone());
            #[cfg(target_arch = "x86_64")]
            if let Some(simd) = pulp::x86::V3::try_new() {
                prop_assert_eq!(&plain, &work(simd, tree.clone(), changes.clone(), targets.clone()));
            }
            #[cfg(target_arch = "x86_64")]
            if let Some(simd) = pulp::x86::V4::try_new() {
                prop_assert_eq!(&plain, &work(simd, tree.clone(), changes.clone(), targets.clone()));
            }
            let mut twin = tree.clone();
            let mut replaced = changes.clone();
            exchange::exchange_each(&mut twin, &mut replaced);
            prop_assert_eq!((plain.0, plain.1), (twin, replaced));
        }
    }

    #[test]
    fn the_whole_prefix_of_a_full_tree_is_the_total() {
        for len in [1, 7, 8, 9, 63, 64, 65, 511, 512, 513, 4095, 4096, 4097] {
            let tree = SumTree::new(&vec![3; len]).unwrap();
            assert_eq!(tree.prefix(len), 3 * len as u64);
            assert_eq!(tree.prefix(len - 1), 3 * (len as u64 - 1));
        }
    }

    #[test]
    fn an_index_more_is_an_index_of_weight_0() {
        for len in [0, 1, 7, 8, 9, 63, 64, 65, 511, 512, 513] {
            let mut tree = SumTree::new(&vec![2; len]).unwrap();
            for more in [1, 2, 10, 700] {
                tree.extend_to(len + more);
                tree.extend_to(len);
                assert_eq!((tree.len(), tree.total()), (len + more, 2 * len as u64));
                assert_eq!(tree.prefix(len + more - 1), 2 * len as u64);
                tree.set(len + more - 1, 3).unwrap();
                assert_eq!(tree.find(2 * len as u64 + 1), len + more - 1);
                tree.set(len + more - 1, 0).unwrap();
            }
        }
    }

    #[test]
    fn overflow_is_refused_and_changes_nothing() {
        let mut tree = SumTree::new(&[u64::MAX - 1, 1]).unwrap();
        let before = tree.clone();
        assert!(matches!(tree.set(1, 2), Err(Overflow { .. })));
        assert!(matches!(tree.push(1), Err(Overflow { .. })));
        let mut changes = [(1, 0), (0, 7), (1, u64::MAX), (0, 2)];
        assert_eq!(tree.set_each(&mut changes), Err(Overflow { total: 1 << 64 | 1 }));
        assert_eq!(changes, [(1, 0), (0, 7), (1, u64::MAX), (0, 2)]);
        assert_eq!(tree, before);
        assert!(SumTree::new(&[u64::MAX, 1]).is_err());
        assert_eq!(tree.find(u64::MAX - 1), 1);
    }

    #[test]
    fn many_updates_leave_the_exact_total() {
        let mut tree = SumTree::new(&[1; 1000]).unwrap();
        let mut bits = 1u64;
        for _ in 0..if cfg!(miri) { 100 } else { 100_000 } {
            // Knuth's MMIX generator.
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            tree.set((bits >> 33) as usize % 1000, bits >> 11).unwrap();
        }
        assert_eq!(tree, SumTree::new(tree.weights()).unwrap());
    }

    #[test]
    #[cfg_attr(miri, ignore = "the thread pool keeps pointers as integers, which Miri refuses")]
    fn a_level_is_the_same_however_many_threads_compute_it() {
        let len = FAN_OUT * (levels::MANY + 3) - 5;
        let weight = |index: usize| (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let parallel = levels::leaves(len, weight);
        let numbers = numbers(&parallel);
        assert!((0..len).all(|index| numbers[index] == weight(index)));
        assert!(numbers[len..].iter().all(|&padding| padding == 0));
        let tree = levels::levels(parallel);
        let mut last = [(0..len).map(weight).sum::<u64>() - 1];
        descent::find_each(&tree, &mut last);
        assert_eq!(last, [len as u64 - 1]);
    }
}
