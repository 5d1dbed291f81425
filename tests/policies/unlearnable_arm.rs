//! An arm of coin tosses scores highest on every measure of spread, and never gets better. With the
//! progress gate it must not capture the batch; without it, it does.

#![expect(clippy::disallowed_methods, reason = "the reference may use the host's functions")]

use crate::common::feedback;
use curricle::policy::{Boltzmann, Bounded, Prior};
use curricle::sampler::Systematic;
use curricle::signal::{Gated, MeanAdvantage, Signal};
use curricle::{Curriculum, Outcome, Purpose, Rng, Round};

const SKILLS: usize = 9;
const NOISE: usize = 9;
const IMPOSSIBLE: usize = 10;
const ROLLOUTS: u32 = 8;

/// Three chains of three logistic skills; each needs the one before it.
struct Learner {
    skills: [f64; SKILLS],
    rng: Rng,
}

impl Learner {
    fn mean(&self, arm: usize) -> f64 {
        let before = if arm.is_multiple_of(3) { 1.0 } else { self.mean(arm - 1) };
        1.0 / (1.0 + (-(self.skills[arm] - 2.0 * (1.0 - before))).exp())
    }

    /// The success rate of a group of rollouts of a problem of random difficulty.
    fn group(&mut self, arm: usize) -> f64 {
        let chance = match arm {
            NOISE => 0.5,
            IMPOSSIBLE => 0.0,
            arm => {
                let logit = (self.mean(arm) / (1.0 - self.mean(arm))).ln() - self.rng.normal();
                1.0 / (1.0 + (-logit).exp())
            }
        };
        let successes = (0..ROLLOUTS).filter(|_| self.rng.unit() < chance).count();
        successes as f64 / f64::from(ROLLOUTS)
    }

    /// A policy-gradient step on one group.
    fn learn(&mut self, arm: usize, success: f64) {
        if arm < SKILLS {
            let before = if arm.is_multiple_of(3) { 1.0 } else { self.mean(arm - 1) };
            self.skills[arm] += 0.2 / 64.0 * before * (success * (1.0 - success)).sqrt();
        }
    }
}

/// The mean share of the noise arm over 1000 steps, and the mean success of the skills at their end.
fn train<S: Signal>(signal: S, seed: u64) -> (f64, f64) {
    let mut curriculum = Curriculum::builder(11 * 200)
        .arms(11, |sample| (sample.0 / 200) as u32)
        .policy(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform))
        .signal(signal)
        .sampler(Systematic)
        .seed(seed)
        .build()
        .unwrap();
    let mut learner = Learner { skills: [-2.0; SKILLS], rng: Rng::at(seed, Round(0), Purpose::User) };
    let mut noise = 0.0;
    for _ in 0..1000 {
        let batch = curriculum.draw(64).unwrap();
        let groups: Vec<f64> = batch.draws.iter().map(|draw| learner.group(draw.arm.index())).collect();
        batch
            .draws
            .iter()
            .zip(&groups)
            .for_each(|(draw, &group)| learner.learn(draw.arm.index(), group));
        let reported = feedback(&batch, |place, _| {
            let success = groups[place];
            let advantage = 2.0 * (success * (1.0 - success)).sqrt();
            Outcome::default()
                .success(success as f32)
                .abs_advantage(advantage as f32)
                .rollouts(ROLLOUTS)
        });
        curriculum.observe(&reported).unwrap();
        noise += curriculum.shares()[NOISE] / 1000.0;
    }
    let mean = (0..SKILLS).map(|arm| learner.mean(arm)).sum::<f64>() / SKILLS as f64;
    (noise, mean)
}

#[test]
fn the_gate_keeps_the_noise_arm_in_its_place() {
    for seed in 1..=3 {
        let (noise, mean) = train(MeanAdvantage, seed);
        assert!(
            noise > 0.6 && mean < 0.5,
            "without the gate: share {noise:.2}, mean success {mean:.2}"
        );
        let (noise, mean) = train(Gated::new(MeanAdvantage), seed);
        assert!(noise < 0.25 && mean > 0.9, "with the gate: share {noise:.2}, mean success {mean:.2}");
    }
}
