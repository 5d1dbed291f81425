//! The record of a table: all its runs in one Parquet file, a line a run as CSV, and the tables in words.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::compare::{Summary, Table};
use crate::fault::Fault;
use crate::file;
use crate::store::{Kept, write_whole};

/// Writes `NAME.parquet`, `NAME.csv` and `NAME.txt` into a folder, and says where. The first lines of the latter two are
/// the note: command, day and machine.
pub fn write(
    folder: &Path,
    name: &str,
    note: &str,
    (runs, tables, text): (&[Kept], &[Table], &str),
) -> Result<[PathBuf; 3], Fault> {
    let paths = ["parquet", "csv", "txt"].map(|kind| folder.join(format!("{name}.{kind}")));
    let head = head(note, runs);
    let contents = [
        file::bytes(runs)?,
        format!("{head}{}", csv(runs, tables)).into_bytes(),
        format!("{head}\n{text}").into_bytes(),
    ];
    for (path, content) in paths.iter().zip(&contents) {
        write_whole(path, content)?;
    }
    Ok(paths)
}

fn head(note: &str, runs: &[Kept]) -> String {
    let mut head = String::new();
    for line in note.lines() {
        let _ = writeln!(head, "# {line}");
    }
    let mut streams: Vec<u32> = runs.iter().map(|run| run.stream).collect();
    streams.sort_unstable();
    streams.dedup();
    let streams: Vec<String> = streams.iter().map(ToString::to_string).collect();
    let seconds: f64 = runs.iter().map(Kept::seconds).sum();
    let _ = writeln!(
        head,
        "# {} runs of {:.1} s in the mean; decision stream {}",
        runs.len(),
        if runs.is_empty() { 0.0 } else { seconds / runs.len() as f64 },
        streams.join(", ")
    );
    head
}

/// A line a run, in the order of the runs. Areas are up to the budget of the tables; a run that is in none of them, as
/// those of the rates are, is measured up to its own tokens.
fn csv(runs: &[Kept], tables: &[Table]) -> String {
    let mut text = String::from(
        "workload,curriculum,seed,rate,tokens,area,pass,worst,harder,entropy,unlearnable,useful,rollouts,\
         steps,seconds\n",
    );
    let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.4}"));
    for run in runs {
        let rows = tables.iter().flat_map(|table| &table.rows).flat_map(|row| &row.runs);
        let found = rows.clone().find(|summary| summary.setting == run.setting).cloned();
        let budget = run.end().min(run.setting.tokens) as f64;
        let Some(of) = found.or_else(|| Summary::of(run, budget)) else { continue };
        let set = &of.setting;
        let (workload, curriculum) = (&set.workload, &set.curriculum);
        let _ = write!(text, "{workload},{curriculum},{},{},{}", set.seed, set.rate, set.tokens);
        for value in [Some(of.area), Some(of.pass), of.worst, of.harder, of.entropy, of.unlearnable] {
            let _ = write!(text, ",{}", number(value));
        }
        let useful = of.useful.map_or(String::new(), |useful| format!("{useful:.1}"));
        let _ = writeln!(text, ",{useful},{},{},{:.1}", of.rollouts, of.steps, of.seconds);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Reference, tables};
    use crate::run::Setting;
    use crate::synthetic;

    #[test]
    fn a_record() {
        let folder = tempfile::tempdir().unwrap();
        let run = |curriculum: &str, seed| {
            let (workload, curriculum) = ("sequence-noise".into(), curriculum.into());
            synthetic::kept(&Setting { workload, curriculum, seed, rate: 1e-3, tokens: 5000 })
        };
        let runs = [run("uniform", 1), run("default", 1), run("default", 2)];
        let tables = tables(&runs, (&[], &[]), Reference::Baseline).unwrap();
        let note = "study small\n2026-11-28, a machine";
        let paths = write(folder.path(), "small", note, (&runs, &tables, "words\n")).unwrap();
        assert_eq!(file::read(&paths[0]).unwrap(), runs);
        let [csv, text] = [&paths[1], &paths[2]].map(|path| std::fs::read_to_string(path).unwrap());
        let head =
            "# study small\n# 2026-11-28, a machine\n# 3 runs of 0.0 s in the mean; decision stream ";
        assert!(
            csv.starts_with(head) && text.starts_with(head) && text.ends_with("\n\nwords\n"),
            "{text}"
        );
        let lines: Vec<&str> = csv.lines().skip(3).collect();
        assert_eq!(lines.len(), 4);
        let columns = |line: &str| line.split(',').count();
        assert!(
            lines.iter().all(|line| columns(line) == 15)
                && lines[1].starts_with("sequence-noise,uniform,1,")
        );
    }
}
