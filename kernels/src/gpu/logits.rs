//! Sums over rows of logits on the device, each value read once.
//!
//! With `m` the greatest value of a row, first at `i`, and `d_j = z_j - m`, over all `j` but `i`:
//! `R = sum e^d`, `A = sum e^d d`, `Q = sum e^(2 d)`. Entropy is `ln(1 + R) - A / (1 + R)`, the
//! greatest probability `1 / (1 + R)`, the energy `-(m + ln(1 + R))`. The greatest term, 1, is never
//! added: a peaked row keeps its digits.
//!
//! Error against exact sums: about `1e-6` of `R` and `A`, twice that of `Q`, mostly of `z - m` in `f32`.
//! Terms below `e^-87` of the greatest count as none. The exponential is the kernel's own.

use cubecl::prelude::*;

use super::limits::{device, grid};
use super::logits_kernel::row_sums as kernel;
use super::rows::{Held, Kind};
use super::{Rows, ops};
use crate::Error;

/// The sums of one row of logits. `-inf` is a value of probability zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowSums {
    /// The greatest value; `-inf` if `finite` is 0.
    pub max: f32,
    /// Where it is, the lowest index if it is there more than once; 0 if `finite` is 0.
    pub argmax: usize,
    /// The second greatest value, equal to the greatest if that is there twice; `-inf` if `finite` is
    /// below 2.
    pub second: f32,
    /// How many values are not `-inf`.
    pub finite: usize,
    /// `sum e^d` without the greatest.
    pub r: f32,
    /// `sum e^d d` without the greatest.
    pub a: f32,
    /// `sum e^(2 d)` without the greatest.
    pub q: f32,
    /// Whether no value is NaN or `+inf`. If one is, the other fields mean nothing.
    pub sound: bool,
}

/// The sums of each row of logits on any burn device: by the kernel on a device of burn's cubecl
/// backend, by burn's own operations ([`ops::row_sums`]) elsewhere.
///
/// # Errors
/// [`Error::Shape`] for rows without a value, [`Error::DType`], [`Error::Device`].
///
/// ```
/// use curricle_kernels::gpu::{Accept, Rows, available, logits};
///
/// # fn main() -> Result<(), curricle_kernels::Error> {
/// let Ok(adapter) = available(Accept::Any) else { return Ok(()) };
/// let rows = Rows::upload(&[0.0f32, 2.0, 2.0, f32::NEG_INFINITY], 4, &adapter.device)?;
/// let sums = logits::row_sums(&rows)?[0];
/// assert_eq!((sums.max, sums.argmax, sums.second, sums.finite), (2.0, 1, 2.0, 3));
/// assert!((sums.r - (1.0 + (-2f32).exp())).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
pub fn row_sums(logits: &Rows) -> Result<Vec<RowSums>, Error> {
    if logits.is_empty() {
        return Ok(Vec::new());
    }
    if logits.dim() == 0 {
        return Err(Error::Shape { len: 0, dim: 0 });
    }
    if !logits.on_gpu() {
        return ops::row_sums(logits);
    }
    let held = logits.held()?;
    match held.kind {
        Kind::F32 => launch::<f32>(&held),
        Kind::F16 => launch::<half::f16>(&held),
        Kind::Brain => launch::<u32>(&held),
    }
}

fn launch<E: Numeric>(held: &Held) -> Result<Vec<RowSums>, Error> {
    let client = &held.client;
    let hardware = &client.properties().hardware;
    let scalars = held.dim / held.kind.parts();
    let widest = hardware.max_vector_size.min(4);
    let width = [4, 2, 1].into_iter().find(|&w| w <= widest && scalars.is_multiple_of(w)).unwrap_or(1);
    let words = scalars / width;
    let units = words.next_power_of_two().clamp(32, 256);
    let together = if words >= 4 * units { 4 } else { 1 };
    let floats = client.empty(20 * held.rows);
    let ints = client.empty(12 * held.rows);
    // SAFETY: the lengths are those of the buffers, and the kernel keeps to `rows` and `words`.
    unsafe {
        kernel::launch_unchecked::<E>(
            client,
            grid(client, held.rows),
            CubeDim::new_1d(units as u32),
            width,
            BufferArg::from_raw_parts(held.handle.clone(), held.rows * scalars),
            BufferArg::from_raw_parts(floats.clone(), 5 * held.rows),
            BufferArg::from_raw_parts(ints.clone(), 3 * held.rows),
            held.rows as u32,
            f32::INFINITY,
            words,
            units,
            together,
            held.kind == Kind::Brain,
        );
    }
    let read = client.read(vec![floats, ints]).map_err(device)?;
    let floats: Vec<f32> = bytemuck::pod_collect_to_vec(&read[0]);
    let ints: Vec<u32> = bytemuck::pod_collect_to_vec(&read[1]);
    let sums = |(floats, ints): (&[f32], &[u32])| {
        RowSums::new(floats, ints[0] as usize, held.dim - ints[1] as usize, ints[2] == 0)
    };
    Ok(floats.chunks_exact(5).zip(ints.chunks_exact(3)).map(sums).collect())
}

impl RowSums {
    /// From `[max, second, R, A, Q]`.
    pub(super) fn new(floats: &[f32], argmax: usize, finite: usize, sound: bool) -> Self {
        let some = sound && finite > 0;
        let kept = |value: f32| if some { value } else { 0.0 };
        RowSums {
            max: if some { floats[0] } else { f32::NEG_INFINITY },
            argmax: if some { argmax } else { 0 },
            second: if some { floats[1] } else { f32::NEG_INFINITY },
            finite: if sound { finite } else { 0 },
            r: kept(floats[2]),
            a: kept(floats[3]),
            q: kept(floats[4]),
            sound,
        }
    }
}
