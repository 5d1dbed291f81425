//! Seed to exact decisions, one line for each code path.
//!
//! A line that has to be changed is a changed decision stream: raise `ALGORITHM` and enter "decision
//! stream changed" in the CHANGELOG.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::common::{outcome, policies};
use curricle::policy::{
    AbsoluteProgress, Advance, Between, Boltzmann, Bound, Bounded, Clock, ColdStart, Detector,
    Difficulty, Dump, EasyToHard, Exp3, Fixed, Forgetting, Gaussian, GaussianProcess, Guarded, Kalman,
    LevelReplay, Mastered, MeanRule, Mixture, OnlineMixing, Pac, PerCost, Posterior, Prior, Range,
    Rehearsed, Rescaled, Restart, ScalingLaw, Scope, Similarity, Spread, Staged, TeacherStudent,
    Thompson, Tilt, Ucb, Uniform, Unit, Unsampled,
};
use curricle::sampler::{Distinct, Passes, Replace, Sequential, Systematic, Top};
use curricle::signal::{
    Gated, Learnability, LearningProgress, MeanAdvantage, Reported, Source, Utility,
};
use curricle::{
    ALGORITHM, Belief, Builder, Curriculum, Feedback, Field, Policy, Sampler, Schedule, Signal,
    Weighting,
};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What ten rounds of 4 decide; see [`stream_of`].
fn stream<P: Policy, S: Signal, D: Sampler>(name: &str, builder: Builder<P, S, D>) -> String {
    stream_of(10, name, builder)
}

/// What eighty rounds decide, for what takes its time to judge.
fn long<P: Policy, S: Signal, D: Sampler>(name: &str, builder: Builder<P, S, D>) -> String {
    stream_of(80, name, builder)
}

/// What rounds of 4 decide: the samples of the fourth batch, or of the last of many; a digest of all sample numbers; and, to the last bit, the
/// digest of the curriculum and the probabilities of the arms (if they are few), the propensity and the loss weight of
/// the first draw of that batch. Numbers are printed so that they are read back as the same bits.
fn stream_of<P: Policy, S: Signal, D: Sampler>(
    rounds: u64,
    name: &str,
    builder: Builder<P, S, D>,
) -> String {
    let mut curriculum = builder.build().unwrap();
    let (mut fourth, mut bits, mut samples) = (String::new(), String::new(), 0);
    for round in 0..rounds {
        let batch = curriculum.draw(4).unwrap();
        let numbers = [round].into_iter().chain(batch.samples().map(|sample| sample.0));
        let numbers: Vec<u8> = numbers.flat_map(u64::to_le_bytes).collect();
        samples = xxh3_64_with_seed(&numbers, samples);
        if round == if rounds == 10 { 3 } else { rounds - 1 } {
            batch.samples().for_each(|sample| write!(fourth, " {}", sample.0).unwrap());
            let shares = curriculum.shares();
            let first = batch.draws[0];
            bits = format!("{:?} {:?}", first.propensity, first.loss_weight);
            if shares.len() < 8 {
                bits = format!("{bits} {shares:?}");
            }
        }
        let feedback: Vec<Feedback> =
            batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0))).collect();
        curriculum.observe(&feedback).unwrap();
    }
    format!("{name}:{fourth} | {samples:016x} {:016x} | {bits}", curriculum.digest())
}

fn base() -> Builder {
    Curriculum::builder(60).arms(3, |sample| (sample.0 / 20) as u32).seed(11)
}

fn prompts() -> Builder {
    Curriculum::builder(60).arms(60, |sample| sample.0 as u32).seed(11)
}

fn many() -> Builder {
    Curriculum::builder(4000).arms(2000, |sample| (sample.0 / 2) as u32).seed(11)
}

fn weights() -> Vec<f64> {
    (0..60).map(|sample| f64::from(sample % 7)).collect()
}

fn ranks(spread: Spread) -> Builder<Gaussian, Utility> {
    let order: Vec<curricle::SampleId> =
        (0..60).map(|rank| curricle::SampleId(rank * 7 % 60)).collect();
    let policy = Gaussian::new(MeanRule::paper(6.0), spread);
    Curriculum::builder(60).order(&order).policy(policy).signal(Utility).seed(11)
}

