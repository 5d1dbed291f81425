//! A curriculum that is built from a file decides as the same one that is built in code, for every policy, signal and sampler;
//! and what is wrong with a file is said with the path to it.

use std::collections::BTreeSet;

use crate::common::{self, outcome};
use curricle::policy::{
    self, AbsoluteProgress, Advance, Belief, Between, Boltzmann, Bound, Bounded, Clock, ColdStart,
    Detector, Difficulty, Dump, EasyToHard, Estimate, Exp3, Fixed, Forgetting, Gaussian,
    GaussianProcess, Guarded, Kalman, LevelReplay, Mastered, MeanRule, Mixture, OnlineMixing, Pac,
    Pacing, PerCost, Posterior, Prior, Range, Rehearsed, Rescaled, Restart, ScalingLaw, Scope,
    Similarity, Spread, Staged, Teacher, TeacherStudent, Thompson, Tilt, Ucb, Uniform, Unit, Unsampled,
    Update,
};
use curricle::sampler::{self, Distinct, Passes, Replace, Sequential, Systematic, Top};
use curricle::signal::{
    self, Gated, GroupSpread, Learnability, LearningProgress, MeanAdvantage, Reported, Source, Utility,
};
use curricle::{
    AgeLimit, ArmId, Arrival, Builder, Config, Curriculum, Error, Feedback, Field, Gate, Journal,
    Measure, Missing, Policy, Sampler, Schedule, Signal, SnapshotError, Weighting,
};
use proptest::prelude::*;

/// Ten rounds, to the last bit.
fn decisions<P: Policy, S: Signal, D: Sampler>(builder: Builder<P, S, D>) -> (u64, Vec<u64>) {
    let mut curriculum = builder.arms(3, |sample| (sample.0 / 20) as u32).build().unwrap();
    for _ in 0..10 {
        let batch = curriculum.draw(4).unwrap();
        let feedback: Vec<Feedback> =
            batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0))).collect();
        curriculum.observe(&feedback).unwrap();
    }
    (curriculum.digest(), curriculum.shares().iter().map(|share| share.to_bits()).collect())
}

fn plain() -> Builder {
    Curriculum::builder(60)
}

/// One policy, twice: from its configuration, and made in code.
struct Case {
    /// What stands behind `policy.` in TOML.
    text: &'static str,
    /// Its name there.
    name: &'static str,
    made: Box<dyn Fn(u64, u64) -> (u64, Vec<u64>)>,
}

fn case<P: Policy + 'static>(name: &'static str, text: &'static str, policy: P) -> Case {
    let made = move |seed, lag| decisions(plain().policy(policy.clone()).seed(seed).lag(lag));
    Case { text, name, made: Box::new(made) }
}

