//! Policies against runs of an independent implementation on the same reward bits.

use curricle::policy::{
    Allotment, Boltzmann, Bound, Bounded, Detector, Exp3, Forgetting, Policy, Prior, Restart, Reward,
    Scope, Turn, Ucb, Unsampled, Update,
};
use curricle::{ArmId, Arms, Population, Purpose, Rng, Round};
use serde_json::Value;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../data/bandits.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn close(what: &str, found: &[f64], stated: &[f64], tolerance: f64) {
    for (found, stated) in found.iter().zip(stated) {
        assert!(
            (found - stated).abs() <= tolerance * stated.abs().max(1e-300),
            "{what}: {found} {stated}"
        );
    }
    assert_eq!(found.len(), stated.len(), "{what}");
}

fn three_arms() -> Population {
    Population::new(Arms::even(3, 3).unwrap(), None).unwrap()
}

fn probabilities(policy: &impl Policy, population: &Population, round: u64) -> Vec<f64> {
    let tried = |seed| {
        let mut allotment = Allotment::default();
        let mut rng = Rng::at(seed, Round(round), Purpose::Policy);
        policy.allot(&Turn::new(Round(round), 1, population), &mut rng, &mut allotment).unwrap();
        match allotment {
            Allotment::Arms(p) => p,
            other => panic!("{other:?}"),
        }
    };
    // The other implementation takes the lowest of equal arms, ours any: of many tries one is the
    // lowest.
    let arm = |p: &Vec<f64>| p.iter().position(|share| *share > 0.0);
    (0..60).map(tried).min_by_key(arm).unwrap()
}

fn rewards(fixture: &Value) -> Vec<Vec<f64>> {
    let arms = fixture["rewards"].as_array().unwrap();
    let bits = |arm: &Value| arm.as_str().unwrap().bytes().map(|bit| f64::from(bit - b'0')).collect();
    arms.iter().map(bits).collect()
}

/// 300 pulls, arm after arm: the values and the probabilities at temperature 0.2.
#[test]
fn values_after_cyclic_pulls() {
    let fixture = fixture();
    let rewards = rewards(&fixture);
    let cases = fixture["policies"].as_object().unwrap();
    let cases: Vec<_> = cases.iter().filter(|(name, _)| name.contains("cyclic")).collect();
    assert_eq!(cases.len(), 3);
    for (name, case) in cases {
        let alpha = if name.contains("alpha=0.1") { 0.1 } else { 0.5 };
        let clock =
            if name.contains("decay_unsampled=True") { Unsampled::Decay } else { Unsampled::Keep };
        let population = three_arms();
        let mut policy = Boltzmann::new().alpha(alpha).temperature(0.2).start(0.0).unsampled(clock);
        policy.prepare(&population).unwrap();
        for (pull, arm) in (0..300).zip([0, 1, 2].into_iter().cycle()) {
            policy.learn(&population, &[Reward::new(ArmId(arm as u32), 1, rewards[arm][pull])]);
        }
        close(name, policy.values(), &numbers(&case["Q"]), 1e-12);
        close(
            name,
            &probabilities(&policy, &population, 300),
            &numbers(&case["softmax_tau_0p2"]),
            1e-12,
        );
    }
}

/// Runs a policy on the stored rewards, one pull a round. The arm of round `t` is the first whose stacked
/// probability exceeds `uniforms[t]`.
fn replay(policy: &mut impl Policy, fixture: &Value, value: impl Fn(f64) -> f64) -> (String, Vec<f64>) {
    let rewards = rewards(fixture);
    let uniforms = numbers(&fixture["uniforms"]);
    let population = three_arms();
    policy.prepare(&population).unwrap();
    let mut actions = String::new();
    let mut last = Vec::new();
    for (pull, uniform) in uniforms.iter().enumerate() {
        last = probabilities(policy, &population, pull as u64);
        let mut stacked = 0.0;
        let arm = last.iter().position(|p| {
            stacked += p;
            *uniform < stacked
        });
        let arm = arm.unwrap_or(2);
        actions.push_str(&arm.to_string());
        let reward = Reward::new(ArmId(arm as u32), 1, value(rewards[arm][pull]));
        policy.learn(&population, &[reward.share(last[arm])]);
    }
    (actions, last)
}

fn pulls(actions: &str) -> Vec<f64> {
    ["0", "1", "2"].iter().map(|arm| actions.matches(arm).count() as f64).collect()
}

