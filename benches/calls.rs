//! The two verbs as `python/benches/calls.py` calls them, from Rust: microseconds of a draw of 512 from 10^6 samples and
//! of an observation of 512 outcomes, the median of 2000 each, on one line.
//!
//! ```text
//! cargo bench --no-default-features --features config --bench calls
//! ```

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::Instant;

use curricle::{Config, Feedback, Outcome};

const SAMPLES: usize = 1_000_000;
const ARMS: u64 = 100;
const BATCH: usize = 512;
const CALLS: usize = 2000;
const CONFIG: &str = "seed = 1
policy.bounded = { floor = { epsilon = 0.1, prior = 'uniform' }, inner.boltzmann = {} }
signal = 'group_spread'";

fn median(mut nanoseconds: Vec<u128>) -> f64 {
    nanoseconds.sort_unstable();
    nanoseconds[nanoseconds.len() / 2] as f64 / 1000.0
}

fn main() {
    let config = Config::from_toml(CONFIG).expect("a good configuration");
    let arm = |sample: curricle::SampleId| (sample.0 * ARMS / SAMPLES as u64) as u32;
    let builder = config.builder(SAMPLES).arms(ARMS as u32, arm);
    let mut curriculum = builder.build().expect("good options");
    let success: Vec<f32> = (0..BATCH).map(|place| place as f32 / BATCH as f32).collect();
    let (mut draws, mut observations) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        let start = Instant::now();
        let batch = black_box(curriculum.draw(BATCH).expect("enough samples"));
        draws.push(start.elapsed().as_nanos());
        let start = Instant::now();
        // A caller of Rust makes its list of feedback, too.
        let outcome = |success: f32| Outcome::default().success(success).rollouts(8);
        let each = batch.draws.iter().zip(&success);
        let feedback: Vec<Feedback> =
            each.map(|(draw, &success)| Feedback::new(draw.ticket, outcome(success))).collect();
        black_box(curriculum.report(&feedback));
        observations.push(start.elapsed().as_nanos());
    }
    println!("{} {}", median(draws), median(observations));
}
