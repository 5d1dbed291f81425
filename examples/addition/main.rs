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

mod model;
mod picture;
mod table;
mod task;
mod training;

use std::path::PathBuf;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use training::{Course, Run};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

struct Options {
    seeds: u64,
    steps: usize,
    picture: PathBuf,
}

fn main() -> Result<()> {
    let options = options()?;
    let jobs: Vec<(Course, u64)> =
        (1..=options.seeds).flat_map(|seed| Course::ALL.map(|course| (course, seed))).collect();
    let runs = run_all(&jobs, options.steps)?;
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

/// Trains two runs at a time, and returns all in the order of the jobs.
fn run_all(jobs: &[(Course, u64)], steps: usize) -> Result<Vec<Run>> {
    let bars = MultiProgress::new();
    let style =
        ProgressStyle::with_template("{prefix:20} {bar:32} {pos:>5} steps  {elapsed:>4}  {msg}")?;
    let (orders, ordered) = crossbeam::channel::unbounded();
    let (results, finished) = crossbeam::channel::unbounded();
    for (place, &(course, seed)) in jobs.iter().enumerate() {
        orders.send((place, course, seed))?;
    }
    drop(orders);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (ordered, results) = (ordered.clone(), results.clone());
            let (bars, style) = (&bars, &style);
            scope.spawn(move || {
                for (place, course, seed) in ordered {
                    let bar = bars.add(ProgressBar::new(steps as u64).with_style(style.clone()));
                    bar.set_prefix(format!("{} (seed {seed})", course.name()));
                    // The receiver outlives the scope.
                    let _ = results.send((place, training::run(course, seed, steps, &bar)));
                }
            });
        }
    });
    drop(results);
    let mut runs: Vec<(usize, Result<Run>)> = finished.into_iter().collect();
    runs.sort_by_key(|(place, _)| *place);
    runs.into_iter().map(|(_, run)| run).collect()
}
