//! Descents and updates of a tree of integer sums, many at a time.
//!
//! A tree is a list of levels of [`Node`]s, one cache line each. `levels[0]` holds the weights;
//! every node further up holds the sums of its children *before* each child, so that the child that
//! owns a target is found by comparisons alone. The last level is one node.
//!
//! A batch goes down level by level and asks for the node that each descent reads next: the cache
//! misses of a batch overlap. All sums wrap, so an update may pass through a state that does not fit
//! and leave exact sums if its end does.
//!
//! A node is one line, whatever the processor. Where a register holds it whole (AVX-512), one comparison finds a child
//! and one masked addition adds to a node; elsewhere three comparisons without a branch do, and additions that the
//! compiler makes vectors of. Which of them runs is detected at run time; the results are the same.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::memory::{BLOCK, prefetch, roomy};

/// Children of a node.
pub const FAN_OUT: usize = 8;

/// The places of the children in a node.
const PLACES: [u64; FAN_OUT] = [0, 1, 2, 3, 4, 5, 6, 7];

/// How many descents are in the blocks of one pipeline.
const CHUNK: usize = 512;

/// Levels of up to so many nodes are in the first cache or near it.
const NEAR: usize = 512;

/// Levels of more nodes are further away than the second cache.
const FAR: usize = 8192;

/// From how many nodes on a level is computed by all threads.
const MANY: usize = 1 << 15;

/// Eight numbers: one cache line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub struct Node(pub [u64; FAN_OUT]);

impl Node {
    /// The sum of a node of weights.
    #[inline]
    pub fn sum(&self) -> u64 {
        self.0.iter().fold(0, |sum, weight| sum.wrapping_add(*weight))
    }

    /// The child that owns a target in a node of sums, and the sum before it: one comparison of all eight
    /// where the processor has it, and else three halvings without a branch.
    #[inline(always)]
    fn child<S: Simd>(&self, simd: S, target: u64) -> (usize, u64) {
        if const { S::U64_LANES == FAN_OUT && size_of::<S::m64s>() == 1 } {
            let behind = simd.greater_than_u64s(bytemuck::cast(self.0), simd.splat_u64s(target));
            // The first sum is 0, so at least one is not beyond the target.
            let child = bytemuck::cast::<S::m64s, u8>(behind).count_zeros() as usize - 1;
            return (child, self.0[child & (FAN_OUT - 1)]);
        }
        let passed = |child: usize| usize::from(self.0[child] <= target);
        let half = 4 * passed(4);
        let pair = half + 2 * passed(half + 2);
        let child = pair + passed(pair + 1);
        (child, self.0[child])
    }

    /// The child that owns a target below the sum of a node of weights.
    #[inline(always)]
    fn leaf(&self, target: u64) -> usize {
        let w = &self.0;
        let sum = w[0].wrapping_add(w[1]).wrapping_add(w[2].wrapping_add(w[3]));
        let passed = sum <= target;
        let (half, start) = (4 * usize::from(passed), if passed { sum } else { 0 });
        let sum = start.wrapping_add(w[half]).wrapping_add(w[half + 1]);
        let passed = sum <= target;
        let (pair, start) = (half + 2 * usize::from(passed), if passed { sum } else { start });
        pair + usize::from(start.wrapping_add(w[pair]) <= target)
    }

    /// Adds to the sums before the children behind one.
    #[inline(always)]
    fn add_behind<S: Simd>(&mut self, simd: S, child: usize, change: u64) {
        if const { S::U64_LANES == FAN_OUT } {
            let places = bytemuck::cast(PLACES);
            let is_behind = simd.greater_than_u64s(places, simd.splat_u64s(child as u64));
            let change = simd.select_u64s(is_behind, simd.splat_u64s(change), simd.splat_u64s(0));
            self.0 = bytemuck::cast(simd.add_u64s(bytemuck::cast(self.0), change));
            return;
        }
        for (place, sum) in self.0.iter_mut().enumerate() {
            *sum = sum.wrapping_add(if place > child { change } else { 0 });
        }
    }
}

/// The numbers of a level as one list.
#[inline]
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
    Arch::new().dispatch(Descent { leaves, inner, targets });
}

/// Many descents, compiled for each instruction set.
struct Descent<'a> {
    leaves: &'a [Node],
    inner: &'a [Vec<Node>],
    targets: &'a mut [u64],
}

impl WithSimd for Descent<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for targets in self.targets.chunks_mut(CHUNK) {
            descend(simd, self.leaves, self.inner, targets);
        }
    }
}

