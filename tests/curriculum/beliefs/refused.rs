//! What does not go with weights by belief, and files that nobody can have written.

use curricle::policy::{Boltzmann, Gaussian, MeanRule, Posterior, Spread};
use curricle::sampler::{Any, Sequential};
use curricle::signal::{MeanAdvantage, Utility};
use curricle::{
    Belief, Curriculum, Error, Feedback, Field, Outcome, SampleId, SnapshotError, Weighting,
};

use crate::common::sealed;

fn weighting() -> Weighting {
    Weighting::Belief(Belief::new())
}

#[test]
fn parts_that_do_not_read_weights_are_refused() {
    let base = || Curriculum::builder(6).weighting(weighting());
    let is_unsupported = |error: Option<Error>, part: &str| match error {
        Some(Error::Unsupported { part: found, request: "weights by belief" }) => {
            assert_eq!(found, part)
        }
        other => panic!("{other:?}"),
    };
    is_unsupported(base().sampler(Sequential).build().err(), "sampler Sequential");
    is_unsupported(base().sampler(Any::Sequential).build().err(), "sampler Sequential");
    let alone = base().arms(6, |sample| sample.0 as u32).policy(Posterior::new());
    is_unsupported(alone.build().err(), "arms of one sample each");
    let policy = Gaussian::new(MeanRule::paper(2.0), Spread::Ranks(2.0));
    let mut ranked = base().policy(policy).signal(Utility).build().unwrap();
    is_unsupported(ranked.draw(2).err(), "policy over ranks");
    // A signal that nothing reads stays refused.
    assert!(matches!(base().signal(MeanAdvantage).build(), Err(Error::Unread { part: "signal", .. })));
    assert!(base().policy(Boltzmann::new()).signal(MeanAdvantage).build().is_ok());
}

#[test]
fn options_are_checked() {
    let build = |belief| Curriculum::builder(4).weighting(Weighting::Belief(belief)).build().map(drop);
    let new = Belief::new;
    for (bad, what) in [
        (new().rollouts(1), "rollouts of a group"),
        (new().rollouts(1025), "rollouts of a group"),
        (new().decay(1.1), "decay of beliefs"),
        (new().decay(f64::NAN), "decay of beliefs"),
        (new().floor(0.0), "floor of beliefs"),
        (new().floor(f64::INFINITY), "floor of beliefs"),
        (new().retest(0), "rounds to a re-test"),
        (new().retest(u64::MAX), "rounds to a re-test"),
        (new().patience(3), "patience"),
    ] {
        match build(bad) {
            Err(Error::OutOfRange { what: found, .. }) => assert_eq!(found, what),
            Err(Error::NonFinite { what: found, .. }) => assert_eq!(found, what),
            other => panic!("{bad:?}: {other:?}"),
        }
    }
    for good in [
        new().rollouts(2).decay(0.0).floor(1.0).retest(1).patience(4),
        new().rollouts(1024).decay(1.0).floor(0.001).retest(1_000_000_000).patience(255),
    ] {
        assert_eq!(build(good), Ok(()));
    }
}

#[test]
fn success_is_asked_for_by_name() {
    let mut curriculum = Curriculum::builder(4).weighting(weighting()).build().unwrap();
    let ticket = curriculum.draw(1).unwrap().draws[0].ticket;
    let silent = Feedback::new(ticket, Outcome::default().loss(1.0));
    let refused = Error::MissingOutcome { ticket, field: Field::Success };
    assert_eq!(curriculum.observe(&[silent]), Err(refused));
    curriculum.observe(&[Feedback::new(ticket, Outcome::default().success(1.0))]).unwrap();
}

