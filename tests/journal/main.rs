//! A journal that is killed anywhere resumes with exactly what had happened, and goes on as if nothing
//! had.

#[path = "../common/mod.rs"]
mod common;
mod disks;
mod histories;
#[cfg(unix)]
mod kills;
mod moments;
mod old_files;
mod races;
mod refusals;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::outcome;
use curricle::feed::Lockstep;
use curricle::policy::{Boltzmann, Bounded, Prior};
use curricle::sampler::Systematic;
use curricle::signal::{MeanAdvantage, Signal, Trial};
use curricle::{
    ArmId, Batch, Compression, Curriculum, Durability, Error, Feed, Feedback, Gate, Journal,
    JournalError, Moment, Opening, Result, Rng, SampleId, SnapshotError, Ticket, Weighting,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// The size of the header of a log.
const HEADER: u64 = 40;

type Sec = Curriculum<Bounded<Boltzmann>, MeanAdvantage, Systematic>;
type SecJournal = Journal<Bounded<Boltzmann>, MeanAdvantage, Systematic>;

fn build() -> Sec {
    Curriculum::builder(60)
        .arms(4, |sample| (sample.0 % 4) as u32)
        .policy(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform))
        .signal(MeanAdvantage)
        .sampler(Systematic)
        .weighting(Weighting::Score { floor: 0.05 })
        .gate(Gate::band(0.2, 0.8))
        .lag(1)
        .seed(9)
        .build()
        .unwrap()
}

fn report(tickets: impl IntoIterator<Item = Ticket>) -> Vec<Feedback> {
    tickets.into_iter().map(|ticket| Feedback::new(ticket, outcome(ticket.0))).collect()
}

fn tickets(batches: &[Batch]) -> Vec<Ticket> {
    batches.iter().flat_map(|batch| batch.draws.iter().map(|draw| draw.ticket)).collect()
}

fn log_of(path: &Path) -> PathBuf {
    path.with_extension("log")
}

fn next_of(path: &Path) -> PathBuf {
    path.with_extension("log.next")
}

/// A folder, and the place of a base in it; `base` has no extension, so its log is `base.log`.
fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("base");
    (folder, path)
}

/// One thing that can happen; the numbers say to what.
#[derive(Debug, Clone, Copy)]
struct Deed {
    verb: u8,
    which: usize,
    arm: u32,
}

/// What it gave.
#[derive(Debug, PartialEq)]
enum Seen {
    Batch(Result<Batch>),
    Verdicts(Result<Vec<curricle::Verdict>>),
    Sample(Result<SampleId>),
    Nothing(Result<()>),
}

impl Seen {
    fn is_refused(&self) -> bool {
        matches!(
            self,
            Seen::Batch(Err(_)) | Seen::Verdicts(Err(_)) | Seen::Sample(Err(_)) | Seen::Nothing(Err(_))
        )
    }
}

/// The verbs that a curriculum and a journal have in common.
macro_rules! happen {
    ($name:ident, $type:ty, $look:expr) => {
        fn $name(subject: &mut $type, deed: Deed) -> Seen {
            let look: fn(&$type) -> &Sec = $look;
            let open = tickets(&look(subject).unfinished());
            let samples = look(subject).population().arms().samples();
            let sample = SampleId((deed.which % samples) as u64);
            let weight = f64::from(deed.arm) / 3.0;
            match deed.verb {
                0..4 => Seen::Batch(subject.draw(1 + deed.which % 5)),
                4 => Seen::Verdicts(
                    subject.observe(&report(open.into_iter().rev().take(1 + deed.which % 5))),
                ),
                5..8 => Seen::Verdicts(subject.observe(&report(open))),
                8 => Seen::Nothing(subject.lose(&open[..open.len().min(1 + deed.which % 2)])),
                9 => Seen::Sample(subject.insert(ArmId(deed.arm), weight)),
                10 => Seen::Nothing(subject.remove(sample)),
                11 => Seen::Nothing(subject.retag(sample, ArmId(deed.arm))),
                12 => Seen::Nothing(subject.set_weight(sample, weight)),
                _ => {
                    let next = SampleId(sample.0 + 1);
                    Seen::Nothing(subject.set_weights(&[(sample, weight), (next, 0.0), (sample, 1.0)]))
                }
            }
        }
    };
}

happen!(happen_here, Sec, |curriculum| curriculum);
happen!(happen_logged, SecJournal, |journal| journal.curriculum());

