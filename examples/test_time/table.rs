//! The comparison as a table.

use curricle::test_time::calibration::{ClusteredMcNemar, McNemar};

use crate::course::{BUDGET, Course, NAMES, Run};

/// What several runs of one course add up to, against the plain runs of the same seeds.
#[derive(Default)]
struct Sum {
    queries: u64,
    right: [u64; 2],
    spent: [u64; 2],
    rolled_back: u64,
    /// Fixed and harmed, run by run.
    changed: Vec<(u64, u64)>,
    seconds: f64,
}

impl Sum {
    fn add(&mut self, run: &Run, plain: &Run) {
        let half = run.right.len() / 2;
        let (mut fixed, mut harmed) = (0, 0);
        for (place, (&right, &base)) in run.right.iter().zip(&plain.right).enumerate() {
            let part = usize::from(place >= half);
            self.right[part] += u64::from(right);
            self.spent[part] += u64::from(run.spent[place]);
            fixed += u64::from(right && !base);
            harmed += u64::from(!right && base);
        }
        self.changed.push((fixed, harmed));
        self.queries += run.right.len() as u64;
        self.rolled_back += run.rolled_back;
        self.seconds += run.seconds;
    }

    fn fixed(&self) -> u64 {
        self.changed.iter().map(|(fixed, _)| fixed).sum()
    }

    fn harmed(&self) -> u64 {
        self.changed.iter().map(|(_, harmed)| harmed).sum()
    }

    /// The queries of a seed have one trained model and its words in common: over several seeds each of them is one toss.
    fn p(&self) -> f64 {
        match self.changed[..] {
            [(fixed, harmed)] => McNemar::from_counts(fixed, harmed).p,
            ref seeds => ClusteredMcNemar::from_counts(seeds).p,
        }
    }

    fn print(&self, seed: &str, course: Course) {
        let half = self.queries as f64 / 2.0;
        let percent = |count: u64, of: f64| format!("{:.1} %", 100.0 * count as f64 / of);
        let all = |parts: [u64; 2]| parts[0] + parts[1];
        print!("{seed:>4}  {:<23}", course.name());
        print!("{:>9}", percent(all(self.right), 2.0 * half));
        self.right.iter().for_each(|&count| print!("{:>9}", percent(count, half)));
        print!("{:>9}", all(self.spent));
        self.spent.iter().for_each(|&count| print!("{:>9}", percent(count, half)));
        print!("{:>7}{:>7.2} s", self.rolled_back, self.seconds);
        if course == Course::Plain {
            println!();
        } else {
            println!("{:>7}{:>7}{:>10.2e}", self.fixed(), self.harmed(), self.p());
        }
    }
}

/// Prints every run, and the sums over the seeds.
pub fn print(runs: &[Run]) {
    let [few, many] = NAMES.map(|share| format!("{:.0} %", 100.0 * share));
    println!(
        "\nnext symbols that are right; names are {few} of the words in the first half, {many} in the second"
    );
    println!(
        "fixed, harmed, p: against no adaptation, on the same queries (two-sided; McNemar, exact, as if"
    );
    println!(
        "the queries of a seed were independent; over all seeds by clusters, each seed one sign)\n"
    );
    println!(
        "{:>4}  {:<23}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>7}{:>9}{:>7}{:>7}{:>10}",
        "seed",
        "",
        "right",
        "1st half",
        "2nd half",
        "updates",
        "1st half",
        "2nd half",
        "undone",
        "wall",
        "fixed",
        "harmed",
        "p"
    );
    let mut sums = Course::ALL.map(|_| Sum::default());
    for run in runs {
        let plain = runs.iter().find(|plain| plain.seed == run.seed && plain.course == Course::Plain);
        let Some(plain) = plain else { continue };
        let mut sum = Sum::default();
        sum.add(run, plain);
        sum.print(&run.seed.to_string(), run.course);
        for (sum, course) in sums.iter_mut().zip(Course::ALL) {
            if course == run.course {
                sum.add(run, plain);
            }
        }
    }
    println!();
    for (sum, course) in sums.iter().zip(Course::ALL) {
        sum.print("all", course);
    }
    println!();
    for (sum, course) in sums.iter().zip(Course::ALL) {
        let gained = sum.fixed() as f64 - sum.harmed() as f64;
        let spent = (sum.spent[0] + sum.spent[1]) as f64;
        if spent == 0.0 {
            continue;
        }
        let budget =
            if matches!(course, Course::Budget | Course::Lesson | Course::Saved | Course::Guarded) {
                format!(", {:.3} of the queries for a budget of {BUDGET}", spent / sum.queries as f64)
            } else {
                String::new()
            };
        println!("{}: {:.3} right answers gained an update{budget}", course.name(), gained / spent);
    }
}
