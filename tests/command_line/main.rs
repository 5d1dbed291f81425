//! The command line, run as a person would.

mod decontaminate;
mod files;
mod input;
mod logratio;
mod monitor;
mod overlap;
mod overwriting;
mod pairs;
mod probe;
mod readme;
mod reports;
mod rows;
mod runs;
mod simulate;

use std::path::Path;
use std::process::{Command, Output};

use curricle::signal::{HiddenStates, Spans};
use curricle::table::{Column, Table, merge};
use half::{bf16, f16};

/// A safetensors file with one tensor.
fn write_tensor(path: &Path, name: &str, dtype: &str, shape: [usize; 2], bytes: &[u8]) {
    let header = format!(
        "{{\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":[0,{}]}}}}",
        bytes.len()
    );
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(bytes);
    std::fs::write(path, file).unwrap();
}

fn noise(len: usize) -> Vec<f32> {
    let mut state = 1u64;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 0.9
    };
    (0..len).map(step).collect()
}

fn score(folder: &Path, more: &[&str]) -> Output {
    let file = |name: &str| folder.join(name).display().to_string();
    Command::new(env!("CARGO_BIN_EXE_curricle"))
        .args(["score", "angle", "--states", &file("states"), "--spans", &file("spans.json")])
        .args(more)
        .current_dir(folder)
        .output()
        .unwrap()
}

const DIM: usize = 24;

fn samples() -> Vec<(u64, Spans)> {
    let question = |i: usize| 20 + 7 * i..20 + 7 * i + i % 9;
    let spans =
        |i: usize| Spans { prefix: 0..if i.is_multiple_of(4) { 0 } else { 20 }, question: question(i) };
    (0..50).rev().map(|i| (1000 + i as u64, spans(i))).collect()
}

fn write_spans(path: &Path, samples: &[(u64, Spans)]) {
    let entries = samples.iter().map(|(id, Spans { prefix: p, question: q })| {
        format!(
            "{{\"id\":{id},\"prefix\":[{},{}],\"question\":[{},{}]}}",
            p.start, p.end, q.start, q.end
        )
    });
    std::fs::write(path, format!("[{}]", entries.collect::<Vec<_>>().join(","))).unwrap();
}

#[test]
fn scores_are_those_of_the_library_for_every_type_and_shards_merge() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let states = noise(400 * DIM);
    let samples = samples();
    write_spans(&folder.join("spans.json"), &samples);
    let spans: Vec<Spans> = samples.iter().map(|(_, spans)| spans.clone()).collect();
    for dtype in ["F32", "F16", "BF16"] {
        let narrow: Vec<u16> = match dtype {
            "F16" => states.iter().map(|&x| f16::from_f32(x).to_bits()).collect(),
            _ => states.iter().map(|&x| bf16::from_f32(x).to_bits()).collect(),
        };
        let (bytes, read): (Vec<u8>, Vec<f32>) = match dtype {
            "F32" => (states.iter().flat_map(|x| x.to_le_bytes()).collect(), states.clone()),
            "F16" => (
                narrow.iter().flat_map(|x| x.to_le_bytes()).collect(),
                narrow.iter().map(|&x| f16::from_bits(x).to_f32()).collect(),
            ),
            _ => (
                narrow.iter().flat_map(|x| x.to_le_bytes()).collect(),
                narrow.iter().map(|&x| bf16::from_bits(x).to_f32()).collect(),
            ),
        };
        write_tensor(&folder.join("states"), "states", dtype, [400, DIM], &bytes);
        let done = score(folder, &["--out", "all.parquet", "--model", "toy"]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let table = Table::read_parquet(folder.join("all.parquet")).unwrap();
        let names: Vec<&str> = table.columns().map(|(name, _)| name).collect();
        assert_eq!(names, ["intra", "intra_no_diag", "inter", "total", "tokens"]);
        assert_eq!(table.made_by().model, "toy");
        let ids: Vec<u64> = samples.iter().map(|(id, _)| *id).collect();
        assert_eq!(table.samples(), ids);
        let expected =
            HiddenStates { states: &read, dim: DIM, spans: &spans }.concentrations().unwrap();
        let totals = expected.iter().map(|c| c.total()).collect();
        assert_eq!(table.get("total"), Some(&Column::Number(totals)));
        assert_eq!(
            table.get("intra_no_diag"),
            Some(&Column::Number(expected.iter().map(|c| c.intra_no_diag).collect()))
        );

        let shards = (1..=3).map(|k| {
            let (shard, out) = (format!("{k}/3"), format!("{k}.csv"));
            let done = score(folder, &["--out", &out, "--shard", &shard, "--model", "toy"]);
            assert!(done.status.success());
            Table::read_csv(folder.join(out)).unwrap()
        });
        let merged = merge(shards.collect::<Vec<_>>()).unwrap();
        assert!(merged.repeated.is_empty() && merged.disagreeing.is_empty());
        assert_eq!(merged.table, merge([table]).unwrap().table);
    }
}

