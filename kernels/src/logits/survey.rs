//! What must be known of a block before its exponentials: the two greatest, and the moments.

use pulp::Simd;

use crate::lanes::{Array, LANES, Lanes, filled};

/// The two greatest, the number, mean and spread of the finite elements of a block or a row, and its faults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Survey {
    pub(crate) first: f32,
    pub(crate) second: f32,
    pub(crate) count: u64,
    pub(crate) mean: f64,
    /// The sum of squares about the mean.
    pub(crate) spread: f64,
    pub(crate) nan: u64,
    pub(crate) infinite: u64,
}

impl Survey {
    /// Of nothing.
    pub(crate) const EMPTY: Self = Self {
        first: f32::NEG_INFINITY,
        second: f32::NEG_INFINITY,
        count: 0,
        mean: 0.0,
        spread: 0.0,
        nan: 0,
        infinite: 0,
    };

    /// Of two parts together (Chan, Golub and LeVeque for the moments).
    #[inline(always)]
    pub(crate) fn and(self, other: Self) -> Self {
        let count = self.count + other.count;
        let (mut mean, mut spread) = (self.mean, self.spread);
        if count > 0 {
            let share = other.count as f64 / count as f64;
            let step = other.mean - self.mean;
            mean += step * share;
            spread += other.spread + step * step * share * self.count as f64;
        }
        let ((first, second), nan) = (top(self.pair(), other.pair()), self.nan + other.nan);
        Self { first, second, count, mean, spread, nan, infinite: self.infinite + other.infinite }
    }

    #[inline(always)]
    fn pair(self) -> (f32, f32) {
        (self.first, self.second)
    }
}

#[inline(always)]
fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn lesser(a: f32, b: f32) -> f32 {
    if a > b { b } else { a }
}

/// The two greatest of two pairs in falling order.
#[inline(always)]
fn top(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    (greater(a.0, b.0), greater(lesser(a.0, b.0), greater(a.1, b.1)))
}

/// What is known of the elements of each lane.
struct Running<S: Simd> {
    first: Lanes<S>,
    second: Lanes<S>,
    middle: Lanes<S>,
    sum: Lanes<S>,
    squares: Lanes<S>,
}

impl<S: Simd> Running<S> {
    #[inline(always)]
    fn new(simd: S, pivot: f32) -> Self {
        let (lowest, zero) = (Lanes::splat(simd, f32::NEG_INFINITY), Lanes::splat(simd, 0.0));
        let middle = Lanes::splat(simd, pivot);
        Self { first: lowest, second: lowest, middle, sum: zero, squares: zero }
    }

    /// Takes in elements for the maxima, and the same for the moments: they differ where one is left out.
    #[inline(always)]
    fn add(&mut self, simd: S, for_top: Lanes<S>, for_moments: Lanes<S>) {
        self.second = self.first.lesser(simd, for_top).greater(simd, self.second);
        self.first = self.first.greater(simd, for_top);
        let y = for_moments.minus(simd, self.middle);
        self.sum = self.sum.plus(simd, y);
        self.squares = self.squares.plus_product(simd, y, y);
    }

    /// The survey of `count` elements, all finite; `None` if one is too great to be squared.
    #[inline(always)]
    fn survey(&self, pivot: f32, count: u64) -> Option<Survey> {
        let (sum, squares) = (self.sum.total(), self.squares.total());
        if !squares.is_finite() {
            return None;
        }
        let (first, second) = (self.first.store(), self.second.store());
        let mut pairs = [(0.0, 0.0); LANES];
        for lane in 0..LANES {
            pairs[lane] = (first[lane], second[lane]);
        }
        let mut half = LANES / 2;
        while half > 0 {
            for lane in 0..half {
                pairs[lane] = top(pairs[lane], pairs[lane + half]);
            }
            half /= 2;
        }
        let off = if count == 0 { 0.0 } else { sum / count as f64 };
        let mean = f64::from(pivot) + off;
        let spread = (squares - sum * off).max(0.0);
        let (first, second) = pairs[0];
        Some(Survey { first, second, count, mean, spread, nan: 0, infinite: 0 })
    }
}

