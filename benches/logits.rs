//! Time of the sums over rows of logits, beside the read bandwidth of the machine in the same minute.
//!
//! ```text
//! cargo bench --bench logits
//! ```
//!
//! `benches/peers/logits_torch.py` times the same in PyTorch.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod timing;

use std::hint::black_box;
use std::time::Instant;

use curricle::{Purpose, Rng, Round};
use curricle_kernels::Element;
use curricle_kernels::logits::{RowSums, row, rows};
use half::{bf16, f16};
use rayon::prelude::*;
use timing::{PASSES, stream, times};

const ROWS: usize = 512;
const VOCAB: usize = 151_936;

fn case<E: Element>(name: &str, logits: &[E], vocab: usize, memory: &[f32]) {
    let count = logits.len() / vocab;
    let mut out = vec![row(&logits[..1], 1.0); count];
    let [stream, kernel] = times([&mut || stream(memory), &mut || {
        rows(black_box(logits), vocab, 1.0, black_box(&mut out));
    }]);
    let rate = |bytes: usize, seconds: f64| bytes as f64 / seconds / 1e9;
    let [best, median] = [(stream.0, kernel.0), (stream.1, kernel.1)].map(|(stream, kernel)| {
        let (read, own) = (rate(size_of_val(memory), stream), rate(size_of_val(logits), kernel));
        let micro = kernel / count as f64 * 1e6;
        format!("{micro:>8.3} us/row {own:>5.1} GB/s = {:>3.0} % of {read:>4.1}", 100.0 * own / read)
    });
    let entropy: f64 = out.iter().map(entropy).sum::<f64>() / count as f64;
    println!(
        "{name:<4} [{count:>7}, {vocab:>6}]  best {best}   median {median}   entropy {entropy:.4}"
    );
}

/// One row that stays in a cache, on one thread: what the arithmetic takes.
fn cached<E: Element>(name: &str, logits: &[E]) {
    let mut least = f64::INFINITY;
    for _ in 0..2000 {
        let start = Instant::now();
        black_box(row(black_box(logits), 1.0));
        least = least.min(start.elapsed().as_secs_f64());
    }
    println!("{name:<4}: one row of {} in cache, one thread: {:.1} us", logits.len(), least * 1e6);
}

fn entropy(sums: &RowSums) -> f64 {
    sums.rest.ln_1p() - sums.weighted / (1.0 + sums.rest)
}

fn main() {
    // Logits of a model: a bell of width 3 with a few tokens that stand out.
    let mut logits = vec![0.0f32; ROWS * VOCAB];
    logits.par_chunks_mut(VOCAB).enumerate().for_each(|(number, logits)| {
        let mut rng = Rng::at(1, Round(number as u64), Purpose::User);
        for pair in logits.chunks_mut(2) {
            let (a, b) = rng.two_normals();
            pair.iter_mut().zip([a, b]).for_each(|(z, normal)| *z = 3.0 * normal as f32);
        }
        for _ in 0..4 {
            logits[rng.below(VOCAB as u64) as usize] = 12.0 + 6.0 * rng.unit() as f32;
        }
    });
    println!(
        "{} threads; best and median of {PASSES} passes; bandwidth: a streaming sum of the f32 case, in turns",
        rayon::current_num_threads()
    );
    case("f32", &logits, VOCAB, &logits);
    let narrow: Vec<bf16> = logits.par_iter().map(|&z| bf16::from_f32(z)).collect();
    case("bf16", &narrow, VOCAB, &logits);
    cached("bf16", &narrow[..VOCAB]);
    drop(narrow);
    let narrow: Vec<f16> = logits.par_iter().map(|&z| f16::from_f32(z)).collect();
    case("f16", &narrow, VOCAB, &logits);
    cached("f16", &narrow[..VOCAB]);
    drop(narrow);
    cached("f32", &logits[..VOCAB]);
    let masked = logits[..VOCAB].iter().map(|&z| if z < 3.0 { f32::NEG_INFINITY } else { z });
    cached("f32, five of six masked", &masked.collect::<Vec<f32>>());
    case("f32", &logits[..1_000_000 * 10], 10, &logits);
    case("f32", &logits[..100_000 * 100], 100, &logits);
}
