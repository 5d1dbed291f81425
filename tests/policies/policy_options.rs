//! Every number that a description of a curriculum can be given, at its ends and beyond: it is refused
//! by name when the curriculum is built, or the curriculum draws, learns and gives numbers.

use crate::common;
use curricle::policy::{
    AbsoluteProgress, Advance, Any, Belief, Boltzmann, Bound, Bounded, ColdStart, Detector, Difficulty,
    Dump, EasyToHard, Estimate, Exp3, Fixed, Forgetting, Gaussian, GaussianProcess, Kalman,
    LevelReplay, Mastered, MeanRule, OnlineMixing, Pac, Pacing, PerCost, Posterior, Prior, Range,
    Rehearsed, Rescaled, Restart, ScalingLaw, Scope, Similarity, Spread, Staged, Teacher,
    TeacherStudent, Thompson, Tilt, Ucb, Uniform, Unsampled, Update,
};
use curricle::sampler::{Replace, Systematic};
use curricle::signal::{
    Gated, Learnability, LearningProgress, MeanAdvantage, Reported, Source, Utility,
};
use curricle::{
    ArmId, Builder, Curriculum, Error, Feedback, Field, Gate, Measure, Missing, Policy, SampleId,
    Sampler, Schedule, Signal, Weighting,
};

const NUMBERS: [f64; 20] = [
    0.0,
    -0.0,
    -1.0,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MAX,
    f64::MIN,
    1e300,
    1e100,
    -1e100,
    f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    1e-9,
    0.5,
    1.0,
    1.0 + f64::EPSILON,
    2.0,
    1e12,
];
const COUNTS: [u64; 8] = [0, 1, 2, 7, u32::MAX as u64, 1 << 53, i64::MAX as u64, u64::MAX];
const SMALL: [u32; 6] = [0, 1, 2, 7, u32::MAX - 1, u32::MAX];
const SIZES: [usize; 6] = [0, 1, 2, 1_000_000, u32::MAX as usize, usize::MAX];

/// How many settings were refused and how many ran.
#[derive(Default)]
struct Tally {
    refused: u32,
    ran: u32,
}

impl Tally {
    /// Builds and, if that is allowed, runs thirty rounds.
    fn try_out<P: Policy, S: Signal, D: Sampler>(&mut self, name: &str, builder: Builder<P, S, D>) {
        let mut curriculum = match builder.missing(Missing::Lose).build() {
            Err(error) => {
                let named = match &error {
                    Error::OutOfRange { what, .. }
                    | Error::NonFinite { what, .. }
                    | Error::Length { what, .. } => !what.is_empty(),
                    Error::UnknownArm(_) | Error::NothingToDraw => {
                        name.contains("weights") || name.contains("stages")
                    }
                    _ => false,
                };
                assert!(named, "{name}: {error:?}");
                self.refused += 1;
                return;
            }
            Ok(curriculum) => curriculum,
        };
        self.ran += 1;
        for round in 0..30 {
            let batch = match curriculum.draw(4) {
                Ok(batch) => batch,
                // No sample has a weight.
                Err(Error::NothingToDraw) if name.starts_with("weights, all") => return,
                Err(error) => panic!("{name}, round {round}: {error}"),
            };
            let numbers =
                batch.draws.iter().flat_map(|draw| [draw.propensity, draw.loss_weight.into()]);
            numbers
                .for_each(|x| assert!((0.0..=1.0 + 1e-9).contains(&x), "{name}, round {round}: {x}"));
            let shares = curriculum.shares();
            let sum: f64 = shares.iter().sum();
            assert!(shares.is_empty() || (sum - 1.0).abs() < 1e-6, "{name}, round {round}: {shares:?}");
            let feedback: Vec<Feedback> = (batch.draws.iter().filter(|draw| draw.ticket.0 % 9 != 4))
                .map(|draw| Feedback::new(draw.ticket, common::outcome(draw.ticket.0)))
                .collect();
            curriculum.observe(&feedback).unwrap();
        }
    }

    fn policy(&mut self, name: &str, policy: impl Into<Any>) {
        self.try_out(name, base().policy(policy.into()));
    }

