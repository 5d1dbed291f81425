//! The same seed and the same feedback give the same batches, whatever the threads do; and a
//! curriculum that was killed and restored goes on as if nothing had happened.

use std::time::Duration;

use crate::common::outcome;
use curricle::feed::{Lockstep, Prefetch};
use curricle::policy::{Advance, Boltzmann, Bounded, Gaussian, MeanRule, Prior, Spread, Staged};
use curricle::sampler::{Distinct, Replace, Systematic};
use curricle::signal::{Gated, GroupSpread, MeanAdvantage, Utility};
use curricle::{
    ArmId, Batch, Curriculum, Error, Feed, Feedback, Gate, Missing, Policy, Result, SampleId, Sampler,
    Signal, Ticket, Weighting,
};
use proptest::prelude::*;

const SAMPLES: usize = 120;

fn sec(seed: u64, lag: u64) -> Curriculum<Bounded<Boltzmann>, Gated<MeanAdvantage>, Systematic> {
    Curriculum::builder(SAMPLES)
        .arms(6, |sample| (sample.0 % 6) as u32)
        .policy(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform))
        .signal(Gated::new(MeanAdvantage))
        .sampler(Systematic)
        .weighting(Weighting::Score { floor: 0.05 })
        .gate(Gate::band(0.2, 0.8))
        .seed(seed)
        .lag(lag)
        .build()
        .unwrap()
}

fn gain_rl(seed: u64, lag: u64) -> Curriculum<Gaussian, Utility, Distinct> {
    let order: Vec<SampleId> = (0..SAMPLES as u64).rev().map(SampleId).collect();
    Curriculum::builder(SAMPLES)
        .order(&order)
        .policy(Gaussian::new(MeanRule::paper(8.0), Spread::Fraction(0.1)))
        .signal(Utility)
        .importance(0.5)
        .seed(seed)
        .lag(lag)
        .build()
        .unwrap()
}

fn staged(seed: u64, lag: u64) -> Curriculum<Staged, GroupSpread, Replace> {
    Curriculum::builder(SAMPLES)
        .arms(3, |sample| (sample.0 / 40) as u32)
        .policy(Staged::one_by_one(3, Advance::Mastery(0.4)).review(0.3))
        .sampler(Replace)
        .missing(Missing::Lose)
        .seed(seed)
        .lag(lag)
        .build()
        .unwrap()
}

/// Runs rounds whose outcomes are reported by some threads, each in its own order.
fn batches_with_threads<P, S, D>(
    curriculum: Curriculum<P, S, D>,
    lag: usize,
    threads: usize,
    order: &[u64],
) -> Vec<Batch>
where
    P: Policy + Send + 'static,
    S: Signal + Send + 'static,
    D: Sampler + Send + 'static,
{
    let mut feed = Lockstep::new(curriculum).patience(Duration::from_secs(30));
    let mut batches: Vec<Batch> = Vec::new();
    std::thread::scope(|scope| {
        for round in 0..8 {
            // Blocks until the threads have reported what is due.
            let batch = feed.draw(10).unwrap();
            let mut feedback: Vec<Feedback> = batch
                .draws
                .iter()
                .map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0)))
                .collect();
            feedback.sort_by_key(|one| order[(one.ticket.0 as usize * 7 + round) % order.len()]);
            for share in feedback.chunks(feedback.len().div_ceil(threads)) {
                let (reporter, share) = (feed.reporter(), share.to_vec());
                scope.spawn(move || {
                    for one in share {
                        reporter.observe(&[one]).unwrap();
                        std::thread::yield_now();
                    }
                });
            }
            batches.push(batch);
        }
    });
    assert!(feed.with(|curriculum| curriculum.unfinished().is_empty()).unwrap());
    assert!(feed.with(|curriculum| curriculum.counts().is_conserved()).unwrap(), "lag {lag}");
    batches
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn threads_and_arrival_order_make_no_difference(
        seed in any::<u64>(),
        lag in 0..3u64,
        order in prop::collection::vec(any::<u64>(), 1..40),
    ) {
        let alone = batches_with_threads(sec(seed, lag), lag as usize, 1, &[0]);
        let ranks = batches_with_threads(gain_rl(seed, lag), lag as usize, 1, &[0]);
        for threads in [1, 2, 8] {
            let together = batches_with_threads(sec(seed, lag), lag as usize, threads, &order);
            prop_assert_eq!(&alone, &together);
            let together = batches_with_threads(gain_rl(seed, lag), lag as usize, threads, &order);
            prop_assert_eq!(&ranks, &together);
        }
    }
}

/// One thing that can happen to a curriculum.
#[derive(Debug, Clone)]
enum Event {
    Draw(usize),
    /// Report some open tickets.
    Report(usize),
    /// Report all open tickets.
    Settle,
    Lose(prop::sample::Index),
    Insert(u32, u32),
    Remove(prop::sample::Index),
    Retag(prop::sample::Index, u32),
    Weigh(prop::sample::Index, u32),
}

fn event() -> impl Strategy<Value = Event> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        4 => (1..12usize).prop_map(Event::Draw),
        2 => (1..8usize).prop_map(Event::Report),
        4 => Just(Event::Settle),
        1 => index().prop_map(Event::Lose),
        1 => (0..4u32, 0..5u32).prop_map(|(arm, weight)| Event::Insert(arm, weight)),
        1 => index().prop_map(Event::Remove),
        1 => (index(), 0..4u32).prop_map(|(sample, arm)| Event::Retag(sample, arm)),
        1 => (index(), 0..5u32).prop_map(|(sample, weight)| Event::Weigh(sample, weight)),
    ]
}

/// What an event gave: everything that a user can see of it.
#[derive(Debug, PartialEq)]
enum Seen {
    Batch(Result<Batch>),
    Other(Option<Error>),
}

