//! Threads that hand over to each other, under thousands of schedules: shuttle runs one thread at a time and says at each
//! lock, wake-up and message who goes on. What is tried are the files of `src/feed` themselves, compiled with its
//! primitives.
//!
//! A schedule that fails is printed, to be run again by `shuttle::replay`.

#![allow(dead_code, unused_imports, reason = "the included files have more than is tried here")]

mod feed;

/// What the included files name by their place in the crate.
mod base {
    pub mod error {
        pub use curricle::{Error, Result};
    }
    pub mod metrics {
        pub use curricle::Metrics;
    }
}
mod curriculum {
    pub mod refill {
        pub use curricle::Step;
    }
}
mod event {
    pub use curricle::{Batch, Feedback, Verdict};
}

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use curricle::feed::ranks::Replicated;
use curricle::policy::{Allotment, Boltzmann, Policy, Reads, Reward, Turn};
use curricle::{
    Arrival, Batch, Curriculum, Error, Feed, Feedback, Gate, Measure, Outcome, Population, Refill,
    Result, Rng, Step, Ticket,
};
use feed::{Exchange, Lockstep, Prefetch, Threads};
use serde::{Deserialize, Serialize};
use shuttle::sync::mpsc::channel;
use shuttle::sync::{Arc, Mutex};
use shuttle::thread::spawn;

/// How many schedules each test tries: so many by chance, and as many by chance with few changes of priority, which finds
/// what needs a certain order of few steps.
const SCHEDULES: usize = 2000;

fn every_schedule(run: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(run.clone(), SCHEDULES);
    shuttle::check_pct(run, SCHEDULES, 3);
}

fn report(batch: &Batch) -> Vec<Feedback> {
    let seen = |ticket: Ticket| Outcome::default().success((ticket.0 % 4) as f32 / 4.0).rollouts(8);
    batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen(draw.ticket))).collect()
}

fn builder() -> curricle::Builder<Boltzmann> {
    Curriculum::builder(12).arms(3, |sample| sample.0 as u32 % 3).policy(Boltzmann::new()).seed(7)
}

/// The batches of one thread that reports whatever it has drawn.
fn alone(lag: u64, rounds: usize) -> Vec<Batch> {
    let mut curriculum = builder().lag(lag).build().unwrap();
    let mut batches: Vec<Batch> = Vec::new();
    for _ in 0..rounds {
        batches.push(curriculum.draw(4).unwrap());
        curriculum.observe(&report(batches.last().unwrap())).unwrap();
    }
    batches
}

/// One thread draws, two others report half of each batch: nobody waits for ever, and the batches are those of one thread.
#[test]
fn the_same_batches_whatever_the_schedule() {
    const ROUNDS: usize = 4;
    for lag in [0, 1] {
        let expected = alone(lag, ROUNDS);
        every_schedule(move || {
            let feed = Lockstep::new(builder().lag(lag).build().unwrap()).patience(Duration::MAX);
            let (orders, threads): (Vec<_>, Vec<_>) = (0..2)
                .map(|_| {
                    let (orders, ordered) = channel::<Vec<Feedback>>();
                    let reporter = feed.reporter();
                    let thread = spawn(move || {
                        for part in ordered {
                            assert_eq!(reporter.observe(&part).unwrap().len(), 2);
                        }
                    });
                    (orders, thread)
                })
                .unzip();
            for (place, batch) in feed.batches(4).take(ROUNDS).enumerate() {
                let batch = batch.unwrap();
                assert_eq!(batch, expected[place]);
                for (part, orders) in report(&batch).chunks(2).zip(&orders) {
                    orders.send(part.to_vec()).unwrap();
                }
            }
            drop(orders);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            let counts = feed.with(|curriculum| curriculum.counts()).unwrap();
            assert_eq!((counts.drawn, counts.admitted), (4 * ROUNDS as u64, 4 * ROUNDS as u64));
        });
    }
}

