//! Any number of threads and processes open one path at the same time: one gets the journal, and
//! nothing that it has acknowledged is lost.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn small() -> Curriculum {
    Curriculum::builder(30).missing(curricle::Missing::Lose).seed(5).build().unwrap()
}

fn locked<T>() -> Result<T> {
    Err(Error::Journal(JournalError::Locked))
}

/// What some threads get that open at the same moment; those that are opened stay open until all have
/// tried.
fn together(paths: &[PathBuf]) -> Vec<Result<Journal>> {
    let barrier = Barrier::new(paths.len());
    std::thread::scope(|scope| {
        let open = |path| {
            barrier.wait();
            Journal::open(path, small())
        };
        let threads: Vec<_> = paths.iter().map(|path| scope.spawn(move || open(path))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn first_opens_at_the_same_time() {
    for round in 0..200 {
        let (folder, path) = place();
        // A second pass opens files that are there.
        for pass in 0..2u64 {
            let opened = together(&vec![path.clone(); 2 + round % 3]);
            let (mut won, lost): (Vec<_>, Vec<_>) = opened.into_iter().partition(Result::is_ok);
            for lost in lost {
                assert_eq!(lost.err(), locked::<()>().err(), "round {round}, pass {pass}");
            }
            assert_eq!(won.len(), 1, "round {round}, pass {pass}");
            let journal = won[0].as_mut().unwrap();
            assert_eq!(journal.opening() == Opening::New, pass == 0);
            journal.draw(3).unwrap();
            let state = journal.curriculum().to_bytes().unwrap();
            drop(won);
            let journal = Journal::open(&path, small()).unwrap();
            assert!(
                journal.curriculum().to_bytes().unwrap() == state,
                "round {round}: an event was lost"
            );
            assert_eq!(journal.events(), pass + 1);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "a file too many");
    }
}

/// Who opens while the files are replaced is told that they are in use, whatever it finds.
#[test]
fn opens_while_the_holder_compacts() {
    let (_folder, path) = place();
    let mut journal = Journal::open(&path, small()).unwrap().durability(Durability::OnDemand);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut tries = 0;
                while !done.load(Ordering::Relaxed) || tries == 0 {
                    assert_eq!(Journal::open(&path, small()).err(), locked::<()>().err());
                    tries += 1;
                }
            });
        }
        for _ in 0..300 {
            journal.draw(2).unwrap();
            journal.compact().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    let state = journal.curriculum().to_bytes().unwrap();
    drop(journal);
    assert!(Journal::open(&path, small()).unwrap().curriculum().to_bytes().unwrap() == state);
}

/// The other names of a path lead to the same lock.
#[cfg(unix)]
#[test]
fn other_names_of_one_journal() {
    use std::os::unix::fs::symlink;

    let (folder, path) = place();
    let here = std::env::current_dir().unwrap();
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let relative = up.join(path.strip_prefix("/").unwrap());
    let dotted = folder.path().join(".").join("base");
    symlink(folder.path(), folder.path().join("again")).unwrap();
    let through = folder.path().join("again/base");
    let link = folder.path().join("link");
    symlink("base", &link).unwrap();
    let names = [path.clone(), relative, dotted, through, link.clone()];
    for _ in 0..20 {
        // First opens, when the link leads to nothing yet.
        let mut opened = together(&names);
        assert_eq!(opened.iter().filter(|opened| opened.is_ok()).count(), 1);
        let winner = opened.iter_mut().find_map(|opened| opened.as_mut().ok()).unwrap();
        winner.draw(2).unwrap();
        winner.compact().unwrap();
        let digest = winner.curriculum().digest();
        for name in &names {
            assert_eq!(Journal::open(name, small()).err(), locked::<()>().err(), "{}", name.display());
        }
        drop(opened);
        for name in &names {
            assert_eq!(
                Journal::open(name, small()).unwrap().curriculum().digest(),
                digest,
                "{}",
                name.display()
            );
        }
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        let names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 4, "{names:?}");
        for path in [path.clone(), log_of(&path)] {
            std::fs::remove_file(path).unwrap();
        }
    }
    // Hard links are names of the same files until these are replaced.
    let mut journal = Journal::open(&path, small()).unwrap();
    let hard = folder.path().join("hard");
    for (from, to) in [(path.clone(), hard.clone()), (log_of(&path), log_of(&hard))] {
        std::fs::hard_link(from, to).unwrap();
    }
    journal.draw(2).unwrap();
    let digest = journal.curriculum().digest();
    assert_eq!(Journal::open(&hard, small()).err(), locked::<()>().err());
    journal.compact().unwrap();
    journal.draw(2).unwrap();
    assert_eq!(Journal::open(&hard, small()).unwrap().curriculum().digest(), digest);
}

/// Journals whose names begin alike share a folder and nothing else.
#[test]
fn neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "a.b", "ab", "a.log.b"].map(|name| folder.path().join(name));
    for round in 0..50 {
        let mut journals: Vec<Journal> =
            together(&paths).into_iter().map(|opened| opened.unwrap()).collect();
        for (number, journal) in journals.iter_mut().enumerate() {
            assert_eq!(journal.position(), round * (number as u64 + 1));
            for _ in 0..=number {
                journal.draw(1).unwrap();
            }
            journal.compact().unwrap();
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 8);
}

