//! Passes without repetition, in random order and in the given one, and samples that are not drawn while they are in flight.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{self, chi_square, outcome};
use curricle::policy::{Boltzmann, Fixed};
use curricle::sampler::{Any, Distinct, Passes, Replace, Sequential, Systematic};
use curricle::{
    ArmId, Arrival, Batch, Curriculum, Durability, Error, Feedback, Gate, Journal, Measure, Missing,
    Purpose, Refill, Rng, Round, SampleId, Step, Ticket,
};

fn all_of(batch: &Batch) -> Vec<Feedback> {
    let seen = |ticket: Ticket| Feedback::new(ticket, outcome(ticket.0));
    batch.draws.iter().map(|draw| seen(draw.ticket)).collect()
}

fn samples(batch: &Batch) -> Vec<u64> {
    batch.samples().map(|sample| sample.0).collect()
}

#[test]
fn nothing_comes_twice_before_all_have_come() {
    let mut curriculum = Curriculum::builder(10).sampler(Passes).seed(5).build().unwrap();
    let mut seen = Vec::new();
    for _ in 0..25 {
        let batch = curriculum.draw(4).unwrap();
        seen.extend(samples(&batch));
        curriculum.observe(&all_of(&batch)).unwrap();
    }
    for pass in seen.chunks(10) {
        assert_eq!(pass.iter().copied().collect::<BTreeSet<_>>(), (0..10).collect());
    }
    assert_eq!(curriculum.population().passes(ArmId(0)), 10);
    assert!(seen.chunks(10).any(|pass| pass != &seen[..10]), "each pass has an order of its own");
}

#[test]
fn a_sequential_pass_is_in_the_given_order_and_begins_again() {
    let order: Vec<SampleId> = [3, 1, 4, 0, 2].map(SampleId).to_vec();
    let mut curriculum = Curriculum::builder(5).order(&order).sampler(Sequential).build().unwrap();
    let mut seen = Vec::new();
    for n in [1, 2, 3, 4, 5] {
        let batch = curriculum.draw(n).unwrap();
        assert!(batch.draws.iter().all(|draw| draw.propensity == 1.0));
        seen.extend(samples(&batch));
        curriculum.observe(&all_of(&batch)).unwrap();
    }
    assert_eq!(seen, [[3, 1, 4, 0, 2]; 3].concat());
}

/// All orders of a pass are equally likely, and a weight is the chance to come earlier.
#[test]
fn a_pass_is_a_successive_draw() {
    let mut orders: BTreeMap<Vec<u64>, u64> = BTreeMap::new();
    let weights = [1.0, 2.0, 5.0];
    for seed in 0..6000 {
        let builder = Curriculum::builder(3).weights(weights.to_vec()).sampler(Passes).seed(seed);
        let mut curriculum = builder.missing(Missing::Lose).build().unwrap();
        let (mut order, mut left) = (Vec::new(), 8.0);
        for _ in 0..3 {
            let draw = curriculum.draw(1).unwrap().draws[0];
            let weight = weights[draw.sample.index()];
            assert!((draw.propensity - weight / left).abs() < 1e-12);
            left -= weight;
            order.push(draw.sample.0);
        }
        *orders.entry(order).or_default() += 1;
    }
    let chance = |order: &[u64]| {
        let w = |place: usize| weights[order[place] as usize];
        w(0) / 8.0 * (w(1) / (8.0 - w(0)))
    };
    let (counts, chances): (Vec<u64>, Vec<f64>) =
        orders.iter().map(|(order, &count)| (count, chance(order))).unzip();
    chi_square(&counts, &chances, "orders of a pass");
}

#[test]
fn what_is_asked_of_an_arm_is_not_changed_by_the_end_of_its_pass() {
    // Half of each batch is asked of an arm of 10 samples, half of one of 1000.
    let builder = Curriculum::builder(1010).arms(2, |sample| u32::from(sample.0 >= 10));
    let builder = builder.policy(Fixed::weights(vec![1.0, 1.0])).sampler(Passes);
    let mut curriculum = builder.missing(Missing::Lose).build().unwrap();
    for _ in 0..30 {
        let batch = curriculum.draw(14).unwrap();
        let small: Vec<u64> = samples(&batch).into_iter().filter(|&sample| sample < 10).collect();
        assert_eq!(small.len(), 7);
        assert_eq!(small.iter().collect::<BTreeSet<_>>().len(), 7, "a batch has none twice");
    }
    assert_eq!(curriculum.population().passes(ArmId(0)), 21);
    assert_eq!(curriculum.population().passes(ArmId(1)), 0);
    let metrics = curriculum.metrics();
    assert_eq!(metrics.get("arm/0/passes"), Some(21.0));
    assert_eq!(metrics.get("arm/1/left_in_pass"), Some(790.0));
}

