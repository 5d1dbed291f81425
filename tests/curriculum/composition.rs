//! A bandit over categories, a belief inside them, a score that is known beforehand and an uncertainty that changes: each
//! is a factor of whom a slot gets, and each can be left out.

use crate::common;
use curricle::policy::Fixed;
use curricle::sampler::Replace;
use curricle::table::{Column, Provenance, Table};
use curricle::{Belief, Curriculum, Error, Feedback, Outcome, SampleId, Weighting};

const SAMPLES: usize = 12;

fn scores() -> Table {
    let of = |row: usize| (row * 7 % SAMPLES) as f64;
    Table::new(Provenance::default(), (0..SAMPLES as u64).collect())
        .unwrap()
        .column("angle", Column::Number((0..SAMPLES).map(|row| Some(of(row))).collect()))
        .unwrap()
        .column("length", Column::Count((0..SAMPLES as u64).map(|row| 10 + row % 3).collect()))
        .unwrap()
}

/// The chance of each sample, as its parts are stated and as the sampler draws.
fn chances(factors: &[(&str, f64)], weighting: Weighting, uncertainty: Option<f64>) -> Vec<f64> {
    let given = scores().weights(factors, SAMPLES as u64).unwrap();
    let mut curriculum = Curriculum::builder(SAMPLES)
        .arms(3, |sample| (sample.0 / 4) as u32)
        .policy(Fixed::weights(vec![1.0, 2.0, 5.0]))
        .weights(given.clone())
        .weighting(weighting)
        .sampler(Replace)
        .build()
        .unwrap();
    for _ in 0..8 {
        let batch = curriculum.draw(12).unwrap();
        let outcome = |sample: SampleId| {
            Outcome::default().success([0.0, 0.5, 1.0][sample.index() % 3]).rollouts(8)
        };
        let feedback: Vec<Feedback> =
            batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.sample))).collect();
        curriculum.observe(&feedback).unwrap();
        curriculum.fold().unwrap();
    }
    let mut given = given;
    if let Some(uncertainty) = uncertainty {
        given[5] *= uncertainty;
        curriculum.set_weight(SampleId(5), given[5]).unwrap();
    }
    let all: Vec<_> =
        (0..SAMPLES as u64).map(|sample| curriculum.explain(SampleId(sample)).unwrap()).collect();
    // The chance of a useful group in that of an unseen sample, as it was when the sample last reported: since then the
    // prior of its arm has moved a little.
    let by_belief = |sample: usize| {
        let believed = all[sample].belief.unwrap();
        assert!((believed.given - given[sample]).abs() < 1e-6);
        let factor = all[sample].weight / given[sample];
        let now = (believed.useful / believed.useful_unseen).clamp(0.05, 32.0);
        let off = factor / now;
        // What has not moved in many reports counts as a coin toss, and for less.
        let is_as_believed = believed.is_stuck || (0.4..2.5).contains(&off);
        assert!(is_as_believed, "{sample}: {factor} where {now} is believed");
        assert!(believed.reports > 0 || (factor - 1.0).abs() < 1e-6);
        factor
    };
    let is_believed = !matches!(weighting, Weighting::Given);
    let weight = |sample: usize| given[sample] * if is_believed { by_belief(sample) } else { 1.0 };
    for (sample, explained) in all.iter().enumerate() {
        let arm = sample / 4;
        let whole: f64 = (4 * arm..4 * arm + 4).map(weight).sum();
        let share = [0.125, 0.25, 0.625][arm];
        let chance = share * weight(sample) / whole;
        assert!((explained.next_share.unwrap() - share).abs() < 1e-12);
        assert!((explained.first_slot.unwrap() - chance).abs() < 1e-6, "{sample}: {explained}");
    }
    // What is explained is what is drawn.
    let batch = curriculum.draw(200).unwrap();
    for draw in &batch.draws {
        let explained = all[draw.sample.index()].first_slot.unwrap();
        assert!((draw.propensity - explained).abs() < 1e-9);
    }
    all.iter().map(|explained| explained.first_slot.unwrap()).collect()
}

