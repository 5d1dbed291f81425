//! What a journal does where the disk fails.

use std::fs::File;
use std::num::NonZeroU32;
use std::path::Path;

use super::{Durability, Journal, LOG, Opening, beside};
use crate::base::error::{Error, JournalError};
use crate::base::id::SampleId;
use crate::curriculum::Curriculum;
use crate::event::{Feedback, Outcome};

fn build() -> Curriculum {
    Curriculum::builder(50).missing(crate::Missing::Lose).seed(3).build().unwrap()
}

/// A journal opened over copies of the files.
fn reopened(path: &Path) -> Journal {
    let copy = path.with_file_name("copy");
    for end in ["", LOG] {
        std::fs::copy(beside(path, end), beside(&copy, end)).unwrap();
    }
    Journal::open(&copy, build()).unwrap()
}

/// A write that fails stops the journal; its files hold what happened before, and a new base what
/// happened after.
#[test]
fn a_failing_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("base");
    let mut journal = Journal::open(&path, build()).unwrap();
    let batch = journal.draw(4).unwrap();
    let before = journal.curriculum().to_bytes().unwrap();
    let outcome = Outcome::default().success(0.5);
    let feedback: Vec<Feedback> =
        batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome)).collect();

    // A handle that cannot be written to.
    let good = journal.log.exchange_file(File::open(beside(&path, LOG)).unwrap());
    assert!(matches!(journal.observe(&feedback), Err(Error::Io { .. })));
    let behind = Error::Journal(JournalError::Behind);
    assert_eq!(journal.draw(4), Err(behind.clone()));
    assert_eq!(journal.sync(), Err(behind.clone()));
    assert_eq!(journal.set_weight(SampleId(0), 1.0), Err(behind));
    let after = journal.curriculum().to_bytes().unwrap();
    assert!(after != before);
    assert!(reopened(&path).curriculum().to_bytes().unwrap() == before);

    journal.compact().unwrap();
    drop(good);
    journal.draw(4).unwrap();
    let last = journal.curriculum().to_bytes().unwrap();
    drop(journal);
    let journal = Journal::open(&path, build()).unwrap();
    assert!(journal.curriculum().to_bytes().unwrap() == last);
    assert_eq!(journal.opening(), Opening::Resumed { events: 1, torn: 0 });
}

/// An event whose flush fails is not in the files: it was refused. Earlier ones stay, whether they
/// were flushed or not.
#[test]
fn a_failing_flush() {
    let every = Durability::Every(NonZeroU32::new(3).unwrap());
    for (durability, good) in [(Durability::Each, 4), (every, 2), (every, 5)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base");
        let mut journal = Journal::open(&path, build()).unwrap().durability(durability);
        for _ in 0..good {
            journal.draw(2).unwrap();
        }
        let (before, position) = (journal.curriculum().to_bytes().unwrap(), journal.position());
        journal.log.fails = true;
        let error = journal.draw(2).unwrap_err();
        assert!(matches!(&error, Error::Io { source, .. } if source.raw_os_error() == Some(5)));
        assert_eq!(journal.draw(2), Err(Error::Journal(JournalError::Behind)));
        assert_eq!((journal.position(), journal.events()), (position, position));
        assert!(journal.curriculum().to_bytes().unwrap() != before);
        let again = reopened(&path);
        assert_eq!(again.opening(), Opening::Resumed { events: position, torn: 0 });
        assert!(again.curriculum().to_bytes().unwrap() == before);
        drop(again);
        // The new files hold the event, and count it: a position is that of one state.
        journal.compact().unwrap();
        let after = journal.curriculum().to_bytes().unwrap();
        assert_eq!(journal.position(), position + 1);
        journal.compact().unwrap();
        assert_eq!(journal.position(), position + 1);
        assert!(reopened(&path).curriculum().to_bytes().unwrap() == after);
        journal.draw(2).unwrap();
    }
}

/// A flush on demand that fails refuses no event.
#[test]
fn a_failing_sync() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("base");
    let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
    for _ in 0..5000 {
        journal.draw(2).unwrap();
    }
    // More than one page, so that all of them are written once more.
    assert!(journal.log_bytes() > 1 << 16);
    let before = journal.curriculum().to_bytes().unwrap();
    let log = std::fs::read(beside(&path, LOG)).unwrap();
    journal.log.fails = true;
    assert!(matches!(journal.sync(), Err(Error::Io { .. })));
    assert_eq!(journal.sync(), Err(Error::Journal(JournalError::Behind)));
    assert!(std::fs::read(beside(&path, LOG)).unwrap() == log);
    assert!(reopened(&path).curriculum().to_bytes().unwrap() == before);
}

/// What another process has not flushed is flushed by the next one that is asked to.
#[test]
fn a_sync_after_opening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("base");
    let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
    journal.sync().unwrap();
    journal.draw(2).unwrap();
    drop(journal);
    let mut journal = Journal::open(&path, build()).unwrap();
    journal.log.fails = true;
    assert!(matches!(journal.sync(), Err(Error::Io { .. })), "nothing was flushed");
}

/// A process that was forked from the one that opened a journal writes nothing, and lets its lock be.
#[test]
fn a_forked_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("base");
    let mut journal = Journal::open(&path, build()).unwrap();
    let batch = journal.draw(4).unwrap();
    let files = |path: &Path| ["", LOG].map(|end| std::fs::read(beside(path, end)).unwrap());
    let (written, state) = (files(&path), journal.curriculum().to_bytes().unwrap());
    journal.log.disown();
    let forked = Error::Journal(JournalError::Forked);
    let seen = [Feedback::new(batch.draws[0].ticket, Outcome::default().success(0.5))];
    assert_eq!(journal.observe(&seen), Err(forked.clone()));
    assert_eq!(journal.report(&seen), Err(forked.clone()));
    assert_eq!(journal.draw(4), Err(forked.clone()));
    assert_eq!(journal.draw_within(4.0), Err(forked.clone()));
    assert_eq!(journal.step(4), Err(forked.clone()));
    assert_eq!(journal.fold(), Err(forked.clone()));
    assert_eq!(journal.sync(), Err(forked.clone()));
    assert_eq!(journal.compact(), Err(forked));
    assert!(files(&path) == written && journal.curriculum().to_bytes().unwrap() == state);
    drop(journal);
    // The lock was that of another process, and goes with it.
    assert!(Journal::open(&path, build()).is_ok());
}