#[test]
fn decisions() {
    let sec = || Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform);
    let cooling = Schedule::Geometric { from: 1.0, to: 0.1, rounds: 8 };
    let tree = Similarity::Tree(vec![vec![0, 0], vec![0, 1], vec![1]]);
    let released = Gaussian::new(MeanRule::released(), Spread::Ranks(9.0));
    let glr = Detector::Glr { delta: 0.9, every: 1, grid: 1 };
    let cusum = Detector::Cusum { slack: 0.01, calibration: 2, threshold: 0.3 };
    let quantiles = Range::Quantiles { low: 0.2, high: 0.8, visits: 8 };
    let lines = [
        stream("uniform", base().policy(Uniform)),
        stream("fixed, weights", base().policy(Fixed::weights(vec![1.0, 2.0, 5.0]))),
        stream("mixture", base().policy(Mixture::new(vec![1.0, 2.0, 5.0])).sampler(Systematic)),
        stream(
            "mixture of cost, in lines",
            base()
                .policy(
                    Mixture::table(vec![(2, vec![1.0, 2.0, 5.0]), (9, vec![1.0, 0.0, 0.0])])
                        .between(Between::Lines)
                        .clock(Clock::Cost)
                        .unit(Unit::Cost)
                        .domains(vec![0, 1, 1]),
                )
                .lag(1),
        ),
        stream(
            "passes",
            Curriculum::builder(14).arms(3, |s| (s.0 % 3) as u32).sampler(Passes).seed(11),
        ),
        stream(
            "sequential",
            Curriculum::builder(14).arms(3, |s| (s.0 % 3) as u32).sampler(Sequential).seed(11),
        ),
        stream("in flight, excluded", Curriculum::builder(14).lag(2).exclude_in_flight(true).seed(11)),
        stream("fixed, size", base().policy(Fixed::by_size()).weights(weights())),
        stream("staged, rounds", base().policy(Staged::one_by_one(3, Advance::Rounds(2)).review(0.3))),
        stream("staged, mastery", base().policy(Staged::one_by_one(3, Advance::Mastery(0.2)))),
        stream("boltzmann", base().policy(Boltzmann::new())),
        stream("boltzmann, decay", base().policy(Boltzmann::sec_2d().unsampled(Unsampled::Decay))),
        stream("boltzmann, countdown", base().policy(Boltzmann::sec_countdown())),
        stream("boltzmann, math", base().policy(Boltzmann::sec_math())),
        stream("boltzmann, cooling", base().policy(Boltzmann::new().temperature(cooling))),
        stream("gaussian, paper", ranks(Spread::Fraction(0.1))),
        stream("gaussian, released", ranks(Spread::Ranks(9.0)).policy(released)),
        stream("boltzmann, effective arms", base().policy(Boltzmann::new().effective_arms(2.0))),
        stream("ucb, discounted", base().policy(Ucb::discounted(0.9))),
        stream("ucb, window", base().policy(Ucb::sliding_window(3)).lag(1)),
        stream("ucb, entropy", base().policy(Ucb::new(Bound::Entropy(0.0), Forgetting::Never))),
        stream("thompson, beta", base().policy(Thompson::beta(Forgetting::PerRound(0.9)))),
        stream("thompson, per visit", base().policy(Thompson::beta(Forgetting::PerVisit(0.5)))),
        stream("thompson, gaussian", base().policy(Thompson::gaussian(Forgetting::Window(4)))),
        stream("kalman", base().policy(Kalman::new(0.01))),
        stream("gaussian process", base().policy(GaussianProcess::new(tree))),
        stream("exp3.s", base().policy(Exp3::auer(3, 1000, 1))),
        stream("exp3.s, graves", base().policy(Exp3::graves())),
        stream("rexp3", base().policy(Exp3::auer(3, 1000, 1).restart(4))),
        stream("exp3-ix", base().policy(Exp3::implicit_exploration(3, 10, 1))),
        stream(
            "restart, glr",
            base().policy(Restart::new(Boltzmann::new(), glr, Scope::Local).explore(0.5)),
        ),
        stream(
            "restart, cusum",
            base().policy(Restart::new(Ucb::discounted(0.9), cusum, Scope::Global)),
        ),
        stream("rescaled", base().policy(Rescaled::new(Boltzmann::new(), quantiles))),
        stream("per cost", base().policy(PerCost::new(Boltzmann::new()))),
        stream("cold start", base().policy(ColdStart::new(Boltzmann::new(), 6))),
        long("guarded", base().policy(Guarded::new(Boltzmann::new()))),
        stream("mastered", base().policy(Mastered::new(Boltzmann::new(), 0.5).retest(2, 0.2))),
        long("rehearsed", base().policy(Rehearsed::new(Boltzmann::new()).dip(0.5))),
        stream("teacher-student", base().policy(TeacherStudent::new())),
        stream("teacher-student, online", base().policy(TeacherStudent::online())),
        stream("absolute progress", base().policy(AbsoluteProgress::new())),
        stream("bidirectional progress", base().policy(AbsoluteProgress::bidirectional())),
        long("tilt", base().policy(Tilt::new().target(Prior::Weights(vec![3.0, 2.0, 1.0])))),
        long("tilt, trusting", base().policy(Tilt::new().trusting().enough(1.0))),
        stream("level replay", base().policy(LevelReplay::new())),
        stream("posterior", prompts().policy(Posterior::new()).sampler(Systematic)),
        stream("difficulty", base().policy(Difficulty::new(vec![10.0, 50.0, 90.0]))),
        stream("easy to hard, cosine", base().policy(EasyToHard::cosine(8))),
        stream("easy to hard, gaussian", base().policy(EasyToHard::gaussian(8))),
        stream("online mixing", base().policy(OnlineMixing::new().warm_up(2))),
        stream("scaling law", base().policy(ScalingLaw::new().refit(2))),
        stream("dump", base().policy(Dump::new())),
        stream("pac", base().policy(Pac::new().cold(2))),
        stream("bounded, floor", base().policy(sec())),
        stream("bounded, cap", base().policy(Bounded::new(Boltzmann::new()).cap(0.4))),
        stream("bounded, size", base().policy(Bounded::new(Boltzmann::new()).floor(0.3, Prior::Size))),
        stream("distinct, importance", base().weights(weights()).sampler(Distinct).importance(0.5)),
        stream("distinct, few", Curriculum::builder(5).sampler(Distinct)),
        stream("distinct, ranks", ranks(Spread::Ranks(1.0)).sampler(Distinct)),
        stream("distinct, race", ranks(Spread::Ranks(0.4)).sampler(Distinct)),
        stream("replace", base().weights(weights()).sampler(Replace)),
        stream("replace, ranks", ranks(Spread::Ranks(5.0)).sampler(Replace)),
        stream("systematic", base().policy(sec()).weights(weights()).sampler(Systematic)),
        stream("top", base().weights(weights()).sampler(Top)),
        stream("top, ranks", ranks(Spread::Ranks(5.0)).sampler(Top)),
        stream("mean advantage", base().policy(sec()).signal(MeanAdvantage)),
        stream("learnability, group", base().policy(sec()).signal(Learnability(Source::Group))),
        stream("learnability, sample", base().policy(sec()).signal(Learnability(Source::Sample))),
        stream("learnability, arm", base().policy(sec()).signal(Learnability(Source::Arm))),
        stream("learning progress", base().policy(sec()).signal(LearningProgress::default())),
        long("gated", base().policy(sec()).signal(Gated::new(MeanAdvantage))),
        stream("reported", base().policy(sec()).signal(Reported(Field::Loss))),
        stream("utility", base().policy(sec()).signal(Utility)),
        stream("weighting by score", base().weighting(Weighting::Score { floor: 0.01 })),
        stream(
            "weighting by belief",
            base().weighting(Weighting::Belief(Belief::new().retest(4).patience(4))),
        ),
        stream("lag 2", base().policy(sec()).lag(2)),
        stream("many arms", many().policy(Boltzmann::new())),
        stream("many arms, floor", many().policy(sec()).sampler(Replace)),
        stream("many arms, systematic", many().policy(sec()).sampler(Systematic)),
        stream("many arms, rescaled", many().policy(Rescaled::new(Boltzmann::new(), quantiles))),
    ];
    assert_eq!(ALGORITHM, 8);
    let expected: Vec<&str> = include_str!("../data/decisions.txt").lines().collect();
    assert_eq!(lines.len(), expected.len(), "{}", lines.join("\n"));
    let changed = lines.iter().zip(&expected).filter(|(line, expected)| line != *expected);
    let changed: Vec<&String> = changed.map(|(line, _)| line).collect();
    assert!(changed.is_empty(), "{changed:#?}");
    // Each policy decides in a line of its own; one is built by a helper.
    let source: String = include_str!("value_stability.rs").split_whitespace().collect();
    for name in policies::names().iter().filter(|name| **name != "Gaussian") {
        assert!(source.contains(&format!("policy({name}")), "no line for {name}");
    }
    // Two equal lines would be one code path twice, or two that nothing tells apart.
    let decided: BTreeSet<&str> = lines.iter().filter_map(|line| line.split(':').nth(1)).collect();
    assert_eq!(decided.len(), lines.len());
}

/// The random numbers that decisions are made of.
#[test]
fn random_numbers() {
    use curricle::{Purpose, Rng, Round};
    let mut rng = Rng::at(11, Round(5), Purpose::User);
    let drawn = format!(
        "{} {:?} {} {:?} {:?}",
        rng.bits(),
        rng.unit(),
        rng.below(1000),
        rng.normal(),
        rng.exponential()
    );
    assert_eq!(
        drawn,
        "1932446640743147184 0.47688161477173363 121 0.2543031628657247 1.0207254508289947"
    );
    let mut items = [0, 1, 2, 3, 4, 5];
    rng.shuffle(&mut items);
    assert_eq!(items, [2, 4, 5, 0, 3, 1]);
}
