//! Policies by name, with their options.

use serde::{Deserialize, Serialize};

use super::options::{Value, options, words};
use crate::base::id::ArmId;
use crate::policy::*;

/// A policy: its name in the configuration, and its options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Described {
    Uniform(UniformOptions),
    Fixed(FixedOptions),
    Mixture(MixtureOptions),
    Boltzmann(BoltzmannOptions),
    Ucb(UcbOptions),
    Thompson(ThompsonOptions),
    Kalman(KalmanOptions),
    GaussianProcess(GaussianProcessOptions),
    Exp3(Exp3Options),
    Gaussian(GaussianOptions),
    TeacherStudent(TeacherStudentOptions),
    AbsoluteProgress(AbsoluteProgressOptions),
    LevelReplay(LevelReplayOptions),
    Posterior(PosteriorOptions),
    Difficulty(DifficultyOptions),
    Staged(StagedOptions),
    EasyToHard(EasyToHardOptions),
    OnlineMixing(OnlineMixingOptions),
    ScalingLaw(ScalingLawOptions),
    Dump(DumpOptions),
    Pac(PacOptions),
    Tilt(TiltOptions),
    Bounded(Box<BoundedOptions>),
    ColdStart(Box<ColdStartOptions>),
    Guarded(Box<GuardedOptions>),
    Mastered(Box<MasteredOptions>),
    PerCost(Box<PerCostOptions>),
    Rehearsed(Box<RehearsedOptions>),
    Rescaled(Box<RescaledOptions>),
    Restart(Box<RestartOptions>),
}

words! { Described }

impl Described {
    /// The policy that is described. Its options are checked when the curriculum is built.
    pub fn build(self) -> Any {
        match self {
            Self::Uniform(options) => options.build().into(),
            Self::Fixed(options) => options.build().into(),
            Self::Mixture(options) => options.build().into(),
            Self::Boltzmann(options) => options.build().into(),
            Self::Ucb(options) => options.build().into(),
            Self::Thompson(options) => options.build().into(),
            Self::Kalman(options) => options.build().into(),
            Self::GaussianProcess(options) => options.build().into(),
            Self::Exp3(options) => options.build().into(),
            Self::Gaussian(options) => options.build().into(),
            Self::TeacherStudent(options) => options.build().into(),
            Self::AbsoluteProgress(options) => options.build().into(),
            Self::LevelReplay(options) => options.build().into(),
            Self::Posterior(options) => options.build().into(),
            Self::Difficulty(options) => options.build().into(),
            Self::Staged(options) => options.build().into(),
            Self::EasyToHard(options) => options.build().into(),
            Self::OnlineMixing(options) => options.build().into(),
            Self::ScalingLaw(options) => options.build().into(),
            Self::Dump(options) => options.build().into(),
            Self::Pac(options) => options.build().into(),
            Self::Tilt(options) => options.build().into(),
            Self::Bounded(options) => options.build().into(),
            Self::ColdStart(options) => options.build().into(),
            Self::Guarded(options) => options.build().into(),
            Self::Mastered(options) => options.build().into(),
            Self::PerCost(options) => options.build().into(),
            Self::Rehearsed(options) => options.build().into(),
            Self::Rescaled(options) => options.build().into(),
            Self::Restart(options) => options.build().into(),
        }
    }
}

options! { UniformOptions => Uniform: () || Uniform, {} }

options! { FixedOptions => Fixed: () Fixed::by_size, {
    weights: Vec<f64> => |_, weights| Fixed::weights(weights),
} }

options! { MixtureOptions => Mixture: (table: Vec<(u64, Vec<f64>)>) Mixture::table, {
    between: Between => Mixture::between,
    clock: Clock => Mixture::clock,
    unit: Unit => Mixture::unit,
    domains: Vec<u32> => Mixture::domains,
} }

options! { BoltzmannOptions => Boltzmann: () Boltzmann::new, {
    alpha: f64 => Boltzmann::alpha,
    effective_arms: f64 => Boltzmann::effective_arms,
    temperature: Value => |policy, value| policy.temperature(value),
    start: f64 => Boltzmann::start,
    unsampled: Unsampled => Boltzmann::unsampled,
} }

options! { UcbOptions => Ucb: (bound: Bound, forgetting: Forgetting) Ucb::new, {} }

options! { ThompsonOptions => Thompson: (belief: Belief, forgetting: Forgetting) Thompson::new, {} }

options! { KalmanOptions => Kalman: (drift: f64) Kalman::new, {
    noise: f64 => Kalman::noise,
    start: (f64, f64) => |policy, (mean, variance)| policy.start(mean, variance),
} }

options! { GaussianProcessOptions => GaussianProcess: (similarity: Similarity) GaussianProcess::new, {
    retention: f64 => GaussianProcess::retention,
    noise: f64 => GaussianProcess::noise,
    start: (f64, f64) => |policy, (mean, variance)| policy.start(mean, variance),
} }

options! { Exp3Options => Exp3: (update: Update) Exp3::new, {
    restart: u64 => Exp3::restart,
} }

options! { GaussianOptions => Gaussian: (rule: MeanRule, spread: Spread) Gaussian::new, {
    start: f64 => Gaussian::start,
} }

