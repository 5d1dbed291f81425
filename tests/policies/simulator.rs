//! The simulated learner: what it may be relied on for.

use curricle::policy::{Tilt, Uniform};
use curricle::sampler::Systematic;
use curricle::signal::MeanAdvantage;
use curricle::simulator::{
    Learner, Options, Oracle, Scenario, Simulated, by_hand, curriculum, oracle, simulate,
};
use curricle::{ArmId, Builder, Curriculum, Error};
use proptest::prelude::*;

fn default_policy(
    scenario: &Scenario,
    seed: u64,
    options: &Options,
) -> Builder<Tilt, MeanAdvantage, Systematic> {
    curriculum(scenario, seed, options).post_training()
}

fn ours(scenario: Scenario, seed: u64, options: &Options) -> Simulated {
    let mut curriculum = default_policy(&scenario, seed, options).build().unwrap();
    simulate(&mut curriculum, &scenario, seed, options).unwrap()
}

fn uniform(scenario: Scenario, seed: u64) -> Simulated {
    let options = Options::default();
    let mut curriculum = curriculum(&scenario, seed, &options).build().unwrap();
    simulate(&mut curriculum, &scenario, seed, &options).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_is_trained_stays_in_its_range(
        place in 0..5usize,
        seed: u64,
        batches in prop::collection::vec(prop::collection::vec(0..8u32, 0..200), 1..40),
    ) {
        let mut learner = Learner::new(&Scenario::ALL[place], seed);
        for batch in batches {
            let prompts: Vec<ArmId> = batch.into_iter().map(ArmId).collect();
            let outcomes = learner.train(&prompts).unwrap();
            prop_assert_eq!(outcomes.len(), prompts.len());
            for outcome in outcomes {
                prop_assert!((0.0..=1.0).contains(&outcome.success.unwrap()));
                prop_assert!((0.0..=1.0).contains(&outcome.abs_advantage.unwrap()));
                prop_assert!((0.0..14.0).contains(&outcome.loss.unwrap()));
                prop_assert_eq!((outcome.rollouts, outcome.utility), (8, None));
            }
            prop_assert!(learner.abilities().iter().all(|ability| (0.0..=1.0).contains(ability)));
            prop_assert!((0.0..=1.0).contains(&learner.mean_ability()));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_gives_another() {
    let options = Options { cap: 200, ..Options::default() };
    for scenario in Scenario::ALL {
        assert_eq!(ours(scenario, 1, &options), ours(scenario, 1, &options));
        assert_ne!(ours(scenario, 1, &options).curve, ours(scenario, 2, &options).curve);
        let late = Options { delay: 8, ..options };
        assert_ne!(ours(scenario, 1, &options).curve, ours(scenario, 1, &late).curve);
    }
}

#[test]
fn unknown_arms_and_foreign_curricula_are_refused_and_change_nothing() {
    let mut learner = Learner::new(&Scenario::Chain, 1);
    let before = learner.clone();
    let prompts = [ArmId(0), ArmId(8)];
    assert_eq!(learner.train(&prompts).unwrap_err(), Error::UnknownArm(ArmId(8)));
    assert_eq!(learner, before);

    let options = Options::default();
    let mut other = Curriculum::builder(10).build().unwrap();
    let error = simulate(&mut other, &Scenario::Chain, 1, &options).unwrap_err();
    assert_eq!(error, Error::Length { what: "arms", expected: 8, found: 1 });
}

#[test]
fn options_out_of_range_are_refused() {
    let wrong = [
        Options { batch: 0, ..Options::default() },
        Options { batch: usize::MAX, ..Options::default() },
        Options { target: 1.5, ..Options::default() },
        Options { target: f64::NAN, ..Options::default() },
    ];
    for options in wrong {
        let refused = |run: curricle::Result<Simulated>| {
            assert!(matches!(run.unwrap_err(), Error::OutOfRange { .. }), "{options:?}");
        };
        refused(oracle(&Scenario::Flat, 1, &options, Oracle::Gain));
        refused(by_hand(&Scenario::Flat, 1, &options, 0.8));
        let mut uniform = curriculum(&Scenario::Flat, 1, &options).policy(Uniform).build().unwrap();
        refused(simulate(&mut uniform, &Scenario::Flat, 1, &options));
    }
    let options = Options::default();
    assert!(by_hand(&Scenario::Flat, 1, &options, f64::NAN).is_err());
    assert!(oracle(&Scenario::Flat, 1, &options, Oracle::CappedGain(-0.1)).is_err());
}

#[test]
fn a_cap_of_no_steps_and_a_target_of_nothing_end_at_once() {
    let none =
        oracle(&Scenario::Grid, 1, &Options { cap: 0, ..Options::default() }, Oracle::Gain).unwrap();
    assert_eq!((none.steps, none.curve.len(), none.prompts.iter().sum()), (None, 1, 0u64));
    let met = oracle(&Scenario::Grid, 1, &Options { target: 0.0, ..Options::default() }, Oracle::Gain);
    assert_eq!(met.unwrap().steps, Some(0));
}

#[test]
fn what_cannot_be_learned_is_not() {
    let mut learner = Learner::new(&Scenario::Noisy, 1);
    for _ in 0..100 {
        let outcomes = learner.train(&[[ArmId(9); 32], [ArmId(10); 32]].concat()).unwrap();
        assert!(outcomes[32..].iter().all(|outcome| outcome.success == Some(0.0)));
    }
    assert_eq!(learner.abilities()[9..], [0.5, 0.0]);
    let untrained = Learner::new(&Scenario::Noisy, 1);
    assert_eq!(learner.abilities(), untrained.abilities());
}

#[test]
fn uniform_sampling_needs_the_steps_that_the_score_is_made_of() {
    for scenario in Scenario::ALL {
        let steps = uniform(scenario, 1).steps;
        assert!(scenario.score(steps) < 0.05, "{}: {steps:?}", scenario.name());
        let early = steps.map(|steps| steps * 9 / 10);
        assert!(scenario.score(early) > 0.0, "{}: {steps:?}", scenario.name());
    }
}

#[test]
fn oracles_and_the_hand_made_order_beat_uniform_sampling() {
    let options = Options::default();
    for scenario in Scenario::ALL {
        let steps = |run: curricle::Result<Simulated>| run.unwrap().steps;
        let uniform = scenario.score(uniform(scenario, 1).steps);
        let capped = steps(oracle(&scenario, 1, &options, Oracle::CappedGain(0.85)));
        let by_hand = steps(by_hand(&scenario, 1, &options, 0.8));
        assert!(scenario.score(capped) > 0.9 && scenario.score(by_hand) > 0.85, "{}", scenario.name());
        assert!(scenario.score(capped) > uniform && scenario.score(by_hand) > uniform);
    }
    let chain = oracle(&Scenario::Chain, 1, &options, Oracle::Gain).unwrap().steps.unwrap();
    assert!(3 * chain < uniform(Scenario::Chain, 1).steps.unwrap());
}

#[test]
fn greed_does_not_pay_where_skills_are_independent_and_forgotten() {
    let options = Options::default();
    let greedy = oracle(&Scenario::Flat, 1, &options, Oracle::Gain).unwrap().steps.unwrap();
    assert!(greedy > uniform(Scenario::Flat, 1).steps.unwrap() * 6 / 5);
}

#[test]
fn the_greatest_advantage_is_the_coin_toss() {
    let options = Options { cap: 3000, ..Options::default() };
    let run = oracle(&Scenario::Noisy, 1, &options, Oracle::AbsAdvantage).unwrap();
    assert_eq!(run.steps, None);
    assert!(run.prompts[9] > 3000 * 64 * 9 / 10);
}

/// Where there is an order to find, and nowhere much slower.
#[test]
fn the_default_curriculum_finds_an_order() {
    for scenario in Scenario::ALL {
        let run = ours(scenario, 1, &Options::default());
        let even = uniform(scenario, 1).steps.unwrap() as f64;
        let steps = run.steps.unwrap() as f64;
        assert!(steps < 1.15 * even, "{}: {steps} of {even}", scenario.name());
        let has_order = scenario != Scenario::Flat;
        assert!(!has_order || scenario.score(run.steps) > 0.5, "{}: {steps}", scenario.name());
    }
}

/// What the page of policies and the README promise of the default preset, of the preset itself: where
/// an arm of coin tosses and one that cannot be learned take part, it is faster than uniform sampling,
/// and next to the oracle that knows what each arm gains, for each of three seeds.
#[test]
fn the_default_preset_keeps_its_promises_among_noise() {
    let options = Options::default();
    let (mut ratios, mut parts) = (Vec::new(), Vec::new());
    for seed in 1..=3 {
        let run = ours(Scenario::Noisy, seed, &options);
        let steps = run.steps.unwrap() as f64;
        let best = oracle(&Scenario::Noisy, seed, &options, Oracle::Gain).unwrap().steps.unwrap();
        let even = uniform(Scenario::Noisy, seed).steps.unwrap();
        ratios.push(steps / best as f64);
        parts.push(steps / even as f64);
        let drawn: u64 = run.prompts.iter().sum();
        let noise = (run.prompts[9] + run.prompts[10]) as f64 / drawn as f64;
        assert!(noise < 0.25, "seed {seed}: {noise} of the prompts taught nothing");
    }
    println!("{ratios:?} {parts:?}");
    assert!(ratios.iter().all(|ratio| *ratio < 1.5), "{ratios:?}");
    assert!(parts.iter().all(|part| *part < 0.7), "{parts:?}");
}

/// Runs are a promise: these numbers change only with a change of the model or of decisions.
#[test]
fn runs_are_stable() {
    let options = Options { cap: 100, ..Options::default() };
    let lines = Scenario::ALL.map(|scenario| {
        let mut curriculum = default_policy(&scenario, 7, &options).build().unwrap();
        let run = simulate(&mut curriculum, &scenario, 7, &options).unwrap();
        let last = run.curve.last().unwrap().to_bits();
        format!("{} {:016x} {last:016x}", scenario.name(), curriculum.digest())
    });
    let stated = [
        "chain c8b874b85a91b97b 3fc925c279a7f9ac",
        "grid 1a9a2dd4ed6b0798 3fd0fa35cd619138",
        "noisy 637d7c9630a79b23 3fcf4a39750af8ce",
        "flat fd5987b15658583b 3fd80c0b8f20dde9",
        "graph f96a14ef1cd97446 3fc994c5fa222c8f",
    ];
    assert_eq!(lines, stated);
    let greedy = oracle(&Scenario::Grid, 7, &Options::default(), Oracle::Gain).unwrap();
    assert_eq!(greedy.prompts, [4664, 4712, 4624, 6088, 6184, 6168, 8, 7104, 4096]);
}
