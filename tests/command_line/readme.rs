//! The commands of the README, as they stand there.

use std::fmt::Write;

use crate::rows::done;

const README: &str = include_str!("../../README.md");

#[test]
fn the_commands_of_the_readme_do_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let text = "the quick brown fox jumps over the lazy dog and runs away";
    let [mut train, mut answers, mut pairs, mut outcomes, mut scores] =
        ["", "", "", "item,small,middle,large\n", "step,addition,reverse\n"].map(str::to_owned);
    for row in 0..20 {
        let (low, high) = (-f64::from(row % 7), -f64::from(row % 5) / 2.0);
        writeln!(train, "{{\"text\": \"{text} {row}\"}}\n{{\"text\": \"something else {row}\"}}")
            .unwrap();
        writeln!(answers, "{{\"policy\": [{high}, -1], \"reference\": [{low}, -2]}}").unwrap();
        writeln!(pairs, "{{\"chosen\": [{high}, 1], \"rejected\": [{low}, 0]}}").unwrap();
        writeln!(
            outcomes,
            "item-{row},{},{},{}",
            u8::from(row < 5),
            u8::from(row % 2 == 0),
            u8::from(row < 15)
        )
        .unwrap();
        writeln!(scores, "{},{},{}", row + 1, 1.0 - 1.0 / f64::from(row + 1), f64::from(row) / 20.0)
            .unwrap();
    }
    for (file, rows) in [
        ("train.jsonl", train),
        ("test.jsonl", format!("{{\"text\": \"{text}\"}}\n")),
        ("answers.jsonl", answers),
        ("pairs.jsonl", pairs),
        ("outcomes.csv", outcomes),
        ("evaluations.csv", scores),
    ] {
        std::fs::write(folder.join(file), rows).unwrap();
    }
    let (_, section) = README.split_once("## From the command line").unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let said: Vec<String> =
        block.lines().map(|line| done(folder, line.strip_prefix("curricle ").unwrap())).collect();
    assert!(
        said[0].starts_with("20 of 40 training texts to drop; 1 of 1 test texts flagged"),
        "{}",
        said[0]
    );
    assert!(said[2].contains("flip") && said[3].starts_with("4 of 20 items selected"), "{said:?}");
    for out in ["contaminated.parquet", "ratios.csv", "pairs.csv", "probes.csv", "monitor.html"] {
        assert!(std::fs::metadata(folder.join(out)).unwrap().len() > 100, "{out}");
    }
}
