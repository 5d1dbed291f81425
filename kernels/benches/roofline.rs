//! The angle and logits kernels against the memory of the device that they run on.
//!
//! ```text
//! cargo bench -p curricle-kernels --features gpu --bench roofline -- --csv angle.csv
//! python3 kernels/benches/roofline_torch.py --csv angle.csv
//! ```
//!
//! The first line measures the kernels, the second appends PyTorch's ways to the same sums at the
//! same shapes on the same card. `--sweep` tries other layouts, `--megabytes` sets the bytes of a
//! launch (1024; a buffer of 2 GiB is more than some drivers give), `--runs` how often each is tried
//! (the least time counts), `--wall` adds the whole call as the host sees it.
//!
//! Traffic is counted as the rows once, whatever a way really moves; `share` is that over the copy
//! bandwidth of the device, which is measured first by a kernel that reads and writes.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it measures time")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use burn::tensor::{DType, Device, Tensor};
use cubecl::prelude::*;
use curricle_kernels::angle::Spans;
use curricle_kernels::gpu::angle::{Profile, Tuning, dots, profile};
use curricle_kernels::gpu::{Accept, Rows, available, logits};

const LENGTHS: [usize; 4] = [128, 512, 2048, 8192];
const DIMS: [usize; 3] = [1536, 3584, 4096];
const VOCABS: [usize; 2] = [32_000, 151_936];
const HEADER: &str = "engine,device,dtype,n,d,megabytes,milliseconds,gb_per_s,copy_gb_per_s,share,\
    units,together,chunk,planes";

struct Options {
    megabytes: Option<usize>,
    runs: usize,
    sweep: bool,
    wall: bool,
    csv: Option<String>,
}

fn options() -> Result<Options, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options = Options { megabytes: None, runs: 20, sweep: false, wall: false, csv: None };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("megabytes") => options.megabytes = Some(parser.value()?.parse()?),
            Long("runs") => options.runs = parser.value()?.parse()?,
            Long("sweep") => options.sweep = true,
            Long("wall") => options.wall = true,
            Long("csv") => options.csv = Some(parser.value()?.string()?),
            // What cargo adds.
            Long("bench") => {}
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

#[cube(launch_unchecked)]
fn copy(from: &[Vector<f32, Const<4>>], to: &mut [Vector<f32, Const<4>>], count: u32) {
    if ABSOLUTE_POS < count as usize {
        to[ABSOLUTE_POS] = from[ABSOLUTE_POS];
    }
}

/// Bytes a second of a copy, each byte counted as read and as written.
fn copy_bandwidth(device: &Device, bytes: usize, runs: usize) -> f64 {
    // Other backends than this one may not be in the build.
    #[allow(irrefutable_let_patterns)]
    let burn::backend::DispatchDevice::Cube(cube) = device.as_dispatch() else {
        unreachable!("adapters are devices of the cubecl backend")
    };
    let client = cube.client();
    let count = bytes / 16;
    let (from, to) = (client.empty(bytes), client.empty(bytes));
    let x = count.div_ceil(256).min(65_535);
    let grid = CubeCount::Static(x as u32, count.div_ceil(256).div_ceil(x) as u32, 1);
    let once = || {
        // SAFETY: both buffers have `count` vectors, and the kernel keeps to them.
        unsafe {
            copy::launch_unchecked(
                &client,
                grid.clone(),
                CubeDim::new_1d(256),
                BufferArg::from_raw_parts(from.clone(), 4 * count),
                BufferArg::from_raw_parts(to.clone(), 4 * count),
                count as u32,
            );
        }
    };
    let time = || {
        let ((), window) = client.profile(once, "copy").expect("the device measures time");
        let ticks = cubecl::future::block_on(window.resolve());
        ticks.map(|ticks| ticks.duration()).unwrap_or_default()
    };
    time();
    let best = (0..runs.max(1)).map(|_| time()).min().unwrap_or_default();
    2.0 * bytes as f64 / best.as_secs_f64()
}

/// Numbers without meaning, made on the device: each byte of memory of its own.
fn rows(dtype: &str, rows: usize, dim: usize, device: &Device) -> Rows {
    let uniform = burn::tensor::Distribution::Uniform(-1.0, 1.0);
    match dtype {
        "f32" => Rows::Float(Tensor::random([rows, dim], uniform, (device, DType::F32))),
        // Two numbers between -2 and 2 in a word: random digits, tame exponents.
        _ => {
            let digits = burn::tensor::Distribution::Uniform(0.0, 2.0e9);
            let bits =
                Tensor::<2, burn::tensor::Int>::random([rows, dim / 2], digits, (device, DType::U32));
            Rows::Brain(bits.bitwise_and_scalar(0x3f7f_3f7f).bitwise_or_scalar(0x3000_3000))
        }
    }
}

