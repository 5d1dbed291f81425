//! Many descents at a time.
//!
//! A batch goes down level by level and asks for the node that each descent reads next: the cache
//! misses of a batch overlap.

use pulp::{Arch, Simd, WithSimd};

use super::node::{FAN_OUT, Node};
use crate::memory::{BLOCK, prefetch};

/// How many descents are in the blocks of one pipeline.
const CHUNK: usize = 512;

/// Levels of up to so many nodes are in the first cache or near it.
pub(super) const NEAR: usize = 512;

/// Levels of more nodes are further away than the second cache.
const FAR: usize = 8192;

/// Replaces every target, each below the total, by the index that owns it.
pub(super) fn find_each(levels: &[Vec<Node>], targets: &mut [u64]) {
    let Some((leaves, inner)) = levels.split_first() else { return };
    Arch::new().dispatch(Descent { leaves, inner, targets });
}

/// Many descents, compiled for each instruction set.
pub(super) struct Descent<'a> {
    pub leaves: &'a [Node],
    pub inner: &'a [Vec<Node>],
    pub targets: &'a mut [u64],
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
