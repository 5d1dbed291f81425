//! A sum tree seen without some of its indices.

use std::collections::BTreeMap;

use super::SumTree;
use super::node::FAN_OUT;

/// A [`SumTree`] from which indices have been taken out, without a change or a copy of the tree:
/// what was taken is kept by node, on each level. Taking out and finding cost O(log8 N log n) for n
/// indices taken out.
///
/// ```
/// use curricle_kernels::tree::{SumTree, Without};
///
/// let tree = SumTree::new(&[3, 5, 1])?;
/// let mut rest = Without::new(&tree);
/// rest.take(1);
/// assert_eq!((rest.prefix(2), rest.find(3)), (3, 2));
/// # Ok::<(), curricle_kernels::tree::Overflow>(())
/// ```
#[derive(Debug)]
pub struct Without<'a> {
    tree: &'a SumTree,
    /// By level: the weight taken out below each child.
    taken: Vec<BTreeMap<usize, u64>>,
}

impl<'a> Without<'a> {
    /// A view from which nothing has been taken out yet.
    pub fn new(tree: &'a SumTree) -> Self {
        Self { tree, taken: vec![BTreeMap::new(); tree.levels.len()] }
    }

    /// Takes an index out, once.
    ///
    /// # Panics
    /// If `index >= len`.
    pub fn take(&mut self, index: usize) {
        assert!(index < self.tree.len(), "index {index} of a tree of {}", self.tree.len());
        let weight = self.tree.get(index);
        let mut at = index;
        for level in &mut self.taken {
            *level.entry(at).or_insert(0) += weight;
            at /= FAN_OUT;
        }
    }

    /// The sum of the weights that are left before an index.
    ///
    /// # Panics
    /// If `index > len`.
    pub fn prefix(&self, index: usize) -> u64 {
        let mut at = index;
        let mut taken = 0;
        if index == self.tree.len() {
            // One past the end of a full tree lies in no node: the root has it all.
            let root = self.taken.last();
            return self.tree.total() - root.map_or(0, |root| root.values().sum::<u64>());
        }
        for level in &self.taken {
            taken += level.range(at - at % FAN_OUT..at).map(|(_, weight)| weight).sum::<u64>();
            at /= FAN_OUT;
        }
        self.tree.prefix(index) - taken
    }

    /// The index that owns a target below the sum of the weights that are left.
    pub fn find(&self, mut target: u64) -> usize {
        let mut node = 0;
        for (level, taken) in self.taken.iter().enumerate().rev() {
            let first = node * FAN_OUT;
            let mut gone = taken.range(first..first + FAN_OUT).peekable();
            let mut child = first;
            while let Some(weight) = self.tree.child(level, child) {
                let gone = gone.next_if(|(index, _)| **index == child).map_or(0, |(_, weight)| *weight);
                let left = weight - gone;
                if target < left {
                    break;
                }
                target -= left;
                child += 1;
            }
            node = child;
        }
        node
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 256 }))]

        /// The naive twin is a tree whose weights are set to 0.
        #[test]
        fn agrees_with_a_tree_of_zeros(
            weights in prop::collection::vec(0..9u64, 1..600),
            taken in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let tree = SumTree::new(&weights).unwrap();
            let mut twin = tree.clone();
            let mut without = Without::new(&tree);
            let taken: BTreeSet<usize> = taken.iter().map(|index| index.index(weights.len())).collect();
            for index in taken {
                without.take(index);
                twin.set(index, 0).unwrap();
            }
            for index in 0..=weights.len() {
                prop_assert_eq!(without.prefix(index), twin.prefix(index));
            }
            for target in 0..twin.total() {
                prop_assert_eq!(without.find(target), twin.find(target));
            }
        }
    }
}
