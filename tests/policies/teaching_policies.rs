//! What holds for every policy that learns from the teaching of the model: it is reproducible,
//! survives a kill, keeps away from arms that are closed, and takes any state without a panic.

use crate::common::{outcome, policies, sealed};
use curricle::policy::{
    AbsoluteProgress, Advance, Any, Belief, Between, Boltzmann, Bound, Bounded, Clock, ColdStart,
    Detector, Difficulty, Dump, EasyToHard, Estimate, Exp3, Forgetting, GaussianProcess, Guarded,
    Kalman, LevelReplay, Mastered, Mixture, OnlineMixing, Pac, PerCost, Policy, Posterior, Prior,
    Range, Rehearsed, Rescaled, Restart, ScalingLaw, Scope, Similarity, Staged, Teacher,
    TeacherStudent, Thompson, Tilt, Ucb, Unit,
};
use curricle::sampler::Systematic;
use curricle::signal::GroupSpread;
use curricle::{ArmId, Batch, Builder, Curriculum, Error, Feedback, SnapshotError};

type Parts<P> = Curriculum<P, GroupSpread, Systematic>;

/// Twelve arms of three samples. Arm 2 has no weight, arm 5 has no sample.
fn builder<P: Policy>(policy: P) -> Builder<P, GroupSpread, Systematic> {
    let arm = |sample: u64| if sample % 12 == 5 { 6 } else { (sample % 12) as u32 };
    let weights = (0..36).map(|sample| if sample % 12 == 2 { 0.0 } else { 1.0 }).collect();
    Curriculum::builder(36)
        .arms(12, move |sample| arm(sample.0))
        .weights(weights)
        .policy(policy)
        .sampler(Systematic)
        .lag(1)
        .seed(23)
}

fn round<P: Policy>(curriculum: &mut Parts<P>) -> Batch {
    let batch = curriculum.draw(8).unwrap();
    let feedback: Vec<Feedback> =
        batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0))).collect();
    curriculum.observe(&feedback).unwrap();
    batch
}

fn check<P: Policy>(policy: P) {
    let mut straight = builder(policy.clone()).build().unwrap();
    let mut killed = builder(policy.clone()).build().unwrap();
    for _ in 0..80 {
        let batch = round(&mut straight);
        assert_eq!(batch, round(&mut killed));
        assert!(batch.draws.iter().all(|draw| ![2, 5].contains(&draw.arm.0)), "{batch:?}");
        let shares = straight.shares();
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let bytes = killed.to_bytes().unwrap();
        killed = builder(policy.clone()).build().unwrap();
        killed.restore_bytes(&bytes).unwrap();
        assert!(killed.to_bytes().unwrap() == bytes);
    }
    assert_eq!(straight.digest(), killed.digest());
    forge(policy, &straight.to_bytes().unwrap());
}

/// Changes each byte of the state and makes the checksum right again: whatever is accepted must go
/// on, or fail with an error, and what is refused leaves the curriculum as it was.
fn forge<P: Policy>(policy: P, bytes: &[u8]) {
    let mut curriculum = builder(policy).build().unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for position in 80..bytes.len() {
        for change in [0x15, 0xff] {
            let forged = sealed(bytes, |bytes| bytes[position] ^= change);
            let before = curriculum.to_bytes().unwrap();
            match curriculum.restore_bytes(&forged) {
                Ok(()) => {
                    accepted += 1;
                    for _ in 0..3 {
                        let Ok(batch) = curriculum.draw(3) else { break };
                        let feedback = batch.draws.iter();
                        let feedback: Vec<Feedback> = feedback
                            .map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0)))
                            .collect();
                        let _ = curriculum.observe(&feedback);
                        let open = curriculum.unfinished();
                        let open = open.iter().flat_map(|batch| &batch.draws);
                        let open: Vec<_> = open.map(|draw| draw.ticket).collect();
                        let _ = curriculum.lose(&open);
                    }
                    curriculum.restore_bytes(bytes).unwrap();
                }
                Err(Error::Snapshot(SnapshotError::Inconsistent(_))) => {
                    refused += 1;
                    assert!(curriculum.to_bytes().unwrap() == before);
                }
                Err(other) => panic!("byte {position}: {other}"),
            }
        }
    }
    assert!(accepted > 50 && refused > 50, "{accepted} accepted, {refused} refused");
}

#[test]
fn teacher_student() {
    check(TeacherStudent::new());
    check(TeacherStudent::online().teacher(Teacher::Online { alpha: 0.5 }));
}

#[test]
fn absolute_progress() {
    check(AbsoluteProgress::new());
    check(AbsoluteProgress::bidirectional());
}

#[test]
fn tilt() {
    check(Tilt::new().temperature(0.5).enough(0.6).floor(0.1).target(Prior::Uniform));
    check(Tilt::new().trusting());
}

