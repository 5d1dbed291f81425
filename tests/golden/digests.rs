//! Digests of whole runs, one after each round, in a file that the Python package is held to as well.
//!
//! `tests/data/digests.json` says of each run how it is built and what its digests are. What is reported is a function
//! of the sample and the ticket, in numbers that `f32` has exactly. To make the digests anew after a change of the
//! decision stream, take over the file that the failing test names.

use curricle::{
    AnyCurriculum, Config, Curriculum, Draw, Feedback, Outcome, Policy, Sampler, Signal, Ticket,
};
use serde_json::{Value, json};

/// What comes back of a draw; nothing of every seventeenth.
fn outcome(draw: &Draw) -> Option<Feedback> {
    let sample = draw.sample.0;
    if draw.ticket.0.is_multiple_of(17) {
        return None;
    }
    let success = ((sample * 37 + 11) % 9) as f32 / 8.0;
    let outcome = Outcome::default()
        .success(success)
        .loss(0.25 + (sample * 7 % 16) as f32 / 16.0)
        .abs_advantage(2.0 * success * (1.0 - success))
        .spread(success * (1.0 - success))
        .utility(1.0 - success)
        .cost(1.0 + (sample % 5) as f32)
        .rollouts(8);
    Some(Feedback::new(draw.ticket, outcome))
}

/// The digest after each round: a round is reported when `lag` further ones are drawn, its lost tickets given up.
fn digests<P: Policy, S: Signal, D: Sampler>(
    mut curriculum: Curriculum<P, S, D>,
    rounds: u64,
    n: usize,
) -> Vec<Value> {
    let mut open = Vec::new();
    let lag = curriculum.lag() as usize;
    let round = |_| {
        open.push(curriculum.draw(n).unwrap());
        if open.len() > lag {
            let batch = open.remove(0);
            let (lost, seen): (Vec<&Draw>, _) =
                batch.draws.iter().partition(|it| outcome(it).is_none());
            let seen: Vec<Feedback> = seen.into_iter().filter_map(outcome).collect();
            let lost: Vec<Ticket> = lost.into_iter().map(|draw| draw.ticket).collect();
            curriculum.observe(&seen).unwrap();
            curriculum.lose(&lost).unwrap();
        }
        Value::from(format!("{:016x}", curriculum.digest()))
    };
    (0..rounds).map(round).collect()
}

/// How a run of the file is built: blocks of consecutive samples as arms.
fn built(run: &Value) -> AnyCurriculum {
    let (samples, arms) = (run["samples"].as_u64().unwrap(), run["arms"].as_u64().unwrap());
    let config = Config::from_json(&run["config"].to_string()).unwrap();
    let builder = config.builder(samples as usize);
    builder.arms(arms as u32, |sample| (sample.0 * arms / samples) as u32).build().unwrap()
}

#[test]
fn digests_of_runs() {
    let runs: Vec<Value> = serde_json::from_str(include_str!("../data/digests.json")).unwrap();
    let mut found = runs.clone();
    for run in &mut found {
        let (rounds, batch) = (run["rounds"].as_u64().unwrap(), run["batch"].as_u64().unwrap());
        run["digests"] = json!(digests(built(run), rounds, batch as usize));
    }
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/digests.json");
    if found != runs {
        std::fs::write(path, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
    }
    let changed = runs.iter().zip(&found).filter(|(run, found)| run != found);
    let changed: Vec<&Value> = changed.map(|(run, _)| &run["name"]).collect();
    assert!(changed.is_empty(), "{changed:?}; the digests that were found are in {path}");
    // Two runs of one stream would be one code path twice; the first batches may well be alike.
    let ends: std::collections::BTreeSet<String> = runs
        .iter()
        .map(|run| run["digests"].as_array().and_then(|all| all.last()).unwrap().to_string())
        .collect();
    assert_eq!(ends.len(), runs.len());
}

/// A preset of a configuration is that of the builder.
#[test]
fn presets() {
    let runs: Vec<Value> = serde_json::from_str(include_str!("../data/digests.json")).unwrap();
    let of = |name: &str| runs.iter().find(|run| run["preset"] == name).unwrap();
    let builder = |run: &Value| {
        let (samples, arms) = (run["samples"].as_u64().unwrap(), run["arms"].as_u64().unwrap());
        let builder =
            Curriculum::builder(samples as usize).seed(run["config"]["seed"].as_u64().unwrap());
        builder.arms(arms as u32, move |sample| (sample.0 * arms / samples) as u32)
    };
    macro_rules! check {
        ($($name:ident)*) => {$({
            let run = of(stringify!($name));
            let (rounds, batch) = (run["rounds"].as_u64().unwrap(), run["batch"].as_u64().unwrap());
            let curriculum = builder(run).$name().build().unwrap();
            assert_eq!(run["digests"], json!(digests(curriculum, rounds, batch as usize)), stringify!($name));
        })*};
    }
    check! { post_training learnable_arms single_draws mixture prompts }
}
