//! Rows that are damaged, odd or empty, whatever command reads them, and options out of their range.

use std::fs::write;
use std::path::Path;

use curricle::table::{Column, Table};
use serde_json::json;

use crate::rows::{curricle, done, refused};

fn column(file: &Path, name: &str) -> Vec<Option<f64>> {
    match Table::read_csv(file).unwrap().get(name) {
        Some(Column::Number(values)) => values.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn a_quote_that_is_not_closed_takes_no_rows_away() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder.join("test.csv"), "text\none two three\n").unwrap();
    let base = "decontaminate --train in.csv --test test.csv --ngram 2 --out out.csv";
    for (text, line) in [
        ("text\none two\n\"three four\nfive six\n", 3),
        ("id,text\n1,one two\n2,\"three four\n3,five six\n", 3),
        ("text\n\"one\ntwo\"\n\"\n", 4),
    ] {
        write(folder.join("in.csv"), text).unwrap();
        refused(folder, base, &format!("in.csv: line {line}: a quote is not closed"));
    }
    write(folder.join("in.csv"), "\"text\none two\n").unwrap();
    refused(folder, base, "in.csv: the header: a quote is not closed");
    write(folder.join("in.csv"), "text\n\"one\ntwo\"\n\"three \"\"four\"\"\"\na 5\" disk\n").unwrap();
    assert!(done(folder, base).starts_with("1 of 3 training texts to drop"));
}

#[test]
fn an_empty_cell_is_an_empty_text_and_no_number_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder.join("in.csv"), "a,b\n,one two\none two,one two\n").unwrap();
    write(
        folder.join("in.jsonl"),
        "{\"a\": \"\", \"b\": \"one two\"}\n{\"a\": \"one two\", \"b\": \"one two\"}\n",
    )
    .unwrap();
    for file in ["in.csv", "in.jsonl"] {
        done(folder, &format!("score overlap --in {file} --a a --b b --ngram 1 --out {file}.csv"));
    }
    let tables =
        ["in.csv", "in.jsonl"].map(|file| Table::read_csv(folder.join(format!("{file}.csv"))).unwrap());
    assert_eq!(tables[0], tables[1]);
    assert_eq!(column(&folder.join("in.csv.csv"), "coverage"), [Some(0.0), Some(1.0)]);
    write(folder.join("in.csv"), "a,b\n-1,-2\n-1,\n").unwrap();
    refused(
        folder,
        "score logratio --in in.csv --strong a --weak b --out out.csv",
        "in.csv: line 3: `b` has no value",
    );
    write(folder.join("in.jsonl"), "{\"a\": -1, \"b\": -2}\n\n{\"a\": -1, \"b\": null}\n").unwrap();
    refused(
        folder,
        "score logratio --in in.jsonl --strong a --weak b --out out.csv",
        "in.jsonl: line 3: `b` has no value",
    );
}

#[test]
fn a_line_that_is_no_object_is_told_once_where() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let base = "score logratio --in in.jsonl --strong a --weak b --out out.csv";
    for (line, says) in [
        ("null", "in.jsonl: line 2: invalid type: null, expected an object, at letter 4"),
        ("{\"a\": -1, \"b\": -2", "in.jsonl: line 2: EOF while parsing an object, at letter 17"),
        ("{\"a\": -1, \"a\": -2}", "in.jsonl: line 2: `a` stands twice, at letter 13"),
    ] {
        write(folder.join("in.jsonl"), format!("{{\"a\": -1, \"b\": -1}}\n{line}\n")).unwrap();
        refused(folder, base, says);
        assert!(!String::from_utf8_lossy(&curricle(folder, base).stderr).contains("line 1"));
    }
    write(folder.join("in.csv"), "a,b\n-1,-2\n-1\n").unwrap();
    let base = "score logratio --in in.csv --strong a --weak b --out out.csv";
    refused(folder, base, "in.csv: line 3: 1 fields, where the header has 2");
}

/// Whatever system wrote the lines, they are counted alike, and so are words whatever their letters.
#[test]
fn lines_are_counted_as_an_editor_does() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let base = "score logratio --in in.csv --strong a --weak b --out out.csv";
    for end in ["\n", "\r\n", "\r"] {
        for (rows, line) in [("x,-1", 2), ("-1,-1|x,-1", 3), ("-1,-1||-1,-1|x,-1|", 5)] {
            write(folder.join("in.csv"), format!("a,b|{rows}").replace('|', end)).unwrap();
            refused(folder, base, &format!("in.csv: line {line}: `a` is no number"));
        }
    }
    write(folder.join("train.csv"), "text\nΣΑΣ ΟΔΟΣ\n").unwrap();
    write(folder.join("test.jsonl"), "{\"text\": \"σας οδος\"}\n").unwrap();
    let found = "decontaminate --train train.csv --test test.jsonl --ngram 2 --out out.csv";
    assert!(done(folder, found).starts_with("1 of 1 training texts to drop"));
    std::fs::remove_file(folder.join("out.csv")).unwrap();
    write(folder.join("none.csv"), "text\n").unwrap();
    let none = "decontaminate --train none.csv --test test.jsonl --ngram 2 --out out.csv";
    refused(folder, none, "none.csv: there is no training text");
}