fn cases() -> Vec<Case> {
    let falling = Schedule::Linear { from: 1.0, to: 0.1, rounds: 8 };
    let stages = vec![vec![ArmId(0)], vec![ArmId(1), ArmId(2)]];
    let line = Similarity::Points { points: vec![vec![0.0], vec![1.0], vec![2.0]], scale: 2.0 };
    let thompson = Belief::Beta { a: 1.0, b: 2.0 };
    let glr = Detector::Glr { delta: 0.9, every: 1, grid: 1 };
    let implicit = Update::ImplicitExploration { eta: 0.3, gamma: 0.15, share: 0.01 };
    let rescaled = Rescaled::new(Boltzmann::new(), Range::Fixed { low: 0.0, high: 0.5 }).to(-1.0, 1.0);
    let nested = Mastered::new(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform), 0.6);
    vec![
        case("uniform", "uniform = {}", Uniform),
        case("fixed", "fixed = {}", Fixed::by_size()),
        case(
            "mixture",
            "mixture = { table = [[0, [1, 2.5, 3]], [50, [1.0, 0.0, 0.0]]], between = 'lines', clock = 'cost', unit = 'cost', domains = [0, 0, 1] }",
            Mixture::table(vec![(0, vec![1.0, 2.5, 3.0]), (50, vec![1.0, 0.0, 0.0])])
                .between(Between::Lines)
                .clock(Clock::Cost)
                .unit(Unit::Cost)
                .domains(vec![0, 0, 1]),
        ),
        case("fixed", "fixed.weights = [1, 2.5, 3]", Fixed::weights(vec![1.0, 2.5, 3.0])),
        case("boltzmann", "boltzmann = {}", Boltzmann::new()),
        case(
            "boltzmann",
            "boltzmann = { alpha = 0.3, temperature = 1, start = 0, unsampled = 'decay' }",
            Boltzmann::new().alpha(0.3).temperature(1.0).start(0.0).unsampled(Unsampled::Decay),
        ),
        case(
            "boltzmann",
            "boltzmann.temperature.linear = { from = 1.0, to = 0.1, rounds = 8 }",
            Boltzmann::new().temperature(falling),
        ),
        case("boltzmann", "boltzmann.effective_arms = 2.0", Boltzmann::new().effective_arms(2.0)),
        case(
            "ucb",
            "ucb = { bound = { hoeffding = 0.5 }, forgetting = { per_round = 0.9 } }",
            Ucb::new(Bound::Hoeffding(0.5), Forgetting::PerRound(0.9)),
        ),
        case(
            "thompson",
            "thompson = { belief = { beta = { a = 1, b = 2 } }, forgetting = { window = 4 } }",
            Thompson::new(thompson, Forgetting::Window(4)),
        ),
        case(
            "kalman",
            "kalman = { drift = 0.02, noise = 0.3, start = [0.5, 2] }",
            Kalman::new(0.02).noise(0.3).start(0.5, 2.0),
        ),
        case(
            "gaussian_process",
            "gaussian_process = { similarity = { points = { points = [[0], [1], [2]], scale = 2 } }, retention = 0.9, \
             noise = 0.3, start = [0.5, 2] }",
            GaussianProcess::new(line).retention(0.9).noise(0.3).start(0.5, 2.0),
        ),
        case(
            "exp3",
            "exp3 = { update.implicit_exploration = { eta = 0.3, gamma = 0.15, share = 0.01 }, restart = 4 }",
            Exp3::new(implicit).restart(4),
        ),
        case(
            "gaussian",
            "gaussian = { rule.paper = { n = 6, alpha = 2, beta = 0.5, gamma = 0.5 }, spread.ranks = 9, start = 3 }",
            Gaussian::new(MeanRule::paper(6.0), Spread::Ranks(9.0)).start(3.0),
        ),
        case(
            "teacher_student",
            "teacher_student = { teacher.online.alpha = 0.5, epsilon = 0.2 }",
            TeacherStudent::new().teacher(Teacher::Online { alpha: 0.5 }).epsilon(0.2),
        ),
        case(
            "absolute_progress",
            "absolute_progress = { bidirectional = true, rates = [0.4, 0.1], theta = 0.2, floor = 0.2 }",
            AbsoluteProgress::bidirectional().rates(0.4, 0.1).theta(0.2).floor(0.2),
        ),
        case(
            "tilt",
            "tilt = { target = \"uniform\", temperature = 0.5, enough = 0.6, floor = 0.1 }",
            Tilt::new().target(Prior::Uniform).temperature(0.5).enough(0.6).floor(0.1),
        ),
        case("tilt", "tilt = { trusting = true }", Tilt::new().trusting()),
        case(
            "guarded",
            "guarded = { inner = 'tilt', target = 'uniform', measure = 'size' }",
            Guarded::new(policy::Any::from(Tilt::new())).target(Prior::Uniform).measure(Prior::Size),
        ),
        case(
            "level_replay",
            "level_replay = { beta = 0.2, rho = 0.3, nu = 0.4 }",
            LevelReplay::new().beta(0.2).rho(0.3).nu(0.4),
        ),
        case(
            "posterior",
            "posterior = { decay = 0.6, prior = [2, 1], band = [0.3, 0.7] }",
            Posterior::new().decay(0.6).prior(2.0, 1.0).band(0.3, 0.7),
        ),
        case(
            "difficulty",
            "difficulty = { difficulties = [10, 50, 90], eta = 20, alpha = 1.5, beta = 0.4, range = [5, 95], start = 30 }",
            Difficulty::new(vec![10.0, 50.0, 90.0])
                .eta(20.0)
                .alpha(1.5)
                .beta(0.4)
                .range(5.0, 95.0)
                .start(30.0),
        ),
        case(
            "staged",
            "staged = { stages = [[0], [1, 2]], advance.mastery = 0.4, review = 0.2, rate = 0.5 }",
            Staged::new(stages, Advance::Mastery(0.4)).review(0.2).rate(0.5),
        ),
        case(
            "easy_to_hard",
            "easy_to_hard = { pace.gaussian = { beta = 0.5, sigma = 0.6 }, rounds = 8 }",
            EasyToHard::new(Pacing::Gaussian { beta: 0.5, sigma: 0.6 }, 8),
        ),
        case(
            "online_mixing",
            "online_mixing = { scale = 2, estimate.smoothed = 0.9, warm_up = 2 }",
            OnlineMixing::new().scale(2.0).estimate(Estimate::Smoothed(0.9)).warm_up(2),
        ),
        case(
            "scaling_law",
            "scaling_law = { prior.weights = [1, 2, 3], refit = 3, least = 0.02 }",
            ScalingLaw::new().prior(Prior::Weights(vec![1.0, 2.0, 3.0])).refit(3).least(0.02),
        ),
        case(
            "dump",
            "dump = { window = 5, temperature = 0.2 }",
            Dump::new().window(5).temperature(0.2),
        ),
        case(
            "pac",
            "pac = { window = 5, drift = 0.1, start = [0.4, 2], cold = 2 }",
            Pac::new().window(5).drift(0.1).start(0.4, 2.0).cold(2),
        ),
        case(
            "bounded",
            "bounded = { inner.boltzmann = {}, floor = { epsilon = 0.3, prior = 'size' }, cap = 0.6 }",
            Bounded::new(Boltzmann::new()).floor(0.3, Prior::Size).cap(0.6),
        ),
        case(
            "cold_start",
            "cold_start = { inner.boltzmann = {}, tickets = 6 }",
            ColdStart::new(Boltzmann::new(), 6),
        ),
        case(
            "mastered",
            "mastered = { inner.bounded = { inner.boltzmann = {}, floor = { epsilon = 0.1, prior = 'uniform' } }, mastery = 0.6, rest = 0.1, retest = [3, 0.2] }",
            nested.rest(0.1).retest(3, 0.2),
        ),
        case(
            "per_cost",
            "per_cost = { inner.boltzmann = {}, rate = 0.3, limit = 4 }",
            PerCost::new(Boltzmann::new()).rate(0.3).limit(4.0),
        ),
        case(
            "rehearsed",
            "rehearsed = { inner.boltzmann = {}, dip = 2, share = 0.5 }",
            Rehearsed::new(Boltzmann::new()).dip(2.0).share(0.5),
        ),
        case(
            "rescaled",
            "rescaled = { inner.boltzmann = {}, range.fixed = { low = 0, high = 0.5 }, to = [-1, 1] }",
            rescaled,
        ),
        case(
            "restart",
            "restart = { inner.boltzmann = {}, detector.glr = { delta = 0.9, every = 1, grid = 1 }, scope = 'global', explore = 0.5 }",
            Restart::new(Boltzmann::new(), glr, Scope::Global).explore(0.5),
        ),
    ]
}

