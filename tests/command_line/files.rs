//! Which files are taken: hidden states in several of them, spans, tables, and what is said of those
//! that are not.

use std::path::Path;
use std::process::{Command, Output};

use curricle::signal::{HiddenStates, Spans};
use curricle::table::{Column, Table};

use super::noise;

/// One tensor of a file.
struct Tensor {
    name: &'static str,
    dtype: &'static str,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

fn states(name: &'static str, shape: &[usize], numbers: &[f32]) -> Tensor {
    let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    Tensor { name, dtype: "F32", shape: shape.to_vec(), bytes }
}

fn token_ids(len: usize) -> Tensor {
    Tensor { name: "token_ids", dtype: "I64", shape: vec![len], bytes: vec![0; 8 * len] }
}

fn write(path: &Path, tensors: &[Tensor]) {
    let (mut header, mut bytes) = (Vec::new(), Vec::new());
    for Tensor { name, dtype, shape, bytes: these } in tensors {
        let (start, end) = (bytes.len(), bytes.len() + these.len());
        bytes.extend(these);
        header.push(format!(
            "\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":[{start},{end}]}}"
        ));
    }
    let header = format!("{{{}}}", header.join(","));
    let file = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &bytes].concat();
    std::fs::write(path, file).unwrap();
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_curricle")).args(arguments).current_dir(folder).output().unwrap()
}

#[track_caller]
fn passes(folder: &Path, arguments: &[&str]) {
    let done = run(folder, arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[track_caller]
fn refuses(folder: &Path, arguments: &[&str], code: i32, says: &str) {
    let done = run(folder, arguments);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(code), "{said}");
    assert!(said.contains(says), "{said:?} lacks {says:?}");
}

const SCORE: [&str; 6] = ["score", "angle", "--spans", "spans.json", "--out", "out.csv"];

fn score<'a>(more: &[&'a str]) -> Vec<&'a str> {
    SCORE.into_iter().chain(more.iter().copied()).collect()
}

const DIM: usize = 8;

fn totals(states: &[f32], spans: &[Spans]) -> Column {
    let found = HiddenStates { states, dim: DIM, spans }.concentrations().unwrap();
    Column::Number(found.iter().map(|found| found.total()).collect())
}

/// One file a request, with its tokens and a tensor of three axes, as a serving engine writes them.
#[test]
fn a_folder_of_requests_is_scored() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("states")).unwrap();
    let (a, b) = (noise(12 * DIM), noise(30 * DIM)[21 * DIM..].to_vec());
    let file = |name: &str| folder.join(format!("states/{name}.safetensors"));
    write(&file("req-b"), &[token_ids(9), states("hidden_states", &[9, 1, DIM], &b)]);
    write(&file("7"), &[token_ids(12), states("hidden_states", &[12, 1, DIM], &a)]);
    std::fs::write(folder.join("states/notes.txt"), "no states").unwrap();
    let spans = r#"[{"id":7,"prefix":[0,5],"question":[5,12]},
                    {"id":3,"request":"req-b","prefix":[0,4],"question":[4,9]},
                    {"id":4,"request":"req-b","prefix":[0,0],"question":[2,3]}]"#;
    std::fs::write(folder.join("spans.json"), spans).unwrap();
    passes(folder, &score(&["--states", "states"]));
    let all = [a.clone(), b.clone()].concat();
    let spans = [(0..5, 5..12), (12..16, 16..21), (0..0, 14..15)];
    let spans = spans.map(|(prefix, question)| Spans { prefix, question });
    let table = Table::read_csv(folder.join("out.csv")).unwrap();
    assert_eq!((table.samples(), table.get("total")), (&[7, 3, 4][..], Some(&totals(&all, &spans))));

    // The same rows, of the second of three layers, in either order of the axes.
    let layered = |rows: &[f32], tokens_first: bool| -> Vec<f32> {
        let tokens = rows.len() / DIM;
        let mut all = vec![9.0; 3 * rows.len()];
        for (token, row) in rows.chunks(DIM).enumerate() {
            let place = if tokens_first { 3 * token + 1 } else { tokens + token };
            all[place * DIM..][..DIM].copy_from_slice(row);
        }
        all
    };
    write(&file("req-b"), &[token_ids(9), states("hidden_states", &[9, 3, DIM], &layered(&b, true))]);
    write(&file("7"), &[token_ids(12), states("hidden_states", &[3, 12, DIM], &layered(&a, false))]);
    passes(folder, &score(&["--states", "states", "--layer", "1"]));
    assert_eq!(Table::read_csv(folder.join("out.csv")).unwrap(), table);
    refuses(folder, &score(&["--states", "states"]), 2, "one of 3 layers must be chosen by --layer");
    refuses(folder, &score(&["--states", "states", "--layer", "3"]), 2, "no layer 3");
    refuses(folder, &score(&["--states", "states", "--tensor", "logits"]), 2, "no tensor `logits`");

    write(&file("7"), &[token_ids(11), states("hidden_states", &[12, 1, DIM], &a)]);
    refuses(folder, &score(&["--states", "states", "--layer", "0"]), 2, "11 `token_ids`");
    write(&file("7"), &[states("hidden_states", &[24, DIM / 2], &a)]);
    refuses(folder, &score(&["--states", "states", "--layer", "0"]), 2, "no layer 0");
    write(&file("7"), &[states("hidden_states", &[24, 1, DIM / 2], &a)]);
    refuses(folder, &score(&["--states", "states", "--layer", "0"]), 2, "rows of 8 F32, those of");
    std::fs::remove_file(file("7")).unwrap();
    refuses(
        folder,
        &score(&["--states", "states", "--layer", "0"]),
        2,
        "entry 0 (id 7): no file `7.safetensors`",
    );
    let mut bad = b;
    bad[8 * DIM] = f32::INFINITY;
    write(&file("req-b"), &[states("hidden_states", &[9, 1, DIM], &bad)]);
    let spans = r#"[{"id":3,"request":"req-b","prefix":[0,4],"question":[4,10]}]"#;
    std::fs::write(folder.join("spans.json"), spans).unwrap();
    refuses(folder, &score(&["--states", "states"]), 2, "question [4, 10] of 9 rows");
    std::fs::write(folder.join("spans.json"), spans.replace("10", "9")).unwrap();
    refuses(
        folder,
        &score(&["--states", "states"]),
        2,
        "req-b.safetensors: row 8 of `hidden_states` is not finite",
    );
}

