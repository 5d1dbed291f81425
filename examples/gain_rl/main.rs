//! GAIN-RL end to end: a small transformer is trained on a pool of questions in the order of the angle
//! concentration of its own hidden states, and in four other orders.
//!
//! ```text
//! cargo run --release --features train --example gain_rl -- [--seeds N] [--steps N] [--warm-up N]
//!     [--picture FILE] [--scores FILE]
//! ```
//!
//! The paper (Wang et al., *Angles Don't Lie*, arXiv 2506.02281) fine-tunes a pretrained model by
//! reinforcement learning. Here all runs of a seed share a short uniform warm-up, which is counted for
//! all of them, are scored after it, and go on by supervised training: what is compared is the order.
//! The orders that come with the paper's code are close to sorts by prompt length, so a sort by length
//! is one of the rivals.

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

use training::Course;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

struct Options {
    seeds: u64,
    steps: usize,
    warm_up: usize,
    picture: PathBuf,
    scores: PathBuf,
}

fn main() -> Result<()> {
    let options = options()?;
    let seeds = (1..=options.seeds).map(|seed| (format!("warm-up (seed {seed})"), seed)).collect();
    let starts =
        jobs::run_all(seeds, options.warm_up, |seed, bar| training::start(seed, options.warm_up, bar))?;
    if let Some(first) = starts.first() {
        first.table.write_csv(&options.scores)?;
    }
    table::orders(&starts)?;
    let each = |start: &training::Start| {
        let (seed, start) = (start.seed, start.clone());
        Course::ALL.map(|course| (format!("{} ({seed})", course.name()), (course, start.clone())))
    };
    let jobs = starts.iter().flat_map(each).collect();
    let left = options.steps.saturating_sub(options.warm_up);
    let runs = jobs::run_all(jobs, left, |(course, start), bar| {
        training::run(course, start, options.steps, bar)
    })?;
    table::print(&runs, options.steps);
    picture::draw(&runs, &options.picture)?;
    println!("scores of seed 1: {}", options.scores.display());
    println!("picture: {}", options.picture.display());
    Ok(())
}

fn options() -> Result<Options> {
    let mut options = Options {
        seeds: 1,
        steps: 2000,
        warm_up: 200,
        picture: "gain_rl.svg".into(),
        scores: "gain_rl.csv".into(),
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        use lexopt::prelude::*;
        match argument {
            Long("seeds") => options.seeds = arguments.value()?.parse()?,
            Long("steps") => options.steps = arguments.value()?.parse()?,
            Long("warm-up") => options.warm_up = arguments.value()?.parse()?,
            Long("picture") => options.picture = arguments.value()?.into(),
            Long("scores") => options.scores = arguments.value()?.into(),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}
