//! Eight threads that report as fast as they can, one that draws: how much a shared curriculum takes, and whether it stays
//! small and loses nothing.
//!
//! ```text
//! cargo bench --no-default-features --bench load -- --minutes 10
//! ```
//!
//! 10^5 samples in 20 arms, batches of 64, handed to the reporting threads in parts of 8, which come back in whatever order
//! the threads have; one part in a thousand is reported twice. Half of the time in the pace of arrival, with 1024 tickets
//! in flight, half in lockstep with a lag of 8. Times are those of the calls, as the threads see them, waiting for the lock
//! and for feedback included: between bounds that are 6 % apart.
//!
//! What must hold, or it ends with a panic: resident memory at the end is that after a fifth of the time, give or take
//! 8 MiB; each reported ticket has its verdict, each repeated one its error, and no ticket is open or lost; the decisions
//! in lockstep are those of one thread alone.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, unbounded};
use curricle::feed::{Lockstep, Reporter};
use curricle::policy::Tilt;
use curricle::preset::PostTraining;
use curricle::sampler::Systematic;
use curricle::signal::MeanAdvantage;
use curricle::{Arrival, Batch, Builder, Curriculum, Draw, Error, Feed, Feedback, Outcome, Verdict};
use indicatif::{ProgressBar, ProgressStyle};

const SAMPLES: usize = 100_000;
const BATCH: usize = 64;
const PART: usize = 8;
const PRODUCERS: usize = 8;
/// The round at which the decisions are compared with those of one thread.
const COMPARED: u64 = 20_000;
/// By how much resident memory may differ, in bytes.
const FLAT: u64 = 8 << 20;

type Described = Builder<Tilt, MeanAdvantage, Systematic>;

fn builder() -> Described {
    Curriculum::builder(SAMPLES).arms(20, |sample| (sample.0 % 20) as u32).post_training().seed(5)
}

fn outcome(draw: &Draw) -> Outcome {
    let share = (draw.ticket.0.wrapping_mul(2_654_435_761) % 1001) as f32 / 1000.0;
    Outcome::default().success(share).abs_advantage((share * (1.0 - share)).sqrt()).rollouts(8)
}

fn feedback(draws: &[Draw]) -> Vec<Feedback> {
    draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw))).collect()
}

/// Counts of times, in steps of a sixteenth of a power of two of nanoseconds.
#[derive(Clone)]
struct Times {
    counts: Vec<u64>,
    greatest: Duration,
}

impl Times {
    fn new() -> Self {
        Self { counts: vec![0; 64 * 16], greatest: Duration::ZERO }
    }

    fn note(&mut self, time: Duration) {
        self.greatest = self.greatest.max(time);
        let nanoseconds = (time.as_nanos() as u64).max(16);
        let power = nanoseconds.ilog2();
        self.counts[(power * 16) as usize + (nanoseconds >> (power - 4) & 15) as usize] += 1;
    }

    fn add(&mut self, other: &Self) {
        self.greatest = self.greatest.max(other.greatest);
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
    }

    /// The upper end of the step in which this share of the times is reached, in microseconds.
    fn quantile(&self, share: f64) -> f64 {
        let wanted = (share * self.counts.iter().sum::<u64>() as f64).ceil() as u64;
        let mut sum = 0;
        for (step, count) in self.counts.iter().enumerate() {
            sum += count;
            if sum >= wanted {
                let end = (1u64 << (step / 16)) as f64 * (1.0 + (step % 16 + 1) as f64 / 16.0);
                return end / 1000.0;
            }
        }
        0.0
    }

    fn row(&self, what: &str) {
        let calls: u64 = self.counts.iter().sum();
        let [p50, p99] = [0.5, 0.99].map(|share| self.quantile(share));
        let greatest = self.greatest.as_secs_f64() * 1e3;
        println!(
            "  {what:<16}{calls:>12} calls   p50 {p50:>9.1} us   p99 {p99:>9.1} us   max {greatest:>8.2} ms"
        );
    }
}

/// Resident memory of this process in bytes; 0 where the system does not tell.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split_whitespace().nth(1).and_then(|it| it.parse::<u64>().ok()).map_or(0, |it| it * 4096)
}

/// What a reporting thread has seen.
struct Seen {
    times: Times,
    admitted: u64,
    rejected: u64,
    repeated: u64,
}

fn produce(reporter: &Reporter, parts: &Receiver<Vec<Draw>>) -> Seen {
    let mut seen = Seen { times: Times::new(), admitted: 0, rejected: 0, repeated: 0 };
    for (number, part) in parts.iter().enumerate() {
        let all = feedback(&part);
        let start = Instant::now();
        let verdicts = reporter.observe(&all).expect("open tickets");
        seen.times.note(start.elapsed());
        assert_eq!(verdicts.len(), all.len());
        for verdict in verdicts {
            match verdict {
                Verdict::Admit => seen.admitted += 1,
                _ => seen.rejected += 1,
            }
        }
        if number.is_multiple_of(1000) {
            for result in reporter.report(&all).expect("a good feed") {
                assert!(matches!(result, Err(Error::RepeatedTicket(_))), "{result:?}");
                seen.repeated += 1;
            }
        }
    }
    seen
}

