//! Every kind of bad input gives its typed error, and leaves the state as it was.

mod options;
mod snapshots;

use crate::common::{feedback, outcome};
use curricle::policy::{
    AbsoluteProgress, Advance, Allotment, Belief, Boltzmann, Bounded, ColdStart, Detector, Difficulty,
    Dump, EasyToHard, Estimate, Exp3, Fixed, Forgetting, Gaussian, Kalman, LevelReplay, Mastered,
    MeanRule, OnlineMixing, Pac, Pacing, PerCost, Policy, Posterior, Prior, Range, Reads, Rehearsed,
    Rescaled, Restart, Reward, ScalingLaw, Scope, Spread, Staged, Teacher, TeacherStudent, Thompson,
    Tilt, Turn, Ucb, Update,
};
use curricle::route::{RoutingTable, Treatment};
use curricle::sampler::{Distinct, Systematic};
use curricle::signal::{MeanAdvantage, Trial, Utility};
use curricle::{
    ArmId, Compression, Curriculum, Error, Feedback, Field, Gate, Missing, Outcome, Population, Result,
    Rng, Round, SampleId, Schedule, Signal, SnapshotError, Ticket, Weighting,
};
use serde::{Deserialize, Serialize};

type Plain = Curriculum<Boltzmann>;

fn plain() -> Plain {
    Curriculum::builder(10)
        .labels(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
        .policy(Boltzmann::new())
        .seed(3)
        .build()
        .unwrap()
}

/// Does something that must fail, and checks that nothing changed and the next draw is the same.
#[track_caller]
fn refused<P: Policy, T: std::fmt::Debug>(
    curriculum: &mut Curriculum<P>,
    work: impl FnOnce(&mut Curriculum<P>) -> Result<T>,
) -> Error {
    let before = curriculum.to_bytes().unwrap();
    let error = work(curriculum).expect_err("should have been refused");
    assert!(before == curriculum.to_bytes().unwrap(), "{error}: the state changed");
    assert!(!error.to_string().is_empty());
    error
}

#[test]
fn weights() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let built = Curriculum::builder(3).weights(vec![1.0, bad, 1.0]).build();
        assert!(matches!(built, Err(Error::NonFinite { what: "weight", index: 1, .. })));
        let error = refused(&mut plain(), |c| c.set_weight(SampleId(4), bad));
        assert!(matches!(error, Error::NonFinite { what: "weight", index: 4, .. }));
        let weights = [(SampleId(1), 0.5), (SampleId(4), bad)];
        let error = refused(&mut plain(), |c| c.set_weights(&weights));
        assert!(matches!(error, Error::NonFinite { what: "weight", index: 4, .. }));
        let error = refused(&mut plain(), |c| c.insert(ArmId(0), bad));
        assert!(matches!(error, Error::NonFinite { what: "weight", index: 10, .. }));
    }
    for bad in [-1.0, 1e300] {
        assert!(matches!(
            refused(&mut plain(), |c| c.set_weight(SampleId(0), bad)),
            Error::OutOfRange { what: "weight", .. }
        ));
    }
    let heavy = Curriculum::builder(3).weights(vec![2e9; 3]).build();
    assert!(matches!(heavy, Err(Error::WeightOverflow { .. })));
    let mut heavy = Curriculum::builder(2).weights(vec![2e9; 2]).build().unwrap();
    assert!(matches!(refused(&mut heavy, |c| c.insert(ArmId(0), 2e9)), Error::WeightOverflow { .. }));
    let mut three = Curriculum::builder(3).weights(vec![1e9; 3]).build().unwrap();
    let weights = [0, 1, 2].map(|sample| (SampleId(sample), 2e9));
    assert!(matches!(refused(&mut three, |c| c.set_weights(&weights)), Error::WeightOverflow { .. }));
    assert!(matches!(
        Curriculum::builder(3).weights(vec![1.0; 2]).build().err(),
        Some(Error::Length { what: "weights", expected: 3, found: 2 })
    ));
}

