//! What hangs together with loading, with other processes, and with the machine.

use std::time::Duration;

use curricle::feed::Prefetch;
use curricle::policy::{Boltzmann, Bounded, Fixed, Mixture, Posterior, Prior, Uniform};
use curricle::sampler::Systematic;
use curricle::{
    Arrival, Batch, Builder, Curriculum, Feedback, Missing, Outcome, Policy, Purpose, Rng, Round,
    Sampler, Signal, Ticket,
};
use proptest::prelude::*;

use super::{all_of, samples};
use crate::common::outcome;

/// verl, burn, datasets: batches are decided long before they are used, so that feedback comes too late to count, or in an
/// order that depends on the threads that load them.
#[test]
fn p19_loading_ahead_changes_no_decision() {
    let build = |lag| {
        let builder = Curriculum::builder(90).arms(3, |sample| (sample.0 % 3) as u32);
        builder.post_training().lag(lag).seed(3).build().unwrap()
    };
    for lag in 0..4 {
        let mut plain = build(lag);
        // A loader that takes longer for some than for others.
        let load = |batch: &Batch| {
            std::thread::sleep(Duration::from_millis(samples(batch)[0] % 3));
            samples(batch)
        };
        let mut prefetch = Prefetch::new(build(lag), 6, load);
        for round in 1..=20 {
            let expected = plain.draw(6).unwrap();
            let (batch, rows) = prefetch.draw().unwrap();
            assert_eq!((rows, &batch), (samples(&expected), &expected), "lag {lag}");
            let ahead = prefetch.feed().counts().drawn - 6 * round;
            assert_eq!(ahead, if lag == 0 { 0 } else { 6 }, "never more than one batch");
            plain.observe(&all_of(&expected)).unwrap();
            prefetch.observe(&all_of(&batch)).unwrap();
        }
    }
}

#[test]
fn p19_feedback_counts_from_the_round_on_that_was_said() {
    for lag in 0..4 {
        let run = |best: u32| -> Vec<Vec<f64>> {
            let builder = Curriculum::builder(90).arms(3, |sample| (sample.0 % 3) as u32);
            let mut curriculum =
                builder.policy(Boltzmann::new()).sampler(Systematic).lag(lag).build().unwrap();
            let mut shares = Vec::new();
            for round in 0..12 {
                let batch = curriculum.draw(9).unwrap();
                shares.push(curriculum.shares());
                // The two runs differ in what they saw of round 4 alone.
                let best = if round == 4 { best } else { 0 };
                let success = |arm: u32| if arm == best { 0.5 } else { 0.9 };
                let all = batch.draws.iter();
                let all = all
                    .map(|it| Feedback::new(it.ticket, Outcome::default().success(success(it.arm.0))));
                curriculum.observe(&all.collect::<Vec<_>>()).unwrap();
            }
            shares
        };
        let (one, other) = (run(0), run(2));
        let first = (0..12).find(|&round| one[round] != other[round]);
        assert_eq!(first, Some(5 + lag as usize));
    }
}

/// None of 23 projects that were looked at tests a property of any history, and their faults in resuming were found by users.
/// The model of all verbs is in `tests/curriculum/everything.rs`; these are a few cases of our own.
#[derive(Debug, Clone)]
enum Event {
    Draw(usize),
    Report(usize, u64),
    Lose,
    Weigh(prop::sample::Index, u32),
    Version,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1..9usize).prop_map(Event::Draw),
        4 => (1..12usize, any::<u64>()).prop_map(|(some, order)| Event::Report(some, order)),
        1 => Just(Event::Lose),
        1 => (any::<prop::sample::Index>(), 0..3u32).prop_map(|(at, weight)| Event::Weigh(at, weight)),
        1 => Just(Event::Version),
    ]
}