fn layouts(sweep: bool) -> Vec<Tuning> {
    if !sweep {
        return vec![Tuning::default()];
    }
    let mut layouts = Vec::new();
    for units in [64, 128, 256, 512] {
        for together in [1, 2, 4] {
            for chunk in [32, 128, 512] {
                for planes in [false, true] {
                    layouts.push(Tuning {
                        units: Some(units),
                        together: Some(together),
                        chunk: Some(chunk),
                        planes: Some(planes),
                    });
                }
            }
        }
    }
    layouts
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = options()?;
    let adapter = match available(Accept::Any) {
        Ok(adapter) => adapter,
        Err(error) => {
            println!("nothing to measure: {error}");
            return Ok(());
        }
    };
    println!("adapter: {} through {}", adapter.name, adapter.interface);
    if adapter.software {
        println!("THIS IS A SOFTWARE DRIVER: the figures say nothing about any graphics processor.");
    }
    let device = &adapter.device;
    let (megabytes, runs) = match adapter.software {
        true => (options.megabytes.unwrap_or(16), options.runs.min(2)),
        false => (options.megabytes.unwrap_or(1024), options.runs),
    };
    let copied = copy_bandwidth(device, (megabytes << 20) / 2, runs);
    println!("copy: {:.1} GB/s\n", copied / 1e9);

    let mut csv = String::new();
    let show = |tuning: Option<usize>| tuning.map_or("auto".to_string(), |number| number.to_string());
    let mut line = |engine: &str,
                    dtype: &str,
                    n: usize,
                    d: usize,
                    bytes: usize,
                    time: Duration,
                    tuning: &Tuning| {
        let rate = bytes as f64 / time.as_secs_f64();
        let (ms, mb) = (time.as_secs_f64() * 1e3, bytes as f64 / 1e6);
        let (units, together, chunk) = (show(tuning.units), show(tuning.together), show(tuning.chunk));
        let planes = tuning.planes.map_or("auto".to_string(), |planes| planes.to_string());
        println!(
            "{engine:<22} {dtype:<5} {n:>6} {d:>7} {mb:>8.1} MB {ms:>9.3} ms {:>8.1} GB/s {:>6.1} %  \
             {units} {together} {chunk} {planes}",
            rate / 1e9,
            100.0 * rate / copied,
        );
        let name = adapter.name.replace(',', ";");
        let _ = writeln!(
            csv,
            "{engine},{name},{dtype},{n},{d},{mb:.1},{ms:.4},{:.1},{:.1},{:.4},{units},{together},{chunk},{planes}",
            rate / 1e9,
            copied / 1e9,
            rate / copied,
        );
    };
    for dtype in ["bf16", "f32"] {
        let size = if dtype == "f32" { 4 } else { 2 };
        for d in DIMS {
            // One tensor for all lengths: the samples are cut from it.
            let most = (megabytes << 20) / (d * size);
            let states = rows(dtype, most, d, device);
            device.sync()?;
            for n in LENGTHS {
                if n > most {
                    continue;
                }
                let spans: Vec<_> = (0..most / n)
                    .map(|i| Spans { prefix: 0..0, question: i * n..(i + 1) * n })
                    .collect();
                let bytes = spans.len() * n * d * size;
                for tuning in layouts(options.sweep) {
                    let Profile { sum, fold, dot } = profile(&states, &spans, &tuning, runs)?;
                    line("angle kernel", dtype, n, d, bytes, sum, &tuning);
                    line("angle all passes", dtype, n, d, bytes, sum + fold + dot, &tuning);
                }
                if options.wall {
                    let best = wall(runs, || dots(&states, &spans).map(drop))?;
                    line("angle whole call", dtype, n, d, bytes, best, &Tuning::default());
                }
            }
        }
        for d in VOCABS {
            let n = (megabytes << 20) / (d * size);
            let states = rows(dtype, n, d, device);
            device.sync()?;
            let bytes = n * d * size;
            line(
                "logits kernel",
                dtype,
                n,
                d,
                bytes,
                logits::profile(&states, runs)?,
                &Tuning::default(),
            );
            if options.wall {
                let best = wall(runs, || logits::row_sums(&states).map(drop))?;
                line("logits whole call", dtype, n, d, bytes, best, &Tuning::default());
            }
        }
    }
    if let Some(path) = options.csv {
        std::fs::write(&path, format!("{HEADER}\n{csv}"))?;
        println!("\nwritten to {path}");
    }
    Ok(())
}

/// The least time that a call takes, as the host sees it.
fn wall<E>(runs: usize, call: impl Fn() -> Result<(), E>) -> Result<Duration, E> {
    call()?;
    let mut best = Duration::MAX;
    for _ in 0..runs.max(1) {
        let start = Instant::now();
        call()?;
        best = best.min(start.elapsed());
    }
    Ok(best)
}
