//! Refill among ranks, held against one curriculum that steps by the sum.

use curricle::feed::ranks::{Exchange, Replicated};
use curricle::sampler::Passes;
use curricle::{
    Curriculum, Draw, Error, Feed, Feedback, Gate, Measure, Outcome, Refill, Starvation, Step, Stop,
    Useful,
};

use super::{SIZES, bytes, divided, on_ranks, state};

fn build(
    starvation: Starvation,
) -> Curriculum<impl curricle::Policy, impl curricle::Signal, impl curricle::Sampler> {
    super::builder(11)
        .gate(Gate::zero_signal_by(Measure::Success))
        .refill(Refill::new().starvation(starvation).most(60))
        .build()
        .unwrap()
}

/// Two thirds of the groups are dead.
fn judged(draws: &[Draw]) -> Vec<Feedback> {
    let success = |ticket: u64| if ticket * 2_654_435_761 % 7 < 2 { 0.5 } else { 1.0 };
    let group =
        |ticket| Outcome::default().success(success(ticket)).abs_advantage(success(ticket)).rollouts(8);
    draws.iter().map(|draw| Feedback::new(draw.ticket, group(draw.ticket.0))).collect()
}

#[derive(Debug, PartialEq)]
enum Said {
    Draw(Vec<Draw>),
    Ready(Vec<Useful>),
    Starved { have: usize, drawn: u64 },
}

/// Steps until the step is over; reports what is drawn, unless it is kept back once.
fn run(
    step: &mut impl FnMut(usize) -> Step,
    report: &mut impl FnMut(usize, &[Draw]),
    want: usize,
) -> Vec<Said> {
    let mut all = Vec::new();
    for draws in 0.. {
        match step(want) {
            Step::Draw(batch) => {
                report(draws, &batch.draws);
                all.push(Said::Draw(batch.draws));
            }
            Step::Ready(useful) => {
                all.push(Said::Ready(useful));
                break;
            }
            Step::Starved { have, drawn } => {
                all.push(Said::Starved { have, drawn });
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    all
}

const TOTALS: [usize; 7] = [16, 5, 0, 30, 12, 24, 9];

/// Draws, useful tickets and state are those of one curriculum; every rank that asks is given its part of each.
#[test]
fn steps_of_ranks_are_those_of_one() {
    for starvation in [Starvation::Partial, Starvation::Fail, Starvation::BestRejected] {
        let mut twin = build(starvation);
        let mut expected = Vec::new();
        let mut starved = 0;
        for total in TOTALS.into_iter().filter(|&total| total > 0) {
            let mut drawn: Vec<Draw> = Vec::new();
            loop {
                twin.observe(&judged(&drawn.split_off(0))).unwrap();
                match twin.step(total).unwrap() {
                    Step::Draw(batch) => {
                        expected.push(Said::Draw(batch.draws.clone()));
                        drawn = batch.draws;
                    }
                    Step::Ready(useful) => {
                        starved += usize::from(useful.len() < total);
                        expected.push(Said::Ready(useful));
                        break;
                    }
                    Step::Starved { have, drawn } => {
                        starved += 1;
                        expected.push(Said::Starved { have, drawn });
                        break;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(starved > 0 || starvation == Starvation::BestRejected);
        for size in SIZES {
            let parts = on_ranks(size, |threads| {
                let rank = threads.rank();
                let feed = std::cell::RefCell::new(Replicated::new(build(starvation), threads));
                let mut all = Vec::new();
                for (round, total) in (0..).zip(TOTALS) {
                    let want = divided(total, size, 7, round)[rank];
                    let mut step = |want| feed.borrow_mut().step(want).unwrap();
                    let mut report = |_, draws: &[Draw]| {
                        feed.borrow_mut().observe(&judged(draws)).map(drop).unwrap();
                    };
                    let said = run(&mut step, &mut report, want);
                    if total > 0 {
                        all.extend(said);
                    } else {
                        assert_eq!(said, [Said::Ready(Vec::new())]);
                    }
                }
                let mut feed = feed.into_inner();
                (all, state(feed.exchange().unwrap()))
            });
            let mut together: Vec<Said> = Vec::new();
            for (said, bytes_of_rank) in parts {
                assert!(bytes_of_rank == bytes(&twin), "the state of {size} ranks");
                if together.is_empty() {
                    together = said;
                    continue;
                }
                assert_eq!(together.len(), said.len());
                for (all, one) in together.iter_mut().zip(said) {
                    match (all, one) {
                        (Said::Draw(all), Said::Draw(one)) => all.extend(one),
                        (Said::Ready(all), Said::Ready(one)) => all.extend(one),
                        (all, one) => assert_eq!(*all, one),
                    }
                }
            }
            assert_eq!(together, expected, "{size} ranks");
        }
    }
}

/// A step waits on all ranks for what none has reported yet.
#[test]
fn a_step_waits_for_all() {
    on_ranks(2, |threads| {
        let rank = threads.rank();
        let mut feed = Replicated::new(build(Starvation::Partial), threads);
        let Step::Draw(batch) = feed.step(6).unwrap() else { panic!("nothing is banked yet") };
        let all = feed.replica().counts().open;
        // Enough are useful for what is open to be expected to do.
        let useful = Outcome::default().success(0.5).abs_advantage(1.0).rollouts(8);
        let told = if rank == 0 { &batch.draws[..4] } else { &[] };
        let told: Vec<Feedback> = told.iter().map(|draw| Feedback::new(draw.ticket, useful)).collect();
        feed.observe(&told).unwrap();
        assert_eq!(feed.step(6), Ok(Step::Wait { open: all - 4 }));
    });
}

/// The last batch before a stop is shorter than was wanted: each rank gets its share of it, and the end is told to
/// all.
#[test]
fn a_short_batch_is_shared() {
    let parts = on_ranks(3, |threads| {
        let rank = threads.rank();
        let builder = Curriculum::builder(20).sampler(Passes).stop(Stop::AllExhausted(1));
        let mut feed = Replicated::new(builder.build().unwrap(), threads);
        let mut sizes = Vec::new();
        loop {
            match feed.draw([4, 8, 0][rank]) {
                Ok(batch) => {
                    let seen = Outcome::default().success(0.5);
                    let all: Vec<Feedback> =
                        batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen)).collect();
                    feed.observe(&all).unwrap();
                    sizes.push(batch.draws.len());
                }
                Err(error) => break assert_eq!(error, Error::Finished),
            }
        }
        sizes
    });
    // The second batch has 8 of the 12.
    assert_eq!(parts, [[4, 2], [8, 6], [0, 0]]);
}