/// Files that continue each other, spans over their ends, entries one a line.
#[test]
fn several_files_are_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let all = noise(30 * DIM);
    write(&folder.join("2.safetensors"), &[states("states", &[11, DIM], &all[..11 * DIM])]);
    write(&folder.join("none.safetensors"), &[states("states", &[0, DIM], &[])]);
    write(&folder.join("1.safetensors"), &[states("states", &[19, DIM], &all[11 * DIM..])]);
    let lines = "{\"id\":5,\"prefix\":[0,8],\"question\":[8,25]}\n\n\
                 {\"id\":2,\"request\":\"1\",\"prefix\":[0,8],\"question\":[18,19]}\n";
    std::fs::write(folder.join("spans.jsonl"), lines).unwrap();
    let score = |files: [&'static str; 3]| {
        [
            "score",
            "angle",
            "--spans",
            "spans.jsonl",
            "--out",
            "out.csv",
            "--states",
            files[0],
            files[1],
            files[2],
        ]
    };
    passes(folder, &score(["2.safetensors", "none.safetensors", "1.safetensors"]));
    let spans = [(0..8, 8..25), (11..19, 29..30)];
    let spans = spans.map(|(prefix, question)| Spans { prefix, question });
    let table = Table::read_csv(folder.join("out.csv")).unwrap();
    assert_eq!((table.samples(), table.get("total")), (&[5, 2][..], Some(&totals(&all, &spans))));
    std::fs::write(folder.join("spans.jsonl"), lines.replace("\"id\":2,", "\"id\":-2,")).unwrap();
    let files = ["2.safetensors", "none.safetensors", "1.safetensors"];
    refuses(folder, &score(files), 2, "entry 1: invalid value");
    let twice = score(["1.safetensors", "1.safetensors", "2.safetensors"]);
    std::fs::write(folder.join("spans.jsonl"), lines).unwrap();
    refuses(folder, &twice, 2, "another file has the same name");
}

#[test]
fn an_id_stands_once_in_a_list_of_spans() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&folder.join("states"), &[states("states", &[9, DIM], &noise(9 * DIM))]);
    let entry = |id: u64| format!("{{\"id\":{id},\"prefix\":[0,2],\"question\":[2,9]}}");
    for (ids, says) in [
        (vec![3, 4, 3], "entries 0 and 2 have the id 3"),
        (vec![1, u64::MAX, 2, u64::MAX], "entries 1 and 3 have the id 18446744073709551615"),
    ] {
        let entries: Vec<String> = ids.into_iter().map(entry).collect();
        std::fs::write(folder.join("spans.json"), format!("[{}]", entries.join(","))).unwrap();
        refuses(folder, &score(&["--states", "states"]), 2, says);
        // Whichever part of the samples a job has.
        refuses(folder, &score(&["--states", "states", "--shard", "1/9"]), 2, says);
    }
    assert!(!folder.join("out.csv").exists());
}

#[test]
fn an_empty_question_has_an_empty_total() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&folder.join("states"), &[states("states", &[9, DIM], &noise(9 * DIM))]);
    let spans =
        r#"[{"id":0,"prefix":[0,2],"question":[2,2]},{"id":1,"prefix":[0,2],"question":[2,3]}]"#;
    std::fs::write(folder.join("spans.json"), spans).unwrap();
    passes(folder, &score(&["--states", "states"]));
    let text = std::fs::read_to_string(folder.join("out.csv")).unwrap();
    assert_eq!(text.lines().nth(1), Some("0,,,,,0,angle"));
    let Some(Column::Number(totals)) =
        Table::read_csv(folder.join("out.csv")).unwrap().get("total").cloned()
    else {
        panic!("no total");
    };
    assert!(totals[0].is_none() && totals[1].is_some());
}

