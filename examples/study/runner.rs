//! Makes the runs of a table that are not there, some at a time, and keeps each as soon as it is done: what is killed
//! loses the runs that were under way, and the same command goes on.

use std::io::IsTerminal;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use parking_lot::Mutex;

use crate::Result;
use crate::fault::told;
use crate::run::Setting;
use crate::store::{Kept, Store};

/// What is known of how long runs take.
#[derive(Debug, Clone, Default)]
struct Estimate {
    /// The workloads and the seconds of finished runs, and their tokens.
    done: Vec<(String, f64, u64)>,
    waiting: Vec<Setting>,
    /// The tokens so far of those under way.
    under_way: Vec<(Setting, u64)>,
}

impl Estimate {
    fn add(&mut self, setting: &Setting, seconds: f64) {
        self.done.push((setting.workload.clone(), seconds, setting.tokens));
    }

    /// The seconds of a run: by token what the median run of its workload took, or, if there is none, of all runs. Of
    /// means, one run that was stopped for an hour would make days.
    fn of(&self, setting: &Setting) -> Option<f64> {
        let by_token = |is: &dyn Fn(&str) -> bool| {
            let found = self.done.iter().filter(|(workload, _, tokens)| is(workload) && *tokens > 0);
            let found = found.map(|(_, seconds, tokens)| seconds / *tokens as f64);
            let found: Vec<f64> = found.collect();
            crate::statistics::median(&found)
        };
        let own = by_token(&|workload| workload == setting.workload).or_else(|| by_token(&|_| true));
        own.map(|seconds| seconds * setting.tokens as f64)
    }

    /// Seconds until all is done by so many at a time; `None` while nothing has been done.
    fn left(&self, jobs: usize) -> Option<f64> {
        let rest = |(setting, tokens): &(Setting, u64)| {
            let part = *tokens as f64 / setting.tokens.max(1) as f64;
            self.of(setting).map(|seconds| seconds * (1.0 - part).max(0.0))
        };
        let rest: Option<Vec<f64>> = self.under_way.iter().map(rest).collect();
        let rest = rest?;
        let waiting: Option<f64> = self.waiting.iter().map(|setting| self.of(setting)).sum();
        let longest = rest.iter().copied().fold(0.0, f64::max);
        let shared = (rest.iter().sum::<f64>() + waiting?) / jobs.max(1) as f64;
        Some(longest.max(shared))
    }

    /// The estimate in words.
    fn told(&self, jobs: usize) -> String {
        self.left(jobs).map_or_else(String::new, |seconds| format!("about {} left", span(seconds)))
    }
}

/// A time in words, to about two digits.
pub fn span(seconds: f64) -> String {
    match seconds {
        short if short < 90.0 => format!("{short:.0} s"),
        short if short < 90.0 * 60.0 => format!("{:.0} min", short / 60.0),
        long => format!("{:.1} h", long / 3600.0),
    }
}

/// Says what of a table is there, and how long the rest takes.
pub fn list(store: &Store, settings: &[Setting], jobs: usize) -> Result<()> {
    let mut estimate = Estimate::default();
    for setting in settings {
        let found = store.find(setting)?;
        println!("{} {}", if found.is_some() { "there " } else { "to run" }, told(setting));
        match found {
            Some(run) => estimate.add(setting, run.seconds()),
            None => estimate.waiting.push(setting.clone()),
        }
    }
    let left = match estimate.waiting.len() {
        0 => String::new(),
        _ => estimate.left(jobs).map_or("; nothing tells how long it takes".into(), |seconds| {
            format!("; about {} with {jobs} at a time", span(seconds))
        }),
    };
    println!("{} runs, {} to run{left}", settings.len(), estimate.waiting.len());
    Ok(())
}

