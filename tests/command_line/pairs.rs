//! `curricle score pairs`, against the library and numbers worked out by hand.

use curricle::route::PreferenceBands;
use curricle::table::{Column, Table};

use crate::rows::{Field, done, refused, write_jsonl, write_parquet};

fn numbers(values: &[f64]) -> Column {
    Column::Number(values.iter().copied().map(Some).collect())
}

#[test]
fn strengths_and_treatments_are_those_of_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rewards = |salt: usize| -> Vec<Vec<f64>> {
        (0..50)
            .map(|row| (0..4).map(|model| ((row * 37 + model * 11 + salt) % 23) as f64 / 7.0).collect())
            .collect()
    };
    let (chosen, rejected) = (rewards(13), rewards(0));
    let fields = [("c", Field::Lists(chosen.clone())), ("r", Field::Lists(rejected.clone()))];
    write_jsonl(&folder.join("in.jsonl"), &fields);
    write_parquet(&folder.join("in.parquet"), &fields);
    let base = "score pairs --chosen-scores c --rejected-scores r --bands 0.3,0.5,0.8";
    let said = done(folder, &format!("{base} --in in.jsonl --out lines.parquet"));
    done(folder, &format!("{base} --in in.parquet --out rows.csv"));
    let table = Table::read_parquet(folder.join("lines.parquet")).unwrap();
    assert_eq!(table, Table::read_csv(folder.join("rows.csv")).unwrap());
    let expected = PreferenceBands { bands: [0.3, 0.5, 0.8] }.route(&chosen, &rejected).unwrap();
    assert_eq!(table.get("strength"), Some(&numbers(&expected.mean)));
    assert_eq!(table.get("deviation"), Some(&numbers(&expected.std)));
    assert_eq!(table.get("margin"), Some(&numbers(&expected.margin)));
    assert_eq!(table.get("difficulty"), None);
    let flags = |names: &[&str]| {
        let is: Vec<bool> =
            expected.treatment.iter().map(|treatment| names.contains(&treatment.name())).collect();
        (is.iter().filter(|is| **is).count(), Column::Flag(is))
    };
    let (flipped, flip) = flags(&["flip"]);
    let (softened, soften) = flags(&["soften", "soften_margin"]);
    assert!(flipped > 0 && flipped < 15 && softened > 20, "{flipped} {softened}");
    assert_eq!((table.get("flip"), table.get("soften")), (Some(&flip), Some(&soften)));
    assert!(said.contains(&format!("{flipped} flip, 15 margin, ")), "{said}");
}

/// Four pairs and one reward model: flipped, softened, with a margin, and both; the reference ranks two of them
/// right.
#[test]
fn what_is_done_with_pairs_and_how_hard_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rows = [
        r#"{"c": 3.0, "r": 1.0, "pc": [-4.0, -1.0], "pr": [-2.0, -1.5]}"#,
        r#"{"c": 1.0, "r": 0.0, "pc": -3.0, "pr": -3.0}"#,
        r#"{"c": 1.0, "r": 2.5, "pc": -1.0, "pr": [-2.0, -7.0]}"#,
        r#"{"c": 0.5, "r": 0.25, "pc": -8.0, "pr": -7.5}"#,
    ];
    std::fs::write(folder.join("in.jsonl"), rows.join("\n")).unwrap();
    let base = "score pairs --in in.jsonl --chosen-scores c --rejected-scores r --out out.csv";
    let said =
        done(folder, &format!("{base} --bands 0.25,0.5,0.75 --chosen-logp pc --rejected-logp pr"));
    let table = Table::read_csv(folder.join("out.csv")).unwrap();
    let names: Vec<&str> = table.columns().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["strength", "deviation", "flip", "soften", "with_margin", "margin", "difficulty"]
    );
    assert_eq!(table.get("strength"), Some(&numbers(&[2.0, 1.0, -1.5, 0.25])));
    assert_eq!(table.get("deviation"), Some(&numbers(&[0.0; 4])));
    assert_eq!(table.get("flip"), Some(&Column::Flag(vec![false, false, true, false])));
    assert_eq!(table.get("soften"), Some(&Column::Flag(vec![true, false, false, true])));
    assert_eq!(table.get("with_margin"), Some(&Column::Flag(vec![true, true, false, false])));
    assert_eq!(table.get("margin"), Some(&numbers(&[2.0, 1.0, 1.5, 0.0])));
    assert_eq!(table.get("difficulty"), Some(&numbers(&[1.5, 0.0, -8.0, 0.5])));
    assert_eq!(said, "1 flip, 1 margin, 1 soften, 1 soften_margin; the reference ranks 2 of 4 right\n");
}

