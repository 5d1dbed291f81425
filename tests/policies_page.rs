//! The table of POLICIES.md is the recorded one, and what the page and the README promise of the default
//! preset holds in it.

use std::collections::BTreeMap;

const PAGE: &str = include_str!("../POLICIES.md");
const RECORD: &str = include_str!("../benches/record/2026-11-27-epyc-2core-curricula.csv");
const SCENARIOS: [&str; 5] = ["chain", "grid", "noisy", "flat", "graph"];
const DEFAULT: &str = "gated, Boltzmann, floor 0.1 (default)";

/// Median steps, by curriculum and scenario; none where the target was not reached.
fn medians() -> BTreeMap<(String, String), Option<f64>> {
    let lines = RECORD.lines().filter(|line| line.starts_with('"'));
    lines
        .map(|line| {
            let (name, rest) = line[1..].split_once("\",").unwrap();
            let fields: Vec<&str> = rest.split(',').collect();
            ((name.to_string(), fields[0].to_string()), fields[5].parse().ok())
        })
        .collect()
}

fn of(name: &str, scenario: &str) -> f64 {
    medians()[&(name.to_string(), scenario.to_string())].unwrap()
}

#[test]
fn the_page_shows_the_record() {
    let medians = medians();
    assert_eq!(medians.len() % SCENARIOS.len(), 0);
    assert!(medians.len() >= 40 * SCENARIOS.len(), "{}", medians.len());
    for ((name, scenario), steps) in &medians {
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| {name} |")));
        let row = row.unwrap_or_else(|| panic!("the page lacks {name}"));
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let cell = cells[2 + SCENARIOS.iter().position(|known| known == scenario).unwrap()];
        match steps {
            Some(steps) => assert_eq!(cell, format!("{steps:.0}"), "{name}, {scenario}"),
            None => assert!(cell.starts_with("never"), "{name}, {scenario}: {cell}"),
        }
    }
}

/// What the page and the README say of the recorded run. That the preset of today does the same is for
/// the tests of the simulator to say.
#[test]
fn the_record_bears_out_what_is_said_of_the_default_preset() {
    let oracle = |scenario| of("oracle, gain", scenario);
    for scenario in SCENARIOS {
        assert!(of(DEFAULT, scenario) < of("uniform", scenario), "{scenario}");
    }
    assert!(of(DEFAULT, "chain") <= 1.1 * oracle("chain"));
    assert!(of(DEFAULT, "grid") <= 1.1 * oracle("grid"));
    assert!(of(DEFAULT, "noisy") <= 1.35 * oracle("noisy"));
}
