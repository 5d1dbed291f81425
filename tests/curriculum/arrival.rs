//! The pace of arrival: feedback is folded in by the call that reports it, whatever else is under way.

use crate::common::{self, feedback, outcome, policies};
use curricle::policy::{Any, Boltzmann, Reward};
use curricle::sampler::Distinct;
use curricle::signal::{GroupSpread, Trial};
use curricle::{
    Age, AgeLimit, Arrival, Batch, Curriculum, Error, Feed, Feedback, Gate, Journal, Measure, Outcome,
    Policy, Population, Purpose, Reason, Rng, Round, Signal, Ticket, Verdict, Weighting,
};
use serde::{Deserialize, Serialize};

fn builder(policy: Any) -> curricle::Builder<Any, GroupSpread, Distinct> {
    Curriculum::builder(60).arms(4, |sample| (sample.0 / 15) as u32).policy(policy).seed(11)
}

/// Where whole batches come back before the next is drawn, the two paces are the same, to the last bit, for every policy
/// and whatever goes around one.
#[test]
fn whole_batches_teach_as_in_lockstep() {
    let mut compared = 0;
    for (name, policy) in policies::pairs(4) {
        let (Ok(mut lockstep), Ok(mut arrival)) =
            (builder(policy.clone()).build(), builder(policy).pace(Arrival::new()).build())
        else {
            continue;
        };
        for _ in 0..25 {
            let (expected, found) = (lockstep.draw(6).unwrap(), arrival.draw(6).unwrap());
            assert_eq!(expected, found, "{name}");
            let all = feedback(&found, |_, arm| outcome(u64::from(arm) * 7 + found.round.0));
            assert_eq!(lockstep.observe(&all).unwrap(), arrival.observe(&all).unwrap());
            lockstep.fold().unwrap();
            let bytes = |policy: &Any| postcard::to_stdvec(policy).unwrap();
            assert_eq!(bytes(lockstep.policy()), bytes(arrival.policy()), "{name}");
            assert_eq!(lockstep.counts(), arrival.counts());
        }
        compared += 1;
    }
    assert!(compared > 150, "{compared}");
}

/// What each call reports is one step, in the order of the calls: the policy's own update, worked out beside it.
#[test]
fn each_call_is_a_step_of_learning() {
    let mut curriculum = Curriculum::builder(60)
        .arms(4, |sample| (sample.0 / 15) as u32)
        .policy(Boltzmann::new().alpha(0.3).start(0.0))
        .signal(curricle::signal::MeanAdvantage)
        .pace(Arrival::new())
        .build()
        .unwrap();
    let mut values = [0.0f64; 4];
    let mut rng = Rng::at(5, Round(0), Purpose::User);
    let mut open: Vec<curricle::Draw> = Vec::new();
    for _ in 0..200 {
        open.extend(curriculum.draw(1 + rng.below(4) as usize).unwrap().draws);
        while open.len() > 6 {
            let some: Vec<curricle::Draw> = (0..1 + rng.below(3))
                .map(|_| open.swap_remove(rng.below(open.len() as u64) as usize))
                .collect();
            let seen = |draw: &curricle::Draw| outcome(draw.ticket.0);
            let report: Vec<Feedback> =
                some.iter().map(|draw| Feedback::new(draw.ticket, seen(draw))).collect();
            curriculum.observe(&report).unwrap();
            for (arm, value) in values.iter_mut().enumerate() {
                let scores: Vec<f64> = some
                    .iter()
                    .filter(|draw| draw.arm.index() == arm)
                    .map(|draw| f64::from(seen(draw).abs_advantage.unwrap()))
                    .collect();
                if !scores.is_empty() {
                    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
                    *value += 0.3 * (mean - *value);
                }
            }
            for (found, expected) in curriculum.policy().values().iter().zip(values) {
                assert!((found - expected).abs() < 1e-12, "{found} {expected}");
            }
        }
    }
}

/// The slow model of a ticket.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Open { round: u64, version: u64 },
    Admitted,
    Rejected,
    Lost,
}

