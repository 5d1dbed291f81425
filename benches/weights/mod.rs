//! The weights that trees are compared over: between 0.5 and 1.5, no two neighbours alike.

use curricle::SumTree;

pub fn weight(index: usize) -> f64 {
    0.5 + (index % 97) as f64 / 97.0
}

/// A weight in the units of a curriculum.
pub fn units(weight: f64) -> u64 {
    (weight * 4_294_967_296.0) as u64
}

pub fn sum_tree(samples: usize) -> SumTree {
    SumTree::from_fn(samples, |index| units(weight(index))).expect("small weights")
}
