//! The regret of every policy on changing Bernoulli bandits, beside an independent reference.
//!
//! ```text
//! cargo bench --bench regret -- [--seeds 200] [--only TEXT] [--out FILE.csv]
//! ```
//!
//! One pull a round; regret is the sum of `max_k mu_k(t) - mu_a(t)` over the true means. A row is out,
//! and the exit code is not 0, if its mean differs from the reference's by more than three joint standard
//! errors, or if the best of a family is worse than the reference's best by more than that. The time of a
//! decision with its update is printed beside the limit of its family; a machine may be slow, so it
//! does not count.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod problem;
mod rows;

use std::fmt::Write as _;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use problem::{NAMES, Problem};
use rows::Reference;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The reference's best of each family on P1, P2, P3 and P5.
const BEST: [(&str, &str, [f64; 4]); 5] = [
    ("SW-UCB", "SW-UCB", [95.0, 70.0, 510.0, 137.0]),
    ("GLR-UCB", "GLR-UCB", [51.0, 74.0, 549.0, 122.0]),
    ("DTS by round", "DTS-Beta g=", [155.0, 131.0, 977.0, 234.0]),
    ("KF-TS", "KF-TS", [90.0, 76.0, 677.0, 156.0]),
    ("Boltzmann-TD, Q0 = 1", "Boltzmann-TD a=0.1 tau=0.05 Q0=1", [52.0, 65.0, 682.0, 140.0]),
];

struct Options {
    seeds: u64,
    only: String,
    out: Option<PathBuf>,
}

/// Mean regret and its standard error.
#[derive(Debug, Clone, Copy)]
struct Estimate {
    mean: f64,
    error: f64,
}

impl Estimate {
    fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
        Self { mean, error: (squares / (n - 1.0).max(1.0) / n).sqrt() }
    }
}

fn main() -> Result<()> {
    let options = options()?;
    let reference = Reference::load()?;
    let problems = reference.problems()?;
    let names: Vec<&String> = reference
        .rows
        .keys()
        .filter(|name| name.contains(&options.only) && rows::has_counterpart(name))
        .collect();
    let jobs: Vec<(&str, usize)> = names
        .iter()
        .flat_map(|name| (0..NAMES.len()).map(|problem| (name.as_str(), problem)))
        .filter(|(name, problem)| reference.parameters(name, *problem).is_some())
        .collect();
    let estimates = run_all(&jobs, &reference, &problems, options.seeds)?;

    let mut csv = String::from("policy,problem,mean,se,reference_mean,reference_se,joint_errors\n");
    let mut faults = 0;
    println!(
        "\n{:<58}{:>12}{:>12}{:>12}{:>12}",
        "mean regret (joint standard errors from reference)", "P1", "P2", "P3", "P5"
    );
    for name in &names {
        let mut line = format!("{name:<58}");
        for (problem, title) in NAMES.iter().enumerate() {
            let found = jobs.iter().zip(&estimates).find(|(job, _)| **job == (name.as_str(), problem));
            let Some((_, found)) = found else {
                write!(line, "{:>12}", "-")?;
                continue;
            };
            let stated = reference.estimate(name, problem).ok_or("no reference")?;
            let joint = (found.error * found.error + stated.error * stated.error).sqrt();
            let away = (found.mean - stated.mean) / joint.max(1e-9);
            let out = away.abs() > 3.0;
            faults += usize::from(out);
            write!(
                line,
                "{:>12}",
                format!("{:.0} ({away:+.1}{})", found.mean, if out { "!" } else { "" })
            )?;
            writeln!(
                csv,
                "\"{name}\",{},{:.2},{:.2},{:.2},{:.2},{away:.2}",
                title, found.mean, found.error, stated.mean, stated.error
            )?;
        }
        println!("{line}");
    }
    println!("{faults} rows out of three joint standard errors");
    faults += families(&jobs, &estimates);
    let slow = times(&names, &reference, &problems)?;
    println!("{slow} rows over their limit");
    let left_out: Vec<&str> = rows::WITHOUT.iter().map(|(name, _)| *name).collect();
    println!("\nrows of the reference without a counterpart: {}", left_out.join(", "));
    if let Some(out) = &options.out {
        std::fs::write(out, csv)?;
    }
    if faults > 0 {
        return Err(format!("{faults} checks failed").into());
    }
    Ok(())
}

