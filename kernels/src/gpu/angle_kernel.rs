//! The kernels of [`super::angle`].

use cubecl::prelude::*;

use super::reduce::{FEW, Quad, across, sum_planes, sum_units, widen};

/// `2^120`: a sum of squares above this may have overflowed, or is not a number.
const MOST: u32 = (127 + 120) << 23;
/// `2^-70`: what rows whose squares overflow are multiplied by.
const SCALE: f32 = 8.470_329_5e-22;
/// The least length that a row is divided by, squared, and one over it.
const EPSILON_SQUARED: f32 = 1e-24;
const ONE_OVER_EPSILON: f32 = 1e12;
/// Words of statistics a chunk or a segment.
pub(super) const STATS: usize = 3;
/// The bits of infinity; those of a NaN without its sign are above.
const INFINITE: u32 = 0x7f80_0000;

/// Sums the unit vectors of the rows of a chunk, reading each row once. One workgroup a chunk.
///
/// `chunks` has `[first row, end row]` a chunk, `partials` gets `parts * words` vectors a chunk,
/// `stats` gets [`STATS`] words: the number of rows of length 1 once divided, the first row that is not
/// finite or `u32::MAX`, and the bits of the sum of `|u|^2` over the shorter rows.
///
/// A unit holds `held` words of each of `together` rows in registers, so that their loads are under
/// way at once and one reduction serves them all. Squares that underflow are those of rows far below
/// the least length, or of elements that do not count. A row whose squares overflow, from a length of
/// `2^60` on, is reported as not finite unless `scaled`, which measures every row at a second scale.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
pub(super) fn sum_rows<E: Numeric, N: Size>(
    states: &[Vector<E, N>],
    chunks: &[u32],
    partials: &mut [Vector<f32, N>],
    stats: &mut [u32],
    count: u32,
    #[comptime] words: usize,
    #[comptime] held: usize,
    #[comptime] together: usize,
    #[comptime] units: usize,
    #[comptime] most_planes: usize,
    #[comptime] packed: bool,
    #[comptime] scaled: bool,
) {
    let parts = comptime!(if packed { 2 } else { 1 });
    let planes = comptime!(most_planes > 0);
    let ragged = comptime!(!words.is_multiple_of(units));
    let unit = UNIT_POS as usize;
    let mut room = Shared::<[Quad]>::new_slice(comptime!(if planes { 2 * most_planes } else { units }));
    let mut few = Shared::<[Quad]>::new_slice(FEW);
    let chunk = CUBE_POS;
    if chunk < count as usize {
        let first = chunks[2 * chunk];
        let end = chunks[2 * chunk + 1];
        let mut sums = Array::<Vector<f32, N>>::new(comptime!(held * parts));
        #[unroll]
        for i in 0..comptime!(held * parts) {
            sums[i] = Vector::zeroed();
        }
        let mut full = 0u32;
        let mut short = 0.0f32;
        let mut bad = u32::MAX.runtime();
        let mut half = 0u32;
        let mut row = first;
        while row < end {
            let mut x = Array::<Vector<E, N>>::new(comptime!(held * together));
            #[unroll]
            for r in 0..together {
                // Past the end the last row is read again and not counted: no load waits on a branch.
                let start = min(row + r as u32, end - 1) as usize * words;
                #[unroll]
                for k in 0..held {
                    if comptime!(ragged && k + 1 == held) {
                        let at = unit + k * units;
                        let word = states[start + min(at, words - 1)];
                        x[r * held + k] = select(at < words, word, Vector::zeroed());
                    } else {
                        x[r * held + k] = states[start + unit + k * units];
                    }
                }
            }
            let mut squares = Quad::zeroed();
            let mut scaled_squares = Quad::zeroed();
            #[unroll]
            for r in 0..together {
                let mut square = Vector::<f32, N>::zeroed();
                let mut scaled_square = Vector::<f32, N>::zeroed();
                #[unroll]
                for k in 0..held {
                    #[unroll]
                    for part in 0..parts {
                        let value = widen::<E, N>(x[r * held + k], part, packed);
                        square = fma(value, value, square);
                        if comptime!(scaled) {
                            let value = value * Vector::new(SCALE);
                            scaled_square = fma(value, value, scaled_square);
                        }
                    }
                }
                squares.insert(r, across(square));
                if comptime!(scaled) {
                    scaled_squares.insert(r, across(scaled_square));
                }
            }
            let total = if comptime!(planes) {
                sum_planes(squares, &mut room, half, most_planes)
            } else {
                sum_units(squares, &mut room, &mut few, units)
            };
            half = 1 - half;
            let mut scaled_total = Quad::zeroed();
            if comptime!(scaled) {
                scaled_total = if comptime!(planes) {
                    sum_planes(scaled_squares, &mut room, half, most_planes)
                } else {
                    sum_units(scaled_squares, &mut room, &mut few, units)
                };
                half = 1 - half;
            }
            #[unroll]
            for r in 0..together {
                let counts = row + (r as u32) < end;
                let square = total.extract(r);
                let over = u32::reinterpret(square) > MOST;
                let whole = square >= EPSILON_SQUARED;
                let mut inverse = select(whole, square.inverse_sqrt(), ONE_OVER_EPSILON);
                let mut wrong = over;
                let mut scale = 1.0f32;
                if comptime!(scaled) {
                    let square = scaled_total.extract(r);
                    wrong = (u32::reinterpret(square) & 0x7fff_ffff) >= INFINITE;
                    inverse = select(over, square.inverse_sqrt(), inverse);
                    scale = select(over, SCALE, 1.0f32);
                }
                if wrong && counts {
                    bad = min(bad, row + r as u32);
                }
                full += select(counts && (whole || over), 1u32, 0u32);
                let less = square * ONE_OVER_EPSILON * ONE_OVER_EPSILON;
                short += select(counts && !(whole || over), less, 0.0f32);
                let inverse = Vector::<f32, N>::new(select(counts, inverse, 0.0f32));
                #[unroll]
                for k in 0..held {
                    #[unroll]
                    for part in 0..parts {
                        let mut value = widen::<E, N>(x[r * held + k], part, packed);
                        if comptime!(scaled) {
                            value *= Vector::new(scale);
                        }
                        let i = comptime!(k * parts + part);
                        sums[i] = fma(value, inverse, sums[i]);
                    }
                }
            }
            row += together as u32;
        }
        #[unroll]
        for k in 0..held {
            let at = unit + k * units;
            if at < words {
                #[unroll]
                for part in 0..parts {
                    partials[(chunk * parts + part) * words + at] = sums[comptime!(k * parts + part)];
                }
            }
        }
        if unit == 0 {
            stats[STATS * chunk] = full;
            stats[STATS * chunk + 1] = bad;
            stats[STATS * chunk + 2] = u32::reinterpret(short);
        }
    }
}

