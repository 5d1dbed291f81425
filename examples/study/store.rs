//! The folder of the runs: a file each, named by its setting. What is there is not run again.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::catalogue::Arm;
use crate::fault::Fault;
use crate::file;
use crate::run::{Point, Run, Setting};

/// How the name of a file ends that has not appeared yet.
const PART: &str = ".part";

/// A run as it is kept: with the arms of its workload, so that a page can be made of the file alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    pub setting: Setting,
    /// The decision stream of the library that drew.
    pub stream: u32,
    pub arms: Vec<Arm>,
    pub points: Vec<Point>,
}

impl Kept {
    /// A run of the library as it is now.
    ///
    /// # Errors
    /// [`Fault::Run`] if its points are not in order.
    pub fn new(run: Run, arms: Vec<Arm>) -> Result<Self, Fault> {
        let Run { setting, points } = run;
        let kept = Self { setting, stream: curricle::ALGORITHM, arms, points };
        match kept.disorder() {
            None => Ok(kept),
            Some(what) => Err(Fault::Run { setting: kept.setting, what }),
        }
    }

    /// What is wrong with the points: they begin at 0 tokens, what is counted does not fall, each has a value for each
    /// arm, and a pass rate. What else is not known is not a number.
    pub fn disorder(&self) -> Option<String> {
        let Some(first) = self.points.first() else { return Some("it has no points".into()) };
        if first.tokens != 0 {
            return Some(format!("it begins at {} tokens", first.tokens));
        }
        let is_rate = |rate: f64| (0.0..=1.0).contains(&rate);
        for (at, point) in self.points.iter().enumerate() {
            let Point { tokens, passes, drawn, pass, worst, harder, entropy, .. } = point;
            if passes.len() != self.arms.len() || drawn.len() != self.arms.len() {
                let (passes, drawn, arms) = (passes.len(), drawn.len(), self.arms.len());
                return Some(format!(
                    "point {at} has {passes} pass rates and {drawn} counts of {arms} arms"
                ));
            }
            if !is_rate(*pass) {
                return Some(format!("point {at} has the pass rate {pass}"));
            }
            let others = [*worst, *harder].into_iter().chain(passes.iter().copied());
            if let Some(rate) = others.into_iter().find(|rate| !rate.is_nan() && !is_rate(*rate)) {
                return Some(format!("point {at} has the pass rate {rate}"));
            }
            if entropy.is_infinite() || !point.seconds.is_finite() {
                return Some(format!("point {at} has an entropy or a time without bound"));
            }
            let Some(before) = at.checked_sub(1).and_then(|before| self.points.get(before)) else {
                continue;
            };
            let falls = before.drawn.iter().zip(drawn).any(|(before, now)| now < before);
            if *tokens <= before.tokens
                || point.rollouts < before.rollouts
                || point.steps < before.steps
                || point.useful < before.useful
                || falls
            {
                return Some(format!("what is counted falls at point {at}"));
            }
        }
        None
    }

    /// Rollout tokens at the last point.
    pub fn end(&self) -> u64 {
        self.points.last().map_or(0, |point| point.tokens)
    }

    /// Seconds at the last point.
    pub fn seconds(&self) -> f64 {
        self.points.last().map_or(0.0, |point| point.seconds)
    }
}

/// Whether two settings are of one run.
pub fn is_same(one: &Setting, other: &Setting) -> bool {
    one == other && one.rate.to_bits() == other.rate.to_bits()
}

/// The name of the file of a setting.
pub fn name(setting: &Setting) -> String {
    let Setting { workload, curriculum, seed, rate, tokens } = setting;
    format!("{}.{}.seed{seed}.rate{rate}.tokens{tokens}.parquet", slug(workload), slug(curriculum))
}

/// A name of letters, digits and single dashes.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for character in name.chars() {
        match character {
            letter if letter.is_alphanumeric() => slug.extend(letter.to_lowercase()),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// An open folder of runs. While it is open for writing, no other process writes to it.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// Locked for as long as it is open.
    _lock: Option<File>,
}

impl Store {
    /// A folder to read from; it need not be there.
    pub fn to_read(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), _lock: None }
    }

    /// A folder to write to. What a killed process has left half written is removed.
    ///
    /// # Errors
    /// [`Fault::Busy`] if another process writes to it; [`Fault::Io`].
    pub fn to_write(folder: impl Into<PathBuf>) -> Result<Self, Fault> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder).map_err(Fault::io(&folder))?;
        let path = folder.join(".lock");
        let lock = File::create(&path).map_err(Fault::io(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(Fault::Busy { folder }),
            Err(std::fs::TryLockError::Error(error)) => return Err(Fault::io(&path)(error)),
        }
        for path in files(&folder)? {
            let is_part = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(PART));
            if is_part {
                std::fs::remove_file(&path).map_err(Fault::io(&path))?;
            }
        }
        Ok(Self { folder, _lock: Some(lock) })
    }

    pub fn path(&self, setting: &Setting) -> PathBuf {
        self.folder.join(name(setting))
    }

    /// The run of a setting; `None` if it is not there.
    ///
    /// # Errors
    /// Those of [`file::read`]; [`Fault::Other`] if the file is of another setting, [`Fault::Stream`] if it was drawn by
    /// another decision stream than that of the library now.
    pub fn find(&self, setting: &Setting) -> Result<Option<Kept>, Fault> {
        let path = self.path(setting);
        match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Fault::io(&path)(error)),
            Ok(_) => {}
        }
        let mut runs = file::read(&path)?;
        let (Some(run), true) = (runs.pop(), runs.is_empty()) else {
            return Err(Fault::Foreign { path, what: "it does not hold one run".into() });
        };
        if !is_same(&run.setting, setting) {
            return Err(Fault::Other { path, found: run.setting });
        }
        if run.stream != curricle::ALGORITHM {
            return Err(Fault::Stream { path, found: run.stream, now: curricle::ALGORITHM });
        }
        Ok(Some(run))
    }

    /// The runs that are there of a table.
    pub fn present(&self, settings: &[Setting]) -> Result<Vec<Kept>, Fault> {
        settings.iter().filter_map(|setting| self.find(setting).transpose()).collect()
    }

    /// Keeps a run. Its file appears whole or not at all.
    pub fn keep(&self, run: &Kept) -> Result<(), Fault> {
        write_whole(&self.path(&run.setting), &file::bytes(std::slice::from_ref(run))?)
    }
}

