//! The two verbs as `python/benches/calls.py` calls them, from Rust: microseconds of a draw of 512 from 10^6 samples, of
//! an observation of 512 outcomes, and of one of 512 groups of eight rewards; of 4000 rounds the time that a tenth of the
//! calls stay below, on one line.
//!
//! ```text
//! cargo bench --no-default-features --features config --bench calls
//! ```

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::Instant;

use curricle::{Config, Draw, Feedback, Outcome};

const SAMPLES: usize = 1_000_000;
const ARMS: u64 = 100;
const BATCH: usize = 512;
const ROUNDS: usize = 4000;
const CONFIG: &str = "seed = 1
policy.bounded = { floor = { epsilon = 0.1, prior = 'uniform' }, inner.boltzmann = {} }
signal = 'group_spread'";

/// Neighbours of a virtual machine make calls slow for seconds, and none fast.
fn tenth(mut nanoseconds: Vec<u128>) -> f64 {
    nanoseconds.sort_unstable();
    nanoseconds[nanoseconds.len() / 10] as f64 / 1000.0
}

fn main() {
    let config = Config::from_toml(CONFIG).expect("a good configuration");
    let arm = |sample: curricle::SampleId| (sample.0 * ARMS / SAMPLES as u64) as u32;
    let builder = config.builder(SAMPLES).arms(ARMS as u32, arm);
    let mut curriculum = builder.build().expect("good options");
    let success: Vec<f32> = (0..BATCH).map(|place| place as f32 / BATCH as f32).collect();
    let rewards: Vec<[f32; 8]> = vec![[1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]; BATCH];
    let (mut draws, mut observations, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let start = Instant::now();
        let batch = black_box(curriculum.draw(BATCH).expect("enough samples"));
        draws.push(start.elapsed().as_nanos());
        let start = Instant::now();
        // A caller of Rust makes its list of feedback, too.
        let by_success = |(draw, &success): (&Draw, &f32)| {
            Feedback::new(draw.ticket, Outcome::default().success(success).rollouts(8))
        };
        let by_rewards = |(draw, rewards): (&Draw, &[f32; 8])| {
            Feedback::new(draw.ticket, Outcome::group(rewards).expect("good rewards"))
        };
        let feedback: Vec<Feedback> = if round % 2 == 0 {
            batch.draws.iter().zip(&success).map(by_success).collect()
        } else {
            batch.draws.iter().zip(&rewards).map(by_rewards).collect()
        };
        black_box(curriculum.observe(&feedback).expect("good feedback"));
        let spent = if round % 2 == 0 { &mut observations } else { &mut groups };
        spent.push(start.elapsed().as_nanos());
    }
    println!("{} {} {}", tenth(draws), tenth(observations), tenth(groups));
}