    /// Fails if nothing was refused, or everything: then the table looks at the wrong thing.
    fn done(self, least_refused: u32, least_ran: u32) {
        assert!(self.refused >= least_refused, "{} were refused", self.refused);
        assert!(self.ran >= least_ran, "{} ran", self.ran);
    }
}

fn base() -> Builder<curricle::policy::Uniform, curricle::signal::GroupSpread, Systematic> {
    Curriculum::builder(24).arms(3, |sample| (sample.0 / 8) as u32).sampler(Systematic).seed(6)
}

/// A number in each place that takes one.
#[test]
fn numbers_of_policies() {
    type Make = Box<dyn Fn(f64) -> Any>;
    fn make<P: Into<Any>>(make: impl Fn(f64) -> P + 'static) -> Make {
        Box::new(move |x| make(x).into())
    }
    let alike = |scale| Similarity::Points { points: vec![vec![0.0], vec![1.0], vec![3.0]], scale };
    let around = || Any::from(Boltzmann::new());
    let cusum = |slack, threshold| Detector::Cusum { slack, calibration: 2, threshold };
    let table: Vec<(&str, Make)> = vec![
        ("fixed weights", make(|x| Fixed::weights(vec![1.0, x, 2.0]))),
        ("fixed weights, all", make(|x| Fixed::weights(vec![x; 3]))),
        ("boltzmann alpha", make(|x| Boltzmann::new().alpha(x))),
        ("boltzmann alpha, decay", make(|x| Boltzmann::new().unsampled(Unsampled::Decay).alpha(x))),
        ("boltzmann temperature", make(|x| Boltzmann::new().temperature(x))),
        ("boltzmann start", make(|x| Boltzmann::new().start(x))),
        ("boltzmann start, soft", make(|x| Boltzmann::new().start(x).effective_arms(2.0))),
        ("boltzmann effective arms", make(|x| Boltzmann::new().effective_arms(x))),
        ("ucb discounted", make(Ucb::discounted)),
        ("ucb discounted, greedy", make(|x| Ucb::discounted(x).width(0.0))),
        ("ucb width", make(|x| Ucb::discounted(0.9).width(x))),
        ("ucb entropy", make(|x| Ucb::new(Bound::Entropy(x), Forgetting::PerRound(0.9)))),
        ("ucb per visit", make(|x| Ucb::new(Bound::Entropy(1.0), Forgetting::PerVisit(x)))),
        ("thompson discount", make(|x| Thompson::beta(Forgetting::PerRound(x)))),
        ("thompson per visit", make(|x| Thompson::gaussian(Forgetting::PerVisit(x)))),
        ("thompson a", make(|a| Thompson::new(Belief::Beta { a, b: 1.0 }, Forgetting::Never))),
        ("thompson b", make(|b| Thompson::new(Belief::Beta { a: 1.0, b }, Forgetting::Never))),
        ("thompson a and b", make(|x| Thompson::new(Belief::Beta { a: x, b: x }, Forgetting::Never))),
        ("thompson sd", make(|sd| gaussian(sd, 1.0, 0.0))),
        ("thompson n0", make(|n0| gaussian(1.0, n0, 0.5))),
        ("thompson m0", make(|m0| gaussian(1.0, 1.0, m0))),
        ("thompson all", make(|x| gaussian(x, x, x))),
        ("gaussian process retention", make(move |x| GaussianProcess::new(alike(1.0)).retention(x))),
        ("gaussian process noise", make(move |x| GaussianProcess::new(alike(1.0)).noise(x))),
        ("gaussian process mean", make(move |x| GaussianProcess::new(alike(1.0)).start(x, 1.0))),
        ("gaussian process variance", make(move |x| GaussianProcess::new(alike(1.0)).start(0.0, x))),
        (
            "gaussian process, nothing forgotten, noise",
            make(move |x| GaussianProcess::new(alike(9.0)).retention(1.0).noise(x)),
        ),
        (
            "gaussian process, nothing forgotten, variance",
            make(move |x| GaussianProcess::new(alike(9.0)).retention(1.0).start(0.5, x)),
        ),
        ("gaussian process scale", make(move |x| GaussianProcess::new(alike(x)))),
        ("kalman drift", make(Kalman::new)),
        ("kalman noise", make(|x| Kalman::new(0.1).noise(x))),
        ("kalman mean", make(|x| Kalman::new(0.1).start(x, 1.0))),
        ("kalman variance", make(|x| Kalman::new(0.1).start(0.0, x))),
        ("kalman all", make(|x| Kalman::new(x).noise(x).start(x, x))),
        ("exp3 gamma", make(|gamma| Exp3::new(Update::Auer { gamma, share: 0.1 }))),
        ("exp3 share", make(|share| Exp3::new(Update::Auer { gamma: 0.1, share }))),
        ("exp3 eta", make(|eta| graves(eta, 0.1, Some(0.1)))),
        ("exp3 epsilon", make(|epsilon| graves(0.1, epsilon, None))),
        ("exp3 part", make(|share| graves(0.1, 0.1, Some(share)))),
        ("exp3 implicit eta", make(|eta| implicit(eta, 0.1, 0.1))),
        ("exp3 implicit gamma", make(|gamma| implicit(0.1, gamma, 0.1))),
        ("exp3 implicit share", make(|share| implicit(0.1, 0.1, share))),
        ("exp3 implicit all", make(|x| implicit(x, x, 0.0))),
        ("teacher epsilon", make(|x| TeacherStudent::new().epsilon(x))),
        ("teacher alpha", make(|alpha| TeacherStudent::new().teacher(Teacher::Online { alpha }))),
        ("tilt temperature", make(|x| Tilt::new().temperature(x))),
        ("tilt enough", make(|x| Tilt::new().enough(x))),
        ("tilt floor", make(|x| Tilt::new().floor(x))),
        ("progress fast", make(|x| AbsoluteProgress::new().rates(x, 0.1))),
        ("progress slow", make(|x| AbsoluteProgress::bidirectional().rates(0.1, x))),
        ("progress theta", make(|x| AbsoluteProgress::new().theta(x))),
        ("progress floor", make(|x| AbsoluteProgress::bidirectional().floor(x))),
        ("replay beta", make(|x| LevelReplay::new().beta(x))),
        ("replay rho", make(|x| LevelReplay::new().rho(x))),
        ("replay nu", make(|x| LevelReplay::new().nu(x))),
        ("posterior decay", make(|x| Posterior::new().decay(x))),
        ("posterior successes", make(|x| Posterior::new().prior(x, 1.0))),
        ("posterior failures", make(|x| Posterior::new().prior(1.0, x))),
        ("posterior target", make(|x| Posterior::new().target(x))),
        ("posterior low", make(|x| Posterior::new().band(x, 0.5))),
        ("posterior high", make(|x| Posterior::new().band(0.5, x))),
        ("difficulty", make(|x| Difficulty::new(vec![0.0, x, 50.0]))),
        ("difficulty, all", make(|x| Difficulty::new(vec![x; 3]).start(-x))),
        ("difficulty eta", make(|x| levels().eta(x))),
        ("difficulty alpha", make(|x| levels().alpha(x))),
        ("difficulty beta", make(|x| levels().beta(x))),
        ("difficulty low", make(|x| levels().range(x, 50.0))),
        ("difficulty high", make(|x| levels().range(0.0, x))),
        ("difficulty range", make(|x| levels().range(-x, x).eta(x))),
        ("difficulty start", make(|x| levels().start(x))),
        ("staged mastery", make(|x| Staged::one_by_one(3, Advance::Mastery(x)))),
        ("staged review", make(|x| Staged::one_by_one(3, Advance::Rounds(2)).review(x))),
        ("staged rate", make(|x| Staged::one_by_one(3, Advance::Mastery(0.1)).rate(x))),
        ("bell beta", make(|beta| EasyToHard::new(Pacing::Gaussian { beta, sigma: 1.0 }, 9))),
        ("bell sigma", make(|sigma| EasyToHard::new(Pacing::Gaussian { beta: 1.0, sigma }, 9))),
        ("mixing scale", make(|x| OnlineMixing::new().warm_up(1).scale(x))),
        ("mixing keep", make(|x| OnlineMixing::new().warm_up(1).estimate(Estimate::Smoothed(x)))),
        ("law least", make(|x| ScalingLaw::new().refit(3).least(x))),
        (
            "law prior weights",
            make(|x| ScalingLaw::new().refit(3).prior(Prior::Weights(vec![x, 1.0, 0.0]))),
        ),
        ("dump temperature", make(|x| Dump::new().temperature(x))),
        ("pac drift", make(|x| Pac::new().cold(1).drift(x))),
        ("pac mean", make(|x| Pac::new().cold(1).start(x, 1.0))),
        ("pac variance", make(|x| Pac::new().cold(1).start(0.0, x))),
        ("pac all", make(|x| Pac::new().cold(1).drift(x).start(x, x))),
        ("bounded floor", make(move |x| Bounded::new(around()).floor(x, Prior::Size))),
        (
            "bounded floor, even",
            make(move |x| Bounded::new(around()).floor(x, Prior::Uniform).cap(0.9)),
        ),
        (
            "bounded prior weights",
            make(move |x| Bounded::new(around()).floor(0.5, Prior::Weights(vec![x, 1.0, x]))),
        ),
        ("bounded cap", make(move |x| Bounded::new(around()).cap(x))),
        ("mastered", make(move |x| Mastered::new(around(), x))),
        ("mastered rest", make(move |x| Mastered::new(around(), 0.2).rest(x))),
        ("mastered test", make(move |x| Mastered::new(around(), 0.2).retest(1, x))),
        ("rehearsed dip", make(move |x| Rehearsed::new(around()).dip(x))),
        ("rehearsed share", make(move |x| Rehearsed::new(around()).dip(0.1).share(x))),
        ("per cost rate", make(move |x| PerCost::new(around()).rate(x))),
        ("per cost limit", make(move |x| PerCost::new(around()).limit(x))),
        ("rescaled low", make(move |low| Rescaled::new(around(), Range::Fixed { low, high: 1.0 }))),
        ("rescaled high", make(move |high| Rescaled::new(around(), Range::Fixed { low: 0.0, high }))),
        ("rescaled wide", make(move |x| Rescaled::new(around(), Range::Fixed { low: -x, high: x }))),
        ("rescaled quantile", make(move |low| Rescaled::new(around(), quantiles(low, 0.9, 9)))),
        ("rescaled upper", make(move |high| Rescaled::new(around(), quantiles(0.1, high, 9)))),
        ("rescaled to", make(move |x| Rescaled::new(around(), quantiles(0.1, 0.9, 9)).to(-x, x))),
        (
            "restart explore",
            make(move |x| Restart::new(around(), cusum(0.1, 1.0), Scope::Local).explore(x)),
        ),
        ("restart slack", make(move |x| Restart::new(around(), cusum(x, 1.0), Scope::Local))),
        ("restart threshold", make(move |x| Restart::new(around(), cusum(0.0, x), Scope::Global))),
        (
            "restart delta",
            make(move |delta| {
                Restart::new(around(), Detector::Glr { delta, every: 1, grid: 1 }, Scope::Local)
            }),
        ),
    ];
    let mut tally = Tally::default();
    for (name, make) in &table {
        for number in NUMBERS {
            tally.policy(&format!("{name} = {number:?}"), make(number));
        }
    }
    tally.done(500, 500);
}