/// 5000 pulls of policies that leave nothing to chance.
#[test]
fn deterministic_policies() {
    let fixture = fixture();
    let root = |square: f64| square.sqrt();
    let glr = |case: &Value, local: bool, kl: bool, grid: u32| {
        let parameter = numbers(&case["params"]);
        let bound = if kl { Bound::Entropy(3.0) } else { Bound::Hoeffding(root(0.5)) };
        let detector = Detector::Glr { delta: parameter[0], every: 10, grid };
        let scope = if local { Scope::Local } else { Scope::Global };
        Restart::new(Ucb::new(bound, Forgetting::Never), detector, scope).explore(parameter[1])
    };
    let cases = &fixture["policies"];
    let check = |name: &str, actions: String| {
        let case = &cases[name];
        assert_eq!(&actions[..100], case["first_100_actions"].as_str().unwrap(), "{name}");
        assert_eq!(&actions[1000..1100], case["actions_1000_1100"].as_str().unwrap(), "{name}");
        assert_eq!(pulls(&actions), numbers(&case["pulls"]), "{name}");
        let rewards = rewards(&fixture);
        let earned: f64 =
            actions.bytes().enumerate().map(|(t, arm)| rewards[(arm - b'0') as usize][t]).sum();
        assert_eq!(earned, case["reward_sum"].as_f64().unwrap(), "{name}");
    };
    let plain = |mut policy: Ucb| replay(&mut policy, &fixture, |x| x).0;
    let forever = Ucb::new(Bound::Hoeffding(root(2.0)), Forgetting::Never);
    check("ucb c=sqrt(2)", plain(forever));
    check("ducb gamma=0.99 c=sqrt(0.5)", plain(Ucb::discounted(0.99).width(root(0.5))));
    check("ducb gamma=0.995 c=0.3", plain(Ucb::discounted(0.995)));
    check("swucb tau=200 c=sqrt(0.6)", plain(Ucb::sliding_window(200).width(root(0.6))));
    check("swucb tau=500 c=0.3", plain(Ucb::sliding_window(500)));
    for (name, local, kl, grid) in [
        ("glr-ucb local dn=10 ds=10", true, false, 10),
        ("glr-ucb global dn=10 ds=10", false, false, 10),
        ("glr-klucb local dn=10 ds=1", true, true, 1),
    ] {
        let mut policy = glr(&cases[name], local, kl, grid);
        check(name, replay(&mut policy, &fixture, |x| x).0);
    }
    let deterministic = cases.as_object().unwrap().keys().filter(|name| !name.contains("cyclic"));
    assert_eq!(deterministic.count(), 8);
}

fn check_random(name: &str, case: &Value, (actions, last): &(String, Vec<f64>), state: &[f64]) {
    assert_eq!(&actions[..200], case["first_200_actions"].as_str().unwrap(), "{name}");
    assert_eq!(pulls(actions), numbers(&case["pulls"]), "{name}");
    close(name, last, &numbers(&case["last_p"]), 1e-9);
    close(name, state, &numbers(&case["final_state"]), 1e-9);
}

/// 5000 pulls whose arms are chosen with a stored stream of uniform numbers.
#[test]
fn randomised_policies() {
    let fixture = fixture();
    let cases = fixture["stochastic_policies"].as_object().unwrap();
    assert_eq!(cases.len(), 7);
    for (name, case) in cases {
        let parameter = |key: &str| case["params"][key].as_f64().unwrap_or(0.0);
        if name.starts_with("boltzmann") {
            let clock = if case["params"]["decay_unsampled"] == true {
                Unsampled::Decay
            } else {
                Unsampled::Keep
            };
            let boltzmann = Boltzmann::new()
                .alpha(parameter("alpha"))
                .temperature(parameter("tau"))
                .start(parameter("q0"))
                .unsampled(clock);
            let mut policy = Bounded::new(boltzmann).floor(parameter("eps"), Prior::Uniform);
            let replayed = replay(&mut policy, &fixture, |x| x);
            check_random(name, case, &replayed, policy.inner().values());
            continue;
        }
        let (update, value): (_, fn(f64) -> f64) = match name.as_str() {
            "exp3.s" => (Update::Auer { gamma: parameter("gamma"), share: parameter("alpha") }, |x| x),
            "exp3-ix + fixed share" => {
                let (eta, gamma, share) = (parameter("eta"), parameter("gamma"), parameter("share"));
                (Update::ImplicitExploration { eta, gamma, share }, |x| x)
            }
            _ => {
                let share = case["params"]["alpha"].as_f64();
                let (eta, epsilon) = (parameter("eta"), parameter("eps"));
                (Update::Graves { eta, epsilon, share }, |x| 2.0 * x - 1.0)
            }
        };
        let mut policy = Exp3::new(update);
        let replayed = replay(&mut policy, &fixture, value);
        let state: Vec<f64> = match update {
            Update::ImplicitExploration { .. } => policy.weights().to_vec(),
            _ => policy.weights().iter().map(|weight| libm::log(*weight)).collect(),
        };
        if let Update::ImplicitExploration { .. } = update {
            // Losses of an improbable arm push it further down, and the smaller it is the further: the
            // rounding of one operation grows until, after some thousand rounds, it flips a choice. No
            // two orders of the operations agree to the end, so only the beginning is compared.
            assert_eq!(&replayed.0[..200], case["first_200_actions"].as_str().unwrap(), "{name}");
            for (found, stated) in pulls(&replayed.0).iter().zip(numbers(&case["pulls"])) {
                assert!((found - stated).abs() <= 0.05 * stated, "{name}: {found} pulls, {stated}");
            }
        } else {
            check_random(name, case, &replayed, &state);
        }
    }
}
