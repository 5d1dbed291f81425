//! GAIN-RL's sampling and mean rules against vectors computed independently of this crate.

use crate::common::chi_square;
use curricle::policy::{Allotment, Gaussian, MeanRule, Policy, Reward, Spread};
use curricle::sampler::{Distinct, Sampler, Scratch};
use curricle::{ArmId, Arms, Population, Purpose, Rng, Round};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../data/gaussian.json")).unwrap()
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} in {value}"))
}

/// Over the stated exact inclusion probabilities of successive draws without replacement.
#[test]
fn inclusion_probabilities() {
    const TRIALS: u64 = 40_000;
    let golden = golden();
    let cases = golden["gaussian_sampling"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let n = number(case, "N") as usize;
        let k = number(case, "k") as usize;
        let population = Population::new(Arms::even(1, n).unwrap(), None).unwrap();
        let allotment = Allotment::Ranks { mean: number(case, "mu"), sd: number(case, "sigma") };
        let mut counts = vec![0u64; n];
        for trial in 0..TRIALS {
            let mut picks = Vec::new();
            let mut rng = Rng::at(1, Round(trial), Purpose::Sampler);
            Distinct
                .draw(&population, &allotment, k, &mut rng, &mut Scratch::default(), &mut picks)
                .unwrap();
            picks.iter().for_each(|pick| counts[pick.sample.index()] += 1);
        }
        let inclusion =
            case["inclusion_probability_successive_without_replacement"].as_array().unwrap();
        for (rank, (count, probability)) in counts.iter().zip(inclusion).enumerate() {
            // Each rank is a coin of its own.
            let p = probability.as_f64().unwrap();
            if p > 1.0 - 1e-9 {
                assert_eq!(*count, TRIALS, "rank {rank}");
            } else {
                chi_square(&[*count, TRIALS - count], &[p, 1.0 - p], &format!("N {n}, rank {rank}"));
            }
        }
    }
}

/// The first draw's propensity is the stated probability, also where it is 1e-101.
#[test]
fn propensities() {
    for case in golden()["gaussian_sampling"].as_array().unwrap() {
        let n = number(case, "N") as usize;
        let population = Population::new(Arms::even(1, n).unwrap(), None).unwrap();
        let allotment = Allotment::Ranks { mean: number(case, "mu"), sd: number(case, "sigma") };
        for trial in 0..100 {
            let mut picks = Vec::new();
            let mut rng = Rng::at(2, Round(trial), Purpose::Sampler);
            Distinct
                .draw(&population, &allotment, 1, &mut rng, &mut Scratch::default(), &mut picks)
                .unwrap();
            let stated = case["p"][picks[0].sample.index()].as_f64().unwrap();
            assert!((picks[0].propensity / stated - 1.0).abs() < 1e-9);
        }
    }
}

#[test]
fn mean_rules() {
    let golden = golden();
    for case in golden["mu_update"].as_array().unwrap() {
        let (n, alpha, beta) = (number(case, "n"), number(case, "alpha"), number(case, "beta"));
        let (rule, score) = match case["formula"].as_str().unwrap() {
            "paper_reconstructed" => {
                (MeanRule::Paper { n, alpha, beta, gamma: number(case, "gamma") }, number(case, "C"))
            }
            "released_code" => {
                let (least, most) = (number(case, "adj_min"), number(case, "adj_max"));
                (MeanRule::Released { n, alpha, beta, least, most }, number(case, "angle"))
            }
            other => panic!("unknown rule {other}"),
        };
        let (mean, next) = (number(case, "mu"), number(case, "mu_next"));
        let moved = mean + rule.step(number(case, "acc"), score);
        assert!((moved - next).abs() < 1e-9 * next.abs().max(1.0), "{case}: {moved}");

        // The policy moves in the same way, and stays within the ranks.
        for ranks in [100_000, 500] {
            let population = Population::new(Arms::even(1, ranks).unwrap(), None).unwrap();
            let mut policy = Gaussian::new(rule, Spread::Ranks(1000.0)).start(mean);
            policy.prepare(&population).unwrap();
            let acc = number(case, "acc");
            let reward = Reward::new(ArmId(0), 32, score).success(acc);
            policy.learn(&population, &[reward]);
            let last = ranks as f64 - 1.0;
            let expected = (mean.clamp(0.0, last) + rule.step(acc, score)).clamp(0.0, last);
            assert!((policy.mean() - expected).abs() < 1e-9 * expected.max(1.0));
        }
    }
}
