//! What a checkpoint costs: a full snapshot beside one step in a journal, and the way back from both.
//!
//! ```text
//! cargo bench --no-default-features --features zstd --bench checkpoint              10^6 samples
//! cargo bench --no-default-features --features zstd --bench checkpoint -- --full    10^8 too: 9 GB, and 6 GB of disk
//!     --folder PATH   where the files go, instead of the folder for temporary files
//! ```
//!
//! A step draws 512 of 100 arms (sharp Boltzmann, distinct, weights by score) and observes 512 outcomes with a
//! success and a number of rollouts. The journal runs beside a twin that writes nothing down, and makes the same
//! decisions: the cost of a step's records is the median of the differences. Each way back runs in a process of its
//! own, so that its peak is its own.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::alloc::System;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use curricle::policy::{Boltzmann, Bounded, Prior};
use curricle::sampler::Distinct;
use curricle::signal::GroupSpread;
use curricle::{
    Batch, Compression, Curriculum, Durability, Feedback, Gate, Journal, Outcome, Result, Weighting,
};
use stats_alloc::{Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: StatsAlloc<System> = StatsAlloc::system();

const BATCH: usize = 512;
const ARMS: u32 = 100;
/// Steps before anything is measured, and steps for each durability.
const BEFORE: usize = 2000;
const STEPS: usize = 500;
/// The ways back, by the name that a child process is told.
const WAYS: [(&str, &str); 3] = [
    ("read", "restore_bytes(read)"),
    ("restore", "restore: front to back"),
    ("one-state", "restored: the old state freed"),
];

type Sec = Curriculum<Bounded<Boltzmann>, GroupSpread, Distinct>;
type Anything<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Anything<()> {
    let (mut full, mut folder, mut child) = (false, std::env::temp_dir(), Vec::new());
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("full") => full = true,
            lexopt::Arg::Long("folder") => folder = arguments.value()?.into(),
            lexopt::Arg::Long("child") => child = arguments.values()?.collect(),
            lexopt::Arg::Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    if let [way, samples, path] = &child[..] {
        let samples = samples.to_str().ok_or("samples")?.parse()?;
        return go_back(way.to_str().ok_or("way")?, samples, path.as_ref());
    }
    let folder = tempfile::tempdir_in(folder)?;
    compare(1_000_000, folder.path())?;
    if full {
        compare(100_000_000, folder.path())?;
    }
    Ok(())
}

fn build(samples: usize) -> Result<Sec> {
    Curriculum::builder(samples)
        .arms(ARMS, |sample| (sample.0 % u64::from(ARMS)) as u32)
        .policy(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform))
        .sampler(Distinct)
        .gate(Gate::zero_signal())
        .weighting(Weighting::Score { floor: 0.01 })
        .build()
}

fn outcomes(batch: &Batch, feedback: &mut Vec<Feedback>) {
    feedback.clear();
    feedback.extend(batch.draws.iter().map(|draw| {
        let share = (draw.ticket.0 * 2_654_435_761 % 1001) as f32 / 1000.0;
        Feedback::new(draw.ticket, Outcome::default().success(share).rollouts(8))
    }));
}

fn seconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed().as_secs_f64(), done)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The median time of some passes; one pass if there are many samples.
fn passes(samples: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let count = if samples > 10_000_000 { 1 } else { 5 };
    let times: Result<Vec<f64>> =
        (0..count).map(|_| seconds(&mut work)).map(|(t, done)| done.map(|()| t)).collect();
    Ok(median(times?))
}

