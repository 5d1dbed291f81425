//! What a budget of rollouts brings in where a belief says how many each prompt gets, against a fixed number.
//!
//! ```text
//! cargo bench --no-default-features --bench rollouts
//! ```
//!
//! Pools of 2000 prompts of which each has a chance of success; 300 steps of 64 prompts and 512 rollouts, so that
//! each prompt is met some ten times. `useful` are groups with a success and a failure, for each 1000 rollouts;
//! `signal` is the mean of `4 p (1 - p)` over all rollouts, what a rollout says of the gradient where a coin is 1.
//! Over steps 101 to 300, mean and standard deviation over eight seeds, with the same pools for all. Where a pool
//! moves, each useful group raises the log-odds of its prompt by 0.1, so that what was learned is solved.
//!
//! `alike` draws all prompts alike, in passes; `by belief` by the chance that eight rollouts of them are useful.
//! Nothing here reads a clock.

use curricle::policy::Uniform;
use curricle::sampler::Any;
use curricle::{
    Allocation, Belief, Curriculum, Feedback, Outcome, Purpose, Result, Rng, Round, Weighting,
};

const PROMPTS: usize = 2000;
const STEPS: u64 = 300;
const FIRST: u64 = 100;
const BATCH: usize = 64;
const BUDGET: u64 = 512;
const SEEDS: u64 = 8;

/// The log-odds of a prompt, of two numbers in `[0, 1)`.
type Pool = fn(f64, f64) -> f64;

const POOLS: [(&str, Pool, f64); 6] = [
    ("even: p from 0 to 1", |x, _| logit(x), 0.0),
    ("45 % solved, 45 % hopeless", |x, y| mostly_extreme(x, y), 0.0),
    ("hard: half below 0.05", |x, _| -3.0 + 2.0 * logit(x), 0.0),
    ("easy: half above 0.95", |x, _| 3.0 + 2.0 * logit(x), 0.0),
    ("45 % and 45 %, moving", |x, y| mostly_extreme(x, y), 0.1),
    ("hard, moving", |x, _| -3.0 + 2.0 * logit(x), 0.1),
];

fn logit(p: f64) -> f64 {
    let p = p.clamp(1e-3, 1.0 - 1e-3);
    libm::log(p / (1.0 - p))
}

fn mostly_extreme(x: f64, y: f64) -> f64 {
    match x {
        ..0.45 => 4.0 + y,
        ..0.9 => -4.0 - y,
        _ => logit(y),
    }
}

/// Useful groups for each 1000 rollouts, and the signal of a rollout.
fn run(pool: Pool, gain: f64, sampler: Any, aim: Option<Allocation>, seed: u64) -> Result<(f64, f64)> {
    let mut rng = Rng::at(seed, Round(0), Purpose::User);
    let mut odds: Vec<f64> = (0..PROMPTS).map(|_| pool(rng.unit(), rng.unit())).collect();
    let mut curriculum = Curriculum::builder(PROMPTS)
        .policy(Uniform)
        .weighting(Weighting::Belief(Belief::new()))
        .sampler(sampler)
        .seed(seed)
        .build()?;
    let (mut useful, mut signal, mut rollouts) = (0u64, 0.0, 0u64);
    for step in 1..=STEPS {
        let batch = curriculum.draw(BATCH)?;
        let shared = match aim {
            Some(aim) => curriculum.rollouts(&batch, BUDGET, aim)?,
            None => vec![(BUDGET / BATCH as u64) as u32; BATCH],
        };
        let mut feedback = Vec::with_capacity(BATCH);
        for (draw, &group) in batch.draws.iter().zip(&shared) {
            let logit = &mut odds[draw.sample.index()];
            let p = 1.0 / (1.0 + libm::exp(-*logit));
            let won = (0..group).filter(|_| rng.unit() < p).count() as u32;
            let is_useful = won > 0 && won < group;
            if step > FIRST {
                useful += u64::from(is_useful);
                signal += f64::from(group) * 4.0 * p * (1.0 - p);
                rollouts += u64::from(group);
            }
            *logit += if is_useful { gain } else { 0.0 };
            let success = won as f32 / group as f32;
            let outcome = Outcome::default().success(success).rollouts(group);
            feedback.push(Feedback::new(draw.ticket, outcome));
        }
        curriculum.observe(&feedback)?;
    }
    Ok((1000.0 * useful as f64 / rollouts as f64, signal / rollouts as f64))
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

fn main() -> Result<()> {
    let aims = [
        ("8 each", None),
        ("useful groups", Some(Allocation::UsefulGroups)),
        ("Neyman", Some(Allocation::Neyman)),
    ];
    for (name, pool, gain) in POOLS {
        println!("\n{name}");
        println!("  {:10} {:14} {:>16} {:>18}", "drawn", "rollouts", "useful", "signal");
        for (drawn, is_by_belief) in [("alike", false), ("by belief", true)] {
            for (by, aim) in aims {
                let (mut useful, mut signal) = (Vec::new(), Vec::new());
                for seed in 1..=SEEDS {
                    let sampler: Any = if is_by_belief { Any::Systematic } else { Any::Passes };
                    let (groups, information) = run(pool, gain, sampler, aim, seed)?;
                    useful.push(groups);
                    signal.push(information);
                }
                let ((groups, spread), (mean, sd)) = (moments(&useful), moments(&signal));
                println!("  {drawn:10} {by:14} {groups:9.1} +-{spread:4.1} {mean:12.3} +-{sd:.3}");
            }
        }
    }
    Ok(())
}