/// Blocks of descents pass through the far levels one behind the other: while the nodes that one
/// block has asked for are on their way, the others go down.
#[inline(always)]
fn descend<S: Simd>(simd: S, leaves: &[Node], inner: &[Vec<Node>], targets: &mut [u64]) {
    let mut nodes = [0; CHUNK];
    let nodes = &mut nodes[..targets.len()];
    // How many levels above the leaves are far; the leaves come last in any case.
    let far = inner.iter().take_while(|level| level.len() > FAR).count();
    let blocks = targets.len().div_ceil(BLOCK);
    for step in 0..blocks + far + 1 {
        for stage in (0..far + 2).rev() {
            let Some(block) = step.checked_sub(stage).filter(|block| *block < blocks) else { continue };
            let range = block * BLOCK..targets.len().min((block + 1) * BLOCK);
            let (nodes, targets) = (&mut nodes[range.clone()], &mut targets[range]);
            if stage == 0 {
                for depth in (far..inner.len()).rev() {
                    pass(simd, &inner[depth], below(leaves, inner, depth), nodes, targets);
                }
            } else if stage <= far {
                let depth = far - stage;
                pass(simd, &inner[depth], below(leaves, inner, depth), nodes, targets);
            } else {
                for (target, node) in targets.iter_mut().zip(nodes) {
                    *target = (*node * FAN_OUT + leaves[*node].leaf(*target)) as u64;
                }
            }
        }
    }
}

/// The level below an inner one.
#[inline(always)]
fn below<'a>(leaves: &'a [Node], inner: &'a [Vec<Node>], depth: usize) -> &'a [Node] {
    depth.checked_sub(1).map_or(leaves, |below| &inner[below])
}

/// Takes descents down by one level, and asks for the nodes that they come to.
#[inline(always)]
fn pass<S: Simd>(simd: S, level: &[Node], below: &[Node], nodes: &mut [usize], rests: &mut [u64]) {
    let far = below.len() > NEAR;
    for (node, rest) in nodes.iter_mut().zip(rests) {
        let (child, before) = level[*node].child(simd, *rest);
        *rest -= before;
        *node = *node * FAN_OUT + child;
        if far {
            prefetch(below, *node);
        }
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
    Arch::new().dispatch(Exchange { leaves, inner, changes })
}

/// Many changes, compiled for each instruction set.
struct Exchange<'a> {
    leaves: &'a mut [Node],
    inner: &'a mut [Vec<Node>],
    changes: &'a mut [(usize, u64)],
}

impl WithSimd for Exchange<'_> {
    type Output = i128;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> i128 {
        let mut net = 0;
        let mut rest = self.changes;
        fetch(self.leaves, self.inner, &rest[..rest.len().min(BLOCK)]);
        while !rest.is_empty() {
            let (block, later) = rest.split_at_mut(rest.len().min(BLOCK));
            fetch(self.leaves, self.inner, &later[..later.len().min(BLOCK)]);
            net += exchange(simd, self.leaves, self.inner, block);
            rest = later;
        }
        net
    }
}

/// Asks for the nodes that changes will reach.
#[inline(always)]
fn fetch(leaves: &[Node], inner: &[Vec<Node>], changes: &[(usize, u64)]) {
    for &(index, _) in changes {
        prefetch(leaves, index / FAN_OUT);
    }
    let mut span = FAN_OUT * FAN_OUT;
    for level in inner.iter().take_while(|level| level.len() > NEAR) {
        for &(index, _) in changes {
            prefetch(level, index / span);
        }
        span *= FAN_OUT;
    }
}

#[inline(always)]
fn exchange<S: Simd>(
    simd: S,
    leaves: &mut [Node],
    inner: &mut [Vec<Node>],
    changes: &mut [(usize, u64)],
) -> i128 {
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
            level[child / FAN_OUT].add_behind(simd, child % FAN_OUT, delta);
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

        /// Every instruction set that this processor has gives the same.
        #[test]
        fn instruction_sets_agree(
            weights in prop::collection::vec(weight(), 1..700),
            changes in prop::collection::vec((any::<prop::sample::Index>(), weight()), 0..100),
            targets in prop::collection::vec(any::<u64>(), 0..100),
        ) {
            let len = weights.len();
            let tree = levels(leaves(len, |index| weights[index]));
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
            exchange_each(&mut twin, &mut replaced);
            prop_assert_eq!((plain.0, plain.1), (twin, replaced));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "the thread pool keeps pointers as integers, which Miri refuses")]
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
