//! What a belief for each sample costs: weights by belief, beside a posterior for each sample, sampled anew in every step.
//!
//! ```text
//! cargo bench --no-default-features --bench belief [-- --python python3] [--large]
//! ```
//!
//! A pool of which 45 % are solved, 45 % hopeless and 10 % coin tosses; batches of 512, groups of 8. `draw` and `observe` are
//! milliseconds a step, the fold being part of the draw, the median of the steps behind the first ones; `bytes` the peak
//! of the resident memory above what it was, over the samples; `useful` the share of mixed groups in the last half of its
//! steps, of which there are few where a step takes long: 4000 draw each of 10^6 samples twice, on average. `Posterior`
//! has an arm a sample. With `--python` MoPPS in NumPy: all posteriors sampled, the nearest 512 by `argpartition`.
//! `--large` adds 10^8 samples, by belief only: 5 GiB.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

use curricle::policy::{Posterior, Uniform};
use curricle::sampler::Systematic;
use curricle::{
    Batch, Belief, Builder, Curriculum, Feedback, Outcome, Policy, Purpose, Rng, Round, Sampler,
    Signal, Weighting,
};

const BATCH: usize = 512;

/// The chance of success of a sample, the same for the script below.
fn rate(sample: u64) -> f64 {
    match sample.wrapping_mul(2_654_435_761) % 4_294_967_296 % 20 {
        0..9 => 1.0,
        9..18 => 0.0,
        _ => 0.5,
    }
}

const SCRIPT: &str = "
import sys, time
import numpy as np
n, steps, batch = int(sys.argv[1]), int(sys.argv[2]), 512
rng = np.random.default_rng(1)
ids = np.arange(n, dtype=np.uint64)
kind = ids * np.uint64(2654435761) % np.uint64(4294967296) % np.uint64(20)
rate = np.where(kind < 9, 1.0, np.where(kind < 18, 0.0, 0.5)).astype(np.float32)
del ids, kind
a, b = np.ones(n), np.ones(n)
draws, observes, useful = [], [], []
for step in range(steps):
    start = time.perf_counter()
    p = rng.beta(a, b)
    p -= 0.5
    np.abs(p, out=p)
    chosen = np.argpartition(p, batch)[:batch]
    draws.append(time.perf_counter() - start)
    won = rng.binomial(8, rate[chosen])
    useful.append(np.mean((won > 0) & (won < 8)))
    start = time.perf_counter()
    a[chosen] = 0.5 * a[chosen] + 0.5 + won
    b[chosen] = 0.5 * b[chosen] + 0.5 + (8 - won)
    observes.append(time.perf_counter() - start)
