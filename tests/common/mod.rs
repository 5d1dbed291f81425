//! What several test files need.

#![allow(unused, reason = "each test file is a crate of its own and uses a part of this")]

pub mod policies;

use std::path::Path;

use curricle::{Batch, Curriculum, Durability, Feedback, Journal, Outcome, Policy, Sampler, Signal};

/// The feedback of a whole batch, by a function of the place in the batch and the arm.
pub fn feedback(batch: &Batch, outcome: impl Fn(usize, u32) -> Outcome) -> Vec<Feedback> {
    let draws = batch.draws.iter().enumerate();
    draws.map(|(place, draw)| Feedback::new(draw.ticket, outcome(place, draw.arm.0))).collect()
}

/// A made-up outcome that carries every field and depends on the ticket only.
pub fn outcome(ticket: u64) -> Outcome {
    let share = |salt: u64| ((ticket * 2_654_435_761 + salt * 40_503) % 1001) as f32 / 1000.0;
    Outcome::default()
        .success(share(1))
        .loss(share(2))
        .abs_advantage(share(3))
        .utility(share(4))
        .cost(share(5))
        .rollouts(8)
}

/// A folder for thousands of files that need not outlive the machine: in memory, where there is such a place, as waiting for
/// the disk would take most of the time.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.unwrap()
}

/// A journal after a kill, perhaps with a new base: what is read back of it, and of its bytes, is the same to the last bit.
pub fn reopened<P: Policy, S: Signal, D: Sampler>(
    mut journal: Journal<P, S, D>,
    path: &Path,
    build: impl Fn() -> Curriculum<P, S, D>,
    compacts: bool,
) -> Journal<P, S, D> {
    let before = journal.curriculum().to_bytes().unwrap();
    if compacts {
        journal.compact().unwrap();
    }
    drop(journal);
    let journal = Journal::open(path, build()).unwrap().durability(Durability::OnDemand);
    assert!(journal.curriculum().to_bytes().unwrap() == before);
    let mut restored = build();
    restored.restore_bytes(&before).unwrap();
    assert!(restored.to_bytes().unwrap() == before);
    journal
}

/// Changes a snapshot and makes its checksum right again: what a forger could write.
pub fn sealed(bytes: &[u8], change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    change(&mut bytes);
    // The payload comes first: the header holds sizes that are known when it is written.
    let content = [&bytes[80..], &bytes[..24], &bytes[32..80]].concat();
    let checksum = xxhash_rust::xxh3::xxh3_64(&content);
    bytes[24..32].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The significance level of every statistical test here. The seeds are fixed, so a test that passes
/// once always passes; a wrong distribution fails it by orders of magnitude.
pub const LEVEL: f64 = 1e-4;

#[expect(clippy::disallowed_methods, reason = "a test statistic")]
/// Checks counts against probabilities by Pearson's chi-square, at [`LEVEL`]. Cells that expect fewer
/// than 5 are merged; a count in an impossible cell fails.
pub fn chi_square(counts: &[u64], probabilities: &[f64], what: &str) {
    assert_eq!(counts.len(), probabilities.len(), "{what}");
    let all = counts.iter().sum::<u64>() as f64;
    let sum: f64 = probabilities.iter().sum();
    assert!((sum - 1.0).abs() < 1e-9, "{what}: probabilities sum to {sum}");
    let (mut statistic, mut cells) = (0.0, 0u32);
    let (mut rare_seen, mut rare_expected) = (0.0, 0.0);
    for (&count, &probability) in counts.iter().zip(probabilities) {
        assert!(probability > 0.0 || count == 0, "{what}: an impossible cell was hit {count} times");
        let (seen, expected) = (count as f64, all * probability);
        if expected < 5.0 {
            rare_seen += seen;
            rare_expected += expected;
        } else {
            statistic += (seen - expected) * (seen - expected) / expected;
            cells += 1;
        }
    }
    if rare_expected > 1.0 {
        statistic += (rare_seen - rare_expected) * (rare_seen - rare_expected) / rare_expected;
        cells += 1;
    } else {
        assert!(rare_seen < 25.0, "{what}: {rare_seen} hits where {rare_expected} are expected");
    }
    if cells < 2 {
        return;
    }
    // Wilson and Hilferty: (X / k)^(1/3) is close to normal.
    let freedom = f64::from(cells - 1);
    let spread = 2.0 / (9.0 * freedom);
    let z = ((statistic / freedom).cbrt() - (1.0 - spread)) / spread.sqrt();
    const QUANTILE: f64 = 3.719; // of the standard normal, at 1 - LEVEL
    assert!(
        z < QUANTILE,
        "{what}: chi-square {statistic:.1} with {freedom} degrees of freedom, level {LEVEL}"
    );
}