fn happen<P: Policy, S: Signal, D: Sampler>(
    curriculum: &mut Curriculum<P, S, D>,
    event: &Event,
) -> Seen {
    let open: Vec<Ticket> = curriculum
        .unfinished()
        .iter()
        .flat_map(|batch| batch.draws.iter().map(|draw| draw.ticket))
        .collect();
    let samples = curriculum.population().arms().samples();
    let sample = |index: &prop::sample::Index| SampleId(index.index(samples) as u64);
    let report = |tickets: &[Ticket]| -> Vec<Feedback> {
        tickets.iter().map(|&ticket| Feedback::new(ticket, outcome(ticket.0))).collect()
    };
    match event {
        Event::Draw(n) => Seen::Batch(curriculum.draw(*n)),
        Event::Report(n) => Seen::Other(curriculum.observe(&report(&open[..open.len().min(*n)])).err()),
        Event::Settle => Seen::Other(curriculum.observe(&report(&open)).err()),
        Event::Lose(index) if !open.is_empty() => {
            Seen::Other(curriculum.lose(&[open[index.index(open.len())]]).err())
        }
        Event::Lose(_) => Seen::Other(None),
        Event::Insert(arm, weight) => {
            Seen::Other(curriculum.insert(ArmId(*arm), f64::from(*weight)).err())
        }
        Event::Remove(index) => Seen::Other(curriculum.remove(sample(index)).err()),
        Event::Retag(index, arm) => Seen::Other(curriculum.retag(sample(index), ArmId(*arm)).err()),
        Event::Weigh(index, weight) => {
            let weight = f64::from(*weight);
            let set = curriculum.set_weight(sample(index), weight);
            // Setting it and others at once, one of them twice, is the same again.
            let twice = [(sample(index), weight + 1.0), (sample(index), weight)];
            assert_eq!(curriculum.set_weights(&twice), set);
            Seen::Other(set.err())
        }
    }
}

/// Runs all events in one go and, a second time, with a kill and a restore after each event.
fn killed_and_restored<P, S, D>(
    build: impl Fn() -> Curriculum<P, S, D>,
    events: &[Event],
) -> std::result::Result<(), TestCaseError>
where
    P: Policy,
    S: Signal,
    D: Sampler,
{
    let (mut whole, mut killed) = (build(), build());
    for event in events {
        let before = whole.to_bytes().unwrap();
        let seen = happen(&mut whole, event);
        prop_assert_eq!(&seen, &happen(&mut killed, event));
        let failed = matches!(seen, Seen::Batch(Err(_)) | Seen::Other(Some(_)));
        if failed {
            // A draw that fails may have folded in what was due, and nothing else.
            let mut folded = build();
            folded.restore_bytes(&before).unwrap();
            if matches!(event, Event::Draw(_)) {
                let _ = folded.fold();
            }
            prop_assert!(
                folded.to_bytes().unwrap() == whole.to_bytes().unwrap(),
                "{:?} changed the state",
                seen
            );
        }
        prop_assert!(whole.counts().is_conserved());

        let bytes = killed.to_bytes().unwrap();
        let mut restored = build();
        restored.restore_bytes(&bytes).unwrap();
        prop_assert!(restored.to_bytes().unwrap() == bytes, "a restored state differs");
        killed = restored;
    }
    prop_assert_eq!(whole.digest(), killed.digest());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn killed_after_any_event_and_restored(
        seed in any::<u64>(),
        lag in 0..2u64,
        events in prop::collection::vec(event(), 1..60),
    ) {
        killed_and_restored(|| sec(seed, lag), &events)?;
        killed_and_restored(|| gain_rl(seed, lag), &events)?;
        killed_and_restored(|| staged(seed, lag), &events)?;
    }
}

/// A trainer with a prefetch thread that is killed half-way and goes on with what was unfinished.
#[test]
fn prefetch_goes_on_after_a_restore() {
    let load = |batch: &Batch| batch.samples().map(|sample| sample.0 * 10).collect::<Vec<_>>();
    let report = |batch: &Batch| -> Vec<Feedback> {
        batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0))).collect()
    };
    for lag in [0, 1, 2] {
        let mut plain = sec(5, lag);
        let mut expected = Vec::new();
        for _ in 0..12 {
            let batch = plain.draw(10).unwrap();
            plain.observe(&report(&batch)).unwrap();
            expected.push(batch);
        }

        let mut seen = Vec::new();
        let mut prefetch = Prefetch::new(sec(5, lag), 10, load);
        let saved = loop {
            let (batch, items) = prefetch.draw().unwrap();
            assert_eq!(items, load(&batch));
            if seen.len() == 6 {
                // Killed in the middle of the seventh batch: it is not in `seen`.
                break prefetch.feed().to_bytes().unwrap();
            }
            prefetch.observe(&report(&batch)).unwrap();
            seen.push(batch);
        };
        drop(prefetch);

        let mut restored = sec(5, lag);
        restored.restore_bytes(&saved).unwrap();
        let unfinished = restored.unfinished();
        let mut prefetch = Prefetch::new(restored, 10, load).again(unfinished);
        while seen.len() < expected.len() {
            let (batch, items) = prefetch.draw().unwrap();
            assert_eq!(items, load(&batch));
            prefetch.observe(&report(&batch)).unwrap();
            seen.push(batch);
        }
        assert_eq!(seen, expected, "lag {lag}");
    }
}

#[test]
fn a_worker_that_panics_closes_the_prefetch() {
    let load = |_: &Batch| -> u8 { panic!("this message belongs to the test") };
    let mut prefetch = Prefetch::new(sec(1, 1), 4, load);
    assert_eq!(prefetch.draw().err(), Some(Error::Closed));
}
