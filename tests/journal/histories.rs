//! A history tells what happened in a journal, whatever the journal does meanwhile, and touches nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use curricle::{Happened, History};

type SecHistory = History<Bounded<Boltzmann>, MeanAdvantage, Systematic>;

fn bytes(curriculum: &Sec) -> Vec<u8> {
    curriculum.to_bytes().unwrap()
}

/// Lets all events happen that are there.
fn to_the_end(history: &mut SecHistory) -> Vec<Happened> {
    let mut all = Vec::new();
    while let Some(happened) = history.next().unwrap() {
        all.push(happened);
    }
    all
}

/// Whether an event tells what a verb gave.
fn tells(happened: &Happened, seen: &Seen) -> bool {
    match (happened, seen) {
        (Happened::Draw(told), Seen::Batch(Ok(seen))) => told == seen,
        (Happened::Observed { feedback, verdicts }, Seen::Verdicts(Ok(seen))) => {
            verdicts == seen && feedback.iter().all(|one| one.outcome == outcome(one.ticket.0))
        }
        (Happened::Inserted { sample, .. }, Seen::Sample(Ok(seen))) => sample == seen,
        (
            Happened::Lost(_) | Happened::Removed(_) | Happened::Retagged { .. } | Happened::Weights(_),
            Seen::Nothing(Ok(())),
        ) => true,
        _ => false,
    }
}

/// The log grows under the eyes of the history: after each event the state is that of the journal.
#[test]
fn event_by_event() {
    let (folder, path) = place();
    let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
    let mut history = History::open(&path, build()).unwrap();
    let mut late = History::open(&path, build()).unwrap();
    assert_eq!((history.position(), history.next()), (0, Ok(None)));
    let mut states = vec![bytes(journal.curriculum())];
    assert!(bytes(history.curriculum()) == states[0]);
    let mut refused = 0;
    for deed in script(200) {
        let seen = happen_logged(&mut journal, deed);
        if seen.is_refused() {
            refused += 1;
        } else {
            let happened = history.next().unwrap().unwrap();
            assert!(tells(&happened, &seen), "{happened:?}: {seen:?}");
            states.push(bytes(journal.curriculum()));
        }
        assert_eq!(history.next(), Ok(None));
        assert_eq!(history.position(), journal.position());
        assert_eq!(history.log_bytes(), journal.log_bytes());
        assert!(bytes(history.curriculum()) == bytes(journal.curriculum()));
    }
    assert!(refused > 5 && states.len() > 100);
    let files = || {
        let read = |path: PathBuf| {
            let changed = std::fs::metadata(&path).unwrap().modified().unwrap();
            (std::fs::read(&path).unwrap(), path, changed)
        };
        let mut files: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|it| read(it.unwrap().path())).collect();
        files.sort();
        files
    };
    let before = files();
    // All at once, long after; the journal has the lock.
    for state in &states[1..] {
        assert!(late.next().unwrap().is_some());
        assert!(bytes(late.curriculum()) == *state);
    }
    assert_eq!(late.next(), Ok(None));
    assert!(files() == before, "the files have changed");
    // A moment in between, and one that is not there.
    let mut third = History::open(&path, build()).unwrap();
    third.go_to(Moment::Position(7)).unwrap();
    assert!(bytes(third.curriculum()) == states[7]);
    let (wanted, last) = (Moment::Position(3), journal.curriculum().round());
    let (first, positions) = (third.curriculum().round(), (7, journal.position()));
    let error = JournalError::Moment { wanted, first, last, positions };
    assert_eq!(third.go_to(wanted), Err(error.into()));
}

