//! Trains a small recurrent network to add, four times: with uniform sampling, with a hand-made order, and with two
//! settings of a bandit, which finds an order by itself: the sharp Boltzmann, curricle's own, and SEC as published.
//! curricle picks every batch.
//!
//! ```text
//! cargo run --release --features train --example addition -- [--seeds N] [--steps N] [--picture FILE]
//! cargo run --release --features train,config --example addition -- --journal RUN [--steps N]
//! ```
//!
//! The second trains with the sharp Boltzmann alone and keeps a journal, of which `curricle report RUN --out report.html`
//! makes a page.
//!
//! The task is that of Matiisen et al., *Teacher-Student Curriculum Learning* (arXiv 1707.00183):
//! decimal addition with the number of digits as the arm. All runs of a seed start from the
//! same weights and use the same optimiser and batch size; only the choice of samples differs.

#[path = "../shared/jobs.rs"]
mod jobs;
mod model;
mod picture;
#[path = "../shared/sum.rs"]
mod sum;
mod table;
mod task;
mod training;

use std::path::{Path, PathBuf};

use training::{Course, Run};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

struct Options {
    seeds: u64,
    steps: usize,
    picture: PathBuf,
    journal: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = options()?;
    if let Some(journal) = &options.journal {
        return with_journal(journal, options.steps);
    }
    let each =
        |seed| Course::ALL.map(|course| (format!("{} (seed {seed})", course.name()), (course, seed)));
    let jobs = (1..=options.seeds).flat_map(each).collect();
    let runs = jobs::run_all(jobs, options.steps, |(course, seed), bar| {
        training::run(course, seed, options.steps, bar)
    })?;
    table::print(&runs, options.steps);
    let first: Vec<&Run> = runs.iter().filter(|run| run.seed == 1).collect();
    picture::draw(&first, &options.picture)?;
    println!("picture of seed 1: {}", options.picture.display());
    Ok(())
}

#[cfg(feature = "config")]
fn with_journal(journal: &Path, steps: usize) -> Result<()> {
    let jobs = vec![("sharp Boltzmann (seed 1)".to_owned(), journal)];
    let runs =
        jobs::run_all(jobs, steps, |journal, bar| training::run_with_journal(journal, 1, steps, bar))?;
    let done = runs.first().and_then(Run::done);
    match done {
        Some(step) => println!("all lengths at 90 % at step {step}; journal: {}", journal.display()),
        None => println!("not all lengths at 90 % in {steps} steps; journal: {}", journal.display()),
    }
    Ok(())
}

#[cfg(not(feature = "config"))]
fn with_journal(_: &Path, _: usize) -> Result<()> {
    Err("a journal that can be reported needs the feature `config`".into())
}

fn options() -> Result<Options> {
    let mut options =
        Options { seeds: 1, steps: 10_000, picture: "addition.svg".into(), journal: None };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        use lexopt::prelude::*;
        match argument {
            Long("seeds") => options.seeds = arguments.value()?.parse()?,
            Long("steps") => options.steps = arguments.value()?.parse()?,
            Long("journal") => options.journal = Some(arguments.value()?.into()),
            Long("picture") => options.picture = arguments.value()?.into(),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}