#[test]
fn a_batch_greater_than_the_pool_is_refused() {
    for sampler in [Any::Passes, Any::Sequential] {
        let mut curriculum = Curriculum::builder(10).sampler(sampler).build().unwrap();
        let refused = Error::BatchExceedsPool { want: 11, available: 10 };
        assert_eq!(curriculum.draw(11), Err(refused));
        assert_eq!(curriculum.draw(10).unwrap().draws.len(), 10);
    }
}

#[test]
fn in_flight_means_not_drawn_whatever_the_sampler() {
    for sampler in [Any::Distinct, Any::Systematic, Any::Top, Any::Passes, Any::Sequential] {
        let builder = Curriculum::builder(100).arms(4, |sample| (sample.0 % 4) as u32);
        let mut curriculum = builder.sampler(sampler).lag(4).exclude_in_flight(true).build().unwrap();
        let mut batches = Vec::new();
        for _ in 0..5 {
            batches.push(curriculum.draw(20).unwrap());
        }
        let drawn: BTreeSet<u64> = batches.iter().flat_map(samples).collect();
        assert_eq!(drawn.len(), 100, "{sampler:?}");
        // The sixth draw folds the first round in: its samples are the only ones there are.
        curriculum.observe(&all_of(&batches[0])).unwrap();
        let sixth: BTreeSet<u64> = samples(&curriculum.draw(20).unwrap()).into_iter().collect();
        assert_eq!(sixth, samples(&batches[0]).into_iter().collect(), "{sampler:?}");
    }
}

#[test]
fn a_batch_that_repeats_a_sample_holds_it_until_its_last_ticket() {
    let builder = Curriculum::builder(2).sampler(Replace).pace(Arrival::new()).exclude_in_flight(true);
    let mut curriculum = builder.build().unwrap();
    let batch = curriculum.draw(16).unwrap();
    assert_eq!(curriculum.population().in_flight(), 2);
    let reports = all_of(&batch);
    let of = |sample: u64| {
        let is_of = |it: &&Feedback| batch.draws[it.ticket.0 as usize].sample.0 == sample;
        reports.iter().filter(is_of).copied().collect::<Vec<_>>()
    };
    let (first, second) = (of(0), of(1));
    assert!(first.len() > 1 && second.len() > 1);
    curriculum.observe(&first[1..]).unwrap();
    assert_eq!(curriculum.population().in_flight(), 2);
    assert_eq!(
        curriculum.draw(1),
        Err(Error::Hold { open: 1 + second.len() as u64, want: 1, most: 2 })
    );
    curriculum.observe(&first[..1]).unwrap();
    assert_eq!(samples(&curriculum.draw(3).unwrap()), [0; 3]);
}

#[test]
fn a_pass_that_waits_for_a_sample_in_flight_holds_a_draw() {
    let builder = Curriculum::builder(2).exclude_in_flight(true).pace(Arrival::new());
    let mut curriculum = builder.sampler(Any::Sequential).build().unwrap();
    let first = curriculum.draw(1).unwrap();
    curriculum.observe(&all_of(&first)).unwrap();
    // The rest of the first pass, and the beginning of the second.
    let batch = curriculum.draw(2).unwrap();
    assert_eq!(samples(&batch), [1, 0]);
    let reports = all_of(&batch);
    curriculum.observe(&reports[1..]).unwrap();
    // The second pass waits for sample 1, and sample 0 for the third.
    assert_eq!(curriculum.draw(2), Err(Error::Hold { open: 1, want: 2, most: 2 }));
    assert_eq!(curriculum.draw(3), Err(Error::NothingToDraw), "no report would help");
    curriculum.observe(&reports[..1]).unwrap();
    assert_eq!(samples(&curriculum.draw(2).unwrap()), [1, 0]);
}

#[test]
fn a_draw_holds_where_reports_would_bring_samples_back() {
    let build = |pace: Option<Arrival>| {
        let builder = Curriculum::builder(10).exclude_in_flight(true);
        pace.map_or(builder.clone().lag(9), |pace| builder.pace(pace)).build().unwrap()
    };
    let mut curriculum = build(Some(Arrival::new()));
    let batch = curriculum.draw(7).unwrap();
    assert_eq!(curriculum.draw(4), Err(Error::Hold { open: 7, want: 4, most: 10 }));
    let too_many = Error::BatchExceedsPool { want: 11, available: 3 };
    assert_eq!(curriculum.draw(11), Err(too_many), "no report would help");
    curriculum.observe(&all_of(&batch)[..1]).unwrap();
    assert_eq!(curriculum.draw(4).unwrap().draws.len(), 4);
    // In lockstep they come back with their round, whatever is reported.
    let mut curriculum = build(None);
    curriculum.draw(7).unwrap();
    assert_eq!(curriculum.draw(4), Err(Error::BatchExceedsPool { want: 4, available: 3 }));
}

