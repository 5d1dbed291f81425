//! Time of the angle concentration on the processor, beside the read bandwidth of the machine in the same
//! minute and, where there is a Python with PyTorch, beside the closed forms there.
//!
//! ```text
//! cargo bench --bench angle -- [--python PATH] [--megabytes N]
//! ```

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod timing;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;

use curricle::{Purpose, Rng, Round};
use curricle_kernels::Element;
use curricle_kernels::angle::{Spans, dots};
use half::bf16;
use rayon::prelude::*;
use timing::{PASSES, stream, times};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const SHAPES: [(usize, usize); 4] = [(128, 1536), (512, 3584), (2048, 4096), (8192, 4096)];

struct Options {
    python: PathBuf,
    megabytes: usize,
}

fn options() -> Result<Options> {
    let mut options = Options { python: "python3".into(), megabytes: 1024 };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        use lexopt::prelude::*;
        match argument {
            Long("python") => options.python = arguments.value()?.into(),
            Long("megabytes") => options.megabytes = arguments.value()?.parse()?,
            // cargo passes it.
            Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

fn case<E: Element>(name: &str, states: &[E], n: usize, dim: usize, memory: &[f32]) {
    let spans: Vec<Spans> = (0..states.len() / (n * dim))
        .map(|sample| Spans { prefix: 0..0, question: sample * n..(sample + 1) * n })
        .collect();
    let states = &states[..spans.len() * n * dim];
    let [read, own] = times([&mut || stream(memory), &mut || {
        black_box(dots(black_box(states), dim, &spans)).expect("finite states in whole rows");
    }]);
    let rate = |bytes: usize, seconds: f64| bytes as f64 / seconds / 1e9;
    let share = |read: f64, own: f64| {
        let (read, own) = (rate(size_of_val(memory), read), rate(size_of_val(states), own));
        format!("{own:>5.1} GB/s = {:>3.0} % of {read:>4.1}", 100.0 * own / read)
    };
    println!(
        "{name:<4} [{n:>4}, {dim}] x {:<5} best {}   median {}",
        spans.len(),
        share(read.0, own.0),
        share(read.1, own.1)
    );
}

/// The closed forms in PyTorch, if it is there.
fn peer(python: &Path, megabytes: usize) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/angle_torch.py");
    match Command::new(python).arg(script).arg(megabytes.to_string()).output() {
        Ok(done) if done.status.success() => print!("{}", String::from_utf8_lossy(&done.stdout)),
        Ok(done) => {
            let said = String::from_utf8_lossy(&done.stderr);
            println!("PyTorch skipped: {}", said.lines().last().unwrap_or("it failed"));
        }
        Err(error) => println!("PyTorch skipped: {}: {error}", python.display()),
    }
}

fn main() -> Result<()> {
    let options = options()?;
    println!(
        "{} threads, {} MB of f32; best and median of {PASSES} passes; bandwidth: a streaming sum of the same, in turns",
        rayon::current_num_threads(),
        options.megabytes
    );
    let mut states = vec![0.0f32; options.megabytes * 250_000];
    states.par_chunks_mut(1 << 16).enumerate().for_each(|(number, states)| {
        let mut rng = Rng::at(1, Round(number as u64), Purpose::User);
        states.iter_mut().for_each(|x| *x = rng.unit() as f32 - 0.3);
    });
    for (n, dim) in SHAPES {
        case("f32", &states, n, dim, &states);
    }
    let narrow: Vec<bf16> = states.par_iter().map(|&x| bf16::from_f32(x)).collect();
    for (n, dim) in SHAPES {
        case("bf16", &narrow, n, dim, &states);
    }
    drop((states, narrow));
    peer(&options.python, options.megabytes);
    Ok(())
}
