//! Verdicts that carry a treatment, and samples that are retired, against a slow obvious model.

use std::collections::{BTreeMap, BTreeSet};

use curricle::policy::Uniform;
use curricle::route::{RoutingTable, Treatment};
use curricle::sampler::Any;
use curricle::signal::GroupSpread;
use curricle::{
    Admit, Age, AgeLimit, ArmId, Arrival, Case, Curriculum, Error, Feedback, Field, Gate, Journal,
    Missing, Obstacle, Outcome, Purpose, Reason, Refill, Rng, Round, SampleId, Schedule, Step, Stop,
    Ticket, Verdict,
};
use proptest::prelude::*;

const SAMPLES: u64 = 12;
const RETEST: u64 = 4;

type Built = Curriculum<Uniform, GroupSpread, Any>;

fn table() -> RoutingTable {
    let treatments = vec![
        Treatment::Hint,
        Treatment::Train { weight: 0.5 },
        Treatment::TRAIN,
        Treatment::Drop,
        Treatment::Retire,
    ];
    RoutingTable::new([0.1, 0.4, 0.7, 0.9], treatments).unwrap()
}

/// A success that depends on the sample and on when it was drawn, in all five bands.
fn success(sample: u64, ticket: u64) -> f32 {
    ((sample * 7 + ticket * 3) % 11) as f32 / 10.0
}

fn seen(sample: SampleId, ticket: Ticket) -> Feedback {
    Feedback::new(ticket, Outcome::default().success(success(sample.0, ticket.0)).rollouts(8))
}

fn builder(sampler: Any) -> curricle::Builder<Uniform, GroupSpread, Any> {
    Curriculum::builder(SAMPLES as usize)
        .arms(3, |sample| sample.0 as u32 % 3)
        .policy(Uniform)
        .sampler(sampler)
        .gate(Gate::route(Field::Success, table()))
        .retest(RETEST)
        .seed(5)
}

fn expected(success: f32) -> Verdict {
    match success {
        it if it < 0.1 => Verdict::Treat(Treatment::Hint),
        it if it < 0.4 => Verdict::Treat(Treatment::Train { weight: 0.5 }),
        it if it < 0.7 => Verdict::Admit,
        it if it < 0.9 => Verdict::Reject(Reason::Routed),
        _ => Verdict::Treat(Treatment::Retire),
    }
}

/// Which samples rest, and until when: what was retired in a round that has been folded in.
#[derive(Default)]
struct Model {
    until: BTreeMap<SampleId, u64>,
}

impl Model {
    fn retire(&mut self, sample: SampleId, now: u64) {
        self.until.entry(sample).or_insert(now + RETEST);
    }

    fn retest(&mut self, round: u64) {
        self.until.retain(|_, until| *until > round);
        // Where nothing else is left, the next ones are not waited for.
        if self.until.len() as u64 == SAMPLES {
            let next = self.until.values().min().copied();
            self.until.retain(|_, until| Some(*until) != next);
        }
    }
}