#[test]
fn a_mark_before_the_text_and_a_field_asked_for_twice_are_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (file, text) in [
        ("in.jsonl", "\u{feff}{\"a\": -1, \"id\": 7}\n{\"a\": -3, \"id\": 8}\n"),
        ("in.csv", "\u{feff}a,id\n-1,7\n-3,8\n"),
    ] {
        write(folder.join(file), text).unwrap();
        done(folder, &format!("score logratio --in {file} --id id --strong a --weak a --out out.csv"));
        assert_eq!(column(&folder.join("out.csv"), "log_ratio"), [Some(0.0), Some(0.0)], "{file}");
    }
}

#[test]
fn folders_and_repeated_ids_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for kind in ["jsonl", "csv", "parquet"] {
        std::fs::create_dir(folder.join(format!("in.{kind}"))).unwrap();
        let base = format!("score logratio --in in.{kind} --strong a --weak b --out out.csv");
        refused(folder, &base, &format!("in.{kind}: this is a folder"));
    }
    write(folder.join("one.jsonl"), "{\"id\": 5, \"a\": -1}\n{\"id\": 6, \"a\": -1}\n").unwrap();
    write(folder.join("two.jsonl"), "\n{\"id\": 5, \"a\": -1}\n").unwrap();
    let base = "score logratio --in one.jsonl two.jsonl --id id --strong a --weak a --out out.csv";
    refused(folder, base, "two.jsonl: line 2: id 5 stands in a row before");
}

#[test]
fn options_out_of_their_range_are_refused_by_name_before_a_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let decontaminate = "decontaminate --train no.jsonl --test no.jsonl --out out.csv";
    let monitor = "monitor no.csv --x x --y y";
    let probe = "probe no.csv --out out.csv";
    let pairs = "score pairs --in no.csv --chosen-scores a --rejected-scores b --out out.csv";
    for (base, option, values) in [
        (decontaminate, "--ngram", vec!["0", "-1", "2.5"]),
        (decontaminate, "--coverage", vec!["-0.1", "1.5", "NaN"]),
        (decontaminate, "--rate", vec!["-0.1", "2", "inf"]),
        (monitor, "--window", vec!["0", "-1"]),
        (monitor, "--least-t", vec!["-1", "NaN"]),
        (monitor, "--bound", vec!["NaN", "inf"]),
        (monitor, "--threshold", vec!["-1", "0", "NaN"]),
        (monitor, "--patience", vec!["0", "-3"]),
        (monitor, "--dip-window", vec!["0", "1"]),
        (monitor, "--last", vec!["0"]),
        (probe, "--share", vec!["-1", "2", "NaN"]),
        (probe, "--solved-from", vec!["1.5", "-1"]),
        (pairs, "--bands", vec!["0.1,0.2,1.5", "0,-1,1", "0.1,0.2,NaN"]),
        ("score logratio --in no.csv --strong a --weak b --out out.csv", "--beta", vec!["NaN", "inf"]),
        ("score overlap --in no.csv --a a --b b --out out.csv", "--ngram", vec!["0", "-8"]),
        ("score uncertainty --logits no --out out.csv", "--budget", vec!["-0.1", "1.5", "NaN"]),
    ] {
        for value in values {
            refused(folder, &format!("{base} {option} {value}"), option);
            let said = curricle(folder, &format!("{base} {option} {value}")).stderr;
            let said = String::from_utf8_lossy(&said);
            assert!(said.contains("not ") && !said.contains("os error"), "{option} {value}: {said}");
        }
    }
    refused(folder, &format!("{pairs} --bands 0.5,0.4,0.9"), "--bands 0.5,0.4,0.9 do not ascend");
    refused(folder, &format!("{monitor},z,y"), "--y names `y` twice");
    refused(folder, &format!("{probe} --models a,b,a"), "--models names `a` twice");
}

/// A disk that is full is told, whichever command had something to say; a reader that has seen enough is no fault.
#[cfg(target_os = "linux")]
#[test]
fn an_output_that_takes_nothing_is_a_fault() {
    use std::process::{Command, Stdio};

    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder.join("texts.jsonl"), "{\"text\": \"one two\", \"c\": 1, \"r\": 0}\n").unwrap();
    write(folder.join("scores.csv"), "x,y\n1,1\n2,2\n").unwrap();
    write(folder.join("items.csv"), "item,a,b\np,1,0\nq,1,1\n").unwrap();
    write(folder.join("config.json"), json!({"seed": 1}).to_string()).unwrap();
    for command in [
        "decontaminate --train texts.jsonl --test texts.jsonl --ngram 1 --out table.csv",
        "score pairs --in texts.jsonl --chosen-scores c --rejected-scores r --out table.csv",
        "monitor scores.csv --x x --y y",
        "probe items.csv --out table.csv",
        "simulate config.json --seeds 1 --steps 1",
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_curricle"))
            .args(command.split_whitespace())
            .current_dir(folder)
            .stdout(Stdio::from(full))
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command}: {said}");
        assert!(said.contains("the standard output: No space left on device"), "{command}: {said}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let closed = Command::new(env!("CARGO_BIN_EXE_curricle"))
            .args(command.split_whitespace())
            .current_dir(folder)
            .stdout(writer)
            .status()
            .unwrap();
        assert_eq!(closed.code(), Some(0), "{command}");
    }
}