#[test]
fn outcomes() {
    let one = |outcome: Outcome| {
        let mut curriculum = plain();
        let batch = curriculum.draw(3).unwrap();
        let mut all = feedback(&batch, |_, _| Outcome::default().success(0.5));
        all[1].outcome = outcome;
        // The good ones beside the bad one are not taken in either.
        refused(&mut curriculum, |c| c.observe(&all))
    };
    let good = Outcome::default().success(0.5);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(matches!(one(good.success(bad)), Error::NonFinite { what: "success", index: 1, .. }));
        assert!(matches!(one(good.loss(bad)), Error::NonFinite { what: "loss", index: 1, .. }));
        assert!(matches!(
            one(good.abs_advantage(bad)),
            Error::NonFinite { what: "absolute advantage", .. }
        ));
        assert!(matches!(one(good.utility(bad)), Error::NonFinite { what: "utility", .. }));
        assert!(matches!(one(good.cost(bad)), Error::NonFinite { what: "cost", .. }));
    }
    assert!(matches!(one(good.success(1.5)), Error::OutOfRange { what: "success", .. }));
    assert!(matches!(
        one(good.abs_advantage(-0.1)),
        Error::OutOfRange { what: "absolute advantage", .. }
    ));
    assert!(matches!(one(good.cost(-1.0)), Error::OutOfRange { what: "cost", .. }));
    assert!(matches!(one(good.rollouts(0)), Error::OutOfRange { what: "rollouts", .. }));
    assert_eq!(
        one(Outcome::default().loss(1.0)),
        Error::MissingOutcome { ticket: Ticket(1), field: Field::Success }
    );
}

#[test]
fn tickets() {
    let mut curriculum = plain();
    let batch = curriculum.draw(3).unwrap();
    let all = feedback(&batch, |_, _| Outcome::default().success(0.5));
    let unknown = Feedback::new(Ticket(3), all[0].outcome);
    let error = refused(&mut curriculum, |c| c.observe(&[all[0], unknown]));
    assert_eq!(error, Error::UnknownTicket(Ticket(3)));
    assert_eq!(refused(&mut curriculum, |c| c.lose(&[Ticket(9)])), Error::UnknownTicket(Ticket(9)));

    let twice_at_once = refused(&mut curriculum, |c| c.observe(&[all[0], all[1], all[0]]));
    assert_eq!(twice_at_once, Error::RepeatedTicket(Ticket(0)));
    curriculum.observe(&all[..1]).unwrap();
    assert_eq!(refused(&mut curriculum, |c| c.observe(&all)), Error::RepeatedTicket(Ticket(0)));
    curriculum.lose(&[Ticket(2)]).unwrap();
    assert_eq!(refused(&mut curriculum, |c| c.lose(&[Ticket(2)])), Error::LateTicket(Ticket(2)));
    assert_eq!(refused(&mut curriculum, |c| c.observe(&all[2..])), Error::LateTicket(Ticket(2)));
    assert_eq!(
        refused(&mut curriculum, |c| c.draw(3)),
        Error::Awaiting { round: Round(0), missing: 1, first: Ticket(1) }
    );
    curriculum.observe(&all[1..2]).unwrap();
    curriculum.draw(1).unwrap();
    // Folded in: it is still known which ticket was reported and which was given up.
    assert_eq!(refused(&mut curriculum, |c| c.observe(&all[2..])), Error::LateTicket(Ticket(2)));
    assert_eq!(refused(&mut curriculum, |c| c.observe(&all[..1])), Error::RepeatedTicket(Ticket(0)));
    assert_eq!(refused(&mut curriculum, |c| c.lose(&[Ticket(1)])), Error::RepeatedTicket(Ticket(1)));
    let counts = curriculum.counts();
    assert_eq!((counts.drawn, counts.admitted, counts.lost, counts.open), (4, 2, 1, 1));
}

