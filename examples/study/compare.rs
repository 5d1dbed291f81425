//! From the runs of a workload to its table: each curriculum against one that they are all measured by, seed by seed.

use crate::catalogue::BASELINES;
use crate::fault::Fault;
use crate::run::{Point, Setting};
use crate::statistics::{
    Interval, Verdict, area, bootstrap, first_at, mean, median, sign_flip_p, value_at,
};
use crate::store::Kept;

/// A run may end this much before its tokens are spent, as it ends with a step.
const SHORT: f64 = 0.95;

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    pub setting: Setting,
    /// The mean of the pass rate over rollout tokens, up to the budget of the workload.
    pub area: f64,
    /// At the end of the budget.
    pub pass: f64,
    pub worst: Option<f64>,
    pub harder: Option<f64>,
    pub entropy: Option<f64>,
    /// The share of all rollouts that went to unlearnable arms.
    pub unlearnable: Option<f64>,
    /// Groups with signal in a thousand rollouts.
    pub useful: Option<f64>,
    pub rollouts: u64,
    pub steps: u64,
    pub seconds: f64,
}

/// The curve of a value that is known at each point.
pub fn curve(run: &Kept, value: impl Fn(&Point) -> f64) -> Vec<(f64, f64)> {
    let points = run.points.iter().map(|point| (point.tokens as f64, value(point)));
    points.filter(|(_, value)| !value.is_nan()).collect()
}

impl Summary {
    /// Up to a number of tokens; `None` if nothing can be said of it.
    pub fn of(run: &Kept, budget: f64) -> Option<Self> {
        let passes = curve(run, |point| point.pass);
        let at_end = |value: fn(&Point) -> f64| value_at(&curve(run, value), budget);
        let last = run.points.last()?;
        let rollouts = last.drawn.iter().sum::<u64>();
        let lost = run.arms.iter().zip(&last.drawn).filter(|(arm, _)| !arm.learnable);
        let lost: u64 = lost.map(|(_, drawn)| drawn).sum();
        let part = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
        Some(Self {
            setting: run.setting.clone(),
            area: area(&passes, budget)?,
            pass: value_at(&passes, budget)?,
            worst: at_end(|point| point.worst),
            harder: at_end(|point| point.harder),
            entropy: at_end(|point| point.entropy),
            unlearnable: part(lost, rollouts),
            useful: part(1000 * last.useful, last.rollouts),
            rollouts: last.rollouts,
            steps: last.steps,
            seconds: last.seconds,
        })
    }
}

/// By how much the areas are greater than those of the reference with the same seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Gain {
    /// The mean over seeds of the ratio of areas, less 1.
    pub mean: f64,
    pub interval: Option<Interval>,
    /// Of the exact sign-flip test.
    pub p: Option<f64>,
    pub seeds: usize,
}

impl Gain {
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.interval, self.p, self.seeds)
    }
}

/// The tokens until the pass rate is where the reference ends, in those that the reference itself needs, seed by seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Tokens {
    /// The median of the ratios; infinite if half of the runs never come there.
    pub median: f64,
    pub interval: Option<Interval>,
    /// Runs that come there, and that do not.
    pub reached: usize,
    pub missed: usize,
    /// Seeds that say nothing, as the reference ends where it began or below.
    pub idle: usize,
}

/// A curriculum in a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub curriculum: String,
    /// By seed.
    pub runs: Vec<Summary>,
    /// `None` for the reference itself, and where no seed is shared with it.
    pub gain: Option<Gain>,
    pub tokens: Option<Tokens>,
}

impl Row {
    /// The mean over all seeds that have the value.
    pub fn mean(&self, value: impl Fn(&Summary) -> Option<f64>) -> Option<f64> {
        mean(&self.runs.iter().filter_map(value).collect::<Vec<f64>>())
    }
}

/// A workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub workload: String,
    /// Tokens up to which all runs are measured.
    pub budget: f64,
    /// What the others are measured by, if there is a run of it.
    pub reference: Option<String>,
    pub rows: Vec<Row>,
}

impl Table {
    pub fn row(&self, curriculum: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.curriculum == curriculum)
    }
}

/// By what the curricula of a workload are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'a> {
    /// The best of uniform sampling with and without refill: by the mean area over the seeds that all of them have.
    Baseline,
    /// A curriculum.
    Of(&'a str),
}

