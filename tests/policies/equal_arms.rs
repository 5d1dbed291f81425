//! Arms of which nothing tells one from the other: none is better for its number, whatever the policy.

use crate::common::{self, policies};
use curricle::policy::{
    Any, Boltzmann, Bounded, Difficulty, Kalman, LevelReplay, Mastered, Pac, Posterior, Prior,
    TeacherStudent, Ucb,
};
use curricle::sampler;
use curricle::{Curriculum, Outcome};

const ARMS: u32 = 5;
const ROUNDS: u64 = 10;

/// Policies that cannot be told apart from an arg-max: greedy ones, and those that rank.
fn greedy() -> Vec<(String, Any)> {
    let list: Vec<(&str, Any)> = vec![
        ("boltzmann, cold", Boltzmann::new().temperature(1e-9).into()),
        ("boltzmann, one effective arm", Boltzmann::new().effective_arms(1.0).into()),
        ("ucb, no bound", Ucb::discounted(0.9).width(0.0).into()),
        ("ucb, window, no bound", Ucb::sliding_window(9).width(0.0).into()),
        ("kalman, no spread", Kalman::new(0.0).start(0.5, 1e-12).noise(1e12).into()),
        ("teacher-student, no exploration", TeacherStudent::new().epsilon(0.0).into()),
        ("teacher-student, online, no exploration", TeacherStudent::online().epsilon(0.0).into()),
        ("level replay, first rank only", LevelReplay::new().beta(1e-3).nu(0.0).into()),
        ("level replay, by age", LevelReplay::new().rho(1.0).into()),
        ("posterior, band", Posterior::new().band(0.0, 1.0).into()),
        ("pac, no cold start", Pac::new().cold(0).into()),
        ("mastered, at rest", Mastered::new(Any::from(Ucb::discounted(0.9)), 0.4).rest(0.0).into()),
        ("difficulty, off target", Difficulty::new(vec![20.0; ARMS as usize]).into()),
        (
            "bounded, greedy",
            Bounded::new(Any::from(Boltzmann::new().temperature(1e-9))).floor(0.1, Prior::Size).into(),
        ),
    ];
    list.into_iter().map(|(name, policy)| (name.to_owned(), policy)).collect()
}

/// How often each arm was drawn in the rounds of a seed; `None` if the policy cannot be built.
fn drawn(
    policy: &Any,
    sampler: sampler::Any,
    n: usize,
    seed: u64,
    outcome: Outcome,
) -> Option<Vec<f64>> {
    let built = Curriculum::builder(20 * ARMS as usize)
        .arms(ARMS, |sample| (sample.0 / 20) as u32)
        .policy(policy.clone())
        .sampler(sampler)
        .seed(seed)
        .build();
    let mut curriculum = built.ok()?;
    let mut drawn = vec![0.0; ARMS as usize];
    for _ in 0..ROUNDS {
        let batch = curriculum.draw(n).unwrap();
        batch.draws.iter().for_each(|draw| drawn[draw.arm.index()] += 1.0);
        curriculum.observe(&common::feedback(&batch, |_, _| outcome)).unwrap();
    }
    Some(drawn)
}

/// The arm that is farthest from its even part over the seeds, in standard errors of the mean over seeds.
fn farthest(name: &str, seeds: &[Vec<f64>]) -> (f64, usize) {
    let count = seeds.len() as f64;
    let even = seeds[0].iter().sum::<f64>() / f64::from(ARMS);
    let z = |arm: usize| {
        let mean = seeds.iter().map(|drawn| drawn[arm]).sum::<f64>() / count;
        let square = seeds.iter().map(|drawn| (drawn[arm] - mean) * (drawn[arm] - mean)).sum::<f64>();
        let error = (square / (count - 1.0) / count).sqrt();
        assert!(error > 0.0 || mean == even, "{name}: always {mean} of arm {arm}, {even} is even");
        if error > 0.0 { (mean - even).abs() / error } else { 0.0 }
    };
    let all = (0..ARMS as usize).map(|arm| (z(arm), arm));
    all.fold((0.0, 0), |worst, one| if one.0 > worst.0 { one } else { worst })
}

/// Over many seeds each arm is drawn as often as the others: what happens by chance to one happens to all. A rule that
/// takes the lowest of equals fails by tens of standard errors, whatever it does later.
#[test]
fn arms_of_equal_evidence_get_equal_shares() {
    const SEEDS: u64 = 80;
    let plain = || Outcome::default().abs_advantage(0.5).utility(0.5).loss(1.0).cost(1.0).rollouts(8);
    let (mut tests, mut worst) = (0, (0.0, String::new()));
    for (name, policy) in policies::pairs(ARMS as usize).into_iter().chain(greedy()) {
        // By number as defined: the easiest first, and visits in turn that look for changes.
        if name.contains("easy to hard") || name.contains("restart") {
            continue;
        }
        for (success, n, sampler) in [
            (0.5, 1, sampler::Any::Distinct),
            (0.5, 7, sampler::Any::Systematic),
            (0.0, 3, sampler::Any::Replace),
            (1.0, 7, sampler::Any::Distinct),
            (0.5, 4, sampler::Any::Passes),
            (0.5, 6, sampler::Any::Sequential),
        ] {
            let outcome = plain().success(success);
            let seeds: Vec<Vec<f64>> =
                (0..SEEDS).map_while(|seed| drawn(&policy, sampler, n, seed, outcome)).collect();
            if seeds.is_empty() {
                continue;
            }
            let (z, arm) = farthest(&name, &seeds);
            tests += 1;
            if z > worst.0 {
                worst = (z, format!("{name}, success {success}, batches of {n}: arm {arm}"));
            }
        }
    }
    assert!(tests > 800, "{tests}");
    // The greatest of some 4000 numbers that are about normal.
    assert!(worst.0 < 5.0, "{worst:?}");
}
