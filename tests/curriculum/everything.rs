//! All verbs in any order, in both paces, with and without refill, against a slow obvious model: one list of tickets and one
//! of samples. Beside it goes a second curriculum without a journal, which has the same bits after every event.

use std::collections::BTreeMap;

use crate::common::{self, outcome};
use curricle::policy::{self, Boltzmann, Fixed, Mixture, Thompson, Ucb};
use curricle::sampler::Any;
use curricle::signal::GroupSpread;
use curricle::{
    ArmId, Arrival, Batch, Counts, Curriculum, Durability, Error, Feedback, Gate, Journal, Key,
    Measure, Missing, Purpose, Reason, Refill, Result, Rng, Round, SampleId, Starvation, Step, Ticket,
    Verdict,
};

type Built = Curriculum<policy::Any, GroupSpread, Any>;

/// How the curriculum of a case is built; the gate can change while it runs.
#[derive(Debug, Clone, Copy)]
struct Case {
    number: u64,
    is_arrival: bool,
    refills: bool,
    excludes: bool,
    gate: usize,
}

const LOW: [f32; 3] = [0.0, 0.2, 0.4];

impl Case {
    fn new(number: u64) -> Self {
        let bit = |at: u64| number >> at & 1 == 1;
        let (is_arrival, refills, excludes) = (bit(0), number.is_multiple_of(3), bit(1));
        Self { number, is_arrival, refills, excludes, gate: 1 }
    }

    fn build(&self) -> Built {
        let policies: [policy::Any; 5] = [
            Boltzmann::new().into(),
            Fixed::weights(vec![1.0; 3]).into(),
            Mixture::new(vec![3.0, 1.0, 1.0]).into(),
            Ucb::discounted(0.9).into(),
            Thompson::beta(curricle::policy::Forgetting::Never).into(),
        ];
        let samplers = [Any::Distinct, Any::Systematic, Any::Passes, Any::Sequential];
        let builder = Curriculum::builder(9)
            .arms(3, |sample| sample.0 as u32 % 3)
            .keys((0..9u128).map(|sample| sample + 100))
            .costs((0..9).map(|sample| 1.0 + f64::from(sample % 4)).collect())
            .policy(policies[(self.number / 4 % 5) as usize].clone())
            .sampler(samplers[(self.number / 20 % 4) as usize])
            .gate(
                Gate::zero_signal_by(Measure::Success).and(Gate::band(f64::from(LOW[self.gate]), 0.8)),
            )
            .exclude_in_flight(self.excludes)
            .seed(self.number);
        let builder = match self.is_arrival {
            true => builder.pace(Arrival::new().in_flight(12)),
            false => builder.lag(1).missing(Missing::Lose),
        };
        let starvation = [Starvation::Partial, Starvation::BestRejected, Starvation::Fail];
        let refill = Refill::new().most(8).starvation(starvation[(self.number / 3 % 3) as usize]);
        let builder = if self.refills { builder.refill(refill) } else { builder };
        builder.build().unwrap()
    }

