//! Trains a small recurrent network to add, three times: with uniform sampling, with a hand-made
//! order, and with SEC, which finds an order by itself. curricle picks every batch.
//!
//! ```text
//! cargo run --release --features train --example addition -- [--seeds N] [--steps N] [--picture FILE]
//! ```
//!
//! The task is that of Matiisen et al., *Teacher-Student Curriculum Learning* (arXiv 1707.00183):
//! decimal addition with the number of digits as the arm. All three runs of a seed start from the
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

use std::path::PathBuf;

use training::{Course, Run};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

struct Options {
    seeds: u64,
    steps: usize,
    picture: PathBuf,
}

fn main() -> Result<()> {
    let options = options()?;
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

fn options() -> Result<Options> {
    let mut options = Options { seeds: 1, steps: 10_000, picture: "addition.svg".into() };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        use lexopt::prelude::*;
        match argument {
            Long("seeds") => options.seeds = arguments.value()?.parse()?,
            Long("steps") => options.steps = arguments.value()?.parse()?,
            Long("picture") => options.picture = arguments.value()?.into(),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}
