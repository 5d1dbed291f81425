//! Training steps of so many useful tickets: what is asked for, banked, used, and what is done where there is not enough.

use crate::common::{self, outcome};
use curricle::policy::{Boltzmann, Fixed};
use curricle::sampler::Replace;
use curricle::{
    AgeLimit, Arrival, Builder, Curriculum, Draw, Error, Feed, Feedback, Gate, Journal, Measure,
    Missing, Outcome, Purpose, Reason, Refill, Rng, Round, Starvation, Step, Ticket, Useful, Verdict,
};

const STARVATIONS: [Starvation; 5] = [
    Starvation::Fail,
    Starvation::Partial,
    Starvation::Relax,
    Starvation::BestRejected,
    Starvation::Banked,
];

fn gate() -> Gate {
    Gate::zero_signal_by(Measure::Success).and(Gate::band(0.2, 0.8))
}

fn builder(refill: Refill) -> Builder<Boltzmann, curricle::signal::GroupSpread, Replace> {
    Curriculum::builder(60)
        .arms(4, |sample| (sample.0 / 15) as u32)
        .policy(Boltzmann::new())
        .sampler(Replace)
        .gate(gate())
        .refill(refill)
        .seed(3)
}

/// What the outcome of a ticket of this number is judged, worked out beside the gate.
fn verdict(ticket: u64) -> Verdict {
    let success = outcome(ticket).success.unwrap();
    match success {
        _ if success.min(1.0 - success) <= 1e-6 => Verdict::Reject(Reason::ZeroSignal),
        _ if success < 0.2 => Verdict::Reject(Reason::TooHard),
        _ if success > 0.8 => Verdict::Reject(Reason::TooEasy),
        _ => Verdict::Admit,
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Open,
    Banked,
    Used,
    Rejected,
    Lost,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    draw: Draw,
    round: u64,
    version: u64,
    fate: Fate,
}

/// A model of the ledger and the bank: one list of all tickets.
#[derive(Debug, Default)]
struct Model {
    tickets: Vec<Known>,
    /// The first ticket of the step under way.
    first: usize,
    version: u64,
    rounds: u64,
}

impl Model {
    fn is_old(&self, known: &Known, limit: Option<u64>) -> bool {
        limit.is_some_and(|most| self.version - known.version > most)
    }

    fn count(&self, fate: Fate) -> u64 {
        self.tickets.iter().filter(|known| known.fate == fate).count() as u64
    }

    /// The tickets of a fate, in order.
    fn with(&self, is: impl Fn(&Known) -> bool) -> Vec<usize> {
        (0..self.tickets.len()).filter(|&ticket| is(&self.tickets[ticket])).collect()
    }

    /// What a step takes that has drawn all it may.
    fn starved(
        &mut self,
        want: usize,
        limit: Option<u64>,
        starvation: Starvation,
    ) -> Option<Vec<usize>> {
        let mut taken = self.with(|it| it.fate == Fate::Banked && !self.is_old(it, limit));
        let missing = want - taken.len();
        let success = |ticket: usize| outcome(ticket as u64).success.unwrap();
        let balance = |ticket: usize| success(ticket).min(1.0 - success(ticket));
        let mut second: Vec<usize> = match starvation {
            Starvation::Fail => return None,
            Starvation::Relax | Starvation::BestRejected => (self.first..self.tickets.len())
                .filter(|&ticket| self.tickets[ticket].fate == Fate::Rejected)
                .filter(|&ticket| match verdict(ticket as u64) {
                    Verdict::Reject(Reason::ZeroSignal) => starvation == Starvation::BestRejected,
                    Verdict::Reject(_) => true,
                    _ => false,
                })
                .collect(),
            Starvation::Banked => {
                let mut old = self.with(|it| it.fate == Fate::Banked && self.is_old(it, limit));
                old.reverse();
                old
            }
            _ => vec![],
        };
        let signal = |ticket: usize| outcome(ticket as u64).abs_advantage.unwrap();
        if starvation == Starvation::Relax {
            second.sort_by(|&a, &b| balance(b).total_cmp(&balance(a)));
        } else if starvation == Starvation::BestRejected {
            second.sort_by(|&a, &b| {
                signal(b).total_cmp(&signal(a)).then(balance(b).total_cmp(&balance(a)))
            });
        }
        taken.extend(second.into_iter().take(missing));
        taken.sort_unstable();
        (!taken.is_empty()).then_some(taken)
    }

    fn take(&mut self, useful: &[Useful], expected: &[usize], limit: Option<u64>) {
        let found: Vec<usize> = useful.iter().map(|it| it.draw.ticket.0 as usize).collect();
        assert_eq!(found, expected);
        for it in useful {
            let known = &mut self.tickets[it.draw.ticket.0 as usize];
            assert_eq!((it.draw, it.round.0, it.version), (known.draw, known.round, known.version));
            known.fate = Fate::Used;
        }
        for ticket in self.with(|it| it.fate == Fate::Banked && self.is_old(it, limit)) {
            self.tickets[ticket].fate = Fate::Rejected;
        }
        self.first = self.tickets.len();
    }
}

/// Steps, reports of any part in any order, lost tickets, new versions, kills and reopened journals, in both paces and
/// with every answer to starvation, against the model.
fn any_order_of_calls(cases: std::ops::Range<u64>) -> [usize; 5] {
    let (mut waits, mut starved, mut ready, mut second, mut old) = (0, 0, 0, 0, 0);
    for case in cases {
        let starvation = STARVATIONS[case as usize % 5];
        let limit = [None, Some(1)][case as usize / 5 % 2];
        let is_arrival = case / 10 % 2 == 1;
        let build = || {
            let refill = Refill::new().confidence(0.8).most(14).starvation(starvation);
            let refill = limit.map_or(refill, |most| refill.bank(AgeLimit::versions(most)));
            let builder = builder(refill);
            let builder = if is_arrival {
                builder.pace(Arrival::new().in_flight(10))
            } else {
                builder.lag(1).missing(Missing::Lose)
            };
            builder.build().unwrap()
        };
        let folder = common::folder();
        let path = folder.path().join("run");
        let open = || Journal::open(&path, build()).unwrap().durability(curricle::Durability::OnDemand);
        let mut journal = open();
        let mut rng = Rng::at(case, Round(0), Purpose::User);
        let mut model = Model::default();
        for _ in 0..100 {
            let is_open = |it: &Known| it.fate == Fate::Open;
            match rng.below(10) {
                0..=4 => {
                    let want = 5;
                    let before = model.rounds;
                    let step = journal.step(want).unwrap();
                    let usable = model.with(|it| it.fate == Fate::Banked && !model.is_old(it, limit));
                    match step {
                        Step::Draw(batch) => {
                            assert!(usable.len() < want);
                            let is_first = model.first == model.tickets.len();
                            assert_eq!(batch.round.0, if is_first { before } else { before - 1 });
                            model.rounds = batch.round.0 + 1;
                            if is_first && !is_arrival {
                                // What was due has been given up.
                                let due = |it: &Known| is_open(it) && it.round + 2 <= batch.round.0;
                                for ticket in model.with(due) {
                                    model.tickets[ticket].fate = Fate::Lost;
                                }
                            }
                            let known = |draw: &Draw| Known {
                                draw: *draw,
                                round: batch.round.0,
                                version: batch.version,
                                fate: Fate::Open,
                            };
                            assert_eq!(batch.version, model.version);
                            model.tickets.extend(batch.draws.iter().map(known));
                            assert!(model.tickets.len() - model.first <= 14);
                            let flying = model.count(Fate::Open);
                            assert!(!is_arrival || flying <= 10, "{flying}");
                        }
                        Step::Wait { open } => {
                            // A wait can have folded in what was due.
                            if !is_arrival && model.first == model.tickets.len() {
                                let round = model.rounds;
                                for ticket in model.with(|it| is_open(it) && it.round + 2 <= round) {
                                    model.tickets[ticket].fate = Fate::Lost;
                                }
                            }
                            assert!(open > 0 && usable.len() < want);
                            waits += 1;
                        }
                        Step::Ready(useful) if usable.len() >= want => {
                            model.take(&useful, &usable[..want], limit);
                            ready += 1;
                        }
                        Step::Ready(useful) => {
                            assert_eq!(model.count(Fate::Open), 0);
                            let expected = model.starved(want, limit, starvation).unwrap();
                            second += expected.len() - usable.len();
                            model.take(&useful, &expected, limit);
                        }
                        Step::Starved { have, drawn } => {
                            assert_eq!(model.count(Fate::Open), 0);
                            assert_eq!(model.starved(want, limit, starvation), None);
                            assert_eq!(have, usable.len());
                            assert_eq!(drawn, (model.tickets.len() - model.first) as u64);
                            model.first = model.tickets.len();
                            starved += 1;
                        }
                        other => panic!("{other:?}"),
                    }
                }
                5..=7 => {
                    let mut open = model.with(is_open);
                    rng.shuffle(&mut open);
                    open.truncate(rng.below(8) as usize);
                    let report: Vec<Feedback> = open
                        .iter()
                        .map(|&ticket| Feedback::new(Ticket(ticket as u64), outcome(ticket as u64)))
                        .collect();
                    let verdicts = journal.observe(&report).unwrap();
                    for (ticket, found) in open.into_iter().zip(verdicts) {
                        assert_eq!(found, verdict(ticket as u64));
                        let is_admitted = found == Verdict::Admit;
                        model.tickets[ticket].fate =
                            if is_admitted { Fate::Banked } else { Fate::Rejected };
                    }
                }
                8 if rng.below(2) == 0 => {
                    model.version += 1;
                    journal.set_version(model.version).unwrap();
                    old += model.with(|it| it.fate == Fate::Banked && model.is_old(it, limit)).len();
                }
                8 => {
                    // Also what has come already: in lockstep until it is folded in, and as long as it is banked.
                    let all = model.tickets.len() as u64;
                    let ticket = all.saturating_sub(1 + rng.below(12)) as usize;
                    if let Some(known) = model.tickets.get_mut(ticket) {
                        let lost = journal.lose(&[Ticket(ticket as u64)]);
                        match known.fate {
                            Fate::Open | Fate::Banked => assert_eq!(lost, Ok(())),
                            Fate::Lost => {
                                assert_eq!(lost, Err(Error::LateTicket(Ticket(ticket as u64))))
                            }
                            Fate::Used | Fate::Rejected => {}
                        }
                        if lost.is_ok() {
                            known.fate = Fate::Lost;
                        }
                    }
                }
                _ => {
                    journal = common::reopened(journal, &path, build, rng.below(2) == 0);
                }
            }
            let counts = journal.curriculum().counts();
            let found = [
                counts.drawn,
                counts.open,
                counts.banked,
                counts.admitted,
                counts.rejected,
                counts.lost,
            ];
            let of = |fate| model.count(fate);
            let all = model.tickets.len() as u64;
            let expected = [
                all,
                of(Fate::Open),
                of(Fate::Banked),
                of(Fate::Used),
                of(Fate::Rejected),
                of(Fate::Lost),
            ];
            assert_eq!(found, expected);
            assert!(counts.is_conserved());
        }
    }
    [waits, starved, ready, second, old]
}

#[test]
fn any_order_of_calls_against_a_slow_model() {
    let seen = any_order_of_calls(0..80);
    assert!(seen.iter().all(|&count| count > 20), "{seen:?}");
}

/// The same for longer: 100 calls a case.
#[test]
#[ignore = "takes minutes"]
fn many_calls_against_a_slow_model() {
    let cases = std::env::var("CASES").map_or(1000, |cases| cases.parse().unwrap());
    println!("{cases} cases: {:?}", any_order_of_calls(1000..1000 + cases));
}

/// In lockstep neither the sizes of the draws nor what a step takes depend on the order in which feedback arrives.
#[test]
fn the_order_of_arrival_makes_no_difference_in_lockstep() {
    let run = |seed: u64| {
        let mut curriculum = builder(Refill::new().confidence(0.8)).build().unwrap();
        let mut rng = Rng::at(seed, Round(0), Purpose::User);
        let mut taken = Vec::new();
        while taken.len() < 12 {
            match curriculum.step(9).unwrap() {
                Step::Draw(mut batch) => {
                    rng.shuffle(&mut batch.draws);
                    for some in batch.draws.chunks(1 + rng.below(5) as usize) {
                        let report: Vec<Feedback> = some
                            .iter()
                            .map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0)))
                            .collect();
                        curriculum.observe(&report).unwrap();
                    }
                }
                Step::Ready(useful) => taken.push(useful),
                other => panic!("{other:?}"),
            }
        }
        (taken, curriculum.digest(), curriculum.to_bytes().unwrap())
    };
    let first = run(0);
    for seed in 1..6 {
        let other = run(seed);
        assert_eq!(other.0, first.0);
        assert!((other.1, other.2) == (first.1, first.2.clone()));
    }
}

