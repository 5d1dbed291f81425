//! The sums of spans on the device, and the launches that make them.

use cubecl::client::Client;
use cubecl::prelude::*;
use cubecl::server::Handle;

use super::angle_kernel::{STATS, clear, dot, fold, sum_rows};
use super::layout::{BATCH_BYTES, Layout, MOST_ROWS};
use super::limits::{device, grid, page};
use super::plan::{Plan, jobs};
use super::rows::{Held, Kind};
use crate::Error;
use crate::angle::Dots;

/// Units of a workgroup in the passes that only add.
const UNITS: usize = 256;
/// Chunks of one launch at most. The second pass runs over those of a segment one by one, and a
/// driver may end a loop: Mesa's software driver does silently after 65535 rounds of all loops of a
/// kernel together.
const BATCH_CHUNKS: usize = 1 << 14;

/// The lists of a tile, and room for its partial sums.
pub(super) struct Work {
    pub(super) batches: Vec<Batch>,
    partials: Handle,
    stats: Handle,
}

/// As many chunks as the room holds.
pub(super) struct Batch {
    chunks: usize,
    rows: Handle,
    jobs: Handle,
    job_count: usize,
}

/// The sums of some segments, on the device.
pub(super) struct Sums {
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
    pub(super) fn check(client: &Client, layout: &Layout, plan: &Plan) -> Result<(), Error> {
        let bytes = layout.segment_bytes() * plan.segments.len() as u64;
        let most = page(client);
        if bytes > most { Err(Error::TooLarge { bytes, most }) } else { Ok(()) }
    }

    pub(super) fn new(client: Client, layout: Layout, plan: Plan) -> Result<Self, Error> {
        Self::check(&client, &layout, &plan)?;
        let segments = plan.segments.len();
        let sums = client.empty((layout.segment_bytes() * segments as u64).max(16) as usize);
        let stats = client.empty((4 * STATS * segments).max(16));
        let mut all = Sums { client, layout, plan, sums, stats, seen: 0 };
        all.restart(layout);
        Ok(all)
    }

    /// Sets all sums to zero.
    pub(super) fn restart(&mut self, layout: Layout) {
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
    pub(super) fn add(&mut self, held: &Held) -> Result<(), Error> {
        let work = self.prepare(held)?;
        for batch in &work.batches {
            self.sum(held, batch, &work);
            self.fold(batch, &work);
        }
        self.seen += held.rows;
        Ok(())
    }

    /// Cuts the next rows into chunks and puts the lists on the device.
    pub(super) fn prepare(&self, held: &Held) -> Result<Work, Error> {
        if held.kind != self.layout.kind {
            return Err(Error::DType { dtype: held.kind.name() });
        }
        if held.dim != self.layout.dim {
            return Err(Error::RowLength { dim: held.dim, expected: self.layout.dim });
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

    pub(super) fn sum(&self, held: &Held, batch: &Batch, work: &Work) {
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

    pub(super) fn fold(&self, batch: &Batch, work: &Work) {
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

    pub(super) fn samples(&self) -> Handle {
        self.client.create_from_slice(bytemuck::cast_slice(self.plan.samples.as_flattened()))
    }

    pub(super) fn dot(&self, samples: &Handle, dots: &Handle) {
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
    pub(super) fn finish(&self) -> Result<Vec<Dots>, Error> {
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
