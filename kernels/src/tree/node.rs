//! A node of a tree: eight numbers in one cache line.
//!
//! Where a register holds a node whole (AVX-512), one comparison finds a child and one masked addition
//! adds to a node; elsewhere three comparisons without a branch do, and additions that the compiler
//! makes vectors of. Which of them runs is detected at run time; the results are the same.

use pulp::Simd;

/// Children of a node.
pub(super) const FAN_OUT: usize = 8;

/// The places of the children in a node.
const PLACES: [u64; FAN_OUT] = [0, 1, 2, 3, 4, 5, 6, 7];

/// Eight numbers: one cache line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub(super) struct Node(pub [u64; FAN_OUT]);

impl Node {
    /// The sum of a node of weights.
    #[inline]
    pub fn sum(&self) -> u64 {
        self.0.iter().fold(0, |sum, weight| sum.wrapping_add(*weight))
    }

    /// The child that owns a target in a node of sums, and the sum before it: one comparison of all
    /// eight where the processor has it, and else three halvings without a branch.
    #[inline(always)]
    pub fn child<S: Simd>(&self, simd: S, target: u64) -> (usize, u64) {
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
    pub fn leaf(&self, target: u64) -> usize {
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
    pub fn add_behind<S: Simd>(&mut self, simd: S, child: usize, change: u64) {
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
pub(super) fn numbers(level: &[Node]) -> &[u64] {
    bytemuck::cast_slice(level)
}
