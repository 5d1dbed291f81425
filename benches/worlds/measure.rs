//! The runs of a world, and what they come to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use curricle::Result;
use curricle::simulator::world::{Course, Groups, Training, World};
use indicatif::ProgressBar;

use crate::rows::Row;

const THREADS: usize = 2;
/// The learning rates that are tried for the target.
const RATES: [f64; 8] = [0.125, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0];
/// How many seeds rates and settings are tuned on; they stand far above those that are measured.
pub const TUNING: usize = 4;
const TUNED_ON: u64 = 1_000_000;
/// The parts of the budget after which the ability of the target is a level to reach.
pub const PARTS: [f64; 3] = [0.25, 0.5, 1.0];

/// A row in a world, compared with the target by seed.
pub struct Cell {
    /// By level: lower quartile, median and upper quartile of the tokens until it is reached, in those of the target
    /// with the same seed; infinite if never.
    pub ratios: [[f64; 3]; 3],
    /// The share of tokens that went to what cannot be learned, until the last level; median.
    pub wasted: f64,
}

impl Cell {
    /// The medians by level.
    pub fn medians(&self) -> [f64; 3] {
        self.ratios.map(|[_, median, _]| median)
    }

    /// The median of the three levels' medians.
    pub fn middle(&self) -> f64 {
        quantile(&self.medians(), 0.5)
    }
}

/// A world with its rows; none where there is no such row.
pub struct Measured {
    pub world: String,
    pub has_order: bool,
    pub rate: f64,
    pub levels: [f64; 3],
    pub cells: Vec<Option<Cell>>,
}

/// The share of tokens for what cannot be learned, in tenths of the budget; median over seeds.
pub struct Capture {
    pub world: String,
    pub row: String,
    pub shares: Vec<f64>,
}

/// To four places, as records keep it: what is made of a record is what was made of the measurement.
fn rounded(value: f64) -> f64 {
    if value.is_finite() { (1e4 * value).round() / 1e4 } else { value }
}

/// A quantile by a straight line between order statistics; infinite where one of the two is, NaN of nothing.
pub fn quantile(of: &[f64], quantile: f64) -> f64 {
    if of.is_empty() {
        return f64::NAN;
    }
    let mut sorted = of.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let place = quantile * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    if low == high { low } else { low + (high - low) * place.fract() }
}

/// Works on several threads; the results stand in order.
fn parallel<T: Send>(jobs: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    if job >= jobs || sender.send((job, work(job))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut found: Vec<(usize, Result<T>)> = receiver.into_iter().collect();
        found.sort_by_key(|(job, _)| *job);
        found.into_iter().map(|(_, found)| found).collect()
    })
}

/// How a world is measured.
pub struct Measure<'a> {
    pub rows: &'a [Row],
    pub seeds: usize,
    pub first: u64,
    pub bar: &'a ProgressBar,
}