/// Makes all runs that are not there, and returns all. After an error no run begins, and those under way are kept.
///
/// # Errors
/// Those of [`Store::find`], before anything runs; the first of a run or of keeping it.
pub fn run_all(
    store: &Store,
    settings: &[Setting],
    jobs: usize,
    make: impl Fn(&Setting, &dyn Fn(u64)) -> Result<Kept> + Sync,
) -> Result<Vec<Kept>> {
    let mut estimate = Estimate::default();
    let (orders, ordered) = crossbeam::channel::unbounded();
    for (place, setting) in settings.iter().enumerate() {
        match store.find(setting)? {
            Some(run) => estimate.add(setting, run.seconds()),
            None => {
                estimate.waiting.push(setting.clone());
                // The receiver outlives the scope: nothing that is sent is refused.
                let _ = orders.send(place);
            }
        }
    }
    drop(orders);
    let bars = Bars::new(settings.len(), settings.len() - estimate.waiting.len())?;
    let estimate = Mutex::new(estimate);
    let failure = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (ordered, bars, estimate, failure, make) =
                (ordered.clone(), &bars, &estimate, &failure, &make);
            scope.spawn(move || {
                for place in ordered {
                    let Some(setting) = settings.get(place) else { continue };
                    if failure.lock().is_some() {
                        return;
                    }
                    if let Err(error) = one(store, setting, jobs, (bars, estimate), make) {
                        failure.lock().get_or_insert(error);
                    }
                }
            });
        }
    });
    bars.total.finish_and_clear();
    match failure.into_inner() {
        Some(error) => Err(error),
        None => Ok(store.present(settings)?),
    }
}

fn one(
    store: &Store,
    setting: &Setting,
    jobs: usize,
    (bars, estimate): (&Bars, &Mutex<Estimate>),
    make: &impl Fn(&Setting, &dyn Fn(u64)) -> Result<Kept>,
) -> Result<()> {
    {
        let mut estimate = estimate.lock();
        estimate.waiting.retain(|waiting| waiting != setting);
        estimate.under_way.push((setting.clone(), 0));
    }
    let bar = bars.add(setting);
    let progress = |tokens: u64| {
        bar.set_position(tokens.min(setting.tokens));
        let mut estimate = estimate.lock();
        if let Some(own) = estimate.under_way.iter_mut().find(|(other, _)| other == setting) {
            own.1 = tokens;
        }
        bars.total.set_message(estimate.told(jobs));
    };
    let made = make(setting, &progress).map_err(|error| format!("{}: {error}", told(setting)));
    // The warm-up is in it.
    let seconds = bar.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let made = made?;
    store.keep(&made)?;
    let mut estimate = estimate.lock();
    estimate.under_way.retain(|(other, _)| other != setting);
    estimate.add(setting, seconds);
    bars.done(setting, seconds, &estimate.told(jobs));
    Ok(())
}

struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    /// Without a terminal there are lines in their place.
    is_seen: bool,
    style: ProgressStyle,
}

impl Bars {
    fn new(length: usize, there: usize) -> Result<Self> {
        let all = MultiProgress::new();
        let total = all.add(ProgressBar::new(length as u64));
        total.set_style(ProgressStyle::with_template(
            "{bar:32} {pos} of {len} runs, {elapsed} since it began, {msg}",
        )?);
        total.set_position(there as u64);
        let style = "{prefix:48!} {bar:24} {human_pos:>9} of {human_len} tokens, {elapsed}";
        let style = ProgressStyle::with_template(style)?;
        Ok(Self { all, total, is_seen: std::io::stderr().is_terminal(), style })
    }

    fn add(&self, setting: &Setting) -> ProgressBar {
        let bar = self.all.insert_before(&self.total, ProgressBar::new(setting.tokens));
        bar.set_style(self.style.clone());
        bar.set_prefix(format!("{}, {}, {}", setting.workload, setting.curriculum, setting.seed));
        bar
    }

