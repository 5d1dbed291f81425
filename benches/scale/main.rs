//! What a draw, an update, a step and a snapshot cost from 10^4 to 10^8 samples, and whether
//! every sample can still be drawn there.
//!
//! ```text
//! cargo bench --no-default-features --bench scale              up to 10^7, a minute
//! cargo bench --no-default-features --bench scale -- --full    10^8, 10^9 updates: 10 GB, many minutes
//!     --picture FILE   the graph of the first table, as SVG
//! ```
//!
//! A step draws 512 samples, gates and observes 512 outcomes, and counts its allocations. Times are
//! medians of batches in a loop; the peer in the same run is `rand_distr`'s weighted tree, and the
//! limit is one read of a random cache line of an array as large as the weights.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod exact;
#[path = "../picture/mod.rs"]
mod picture;
#[path = "../weights/mod.rs"]
mod weights;

use std::alloc::System;
use std::hint::black_box;
use std::time::Instant;

use curricle::policy::{Boltzmann, Bounded, Posterior, Prior};
use curricle::sampler::{Distinct, Systematic};
use curricle::{Batch, Curriculum, Feedback, Gate, Outcome, Purpose, Rng, Round, SumTree, Weighting};
use curricle_kernels::{blocks, prefetch};
use picture::Line;
use plotters::style::RGBColor;
use rand_distr::Distribution;
use rand_distr::weighted::WeightedTreeIndex;
use stats_alloc::{Region, StatsAlloc};
use weights::{sum_tree, units, weight};

#[global_allocator]
static ALLOCATOR: StatsAlloc<System> = StatsAlloc::system();

const BATCH: usize = 512;
const ARMS: u32 = 100;
/// So many that their odds change arm by arm.
const MANY_ARMS: u32 = 100_000;

/// One line of the tables: nanoseconds a sample, if not said otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub samples: usize,
    pub draw: f64,
    pub update: f64,
    pub peer_draw: f64,
    pub peer_update: f64,
    pub limit: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut full, mut picture) = (false, None);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("full") => full = true,
            lexopt::Arg::Long("picture") => picture = Some(arguments.value()?),
            lexopt::Arg::Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    let sizes: Vec<usize> = (4..=if full { 8 } else { 7 }).map(|power| 10usize.pow(power)).collect();

    println!("sum tree, batches of {BATCH}, ns an item");
    println!("  samples     draw   update | WeightedTreeIndex: draw   update | one random line");
    let mut rows = Vec::new();
    for &samples in &sizes {
        let row = tree(samples);
        println!(
            "{samples:>9} {:>8.1} {:>8.1} | {:>23.1} {:>8.1} | {:>15.1}",
            row.draw, row.update, row.peer_draw, row.peer_update, row.limit
        );
        rows.push(row);
    }
    sizes.iter().filter(|&&samples| samples > 1_000_000).for_each(|&samples| flatness(samples));

    println!(
        "\nwhole step: draw {BATCH} (sharp Boltzmann, {ARMS} arms if not said otherwise, distinct, weights by score), gate, observe {BATCH}"
    );
    println!(
        "  samples   draw ns  observe ns  allocations a step | build s  peak B/sample  snapshot s  B/sample  restore s"
    );
    sizes.iter().try_for_each(|&samples| step(samples, ARMS))?;
    println!("with {MANY_ARMS} arms");
    step(1_000_000, MANY_ARMS)?;

    println!("\na posterior for each sample: as many arms as samples, of which there are at most 2^24");
    println!("  samples   step ns | peak B/sample");
    let many = sizes.iter().filter(|&&samples| (1_000_000..1 << 24).contains(&samples));
    many.copied().try_for_each(posteriors)?;

    println!();
    exact::check(full);
    if let Some(path) = picture {
        let line = |name: &str, [r, g, b]: [u8; 3], time: fn(&Row) -> f64| Line {
            name: name.into(),
            colour: RGBColor(r, g, b),
            points: rows.iter().map(|row| (row.samples as f64, time(row))).collect(),
        };
        let lines = [
            line("WeightedTreeIndex, draw", [200, 120, 40], |row| row.peer_draw),
            line("WeightedTreeIndex, update", [225, 175, 120], |row| row.peer_update),
            line("curricle, update", [120, 165, 215], |row| row.update),
            line("curricle, draw", [30, 90, 170], |row| row.draw),
            line("limit: one random cache line", [140, 140, 140], |row| row.limit),
        ];
        picture::draw(&lines, "ns an item, in batches of 512", path.as_ref())?;
    }
    Ok(())
}

