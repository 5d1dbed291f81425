//! In a world whose arms earn what they always earn, the intervals hold the true value as often as they say.

use curricle::off_policy::{Estimate, Estimator, Evaluation};
use curricle::policy::{Any, Boltzmann, Bounded, Fixed, Prior, Uniform};
use curricle::sampler::Any as AnySampler;
use curricle::signal::{GroupSpread, Reported};
use curricle::{Builder, Curriculum, Feedback, Field, Outcome, Purpose, Rng, Round, Signal};

const SEEDS: u64 = 600;
const ROUNDS: u64 = 60;
/// What the arms earn on average.
const EARNS: [f64; 4] = [0.1, 0.3, 0.5, 0.8];

/// The estimates of many runs, beside what was to be estimated: the mean of what the target's arms earn, over the states
/// that the log went through.
#[derive(Default)]
struct Found {
    truth: Vec<f64>,
    ips: Vec<Estimate>,
    snips: Vec<Estimate>,
    robust: Vec<Estimate>,
    mean_weight: Vec<Estimate>,
}

fn base(policy: &Any, sampler: AnySampler, seed: u64) -> Builder<Any, GroupSpread, AnySampler> {
    let builder = Curriculum::builder(4000).arms(4, |sample| (sample.0 / 1000) as u32);
    builder.policy(policy.clone()).sampler(sampler).seed(seed)
}

fn found(behaviour: &Any, target: &Any, sampler: AnySampler, level: f64, offset: f64) -> Found {
    let target = |seed| base(target, sampler, seed).build().unwrap();
    found_by(behaviour, target, sampler, level, offset)
}

fn found_by<S: Signal>(
    behaviour: &Any,
    target: impl Fn(u64) -> Curriculum<Any, S, AnySampler>,
    sampler: AnySampler,
    level: f64,
    offset: f64,
) -> Found {
    let mut found = Found::default();
    for seed in 0..SEEDS {
        let mut run = base(behaviour, sampler, seed).build().unwrap();
        let reward = |outcome: &Outcome| outcome.success.map(|success| f64::from(success) + offset);
        let mut evaluation = Evaluation::new(target(seed + SEEDS), reward);
        let mut rng = Rng::at(seed, Round(0), Purpose::User);
        let mut truth = 0.0;
        for _ in 0..ROUNDS {
            let batch = run.draw(8).unwrap();
            evaluation.draw(&batch).unwrap();
            let shares = evaluation.target().shares();
            let earned = shares.iter().zip(EARNS).map(|(p, earns)| p * (earns + offset));
            truth += earned.sum::<f64>() / ROUNDS as f64;
            let mut seen = |arm: usize| {
                Outcome::default().success(if rng.unit() < EARNS[arm] { 1.0 } else { 0.0 })
            };
            let draws = batch.draws.iter();
            let feedback: Vec<Feedback> =
                draws.map(|draw| Feedback::new(draw.ticket, seen(draw.arm.index()))).collect();
            run.observe(&feedback).unwrap();
            evaluation.observe(&feedback).unwrap();
        }
        let estimates = evaluation.estimate(&Estimator::new().level(level)).unwrap();
        found.truth.push(truth);
        found.ips.push(estimates.ips);
        found.snips.push(estimates.snips.unwrap());
        found.robust.push(estimates.doubly_robust.unwrap());
        found.mean_weight.push(estimates.weights.mean);
    }
    found
}

/// How often intervals hold the truth lies within four standard deviations of a binomial, and a little below: sixty rounds
/// are not infinitely many.
fn covers(estimates: &[Estimate], truth: &[f64], level: f64, what: &str) {
    let holds = |(estimate, truth): (&Estimate, &f64)| {
        let (low, high) = estimate.interval.unwrap();
        low <= *truth && *truth <= high
    };
    let held = estimates.iter().zip(truth).filter(|pair| holds(*pair)).count() as f64 / SEEDS as f64;
    let reach = 4.0 * (level * (1.0 - level) / SEEDS as f64).sqrt();
    assert!((level - reach - 0.01..=level + reach).contains(&held), "{what}: {held} at {level}");
}