/// Deeds of every kind, some of which are refused.
fn script(count: usize) -> Vec<Deed> {
    let mut rng = Rng::at(4, curricle::Round(0), curricle::Purpose::User);
    let mut below = |bound| rng.below(bound) as usize;
    (0..count)
        .map(|_| Deed { verb: below(14) as u8, which: below(100), arm: below(5) as u32 })
        .collect()
}

/// Runs deeds through a journal; gives the size of the log and the state after each, and what was seen.
fn record(path: &Path, deeds: &[Deed]) -> (Vec<(u64, Vec<u8>)>, Vec<Seen>) {
    let mut journal = Journal::open(path, build()).unwrap().durability(Durability::OnDemand);
    assert_eq!(journal.opening(), Opening::New);
    let mut states = vec![(journal.log_bytes(), journal.curriculum().to_bytes().unwrap())];
    let mut seen = Vec::new();
    for &deed in deeds {
        let (bytes, events) = (journal.log_bytes(), journal.events());
        seen.push(happen_logged(&mut journal, deed));
        let grown = u64::from(!seen[seen.len() - 1].is_refused());
        assert_eq!(journal.events(), events + grown, "a refused event is not written down");
        assert_eq!(journal.log_bytes() > bytes, grown == 1);
        states.push((journal.log_bytes(), journal.curriculum().to_bytes().unwrap()));
    }
    journal.sync().unwrap();
    assert_eq!(std::fs::metadata(log_of(path)).unwrap().len(), journal.log_bytes());
    (states, seen)
}

#[test]
fn killed_at_every_byte_of_the_log() {
    let (_folder, path) = place();
    let deeds = script(60);
    let (states, seen) = record(&path, &deeds);
    assert!(seen.iter().filter(|seen| !seen.is_refused()).count() > 30);
    assert!(seen.iter().filter(|seen| seen.is_refused()).count() > 5);

    // The twin without a journal sees the same.
    let mut twin = build();
    for (&deed, seen) in deeds.iter().zip(&seen) {
        assert_eq!(&happen_here(&mut twin, deed), seen);
    }
    assert!(twin.to_bytes().unwrap() == states[deeds.len()].1);

    let log = std::fs::read(log_of(&path)).unwrap();
    for length in 0..=log.len() {
        std::fs::write(log_of(&path), &log[..length]).unwrap();
        let journal = Journal::open(&path, build());
        let whole = states.iter().rposition(|(bytes, _)| *bytes <= length as u64);
        let Some(last) = whole else {
            // A log appears with its header or not at all, so this is no crash.
            let error =
                if length < 8 { JournalError::NotALog } else { JournalError::Damaged { offset: 0 } };
            assert_eq!(journal.err(), Some(Error::Journal(error)), "{length} bytes");
            continue;
        };
        let mut journal = journal.unwrap().durability(Durability::OnDemand);
        let (bytes, state) = &states[last];
        let torn = length as u64 - bytes;
        assert!(matches!(journal.opening(), Opening::Resumed { torn: cut, .. } if cut == torn));
        assert!(journal.curriculum().to_bytes().unwrap() == *state, "{length} bytes");
        assert_eq!(std::fs::metadata(log_of(&path)).unwrap().len(), *bytes);
        // Going on gives what the uninterrupted run gave.
        if length % 16 == 0 || torn == 0 {
            for (&deed, seen) in deeds.iter().zip(&seen).skip(last) {
                assert_eq!(&happen_logged(&mut journal, deed), seen, "{length} bytes");
            }
            assert!(
                journal.curriculum().to_bytes().unwrap() == states[deeds.len()].1,
                "{length} bytes"
            );
            drop(journal);
            assert!(std::fs::read(log_of(&path)).unwrap() == log, "{length} bytes");
        }
    }
}