fn compare(samples: usize, folder: &Path) -> Anything<()> {
    println!("N = {samples}, after {BEFORE} steps of {BATCH}");
    let mut curriculum = build(samples)?;
    let (mut batch, mut verdicts, mut feedback) = (curriculum.draw(BATCH)?, Vec::new(), Vec::new());
    for _ in 0..BEFORE {
        outcomes(&batch, &mut feedback);
        curriculum.observe_into(&feedback, &mut verdicts)?;
        curriculum.draw_into(BATCH, &mut batch)?;
    }

    let (snapshot, base) = (folder.join("snapshot"), folder.join("base"));
    let mut size = 0;
    let in_memory = passes(samples, || curriculum.to_bytes().map(|bytes| size = bytes.len()))?;
    let saved = passes(samples, || curriculum.save(&snapshot))?;
    std::fs::remove_file(&snapshot)?;
    println!(
        "  full snapshot, {size} bytes: to_bytes {:.1} ms, save {:.1} ms",
        in_memory * 1e3,
        saved * 1e3
    );
    if cfg!(feature = "zstd") {
        for level in [1, 3, 9] {
            // A high level over much is not for this bench.
            if level <= 3 || samples <= 10_000_000 {
                zstd(&curriculum, samples, &snapshot, level, size)?;
            }
        }
    }

    drop(Journal::open(&base, curriculum)?);
    // Both come from the file, so that their memory is alike.
    let mut journal = Journal::open(&base, build(samples)?)?;
    let mut twin = build(samples)?.restored(&base)?;
    let mut steps = 0;
    let events = NonZeroU32::new(2).ok_or("two")?;
    for (durability, name, whole) in [
        (Durability::OnDemand, "no flush", in_memory),
        (Durability::Every(events), "one flush", saved),
        (Durability::Each, "two flushes", saved),
    ] {
        journal = journal.durability(durability);
        let (mut differences, mut plain, mut allocations) = (Vec::new(), Vec::new(), 0);
        let bytes = journal.log_bytes();
        for _ in 0..STEPS {
            outcomes(&batch, &mut feedback);
            let (bare, done) = seconds(|| {
                twin.observe_into(&feedback, &mut verdicts)?;
                twin.draw_into(BATCH, &mut batch)
            });
            done?;
            let drawn = batch.draws[0];
            let region = Region::new(&ALLOCATOR);
            let (logged, done) = seconds(|| {
                journal.observe_into(&feedback, &mut verdicts)?;
                journal.draw_into(BATCH, &mut batch)
            });
            done?;
            let change = region.change();
            allocations += change.allocations + change.reallocations;
            assert_eq!(drawn, batch.draws[0], "the twin decides otherwise");
            plain.push(bare);
            differences.push(logged - bare);
        }
        steps += STEPS;
        let (step, append) = (median(plain), median(differences));
        println!(
            "  journal, {name:<11}: a step {:>6.1} us, its records {:>7.1} us more, {:.0} bytes, {:.3} allocations; full : records = {} in time, {:.0} in bytes",
            step * 1e6,
            append * 1e6,
            (journal.log_bytes() - bytes) as f64 / STEPS as f64,
            allocations as f64 / STEPS as f64,
            // With many samples the places of the two in memory can outweigh the records.
            if append > 0.0 { format!("{:.0}", whole / append) } else { "?".into() },
            size as f64 * STEPS as f64 / (journal.log_bytes() - bytes) as f64,
        );
    }
    assert_eq!(twin.digest(), journal.curriculum().digest());
    drop(twin);
    let (digest, log) = (journal.curriculum().digest(), journal.log_bytes());
    drop(journal);
    println!(
        "  the way back, peak memory above that of a built curriculum: own / with the pages of files"
    );
    let mut alone = 0.0;
    for (way, name) in WAYS {
        let (time, own, all, _) = child(way, samples, &base)?;
        alone = time;
        println!("  {name:<40} {:>9.1} ms, {own:>6.1} / {all:.1} B a sample", time * 1e3);
    }
    let (time, own, all, found) = child("journal", samples, &base)?;
    assert_eq!(found, digest, "another curriculum came back");
    println!("  {:<40} {:>9.1} ms, {own:>6.1} / {all:.1} B a sample", "Journal::open", time * 1e3);
    println!(
        "  replay: {steps} steps, {log} bytes, {:.1} us a step",
        (time - alone) / steps as f64 * 1e6
    );
    for end in ["", ".log"] {
        std::fs::remove_file(format!("{}{end}", base.display()))?;
    }
    println!();
    Ok(())
}

fn zstd(curriculum: &Sec, samples: usize, path: &Path, level: i32, size: usize) -> Anything<()> {
    let saved = passes(samples, || curriculum.save_with(path, Compression::Zstd(level)))?;
    let small = std::fs::metadata(path)?.len();
    let (restored, own, all, digest) = child("one-state", samples, path)?;
    assert_eq!(digest, curriculum.digest());
    println!(
        "  zstd {level}, {small} bytes, {:.2} of full: save {:.1} ms, restored {:.1} ms, peak {own:.1} / {all:.1} B a sample",
        small as f64 / size as f64,
        saved * 1e3,
        restored * 1e3
    );
    Ok(std::fs::remove_file(path)?)
}

/// Lets a process of its own go back: the time, the peaks of memory in bytes a sample, and the digest.
fn child(way: &str, samples: usize, path: &Path) -> Anything<(f64, f64, f64, u64)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--child", way, &samples.to_string()]).arg(path);
    let output = command.output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut words = text.split_whitespace();
    let mut next = || words.next().ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned());
    Ok((next()?.parse()?, next()?.parse()?, next()?.parse()?, next()?.parse()?))
}

fn go_back(way: &str, samples: usize, path: &Path) -> Anything<()> {
    let mut curriculum = build(samples)?;
    let before = resident("RssAnon:").unwrap_or(0);
    let peak = Peak::default();
    let (time, digest) = std::thread::scope(|scope| {
        scope.spawn(|| peak.watch());
        let start = Instant::now();
        let done = (|| -> Anything<u64> {
            match way {
                "read" => curriculum.restore_bytes(&std::fs::read(path)?)?,
                "restore" => curriculum.restore(path)?,
                "one-state" => curriculum = curriculum.restored(path)?,
                _ => return Ok(Journal::open(path, curriculum)?.curriculum().digest()),
            }
            Ok(curriculum.digest())
        })();
        let time = start.elapsed().as_secs_f64();
        peak.done.store(true, Ordering::Relaxed);
        (time, done.map_err(|error| error.to_string()))
    });
    let above =
        |peak: &AtomicU64| (peak.load(Ordering::Relaxed) as f64 - before as f64) / samples as f64;
    println!("{time} {} {} {}", above(&peak.own), above(&peak.all), digest?);
    Ok(())
}

/// The most memory that the process had in use, looked at every millisecond.
#[derive(Default)]
struct Peak {
    done: AtomicBool,
    own: AtomicU64,
    /// With the pages of files.
    all: AtomicU64,
}

impl Peak {
    fn watch(&self) {
        while !self.done.load(Ordering::Relaxed) {
            self.own.fetch_max(resident("RssAnon:").unwrap_or(0), Ordering::Relaxed);
            self.all.fetch_max(resident("VmRSS:").unwrap_or(0), Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A line of the process's status, in bytes; Linux only.
fn resident(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let number = status.lines().find_map(|text| text.strip_prefix(line))?;
    Some(number.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}