/// Mean and variance of the errors.
fn errors(estimates: &[Estimate], truth: &[f64]) -> (f64, f64) {
    let errors = || estimates.iter().zip(truth).map(|(estimate, truth)| estimate.value - truth);
    let mean = errors().sum::<f64>() / SEEDS as f64;
    (mean, errors().map(|error| (error - mean) * (error - mean)).sum::<f64>() / SEEDS as f64)
}

fn check(found: &Found, level: f64, what: &str) {
    let kinds = [("IPS", &found.ips), ("SNIPS", &found.snips), ("DR", &found.robust)];
    for (name, estimates) in kinds {
        covers(estimates, &found.truth, level, &format!("{what}, {name}"));
        let (bias, variance) = errors(estimates, &found.truth);
        let reach = 4.0 * (variance / SEEDS as f64).sqrt();
        assert!(bias.abs() < reach + 1e-3, "{what}, {name}: bias {bias}, {reach} are chance");
    }
    covers(&found.mean_weight, &vec![1.0; SEEDS as usize], level, &format!("{what}, mean weight"));
}

#[test]
fn fixed_targets_on_an_even_log() {
    let target = Fixed::weights(vec![1.0, 1.0, 2.0, 6.0]).into();
    for (sampler, level) in [(AnySampler::Replace, 0.95), (AnySampler::Distinct, 0.8)] {
        let found = found(&Uniform.into(), &target, sampler, level, 0.0);
        check(&found, level, &format!("{sampler:?}"));
    }
}

/// Each arm has two of the eight slots in every round, so that only the rewards vary. The errors are smaller than those of
/// independent picks by so much.
#[test]
fn a_systematic_log() {
    let target = Fixed::weights(vec![1.0, 1.0, 2.0, 6.0]).into();
    let found = |sampler| found(&Uniform.into(), &target, sampler, 0.95, 0.0);
    let (systematic, replace) = (found(AnySampler::Systematic), found(AnySampler::Replace));
    for (estimates, other) in [(&systematic.ips, &replace.ips), (&systematic.snips, &replace.snips)] {
        covers(estimates, &systematic.truth, 0.95, "systematic");
        let spread = errors(estimates, &systematic.truth).1 / errors(other, &replace.truth).1;
        assert!(spread < 0.9, "{spread}");
    }
    // The weights of the picks of an arm differ by what was drawn before, in the same way for the log and the target.
    let exact = |mean: &Estimate| (mean.value - 1.0).abs() < 1e-9;
    assert!(systematic.mean_weight.iter().all(exact));
}

#[test]
fn a_skewed_log_with_a_floor_and_an_offset() {
    let skewed = Fixed::weights(vec![8.0, 4.0, 2.0, 1.0]);
    let log = Bounded::new(Any::from(skewed)).floor(0.2, Prior::Uniform).into();
    let target = Fixed::weights(vec![1.0, 1.0, 2.0, 6.0]).into();
    let found = found(&log, &target, AnySampler::Replace, 0.95, 2.0);
    check(&found, 0.95, "skewed");
    // An offset of the rewards is noise to IPS alone.
    let variance = |estimates: &[Estimate]| errors(estimates, &found.truth).1;
    let (ips, snips) = (variance(&found.ips), variance(&found.snips));
    let robust = variance(&found.robust);
    assert!(snips < 0.2 * ips, "SNIPS {snips}, IPS {ips}");
    assert!(robust < 0.2 * ips, "DR {robust}, IPS {ips}");
}

/// A target that learns, from a log that does not.
#[test]
fn a_learning_target() {
    let policy = Bounded::new(Any::from(Boltzmann::new())).floor(0.1, Prior::Uniform).into();
    let sampler = AnySampler::Replace;
    let target = |seed| base(&policy, sampler, seed).signal(Reported(Field::Success)).build().unwrap();
    let found = found_by(&Uniform.into(), target, sampler, 0.95, 0.0);
    check(&found, 0.95, "learning");
    // It has learned which arm earns most, so that its truth is not that of the log.
    assert!(found.truth.iter().all(|truth| *truth > 0.5), "{:?}", found.truth);
}
