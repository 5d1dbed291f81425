//! Sums over rows of logits on the device, each value read once.
//!
//! They are the [`RowSums`] that the processor computes, without their moments. Error against exact sums:
//! about `1e-6` of `R` and `A`, twice that of `Q`, mostly of `z - m` in `f32`.
//! Terms below `e^-87` of the greatest count as none. The exponential is the kernel's own.

use std::time::Duration;

use cubecl::prelude::*;
use cubecl::server::Handle;

use super::limits::{device, grid};
use super::logits_kernel::row_sums as kernel;
use super::rows::{Held, Kind};
use super::timing::timed;
use super::{Rows, ops};
use crate::Error;
use crate::logits::{RowSums, exact};

/// The sums of each row of logits on any burn device, at temperature 1 and without moments: by the kernel on
/// a device of burn's cubecl backend, by burn's own operations ([`ops::row_sums`]) elsewhere. A row with NaN or
/// `+inf` is read back and summed by the host, as [`crate::logits::exact`] does it.
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
/// assert_eq!((sums.max, sums.argmax, sums.second, sums.count), (2.0, 1, 2.0, 3));
/// assert!((sums.rest - (1.0 + (-2f64).exp())).abs() < 1e-6);
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
    let out = Out::of(&held);
    launch(&held, &out);
    read(logits, &held, out)
}

/// The device's own time for one launch of the kernel of [`row_sums`], the least of some runs, without what
/// is read back.
///
/// # Errors
/// As [`row_sums`]; [`Error::NotOnGpu`] for rows elsewhere.
pub fn profile(logits: &Rows, runs: usize) -> Result<Duration, Error> {
    if !logits.on_gpu() {
        return Err(Error::NotOnGpu);
    }
    if logits.dim() == 0 {
        return Err(Error::Shape { len: 0, dim: 0 });
    }
    let held = logits.held()?;
    let out = Out::of(&held);
    let mut best = Duration::MAX;
    for run in 0..=runs.max(1) {
        let time = timed(&held.client, &|| launch(&held, &out))?;
        // The first run compiles the kernel.
        if run > 0 {
            best = best.min(time);
        }
    }
    Ok(best)
}

/// Where the kernel writes: five floats a row and three words.
struct Out {
    floats: Handle,
    ints: Handle,
}

impl Out {
    fn of(held: &Held) -> Out {
        Out { floats: held.client.empty(20 * held.rows), ints: held.client.empty(12 * held.rows) }
    }
}

fn launch(held: &Held, out: &Out) {
    match held.kind {
        Kind::F32 => launch_as::<f32>(held, out),
        Kind::F16 => launch_as::<half::f16>(held, out),
        Kind::Brain => launch_as::<u32>(held, out),
    }
}

fn launch_as<E: Numeric>(held: &Held, out: &Out) {
    let client = &held.client;
    let hardware = &client.properties().hardware;
    let scalars = held.dim / held.kind.parts();
    let widest = hardware.max_vector_size.min(4);
    let width = [4, 2, 1].into_iter().find(|&w| w <= widest && scalars.is_multiple_of(w)).unwrap_or(1);
    let words = scalars / width;
    let units = words.next_power_of_two().clamp(32, 128);
    let together = if words >= 4 * units { 4 } else { 1 };
    // SAFETY: the lengths are those of the buffers, and the kernel keeps to `rows` and `words`.
    unsafe {
        kernel::launch_unchecked::<E>(
            client,
            grid(client, held.rows),
            CubeDim::new_1d(units as u32),
            width,
            BufferArg::from_raw_parts(held.handle.clone(), held.rows * scalars),
            BufferArg::from_raw_parts(out.floats.clone(), 5 * held.rows),
            BufferArg::from_raw_parts(out.ints.clone(), 3 * held.rows),
            held.rows as u32,
            f32::INFINITY,
            words,
            units,
            together,
            held.kind == Kind::Brain,
        );
    }
}

fn read(logits: &Rows, held: &Held, out: Out) -> Result<Vec<RowSums>, Error> {
    let read = held.client.read(vec![out.floats, out.ints]).map_err(device)?;
    let floats: Vec<f32> = bytemuck::pod_collect_to_vec(&read[0]);
    let ints: Vec<u32> = bytemuck::pod_collect_to_vec(&read[1]);
    let rows = floats.chunks_exact(5).zip(ints.chunks_exact(3)).enumerate();
    rows.map(|(row, (floats, ints))| match ints[2] {
        0 => Ok(sums(floats, ints[0].into(), held.dim as u64 - u64::from(ints[1]))),
        _ => faulty(logits, row),
    })
    .collect()
}

/// The sums of a row without faults, from `[max, second, R, A, Q]`.
pub(super) fn sums(floats: &[f32], argmax: u64, finite: u64) -> RowSums {
    let mut sums = RowSums { moments: None, ..RowSums::empty() };
    if finite > 0 {
        let [max, second, rest, weighted, squared] = [0, 1, 2, 3, 4].map(|k| f64::from(floats[k]));
        sums = RowSums { max, second, argmax, count: finite, rest, weighted, squared, ..sums };
    }
    sums.settled(1.0)
}

/// The sums of a row with NaN or `+inf`, taken by the host: such a row is rare, and which of its elements it are
/// matters.
pub(super) fn faulty(logits: &Rows, row: usize) -> Result<RowSums, Error> {
    let values: Vec<f64> = logits.row(row)?.into_iter().map(f64::from).collect();
    Ok(RowSums { moments: None, ..exact(&values, 1.0) })
}
