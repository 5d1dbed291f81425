//! What a resume loses.

use curricle::policy::{Forgetting, Posterior, Thompson};
use curricle::preset::PostTraining;
use curricle::sampler::{Any, Passes, Sequential, Systematic};
use curricle::signal::GroupSpread;
use curricle::{ArmId, Batch, Curriculum, Feedback, Gate, Outcome, Refill, SampleId, Step, Ticket};

use super::{all_of, resumed, samples, seen};
use crate::common::{outcome, policies};

/// Trinity-RFT: a checkpoint has the position in the data but not the beliefs about its difficulty, so that a resume begins
/// again with the prior.
#[test]
fn p1_a_posterior_survives_a_resume() {
    let build = || {
        let each = Curriculum::builder(60).arms(60, |sample| sample.0 as u32);
        each.policy(Posterior::new()).sampler(Systematic).seed(4).build().unwrap()
    };
    let report = |batch: &Batch| {
        let rate = |sample: u64| [0.125, 0.5, 1.0][sample as usize % 3];
        seen(batch, |draw| Outcome::default().success(rate(draw.sample.0)).rollouts(8))
    };
    let mut straight = build();
    for _ in 0..20 {
        let batch = straight.draw(8).unwrap();
        straight.observe(&report(&batch)).unwrap();
    }
    straight.fold().unwrap();
    let mut again = resumed(&straight, build());
    let means = |curriculum: &Curriculum<Posterior, GroupSpread, Systematic>| -> Vec<f64> {
        (0..60).map(|arm| curriculum.policy().mean(ArmId(arm))).collect()
    };
    assert_eq!(means(&again), means(&straight));
    let is_known = |mean: &&f64| (**mean - 0.5).abs() > 0.1;
    assert!(means(&again).iter().filter(is_known).count() > 20, "something was learned");
    for _ in 0..20 {
        let batch = straight.draw(8).unwrap();
        assert_eq!(again.draw(8).unwrap(), batch);
        straight.observe(&report(&batch)).unwrap();
        again.observe(&report(&batch)).unwrap();
    }
    assert_eq!(again.digest(), straight.digest());
}

/// open-instruct: what was excluded in the course of an epoch is taken out of the present epoch by a resume, and out of the
/// next one without, so that a run that was stopped in the middle never sees a fifth of its data.
#[test]
fn p2_what_is_excluded_in_mid_pass_does_not_shift_a_resume() {
    let build = || Curriculum::builder(100).sampler(Passes).seed(9).build().unwrap();
    for stop in 0..16 {
        let (mut straight, mut killed) = (build(), build());
        let mut drawn = Vec::new();
        for at in 0..16 {
            if at == stop {
                killed = resumed(&killed, build());
            }
            let batch = straight.draw(10).unwrap();
            assert_eq!(killed.draw(10).unwrap(), batch, "stopped after {stop} batches, at {at}");
            drawn.extend(samples(&batch));
            // Four of each batch are solved, and rest for good.
            let solved: Vec<(SampleId, f64)> =
                batch.samples().take(4).map(|sample| (sample, 0.0)).collect();
            for curriculum in [&mut straight, &mut killed] {
                curriculum.observe(&all_of(&batch)).unwrap();
                curriculum.set_weights(&solved).unwrap();
            }
        }
        // The first pass has each of the hundred once, the second each of the sixty that are left.
        let (first, second) = drawn.split_at(100);
        let mut of_first = first.to_vec();
        of_first.sort_unstable();
        assert_eq!(of_first, (0..100).collect::<Vec<_>>());
        let is_left = |sample: &u64| {
            let place = first.iter().position(|it| it == sample).unwrap();
            place % 10 >= 4
        };
        let mut of_second = second.to_vec();
        of_second.sort_unstable();
        assert_eq!(of_second, (0..100).filter(is_left).collect::<Vec<_>>());
    }
}

/// DeepSpeed: the state of one generator is saved while another one draws.
#[test]
fn p3_the_generator_that_draws_is_the_one_that_is_saved() {
    for sampler in [Any::Distinct, Any::Replace, Any::Systematic, Any::Passes] {
        let build = |seed| {
            let builder = Curriculum::builder(90).arms(3, |sample| (sample.0 % 3) as u32);
            let policy = Thompson::beta(Forgetting::PerRound(0.9));
            builder.policy(policy).sampler(sampler).seed(seed).build().unwrap()
        };
        let mut straight = build(1);
        for round in 0..12 {
            let saved = straight.to_bytes().unwrap();
            let go_on = |curriculum: &mut Curriculum<Thompson, _, Any>| -> Vec<Batch> {
                let mut batches = Vec::new();
                for _ in 0..3 {
                    let batch = curriculum.draw(8).unwrap();
                    curriculum.observe(&all_of(&batch)).unwrap();
                    batches.push(batch);
                }
                batches
            };
            // In a process that has drawn nothing, in one that has drawn on, and in one that has drawn less.
            let mut ahead = straight.clone();
            let expected = go_on(&mut ahead);
            for mut other in [build(1), ahead, straight.clone()] {
                other.restore_bytes(&saved).unwrap();
                assert_eq!(go_on(&mut other), expected, "{sampler:?}, round {round}");
            }
            let batch = straight.draw(8).unwrap();
            straight.observe(&all_of(&batch)).unwrap();
        }
        assert_ne!(build(1).draw(8).unwrap(), build(2).draw(8).unwrap(), "chance is in it");
    }
}