#[test]
fn what_is_no_file_of_tensors_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = folder.join("states");
    write(&file, &[states("states", &[9, DIM], &noise(9 * DIM))]);
    std::fs::write(folder.join("spans.json"), "[]").unwrap();
    passes(folder, &score(&["--states", "states"]));

    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, [&whole[..], b"\0\0"].concat()).unwrap();
    let size = whole.len();
    let says = format!("{} bytes, the last tensor ends at {size}", size + 2);
    refuses(folder, &score(&["--states", "states"]), 2, &says);
    std::fs::write(&file, &whole[..size - 1]).unwrap();
    refuses(folder, &score(&["--states", "states"]), 2, "`states` ends at");
    // Rows of a size that no buffer has, and none of them.
    write(&file, &[states("states", &[0, usize::MAX / 2], &[])]);
    passes(folder, &score(&["--states", "states"]));
    write(&file, &[states("states", &[9, 2 * DIM], &noise(9 * DIM))]);
    refuses(folder, &score(&["--states", "states"]), 2, "not a safetensors file");

    std::fs::create_dir(folder.join("empty")).unwrap();
    refuses(folder, &score(&["--states", "empty"]), 2, "no file whose name ends in .safetensors");
    refuses(folder, &score(&["--states", "empty", "states"]), 2, "empty: a folder");
    refuses(folder, &score(&["--states", "nowhere"]), 2, "nowhere");
    #[cfg(unix)]
    {
        let made = Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap();
        assert!(made.success());
        refuses(folder, &score(&["--states", "pipe"]), 2, "pipe: a pipe or a device");
        let logits = ["score", "uncertainty", "--budget", "0", "--out", "o.csv", "--logits", "pipe"];
        refuses(folder, &logits, 2, "pipe: a pipe or a device");
    }
}

#[test]
fn a_missing_folder_is_named_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let says = "no/where/o.csv: there is no folder no/where";
    let angle = ["score", "angle", "--states", "none", "--spans", "none", "--out", "no/where/o.csv"];
    refuses(folder, &angle, 1, says);
    let logits =
        ["score", "uncertainty", "--budget", "0", "--logits", "none", "--out", "no/where/o.csv"];
    refuses(folder, &logits, 1, says);
    refuses(folder, &["merge", "none.csv", "--out", "no/where/o.csv"], 1, says);
}

#[test]
fn shards_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&folder.join("states"), &[states("states", &[40, DIM], &noise(40 * DIM))]);
    let entries: Vec<String> = (0..5)
        .map(|id| format!("{{\"id\":{id},\"prefix\":[0,2],\"question\":[{},{}]}}", 3 * id, 3 * id + 7))
        .collect();
    std::fs::write(folder.join("spans.json"), format!("[{}]", entries.join(","))).unwrap();
    passes(folder, &score(&["--states", "states"]));
    let whole = Table::read_csv(folder.join("out.csv")).unwrap();
    // More shards than samples: some are empty.
    let mut shards = Vec::new();
    for k in 1..=8 {
        let out = format!("{k}.{}", if k % 2 == 0 { "csv" } else { "parquet" });
        let shard = format!("{k}/8");
        let arguments = [
            "score",
            "angle",
            "--spans",
            "spans.json",
            "--states",
            "states",
            "--shard",
            &shard,
            "--out",
            &out,
        ];
        passes(folder, &arguments);
        shards.push(out);
    }
    let mut arguments = vec!["merge", "--out", "all.parquet"];
    arguments.extend(shards.iter().map(String::as_str));
    passes(folder, &arguments);
    assert_eq!(Table::read_parquet(folder.join("all.parquet")).unwrap(), whole);

    std::fs::write(folder.join("other.csv"), "id,total\n0,1.5\n").unwrap();
    std::fs::write(folder.join("twice.csv"), "id,total\n0,1.5\n0,1.5\n").unwrap();
    std::fs::write(folder.join("less.csv"), "id,total\n0,0.5\n3,2.5\n").unwrap();
    let merge = |shards: [&'static str; 2]| ["merge", shards[0], shards[1], "--out", "m.csv"];
    refuses(folder, &merge(["other.csv", "out.csv"]), 2, "made by");
    refuses(folder, &merge(["other.csv", "less.csv"]), 2, "1 samples have other values");
    refuses(
        folder,
        &merge(["twice.csv", "less.csv"]),
        2,
        "twice.csv: table refused: sample 0 stands in row 0",
    );
    refuses(folder, &merge(["other.csv", "no.csv"]), 2, "no.csv");
    refuses(folder, &merge(["other.csv", "states"]), 2, "states: the name must end in");
    let done = run(folder, &merge(["other.csv", "other.csv"]));
    assert!(String::from_utf8_lossy(&done.stderr).contains("1 samples were in several shards"));
}
