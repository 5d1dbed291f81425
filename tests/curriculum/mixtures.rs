//! Mixtures that are kept in samples or tokens, changed while a run goes on, and ended; batches up to a ceiling of cost.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::common::{self, chi_square};
use curricle::policy::{Between, Bounded, Clock, Fixed, Mixture, Prior, Unit};
use curricle::sampler::{Any, Passes, Replace, Sequential, Systematic};
use curricle::{
    ArmId, Arrival, Batch, Builder, Curriculum, Durability, Error, Feedback, Journal, Missing, Outcome,
    Policy, Purpose, Rng, Round, SampleId, Sampler, Signal, Stop, Ticket,
};

fn samples(batch: &Batch) -> Vec<u64> {
    batch.samples().map(|sample| sample.0).collect()
}

fn of_cost(cost: f64) -> Outcome {
    Outcome::default().success(0.5).cost(cost as f32)
}

/// What a ticket costs: about the mean of its arm, half to one and a half of it.
fn cost(means: &[f64], arm: u32, ticket: u64) -> f64 {
    let mut rng = Rng::at(ticket, Round(arm.into()), Purpose::User);
    means[arm as usize] * (0.5 + rng.unit())
}

fn three(policy: Mixture) -> Builder<Mixture, curricle::signal::GroupSpread, Systematic> {
    let builder = Curriculum::builder(30_000).arms(3, |sample| (sample.0 % 3) as u32);
    builder.policy(policy).sampler(Systematic).seed(4)
}

fn shares(done: &[f64]) -> Vec<f64> {
    let all: f64 = done.iter().sum();
    done.iter().map(|done| done / all).collect()
}

fn assert_near(found: &[f64], expected: &[f64], within: f64, what: &str) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= within, "{what}: {found} for {expected}");
    }
}

/// Costs that differ 20 times, arms that finish up to forty draws later than others, and a tenth that never comes back.
#[test]
fn shares_of_tokens_are_kept_where_lengths_differ_and_arms_finish_late() {
    let means = [100.0, 2000.0, 400.0];
    let wanted = [0.5, 0.3, 0.2];
    for loses in [false, true] {
        let policy = Mixture::new(wanted.to_vec()).unit(Unit::Cost);
        let mut curriculum = three(policy).pace(Arrival::new()).build().unwrap();
        let mut flying: VecDeque<(u64, Ticket, u32)> = VecDeque::new();
        let (mut done, mut count) = ([0.0; 3], 0u64);
        for now in 0..1250u64 {
            for draw in curriculum.draw(8).unwrap().draws {
                // The arm of the long ones takes the longest.
                let late = now + 1 + [1, 40, 7][draw.arm.index()];
                flying.push_back((late, draw.ticket, draw.arm.0));
                count += 1;
            }
            let (back, rest): (VecDeque<_>, VecDeque<_>) =
                flying.into_iter().partition(|it| it.0 <= now);
            flying = rest;
            for (_, ticket, arm) in back {
                if loses && ticket.0 % 10 == 3 {
                    curriculum.lose(&[ticket]).unwrap();
                    continue;
                }
                let cost = cost(&means, arm, ticket.0);
                done[arm as usize] += f64::from(cost as f32);
                curriculum.observe(&[Feedback::new(ticket, of_cost(cost))]).unwrap();
            }
        }
        assert_eq!(count, 10_000);
        let found = shares(&done);
        assert_near(&found, &wanted, 0.01, "shares of what has come back");
        let metrics = curriculum.metrics();
        for (arm, share) in found.iter().enumerate() {
            let observed = metrics.get(&format!("arm/{arm}/cost_share")).unwrap();
            assert!((observed - share).abs() < 1e-9);
            let asked = metrics.get(&format!("arm/{arm}/requested_share")).unwrap();
            assert!((asked - wanted[arm]).abs() < 1e-9);
        }
        // Without the correction the share of the long arm would be far off.
        let plain = metrics.get("arm/1/drawn_share").unwrap();
        assert!((0.01..0.06).contains(&plain), "{plain}");
    }
}