/// With `CURRICLE_TEST_GPU=1` an adapter must be there; otherwise its absence must be said.
#[cfg(feature = "gpu")]
#[test]
fn a_graphics_device_scores_as_the_processor_does() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bytes: Vec<u8> = noise(400 * DIM).iter().flat_map(|x| x.to_le_bytes()).collect();
    write_tensor(&folder.join("states"), "states", "F32", [400, DIM], &bytes);
    write_spans(&folder.join("spans.json"), &samples());
    let done = score(folder, &["--out", "gpu.parquet", "--device", "software-gpu"]);
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        let demanded = std::env::var_os("CURRICLE_TEST_GPU").is_some_and(|value| value == "1");
        assert!(!demanded && done.status.code() == Some(2) && said.contains("adapter"), "{said}");
        return;
    }
    assert!(score(folder, &["--out", "cpu.parquet"]).status.success());
    let [gpu, cpu] =
        ["gpu", "cpu"].map(|name| Table::read_parquet(folder.join(format!("{name}.parquet"))).unwrap());
    assert_eq!((gpu.samples(), gpu.get("tokens")), (cpu.samples(), cpu.get("tokens")));
    for name in ["intra", "intra_no_diag", "inter", "total"] {
        let (Some(Column::Number(gpu)), Some(Column::Number(cpu))) = (gpu.get(name), cpu.get(name))
        else {
            panic!("no column {name}");
        };
        for (gpu, cpu) in gpu.iter().zip(cpu) {
            match (gpu, cpu) {
                (Some(gpu), Some(cpu)) => assert!((gpu - cpu).abs() < 2e-6, "{name}: {gpu}, {cpu}"),
                (gpu, cpu) => assert_eq!(gpu, cpu, "{name}"),
            }
        }
    }
}