/// Draws rounds, and checks each against the model.
fn against_the_model(mut curriculum: Built, lag: u64, is_arrival: bool) {
    let mut model = Model::default();
    let mut waiting: Vec<Vec<(SampleId, f32)>> = Vec::new();
    let (mut admitted, mut rejected, mut most) = (0, 0, 0);
    for round in 0..60u64 {
        // A round is folded in by the draw that is `lag` rounds after the next.
        if !is_arrival && waiting.len() as u64 > lag {
            let due = waiting.remove(0);
            due.iter().filter(|it| it.1 >= 0.9).for_each(|it| model.retire(it.0, round));
        }
        model.retest(round);
        let left = SAMPLES as usize - model.until.len();
        let batch = curriculum.draw(left.min(2)).unwrap();
        assert_eq!(batch.round, Round(round));
        most = most.max(model.until.len());
        assert_eq!(curriculum.population().retired(), model.until.len(), "round {round}");
        for draw in &batch.draws {
            assert!(!model.until.contains_key(&draw.sample), "round {round}: {} rests", draw.sample);
        }
        let feedback: Vec<Feedback> =
            batch.draws.iter().map(|draw| seen(draw.sample, draw.ticket)).collect();
        let verdicts = curriculum.observe(&feedback).unwrap();
        for (it, verdict) in feedback.iter().zip(&verdicts) {
            assert_eq!(*verdict, expected(it.outcome.success.unwrap()));
            *if verdict.is_admitted() { &mut admitted } else { &mut rejected } += 1;
        }
        let drawn: Vec<(SampleId, f32)> = batch
            .draws
            .iter()
            .zip(&feedback)
            .map(|(draw, it)| (draw.sample, it.outcome.success.unwrap()))
            .collect();
        if is_arrival {
            drawn.iter().filter(|it| it.1 >= 0.9).for_each(|it| model.retire(it.0, round + 1));
        } else {
            waiting.push(drawn);
        }
        let counts = curriculum.counts();
        assert!(counts.is_conserved());
        assert_eq!((counts.admitted, counts.rejected), (admitted, rejected));
        for sample in (0..SAMPLES).map(SampleId) {
            // Nothing of what rests is lost: it keeps its weight.
            assert_eq!(curriculum.population().weight(sample), Ok(1.0));
        }
    }
    assert!(most >= 3, "{most}");
}

#[test]
fn retired_samples_rest_until_their_test() {
    for sampler in [Any::Distinct, Any::Systematic, Any::Replace, Any::Passes, Any::Sequential] {
        for lag in 0..3 {
            against_the_model(builder(sampler).lag(lag).build().unwrap(), lag, false);
        }
        let arrival = builder(sampler).pace(Arrival::new().in_flight(4)).build().unwrap();
        against_the_model(arrival, 0, true);
        let excludes = builder(sampler).lag(1).exclude_in_flight(true).build().unwrap();
        against_the_model(excludes, 1, false);
    }
}

/// All that a run of random verbs may do to a sample that is retired.
#[test]
fn resting_samples_can_be_moved_removed_and_weighed() {
    for case in 0..60u64 {
        let samplers = [Any::Distinct, Any::Passes, Any::Sequential, Any::Systematic, Any::Replace];
        let excludes = case % 2 == 1;
        let builder = || {
            let lag = case % 3;
            builder(samplers[(case % 5) as usize]).lag(lag).exclude_in_flight(excludes).retest(7)
        };
        let mut curriculum = builder().missing(Missing::Lose).build().unwrap();
        let mut rng = Rng::at(case, Round(0), Purpose::User);
        let mut gone = BTreeSet::new();
        let mut known: BTreeMap<SampleId, f64> = (0..SAMPLES).map(|it| (SampleId(it), 1.0)).collect();
        let mut rested = 0;
        for _ in 0..80 {
            let live: Vec<SampleId> = known.keys().copied().collect();
            let sample = live[rng.below(live.len() as u64) as usize];
            match rng.below(8) {
                0 => {
                    let weight = [0.0, 0.5, 2.0][rng.below(3) as usize];
                    curriculum.set_weight(sample, weight).unwrap();
                    known.insert(sample, weight);
                }
                1 => curriculum.retag(sample, ArmId(rng.below(3) as u32)).unwrap(),
                2 if live.len() > 5 => {
                    curriculum.remove(sample).unwrap();
                    known.remove(&sample);
                    gone.insert(sample);
                }
                3 => {
                    let new = curriculum.insert(ArmId(rng.below(3) as u32), 1.0).unwrap();
                    known.insert(new, 1.0);
                }
                _ => {
                    let resting: BTreeSet<SampleId> = live
                        .iter()
                        .copied()
                        .filter(|&it| curriculum.population().is_retired(it))
                        .collect();
                    rested = rested.max(resting.len());
                    let Ok(batch) = curriculum.draw(2) else { continue };
                    for draw in &batch.draws {
                        let still = curriculum.population().is_retired(draw.sample);
                        assert!(!still && !gone.contains(&draw.sample), "case {case}");
                    }
                    let feedback: Vec<Feedback> =
                        batch.draws.iter().map(|draw| seen(draw.sample, draw.ticket)).collect();
                    curriculum.observe(&feedback).unwrap();
                }
            }
            for (&sample, &weight) in &known {
                assert_eq!(curriculum.population().weight(sample), Ok(weight), "case {case}");
            }
            // The file is checked as one from a stranger is.
            let file = curriculum.to_bytes().unwrap();
            let mut again = builder().missing(Missing::Lose).build().unwrap();
            again.restore_bytes(&file).unwrap();
            assert!(again.to_bytes().unwrap() == file, "case {case}");
            curriculum = again;
        }
        assert!(rested > 0, "case {case}");
    }
}