impl Measure<'_> {
    /// The best of some settings by the mean ability over the budget, median over the tuning seeds.
    fn best(
        &self,
        settings: usize,
        run: impl Fn(usize, u64) -> Result<Course> + Sync,
    ) -> Result<usize> {
        let areas = parallel(settings * TUNING, |job| {
            let seed = self.first + TUNED_ON + (job % TUNING) as u64;
            Ok(run(job / TUNING, seed)?.area())
        })?;
        let areas: Vec<f64> = areas.chunks(TUNING).map(|areas| quantile(areas, 0.5)).collect();
        Ok((0..settings).max_by(|a, b| areas[*a].total_cmp(&areas[*b])).unwrap_or(0))
    }

    /// The learning rate that is best for the target.
    pub fn rate(&self, world: &World) -> Result<f64> {
        let best = self.best(RATES.len(), |rate, seed| {
            (self.rows[0].settings[0])(world, seed, &training(world, RATES[rate], Groups::Signal))
        })?;
        Ok(RATES[best])
    }

    /// All rows in a world.
    pub fn world(&self, world: &World) -> Result<Measured> {
        self.bar.set_message(world.name);
        let (budget, rate) = (world.budget(), self.rate(world)?);
        let base = parallel(self.seeds, |seed| {
            let training = training(world, rate, Groups::Signal);
            let training = Training { tokens: 2.0 * budget, ..training };
            (self.rows[0].settings[0])(world, self.first + seed as u64, &training)
        })?;
        let levels = PARTS.map(|part| {
            let levels: Vec<f64> = base.iter().map(|course| course.level(part, budget)).collect();
            quantile(&levels, 0.5)
        });
        let mut cells = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            self.bar.inc(1);
            if !(row.is_in)(world) {
                cells.push(None);
                continue;
            }
            if at == 0 {
                cells.push(Some(cell(world, &base, &base, &levels)));
                continue;
            }
            let training = training(world, rate, row.groups);
            let setting = match row.settings.len() {
                1 => 0,
                many => {
                    self.best(many, |setting, seed| (row.settings[setting])(world, seed, &training))?
                }
            };
            // What comes after the last level is of no interest.
            let until = levels.iter().copied().fold(0.0, f64::max);
            let training = Training { tokens: 3.0 * budget, until, ..training };
            let runs = parallel(self.seeds, |seed| {
                (row.settings[setting])(world, self.first + seed as u64, &training)
            })?;
            cells.push(Some(cell(world, &runs, &base, &levels)));
        }
        let (world, has_order) = (world.name.to_string(), world.has_order);
        Ok(Measured { world, has_order, rate, levels: levels.map(rounded), cells })
    }

    /// What a row gives to what cannot be learned in a world.
    pub fn capture(&self, world: &World, rate: f64, row: &Row) -> Result<Capture> {
        let training = training(world, rate, row.groups);
        let runs =
            parallel(self.seeds, |seed| (row.settings[0])(world, self.first + seed as u64, &training))?;
        let tenth = |tenth: usize| {
            let shares: Vec<f64> =
                runs.iter().map(|course| wasted(course, world.budget(), tenth)).collect();
            rounded(quantile(&shares, 0.5))
        };
        let shares = (0..10).map(tenth).collect();
        Ok(Capture { world: world.name.to_string(), row: row.name.to_string(), shares })
    }
}

fn training(world: &World, rate: f64, groups: Groups) -> Training {
    Training { rate, groups, tokens: world.budget(), until: f64::INFINITY }
}

/// The share that was wasted in a tenth of the budget.
fn wasted(course: &Course, budget: f64, tenth: usize) -> f64 {
    let at = |part: f64| {
        let steps = course.curve.partition_point(|(spent, _)| *spent <= part * budget);
        (course.curve[steps - 1].0, course.wasted[steps - 1])
    };
    let (from, to) = (at(tenth as f64 / 10.0), at((tenth + 1) as f64 / 10.0));
    (to.1 - from.1) / (to.0 - from.0)
}

/// A run in tokens of the target's run with the same seed. Where the target does not reach a level within twice its
/// budget, it is counted as having needed that: the ratio is then too large, not too small.
fn cell(world: &World, runs: &[Course], base: &[Course], levels: &[f64; 3]) -> Cell {
    let ratios = levels.map(|level| {
        let ratio = |(run, base): (&Course, &Course)| {
            let base = base.reaches(level).unwrap_or(2.0 * world.budget());
            let tokens = run.reaches(level).unwrap_or(f64::INFINITY);
            assert!(base > 0.0, "{}: the level {level} is reached from the start", world.name);
            tokens / base
        };
        let ratios: Vec<f64> = runs.iter().zip(base).map(ratio).collect();
        [0.25, 0.5, 0.75].map(|at| rounded(quantile(&ratios, at)))
    });
    let wasted = |course: &Course| {
        let last = |of: Option<f64>| of.unwrap_or(0.0);
        last(course.wasted.last().copied()) / last(course.curve.last().map(|(spent, _)| *spent))
    };
    let wasted: Vec<f64> = runs.iter().map(wasted).collect();
    Cell { ratios, wasted: rounded(quantile(&wasted, 0.5)) }
}
