//! Many changes of weights at a time.
//!
//! All sums wrap, so a list of changes may pass through a state that does not fit and leave exact sums
//! if its end does.

use pulp::{Arch, Simd, WithSimd};

use super::descent::NEAR;
use super::node::{FAN_OUT, Node};
use crate::memory::{BLOCK, prefetch};

/// Sets the weights of indices, one after the other, and leaves in each change the weight that it
/// replaced. Returns by how much the total has changed.
///
/// The same list in reverse order undoes it.
///
/// # Panics
/// If an index lies beyond the padded leaves.
pub(super) fn exchange_each(levels: &mut [Vec<Node>], changes: &mut [(usize, u64)]) -> i128 {
    let Some((leaves, inner)) = levels.split_first_mut() else { return 0 };
    Arch::new().dispatch(Exchange { leaves, inner, changes })
}

/// Many changes, compiled for each instruction set.
pub(super) struct Exchange<'a> {
    pub leaves: &'a mut [Node],
    pub inner: &'a mut [Vec<Node>],
    pub changes: &'a mut [(usize, u64)],
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