/// The naive twin: a share of the samples that is not corrected stays off for ever where an arm comes back half as often.
#[test]
fn shares_of_samples_count_what_came_back() {
    fn run<P: Policy>(policy: P) -> Vec<f64> {
        let builder = Curriculum::builder(300).arms(3, |sample| (sample.0 % 3) as u32);
        let mut curriculum = builder.policy(policy).sampler(Systematic).build().unwrap();
        let mut back = vec![0.0; 3];
        for _ in 0..400 {
            let batch = curriculum.draw(16).unwrap();
            for draw in &batch.draws {
                if draw.arm.0 == 0 && draw.ticket.0 % 2 == 0 {
                    curriculum.lose(&[draw.ticket]).unwrap();
                } else {
                    back[draw.arm.index()] += 1.0;
                    curriculum.observe(&[Feedback::new(draw.ticket, of_cost(1.0))]).unwrap();
                }
            }
        }
        shares(&back)
    }
    let wanted = [0.5, 0.25, 0.25];
    assert_near(&run(Mixture::new(wanted.to_vec())), &wanted, 0.01, "kept");
    assert_near(&run(Fixed::weights(wanted.to_vec())), &[1.0 / 3.0; 3], 0.03, "not kept");
}

/// The share of each batch follows the table, and the sum of all what was asked of it.
#[test]
fn a_table_moves_in_steps_or_lines_by_rounds_or_tokens() {
    let table =
        || vec![(100, vec![0.8, 0.1, 0.1]), (300, vec![0.2, 0.4, 0.4]), (500, vec![0.0, 1.0, 0.0])];
    let expected = |at: f64, is_line: bool| {
        let part = |from: f64, to: f64| ((at - from) / (to - from)).clamp(0.0, 1.0);
        let steps = [part(100.0, 300.0), part(300.0, 500.0)];
        let steps = if is_line { steps } else { steps.map(f64::floor) };
        [[0.8, 0.2, 0.0], [0.1, 0.4, 1.0], [0.1, 0.4, 0.0]].map(|values| {
            values[0] + steps[0] * (values[1] - values[0]) + steps[1] * (values[2] - values[1])
        })
    };
    for between in [Between::Steps, Between::Lines] {
        for clock in [Clock::Rounds, Clock::Cost] {
            let mut curriculum =
                three(Mixture::table(table()).between(between).clock(clock)).build().unwrap();
            let (mut asked, mut back) = (vec![0.0; 3], vec![0.0; 3]);
            for round in 0..600 {
                let batch = curriculum.draw(40).unwrap();
                // Each batch costs 1: rounds and cost are the same.
                let at = expected(f64::from(round), between == Between::Lines);
                let of = |arm: u32| batch.draws.iter().filter(|draw| draw.arm.0 == arm).count() as f64;
                for arm in 0..3 {
                    asked[arm] += 40.0 * at[arm];
                    back[arm] += of(arm as u32);
                    assert!((of(arm as u32) - 40.0 * at[arm]).abs() < 4.0, "round {round}");
                    assert!((back[arm] - asked[arm]).abs() < 4.0, "round {round}: {back:?} {asked:?}");
                }
                let report = |draw: &curricle::Draw| Feedback::new(draw.ticket, of_cost(1.0 / 40.0));
                curriculum.observe(&batch.draws.iter().map(report).collect::<Vec<_>>()).unwrap();
            }
        }
    }
}

#[test]
fn what_a_source_cannot_give_goes_to_its_domain_first() {
    // Domain 0 has arms 0 and 1, domain 1 has arms 2 and 3.
    let nested = || {
        let first = vec![(ArmId(0), 1.0), (ArmId(1), 3.0)];
        Mixture::nested(4, vec![(0.4, first), (0.6, vec![(ArmId(2), 2.0), (ArmId(3), 1.0)])])
    };
    let mut curriculum = Curriculum::builder(400)
        .arms(4, |sample| (sample.0 % 4) as u32)
        .policy(nested())
        .build()
        .unwrap();
    let next = |curriculum: &mut Curriculum<Mixture>| {
        let batch = curriculum.draw(1).unwrap();
        curriculum.lose(&batch.draws.iter().map(|it| it.ticket).collect::<Vec<_>>()).unwrap();
        curriculum.shares()
    };
    let empty = |curriculum: &mut Curriculum<Mixture>, arm: u64| {
        let rest: Vec<(SampleId, f64)> = (0..100).map(|it| (SampleId(4 * it + arm), 0.0)).collect();
        curriculum.set_weights(&rest).unwrap();
    };
    assert_near(&next(&mut curriculum), &[0.1, 0.3, 0.4, 0.2], 1e-12, "all");
    empty(&mut curriculum, 1);
    assert_near(&next(&mut curriculum), &[0.4, 0.0, 0.4, 0.2], 1e-12, "without arm 1");
    empty(&mut curriculum, 0);
    let rest = [0.0, 0.0, 2.0 / 3.0, 1.0 / 3.0];
    assert_near(&next(&mut curriculum), &rest, 1e-12, "without a domain");
    // Named twice, or not there.
    for bad in [vec![(ArmId(0), 1.0), (ArmId(0), 2.0)], vec![(ArmId(4), 1.0)]] {
        let policy = Mixture::nested(4, vec![(1.0, bad)]);
        let builder = Curriculum::builder(4).arms(4, |sample| sample.0 as u32).policy(policy);
        assert!(matches!(builder.build(), Err(Error::Length { expected: 4, found: 0, .. })));
    }
}

