//! The learning rates: chosen from the runs of their table, kept in a file that the other tables read.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::catalogue::{OURS, Place, Transfer, UNIFORM, is_part};
use crate::compare::Summary;
use crate::fault::Fault;
use crate::statistics::mean;
use crate::store::{Kept, write_whole};

/// The place of the map whose rates all its places have.
pub const CENTRE: Place = Place { unlearnable: 20, transfer: Transfer::None, signal: 10 };

/// The rate of a curriculum in a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuned {
    pub workload: String,
    pub curriculum: String,
    pub rate: f64,
    /// The mean over seeds of the area under the pass rate.
    pub area: f64,
    /// Whether it is the least or the greatest that was tried: a better one may lie behind it.
    pub is_at_end: bool,
}

/// The rates of a file.
#[derive(Debug, Clone)]
pub struct Rates {
    pub path: PathBuf,
    pub all: Vec<Tuned>,
}

impl Rates {
    /// The rate that a run of a table has: that of the default for it and for what is made of it, that of uniform
    /// sampling for all others.
    pub fn find(&self, workload: &str, curriculum: &str) -> Result<f64, Fault> {
        let of = if curriculum == OURS || is_part(curriculum) { OURS } else { UNIFORM };
        let workload = Place::of(workload).map_or_else(|| workload.to_owned(), |_| CENTRE.workload());
        let found = self.all.iter().find(|tuned| tuned.workload == workload && tuned.curriculum == of);
        found.map(|tuned| tuned.rate).ok_or_else(|| Fault::NoRate { path: self.path.clone(), workload })
    }

    /// Reads a file; one that is not there has no rates.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            text => text.map_err(Fault::io(path))?,
        };
        let bad = |line: usize, what: String| Fault::Rates { path: path.to_path_buf(), line, what };
        let mut all = Vec::new();
        for (line, record) in csv::Reader::from_reader(text.as_bytes()).records().enumerate() {
            let line = line + 2;
            let record = record.map_err(|error| bad(line, error.to_string()))?;
            let fields: Vec<&str> = record.iter().collect();
            let [workload, curriculum, rate, area, end] = fields[..] else {
                return Err(bad(line, "it has not five fields".into()));
            };
            let number = |text: &str| -> Result<f64, Fault> {
                let number = text.parse().ok().filter(|number: &f64| number.is_finite());
                number.ok_or_else(|| bad(line, format!("{text:?} is no number")))
            };
            let (rate, area) = (number(rate)?, number(area)?);
            if rate <= 0.0 {
                return Err(bad(line, format!("a rate of {rate}")));
            }
            let (workload, curriculum) = (workload.to_owned(), curriculum.to_owned());
            all.push(Tuned { workload, curriculum, rate, area, is_at_end: end == "yes" });
        }
        Ok(Self { path: path.to_path_buf(), all })
    }

    /// Takes over what was tuned, in the place of what there was.
    pub fn put(&mut self, tuned: Self) {
        for new in tuned.all {
            let same =
                |old: &&mut Tuned| old.workload == new.workload && old.curriculum == new.curriculum;
            match self.all.iter_mut().find(same) {
                Some(old) => *old = new,
                None => self.all.push(new),
            }
        }
    }

    pub fn write(&self) -> Result<(), Fault> {
        let mut text = String::from("workload,curriculum,rate,area,end of those tried\n");
        for Tuned { workload, curriculum, rate, area, is_at_end } in &self.all {
            let end = if *is_at_end { "yes" } else { "no" };
            text += &format!("{workload},{curriculum},{rate},{area:.4},{end}\n");
        }
        write_whole(&self.path, text.as_bytes())
    }
}

/// The rates that were tried for a curriculum in a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    pub workload: String,
    pub curriculum: String,
    /// Each rate with its mean area.
    pub areas: Vec<(f64, f64)>,
}

impl Tried {
    /// The best rate and its area, and whether it is at an end of those tried; of equals, the least.
    pub fn best(&self) -> Option<(f64, f64, bool)> {
        let first = *self.areas.first()?;
        let best = self.areas.iter().fold(first, |best, it| if it.1 > best.1 { *it } else { best });
        let ends = [self.areas.first(), self.areas.last()].map(|end| end.map(|end| end.0));
        Some((best.0, best.1, ends.contains(&Some(best.0))))
    }
}

