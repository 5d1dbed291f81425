//! The kernel of [`super::logits`].

use cubecl::prelude::*;

use super::reduce::widen;

const INFINITE: u32 = 0x7f80_0000;
const MINUS_INFINITE: u32 = 0xff80_0000;
/// `e` to this is zero, and times this still zero: keeps `0 * inf` out of the sums.
const NEGLIGIBLE: f32 = -1.0e4;
/// How far above its reference a value may lie before the sums are rescaled.
const SLACK: f32 = 8.0;

const ONE_OVER_LN_2: f32 = std::f32::consts::LOG2_E;

/// `e^x` to about `1e-7` for `x` up to 8, and 0 from -87 down: shader languages leave their own `exp`
/// so much room that a sum over a vocabulary shows it. Cody and Waite's reduction by two parts of
/// `ln 2`, the polynomial of degree 6 with the least greatest relative error (2e-9), the power of two added to
/// the exponent.
#[cube]
fn exponential(x: f32) -> f32 {
    let low = max(x, -87.0f32);
    let k = f32::floor(fma(low, ONE_OVER_LN_2, 0.5f32));
    let y = fma(k, -0.693_359_4f32, low);
    let y = fma(k, 2.121_944_4e-4f32, y);
    let p = fma(y, 1.383_683_5e-3f32, 8.374_824e-3f32);
    let p = fma(p, y, 4.166_822_5e-2f32);
    let p = fma(p, y, 0.166_664_2f32);
    let p = fma(p, y, 0.499_999_9f32);
    let p = fma(p, y, 1.0f32);
    let p = fma(p, y, 1.0f32);
    // At -87 the polynomial is 1.4 and the power 2^-126: the exponent stays above 0.
    let bits = u32::reinterpret(p) + (u32::cast_from(i32::cast_from(k)) << 23);
    select(x > -87.0f32, f32::reinterpret(bits), 0.0f32)
}

/// One row of sums. The sums hold every value except the greatest, relative to a reference.
#[derive(CubeType)]
struct Run {
    top: f32,
    at: u32,
    second: f32,
    r: f32,
    a: f32,
    q: f32,
}

/// Joins two runs whose sums are relative to their own greatest value.
#[cube]
fn join(x: Run, y: Run) -> Run {
    let second = y.top > x.top || (y.top == x.top && y.at < x.at);
    let top = select(second, y.top, x.top);
    let low = select(second, x.top, y.top);
    let shift = max(low - max(top, f32::min_value()), NEGLIGIBLE);
    let e = exponential(shift);
    let (wr, lr) = (select(second, y.r, x.r), select(second, x.r, y.r) + 1.0);
    let (wa, la) = (select(second, y.a, x.a), select(second, x.a, y.a));
    let (wq, lq) = (select(second, y.q, x.q), select(second, x.q, y.q) + 1.0);
    Run {
        top,
        at: select(second, y.at, x.at),
        second: max(select(second, y.second, x.second), low),
        r: wr + e * lr,
        a: wa + e * (la + shift * lr),
        q: wq + e * e * lq,
    }
}

