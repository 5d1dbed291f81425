//! Every decoder against changed files, for as long as is wanted.
//!
//! ```text
//! cargo bench --no-default-features --features config,table --bench fuzz -- --seconds 600 --only snapshot
//! cargo bench --no-default-features --features config,table --bench fuzz -- --only snapshot --input 4711
//! ```
//!
//! With the feature `zstd` there is one more decoder, `packed`: compressed snapshots.
//!
//! Valid files are made by the library itself, then changed: bits, bytes, numbers at which something ends, lengths, pieces
//! lost, doubled, moved and taken from other files, records of a log; with checksums made right again and without. Each
//! input is named by its number and can be read again by it. None may panic, take ten seconds, or ask the allocator for
//! more than a small multiple of its size beside a constant; what is accepted must go on for some rounds, and what it then
//! writes must be accepted and be the same to the last bit.
//!
//! Ends with 1 if anything was found. An abort, which nothing can catch, leaves the number of its input in the file
//! `curricle-fuzz-NAME` among the temporary ones.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod corpus;
mod decoders;
mod mutate;
mod watch;

use std::alloc::System;
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use curricle::{Purpose, Rng, Round};
use decoders::{ALL, Decoder, kind};
use indicatif::{ProgressBar, ProgressStyle};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use watch::Watch;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The input being read.
static CURRENT: AtomicU64 = AtomicU64::new(0);

/// The message of the last panic.
static MESSAGE: Mutex<String> = Mutex::new(String::new());

/// After so many findings a decoder is left.
const FINDINGS: usize = 40;

struct Arguments {
    seconds: u64,
    seed: u64,
    only: Option<String>,
    input: Option<u64>,
}

fn arguments() -> Result<Arguments, lexopt::Error> {
    use lexopt::prelude::*;
    let mut arguments = Arguments { seconds: 10, seed: 0, only: None, input: None };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seconds") => arguments.seconds = parser.value()?.parse()?,
            Long("seed") => arguments.seed = parser.value()?.parse()?,
            Long("only") => arguments.only = Some(parser.value()?.string()?),
            Long("input") => arguments.input = Some(parser.value()?.parse()?),
            Long("bench") => {}
            other => return Err(other.unexpected()),
        }
    }
    Ok(arguments)
}

/// A folder in memory, where there is one: nothing here asks what a disk does.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

/// Reads one input after another; gives the number of findings.
fn fuzz(decoder: &'static Decoder, arguments: &Arguments) -> usize {
    let folder = scratch();
    let mut read = (decoder.make)(folder.path());
    let watch = Watch::new(ALLOCATOR, decoder.bound);
    let note = std::env::temp_dir().join(format!("curricle-fuzz-{}", decoder.name));
    let note = std::fs::File::create(note).expect("a file");
    let bar = ProgressBar::new(arguments.seconds);
    let style = "{msg} {bar:30} {pos} of {len} s";
    bar.set_style(ProgressStyle::with_template(style).expect("a good template"));
    let start = Instant::now();
    let (mut inputs, mut accepted, mut longest) = (0u64, 0u64, Duration::ZERO);
    let mut refused: BTreeMap<String, u64> = BTreeMap::new();
    let mut findings: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    while start.elapsed().as_secs() < arguments.seconds && findings.len() < FINDINGS {
        let input = arguments.input.unwrap_or(inputs);
        CURRENT.store(input, Ordering::Relaxed);
        let _ = note.write_all_at(&input.to_le_bytes(), 0);
        let began = Instant::now();
        let mut rng = Rng::at(arguments.seed, Round(input), Purpose::User);
        match catch_unwind(AssertUnwindSafe(|| read(&mut rng, &watch))) {
            Ok(Ok(())) => accepted += 1,
            Ok(Err(error)) => *refused.entry(kind(&error)).or_default() += 1,
            Err(_) => {
                let message = MESSAGE.lock().map(|it| it.clone()).unwrap_or_default();
                // The same place with other numbers is the same finding.
                let key: String = message.chars().filter(|it| !it.is_ascii_digit()).take(110).collect();
                let finding = findings.entry(key).or_insert((input, 0));
                if finding.1 == 0 {
                    bar.suspend(|| println!("{}: input {input}: {message}", decoder.name));
                }
                finding.1 += 1;
            }
        }
        inputs += 1;
        longest = longest.max(began.elapsed());
        if inputs.is_multiple_of(64) {
            bar.set_position(start.elapsed().as_secs());
            bar.set_message(format!("{} {inputs} inputs, {} findings", decoder.name, findings.len()));
        }
        if arguments.input.is_some() {
            break;
        }
    }
    bar.finish_and_clear();
    let (most, size) = watch.most.get();
    println!(
        "{}: {inputs} inputs in {} s, {accepted} accepted, {} refused, {} findings",
        decoder.name,
        start.elapsed().as_secs(),
        refused.values().sum::<u64>(),
        findings.len()
    );
    println!(
        "  most memory asked for: {most} bytes by a file of {size}; {:.0} times the size; longest input {longest:.1?}",
        watch.greatest.get()
    );
    for (kind, count) in refused {
        println!("  {count:>9} {kind}");
    }
    for (message, (input, count)) in &findings {
        println!("  FOUND {count} times, first by input {input}: {message}");
    }
    findings.len()
}

fn main() -> Result<(), lexopt::Error> {
    let arguments = arguments()?;
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(mut message) = MESSAGE.lock() {
            *message = panic.to_string();
        }
    }));
    let wanted = |decoder: &&Decoder| arguments.only.as_ref().is_none_or(|only| only == decoder.name);
    let mut findings = 0;
    watch::guard(&CURRENT, "fuzz");
    for decoder in ALL.iter().filter(wanted) {
        findings += fuzz(decoder, &arguments);
    }
    std::process::exit(i32::from(findings > 0));
}