fn gaussian(sd: f64, n0: f64, m0: f64) -> Thompson {
    Thompson::new(Belief::Gaussian { sd, n0, m0 }, Forgetting::PerRound(0.9))
}

fn graves(eta: f64, epsilon: f64, share: Option<f64>) -> Exp3 {
    Exp3::new(Update::Graves { eta, epsilon, share })
}

fn implicit(eta: f64, gamma: f64, share: f64) -> Exp3 {
    Exp3::new(Update::ImplicitExploration { eta, gamma, share })
}

fn levels() -> Difficulty {
    Difficulty::new(vec![0.0, 30.0, 60.0])
}

fn quantiles(low: f64, high: f64, visits: usize) -> Range {
    Range::Quantiles { low, high, visits }
}

/// A whole number in each place that takes one, and lists of other lengths.
#[test]
fn counts_of_policies() {
    let around = || Any::from(Boltzmann::new());
    let mut tally = Tally::default();
    for n in COUNTS {
        let mut of = |name: &str, policy: Any| tally.policy(&format!("{name} = {n}"), policy);
        of("ucb window", Ucb::sliding_window(n).into());
        of("thompson window", Thompson::gaussian(Forgetting::Window(n)).into());
        of("exp3 rounds", Exp3::auer(3, n, 2).into());
        of("exp3 changes", Exp3::auer(3, 100, n).into());
        of("exp3 implicit rounds", Exp3::implicit_exploration(3, n, 2).into());
        of("exp3 implicit changes", Exp3::implicit_exploration(3, 100, n).into());
        of("exp3 restart", Exp3::graves().restart(n).into());
        of("staged rounds", Staged::one_by_one(3, Advance::Rounds(n)).into());
        of("easy to hard", EasyToHard::cosine(n).into());
        of("bell", EasyToHard::gaussian(n).into());
        of("mixing warm-up", OnlineMixing::new().warm_up(n).into());
        of("law refit", ScalingLaw::new().refit(n).into());
        of("pac cold", Pac::new().cold(n).into());
        of("mastered every", Mastered::new(around(), 0.2).retest(n, 0.1).into());
    }
    for n in SMALL {
        let mut of = |name: &str, policy: Any| tally.policy(&format!("{name} = {n}"), policy);
        of("exp3 arms", Exp3::auer(n, 100, 2).into());
        of("exp3 implicit arms", Exp3::implicit_exploration(n, 100, 2).into());
        of("dump window", Dump::new().window(n).into());
        of("cold start", ColdStart::new(around(), n).into());
        let glr = |every, grid| Detector::Glr { delta: 0.1, every, grid };
        of("restart every", Restart::new(around(), glr(n, 1), Scope::Local).into());
        of("restart grid", Restart::new(around(), glr(1, n), Scope::Local).into());
        let cusum = Detector::Cusum { slack: 0.1, calibration: n, threshold: 1.0 };
        of("restart calibration", Restart::new(around(), cusum, Scope::Local).into());
    }
    for n in SIZES {
        let mut of = |name: &str, policy: Any| tally.policy(&format!("{name} = {n}"), policy);
        of("teacher window", TeacherStudent::new().teacher(Teacher::Sampling { window: n }).into());
        of("pac window", Pac::new().cold(1).window(n).into());
        of("rescaled visits", Rescaled::new(around(), quantiles(0.1, 0.9, n)).into());
    }
    for n in [0, 1, 2, 4, 1000] {
        let mut of = |name: &str, policy: Any| tally.policy(&format!("{name} of {n}"), policy);
        of("fixed weights", Fixed::weights(vec![1.0; n]).into());
        of("difficulties", Difficulty::new(vec![1.0; n]).into());
        of("stages", Staged::one_by_one(n as u32, Advance::Rounds(1)).into());
        of("stages", Staged::new(vec![vec![ArmId(0); n]; 2], Advance::Mastery(0.1)).into());
        of("stages", Staged::new(vec![vec![ArmId(n as u32)]], Advance::Mastery(0.1)).into());
        of("law weights", ScalingLaw::new().prior(Prior::Weights(vec![1.0; n])).into());
        of("bounded weights", Bounded::new(around()).floor(0.1, Prior::Weights(vec![1.0; n])).into());
    }
    tally.done(40, 100);
}

