//! A small network completes words of texts that have names of their own. It has never seen the names,
//! but the text before the cursor has; test-time training reads it again.
//!
//! ```text
//! cargo run --release --features train --example test_time -- [--seeds N] [--first SEED] [--queries N] [--pairs N]
//!     [--picture FILE]
//! ```
//!
//! The network sees three symbols, so only its weights can hold a name. Every query is answered eight ways: as it is; by
//! TT-SI with its published threshold (margin below 0.95, no checks); within a budget of 20 % of the queries, ranked by
//! uncertainty, and by what there is to learn; where there is a nat to learn, within 20 % that may be saved up; within 20 %
//! with held-out pairs, the gain gate and the switch; adapting to everything; and by looking up the text without any
//! update. All have the same trained weights, the same queries and the same synthesiser: places of the text, which are
//! labelled pairs by construction. Halfway the texts begin to have more names.
//!
//! A model that attends over the whole text would not need any of this, and the lookup does as well: the example tells what
//! a budget is spent on, not that this task needs one.

mod course;
mod picture;
mod speller;
mod table;
mod task;
mod typist;

use std::path::PathBuf;

use course::{Course, Run};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

struct Options {
    seeds: u64,
    first: u64,
    queries: usize,
    /// Synthesised for an update, the same for all.
    pairs: usize,
    picture: PathBuf,
}

fn main() -> Result<()> {
    let options = options()?;
    let runs = run_all(&options)?;
    table::print(&runs);
    picture::draw(&runs, &options.picture)?;
    println!("picture: {}", options.picture.display());
    Ok(())
}

fn options() -> Result<Options> {
    let mut options =
        Options { seeds: 1, first: 1, queries: 800, pairs: 48, picture: "test-time.svg".into() };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        use lexopt::prelude::*;
        match argument {
            Long("seeds") => options.seeds = arguments.value()?.parse()?,
            Long("first") => options.first = arguments.value()?.parse()?,
            Long("queries") => options.queries = arguments.value()?.parse()?,
            Long("pairs") => options.pairs = arguments.value()?.parse()?,
            Long("picture") => options.picture = arguments.value()?.into(),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

/// Works on two seeds at a time, and returns all runs in the order of the seeds.
fn run_all(options: &Options) -> Result<Vec<Run>> {
    let bars = MultiProgress::new();
    let style =
        ProgressStyle::with_template("{prefix:8} {bar:32} {pos:>5} queries  {elapsed:>4}  {msg}")?;
    let (orders, ordered) = crossbeam::channel::unbounded();
    let (results, finished) = crossbeam::channel::unbounded();
    for seed in options.first..options.first + options.seeds {
        orders.send(seed)?;
    }
    drop(orders);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (ordered, results) = (ordered.clone(), results.clone());
            let (bars, style) = (&bars, &style);
            scope.spawn(move || {
                for seed in ordered {
                    let bar = bars.add(
                        ProgressBar::new((Course::ALL.len() * options.queries) as u64)
                            .with_style(style.clone()),
                    );
                    bar.set_prefix(format!("seed {seed}"));
                    // The receiver outlives the scope.
                    let _ =
                        results.send((seed, course::all(seed, (options.queries, options.pairs), &bar)));
                }
            });
        }
    });
    drop(results);
    let mut runs: Vec<(u64, Result<Vec<Run>>)> = finished.into_iter().collect();
    runs.sort_by_key(|(seed, _)| *seed);
    let runs: Result<Vec<Vec<Run>>> = runs.into_iter().map(|(_, runs)| runs).collect();
    Ok(runs?.into_iter().flatten().collect())
}