/// Mixtures set in the middle of a run: in the journal, in snapshots, and through what goes around the policy.
#[test]
fn a_mixture_that_is_set_is_an_event() {
    fn check<P: Policy + Clone>(policy: P, expected: [f64; 2]) {
        let build = || {
            let builder = Curriculum::builder(100).arms(2, |sample| (sample.0 % 2) as u32);
            builder.policy(policy.clone()).sampler(Systematic).missing(Missing::Lose).build().unwrap()
        };
        let folder = common::folder();
        let path = folder.path().join("run");
        let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
        for _ in 0..8 {
            journal.draw(10).unwrap();
        }
        for wrong in [&[1.0][..], &[1.0, f64::NAN], &[1.0, -1.0], &[0.0, 0.0]] {
            assert!(journal.set_mixture(wrong).is_err());
        }
        journal.set_mixture(&[3.0, 1.0]).unwrap();
        journal.draw(8).unwrap();
        assert_near(&journal.curriculum().shares(), &expected, 1e-9, "set");
        let journal = common::reopened(journal, &path, build, false);
        let mut journal = common::reopened(journal, &path, build, true);
        journal.draw(8).unwrap();
        assert_near(&journal.curriculum().shares(), &expected, 1e-9, "after a kill");
        let again = journal.curriculum().to_bytes().unwrap();
        let mut other = build();
        other.restore_bytes(&again).unwrap();
        let next = other.draw(8).unwrap();
        assert_eq!(journal.draw(8).unwrap(), next);
    }
    check(Fixed::weights(vec![1.0, 1.0]), [0.75, 0.25]);
    check(Fixed::by_size(), [0.75, 0.25]);
    check(Mixture::table(vec![(0, vec![1.0, 1.0]), (3, vec![0.0, 1.0])]), [0.75, 0.25]);
    check(Bounded::new(Mixture::new(vec![1.0, 1.0])).floor(0.5, Prior::Uniform), [0.625, 0.375]);
    let mut uniform = Curriculum::builder(10).build().unwrap();
    let unsupported = Error::Unsupported { part: "policy", request: "weights of a mixture" };
    assert_eq!(uniform.set_mixture(&[1.0]), Err(unsupported));
}

#[test]
fn tables_that_say_nothing_are_refused() {
    let build = |policy| {
        Curriculum::builder(10).arms(2, |sample| (sample.0 % 2) as u32).policy(policy).build().map(drop)
    };
    assert!(build(Mixture::table(vec![])).is_err());
    assert!(build(Mixture::new(vec![1.0])).is_err());
    assert!(build(Mixture::new(vec![0.0, 0.0])).is_err());
    assert!(build(Mixture::new(vec![1.0, f64::INFINITY])).is_err());
    assert!(build(Mixture::new(vec![1.0, 1.0]).domains(vec![0])).is_err());
    for second in [4, 5] {
        let table = vec![(5, vec![1.0, 0.0]), (second, vec![0.0, 1.0])];
        let low = 6.0;
        assert!(
            matches!(build(Mixture::table(table)), Err(Error::OutOfRange { low: found, .. }) if found == low)
        );
    }
    // A stop rule needs passes.
    let builder = Curriculum::builder(10).stop(Stop::Cycle(1));
    assert!(matches!(builder.clone().build(), Err(Error::Unread { part: "stop", .. })));
    assert!(builder.clone().sampler(Passes).build().is_ok());
    assert!(builder.sampler(Passes).stop(Stop::AllExhausted(0)).build().is_err());
}

