//! The comparison as a table.

use crate::training::{ARMS, BATCH, Course, Measurement, Run, TARGET};

/// Prints steps and examples to the target for every run, and the ratios of the sharp Boltzmann to the others.
pub fn print(runs: &[Run], cap: usize) {
    println!("\nsteps of {BATCH} examples until {:.0} % of held-out sums are right", 100.0 * TARGET);
    print!("{:>4}  {:<16}", "seed", "curriculum");
    (1..=ARMS).for_each(|digits| {
        print!("{:>9}", format!("{digits} digit{}", if digits > 1 { "s" } else { "" }))
    });
    println!("{:>9}{:>10}{:>11}{:>8}", "mean", "all arms", "examples", "wall");
    for run in runs {
        print!("{:>4}  {:<16}", run.seed, run.course.name());
        for arm in 0..ARMS {
            print!("{:>9}", steps(run.first(|at| at.accuracy[arm] >= TARGET), cap));
        }
        let mean = steps(run.first(|at: &Measurement| at.mean() >= TARGET), cap);
        let examples =
            run.done().map_or(format!(">{}", cap * BATCH), |steps| (steps * BATCH).to_string());
        println!("{mean:>9}{:>10}{examples:>11}{:>6.0} s", steps(run.done(), cap), run.seconds);
    }
    for (what, reached) in [("all arms", done as fn(&Run) -> Option<usize>), ("mean", mean)] {
        for other in [Course::Uniform, Course::Hand, Course::Sec] {
            println!(
                "{} / {}, {what}: {}",
                Course::Sharp.name(),
                other.name(),
                ratios(runs, other, cap, reached)
            );
        }
    }
}

fn done(run: &Run) -> Option<usize> {
    run.done()
}

fn mean(run: &Run) -> Option<usize> {
    run.first(|at| at.mean() >= TARGET)
}

fn steps(reached: Option<usize>, cap: usize) -> String {
    reached.map_or(format!(">{cap}"), |steps| steps.to_string())
}

/// The ratio for each seed and the median. A run that did not reach the target counts with the steps
/// it had, which makes the ratio an upper bound where the other did not reach it.
fn ratios(runs: &[Run], other: Course, cap: usize, reached: fn(&Run) -> Option<usize>) -> String {
    let of = |course: Course, seed: u64| {
        let run = runs.iter().find(|run| run.course == course && run.seed == seed);
        run.map(|run| reached(run).unwrap_or(cap) as f64)
    };
    let mut seeds: Vec<u64> = runs.iter().map(|run| run.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let mut ratios: Vec<f64> =
        seeds.iter().filter_map(|&seed| Some(of(Course::Sharp, seed)? / of(other, seed)?)).collect();
    let each: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    ratios.sort_by(f64::total_cmp);
    match ratios.get(ratios.len() / 2) {
        Some(median) if ratios.len() > 1 => format!("median {median:.2} of {}", each.join(" ")),
        _ => each.join(" "),
    }
}
