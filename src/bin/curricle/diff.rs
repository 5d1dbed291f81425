//! `curricle diff`: in what two snapshots differ.

use std::collections::BTreeMap;
use std::path::PathBuf;

use curricle::AnyCurriculum;

use crate::fault::Fault;
use crate::inspect::number;
use crate::said::say;
use crate::snapshots::read;

#[derive(clap::Args)]
pub struct Arguments {
    /// A snapshot, or the base of a journal.
    before: PathBuf,
    /// Another one.
    after: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<(), Fault> {
    let (before, after) = (read(&arguments.before)?, read(&arguments.after)?);
    let mut lines = Vec::new();
    let text =
        |config: &curricle::Config| config.to_toml().map_err(|error| Fault::Input(error.to_string()));
    let (old, new) = (text(&before.config)?, text(&after.config)?);
    let only = |text: &str, other: &str, sign: &str| -> Vec<String> {
        let missing =
            text.lines().filter(|line| !line.is_empty() && !other.lines().any(|one| one == *line));
        missing.map(|line| format!("{sign} {line}")).collect()
    };
    lines.extend(only(&old, &new, "-"));
    lines.extend(only(&new, &old, "+"));
    let (old, new) = (numbers(&before.curriculum), numbers(&after.curriculum));
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (from, to) = (old.get(name).copied(), new.get(name).copied());
        if from.map(f64::to_bits) != to.map(f64::to_bits) {
            let change = from.zip(to).map(|(from, to)| format!("{:+}", to - from)).unwrap_or_default();
            lines.push(format!("{name:<40} {:>14} {:>14}  {change}", number(from), number(to)));
        }
    }
    if before.curriculum.digest() == after.curriculum.digest() {
        lines.push("the same decisions".into());
    }
    if lines.is_empty() {
        lines.push("no difference".into());
    }
    say(&(lines.join("\n") + "\n"))
}

fn numbers(curriculum: &AnyCurriculum) -> BTreeMap<String, f64> {
    let mut numbers: BTreeMap<String, f64> = curriculum.metrics().into_iter().collect();
    numbers.insert("population/drawable".into(), curriculum.population().drawable_total() as f64);
    numbers.insert("population/samples".into(), curriculum.population().arms().samples() as f64);
    numbers
}
