//! Every kind of bad input gives its typed error, and leaves the state as it was.

mod common;

use common::{feedback, outcome};
use curricle::policy::{
    AbsoluteProgress, Advance, Allotment, Belief, Boltzmann, Bounded, ColdStart, Detector, Difficulty,
    Dump, EasyToHard, Estimate, Exp3, Fixed, Forgetting, Gaussian, Kalman, LevelReplay, Mastered,
    MeanRule, OnlineMixing, Pac, Pace, PerCost, Policy, Posterior, Prior, Range, Rescaled, Restart,
    Reward, ScalingLaw, Scope, Spread, Staged, Teacher, TeacherStudent, Thompson, Turn, Ucb, Update,
};
use curricle::sampler::{Distinct, Systematic};
use curricle::signal::{MeanAdvantage, Trial, Utility};
use curricle::{
    ArmId, Compression, Curriculum, Error, Feedback, Gate, Missing, Outcome, Population, Result, Rng,
    Round, SampleId, Schedule, Signal, SnapshotError, Ticket, Weighting,
};
use serde::{Deserialize, Serialize};

type Plain = Curriculum;

fn plain() -> Plain {
    Curriculum::builder(10).labels(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 1]).seed(3).build().unwrap()
}

/// Does something that must fail, and checks that nothing changed and the next draw is the same.
#[track_caller]
fn refused<T: std::fmt::Debug>(
    curriculum: &mut Plain,
    work: impl FnOnce(&mut Plain) -> Result<T>,
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
        assert!(matches!(one(good.advantage(bad)), Error::NonFinite { what: "advantage", .. }));
        assert!(matches!(one(good.utility(bad)), Error::NonFinite { what: "utility", .. }));
        assert!(matches!(one(good.cost(bad)), Error::NonFinite { what: "cost", .. }));
    }
    assert!(matches!(one(good.success(1.5)), Error::OutOfRange { what: "success", .. }));
    assert!(matches!(one(good.advantage(-0.1)), Error::OutOfRange { what: "advantage", .. }));
    assert!(matches!(one(good.cost(-1.0)), Error::OutOfRange { what: "cost", .. }));
    assert!(matches!(one(good.rollouts(0)), Error::OutOfRange { what: "rollouts", .. }));
    assert_eq!(
        one(Outcome::default().loss(1.0)),
        Error::MissingOutcome { ticket: Ticket(1), field: "success" }
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
    assert_eq!(refused(&mut curriculum, |c| c.lose(&[Ticket(2)])), Error::RepeatedTicket(Ticket(2)));
    assert_eq!(refused(&mut curriculum, |c| c.observe(&all[2..])), Error::RepeatedTicket(Ticket(2)));
    assert_eq!(
        refused(&mut curriculum, |c| c.draw(3)),
        Error::Awaiting { round: Round(0), missing: 1, first: Ticket(1) }
    );
    curriculum.observe(&all[1..2]).unwrap();
    curriculum.draw(1).unwrap();
    // Folded in: the ticket is still known to be settled.
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
    assert_eq!(refused(&mut curriculum, |c| c.observe(&all[1..])), Error::RepeatedTicket(Ticket(1)));
}

/// A signal that fails for one sample.
#[derive(Clone, Serialize, Deserialize)]
struct Broken(f32);

impl Signal<[Trial]> for Broken {
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
    assert_eq!(order, Some(Error::UnknownSample(SampleId(0))));
    let labels = Curriculum::builder(2).labels(&[0, u32::MAX]).build().err();
    assert!(matches!(labels, Some(Error::OutOfRange { what: "arms", .. })));
    let arms = Curriculum::builder(2).arms(1, |sample| sample.0 as u32).build().err();
    assert_eq!(arms, Some(Error::UnknownArm(ArmId(1))));
}

/// A policy that allots something that is no distribution.
#[derive(Clone, Serialize, Deserialize)]
struct Wild(Vec<f64>);