/// When a report comes makes no difference, before its round is folded in, nor where an edge moves meanwhile.
#[test]
fn retirement_waits_for_the_fold() {
    let run = |gate: Gate, late: bool| {
        let builder = builder(Any::Distinct).gate(gate);
        let mut curriculum = builder.lag(2).build().unwrap();
        let (mut held, mut samples, mut retired) = (Vec::new(), Vec::new(), 0);
        for _ in 0..40 {
            let batch = curriculum.draw(1).unwrap();
            samples.push(batch.draws[0].sample);
            held.push(seen(batch.draws[0].sample, batch.draws[0].ticket));
            if !late || held.len() == 2 {
                held.reverse();
                curriculum.observe(&held).unwrap();
                held.clear();
            }
            retired = retired.max(curriculum.population().retired());
        }
        assert!(retired > 1, "{retired}");
        (samples, curriculum.digest())
    };
    let edge = Schedule::Linear { from: 0.3, to: 1.0, rounds: 40 };
    let treatments = vec![Treatment::TRAIN, Treatment::Retire];
    let moving = Gate::route(Field::Success, RoutingTable::new([edge], treatments).unwrap());
    for gate in [Gate::route(Field::Success, table()), moving] {
        assert_eq!(run(gate.clone(), false), run(gate, true));
    }
}