/// No change of a byte goes unnoticed: it is an error, or the last record, which is then reported as
/// cut off.
#[test]
fn damaged_at_every_byte_of_the_log() {
    let (_folder, path) = place();
    let (states, _) = record(&path, &script(40));
    let log = std::fs::read(log_of(&path)).unwrap();
    let sizes: Vec<u64> = states.iter().map(|(bytes, _)| *bytes).collect();
    let last = sizes.iter().rposition(|&bytes| bytes < log.len() as u64).unwrap();
    for position in 0..log.len() {
        let mut flipped = log.clone();
        flipped[position] ^= 1 << (position % 8);
        std::fs::write(log_of(&path), &flipped).unwrap();
        let journal = Journal::open(&path, build());
        let at = *sizes.iter().rfind(|&&bytes| bytes <= position as u64).unwrap_or(&0);
        match journal {
            Err(Error::Journal(JournalError::NotALog)) => assert!(position < 8),
            Err(Error::Journal(JournalError::Schema { .. })) => assert!((8..12).contains(&position)),
            Err(Error::Journal(JournalError::Damaged { offset })) => {
                assert_eq!(offset, at, "{position}")
            }
            Ok(journal) => {
                // The content of the last record, or the checksum of it.
                assert!(position as u64 >= sizes[last] + 8, "{position}");
                let torn = log.len() as u64 - sizes[last];
                assert!(matches!(journal.opening(), Opening::Resumed { torn: cut, .. } if cut == torn));
                assert!(journal.curriculum().to_bytes().unwrap() == states[last].1);
            }
            Err(other) => panic!("byte {position}: {other}"),
        }
        if position as u64 <= sizes[last] {
            assert!(std::fs::read(log_of(&path)).unwrap() == flipped, "a refused log was changed");
        }
    }
    // Records are good in their place only: one that is missing, or stands twice, is noticed.
    let sizes: Vec<usize> =
        sizes.iter().map(|&bytes| bytes as usize).filter(|&bytes| bytes > 0).collect();
    let [first, second, third] = [0, 1, 2].map(|which| {
        let mut distinct = sizes.clone();
        distinct.dedup();
        distinct[which]
    });
    let missing = [&log[..first], &log[second..]].concat();
    let twice = [&log[..second], &log[first..second], &log[second..]].concat();
    let swapped = [&log[..first], &log[second..third], &log[first..second], &log[third..]].concat();
    for (log, offset) in [(missing, first), (twice, second), (swapped, first)] {
        std::fs::write(log_of(&path), log).unwrap();
        let damaged = JournalError::Damaged { offset: offset as u64 };
        assert_eq!(Journal::open(&path, build()).err(), Some(Error::Journal(damaged)));
    }
}

/// What a power cut may leave: the file has its new size, but zeros where the end of the data should
/// be.
#[test]
fn zeros_at_the_end() {
    let (_folder, path) = place();
    let (states, _) = record(&path, &script(30));
    let log = std::fs::read(log_of(&path)).unwrap();
    for kept in HEADER as usize..log.len() {
        let mut zeros = log.clone();
        zeros[kept..].fill(0);
        zeros.extend([0; 100]);
        std::fs::write(log_of(&path), &zeros).unwrap();
        let last = states.iter().rfind(|(bytes, _)| *bytes <= kept as u64).unwrap();
        match Journal::open(&path, build()) {
            Ok(journal) => {
                let state = journal.curriculum().to_bytes().unwrap();
                // A zero that was there before makes no difference.
                assert!(states.iter().any(|(bytes, other)| *bytes >= last.0 && *other == state));
            }
            // A frame half of which is zeros is told from a frame that was changed only by luck.
            Err(Error::Journal(JournalError::Damaged { offset })) => {
                assert!(offset == last.0 && kept as u64 - last.0 < 8, "{kept}");
            }
            Err(other) => panic!("{kept}: {other}"),
        }
    }
}

/// Stands for a build that decides otherwise: the same configuration, another score.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Drifting {
    #[serde(skip)]
    sign: f32,
}

impl Signal for Drifting {
    fn score(&self, trials: &[Trial], scores: &mut [f32]) -> Result<()> {
        let drifted = trials.iter().map(|trial| trial.outcome.utility.unwrap_or(0.0) * self.sign);
        scores.iter_mut().zip(drifted).for_each(|(score, drifted)| *score = drifted);
        Ok(())
    }
}

#[test]
fn a_build_that_decides_otherwise() {
    let (_folder, path) = place();
    let build = |sign, seed| {
        Curriculum::builder(40)
            .arms(2, |sample| (sample.0 % 2) as u32)
            .policy(Boltzmann::new())
            .signal(Drifting { sign })
            .seed(seed)
            .build()
            .unwrap()
    };
    let mut journal = Journal::open(&path, build(1.0, 0)).unwrap().durability(Durability::OnDemand);
    for _ in 0..5 {
        let batch = journal.draw(8).unwrap();
        journal.observe(&report(tickets(&[batch]))).unwrap();
    }
    drop(journal);
    let log = std::fs::read(log_of(&path)).unwrap();
    let error = Journal::open(&path, build(-1.0, 0)).err();
    let Some(Error::Journal(JournalError::Diverged { round, expected, found })) = error else {
        panic!("{error:?}")
    };
    assert!(round > curricle::Round(0) && expected != found);
    // A score that is refused now was not refused then.
    let error = Journal::open(&path, build(f32::NAN, 0)).err();
    let Some(Error::Journal(JournalError::Replay { event: 2, error })) = error else {
        panic!("{error:?}")
    };
    assert!(matches!(*error, Error::NonFinite { what: "score", .. }));
    // Another seed is another configuration; the base says so.
    let error = Journal::open(&path, build(1.0, 1)).err();
    assert!(matches!(error, Some(Error::Snapshot(SnapshotError::Configuration { .. }))));
    assert!(std::fs::read(log_of(&path)).unwrap() == log);
    assert_eq!(Journal::open(&path, build(1.0, 0)).unwrap().events(), 10);
}