/// The table of one workload. The rows stand in the order of the names, and what has no name there behind.
///
/// # Errors
/// [`Fault::Twice`] if a curriculum has two runs of a seed, [`Fault::Short`] if a run ended long before its tokens were
/// spent.
pub fn table(runs: &[&Kept], names: &[String], by: Reference<'_>) -> Result<Table, Fault> {
    let mut runs = runs.to_vec();
    let place = |name: &String| names.iter().position(|other| other == name).unwrap_or(names.len());
    runs.sort_by(|one, other| {
        let key = |run: &Kept| {
            (place(&run.setting.curriculum), run.setting.curriculum.clone(), run.setting.seed)
        };
        key(one).cmp(&key(other))
    });
    let workload = runs.first().map(|run| run.setting.workload.clone()).unwrap_or_default();
    for (one, other) in runs.iter().zip(runs.iter().skip(1)) {
        let of = |run: &Kept| (run.setting.curriculum.clone(), run.setting.seed);
        if of(one) == of(other) {
            let [one, other] = [one, other].map(|run| Box::new(run.setting.clone()));
            return Err(Fault::Twice { one, other });
        }
    }
    let mut budget = f64::INFINITY;
    for run in &runs {
        let (end, asked) = (run.end() as f64, run.setting.tokens as f64);
        if end < SHORT * asked {
            return Err(Fault::Short { setting: run.setting.clone(), end: run.end() });
        }
        budget = budget.min(end).min(asked);
    }
    let mut rows: Vec<Row> = Vec::new();
    for run in &runs {
        let Some(summary) = Summary::of(run, budget) else {
            let what = "nothing can be said of it".to_owned();
            return Err(Fault::Run { setting: run.setting.clone(), what });
        };
        match rows.last_mut() {
            Some(row) if row.curriculum == run.setting.curriculum => row.runs.push(summary),
            _ => {
                let curriculum = run.setting.curriculum.clone();
                rows.push(Row { curriculum, runs: vec![summary], gain: None, tokens: None });
            }
        }
    }
    let reference = match by {
        Reference::Baseline => best(&rows),
        Reference::Of(name) => rows.iter().find(|row| row.curriculum == name),
    };
    let reference = reference.cloned();
    if let Some(reference) = &reference {
        for row in rows.iter_mut().filter(|row| row.curriculum != reference.curriculum) {
            row.gain = gain(row, reference);
            row.tokens = tokens(&runs, row, reference, budget);
        }
    }
    Ok(Table { workload, budget, reference: reference.map(|row| row.curriculum), rows })
}

/// The runs of a row and of the reference that have the same seed.
fn pairs<'a>(row: &'a Row, reference: &'a Row) -> impl Iterator<Item = (&'a Summary, &'a Summary)> {
    row.runs.iter().filter_map(|run| {
        let same = reference.runs.iter().find(|other| other.setting.seed == run.setting.seed);
        same.map(|other| (run, other))
    })
}

/// The baseline whose mean area is the greatest over the seeds that all of them have; of equals, the first.
fn best(rows: &[Row]) -> Option<&Row> {
    let found = |name: &&str| rows.iter().find(|row| row.curriculum == *name);
    let found: Vec<&Row> = BASELINES.iter().filter_map(found).collect();
    let has = |row: &Row, seed: u64| row.runs.iter().any(|run| run.setting.seed == seed);
    let mean = |row: &Row| {
        let shared = row.runs.iter().filter(|run| found.iter().all(|row| has(row, run.setting.seed)));
        mean(&shared.map(|run| run.area).collect::<Vec<f64>>()).unwrap_or(0.0)
    };
    let first = *found.first()?;
    Some(found.iter().fold(first, |best, row| if mean(row) > mean(best) { row } else { best }))
}

fn gain(row: &Row, reference: &Row) -> Option<Gain> {
    let ratio =
        |(run, other): (&Summary, &Summary)| (other.area > 0.0).then(|| run.area / other.area - 1.0);
    let gains: Option<Vec<f64>> = pairs(row, reference).map(ratio).collect();
    let gains = gains?;
    Some(Gain {
        mean: mean(&gains)?,
        interval: bootstrap(&gains, mean),
        p: sign_flip_p(&gains),
        seeds: gains.len(),
    })
}

fn tokens(runs: &[&Kept], row: &Row, reference: &Row, budget: f64) -> Option<Tokens> {
    let (mut ratios, mut idle) = (Vec::new(), 0);
    for (run, other) in pairs(row, reference) {
        let curve = |summary: &Summary| {
            let run = runs.iter().find(|run| run.setting == summary.setting);
            run.map(|run| curve(run, |point| point.pass))
        };
        let (run, reference) = (curve(run)?, curve(other)?);
        // The same rule for both: it may be there before its end.
        match first_at(&reference, other.pass, budget) {
            Some(needed) if needed > 0.0 => {
                ratios
                    .push(first_at(&run, other.pass, budget).map_or(f64::INFINITY, |own| own / needed));
            }
            _ => idle += 1,
        }
    }
    let reached = ratios.iter().filter(|ratio| ratio.is_finite()).count();
    Some(Tokens {
        median: median(&ratios)?,
        interval: bootstrap(&ratios, median),
        reached,
        missed: ratios.len() - reached,
        idle,
    })
}