    /// What the gate says of an outcome, worked out beside it.
    fn verdict(&self, ticket: u64) -> Verdict {
        let success = outcome(ticket).success.unwrap();
        match success {
            _ if success.min(1.0 - success) <= 1e-6 => Verdict::Reject(Reason::ZeroSignal),
            _ if success < LOW[self.gate] => Verdict::Reject(Reason::TooHard),
            _ if success > 0.8 => Verdict::Reject(Reason::TooEasy),
            _ => Verdict::Admit,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Open,
    Admitted,
    Banked,
    Rejected,
    Lost,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    sample: u64,
    round: u64,
    fate: Fate,
    /// Whether its outcome has been folded in, or given up.
    is_done: bool,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    key: Key,
    /// Its arm and weight, if it is there.
    place: Option<(u32, f64)>,
    drawn: u32,
    settled: u32,
}

struct Model {
    case: Case,
    tickets: Vec<Known>,
    samples: Vec<Member>,
    arms: u32,
    version: u64,
    rounds: u64,
}

impl Model {
    fn new(case: Case) -> Self {
        let member = |sample: u32| Member {
            key: Key(u128::from(sample) + 100),
            place: Some((sample % 3, 1.0)),
            drawn: 0,
            settled: 0,
        };
        let samples = (0..9).map(member).collect();
        Self { case, tickets: Vec::new(), samples, arms: 3, version: 0, rounds: 0 }
    }

    fn count(&self, fate: Fate) -> u64 {
        self.tickets.iter().filter(|known| known.fate == fate).count() as u64
    }

    fn settle(&mut self, ticket: usize) {
        let known = &mut self.tickets[ticket];
        known.is_done = true;
        self.samples[known.sample as usize].settled += 1;
    }

    /// In lockstep: what is due when a new round is drawn has been folded in, or is lost.
    fn fold(&mut self) {
        if self.case.is_arrival {
            return;
        }
        for ticket in 0..self.tickets.len() {
            let known = self.tickets[ticket];
            if known.is_done || known.round + 2 > self.rounds {
                continue;
            }
            match known.fate {
                Fate::Open => {
                    self.tickets[ticket].fate = Fate::Lost;
                    self.tickets[ticket].is_done = true;
                }
                Fate::Lost => self.tickets[ticket].is_done = true,
                _ => self.settle(ticket),
            }
        }
    }

    fn open_batch(&mut self, batch: &Batch) {
        assert_eq!(batch.version, self.version);
        for draw in &batch.draws {
            assert_eq!(draw.ticket.0 as usize, self.tickets.len());
            assert!(draw.propensity > 0.0 && draw.propensity <= 1.0 + 1e-9);
            let member = &mut self.samples[draw.sample.index()];
            let is_there = member.place.is_some_and(|(arm, weight)| arm == draw.arm.0 && weight > 0.0);
            assert!(is_there, "{draw:?} {member:?}");
            member.drawn += 1;
            let flies = |it: &Known| {
                let in_flight = if self.case.is_arrival { it.fate == Fate::Open } else { !it.is_done };
                it.sample == draw.sample.0 && (in_flight || it.fate == Fate::Banked)
            };
            assert!(!self.case.excludes || !self.tickets.iter().any(flies), "{draw:?} is in flight");
            let (sample, round) = (draw.sample.0, batch.round.0);
            self.tickets.push(Known { sample, round, fate: Fate::Open, is_done: false });
        }
        self.rounds = batch.round.0 + 1;
    }

    /// What is wrong with a ticket that is reported.
    fn refused(&self, ticket: u64) -> Option<Error> {
        match self.tickets.get(ticket as usize).map(|known| known.fate) {
            None => Some(Error::UnknownTicket(Ticket(ticket))),
            Some(Fate::Open) => None,
            Some(Fate::Lost) => Some(Error::LateTicket(Ticket(ticket))),
            Some(_) => Some(Error::RepeatedTicket(Ticket(ticket))),
        }
    }

    /// A good outcome comes in.
    fn take(&mut self, ticket: u64) -> Verdict {
        let verdict = self.case.verdict(ticket);
        self.tickets[ticket as usize].fate = match verdict {
            Verdict::Admit if self.case.refills => Fate::Banked,
            Verdict::Admit => Fate::Admitted,
            _ => Fate::Rejected,
        };
        if self.case.is_arrival {
            self.settle(ticket as usize);
        }
        verdict
    }

    fn check(&self, curriculum: &Built) {
        let counts = curriculum.counts();
        let found = [counts.admitted, counts.banked, counts.rejected, counts.lost, counts.open];
        let fates = [Fate::Admitted, Fate::Banked, Fate::Rejected, Fate::Lost, Fate::Open];
        assert_eq!(found, fates.map(|fate| self.count(fate)));
        assert!(counts.is_conserved() && counts.drawn == self.tickets.len() as u64);
        assert_eq!((curriculum.version(), curriculum.round().0), (self.version, self.rounds));
        let population = curriculum.population();
        assert_eq!(population.arms().count(), self.arms as usize);
        for (sample, member) in (0..).map(SampleId).zip(&self.samples) {
            let place = population.arms().arm_of(sample).ok().zip(population.weight(sample).ok());
            assert_eq!(place.map(|(arm, weight)| (arm.0, weight)), member.place);
            let is_there = member.place.map(|_| sample);
            assert_eq!(population.find(member.key), is_there);
            let record = curriculum.record(sample).unwrap();
            assert_eq!((record.draws(), record.settled()), (member.drawn, member.settled));
        }
    }
}

/// The verbs of a journal and of a curriculum without one, which must say the same.
struct Pair {
    journal: Journal<policy::Any, GroupSpread, Any>,
    twin: Built,
}

impl Pair {
    fn both<T: PartialEq + std::fmt::Debug>(
        &mut self,
        journal: impl FnOnce(&mut Journal<policy::Any, GroupSpread, Any>) -> Result<T>,
        twin: impl FnOnce(&mut Built) -> Result<T>,
    ) -> Result<T> {
        let (found, expected) = (journal(&mut self.journal), twin(&mut self.twin));
        assert_eq!(found, expected);
        found
    }
}

/// The same verb of both.
macro_rules! both {
    ($pair:expr, $verb:ident($($argument:expr),*)) => {
        $pair.both(|it| it.$verb($($argument),*), |it| it.$verb($($argument),*))
    };
}

/// How often what is rare has happened.
#[derive(Debug, Default)]
struct Seen(BTreeMap<&'static str, u64>);

impl Seen {
    fn note(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }
}

fn run(number: u64, events: usize, seen: &mut Seen) {
    let mut case = Case::new(number);
    let mut model = Model::new(case);
    let folder = common::folder();
    let mut path = folder.path().join("run");
    let open = |path: &std::path::Path, case: &Case| {
        Journal::open(path, case.build()).unwrap().durability(Durability::OnDemand)
    };
    let mut pair = Pair { journal: open(&path, &case), twin: case.build() };
    let mut rng = Rng::at(number, Round(0), Purpose::User);
    for event in 0..events {
        let sample = rng.below(model.samples.len() as u64);
        let (id, place) = (SampleId(sample), model.samples[sample as usize].place);
        match rng.below(20) {
            0..=4 if case.refills => {
                // The first draw of a step folds, also where it then waits or ends.
                let step = both!(pair, step(3)).unwrap_or(Step::Wait { open: 0 });
                match step {
                    Step::Draw(batch) => {
                        if batch.round.0 == model.rounds {
                            model.fold();
                        }
                        model.open_batch(&batch);
                        seen.note("draw of a step");
                    }
                    Step::Ready(useful) => {
                        for it in &useful {
                            let known = &mut model.tickets[it.draw.ticket.0 as usize];
                            assert!(matches!(known.fate, Fate::Banked | Fate::Rejected));
                            known.fate = Fate::Admitted;
                        }
                        seen.note("step");
                    }
                    Step::Wait { .. } => seen.note("wait"),
                    Step::Starved { .. } => seen.note("starved"),
                    _ => unreachable!(),
                }
                if pair.twin.counts().lost != model.count(Fate::Lost) {
                    model.fold();
                }
                // A wait may have folded in what was reported.
                let settled: u32 = (0..model.samples.len() as u64)
                    .map(|it| pair.twin.record(SampleId(it)).unwrap().settled())
                    .sum();
                if settled != model.samples.iter().map(|it| it.settled).sum::<u32>() {
                    model.fold();
                }
            }
            what @ 0..=4 => {
                let n = 1 + rng.below(4) as usize;
                let drawn = match what {
                    0 => both!(pair, draw_within(n as f64 * 2.0)),
                    _ => both!(pair, draw(n)),
                };
                model.fold();
                match drawn {
                    Ok(batch) => {
                        assert!(what == 0 || batch.draws.len() == n);
                        model.open_batch(&batch);
                    }
                    Err(Error::Hold { .. }) => seen.note("hold"),
                    Err(Error::BatchExceedsPool { .. } | Error::NothingToDraw) => seen.note("too few"),
                    Err(Error::Cost { .. }) => seen.note("cost"),
                    Err(error) => panic!("{error}"),
                }
            }
            what @ 5..=9 => {
                let mut report: Vec<u64> = (0..model.tickets.len() as u64)
                    .filter(|&ticket| model.tickets[ticket as usize].fate == Fate::Open)
                    .collect();
                rng.shuffle(&mut report);
                report.truncate(rng.below(6) as usize);
                let is_mixed = what > 7;
                if is_mixed {
                    // Unknown, repeated or late ones in between.
                    for _ in 0..1 + rng.below(3) {
                        let at = rng.below(report.len() as u64 + 1) as usize;
                        report.insert(at, rng.below(model.tickets.len() as u64 + 3));
                    }
                }
                let feedback: Vec<Feedback> = report
                    .iter()
                    .map(|&ticket| Feedback::new(Ticket(ticket), outcome(ticket)))
                    .collect();
                let first_bad = |model: &Model| {
                    let twice = |at: usize| report[..at].contains(&report[at]);
                    (0..report.len()).find_map(|at| match model.refused(report[at]) {
                        None if twice(at) => Some(Error::RepeatedTicket(Ticket(report[at]))),
                        refused => refused,
                    })
                };
                if what == 8 || what == 5 {
                    match first_bad(&model) {
                        Some(error) => {
                            assert_eq!(both!(pair, observe(&feedback)), Err(error));
                            seen.note("refused");
                        }
                        None => {
                            let verdicts = both!(pair, observe(&feedback)).unwrap();
                            for (&ticket, verdict) in report.iter().zip(verdicts) {
                                assert_eq!(model.take(ticket), verdict);
                            }
                        }
                    }
                } else {
                    let results = pair.journal.report(&feedback).unwrap();
                    assert_eq!(pair.twin.report(&feedback), results);
                    for (&ticket, result) in report.iter().zip(results) {
                        let expected = match model.refused(ticket) {
                            Some(error) => {
                                seen.note("refused of a report");
                                Err(error)
                            }
                            None => Ok(model.take(ticket)),
                        };
                        assert_eq!(result, expected);
                    }
                }
            }
            10 => {
                let open = |it: &usize| model.tickets[*it].fate == Fate::Open;
                let Some(ticket) = (0..model.tickets.len()).rfind(open) else { continue };
                both!(pair, lose(&[Ticket(ticket as u64)])).unwrap();
                model.tickets[ticket].fate = Fate::Lost;
                model.tickets[ticket].is_done = case.is_arrival;
                seen.note("lost");
            }
            11 => {
                let arm = rng.below(model.arms.into()) as u32;
                let key = Key(1000 + event as u128);
                let weight = rng.below(3) as f64;
                assert_eq!(
                    both!(pair, insert_key(key, ArmId(arm), weight)),
                    Ok(SampleId(model.samples.len() as u64))
                );
                model.samples.push(Member { key, place: Some((arm, weight)), drawn: 0, settled: 0 });
                let cost = 1.0 + rng.below(4) as f64;
                both!(pair, set_costs(&[(SampleId(model.samples.len() as u64 - 1), cost)])).unwrap();
            }
            12 => {
                assert_eq!(both!(pair, remove(id)).is_ok(), place.is_some());
                model.samples[sample as usize].place = None;
            }
            13 => {
                let arm = rng.below(model.arms.into()) as u32;
                assert_eq!(both!(pair, retag(id, ArmId(arm))).is_ok(), place.is_some());
                model.samples[sample as usize].place = place.map(|(_, weight)| (arm, weight));
            }
            14 => {
                let weight = rng.below(3) as f64;
                assert_eq!(both!(pair, set_weights(&[(id, weight)])).is_ok(), place.is_some());
                model.samples[sample as usize].place = place.map(|(arm, _)| (arm, weight));
            }
            15 if model.arms < 6 => {
                assert_eq!(both!(pair, add_arm()), Ok(ArmId(model.arms)));
                model.arms += 1;
                seen.note("arm");
            }
            16 => {
                let weights: Vec<f64> = (0..model.arms).map(|_| 1.0 + rng.below(3) as f64).collect();
                let has_mixture = matches!(case.number / 4 % 5, 1 | 2);
                assert_eq!(both!(pair, set_mixture(&weights)).is_ok(), has_mixture);
                seen.note(if has_mixture { "mixture" } else { "no mixture" });
            }
            17 => {
                model.version += rng.below(2);
                both!(pair, set_version(model.version)).unwrap();
            }
            18 => {
                pair.journal =
                    common::reopened(pair.journal, &path, || case.build(), rng.below(2) == 0);
                seen.note("kill");
            }
            _ => {
                // The gate changes, with a new journal behind it.
                case.gate = rng.below(3) as usize;
                model.case = case;
                let bytes = folder.path().join("edge");
                pair.twin.save(&bytes).unwrap();
                let mut changed = case.build();
                changed.restore_edge(&bytes).unwrap();
                path = folder.path().join(format!("run-{event}"));
                pair.twin = changed.clone();
                pair.journal = Journal::open(&path, changed).unwrap().durability(Durability::OnDemand);
                seen.note("gate");
            }
        }
        model.check(&pair.twin);
        assert!(pair.journal.curriculum().to_bytes().unwrap() == pair.twin.to_bytes().unwrap());
    }
    let Counts { drawn, .. } = pair.twin.counts();
    *seen.0.entry("tickets").or_default() += drawn;
    *seen.0.entry("events").or_default() += events as u64;
}

#[test]
fn any_order_of_all_verbs_agrees_with_a_slow_model() {
    let mut seen = Seen::default();
    (0..10_000).for_each(|case| run(case, 24, &mut seen));
    println!("{:?}", seen.0);
    let least = [
        ("tickets", 50_000),
        ("draw of a step", 2000),
        ("step", 1000),
        ("wait", 500),
        ("starved", 50),
        ("hold", 500),
        ("too few", 40),
        ("cost", 20),
        ("refused", 5000),
        ("refused of a report", 5000),
        ("lost", 2000),
        ("arm", 5000),
        ("mixture", 2000),
        ("kill", 5000),
        ("gate", 5000),
    ];
    for (what, least) in least {
        assert!(seen.0.get(what).is_some_and(|&count| count >= least), "{what}: {:?}", seen.0);
    }
}

/// The long run; its command and figures stand in `benches/record`.
#[test]
#[ignore = "minutes to an hour, by CASES"]
fn many_orders_of_all_verbs() {
    let cases: u64 = std::env::var("CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let mut seen = Seen::default();
    for case in 0..cases {
        run(10_000 + case, 100, &mut seen);
    }
    println!("{:?}", seen.0);
}