/// One draw is expected to be enough as often as was asked, whatever the rates and however they drift.
#[test]
fn the_confidence_holds() {
    for confidence in [0.5, 0.9] {
        for (what, rate) in [
            ("rare", (|_, _| 0.05) as fn(u32, u64) -> f64),
            ("even", |_, _| 0.5),
            ("common", |_, _| 0.95),
            ("by arm", |arm, _| [0.05, 0.3, 0.6, 0.95][arm as usize]),
            ("drifting", |arm, step| 0.1 + 0.8 * ((step + 50 * u64::from(arm)) % 200) as f64 / 200.0),
            ("falling", |_, step| 0.9 - 0.002 * step as f64),
        ] {
            let refill = Refill::new().confidence(confidence).most(100_000);
            let mut curriculum = Curriculum::builder(40_000)
                .arms(4, |sample| (sample.0 / 10_000) as u32)
                .policy(Fixed::by_size())
                .sampler(Replace)
                .gate(Gate::zero_signal())
                .refill(refill)
                .build()
                .unwrap();
            let mut rng = Rng::at(1, Round(0), Purpose::User);
            let (mut one, mut several, mut surplus) = (0u32, 0u32, 0u64);
            for step in 0..400 {
                let mut draws = 0;
                loop {
                    match curriculum.step(32).unwrap() {
                        Step::Draw(batch) => {
                            draws += 1;
                            let mut report = Vec::new();
                            for draw in &batch.draws {
                                let is_useful = rng.unit() < rate(draw.arm.0, step);
                                let success = if is_useful { 0.5 } else { 1.0 };
                                let seen = Outcome::default().success(success).rollouts(8);
                                report.push(Feedback::new(draw.ticket, seen));
                            }
                            curriculum.observe(&report).unwrap();
                        }
                        Step::Ready(useful) => {
                            assert_eq!(useful.len(), 32);
                            break;
                        }
                        other => panic!("{other:?}"),
                    }
                }
                // Once something is known.
                if step >= 20 {
                    one += u32::from(draws == 1);
                    several += u32::from(draws > 1);
                    surplus += curriculum.counts().banked;
                }
            }
            let share = f64::from(several) / f64::from((one + several).max(1));
            let surplus = surplus as f64 / 380.0;
            println!(
                "{confidence} {what}: {share:.3} of {} steps that drew, surplus {surplus:.1}",
                one + several
            );
            assert!(share < 1.0 - confidence + 0.06, "{confidence} {what}: {share}");
            // Half a standard deviation or three are a few tickets, not another step.
            assert!(surplus < 32.0, "{confidence} {what}: {surplus}");
        }
    }
}