/// Writes a file beside its place and gives it its name when it is on the disk.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        std::fs::create_dir_all(folder)?;
        // A scratch file is for its owner only; this one is to be a file like any other.
        let create = |path: &Path| File::options().write(true).create_new(true).open(path);
        let mut part =
            tempfile::Builder::new().prefix(".study-").suffix(PART).make_in(folder, create)?;
        std::io::Write::write_all(&mut part, bytes)?;
        part.as_file().sync_all()?;
        part.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(Fault::io(path))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let entries = std::fs::read_dir(folder).map_err(Fault::io(folder))?;
    let path = |entry: std::io::Result<std::fs::DirEntry>| entry.map(|entry| entry.path());
    entries.map(path).collect::<Result<_, _>>().map_err(Fault::io(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    fn setting(seed: u64) -> Setting {
        let (workload, curriculum) = ("steps with noise".into(), "SEC (tau 0.4)".into());
        Setting { workload, curriculum, seed, rate: 0.001, tokens: 20_000 }
    }

    #[test]
    fn names() {
        let expected = "steps-with-noise.sec-tau-0-4.seed3.rate0.001.tokens20000.parquet";
        assert_eq!(name(&setting(3)), expected);
        assert_eq!(["  a -- B ", "", "%", "é%"].map(slug), ["a-b", "", "", "é"]);
    }

    #[test]
    fn what_is_there_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::to_write(folder.path().join("new/runs")).unwrap();
        assert_eq!(store.find(&setting(1)).unwrap(), None);
        let run = synthetic::kept(&setting(1));
        store.keep(&run).unwrap();
        assert_eq!(store.find(&setting(1)).unwrap(), Some(run));
        assert_eq!(store.find(&setting(2)).unwrap(), None);
        assert_eq!(store.present(&[setting(2), setting(1), setting(3)]).unwrap().len(), 1);
    }

    #[test]
    fn a_folder_has_one_writer() {
        let folder = tempfile::tempdir().unwrap();
        let first = Store::to_write(folder.path()).unwrap();
        assert!(matches!(Store::to_write(folder.path()), Err(Fault::Busy { .. })));
        drop(first);
        Store::to_write(folder.path()).unwrap();
    }

    /// What a kill left behind goes, and nothing else does.
    #[test]
    fn halves_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".study-a1B2c3.part", "notes.txt"] {
            std::fs::write(folder.path().join(name), "half").unwrap();
        }
        let _store = Store::to_write(folder.path()).unwrap();
        let mut names: Vec<_> = files(folder.path()).unwrap();
        names.sort();
        assert_eq!(names, [".lock", "notes.txt"].map(|name| folder.path().join(name)));
    }

    #[test]
    fn a_file_of_another_run_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::to_write(folder.path()).unwrap();
        store.keep(&synthetic::kept(&setting(1))).unwrap();
        std::fs::rename(store.path(&setting(1)), store.path(&setting(2))).unwrap();
        let refused = store.find(&setting(2)).unwrap_err();
        assert!(refused.to_string().contains(&name(&setting(2))), "{refused}");
        assert!(matches!(refused, Fault::Other { found, .. } if found == setting(1)));
        let mut old = synthetic::kept(&setting(3));
        old.stream -= 1;
        store.keep(&old).unwrap();
        assert!(matches!(store.find(&setting(3)), Err(Fault::Stream { .. })));
        std::fs::write(store.path(&setting(4)), "text").unwrap();
        assert!(matches!(store.find(&setting(4)), Err(Fault::Foreign { .. })));
        std::fs::write(store.path(&setting(5)), "").unwrap();
        assert!(matches!(store.find(&setting(5)), Err(Fault::Foreign { .. })));
    }

    #[test]
    fn a_run_out_of_order_is_refused() {
        let good = synthetic::kept(&setting(1));
        assert_eq!(good.disorder(), None);
        let spoilt = |spoil: &dyn Fn(&mut Vec<Point>)| {
            let mut run = good.clone();
            spoil(&mut run.points);
            run.disorder().unwrap()
        };
        assert_eq!(spoilt(&|points| points.clear()), "it has no points");
        assert_eq!(spoilt(&|points| drop(points.remove(0))), "it begins at 1280 tokens");
        assert_eq!(spoilt(&|points| points[2].tokens = 0), "what is counted falls at point 2");
        assert_eq!(spoilt(&|points| points[3].drawn[0] = 0), "what is counted falls at point 3");
        assert_eq!(spoilt(&|points| points[1].pass = f64::NAN), "point 1 has the pass rate NaN");
        assert_eq!(spoilt(&|points| points[1].passes[2] = 1.5), "point 1 has the pass rate 1.5");
        let few = "point 1 has 8 pass rates and 9 counts of 9 arms";
        assert_eq!(spoilt(&|points| points[1].passes.truncate(8)), few);
    }
}
