//! The types of number that the kernels read.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

/// A number that a kernel reads and widens to `f32`, exactly: `f32`, [`f16`](half::f16) or
/// [`bf16`](half::bf16).
///
/// ```
/// use curricle_kernels::Element;
/// use half::bf16;
///
/// let mut room = [0.0; 2];
/// assert_eq!(bf16::widen(&[bf16::from_f32(1.5), bf16::ZERO], &mut room), [1.5, 0.0]);
/// ```
pub trait Element: Copy + Send + Sync + 'static {
    /// The same numbers as `f32`, written to the beginning of `room` if they are not `f32` already.
    ///
    /// # Panics
    /// If `room` is shorter than `from`.
    fn widen<'a>(from: &'a [Self], room: &'a mut [f32]) -> &'a [f32];
}

impl Element for f32 {
    #[inline(always)]
    fn widen<'a>(from: &'a [Self], _: &'a mut [f32]) -> &'a [f32] {
        from
    }
}

impl Element for bf16 {
    #[inline(always)]
    fn widen<'a>(from: &'a [Self], room: &'a mut [f32]) -> &'a [f32] {
        let room = &mut room[..from.len()];
        for (wide, narrow) in room.iter_mut().zip(from) {
            *wide = f32::from_bits(u32::from(narrow.to_bits()) << 16);
        }
        room
    }
}

impl Element for f16 {
    #[inline(always)]
    fn widen<'a>(from: &'a [Self], room: &'a mut [f32]) -> &'a [f32] {
        let room = &mut room[..from.len()];
        from.convert_to_f32_slice(room);
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_widened_exactly() {
        let bits: Vec<u16> = (0..=u16::MAX).collect();
        let mut room = vec![0.0; bits.len()];
        let halves: Vec<f16> = bits.iter().map(|&bits| f16::from_bits(bits)).collect();
        for (wide, half) in f16::widen(&halves, &mut room).iter().zip(&halves) {
            assert!(*wide == half.to_f32() || wide.is_nan() && half.is_nan());
        }
        let halves: Vec<bf16> = bits.iter().map(|&bits| bf16::from_bits(bits)).collect();
        for (wide, half) in bf16::widen(&halves, &mut room).iter().zip(&halves) {
            assert!(*wide == half.to_f32() || wide.is_nan() && half.is_nan());
        }
    }
}