/// What a stop rule gives of arms of 6, 20 and 10 samples, by number of passes.
fn counts(stop: Stop, sampler: Any, n: usize) -> (Vec<Vec<u64>>, Vec<usize>, Error) {
    let label = |sample: SampleId| match sample.0 {
        0..6 => 0,
        6..26 => 1,
        _ => 2,
    };
    let builder = Curriculum::builder(36).arms(3, label).sampler(sampler).stop(stop);
    let mut curriculum =
        builder.policy(Fixed::weights(vec![1.0; 3])).missing(Missing::Lose).build().unwrap();
    let (mut drawn, mut sizes) = (vec![0u64; 36], Vec::new());
    let end = loop {
        match curriculum.draw(n) {
            Ok(batch) => {
                sizes.push(batch.draws.len());
                samples(&batch).into_iter().for_each(|sample| drawn[sample as usize] += 1);
            }
            Err(error) => break error,
        }
        assert!(sizes.len() < 200, "{stop:?} has no end");
    };
    // The end is the end.
    assert_eq!(curriculum.draw(1), Err(end.clone()));
    let of = |range: std::ops::Range<usize>| drawn[range].to_vec();
    (vec![of(0..6), of(6..26), of(26..36)], sizes, end)
}

#[test]
fn stop_rules_end_a_run_where_they_say() {
    for sampler in [Any::Passes, Any::Sequential] {
        for n in [1, 3, 9] {
            let (drawn, sizes, end) = counts(Stop::FirstExhausted(1), sampler, n);
            assert_eq!(end, Error::Finished);
            assert_eq!(drawn[0], [1; 6], "the smallest is exhausted");
            assert!(drawn[1..].iter().flatten().all(|&count| count <= 1));
            assert!(sizes.iter().all(|&size| size == n));
            // With one draw at a time arms come by chance.
            let others: u64 = drawn[1..].iter().flatten().sum();
            assert!(n == 1 || (12..=12 + 2 * n as u64).contains(&others), "{others}");

            let (drawn, sizes, end) = counts(Stop::AllExhausted(1), sampler, n);
            assert_eq!(end, Error::Finished);
            assert!(drawn.iter().flatten().all(|&count| count == 1), "each once");
            assert_eq!(sizes.iter().sum::<usize>(), 36);

            let (drawn, _, _) = counts(Stop::AllExhausted(3), sampler, n);
            assert!(drawn.iter().flatten().all(|&count| count == 3), "each three times");

            let (drawn, sizes, end) = counts(Stop::Cycle(1), sampler, n);
            assert_eq!(end, Error::Finished);
            assert!(sizes.iter().all(|&size| size == n));
            assert!(drawn.iter().flatten().all(|&count| count >= 1));
            assert!(n == 1 || drawn[1].iter().all(|&count| count <= 2));
            let whole: u64 = drawn.iter().flatten().sum();
            assert!(n == 1 || (60..=60 + 3 * n as u64).contains(&whole), "by the greatest: {whole}");
            let (least, most) = (drawn[0].iter().min(), drawn[0].iter().max());
            assert!(most <= least.map(|least| least + 1).as_ref(), "passes of the smallest: {drawn:?}");
        }
    }
}

/// A run that is killed ends where the other does, and has the same samples.
#[test]
fn a_run_that_ends_can_be_killed() {
    let folder = common::folder();
    let path = folder.path().join("run");
    let build = || {
        let builder = Curriculum::builder(50).sampler(Passes).stop(Stop::AllExhausted(2));
        builder.missing(Missing::Lose).seed(8).build().unwrap()
    };
    let mut straight = build();
    let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
    let mut count = BTreeMap::new();
    while let Ok(batch) = straight.draw(7) {
        journal = common::reopened(journal, &path, build, batch.round.0 % 2 == 0);
        assert_eq!(journal.draw(7).unwrap(), batch);
        samples(&batch).into_iter().for_each(|sample| *count.entry(sample).or_insert(0) += 1);
    }
    assert_eq!(journal.draw(7), Err(Error::Finished));
    assert_eq!(count, (0..50).map(|sample| (sample, 2)).collect());
    // What comes later is given, too.
    journal.insert(ArmId(0), 1.0).unwrap();
    assert_eq!(samples(&journal.draw(7).unwrap()), [50]);
    assert_eq!(journal.draw(7), Err(Error::Finished));
}

