//! `curricle score logratio`, against the library and numbers worked out by hand.

use std::path::Path;

use curricle::gauge::{density_ratio, implicit_reward};
use curricle::table::{Column, Table};

use crate::rows::{Field, curricle, done, refused, write_jsonl, write_parquet};

fn strong() -> Vec<Vec<f64>> {
    (0..40).map(|row| (0..=row % 7).map(|at| -0.25 * (row + at) as f64 / 3.0).collect()).collect()
}

fn weak() -> Vec<Vec<f64>> {
    (0..40).map(|row| (0..=row % 7).map(|at| -0.1 * (row * at + 1) as f64).collect()).collect()
}

fn number(table: &Table, name: &str) -> Vec<f64> {
    match table.get(name) {
        Some(Column::Number(values)) => values.iter().map(|value| value.unwrap()).collect(),
        other => panic!("{name}: {other:?}"),
    }
}

/// Of lists: what the library says of all rows at once, from both kinds of file.
#[test]
fn log_ratios_of_lists_are_those_of_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let fields = [("new", Field::Lists(strong())), ("old", Field::Lists(weak()))];
    write_jsonl(&folder.join("in.jsonl"), &fields);
    write_parquet(&folder.join("in.parquet"), &fields);
    let base = "score logratio --strong new --weak old --per-token --beta 0.1 --model toy";
    done(folder, &format!("{base} --in in.jsonl --out lines.parquet"));
    done(folder, &format!("{base} --in in.parquet --out rows.csv"));
    let table = Table::read_parquet(folder.join("lines.parquet")).unwrap();
    assert_eq!(table, Table::read_csv(folder.join("rows.csv")).unwrap());
    let names: Vec<&str> = table.columns().map(|(name, _)| name).collect();
    assert_eq!(names, ["log_ratio", "per_token", "reward", "tokens"]);
    assert_eq!(table.samples(), (0..40).collect::<Vec<u64>>());
    assert_eq!((table.made_by().signal.as_str(), table.made_by().model.as_str()), ("log-ratio", "toy"));
    let expected = density_ratio(&strong(), &weak(), true).unwrap();
    assert_eq!(number(&table, "log_ratio"), expected.log_ratio);
    assert_eq!(number(&table, "per_token"), expected.score);
    assert_eq!(
        number(&table, "reward"),
        implicit_reward(&strong(), &weak(), 0.1, true).unwrap().reward
    );
    let tokens = strong().iter().map(|row| row.len() as u64).collect();
    assert_eq!(table.get("tokens"), Some(&Column::Count(tokens)));
}

/// Of sums, over several files, with ids of their own; CSV has them too.
#[test]
fn log_ratios_of_sums_are_differences() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let fields = |ids: [i64; 2], strong: [f64; 2]| {
        [
            ("name", Field::Ids(ids.to_vec())),
            ("s", Field::Numbers(strong.to_vec())),
            ("w", Field::Numbers(vec![-4.0, -1.5])),
        ]
    };
    write_jsonl(&folder.join("a.jsonl"), &fields([7, 3], [-2.0, -5.5]));
    write_parquet(&folder.join("b.parquet"), &fields([9, 4], [-1.0, 0.0]));
    std::fs::write(folder.join("c.csv"), "w,name,s,rest\n-1e0,11,-3,x\n").unwrap();
    done(
        folder,
        "score logratio --in a.jsonl b.parquet c.csv --strong s --weak w --id name --out out.csv",
    );
    let table = Table::read_csv(folder.join("out.csv")).unwrap();
    assert_eq!(table.samples(), [7, 3, 9, 4, 11]);
    let names: Vec<&str> = table.columns().map(|(name, _)| name).collect();
    assert_eq!(names, ["log_ratio"]);
    assert_eq!(number(&table, "log_ratio"), [2.0, -4.0, 3.0, 1.5, -2.0]);
    // A list of one model may stand against the sum of the other.
    std::fs::write(folder.join("d.jsonl"), "{\"s\": [-1, -1.5], \"w\": -4, \"w2\": [{}]}\n\n").unwrap();
    done(folder, "score logratio --in d.jsonl --strong s --weak w --per-token --out d.csv");
    let table = Table::read_csv(folder.join("d.csv")).unwrap();
    assert_eq!((number(&table, "log_ratio"), number(&table, "per_token")), (vec![1.5], vec![0.75]));
}

fn write(folder: &Path, lines: &str) {
    std::fs::write(folder.join("bad.jsonl"), lines).unwrap();
}