/// What stands in the place of a first log and was not made by a journal is left alone.
#[test]
fn a_stranger_in_the_place_of_the_log() {
    for content in
        ["x", "CURRENT", "a line of a log of something else\n", "CURRILOG\x07 of a later version"]
    {
        let (_folder, path) = place();
        std::fs::write(path.with_extension("log"), content).unwrap();
        Journal::open(&path, small()).unwrap_err();
        assert_eq!(std::fs::read_to_string(path.with_extension("log")).unwrap(), content);
        assert!(!path.exists());
    }
}

/// Killed at any byte of the very first log, before its base was there.
#[test]
fn killed_while_starting() {
    let (_folder, path) = place();
    drop(Journal::open(&path, small()).unwrap());
    let [base, header] = [path.clone(), log_of(&path)].map(|path| std::fs::read(path).unwrap());
    let started = [&header[..], b"STARTING"].concat();
    assert_eq!(header.len() as u64, HEADER);
    for length in 0..=started.len() {
        let zeros = [&started[..length / 2], &vec![0; length - length / 2]].concat();
        for left in [started[..length].to_vec(), vec![0; length], zeros] {
            let (folder, path) = place();
            std::fs::write(log_of(&path), &left).unwrap();
            let journal = Journal::open(&path, small());
            // A whole header alone is that of a base which was lost.
            if left.starts_with(&header) && left != started {
                assert!(journal.is_err(), "{left:?}");
                assert!(std::fs::read(log_of(&path)).unwrap() == left);
                continue;
            }
            let mut journal = journal.unwrap_or_else(|error| panic!("{error}: {left:?}"));
            assert_eq!(journal.opening(), Opening::New);
            journal.draw(2).unwrap();
            let digest = journal.curriculum().digest();
            drop(journal);
            assert_eq!(Journal::open(&path, small()).unwrap().curriculum().digest(), digest);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        }
        // And after it was there.
        let (_folder, path) = place();
        std::fs::write(&path, &base).unwrap();
        std::fs::write(log_of(&path), &started[..length]).unwrap();
        assert_eq!(Journal::open(&path, small()).is_ok(), length >= header.len(), "{length}");
    }
}

const PATH: &str = "CURRICLE_TEST_JOURNAL";
const ACKNOWLEDGED: &str = "CURRICLE_TEST_ACKNOWLEDGED";
const EVENTS: &str = "CURRICLE_TEST_EVENTS";

/// One of several processes: opens the journal again and again, does some events, compacts now and
/// then, and writes down the position that each call acknowledged. Ends after a number of events, or
/// when it is killed.
#[test]
#[ignore = "the other processes of the tests below"]
fn a_process() {
    let [path, acknowledged, events] = [PATH, ACKNOWLEDGED, EVENTS].map(std::env::var);
    // Not started by a test.
    let Ok(path) = path.map(PathBuf::from) else { return };
    let mut acknowledged =
        std::fs::File::options().append(true).create(true).open(acknowledged.unwrap()).unwrap();
    let wanted: u64 = events.unwrap().parse().unwrap();
    let go = path.with_file_name("go");
    while !go.exists() {
        std::hint::spin_loop();
    }
    let mut done = 0;
    while done < wanted {
        let mut journal = match Journal::open(&path, small()) {
            Err(Error::Journal(JournalError::Locked)) => {
                std::thread::yield_now();
                continue;
            }
            journal => journal.unwrap(),
        };
        for _ in 0..1 + done % 3 {
            journal.draw(1).unwrap();
            done += 1;
            // In one write: a process killed between two would leave half a line to the next one.
            let line = format!("{} {}\n", journal.position(), journal.curriculum().digest());
            acknowledged.write_all(line.as_bytes()).unwrap();
        }
        if done % 4 == 0 {
            journal.compact().unwrap();
        }
        drop(journal);
        std::thread::yield_now();
    }
}

