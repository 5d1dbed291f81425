//! One point against many rows: squared distances and inner products.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Partial sums a row is split into. Fixed, so that the result has the same bits on every processor.
const LANES: usize = 16;
/// Rows a task works on.
const BLOCK: usize = 256;

/// The squared distance of each row to a point: `into[i] = sum_k (rows[i, k] - point[k])^2`.
///
/// `rows` is `[n, dim]`, row after row, with `dim = point.len()` and `n = into.len()`. The sums are in
/// `f32`, in an order that depends on neither the processor nor the number of threads; equal rows give
/// exactly 0. Cost: one read of `rows`, on all threads of the current pool.
///
/// # Panics
/// If `rows` has not `into.len() * point.len()` elements.
///
/// ```
/// let mut distances = [0.0; 2];
/// curricle_kernels::squared_distances(&[0.0, 0.0, 3.0, 4.0], &[0.0, 0.0], &mut distances);
/// assert_eq!(distances, [0.0, 25.0]);
/// ```
pub fn squared_distances(rows: &[f32], point: &[f32], into: &mut [f32]) {
    each(rows, point, into, |x, y| {
        let difference = x - y;
        difference * difference
    });
}

/// The inner product of each row with a point: `into[i] = sum_k rows[i, k] point[k]`.
///
/// Shapes, order of the sums and cost are those of [`squared_distances`].
///
/// # Panics
/// If `rows` has not `into.len() * point.len()` elements.
///
/// ```
/// let mut products = [0.0; 2];
/// curricle_kernels::inner_products(&[1.0, 2.0, 3.0, 4.0], &[1.0, -1.0], &mut products);
/// assert_eq!(products, [-1.0, -1.0]);
/// ```
pub fn inner_products(rows: &[f32], point: &[f32], into: &mut [f32]) {
    each(rows, point, into, |x, y| x * y);
}

#[inline(always)]
fn each(
    rows: &[f32],
    point: &[f32],
    into: &mut [f32],
    term: impl Fn(f32, f32) -> f32 + Copy + Send + Sync,
) {
    let dim = point.len();
    assert_eq!(rows.len(), dim * into.len(), "rows * dim");
    if dim == 0 {
        into.fill(0.0);
        return;
    }
    let arch = Arch::new();
    let blocks = into.par_chunks_mut(BLOCK).zip(rows.par_chunks(BLOCK * dim));
    blocks.for_each(|(into, rows)| arch.dispatch(Block { rows, point, into, term }));
}

/// Some rows on one thread, compiled for each instruction set. A closure would not do: it stays a function
/// of its own, which has the instructions of the oldest processor.
struct Block<'a, F> {
    rows: &'a [f32],
    point: &'a [f32],
    into: &'a mut [f32],
    term: F,
}

impl<F: Fn(f32, f32) -> f32 + Copy> WithSimd for Block<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (into, row) in self.into.iter_mut().zip(self.rows.chunks_exact(self.point.len())) {
            *into = sum(row, self.point, self.term);
        }
    }
}

/// Sixteen partial sums, then their pairwise sum. No operation is fused.
#[inline(always)]
fn sum(row: &[f32], point: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (rows, rest) = row.as_chunks::<LANES>();
    let (points, rest_of_point) = point.as_chunks::<LANES>();
    for (x, y) in rows.iter().zip(points) {
        for lane in 0..LANES {
            lanes[lane] += term(x[lane], y[lane]);
        }
    }
    for (lane, (&x, &y)) in rest.iter().zip(rest_of_point).enumerate() {
        lanes[lane] += term(x, y);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_sums_in_double_precision(
            dim in 1usize..70,
            n in 0usize..600,
            seed in 0u32..1000,
        ) {
            let value = |k: usize| ((k as u32).wrapping_mul(2_654_435_761) ^ seed) as f32 / 4e9 - 0.5;
            let rows: Vec<f32> = (0..n * dim).map(value).collect();
            let point: Vec<f32> = (0..dim).map(|k| value(k + 77_777)).collect();
            let (mut distances, mut products) = (vec![0.0; n], vec![0.0; n]);
            squared_distances(&rows, &point, &mut distances);
            inner_products(&rows, &point, &mut products);
            for (i, row) in rows.chunks_exact(dim).enumerate() {
                let pairs = || row.iter().zip(&point).map(|(&x, &y)| (f64::from(x), f64::from(y)));
                let distance: f64 = pairs().map(|(x, y)| (x - y) * (x - y)).sum();
                let product: f64 = pairs().map(|(x, y)| x * y).sum();
                prop_assert!((f64::from(distances[i]) - distance).abs() <= 1e-6 * distance + 1e-12);
                prop_assert!((f64::from(products[i]) - product).abs() <= 1e-5);
            }
        }
    }

    #[test]
    fn one_thread_and_three_give_the_same_bits() {
        let rows: Vec<f32> = (0..1000 * 33).map(|k| (k % 977) as f32 / 7.0).collect();
        let of = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            let mut into = vec![0.0; 1000];
            pool.install(|| squared_distances(&rows, &rows[..33], &mut into));
            into.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
        };
        assert_eq!(of(1), of(3));
        assert_eq!(of(1)[0], 0);
    }
}
