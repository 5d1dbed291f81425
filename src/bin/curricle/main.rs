//! The command line of curricle.
//!
//! ```text
//! curricle score angle --states FILE.safetensors|FOLDER --spans FILE.json --device cpu|gpu --out scores.parquet [--shard k/n]
//! curricle score uncertainty --logits FILE.safetensors --scores entropy,margin --budget 0.2 --out scores.parquet
//! curricle score logratio --in FILE.jsonl ... --strong FIELD --weak FIELD [--per-token] --out scores.parquet
//! curricle score overlap --in FILE ... --a FIELD --b FIELD --ngram 8 --out scores.parquet
//! curricle score pairs --in FILE ... --chosen-scores FIELD --rejected-scores FIELD --out pairs.parquet
//! curricle decontaminate --train FILE.jsonl ... --test FILE.parquet ... --ngram 8 --out found.parquet
//! curricle merge --out scores.parquet SHARD.parquet ...
//! curricle inspect SNAPSHOT [--sample N [--batch N]] [--json]
//! curricle replay JOURNAL [--round N|--position N] [--json]
//! curricle diff SNAPSHOT SNAPSHOT
//! curricle report JOURNAL --out report.html|--follow
//! curricle monitor JOURNAL|TABLE [--x step --y a,b] [--window N] [--out FILE.svg|FILE.html] [--json]
//! curricle probe ITEMS.parquet [--share 0.2|--count N] [--blind FIELD] [--irt] --out probes.parquet
//! curricle simulate CONFIG [--scenario grid] [--seeds 8] [--steps 6000] [--out FILE.svg] [--json]
//! ```
//!
//! Snapshots and journals are read by themselves where the run was built from a `Config`, which stands in them; names
//! of arms do not.
//!
//! Exit code 0 if all is well, 2 for bad input (the message names the row or the entry), 1 if a file
//! could not be written.

mod batches;
mod decontaminate;
mod device;
mod diff;
mod fault;
mod inspect;
mod merge;
mod monitor;
mod options;
mod out_file;
mod probe;
mod progress;
mod report;
mod rows;
mod said;
mod score;
mod shard;
mod simulate;
mod snapshots;
mod spans_file;
mod states;
mod table_file;
mod tensor_file;
mod texts;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Adaptive curriculum and data selection for model training.
///
/// Snapshots and journals can be read if the run was built from a `Config`, as TOML or JSON.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Score samples by a signal of the model and write a table.
    #[command(subcommand)]
    Score(score::Score),
    /// Find training texts that have much of a test text in them.
    Decontaminate(decontaminate::Arguments),
    /// Put the shards of a table together.
    Merge(merge::Arguments),
    /// Show a snapshot: configuration, tickets, metrics, arms.
    Inspect(inspect::Arguments),
    /// Let a journal happen again, without a touch of its files, and show what it comes to.
    Replay(inspect::ReplayArguments),
    /// Show in what two snapshots differ.
    Diff(diff::Arguments),
    /// Tell what a run did over time: a page, or a view of a run that goes on.
    Report(report::Arguments),
    /// Tell where the scores of a run go: trend, limit, dips.
    Monitor(monitor::Arguments),
    /// Select a small set of items that decides between models.
    Probe(probe::Arguments),
    /// Teach the simulated learner with a curriculum, beside uniform sampling with the same seeds.
    Simulate(simulate::Arguments),
}

/// Takes `-1` behind an option for its value, not for another option: whether it may be one, the option tells.
fn numbers_may_be_negative(command: clap::Command) -> clap::Command {
    let of_value = |option: clap::Arg| match option.get_action().takes_values() {
        true => option.allow_negative_numbers(true),
        false => option,
    };
    command.mut_args(of_value).mut_subcommands(numbers_may_be_negative)
}

fn main() -> ExitCode {
    let matches = numbers_may_be_negative(Arguments::command()).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let done = match arguments.command {
        Command::Score(score) => score::run(&score),
        Command::Decontaminate(arguments) => decontaminate::run(&arguments),
        Command::Merge(arguments) => merge::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Replay(arguments) => inspect::run_replay(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Monitor(arguments) => monitor::run(&arguments),
        Command::Probe(arguments) => probe::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("curricle: {fault}");
            ExitCode::from(fault.code())
        }
    }
}