fn spawn(path: &Path, number: usize, events: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "races::a_process", "--ignored", "--nocapture", "--test-threads=1"])
        .env(PATH, path)
        .env(ACKNOWLEDGED, path.with_file_name(format!("acknowledged-{number}")))
        .env(EVENTS, events.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The positions that all processes were acknowledged, with their digests.
fn acknowledged(path: &Path, processes: usize) -> BTreeMap<u64, u64> {
    let mut all = BTreeMap::new();
    for number in 0..processes {
        let text = std::fs::read_to_string(path.with_file_name(format!("acknowledged-{number}")));
        // A line that was not written to its end is none.
        for line in text.unwrap_or_default().split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let (position, digest) = line.trim().split_once(' ').unwrap();
            let twice = all.insert(position.parse().unwrap(), digest.parse().unwrap());
            assert_eq!(twice, None, "position {position} was acknowledged twice");
        }
    }
    all
}

/// The digest after each draw of an uninterrupted run.
fn digests(count: u64) -> Vec<u64> {
    let mut twin = small();
    (0..count)
        .map(|_| {
            twin.draw(1).unwrap();
            twin.digest()
        })
        .collect()
}

#[test]
fn processes_start_reopen_and_compact_at_the_same_time() {
    for _ in 0..12 {
        let (_folder, path) = place();
        let children: Vec<Child> = (0..4).map(|number| spawn(&path, number, 8)).collect();
        std::fs::write(path.with_file_name("go"), "").unwrap();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let all = acknowledged(&path, 4);
        let journal = Journal::open(&path, small()).unwrap();
        let last = journal.position();
        assert!(last >= 32);
        // Each event has one owner, and none is missing.
        assert!(all.keys().copied().eq(1..=last), "{all:?}");
        assert!(all.into_values().eq(digests(last)));
    }
}

/// Killed at any moment, the first included, while others wait for the lock.
#[test]
fn processes_are_killed() {
    let mut rng = Rng::at(11, curricle::Round(0), curricle::Purpose::User);
    let mut killed = 0;
    for _ in 0..6 {
        let (folder, path) = place();
        std::fs::write(path.with_file_name("go"), "").unwrap();
        let mut children: Vec<Child> = (0..3).map(|number| spawn(&path, number, 1_000_000)).collect();
        for number in 0..12 {
            std::thread::sleep(Duration::from_micros(2000 + rng.below(30_000)));
            let child = &mut children[number % 3];
            assert_eq!(child.try_wait().unwrap(), None, "a process has failed");
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            *child = spawn(&path, number % 3, 1_000_000);
        }
        for child in &mut children {
            assert_eq!(child.try_wait().unwrap(), None, "a process has failed");
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let all = acknowledged(&path, 3);
        let journal = Journal::open(&path, small()).unwrap();
        let last = journal.position();
        assert!(
            all.keys().next_back().is_none_or(|position| *position <= last),
            "an event was lost: last {last}, acknowledged {:?}",
            all.iter().rev().take(4).collect::<Vec<_>>()
        );
        let digests = digests(last);
        assert!(all.iter().all(|(position, digest)| digests[*position as usize - 1] == *digest));
        assert_eq!(journal.curriculum().digest(), digests.last().copied().unwrap_or(0));
        // Nothing half-written is left: the pair, the starting signal and what was acknowledged.
        let names: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "go" && !name.starts_with("acknowledged"))
            .collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }
    assert_eq!(killed, 72);
}

/// A process that is started has a copy of every open file for a moment; the lock ends with the journal
/// all the same.
#[test]
fn reopened_while_processes_start() {
    let (_folder, path) = place();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let mut child = Command::new(std::env::current_exe().unwrap());
                child.arg("--list").stdout(Stdio::null()).status().unwrap();
            }
        });
        let reopened = (0..2000).try_for_each(|_| Journal::open(&path, small()).map(drop));
        done.store(true, Ordering::Relaxed);
        reopened.unwrap();
    });
}