type Preset = curricle::preset::PostTraining;

const MOST: u64 = 24;

fn bounded() -> Preset {
    let pace = Arrival::new().in_flight(MOST).give_up(AgeLimit::rounds(12).and_versions(4));
    let gate = Gate::stale(AgeLimit::versions(2)).and(Gate::zero_signal_by(Measure::Success));
    Curriculum::builder(80)
        .arms(5, |sample| (sample.0 % 5) as u32)
        .post_training()
        .pace(pace)
        .gate(gate)
        .seed(9)
        .build()
        .unwrap()
}

/// Draws of any size, reports of any part in any order with late, repeated and unknown tickets, tickets given up, new
/// versions, kills and reopened journals, against a map from tickets to what has become of them.
fn any_order_of_calls(seeds: std::ops::Range<u64>) -> [u64; 5] {
    let (mut held, mut given_up, mut late, mut repeated, mut reopened) = (0, 0, 0, 0, 0);
    for seed in seeds {
        let folder = common::folder();
        let path = folder.path().join("run");
        let mut rng = Rng::at(seed, Round(0), Purpose::User);
        let mut journal =
            Journal::open(&path, bounded()).unwrap().durability(curricle::Durability::OnDemand);
        let mut model: Vec<Fate> = Vec::new();
        let (mut round, mut version, mut ages) = (0u64, 0u64, Vec::<Age>::new());
        for _ in 0..120 {
            match rng.below(10) {
                0..=3 => {
                    let n = 1 + rng.below(6) as usize;
                    for fate in &mut model {
                        if let Fate::Open { round: drawn, version: then } = *fate
                            && (round - 1 - drawn > 12 || version - then > 4)
                        {
                            (*fate, given_up) = (Fate::Lost, given_up + 1);
                        }
                    }
                    let open = model.iter().filter(|fate| matches!(fate, Fate::Open { .. })).count();
                    match journal.draw(n) {
                        Ok(batch) => {
                            assert!(open + n <= MOST as usize);
                            assert_eq!((batch.round.0, batch.version), (round, version));
                            let first = batch.draws[0].ticket.0 as usize;
                            assert_eq!((first, batch.draws.len()), (model.len(), n));
                            model.extend(vec![Fate::Open { round, version }; n]);
                            round += 1;
                        }
                        Err(error) => {
                            let hold = Error::Hold { open: open as u64, want: n, most: MOST };
                            assert_eq!(error, hold);
                            assert!(open + n > MOST as usize);
                            held += 1;
                        }
                    }
                }
                4..=6 => {
                    let tickets: Vec<u64> = (0..1 + rng.below(5))
                        .map(|_| {
                            (model.len() as u64 + 2)
                                .saturating_sub(1 + rng.below(30.min(model.len() as u64 + 2)))
                        })
                        .collect();
                    let report: Vec<Feedback> = tickets
                        .iter()
                        .map(|&ticket| Feedback::new(Ticket(ticket), outcome(ticket)))
                        .collect();
                    let results = journal.report(&report).unwrap();
                    for (&ticket, result) in tickets.iter().zip(&results) {
                        match (model.get(ticket as usize).copied(), result) {
                            (None, Err(Error::UnknownTicket(_))) => {}
                            (Some(Fate::Lost), Err(Error::LateTicket(_))) => late += 1,
                            (Some(Fate::Admitted | Fate::Rejected), Err(Error::RepeatedTicket(_))) => {
                                repeated += 1;
                            }
                            (Some(Fate::Open { round: drawn, version: then }), Ok(verdict)) => {
                                ages.push(Age::new(round - 1 - drawn, version - then));
                                let success = outcome(ticket).success.unwrap();
                                let expected = if version - then > 2 {
                                    Verdict::Reject(Reason::Stale)
                                } else if success.min(1.0 - success) <= 1e-6 {
                                    Verdict::Reject(Reason::ZeroSignal)
                                } else {
                                    Verdict::Admit
                                };
                                assert_eq!(*verdict, expected);
                                let is_admitted = expected == Verdict::Admit;
                                model[ticket as usize] =
                                    if is_admitted { Fate::Admitted } else { Fate::Rejected };
                            }
                            other => panic!("{other:?}"),
                        }
                    }
                }
                7 => {
                    version += rng.below(3);
                    journal.set_version(version).unwrap();
                    if version > 0 {
                        assert!(journal.set_version(version - 1).is_err());
                    }
                }
                8 => {
                    let open = |(ticket, fate): (usize, &Fate)| {
                        matches!(fate, Fate::Open { .. }).then_some(Ticket(ticket as u64))
                    };
                    let open: Vec<Ticket> = model.iter().enumerate().filter_map(open).collect();
                    if !open.is_empty() {
                        let ticket = open[rng.below(open.len() as u64) as usize];
                        journal.lose(&[ticket]).unwrap();
                        assert_eq!(journal.lose(&[ticket]), Err(Error::LateTicket(ticket)));
                        model[ticket.0 as usize] = Fate::Lost;
                    }
                    let settled = |fate: &Fate| matches!(fate, Fate::Admitted | Fate::Rejected);
                    if let Some(ticket) = model.iter().rposition(settled) {
                        let ticket = Ticket(ticket as u64);
                        assert_eq!(journal.lose(&[ticket]), Err(Error::RepeatedTicket(ticket)));
                    }
                }
                _ => {
                    journal = common::reopened(journal, &path, bounded, rng.below(2) == 0);
                    reopened += 1;
                }
            }
            let curriculum = journal.curriculum();
            let count = |is: fn(&Fate) -> bool| model.iter().filter(|fate| is(fate)).count() as u64;
            let counts = curriculum.counts();
            let found = [counts.drawn, counts.admitted, counts.rejected, counts.lost, counts.open];
            let expected = [
                model.len() as u64,
                count(|fate| *fate == Fate::Admitted),
                count(|fate| *fate == Fate::Rejected),
                count(|fate| *fate == Fate::Lost),
                count(|fate| matches!(fate, Fate::Open { .. })),
            ];
            assert_eq!(found, expected);
            assert!(counts.is_conserved());
            let unfinished: Vec<u64> = curriculum
                .unfinished()
                .iter()
                .flat_map(|batch| batch.draws.iter().map(|draw| draw.ticket.0))
                .collect();
            let is_open = |ticket: &u64| matches!(model[*ticket as usize], Fate::Open { .. });
            let open: Vec<u64> = (0..model.len() as u64).filter(is_open).collect();
            assert_eq!(unfinished, open);
            let metrics = curriculum.metrics();
            if !ages.is_empty() {
                let mean = ages.iter().map(|age| age.rounds).sum::<u64>() as f64 / ages.len() as f64;
                assert_eq!(metrics.get("feedback/age_rounds_mean"), Some(mean));
                let most = ages.iter().map(|age| age.versions).max().map(|most| most as f64);
                assert_eq!(metrics.get("feedback/age_versions_most"), most);
            }
            for reason in ["stale", "zero_signal"] {
                let of_arms = (0..5)
                    .filter_map(|arm| metrics.get(&format!("arm/{arm}/rejected/{reason}")))
                    .sum::<f64>();
                assert_eq!(metrics.get(&format!("gate/rejected/{reason}")), Some(of_arms));
            }
        }
    }
    [held, given_up, late, repeated, reopened]
}

