//! Folding is an event of its own: idempotent, public, and written to the journal where a draw fails behind it.

use crate::common::feedback;
use curricle::policy::{
    AbsoluteProgress, Boltzmann, Bounded, Difficulty, Fixed, PerCost, Posterior, Prior, Range,
    Rescaled, ScalingLaw,
};
use curricle::signal::MeanAdvantage;
use curricle::{
    Arrival, Curriculum, Error, Feedback, Journal, Missing, Outcome, Policy, SampleId, Stop, Weighting,
};

/// Twelve samples in three arms, or in enough of them for a tree of probabilities.
fn build(arms: u32) -> Curriculum<Bounded<Boltzmann>> {
    Curriculum::builder(12.max(arms as usize))
        .arms(arms, move |sample| sample.0 as u32 % arms)
        .policy(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform))
        .seed(5)
        .build()
        .unwrap()
}

fn report(batch: &curricle::Batch) -> Vec<Feedback> {
    feedback(batch, |_, arm| Outcome::default().success(if arm == 1 { 0.5 } else { 0.9 }))
}

#[test]
fn a_fold_is_what_the_next_draw_would_have_done() {
    for arms in [3, 2000] {
        let (mut plain, mut folded) = (build(arms), build(arms));
        for _ in 0..6 {
            let batch = plain.draw(4).unwrap();
            assert_eq!(batch, folded.draw(4).unwrap());
            plain.observe(&report(&batch)).unwrap();
            folded.observe(&report(&batch)).unwrap();
            assert_eq!(folded.fold(), Ok(1));
            let once = folded.to_bytes().unwrap();
            assert_eq!(folded.fold(), Ok(0));
            assert!(folded.to_bytes().unwrap() == once);
            assert!(plain.to_bytes().unwrap() != once, "nothing was learned");
        }
        assert_eq!(plain.draw(4), folded.draw(4));
        assert!(plain.to_bytes().unwrap() == folded.to_bytes().unwrap());
    }
}

/// A draw that is refused, for whatever reason, has folded in what was due.
#[test]
fn a_draw_of_no_size_folds_all_the_same() {
    for n in [0, 13, usize::MAX] {
        let mut curriculum = build(3);
        let batch = curriculum.draw(4).unwrap();
        curriculum.observe(&report(&batch)).unwrap();
        let before = curriculum.policy().inner().values().to_vec();
        assert!(curriculum.draw(n).is_err());
        assert_ne!(curriculum.policy().inner().values(), before, "{n}");
    }
}

#[test]
fn a_fold_waits_for_what_is_due() {
    let mut curriculum = build(3);
    let batch = curriculum.draw(4).unwrap();
    curriculum.observe(&report(&batch)[1..]).unwrap();
    let before = curriculum.to_bytes().unwrap();
    let missing = curriculum.fold();
    assert!(matches!(missing, Err(Error::Awaiting { missing: 1, .. })), "{missing:?}");
    assert!(curriculum.to_bytes().unwrap() == before);
    curriculum.lose(&[batch.draws[0].ticket]).unwrap();
    assert_eq!(curriculum.fold(), Ok(1));
}

/// What a failed draw has learned stands in the log: killed behind it, the journal resumes with the same state, and so with
/// the same decisions.
#[test]
fn what_a_failed_draw_has_folded_in_is_in_the_log() {
    for arms in [3, 2000] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let mut journal = Journal::open(&path, build(arms)).unwrap();
        for _ in 0..5 {
            let batch = journal.draw(4).unwrap();
            journal.observe(&report(&batch)).unwrap();
            let events = journal.events();
            let refused = journal.draw(100_000);
            assert!(matches!(refused, Err(Error::BatchExceedsPool { .. })), "{refused:?}");
            assert_eq!(journal.events(), events + 1);
            // It had learned, and does not learn again.
            assert!(journal.draw(100_000).is_err());
            assert_eq!((journal.fold(), journal.events()), (Ok(0), events + 1));
            // A change that a fold before it and one behind it would see differently.
            journal.set_weights(&[(SampleId(1), 0.0), (SampleId(4), 0.0)]).unwrap();
            assert_eq!(journal.fold(), Ok(0));
            let state = journal.curriculum().to_bytes().unwrap();
            drop(journal);
            journal = Journal::open(&path, build(arms)).unwrap();
            assert!(journal.curriculum().to_bytes().unwrap() == state);
            journal.set_weights(&[(SampleId(1), 1.0), (SampleId(4), 1.0)]).unwrap();
        }
    }
}

/// A composition that makes something which nobody reads is refused, whatever is nested in what.
#[test]
fn what_nobody_reads_is_refused() {
    fn refused<P: Policy>(policy: P, what: &str) {
        let built =
            Curriculum::builder(12).arms(3, |sample| sample.0 as u32 % 3).policy(policy).build();
        match built.map(drop) {
            Err(Error::Unread { part, .. }) if part == what => {}
            other => panic!("{what}: {other:?}"),
        }
    }
    let range = Range::Fixed { low: 0.0, high: 1.0 };
    refused(PerCost::new(ScalingLaw::new()), "PerCost");
    refused(PerCost::new(Fixed::by_size()), "PerCost");
    refused(PerCost::new(Bounded::new(Posterior::new())), "PerCost");
    refused(Rescaled::new(AbsoluteProgress::new(), range), "Rescaled");
    refused(Bounded::new(Rescaled::new(Difficulty::new(vec![1.0; 3]), range)), "Rescaled");
    let scored = || Curriculum::builder(12).signal(MeanAdvantage);
    let unread = scored().policy(Fixed::by_size()).build().map(drop);
    assert!(matches!(unread, Err(Error::Unread { part: "signal", .. })), "{unread:?}");
    assert!(scored().policy(Boltzmann::new()).build().is_ok());
    // What it says is a sentence.
    let said = |built: curricle::Result<()>, expected: &str| {
        assert_eq!(built.unwrap_err().to_string(), expected);
    };
    said(unread, "`signal` would do nothing: no other part reads a score");
    said(
        Curriculum::builder(12).lag(1).pace(Arrival::new()).build().map(drop),
        "`lag` would do nothing: no other part reads a delay in the pace of arrival",
    );
    said(
        Curriculum::builder(12).missing(Missing::Lose).pace(Arrival::new()).build().map(drop),
        "`missing` would do nothing: no other part reads what to do with missing tickets in the pace of arrival",
    );
    said(
        Curriculum::builder(12).stop(Stop::Cycle(1)).build().map(drop),
        "`stop` would do nothing: no other part reads a number of passes without a sampler that keeps passes",
    );
    said(
        Curriculum::builder(12)
            .policy(Boltzmann::new().effective_arms(2.0).temperature(1.0))
            .build()
            .map(drop),
        "`temperature` would do nothing: no other part reads a sharpness beside that of `effective_arms`",
    );
    said(
        Curriculum::builder(12).policy(PerCost::new(Fixed::by_size())).build().map(drop),
        "`PerCost` would do nothing: no other part reads a score for the money",
    );
    assert!(scored().weighting(Weighting::Score { floor: 0.1 }).build().is_ok());
}
