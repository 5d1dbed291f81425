//! The comparison as a table.

use curricle::table::rank_correlation;

use crate::Result;
use crate::training::{BATCH, Course, Run, Start, TARGET};

/// Prints what the scores of each seed would sort by: rank correlations, 1 if the best score has the
/// shortest prompt or the fewest digits.
pub fn orders(starts: &[Start]) -> Result<()> {
    println!("\nrank correlation of being first with being short, and with having few digits");
    print!("{:>4}", "seed");
    let columns = ["total", "total_no_diag", "intra", "intra_no_diag", "inter"];
    columns.iter().for_each(|column| print!("{column:>16}"));
    println!("{:>16}", "length sort");
    for start in starts {
        let digits: Vec<f64> = start.digits().collect();
        print!("{:>4}", start.seed);
        for column in columns {
            let found = start.table.statistics(column)?;
            let with_length = found.and_then(|found| found.with_length);
            let scores: Vec<f64> = start.scores(column)?;
            print!("{:>16}", pair(with_length, rank_correlation(&scores, &digits)));
        }
        let lengths: Vec<f64> = start.lengths().map(|tokens| -tokens).collect();
        println!("{:>16}", pair(Some(-1.0), rank_correlation(&lengths, &digits)));
    }
    Ok(())
}

/// Both with the sign turned: scores are best first, lengths and digits least first.
fn pair(with_length: Option<f64>, with_digits: Option<f64>) -> String {
    let one = |r: Option<f64>| r.map_or("none".into(), |r| format!("{:.2}", -r));
    format!("{} {:>5}", one(with_length), one(with_digits))
}

/// Prints steps to the target and accuracy at the end, seed by seed and in the median.
pub fn print(runs: &[Run], steps: usize) {
    let of = |course| runs.iter().filter(move |run: &&Run| run.course == course);
    println!(
        "\nsteps of {BATCH} questions, warm-up included, until {:.0} % of held-out sums are right",
        100.0 * TARGET
    );
    println!("{:<18}{:>8}  seeds", "order", "median");
    for course in Course::ALL {
        // A run that did not reach the target stands above all that did.
        let text = |done: usize| if done > steps { format!(">{steps}") } else { done.to_string() };
        let done: Vec<usize> = of(course).map(|run| run.done().unwrap_or(steps + 1)).collect();
        let each: Vec<String> = done.iter().map(|&done| text(done)).collect();
        println!("{:<18}{:>8}  {}", course.name(), text(median(done)), each.join(" "));
    }
    println!("\nheld-out sums that are right after {steps} steps, in percent");
    println!("{:<18}{:>8}  seeds", "order", "median");
    for course in Course::ALL {
        // In tenths of a percent.
        let last: Vec<usize> =
            of(course).map(|run| (1000.0 * run.accuracy()).round() as usize).collect();
        let text = |tenths: usize| format!("{:.1}", tenths as f64 / 10.0);
        let each: Vec<String> = last.iter().map(|&tenths| text(tenths)).collect();
        println!("{:<18}{:>8}  {}", course.name(), text(median(last)), each.join(" "));
    }
    let seconds: f64 = runs.iter().map(|run| run.seconds).sum();
    println!("{:.0} s a run, two at a time", seconds / runs.len().max(1) as f64);
}

/// The lower median; 0 of nothing.
fn median(mut values: Vec<usize>) -> usize {
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}