#[test]
fn missing_feedback_can_be_given_up() {
    let mut curriculum = Curriculum::builder(10).missing(Missing::Lose).build().unwrap();
    let batch = curriculum.draw(4).unwrap();
    let all = feedback(&batch, |_, _| Outcome::default().success(0.5));
    curriculum.observe(&all[..1]).unwrap();
    curriculum.draw(4).unwrap();
    assert_eq!(curriculum.counts().lost, 3);
    assert_eq!(refused(&mut curriculum, |c| c.observe(&all[1..])), Error::LateTicket(Ticket(1)));
}

/// A signal that fails for one sample.
#[derive(Clone, Serialize, Deserialize)]
struct Broken(f32);

impl Signal for Broken {
    fn score(&self, trials: &[Trial], scores: &mut [f32]) -> Result<()> {
        let score = |trial: &Trial| if trial.ticket == Ticket(2) { self.0 } else { 0.5 };
        trials.iter().zip(scores).for_each(|(trial, slot)| *slot = score(trial));
        Ok(())
    }
}

#[test]
fn scores() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let weighting = Weighting::Score { floor: 0.1 };
        let builder = Curriculum::builder(10).signal(Broken(bad)).weighting(weighting);
        let mut curriculum = builder.policy(Boltzmann::new()).build().unwrap();
        let batch = curriculum.draw(4).unwrap();
        curriculum.observe(&feedback(&batch, |_, _| Outcome::default())).unwrap();
        let before = curriculum.to_bytes().unwrap();
        let refused = curriculum.draw(4);
        assert!(matches!(refused, Err(Error::NonFinite { what: "score", index: 2, .. })));
        assert!(before == curriculum.to_bytes().unwrap());
        // The way out: give that ticket up.
        curriculum.lose(&[Ticket(2)]).unwrap();
        curriculum.draw(4).unwrap();
        assert!(curriculum.counts().is_conserved());
    }
}

#[test]
fn empty_arms_and_zero_weights() {
    // Arm 1 has no member, arm 2 none that can be drawn: their share goes to the others.
    let labels = [0, 0, 2, 3, 3];
    let weights = vec![1.0, 1.0, 0.0, 1.0, 1.0];
    let mixture = Fixed::weights(vec![0.1, 0.2, 0.3, 0.4]);
    let builder = Curriculum::builder(5).labels(&labels).weights(weights);
    let mut curriculum = builder.clone().policy(mixture).build().unwrap();
    for _ in 0..20 {
        let batch = curriculum.draw(3).unwrap();
        assert!(batch.samples().all(|sample| sample != SampleId(2)));
        curriculum.observe(&feedback(&batch, |_, _| Outcome::default().success(0.5))).unwrap();
    }
    assert_eq!(
        curriculum.shares().iter().map(|p| (p * 1e6).round()).collect::<Vec<_>>(),
        [200_000.0, 0.0, 0.0, 800_000.0]
    );

    let mut hollow = builder.policy(Fixed::weights(vec![0.0, 1.0, 1.0, 0.0])).build().unwrap();
    assert_eq!(hollow.draw(1), Err(Error::NothingToDraw));
    assert_eq!(Curriculum::builder(0).build().unwrap().draw(1), Err(Error::NothingToDraw));
}

#[test]
fn arms_of_probability_zero_are_never_drawn() {
    let policy = Fixed::weights(vec![0.0, 1.0]);
    let mut curriculum =
        Curriculum::builder(6).labels(&[0, 0, 0, 1, 1, 1]).policy(policy).build().unwrap();
    let batch = curriculum.draw(3).unwrap();
    assert!(batch.draws.iter().all(|draw| draw.arm == ArmId(1)));
    curriculum.observe(&feedback(&batch, |_, _| Outcome::default().success(0.5))).unwrap();
    assert_eq!(curriculum.draw(4), Err(Error::BatchExceedsPool { want: 4, available: 3 }));
}