impl Policy for Wild {
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

#[test]
fn options() {
    fn wrong<P: Policy>(policy: P) -> bool {
        Curriculum::builder(4).labels(&[0, 0, 1, 1]).policy(policy).build().is_err()
    }
    let nan = f64::NAN;
    assert!(wrong(Boltzmann::new().alpha(0.0)) && wrong(Boltzmann::new().alpha(nan)));
    assert!(wrong(Boltzmann::new().temperature(0.0)) && wrong(Boltzmann::new().start(f64::INFINITY)));
    assert!(wrong(Fixed::weights(vec![1.0])) && wrong(Fixed::weights(vec![0.0, 0.0])));
    assert!(wrong(Fixed::weights(vec![nan, 1.0])) && wrong(Fixed::weights(vec![-1.0, 1.0])));
    assert!(wrong(Staged::new(Vec::new(), Advance::Rounds(1))));
    assert!(
        wrong(Staged::one_by_one(3, Advance::Rounds(1)))
            && wrong(Staged::one_by_one(2, Advance::Rounds(0)))
    );
    assert!(wrong(Staged::one_by_one(2, Advance::Mastery(1.5))));
    assert!(wrong(Staged::one_by_one(2, Advance::Mastery(0.5)).review(nan)));
    assert!(wrong(Gaussian::new(MeanRule::paper(nan), Spread::Ranks(1.0))));
    assert!(wrong(Gaussian::new(MeanRule::paper(1.0), Spread::Ranks(0.0))));
    assert!(wrong(Gaussian::new(MeanRule::paper(1.0), Spread::Fraction(0.1)).start(nan)));
    assert!(wrong(Bounded::new(Boltzmann::new()).floor(1.5, Prior::Uniform)));
    assert!(wrong(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Weights(vec![1.0]))));
    assert!(wrong(Bounded::new(Boltzmann::new()).cap(0.0)));
    let window = |window| TeacherStudent::new().teacher(Teacher::Sampling { window });
    assert!(wrong(TeacherStudent::new().epsilon(nan)) && wrong(TeacherStudent::online().epsilon(2.0)));
    assert!(wrong(window(0)) && wrong(window(usize::MAX)));
    assert!(wrong(TeacherStudent::new().teacher(Teacher::Online { alpha: 0.0 })));
    assert!(wrong(AbsoluteProgress::new().rates(0.0, 0.1)));
    assert!(wrong(AbsoluteProgress::new().rates(0.1, nan)));
    assert!(wrong(AbsoluteProgress::bidirectional().theta(0.0)));
    assert!(wrong(AbsoluteProgress::new().floor(1.1)));
    assert!(wrong(Dump::new().window(0)) && wrong(Dump::new().temperature(0.0)));
    assert!(wrong(Pac::new().window(0)) && wrong(Pac::new().drift(nan)));
    assert!(wrong(Pac::new().start(nan, 1.0)) && wrong(Pac::new().start(0.0, 0.0)));
    assert!(wrong(LevelReplay::new().beta(0.0)) && wrong(LevelReplay::new().rho(nan)));
    assert!(wrong(LevelReplay::new().nu(-0.1)));
    assert!(wrong(Posterior::new().decay(nan)) && wrong(Posterior::new().prior(0.0, 1.0)));
    assert!(wrong(Posterior::new().target(1.5)) && wrong(Posterior::new().band(0.7, 0.3)));
    assert!(wrong(Posterior::new().band(nan, 0.5)));
    let levels = || Difficulty::new(vec![0.0, 50.0]);
    assert!(wrong(Difficulty::new(vec![1.0])) && wrong(Difficulty::new(vec![1.0, nan])));
    assert!(wrong(levels().eta(-1.0)) && wrong(levels().alpha(nan)) && wrong(levels().beta(2.0)));
    assert!(wrong(levels().range(5.0, 1.0)) && wrong(levels().start(nan)));
    let bell = |beta, sigma| EasyToHard::new(Pace::Gaussian { beta, sigma }, 10);
    assert!(wrong(EasyToHard::cosine(0)) && wrong(bell(0.0, 1.0)) && wrong(bell(1.0, nan)));
    assert!(wrong(OnlineMixing::new().scale(0.0)));
    assert!(wrong(OnlineMixing::new().estimate(Estimate::Smoothed(1.0))));
    assert!(wrong(ScalingLaw::new().refit(0)) && wrong(ScalingLaw::new().least(nan)));
    assert!(wrong(ScalingLaw::new().prior(Prior::Weights(vec![1.0]))));
    assert!(wrong(Boltzmann::new().effective_arms(0.5)) && wrong(Boltzmann::new().effective_arms(nan)));
    assert!(wrong(Ucb::discounted(0.0)) && wrong(Ucb::discounted(1.1)) && wrong(Ucb::discounted(nan)));
    assert!(wrong(Ucb::sliding_window(0)) && wrong(Ucb::sliding_window(9).width(-1.0)));
    assert!(wrong(Thompson::beta(Forgetting::PerVisit(nan))));
    assert!(wrong(Thompson::new(Belief::Beta { a: 0.0, b: 1.0 }, Forgetting::Never)));
    assert!(wrong(Thompson::new(Belief::Gaussian { sd: 0.0, n0: 1.0, m0: 0.0 }, Forgetting::Never)));
    assert!(wrong(Thompson::new(Belief::Gaussian { sd: 1.0, n0: 1.0, m0: nan }, Forgetting::Never)));
    assert!(wrong(Kalman::new(-1.0)) && wrong(Kalman::new(0.1).noise(0.0)));
    assert!(wrong(Kalman::new(0.1).start(nan, 1.0)) && wrong(Kalman::new(0.1).start(0.0, nan)));
    assert!(wrong(Exp3::new(Update::Auer { gamma: 0.0, share: 0.0 })));
    assert!(wrong(Exp3::new(Update::Graves { eta: nan, epsilon: 0.1, share: None })));
    assert!(wrong(Exp3::new(Update::Graves { eta: 0.1, epsilon: 0.1, share: Some(2.0) })));
    assert!(wrong(Exp3::new(Update::ImplicitExploration { eta: 0.1, gamma: -0.1, share: 0.0 })));
    assert!(wrong(Exp3::graves().restart(0)));
    assert!(wrong(Restart::glr_ucb(Scope::Local).explore(1.5)));
    let glr = Detector::Glr { delta: 0.0, every: 10, grid: 10 };
    let cusum = Detector::Cusum { slack: 0.1, calibration: 0, threshold: 1.0 };
    assert!(wrong(Restart::new(Boltzmann::new(), glr, Scope::Global)));
    assert!(wrong(Restart::new(Boltzmann::new(), cusum, Scope::Global)));
    assert!(wrong(Rescaled::new(Boltzmann::new(), Range::Fixed { low: 1.0, high: 0.0 })));
    let quantiles = Range::Quantiles { low: 0.2, high: 1.8, visits: 10 };
    assert!(wrong(Rescaled::new(Boltzmann::new(), quantiles)));
    assert!(wrong(PerCost::new(Boltzmann::new()).rate(0.0)));
    assert!(wrong(PerCost::new(Boltzmann::new()).limit(0.5)));
    assert!(wrong(Mastered::new(Boltzmann::new(), 1.5)));
    assert!(wrong(Mastered::new(Boltzmann::new(), 0.9).retest(0, 0.1)));
    assert!(wrong(ColdStart::new(Boltzmann::new().alpha(0.0), 3)));
    let falling = Schedule::Geometric { from: 1.0, to: 0.0, rounds: 5 };
    assert!(wrong(Boltzmann::new().temperature(falling)));
    assert!(Curriculum::builder(4).importance(2.0).build().is_err());
    assert!(Curriculum::builder(4).gate(Gate::Band { low: 0.9, high: 0.1 }).build().is_err());
    assert!(Curriculum::builder(4).weighting(Weighting::Score { floor: 0.0 }).build().is_err());