/// Equal pairs on both sides of a band are not alike in the table: that is said, and how many they are.
#[test]
fn pairs_that_only_their_order_tells_apart_are_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rows = |strengths: &[f64]| -> String {
        strengths.iter().map(|strength| format!("{{\"c\": {strength}, \"r\": 0}}\n")).collect()
    };
    let base = "score pairs --in in.jsonl --chosen-scores c --rejected-scores r --out out.csv --bands";
    std::fs::write(folder.join("in.jsonl"), rows(&[1.0, 0.5, 1.0, 1.0, 2.0])).unwrap();
    let said = done(folder, &format!("{base} 0,0.4,1"));
    let (_, torn) = said.split_once('\n').unwrap();
    let end = "stand on both sides of a band: which is treated how goes by their order in the files\n";
    assert_eq!(torn, format!("3 pairs of the same strength 1 {end}"));
    let said = done(folder, &format!("{base} 0,0.2,0.8"));
    assert!(!said.contains("both sides"), "{said}");
}

#[test]
fn bad_pairs_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let base = "score pairs --in in.jsonl --chosen-scores c --rejected-scores r --out out.parquet";
    let logps = "--chosen-logp pc --rejected-logp pr";
    let good = r#"{"c": [1, 2], "r": [0, 0], "pc": -1, "pr": -2}"#;
    for (row, more, says) in [
        (r#"{"c": [1, 2]}"#, "", "`r` has no value"),
        (r#"{"c": [1, 2], "r": [0]}"#, "", "rejected: expected 2 elements, found 1"),
        (r#"{"c": [1], "r": [0]}"#, "", "rewards by 1 models, before it by 2"),
        (r#"{"c": [1, null], "r": [0, 0]}"#, "", "`c` is no list of numbers"),
        (r#"{"c": [1, "2"], "r": [0, 0]}"#, "", "`c` is no list of numbers"),
        (r#"{"c": [1, 2], "r": {"a": 0}}"#, "", "`r` is no number, and no list of numbers"),
        (r#"{"c": [1, 2], "r": [0, 1e400]}"#, "", "number out of range"),
        (r#"{"c": [1e308, 2], "r": [-1e308, 0]}"#, "", "mean difference of 0 is not finite: inf"),
        (r#"{"c": [1, 2], "r": [0, 0], "pc": 0.5, "pr": -2}"#, logps, "ref_chosen is 0.5"),
        (r#"{"c": [1, 2], "r": [0, 0], "pc": -1, "pr": []}"#, logps, "is empty"),
        (r#"{"c": [1, 2], "r": [0, 0], "pc": -1}"#, logps, "`pr` has no value"),
    ] {
        std::fs::write(folder.join("in.jsonl"), format!("{good}\n{row}\n{good}\n")).unwrap();
        refused(folder, &format!("{base} {more}"), says);
        refused(folder, &format!("{base} {more}"), "in.jsonl: line 2: ");
    }
    std::fs::write(folder.join("in.jsonl"), "").unwrap();
    refused(folder, base, "there is no row");
    std::fs::write(folder.join("in.jsonl"), good).unwrap();
    refused(folder, &format!("{base} --bands 0.5,0.6"), "three bands are needed");
    refused(folder, &format!("{base} --chosen-logp pc"), "--rejected-logp");
}