/// A ticket, its sample, and whether it is open.
type Drawn = (Ticket, u64, bool);

/// What the engine must know of its samples, in plain lists.
#[derive(Debug, Default)]
struct Model {
    /// By sample: its arm and weight, if it is there.
    samples: Vec<Option<(u32, f64)>>,
    /// By arm: the members in order.
    order: Vec<Vec<u64>>,
    drawn: BTreeSet<u64>,
    /// By sample in flight: how many tickets.
    held: BTreeMap<u64, u32>,
    passes: Vec<u64>,
    keeps_passes: bool,
}

impl Model {
    /// The members of positive weight, in order.
    fn members(&self, arm: u32) -> Vec<u64> {
        let weighs = |it: &u64| self.samples[*it as usize].is_some_and(|(_, weight)| weight > 0.0);
        self.order[arm as usize].iter().copied().filter(weighs).collect()
    }

    fn free(&self, arm: u32, drawn: bool) -> Vec<u64> {
        let mut members = self.members(arm);
        members.retain(|it| !self.held.contains_key(it) && self.drawn.contains(it) == drawn);
        members
    }

    fn is_owed(&self, arm: u32) -> bool {
        self.members(arm).iter().any(|it| self.held.contains_key(it) && !self.drawn.contains(it))
    }

    fn drawable(&self, arm: u32) -> usize {
        let next = if self.is_owed(arm) { 0 } else { self.free(arm, true).len() };
        self.free(arm, false).len() + next
    }

    /// How many could be drawn if all that are in flight came back.
    fn drawable_after(&self) -> usize {
        let arms = 0..self.order.len() as u32;
        let waiting =
            arms.clone().filter(|arm| self.is_owed(*arm)).map(|arm| self.free(arm, true).len());
        arms.map(|arm| self.drawable(arm)).sum::<usize>() + self.held.len() + waiting.sum::<usize>()
    }

    fn turn(&mut self) {
        for arm in 0..self.order.len() as u32 {
            let is_over = self.free(arm, false).is_empty() && !self.is_owed(arm);
            if self.keeps_passes && is_over && !self.free(arm, true).is_empty() {
                let whole = self.order[arm as usize].clone();
                whole.iter().for_each(|it| _ = self.drawn.remove(it));
                self.passes[arm as usize] += 1;
            }
        }
    }

    /// Checks a batch, and takes it over.
    fn draw(&mut self, batch: &Batch, holds: bool, is_in_order: bool) {
        let drawn = samples(batch);
        assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), drawn.len(), "none twice");
        for arm in 0..self.order.len() as u32 {
            let of: Vec<u64> =
                batch.draws.iter().filter(|it| it.arm.0 == arm).map(|it| it.sample.0).collect();
            let (now, next) = (self.free(arm, false), self.free(arm, true));
            let from_now = of.len().min(now.len());
            if is_in_order {
                let expected: Vec<u64> = now.iter().chain(&next).copied().take(of.len()).collect();
                assert_eq!(of, expected);
            }
            assert_eq!(of.iter().filter(|it| now.contains(it)).count(), from_now);
            assert_eq!(of.iter().filter(|it| next.contains(it)).count(), of.len() - from_now);
            assert!(of.len() == from_now || !self.is_owed(arm));
        }
        let is_drawn: Vec<bool> = drawn.iter().map(|it| self.drawn.contains(it)).collect();
        for second in [false, true] {
            for (&sample, _) in drawn.iter().zip(&is_drawn).filter(|(_, is)| **is == second) {
                if self.keeps_passes {
                    self.drawn.insert(sample);
                }
                if holds {
                    *self.held.entry(sample).or_default() += 1;
                }
                self.turn();
            }
        }
    }

    fn release(&mut self, sample: u64) {
        if let Some(tickets) = self.held.get_mut(&sample) {
            *tickets -= 1;
            if *tickets == 0 {
                self.held.remove(&sample);
            }
        }
        self.turn();
    }
}