#[test]
fn bad_input_names_the_row_and_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bytes = |states: &[f32]| states.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let mut states = noise(400 * DIM);
    let file = folder.join("states");
    write_tensor(&file, "states", "F32", [400, DIM], &bytes(&states));
    write_spans(&folder.join("spans.json"), &samples());
    let refused = |more: &[&str], says: &str| {
        let done = score(folder, more);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said:?} lacks {says:?}");
        assert!(!folder.join("out.parquet").exists());
    };
    let out = &["--out", "out.parquet"];
    refused(&["--out", "out.txt"], ".parquet or .csv");
    refused(&["--out", "out.parquet", "--shard", "0/2"], "1 <= k <= n");

    // Row 41 is in the question of sample 3, read out of its place after the prefix.
    states[41 * DIM + 5] = f32::NAN;
    write_tensor(&file, "states", "F32", [400, DIM], &bytes(&states));
    refused(out, "row 41 of `states` is not finite");
    write_tensor(&file, "hidden", "F32", [400, DIM], &bytes(&states));
    refused(out, "no tensor `states`");
    write_tensor(&file, "states", "I32", [400, DIM], &bytes(&states));
    refused(out, "I32");
    let mut whole = std::fs::read(&file).unwrap();
    whole.truncate(whole.len() - 1);
    std::fs::write(&file, whole).unwrap();
    refused(out, "ends at");
    std::fs::write(&file, "no tensors here").unwrap();
    refused(out, "not a safetensors file");

    write_tensor(&file, "states", "F32", [400, DIM], &bytes(&noise(400 * DIM)));
    let spans = folder.join("spans.json");
    for (text, says) in [
        ("{}", "not a list"),
        (
            r#"[{"id":1,"prefix":[0,1],"question":[1,2]},{"id":2,"question":[1,2]}]"#,
            "entry 1: missing field `prefix`",
        ),
        (r#"[{"id":-1,"prefix":[0,1],"question":[1,2]}]"#, "entry 0: invalid value"),
        (
            r#"[{"id":9,"prefix":[0,1],"question":[1,401]}]"#,
            "entry 0 (id 9): question [1, 401] of 400 rows",
        ),
        (r#"[{"id":9,"prefix":[3,1],"question":[1,2]}]"#, "entry 0 (id 9): prefix [3, 1]"),
    ] {
        std::fs::write(&spans, text).unwrap();
        refused(out, says);
    }
}

fn score_logits(folder: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_curricle"))
        .args(["score", "uncertainty", "--logits", "logits", "--out", "out.parquet"])
        .args(more)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Entropy, margin and energy by their definitions.
#[expect(clippy::disallowed_methods, reason = "a twin")]
fn by_definition(row: &[f64]) -> [f64; 3] {
    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let whole: f64 = row.iter().map(|z| (z - most).exp()).sum();
    let mut p: Vec<f64> = row.iter().map(|z| (z - most).exp() / whole).collect();
    let entropy = p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
    p.sort_by(|a, b| b.total_cmp(a));
    [entropy, p[0] - p[1], -(most + whole.ln())]
}

#[test]
fn uncertainties_are_those_of_the_definitions_for_every_type_and_the_budget_holds() {
    const VOCAB: usize = 1000;
    const ROWS: usize = 90;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let logits: Vec<f32> = noise(ROWS * VOCAB).iter().map(|z| 8.0 * z).collect();
    for dtype in ["F32", "F16", "BF16"] {
        let narrow = |z: f32| match dtype {
            "F16" => f16::from_f32(z).to_bits(),
            _ => bf16::from_f32(z).to_bits(),
        };
        let widened = |z: f32| match dtype {
            "F32" => z,
            "F16" => f16::from_f32(z).to_f32(),
            _ => bf16::from_f32(z).to_f32(),
        };
        let bytes: Vec<u8> = match dtype {
            "F32" => logits.iter().flat_map(|z| z.to_le_bytes()).collect(),
            _ => logits.iter().flat_map(|&z| narrow(z).to_le_bytes()).collect(),
        };
        write_tensor(&folder.join("logits"), "logits", dtype, [ROWS, VOCAB], &bytes);
        let done =
            score_logits(folder, &["--scores", "margin,entropy,energy,renyi-0.5", "--budget", "0.21"]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let table = Table::read_parquet(folder.join("out.parquet")).unwrap();
        let names: Vec<&str> = table.columns().map(|(name, _)| name).collect();
        assert_eq!(names, ["margin", "entropy", "energy", "renyi-0.5", "selected"]);
        assert_eq!(table.samples(), (0..ROWS as u64).collect::<Vec<_>>());
        let column = |name: &str| match table.get(name) {
            Some(Column::Number(values)) => values.iter().map(|value| value.unwrap()).collect(),
            _ => Vec::new(),
        };
        let [margin, entropy, energy] = ["margin", "entropy", "energy"].map(column);
        for row in 0..ROWS {
            let wide: Vec<f64> =
                logits[row * VOCAB..][..VOCAB].iter().map(|&z| f64::from(widened(z))).collect();
            let expected = by_definition(&wide);
            for (found, expected) in [entropy[row], margin[row], energy[row]].into_iter().zip(expected)
            {
                let near = 3e-6 * expected.abs().max(1.0);
                assert!((found - expected).abs() < near, "{dtype} {row}: {found} {expected}");
            }
        }
        let Some(Column::Flag(selected)) = table.get("selected") else { panic!("no selection") };
        assert_eq!(selected.iter().filter(|selected| **selected).count(), 18);
        let of = |wanted: bool| (0..ROWS).filter(move |&row| selected[row] == wanted);
        let greatest = of(true).map(|row| margin[row]).fold(f64::NEG_INFINITY, f64::max);
        let least = of(false).map(|row| margin[row]).fold(f64::INFINITY, f64::min);
        assert!(greatest <= least, "{greatest} {least}");
    }
}

#[test]
fn ties_are_shared_out_and_faulty_rows_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // A thousand equal rows, but for the last that is certain.
    let mut logits = vec![0.0f32; 4000];
    logits[3996] = 50.0;
    let write = |logits: &[f32]| {
        let bytes: Vec<u8> = logits.iter().flat_map(|z| z.to_le_bytes()).collect();
        write_tensor(&folder.join("logits"), "logits", "F32", [1000, 4], &bytes);
    };
    write(&logits);
    assert!(score_logits(folder, &["--scores", "entropy", "--budget", "0.29"]).status.success());
    let selected = || match Table::read_parquet(folder.join("out.parquet")).unwrap().get("selected") {
        Some(Column::Flag(selected)) => selected.clone(),
        _ => Vec::new(),
    };
    let first = selected();
    assert_eq!(first.iter().filter(|selected| **selected).count(), 290);
    let early = first[..500].iter().filter(|selected| **selected).count();
    assert!((110..180).contains(&early) && !first[999], "{early}");
    assert!(score_logits(folder, &["--budget", "0.29", "--seed", "1"]).status.success());
    assert_ne!(selected(), first);
    std::fs::remove_file(folder.join("out.parquet")).unwrap();

    let refused = |more: &[&str], says: &str| {
        let done = score_logits(folder, more);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said:?} lacks {says:?}");
        assert!(!folder.join("out.parquet").exists());
    };
    refused(&["--budget", "1.5"], "not in [0, 1]");
    refused(&["--budget", "NaN"], "not in [0, 1]");
    refused(&["--budget", "0.1", "--scores", "certainty"], "no score of this name");
    refused(&["--budget", "0.1", "--scores", "margin,margin"], "margin");
    refused(&["--budget", "0.1", "--scores", "margin,renyi-1e300"], "order of an entropy");
    refused(&["--budget", "0.1", "--scores", "renyi-1e-320"], "order of an entropy");
    logits[4 * 70 + 2] = f32::NAN;
    write(&logits);
    refused(&["--budget", "0.1"], "row 70 of `logits` holds NaN");
    logits[4 * 20..][..4].fill(f32::NEG_INFINITY);
    write(&logits);
    refused(&["--budget", "0.1"], "row 20 of `logits` has nothing possible");
    for (policy, value) in [("skip", None), ("uncertain", Some(0.0))] {
        assert!(score_logits(folder, &["--budget", "0.1", "--non-finite", policy]).status.success());
        let table = Table::read_parquet(folder.join("out.parquet")).unwrap();
        let Some(Column::Number(margin)) = table.get("margin") else { panic!("no margin") };
        assert_eq!((margin[70], margin[20], margin[5]), (value, value, Some(0.0)));
        assert!(policy == "uncertain" || !selected()[70] && !selected()[20]);
    }
}