fn options() -> Result<Options> {
    let mut options = Options { seeds: 200, only: String::new(), out: None };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        use lexopt::prelude::*;
        match argument {
            Long("seeds") => options.seeds = arguments.value()?.parse()?,
            Long("only") => options.only = arguments.value()?.string()?,
            Long("out") => options.out = Some(arguments.value()?.into()),
            Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

/// Runs all jobs on two threads; the estimates stand in the order of the jobs.
fn run_all(
    jobs: &[(&str, usize)],
    reference: &Reference,
    problems: &[Problem],
    seeds: u64,
) -> Result<Vec<Estimate>> {
    let bar = ProgressBar::new(jobs.len() as u64);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed} {msg}")?);
    let (orders, ordered) = crossbeam::channel::unbounded();
    let (results, finished) = crossbeam::channel::unbounded();
    (0..jobs.len()).try_for_each(|place| orders.send(place))?;
    drop(orders);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (ordered, results, bar) = (ordered.clone(), results.clone(), bar.clone());
            scope.spawn(move || {
                for place in ordered {
                    let (name, problem) = jobs[place];
                    bar.set_message(name.to_string());
                    let regrets: Result<Vec<f64>> = (0..seeds)
                        .map(|seed| {
                            let luck = problems[problem].luck(seed);
                            rows::regret(name, reference, problem, &problems[problem], seed, &luck)
                        })
                        .collect();
                    bar.inc(1);
                    // The receiver outlives the scope.
                    let _ = results.send((place, regrets.map(|regrets| Estimate::of(&regrets))));
                }
            });
        }
    });
    drop(results);
    bar.finish_and_clear();
    let mut estimates: Vec<(usize, Result<Estimate>)> = finished.into_iter().collect();
    estimates.sort_by_key(|(place, _)| *place);
    estimates.into_iter().map(|(_, estimate)| estimate).collect()
}

/// The best of each family against the reference's best.
fn families(jobs: &[(&str, usize)], estimates: &[Estimate]) -> usize {
    let mut faults = 0;
    println!("\n{:<24}{:>18}{:>18}{:>18}{:>18}", "best of family (limit)", "P1", "P2", "P3", "P5");
    for (family, prefix, limits) in BEST {
        let mut line = format!("{family:<24}");
        for (problem, limit) in limits.into_iter().enumerate() {
            let rows = jobs.iter().zip(estimates);
            let rows = rows.filter(|((name, of), _)| name.starts_with(prefix) && *of == problem);
            let Some((_, best)) = rows.min_by(|a, b| a.1.mean.total_cmp(&b.1.mean)) else { continue };
            // The limit is a mean of 200 seeds itself, rounded to an integer.
            let out = best.mean > limit + 0.5 + 3.0 * std::f64::consts::SQRT_2 * best.error;
            faults += usize::from(out);
            let _ = write!(
                line,
                "{:>18}",
                format!("{:.0} ({limit}){}", best.mean, if out { "!" } else { "" })
            );
        }
        println!("{line}");
    }
    faults
}

/// Nanoseconds for a decision with its update, the least of several runs.
fn times(names: &[&String], reference: &Reference, problems: &[Problem]) -> Result<usize> {
    let mut faults = 0;
    println!(
        "\n{:<58}{:>10}{:>10}{:>10}",
        "ns a decision and update, one thread", "K = 3", "K = 10", "limit"
    );
    for name in names {
        let Some(limit) = rows::time_limit(name) else { continue };
        let mut line = format!("{name:<58}");
        let mut over = false;
        for problem in [0, 2] {
            let mut least = f64::INFINITY;
            for seed in 0..12 {
                let luck = problems[problem].luck(seed);
                let start = std::time::Instant::now();
                rows::regret(name, reference, problem, &problems[problem], seed, &luck)?;
                least = least.min(start.elapsed().as_secs_f64() / problems[problem].rounds() as f64);
            }
            over |= 1e9 * least > limit;
            write!(line, "{:>10.0}", 1e9 * least)?;
        }
        faults += usize::from(over);
        println!("{line}{limit:>10}{}", if over { "!" } else { "" });
    }
    Ok(faults)
}
