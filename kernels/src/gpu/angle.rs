//! Sums of unit rows on the device: [`Dots`] from hidden states, each row read once.
//!
//! With `u_i = x_i / max(|x_i|, 1e-12)` and `S = sum u_i` over the rows of a span, a sample's sums of
//! cosines are `|S_Q|^2` and `S_Q . S_P`. The first pass gives each workgroup some rows of one span;
//! it keeps a row in registers between measuring and adding it, so that memory is read once, and
//! writes one partial `S`. The second adds the partial sums of a span in their order, compensated.
//! The third takes the products. Only those come back to the host.
//!
//! Error against exact sums: about `1e-6` of `|S_Q|^2`, of `|S_Q| |S_P|` for the other, for rows of
//! any finite magnitude.

use std::time::Duration;

use burn::tensor::Device;

pub use super::layout::Tuning;
use super::layout::{BATCH_BYTES, Layout};
use super::limits::page;
use super::plan::Plan;
use super::sums::Sums;
use super::timing::timed;
use super::{Rows, Upload, ops};
use crate::Error;
use crate::angle::{Dots, Spans};

/// The sums of cosines of each sample, from states on any burn device: by the kernels on a device of
/// burn's cubecl backend, by burn's own operations ([`ops::dots`]) elsewhere.
///
/// Cost: one read of the rows in the spans, `O(samples + spans)` numbers back. A span that several
/// samples share is read once for about every 64 MiB of span sums. All is read a second time if a
/// row's length is above `2^60`, where squares overflow.
///
/// # Errors
/// [`Error::OutOfRange`] and [`Error::Backwards`] for a span that is none of the rows, [`Error::NonFinite`] for the first row in a span
/// with a NaN or an infinity, [`Error::DType`], [`Error::TooWide`], [`Error::Device`].
///
/// ```
/// use curricle_kernels::angle::Spans;
/// use curricle_kernels::gpu::{Accept, Rows, angle, available};
///
/// # fn main() -> Result<(), curricle_kernels::Error> {
/// let Ok(adapter) = available(Accept::Any) else { return Ok(()) };
/// let states = Rows::upload(&[1.0f32, 0.0, 0.0, 2.0, 3.0, 3.0], 2, &adapter.device)?;
/// let dots = angle::dots(&states, &[Spans { prefix: 0..1, question: 1..3 }])?;
/// assert!((dots[0].question - (2.0 + 2f64.sqrt())).abs() < 1e-6);
/// assert!((dots[0].inter - 0.5f64.sqrt()).abs() < 1e-6);
/// assert_eq!(dots[0].diagonal, 2.0);
/// # Ok(())
/// # }
/// ```
pub fn dots(states: &Rows, spans: &[Spans]) -> Result<Vec<Dots>, Error> {
    if states.on_gpu() {
        dots_tuned(states, spans, &Tuning::default())
    } else {
        ops::dots(states, spans)
    }
}

/// [`dots`] by the kernels, laid out as told.
///
/// # Errors
/// As [`dots`]; [`Error::NotOnGpu`] for rows elsewhere.
pub fn dots_tuned(states: &Rows, spans: &[Spans], tuning: &Tuning) -> Result<Vec<Dots>, Error> {
    if !states.on_gpu() {
        return Err(Error::NotOnGpu);
    }
    if states.is_empty() || states.dim() == 0 {
        Plan::groups(spans, states.len(), 2)?;
        return Ok(vec![Dots::default(); spans.len()]);
    }
    let held = states.held()?;
    let layout = Layout::new(&held, tuning)?;
    let mut all = Vec::with_capacity(spans.len());
    let most = (BATCH_BYTES.min(page(&held.client)) / layout.segment_bytes()) as usize;
    let mut bad: Option<usize> = None;
    for plan in Plan::groups(spans, held.rows, most)? {
        let mut sums = Sums::new(held.client.clone(), layout, plan)?;
        sums.add(&held)?;
        let mut done = sums.finish();
        if layout.may_overflow() && matches!(done, Err(Error::NonFinite { .. })) {
            sums.restart(Layout { scaled: true, ..layout });
            sums.add(&held)?;
            done = sums.finish();
        }
        match done {
            Ok(dots) => all.extend(dots),
            // A later group may read an earlier row.
            Err(Error::NonFinite { row }) => bad = Some(bad.map_or(row, |bad| bad.min(row))),
            Err(error) => return Err(error),
        }
    }
    match bad {
        Some(row) => Err(Error::NonFinite { row }),
        None => Ok(all),
    }
}

/// The device's own time for each pass of [`dots_tuned`], the least of some runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Reading the rows.
    pub sum: Duration,
    /// Adding the partial sums.
    pub fold: Duration,
    /// The products.
    pub dot: Duration,
}