/// Every state of the files that a crash within `compact` can leave.
#[test]
fn compacted_and_killed() {
    let deeds = script(80);
    let (_folder, path) = place();
    let mut journal = Journal::open(&path, build()).unwrap();
    deeds[..40].iter().for_each(|&deed| drop(happen_logged(&mut journal, deed)));
    let [base, log] = [path.clone(), log_of(&path)].map(|path| std::fs::read(path).unwrap());
    let state = journal.curriculum().to_bytes().unwrap();
    journal.compact().unwrap();
    assert_eq!((journal.events(), journal.log_bytes()), (0, HEADER));
    assert!(journal.curriculum().to_bytes().unwrap() == state);
    let [new_base, new_log] = [path.clone(), log_of(&path)].map(|path| std::fs::read(path).unwrap());
    let seen: Vec<Seen> = deeds[40..].iter().map(|&deed| happen_logged(&mut journal, deed)).collect();
    let end = journal.curriculum().to_bytes().unwrap();
    drop(journal);
    // The base is a snapshot like any other.
    let mut plain = build();
    plain.restore(&path).unwrap();
    assert!(plain.to_bytes().unwrap() == state);

    type Files<'a> = [Option<&'a [u8]>; 3];
    let open = |files: Files| {
        let (folder, path) = place();
        for (path, content) in [path.clone(), log_of(&path), next_of(&path)].iter().zip(files) {
            content.into_iter().for_each(|content| std::fs::write(path, content).unwrap());
        }
        let journal = Journal::open(&path, build());
        if journal.is_ok() {
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "a file too many");
        }
        journal.map(|journal| (folder, journal))
    };
    let (base, log, new_base, new_log) = (&base[..], &log[..], &new_base[..], &new_log[..]);
    let left: [Files; 5] = [
        [Some(base), Some(log), None],
        [Some(base), Some(log), Some(new_log)],
        [Some(new_base), Some(log), Some(new_log)],
        [Some(new_base), Some(new_log), None],
        // The very first base of a journal, whose log has not got its name.
        [Some(new_base), None, Some(new_log)],
    ];
    for files in left {
        let (_folder, mut journal) = open(files).unwrap();
        assert!(journal.curriculum().to_bytes().unwrap() == state);
        for (&deed, seen) in deeds[40..].iter().zip(&seen) {
            assert_eq!(&happen_logged(&mut journal, deed), seen);
        }
        assert!(journal.curriculum().to_bytes().unwrap() == end);
    }
    // And what it cannot leave.
    let refused = |files| match open(files) {
        Err(Error::Journal(error)) => error,
        other => panic!("{:?}", other.err()),
    };
    assert_eq!(refused([Some(base), None, None]), JournalError::NoLog);
    assert_eq!(refused([Some(base), None, Some(new_log)]), JournalError::NoLog);
    assert!(matches!(refused([Some(new_base), Some(log), None]), JournalError::Base { .. }));
    assert!(matches!(refused([Some(base), Some(new_log), None]), JournalError::Base { .. }));
    assert!(matches!(open([None, Some(log), None]).err(), Some(Error::Io { .. })));
}

#[test]
fn a_log_has_one_journal() {
    let (_folder, path) = place();
    let mut journal = Journal::open(&path, build()).unwrap();
    let locked = Some(Error::Journal(JournalError::Locked));
    assert_eq!(Journal::open(&path, build()).err(), locked);
    journal.compact().unwrap();
    assert_eq!(Journal::open(&path, build()).err(), locked);
    drop(journal);
    assert!(Journal::open(&path, build()).is_ok());
}