    let ranks = Gaussian::new(MeanRule::paper(1.0), Spread::Ranks(2.0));
    let builder = Curriculum::builder(4).signal(Utility).policy(ranks.clone());
    let mut systematic = builder.clone().sampler(Systematic).build().unwrap();
    assert!(matches!(systematic.draw(1), Err(Error::Unsupported { part: "Systematic", .. })));
    let mut bounded = builder.policy(Bounded::new(ranks)).build().unwrap();
    assert!(matches!(bounded.draw(1), Err(Error::Unsupported { part: "Bounded", .. })));
}

mod snapshots {
    use super::*;

    type Sec = Curriculum<Boltzmann, MeanAdvantage, Distinct>;

    fn build(seed: u64, rows: u64) -> Sec {
        Curriculum::builder(10)
            .arms(2, |sample| (sample.0 % 2) as u32)
            .policy(Boltzmann::new())
            .signal(MeanAdvantage)
            .fingerprint(curricle::fingerprint((0..rows).map(u64::to_le_bytes)))
            .seed(seed)
            .build()
            .unwrap()
    }

    fn used() -> (Sec, Vec<u8>) {
        let mut curriculum = build(1, 10);
        for _ in 0..3 {
            let batch = curriculum.draw(4).unwrap();
            let all: Vec<Feedback> = batch
                .draws
                .iter()
                .map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0)))
                .collect();
            curriculum.observe(&all).unwrap();
        }
        let bytes = curriculum.to_bytes().unwrap();
        (curriculum, bytes)
    }

    #[track_caller]
    fn refused(curriculum: &mut Sec, bytes: &[u8]) -> SnapshotError {
        let before = curriculum.to_bytes().unwrap();
        let error = curriculum.restore_bytes(bytes).expect_err("should have been refused");
        assert!(before == curriculum.to_bytes().unwrap(), "{error}: the state changed");
        match error {
            Error::Snapshot(error) => error,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn truncated() {
        let (mut curriculum, bytes) = used();
        for length in 0..bytes.len() {
            let error = refused(&mut curriculum, &bytes[..length]);
            let expected = if length < 8 {
                matches!(error, SnapshotError::NotASnapshot)
            } else {
                matches!(error, SnapshotError::Size { found, .. } if found == length as u64)
            };
            assert!(expected, "{length} bytes: {error}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(matches!(refused(&mut curriculum, &longer), SnapshotError::Size { .. }));
    }

    #[test]
    fn bit_flipped() {
        let (mut curriculum, bytes) = used();
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[position] ^= 1 << bit;
                let error = refused(&mut curriculum, &flipped);
                let expected = match position {
                    0..8 => matches!(error, SnapshotError::NotASnapshot),
                    8..12 => matches!(error, SnapshotError::Schema { .. }),
                    16..24 => matches!(error, SnapshotError::Size { .. }),
                    _ => matches!(error, SnapshotError::Checksum { .. }),
                };
                assert!(expected, "bit {bit} of byte {position}: {error}");
            }
        }
    }

    /// Changes header fields and makes the checksum right again.
    fn sealed(bytes: &[u8], change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        change(&mut bytes);
        let content = [&bytes[80..], &bytes[..24], &bytes[32..80]].concat();
        let checksum = xxhash_rust::xxh3::xxh3_64(&content);
        bytes[24..32].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    #[test]
    fn newer() {
        let (mut curriculum, bytes) = used();
        let schema = sealed(&bytes, |bytes| bytes[8] += 1);
        assert!(matches!(
            refused(&mut curriculum, &schema),
            SnapshotError::Schema { found: 6, supported: 5 }
        ));
        let algorithm = sealed(&bytes, |bytes| bytes[12] += 1);
        assert!(matches!(
            refused(&mut curriculum, &algorithm),
            SnapshotError::Algorithm { found: 6, supported: 5 }
        ));
    }

    /// A header that says zstd over a payload that is not.
    #[test]
    fn not_compressed() {
        let (mut curriculum, bytes) = used();
        let zstd = sealed(&bytes, |bytes| bytes[72] = 1);
        let error = curriculum.restore_bytes(&zstd);
        if cfg!(feature = "zstd") {
            assert_eq!(error, Err(Error::Snapshot(SnapshotError::Inconsistent("the payload"))));
        } else {
            assert_eq!(error, Err(Error::Feature("zstd")));
            let path = tempfile::tempdir().unwrap().path().join("curriculum.snapshot");
            assert_eq!(curriculum.save_with(&path, Compression::Zstd(3)), Err(Error::Feature("zstd")));
            assert!(!path.exists());
        }
        let unknown = sealed(&bytes, |bytes| bytes[72] = 2);
        assert!(matches!(refused(&mut curriculum, &unknown), SnapshotError::Inconsistent(_)));
        assert!(curriculum.restore_bytes(&bytes).is_ok());
    }

    #[cfg(feature = "zstd")]
    mod compressed {
        use super::*;

        fn compressed(curriculum: &Sec, level: i32) -> Vec<u8> {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("curriculum.snapshot");
            curriculum.save_with(&path, Compression::Zstd(level)).unwrap();
            std::fs::read(path).unwrap()
        }

        #[test]
        fn restored() {
            let (curriculum, bytes) = used();
            for level in [1, 3, 22] {
                let mut restored = build(1, 10);
                let small = compressed(&curriculum, level);
                assert!(small.len() < bytes.len());
                restored.restore_bytes(&small).unwrap();
                assert!(restored.to_bytes().unwrap() == bytes, "level {level}");
            }
            for level in [0, 23, -1] {
                let error = curriculum.save_with("nowhere", Compression::Zstd(level));
                assert!(matches!(error, Err(Error::OutOfRange { what: "zstd level", .. })), "{level}");
            }
        }

        #[test]
        fn flipped_or_cut() {
            let (mut curriculum, _) = used();
            let small = compressed(&curriculum, 3);
            for position in 0..small.len() {
                let flipped =
                    [&small[..position], &[small[position] ^ 1], &small[position + 1..]].concat();
                refused(&mut curriculum, &flipped);
                refused(&mut curriculum, &small[..position]);
            }
        }

        /// A frame that unpacks to more, or to less, than the header says; a frame with something behind it.
        #[test]
        fn of_another_size() {
            let (mut curriculum, bytes) = used();
            let small = compressed(&curriculum, 3);
            let inconsistent = SnapshotError::Inconsistent("the payload");
            for size in [0, 1, bytes.len() - 81, bytes.len() - 79, 1 << 40] {
                let forged = sealed(&small, |bytes| bytes[64..72].copy_from_slice(&size.to_le_bytes()));
                assert_eq!(refused(&mut curriculum, &forged), inconsistent, "{size}");
            }
            let longer = sealed(&small, |bytes| {
                bytes.push(0);
                let stored = bytes.len() as u64 - 80;
                bytes[16..24].copy_from_slice(&stored.to_le_bytes());
            });
            assert_eq!(refused(&mut curriculum, &longer), inconsistent);
            // A state of 100 MB of zeros, which is no state, in some kilobytes.
            let bomb = zstd::bulk::compress(&vec![0; 100 << 20], 19).unwrap();
            let bomb = sealed(&[&small[..80], &bomb].concat(), |bytes| {
                let stored = bytes.len() as u64 - 80;
                bytes[16..24].copy_from_slice(&stored.to_le_bytes());
            });
            assert_eq!(refused(&mut curriculum, &bomb), inconsistent);
        }
    }

    #[test]
    fn foreign() {
        let (_, bytes) = used();
        assert!(matches!(refused(&mut build(1, 11), &bytes), SnapshotError::Dataset { .. }));
        assert!(matches!(refused(&mut build(2, 10), &bytes), SnapshotError::Configuration { .. }));
        assert!(matches!(
            refused(&mut build(1, 10), b"PK\x03\x04 a zip file"),
            SnapshotError::NotASnapshot
        ));
        assert!(build(1, 10).restore_bytes(&bytes).is_ok());
        let mut hotter = Curriculum::builder(10)
            .arms(2, |sample| (sample.0 % 2) as u32)
            .policy(Boltzmann::new().temperature(0.2))
            .signal(MeanAdvantage)
            .fingerprint(curricle::fingerprint((0..10u64).map(u64::to_le_bytes)))
            .seed(1)
            .build()
            .unwrap();
        let error = hotter.restore_bytes(&bytes);
        assert!(matches!(error, Err(Error::Snapshot(SnapshotError::Configuration { .. }))));
    }

    /// Content that contradicts itself under a right checksum.
    #[test]
    fn forged() {
        let (mut curriculum, bytes) = used();
        let mut refusals = 0;
        for position in 64..bytes.len() {
            let forged = sealed(&bytes, |bytes| bytes[position] ^= 0x15);
            let before = curriculum.to_bytes().unwrap();
            match curriculum.restore_bytes(&forged) {
                // Some numbers may be anything: a success rate, a value of the policy.
                Ok(()) => {
                    // Whatever was accepted must not make a draw panic.
                    let _ = curriculum.draw(3);
                    curriculum.restore_bytes(&bytes).unwrap();
                }
                Err(Error::Snapshot(SnapshotError::Inconsistent(_))) => {
                    refusals += 1;
                    assert!(before == curriculum.to_bytes().unwrap());
                }
                Err(other) => panic!("byte {position}: {other}"),
            }
        }
        assert!(refusals > 50, "{refusals}");
    }

    /// A file that is mapped gives what its bytes give.
    #[test]
    fn mapped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curriculum.snapshot");
        let build =
            || Curriculum::builder(100_000).arms(7, |sample| (sample.0 % 7) as u32).build().unwrap();
        let mut curriculum = build();
        for _ in 0..3 {
            let batch = curriculum.draw(100).unwrap();
            curriculum.lose(&batch.draws.iter().map(|draw| draw.ticket).collect::<Vec<_>>()).unwrap();
        }
        curriculum.save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.len() > 1 << 20);
        let (mut mapped, mut read) = (build(), build());
        mapped.restore(&path).unwrap();
        read.restore_bytes(&bytes).unwrap();
        assert!(mapped.to_bytes().unwrap() == bytes);
        assert!(read.to_bytes().unwrap() == bytes);
        assert!(build().restored(&path).unwrap().to_bytes().unwrap() == bytes);
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(matches!(mapped.restore(&path), Err(Error::Snapshot(SnapshotError::Size { .. }))));
        assert!(build().restored(&path).is_err());
        assert!(mapped.to_bytes().unwrap() == bytes);
    }

    #[test]
    fn files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curriculum.snapshot");
        let (mut curriculum, bytes) = used();
        curriculum.save(&path).unwrap();
        assert!(std::fs::read(&path).unwrap() == bytes);
        // A failing save leaves the good file, and no other, behind.
        let nowhere = folder.path().join("missing/curriculum.snapshot");
        assert!(matches!(curriculum.save(&nowhere), Err(Error::Io { path, .. }) if path == nowhere));
        assert!(matches!(curriculum.restore(&nowhere), Err(Error::Io { .. })));
        curriculum.draw(2).unwrap();
        curriculum.save(&path).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let mut restored = build(1, 10);
        restored.restore(&path).unwrap();
        assert!(restored.to_bytes().unwrap() == curriculum.to_bytes().unwrap());
    }
}