skip = min(3, steps - 1)
print(1e3 * np.median(draws[skip:]), 1e3 * np.median(observes[skip:]), np.mean(useful[steps // 2:]))
";

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn row<P: Policy, S: Signal, D: Sampler>(
    name: &str,
    samples: usize,
    steps: usize,
    builder: impl FnOnce() -> Builder<P, S, D>,
) -> Result<(), Box<dyn std::error::Error>> {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = resident("VmRSS:");
    let mut curriculum = builder().seed(1).build()?;
    let mut rng = Rng::at(1, Round(0), Purpose::User);
    let (mut batch, mut feedback, mut verdicts) = (Batch::default(), Vec::new(), Vec::new());
    let (mut draws, mut observes) = (Vec::new(), Vec::new());
    let mut mixed = 0;
    for step in 0..steps {
        let start = Instant::now();
        curriculum.draw_into(BATCH, &mut batch)?;
        draws.push(1e3 * start.elapsed().as_secs_f64());
        feedback.clear();
        for draw in &batch.draws {
            let p = rate(draw.sample.0);
            let won = (0..8).filter(|_| rng.unit() < p).count();
            mixed += usize::from(step >= steps / 2 && won % 8 != 0);
            let outcome = Outcome::default().success(won as f32 / 8.0).rollouts(8);
            feedback.push(Feedback::new(draw.ticket, outcome));
        }
        let start = Instant::now();
        curriculum.observe_into(&feedback, &mut verdicts)?;
        observes.push(1e3 * start.elapsed().as_secs_f64());
    }
    let skip = 3.min(steps - 1);
    let peak = resident("VmHWM:").zip(before).map(|(peak, before)| peak.saturating_sub(before));
    let bytes = peak.map_or("-".into(), |peak| format!("{:.1}", peak as f64 / samples as f64));
    let useful = mixed as f64 / ((steps - steps / 2) * BATCH) as f64;
    let (draw, observe) = (median(draws.split_off(skip)), median(observes.split_off(skip)));
    println!(
        "{samples:>9} {name:<24} {steps:>6} {draw:>10.3} {observe:>10.3} {bytes:>7} {useful:>7.3}"
    );
    std::io::stdout().flush()?;
    Ok(())
}

/// A line of the process's status, in bytes; Linux only.
fn resident(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let number = status.lines().find_map(|text| text.strip_prefix(line))?;
    Some(number.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}

fn numpy(python: &str, samples: usize, steps: usize) -> Result<(), Box<dyn std::error::Error>> {
    let run = Command::new(python)
        .args(["-c", SCRIPT, &samples.to_string(), &steps.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8(run.stdout)?;
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [draw, observe, useful] = numbers[..] else { return Err("no numbers from Python".into()) };
    let name = "MoPPS in NumPy";
    println!(
        "{samples:>9} {name:<24} {steps:>6} {draw:>10.3} {observe:>10.3} {:>7} {useful:>7.3}",
        "-"
    );
    Ok(())
}

/// The rows: how many samples, and which.
fn one(samples: usize, which: &str) -> Result<(), Box<dyn std::error::Error>> {
    let weighting = Weighting::Belief(Belief::new().patience(255));
    let base = || Curriculum::builder(samples).policy(Uniform);
    let arms = || base().arms(100, move |sample| (sample.0 * 100 / samples as u64) as u32);
    let each = || base().arms(samples as u32, |sample| sample.0 as u32).policy(Posterior::new());
    match which {
        "uniform" => row(which, samples, 400, base),
        "weights by belief" => row(which, samples, 4000, || base().weighting(weighting)),
        "the same, 100 arms" => {
            row(which, samples, 4000, || arms().sampler(Systematic).weighting(weighting))
        }
        _ => row(which, samples, posterior_steps(samples), || each().sampler(Systematic)),
    }
}

fn posterior_steps(samples: usize) -> usize {
    if samples > 1_000_000 { 12 } else { 60 }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let (mut python, mut large, mut row) = (None, false, None);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("python") => python = Some(arguments.value()?.string()?),
            Long("large") => large = true,
            Long("row") => {
                let samples: usize = arguments.value()?.string()?.parse()?;
                row = Some((samples, arguments.value()?.string()?));
            }
            // What cargo passes on.
            Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    if let Some((samples, which)) = row {
        return one(samples, &which);
    }
    println!("  samples row                       steps    draw ms observe ms   bytes  useful");
    // A process for each, so that the memory of one is not that of the next.
    let apart = |samples: usize, which: &str| -> Result<(), Box<dyn std::error::Error>> {
        let arguments = ["--row", &samples.to_string(), which].map(str::to_owned);
        let status = Command::new(std::env::current_exe()?).args(arguments).status()?;
        if status.success() { Ok(()) } else { Err(format!("{which}: {status}").into()) }
    };
    for samples in [1_000_000, 10_000_000] {
        for which in ["uniform", "weights by belief", "the same, 100 arms", "Posterior"] {
            apart(samples, which)?;
        }
        if let Some(python) = &python {
            numpy(python, samples, posterior_steps(samples))?;
        }
    }
    if large {
        for which in ["uniform", "weights by belief"] {
            apart(100_000_000, which)?;
        }
    }
    Ok(())
}
