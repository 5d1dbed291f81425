//! What a training step of 64 useful groups costs: refill by accept rates, against fixed factors.
//!
//! ```text
//! cargo bench --no-default-features --bench refill
//! ```
//!
//! A group is useful with a probability that the world sets; a step is over when 64 are there. `groups` are those drawn
//! for each useful one that was trained on, `draws` the draws of a step, one after the other (each waits for its slowest
//! rollout), `second` the share of steps with more than one, `age` how many steps a group waited in the bank. Mean over
//! steps 21 to 400, then the least and the greatest of eight seeds; the same coins for all.
//!
//! The fixed ways are those of trainers, restated: `missing x f` asks for f times what is missing until it is there and
//! throws the surplus away; `waves of f x 64` asks for whole waves. Nothing here reads a clock.

use curricle::policy::Fixed;
use curricle::sampler::Replace;
use curricle::{Curriculum, Feedback, Gate, Outcome, Purpose, Refill, Rng, Round, Step};

const WANT: usize = 64;
const STEPS: u64 = 400;
const FIRST: u64 = 20;
const SEEDS: u64 = 8;

/// The probability that a group of an arm is useful in a step.
type World = fn(u32, u64) -> f64;

const WORLDS: [(&str, World); 8] = [
    ("0.05", |_, _| 0.05),
    ("0.1", |_, _| 0.1),
    ("0.25", |_, _| 0.25),
    ("0.5", |_, _| 0.5),
    ("0.75", |_, _| 0.75),
    ("0.95", |_, _| 0.95),
    ("arms 0.05 to 0.95", |arm, _| [0.05, 0.35, 0.65, 0.95][arm as usize]),
    ("drifting 0.05 to 0.95", |arm, step| {
        let phase = (step + 50 * u64::from(arm)) % 200;
        0.05 + 0.9 * phase.min(200 - phase) as f64 / 100.0
    }),
];

/// What the steps of a run came to.
#[derive(Default)]
struct Tally {
    steps: f64,
    groups: f64,
    useful: f64,
    draws: f64,
    second: f64,
    age: f64,
}

impl Tally {
    fn row(&self) -> [f64; 4] {
        [
            self.groups / self.useful,
            self.draws / self.steps,
            self.second / self.steps,
            self.age / self.useful,
        ]
    }
}

fn refilled(world: World, seed: u64, confidence: f64) -> Tally {
    let mut curriculum = Curriculum::builder(40_000)
        .arms(4, |sample| (sample.0 / 10_000) as u32)
        .policy(Fixed::by_size())
        .sampler(Replace)
        .gate(Gate::zero_signal())
        .refill(Refill::new().confidence(confidence).most(1_000_000))
        .seed(seed)
        .build()
        .expect("good options");
    let mut coins = Rng::at(seed, Round(1), Purpose::User);
    let mut tally = Tally::default();
    let mut began = Vec::new();
    for step in 0..STEPS {
        let (mut draws, mut groups) = (0.0, 0.0);
        let useful = loop {
            match curriculum.step(WANT).expect("enough to draw") {
                Step::Draw(batch) => {
                    draws += 1.0;
                    groups += batch.draws.len() as f64;
                    began.resize(batch.round.0 as usize + 1, step);
                    let seen = |arm: u32, coins: &mut Rng| {
                        let is_useful = coins.unit() < world(arm, step);
                        Outcome::default().success(if is_useful { 0.5 } else { 1.0 }).rollouts(8)
                    };
                    let draws = batch.draws.iter();
                    let all: Vec<Feedback> = draws
                        .map(|draw| Feedback::new(draw.ticket, seen(draw.arm.0, &mut coins)))
                        .collect();
                    curriculum.observe(&all).expect("good feedback");
                }
                Step::Ready(useful) => break useful,
                other => panic!("all was reported: {other:?}"),
            }
        };
        if step >= FIRST {
            tally.steps += 1.0;
            tally.groups += groups;
            tally.useful += useful.len() as f64;
            tally.draws += draws;
            tally.second += f64::from(u8::from(draws > 1.0));
            let waited = |round: u64| (step - began[round as usize]) as f64;
            tally.age += useful.iter().map(|useful| waited(useful.round.0)).sum::<f64>();
        }
    }
    tally
}

/// Asks for `size(missing)` until there is enough; the surplus is thrown away.
fn fixed(world: World, seed: u64, size: impl Fn(usize) -> usize) -> Tally {
    let mut coins = Rng::at(seed, Round(1), Purpose::User);
    let mut tally = Tally::default();
    for step in 0..STEPS {
        let (mut draws, mut groups, mut useful) = (0.0, 0, 0);
        while useful < WANT {
            let asked = size(WANT - useful);
            draws += 1.0;
            groups += asked;
            let arms = (0..asked).map(|place| (place % 4) as u32);
            useful += arms.filter(|&arm| coins.unit() < world(arm, step)).count();
        }
        if step >= FIRST {
            tally.steps += 1.0;
            tally.groups += groups as f64;
            tally.useful += WANT as f64;
            tally.draws += draws;
            tally.second += f64::from(u8::from(draws > 1.0));
        }
    }
    tally
}

fn main() {
    println!(
        "{:<24}{:<20}{:>7}  {:<16}{:>6}{:>8}{:>7}",
        "useful", "way", "groups", "", "draws", "second", "age"
    );
    for (name, world) in WORLDS {
        type Way = Box<dyn Fn(u64) -> Tally>;
        let ours = |confidence| -> Way { Box::new(move |seed| refilled(world, seed, confidence)) };
        let missing = |factor: f64| -> Way {
            let size = move |missing: usize| (factor * missing as f64).ceil() as usize;
            Box::new(move |seed| fixed(world, seed, size))
        };
        let waves = |factor: f64| -> Way {
            let wave = (factor * WANT as f64) as usize;
            Box::new(move |seed| fixed(world, seed, move |_| wave))
        };
        let ways: [(&str, Way); 8] = [
            ("refill, 0.5", ours(0.5)),
            ("refill, 0.9", ours(0.9)),
            ("refill, 0.99", ours(0.99)),
            ("missing x 1", missing(1.0)),
            ("missing x 2", missing(2.0)),
            ("missing x 3", missing(3.0)),
            ("waves of 1 x 64", waves(1.0)),
            ("waves of 3 x 64", waves(3.0)),
        ];
        for (way, run) in ways {
            let rows: Vec<[f64; 4]> = (0..SEEDS).map(|seed| run(seed).row()).collect();
            let mean = |column: usize| rows.iter().map(|row| row[column]).sum::<f64>() / SEEDS as f64;
            let least = rows.iter().map(|row| row[0]).fold(f64::INFINITY, f64::min);
            let most = rows.iter().map(|row| row[0]).fold(0.0, f64::max);
            let range = format!("{least:.2} to {most:.2}");
            println!(
                "{name:<24}{way:<20}{:>7.2}  {range:<16}{:>6.2}{:>8.2}{:>7.2}",
                mean(0),
                mean(1),
                mean(2),
                mean(3)
            );
        }
    }
}
