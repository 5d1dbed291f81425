//! Digests of runs that other transports and languages are held to: `tests/data/ranks.json`, which says how they come
//! about.

use curricle::feed::ranks::{Exchange, Replicated};
use curricle::policy::{Boltzmann, Bounded, Prior};
use curricle::sampler::Replace;
use curricle::signal::MeanAdvantage;
use curricle::{Curriculum, Feed, Feedback, Gate, Outcome, Policy, Sampler, Signal};
use serde_json::Value;

use super::{SIZES, divided, on_ranks};

fn runs() -> Vec<Value> {
    let data: Value = serde_json::from_str(include_str!("../../data/ranks.json")).unwrap();
    data["runs"].as_array().unwrap().clone()
}

/// What is reported of a sample that was drawn in a round.
fn outcome(sample: u64, round: u64) -> Outcome {
    let success = ((7 * sample + 3 * round) % 5) as f32 / 4.0;
    Outcome::default().success(success).abs_advantage(success * (1.0 - success)).rollouts(8)
}

/// Goes through a run among ranks: the digests of all rounds, one list for each rank.
fn digests<P: Policy, S: Signal, D: Sampler>(
    run: &Value,
    size: usize,
    build: impl Fn(usize) -> Curriculum<P, S, D> + Sync,
) -> Vec<Vec<String>> {
    let wants = run["wants"].as_array().unwrap();
    on_ranks(size, |threads| {
        let rank = threads.rank();
        let mut feed = Replicated::new(build(run["samples"].as_u64().unwrap() as usize), threads);
        let of_round = |(round, total): (u64, &Value)| {
            let want = divided(total.as_u64().unwrap() as usize, size, 1, round)[rank];
            let batch = feed.draw(want).unwrap();
            let seen = |sample: u64| outcome(sample, batch.round.0);
            let all: Vec<Feedback> = batch
                .draws
                .iter()
                .map(|draw| Feedback::new(draw.ticket, seen(draw.sample.0)))
                .collect();
            feed.observe(&all).unwrap();
            format!("{:016x}", feed.replica().digest())
        };
        (0..).zip(wants).map(of_round).collect()
    })
}

fn stated(run: &Value) -> Vec<String> {
    let digests = run["digests"].as_array().unwrap();
    digests.iter().map(|digest| digest.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_digests_of_the_file() {
    for run in runs() {
        let number = |key: &str| run["config"][key].as_u64().unwrap();
        let (seed, lag) = (number("seed"), number("lag"));
        let build = |samples| {
            Curriculum::builder(samples)
                .arms(6, |sample| (sample.0 % 6) as u32)
                .policy(Bounded::new(Boltzmann::new().alpha(0.5)).floor(0.1, Prior::Uniform))
                .signal(MeanAdvantage)
                .sampler(Replace)
                .gate(Gate::band(0.2, 0.8))
                .seed(seed)
                .lag(lag)
                .build()
                .unwrap()
        };
        for size in SIZES {
            for found in digests(&run, size, build) {
                assert_eq!(found, stated(&run), "lag {lag}, {size} ranks");
            }
        }
    }
}

/// The configuration that stands in the file is that of the digests.
#[cfg(feature = "config")]
#[test]
fn the_configuration_of_the_file() {
    for run in runs() {
        let config = curricle::Config::from_json(&run["config"].to_string()).unwrap();
        let build =
            |samples| config.builder(samples).arms(6, |sample| (sample.0 % 6) as u32).build().unwrap();
        assert_eq!(digests(&run, 2, build), [stated(&run), stated(&run)]);
    }
}