/// A run that is polled while it has to hold: samples that come back then do so in its journal, too.
#[test]
fn a_journal_knows_of_samples_that_come_back() {
    for case in 0..24u64 {
        let sampler = [Any::Passes, Any::Distinct, Any::Sequential, Any::Systematic][case as usize % 4];
        let build = || {
            let arrival = Arrival::new().in_flight(3);
            builder(sampler).pace(arrival).retest(1 + case % 3).seed(case).build().unwrap()
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let mut open: Vec<Feedback> = Vec::new();
        let mut rng = Rng::at(case, Round(0), Purpose::User);
        let (mut journal, mut held, mut most) = (Journal::open(&path, build()).unwrap(), 0, 0);
        for _ in 0..60 {
            match journal.draw(1) {
                Ok(batch) => open.extend(batch.draws.iter().map(|it| seen(it.sample, it.ticket))),
                Err(Error::Hold { .. }) => {
                    held += 1;
                    let place = rng.below(open.len() as u64) as usize;
                    journal.observe(&[open.remove(place)]).unwrap();
                }
                Err(error) => panic!("case {case}: {error}"),
            }
            most = most.max(journal.curriculum().population().retired());
            let state = journal.curriculum().to_bytes().unwrap();
            drop(journal);
            journal = Journal::open(&path, build()).unwrap();
            assert!(journal.curriculum().to_bytes().unwrap() == state, "case {case}");
        }
        assert!(held > 10 && most > 0, "case {case}: {held} {most}");
    }
}

/// Whole arms that are retired are neither done with nor forgotten by the rules that end a run.
#[test]
fn rules_that_end_a_run_know_of_what_is_retired() {
    let run = |stop: Stop, solved: fn(u64) -> bool| {
        let gate = RoutingTable::new([0.9], vec![Treatment::TRAIN, Treatment::Retire]).unwrap();
        let mut curriculum = Curriculum::builder(8)
            .arms(2, |sample| sample.0 as u32 % 2)
            .sampler(Any::Passes)
            .gate(Gate::route(Field::Success, gate))
            .stop(stop)
            .build()
            .unwrap();
        let mut drawn = [0; 8];
        for _ in 0..200 {
            let batch = match curriculum.draw(1) {
                Ok(batch) => batch,
                Err(Error::Finished) => {
                    let passes = [0, 1].map(|arm| curriculum.population().passes(ArmId(arm)));
                    return (drawn, passes);
                }
                Err(error) => panic!("{stop:?}: {error}"),
            };
            let Some(draw) = batch.draws.first() else { panic!("{stop:?}: an empty batch") };
            drawn[draw.sample.0 as usize] += 1;
            let success = if solved(draw.sample.0) { 1.0 } else { 0.5 };
            let outcome = Outcome::default().success(success);
            curriculum.observe(&[Feedback::new(draw.ticket, outcome)]).unwrap();
        }
        panic!("{stop:?} never ends: {drawn:?}");
    };
    // Both arms have their passes, which wait for nothing that is retired.
    assert_eq!(run(Stop::AllExhausted(1), |_| true), ([1; 8], [1, 1]));
    let (drawn, passes) = run(Stop::AllExhausted(2), |_| true);
    assert!(passes == [2, 2] && drawn.iter().all(|count| (1..=2).contains(count)), "{drawn:?}");
    let (drawn, passes) = run(Stop::AllExhausted(3), |sample| sample % 2 == 0);
    assert_eq!((passes, [1, 3, 5, 7].map(|sample| drawn[sample])), ([3, 3], [3; 4]));
    // The arm that ends first is found exhausted, although all of it is retired.
    let (drawn, _) = run(Stop::FirstExhausted(1), |sample| sample % 2 == 0);
    assert!(drawn.iter().all(|count| *count <= 1), "{drawn:?}");
    let is_whole = |arm: usize| drawn.iter().skip(arm).step_by(2).all(|count| *count == 1);
    assert!(is_whole(0) || is_whole(1), "{drawn:?}");
}

#[test]
fn what_rests_is_said() {
    let mut curriculum = builder(Any::Distinct).retest(u64::MAX).build().unwrap();
    let batch = curriculum.draw(12).unwrap();
    let solved =
        |draw: &curricle::Draw| Outcome::default().success(1.0 - (draw.sample.0 % 2) as f32 * 0.5);
    let feedback: Vec<Feedback> =
        batch.draws.iter().map(|draw| Feedback::new(draw.ticket, solved(draw))).collect();
    curriculum.observe(&feedback).unwrap();
    let next = curriculum.draw(6).unwrap();
    assert!(next.samples().all(|sample| sample.0 % 2 == 1));
    assert_eq!(curriculum.explain(SampleId(0)).unwrap().obstacle, Some(Obstacle::Retired));
    let metrics = curriculum.metrics();
    assert_eq!(metrics.get("sampler/retired"), Some(6.0));
    assert_eq!(metrics.get("gate/rejected/retired"), Some(6.0));
    // All of them are solved, with no test ever due: the first ones come back rather than none.
    let last: Vec<Feedback> =
        next.draws.iter().map(|it| Feedback::new(it.ticket, Outcome::default().success(1.0))).collect();
    curriculum.observe(&last).unwrap();
    assert_eq!(curriculum.draw(1).unwrap().draws.len(), 1);
}

/// A step of refill takes what trains, also at another weight, and nothing that is treated otherwise.
#[test]
fn refill_takes_what_trains() {
    let mut curriculum =
        builder(Any::Distinct).refill(Refill::new().most(6)).missing(Missing::Lose).build().unwrap();
    let mut all: BTreeMap<Ticket, Verdict> = BTreeMap::new();
    for _ in 0..10 {
        let ready = loop {
            match curriculum.step(3).unwrap() {
                Step::Draw(batch) => {
                    for draw in &batch.draws {
                        let verdict = curriculum.observe(&[seen(draw.sample, draw.ticket)]).unwrap()[0];
                        all.insert(draw.ticket, verdict);
                    }
                }
                Step::Ready(useful) => break useful,
                other => panic!("{other:?}"),
            }
        };
        for useful in ready {
            assert!(all[&useful.draw.ticket].is_admitted(), "{:?}", all[&useful.draw.ticket]);
        }
        assert!(curriculum.counts().is_conserved());
    }
    assert!(all.values().any(|it| *it == Verdict::Treat(Treatment::Train { weight: 0.5 })));
    assert!(all.values().any(|it| *it == Verdict::Treat(Treatment::Hint)));
}

#[test]
fn treatments_of_several_gates() {
    let train = |weight| Treatment::Train { weight };
    let by = |field, low, high| Gate::route(field, RoutingTable::new([0.5], vec![low, high]).unwrap());
    let first = by(Field::Success, train(0.5), Treatment::Hint);
    let second = by(Field::Loss, train(0.25), Treatment::Drop);
    let both = first.clone().and(second);
    let of = |gate: &Gate, success, loss| {
        gate.admit(&Case::new(&Outcome::default().success(success).loss(loss).rollouts(4)))
    };
    assert_eq!(of(&both, 0.1, 0.1), Verdict::Treat(train(0.125)));
    // The first that does not train is heard, whatever the others weigh.
    assert_eq!(of(&both, 0.6, 0.1), Verdict::Treat(Treatment::Hint));
    assert_eq!(of(&both, 0.1, 0.6), Verdict::Reject(Reason::Routed));
    assert_eq!(of(&both, 0.6, 0.6), Verdict::Treat(Treatment::Hint));
    let soft = first.and(by(Field::Success, Treatment::TRAIN, Treatment::Soften));
    assert!(matches!(Curriculum::builder(4).gate(soft).build(), Err(Error::Unsupported { .. })));
    // The reading is needed.
    assert_eq!(both.missing(&Case::new(&Outcome::default().success(0.2))), Some(Field::Loss));
}

/// What is solved has no signal: it is retired in whatever order the two gates stand. What is too old is not.
#[test]
fn what_is_solved_is_retired_in_any_order() {
    let retires = || {
        let treatments = vec![Treatment::TRAIN, Treatment::Retire];
        Gate::route(Field::Success, RoutingTable::new([0.9], treatments).unwrap())
    };
    let solved = Outcome::group(&[1.0; 8]).unwrap();
    let hopeless = Outcome::group(&[0.0; 8]).unwrap();
    for other in [Gate::zero_signal(), Gate::band(0.1, 0.8)] {
        for gate in [other.clone().and(retires()), retires().and(other.clone())] {
            let retired = Verdict::Treat(Treatment::Retire);
            assert_eq!(gate.admit(&Case::new(&solved)), retired, "{gate:?}");
            assert!(matches!(gate.admit(&Case::new(&hopeless)), Verdict::Reject(_)), "{gate:?}");
        }
    }
    let stale = Gate::stale(AgeLimit::versions(0)).and(retires());
    let mut case = Case::new(&solved);
    case.age = Age::new(9, 9);
    assert_eq!(stale.admit(&case), Verdict::Reject(Reason::Stale));
}

/// When retired samples come back is read by nobody where nothing retires them.
#[test]
fn a_retest_of_nothing_is_refused() {
    let built = |gate: Gate| Curriculum::builder(4).gate(gate).retest(3).build().map(drop);
    assert_eq!(
        built(Gate::zero_signal()),
        Err(Error::Unread { part: "retest", what: "when retired samples come back" })
    );
    let itself = vec![Treatment::Pair { chosen: 1, rejected: 1 }];
    assert!(matches!(RoutingTable::new([0.0; 0], itself), Err(Error::Unsupported { .. })));
}

/// What a gate of one's own weighs with is a weight, or the feedback is refused whole; and products stay weights.
#[test]
fn weights_of_losses_are_weights() {
    #[derive(Debug)]
    struct Weighs(f64);
    impl Admit for Weighs {
        fn admit(&self, _: &Case<'_>) -> Verdict {
            Verdict::Treat(Treatment::Train { weight: self.0 })
        }
    }
    for weight in [f64::NAN, f64::INFINITY, -1.0, 2e6] {
        let mut curriculum = Curriculum::builder(3).gate(Gate::own(Weighs(weight))).build().unwrap();
        let ticket = curriculum.draw(1).unwrap().draws[0].ticket;
        let feedback = [Feedback::new(ticket, Outcome::default().success(0.5))];
        assert!(curriculum.observe(&feedback).is_err(), "{weight}");
        assert!(curriculum.report(&feedback)[0].is_err(), "{weight}");
        assert_eq!(curriculum.counts().open, 1);
    }
    let by = |weight| {
        let treatments = vec![Treatment::Train { weight }];
        Gate::route(Field::Success, RoutingTable::new([0.0; 0], treatments).unwrap())
    };
    let outcome = Outcome::default().success(0.5);
    let of = |gate: Gate| gate.admit(&Case::new(&outcome));
    assert_eq!(of(by(0.5).and(by(2.0))), Verdict::Admit);
    assert_eq!(of(by(1e6).and(by(1e6))), Verdict::Treat(Treatment::Train { weight: 1e6 }));
}

/// A gate of one's own may say any treatment.
#[test]
fn a_gate_of_ones_own_retires() {
    #[derive(Debug)]
    struct Enough;
    impl Admit for Enough {
        fn admit(&self, case: &Case<'_>) -> Verdict {
            match case.sample.0 {
                0 => Verdict::Treat(Treatment::Retire),
                1 => Verdict::Treat(Treatment::Augment),
                _ => Verdict::Admit,
            }
        }
    }
    let mut curriculum = Curriculum::builder(3).gate(Gate::own(Enough)).build().unwrap();
    let batch = curriculum.draw(3).unwrap();
    let seen = |draw: &curricle::Draw| Feedback::new(draw.ticket, Outcome::default().success(0.5));
    let feedback: Vec<Feedback> = batch.draws.iter().map(seen).collect();
    let verdicts = curriculum.observe(&feedback).unwrap();
    for (draw, verdict) in batch.draws.iter().zip(verdicts) {
        let treatment =
            [Treatment::Retire, Treatment::Augment, Treatment::TRAIN][draw.sample.0 as usize];
        assert_eq!(verdict.treatment(), treatment);
    }
    let mut next: Vec<SampleId> = curriculum.draw(2).unwrap().samples().collect();
    next.sort();
    assert_eq!(next, [SampleId(1), SampleId(2)]);
}

proptest! {
    /// The band of a reading, found edge by edge, for edges that move and may cross.
    #[test]
    fn a_band_is_below_the_first_edge_that_is_missed(
        edges in proptest::collection::vec((0.0..1.0f64, 0.0..1.0f64), 0..5),
        reading in 0.0..1.0f64,
        round in 0u64..30,
    ) {
        let moving = |&(from, to): &(f64, f64)| Schedule::Linear { from, to, rounds: 20 };
        let schedules: Vec<Schedule> = edges.iter().map(moving).collect();
        let weights: Vec<Treatment> =
            (0..=edges.len()).map(|it| Treatment::Train { weight: it as f64 }).collect();
        let table = RoutingTable::new(schedules, weights).unwrap();
        let part = round.min(20) as f64 / 20.0;
        let mut band = 0;
        for (from, to) in edges {
            if reading < from + (to - from) * part - 1e-9 {
                break;
            }
            band += 1;
        }
        prop_assert_eq!(table.route(reading, Round(round)).unwrap(), Treatment::Train { weight: band as f64 });
    }
}
