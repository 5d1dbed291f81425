//! Loss weights: their closed form, and that they undo the selection.

use curricle::policy::{Fixed, Gaussian, MeanRule, Spread};
use curricle::sampler::{Any, Distinct, Replace};
use curricle::signal::Utility;
use curricle::{Batch, Curriculum, Feedback, Missing, Outcome, Round, Schedule};

const SAMPLERS: [Any; 4] = [Any::Replace, Any::Distinct, Any::Systematic, Any::Top];

/// Three arms of 4, 8 and 12 samples of uneven weights, drawn as 6 to 3 to 1.
fn builder() -> curricle::Builder<Fixed> {
    let labels: Vec<u32> =
        (0..24).map(|sample| u32::from(sample >= 4) + u32::from(sample >= 12)).collect();
    Curriculum::builder(24)
        .labels(&labels)
        .weights((0..24).map(|sample| 1.0 + f64::from(sample % 5)).collect())
        .policy(Fixed::weights(vec![6.0, 3.0, 1.0]))
        .missing(Missing::Lose)
        .seed(8)
}

/// `(q_min / q)^beta` of the propensities that are reported beside the weights.
fn check(batch: &Batch, beta: f64, what: &str) {
    let least = batch.draws.iter().map(|draw| draw.propensity).fold(f64::INFINITY, f64::min);
    for draw in &batch.draws {
        let expected = libm::pow(least / draw.propensity, beta);
        let found = f64::from(draw.loss_weight);
        assert!((found / expected - 1.0).abs() < 1e-6, "{what}: {found}, expected {expected}");
    }
    let greatest = batch.draws.iter().map(|draw| draw.loss_weight).fold(0.0, f32::max);
    assert_eq!(greatest, 1.0, "{what}");
}

#[test]
fn weights_are_those_of_the_reported_propensities() {
    for sampler in SAMPLERS {
        for beta in [0.0, 0.5, 1.0] {
            let mut curriculum = builder().sampler(sampler).importance(beta).build().unwrap();
            let mut differ = false;
            for round in 0..20 {
                let batch = curriculum.draw(6).unwrap();
                check(&batch, beta, &format!("{sampler:?}, beta {beta}, round {round}"));
                differ |= batch.draws.iter().any(|draw| draw.loss_weight != 1.0);
            }
            // A test of weights that are all 1 would be none.
            assert_eq!(differ, beta > 0.0 && sampler != Any::Top, "{sampler:?}, beta {beta}");
        }
        let rising = Schedule::Linear { from: 0.0, to: 1.0, rounds: 10 };
        let mut curriculum = builder().sampler(sampler).importance(rising).build().unwrap();
        for round in 0..15 {
            let batch = curriculum.draw(6).unwrap();
            assert_eq!(batch.round, Round(round));
            check(&batch, (round as f64 / 10.0).min(1.0), &format!("{sampler:?}, round {round}"));
        }
    }
}

#[test]
fn weights_over_ranks_and_over_many_arms() {
    for sampler in [Any::Replace, Any::Distinct] {
        // The second spread is so small that probabilities of ranks become 0.
        for sd in [3.0, 0.05] {
            let policy = Gaussian::new(MeanRule::paper(4.0), Spread::Ranks(sd)).start(10.0);
            let builder = Curriculum::builder(40).policy(policy).signal(Utility).sampler(sampler);
            let mut curriculum = builder.importance(0.5).missing(Missing::Lose).build().unwrap();
            for _ in 0..20 {
                let batch = curriculum.draw(8).unwrap();
                if sd > 1.0 {
                    check(&batch, 0.5, "ranks");
                }
                let weights = batch.draws.iter().map(|draw| draw.loss_weight);
                assert!(weights.clone().all(|weight| (0.0..=1.0).contains(&weight)), "{batch:?}");
                assert_eq!(weights.fold(0.0, f32::max), 1.0);
            }
        }
    }
    for sampler in [Any::Replace, Any::Distinct, Any::Systematic] {
        let mut curriculum = Curriculum::builder(4000)
            .arms(2000, |sample| (sample.0 / 2) as u32)
            .policy(curricle::policy::Boltzmann::new())
            .sampler(sampler)
            .importance(1.0)
            .build()
            .unwrap();
        for round in 0..10 {
            let batch = curriculum.draw(64).unwrap();
            check(&batch, 1.0, &format!("many arms, {sampler:?}, round {round}"));
            let outcome =
                |arm: u32| Outcome::default().success(if arm.is_multiple_of(3) { 0.5 } else { 0.0 });
            let draws = batch.draws.iter();
            let feedback: Vec<Feedback> =
                draws.map(|draw| Feedback::new(draw.ticket, outcome(draw.arm.0))).collect();
            curriculum.observe(&feedback).unwrap();
        }
    }
}

/// With beta 1 the weighted mean of a batch, over the sum of its weights, estimates the mean over all
/// samples, whatever the selection: the factor `q_min` drops out. Independent draws, batches of 64,
/// 2000 of them: the estimate of a ratio has a bias of the order of 1 / 64 of its variance, the
/// standard error is far below the distance to the mean that no weights give.
#[test]
fn full_correction_undoes_the_selection() {
    let value = |sample: u64| if sample < 4 { 1.0 } else { 0.25 * (sample % 3) as f64 };
    let truth = (0..24).map(value).sum::<f64>() / 24.0;
    let mean = |beta: f64| {
        let mut curriculum = builder().sampler(Replace).importance(beta).build().unwrap();
        let (mut sum, mut weights) = (0.0, 0.0);
        for _ in 0..2000 {
            let batch = curriculum.draw(64).unwrap();
            // One factor for all batches: that of the least propensity there is.
            let least = batch.draws.iter().map(|draw| draw.propensity).fold(f64::INFINITY, f64::min);
            for draw in &batch.draws {
                let weight = f64::from(draw.loss_weight) / libm::pow(least, beta);
                sum += weight * value(draw.sample.0);
                weights += weight;
            }
        }
        (sum / weights, weights / (2000.0 * 64.0))
    };
    let (corrected, factor) = mean(1.0);
    assert!((corrected - truth).abs() < 0.01, "{corrected}, the mean is {truth}");
    // The mean of 1 / q is the number of samples.
    assert!((factor / 24.0 - 1.0).abs() < 0.02, "{factor}");
    let (plain, _) = mean(0.0);
    let (half, _) = mean(0.5);
    assert!((plain - truth).abs() > 0.3, "{plain}, the mean is {truth}");
    // Half of it lies in between.
    assert!(truth + 0.05 < half && half < plain - 0.05, "{truth} {half} {plain}");
}

#[test]
fn the_default_is_no_correction() {
    let mut curriculum = builder().sampler(Distinct).build().unwrap();
    for _ in 0..10 {
        assert!(curriculum.draw(6).unwrap().draws.iter().all(|draw| draw.loss_weight == 1.0));
    }
}