/// Verbs that are not in the script: a version, a fold, steps.
#[test]
fn other_events() {
    let (_folder, path) = place();
    let build =
        || Curriculum::builder(40).refill(curricle::Refill::new()).gate(Gate::band(0.2, 0.8)).build();
    let mut journal = Journal::open(&path, build().unwrap()).unwrap();
    let mut history = History::open(&path, build().unwrap()).unwrap();
    journal.set_version(3).unwrap();
    assert_eq!(history.next(), Ok(Some(Happened::Version(3))));
    for _ in 0..20 {
        let step = journal.step(4).unwrap();
        if let curricle::Step::Draw(batch) = &step {
            let seen = Some(Happened::Step { want: 4, step: step.clone() });
            assert_eq!(history.next(), Ok(seen));
            journal.observe(&report(tickets(std::slice::from_ref(batch)))).unwrap();
            assert!(matches!(history.next(), Ok(Some(Happened::Observed { .. }))));
        } else {
            assert_eq!(history.next(), Ok(Some(Happened::Step { want: 4, step })));
        }
    }
    let (_folder, path) = place();
    let mut journal = Journal::open(&path, self::build()).unwrap();
    for _ in 0..2 {
        let batch = journal.draw(4).unwrap();
        journal.observe(&report(tickets(&[batch]))).unwrap();
    }
    assert_eq!(journal.fold(), Ok(1));
    let mut history = History::open(&path, self::build()).unwrap();
    assert_eq!(to_the_end(&mut history).last(), Some(&Happened::Folded));
    assert!(bytes(history.curriculum()) == bytes(journal.curriculum()));
}

/// A record that is written bit by bit is there with its last byte, and not before.
#[test]
fn written_bit_by_bit() {
    let (_folder, path) = place();
    let (states, _) = record(&path, &script(30));
    let log = std::fs::read(log_of(&path)).unwrap();
    std::fs::write(log_of(&path), &log[..HEADER as usize]).unwrap();
    let mut history = History::open(&path, build()).unwrap();
    let mut grown = std::fs::File::options().append(true).open(log_of(&path)).unwrap();
    for length in HEADER as usize..=log.len() {
        let (good, state) = states.iter().rfind(|(bytes, _)| *bytes <= length as u64).unwrap();
        to_the_end(&mut history);
        assert_eq!(history.log_bytes(), *good);
        assert!(bytes(history.curriculum()) == *state, "{length} bytes");
        std::io::Write::write_all(&mut grown, &log[length..(length + 1).min(log.len())]).unwrap();
    }
}

/// What `Journal::open` says of a changed byte, the history says of it.
#[test]
fn damaged_at_every_byte() {
    let (_folder, path) = place();
    let (states, _) = record(&path, &script(25));
    let log = std::fs::read(log_of(&path)).unwrap();
    let sizes: Vec<u64> = states.iter().map(|(bytes, _)| *bytes).collect();
    let mut damaged = 0;
    for position in 0..log.len() {
        let mut flipped = log.clone();
        flipped[position] ^= 1 << (position % 8);
        std::fs::write(log_of(&path), &flipped).unwrap();
        let told = History::open(&path, build()).and_then(|mut history| {
            while history.next()?.is_some() {}
            Ok(history)
        });
        match told {
            Err(error) => {
                let at = sizes.iter().rfind(|bytes| **bytes <= position as u64);
                damaged +=
                    u32::from(error == JournalError::Damaged { offset: *at.unwrap_or(&0) }.into());
                assert_eq!(Journal::open(&path, build()).err(), Some(error), "{position}");
            }
            Ok(history) => {
                // The content of the last record; opening a journal cuts it off.
                let journal = Journal::open(&path, build()).unwrap();
                assert!(matches!(journal.opening(), Opening::Resumed { torn: 1.., .. }));
                assert!(bytes(history.curriculum()) == bytes(journal.curriculum()), "{position}");
            }
        }
    }
    assert!(damaged as usize > log.len() / 2);
}

