//! Building the levels of a tree.

use super::node::{FAN_OUT, Node};
use crate::memory::{made, roomy};

/// From how many nodes on a level is computed by all threads.
pub(super) const MANY: usize = 1 << 15;

/// The leaves of a tree: `len` weights, padded with zeros to whole nodes, at least one. The weights
/// may be asked for from several threads, in any order.
pub(super) fn leaves(len: usize, weight: impl Fn(usize) -> u64 + Sync + Send) -> Vec<Node> {
    let node = |node: usize| {
        let mut numbers = [0; FAN_OUT];
        let start = node * FAN_OUT;
        for (place, number) in numbers.iter_mut().enumerate().take(len.saturating_sub(start)) {
            *number = weight(start + place);
        }
        Node(numbers)
    };
    let nodes = len.div_ceil(FAN_OUT).max(1);
    if nodes >= MANY {
        return made(nodes, node);
    }
    let mut leaves = roomy(nodes);
    leaves.extend((0..nodes).map(node));
    leaves
}

/// All levels of a tree over leaves. Cost: O(N), on all threads if there are many.
pub(super) fn levels(leaves: Vec<Node>) -> Vec<Vec<Node>> {
    let mut sums: Vec<u64> = if leaves.len() < MANY {
        leaves.iter().map(Node::sum).collect()
    } else {
        made(leaves.len(), |leaf| leaves[leaf].sum())
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
