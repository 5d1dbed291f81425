//! Runs that are made up, for the tests of what is done with runs: a few lines of a learner, no model.

use curricle::{Purpose, Rng, Round};

use crate::catalogue::{Arm, Choice, Place, Task, Transfer};
use crate::plan::All;
use crate::run::{Point, Run, Setting};
use crate::store::Kept;

/// Prompts of a step, rollouts of each, tokens of each.
const GROUPS: u64 = 32;
const GROUP: u64 = 8;
const TOKENS: u64 = 5;

/// Six levels; behind them as many unlearnable arms as the name of the workload says.
pub fn arms(workload: &str) -> Vec<Arm> {
    let unlearnable = match Place::of(workload).map(|place| place.unlearnable) {
        Some(0) => 0,
        Some(20) => 1,
        Some(_) => 3,
        None if workload.contains("noise") => 3,
        None => 0,
    };
    let level = |level: usize| Arm { name: format!("level {level}"), learnable: true };
    let noise = |kind: &str| Arm { name: kind.to_owned(), learnable: false };
    let noises = ["coin", "impossible", "oscillating"].map(noise);
    (1..=6).map(level).chain(noises.into_iter().take(unlearnable)).collect()
}

/// A run of the setting, with what the store adds to it.
pub fn kept(setting: &Setting) -> Kept {
    let made = Kept::new(run(setting, &|_| ()), arms(&setting.workload));
    made.expect("the points of a made-up run are in order")
}

/// Skills that grow with what is drawn of them, each after the one before it.
pub fn run(setting: &Setting, progress: &dyn Fn(u64)) -> Run {
    let arms = arms(&setting.workload);
    let mut rng = Rng::at(setting.seed, Round(0), Purpose::User);
    let signal = Place::of(&setting.workload).map_or(0.7, |place| 0.1 + 0.006 * place.signal as f64);
    let mut skills: Vec<f64> =
        (0..6).map(|arm| signal * (1.0 - 0.18 * arm as f64) + 0.02 * rng.normal()).collect();
    let mut drawn = vec![0; arms.len()];
    let mut useful = 0;
    let is = |part: &str| setting.curriculum.contains(part);
    let step_size = if is("refill") { 1.9 } else { 2.0 } * setting.rate.sqrt();
    let every = (setting.tokens / (GROUPS * GROUP * TOKENS) / 20).max(1);
    let mut points = Vec::new();
    let mut steps = 0;
    loop {
        let tokens = steps * GROUPS * GROUP * TOKENS;
        if steps % every == 0 || tokens >= setting.tokens {
            let passes: Vec<f64> = (0..arms.len())
                .map(|arm| {
                    skills.get(arm).map_or(0.5, |skill| (skill + 0.01 * rng.normal()).clamp(0.0, 1.0))
                })
                .collect();
            let learnable = passes.get(..6).unwrap_or_default();
            points.push(Point {
                tokens,
                rollouts: steps * GROUPS * GROUP,
                steps,
                useful,
                pass: learnable.iter().sum::<f64>() / 6.0,
                worst: learnable.iter().copied().fold(1.0, f64::min),
                harder: 0.3 * skills.iter().sum::<f64>() / 6.0,
                entropy: 1.1 - 0.5 * tokens as f64 / setting.tokens.max(1) as f64,
                passes,
                drawn: drawn.clone(),
                seconds: 0.01 * steps as f64,
            });
            progress(tokens);
        }
        if tokens >= setting.tokens {
            return Run { setting: setting.clone(), points };
        }
        let weight = |arm: usize| match skills.get(arm) {
            _ if is("uniform") => 1.0,
            None => {
                if is("SEC") {
                    2.5
                } else {
                    0.4
                }
            }
            Some(skill) => 0.1 + 4.0 * skill.max(0.02) * (1.0 - skill).max(0.0),
        };
        let weights: Vec<f64> = (0..arms.len()).map(weight).collect();
        let total: f64 = weights.iter().sum();
        for _ in 0..GROUPS {
            let mut left = rng.unit() * total;
            let arm = weights.iter().position(|weight| {
                left -= weight;
                left < 0.0
            });
            let arm = arm.unwrap_or(0);
            drawn[arm] += GROUP;
            let before = if arm == 0 { 1.0 } else { skills.get(arm - 1).copied().unwrap_or(0.0) };
            if let Some(skill) = skills.get_mut(arm) {
                let signal = 4.0 * skill.max(0.02) * (1.0 - *skill).max(0.0);
                useful += u64::from(rng.unit() < signal);
                *skill = (*skill + step_size / 50.0 * signal * before).clamp(0.0, 0.98);
            } else {
                useful += u64::from(rng.unit() < 0.9);
            }
        }
        steps += 1;
    }
}

/// What there is to choose from, for the tests.
pub fn all() -> All {
    let task =
        |name: &str| Task { name: name.into(), arms: arms(name), tokens: 50_000, is_supervised: false };
    let place = Place { unlearnable: 20, transfer: Transfer::None, signal: 10 };
    let names = ["chain", "chain-noise", "sequence", "ladder", &place.workload()].map(task);
    let curricula = [
        "uniform",
        "uniform-all",
        "refill-32",
        "refill-16",
        "hand",
        "sec",
        "default",
        "default-no-floor",
    ];
    let choice = |name: &str| Choice {
        name: name.into(),
        about: format!("what {name} is"),
        is_plain: !name.starts_with("refill"),
    };
    All {
        tasks: names.to_vec(),
        map: Place::all().into_iter().map(|place| task(&place.workload())).collect(),
        curricula: curricula.map(choice).to_vec(),
    }
}
