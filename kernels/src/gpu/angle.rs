//! Sums of unit rows on the device: [`Dots`] from hidden states, each row read once.
//!
//! With `u_i = x_i / max(|x_i|, 1e-12)` and `S = sum u_i` over the rows of a span, a sample's sums of cosines are `|S_Q|^2` and `S_Q . S_P`. The first pass gives each workgroup some
//! rows of one span; it keeps a row in registers between measuring and adding it, so that memory is
//! read once, and writes one partial `S`. The second adds the partial sums of a span in their order,
//! compensated. The third takes the products. Only those come back to the host.
//!
//! Error against exact sums: about `1e-6` of `|S_Q|^2`, of `|S_Q| |S_P|` for the other, for rows of
//! any finite magnitude.

use std::time::Duration;

use burn::tensor::Device;
use cubecl::client::Client;
use cubecl::prelude::*;
use cubecl::server::Handle;

use super::angle_kernel::{STATS, clear, dot, fold, sum_rows};
use super::plan::{Plan, jobs};
use super::rows::{Held, Kind};
use super::{Rows, Upload, ops};
use crate::Error;
use crate::angle::{Dots, Spans};

/// Vectors of a row that one unit may hold: beyond, registers spill.
const MOST_HELD: usize = 64;
/// Units of a workgroup in the passes that only add.
const UNITS: usize = 256;
/// Bytes of partial sums that one launch writes at most.
const BATCH_BYTES: u64 = 64 << 20;
/// Chunks of one launch at most. The second pass runs over those of a segment one by one, and a
/// driver may end a loop: Mesa's software driver does silently after 65535 rounds of all loops of a
/// kernel together.
const BATCH_CHUNKS: usize = 1 << 14;
/// Rows of a chunk at most, for the same reason.
const MOST_ROWS: usize = 1 << 15;

/// How the rows are laid over the device. What is not set is chosen by the row's length, the
/// number of rows and the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tuning {
    /// Units of a workgroup: a power of two from 32 to what the device allows.
    pub units: Option<usize>,
    /// Rows that are measured together: 1 to 4.
    pub together: Option<usize>,
    /// Rows of a chunk at most, which one workgroup sums: 1 to 32768.
    pub chunk: Option<usize>,
    /// Whether to reduce by planes (subgroups). Not chosen unless the device reports them, of one
    /// size; [`Error::Device`] where they are asked for and there are none.
    pub planes: Option<bool>,
}