/// What cannot have happened is not gone on from.
#[test]
fn a_build_that_decides_otherwise() {
    let (_folder, path) = place();
    let build = |sign| {
        let builder = Curriculum::builder(40).arms(2, |sample| (sample.0 % 2) as u32);
        builder.policy(Boltzmann::new()).signal(Drifting { sign }).build().unwrap()
    };
    let mut journal = Journal::open(&path, build(1.0)).unwrap();
    for _ in 0..4 {
        let batch = journal.draw(4).unwrap();
        journal.observe(&report(tickets(&[batch]))).unwrap();
    }
    let mut history = History::open(&path, build(-1.0)).unwrap();
    let error = loop {
        match history.next() {
            Ok(happened) => assert!(happened.is_some(), "the end was reached"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Journal(JournalError::Diverged { .. })), "{error}");
    assert_eq!(history.next(), Err(error));
}

#[test]
fn compacted_meanwhile() {
    let (_folder, path) = place();
    let deeds = script(120);
    let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
    let mut history = History::open(&path, build()).unwrap();
    let live = |journal: &mut SecJournal, deeds: &[Deed]| {
        let before = journal.position();
        deeds.iter().for_each(|&deed| drop(happen_logged(journal, deed)));
        journal.position() - before
    };
    // What was not read of the old log is read first, and then what is in the new one.
    let first = live(&mut journal, &deeds[..40]);
    history.go_to(Moment::Position(first / 2)).unwrap();
    journal.compact().unwrap();
    let second = live(&mut journal, &deeds[40..60]);
    let told = to_the_end(&mut history);
    assert_eq!(told.len() as u64, first - first / 2 + second);
    assert!(!told.iter().any(|it| matches!(it, Happened::Missed(_))));
    assert!(bytes(history.curriculum()) == bytes(journal.curriculum()));
    // A second one takes away what was between.
    let read = live(&mut journal, &deeds[60..70]);
    journal.compact().unwrap();
    let missed = live(&mut journal, &deeds[70..90]);
    journal.compact().unwrap();
    let last = live(&mut journal, &deeds[90..]);
    let told = to_the_end(&mut history);
    assert_eq!(told.len() as u64, read + 1 + last);
    assert_eq!(told[read as usize], Happened::Missed(missed));
    assert_eq!(history.position(), journal.position());
    assert!(bytes(history.curriculum()) == bytes(journal.curriculum()));
}

/// A journal that is killed within `compact` leaves the new log under its other name.
#[test]
fn compacted_and_killed() {
    let (_folder, path) = place();
    record(&path, &script(20));
    let old = std::fs::read(log_of(&path)).unwrap();
    let mut journal = Journal::open(&path, build()).unwrap();
    journal.compact().unwrap();
    let state = bytes(journal.curriculum());
    drop(journal);
    std::fs::rename(log_of(&path), next_of(&path)).unwrap();
    std::fs::write(log_of(&path), &old).unwrap();
    let mut history = History::open(&path, build()).unwrap();
    assert!(bytes(history.curriculum()) == state);
    assert_eq!(history.next(), Ok(None));
    // With no log for the base there is no history.
    std::fs::remove_file(next_of(&path)).unwrap();
    let refused = History::open(&path, build()).err();
    assert!(matches!(refused, Some(Error::Journal(JournalError::Base { .. }))));
    std::fs::remove_file(log_of(&path)).unwrap();
    assert_eq!(History::open(&path, build()).err(), Some(JournalError::NoLog.into()));
}

#[test]
fn taken_back_meanwhile() {
    let (_folder, path) = place();
    let (states, _) = record(&path, &script(40));
    let read = || {
        let mut history = History::open(&path, build()).unwrap();
        to_the_end(&mut history);
        history
    };
    let (mut first, mut second) = (read(), read());
    let position = first.position();
    let taken_back = Error::Journal(JournalError::TakenBack { position });
    let mut journal = Journal::open_at(&path, build(), Moment::Position(position / 2)).unwrap();
    assert_eq!(first.next(), Err(taken_back.clone()));
    // It has grown beyond what was read.
    let bytes_read = second.log_bytes();
    while journal.log_bytes() <= bytes_read {
        let open = tickets(&journal.curriculum().unfinished());
        journal.observe(&report(open)).unwrap();
        journal.draw(7).unwrap();
    }
    assert_eq!(second.next(), Err(taken_back.clone()));
    assert_eq!(first.next(), Err(taken_back.clone()));
    assert_eq!(read().position(), journal.position());
    assert!(states.len() > 1);

    // Another journal, of another age, in its place.
    let mut history = read();
    let position = history.position();
    drop(journal);
    std::fs::remove_file(&path).unwrap();
    std::fs::remove_file(log_of(&path)).unwrap();
    drop(Journal::open(&path, build()).unwrap());
    assert_eq!(history.next(), Err(JournalError::TakenBack { position }.into()));
    assert_eq!(history.next(), Err(JournalError::TakenBack { position }.into()));
    // One of another curriculum.
    let mut history = History::open(&path, build()).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::remove_file(log_of(&path)).unwrap();
    drop(Journal::open(&path, Curriculum::builder(5).build().unwrap()).unwrap());
    assert!(matches!(history.next(), Err(Error::Snapshot(_))));
}

/// A log that was copied, as by a backup that is put back, goes on where the other one was.
#[test]
fn a_copy_of_the_log() {
    let (_folder, path) = place();
    let deeds = script(60);
    record(&path, &deeds[..30]);
    let mut history = History::open(&path, build()).unwrap();
    to_the_end(&mut history);
    let copy = path.with_extension("copy");
    std::fs::copy(log_of(&path), &copy).unwrap();
    std::fs::rename(&copy, log_of(&path)).unwrap();
    let mut journal = Journal::open(&path, build()).unwrap();
    deeds[30..].iter().for_each(|&deed| drop(happen_logged(&mut journal, deed)));
    assert!(!to_the_end(&mut history).is_empty());
    assert!(bytes(history.curriculum()) == bytes(journal.curriculum()));
}

/// Nothing goes wrong between two threads, whenever the one looks and the other compacts.
#[test]
fn beside_a_run() {
    let (_folder, path) = place();
    let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut history = History::open(&path, build()).unwrap();
            let mut count = history.position();
            loop {
                let was_over = is_over.load(Ordering::SeqCst);
                for happened in to_the_end(&mut history) {
                    count += if let Happened::Missed(missed) = happened { missed } else { 1 };
                    assert!(count <= history.position());
                }
                assert_eq!(count, history.position());
                if was_over {
                    return (count, bytes(history.curriculum()));
                }
            }
        });
        for (number, deed) in script(1500).into_iter().enumerate() {
            happen_logged(&mut journal, deed);
            if number % 23 == 0 {
                journal.compact().unwrap();
            }
        }
        is_over.store(true, Ordering::SeqCst);
        let (count, state) = reader.join().unwrap();
        assert_eq!(count, journal.position());
        assert!(state == bytes(journal.curriculum()));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Killed, resumed, compacted and looked at, at any moments.
    #[test]
    fn any_events_in_between(
        deeds in prop::collection::vec((0..18u8, any::<usize>(), 0..5u32), 1..60),
    ) {
        let (_folder, path) = place();
        let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
        let mut history = History::open(&path, build()).unwrap();
        for (verb, which, arm) in deeds {
            match verb {
                13 => journal.compact().unwrap(),
                14 => {
                    drop(journal);
                    journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
                }
                15.. => {
                    to_the_end(&mut history);
                    prop_assert_eq!(history.position(), journal.position());
                    prop_assert!(bytes(history.curriculum()) == bytes(journal.curriculum()));
                }
                _ => drop(happen_logged(&mut journal, Deed { verb, which, arm })),
            }
        }
        to_the_end(&mut history);
        prop_assert!(bytes(history.curriculum()) == bytes(journal.curriculum()));
    }
}
