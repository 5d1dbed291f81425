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
/// `ln 2`, Taylor's series, the power of two as bits.
#[cube]
fn exponential(x: f32) -> f32 {
    let k = f32::floor(fma(max(x, -87.0f32), ONE_OVER_LN_2, 0.5f32));
    let y = fma(k, -0.693_359_4f32, max(x, -87.0f32));
    let y = fma(k, 2.121_944_4e-4f32, y);
    let p = fma(y, 1.984_127e-4f32, 1.388_889e-3f32);
    let p = fma(p, y, 8.333_333e-3f32);
    let p = fma(p, y, 4.166_666_8e-2f32);
    let p = fma(p, y, 0.166_666_67f32);
    let p = fma(p, y, 0.5f32);
    let p = fma(p, y, 1.0f32);
    let p = fma(p, y, 1.0f32);
    let power = f32::reinterpret(u32::cast_from(i32::cast_from(k) + 127) << 23);
    select(x > -87.0f32, p * power, 0.0f32)
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
/// A value that comes in and the greatest so far are sorted; the lesser goes into the sums, so that
/// the greatest is never in them and nothing cancels in a peaked row. The sums are relative to a
/// reference that is moved, and they with it, only where a value exceeds it by [`SLACK`]: rarely.
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
        let mut top = Array::<f32>::new(chains);
        let mut at = Array::<u32>::new(chains);
        let mut second = Array::<f32>::new(chains);
        let mut r = Array::<f32>::new(chains);
        let mut a = Array::<f32>::new(chains);
        let mut q = Array::<f32>::new(chains);
        #[unroll]
        for i in 0..chains {
            top[i] = -infinity;
            at[i] = u32::MAX;
            second[i] = -infinity;
            r[i] = 0.0;
            a[i] = 0.0;
            q[i] = 0.0;
        }
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
                    let mut greatest = f32::min_value();
                    #[unroll]
                    for part in 0..parts {
                        let wide = widen::<E, N>(x[j], part, packed);
                        #[unroll]
                        for n in 0..width {
                            let value = wide.extract(n);
                            let bits = u32::reinterpret(value);
                            if (bits & 0x7fff_ffff) >= INFINITE {
                                if bits == MINUS_INFINITE {
                                    masked += 1;
                                } else {
                                    bad = 1;
                                }
                            }
                            greatest = max(greatest, value);
                            values[comptime!(n * parts + part)] = value;
                        }
                    }
                    if greatest > reference + SLACK {
                        let shift = max(reference - greatest, NEGLIGIBLE);
                        let e = exponential(shift);
                        #[unroll]
                        for i in 0..chains {
                            a[i] = e * (a[i] + shift * r[i]);
                            r[i] *= e;
                            q[i] *= e * e;
                        }
                        reference = greatest;
                    }
                    #[unroll]
                    for i in 0..chains {
                        let value = values[i];
                        let less = min(value, top[i]);
                        if value > top[i] {
                            top[i] = value;
                            at[i] = (place * chains + i) as u32;
                        }
                        second[i] = max(second[i], less);
                        let d = max(less - reference, NEGLIGIBLE);
                        let e = exponential(d);
                        r[i] += e;
                        a[i] += e * d;
                        q[i] += e * e;
                    }
                }
            }
            word += together * units;
        }

        // The chains of a unit have one reference.
        let mut unit_top = top[0];
        let mut unit_at = at[0];
        let mut unit_second = second[0];
        let mut unit_r = r[0];
        let mut unit_a = a[0];
        let mut unit_q = q[0];
        #[unroll]
        for i in 1..chains {
            let better = top[i] > unit_top || (top[i] == unit_top && at[i] < unit_at);
            let less = min(top[i], unit_top);
            let d = max(less - reference, NEGLIGIBLE);
            let e = exponential(d);
            unit_second = max(max(unit_second, second[i]), less);
            unit_at = select(better, at[i], unit_at);
            unit_top = max(unit_top, top[i]);
            unit_r += r[i] + e;
            unit_a += a[i] + e * d;
            unit_q += q[i] + e * e;
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
