//! What a round of 1 024 draws costs among ranks, beside one curriculum that does the same.
//!
//! ```text
//! cargo bench --no-default-features --bench ranks
//! ```
//!
//! Each rank is a thread that draws its part and reports it: a success and an advantage. All ranks make the whole
//! decision, so on a machine with a processor for each the time is that of one; with fewer, they take turns. `bytes`
//! are those of all frames of a round. Least and median time of a round, in microseconds, over passes in which the
//! rows take turns.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::sync::Barrier;
use std::thread::scope;
use std::time::Instant;

use curricle::feed::ranks::{Exchange, Replicated, Threads};
use curricle::policy::{Boltzmann, Bounded, Prior};
use curricle::sampler::Replace;
use curricle::signal::MeanAdvantage;
use curricle::{Batch, Curriculum, Feed, Feedback, Outcome};

const PASSES: usize = 15;
const ROUNDS: usize = 100;
const DRAWS: usize = 1024;
const SAMPLES: usize = 100_000;
const ARMS: u32 = 64;

fn build() -> Curriculum<Bounded<Boltzmann>, MeanAdvantage, Replace> {
    Curriculum::builder(SAMPLES)
        .arms(ARMS, |sample| (sample.0 % u64::from(ARMS)) as u32)
        .policy(Bounded::new(Boltzmann::new().alpha(0.5)).floor(0.1, Prior::Uniform))
        .signal(MeanAdvantage)
        .sampler(Replace)
        .seed(1)
        .build()
        .expect("good options")
}

fn reports(batch: &Batch) -> Vec<Feedback> {
    let outcome = |sample: u64| {
        let success = ((7 * sample + 3 * batch.round.0) % 5) as f32 / 4.0;
        Outcome::default().success(success).abs_advantage(success * (1.0 - success)).rollouts(8)
    };
    batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.sample.0))).collect()
}

/// What a pass comes to.
struct Pass {
    /// Seconds of a round.
    seconds: f64,
    /// Bytes of the frames of the last round.
    bytes: f64,
    digest: u64,
}

/// Draws and reports so often; the time leaves out the first round, which meets cold caches.
fn rounds(feed: &mut impl Feed, want: usize) -> f64 {
    let mut start = Instant::now();
    for round in 0..=ROUNDS {
        if round == 1 {
            start = Instant::now();
        }
        let batch = feed.draw(want).expect("enough to draw");
        feed.observe(&reports(&batch)).expect("good feedback");
    }
    start.elapsed().as_secs_f64() / ROUNDS as f64
}

fn alone() -> Pass {
    let mut curriculum = build();
    let seconds = rounds(&mut curriculum, DRAWS);
    Pass { seconds, bytes: 0.0, digest: curriculum.digest() }
}

fn ranks(size: usize) -> Pass {
    let ready = Barrier::new(size);
    let run = |rank: Threads| {
        let (own, size) = (rank.rank(), rank.size());
        let want = DRAWS * (own + 1) / size - DRAWS * own / size;
        let mut feed = Replicated::new(build(), rank);
        ready.wait();
        let seconds = rounds(&mut feed, want);
        let bytes = feed.metrics().get("ranks/bytes/gathered").unwrap_or(0.0);
        Pass { seconds, bytes, digest: feed.replica().digest() }
    };
    scope(|scope| {
        let threads = Threads::group(size).into_iter().map(|rank| scope.spawn(|| run(rank)));
        let passes: Vec<Pass> =
            threads.collect::<Vec<_>>().into_iter().map(|it| it.join().expect("no panic")).collect();
        passes.into_iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds)).expect("a rank")
    })
}

fn main() {
    const ROWS: [usize; 5] = [0, 1, 2, 4, 8];
    let mut passes: [Vec<Pass>; ROWS.len()] = Default::default();
    for _ in 0..PASSES {
        for (size, passes) in ROWS.into_iter().zip(&mut passes) {
            // On a thread of its own, as the ranks are.
            let by_itself = || scope(|scope| scope.spawn(alone).join().expect("no panic"));
            passes.push(if size == 0 { by_itself() } else { ranks(size) });
        }
    }
    let digest = passes[0][0].digest;
    println!("{:<14}{:>10}{:>10}{:>10}", "", "least", "median", "bytes");
    for (size, mut passes) in ROWS.into_iter().zip(passes) {
        passes.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        assert!(passes.iter().all(|pass| pass.digest == digest), "the same decisions");
        let name = if size == 0 { "one curriculum".into() } else { format!("{size} ranks") };
        let time = |pass: &Pass| 1e6 * pass.seconds;
        let (least, median) = (time(&passes[0]), time(&passes[PASSES / 2]));
        println!("{name:<14}{least:>10.0}{median:>10.0}{:>10}", passes[0].bytes);
    }
}