/// A rate that falls is found out within the step: what was known before counts less with each ticket.
#[test]
fn a_step_after_a_fall_takes_few_draws() {
    for (arms, want, most_draws) in [(1, 64, 5), (1, 256, 5), (4, 64, 11), (4, 256, 6)] {
        for seed in 0..8 {
            let mut curriculum = Curriculum::builder(400)
                .arms(arms, |sample| (sample.0 % u64::from(arms)) as u32)
                .policy(Fixed::by_size())
                .sampler(Replace)
                .gate(Gate::zero_signal())
                .refill(Refill::new().most(100_000))
                .build()
                .unwrap();
            let mut rng = Rng::at(seed, Round(0), Purpose::User);
            let (mut step, mut draws, mut rate) = (0, 0, 0.9);
            // The first step after the fall that is not filled from the bank.
            while rate > 0.5 || draws == 0 {
                (step, draws) = (step + 1, 0);
                rate = if step <= 150 { 0.9 } else { 0.1 };
                while let Step::Draw(batch) = curriculum.step(want).unwrap() {
                    draws += 1;
                    let report: Vec<Feedback> = (batch.draws.iter())
                        .map(|draw| {
                            let success = if rng.unit() < rate { 0.5 } else { 1.0 };
                            let seen = Outcome::default().success(success).rollouts(8);
                            Feedback::new(draw.ticket, seen)
                        })
                        .collect();
                    curriculum.observe(&report).unwrap();
                }
            }
            println!("{arms} arms, {want} wanted: {draws} draws");
            assert!(draws <= most_draws, "{arms} arms, {want} wanted: {draws} draws");
        }
    }
}