options! { TeacherStudentOptions => TeacherStudent: () TeacherStudent::new, {
    teacher: Teacher => TeacherStudent::teacher,
    epsilon: f64 => TeacherStudent::epsilon,
} }

options! { AbsoluteProgressOptions => AbsoluteProgress: (bidirectional: bool) |bidirectional| {
    if bidirectional { AbsoluteProgress::bidirectional() } else { AbsoluteProgress::new() }
}, {
    rates: (f64, f64) => |policy, (fast, slow)| policy.rates(fast, slow),
    theta: f64 => AbsoluteProgress::theta,
    floor: f64 => AbsoluteProgress::floor,
} }

options! { LevelReplayOptions => LevelReplay: () LevelReplay::new, {
    beta: f64 => LevelReplay::beta,
    rho: f64 => LevelReplay::rho,
    nu: f64 => LevelReplay::nu,
} }

options! { PosteriorOptions => Posterior: () Posterior::new, {
    decay: f64 => Posterior::decay,
    prior: (f64, f64) => |policy, (successes, failures)| policy.prior(successes, failures),
    band: (f64, f64) => |policy, (low, high)| policy.band(low, high),
} }

options! { DifficultyOptions => Difficulty: (difficulties: Vec<f64>) Difficulty::new, {
    eta: f64 => Difficulty::eta,
    alpha: f64 => Difficulty::alpha,
    beta: f64 => Difficulty::beta,
    range: (f64, f64) => |policy, (low, high)| policy.range(low, high),
    start: f64 => Difficulty::start,
} }

options! { StagedOptions => Staged: (stages: Vec<Vec<ArmId>>, advance: Advance) Staged::new, {
    review: f64 => Staged::review,
    rate: f64 => Staged::rate,
} }

options! { EasyToHardOptions => EasyToHard: (pace: Pacing, rounds: u64) EasyToHard::new, {} }

options! { OnlineMixingOptions => OnlineMixing: () OnlineMixing::new, {
    scale: f64 => OnlineMixing::scale,
    estimate: Estimate => OnlineMixing::estimate,
    warm_up: u64 => OnlineMixing::warm_up,
} }

options! { ScalingLawOptions => ScalingLaw: () ScalingLaw::new, {
    prior: Prior => ScalingLaw::prior,
    refit: u64 => ScalingLaw::refit,
    least: f64 => ScalingLaw::least,
} }

options! { DumpOptions => Dump: () Dump::new, {
    window: u32 => Dump::window,
    temperature: f64 => Dump::temperature,
} }

options! { PacOptions => Pac: () Pac::new, {
    window: usize => Pac::window,
    drift: f64 => Pac::drift,
    start: (f64, f64) => |policy, (mean, variance)| policy.start(mean, variance),
    cold: u64 => Pac::cold,
} }

options! { TiltOptions => Tilt: () Tilt::new, {
    trusting: bool => |policy, is_trusting| if is_trusting { policy.trusting() } else { policy },
    target: Prior => Tilt::target,
    temperature: f64 => Tilt::temperature,
    enough: f64 => Tilt::enough,
    floor: f64 => Tilt::floor,
} }

/// The share of a floor, and what it is proportional to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Floor {
    epsilon: Value,
    prior: Prior,
}

options! { BoundedOptions => Bounded<Any>: (inner: Described) |inner: Described| Bounded::new(inner.build()), {
    floor: Floor => |policy, floor| policy.floor(floor.epsilon, floor.prior),
    cap: f64 => Bounded::cap,
} }

options! { ColdStartOptions => ColdStart<Any>: (inner: Described, tickets: u32)
|inner: Described, tickets| ColdStart::new(inner.build(), tickets), {} }

options! { GuardedOptions => Guarded<Any>: (inner: Described) |inner: Described| Guarded::new(inner.build()), {
    target: Prior => Guarded::target,
    measure: Prior => Guarded::measure,
} }

options! { MasteredOptions => Mastered<Any>: (inner: Described, mastery: f64)
    |inner: Described, mastery| Mastered::new(inner.build(), mastery), {
    rest: f64 => Mastered::rest,
    retest: (u64, f64) => |policy, (every, test)| policy.retest(every, test),
} }

options! { PerCostOptions => PerCost<Any>: (inner: Described) |inner: Described| PerCost::new(inner.build()), {
    rate: f64 => PerCost::rate,
    limit: f64 => PerCost::limit,
} }

options! { RehearsedOptions => Rehearsed<Any>: (inner: Described) |inner: Described| Rehearsed::new(inner.build()), {
    dip: f64 => Rehearsed::dip,
    share: f64 => Rehearsed::share,
} }

options! { RescaledOptions => Rescaled<Any>: (inner: Described, range: Range)
    |inner: Described, range| Rescaled::new(inner.build(), range), {
    to: (f64, f64) => |policy, (low, high)| policy.to(low, high),
} }

options! { RestartOptions => Restart<Any>: (inner: Described, detector: Detector, scope: Scope)
    |inner: Described, detector, scope| Restart::new(inner.build(), detector, scope), {
    explore: f64 => Restart::explore,
} }