#[test]
fn batches_larger_than_the_pool() {
    let error = refused(&mut plain(), |c| c.draw(11));
    assert_eq!(error, Error::BatchExceedsPool { want: 11, available: 10 });
    assert!(matches!(
        refused(&mut plain(), |c| c.draw(0)),
        Error::OutOfRange { what: "batch size", .. }
    ));
    let mut systematic = Curriculum::builder(4).sampler(Systematic).build().unwrap();
    assert_eq!(systematic.draw(5), Err(Error::BatchExceedsPool { want: 5, available: 4 }));
    let mut replace = Curriculum::builder(4).sampler(curricle::sampler::Replace).build().unwrap();
    assert_eq!(replace.draw(50).unwrap().draws.len(), 50);
}

#[test]
fn samples_and_arms() {
    let mut curriculum = plain();
    let unknown = Error::UnknownSample(SampleId(10));
    assert_eq!(refused(&mut curriculum, |c| c.remove(SampleId(10))), unknown);
    assert_eq!(refused(&mut curriculum, |c| c.set_weight(SampleId(10), 1.0)), unknown);
    let weights = [(SampleId(0), 0.5), (SampleId(10), 1.0)];
    assert_eq!(refused(&mut curriculum, |c| c.set_weights(&weights)), unknown);
    assert_eq!(refused(&mut curriculum, |c| c.retag(SampleId(10), ArmId(0))), unknown);
    assert_eq!(
        refused(&mut curriculum, |c| c.retag(SampleId(0), ArmId(2))),
        Error::UnknownArm(ArmId(2))
    );
    assert_eq!(refused(&mut curriculum, |c| c.insert(ArmId(2), 1.0)), Error::UnknownArm(ArmId(2)));
    curriculum.remove(SampleId(0)).unwrap();
    assert_eq!(refused(&mut curriculum, |c| c.remove(SampleId(0))), Error::UnknownSample(SampleId(0)));
    let labels = Curriculum::builder(3).labels(&[0, 1]).build().err();
    assert_eq!(labels, Some(Error::Length { what: "labels", expected: 3, found: 2 }));
    let order = Curriculum::builder(2).order(&[SampleId(0), SampleId(0)]).build().err();
    assert_eq!(order, Some(Error::Duplicate { what: "position of the order", index: 1 }));
    let labels = Curriculum::builder(2).labels(&[0, u32::MAX]).build().err();
    assert!(matches!(labels, Some(Error::OutOfRange { what: "arms", .. })));
    let arms = Curriculum::builder(2).arms(1, |sample| sample.0 as u32).build().err();
    assert_eq!(arms, Some(Error::UnknownArm(ArmId(1))));
}

/// A policy that allots something that is no distribution.
#[derive(Clone, Serialize, Deserialize)]
struct Wild(Vec<f64>);

impl Policy for Wild {
    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn allot(&self, _: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        allotment.arms(self.0.len()).copy_from_slice(&self.0);
        Ok(())
    }

    fn learn(&mut self, _: &Population, _: &[Reward]) {}
}

#[test]
fn what_policies_allot() {
    let draw = |p: &[f64]| {
        Curriculum::builder(2).labels(&[0, 1]).policy(Wild(p.to_vec())).build().unwrap().draw(1).err()
    };
    assert!(matches!(
        draw(&[f64::NAN, 1.0]),
        Some(Error::NonFinite { what: "probability", index: 0, .. })
    ));
    assert!(matches!(draw(&[-0.5, 1.5]), Some(Error::OutOfRange { what: "probability", .. })));
    assert_eq!(draw(&[0.5, 0.4]), Some(Error::NotADistribution { sum: 0.9 }));
    assert!(matches!(draw(&[1.0]), Some(Error::Length { expected: 2, found: 1, .. })));
    assert_eq!(draw(&[0.5, 0.5]), None);
}