#[test]
fn each_part_is_a_factor() {
    let both = [("angle", 1.0), ("length", -1.0)];
    let belief = Weighting::Belief(Belief::new());
    let whole = chances(&both, belief, Some(0.25));
    assert!((whole.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    for other in [
        chances(&both, belief, None),
        chances(&both, Weighting::Given, Some(0.25)),
        chances(&both[..1], belief, Some(0.25)),
        chances(&both[1..], belief, Some(0.25)),
    ] {
        assert!(whole.iter().zip(&other).any(|(a, b)| (a - b).abs() > 1e-3), "{whole:?}");
    }
    // An exponent of 0 is a column that is left out.
    let without = chances(&[("angle", 1.0), ("length", 0.0)], belief, None);
    assert_eq!(without, chances(&both[..1], belief, None));
    // Nothing is said beforehand: all are alike within their arm.
    let plain = chances(&[], Weighting::Given, None);
    assert!(
        plain
            .iter()
            .enumerate()
            .all(|(sample, x)| { (x - [0.125, 0.25, 0.625][sample / 4] / 4.0).abs() < 1e-9 })
    );
}

#[test]
fn columns_are_checked() {
    let wrong = |factors: &[(&str, f64)], samples| scores().weights(factors, samples).unwrap_err();
    assert!(wrong(&[("angel", 1.0)], 12).to_string().contains("angel"));
    assert!(matches!(wrong(&[("angle", f64::NAN)], 12), Error::OutOfRange { .. }));
    assert!(wrong(&[("angle", 1.0)], 13).to_string().contains("12"));
    assert!(wrong(&[("angle", 1.0)], 11).to_string().contains("11"));
    let gap = Table::new(Provenance::default(), vec![0, 1])
        .unwrap()
        .column("angle", Column::Number(vec![Some(1.0), None]))
        .unwrap();
    assert!(gap.weights(&[("angle", 1.0)], 2).unwrap_err().to_string().contains("angle"));
    // What scores worst by everything can still be drawn.
    let rows = 100_000u64;
    let column = Column::Count((0..rows).collect());
    let many =
        Table::new(Provenance::default(), (0..rows).collect()).unwrap().column("x", column).unwrap();
    let weights = many.weights(&[("x", 16.0)], rows).unwrap();
    assert!(weights[0] == 1.0 / 1_048_576.0 && weights.is_sorted() && weights[99_999] == 1.0);
    // What tells nothing takes nothing away.
    let flat = Column::Flag(vec![true; rows as usize]);
    let many = many.column("flat", flat).unwrap();
    let beside = many.weights(&[("x", 16.0), ("flat", 16.0), ("flat", -16.0)], rows).unwrap();
    assert!(beside.iter().zip(&weights).all(|(a, b)| (a - b).abs() < 1e-9));
    assert!(gap.weights(&[("angle", 0.0)], 2) == Ok(vec![1.0; 2]));
    assert_eq!(Table::new(Provenance::default(), vec![]).unwrap().weights(&[], 0), Ok(vec![]));
}

/// What a training is for, by samples, is the target of the policy by arms.
#[test]
fn a_target_by_sample_is_one_by_arm() {
    let base = || Curriculum::builder(6).arms(3, |sample| (sample.0 / 2) as u32).post_training();
    let mut by_sample = base().target_by_sample(vec![0.0, 1.0, 2.0, 3.0, 0.0, 4.0]).build().unwrap();
    by_sample.draw(4).unwrap();
    let shares = by_sample.shares();
    assert!(shares.iter().zip([0.1, 0.5, 0.4]).all(|(a, b)| (a - b).abs() < 1e-12), "{shares:?}");
    // It is a part of what a snapshot belongs to.
    let bytes = by_sample.to_bytes().unwrap();
    let same = base().target_by_sample(vec![0.0, 1.0, 2.0, 3.0, 0.0, 4.0]);
    assert_eq!(same.build().unwrap().restore_bytes(&bytes), Ok(()));
    assert!(base().build().unwrap().restore_bytes(&bytes).is_err());
    let wrong = |weights: Vec<f64>| base().target_by_sample(weights).build().unwrap_err();
    assert!(matches!(wrong(vec![1.0; 5]), Error::Length { .. }));
    assert!(matches!(
        wrong(vec![1.0, 1.0, 1.0, 1.0, 1.0, f64::NAN]),
        Error::NonFinite { index: 5, .. }
    ));
    assert!(matches!(wrong(vec![-1.0; 6]), Error::OutOfRange { .. }));
    assert_eq!(wrong(vec![0.0; 6]), Error::NothingToDraw);
    let none = Curriculum::builder(6).target_by_sample(vec![1.0; 6]).build().unwrap_err();
    assert!(matches!(none, Error::Unsupported { .. }));
}

/// A mixture says that it has not moved yet, and so does the default.
#[test]
fn what_has_not_adapted_says_so() {
    let base = || Curriculum::builder(60).arms(3, |sample| (sample.0 / 20) as u32);
    let mut mixture = base().mixture().build().unwrap();
    let mut default = base().post_training().build().unwrap();
    let is_adapted = |metrics: curricle::Metrics| metrics.get("policy/is_adapted") == Some(1.0);
    let note = "has not adapted";
    for round in 0..60 {
        assert_eq!(is_adapted(mixture.metrics()), round > 50, "{round}");
        assert_eq!(mixture.explain(SampleId(0)).unwrap().to_string().contains(note), round <= 50);
        let report = |batch: &curricle::Batch, outcome: Outcome| -> Vec<Feedback> {
            batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome)).collect()
        };
        let batch = mixture.draw(8).unwrap();
        let outcome = Outcome::default().loss(3.0 - round as f32 / 60.0);
        mixture.observe(&report(&batch, outcome)).unwrap();
        assert_eq!(is_adapted(default.metrics()), round > 21, "{round}");
        let batch = default.draw(8).unwrap();
        // All groups are alike at first.
        let advantage = if round < 20 { 0.0 } else { 0.5 };
        let outcome = Outcome::default().success(0.5).abs_advantage(advantage).rollouts(8);
        default.observe(&report(&batch, outcome)).unwrap();
    }
}