/// What the drawing thread has seen.
struct Drawn {
    times: Times,
    rounds: u64,
    /// Resident memory by tenths of the time.
    resident: Vec<u64>,
    /// The decisions up to the round that is compared.
    digest: Option<u64>,
}

fn draw(feed: &mut Lockstep<PostTraining>, parts: &Sender<Vec<Draw>>, time: Duration) -> Drawn {
    let bar = ProgressBar::new(time.as_secs());
    bar.set_style(
        ProgressStyle::with_template("{bar:30} {pos} of {len} s, {msg}").expect("a template"),
    );
    let mut drawn = Drawn { times: Times::new(), rounds: 0, resident: Vec::new(), digest: None };
    let begin = Instant::now();
    let mut batch;
    while begin.elapsed() < time {
        let start = Instant::now();
        batch = feed.draw(BATCH).expect("feedback comes");
        drawn.times.note(start.elapsed());
        batch
            .draws
            .chunks(PART)
            .for_each(|part| parts.send(part.to_vec()).expect("threads that report"));
        drawn.rounds += 1;
        if drawn.rounds == COMPARED {
            drawn.digest = feed.with(|curriculum| curriculum.digest()).ok();
        }
        let tenth = (10.0 * begin.elapsed().as_secs_f64() / time.as_secs_f64()) as usize;
        if tenth >= drawn.resident.len() {
            drawn.resident.push(resident());
        }
        if drawn.rounds.is_multiple_of(1024) {
            bar.set_position(begin.elapsed().as_secs());
            bar.set_message(format!("{} batches, {} MiB", drawn.rounds, resident() >> 20));
        }
    }
    bar.finish_and_clear();
    drawn
}

/// The decisions of one thread that reports each batch before the next but eight.
fn alone(mut curriculum: PostTraining, rounds: u64) -> u64 {
    let mut batch = Batch::default();
    for _ in 0..rounds {
        curriculum.draw_into(BATCH, &mut batch).expect("feedback is there");
        curriculum.observe(&feedback(&batch.draws)).expect("open tickets");
    }
    curriculum.digest()
}

fn run(name: &str, curriculum: PostTraining, twin: Option<PostTraining>, time: Duration) {
    let mut feed = Lockstep::new(curriculum).patience(Duration::from_secs(60));
    let begin = Instant::now();
    let (drawn, seen) = std::thread::scope(|scope| {
        let (parts, queue) = unbounded::<Vec<Draw>>();
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|_| {
                let (reporter, queue) = (feed.reporter(), queue.clone());
                scope.spawn(move || produce(&reporter, &queue))
            })
            .collect();
        let drawn = draw(&mut feed, &parts, time);
        drop(parts);
        let join = |it: std::thread::ScopedJoinHandle<'_, Seen>| it.join().expect("no panic");
        (drawn, producers.into_iter().map(join).collect::<Vec<Seen>>())
    });
    let seconds = begin.elapsed().as_secs_f64();
    let mut reports = Times::new();
    seen.iter().for_each(|seen| reports.add(&seen.times));
    let sum = |count: fn(&Seen) -> u64| seen.iter().map(count).sum::<u64>();
    let (admitted, rejected) = (sum(|it| it.admitted), sum(|it| it.rejected));
    let tickets = drawn.rounds * BATCH as u64;
    println!("{name}: {seconds:.0} s, {:.0} tickets/s", tickets as f64 / seconds);
    drawn.times.row("draw of 64");
    reports.row("report of 8");
    let mib: Vec<String> =
        drawn.resident.iter().map(|it| format!("{:.1}", *it as f64 / 1048576.0)).collect();
    println!("  resident, in MiB, by tenths of the time: {}", mib.join(" "));

    let counts = feed.with(|curriculum| curriculum.counts()).expect("no panic");
    assert!(counts.is_conserved());
    let found =
        [counts.drawn, counts.admitted, counts.rejected, counts.open, counts.lost, counts.banked];
    assert_eq!(found, [tickets, admitted, rejected, 0, 0, 0], "nothing is lost");
    println!(
        "  {tickets} tickets drawn = {admitted} admitted + {rejected} rejected; {} repeated ones refused",
        sum(|it| it.repeated)
    );
    let warm = drawn.resident.get(2).copied().unwrap_or_default();
    let last = drawn.resident.last().copied().unwrap_or_default();
    assert!(warm.abs_diff(last) <= FLAT, "resident memory grows: {warm} {last}");
    if let (Some(twin), Some(digest)) = (twin, drawn.digest) {
        assert_eq!(alone(twin, COMPARED), digest, "not the decisions of one thread");
        println!("  the first {COMPARED} batches are those of one thread");
    }
}

fn arguments() -> Result<f64, lexopt::Error> {
    use lexopt::prelude::*;
    let mut minutes = 1.0;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("minutes") => minutes = parser.value()?.parse()?,
            Long("bench") => {}
            other => return Err(other.unexpected()),
        }
    }
    Ok(minutes)
}

fn main() -> Result<(), lexopt::Error> {
    let half = Duration::from_secs_f64(arguments()? * 30.0);
    let build = |builder: Described| builder.build().expect("a good description");
    run("arrival, 1024 in flight", build(builder().pace(Arrival::new().in_flight(1024))), None, half);
    let lockstep = || build(builder().lag(8));
    run("lockstep, lag 8", lockstep(), Some(lockstep()), half);
    Ok(())
}
