//! How fast each curriculum teaches the simulated learner: median steps over seeds, five scenarios.
//!
//! ```text
//! cargo bench --bench curricula -- [--seeds 32] [--only SUBSTRING] [--delay 0] [--out FILE.csv]
//! ```
//!
//! To add a curriculum, add a line to [`rows`].

mod rows;

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use curricle::simulator::{Options, Scenario};
use indicatif::{ProgressBar, ProgressStyle};
use rows::{Row, rows};

const THREADS: usize = 2;

struct Arguments {
    seeds: usize,
    only: String,
    delay: u64,
    out: Option<String>,
}

fn arguments() -> Result<Arguments, lexopt::Error> {
    use lexopt::prelude::*;

    let mut found = Arguments { seeds: 32, only: String::new(), delay: 0, out: None };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seeds") => found.seeds = parser.value()?.parse::<usize>()?.max(1),
            Long("only") => found.only = parser.value()?.string()?,
            Long("delay") => found.delay = parser.value()?.parse()?,
            Long("out") => found.out = Some(parser.value()?.string()?),
            // What cargo adds.
            Long("bench") => {}
            other => return Err(other.unexpected()),
        }
    }
    Ok(found)
}

/// What the runs of one curriculum in one scenario came to.
struct Cell {
    /// Steps by seed, none where the target was not reached.
    steps: Vec<Option<u64>>,
    /// Mean share of the prompts that went to arms that cannot be learned.
    wasted: f64,
    cap: u64,
}

impl Cell {
    /// The steps at a quantile; none if that many runs did not reach the target.
    fn quantile(&self, quantile: f64) -> Option<f64> {
        let mut steps: Vec<f64> =
            self.steps.iter().map(|steps| steps.map_or(f64::INFINITY, |steps| steps as f64)).collect();
        steps.sort_unstable_by(f64::total_cmp);
        let place = quantile * (steps.len() - 1) as f64;
        let (low, high) = (steps[place.floor() as usize], steps[place.ceil() as usize]);
        high.is_finite().then(|| low + (high - low) * place.fract())
    }

    fn reached(&self) -> usize {
        self.steps.iter().flatten().count()
    }

    fn score(&self, scenario: Scenario) -> f64 {
        self.steps.iter().map(|&steps| scenario.score(steps)).sum::<f64>() / self.steps.len() as f64
    }

    fn text(&self, scenario: Scenario) -> String {
        let steps = match self.quantile(0.5) {
            Some(steps) => format!("{steps:.0}"),
            None => format!(">{} ({}/{})", self.cap, self.reached(), self.steps.len()),
        };
        format!("{steps} {:.2}", self.score(scenario))
    }
}

/// Runs every row in every scenario with every seed, on several threads.
fn measure(rows: &[Row], arguments: &Arguments) -> curricle::Result<Vec<Vec<Cell>>> {
    let options = Options { delay: arguments.delay, ..Options::default() };
    let scenarios = Scenario::ALL.len();
    let cell = || Cell { steps: vec![None; arguments.seeds], wasted: 0.0, cap: options.cap };
    let mut table: Vec<Vec<Cell>> =
        rows.iter().map(|_| (0..scenarios).map(|_| cell()).collect()).collect();
    let jobs = rows.len() * scenarios * arguments.seeds;
    let bar = ProgressBar::new(jobs as u64);
    bar.set_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} {eta} {msg}").expect("a template"),
    );
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| -> curricle::Result<()> {
        for _ in 0..THREADS {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    if job >= jobs {
                        break;
                    }
                    let (rest, seed) = (job / arguments.seeds, job % arguments.seeds);
                    let (row, place) = (rest / scenarios, rest % scenarios);
                    let run = (rows[row].run)(&Scenario::ALL[place], seed as u64 + 1, &options);
                    if sender.send((row, place, seed, run)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (row, place, seed, run) in receiver {
            let run = run?;
            let cell = &mut table[row][place];
            cell.steps[seed] = run.steps;
            let learnable = Scenario::ALL[place].learnable();
            let useful: u64 = learnable.iter().map(|arm| run.prompts[arm.index()]).sum();
            let all: u64 = run.prompts.iter().sum();
            cell.wasted += (1.0 - useful as f64 / all.max(1) as f64) / arguments.seeds as f64;
            bar.set_message(rows[row].name);
            bar.inc(1);
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    Ok(table)
}

fn print(rows: &[Row], table: &[Vec<Cell>], arguments: &Arguments) {
    let seeds = arguments.seeds;
    println!("median steps and mean score, {seeds} seeds, delay {}", arguments.delay);
    print!("{:<40}", "curriculum");
    Scenario::ALL.iter().for_each(|scenario| print!(" {:>18}", scenario.name()));
    println!();
    for (row, cells) in rows.iter().zip(table) {
        print!("{:<40}", row.name);
        let texts = cells.iter().zip(Scenario::ALL).map(|(cell, scenario)| cell.text(scenario));
        texts.for_each(|text| print!(" {text:>18}"));
        println!();
    }
}

fn write(path: &str, rows: &[Row], table: &[Vec<Cell>], arguments: &Arguments) -> std::io::Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "curriculum,scenario,delay,seeds,reached,q1,median,q3,score,wasted")?;
    for (row, cells) in rows.iter().zip(table) {
        for (cell, scenario) in cells.iter().zip(Scenario::ALL) {
            let steps = |quantile| cell.quantile(quantile).map_or(String::new(), |q| format!("{q}"));
            writeln!(
                file,
                "\"{}\",{},{},{},{},{},{},{},{:.4},{:.4}",
                row.name,
                scenario.name(),
                arguments.delay,
                arguments.seeds,
                cell.reached(),
                steps(0.25),
                steps(0.5),
                steps(0.75),
                cell.score(scenario),
                cell.wasted,
            )?;
        }
    }
    file.flush()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = arguments()?;
    let mut rows = rows();
    rows.retain(|row| row.name.contains(&arguments.only));
    let table = measure(&rows, &arguments)?;
    print(&rows, &table, &arguments);
    if let Some(path) = &arguments.out {
        write(path, &rows, &table, &arguments)?;
    }
    Ok(())
}