/// A policy that says it waits decides as at the start, whatever has come back.
#[test]
fn who_waits_does_not_move() {
    let mut waited = 0;
    for (name, policy) in common::policies::plain(4) {
        let builder = Curriculum::builder(80).arms(4, |sample| (sample.0 / 20) as u32).seed(3);
        let mut curriculum = builder.policy(policy).build().unwrap();
        let mut first: Option<Vec<f64>> = None;
        for round in 0..60u64 {
            curriculum.fold().unwrap();
            let is_adapted = curriculum.metrics().get("policy/is_adapted") == Some(1.0);
            let batch = curriculum.draw(8).unwrap();
            let shares = curriculum.shares();
            if !is_adapted && !shares.is_empty() {
                waited += 1;
                let first = first.get_or_insert_with(|| shares.clone());
                let same = first.iter().zip(&shares).all(|(a, b)| (a - b).abs() < 1e-12);
                assert!(same, "{name}, {round}: {first:?} {shares:?}");
            }
            let feedback: Vec<Feedback> = batch
                .draws
                .iter()
                .map(|draw| Feedback::new(draw.ticket, common::outcome(draw.ticket.0)))
                .collect();
            curriculum.observe(&feedback).unwrap();
        }
    }
    assert!(waited > 10, "{waited}");
    // One arm has reported, without any signal: the other has more from now on, and nobody says that it waits.
    let builder = Curriculum::builder(40).labels(&[[0; 20], [1; 20]].concat()).seed(1);
    let mut default = builder.post_training().build().unwrap();
    let batch = default.draw(1).unwrap();
    let none = Outcome::default().success(0.0).abs_advantage(0.0).rollouts(8);
    default.observe(&[Feedback::new(batch.draws[0].ticket, none)]).unwrap();
    default.draw(1).unwrap();
    assert!((default.shares()[0] - 0.5).abs() > 0.1, "{:?}", default.shares());
    assert_eq!(default.metrics().get("policy/is_adapted"), Some(1.0));
}