/// Two threads draw from one feed, two others report: each batch has its turn, whoever gets it.
#[test]
fn several_threads_draw() {
    let expected = alone(1, 6);
    every_schedule(move || {
        let feed = Lockstep::new(builder().lag(1).build().unwrap()).patience(Duration::MAX);
        let drawn = Arc::new(Mutex::new(Vec::new()));
        let (orders, ordered) = channel::<Batch>();
        let drawers: Vec<_> = (0..2)
            .map(|_| {
                let (mut feed, orders, drawn) = (feed.clone(), orders.clone(), drawn.clone());
                spawn(move || {
                    for _ in 0..3 {
                        let batch = feed.draw(4).unwrap();
                        drawn.lock().unwrap().push(batch.clone());
                        orders.send(batch).unwrap();
                    }
                })
            })
            .collect();
        drop(orders);
        let reporter = feed.reporter();
        let reports = spawn(move || {
            for batch in ordered {
                reporter.observe(&report(&batch)).unwrap();
            }
        });
        drawers.into_iter().for_each(|thread| thread.join().unwrap());
        reports.join().unwrap();
        let mut drawn = drawn.lock().unwrap().clone();
        drawn.sort_by_key(|batch| batch.round);
        assert_eq!(drawn, expected);
    });
}

/// In the pace of arrival a draw waits until there is room, and nothing that was reported is lost.
#[test]
fn room_is_made_by_reports() {
    every_schedule(|| {
        let pace = Arrival::new().in_flight(4);
        let feed = Lockstep::new(builder().pace(pace).build().unwrap()).patience(Duration::MAX);
        let (orders, threads): (Vec<_>, Vec<_>) = (0..2)
            .map(|_| {
                let (orders, ordered) = channel::<Feedback>();
                let reporter = feed.reporter();
                let thread = spawn(move || {
                    for one in ordered {
                        let results = reporter.report(&[one, one]).unwrap();
                        assert!(results[0].is_ok(), "{results:?}");
                        assert_eq!(results[1], Err(Error::RepeatedTicket(one.ticket)));
                    }
                });
                (orders, thread)
            })
            .unzip();
        let mut feed = feed;
        for _ in 0..5 {
            let batch = feed.draw(2).unwrap();
            for (one, orders) in report(&batch).into_iter().zip(&orders) {
                orders.send(one).unwrap();
            }
        }
        drop(orders);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let counts = feed.with(|curriculum| curriculum.counts()).unwrap();
        assert_eq!((counts.drawn, counts.admitted, counts.open), (10, 10, 0));
    });
}