/// Sums over each row of logits, reading each value once. One workgroup a row.
///
/// `floats` gets `[max, second, R, A, Q]` a row, `ints` gets `[argmax, values of -inf, whether any
/// value is NaN or +inf]`. `infinity` is that: shader text has no word for it.
///
/// The greatest value is never in the sums, so that nothing cancels in a peaked row: where the values that a unit
/// reads at once have a new greatest one, each of them and the greatest so far are sorted, and the lesser goes into
/// the sums. The sums are relative to a reference that is moved, and they with it, only where a value exceeds it
/// by [`SLACK`]: rarely.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
pub(super) fn row_sums<E: Numeric, N: Size>(
    logits: &[Vector<E, N>],
    floats: &mut [f32],
    ints: &mut [u32],
    rows: u32,
    infinity: f32,
    #[comptime] words: usize,
    #[comptime] units: usize,
    #[comptime] together: usize,
    #[comptime] packed: bool,
) {
    let parts = comptime!(if packed { 2 } else { 1 });
    let width = N::value();
    let chains = comptime!(parts * width);
    let unit = UNIT_POS as usize;
    let mut shared = Shared::<[f32]>::new_slice(comptime!(5 * units));
    let mut shared_ints = Shared::<[u32]>::new_slice(comptime!(3 * units));
    let row = CUBE_POS;
    if row < rows as usize {
        // A value goes into the sums of its place in the vector, so that four additions are under way.
        let mut r = Array::<f32>::new(width);
        let mut a = Array::<f32>::new(width);
        let mut q = Array::<f32>::new(width);
        #[unroll]
        for n in 0..width {
            r[n] = 0.0;
            a[n] = 0.0;
            q[n] = 0.0;
        }
        let mut unit_top = -infinity;
        let mut unit_at = u32::MAX.runtime();
        let mut unit_second = -infinity;
        let mut reference = f32::min_value();
        let mut masked = 0u32;
        let mut bad = 0u32;

        let mut word = unit;
        while word < words {
            let mut x = Array::<Vector<E, N>>::new(together);
            #[unroll]
            for j in 0..together {
                x[j] = logits[row * words + min(word + j * units, words - 1)];
            }
            #[unroll]
            for j in 0..together {
                let place = word + j * units;
                if place < words {
                    let mut values = Array::<f32>::new(chains);
                    let mut greatest = -infinity;
                    let mut magnitude = 0u32;
                    #[unroll]
                    for part in 0..parts {
                        let wide = widen::<E, N>(x[j], part, packed);
                        #[unroll]
                        for n in 0..width {
                            let value = wide.extract(n);
                            magnitude = max(magnitude, u32::reinterpret(value) & 0x7fff_ffff);
                            greatest = max(greatest, value);
                            values[comptime!(n * parts + part)] = value;
                        }
                    }
                    if magnitude >= INFINITE {
                        #[unroll]
                        for i in 0..chains {
                            let bits = u32::reinterpret(values[i]);
                            if bits == MINUS_INFINITE {
                                masked += 1;
                            } else if (bits & 0x7fff_ffff) >= INFINITE {
                                bad = 1;
                            }
                        }
                    }
                    if greatest > unit_top {
                        #[unroll]
                        for i in 0..chains {
                            let value = values[i];
                            let less = min(value, unit_top);
                            if value > unit_top {
                                unit_top = value;
                                unit_at = (place * chains + i) as u32;
                            }
                            unit_second = max(unit_second, less);
                            values[i] = less;
                        }
                        if unit_top > reference + SLACK {
                            let shift = max(reference - unit_top, NEGLIGIBLE);
                            let e = exponential(shift);
                            #[unroll]
                            for n in 0..width {
                                a[n] = e * (a[n] + shift * r[n]);
                                r[n] *= e;
                                q[n] *= e * e;
                            }
                            reference = unit_top;
                        }
                    } else {
                        unit_second = max(unit_second, greatest);
                    }
                    #[unroll]
                    for i in 0..chains {
                        let n = comptime!(i / parts);
                        let d = max(values[i] - reference, NEGLIGIBLE);
                        let e = exponential(d);
                        r[n] += e;
                        a[n] += e * d;
                        q[n] += e * e;
                    }
                }
            }
            word += together * units;
        }

        let mut unit_r = r[0];
        let mut unit_a = a[0];
        let mut unit_q = q[0];
        #[unroll]
        for n in 1..width {
            unit_r += r[n];
            unit_a += a[n];
            unit_q += q[n];
        }
        let shift = max(reference - max(unit_top, f32::min_value()), NEGLIGIBLE);
        let e = exponential(shift);
        unit_a = e * (unit_a + shift * unit_r);
        unit_r *= e;
        unit_q *= e * e;

        // A tree over the units.
        let mut reach = comptime!(units / 2).runtime();
        while reach > 0 {
            if unit >= reach && unit < 2 * reach {
                shared[5 * unit] = unit_top;
                shared[5 * unit + 1] = unit_second;
                shared[5 * unit + 2] = unit_r;
                shared[5 * unit + 3] = unit_a;
                shared[5 * unit + 4] = unit_q;
                shared_ints[3 * unit] = unit_at;
                shared_ints[3 * unit + 1] = masked;
                shared_ints[3 * unit + 2] = bad;
            }
            sync_cube();
            if unit < reach {
                let other = unit + reach;
                let x = Run {
                    top: unit_top,
                    at: unit_at,
                    second: unit_second,
                    r: unit_r,
                    a: unit_a,
                    q: unit_q,
                };
                let y = Run {
                    top: shared[5 * other],
                    at: shared_ints[3 * other],
                    second: shared[5 * other + 1],
                    r: shared[5 * other + 2],
                    a: shared[5 * other + 3],
                    q: shared[5 * other + 4],
                };
                let joined = join(x, y);
                unit_top = joined.top;
                unit_at = joined.at;
                unit_second = joined.second;
                unit_r = joined.r;
                unit_a = joined.a;
                unit_q = joined.q;
                masked += shared_ints[3 * other + 1];
                bad = max(bad, shared_ints[3 * other + 2]);
            }
            reach /= 2;
        }
        if unit == 0 {
            floats[5 * row] = unit_top;
            floats[5 * row + 1] = unit_second;
            floats[5 * row + 2] = unit_r;
            floats[5 * row + 3] = unit_a;
            floats[5 * row + 4] = unit_q;
            ints[3 * row] = unit_at;
            ints[3 * row + 1] = masked;
            ints[3 * row + 2] = bad;
        }
    }
}