/// Draws, reports, lost tickets, samples that come, go, rest and change their arms, kills and reopened journals, in both
/// paces, with and without passes and with and without samples in flight, against plain lists.
#[test]
fn any_order_of_calls_agrees_with_plain_lists() {
    let (mut passes, mut holds, mut exceeded) = (0, 0, 0);
    for case in 0..160u64 {
        let sampler = [Any::Passes, Any::Sequential, Any::Distinct, Any::Systematic][case as usize % 4];
        let excludes = case / 4 % 2 == 1 || case % 4 > 1;
        let is_arrival = case / 8 % 2 == 1;
        let arms = 1 + (case / 16 % 3) as u32;
        let keeps_passes = case % 4 < 2;
        let build = || {
            let builder = Curriculum::builder(12)
                .arms(arms, |sample| sample.0 as u32 % arms)
                .policy(Boltzmann::new())
                .sampler(sampler)
                .exclude_in_flight(excludes)
                .seed(case);
            let builder = if is_arrival {
                builder.pace(Arrival::new())
            } else {
                builder.lag(1).missing(Missing::Lose)
            };
            builder.build().unwrap()
        };
        let folder = common::folder();
        let path = folder.path().join("run");
        let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
        let mut model = Model { keeps_passes, passes: vec![0; arms as usize], ..Model::default() };
        model.samples = (0..12).map(|sample| Some((sample % arms, 1.0))).collect();
        model.order = (0..arms)
            .map(|arm| (0..12).filter(|it| it % u64::from(arms) == u64::from(arm)).collect())
            .collect();
        let mut rng = Rng::at(case, Round(0), Purpose::User);
        // Open tickets, by round; in lockstep all of the last rounds.
        let mut rounds: Vec<(u64, Vec<Drawn>)> = Vec::new();
        for _ in 0..120 {
            let sample = SampleId(rng.below(model.samples.len() as u64));
            let entry = model.samples[sample.index()];
            match rng.below(12) {
                0..=3 => {
                    let n = 1 + rng.below(6) as usize;
                    let now = journal.curriculum().round().0;
                    let drawn = journal.draw(n);
                    if !is_arrival {
                        rounds.retain(|(round, tickets)| {
                            let is_due = round + 2 <= now;
                            if is_due {
                                tickets.iter().for_each(|(_, sample, _)| model.release(*sample));
                            }
                            !is_due
                        });
                    }
                    let most: usize = (0..arms).map(|arm| model.drawable(arm)).sum();
                    let waits = |model: &Model| {
                        is_arrival && !model.held.is_empty() && n <= model.drawable_after()
                    };
                    match drawn {
                        Ok(batch) => {
                            model.draw(&batch, excludes, sampler == Any::Sequential);
                            let tickets = batch.draws.iter().map(|it| (it.ticket, it.sample.0, true));
                            rounds.push((now, tickets.collect()));
                        }
                        Err(Error::Hold { want, most: holding, .. }) => {
                            holds += 1;
                            assert!(is_arrival && want == n && most < n);
                            assert_eq!(holding as usize, model.drawable_after());
                        }
                        Err(Error::BatchExceedsPool { want, available }) => {
                            exceeded += 1;
                            assert_eq!((want, available), (n, most));
                            assert!(!waits(&model), "reports would bring enough back");
                        }
                        Err(error) => {
                            assert!(error == Error::NothingToDraw && most == 0, "{error}");
                            assert!(!waits(&model), "reports would bring enough back");
                        }
                    }
                }
                4..=6 => {
                    let mut open: Vec<(Ticket, u64)> = rounds
                        .iter()
                        .flat_map(|(_, tickets)| tickets.iter().filter(|it| it.2))
                        .map(|&(ticket, sample, _)| (ticket, sample))
                        .collect();
                    rng.shuffle(&mut open);
                    open.truncate(rng.below(7) as usize);
                    if rng.below(4) == 0 {
                        journal.lose(&open.iter().map(|it| it.0).collect::<Vec<_>>()).unwrap();
                    } else {
                        let seen = |it: &(Ticket, u64)| Feedback::new(it.0, outcome(it.0.0));
                        journal.observe(&open.iter().map(seen).collect::<Vec<_>>()).unwrap();
                    }
                    for (_, tickets) in &mut rounds {
                        tickets
                            .iter_mut()
                            .filter(|it| open.contains(&(it.0, it.1)))
                            .for_each(|it| it.2 = false);
                    }
                    if is_arrival {
                        open.iter().for_each(|it| model.release(it.1));
                    }
                }
                7 => {
                    let (arm, weight) = (rng.below(arms.into()) as u32, rng.below(3) as f64);
                    journal.insert(ArmId(arm), weight).unwrap();
                    model.order[arm as usize].push(model.samples.len() as u64);
                    model.samples.push(Some((arm, weight)));
                }
                8 => {
                    assert_eq!(journal.remove(sample).is_ok(), entry.is_some());
                    model.samples[sample.index()] = None;
                    model.order.iter_mut().for_each(|it| it.retain(|&it| it != sample.0));
                    model.drawn.remove(&sample.0);
                    model.held.remove(&sample.0);
                }
                9 => {
                    let arm = rng.below(arms.into()) as u32;
                    assert_eq!(journal.retag(sample, ArmId(arm)).is_ok(), entry.is_some());
                    if let Some((_, weight)) = entry {
                        let other = |it: &u64| *it != sample.0;
                        let free = |drawn| model.free(arm, drawn).into_iter().any(|it| other(&it));
                        if !free(false) && !free(true) {
                            // In an arm where nothing was drawn it begins the pass.
                            model.drawn.remove(&sample.0);
                        }
                        model.samples[sample.index()] = Some((arm, weight));
                        model.order.iter_mut().for_each(|it| it.retain(|&it| it != sample.0));
                        model.order[arm as usize].push(sample.0);
                    }
                }
                10 => {
                    let weight = rng.below(3) as f64;
                    assert_eq!(journal.set_weight(sample, weight).is_ok(), entry.is_some());
                    model.samples[sample.index()] = entry.map(|(arm, _)| (arm, weight));
                }
                _ => journal = common::reopened(journal, &path, build, rng.below(2) == 0),
            }
            model.turn();
            let population = journal.curriculum().population();
            for arm in 0..arms {
                assert_eq!(population.drawable(ArmId(arm)), model.drawable(arm), "case {case}");
                assert_eq!(population.passes(ArmId(arm)), model.passes[arm as usize], "case {case}");
            }
            assert_eq!(population.in_flight(), model.held.len());
            for (sample, entry) in model.samples.iter().enumerate() {
                let found = population.weight(SampleId(sample as u64)).ok();
                assert_eq!(found, entry.map(|(_, weight)| weight));
            }
            assert!(journal.curriculum().counts().is_conserved());
        }
        passes += model.passes.iter().sum::<u64>();
    }
    assert!(passes > 500 && holds > 100 && exceeded > 100, "{passes} {holds} {exceeded}");
}

