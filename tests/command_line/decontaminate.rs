//! `curricle decontaminate`, against a search that is made text by text and place by place.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use curricle::table::{Column, Table};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::json;

fn decontaminate(folder: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_curricle"))
        .arg("decontaminate")
        .args(more)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn write_lines(path: &Path, texts: &[String]) {
    let lines: Vec<String> = texts.iter().map(|text| json!({ "text": text }).to_string()).collect();
    std::fs::write(path, lines.join("\n")).unwrap();
}

fn write_parquet(path: &Path, texts: &[String]) {
    let schema = "message texts { required int64 id; required binary text (STRING); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut file =
        SerializedFileWriter::new(File::create(path).unwrap(), schema, Default::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let ids: Vec<i64> = (0..texts.len() as i64).collect();
    column.typed::<parquet::data_type::Int64Type>().write_batch(&ids, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let bytes: Vec<ByteArray> = texts.iter().map(|text| text.as_bytes().to_vec().into()).collect();
    column.typed::<ByteArrayType>().write_batch(&bytes, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
}

/// A list of token ids of 16 bits, as data sets have them.
fn write_ids(path: &Path, rows: &[Vec<i32>]) {
    let schema = "message texts { required group text (LIST) { repeated group list { required int32 element (INTEGER(16, false)); } } }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut file =
        SerializedFileWriter::new(File::create(path).unwrap(), schema, Default::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let levels: Vec<i16> =
        rows.iter().flat_map(|row| (0..row.len()).map(|at| i16::from(at > 0))).collect();
    let all = rows.concat();
    let defined = vec![1i16; all.len()];
    column
        .typed::<parquet::data_type::Int32Type>()
        .write_batch(&all, Some(&defined), Some(&levels))
        .unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
}

#[test]
fn token_ids_are_read_from_parquet() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_ids(&path("test.parquet"), &[vec![5, 60_000, 7, 8], vec![1, 2, 3]]);
    write_ids(&path("train.parquet"), &[vec![9, 9, 9], vec![0, 5, 60_000, 7, 9]]);
    let out = decontaminate(
        folder.path(),
        &["--train", "train.parquet", "--test", "test.parquet", "--ngram", "3", "--out", "found.csv"],
    );
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let table = Table::read_csv(path("found.csv")).unwrap();
    assert_eq!(table.get("coverage"), Some(&Column::Number(vec![Some(0.0), Some(0.75)])));
    assert_eq!(table.get("test"), Some(&Column::Number(vec![None, Some(0.0)])));
}

/// Texts of few words, some of them with a passage of a test text, in other letters and with other marks.
fn texts() -> (Vec<String>, Vec<String>) {
    let mut state = 1u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let mut text =
        |length: usize| -> Vec<String> { (0..length).map(|_| format!("w{}", below(60))).collect() };
    let tests: Vec<Vec<String>> = (0..12).map(|at| text(3 + at)).collect();
    let train = (0..900).map(|at| {
        let mut words = text(5 + at % 30);
        if at % 7 == 0 {
            let test = &tests[at % tests.len()];
            words
                .splice(2..2, test[..test.len() * (at % 5) / 4].iter().map(|word| word.to_uppercase()));
        }
        words.join(if at % 2 == 0 { " " } else { ", " })
    });
    let train = train.collect();
    (tests.into_iter().map(|words| words.join(" ")).collect(), train)
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

fn coverage(test: &str, train: &str, n: usize) -> f64 {
    let (test, train) = (words(test), words(train));
    let is_there = |start: usize| train.windows(n).any(|window| window == &test[start..start + n]);
    let mut covered = vec![false; test.len()];
    for start in 0..(test.len() + 1).saturating_sub(n) {
        if is_there(start) {
            covered[start..start + n].fill(true);
        }
    }
    covered.iter().filter(|is| **is).count() as f64 / test.len() as f64
}

#[test]
fn what_is_found_is_what_a_slow_search_finds() {
    let folder = tempfile::tempdir().unwrap();
    let (tests, train) = texts();
    write_lines(&folder.path().join("test.jsonl"), &tests);
    let (first, second) = train.split_at(500);
    write_lines(&folder.path().join("one.jsonl"), first);
    write_parquet(&folder.path().join("two.parquet"), second);
    let out = decontaminate(
        folder.path(),
        &[
            "--train",
            "one.jsonl",
            "two.parquet",
            "--test",
            "test.jsonl",
            "--ngram",
            "3",
            "--out",
            "found.parquet",
        ],
    );
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let table = Table::read_parquet(folder.path().join("found.parquet")).unwrap();
    let Some(Column::Number(found)) = table.get("coverage") else { panic!("no coverage") };
    let Some(Column::Flag(drop)) = table.get("drop") else { panic!("no drop") };
    assert_eq!(found.len(), train.len());
    let mut flagged = vec![false; tests.len()];
    for (at, text) in train.iter().enumerate() {
        let of: Vec<f64> = tests.iter().map(|test| coverage(test, text, 3)).collect();
        let most = of.iter().copied().fold(0.0, f64::max);
        assert_eq!((found[at], drop[at]), (Some(most), most > 0.5), "{at}");
        of.iter().zip(&mut flagged).for_each(|(&of, is)| *is |= of > 0.5);
    }
    let (dropped, flagged) =
        (drop.iter().filter(|is| **is).count(), flagged.iter().filter(|is| **is).count());
    assert!(dropped > 30 && flagged > 5);
    let told = String::from_utf8_lossy(&out.stdout);
    assert!(
        told.contains(&format!("{dropped} of 900 training texts to drop; {flagged} of 12")),
        "{told}"
    );
    assert!(told.contains("contaminated"), "{told}");
}

#[test]
fn bad_rows_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_lines(&path("test.jsonl"), &["a b c".to_owned()]);
    std::fs::write(path("other.jsonl"), "{\"text\": \"a b\"}\n{\"body\": \"c\"}\n").unwrap();
    std::fs::write(path("list.jsonl"), "{\"text\": [1, -2]}\n").unwrap();
    std::fs::write(path("cut.jsonl"), "{\"text\": \"a\"}\n\n{\"text\": \"b").unwrap();
    std::fs::write(path("empty.jsonl"), "").unwrap();
    std::fs::write(path("damaged.parquet"), b"PAR1 and nothing more PAR1").unwrap();
    let refused = |train: &str, test: &str, more: &[&str]| {
        let all = ["--train", train, "--test", test, "--out", "found.csv"];
        let out = decontaminate(folder.path(), &[&all[..], more].concat());
        assert_eq!(out.status.code(), Some(2));
        assert!(!path("found.csv").exists());
        String::from_utf8_lossy(&out.stderr).into_owned()
    };
    assert!(
        refused("other.jsonl", "test.jsonl", &["--ngram", "2"])
            .contains("other.jsonl: line 2: `text` has no value")
    );
    assert!(
        refused("list.jsonl", "test.jsonl", &["--ngram", "2"])
            .contains("list.jsonl: line 1: `text` is no list of token ids")
    );
    assert!(refused("cut.jsonl", "test.jsonl", &["--ngram", "2"]).contains("cut.jsonl: line 3: "));
    assert!(refused("damaged.parquet", "test.jsonl", &["--ngram", "2"]).contains("damaged.parquet: "));
    assert!(refused("none.jsonl", "test.jsonl", &["--ngram", "2"]).contains("none.jsonl: "));
    std::fs::write(path("ids.jsonl"), "{\"text\": [1, 2, 3, 4, 5, 6, 7, 8, 9]}\n").unwrap();
    write_lines(&path("long.jsonl"), &["a b c d e f g h i".to_owned()]);
    assert!(
        refused("ids.jsonl", "long.jsonl", &[]).contains("ids.jsonl: line 1: words beside token ids")
    );
    assert!(refused("test.jsonl", "test.jsonl", &[]).contains("every test text is shorter"));
    assert!(refused("test.jsonl", "empty.jsonl", &[]).contains("there is no test text"));
    assert!(refused("test.txt", "test.jsonl", &["--ngram", "2"]).contains("test.txt: "));
}
