//! What holds for every policy that learns from the teaching of the model: it is reproducible,
//! survives a kill, keeps away from arms that are closed, and takes any state without a panic.

mod common;

use common::outcome;
use curricle::policy::{
    AbsoluteProgress, Difficulty, Dump, EasyToHard, Estimate, LevelReplay, OnlineMixing, Pac, Policy,
    Posterior, Prior, ScalingLaw, Teacher, TeacherStudent,
};
use curricle::sampler::Systematic;
use curricle::signal::GroupSpread;
use curricle::{Batch, Builder, Curriculum, Feedback};

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

/// Changes each byte and makes the checksum right again: whatever is accepted must go on, or fail
/// with an error.
fn forge<P: Policy>(policy: P, bytes: &[u8]) {
    let mut curriculum = builder(policy).build().unwrap();
    for position in 64..bytes.len() {
        for change in [0x15, 0xff] {
            let mut forged = bytes.to_vec();
            forged[position] ^= change;
            let content = [&forged[..24], &forged[32..]].concat();
            let checksum = xxhash_rust::xxh3::xxh3_64(&content);
            forged[24..32].copy_from_slice(&checksum.to_le_bytes());
            if curriculum.restore_bytes(&forged).is_ok() {
                let _ = curriculum.draw(3);
            }
        }
    }
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