/// The sums of cosines of each sample, from states on any burn device: by the kernels on a device of
/// burn's cubecl backend, by burn's own operations ([`ops::dots`]) elsewhere.
///
/// Cost: one read of the rows in the spans, `O(samples + spans)` numbers back; a second read if a row's
/// length is above `2^60`, where squares overflow. A span that several
/// samples share is read once for about every 64 MiB of span sums.
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
    for plan in Plan::groups(spans, held.rows, most)? {
        let mut sums = Sums::new(held.client.clone(), layout, plan)?;
        sums.add(&held)?;
        match sums.finish() {
            Err(Error::NonFinite { .. }) if layout.may_overflow() => {
                sums.restart(Layout { scaled: true, ..layout });
                sums.add(&held)?;
                all.extend(sums.finish()?);
            }
            done => all.extend(done?),
        }
    }
    Ok(all)
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
    let time = |pass: &(dyn Fn() + Send + Sync)| -> Result<Duration, Error> {
        let ((), window) = held.client.profile(pass, "pass").map_err(device)?;
        let ticks = cubecl::future::block_on(window.resolve());
        Ok(ticks.map(|ticks| ticks.duration()).unwrap_or_default())
    };
    let mut best = Profile { sum: Duration::MAX, fold: Duration::MAX, dot: Duration::MAX };
    for _ in 0..runs.max(1) {
        let (mut sum, mut fold) = (Duration::ZERO, Duration::ZERO);
        for batch in &work.batches {
            sum += time(&|| sums.sum(&held, batch, &work))?;
            fold += time(&|| sums.fold(batch, &work))?;
        }
        best.sum = best.sum.min(sum);
        best.fold = best.fold.min(fold);
        best.dot = best.dot.min(time(&|| sums.dot(&samples, &dots))?);
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
    /// [`Error::OutOfRange`] for a span beyond `rows`, [`Error::TooLarge`] from `2^32` rows on.
    pub fn new(spans: &[Spans], rows: usize) -> Result<Self, Error> {
        if u32::try_from(rows).is_err() {
            return Err(Error::TooLarge { bytes: rows as u64, most: u64::from(u32::MAX) });
        }
        let plan = Plan::groups(spans, rows, usize::MAX)?.pop();
        Ok(Tiles { plan, samples: spans.len(), sums: None, rows, seen: 0 })
    }

    /// Adds the next rows.
    ///
    /// # Errors
    /// [`Error::Shape`] for more rows than were announced or another row length, [`Error::DType`] for
    /// another type than before, [`Error::TooLarge`] if the sums of all spans do not fit one buffer
    /// of the device. Nothing is added then.
    pub fn push(&mut self, tile: &Rows) -> Result<(), Error> {
        if !tile.on_gpu() {
            return Err(Error::NotOnGpu);
        }
        if tile.is_empty() {
            return Ok(());
        }
        if tile.len() > self.rows - self.seen {
            return Err(Error::Shape { len: (self.seen + tile.len()) * tile.dim(), dim: tile.dim() });
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
    /// [`Error::Shape`] if rows are missing, [`Error::NonFinite`], [`Error::Device`].
    pub fn finish(self) -> Result<Vec<Dots>, Error> {
        if self.seen < self.rows {
            return Err(Error::Shape { len: self.seen, dim: self.rows });
        }
        match self.sums {
            Some(sums) => sums.finish(),
            None => Ok(vec![Dots::default(); self.samples]),
        }
    }
}

/// How rows of one length and type are laid over a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    kind: Kind,
    dim: usize,
    /// Scalars of a vector, and vectors of a row.
    width: usize,
    words: usize,
    units: usize,
    together: usize,
    chunk: Option<usize>,
    /// Planes of a workgroup at most, 0 not to use them.
    planes: usize,
    /// Whether rows are measured at a second scale, for those whose squares overflow.
    scaled: bool,
}

impl Layout {
    fn new(held: &Held, tuning: &Tuning) -> Result<Self, Error> {
        let properties = held.client.properties();
        let hardware = &properties.hardware;
        let scalars = held.dim / held.kind.parts();
        let widest = hardware.max_vector_size.min(4);
        let width =
            [4, 2, 1].into_iter().find(|&w| w <= widest && scalars.is_multiple_of(w)).unwrap_or(1);
        let words = scalars / width;
        let most_units = prev_power_of_two(hardware.max_units_per_cube as usize).min(1024);
        let units = match tuning.units {
            Some(units) => units.next_power_of_two().clamp(32, most_units),
            None => {
                // Few words a unit leave registers to several rows; many units are many barriers.
                let fits = |most: usize| (64..=most).find(|u| u.is_power_of_two() && words <= 4 * u);
                fits(256.min(most_units)).unwrap_or(if words <= 16 * 256 {
                    256.min(most_units)
                } else {
                    most_units
                })
            }
        };
        let held_words = words.div_ceil(units);
        if held_words > MOST_HELD {
            let most = MOST_HELD * most_units * width * held.kind.parts();
            return Err(Error::TooWide { dim: held.dim, most });
        }
        let one_size = hardware.plane_size_min == hardware.plane_size_max;
        let offered = one_size && properties.features.plane.contains(cubecl::features::Plane::Ops);
        let planes = if tuning.planes.unwrap_or(offered) {
            units.div_ceil((hardware.plane_size_min as usize).max(1))
        } else {
            0
        };
        Ok(Layout {
            kind: held.kind,
            dim: held.dim,
            width,
            words,
            units,
            together: tuning.together.unwrap_or((8 / held_words).max(1)).clamp(1, 4),
            chunk: tuning.chunk,
            planes,
            scaled: false,
        })
    }

    fn may_overflow(&self) -> bool {
        self.kind != Kind::F16
    }

    /// Vectors of a sum.
    fn row(&self) -> usize {
        self.words * self.kind.parts()
    }

    fn row_bytes(&self) -> u64 {
        (self.row() * self.width * size_of::<f32>()) as u64
    }

    /// A sum and its compensation.
    fn segment_bytes(&self) -> u64 {
        2 * self.row_bytes()
    }
}

/// The lists of a tile, and room for its partial sums.
struct Work {
    batches: Vec<Batch>,
    partials: Handle,
    stats: Handle,
}

/// As many chunks as the room holds.
struct Batch {
    chunks: usize,
    rows: Handle,
    jobs: Handle,
    job_count: usize,
}

/// The sums of some segments, on the device.
struct Sums {
    client: Client,
    layout: Layout,
    plan: Plan,
    sums: Handle,
    stats: Handle,
    seen: usize,
}

impl std::fmt::Debug for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sums")
            .field("layout", &self.layout)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl Sums {
    fn check(client: &Client, layout: &Layout, plan: &Plan) -> Result<(), Error> {
        let bytes = layout.segment_bytes() * plan.segments.len() as u64;
        let most = page(client);
        if bytes > most { Err(Error::TooLarge { bytes, most }) } else { Ok(()) }
    }

    fn new(client: Client, layout: Layout, plan: Plan) -> Result<Self, Error> {
        Self::check(&client, &layout, &plan)?;
        let segments = plan.segments.len();
        let sums = client.empty((layout.segment_bytes() * segments as u64).max(16) as usize);
        let stats = client.empty((4 * STATS * segments).max(16));
        let mut all = Sums { client, layout, plan, sums, stats, seen: 0 };
        all.restart(layout);
        Ok(all)
    }

    /// Sets all sums to zero.
    fn restart(&mut self, layout: Layout) {
        self.layout = layout;
        self.seen = 0;
        let segments = self.plan.segments.len();
        let words = 2 * layout.row() * segments;
        // SAFETY: the buffers have these lengths, and the kernel keeps to `words` and `segments`.
        unsafe {
            clear::launch_unchecked(
                &self.client,
                grid(&self.client, words.max(segments).div_ceil(UNITS)),
                CubeDim::new_1d(UNITS as u32),
                layout.width,
                BufferArg::from_raw_parts(self.sums.clone(), words * layout.width),
                BufferArg::from_raw_parts(self.stats.clone(), STATS * segments),
                words as u32,
                segments as u32,
            );
        }
    }

    /// Adds the next rows.
    fn add(&mut self, held: &Held) -> Result<(), Error> {
        let work = self.prepare(held)?;
        for batch in &work.batches {
            self.sum(held, batch, &work);
            self.fold(batch, &work);
        }
        self.seen += held.rows;
        Ok(())
    }

    /// Cuts the next rows into chunks and puts the lists on the device.
    fn prepare(&self, held: &Held) -> Result<Work, Error> {
        if held.kind != self.layout.kind {
            return Err(Error::DType { dtype: format!("{:?}", held.kind) });
        }
        if held.dim != self.layout.dim {
            return Err(Error::Shape { len: held.rows * held.dim, dim: self.layout.dim });
        }
        // Enough chunks to fill a large device, yet long ones, as each costs a write and a read.
        let most = self.layout.chunk.unwrap_or((self.plan.rows() / 2048).clamp(16, 256));
        let most = most.clamp(1, MOST_ROWS);
        let chunks = self.plan.chunks(self.seen..self.seen + held.rows, most);
        let row = self.layout.row_bytes();
        let batch = (BATCH_BYTES.min(page(&self.client)) / row).max(1) as usize;
        let batch = batch.min(BATCH_CHUNKS);
        let room = batch.min(chunks.len());
        let upload = |list: &[u32]| self.client.create_from_slice(bytemuck::cast_slice(list));
        let batches = chunks.chunks(batch).map(|chunks| {
            let rows: Vec<u32> = chunks.iter().flat_map(|chunk| [chunk.first, chunk.end]).collect();
            let jobs = jobs(chunks);
            Batch {
                chunks: chunks.len(),
                rows: upload(&rows),
                jobs: upload(&jobs),
                job_count: jobs.len() / 3,
            }
        });
        Ok(Work {
            batches: batches.collect(),
            partials: self.client.empty((row as usize * room).max(16)),
            stats: self.client.empty((4 * STATS * room).max(16)),
        })
    }

    fn sum(&self, held: &Held, batch: &Batch, work: &Work) {
        match held.kind {
            Kind::F32 => self.sum_as::<f32>(held, batch, work),
            Kind::F16 => self.sum_as::<half::f16>(held, batch, work),
            Kind::Brain => self.sum_as::<u32>(held, batch, work),
        }
    }

    fn sum_as<E: Numeric>(&self, held: &Held, batch: &Batch, work: &Work) {
        let Layout { words, width, units, together, planes, kind, scaled, .. } = self.layout;
        let chunks = batch.chunks;
        // SAFETY: the lengths are those of the buffers. The kernel reads rows below the end of a
        // chunk, which is at most `held.rows`, words below `words`, and writes places below `chunks`.
        unsafe {
            sum_rows::launch_unchecked::<E>(
                &self.client,
                grid(&self.client, chunks),
                CubeDim::new_1d(units as u32),
                width,
                BufferArg::from_raw_parts(held.handle.clone(), held.rows * words * width),
                BufferArg::from_raw_parts(batch.rows.clone(), 2 * chunks),
                BufferArg::from_raw_parts(work.partials.clone(), chunks * self.layout.row() * width),
                BufferArg::from_raw_parts(work.stats.clone(), STATS * chunks),
                chunks as u32,
                words,
                words.div_ceil(units),
                together,
                units,
                planes,
                kind == Kind::Brain,
                scaled,
            );
        }
    }

    fn fold(&self, batch: &Batch, work: &Work) {
        let row = self.layout.row();
        let width = self.layout.width;
        let segments = self.plan.segments.len();
        let units = UNITS.min(row.next_multiple_of(32));
        let blocks = row.div_ceil(units);
        // SAFETY: the lengths are those of the buffers. Chunks in `jobs` are below `batch.chunks`,
        // segments below `segments`, and the kernel keeps to `row` and `job_count`.
        unsafe {
            fold::launch_unchecked(
                &self.client,
                grid(&self.client, batch.job_count * blocks),
                CubeDim::new_1d(units as u32),
                width,
                BufferArg::from_raw_parts(work.partials.clone(), batch.chunks * row * width),
                BufferArg::from_raw_parts(work.stats.clone(), STATS * batch.chunks),
                BufferArg::from_raw_parts(batch.jobs.clone(), 3 * batch.job_count),
                BufferArg::from_raw_parts(self.sums.clone(), 2 * segments * row * width),
                BufferArg::from_raw_parts(self.stats.clone(), STATS * segments),
                batch.job_count as u32,
                self.seen as u32,
                row,
                blocks,
            );
        }
    }

    fn samples(&self) -> Handle {
        self.client.create_from_slice(bytemuck::cast_slice(self.plan.samples.as_flattened()))
    }

    fn dot(&self, samples: &Handle, dots: &Handle) {
        let row = self.layout.row();
        let segments = self.plan.segments.len();
        let count = self.plan.samples.len();
        // SAFETY: the lengths are those of the buffers. Segments of samples are below `segments`,
        // and the kernel keeps to `row` and the number of samples.
        unsafe {
            dot::launch_unchecked(
                &self.client,
                grid(&self.client, count),
                CubeDim::new_1d(UNITS as u32),
                self.layout.width,
                BufferArg::from_raw_parts(self.sums.clone(), 2 * segments * row * self.layout.width),
                BufferArg::from_raw_parts(samples.clone(), 2 * count),
                BufferArg::from_raw_parts(dots.clone(), 2 * count),
                count as u32,
                row,
                UNITS,
            );
        }
    }

    /// The products of each sample.
    fn finish(&self) -> Result<Vec<Dots>, Error> {
        let samples = &self.plan.samples;
        if samples.is_empty() {
            return Ok(Vec::new());
        }
        let segments = self.plan.segments.len();
        let dots = self.client.empty((8 * samples.len()).max(16));
        self.dot(&self.samples(), &dots);
        let read = self.client.read(vec![dots, self.stats.clone()]).map_err(device)?;
        let dots: Vec<f32> = bytemuck::pod_collect_to_vec(&read[0]);
        let stats: Vec<u32> = bytemuck::pod_collect_to_vec(&read[1]);
        let bad = stats.chunks_exact(STATS).take(segments).map(|stat| stat[1]).min();
        if let Some(row) = bad.filter(|&row| row != u32::MAX) {
            return Err(Error::NonFinite { row: row as usize });
        }
        let diagonal = |segment: u32| {
            let stats = &stats[STATS * segment as usize..];
            f64::from(stats[0]) + f64::from(f32::from_bits(stats[2]))
        };
        let sample = |(dots, [question, _]): (&[f32], &[u32; 2])| Dots {
            question: f64::from(dots[0]),
            diagonal: diagonal(*question),
            inter: f64::from(dots[1]),
        };
        Ok(dots.chunks_exact(2).zip(samples).map(sample).collect())
    }
}

fn prev_power_of_two(number: usize) -> usize {
    1 << number.max(1).ilog2()
}

/// The largest buffer of a device.
fn page(client: &Client) -> u64 {
    client.properties().memory.max_page_size
}

pub(super) fn device(error: impl std::fmt::Debug) -> Error {
    Error::Device { reason: format!("{error:?}") }
}

/// A grid of at least `count` workgroups, more than 65535 of them over two axes.
pub(super) fn grid(client: &Client, count: usize) -> CubeCount {
    let most = client.properties().hardware.max_cube_count.0 as usize;
    let x = count.clamp(1, most);
    CubeCount::Static(x as u32, count.div_ceil(x).max(1) as u32, 1)
}
