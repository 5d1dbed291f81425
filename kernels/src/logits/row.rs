//! The sums of one row in one read.

use pulp::Simd;

use super::survey::{Survey, survey};
use super::{Moments, RowSums, exact};
use crate::Element;
use crate::lanes::{Array, FLOOR, LANES, Lanes, Scale, filled};

/// Elements read at a time: 8 KiB of `f32`, which stay in the first cache from the survey to the exponentials.
pub(crate) const BLOCK: usize = 2048;

/// Rows of at most this many elements are summed by [`exact`]: they cost little either way, and keep all their digits.
const SHORT: usize = 32;

/// A second element that lies further than this below the first, in units of the temperature, is left
/// to [`exact`]: its exponential is small, and `f32` would give it few digits.
const FAR: f64 = 50.0;

/// `sum e^d`, `sum e^d d` and `sum e^2d` below a maximum that is not among the elements, with `d = (z - max) /
/// temperature` in the exponents and `d = z - max` beside them.
///
/// `-inf` weighs as much as [`FLOOR`], 5e-38. That is below 1e-10 of the sum even if a million elements
/// are `-inf`, as long as one is not [`FAR`].
struct Sums<S: Simd> {
    rest: Lanes<S>,
    weighted: Lanes<S>,
    squared: Lanes<S>,
    max: Lanes<S>,
    floor: Lanes<S>,
    scale: Scale,
}

impl<S: Simd> Sums<S> {
    #[inline(always)]
    fn add(&mut self, simd: S, chunk: &Array) {
        let d = Lanes::load(simd, chunk).minus(simd, self.max).greater(simd, self.floor);
        let e = d.power_of_two(simd, self.scale);
        self.rest = self.rest.plus(simd, e);
        self.weighted = self.weighted.plus_product(simd, e, d);
        self.squared = self.squared.plus_product(simd, e, e);
    }
}

/// [`Sums`] over a slice.
#[inline(always)]
fn below<S: Simd>(simd: S, slice: &[f32], max: f32, scale: Scale, floor: f32) -> [f64; 3] {
    let zero = Lanes::splat(simd, 0.0);
    let (max, floor) = (Lanes::splat(simd, max), Lanes::splat(simd, floor));
    let mut sums = Sums { rest: zero, weighted: zero, squared: zero, max, floor, scale };
    let (chunks, tail) = slice.as_chunks::<LANES>();
    for chunk in chunks {
        sums.add(simd, chunk);
    }
    if !tail.is_empty() {
        sums.add(simd, &filled(tail, f32::NEG_INFINITY));
    }
    [sums.rest.total(), sums.weighted.total(), sums.squared.total()]
}

/// The mean of the finite ones of the first few elements, to begin with.
#[inline(always)]
fn first_pivot(block: &[f32]) -> f32 {
    let few = &block[..block.len().min(LANES)];
    let (sum, count) = few
        .iter()
        .filter(|x| x.is_finite())
        .fold((0.0, 0u32), |(sum, count), &x| (sum + f64::from(x), count + 1));
    if count == 0 { 0.0 } else { (sum / f64::from(count)) as f32 }
}

/// The sums of a row at a temperature. `room` has [`BLOCK`] elements.
#[inline(always)]
pub(crate) fn sums<S: Simd, E: Element>(
    simd: S,
    row: &[E],
    temperature: f64,
    room: &mut [f32],
) -> RowSums {
    // At any sensible temperature its factors are far from the ends of `f32`.
    if row.len() <= SHORT || !(1e-6..=1e6).contains(&temperature) {
        return exactly(row, temperature, room);
    }
    let scale = Scale::new(temperature);
    let floor = (f64::from(FLOOR) * temperature) as f32;
    let mut whole = Survey::EMPTY;
    let mut argmax = 0;
    let [mut rest, mut weighted, mut squared] = [0.0f64; 3];
    for (number, block) in row.chunks(BLOCK).enumerate() {
        let block = E::widen(block, room);
        let pivot = if whole.count == 0 { first_pivot(block) } else { whole.mean as f32 };
        let part = survey(simd, block, pivot);
        if part.nan + part.infinite > 0 {
            return exactly(row, temperature, room);
        }
        let before = whole.first;
        whole = whole.and(part);
        if part.count == 0 {
            continue;
        }
        if part.first > before {
            // The old maximum becomes one of the rest, at distance 0, and all move down.
            if before > f32::NEG_INFINITY {
                let step = f64::from(before) - f64::from(part.first);
                let fall = libm::exp(step / temperature);
                rest += 1.0;
                weighted = if fall > 0.0 { fall * (weighted + step * rest) } else { 0.0 };
                rest *= fall;
                squared = fall * fall * (squared + 1.0);
            }
            let place = block.iter().position(|&x| x == part.first).unwrap_or(0);
            argmax = number * BLOCK + place;
            let left = below(simd, &block[..place], part.first, scale, floor);
            let right = below(simd, &block[place + 1..], part.first, scale, floor);
            rest += left[0] + right[0];
            weighted += left[1] + right[1];
            squared += left[2] + right[2];
        } else {
            let all = below(simd, block, whole.first, scale, floor);
            rest += all[0];
            weighted += all[1];
            squared += all[2];
        }
    }
    let (max, second) = (f64::from(whole.first), f64::from(whole.second));
    if whole.count == 0 || max - second > FAR * temperature {
        return exactly(row, temperature, room);
    }
    let mut sums = RowSums::empty();
    (sums.max, sums.second, sums.argmax, sums.count) = (max, second, argmax as u64, whole.count);
    (sums.rest, sums.weighted, sums.squared) = (rest, weighted / temperature, squared);
    let gaps = whole.count as f64 * (whole.mean - max);
    sums.moments = Some(Moments { gaps, spread: whole.spread });
    sums.settled(temperature)
}

/// The same by [`exact`].
#[inline(never)]
fn exactly<E: Element>(row: &[E], temperature: f64, room: &mut [f32]) -> RowSums {
    if row.len() <= BLOCK {
        let row = E::widen(row, room);
        return exact::sums(row.iter().map(|&x| f64::from(x)), temperature);
    }
    let mut wide = vec![0.0; row.len()];
    let row = E::widen(row, &mut wide);
    exact::sums(row.iter().map(|&x| f64::from(x)), temperature)
}