/// A sample that is set to rest while its ticket is under way stays there; what it reported is known when it is set again.
#[test]
fn what_rests_is_not_woken() {
    let mut curriculum = Curriculum::builder(2).weighting(weighting()).build().unwrap();
    let batch = curriculum.draw(2).unwrap();
    curriculum.set_weight(SampleId(0), 0.0).unwrap();
    let solved = Outcome::default().success(1.0).rollouts(8);
    let all: Vec<Feedback> =
        batch.draws.iter().map(|draw| Feedback::new(draw.ticket, solved)).collect();
    curriculum.observe(&all).unwrap();
    curriculum.fold().unwrap();
    let weight = |curriculum: &Curriculum, sample| curriculum.population().weight(SampleId(sample));
    assert_eq!(weight(&curriculum, 0), Ok(0.0));
    curriculum.set_weight(SampleId(0), 1.0).unwrap();
    assert_eq!(weight(&curriculum, 0), weight(&curriculum, 1));
    assert!(weight(&curriculum, 0).unwrap() < 1.0);
    assert!(curriculum.set_weight(SampleId(0), f64::NAN).is_err());
    assert!(curriculum.set_weight(SampleId(2), 1.0).is_err());
    assert!(curriculum.set_weights(&[(SampleId(0), 0.5), (SampleId(1), -1.0)]).is_err());
    assert_eq!(weight(&curriculum, 0), weight(&curriculum, 1));
}

fn run(weighting: Weighting) -> Curriculum {
    let mut curriculum = Curriculum::builder(40).weighting(weighting).build().unwrap();
    for _ in 0..12 {
        let batch = curriculum.draw(8).unwrap();
        let seen =
            |sample: SampleId| Outcome::default().success((sample.0 % 3) as f32 / 2.0).rollouts(8);
        let all = batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen(draw.sample)));
        curriculum.observe(&all.collect::<Vec<_>>()).unwrap();
        curriculum.fold().unwrap();
    }
    curriculum
}

/// Each byte of the state changed in each of several ways, under a checksum that is right: refused, or something that can
/// go on.
#[test]
fn forged_columns_are_refused_or_can_be_gone_on_with() {
    let good = run(weighting()).to_bytes().unwrap();
    let (mut refused, mut taken) = (0, 0);
    for at in 80..good.len() {
        for flip in [0x01, 0x80, 0xff] {
            let forged = sealed(&good, |bytes| bytes[at] ^= flip);
            let mut curriculum = Curriculum::builder(40).weighting(weighting()).build().unwrap();
            match curriculum.restore_bytes(&forged) {
                Err(Error::Snapshot(SnapshotError::Inconsistent("the beliefs"))) => refused += 1,
                Err(_) => {}
                Ok(()) => {
                    taken += 1;
                    let batch = curriculum.draw(5).unwrap();
                    let lost: Vec<_> = batch.draws.iter().map(|draw| draw.ticket).collect();
                    curriculum.lose(&lost[1..]).unwrap();
                    let seen = Outcome::default().success(0.5).rollouts(8);
                    curriculum.observe(&[Feedback::new(lost[0], seen)]).unwrap();
                    curriculum.fold().unwrap();
                    curriculum.to_bytes().unwrap();
                }
            }
        }
    }
    assert!(refused > 50 && taken > 50, "{refused} {taken}");
}

/// Beliefs can be begun with and ended at an edge; elsewhere the weighting is a part of what a snapshot is bound to.
#[test]
fn an_edge_begins_and_ends_beliefs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut plain = run(Weighting::Given);
    plain.set_weight(SampleId(3), 2.5).unwrap();
    plain.save(&path).unwrap();
    let mut believing = Curriculum::builder(40).weighting(weighting()).build().unwrap();
    assert!(believing.restore(&path).is_err());
    believing.restore_edge(&path).unwrap();
    let known = believing.explain(SampleId(3)).unwrap().belief.unwrap();
    assert_eq!((known.given, known.reports), (2.5, 0));

    let mut believing = run(weighting());
    believing.set_weight(SampleId(3), 2.5).unwrap();
    believing.save(&path).unwrap();
    let mut plain = Curriculum::builder(40).build().unwrap();
    plain.restore_edge(&path).unwrap();
    for sample in 0..40 {
        let expected = if sample == 3 { 2.5 } else { 1.0 };
        assert_eq!(plain.population().weight(SampleId(sample)), Ok(expected));
    }
    assert_eq!(plain.explain(SampleId(3)).unwrap().belief, None);
}