/// Costs 1 to 20, the long ones no rarer than the short ones.
fn lengths(samples: u64) -> Vec<f64> {
    (0..samples).map(|sample| (1 + sample % 20) as f64).collect()
}

#[test]
fn a_ceiling_is_kept_and_leaves_no_length_out() {
    let mut drawn = vec![0u64; 20];
    let (mut batches, mut sum) = (0.0, 0.0);
    for seed in 0..40 {
        let builder = Curriculum::builder(200).costs(lengths(200)).sampler(Replace).seed(seed);
        let mut curriculum = builder.missing(Missing::Lose).build().unwrap();
        for _ in 0..100 {
            let batch = curriculum.draw_within(50.0).unwrap();
            let lengths: Vec<u64> = samples(&batch).into_iter().map(|sample| 1 + sample % 20).collect();
            let cost: u64 = lengths.iter().sum();
            assert!(cost <= 50, "{lengths:?}");
            batches += 1.0;
            sum += cost as f64;
            lengths.into_iter().for_each(|length| drawn[length as usize - 1] += 1);
        }
    }
    // One batch after the other, samples come as if there were no ceiling.
    chi_square(&drawn, &[1.0 / 20.0; 20], "lengths");
    assert!(sum / batches > 40.0, "a batch is filled: {}", sum / batches);
}

/// A batch is filled however much less than the mean the arms cost that are drawn from: what comes next did not fit.
#[test]
fn a_ceiling_is_filled_from_arms_of_any_cost() {
    // A thousand short samples beside as many long ones, which are not drawn.
    let cost = |sample: u64| if sample < 1000 { 1.0 + (sample % 3) as f64 } else { 1000.0 };
    for sampler in [Any::Replace, Any::Distinct, Any::Systematic, Any::Passes, Any::Sequential] {
        for ceiling in [1000.0, 1003.0, 1337.5] {
            let mut curriculum = Curriculum::builder(2000)
                .arms(2, |sample| u32::from(sample.0 >= 1000))
                .costs((0..2000).map(cost).collect())
                .policy(Fixed::weights(vec![1.0, 0.0]))
                .sampler(sampler)
                .missing(Missing::Lose)
                .build()
                .unwrap();
            let mut before: Option<f64> = None;
            for round in 0..20 {
                let batch = samples(&curriculum.draw_within(ceiling).unwrap());
                let sum: f64 = batch.iter().map(|&sample| cost(sample)).sum();
                assert!(sum <= ceiling, "{sampler:?}: {sum} of {ceiling}");
                if let Some(before) = before.replace(sum) {
                    let next = before + cost(batch[0]);
                    assert!(next > ceiling, "{sampler:?}, round {round}: {before} of {ceiling}");
                }
            }
        }
    }
}

#[test]
fn a_ceiling_over_passes_gives_each_sample_once() {
    for sampler in [Any::Passes, Any::Sequential] {
        let folder = common::folder();
        let path = folder.path().join("run");
        let build = || {
            let builder = Curriculum::builder(60).arms(3, |sample| (sample.0 % 3) as u32);
            let builder = builder.costs(lengths(60)).sampler(sampler).stop(Stop::AllExhausted(2));
            builder.missing(Missing::Lose).seed(3).build().unwrap()
        };
        let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
        let (mut count, mut batches) = (vec![0; 60], 0);
        loop {
            let batch = match journal.draw_within(32.0) {
                Ok(batch) => batch,
                Err(error) => break assert_eq!(error, Error::Finished),
            };
            let cost: f64 = samples(&batch).iter().map(|&sample| lengths(60)[sample as usize]).sum();
            assert!(cost <= 32.0 && !batch.draws.is_empty());
            samples(&batch).into_iter().for_each(|sample| count[sample as usize] += 1);
            journal = common::reopened(journal, &path, build, batches % 3 == 0);
            batches += 1;
        }
        assert_eq!(count, [2; 60], "{sampler:?}");
        // 2 * 630 tokens by 32, and what the last sample of each batch left free.
        assert!((40..64).contains(&batches), "{batches}");
    }
}

