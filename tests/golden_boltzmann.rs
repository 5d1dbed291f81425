//! Boltzmann-TD against runs of an independent implementation on the same reward bits.

use curricle::policy::{Allotment, Boltzmann, Bounded, Clock, Policy, Prior, Reward, Turn};
use curricle::{ArmId, Arms, Population, Purpose, Rng, Round};
use serde_json::Value;

fn fixture() -> Value {
    serde_json::from_str(include_str!("data/boltzmann.json")).unwrap()
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
    let mut allotment = Allotment::default();
    let mut rng = Rng::at(0, Round(round), Purpose::Policy);
    policy.allot(&Turn::new(Round(round), 1, population), &mut rng, &mut allotment).unwrap();
    match allotment {
        Allotment::Arms(p) => p,
        other => panic!("{other:?}"),
    }
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
    assert_eq!(cases.len(), 3);
    for (name, case) in cases {
        let alpha = if name.contains("alpha=0.1") { 0.1 } else { 0.5 };
        let clock = if name.contains("decay_unsampled=True") { Clock::Decay } else { Clock::Keep };
        let population = three_arms();
        let mut policy = Boltzmann::new().alpha(alpha).temperature(0.2).start(0.0).clock(clock);
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

/// 5000 pulls whose arms are chosen with a stored stream of uniform numbers.
#[test]
fn replayed_actions() {
    let fixture = fixture();
    let rewards = rewards(&fixture);
    let uniforms = numbers(&fixture["uniforms"]);
    let cases = fixture["stochastic_policies"].as_object().unwrap();
    assert_eq!(cases.len(), 3);
    for (name, case) in cases {
        let parameter = |key: &str| case["params"][key].as_f64().unwrap_or(0.0);
        let clock = if case["params"]["decay_unsampled"] == true { Clock::Decay } else { Clock::Keep };
        let boltzmann = Boltzmann::new()
            .alpha(parameter("alpha"))
            .temperature(parameter("tau"))
            .start(parameter("q0"))
            .clock(clock);
        let mut policy = Bounded::new(boltzmann).floor(parameter("eps"), Prior::Uniform);
        let population = three_arms();
        policy.prepare(&population).unwrap();
        let mut actions = String::new();
        let mut pulls = [0.0; 3];
        let mut last = Vec::new();
        for (pull, uniform) in uniforms.iter().enumerate() {
            last = probabilities(&policy, &population, pull as u64);
            let mut stacked = 0.0;
            let arm = last.iter().position(|p| {
                stacked += p;
                *uniform < stacked
            });
            let arm = arm.unwrap_or(2);
            actions.push_str(&arm.to_string());
            pulls[arm] += 1.0;
            policy.learn(&population, &[Reward::new(ArmId(arm as u32), 1, rewards[arm][pull])]);
        }
        assert_eq!(&actions[..200], case["first_200_actions"].as_str().unwrap(), "{name}");
        assert_eq!(pulls.to_vec(), numbers(&case["pulls"]), "{name}");
        close(name, policy.inner().values(), &numbers(&case["final_state"]), 1e-9);
        close(name, &last, &numbers(&case["last_p"]), 1e-9);
    }
}