/// All draws of a step are of one round: one step of learning, one value of each schedule.
#[test]
fn draws_of_a_step_share_a_round() {
    let mut curriculum = builder(Refill::new().confidence(0.5).most(10_000)).lag(1).build().unwrap();
    let all_rejected = Outcome::default().success(0.0).abs_advantage(0.0).rollouts(8);
    let mut rounds = Vec::new();
    while rounds.len() < 2 {
        let Step::Draw(batch) = curriculum.step(8).unwrap() else { panic!() };
        rounds.push(batch.round.0);
        let report: Vec<Feedback> =
            batch.draws.iter().map(|draw| Feedback::new(draw.ticket, all_rejected)).collect();
        curriculum.observe(&report).unwrap();
    }
    assert_eq!(rounds, [0, 0]);
    assert_eq!(curriculum.metrics().get("feedback/pending_rounds"), Some(1.0));
    let tickets: Vec<u64> = curriculum.unfinished().iter().map(|batch| batch.round.0).collect();
    assert_eq!(tickets, [0u64; 0]);
}

/// What is in the bank is used first, the first drawn first, until it is too old.
#[test]
fn surplus_is_banked() {
    let build = |bank: Option<AgeLimit>| {
        let refill = bank.map_or(Refill::new(), |limit| Refill::new().bank(limit)).confidence(0.99);
        builder(refill).gate(Gate::All).build().unwrap()
    };
    let draw = |curriculum: &mut Curriculum<_, _, _>| match curriculum.step(4).unwrap() {
        Step::Draw(batch) => {
            let report: Vec<Feedback> =
                batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(1))).collect();
            curriculum.observe(&report).unwrap();
            batch.draws.len()
        }
        other => panic!("{other:?}"),
    };
    let ready = |curriculum: &mut Curriculum<_, _, _>| match curriculum.step(4).unwrap() {
        Step::Ready(useful) => useful.iter().map(|it| it.draw.ticket.0).collect::<Vec<u64>>(),
        other => panic!("{other:?}"),
    };
    let mut kept = build(None);
    let drawn = draw(&mut kept);
    assert!(drawn >= 8, "nothing is known yet: {drawn}");
    assert_eq!((ready(&mut kept), ready(&mut kept)), (vec![0, 1, 2, 3], vec![4, 5, 6, 7]));
    let mut young = build(Some(AgeLimit::versions(0)));
    draw(&mut young);
    assert_eq!(ready(&mut young), [0, 1, 2, 3]);
    let banked = young.counts().banked;
    young.set_version(1).unwrap();
    // All that is left is too old: it is drawn anew, and the old is rejected with the step.
    draw(&mut young);
    assert_eq!(ready(&mut young)[0], drawn as u64);
    assert_eq!(
        (young.counts().rejected, young.metrics().get("gate/rejected/stale")),
        (banked, Some(banked as f64))
    );
    let of_arms: f64 = (0..4)
        .filter_map(|arm| {
            young.fold().unwrap();
            young.metrics().get(&format!("arm/{arm}/rejected/stale"))
        })
        .sum();
    assert!(of_arms <= banked as f64);
}