#[test]
fn what_waits_for_the_next_batch_can_change_its_mind() {
    let build = || {
        let builder = Curriculum::builder(4).costs(vec![6.0; 4]).sampler(Sequential);
        builder.missing(Missing::Lose).build().unwrap()
    };
    // A plain draw takes it first, too.
    for n in [1, 2, 3] {
        let mut curriculum = build();
        assert_eq!(samples(&curriculum.draw_within(10.0).unwrap()), [0]);
        assert_eq!(samples(&curriculum.draw(n).unwrap()), [1, 2, 3][..n]);
    }
    // One that is gone, or rests, is not waited for.
    for rests in [false, true] {
        let mut curriculum = build();
        curriculum.draw_within(10.0).unwrap();
        if rests {
            curriculum.set_weight(SampleId(1), 0.0).unwrap();
        } else {
            curriculum.remove(SampleId(1)).unwrap();
        }
        assert_eq!(samples(&curriculum.draw_within(13.0).unwrap()), [2, 3]);
    }
    // It is not drawn twice, and is alone if nothing else is left.
    let mut curriculum = build();
    curriculum.draw_within(20.0).unwrap();
    assert_eq!(samples(&curriculum.draw_within(7.0).unwrap()), [3]);
    assert_eq!(samples(&curriculum.draw_within(7.0).unwrap()), [0]);
}

#[test]
fn costs_that_do_not_fit_are_told() {
    let builder = || Curriculum::builder(3).missing(Missing::Lose).sampler(Sequential);
    assert!(matches!(builder().build().unwrap().draw_within(5.0), Err(Error::Unsupported { .. })));
    for wrong in [vec![1.0; 2], vec![1.0, 0.0, 1.0], vec![1.0, f64::NAN, 1.0], vec![1.0, -1.0, 1.0]] {
        assert!(builder().costs(wrong).build().is_err());
    }
    let mut curriculum = builder().costs(vec![1.0, 9.0, 1.0]).build().unwrap();
    assert!(curriculum.draw_within(0.0).is_err() && curriculum.draw_within(f64::NAN).is_err());
    let long = Error::Cost { sample: SampleId(1), cost: Some(9.0), ceiling: 5.0 };
    assert_eq!(samples(&curriculum.draw_within(5.0).unwrap()), [0]);
    for _ in 0..2 {
        assert_eq!(curriculum.draw_within(5.0), Err(long.clone()));
    }
    assert!(long.to_string().contains("sample 1 costs 9"), "{long}");
    curriculum.set_costs(&[(SampleId(1), 4.0)]).unwrap();
    assert_eq!(samples(&curriculum.draw_within(5.0).unwrap()), [1, 2]);
    let new = curriculum.insert(ArmId(0), 1.0).unwrap();
    assert_eq!(samples(&curriculum.draw_within(60.0).unwrap()), [0, 1, 2]);
    let unknown = Error::Cost { sample: new, cost: None, ceiling: 60.0 };
    assert_eq!(curriculum.draw_within(60.0), Err(unknown));
    for wrong in [(new, 0.0), (new, f64::INFINITY), (SampleId(9), 1.0)] {
        assert!(curriculum.set_costs(&[(SampleId(0), 2.0), wrong]).is_err());
        assert_eq!(curriculum.cost(SampleId(0)), Some(1.0), "all or none");
    }
}

/// In the pace of arrival a batch up to a ceiling has no more tickets than may be in flight.
#[test]
fn a_ceiling_beside_a_bound_on_what_is_in_flight() {
    fn check<S: Signal, D: Sampler>(mut curriculum: Curriculum<Mixture, S, D>) {
        let batch = curriculum.draw_within(1000.0).unwrap();
        assert_eq!(batch.draws.len(), 5);
        assert!(matches!(curriculum.draw_within(1000.0), Err(Error::Hold { open: 5, .. })));
        curriculum.observe(&[Feedback::new(batch.draws[0].ticket, of_cost(1.0))]).unwrap();
        assert_eq!(curriculum.draw_within(1000.0).unwrap().draws.len(), 1);
    }
    let builder = Curriculum::builder(60).costs(lengths(60)).pace(Arrival::new().in_flight(5));
    check(builder.policy(Mixture::new(vec![1.0])).exclude_in_flight(true).build().unwrap());
}

