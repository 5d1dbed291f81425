//! Curricula on the simulated learner.

use std::path::Path;
use std::process::{Command, Output};

use curricle::policy::{Boltzmann, Bounded, Prior};
use curricle::signal::MeanAdvantage;
use curricle::simulator::{Options, Scenario, curriculum, simulate};

const CONFIG: &str = "
    signal = 'mean_advantage'
    sampler = 'systematic'
    policy.bounded = { inner = { boltzmann = { temperature = 0.1, start = 0.0 } }, floor = { epsilon = 0.1, prior = 'uniform' } }";

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_curricle"));
    command.arg("simulate").args(arguments).current_dir(folder).output().unwrap()
}

#[track_caller]
fn refused(folder: &Path, arguments: &[&str], code: i32, words: &[&str]) {
    let output = run(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
}

/// The numbers are those of the library for the same curriculum, seed by seed, and so are those of uniform sampling.
#[test]
fn the_steps_are_those_of_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("sec.toml"), CONFIG).unwrap();
    let (seeds, options) = (3, Options { cap: 1500, ..Options::default() });
    for scenario in Scenario::ALL {
        let given =
            ["sec.toml", "--scenario", scenario.name(), "--seeds", "3", "--steps", "1500", "--json"];
        let output = run(folder, &given);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        for seed in 1..=seeds {
            let mut uniform = curriculum(&scenario, seed, &options).build().unwrap();
            let sec = Bounded::new(Boltzmann::new().temperature(0.1).start(0.0));
            let sec = curriculum(&scenario, seed, &options).policy(sec.floor(0.1, Prior::Uniform));
            let mut sec = sec.signal(MeanAdvantage).build().unwrap();
            let steps = [
                simulate(&mut sec, &scenario, seed, &options).unwrap().steps,
                simulate(&mut uniform, &scenario, seed, &options).unwrap().steps,
            ];
            for (name, steps) in ["configured", "uniform"].into_iter().zip(steps) {
                let said = &found["courses"][name]["steps"][seed as usize - 1];
                assert_eq!(*said, serde_json::json!(steps), "{name}, {scenario:?}, seed {seed}");
            }
        }
        let shares = found["courses"]["configured"]["shares"].as_array().unwrap();
        assert_eq!(shares.len(), 300);
        for row in shares {
            let row: Vec<f64> = row.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
            assert_eq!(row.len(), scenario.arms() as usize);
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}

/// A picture, and a table that says what the runs came to.
#[test]
fn a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("uniform.json"), "{}").unwrap();
    let output =
        run(folder, &["uniform.json", "--seeds", "2", "--steps", "100", "--out", "picture.svg"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let row = |name: &str| said.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(row("configured").contains("0/2") && row("uniform").contains("0/2"), "{said}");
    let picture = std::fs::read_to_string(folder.join("picture.svg")).unwrap();
    for word in ["</svg>", "grid", "configured", "uniform", "arm 8", "0 of 2 reach 0.8"] {
        assert!(picture.contains(word), "{word}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("good.toml", CONFIG);
    write("typo.toml", "policy.boltzmann.temprature = 0.1");
    write("length.toml", "policy.fixed.weights = [0.5, 0.5]");
    let worlds = ["chain", "grid", "noisy", "flat", "graph"];
    refused(folder, &["good.toml", "--scenario", "desert"], 2, &[&["desert"], &worlds[..]].concat());
    refused(folder, &["missing.toml"], 2, &["missing.toml"]);
    refused(folder, &["typo.toml"], 2, &["typo.toml", "policy.boltzmann"]);
    refused(folder, &["length.toml"], 2, &["length.toml", "expected 9", "found 2"]);
    refused(folder, &["good.toml", "--seeds", "0"], 2, &["--seeds"]);
    refused(folder, &["good.toml", "--out", "picture.png"], 2, &["picture.png", ".svg"]);
    refused(folder, &["good.toml", "--out", "no/picture.svg"], 1, &["no/picture.svg"]);
}