/// Sets sums to zero, and stats to those of no row.
#[cube(launch_unchecked)]
pub(super) fn clear<N: Size>(
    sums: &mut [Vector<f32, N>],
    stats: &mut [u32],
    words: u32,
    segments: u32,
) {
    let at = ABSOLUTE_POS;
    if at < words as usize {
        sums[at] = Vector::zeroed();
    }
    if at < segments as usize {
        stats[STATS * at] = 0;
        stats[STATS * at + 1] = u32::MAX;
        stats[STATS * at + 2] = 0;
    }
}

/// Adds the partial sums of a batch of chunks to the sums of their segments, in the order of the
/// chunks, with compensation (Kahan). `jobs` has `[segment, first chunk, end chunk]`; a segment has
/// `row` vectors of sums, then as many of compensation. `blocks` workgroups serve a job.
///
/// `shift` is added to row numbers: what came in tiles before this one.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
pub(super) fn fold<N: Size>(
    partials: &[Vector<f32, N>],
    partial_stats: &[u32],
    jobs: &[u32],
    sums: &mut [Vector<f32, N>],
    stats: &mut [u32],
    count: u32,
    shift: u32,
    #[comptime] row: usize,
    #[comptime] blocks: usize,
) {
    let job = CUBE_POS / blocks;
    if job < count as usize {
        let segment = jobs[3 * job] as usize;
        let first = jobs[3 * job + 1] as usize;
        let end = jobs[3 * job + 2] as usize;
        let at = (CUBE_POS % blocks) * CUBE_DIM as usize + UNIT_POS as usize;
        if at < row {
            let mut sum = sums[2 * segment * row + at];
            let mut carry = sums[(2 * segment + 1) * row + at];
            for chunk in first..end {
                let value = partials[chunk * row + at] - carry;
                let next = sum + value;
                carry = (next - sum) - value;
                sum = next;
            }
            sums[2 * segment * row + at] = sum;
            sums[(2 * segment + 1) * row + at] = carry;
        }
        if at == 0 {
            let mut full = stats[STATS * segment];
            let mut bad = stats[STATS * segment + 1];
            let mut short = f32::reinterpret(stats[STATS * segment + 2]);
            for chunk in first..end {
                full += partial_stats[STATS * chunk];
                let row = partial_stats[STATS * chunk + 1];
                if row != u32::MAX {
                    bad = min(bad, row + shift);
                }
                short += f32::reinterpret(partial_stats[STATS * chunk + 2]);
            }
            stats[STATS * segment] = full;
            stats[STATS * segment + 1] = bad;
            stats[STATS * segment + 2] = u32::reinterpret(short);
        }
    }
}

/// For each sample `[segment of the question, segment of the prefix]`: the question's sum squared,
/// and its product with the prefix's. One workgroup a sample.
#[cube(launch_unchecked)]
pub(super) fn dot<N: Size>(
    sums: &[Vector<f32, N>],
    samples: &[u32],
    dots: &mut [f32],
    count: u32,
    #[comptime] row: usize,
    #[comptime] units: usize,
) {
    let mut room = Shared::<[Quad]>::new_slice(units);
    let mut few = Shared::<[Quad]>::new_slice(FEW);
    let sample = CUBE_POS;
    if sample < count as usize {
        let question = 2 * samples[2 * sample] as usize * row;
        let prefix = 2 * samples[2 * sample + 1] as usize * row;
        let mut intra = Vector::<f32, N>::zeroed();
        let mut inter = Vector::<f32, N>::zeroed();
        let mut at = UNIT_POS as usize;
        while at < row {
            let q = sums[question + at] - sums[question + row + at];
            let p = sums[prefix + at] - sums[prefix + row + at];
            intra = fma(q, q, intra);
            inter = fma(q, p, inter);
            at += units;
        }
        let mut both = Quad::zeroed();
        both.insert(0usize, across(intra));
        both.insert(1usize, across(inter));
        let both = sum_units(both, &mut room, &mut few, units);
        if UNIT_POS == 0 {
            dots[2 * sample] = both.extract(0usize);
            dots[2 * sample + 1] = both.extract(1usize);
        }
    }
}