/// Measures the passes of [`dots_tuned`], lists and buffers being there already.
///
/// # Errors
/// As [`dots_tuned`]; [`Error::TooLarge`] if the sums of all spans do not fit one buffer.
pub fn profile(states: &Rows, spans: &[Spans], tuning: &Tuning, runs: usize) -> Result<Profile, Error> {
    if !states.on_gpu() {
        return Err(Error::NotOnGpu);
    }
    let held = states.held()?;
    let layout = Layout::new(&held, tuning)?;
    let plan = Plan::groups(spans, held.rows, usize::MAX)?.remove(0);
    let sums = Sums::new(held.client.clone(), layout, plan)?;
    let work = sums.prepare(&held)?;
    let samples = sums.samples();
    let dots = held.client.empty((8 * spans.len()).max(16));
    let time = |pass: &(dyn Fn() + Send + Sync)| timed(&held.client, pass);
    let mut best = Profile { sum: Duration::MAX, fold: Duration::MAX, dot: Duration::MAX };
    for run in 0..=runs.max(1) {
        let (mut sum, mut fold) = (Duration::ZERO, Duration::ZERO);
        for batch in &work.batches {
            sum += time(&|| sums.sum(&held, batch, &work))?;
            fold += time(&|| sums.fold(batch, &work))?;
        }
        let dot = time(&|| sums.dot(&samples, &dots))?;
        // The first run compiles the kernels.
        if run > 0 {
            best.sum = best.sum.min(sum);
            best.fold = best.fold.min(fold);
            best.dot = best.dot.min(dot);
        }
    }
    Ok(best)
}

/// [`dots`] from rows in host memory, put on `device` in tiles of `tile` rows: for more than the
/// device holds at once.
///
/// # Errors
/// As [`dots`], and as [`Rows::upload`] and [`Tiles`].
pub fn dots_in_tiles<E: Upload>(
    states: &[E],
    dim: usize,
    spans: &[Spans],
    device: &Device,
    tile: usize,
) -> Result<Vec<Dots>, Error> {
    if dim == 0 || !states.len().is_multiple_of(dim) {
        return Err(Error::Shape { len: states.len(), dim });
    }
    let mut tiles = Tiles::new(spans, states.len() / dim)?;
    for values in states.chunks(tile.max(1) * dim) {
        tiles.push(&Rows::upload(values, dim, device)?)?;
    }
    tiles.finish()
}

/// [`dots`] of rows that come tile by tile, each tile on the same device with the same type.
///
/// The sums of a tile are added to those before it on the device, compensated: the result differs
/// from that of one piece by rounding only, and not at all if every span is cut at the same rows.
#[derive(Debug)]
pub struct Tiles {
    plan: Option<Plan>,
    samples: usize,
    sums: Option<Sums>,
    rows: usize,
    seen: usize,
}

impl Tiles {
    /// Sums over `spans` of `rows` rows to come.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a span beyond `rows`, [`Error::TooManyRows`] from `2^32` rows on.
    pub fn new(spans: &[Spans], rows: usize) -> Result<Self, Error> {
        if u32::try_from(rows).is_err() {
            return Err(Error::TooManyRows { rows, most: u32::MAX as usize });
        }
        let plan = Plan::groups(spans, rows, usize::MAX)?.pop();
        Ok(Tiles { plan, samples: spans.len(), sums: None, rows, seen: 0 })
    }

    /// Adds the next rows.
    ///
    /// # Errors
    /// [`Error::TooManyRows`] for more than were announced, [`Error::RowLength`] or [`Error::DType`] for
    /// another row length or another type than before, [`Error::TooLarge`] if the sums of all spans do not fit one buffer
    /// of the device. Nothing is added then.
    pub fn push(&mut self, tile: &Rows) -> Result<(), Error> {
        if !tile.on_gpu() {
            return Err(Error::NotOnGpu);
        }
        if tile.is_empty() {
            return Ok(());
        }
        if tile.len() > self.rows - self.seen {
            return Err(Error::TooManyRows { rows: self.seen + tile.len(), most: self.rows });
        }
        let held = tile.held()?;
        if self.sums.is_none() {
            let layout = Layout::new(&held, &Tuning::default())?;
            // The tile is not there any more when a row turns out to be extreme.
            let layout = Layout { scaled: layout.may_overflow(), ..layout };
            let plan = self.plan.take().unwrap_or_default();
            match Sums::check(&held.client, &layout, &plan) {
                Ok(()) => self.sums = Some(Sums::new(held.client.clone(), layout, plan)?),
                Err(error) => {
                    self.plan = Some(plan);
                    return Err(error);
                }
            }
        }
        if let Some(sums) = &mut self.sums {
            sums.add(&held)?;
        }
        self.seen += held.rows;
        Ok(())
    }

    /// The sums of each sample.
    ///
    /// # Errors
    /// [`Error::MissingRows`], [`Error::NonFinite`], [`Error::Device`].
    pub fn finish(self) -> Result<Vec<Dots>, Error> {
        if self.seen < self.rows {
            return Err(Error::MissingRows { expected: self.rows, found: self.seen });
        }
        match self.sums {
            Some(sums) => sums.finish(),
            None => Ok(vec![Dots::default(); self.samples]),
        }
    }
}