#[test]
fn any_order_of_calls_against_a_slow_model() {
    let seen = any_order_of_calls(0..60);
    assert!(seen.iter().all(|&count| count > 100), "{seen:?}");
}

/// The same for longer: 120 calls a case.
#[test]
#[ignore = "takes minutes"]
fn many_calls_against_a_slow_model() {
    let cases = std::env::var("CASES").map_or(1000, |cases| cases.parse().unwrap());
    println!("{cases} cases: {:?}", any_order_of_calls(1000..1000 + cases));
}

/// A straggler keeps nothing but itself: what came after it is folded in and forgotten.
#[test]
fn a_straggler_blocks_nothing() {
    let mut curriculum = Curriculum::builder(1000).pace(Arrival::new()).build().unwrap();
    let straggler = curriculum.draw(1).unwrap();
    let mut sizes = Vec::new();
    for _ in 0..500 {
        let batch = curriculum.draw(1).unwrap();
        curriculum.observe(&feedback(&batch, |_, _| outcome(1))).unwrap();
        sizes.push(curriculum.to_bytes().unwrap().len());
    }
    assert_eq!(curriculum.unfinished(), std::slice::from_ref(&straggler));
    // What grows is a bit more for numbers that grow and for records of samples, not for rounds.
    let grown = sizes[499] - sizes[0];
    assert!(grown < 500 * 16, "{grown}");
    assert_eq!(curriculum.metrics().get("feedback/pending_rounds"), Some(1.0));
    assert_eq!(curriculum.metrics().get("feedback/open_age_rounds"), Some(500.0));
    curriculum.observe(&feedback(&straggler, |_, _| outcome(1))).unwrap();
    assert_eq!(curriculum.counts().open, 0);
}