/// A step of a curriculum without refill, a draw of one with, and bounds beyond their ends.
#[test]
fn what_is_refused() {
    let mut plain = Curriculum::builder(10).build().unwrap();
    assert!(matches!(plain.step(3), Err(Error::Unsupported { request: "step", .. })));
    let mut refilled = builder(Refill::new()).build().unwrap();
    assert!(matches!(refilled.draw(3), Err(Error::Unsupported { request: "draw", .. })));
    assert!(matches!(refilled.step(0), Err(Error::OutOfRange { .. })));
    for bad in [
        Refill::new().confidence(0.0),
        Refill::new().confidence(1.0),
        Refill::new().confidence(f64::NAN),
        Refill::new().window(0.5),
        Refill::new().window(f64::INFINITY),
        Refill::new().most(0),
    ] {
        assert!(builder(bad).build().is_err(), "{bad:?}");
    }
    let bytes = plain.to_bytes().unwrap();
    let mut other = Curriculum::builder(10).refill(Refill::new()).build().unwrap();
    let refused = other.restore_bytes(&bytes).unwrap_err().to_string();
    assert!(refused.contains("steps is refilled, in the file drawn"), "{refused}");
    // Nothing to draw: an answer, not an error.
    let mut empty = Curriculum::builder(2).weights(vec![0.0; 2]).refill(Refill::new()).build().unwrap();
    assert_eq!(Feed::step(&mut empty, 3), Ok(Step::Starved { have: 0, drawn: 0 }));
    // Distinct samples of a pool that is smaller than the need: what there is.
    let mut small = Curriculum::builder(5).refill(Refill::new()).build().unwrap();
    let Step::Draw(batch) = small.step(64).unwrap() else { panic!() };
    assert_eq!(batch.draws.len(), 5);
}

/// In the pace of arrival tickets become too old in the middle of a step: it does not wait for them for ever.
#[test]
fn a_step_gives_up_what_becomes_too_old_while_it_waits() {
    let pace = Arrival::new().give_up(AgeLimit::versions(1));
    let mut curriculum = builder(Refill::new().confidence(0.5)).pace(pace).build().unwrap();
    let Step::Draw(first) = curriculum.step(8).unwrap() else { panic!() };
    assert!(matches!(curriculum.step(8).unwrap(), Step::Wait { .. }));
    curriculum.set_version(1).unwrap();
    assert!(matches!(curriculum.step(8).unwrap(), Step::Wait { .. }));
    curriculum.set_version(2).unwrap();
    let Step::Draw(second) = curriculum.step(8).unwrap() else { panic!() };
    assert_eq!(second.round, first.round);
    let counts = curriculum.counts();
    assert_eq!((counts.lost, counts.open), (first.draws.len() as u64, second.draws.len() as u64));
}