/// Rules of a mean rank.
#[test]
fn numbers_over_ranks() {
    let mut tally = Tally::default();
    for x in NUMBERS {
        let of = |rule, spread| Gaussian::new(rule, spread);
        let fraction = Spread::Fraction(0.1);
        let rules = [
            of(MeanRule::paper(x), fraction),
            of(MeanRule::paper(4.0), Spread::Fraction(x)),
            of(MeanRule::paper(4.0), Spread::Ranks(x)),
            of(MeanRule::released(), fraction).start(x),
        ];
        for (place, policy) in rules.into_iter().enumerate() {
            for sampler in [curricle::sampler::Any::Distinct, curricle::sampler::Any::Replace] {
                let builder = Curriculum::builder(24).signal(Utility).sampler(sampler).importance(1.0);
                tally.try_out(&format!("rank rule {place} = {x:?}"), builder.policy(policy.clone()));
            }
        }
    }
    tally.done(40, 20);
}

#[test]
fn signals() {
    let mut tally = Tally::default();
    for x in NUMBERS {
        let mut of = |name: &str, signal: curricle::signal::Any| {
            tally.try_out(&format!("{name} = {x:?}"), base().policy(Boltzmann::new()).signal(signal));
        };
        let gated = || Gated::new(curricle::signal::Any::MeanAdvantage(MeanAdvantage));
        of("nulls", LearningProgress { nulls: x }.into());
        of("least", gated().least(x).into());
        of("ramp from", gated().ramp(x, 0.9).into());
        of("ramp to", gated().ramp(0.1, x).into());
        of("ramp", gated().ramp(x, x).into());
        of("gated nulls", Gated::new(LearningProgress { nulls: x }.into()).without_ramp().into());
    }
    for source in [Source::Group, Source::Sample, Source::Arm] {
        tally.try_out("learnability", base().policy(Boltzmann::new()).signal(Learnability(source)));
    }
    for field in [Field::Success, Field::Loss, Field::AbsAdvantage, Field::Utility, Field::Cost] {
        tally.try_out("reported", base().policy(Boltzmann::new()).signal(Reported(field)));
    }
    tally.done(50, 30);
}

