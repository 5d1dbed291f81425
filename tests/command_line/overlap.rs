//! `curricle score overlap`, against a search place by place and numbers worked out by hand.

use curricle::table::{Column, Table};

use crate::rows::{Field, done, refused, write_jsonl, write_parquet};

fn numbers(table: &Table, name: &str) -> Vec<Option<f64>> {
    match table.get(name) {
        Some(Column::Number(values)) => values.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

/// Of words by hand: case and marks are nothing, a swap is two edits, a text shorter than an n-gram has none.
#[test]
fn overlaps_of_words_worked_out_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let texts = |texts: [&str; 5]| Field::Texts(texts.map(str::to_owned).to_vec());
    let fields = [
        ("old", texts(["The cat sat, down!", "a b a b a", "x y", "", "one two three"])),
        ("new", texts(["the CAT sat up there", "a b c", "y x", "", "four"])),
    ];
    write_jsonl(&folder.join("in.jsonl"), &fields);
    write_parquet(&folder.join("in.parquet"), &fields);
    let base = "score overlap --a old --b new --ngram 2";
    done(folder, &format!("{base} --in in.jsonl --out a.parquet"));
    done(folder, &format!("{base} --in in.parquet --out b.csv"));
    let table = Table::read_parquet(folder.join("a.parquet")).unwrap();
    assert_eq!(table, Table::read_csv(folder.join("b.csv")).unwrap());
    assert_eq!(table.made_by().signal, "overlap of 2-grams");
    let some = |values: [f64; 5]| values.map(Some).to_vec();
    assert_eq!(numbers(&table, "coverage"), [Some(0.6), Some(2.0 / 3.0), Some(0.0), None, None]);
    assert_eq!(numbers(&table, "edit_distance"), some([0.4, 0.6, 1.0, 0.0, 1.0]));
    assert_eq!(numbers(&table, "token_overlap"), some([0.75, 1.0, 1.0, 1.0, 0.0]));
    assert_eq!(numbers(&table, "distinct_a"), [Some(1.0), Some(0.5), Some(1.0), None, Some(1.0)]);
    assert_eq!(numbers(&table, "distinct_b"), [Some(1.0), Some(1.0), Some(1.0), None, None]);
}

/// Of token ids, against slow twins.
#[test]
fn overlaps_of_token_ids_are_those_of_a_slow_search() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ids = |row: usize, salt: usize| -> Vec<u32> {
        (0..(row * 7 + salt) % 23).map(|at| ((at * at + row * salt) % 5) as u32).collect()
    };
    let rows: Vec<(Vec<u32>, Vec<u32>)> = (0..60).map(|row| (ids(row, 3), ids(row, 8))).collect();
    let lines = rows.iter().map(|(a, b)| serde_json::json!({ "a": a, "b": b }).to_string() + "\n");
    std::fs::write(folder.join("in.jsonl"), lines.collect::<String>()).unwrap();
    done(folder, "score overlap --in in.jsonl --a a --b b --ngram 3 --out out.parquet");
    let table = Table::read_parquet(folder.join("out.parquet")).unwrap();
    let (coverage, edits) = (numbers(&table, "coverage"), numbers(&table, "edit_distance"));
    for (row, (a, b)) in rows.iter().enumerate() {
        let is_covered = |at: usize| {
            (at.saturating_sub(2)..=at).any(|start| {
                b.get(start..start + 3).is_some_and(|gram| a.windows(3).any(|window| window == gram))
            })
        };
        let covered = (0..b.len()).filter(|&at| is_covered(at)).count() as f64 / b.len() as f64;
        assert_eq!(coverage[row], (b.len() >= 3).then_some(covered), "{row}");
        let mut table = vec![vec![0usize; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                table[i][j] = match (i, j) {
                    (0, _) | (_, 0) => i + j,
                    _ => (table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]))
                        .min(table[i - 1][j] + 1)
                        .min(table[i][j - 1] + 1),
                };
            }
        }
        let longer = a.len().max(b.len());
        let expected = if longer == 0 { 0.0 } else { table[a.len()][b.len()] as f64 / longer as f64 };
        assert_eq!(edits[row], Some(expected), "{row}");
    }
}

#[test]
fn bad_texts_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let base = "score overlap --in in.jsonl --a a --b b --out out.csv";
    let good = "{\"a\": \"x\", \"b\": \"y\"}\n";
    for (row, says) in [
        ("{\"a\": \"x\"}", "`b` has no value"),
        ("{\"a\": \"x\", \"b\": 3}", "`b` is no string, and no list of token ids"),
        ("{\"a\": [1, -2], \"b\": [1]}", "`a` is no list of token ids"),
        ("{\"a\": [1], \"b\": [1.5]}", "`b` is no list of token ids"),
        ("{\"a\": [1], \"b\": \"x\"}", "words beside token ids"),
    ] {
        std::fs::write(folder.join("in.jsonl"), format!("{good}{row}\n")).unwrap();
        refused(folder, base, &format!("in.jsonl: line 2: {says}"));
    }
    std::fs::write(folder.join("in.jsonl"), good).unwrap();
}