#[test]
fn bad_rows_of_log_probabilities_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let base = "score logratio --strong s --weak w --out out.parquet";
    let good = "{\"s\": [-1], \"w\": [-2]}\n";
    for (row, more, says) in [
        ("{\"s\": [-1]}", "", "`w` has no value"),
        ("{\"s\": [-1], \"w\": null}", "", "`w` has no value"),
        ("{\"s\": [-1], \"w\": \"-2\"}", "", "`w` is no number, and no list of numbers"),
        ("{\"s\": [-1, true], \"w\": [-2]}", "", "`s` is no list of numbers"),
        ("{\"s\": [NaN], \"w\": [-2]}", "", "expected value"),
        ("{\"s\": [-1e999], \"w\": [-2]}", "", "number out of range"),
        ("{\"s\": [0.5], \"w\": [-2]}", "", "strong is 0.5"),
        ("{\"s\": [], \"w\": [-2]}", "", "strong of 0 is empty"),
        ("{\"s\": -1, \"w\": -2}", "", "a sum here and a list there"),
        ("{\"s\": -1, \"w\": -2}", "--per-token", "a mean per token needs a list"),
        ("{\"s\": [-1, -1], \"w\": [-2]}", "--beta 0.1", "reference: expected 2 elements, found 1"),
        ("{\"s\": [-1], \"w\": [-2]}", "--beta 0", "beta is 0"),
        ("{\"s\": [-1], \"s\": [-1], \"w\": [-2]}", "", "`s` stands twice"),
        ("[-1, -2]", "", "expected an object"),
        ("{\"s\": [-1], \"w\": [-2", "", "EOF"),
    ] {
        let line = if more == "--beta 0" { 1 } else { 3 };
        write(folder, &format!("{good}\n{row}"));
        refused(folder, &format!("{base} --in bad.jsonl {more}"), says);
        refused(folder, &format!("{base} --in bad.jsonl {more}"), &format!("bad.jsonl: line {line}: "));
    }
    write(folder, "\n");
    refused(folder, &format!("{base} --in bad.jsonl"), "there is no row");
    refused(folder, &format!("{base} --in none.jsonl"), "none.jsonl: ");
    refused(folder, &format!("{base} --in rows.txt"), "rows.txt: rows are read from");
    std::fs::write(folder.join("bad.csv"), "s,w\n-1,-2\n-1,nan\n").unwrap();
    refused(folder, &format!("{base} --in bad.csv"), "bad.csv: line 3: `w` is not finite: NaN");
    std::fs::write(folder.join("bad.csv"), "s,w\n-1,-2\n-1\n").unwrap();
    refused(folder, &format!("{base} --in bad.csv"), "bad.csv: line 3: ");
    std::fs::write(folder.join("bad.csv"), "s,v\n-1,-2\n").unwrap();
    refused(folder, &format!("{base} --in bad.csv"), "bad.csv: there is no column `w`");
    std::fs::write(folder.join("bad.csv"), "s,w,w\n-1,-2,-3\n").unwrap();
    refused(folder, &format!("{base} --in bad.csv"), "two columns are named `w`");
    write(
        folder,
        &format!("{}{}", "{\"i\": 4, \"s\": -1, \"w\": -2}\n", "{\"i\": 4, \"s\": -1, \"w\": -2}\n"),
    );
    refused(
        folder,
        &format!("{base} --in bad.jsonl --id i"),
        "bad.jsonl: line 2: id 4 stands in a row before",
    );
    write(folder, "{\"i\": 4.5, \"s\": -1, \"w\": -2}\n");
    refused(folder, &format!("{base} --in bad.jsonl --id i"), "line 1: `i` is no id");
}

/// What no file should do: a value that is none, a damaged end, every single byte changed.
#[test]
fn bad_parquet_is_a_message_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let base = "score logratio --strong s --weak w --in bad.parquet --out out.parquet";
    let mut numbers = vec![-1.0, -2.0, f64::INFINITY];
    let fields = |numbers: &Vec<f64>| {
        [
            ("s", Field::Numbers(numbers.clone())),
            ("w", Field::Maybe(vec![Some(-1.0), None, Some(-3.0)])),
        ]
    };
    write_parquet(&folder.join("bad.parquet"), &fields(&numbers));
    refused(folder, base, "bad.parquet: row 1: `w` has no value");
    refused(folder, "score logratio --strong w --weak s --in bad.parquet --out out.csv", "row 1: ");
    refused(
        folder,
        "score logratio --strong s --weak v --in bad.parquet --out out.csv",
        "no column `v`",
    );
    numbers[1] = f64::NAN;
    let only = [("s", Field::Numbers(numbers.clone())), ("w", Field::Numbers(vec![-1.0; 3]))];
    write_parquet(&folder.join("bad.parquet"), &only);
    refused(folder, base, "bad.parquet: row 1: `s` is not finite: NaN");

    let lists = [("s", Field::Lists(strong())), ("w", Field::Lists(weak()))];
    write_parquet(&folder.join("bad.parquet"), &lists);
    let whole = std::fs::read(folder.join("bad.parquet")).unwrap();
    for length in [0, 3, whole.len() / 2, whole.len() - 1] {
        std::fs::write(folder.join("bad.parquet"), &whole[..length]).unwrap();
        refused(folder, base, "bad.parquet: ");
    }
    for at in (0..whole.len()).step_by(29) {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        std::fs::write(folder.join("bad.parquet"), &changed).unwrap();
        let output = curricle(folder, base);
        let said = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        assert!(code == Some(0) || code == Some(2), "byte {at}: {code:?} {said}");
        assert!(!said.contains("panicked"), "byte {at}: {said}");
        assert!(code == Some(0) || said.contains("bad.parquet: "), "byte {at}: {said}");
    }
}

#[test]
fn a_table_that_cannot_be_written_gives_1() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "{\"s\": -1, \"w\": -2}\n");
    let base = "score logratio --in bad.jsonl --strong s --weak w";
    let output = curricle(folder, &format!("{base} --out none/out.csv"));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no folder none"));
    std::fs::create_dir(folder.join("taken.csv")).unwrap();
    let output = curricle(folder, &format!("{base} --out taken.csv"));
    assert_eq!(output.status.code(), Some(1));
    refused(folder, &format!("{base} --out out.txt"), "must end in .parquet or .csv");
}
