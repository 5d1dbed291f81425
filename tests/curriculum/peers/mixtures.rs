//! Mixtures that are changed, counted in tokens, and extended.

use std::collections::BTreeSet;

use curricle::policy::{Boltzmann, Fixed, Mixture, Unit};
use curricle::sampler::{Passes, Systematic};
use curricle::{ArmId, Batch, Curriculum, Error, Missing, Outcome, SampleId, SnapshotError};

use super::{all_of, resumed, rng, samples, seen};

fn of_arm(batch: &Batch, arm: u32) -> usize {
    batch.draws.iter().filter(|draw| draw.arm.0 == arm).count()
}

/// Megatron-LM: the weights of a mixture cannot be changed from a checkpoint on without losing or repeating samples.
#[test]
fn t8_a_mixture_changes_in_mid_run() {
    let build = |weights: [f64; 2]| {
        let builder = Curriculum::builder(4000).arms(2, |sample| (sample.0 % 2) as u32).sampler(Passes);
        let policy = Fixed::weights(weights.to_vec());
        builder.policy(policy).missing(Missing::Lose).seed(7).build().unwrap()
    };
    let mut curriculum = build([1.0, 1.0]);
    let mut drawn = BTreeSet::new();
    let mut take = |batch: &Batch| samples(batch).into_iter().for_each(|it| assert!(drawn.insert(it)));
    for _ in 0..8 {
        let batch = curriculum.draw(100).unwrap();
        assert_eq!(of_arm(&batch, 0), 50);
        take(&batch);
    }
    // Another configuration is not taken for this one by mistake.
    let bytes = curriculum.to_bytes().unwrap();
    let refused = build([2.0, 1.0]).restore_bytes(&bytes);
    assert!(
        matches!(refused, Err(Error::Snapshot(SnapshotError::Configuration { .. }))),
        "{refused:?}"
    );
    let mut curriculum = resumed(&curriculum, build([1.0, 1.0]));
    curriculum.set_mixture(&[2.0, 1.0]).unwrap();
    for round in 8..16 {
        let batch = curriculum.draw(99).unwrap();
        assert_eq!((of_arm(&batch, 0), batch.round.0), (66, round));
        take(&batch);
        curriculum = resumed(&curriculum, build([1.0, 1.0]));
    }
    let counts = curriculum.counts();
    assert_eq!((counts.drawn, drawn.len()), (8 * 100 + 8 * 99, 8 * 100 + 8 * 99));
}

/// torchtitan, slime: tables of the shares of each source by training step.
#[test]
fn t8_a_mixture_follows_a_table() {
    let table = vec![(0, vec![0.8, 0.1, 0.1]), (1000, vec![0.3, 0.35, 0.35])];
    let builder = Curriculum::builder(3000).arms(3, |sample| (sample.0 % 3) as u32);
    let builder = builder.policy(Mixture::table(table)).sampler(Systematic);
    let mut curriculum = builder.build().unwrap();
    for round in 0..1200 {
        let batch = curriculum.draw(20).unwrap();
        let expected = if round < 1000 { [16, 2, 2] } else { [6, 7, 7] };
        assert_eq!([0, 1, 2].map(|arm| of_arm(&batch, arm)), expected, "round {round}");
        curriculum.observe(&all_of(&batch)).unwrap();
    }
}

/// gradient-garden, AReNo: shares of documents are not shares of tokens, and a batch of so many documents may be of any size.
#[test]
fn t9_shares_and_batches_are_counted_in_tokens() {
    let builder = || Curriculum::builder(2000).arms(2, |sample| (sample.0 % 2) as u32);
    let cost = |arm: u32| if arm == 0 { 100.0 } else { 1000.0 };
    let policy = Mixture::new(vec![1.0, 1.0]).unit(Unit::Cost);
    let mut curriculum = builder().policy(policy).sampler(Systematic).build().unwrap();
    let mut counts = [0.0; 2];
    for _ in 0..300 {
        let batch = curriculum.draw(22).unwrap();
        (0..2).for_each(|arm| counts[arm] += of_arm(&batch, arm as u32) as f64);
        let report = seen(&batch, |draw| Outcome::default().success(0.5).cost(cost(draw.arm.0) as f32));
        curriculum.observe(&report).unwrap();
    }
    assert!((counts[0] / counts[1] / 10.0 - 1.0).abs() < 0.02, "{counts:?}");
    curriculum.fold().unwrap();
    let share = curriculum.metrics().get("arm/0/cost_share").unwrap();
    assert!((share - 0.5).abs() < 0.005, "{share}");

    // At most 32 768 tokens a batch: never more, seldom less than the next one would take, and the long ones not left out.
    let mut random = rng(8);
    let lengths: Vec<f64> = (0..2000).map(|_| 16.0 + random.below(4081) as f64).collect();
    let builder = builder().sampler(Passes).costs(lengths.clone()).missing(Missing::Lose);
    let mut curriculum = builder.build().unwrap();
    let (mut drawn, mut whole) = (Vec::new(), 0.0);
    while drawn.len() < 1900 {
        let batch = curriculum.draw_within(32_768.0).unwrap();
        let tokens: f64 = batch.samples().map(|sample| lengths[sample.index()]).sum();
        assert!(tokens <= 32_768.0 && tokens > 32_768.0 - 4097.0, "{tokens}");
        drawn.extend(samples(&batch));
        whole += tokens;
    }
    assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), drawn.len(), "none twice");
    let mean = whole / drawn.len() as f64 / (lengths.iter().sum::<f64>() / 2000.0);
    assert!((mean - 1.0).abs() < 0.01, "{mean}");
}

/// mabwiser, metta: the number of tasks is fixed when a training begins.
#[test]
fn t11_a_task_can_be_added_while_training() {
    let build = || {
        let builder = Curriculum::builder(80).arms(4, |sample| (sample.0 / 20) as u32);
        builder.policy(Boltzmann::new()).sampler(Systematic).seed(6).build().unwrap()
    };
    let (mut grown, mut plain) = (build(), build());
    let report = |batch: &Batch| {
        let success = |arm: u32| if arm == 4 { 0.5 } else { 0.1 * arm as f32 };
        seen(batch, |draw| Outcome::default().success(success(draw.arm.0)).rollouts(8))
    };
    assert_eq!(grown.insert(ArmId(4), 1.0), Err(Error::UnknownArm(ArmId(4))));
    for round in 0..20 {
        // It makes no difference as long as there is nothing in it.
        if round == 10 {
            assert_eq!(grown.add_arm(), Ok(ArmId(4)));
        }
        let batch = plain.draw(8).unwrap();
        assert_eq!(samples(&grown.draw(8).unwrap()), samples(&batch), "round {round}");
        plain.observe(&report(&batch)).unwrap();
        grown.observe(&report(&batch)).unwrap();
    }
    grown.fold().unwrap();
    let learned = grown.policy().values()[..4].to_vec();
    let added: Vec<SampleId> = (0..20).map(|_| grown.insert(ArmId(4), 1.0).unwrap()).collect();
    assert_eq!(added, (80..100).map(SampleId).collect::<Vec<_>>());
    let batch = grown.draw(8).unwrap();
    assert!(of_arm(&batch, 4) > 0, "it is tried at once");
    assert_eq!(grown.policy().values()[..4], learned, "what was known of the others stays");
    grown.observe(&report(&batch)).unwrap();
    let mut grown = resumed(&grown, build());
    for _ in 0..30 {
        let batch = grown.draw(8).unwrap();
        grown.observe(&report(&batch)).unwrap();
    }
    assert!(grown.shares()[4] > 0.4, "{:?}", grown.shares());
}
