//! Sixteen `f32` at a time, in as many registers as they take, and their exponential.

use std::marker::PhantomData;

use pulp::Simd;

/// How many `f32` are worked on at a time, whatever the processor: sums are made in this many parts, so
/// they do not depend on the width of its registers.
pub(crate) const LANES: usize = 16;

/// One number for each lane, in memory.
pub(crate) type Array = [f32; LANES];

/// The least argument, in natural units, whose exponential is computed; below it, it is that of this.
/// It keeps the result a normal number. What is lost is for the caller to bound.
pub(crate) const FLOOR: f32 = -86.0;

/// `2^r` on `[-1/2, 1/2]`, exact at 0, by the polynomial of degree 5 of least relative error, 9.2e-8.
#[allow(clippy::approx_constant, reason = "the second is near ln 2, and not it")]
const POLYNOMIAL: [f32; 6] =
    [1.0, 0.693_147, 0.240_222_42, 0.055_507_336, 0.009_671_513, 0.001_326_472_7];

/// `log2(e) / temperature` in two parts, of which the first alone would be off by a part in 2^25: at a gap of 30
/// that is 1e-6 of the exponential, and of one sign.
#[derive(Clone, Copy)]
pub(crate) struct Scale(f32, f32);

impl Scale {
    pub(crate) fn new(temperature: f64) -> Self {
        let scale = std::f64::consts::LOG2_E / temperature;
        Self(scale as f32, (scale - f64::from(scale as f32)) as f32)
    }
}

/// One number for each lane, in the first `16 / S::F32_LANES` registers.
///
/// What works on it is inlined into the one function that has the processor's instructions; a closure
/// would not be, and each operation would become a call.
pub(crate) struct Lanes<S: Simd>([S::f32s; LANES], PhantomData<S>);

impl<S: Simd> Clone for Lanes<S> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Simd> Copy for Lanes<S> {}

impl<S: Simd> Lanes<S> {
    const REGISTERS: usize = LANES / S::F32_LANES;

    #[inline(always)]
    pub(crate) fn splat(simd: S, value: f32) -> Self {
        Self([simd.splat_f32s(value); LANES], PhantomData)
    }

    #[inline(always)]
    pub(crate) fn load(simd: S, from: &Array) -> Self {
        let mut lanes = Self::splat(simd, 0.0);
        let registers = S::as_simd_f32s(from).0;
        lanes.0[..Self::REGISTERS].copy_from_slice(&registers[..Self::REGISTERS]);
        lanes
    }

    #[inline(always)]
    pub(crate) fn store(self) -> Array {
        let mut array = [0.0; LANES];
        let registers = S::as_mut_simd_f32s(&mut array).0;
        registers.copy_from_slice(&self.0[..Self::REGISTERS]);
        array
    }

    #[inline(always)]
    pub(crate) fn plus(mut self, simd: S, other: Self) -> Self {
        for register in 0..Self::REGISTERS {
            self.0[register] = simd.add_f32s(self.0[register], other.0[register]);
        }
        self
    }

    #[inline(always)]
    pub(crate) fn minus(mut self, simd: S, other: Self) -> Self {
        for register in 0..Self::REGISTERS {
            self.0[register] = simd.sub_f32s(self.0[register], other.0[register]);
        }
        self
    }

    #[inline(always)]
    pub(crate) fn greater(mut self, simd: S, other: Self) -> Self {
        for register in 0..Self::REGISTERS {
            self.0[register] = simd.max_f32s(self.0[register], other.0[register]);
        }
        self
    }

    #[inline(always)]
    pub(crate) fn lesser(mut self, simd: S, other: Self) -> Self {
        for register in 0..Self::REGISTERS {
            self.0[register] = simd.min_f32s(self.0[register], other.0[register]);
        }
        self
    }

    /// Itself where `of` is finite, `other` elsewhere.
    #[inline(always)]
    pub(crate) fn where_finite(mut self, simd: S, of: Self, other: Self) -> Self {
        let infinity = simd.splat_f32s(f32::INFINITY);
        for register in 0..Self::REGISTERS {
            let finite = simd.less_than_f32s(simd.abs_f32s(of.0[register]), infinity);
            self.0[register] = simd.select_f32s(finite, self.0[register], other.0[register]);
        }
        self
    }