/// One event; gives the batch that it drew.
fn happen<P: Policy, S: Signal, D: Sampler>(
    curriculum: &mut Curriculum<P, S, D>,
    event: &Event,
) -> Option<Batch> {
    let mut open: Vec<Ticket> = curriculum
        .unfinished()
        .iter()
        .flat_map(|batch| batch.draws.iter().map(|draw| draw.ticket))
        .collect();
    match event {
        Event::Draw(n) => return curriculum.draw(*n).ok(),
        Event::Report(some, order) => {
            Rng::at(*order, Round(0), Purpose::User).shuffle(&mut open);
            open.truncate(*some);
            let report = |ticket: &Ticket| Feedback::new(*ticket, outcome(ticket.0));
            curriculum.observe(&open.iter().map(report).collect::<Vec<_>>()).unwrap();
        }
        Event::Lose => curriculum.lose(&open[..open.len().min(1)]).unwrap(),
        Event::Weigh(at, weight) => {
            let sample = curricle::SampleId(at.index(40) as u64);
            curriculum.set_weight(sample, f64::from(*weight)).unwrap();
        }
        Event::Version => curriculum.set_version(curriculum.version() + 1).unwrap(),
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn p20_any_history_is_conserved_and_can_be_killed(
        seed in any::<u64>(),
        is_arrival in any::<bool>(),
        events in prop::collection::vec(event(), 1..50),
    ) {
        let build = || {
            let builder = Curriculum::builder(40).arms(4, |sample| (sample.0 % 4) as u32).seed(seed);
            let builder = builder.post_training();
            match is_arrival {
                true => builder.pace(Arrival::new().in_flight(20)).build().unwrap(),
                false => builder.lag(1).missing(Missing::Lose).build().unwrap(),
            }
        };
        let (mut straight, mut killed) = (build(), build());
        for event in &events {
            let bytes = killed.to_bytes().unwrap();
            killed = build();
            killed.restore_bytes(&bytes).unwrap();
            prop_assert_eq!(happen(&mut straight, event), happen(&mut killed, event));
            let counts = straight.counts();
            prop_assert!(counts.is_conserved());
            prop_assert_eq!(counts, killed.counts());
        }
        prop_assert!(straight.to_bytes().unwrap() == killed.to_bytes().unwrap());
    }
}

/// All but PipelineRL: half of the tasks is asked for of each kind, and what has come back at any time is mostly of the kind
/// that is fast, and that fails less often.
#[test]
fn p21_what_came_back_has_the_shares_that_were_asked_for() {
    /// The share of the fast arm of the first so many that came back.
    fn share<P: Policy>(policy: P, first: usize) -> f64 {
        let builder = Curriculum::builder(1000).arms(2, |sample| (sample.0 % 2) as u32);
        let builder = builder.policy(policy).sampler(Systematic).pace(Arrival::new()).seed(2);
        let mut curriculum = builder.build().unwrap();
        let (mut flying, mut back): (Vec<(u64, Ticket, u32)>, Vec<u32>) = (Vec::new(), Vec::new());
        for now in 0u64.. {
            for draw in curriculum.draw(8).unwrap().draws {
                let takes = [1, 25][draw.arm.index()];
                flying.push((now + takes, draw.ticket, draw.arm.0));
            }
            let (done, rest): (Vec<_>, Vec<_>) = flying.into_iter().partition(|it| it.0 <= now);
            flying = rest;
            for (_, ticket, arm) in done {
                // Two of five of the slow ones fail.
                if arm == 1 && ticket.0 % 5 < 2 {
                    curriculum.lose(&[ticket]).unwrap();
                    continue;
                }
                back.push(arm);
                curriculum.observe(&[Feedback::new(ticket, Outcome::default().success(0.5))]).unwrap();
                if back.len() == first {
                    return back.iter().filter(|arm| **arm == 0).count() as f64 / first as f64;
                }
            }
        }
        unreachable!()
    }
    let (kept, plain) =
        (share(Mixture::new(vec![1.0, 1.0]), 10_000), share(Fixed::weights(vec![1.0, 1.0]), 10_000));
    assert!((kept - 0.5).abs() < 0.01, "{kept}");
    assert!(plain > 0.6, "asking alone does not do it: {plain}");
}

/// What ten rounds of four decide.
fn digest<P: Policy, S: Signal, D: Sampler>(builder: Builder<P, S, D>) -> String {
    let mut curriculum = builder.seed(11).build().unwrap();
    for _ in 0..10 {
        let batch = curriculum.draw(4).unwrap();
        curriculum.observe(&all_of(&batch)).unwrap();
    }
    format!("{:016x}", curriculum.digest())
}

/// burn: batches come from a generator that the library which has it calls not portable from version to version, so that a
/// seed in a checkpoint promises nothing.
#[test]
fn p22_a_seed_is_a_promise() {
    let record = include_str!("../../data/decisions.txt");
    let written = |name: &str| {
        let line = record.lines().find(|line| line.split(':').next() == Some(name)).unwrap();
        line.split(" | ").nth(1).unwrap().split(' ').nth(1).unwrap().to_owned()
    };
    let base = || Curriculum::builder(60).arms(3, |sample| (sample.0 / 20) as u32);
    let floored = Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform);
    assert_eq!(digest(base().policy(Uniform)), written("uniform"));
    assert_eq!(digest(base().policy(floored)), written("bounded, floor"));
    let each = Curriculum::builder(60).arms(60, |sample| sample.0 as u32).policy(Posterior::new());
    assert_eq!(digest(each.sampler(Systematic)), written("posterior"));
    // The bits behind them, as every build and every machine has them.
    let mut rng = Rng::at(11, Round(5), Purpose::User);
    assert_eq!((rng.bits(), rng.unit()), (1_932_446_640_743_147_184, 0.476_881_614_771_733_63));
}
