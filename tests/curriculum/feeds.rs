//! Feeds of several threads: what a panic leaves, and what is drawn ahead.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use curricle::feed::{Lockstep, Prefetch};
use curricle::policy::{Allotment, Policy, Reads, Reward, Turn};
use curricle::{
    Batch, Curriculum, Error, Feed, Feedback, Journal, Missing, Outcome, Population, Result, Rng,
    Ticket,
};
use serde::{Deserialize, Serialize};

fn report(batch: &Batch) -> Vec<Feedback> {
    let seen = Outcome::default().success(0.5);
    batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen)).collect()
}

/// A policy that panics when it learns.
#[derive(Clone, Serialize, Deserialize)]
struct Faulty;

impl Policy for Faulty {
    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let arms = turn.population.arms().count();
        allotment.arms(arms).fill(1.0 / arms as f64);
        Ok(())
    }

    fn learn(&mut self, _: &Population, _: &[Reward]) {
        panic!("a fault in a policy of one's own");
    }
}

/// After a panic in one thread the feed refuses every other, the one that waits and those that come later; none of them goes
/// on with a state that nobody knows.
#[test]
fn a_panic_poisons_a_shared_feed() {
    let curriculum = Curriculum::builder(10).policy(Faulty).build().unwrap();
    let feed = Lockstep::new(curriculum).patience(Duration::from_secs(60));
    let reporter = feed.reporter();
    let batch = feed.clone().draw(2).unwrap();
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| feed.clone().draw(2))).collect();
        // Whoever draws first once the feedback is there panics in the policy.
        reporter.observe(&report(&batch)).unwrap();
        let ends: Vec<_> = waiting.into_iter().map(|thread| thread.join()).collect();
        assert_eq!(ends.iter().filter(|end| end.is_err()).count(), 1, "one thread panics");
        for end in ends.into_iter().flatten() {
            assert_eq!(end, Err(Error::Poisoned));
        }
    });
    assert_eq!(feed.clone().draw(2), Err(Error::Poisoned));
    assert_eq!(reporter.observe(&report(&batch)), Err(Error::Poisoned));
    assert_eq!(feed.with(|curriculum| curriculum.round()), Err(Error::Poisoned));
}

#[test]
fn a_panic_before_the_feed_is_taken_does_not_poison_it() {
    struct Last(Lockstep<Curriculum>);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.with(|curriculum| curriculum.round()).unwrap();
        }
    }
    let mut feed = Lockstep::new(Curriculum::builder(10).build().unwrap());
    let last = Last(feed.clone());
    let panicked = catch_unwind(AssertUnwindSafe(move || {
        let _last = last;
        panic!("elsewhere");
    }));
    assert!(panicked.is_err());
    assert!(feed.draw(2).is_ok());
}

/// Without a lag a draw ahead would give up the batch that has just been handed out.
#[test]
fn nothing_is_drawn_ahead_of_feedback_that_is_due() {
    for missing in [Missing::Refuse, Missing::Lose] {
        for lag in [0, 1, 3] {
            let curriculum = Curriculum::builder(50).missing(missing).lag(lag).build().unwrap();
            let mut prefetch = Prefetch::new(curriculum, 4, |batch: &Batch| batch.draws.len());
            for _ in 0..12 {
                let (batch, loaded) = prefetch.draw().unwrap();
                assert_eq!(loaded, 4);
                prefetch.observe(&report(&batch)).unwrap();
            }
            let counts = prefetch.feed().counts();
            assert_eq!((counts.lost, counts.admitted), (0, 48), "{missing:?} lag {lag}");
            assert_eq!(counts.drawn, if lag == 0 { 48 } else { 52 });
        }
    }
}

/// A worker that is gone draws nothing more, and what it had stays open.
#[test]
fn nothing_is_drawn_after_the_worker_has_panicked() {
    for lag in [0, 1] {
        for missing in [Missing::Refuse, Missing::Lose] {
            let curriculum = Curriculum::builder(50).missing(missing).lag(lag).build().unwrap();
            let mut prefetch = Prefetch::new(curriculum, 4, |batch: &Batch| {
                assert_ne!(batch.draws[0].ticket, Ticket(8), "a file that is gone");
            });
            let handed_out = (0..2).map(|_| {
                let (batch, ()) = prefetch.draw().unwrap();
                prefetch.observe(&report(&batch)).unwrap();
            });
            assert_eq!(handed_out.count(), 2);
            assert_eq!(prefetch.draw(), Err(Error::Closed));
            let counts = prefetch.feed().counts();
            for _ in 0..5 {
                assert_eq!(prefetch.draw(), Err(Error::Closed));
            }
            assert_eq!(prefetch.feed().counts(), counts);
            assert_eq!((counts.drawn, counts.open, counts.lost), (12, 4, 0));
        }
    }
}

/// What a panic leaves half done must not be written as a good state, nor be gone on with.
#[test]
fn a_panic_ends_a_journal_and_not_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let build = || Curriculum::builder(10).policy(Faulty).build().unwrap();
    let mut journal = Journal::open(&path, build()).unwrap();
    let batch = journal.draw(2).unwrap();
    journal.observe(&report(&batch)).unwrap();
    let before = journal.curriculum().to_bytes().unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| journal.draw(2)));
    assert!(panicked.is_err());
    assert_eq!(journal.draw(2), Err(Error::Poisoned));
    assert_eq!(journal.fold(), Err(Error::Poisoned));
    assert_eq!(journal.set_weight(curricle::SampleId(0), 2.0), Err(Error::Poisoned));
    assert_eq!(journal.compact(), Err(Error::Poisoned));
    assert_eq!(journal.sync(), Err(Error::Poisoned));
    drop(journal);
    let resumed = Journal::open(&path, build()).unwrap();
    assert!(resumed.curriculum().to_bytes().unwrap() == before);
}
