//! A policy, a sampler or a signal of one's own may fail for once: a draw then fails that would not when it is tried
//! again.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use curricle::policy::{Allotment, Boltzmann, Policy, Reads, Reward, Turn};
use curricle::route::{RoutingTable, Treatment};
use curricle::sampler::{Distinct, Pick, Sampler, Scratch};
use curricle::signal::GroupSpread;
use curricle::{
    Curriculum, Draw, Error, Feedback, Field, Gate, Journal, Outcome, Population, Refill, Result, Rng,
    Step,
};
use serde::{Deserialize, Serialize};

use super::place;

/// Counts down to the call that fails; below 0 none does.
#[derive(Debug, Clone)]
struct Switch(Arc<AtomicI64>);

impl Default for Switch {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(-1)))
    }
}

impl Switch {
    fn set(&self, calls: i64) {
        self.0.store(calls, Ordering::Relaxed);
    }

    fn pass(&self) -> Result<()> {
        match self.0.fetch_sub(1, Ordering::Relaxed) {
            0 => Err(Error::Unsupported { part: "a part of one's own", request: "this once" }),
            _ => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Moody {
    inner: Boltzmann,
    #[serde(skip)]
    switch: Switch,
}

impl Policy for Moody {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        self.inner.prepare(population)
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        self.inner.is_learned_from(&built.inner, arms)
    }

    fn reads(&self) -> Reads {
        self.inner.reads()
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        self.switch.pass()?;
        self.inner.allot(turn, rng, allotment)
    }

    fn learn(&mut self, population: &Population, rewards: &[Reward]) {
        self.inner.learn(population, rewards);
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct MoodySampler {
    #[serde(skip)]
    switch: Switch,
}

impl Sampler for MoodySampler {
    fn draw(
        &self,
        population: &Population,
        allotment: &Allotment,
        n: usize,
        rng: &mut Rng,
        scratch: &mut Scratch,
        picks: &mut Vec<Pick>,
    ) -> Result<()> {
        self.switch.pass()?;
        Distinct.draw(population, allotment, n, rng, scratch, picks)
    }

    fn most(&self, population: &Population) -> usize {
        Distinct.most(population)
    }
}

type Mine = Curriculum<Moody, GroupSpread, MoodySampler>;

/// How it draws.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Verb {
    Draw,
    Within,
    Step,
}

/// Solved samples retire, so that a draw may have to bring some back and to decide again.
fn built(verb: Verb, policy: &Switch, sampler: &Switch) -> Mine {
    let table = RoutingTable::new([0.9], vec![Treatment::TRAIN, Treatment::Retire]).unwrap();
    let builder = Curriculum::builder(24).arms(3, |sample| (sample.0 % 3) as u32).seed(5);
    let builder = builder.gate(Gate::route(Field::Success, table)).retest(1000).costs(vec![1.0; 24]);
    let builder = if verb == Verb::Step { builder.refill(Refill::new()) } else { builder };
    let policy = Moody { inner: Boltzmann::new(), switch: policy.clone() };
    builder
        .policy(policy)
        .signal(GroupSpread)
        .sampler(MoodySampler { switch: sampler.clone() })
        .build()
        .unwrap()
}

type MyJournal = Journal<Moody, GroupSpread, MoodySampler>;

/// Draws once, reports what was drawn, and says whether it was refused.
fn act(journal: &mut MyJournal, verb: Verb) -> bool {
    let batch = match verb {
        Verb::Draw => journal.draw(10),
        Verb::Within => journal.draw_within(10.0),
        Verb::Step => match journal.step(10) {
            Ok(Step::Draw(batch)) => Ok(batch),
            Ok(_) => return false,
            Err(error) => Err(error),
        },
    };
    match batch {
        Ok(batch) => {
            // Two of three samples are solved, so that soon too few are left.
            let success = |draw: &Draw| if draw.sample.0.is_multiple_of(3) { 0.5 } else { 1.0 };
            let seen = |draw: &Draw| {
                Feedback::new(
                    draw.ticket,
                    Outcome::group(&[success(draw), 1.0 - success(draw)])
                        .unwrap()
                        .success(success(draw)),
                )
            };
            journal.observe(&batch.draws.iter().map(seen).collect::<Vec<_>>()).unwrap();
            false
        }
        Err(error) => {
            assert!(matches!(error, Error::Unsupported { part: "a part of one's own", .. }), "{error}");
            true
        }
    }
}

#[test]
fn a_part_that_fails_once() {
    for verb in [Verb::Draw, Verb::Within, Verb::Step] {
        let (mut refusals, mut came_back) = ([0; 2], 0);
        let cases = (0..2).flat_map(|part| (0..2).map(move |call| (part, call)));
        for (part, call, first) in
            cases.flat_map(|(part, call)| (0..12).map(move |it| (part, call, it)))
        {
            let (_folder, path) = place();
            let switches = [Switch::default(), Switch::default()];
            let mut journal = Journal::open(&path, built(verb, &switches[0], &switches[1])).unwrap();
            for round in 0..16 {
                let fails = round >= first && round % 3 == first % 3;
                switches[part].set(if fails { call } else { -1 });
                let retired = journal.curriculum().population().retired();
                let was_refused = act(&mut journal, verb);
                switches[part].set(-1);
                refusals[call as usize] += usize::from(was_refused);
                let back = journal.curriculum().population().retired() < retired;
                came_back += usize::from(was_refused && back);
                if round == 11 && first % 2 == 1 {
                    journal.compact().unwrap();
                }
            }
            let (events, last) = (journal.events(), journal.curriculum().to_bytes().unwrap());
            drop(journal);
            let off = Switch::default();
            let again = Journal::open(&path, built(verb, &off, &off)).unwrap();
            assert_eq!(again.events(), events);
            assert!(again.curriculum().to_bytes().unwrap() == last, "{verb:?} {part} {call} {first}");
        }
        assert!(refusals[0] > 20, "{verb:?}: {refusals:?}, {came_back}");
        assert_eq!(came_back > 0, verb == Verb::Draw, "the others make do with fewer samples");
        assert_eq!(refusals[1] > 0, verb == Verb::Step, "a step may decide twice");
    }
}