/// With refill, no sample comes twice in a step, nor while a ticket of it is banked.
#[test]
fn a_step_has_no_sample_twice() {
    for is_arrival in [false, true] {
        let builder = Curriculum::builder(40)
            .arms(2, |sample| sample.0 as u32 % 2)
            .gate(Gate::zero_signal_by(Measure::Success).and(Gate::band(0.3, 0.7)))
            .refill(Refill::new().confidence(0.5))
            .sampler(Systematic)
            .exclude_in_flight(true)
            .seed(9);
        let builder = if is_arrival { builder.pace(Arrival::new()) } else { builder };
        let mut curriculum = builder.build().unwrap();
        let mut banked: BTreeMap<Ticket, u64> = BTreeMap::new();
        let (mut draws, mut ready) = (0, 0);
        for _ in 0..60 {
            let mut step = BTreeSet::new();
            loop {
                match curriculum.step(5).unwrap() {
                    Step::Draw(batch) => {
                        draws += 1;
                        for sample in samples(&batch) {
                            assert!(step.insert(sample), "sample {sample} twice in a step");
                            assert!(!banked.values().any(|it| *it == sample), "it waits in the bank");
                        }
                        let verdicts = curriculum.observe(&all_of(&batch)).unwrap();
                        let admitted = batch.draws.iter().zip(verdicts);
                        banked.extend(
                            admitted
                                .filter(|(_, verdict)| *verdict == curricle::Verdict::Admit)
                                .map(|(draw, _)| (draw.ticket, draw.sample.0)),
                        );
                    }
                    Step::Ready(useful) => {
                        useful.iter().for_each(|it| _ = banked.remove(&it.draw.ticket));
                        ready += 1;
                        break;
                    }
                    Step::Starved { .. } => break,
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(draws > ready && ready > 30, "{draws} draws, {ready} steps");
    }
}

#[test]
fn a_snapshot_is_of_its_passes() {
    let folder = common::folder();
    let file = folder.path().join("run");
    let mut curriculum = Curriculum::builder(10).sampler(Passes).build().unwrap();
    curriculum.draw(4).unwrap();
    curriculum.save(&file).unwrap();
    let mut other = Curriculum::builder(10).sampler(Distinct).build().unwrap();
    assert!(other.restore(&file).is_err());
    let mut flying = Curriculum::builder(10).sampler(Passes).exclude_in_flight(true).build().unwrap();
    assert!(flying.restore(&file).is_err() && flying.restore_edge(&file).is_err());
}