/// Scores samples by their utility, which a test makes bad at will.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Worth;

impl Signal for Worth {
    fn score(&self, trials: &[Trial], scores: &mut [f32]) -> curricle::Result<()> {
        for (trial, score) in trials.iter().zip(scores) {
            let cost = trial.outcome.cost.unwrap_or(0.0);
            *score = if cost > 0.5 { f32::NAN } else { 0.5 };
        }
        Ok(())
    }
}

/// A score that is no number is found when the feedback comes: that ticket stays open, the rest is taken in.
#[test]
fn a_bad_score_keeps_out_its_own_ticket_only() {
    let build = || {
        let builder = Curriculum::builder(60).policy(Boltzmann::new()).signal(Worth);
        builder.pace(Arrival::new()).build().unwrap()
    };
    let mut curriculum = build();
    let batch = curriculum.draw(4).unwrap();
    let all = feedback(&batch, |place, _| Outcome::default().success(0.5).cost(f32::from(place == 1)));
    let before = curriculum.to_bytes().unwrap();
    let refused = curriculum.observe(&all).unwrap_err();
    assert!(matches!(refused, Error::NonFinite { what: "score", index: 1, .. }), "{refused}");
    assert!(curriculum.to_bytes().unwrap() == before, "an error has changed something");
    let results = curriculum.report(&all);
    let is_good: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(is_good, [true, false, true, true]);
    assert_eq!(curriculum.counts().open, 1);
    assert_eq!(curriculum.metrics().get("feedback/refused/invalid"), Some(1.0));
    // As if only the good part had been there.
    let mut strict = build();
    strict.draw(4).unwrap();
    strict.observe(&[all[0], all[2], all[3]]).unwrap();
    assert!(strict.to_bytes().unwrap() == curriculum.to_bytes().unwrap());
    // Weights by score that overflow speak for all.
    let rich = |score: f32| Outcome::default().success(0.5).utility(score);
    let mut curriculum = Curriculum::builder(6)
        .policy(Boltzmann::new())
        .signal(curricle::signal::Utility)
        .weighting(Weighting::Score { floor: 1.0 })
        .weights(vec![2_147_483_648.0, 1.0, 1.0, 1.0, 1.0, 1.0])
        .pace(Arrival::new())
        .build()
        .unwrap();
    let batch = curriculum.draw(6).unwrap();
    let before = curriculum.to_bytes().unwrap();
    let results = curriculum.report(&feedback(&batch, |_, _| rich(1e30)));
    assert!(
        results.iter().all(|result| matches!(result, Err(Error::WeightOverflow { .. }))),
        "{results:?}"
    );
    assert!(curriculum.to_bytes().unwrap() == before);
}