/// The area of each rate in each workload and curriculum, over the seeds that all its rates have: in the order of the
/// runs, rates rising.
pub fn tried(runs: &[Kept]) -> Vec<Tried> {
    let mut found: Vec<Tried> = Vec::new();
    for run in runs {
        let (workload, curriculum) = (&run.setting.workload, &run.setting.curriculum);
        if found.iter().any(|known| known.workload == *workload && known.curriculum == *curriculum) {
            continue;
        }
        let budget = |run: &Kept| (run.end().min(run.setting.tokens)) as f64;
        let of_workload = runs.iter().filter(|run| run.setting.workload == *workload);
        let budget = of_workload.clone().map(budget).fold(f64::INFINITY, f64::min);
        let own: Vec<&Kept> = of_workload.filter(|run| run.setting.curriculum == *curriculum).collect();
        let mut rates: Vec<f64> = own.iter().map(|run| run.setting.rate).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        let has = |rate: f64, seed: u64| {
            own.iter().any(|run| run.setting.rate == rate && run.setting.seed == seed)
        };
        let area = |rate: f64| {
            let shared = own.iter().filter(|run| {
                run.setting.rate == rate && rates.iter().all(|&rate| has(rate, run.setting.seed))
            });
            let areas = shared.filter_map(|run| Some(Summary::of(run, budget)?.area));
            mean(&areas.collect::<Vec<f64>>())
        };
        let areas = rates.iter().filter_map(|&rate| Some((rate, area(rate)?))).collect();
        found.push(Tried { workload: workload.clone(), curriculum: curriculum.clone(), areas });
    }
    found
}

/// The best rate of each.
pub fn choose(runs: &[Kept], path: &Path) -> Rates {
    let best = |tried: Tried| {
        let (rate, area, is_at_end) = tried.best()?;
        let Tried { workload, curriculum, .. } = tried;
        Some(Tuned { workload, curriculum, rate, area, is_at_end })
    };
    Rates { path: path.to_path_buf(), all: tried(runs).into_iter().filter_map(best).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Arm;
    use crate::run::{Point, Run, Setting};

    /// A run that has the same pass rate all the time.
    fn run(curriculum: &str, seed: u64, rate: f64, pass: f64) -> Kept {
        let (workload, curriculum) = ("w".to_owned(), curriculum.to_owned());
        let point = |tokens| Point {
            tokens,
            rollouts: tokens,
            steps: tokens,
            useful: 0,
            pass,
            worst: pass,
            harder: 0.0,
            entropy: 0.0,
            passes: vec![pass],
            drawn: vec![tokens],
            seconds: 0.0,
        };
        let setting = Setting { workload, curriculum, seed, rate, tokens: 100 };
        let arms = vec![Arm { name: "a".into(), learnable: true }];
        Kept::new(Run { setting, points: vec![point(0), point(100)] }, arms).unwrap()
    }

    #[test]
    fn the_rate_with_the_greatest_area() {
        let runs = [
            run(UNIFORM, 101, 0.1, 0.2),
            run(UNIFORM, 101, 0.2, 0.5),
            run(UNIFORM, 101, 0.4, 0.4),
            run(OURS, 101, 0.1, 0.2),
            run(OURS, 101, 0.2, 0.3),
            run(UNIFORM, 102, 0.1, 0.2),
            run(UNIFORM, 102, 0.2, 0.3),
            run(UNIFORM, 102, 0.4, 0.2),
            // A seed that not all rates have.
            run(UNIFORM, 103, 0.4, 1.0),
        ];
        let rates = choose(&runs, Path::new("rates.csv"));
        let found: Vec<(&str, f64, f64, bool)> =
            rates.all.iter().map(|it| (&it.curriculum[..], it.rate, it.area, it.is_at_end)).collect();
        assert_eq!(found, [(UNIFORM, 0.2, 0.4, false), (OURS, 0.2, 0.3, true)]);
        assert_eq!(rates.find("w", "sec").unwrap(), 0.2);
        assert!(matches!(rates.find("other", "sec"), Err(Fault::NoRate { .. })));
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rates.csv");
        assert_eq!(Rates::read(&path).unwrap().all, []);
        let tuned = |curriculum: &str, is_at_end| Tuned {
            workload: CENTRE.workload(),
            curriculum: curriculum.into(),
            rate: 0.1 + 0.2,
            area: 0.25,
            is_at_end,
        };
        let rates = Rates { path: path.clone(), all: vec![tuned(UNIFORM, false), tuned(OURS, true)] };
        rates.write().unwrap();
        let read = Rates::read(&path).unwrap();
        assert_eq!(read.all, rates.all);
        let place = Place { unlearnable: 0, transfer: Transfer::Weak, signal: 50 };
        assert_eq!(read.find(&place.workload(), "default-no-floor").unwrap(), 0.1 + 0.2);
        for bad in
            ["w,uniform,much,0.1,no", "w,uniform,0.1", "w,uniform,-1,0.1,no", "w,uniform,NaN,1,no"]
        {
            std::fs::write(&path, format!("a,b,c,d,e\nw,uniform,1,1,no\n{bad}\n")).unwrap();
            assert!(matches!(Rates::read(&path), Err(Fault::Rates { line: 3, .. })), "{bad}");
        }
    }
}
