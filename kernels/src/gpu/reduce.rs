//! What the kernels share: widening, and sums over the units of a workgroup in a fixed order.

use cubecl::prelude::*;

/// How many units add up in the first step of a sum over a workgroup.
pub(super) const FEW: usize = 16;

/// Four numbers that are summed side by side, one a row.
pub(super) type Quad = Vector<f32, Const<4>>;

/// The `f32` values of a word: the word itself, or the even (`part` 0) or odd (`part` 1) `bf16`
/// numbers of a word of pairs.
#[cube]
pub(super) fn widen<E: Numeric, N: Size>(
    word: Vector<E, N>,
    #[comptime] part: usize,
    #[comptime] packed: bool,
) -> Vector<f32, N> {
    if comptime!(packed) {
        let bits = Vector::<u32, N>::reinterpret(word);
        if comptime!(part == 0) {
            Vector::<f32, N>::reinterpret(bits << Vector::new(16u32))
        } else {
            Vector::<f32, N>::reinterpret(bits & Vector::new(0xffff_0000u32))
        }
    } else {
        Vector::<f32, N>::cast_from(word)
    }
}

/// The sum of the components of a vector.
#[cube]
pub(super) fn across<N: Size>(value: Vector<f32, N>) -> f32 {
    let mut sum = value.extract(0usize);
    #[unroll]
    for n in 1..N::value() {
        sum += value.extract(n);
    }
    sum
}

/// The sum over the workgroup, given to every unit; two barriers. `room` has a place a unit, `few`
/// has [`FEW`]. May be called again at once: the second barrier of one call and the first of the
/// next lie between any two uses of a place.
#[cube]
pub(super) fn sum_units(
    value: Quad,
    room: &mut Shared<[Quad]>,
    few: &mut Shared<[Quad]>,
    #[comptime] units: usize,
) -> Quad {
    let unit = UNIT_POS as usize;
    room[unit] = value;
    sync_cube();
    if unit < FEW {
        let mut sum = room[unit];
        #[unroll]
        for i in 1..comptime!(units / FEW) {
            sum += room[unit + i * FEW];
        }
        few[unit] = sum;
    }
    sync_cube();
    let mut sum = few[0];
    #[unroll]
    for i in 1..FEW {
        sum += few[i];
    }
    sum
}

/// The same by planes (subgroups); one barrier. Calls alternate between the halves of `room`, which
/// has `2 * most` places for up to `most` planes.
#[cube]
pub(super) fn sum_planes(
    value: Quad,
    room: &mut Shared<[Quad]>,
    half: u32,
    #[comptime] most: usize,
) -> Quad {
    let start = half as usize * most;
    let sum = plane_sum(value);
    if UNIT_POS_PLANE == 0 {
        room[start + PLANE_POS as usize] = sum;
    }
    sync_cube();
    let planes = (CUBE_DIM / PLANE_DIM) as usize;
    let mut total = room[start];
    for i in 1..planes {
        total += room[start + i];
    }
    total
}