/// Surveys a block; the moments are summed about `pivot`, which should be near the mean.
#[inline(always)]
pub(crate) fn survey<S: Simd>(simd: S, block: &[f32], pivot: f32) -> Survey {
    let mut running = Running::new(simd, pivot);
    let (chunks, rest) = block.as_chunks::<LANES>();
    for chunk in chunks {
        let x = Lanes::load(simd, chunk);
        running.add(simd, x, x);
    }
    if !rest.is_empty() {
        let for_moments = Lanes::load(simd, &filled(rest, pivot));
        running.add(simd, Lanes::load(simd, &filled(rest, f32::NEG_INFINITY)), for_moments);
    }
    // An element that is not finite shows as a sum that is not.
    match running.survey(pivot, block.len() as u64) {
        Some(survey) => survey,
        None => masked(simd, block, pivot),
    }
}

/// The same for a block some of whose elements are `-inf`.
#[inline(always)]
fn masked<S: Simd>(simd: S, block: &[f32], pivot: f32) -> Survey {
    let mut running = Running::new(simd, pivot);
    let (zero, one) = (Lanes::splat(simd, 0.0), Lanes::splat(simd, 1.0));
    let lowest = Lanes::splat(simd, f32::NEG_INFINITY);
    // Whole numbers of at most `BLOCK`.
    let (mut finite, mut impossible) = (zero, zero);
    let (chunks, rest) = block.as_chunks::<LANES>();
    let last = [filled(rest, f32::NEG_INFINITY)];
    for part in [chunks, &last] {
        for chunk in part {
            let x = Lanes::load(simd, chunk);
            let known = x.where_finite(simd, x, lowest);
            running.add(simd, known, x.where_finite(simd, x, running.middle));
            finite = finite.plus(simd, one.where_finite(simd, x, zero));
            impossible = impossible.plus(simd, one.where_impossible(simd, x, zero));
        }
    }
    let (finite, impossible) = (finite.total() as u64, impossible.total() as u64);
    let whole = (chunks.len() + 1) * LANES;
    match running.survey(pivot, finite) {
        Some(survey) if finite + impossible == whole as u64 => survey,
        _ => with_care(block),
    }
}

/// The same for a block that may hold anything, in no hurry; the finite elements count, in `f64`.
fn with_care(block: &[f32]) -> Survey {
    let mut result = Survey::EMPTY;
    let mut sum = [0.0f64; LANES];
    let mut finite = [0u32; LANES];
    let mut nan = [0u32; LANES];
    let mut infinite = [0u32; LANES];
    let mut first: Array = [f32::NEG_INFINITY; LANES];
    let mut second = first;
    let (chunks, rest) = block.as_chunks::<LANES>();
    for chunk in chunks.iter().map(|chunk| &chunk[..]).chain([rest]) {
        for (lane, &x) in chunk.iter().enumerate() {
            let fine = x.is_finite();
            let known = if fine { x } else { f32::NEG_INFINITY };
            second[lane] = greater(lesser(first[lane], known), second[lane]);
            first[lane] = greater(first[lane], known);
            sum[lane] += if fine { f64::from(x) } else { 0.0 };
            finite[lane] += u32::from(fine);
            nan[lane] += u32::from(x.is_nan());
            infinite[lane] += u32::from(x == f32::INFINITY);
        }
    }
    let mut pair = (f32::NEG_INFINITY, f32::NEG_INFINITY);
    for lane in 0..LANES {
        pair = top(pair, (first[lane], second[lane]));
        result.count += u64::from(finite[lane]);
        result.nan += u64::from(nan[lane]);
        result.infinite += u64::from(infinite[lane]);
    }
    (result.first, result.second) = pair;
    if result.count > 0 {
        result.mean = sum.iter().sum::<f64>() / result.count as f64;
        let mut spread = [0.0f64; LANES];
        for chunk in chunks.iter().map(|chunk| &chunk[..]).chain([rest]) {
            for (lane, &x) in chunk.iter().enumerate() {
                let off = if x.is_finite() { f64::from(x) - result.mean } else { 0.0 };
                spread[lane] += off * off;
            }
        }
        result.spread = spread.iter().sum();
    }
    result
}