#[test]
fn no_sample_in_flight_is_drawn_up_to_a_ceiling() {
    let builder = Curriculum::builder(40).costs(lengths(40)).lag(3).exclude_in_flight(true);
    let mut curriculum = builder.missing(Missing::Lose).build().unwrap();
    let mut recent: VecDeque<BTreeSet<u64>> = VecDeque::new();
    for _ in 0..200 {
        let batch: BTreeSet<u64> =
            samples(&curriculum.draw_within(60.0).unwrap()).into_iter().collect();
        assert!(recent.iter().all(|other| other.is_disjoint(&batch)));
        recent.push_back(batch);
        if recent.len() > 3 {
            recent.pop_front();
        }
    }
}

/// An arm that has too few samples for its share does not end the run, and one that costs nothing or never comes back does not
/// take it from the others.
#[test]
fn no_arm_takes_the_batch_for_what_it_is_owed() {
    for sampler in [Any::Distinct, Any::Systematic, Any::Passes, Any::Sequential, Any::Top] {
        let builder = Curriculum::builder(1000).arms(2, |sample| u32::from(sample.0 >= 15));
        let builder = builder.policy(Mixture::new(vec![1.0, 1.0])).sampler(sampler);
        let mut curriculum = builder.build().unwrap();
        for round in 0..200 {
            let batch =
                curriculum.draw(32).unwrap_or_else(|error| panic!("{sampler:?} {round}: {error}"));
            let report = |draw: &curricle::Draw| Feedback::new(draw.ticket, of_cost(1.0));
            curriculum.observe(&batch.draws.iter().map(report).collect::<Vec<_>>()).unwrap();
        }
    }
    for price in [None, Some(0.0), Some(1e-6)] {
        let policy = Mixture::new(vec![1.0, 1.0, 2.0]).unit(Unit::Cost);
        let mut curriculum = three(policy).missing(Missing::Lose).build().unwrap();
        let mut drawn = [0.0; 3];
        for round in 0..500 {
            let batch = curriculum.draw(32).unwrap();
            for draw in &batch.draws {
                drawn[draw.arm.index()] += if round >= 100 { 1.0 } else { 0.0 };
                let cost = if draw.arm.0 == 0 { price } else { Some(100.0) };
                let Some(cost) = cost else { continue };
                curriculum.observe(&[Feedback::new(draw.ticket, of_cost(cost))]).unwrap();
            }
        }
        let drawn = shares(&drawn);
        match price {
            // One that never comes back has its plain share, as if it cost what the others do.
            None => assert!((drawn[0] - 0.25).abs() < 0.05, "{drawn:?}"),
            // At least a 64th of theirs.
            Some(_) => assert!(drawn[1] > 0.002 && drawn[2] > 0.005, "{price:?}: {drawn:?}"),
        }
    }
}

/// An arm all of whose samples are in flight gets its share of what comes back.
#[test]
fn an_arm_that_is_in_flight_as_a_whole_keeps_its_share() {
    for lag in [0u64, 1, 3] {
        let small = 4 * (lag + 1);
        let builder = Curriculum::builder(1000).arms(2, move |sample| u32::from(sample.0 >= small));
        let builder = builder.policy(Mixture::new(vec![1.0, 1.0])).sampler(Systematic);
        let mut curriculum = builder.lag(lag).exclude_in_flight(true).build().unwrap();
        let mut drawn = [0.0; 2];
        for _ in 0..400 {
            let batch = curriculum.draw(8).unwrap();
            for draw in &batch.draws {
                drawn[draw.arm.index()] += 1.0;
                curriculum.observe(&[Feedback::new(draw.ticket, of_cost(1.0))]).unwrap();
            }
        }
        assert_near(&shares(&drawn), &[0.5, 0.5], 0.02, "shares");
    }
}

#[test]
fn domains_may_have_any_numbers() {
    for domains in [vec![0, 0, 1], vec![7, 7, 9], vec![u32::MAX, u32::MAX, 0]] {
        let policy = Mixture::new(vec![0.3, 0.3, 0.4]).domains(domains.clone());
        let weights = (0..30).map(|sample| if sample % 3 == 0 { 0.0 } else { 1.0 }).collect();
        let builder = Curriculum::builder(30).arms(3, |sample| (sample.0 % 3) as u32).weights(weights);
        let mut curriculum = builder.policy(policy).build().unwrap();
        curriculum.draw(1).unwrap();
        assert_near(&curriculum.shares(), &[0.0, 0.6, 0.4], 1e-12, &format!("{domains:?}"));
    }
}