/// The names that an enum of the configuration knows, as the refusal of another one lists them.
fn known(text: &str) -> BTreeSet<String> {
    let error = Config::from_toml(text).unwrap_err().to_string();
    let (_, list) = error.split_once("expected one of").unwrap();
    list.split('`').skip(1).step_by(2).map(str::to_string).collect()
}

#[test]
fn every_policy_signal_and_sampler_has_a_case() {
    let names: BTreeSet<String> = cases().iter().map(|case| case.name.to_string()).collect();
    assert_eq!(known("policy.nobody = {}"), names);
    assert_eq!(
        known("signal.nobody = {}"),
        signals().iter().map(|(name, ..)| name.to_string()).collect()
    );
    assert_eq!(
        known("sampler = 'nobody'"),
        ["replace", "distinct", "systematic", "passes", "sequential", "top"].map(String::from).into()
    );
}

type Made = Box<dyn Fn(u64, u64) -> (u64, Vec<u64>)>;

fn signals() -> Vec<(&'static str, &'static str, Made)> {
    fn made<S: Signal + Clone + 'static>(signal: S) -> Made {
        Box::new(move |seed, lag| {
            decisions(plain().policy(Boltzmann::new()).signal(signal.clone()).seed(seed).lag(lag))
        })
    }
    let gated = || Gated::new(MeanAdvantage);
    vec![
        ("group_spread", "group_spread = {}", made(GroupSpread)),
        ("mean_advantage", "mean_advantage = {}", made(MeanAdvantage)),
        ("learnability", "learnability.source = 'sample'", made(Learnability(Source::Sample))),
        ("learning_progress", "learning_progress = {}", made(LearningProgress::default())),
        ("learning_progress", "learning_progress.nulls = 0.5", made(LearningProgress { nulls: 0.5 })),
        ("reported", "reported.field = 'loss'", made(Reported(Field::Loss))),
        ("utility", "utility = {}", made(Utility)),
        (
            "gated",
            "gated = { inner.mean_advantage = {}, least = 0.2, ramp = [0.5, 0.8] }",
            made(gated().least(0.2).ramp(0.5, 0.8)),
        ),
        ("gated", "gated = { inner.mean_advantage = {}, ramp = 'none' }", made(gated().without_ramp())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_file_decides_as_code_does(seed in 0..1u64 << 63, lag in 0..3u64) {
        for case in cases() {
            let text = format!("seed = {seed}\nlag = {lag}\npolicy.{}", case.text);
            let config = Config::from_toml(&text).map_err(|error| error.to_string() + &text).unwrap();
            let made = (case.made)(seed, lag);
            prop_assert_eq!(&decisions(config.builder(60)), &made, "{}", text);
            // Through either language and back.
            let json = Config::from_json(&config.to_json().unwrap()).unwrap();
            let toml = Config::from_toml(&config.to_toml().unwrap()).unwrap();
            prop_assert!(json == config && toml == config, "{}", text);
        }
        for (_, text, made) in signals() {
            let text = format!("seed = {seed}\nlag = {lag}\npolicy.boltzmann = {{}}\nsignal.{text}");
            let config = Config::from_toml(&text).map_err(|error| error.to_string() + &text).unwrap();
            prop_assert_eq!(decisions(config.builder(60)), made(seed, lag), "{}", text);
        }
        let builder = || plain().seed(seed).lag(lag);
        for (name, made) in [
            ("replace", decisions(builder().sampler(Replace))),
            ("distinct", decisions(builder().sampler(Distinct))),
            ("systematic", decisions(builder().sampler(Systematic))),
            ("top", decisions(builder().sampler(Top))),
            ("passes", decisions(builder().sampler(Passes))),
            ("sequential", decisions(builder().sampler(Sequential))),
        ] {
            let config = Config::from_toml(&format!("seed = {seed}\nlag = {lag}\nsampler = '{name}'"));
            prop_assert_eq!(decisions(config.unwrap().builder(60)), made, "{}", name);
        }
    }
}

#[test]
fn the_other_options_do_what_they_say() {
    let text = "
        importance.linear = { from = 0.4, to = 1.0, rounds = 5 }
        missing = 'lose'
        gate.band = { low = 0.2, high = 0.8 }
        weighting.score.floor = 0.05";
    let made = plain()
        .importance(Schedule::Linear { from: 0.4, to: 1.0, rounds: 5 })
        .missing(Missing::Lose)
        .gate(Gate::band(0.2, 0.8))
        .weighting(Weighting::Score { floor: 0.05 });
    assert_eq!(decisions(Config::from_toml(text).unwrap().builder(60)), decisions(made));
    let text =
        "weighting.belief = { rollouts = 4, decay = 0.7, floor = 0.1, retest = 3, patience = 8 }";
    let belief = curricle::Belief::new().rollouts(4).decay(0.7).floor(0.1).retest(3).patience(8);
    let made = plain().weighting(Weighting::Belief(belief));
    assert_eq!(decisions(Config::from_toml(text).unwrap().builder(60)), decisions(made));
    let made = plain().weighting(Weighting::Belief(curricle::Belief::new()));
    let read = Config::from_toml("weighting.belief = {}").unwrap();
    assert_eq!(Config::from_toml(&read.to_toml().unwrap()).unwrap(), read);
    assert_eq!(decisions(read.builder(60)), decisions(made));
    let wrong = Config::from_toml("weighting.belief.pacience = 8").unwrap_err().to_string();
    assert!(wrong.contains("weighting.belief"), "{wrong}");
    assert_eq!(Config::from_toml("").unwrap(), Config::default());
    assert_eq!(decisions(Config::default().builder(60)), decisions(plain()));
}

/// Every gate and both paces: the description is read as what the code makes.
#[test]
fn gates_and_paces_are_those_of_the_code() {
    let ramp = Schedule::Linear { from: 0.4, to: 0.1, rounds: 5 };
    let by = |by| Gate::zero_signal_by(by);
    let gates: Vec<(&str, Gate)> = vec![
        ("'all'", Gate::All),
        ("{ zero_signal = {} }", Gate::zero_signal()),
        ("{ zero_signal = { by = 'reported' } }", by(Measure::Reported)),
        ("{ zero_signal = { by = 'abs_advantage' } }", by(Measure::AbsAdvantage)),
        ("{ zero_signal = { by = 'spread' } }", by(Measure::Spread)),
        ("{ zero_signal = { by = 'range' } }", by(Measure::Range)),
        (
            "{ zero_signal = { by = 'success', tolerance = 0.25 } }",
            Gate::ZeroSignal { by: Measure::Success, tolerance: 0.25 },
        ),
        ("{ advantages = { least = 2 } }", Gate::Advantages { least: 2 }),
        ("{ rollouts = { least = 4 } }", Gate::Rollouts { least: 4 }),
        ("{ band = { low = 0.1, high = 0.9 } }", Gate::band(0.1, 0.9)),
        (
            "{ band = { low.linear = { from = 0.4, to = 0.1, rounds = 5 }, high = 0.9 } }",
            Gate::band(ramp, 0.9),
        ),
        ("{ stale = { most.versions = 2 } }", Gate::stale(AgeLimit::versions(2))),
        (
            "{ stale = { most = { rounds = 3, versions = 2 }, teaches = false } }",
            Gate::Stale { most: AgeLimit::rounds(3).and_versions(2), teaches: false },
        ),
        (
            "{ every = [{ rollouts = { least = 4 } }, { zero_signal = {} }] }",
            Gate::Rollouts { least: 4 }.and(Gate::zero_signal()),
        ),
        ("{ arms = ['all', { zero_signal = {} }] }", Gate::Arms(vec![Gate::All, Gate::zero_signal()])),
    ];
    type Made = Builder<policy::Any, signal::Any, sampler::Any>;
    let plain = || Config::default().builder(60);
    let same = |text: &str, made: Made| {
        let read = Config::from_toml(text).unwrap().builder(60).arms(2, |sample| (sample.0 % 2) as u32);
        let made = made.arms(2, |sample| (sample.0 % 2) as u32).build().unwrap();
        // A snapshot names every option of what it was built from: what is read differs in nothing but its kinds.
        let json = Config::from_toml(text).unwrap().to_json().unwrap();
        assert_eq!(Config::from_json(&json).unwrap(), Config::from_toml(text).unwrap(), "{text}");
        let bytes = made.to_bytes().unwrap();
        assert_eq!(read.build().unwrap().restore_bytes(&bytes), Ok(()), "{text}");
        bytes
    };
    let mut all = std::collections::BTreeSet::new();
    for (text, gate) in gates {
        all.insert(same(&format!("gate = {text}"), plain().gate(gate)));
    }
    assert_eq!(all.len(), 14, "two of the fifteen are the same");
    let arrival = Arrival::new().in_flight(64).give_up(AgeLimit::rounds(9).and_versions(3));
    same("pace = 'lockstep'", plain());
    same("pace.arrival = {}", plain().pace(Arrival::new()));
    let text = "pace.arrival = { in_flight = 64, give_up = { rounds = 9, versions = 3 } }";
    same(text, plain().pace(arrival));
    let beside = |text: &str| Config::from_toml(text).unwrap().builder(60).build().map(drop);
    for (part, text) in [("lag", "lag = 1"), ("missing", "missing = 'lose'")] {
        let refused = beside(&format!("{text}\npace.arrival = {{}}"));
        assert!(matches!(refused, Err(Error::Unread { part: found, .. }) if found == part));
    }
    let empty = beside("pace.arrival.give_up = {}");
    assert!(matches!(empty, Err(Error::Empty { what: "age limit of tickets", .. })), "{empty:?}");
}

/// A part that needs no options is named by a word, wherever it stands.
#[test]
fn a_word_stands_for_a_part_without_options() {
    for (word, table) in [
        ("policy = 'uniform'", "policy.uniform = {}"),
        ("policy = 'boltzmann'", "policy.boltzmann = {}"),
        ("policy.cold_start = { inner = 'ucb_', tickets = 3 }", ""),
        (
            "policy.cold_start = { inner = 'boltzmann', tickets = 3 }",
            "policy.cold_start = { inner.boltzmann = {}, tickets = 3 }",
        ),
        ("signal = 'mean_advantage'", "signal.mean_advantage = {}"),
        ("signal.gated.inner = 'utility'", "signal.gated.inner.utility = {}"),
        ("gate = 'zero_signal'", "gate.zero_signal = {}"),
        (
            "gate.every = ['zero_signal', { rollouts.least = 3 }]",
            "gate.every = [{ zero_signal = {} }, { rollouts.least = 3 }]",
        ),
    ] {
        match Config::from_toml(word) {
            Err(error) => assert!(table.is_empty(), "{word}: {error}"),
            Ok(read) => {
                assert_eq!(read, Config::from_toml(table).unwrap());
                let json = read.to_json().unwrap();
                assert_eq!(Config::from_json(&json).unwrap(), read);
                assert_eq!(Config::from_toml(&read.to_toml().unwrap()).unwrap(), read);
            }
        }
    }
    let missing = Config::from_toml("policy = 'kalman'").unwrap_err().to_string();
    assert!(missing.contains("policy") && missing.contains("drift"), "{missing}");
    let unknown = Config::from_toml("signal = 'worth'").unwrap_err().to_string();
    assert!(unknown.contains("worth") && unknown.contains("learnability"), "{unknown}");
    assert_eq!(Config::from_json(r#"{"policy": "uniform"}"#), Config::from_toml("policy = 'uniform'"));
}

/// What cannot be written down is refused, not changed.
#[test]
fn a_number_that_is_none_is_not_written() {
    let config = Config::from_toml("importance = inf").unwrap();
    assert!(matches!(config.to_json(), Err(Error::Config { .. })));
    assert_eq!(Config::from_toml(&config.to_toml().unwrap()).unwrap(), config);
    let config = Config::from_toml("importance = nan").unwrap();
    assert!(matches!(config.to_json(), Err(Error::Config { .. })));
    let both = "policy.boltzmann = { temperature = 0.1, effective_arms = 2 }";
    let refused = Config::from_toml(both).unwrap().builder(6).build().map(drop);
    assert!(matches!(refused, Err(Error::Unread { part: "temperature", .. })), "{refused:?}");
}

/// The default preset, written down.
#[test]
fn the_default_preset_as_a_file() {
    let text = "
        sampler = 'systematic'
        signal = 'mean_advantage'
        policy = 'tilt'";
    let read = decisions(Config::from_toml(text).unwrap().builder(60));
    assert_eq!(read, decisions(plain().post_training()));
}

#[test]
fn what_is_wrong_is_said_with_its_path() {
    for (text, path) in [
        ("sed = 1", "sed"),
        ("seed = -1", "seed"),
        ("seed = 'one'", "seed"),
        ("policy.nobody = {}", "policy.nobody"),
        ("policy.boltzmann.temprature = 1", "policy.boltzmann.temprature"),
        ("policy.boltzmann.alpha = 'high'", "policy.boltzmann.alpha"),
        ("policy.bounded.inner.boltzmann.alpha = true", "policy.bounded.inner.boltzmann.alpha"),
        ("policy.bounded.cap = 0.5", "policy.bounded"),
        ("policy = { uniform = {}, fixed = {} }", "policy"),
        (
            "policy.staged = { stages = [[0]], advance.mastery = 'soon' }",
            "policy.staged.advance.mastery",
        ),
        ("policy.exp3.update.auer = { gamma = 0.1, share = 0, eta = 1 }", "policy.exp3.update.auer"),
        ("signal.gated.inner = {}", "signal.gated.inner"),
        ("gate.band = { low = 0.1 }", "gate.band"),
        ("gate.every = [{ band = { low = 0.1 } }]", "gate.every[0].band"),
        ("gate.every = [{ stale.most.days = 1 }]", "gate.every[0].stale.most.days"),
        ("gate.own = 'mine'", "gate.own"),
        // A pair has two.
        ("policy.kalman = { drift = 0.1, start = [1, 2, 3] }", "policy.kalman.start"),
        ("policy.posterior.band = [0.2, 0.4, 'x']", "policy.posterior.band"),
        (
            "policy.mastered = { inner = 'uniform', mastery = 0.5, retest = [4, 0.1, 7] }",
            "policy.mastered.retest",
        ),
        ("importance.linear = { from = 0.1, to = 0.2, rnds = 3 }", "importance.linear.rnds"),
        ("importance.linear = { from = 0.1, to = 0.2 }", "importance.linear"),
        ("importance = 'high'", "importance"),
        ("pace.arrival.in_fligth = 1", "pace.arrival.in_fligth"),
        ("seed = 1\nseed = 2", "."),
        ("seed = ", "."),
    ] {
        match Config::from_toml(text) {
            Err(Error::Config { path: found, .. }) => assert_eq!(found, path, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    for text in ["{\"seed\": 1} 2", "{\"seed\": 1", "{\"seed\": 1e400}", "[]", "{\"lag\": 1.5}"] {
        assert!(matches!(Config::from_json(text), Err(Error::Config { .. })), "{text}");
    }
    // Options are checked when the curriculum is built, and name themselves.
    let built = |text: &str| Config::from_toml(text).unwrap().builder(6).build().map(drop);
    assert!(matches!(
        built("policy.boltzmann.alpha = 2"),
        Err(Error::OutOfRange { what: "alpha", .. })
    ));
    assert!(matches!(
        built("policy.boltzmann.alpha = nan"),
        Err(Error::OutOfRange { what: "alpha", .. })
    ));
    assert!(matches!(
        built("policy.per_cost.inner.posterior = {}"),
        Err(Error::Unread { part: "PerCost", .. })
    ));
    assert!(matches!(built("signal.utility = {}"), Err(Error::Unread { part: "signal", .. })));
    let restarted = "policy.restart = { inner.uniform = {}, detector.cusum = { slack = 0, calibration = 1, threshold = 1 }, scope = 'local' }";
    assert!(matches!(built(restarted), Err(Error::Unsupported { part: "Restart", .. })));
}

/// A list is no table without its keys, wherever it stands.
#[test]
fn a_list_is_no_table() {
    for (json, toml, path) in [
        (r#"{"gate":{"band":[0.1,0.9]}}"#, "gate.band = [0.1, 0.9]", "gate.band"),
        (
            r#"{"gate":{"every":[{"rollouts":[3]}]}}"#,
            "gate.every = [{ rollouts = [3] }]",
            "gate.every[0].rollouts",
        ),
        (r#"{"gate":{"zero_signal":[0.1]}}"#, "gate.zero_signal = [0.1]", "gate.zero_signal[0]"),
        (r#"{"weighting":{"score":[0.1]}}"#, "weighting.score = [0.1]", "weighting.score"),
        (r#"{"policy":{"uniform":[]}}"#, "policy.uniform = []", "policy.uniform"),
        (
            r#"{"policy":{"bounded":[{"uniform":{}},null,null]}}"#,
            "policy.bounded = [{ uniform = {} }]",
            "policy.bounded",
        ),
        (r#"{"importance":{"linear":[0,1,9]}}"#, "importance.linear = [0, 1, 9]", "importance.linear"),
        (
            r#"{"signal":{"gated":{"inner":{"utility":[]}}}}"#,
            "signal.gated.inner.utility = []",
            "signal.gated.inner.utility",
        ),
    ] {
        for error in [Config::from_json(json).unwrap_err(), Config::from_toml(toml).unwrap_err()] {
            let Error::Config { path: found, .. } = &error else { panic!("{error}") };
            assert!(path.starts_with(found.as_str()) && found.len() > 3, "{json}: {error}");
        }
    }
}

/// What a run was configured by stands in its files, as long as it is what was built.
#[test]
fn a_configuration_stands_in_the_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let saved = |built: curricle::Result<curricle::AnyCurriculum>| {
        built.unwrap().save(&file).unwrap();
        Config::of_snapshot(&file).unwrap()
    };
    let over = |config: &Config| config.builder(60).arms(3, |sample| (sample.0 / 20) as u32);
    for case in cases() {
        let config = Config::from_toml(&format!("seed = 5\nlag = 1\npolicy.{}", case.text)).unwrap();
        let found = saved(over(&config).arm_names(["a", "b", "c"]).build());
        assert_eq!(found, Some(config), "{}", case.text);
    }
    let config = Config::from_toml("seed = 5\npolicy.boltzmann = {}").unwrap();
    assert_eq!(saved(over(&config).seed(6).build()), None);
    assert_eq!(
        saved(over(&config).gate(curricle::Gate::zero_signal_by(curricle::Measure::Success)).build()),
        None
    );
    assert_eq!(saved(over(&config).sampler(sampler::Any::Top).build()), None);
    // A change to what was configured is none.
    assert_eq!(saved(over(&config).seed(6).seed(5).build()), Some(config.clone()));

    // Numbers come back as the same bits.
    let mut random = curricle::Rng::at(1, curricle::Round(0), curricle::Purpose::User);
    for _ in 0..2000 {
        let temperature = 1e-3 + random.unit();
        let config =
            Config::from_toml(&format!("policy.boltzmann.temperature = {temperature:?}")).unwrap();
        assert_eq!(Config::from_json(&config.to_json().unwrap()).unwrap(), config);
        assert_eq!(saved(config.builder(4).build()), Some(config));
    }

    // In the base of a journal; and the same curriculum in code goes on with it.
    let base = folder.path().join("journal");
    let mut journal = Journal::open(&base, over(&config).build().unwrap()).unwrap();
    journal.draw(4).unwrap();
    drop(journal);
    assert_eq!(Config::of_snapshot(&base).unwrap(), Some(config.clone()));
    let plain = |policy: policy::Any| {
        let builder = Curriculum::builder(60).arms(3, |sample| (sample.0 / 20) as u32).seed(5);
        builder
            .signal(signal::Any::from(curricle::signal::GroupSpread))
            .sampler(sampler::Any::Distinct)
            .policy(policy)
    };
    let built = plain(curricle::policy::Boltzmann::new().into()).build().unwrap();
    let mut resumed = Journal::open(&base, built).unwrap();
    assert_eq!(resumed.curriculum().round().0, 1);
    resumed.compact().unwrap();
    drop(resumed);
    assert_eq!(Config::of_snapshot(&base).unwrap(), None);

    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    assert!(matches!(Config::of_snapshot(&file), Err(Error::Snapshot(SnapshotError::Checksum { .. }))));
    std::fs::write(&file, b"seed = 5").unwrap();
    assert!(matches!(Config::of_snapshot(&file), Err(Error::Snapshot(_))));
    assert!(matches!(Config::of_snapshot(folder.path().join("none")), Err(Error::Io { .. })));
}

/// The types that are chosen at run time go through a snapshot like any other.
#[test]
fn a_configured_curriculum_is_saved_and_restored() {
    for case in cases() {
        let config = Config::from_toml(&format!("policy.{}", case.text)).unwrap();
        let build = || config.builder(60).arms(3, |sample| (sample.0 / 20) as u32).build().unwrap();
        let (mut straight, mut killed) = (build(), build());
        for _ in 0..8 {
            let batch = straight.draw(4).unwrap();
            assert_eq!(batch, killed.draw(4).unwrap());
            let feedback = common::feedback(&batch, |place, _| outcome(place as u64));
            straight.observe(&feedback).unwrap();
            killed.observe(&feedback).unwrap();
            let bytes = killed.to_bytes().unwrap();
            killed = build();
            killed.restore_bytes(&bytes).unwrap();
        }
        assert!(straight.to_bytes().unwrap() == killed.to_bytes().unwrap(), "{}", case.text);
    }
    let _: fn(Uniform) -> policy::Any = policy::Any::from;
    let _: fn(Utility) -> signal::Any = signal::Any::from;
    assert_eq!(sampler::Any::default(), sampler::Any::Distinct);
}