/// What a gate keeps from the policy counts as drawn for nothing, as a lost ticket does; what it only rejects teaches.
#[test]
fn what_is_stale_teaches_or_does_not() {
    let value = |teaches: bool, is_lost: bool| {
        let gate = Gate::Stale { most: AgeLimit::versions(0), teaches };
        let builder = Curriculum::builder(20).policy(Boltzmann::new().start(0.0)).gate(gate);
        let mut curriculum = builder.pace(Arrival::new()).build().unwrap();
        let batch = curriculum.draw(2).unwrap();
        curriculum.set_version(1).unwrap();
        if is_lost {
            curriculum.lose(&[Ticket(0), Ticket(1)]).unwrap();
        } else {
            let verdicts =
                curriculum.observe(&feedback(&batch, |_, _| outcome(3).spread(0.5))).unwrap();
            assert_eq!(verdicts, [Verdict::Reject(Reason::Stale); 2]);
            assert_eq!(curriculum.counts().rejected, 2);
        }
        curriculum.policy().values()[0]
    };
    assert!(value(true, false) > 0.1);
    assert_eq!(value(false, false), value(false, true));
    // In lockstep as well.
    let gate = Gate::Stale { most: AgeLimit::versions(0), teaches: false };
    let builder = Curriculum::builder(20).policy(Boltzmann::new().start(0.3)).gate(gate);
    let mut curriculum = builder.build().unwrap();
    let batch = curriculum.draw(2).unwrap();
    curriculum.set_version(1).unwrap();
    curriculum.observe(&feedback(&batch, |_, _| outcome(3).spread(0.5))).unwrap();
    assert_eq!(curriculum.fold(), Ok(1));
    let (counts, record) = (curriculum.counts(), curriculum.record(batch.draws[0].sample).unwrap());
    assert_eq!((counts.rejected, counts.lost, record.settled()), (2, 0, 0));
    assert!(curriculum.policy().values()[0] < 0.3);
}

/// An arm whose tickets never come back, or come back too old, takes no more than its share.
#[test]
fn an_arm_that_only_takes_does_not_capture_the_default() {
    let stale = Gate::Stale { most: AgeLimit::rounds(8), teaches: false };
    let give_up = Arrival::new().give_up(AgeLimit::rounds(12));
    let cases: [(&str, Arrival, Gate); 3] = [
        ("lost", Arrival::new(), Gate::All),
        ("given up by age", give_up, Gate::All),
        ("stale", Arrival::new(), stale),
    ];
    for (what, pace, gate) in cases {
        let mut curriculum = Curriculum::builder(400)
            .arms(4, |sample| (sample.0 / 100) as u32)
            .post_training()
            .pace(pace)
            .gate(gate)
            .build()
            .unwrap();
        let (mut slow, mut drawn) = (Vec::new(), 0);
        for round in 0..400 {
            let batch = curriculum.draw(4).unwrap();
            let (broken, fine): (Vec<curricle::Draw>, Vec<curricle::Draw>) =
                batch.draws.iter().copied().partition(|draw| draw.arm.0 == 3);
            drawn += if round >= 300 { broken.len() } else { 0 };
            slow.push(broken);
            let seen = Outcome::group(&[1.0, 0.0, 1.0, 0.0]).unwrap();
            let report: Vec<Feedback> =
                fine.iter().map(|draw| Feedback::new(draw.ticket, seen)).collect();
            curriculum.observe(&report).unwrap();
            if slow.len() > 10 && what != "given up by age" {
                let old = slow.remove(0);
                if what == "lost" {
                    let old: Vec<Ticket> = old.iter().map(|draw| draw.ticket).collect();
                    curriculum.lose(&old).unwrap();
                } else {
                    let old: Vec<Feedback> =
                        old.iter().map(|draw| Feedback::new(draw.ticket, seen)).collect();
                    curriculum.observe(&old).unwrap();
                }
            }
        }
        let share = drawn as f64 / 400.0;
        assert!(share <= 0.25, "{what}: {share}");
        assert!(curriculum.counts().is_conserved());
    }
}

