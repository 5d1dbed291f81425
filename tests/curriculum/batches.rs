//! The iterator over batches: the same batches as the feed alone, and where it ends.

use std::time::Duration;

use curricle::feed::{Batches, Lockstep};
use curricle::sampler::Passes;
use curricle::{
    Batch, Curriculum, Error, Feed, Feedback, Journal, Missing, Outcome, Result, SampleId, Stop,
};

fn report(batch: &Batch) -> Vec<Feedback> {
    let seen = |arm: u32| Outcome::default().success(1.0 / (2.0 + arm as f32));
    batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen(draw.arm.0))).collect()
}

fn build(lag: u64) -> Curriculum<impl curricle::Policy> {
    let arms = Curriculum::builder(100).arms(4, |sample| (sample.0 / 25) as u32).lag(lag).seed(3);
    arms.policy(curricle::policy::Boltzmann::new()).build().unwrap()
}

/// What a loop without the iterator draws.
fn by_hand(mut feed: impl Feed, rounds: usize) -> Vec<Batch> {
    let step = |_| {
        let batch = feed.draw(8).unwrap();
        feed.observe(&report(&batch)).unwrap();
        batch
    };
    (0..rounds).map(step).collect()
}

/// Over a curriculum, a borrowed one, a journal and a shared feed: the batches of the feed alone.
#[test]
fn the_batches_of_the_feed() {
    for lag in [0, 2] {
        let expected = by_hand(build(lag), 20);

        let mut curriculum = build(lag);
        let mut batches = Batches::new(&mut curriculum, 8);
        for expected in &expected {
            let batch = batches.next().unwrap().unwrap();
            assert_eq!(&batch, expected);
            batches.observe(&report(&batch)).unwrap();
        }
        assert_eq!(batches.feed().round().0, 20);
        batches.feed_mut().fold().unwrap();
        assert_eq!(curriculum.round().0, 20);

        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path().join("run"), build(lag)).unwrap();
        let mut feed = Lockstep::new(journal);
        let mut seen = Vec::new();
        for batch in feed.batches(8).take(20) {
            let batch = batch.unwrap();
            feed.observe(&report(&batch)).unwrap();
            seen.push(batch);
        }
        assert_eq!(seen, expected);

        let mut curriculum = build(lag);
        let mut shared = Lockstep::new(&mut curriculum);
        for (batch, expected) in shared.batches(8).zip(&expected) {
            let batch = batch.unwrap();
            assert_eq!(&batch, expected);
            assert!(shared.report(&report(&batch)).unwrap().iter().all(Result::is_ok));
        }
    }
}

/// Another thread reports, and the iterator waits for it.
#[test]
fn reports_of_another_thread() {
    let feed = Lockstep::new(build(0)).patience(Duration::from_secs(60));
    let reporter = feed.reporter();
    let (sender, receiver) = std::sync::mpsc::channel::<Batch>();
    let reports = std::thread::spawn(move || {
        receiver.iter().for_each(|batch| drop(reporter.observe(&report(&batch)).unwrap()));
    });
    let mut seen = Vec::new();
    for batch in feed.batches(8).take(20) {
        seen.push(batch.unwrap());
        sender.send(seen.last().unwrap().clone()).unwrap();
    }
    drop(sender);
    reports.join().unwrap();
    assert_eq!(seen, by_hand(build(0), 20));
}

/// A stop rule ends the iterator without an item, and it stays at its end; nothing to draw is no end, but an error.
#[test]
fn the_end_of_a_run() {
    let builder = Curriculum::builder(7).sampler(Passes).stop(Stop::AllExhausted(1));
    let mut batches = Batches::new(builder.missing(Missing::Lose).build().unwrap(), 3);
    let sizes: Vec<usize> = batches.by_ref().map(|batch| batch.unwrap().draws.len()).collect();
    assert_eq!(sizes, [3, 3, 1]);
    batches.feed_mut().insert(curricle::ArmId(0), 1.0).unwrap();
    assert_eq!(batches.next(), None);
    let mut none = Batches::new(Curriculum::builder(0).build().unwrap(), 2);
    assert_eq!((none.next(), none.next()), (Some(Err(Error::NothingToDraw)), None));
}

/// An error is the last item; a new iterator goes on where this one has stopped.
#[test]
fn an_error_ends_it() {
    let mut curriculum = build(0);
    let mut batches = Batches::new(&mut curriculum, 8);
    let first = batches.next().unwrap().unwrap();
    assert!(matches!(batches.next(), Some(Err(Error::Awaiting { missing: 8, .. }))));
    batches.observe(&report(&first)).unwrap();
    assert_eq!(batches.next(), None);
    let expected = by_hand(build(0), 2);
    assert_eq!(Batches::new(&mut curriculum, 8).next(), Some(Ok(expected[1].clone())));

    let mut curriculum = Curriculum::builder(3).missing(Missing::Lose).build().unwrap();
    let too_many = Some(Err(Error::BatchExceedsPool { want: 4, available: 3 }));
    assert_eq!(Batches::new(&mut curriculum, 4).next(), too_many);
    curriculum.set_weight(SampleId(1), 0.0).unwrap();
    assert_eq!(Batches::new(&mut curriculum, 2).take(9).map(Result::unwrap).count(), 9);
    assert!(matches!(Batches::new(&mut curriculum, 0).next(), Some(Err(Error::OutOfRange { .. }))));
}

/// Unfinished batches come first, also where a draw would be refused.
#[test]
fn unfinished_batches_first() {
    let mut before = build(0);
    let batch = before.draw(5).unwrap();
    let mut after = build(0);
    after.restore_bytes(&before.to_bytes().unwrap()).unwrap();
    let unfinished = after.unfinished();
    let mut batches = Batches::new(after, 8).again(unfinished);
    assert_eq!(batches.next(), Some(Ok(batch.clone())));
    assert!(matches!(batches.next(), Some(Err(Error::Awaiting { .. }))));
    batches.observe(&report(&batch)).unwrap();
    assert_eq!(batches.next(), None);
}
