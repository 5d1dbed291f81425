//! Every policy and everything that goes around one, for tests of what must hold for all of them.

use curricle::ArmId;
use curricle::policy::{
    AbsoluteProgress, Advance, Any, Boltzmann, Bound, Bounded, ColdStart, Detector, Difficulty, Dump,
    EasyToHard, Exp3, Fixed, Forgetting, GaussianProcess, Guarded, Kalman, LevelReplay, Mastered,
    Mixture, OnlineMixing, Pac, PerCost, Posterior, Prior, Range, Rehearsed, Rescaled, Restart,
    ScalingLaw, Scope, Similarity, Staged, TeacherStudent, Thompson, Tilt, Ucb, Uniform, Unit,
};

/// All that draw from arms, for so many of them, by name.
pub fn plain(arms: usize) -> Vec<(&'static str, Any)> {
    let all: Vec<ArmId> = (0..arms as u32).map(ArmId).collect();
    vec![
        ("uniform", Uniform.into()),
        ("fixed", Fixed::by_size().into()),
        ("mixture", Mixture::new(vec![1.0; arms]).into()),
        ("mixture of cost", Mixture::new(vec![1.0; arms]).unit(Unit::Cost).into()),
        ("boltzmann", Boltzmann::new().into()),
        ("boltzmann, decay", Boltzmann::sec_2d().unsampled(curricle::policy::Unsampled::Decay).into()),
        ("boltzmann, effective arms", Boltzmann::new().effective_arms(2.0).into()),
        ("ucb", Ucb::discounted(0.9).into()),
        ("ucb, window", Ucb::sliding_window(5).into()),
        ("ucb, entropy", Ucb::new(Bound::Entropy(0.0), Forgetting::Never).into()),
        ("thompson, beta", Thompson::beta(Forgetting::PerRound(0.9)).into()),
        ("thompson, gaussian", Thompson::gaussian(Forgetting::Window(5)).into()),
        ("kalman", Kalman::new(0.01).into()),
        ("gaussian process", GaussianProcess::new(Similarity::Tree(vec![vec![0]; arms])).into()),
        ("exp3.s", Exp3::auer(arms as u32, 200, 2).into()),
        ("exp3, graves", Exp3::graves().restart(40).into()),
        ("exp3-ix", Exp3::implicit_exploration(arms as u32, 200, 2).into()),
        ("teacher-student", TeacherStudent::new().into()),
        ("teacher-student, online", TeacherStudent::online().into()),
        ("absolute progress", AbsoluteProgress::new().into()),
        ("bidirectional progress", AbsoluteProgress::bidirectional().into()),
        ("level replay", LevelReplay::new().into()),
        ("posterior", Posterior::new().into()),
        ("difficulty", Difficulty::new(vec![50.0; arms]).into()),
        ("staged", Staged::new(vec![all.clone()], Advance::Mastery(0.9)).into()),
        ("easy to hard", EasyToHard::cosine(50).into()),
        ("online mixing", OnlineMixing::new().warm_up(2).into()),
        ("scaling law", ScalingLaw::new().refit(3).into()),
        ("dump", Dump::new().into()),
        ("pac", Pac::new().cold(2).into()),
        ("tilt", Tilt::new().into()),
        ("tilt, trusting", Tilt::new().trusting().into()),
    ]
}

/// All that go around a policy, around any.
pub fn around(inner: &Any) -> Vec<(&'static str, Any)> {
    let (inner, range) = (|| inner.clone(), Range::Quantiles { low: 0.1, high: 0.9, visits: 16 });
    let cusum = Detector::Cusum { slack: 0.01, calibration: 4, threshold: 0.5 };
    let glr = Detector::Glr { delta: 0.2, every: 2, grid: 1 };
    vec![
        ("bounded", Bounded::new(inner()).floor(0.2, Prior::Uniform).cap(0.9).into()),
        ("cold start", ColdStart::new(inner(), 4).into()),
        ("guarded", Guarded::new(inner()).into()),
        ("mastered", Mastered::new(inner(), 0.6).retest(4, 0.2).into()),
        ("per cost", PerCost::new(inner()).into()),
        ("rehearsed", Rehearsed::new(inner()).dip(0.1).into()),
        ("rescaled", Rescaled::new(inner(), range).into()),
        ("restart", Restart::new(inner(), cusum, Scope::Global).explore(0.2).into()),
        ("restart, glr", Restart::new(inner(), glr, Scope::Local).explore(0.1).into()),
    ]
}

/// Every policy, and every policy inside each of what goes around; some of the pairs cannot be built.
pub fn pairs(arms: usize) -> Vec<(String, Any)> {
    let mut pairs = Vec::new();
    for (name, policy) in plain(arms) {
        for (outer, wrapped) in around(&policy) {
            pairs.push((format!("{outer}({name})"), wrapped));
        }
        pairs.push((name.to_string(), policy));
    }
    pairs
}

/// The names of all policies, read from the modules that hold them: what a list of them must have.
pub fn names() -> Vec<String> {
    let algorithms = include_str!("../../src/policy/algorithm/mod.rs");
    let around = include_str!("../../src/policy/around/mod.rs");
    let modules = algorithms.lines().chain(around.lines()).filter_map(|line| line.strip_prefix("mod "));
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    let name = |module: &str| module.trim_end_matches(';').split('_').map(capital).collect();
    let names: Vec<String> = modules.map(name).collect();
    assert!(names.len() >= 25, "{names:?}");
    names
}