#[test]
fn level_replay() {
    check(LevelReplay::new());
}

#[test]
fn posterior() {
    check(Posterior::new());
    check(Posterior::new().band(0.3, 0.7));
}

#[test]
fn difficulty() {
    check(Difficulty::new((0..12).map(|arm| f64::from(arm * 9)).collect()));
}

#[test]
fn easy_to_hard() {
    check(EasyToHard::cosine(60));
    check(EasyToHard::gaussian(60));
}

#[test]
fn online_mixing() {
    check(OnlineMixing::new().warm_up(10));
    check(OnlineMixing::new().warm_up(0).estimate(Estimate::Smoothed(0.9)));
}

#[test]
fn scaling_law() {
    check(ScalingLaw::new().refit(10));
    check(ScalingLaw::new().refit(7).prior(Prior::Uniform).least(0.5));
}

#[test]
fn advantage_ucb() {
    check(Dump::new());
    check(Dump::new().window(5));
}

#[test]
fn pac() {
    check(Pac::new().cold(5));
}

#[test]
fn boltzmann() {
    check(Boltzmann::new());
    check(Boltzmann::new().temperature(0.5));
}

#[test]
fn mixture() {
    check(Mixture::new(vec![1.0; 12]));
    let table = vec![(3, vec![1.0; 12]), (40, (0..12).map(f64::from).collect())];
    let domains = (0..12).map(|arm| arm / 4).collect();
    check(
        Mixture::table(table)
            .between(Between::Lines)
            .clock(Clock::Cost)
            .unit(Unit::Cost)
            .domains(domains),
    );
}

#[test]
fn ucb() {
    for forgetting in
        [Forgetting::Never, Forgetting::PerRound(0.9), Forgetting::PerVisit(0.9), Forgetting::Window(5)]
    {
        check(Ucb::new(Bound::Hoeffding(0.5), forgetting));
    }
}

#[test]
fn thompson() {
    check(Thompson::new(thompson_belief(), Forgetting::Never));
    check(Thompson::new(thompson_belief(), Forgetting::Window(4)));
    check(Thompson::new(Belief::Gaussian { sd: 0.5, n0: 1.0, m0: 0.0 }, Forgetting::PerRound(0.9)));
}

fn thompson_belief() -> Belief {
    Belief::Beta { a: 1.0, b: 1.0 }
}

#[test]
fn kalman() {
    check(Kalman::new(0.01));
}

#[test]
fn gaussian_process() {
    let points = (0..12).map(|arm| vec![f64::from(arm)]).collect();
    check(GaussianProcess::new(Similarity::Points { points, scale: 1.5 }));
}

#[test]
fn exp3() {
    check(Exp3::graves());
    check(Exp3::auer(12, 200, 2));
    check(Exp3::implicit_exploration(12, 200, 2).restart(30));
}

#[test]
fn staged() {
    check(Staged::new(stages(), Advance::Mastery(0.4)).review(0.3));
    check(Staged::new(stages(), Advance::Rounds(20)).review(0.3));
}

fn stages() -> Vec<Vec<ArmId>> {
    [0..4, 4..8, 8..12].into_iter().map(|arms| arms.map(ArmId).collect()).collect()
}

#[test]
fn around_another() {
    let ucb = || Ucb::new(Bound::Hoeffding(0.5), Forgetting::PerRound(0.9));
    check(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Weights(vec![1.0; 12])));
    check(ColdStart::new(ucb(), 4));
    check(Guarded::new(Tilt::new()));
    check(Mastered::new(Boltzmann::new(), 0.6));
    check(Rehearsed::new(Boltzmann::new()));
    check(PerCost::new(ucb()));
    check(Rescaled::new(ucb(), Range::Quantiles { low: 0.2, high: 0.8, visits: 9 }));
    check(
        Restart::new(ucb(), Detector::Glr { delta: 0.1, every: 2, grid: 2 }, Scope::Local).explore(0.1),
    );
    let cusum = Detector::Cusum { slack: 0.05, calibration: 4, threshold: 1.0 };
    check(Restart::new(ucb(), cusum, Scope::Global).explore(0.1));
    check(Any::from(Bounded::new(Any::from(PerCost::new(Any::from(ucb()))))));
}

#[test]
fn no_policy_is_left_out() {
    let source: String = include_str!("teaching_policies.rs").split_whitespace().collect();
    // Two that learn nothing, and one that draws from ranks (`gain_rl`).
    for name in
        policies::names().iter().filter(|name| !["Uniform", "Fixed", "Gaussian"].contains(&&***name))
    {
        assert!(source.contains(&format!("check({name}::")), "{name} is not checked");
    }
}
