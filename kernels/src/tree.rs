//! Descents and updates of a tree of integer sums, many at a time.
//!
//! A tree is a list of levels of [`Node`]s, two cache lines each. `levels[0]` holds the weights;
//! every node further up holds the sums of its children *before* each child, so that the child that
//! owns a target is found by comparing it with sixteen numbers at once. The last level is one node.
//!
//! A batch goes down level by level and asks for the node that each descent reads next: the cache
//! misses of a batch overlap. All sums wrap, so an update may pass through a state that does not fit
//! and leave exact sums if its end does.

use pulp::Arch;
use rayon::prelude::*;

use crate::memory::{prefetch, roomy};

/// Children of a node.
pub const FAN_OUT: usize = 16;

/// How many descents go on at a time: more than the processor has misses under way, few enough to
/// stay in its first cache.
const BLOCK: usize = 64;

/// From how many nodes on a level is computed by all threads.
const MANY: usize = 1 << 14;

/// Sixteen numbers in two cache lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(128))]
pub struct Node(pub [u64; FAN_OUT]);

impl Node {
    /// The sum of a node of weights.
    #[inline]
    pub fn sum(&self) -> u64 {
        self.0.iter().fold(0, |sum, weight| sum.wrapping_add(*weight))
    }

    /// The child that owns a target in a node of sums, and the sum before it.
    #[inline(always)]
    fn child(&self, target: u64) -> (usize, u64) {
        let passed: u64 = self.0.iter().map(|&before| u64::from(before <= target)).sum();
        // The first sum is 0, so at least one has been passed.
        let child = (passed as usize).wrapping_sub(1) % FAN_OUT;
        (child, self.0[child])
    }

    /// The child that owns a target below the sum of a node of weights, and the sum before it.
    #[inline(always)]
    fn leaf(&self, target: u64) -> (usize, u64) {
        // First which four, then which of the four.
        let four = |k: usize| {
            let weights: &[u64; 4] = self.0[4 * k..][..4].try_into().unwrap_or(&[0; 4]);
            weights[0].wrapping_add(weights[1]).wrapping_add(weights[2].wrapping_add(weights[3]))
        };
        let first = four(0);
        let second = first.wrapping_add(four(1));
        let third = second.wrapping_add(four(2));
        let k =
            usize::from(first <= target) + usize::from(second <= target) + usize::from(third <= target);
        let start = [0, first, second, third][k];
        let weights = &self.0[4 * k..][..4];
        let a = start.wrapping_add(weights[0]);
        let b = a.wrapping_add(weights[1]);
        let c = b.wrapping_add(weights[2]);
        let j = usize::from(a <= target) + usize::from(b <= target) + usize::from(c <= target);
        (4 * k + j, [start, a, b, c][j])
    }

    /// Adds to the sums before the children behind one.
    #[inline(always)]
    fn add_behind(&mut self, child: usize, change: u64) {
        for (place, sum) in self.0.iter_mut().enumerate() {
            *sum = sum.wrapping_add(if place > child { change } else { 0 });
        }
    }
}

/// The numbers of a level as one list.
pub fn numbers(level: &[Node]) -> &[u64] {
    bytemuck::cast_slice(level)
}

/// The leaves of a tree: `len` weights, padded with zeros to whole nodes, at least one. The weights
/// may be asked for from several threads, in any order.
pub fn leaves(len: usize, weight: impl Fn(usize) -> u64 + Sync + Send) -> Vec<Node> {
    let node = |node: usize| {
        let mut numbers = [0; FAN_OUT];
        let start = node * FAN_OUT;
        for (place, number) in numbers.iter_mut().enumerate().take(len.saturating_sub(start)) {
            *number = weight(start + place);
        }
        Node(numbers)
    };
    let nodes = len.div_ceil(FAN_OUT).max(1);
    let mut leaves = roomy(nodes);
    if nodes < MANY {
        leaves.extend((0..nodes).map(node));
    } else {
        (0..nodes).into_par_iter().map(node).collect_into_vec(&mut leaves);
    }
    leaves
}

/// All levels of a tree over leaves. Cost: O(N), on all threads if there are many.
pub fn levels(leaves: Vec<Node>) -> Vec<Vec<Node>> {
    let mut sums: Vec<u64> = if leaves.len() < MANY {
        leaves.iter().map(Node::sum).collect()
    } else {
        leaves.par_iter().map(Node::sum).collect()
    };
    let mut levels = vec![leaves];
    while sums.len() > 1 {
        let (nodes, totals) = parents(&sums);
        levels.push(nodes);
        sums = totals;
    }
    levels
}

/// The nodes above the children of given sums, and the sum of each.
fn parents(sums: &[u64]) -> (Vec<Node>, Vec<u64>) {
    let mut nodes = leaves(sums.len(), |child| sums[child]);
    let totals = nodes.iter_mut().map(|node| {
        let mut total = 0u64;
        for number in &mut node.0 {
            total = total.wrapping_add(std::mem::replace(number, total));
        }
        total
    });
    let totals = totals.collect();
    (nodes, totals)
}