    /// Itself where `of` is `-inf`, `other` elsewhere.
    #[inline(always)]
    pub(crate) fn where_impossible(mut self, simd: S, of: Self, other: Self) -> Self {
        let least = simd.splat_f32s(f32::MIN);
        for register in 0..Self::REGISTERS {
            let impossible = simd.less_than_f32s(of.0[register], least);
            self.0[register] = simd.select_f32s(impossible, self.0[register], other.0[register]);
        }
        self
    }

    /// `self + a b`, rounded once: by the instruction where there is one and by `fmaf` elsewhere, which gives
    /// the same bits, slowly.
    #[inline(always)]
    pub(crate) fn plus_product(mut self, simd: S, a: Self, b: Self) -> Self {
        for register in 0..Self::REGISTERS {
            self.0[register] = simd.mul_add_f32s(a.0[register], b.0[register], self.0[register]);
        }
        self
    }

    /// `2^(d scale)` for `FLOOR <= d scale ln 2 <= 0`, without a branch; exactly 1 at 0. The relative error is
    /// below 3e-7.
    #[inline(always)]
    pub(crate) fn power_of_two(mut self, simd: S, scale: Scale) -> Self {
        /// Adding it leaves the nearest integer in the low bits.
        const ROUND: f32 = 12_582_912.0;
        let (scale, more) = (simd.splat_f32s(scale.0), simd.splat_f32s(scale.1));
        let round = simd.splat_f32s(ROUND);
        let exponent = simd.splat_u32s(23);
        for register in 0..Self::REGISTERS {
            let d = self.0[register];
            let shifted = simd.mul_add_f32s(d, scale, round);
            let whole = simd.sub_f32s(shifted, round);
            let part = simd.mul_add_f32s(d, scale, simd.neg_f32s(whole));
            let part = simd.mul_add_f32s(d, more, part);
            let mut sum = simd.splat_f32s(POLYNOMIAL[5]);
            sum = simd.mul_add_f32s(sum, part, simd.splat_f32s(POLYNOMIAL[4]));
            sum = simd.mul_add_f32s(sum, part, simd.splat_f32s(POLYNOMIAL[3]));
            sum = simd.mul_add_f32s(sum, part, simd.splat_f32s(POLYNOMIAL[2]));
            sum = simd.mul_add_f32s(sum, part, simd.splat_f32s(POLYNOMIAL[1]));
            sum = simd.mul_add_f32s(sum, part, simd.splat_f32s(POLYNOMIAL[0]));
            let power = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), exponent);
            let bits = simd.add_u32s(simd.transmute_u32s_f32s(sum), power);
            self.0[register] = simd.transmute_f32s_u32s(bits);
        }
        self
    }

    /// The sum of the lanes in `f64`, always in the same order: halves on halves.
    #[inline(always)]
    pub(crate) fn total(self) -> f64 {
        let lanes = self.store();
        let mut eight = [0.0f64; 8];
        for lane in 0..8 {
            eight[lane] = f64::from(lanes[lane]) + f64::from(lanes[lane + 8]);
        }
        let mut four = [0.0f64; 4];
        for lane in 0..4 {
            four[lane] = eight[lane] + eight[lane + 4];
        }
        (four[0] + four[2]) + (four[1] + four[3])
    }
}

/// The last few elements of a slice, filled up.
#[inline(always)]
pub(crate) fn filled(rest: &[f32], with: f32) -> Array {
    let mut array = [with; LANES];
    array[..rest.len()].copy_from_slice(rest);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Exponentials<'a>(&'a mut [Array]);

    impl pulp::WithSimd for Exponentials<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for chunk in self.0 {
                *chunk = Lanes::load(simd, chunk).power_of_two(simd, Scale::new(1.0)).store();
            }
        }
    }

    #[test]
    fn the_exponential_is_that_of_libm() {
        let arguments: Vec<f32> = (0..860_000u32).map(|step| -1e-4 * step as f32).collect();
        let (chunks, _) = arguments.as_chunks::<LANES>();
        let mut powers = chunks.to_vec();
        pulp::Arch::new().dispatch(Exponentials(&mut powers));
        let mut worst = 0.0f64;
        for (&d, &e) in chunks.as_flattened().iter().zip(powers.as_flattened()) {
            worst = worst.max((f64::from(e) / libm::exp(f64::from(d)) - 1.0).abs());
        }
        assert!(worst < 3e-7, "{worst}");
        let mut ends = [[0.0; LANES], [FLOOR; LANES]];
        pulp::Arch::new().dispatch(Exponentials(&mut ends));
        assert_eq!(ends[0], [1.0; LANES]);
        assert!(ends[1][0] > f32::MIN_POSITIVE);
    }
}