/// What waits for the next batch holds no pass up: neither beside an arm that nothing is drawn from, nor at the end of a run.
#[test]
fn what_waits_holds_nothing_up() {
    for seed in 0..8 {
        let mut costs = vec![10.0; 8];
        costs[7] = 5.0;
        let builder = Curriculum::builder(8).arms(2, |sample| (sample.0 / 4) as u32).seed(seed);
        let builder = builder.policy(Mixture::new(vec![1.0, 0.0])).sampler(Passes).costs(costs);
        let mut curriculum = builder.missing(Missing::Lose).build().unwrap();
        let mut seen = Vec::new();
        while seen.len() < 40 {
            seen.extend(samples(&curriculum.draw_within(35.0).unwrap()));
        }
        for pass in seen.chunks_exact(4) {
            assert_eq!(pass.iter().collect::<BTreeSet<_>>().len(), 4, "{seen:?}");
        }
        // Batches are full, and of the asked size, over the ends of passes.
        let builder = Curriculum::builder(100).costs(lengths(100)).sampler(Passes).seed(seed);
        let mut curriculum = builder.missing(Missing::Lose).build().unwrap();
        for round in 0..60 {
            if round % 3 == 2 {
                assert_eq!(curriculum.draw(8).unwrap().draws.len(), 8);
                continue;
            }
            let batch = samples(&curriculum.draw_within(100.0).unwrap());
            let cost: f64 = batch.iter().map(|&sample| lengths(100)[sample as usize]).sum();
            assert!((80.0..=100.0).contains(&cost), "{cost}");
        }
    }
    let builder = Curriculum::builder(5).costs(vec![10.0, 10.0, 10.0, 10.0, 5.0]).sampler(Sequential);
    let builder = builder.stop(Stop::AllExhausted(1)).missing(Missing::Lose);
    let mut curriculum = builder.build().unwrap();
    assert_eq!(samples(&curriculum.draw_within(25.0).unwrap()), [0, 1]);
    assert_eq!(samples(&curriculum.draw(4).unwrap()), [2, 3, 4]);
    assert_eq!(curriculum.draw(4), Err(Error::Finished));
}

/// Only arms that are drawn from count, and without a rule nothing is ever finished.
#[test]
fn an_end_is_that_of_the_arms_that_are_drawn_from() {
    for (stop, n, expected) in [
        (Stop::AllExhausted(2), 8, vec![8, 8, 4]),
        (Stop::AllExhausted(2), 5, vec![5; 4]),
        (Stop::FirstExhausted(2), 8, vec![8, 8, 4]),
        (Stop::Cycle(2), 5, vec![5; 4]),
    ] {
        let builder = Curriculum::builder(20).arms(2, |sample| u32::from(sample.0 >= 10)).stop(stop);
        let builder = builder.policy(Fixed::weights(vec![1.0, 0.0])).sampler(Passes);
        let mut curriculum = builder.missing(Missing::Lose).build().unwrap();
        for size in expected {
            assert_eq!(curriculum.draw(n).map(|batch| batch.draws.len()), Ok(size), "{stop:?}");
        }
        assert_eq!(curriculum.draw(n), Err(Error::Finished), "{stop:?}");
        assert_eq!(curriculum.draw(1), Err(Error::Finished), "{stop:?}");
    }
    for sampler in [Any::Passes, Any::Sequential] {
        let mut curriculum = Curriculum::builder(2).sampler(sampler).build().unwrap();
        curriculum.set_weights(&[(SampleId(0), 0.0), (SampleId(1), 0.0)]).unwrap();
        assert_eq!(curriculum.draw(1), Err(Error::NothingToDraw));
    }
    // An arm that is gone ends nothing.
    let builder = Curriculum::builder(12).arms(2, |sample| u32::from(sample.0 >= 2));
    let builder = builder.sampler(Passes).stop(Stop::FirstExhausted(1)).missing(Missing::Lose);
    let mut curriculum = builder.build().unwrap();
    while curriculum.population().passes(ArmId(0)) == 0 {
        curriculum.draw(1).unwrap();
    }
    assert_eq!(curriculum.draw(1), Err(Error::Finished));
    (0..2).for_each(|sample| curriculum.remove(SampleId(sample)).unwrap());
    assert_eq!(curriculum.draw(1).unwrap().draws[0].arm, ArmId(1));
}