/// The tables of all workloads of some runs, in the order of the names given; what has no name there stands behind.
pub fn tables(
    runs: &[Kept],
    (workloads, curricula): (&[String], &[String]),
    by: Reference<'_>,
) -> Result<Vec<Table>, Fault> {
    let mut found: Vec<String> = workloads.to_vec();
    for run in runs {
        if !found.contains(&run.setting.workload) {
            found.push(run.setting.workload.clone());
        }
    }
    let of = |workload: &String| -> Vec<&Kept> {
        runs.iter().filter(|run| run.setting.workload == *workload).collect()
    };
    let there = found.iter().map(of).filter(|runs| !runs.is_empty());
    there.map(|runs| table(&runs, curricula, by)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Arm, OURS};

    const DROPPING: &str = BASELINES[0];
    const REFILL: &str = BASELINES[1];

    /// A run whose pass rate goes through the values, a thousand tokens apart.
    fn run(curriculum: &str, seed: u64, passes: &[f64]) -> Kept {
        let tokens = 1000 * (passes.len() as u64 - 1);
        let (workload, curriculum) = ("w".to_owned(), curriculum.to_owned());
        let arm = |learnable| Arm { name: "arm".into(), learnable };
        let point = |(at, pass): (u64, &f64)| Point {
            tokens: 1000 * at,
            rollouts: 100 * at,
            steps: at,
            useful: 3 * at,
            pass: *pass,
            worst: *pass / 2.0,
            harder: f64::NAN,
            entropy: 1.0,
            passes: vec![*pass, 0.5],
            drawn: vec![75 * at, 25 * at],
            seconds: 2.0,
        };
        Kept {
            setting: Setting { workload, curriculum, seed, rate: 0.1, tokens },
            stream: 8,
            arms: vec![arm(true), arm(false)],
            points: (0..).zip(passes).map(point).collect(),
        }
    }

    fn made(runs: &[Kept], by: Reference<'_>) -> Table {
        table(&runs.iter().collect::<Vec<_>>(), &[], by).unwrap()
    }

    #[test]
    fn a_summary_by_hand() {
        let summary = Summary::of(&run(OURS, 1, &[0.0, 0.5, 0.5]), 2000.0).unwrap();
        assert_eq!((summary.area, summary.pass, summary.worst), (0.375, 0.5, Some(0.25)));
        assert_eq!(
            (summary.harder, summary.unlearnable, summary.useful),
            (None, Some(0.25), Some(30.0))
        );
        assert_eq!((summary.rollouts, summary.steps, summary.seconds), (200, 2, 2.0));
    }

    /// Areas 0.5 and 0.25 of uniform with dropping, 0.55 and 0.3 of ours: 10 % and 20 % more.
    #[test]
    fn gains_are_paired_by_seed() {
        let runs = [
            run(DROPPING, 1, &[0.5, 0.5, 0.5]),
            run(OURS, 2, &[0.3, 0.3, 0.3]),
            run(OURS, 1, &[0.55, 0.55, 0.55]),
            run(DROPPING, 2, &[0.25, 0.25, 0.25]),
            run(OURS, 3, &[0.9, 0.9, 0.9]),
        ];
        let table = made(&runs, Reference::Baseline);
        assert_eq!((table.reference.as_deref(), table.budget), (Some(DROPPING), 2000.0));
        let gain = table.row(OURS).unwrap().gain.clone().unwrap();
        assert!((gain.mean - 0.15).abs() < 1e-12);
        assert_eq!((gain.seeds, gain.p, gain.verdict()), (2, Some(0.5), Verdict::Open));
        assert_eq!(table.row(DROPPING).unwrap().gain, None);
        // The third seed counts where nothing is paired.
        assert!(
            (table.row(OURS).unwrap().mean(|run| Some(run.area)).unwrap() - 1.75 / 3.0).abs() < 1e-12
        );
    }

    #[test]
    fn the_best_baseline_is_the_reference() {
        let mut runs = vec![
            run(DROPPING, 1, &[0.5, 0.5]),
            run(DROPPING, 2, &[0.5, 0.5]),
            run(REFILL, 1, &[0.4, 0.4]),
            run(REFILL, 2, &[0.7, 0.7]),
            run(OURS, 1, &[0.5, 0.5]),
        ];
        assert_eq!(made(&runs, Reference::Baseline).reference.as_deref(), Some(REFILL));
        // A seed that only one has does not count.
        runs.push(run(DROPPING, 3, &[1.0, 1.0]));
        assert_eq!(made(&runs, Reference::Baseline).reference.as_deref(), Some(REFILL));
        runs.retain(|run| run.setting.curriculum != REFILL);
        assert_eq!(made(&runs, Reference::Baseline).reference.as_deref(), Some(DROPPING));
        assert_eq!(made(&runs, Reference::Of(OURS)).reference.as_deref(), Some(OURS));
        assert_eq!(made(&runs, Reference::Of("none")).reference, None);
    }

    #[test]
    fn tokens_to_the_final_level() {
        let runs = [
            // It ends at 0.4, where it was first after 2000 tokens.
            run(DROPPING, 1, &[0.0, 0.2, 0.4, 0.4]),
            run(OURS, 1, &[0.0, 0.4, 0.2, 0.6]),
            // Ours does not come there.
            run(DROPPING, 2, &[0.0, 0.2, 0.4, 0.5]),
            run(OURS, 2, &[0.0, 0.1, 0.2, 0.3]),
            // The reference falls.
            run(DROPPING, 3, &[0.5, 0.5, 0.5, 0.4]),
            run(OURS, 3, &[0.5, 0.5, 0.5, 0.6]),
            run(DROPPING, 4, &[0.0, 0.1, 0.2, 0.3]),
            run(OURS, 4, &[0.0, 0.2, 0.4, 0.4]),
        ];
        let tokens = made(&runs, Reference::Baseline).row(OURS).unwrap().tokens.clone().unwrap();
        assert_eq!((tokens.reached, tokens.missed, tokens.idle), (2, 1, 1));
        // 1000 of 2000, never, 1500 of 3000.
        assert_eq!(tokens.median, 0.5);
        assert_eq!(tokens.interval.map(|interval| interval.high), Some(f64::INFINITY));
    }

    /// The end of the budget lies between two points: the reference comes to its own final level there.
    #[test]
    fn the_reference_reaches_its_own_level() {
        let runs: Vec<Kept> = (1..=20)
            .flat_map(|seed| {
                let rise = 0.01 + 0.001 * seed as f64;
                let passes: Vec<f64> = (0..=40).map(|at| 0.1 + rise * f64::from(at)).collect();
                [DROPPING, OURS].map(|name| {
                    let mut run = run(name, seed, &passes);
                    run.setting.tokens = 39_017;
                    run
                })
            })
            .collect();
        let tokens = made(&runs, Reference::Baseline).row(OURS).unwrap().tokens.clone().unwrap();
        assert_eq!((tokens.reached, tokens.missed, tokens.idle, tokens.median), (20, 0, 0, 1.0));
    }

    #[test]
    fn the_budget_is_what_all_have() {
        let mut long = run(OURS, 1, &[0.0; 41]);
        long.setting.tokens = 39_500;
        let short = run(DROPPING, 1, &[0.0; 41]);
        assert_eq!(made(&[long.clone(), short.clone()], Reference::Baseline).budget, 39_500.0);
        long.points.truncate(39);
        assert_eq!(made(&[long.clone(), short], Reference::Baseline).budget, 38_000.0);
        long.points.truncate(30);
        assert!(matches!(
            table(&[&long], &[], Reference::Baseline),
            Err(Fault::Short { end: 29_000, .. })
        ));
    }

    #[test]
    fn two_runs_of_a_seed_are_refused() {
        let mut other = run(OURS, 1, &[0.0, 0.0]);
        other.setting.rate = 0.2;
        let refused = table(&[&run(OURS, 1, &[0.0, 0.0]), &other], &[], Reference::Baseline);
        assert!(matches!(refused, Err(Fault::Twice { .. })));
    }

    #[test]
    fn rows_stand_in_the_order_of_the_names() {
        let runs = ["b", "z", "a"].map(|name| run(name, 1, &[0.1, 0.1]));
        let runs: Vec<&Kept> = runs.iter().collect();
        let table = table(&runs, &["z".into(), "b".into()], Reference::Baseline).unwrap();
        let names: Vec<&str> = table.rows.iter().map(|row| row.curriculum.as_str()).collect();
        assert_eq!((names, table.reference), (vec!["z", "b", "a"], None));
    }
}