/// A snapshot that is written over a base or a log would be the end of the journal, open or closed.
#[test]
fn a_snapshot_in_its_place() {
    let (folder, path) = place();
    let mut journal = Journal::open(&path, build()).unwrap();
    journal.draw(8).unwrap();
    let files = || [path.clone(), log_of(&path)].map(|file| std::fs::read(file).unwrap());
    let written = files();
    let link = folder.path().join("link");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&path, &link).unwrap();
    #[cfg(not(unix))]
    std::fs::copy(log_of(&path), &link).unwrap();
    let refused = |error: Error| matches!(error, Error::Journal(JournalError::Taken { .. }));
    for place in [&path, &log_of(&path), &link] {
        assert!(journal.curriculum().save(place).is_err_and(refused), "{place:?}");
        assert!(build().save_with(place, Compression::None).is_err_and(refused), "{place:?}");
    }
    assert!(files() == written);
    let state = journal.curriculum().to_bytes().unwrap();
    drop(journal);
    assert!(build().save(&path).is_err_and(refused));
    assert!(Journal::open(&path, build()).unwrap().curriculum().to_bytes().unwrap() == state);
    // Elsewhere, and over a snapshot, it is written as ever.
    for _ in 0..2 {
        build().save(folder.path().join("state")).unwrap();
    }
}

#[test]
fn every_durability_writes_the_same() {
    let deeds = script(40);
    let logs = [Durability::Each, Durability::Every(NonZeroU32::new(7).unwrap()), Durability::OnDemand]
        .map(|durability| {
            let (_folder, path) = place();
            let mut journal = Journal::open(&path, build()).unwrap().durability(durability);
            deeds.iter().for_each(|&deed| drop(happen_logged(&mut journal, deed)));
            std::fs::read(log_of(&path)).unwrap()
        });
    assert!(logs[0] == logs[1] && logs[1] == logs[2]);
}

#[test]
fn an_outcome_is_small() {
    let (_folder, path) = place();
    let build = || Curriculum::builder(1000).build().unwrap();
    let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
    let batch = journal.draw(512).unwrap();
    let drawn = journal.log_bytes();
    assert!(drawn < HEADER + 32);
    let group = curricle::Outcome::default().success(0.25).abs_advantage(0.5).cost(1e4).rollouts(8);
    let feedback: Vec<Feedback> =
        batch.draws.iter().map(|draw| Feedback::new(draw.ticket, group)).collect();
    journal.observe(&feedback).unwrap();
    assert!(journal.log_bytes() - drawn < 512 * 23, "{}", journal.log_bytes() - drawn);
}

/// A feed like any other, for threads too: whatever they do, the log tells it.
#[test]
fn behind_a_lock() {
    let (_folder, path) = place();
    let journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
    let mut feed = Lockstep::new(journal).patience(Duration::from_secs(30));
    std::thread::scope(|scope| {
        for _ in 0..10 {
            let batch = feed.draw(8).unwrap();
            for half in batch.draws.chunks(4) {
                let (reporter, half) = (feed.reporter(), report(half.iter().map(|draw| draw.ticket)));
                scope.spawn(move || {
                    for one in half {
                        reporter.observe(&[one]).unwrap();
                        std::thread::yield_now();
                    }
                });
            }
        }
    });
    let state = feed.with(|journal| journal.curriculum().to_bytes().unwrap()).unwrap();
    drop(feed);
    let journal = Journal::open(&path, build()).unwrap();
    assert_eq!(journal.opening(), Opening::Resumed { events: 90, torn: 0 });
    assert!(journal.curriculum().to_bytes().unwrap() == state);
    let mut twin = build();
    for _ in 0..10 {
        let batch = twin.draw(8).unwrap();
        twin.observe(&report(tickets(&[batch]))).unwrap();
    }
    assert_eq!(twin.digest(), journal.curriculum().digest());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Killed, resumed and compacted at any moments.
    #[test]
    fn any_events(
        deeds in prop::collection::vec((0..15u8, any::<usize>(), 0..5u32), 1..60),
    ) {
        let (_folder, path) = place();
        let mut twin = build();
        let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
        for (verb, which, arm) in deeds {
            match verb {
                13 => journal.compact().unwrap(),
                14 => {
                    drop(journal);
                    journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
                }
                _ => {
                    let deed = Deed { verb, which, arm };
                    prop_assert_eq!(happen_here(&mut twin, deed), happen_logged(&mut journal, deed));
                }
            }
            prop_assert!(twin.to_bytes().unwrap() == journal.curriculum().to_bytes().unwrap());
        }
    }
}