#[test]
fn schedules() {
    let mut tally = Tally::default();
    for from in NUMBERS {
        for to in NUMBERS {
            for rounds in [0, 1, 7, u64::MAX] {
                let both =
                    [Schedule::Linear { from, to, rounds }, Schedule::Geometric { from, to, rounds }];
                for schedule in both {
                    let name = format!("{schedule:?}");
                    tally.policy(&name, Boltzmann::new().temperature(schedule));
                    tally.policy(&name, Bounded::new(Any::from(Uniform)).floor(schedule, Prior::Size));
                    tally.try_out(&name, base().importance(schedule));
                }
            }
        }
    }
    tally.done(5000, 500);
}

#[test]
fn builders() {
    let mut tally = Tally::default();
    for x in NUMBERS {
        tally.try_out(&format!("importance = {x:?}"), base().importance(x));
        let scored = || base().policy(Boltzmann::new()).signal(Reported(Field::Loss));
        tally.try_out(&format!("floor = {x:?}"), scored().weighting(Weighting::Score { floor: x }));
        for (low, high) in [(x as f32, 0.9), (0.1, x as f32), (x as f32, x as f32)] {
            tally.try_out(
                &format!("band {low:?} {high:?}"),
                base().gate(Gate::band(f64::from(low), f64::from(high))),
            );
        }
        let tolerance = x as f32;
        tally.try_out(
            &format!("tolerance {x:?}"),
            base().gate(Gate::ZeroSignal { by: Measure::Reported, tolerance }),
        );
        tally.try_out(
            &format!("tolerance {x:?}"),
            base().gate(Gate::ZeroSignal { by: Measure::Success, tolerance }),
        );
        let weights = (0..24).map(|sample| if sample % 5 == 0 { x } else { 1.0 }).collect();
        tally.try_out(&format!("weights {x:?}"), base().weights(weights));
        tally.try_out(&format!("weights, all {x:?}"), base().weights(vec![x; 24]).sampler(Replace));
    }
    for n in COUNTS {
        tally.try_out(&format!("lag = {n}"), base().lag(n));
        tally.try_out(&format!("seed = {n}"), base().seed(n));
    }
    for n in [0, 1, 23, 25] {
        tally.try_out(&format!("weights of {n}"), base().weights(vec![1.0; n]));
        tally.try_out(&format!("labels of {n}"), base().labels(&vec![0; n]));
        let order: Vec<SampleId> = (0..n as u64).map(SampleId).collect();
        tally.try_out(&format!("order of {n}"), base().order(&order));
    }
    tally.done(60, 60);
}