/// The median time of an item, over batches that `work` runs.
fn nanoseconds(rounds: usize, mut work: impl FnMut()) -> f64 {
    let mut times: Vec<u128> = (0..rounds + rounds / 10)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_nanos()
        })
        .skip(rounds / 10)
        .collect();
    times.sort_unstable();
    times[times.len() / 2] as f64 / BATCH as f64
}

/// The time of a draw, over some rounds.
fn draws(tree: &SumTree, rounds: usize, rng: &mut Rng, items: &mut [u64]) -> f64 {
    nanoseconds(rounds, || {
        items.iter_mut().for_each(|item| *item = rng.below(tree.total()));
        tree.find_each(black_box(&mut *items));
    })
}

/// How much longer a draw takes than at 10^6 samples. The two take turns, so that both meet the same neighbours.
fn flatness(samples: usize) {
    const BASE: usize = 1_000_000;
    let (base, tree) = (sum_tree(BASE), sum_tree(samples));
    let (mut rng, mut items) = (Rng::at(2, Round(0), Purpose::User), vec![0; BATCH]);
    let mut ratios: Vec<f64> = (0..21)
        .map(|_| {
            let long = draws(&tree, 200, &mut rng, &mut items);
            long / draws(&base, 200, &mut rng, &mut items)
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!(
        "draw at {samples} : draw at {BASE} = {:.2}, the median of 21 turns (quartiles {:.2}, {:.2})",
        ratios[10], ratios[5], ratios[15]
    );
}

fn tree(samples: usize) -> Row {
    let rounds = 2000;
    let mut rng = Rng::at(1, Round(0), Purpose::User);
    let mut items = vec![0; BATCH];
    let mut changes = vec![(0, 0); BATCH];

    let mut tree = sum_tree(samples);
    let draw = draws(&tree, rounds, &mut rng, &mut items);
    let update = nanoseconds(rounds, || {
        for change in &mut changes {
            *change = (rng.below(samples as u64) as usize, units(0.5 + rng.unit()));
        }
        tree.set_each(&mut changes).expect("small weights");
    });
    // The leaves of the tree itself are the array whose lines are read, as many at a time as a draw has under way.
    let mut sum = 0;
    let limit = nanoseconds(rounds, || {
        items.iter_mut().for_each(|item| *item = rng.below(samples as u64));
        for (now, next) in blocks(&items) {
            next.iter().for_each(|&item| prefetch(tree.weights(), item as usize));
            sum += now.iter().map(|&item| tree.get(item as usize) >> 40).sum::<u64>();
        }
    });
    black_box(sum);
    drop(tree);

    let mut peer = WeightedTreeIndex::new((0..samples).map(weight)).expect("good weights");
    let peer_draw = nanoseconds(rounds / 4, || {
        items.iter_mut().for_each(|item| *item = peer.sample(&mut rng) as u64);
    });
    let peer_update = nanoseconds(rounds / 4, || {
        for _ in 0..BATCH {
            let weight = 0.5 + rng.unit();
            peer.update(rng.below(samples as u64) as usize, weight).expect("a good weight");
        }
    });
    Row { samples, draw, update, peer_draw, peer_update, limit }
}

fn outcomes(batch: &Batch, feedback: &mut Vec<Feedback>) {
    feedback.clear();
    feedback.extend(batch.draws.iter().map(|draw| {
        let share = (draw.ticket.0 * 2_654_435_761 % 1001) as f32 / 1000.0;
        Feedback::new(draw.ticket, Outcome::default().success(share).rollouts(8))
    }));
}

fn step(samples: usize, arms: u32) -> Result<(), Box<dyn std::error::Error>> {
    // The peak starts anew.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = resident("VmRSS:");
    let build = || {
        Curriculum::builder(samples)
            .arms(arms, |sample| (sample.0 % u64::from(arms)) as u32)
            .policy(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform))
            .sampler(Distinct)
            .gate(Gate::zero_signal())
            .weighting(Weighting::Score { floor: 0.01 })
            .build()
    };
    let start = Instant::now();
    let mut curriculum = build()?;
    let built = start.elapsed().as_secs_f64();
    let (mut batch, mut verdicts, mut feedback) = (curriculum.draw(BATCH)?, Vec::new(), Vec::new());
    let (mut drawn, mut observed) = (Vec::new(), Vec::new());
    let mut allocations = 0;
    let rounds = 2000;
    for round in 0..rounds + 20 {
        outcomes(&batch, &mut feedback);
        let region = Region::new(&ALLOCATOR);
        let start = Instant::now();
        curriculum.observe_into(&feedback, &mut verdicts)?;
        let middle = Instant::now();
        curriculum.draw_into(BATCH, &mut batch)?;
        let end = Instant::now();
        if round >= 20 {
            let change = region.change();
            allocations += change.allocations + change.reallocations;
            observed.push((middle - start).as_nanos());
            drawn.push((end - middle).as_nanos());
        }
    }
    let median = |times: &mut Vec<u128>| {
        times.sort_unstable();
        times[times.len() / 2] as f64 / BATCH as f64
    };
    let (drawn, observed) = (median(&mut drawn), median(&mut observed));
    // With few samples, memory that was freed before is used again and does not show.
    let peak = if samples >= 10_000_000 { peak_since(before, samples) } else { "-".into() };
    let start = Instant::now();
    let bytes = curriculum.to_bytes()?;
    let saved = start.elapsed().as_secs_f64();
    let (size, digest) = (bytes.len() as f64 / samples as f64, curriculum.digest());
    drop(curriculum);
    let mut after = build()?;
    let start = Instant::now();
    after.restore_bytes(&bytes)?;
    let restored = start.elapsed().as_secs_f64();
    assert_eq!(after.digest(), digest, "a restored curriculum is another");
    println!(
        "{samples:>9} {drawn:>9.1} {observed:>11.1} {:>19.3} | {built:>7.3} {peak:>14} {saved:>11.3} {size:>9.1} {restored:>10.3}",
        allocations as f64 / rounds as f64,
    );
    Ok(())
}

/// Memory and step of a curriculum that keeps a posterior of success for each sample.
fn posteriors(samples: usize) -> Result<(), Box<dyn std::error::Error>> {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = resident("VmRSS:");
    let each = Curriculum::builder(samples).arms(samples as u32, |sample| sample.0 as u32);
    let mut curriculum = each.policy(Posterior::new()).sampler(Systematic).build()?;
    let (mut batch, mut verdicts, mut feedback) = (curriculum.draw(BATCH)?, Vec::new(), Vec::new());
    let time = nanoseconds(10, || {
        outcomes(&batch, &mut feedback);
        curriculum.observe_into(&feedback, &mut verdicts).expect("good feedback");
        curriculum.draw_into(BATCH, &mut batch).expect("enough samples");
    });
    println!("{samples:>9} {time:>9.0} | {:>13}", peak_since(before, samples));
    Ok(())
}

/// The peak of the resident memory above what it was before, in bytes a sample.
fn peak_since(before: Option<u64>, samples: usize) -> String {
    let peak = resident("VmHWM:").zip(before).map(|(peak, before)| peak.saturating_sub(before));
    peak.map_or("-".into(), |peak| format!("{:.1}", peak as f64 / samples as f64))
}

/// A line of the process's status, in bytes; Linux only.
fn resident(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let number = status.lines().find_map(|text| text.strip_prefix(line))?;
    Some(number.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}