/// slime: groups that are half done, and those that were put back for a later step, are not in the checkpoint.
#[test]
fn p4_surplus_and_open_groups_survive_a_restart() {
    let build = || {
        let refill = Refill::new().confidence(0.99);
        Curriculum::builder(200).gate(Gate::zero_signal()).refill(refill).seed(2).build().unwrap()
    };
    let mut straight = build();
    let Step::Draw(batch) = straight.step(8).unwrap() else { panic!("the first call draws") };
    let all = seen(&batch, |_| Outcome::default().success(0.5).rollouts(8));
    let (early, late) = all.split_at(all.len() / 2);
    assert!(early.len() > 8, "nothing is known yet, so that there is surplus: {}", early.len());
    straight.observe(early).unwrap();
    let mut again = resumed(&straight, build());
    let counts = again.counts();
    assert_eq!((counts.banked, counts.open), (early.len() as u64, late.len() as u64));
    let open: Vec<Ticket> =
        again.unfinished().iter().flat_map(|batch| &batch.draws).map(|draw| draw.ticket).collect();
    assert_eq!(open, late.iter().map(|one| one.ticket).collect::<Vec<_>>());
    for curriculum in [&mut straight, &mut again] {
        curriculum.observe(late).unwrap();
    }
    // Every group that was worked on comes to a step, once.
    let mut used = Vec::new();
    while let Step::Ready(useful) = again.step(8).unwrap() {
        assert_eq!(straight.step(8).unwrap(), Step::Ready(useful.clone()));
        used.extend(useful.iter().map(|it| it.draw.ticket.0));
    }
    assert_eq!(used, (0..all.len() as u64 / 8 * 8).collect::<Vec<_>>());
}

/// DataFlex, Syllabus, burn, NeMo-RL: mixers, curricula and loaders of which no state is saved at all.
#[test]
fn p5_every_policy_and_the_place_in_the_data_are_in_a_checkpoint() {
    let mut compared = 0;
    for (name, policy) in policies::pairs(4) {
        let build = || {
            let builder = Curriculum::builder(40).arms(4, |sample| (sample.0 % 4) as u32);
            builder.policy(policy.clone()).sampler(Passes).seed(5).build()
        };
        let Ok(mut straight) = build() else { continue };
        for _ in 0..7 {
            let batch = straight.draw(6).unwrap();
            straight.observe(&all_of(&batch)).unwrap();
        }
        let mut again = resumed(&straight, build().unwrap());
        for arm in (0..4).map(ArmId) {
            let left = |it: &Curriculum<_, _, Passes>| it.population().left_in_pass(arm);
            assert_eq!(left(&again), left(&straight), "{name}");
        }
        for _ in 0..6 {
            let batch = straight.draw(6).unwrap();
            assert_eq!(again.draw(6).unwrap(), batch, "{name}");
            straight.observe(&all_of(&batch)).unwrap();
            again.observe(&all_of(&batch)).unwrap();
        }
        assert_eq!(again.digest(), straight.digest(), "{name}");
        compared += 1;
    }
    assert!(compared > 150, "{compared}");
}

/// AReaL, torchdata: a resume asks for the same number of processes or workers, and their number is in the seeds.
#[test]
fn p6_a_resume_may_have_another_number_of_workers() {
    let build = || {
        let builder = Curriculum::builder(120).arms(4, |sample| (sample.0 % 4) as u32);
        builder.post_training().lag(1).seed(6).build().unwrap()
    };
    // Each has a curriculum of its own and trains on its part of the batch; all hear what all saw, the last one first.
    let round = |ranks: &mut Vec<PostTraining>| -> Batch {
        let world = ranks.len();
        let drawn: Vec<Batch> = ranks.iter_mut().map(|rank| rank.draw(10).unwrap()).collect();
        let mut gathered: Vec<Feedback> = Vec::new();
        for (rank, batch) in drawn.iter().enumerate().rev() {
            let part = batch.draws.iter().skip(rank).step_by(world);
            gathered.extend(part.map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0))));
            assert_eq!(batch, &drawn[0], "they agree without a word");
        }
        assert_eq!(gathered.len(), 10);
        ranks.iter_mut().for_each(|rank| _ = rank.observe(&gathered).unwrap());
        drawn[0].clone()
    };
    let mut alone = vec![build()];
    let expected: Vec<Batch> = (0..20).map(|_| round(&mut alone)).collect();
    for (before, after) in [(4, 3), (1, 8), (3, 1), (7, 2)] {
        let mut ranks: Vec<PostTraining> = (0..before).map(|_| build()).collect();
        let mut batches: Vec<Batch> = (0..10).map(|_| round(&mut ranks)).collect();
        ranks = (0..after).map(|_| resumed(&ranks[0], build())).collect();
        batches.extend((0..10).map(|_| round(&mut ranks)));
        assert!(batches == expected, "from {before} to {after}");
    }
}

/// prime-rl: a resume in a stream that has no end draws all that was drawn before once more, to get to its place.
#[test]
fn p6_a_resume_does_not_draw_again_what_was_drawn() {
    let build = || Curriculum::builder(50).sampler(Sequential).build().unwrap();
    let mut curriculum = build();
    let mut sizes = Vec::new();
    for round in 0..5000u64 {
        let batch = curriculum.draw(7).unwrap();
        let expected: Vec<u64> = (0..7).map(|place| (round * 7 + place) % 50).collect();
        assert_eq!(samples(&batch), expected);
        curriculum.observe(&all_of(&batch)).unwrap();
        if [49, 4999].contains(&round) {
            sizes.push(curriculum.to_bytes().unwrap().len());
            curriculum = resumed(&curriculum, build());
        }
    }
    // There is nothing in the file of what was drawn, from which it could be drawn again.
    assert!(sizes[1] < sizes[0] + 400, "{sizes:?}");
}