/// A training step that waits for the rest of what it has drawn is woken by whoever reports it.
#[test]
fn a_step_is_woken() {
    every_schedule(|| {
        let gate = Gate::zero_signal_by(Measure::Success);
        let built = builder().gate(gate).refill(Refill::new().most(8)).build().unwrap();
        let mut feed = Lockstep::new(built).patience(Duration::MAX);
        let (orders, ordered) = channel::<Batch>();
        let reporter = feed.reporter();
        let reports = spawn(move || {
            for batch in ordered {
                for one in report(&batch) {
                    reporter.observe(&[one]).unwrap();
                }
            }
        });
        let mut steps = 0;
        while steps < 3 {
            match feed.step(2).unwrap() {
                Step::Draw(batch) => orders.send(batch).unwrap(),
                Step::Ready(useful) => {
                    assert!(!useful.is_empty());
                    steps += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        drop(orders);
        reports.join().unwrap();
    });
}

/// Who has waited long enough is told so, and has changed nothing: the next try gets the batch.
#[test]
fn patience_may_end_at_any_moment() {
    let expected = alone(0, 3);
    every_schedule(move || {
        let feed = Lockstep::new(builder().build().unwrap()).patience(Duration::from_secs(1));
        let (orders, ordered) = channel::<Batch>();
        let reporter = feed.reporter();
        let reports = spawn(move || {
            for batch in ordered {
                reporter.observe(&report(&batch)).unwrap();
            }
        });
        let mut feed = feed;
        for expected in &expected {
            let batch = loop {
                match feed.draw(4) {
                    Err(Error::Awaiting { .. }) => shuttle::thread::yield_now(),
                    drawn => break drawn.unwrap(),
                }
            };
            assert_eq!(batch, *expected);
            orders.send(batch).unwrap();
        }
        drop(orders);
        reports.join().unwrap();
    });
}

/// An error is that of the thread which caused it; the others go on.
#[test]
fn errors_reach_whom_they_concern() {
    every_schedule(|| {
        let feed = Lockstep::new(builder().build().unwrap()).patience(Duration::MAX);
        let mut drawer = feed.clone();
        let batch = drawer.draw(4).unwrap();
        let (good, bad) = (feed.reporter(), feed.reporter());
        let threads = [
            spawn(move || good.observe(&report(&batch)).map(|verdicts| assert_eq!(verdicts.len(), 4))),
            spawn(move || {
                let seen = Outcome::default().success(0.5);
                let refused = bad.observe(&[Feedback::new(Ticket(99), seen)]);
                assert_eq!(refused, Err(Error::UnknownTicket(Ticket(99))));
                let invalid = bad.observe(&[Feedback::new(Ticket(0), Outcome::default().success(2.0))]);
                // Whether that ticket has been reported by then is up to the schedule.
                assert!(matches!(invalid, Err(Error::OutOfRange { .. } | Error::RepeatedTicket(_))));
                Ok(())
            }),
            spawn(move || drawer.draw(4).map(|batch| assert_eq!(batch.round.0, 1))),
        ];
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Ok(()));
        }
    });
}

/// A policy that panics when it learns.
#[derive(Clone, Serialize, Deserialize)]
struct Faulty;

impl Policy for Faulty {
    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let arms = turn.population.arms().count();
        allotment.arms(arms).fill(1.0 / arms as f64);
        Ok(())
    }

    fn learn(&mut self, _: &Population, _: &[Reward]) {
        std::panic::resume_unwind(Box::new("a fault in a policy of one's own"));
    }
}

/// A panic of one thread reaches those that wait and those that come later as an error, and nobody waits for ever.
#[test]
fn a_panic_reaches_all() {
    every_schedule(|| {
        let built = Curriculum::builder(10).policy(Faulty).build().unwrap();
        let feed = Lockstep::new(built).patience(Duration::MAX);
        let batch = feed.clone().draw(2).unwrap();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let mut feed = feed.clone();
                // The whole run would end with a thread that panics.
                spawn(move || catch_unwind(AssertUnwindSafe(|| feed.draw(2))).ok())
            })
            .collect();
        // Whoever draws first once the feedback is there panics in the policy.
        feed.reporter().observe(&report(&batch)).unwrap();
        let ends: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ends.iter().filter(|end| end.is_none()).count(), 1, "{ends:?}");
        assert!(ends.into_iter().flatten().all(|end| end == Err(Error::Poisoned)));
        assert_eq!(feed.with(|curriculum| curriculum.round()), Err(Error::Poisoned));
    });
}

/// What is loaded ahead belongs to its batch, and the batches are those of the feed alone.
#[test]
fn loaded_ahead() {
    for lag in [0, 1] {
        let expected = alone(lag, 5);
        every_schedule(move || {
            let load = |batch: &Batch| batch.round;
            let mut prefetch = Prefetch::new(builder().lag(lag).build().unwrap(), 4, load);
            for expected in &expected {
                let (batch, loaded) = prefetch.draw().unwrap();
                assert_eq!((&batch, loaded), (expected, expected.round));
                prefetch.observe(&report(&batch)).unwrap();
            }
        });
    }
}

/// A feed that several threads share is loaded ahead while others report.
#[test]
fn loaded_ahead_while_others_report() {
    let expected = alone(1, 5);
    every_schedule(move || {
        let feed = Lockstep::new(builder().lag(1).build().unwrap()).patience(Duration::MAX);
        let reporter = feed.reporter();
        let (orders, ordered) = channel::<Batch>();
        let reports = spawn(move || {
            for batch in ordered {
                reporter.observe(&report(&batch)).unwrap();
            }
        });
        let mut prefetch = Prefetch::new(feed, 4, |batch: &Batch| batch.round);
        // What is drawn ahead of the last one waits for the reports of the one before it.
        for expected in &expected {
            let (batch, loaded) = prefetch.draw().unwrap();
            assert_eq!((&batch, loaded), (expected, expected.round));
            orders.send(batch).unwrap();
        }
        drop(orders);
        reports.join().unwrap();
    });
}

