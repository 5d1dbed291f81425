//! The tables of POLICIES.md are the recorded ones, and what the page and the README promise of the default
//! preset holds in them.

use std::collections::BTreeMap;

const PAGE: &str = include_str!("../../POLICIES.md");
const RECORD: &str = include_str!("../../benches/record/2026-11-28-epyc-2core-curricula.csv");
const WORLDS: &str = include_str!("../../benches/record/2026-11-28-epyc-2core-worlds.csv");
const SCENARIOS: [&str; 5] = ["chain", "grid", "noisy", "flat", "graph"];

/// What stands between the marks of a name.
fn part(name: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("<!-- {name}: begin -->\n")).unwrap();
    rest.split_once(&format!("<!-- {name}: end -->")).unwrap().0
}

/// The cells of the row of a table that starts with these.
fn row(part: &'static str, start: &str) -> Vec<&'static str> {
    let found = part.lines().find(|line| line.starts_with(&format!("| {start} |")));
    let found = found.unwrap_or_else(|| panic!("the page lacks {start}"));
    found.split('|').map(str::trim).collect()
}

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
fn the_page_shows_the_record_of_the_scenarios() {
    let medians = medians();
    assert_eq!(medians.len() % SCENARIOS.len(), 0);
    assert!(medians.len() >= 40 * SCENARIOS.len(), "{}", medians.len());
    for ((name, scenario), steps) in &medians {
        let cells = row(part("table"), name);
        let cell = cells[2 + SCENARIOS.iter().position(|known| known == scenario).unwrap()];
        match steps {
            Some(steps) => assert_eq!(cell, format!("{steps:.0}"), "{name}, {scenario}"),
            None => assert!(cell.starts_with("never"), "{name}, {scenario}: {cell}"),
        }
    }
}

/// What the page says of the recorded run. That the preset of today does the same is for the tests of the
/// simulator to say.
#[test]
fn the_record_bears_out_what_is_said_of_the_scenarios() {
    for scenario in ["chain", "grid", "noisy", "graph"] {
        assert!(of("default", scenario) < of("uniform", scenario), "{scenario}");
        // What was traded.
        assert!(of("default", scenario) > of("gated sharp Boltzmann", scenario), "{scenario}");
    }
    assert!(of("default", "flat") > of("uniform", "flat"));
    let oracle = |scenario| of("oracle, gain", scenario);
    assert!(of("gated sharp Boltzmann", "chain") <= 1.1 * oracle("chain"));
    assert!(of("gated sharp Boltzmann", "grid") <= 1.1 * oracle("grid"));
}

/// The median of a row in a world at a level; infinite where it is never reached.
struct Ratio {
    row: &'static str,
    groups: &'static str,
    world: &'static str,
    has_order: bool,
    median: f64,
}

fn ratios() -> Vec<Ratio> {
    let parsed = |line: &'static str| {
        let (row, rest) = line.strip_prefix('"')?.split_once("\",")?;
        let (groups, rest) = rest.split_once(",\"")?;
        let (world, rest) = rest.split_once("\",")?;
        let fields: Vec<&str> = rest.split(',').collect();
        let median = match *fields.get(5)? {
            "never" => f64::INFINITY,
            number => number.parse().ok()?,
        };
        let has_order = fields[0] == "true";
        (groups != "capture").then_some(Ratio { row, groups, world, has_order, median })
    };
    WORLDS.lines().filter_map(parsed).collect()
}

/// Every score of the page is computed anew.
#[test]
fn the_page_shows_the_record_of_the_worlds() {
    let ratios = ratios();
    let mut rows: Vec<(&str, &str)> = ratios.iter().map(|ratio| (ratio.row, ratio.groups)).collect();
    rows.sort_unstable();
    rows.dedup();
    assert!(rows.len() >= 15, "{}", rows.len());
    for (name, groups) in rows {
        let of = || ratios.iter().filter(move |ratio| (ratio.row, ratio.groups) == (name, groups));
        let mut worlds: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        of().for_each(|ratio| worlds.entry(ratio.world).or_default().push(ratio.median));
        worlds.values_mut().for_each(|levels| levels.sort_unstable_by(f64::total_cmp));
        assert!(worlds.values().all(|levels| levels.len() == 3));
        let has_order: BTreeMap<&str, bool> =
            of().map(|ratio| (ratio.world, ratio.has_order)).collect();
        let lost = worlds.values().filter(|levels| levels[2] > 1.05).count();
        let ordered = worlds.iter().filter(|(world, _)| has_order[*world]);
        let won = ordered.clone().filter(|(_, levels)| levels[1] <= 2.0 / 3.0).count();
        let worst = of().map(|ratio| ratio.median).fold(0.0, f64::max);
        let worst = if worst.is_finite() { format!("{worst:.2}") } else { "never".to_string() };
        let cells = row(part("scores"), &format!("{name} | {groups}"));
        assert_eq!(cells[3], worst, "{name}, {groups}");
        assert_eq!(cells[5], format!("{lost} of {}", worlds.len()), "{name}, {groups}");
        assert_eq!(cells[6], format!("{won} of {}", ordered.count()), "{name}, {groups}");
    }
    let ours = ratios.iter().filter(|ratio| (ratio.row, ratio.groups) == ("default", "dropped"));
    let mut levels: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    ours.for_each(|of| levels.entry(of.world).or_default().push(format!("{:.2}", of.median)));
    for line in part("worlds").lines().skip(2) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let world = cells[1].trim_end_matches(" \\*");
        assert_eq!(cells[8..11], levels[world], "{world}");
    }
    assert_eq!(part("worlds").lines().count(), levels.len() + 2);
}