    fn done(&self, setting: &Setting, seconds: f64, left: &str) {
        self.total.inc(1);
        self.total.set_message(left.to_owned());
        if !self.is_seen && !cfg!(test) {
            let (place, length) = (self.total.position(), self.total.length().unwrap_or(0));
            eprintln!("{place} of {length}: {}: {}; {left}", told(setting), span(seconds));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::synthetic;

    fn settings(count: u64) -> Vec<Setting> {
        let setting = |seed| Setting {
            workload: "sequence".into(),
            curriculum: "default".into(),
            seed,
            rate: 1e-3,
            tokens: 4000,
        };
        (1..=count).map(setting).collect()
    }

    #[test]
    fn what_is_there_is_not_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::to_write(folder.path()).unwrap();
        let settings = settings(7);
        store.keep(&synthetic::kept(&settings[2])).unwrap();
        let made = AtomicUsize::new(0);
        let make = |setting: &Setting, progress: &dyn Fn(u64)| {
            made.fetch_add(1, Ordering::Relaxed);
            progress(setting.tokens / 2);
            Ok(synthetic::kept(setting))
        };
        let runs = run_all(&store, &settings, 2, make).unwrap();
        assert_eq!(made.load(Ordering::Relaxed), 6);
        assert_eq!(runs, settings.iter().map(synthetic::kept).collect::<Vec<_>>());
        assert_eq!(run_all(&store, &settings, 3, make).unwrap(), runs);
        assert_eq!(made.load(Ordering::Relaxed), 6);
    }

    /// What a run fails of is said with its name; what was made before is kept, and the next call goes on with the rest.
    #[test]
    fn a_failure_leaves_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::to_write(folder.path()).unwrap();
        let settings = settings(5);
        let make = |setting: &Setting, _: &dyn Fn(u64)| match setting.seed {
            3 => Err("out of luck".into()),
            _ => Ok(synthetic::kept(setting)),
        };
        let refused = run_all(&store, &settings, 1, make).unwrap_err().to_string();
        assert!(refused.contains("seed 3") && refused.contains("out of luck"), "{refused}");
        assert_eq!(store.present(&settings).unwrap().len(), 2);
        let whole = run_all(&store, &settings, 1, |setting, _| Ok(synthetic::kept(setting)));
        assert_eq!(whole.unwrap().len(), 5);
    }

    /// A damaged file is neither believed nor written over.
    #[test]
    fn a_damaged_file_stops_everything() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::to_write(folder.path()).unwrap();
        let settings = settings(2);
        let path = store.path(&settings[1]);
        std::fs::write(&path, b"PAR1, and then nothing more").unwrap();
        let refused = run_all(&store, &settings, 2, |_, _| panic!("nothing runs")).unwrap_err();
        assert!(refused.to_string().contains(&path.display().to_string()), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), b"PAR1, and then nothing more");
    }

    #[test]
    fn what_is_left() {
        let of = |workload: &str, tokens| Setting {
            workload: workload.into(),
            tokens,
            ..settings(1).swap_remove(0)
        };
        let mut estimate = Estimate { waiting: vec![of("a", 100)], ..Estimate::default() };
        assert_eq!(estimate.left(1), None);
        // 0.1 s a token of a, though one of its runs was stopped for long; of c, which was never run, what the median
        // of all took: 0.2 s.
        let a = |seconds| ("a".into(), seconds, 100);
        let b = ("b".into(), 50.0, 200);
        estimate.done = vec![
            a(10.0),
            a(10.0),
            a(9000.0),
            b.clone(),
            b.clone(),
            ("b".into(), 40.0, 200),
            ("d".into(), 20.0, 100),
        ];
        assert_eq!(estimate.left(1), Some(10.0));
        estimate.waiting.push(of("c", 100));
        assert_eq!((estimate.left(1), estimate.left(2)), (Some(30.0), Some(15.0)));
        estimate.under_way.push((of("b", 400), 100));
        assert_eq!(estimate.left(1), Some(30.0 + 75.0));
        // No number of hands makes a run shorter.
        assert_eq!((estimate.left(2), estimate.left(9)), (Some(75.0), Some(75.0)));
        assert_eq!(
            [3.0, 89.0, 90.0, 5399.0, 9000.0].map(span),
            ["3 s", "89 s", "2 min", "90 min", "2.5 h"]
        );
    }
}