/// A worker that is gone is told as an error, at whatever moment it went.
#[test]
fn a_worker_that_is_gone() {
    every_schedule(|| {
        let load = |batch: &Batch| batch.round;
        let prefetch = Prefetch::new(builder().lag(1).build().unwrap(), 4, load);
        drop(prefetch);
    });
}

/// What each rank of a group comes to.
fn on_ranks<T: Send + 'static>(
    size: usize,
    work: impl Fn(Threads) -> T + Send + Sync + Clone + 'static,
) -> Vec<T> {
    let start = |rank| {
        let work = work.clone();
        spawn(move || work(rank))
    };
    let threads: Vec<_> = Threads::group(size).into_iter().map(start).collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

/// Ranks lay down frames of their own and fetch those of all, round by round: nobody waits for ever, nobody gets a
/// frame of another round.
#[test]
fn ranks_gather() {
    every_schedule(|| {
        let all = on_ranks(3, |mut rank| {
            for round in 0..4u8 {
                let own = rank.rank() as u8;
                let frames = rank.all_gather(&[round, own]).unwrap();
                assert_eq!(frames, [[round, 0], [round, 1], [round, 2]]);
            }
        });
        assert_eq!(all.len(), 3);
    });
}

/// A rank that ends, at whatever moment, is an error of those that wait for it, and takes back nothing that was
/// complete.
#[test]
fn a_rank_that_ends_is_told() {
    every_schedule(|| {
        let all = on_ranks(3, |mut rank| {
            let rounds = if rank.rank() == 1 { 1 } else { 3 };
            let gathered = |_| rank.all_gather(b"frame").map(|frames| frames.len());
            (0..rounds).map(gathered).collect::<Vec<_>>()
        });
        let gone = Err(Error::RankGone { rank: 1 });
        assert_eq!(all[1], [Ok(3)]);
        assert_eq!((&all[0], &all[2]), (&vec![Ok(3), gone.clone(), gone.clone()], &all[0]));
    });
}

/// The same for one that panics.
#[test]
fn a_rank_that_panics_is_told() {
    every_schedule(|| {
        let all = on_ranks(2, |mut rank| {
            let work = || {
                rank.all_gather(b"frame").unwrap();
                if rank.rank() == 0 {
                    std::panic::resume_unwind(Box::new("a fault in a trainer"));
                }
                rank.all_gather(b"frame")
            };
            // The whole run would end with a thread that panics; the handle goes as it would then.
            let end = catch_unwind(AssertUnwindSafe(work)).ok();
            drop(rank);
            end
        });
        assert_eq!(all, [None, Some(Err(Error::RankGone { rank: 0 }))]);
    });
}

/// Ranks of one curriculum draw the batches of one thread, whatever the schedule.
#[test]
fn ranks_draw_the_same() {
    let expected = alone(1, 4);
    every_schedule(move || {
        let parts = on_ranks(2, |rank| {
            let mut feed = Replicated::new(builder().lag(1).build().unwrap(), rank);
            let draw = |_| {
                let batch = feed.draw(2).unwrap();
                feed.observe(&report(&batch)).unwrap();
                batch
            };
            (0..4).map(draw).collect::<Vec<Batch>>()
        });
        for (place, expected) in expected.iter().enumerate() {
            let draws = [&parts[0][place].draws[..], &parts[1][place].draws].concat();
            assert_eq!(draws, expected.draws);
        }
    });
}

/// The search finds a wake-up that is lost.
#[test]
#[should_panic(expected = "deadlock")]
fn a_lost_wake_up_is_found() {
    every_schedule(|| {
        let pair = Arc::new((shuttle::sync::Mutex::new(()), shuttle::sync::Condvar::new()));
        let other = pair.clone();
        let thread = spawn(move || other.1.notify_all());
        drop(pair.1.wait(pair.0.lock().unwrap()).unwrap());
        thread.join().unwrap();
    });
}