/// Replaces every target, each below the total, by the index that owns it.
///
/// ```
/// use curricle_kernels::tree;
///
/// let levels = tree::levels(tree::leaves(100, |index| index as u64));
/// let mut targets = [0, 1, 2, 3, 4949];
/// tree::find_each(&levels, &mut targets);
/// assert_eq!(targets, [1, 2, 2, 3, 99]);
/// ```
pub fn find_each(levels: &[Vec<Node>], targets: &mut [u64]) {
    let Some((leaves, inner)) = levels.split_first() else { return };
    for block in targets.chunks_mut(BLOCK) {
        Arch::new().dispatch(
            #[inline(always)]
            || descend(leaves, inner, block),
        );
    }
}

#[inline(always)]
fn descend(leaves: &[Node], inner: &[Vec<Node>], targets: &mut [u64]) {
    let mut nodes = [0usize; BLOCK];
    for (depth, level) in inner.iter().enumerate().rev() {
        let below = depth.checked_sub(1).map_or(leaves, |below| &inner[below]);
        for (node, rest) in nodes.iter_mut().zip(targets.iter_mut()) {
            let (child, before) = level[*node].child(*rest);
            *rest -= before;
            *node = *node * FAN_OUT + child;
            prefetch(below, *node);
            prefetch(numbers(below), *node * FAN_OUT + FAN_OUT / 2);
        }
    }
    for (node, target) in nodes.iter().zip(targets.iter_mut()) {
        let (child, _) = leaves[*node].leaf(*target);
        *target = (*node * FAN_OUT + child) as u64;
    }
}

/// Sets the weights of indices, one after the other, and leaves in each change the weight that it
/// replaced. Returns by how much the total has changed.
///
/// The same list in reverse order undoes it.
///
/// # Panics
/// If an index lies beyond the padded leaves.
pub fn exchange_each(levels: &mut [Vec<Node>], changes: &mut [(usize, u64)]) -> i128 {
    let Some((leaves, inner)) = levels.split_first_mut() else { return 0 };
    let blocks = changes.chunks_mut(BLOCK);
    blocks
        .map(|block| {
            Arch::new().dispatch(
                #[inline(always)]
                || exchange(leaves, inner, block),
            )
        })
        .sum()
}

#[inline(always)]
fn exchange(leaves: &mut [Node], inner: &mut [Vec<Node>], changes: &mut [(usize, u64)]) -> i128 {
    for &(index, _) in &*changes {
        prefetch(numbers(leaves), index);
        for (level, shift) in inner.iter().zip(1..).take(2) {
            let node = index / FAN_OUT.pow(shift) / FAN_OUT;
            prefetch(level, node);
            prefetch(numbers(level), node * FAN_OUT + FAN_OUT / 2);
        }
    }
    let mut deltas = [0u64; BLOCK];
    let mut net = 0i128;
    for ((index, weight), delta) in changes.iter_mut().zip(&mut deltas) {
        let slot = &mut leaves[*index / FAN_OUT].0[*index % FAN_OUT];
        *delta = weight.wrapping_sub(*slot);
        net += i128::from(*weight) - i128::from(*slot);
        std::mem::swap(slot, weight);
    }
    let mut span = FAN_OUT;
    for level in inner {
        for (&(index, _), &delta) in changes.iter().zip(&deltas) {
            let child = index / span;
            level[child / FAN_OUT].add_behind(child % FAN_OUT, delta);
        }
        span *= FAN_OUT;
    }
    net
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The obviously right twin of a descent.
    fn owner(weights: &[u64], mut target: u64) -> usize {
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
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]

        #[test]
        fn agrees_with_a_list(
            mut weights in prop::collection::vec(weight(), 1..700),
            changes in prop::collection::vec((any::<prop::sample::Index>(), weight()), 0..200),
            targets in prop::collection::vec(any::<u64>(), 0..200),
        ) {
            let len = weights.len();
            let mut tree = levels(leaves(len, |index| weights[index]));
            let before = tree.clone();
            let mut changes: Vec<(usize, u64)> =
                changes.into_iter().map(|(index, weight)| (index.index(len), weight)).collect();
            let total: u64 = weights.iter().sum();
            changes.iter().for_each(|&(index, weight)| weights[index] = weight);
            let net = exchange_each(&mut tree, &mut changes);
            let after: u64 = weights.iter().sum();
            prop_assert_eq!(net, i128::from(after) - i128::from(total));
            prop_assert_eq!(&tree, &levels(leaves(len, |index| weights[index])));
            if after > 0 {
                let mut found: Vec<u64> = targets.iter().map(|target| target % after).collect();
                let twin: Vec<u64> =
                    found.iter().map(|&target| owner(&weights, target) as u64).collect();
                find_each(&tree, &mut found);
                prop_assert_eq!(found, twin);
            }
            changes.reverse();
            prop_assert_eq!(exchange_each(&mut tree, &mut changes), -net);
            prop_assert_eq!(tree, before);
        }
    }

    #[test]
    fn a_level_is_the_same_however_many_threads_compute_it() {
        let len = FAN_OUT * (MANY + 3) - 5;
        let weight = |index: usize| (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let parallel = leaves(len, weight);
        let numbers = numbers(&parallel);
        assert!((0..len).all(|index| numbers[index] == weight(index)));
        assert!(numbers[len..].iter().all(|&padding| padding == 0));
        let tree = levels(parallel);
        let mut last = [(0..len).map(weight).sum::<u64>() - 1];
        find_each(&tree, &mut last);
        assert_eq!(last, [len as u64 - 1]);
    }
}