/// A policy that divides by the probability of its arm gets one that stands for all tickets of a call, also those of
/// several rounds.
#[test]
fn shares_of_several_rounds() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Alternating {
        rewards: Vec<(u32, f64)>,
    }
    impl Policy for Alternating {
        fn prepare(&mut self, _: &Population) -> curricle::Result<()> {
            Ok(())
        }
        fn reads(&self) -> curricle::policy::Reads {
            curricle::policy::Reads::SCORE
        }
        fn allot(
            &self,
            turn: &curricle::policy::Turn<'_>,
            _: &mut Rng,
            allotment: &mut curricle::policy::Allotment,
        ) -> curricle::Result<()> {
            let first = if turn.round.0.is_multiple_of(2) { 0.25 } else { 0.75 };
            *allotment = curricle::policy::Allotment::Arms(vec![first, 1.0 - first]);
            Ok(())
        }
        fn learn(&mut self, _: &Population, rewards: &[Reward]) {
            self.rewards = rewards.iter().map(|reward| (reward.arm.0, reward.share)).collect();
        }
    }
    let mut curriculum = Curriculum::builder(40)
        .arms(2, |sample| (sample.0 / 20) as u32)
        .policy(Alternating { rewards: vec![] })
        .pace(Arrival::new())
        .build()
        .unwrap();
    let draws: Vec<curricle::Draw> = (0..4).flat_map(|_| curriculum.draw(3).unwrap().draws).collect();
    let report: Vec<Feedback> =
        draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(1))).collect();
    curriculum.observe(&report).unwrap();
    let rewards = &curriculum.policy().rewards;
    assert_eq!(rewards.len(), 2);
    for &(arm, share) in rewards {
        let own = draws.iter().filter(|draw| draw.arm.0 == arm);
        let shares: Vec<f64> = own
            .map(|draw| if (draw.ticket.0 / 3 % 2 == 0) == (arm == 0) { 0.25 } else { 0.75 })
            .collect();
        let expected = shares.len() as f64 / shares.iter().map(|share| 1.0 / share).sum::<f64>();
        assert!((share - expected).abs() < 1e-12, "{share} {expected}");
    }
}

/// Options that make no pace.
#[test]
fn bounds_at_their_ends() {
    let build = |pace: Arrival| Curriculum::builder(10).pace(pace).build();
    assert!(matches!(build(Arrival::new().in_flight(0)), Err(Error::OutOfRange { .. })));
    let mut one = build(Arrival::new().in_flight(1).give_up(AgeLimit::rounds(0))).unwrap();
    assert!(
        matches!(one.draw(2), Err(Error::OutOfRange { what: "batch size", high, .. }) if high == 1.0)
    );
    // Of age 0 until the next draw: nothing is too old before it.
    one.draw(1).unwrap();
    assert_eq!(one.draw(1), Err(Error::Hold { open: 1, want: 1, most: 1 }));
    let mut all =
        build(Arrival::new().in_flight(u64::MAX).give_up(AgeLimit::versions(u64::MAX))).unwrap();
    all.draw(10).unwrap();
    all.set_version(u64::MAX).unwrap();
    assert_eq!(all.fold(), Ok(0));
    assert_eq!(
        all.set_version(0).map_err(|error| matches!(error, Error::OutOfRange { .. })),
        Err(true)
    );
    // An empty report is no step of learning.
    let before = all.to_bytes().unwrap();
    assert_eq!((all.observe(&[]), all.lose(&[])), (Ok(vec![]), Ok(())));
    assert!(all.to_bytes().unwrap() == before);
    // A snapshot of one pace is none of the other.
    let lockstep = Curriculum::builder(10).build().unwrap().to_bytes().unwrap();
    let refused = build(Arrival::new()).unwrap().restore_bytes(&lockstep).unwrap_err();
    assert!(refused.to_string().contains("pace is arrival, in the file lockstep"), "{refused}");
    // A feed of one's own says that it knows of no versions.
    struct Own;
    impl Feed for Own {
        fn draw(&mut self, _: usize) -> curricle::Result<Batch> {
            Ok(Batch::default())
        }
        fn observe(&mut self, _: &[Feedback]) -> curricle::Result<Vec<Verdict>> {
            Ok(vec![])
        }
    }
    assert!(matches!(Own.set_version(1), Err(Error::Unsupported { .. })));
}
