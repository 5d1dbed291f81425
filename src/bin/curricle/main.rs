//! The command line of curricle.
//!
//! ```text
//! curricle score angle --states FILE.safetensors --spans FILE.json --device cpu|gpu --out scores.parquet [--shard k/n]
//! ```
//!
//! Exit code 0 if all is well, 2 for bad input (the message names the row or the entry), 1 if a file could not be
//! written.

mod angle;
mod batches;
mod device;
mod fault;
mod shard;
mod spans_file;
mod tensor_file;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Adaptive curriculum and data selection for model training.
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
    Score(Score),
}

#[derive(Subcommand)]
enum Score {
    /// Angle concentration of hidden states (GAIN-RL).
    Angle(angle::Arguments),
}

fn main() -> ExitCode {
    let Command::Score(Score::Angle(arguments)) = Arguments::parse().command;
    match angle::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("curricle: {fault}");
            ExitCode::from(fault.code())
        }
    }
}
