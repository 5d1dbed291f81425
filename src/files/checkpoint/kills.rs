//! What a kill between any two changes of the disk leaves, and what damage does.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::path::Path;

use super::{Checkpoint, Checkpoints, Draft, LOCK};
use crate::base::error::{CheckpointError, Error, JournalError, Result};
use crate::curriculum::Curriculum;
use crate::event::{Batch, Feedback, Outcome};
use crate::feed::Feed;
use crate::files::journal::{Journal, Moment};

thread_local! {
    static WATCH: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
}

/// Looks at the disk, if a test of this thread wants to.
pub(super) fn between() {
    if let Some(mut watch) = WATCH.take() {
        watch();
        WATCH.set(Some(watch));
    }
}

const STEPS: u64 = 7;

fn build() -> Taught {
    let arms = Curriculum::builder(60).arms(3, |sample| (sample.0 % 3) as u32).seed(3);
    arms.policy(crate::policy::Boltzmann::new()).build().unwrap()
}

fn report(batch: &Batch) -> Vec<Feedback> {
    let seen = |arm: u32| Outcome::default().success(1.0 / (2.0 + arm as f32));
    batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen(draw.arm.0))).collect()
}

/// The model has learned whatever it was trained on, so it is the list of that.
fn learn(model: &mut String, batch: &Batch) {
    *model += &format!("{}: {:?}\n", batch.round, batch.samples().collect::<Vec<_>>());
}

fn steps_of(model: &str) -> u64 {
    model.lines().count() as u64
}

type Taught = Curriculum<crate::policy::Boltzmann>;

/// What draws, by the way in which it is kept.
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
enum Kept {
    Journal(Journal<crate::policy::Boltzmann>),
    Curriculum(Taught),
}

impl Kept {
    fn open(path: &Path, newest: Option<&Checkpoint>, journaled: bool) -> Self {
        match (newest, journaled) {
            (Some(found), true) => Self::Journal(found.journal(path, build()).unwrap()),
            (Some(found), false) => Self::Curriculum(found.restored(build()).unwrap()),
            (None, true) => {
                Self::Journal(Journal::open_at(path, build(), Moment::Position(0)).unwrap())
            }
            (None, false) => Self::Curriculum(build()),
        }
    }

    fn feed(&mut self) -> &mut dyn Feed {
        match self {
            Self::Journal(journal) => journal,
            Self::Curriculum(curriculum) => curriculum,
        }
    }

    fn curriculum(&self) -> &Taught {
        match self {
            Self::Journal(journal) => journal.curriculum(),
            Self::Curriculum(curriculum) => curriculum,
        }
    }

    fn begin(&mut self, checkpoints: &Checkpoints, step: u64) -> Draft {
        match self {
            Self::Journal(journal) => checkpoints.begin_at(step, journal).unwrap(),
            Self::Curriculum(curriculum) => checkpoints.begin(step, curriculum).unwrap(),
        }
    }
}

/// Starts or resumes, trains to the end, and saves after every second step: with the position of the journal, or with a
/// snapshot.
fn run(root: &Path, journaled: bool) -> (String, Vec<u8>) {
    let checkpoints = Checkpoints::open(root.join("checkpoints")).unwrap();
    let checkpoints = checkpoints.keep(NonZeroUsize::new(2).unwrap());
    let newest = checkpoints.newest().unwrap();
    let mut model = newest.as_ref().map_or(String::new(), |found| {
        let half = |name| std::fs::read_to_string(found.file(name).unwrap()).unwrap();
        assert_eq!(half("model/first").len(), half("model/second").len());
        half("model/first")
    });
    let mut kept = Kept::open(&root.join("curriculum"), newest.as_ref(), journaled);
    // What it is all about.
    let step = newest.map_or(0, |found| found.number());
    assert_eq!((steps_of(&model), kept.curriculum().round().0), (step, step));
    assert_eq!(kept.curriculum().counts().open, 0);
    for step in step + 1..=STEPS {
        let batch = kept.feed().draw(4).unwrap();
        between();
        learn(&mut model, &batch);
        kept.feed().observe(&report(&batch)).unwrap();
        between();
        if step % 2 == 0 {
            let draft = kept.begin(&checkpoints, step);
            std::fs::create_dir(draft.path().join("model")).unwrap();
            for name in ["model/first", "model/second"] {
                let half = model.len() / 2;
                std::fs::write(draft.path().join(name), &model[..half]).unwrap();
                between();
                std::fs::write(draft.path().join(name), &model).unwrap();
                between();
            }
            draft.finish().unwrap();
            between();
            if let Kept::Journal(journal) = &mut kept
                && step == 4
            {
                journal.compact().unwrap();
                between();
            }
        }
    }
    (model, kept.curriculum().to_bytes().unwrap())
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}

/// Whenever it is killed, model and curriculum are found at the same step, and the run ends as if it had never been.
#[test]
fn killed_between_any_two_changes() {
    for journaled in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let straight = run(&tempfile::tempdir().unwrap().path().join("straight"), journaled);
        let root = folder.path().join("run");
        let copies = std::rc::Rc::new(RefCell::new(Vec::new()));
        let watch = {
            let (root, copies, folder) = (root.clone(), copies.clone(), folder.path().to_owned());
            move || {
                let mut copies = copies.borrow_mut();
                let place = folder.join(copies.len().to_string());
                copy(&root, &place);
                copies.push(place);
            }
        };
        WATCH.set(Some(Box::new(watch)));
        assert!(run(&root, journaled) == straight);
        WATCH.set(None);
        let copies = copies.take();
        assert!(copies.len() > 40, "{}", copies.len());
        let mut parts = 0;
        for place in &copies {
            let names = super::names(&place.join("checkpoints")).unwrap();
            parts += names.iter().filter(|name| super::is_left_over(name)).count();
            assert!(run(place, journaled) == straight);
            let mut names = super::names(&place.join("checkpoints")).unwrap();
            names.sort();
            // One that a kill has kept from being removed goes when the next one is finished.
            names.retain(|name| name != "checkpoint-0000000002");
            assert_eq!(names, [LOCK, "checkpoint-0000000004", "checkpoint-0000000006"]);
        }
        assert!(parts > 20, "{parts}");
    }
}

fn saved(folder: &Path) -> (Checkpoints, Checkpoint) {
    let checkpoints = Checkpoints::open(folder).unwrap();
    let draft = checkpoints.begin(1, &build()).unwrap();
    std::fs::create_dir_all(draft.path().join("model/empty")).unwrap();
    std::fs::write(draft.path().join("model/weights"), "0.5 0.25").unwrap();
    let checkpoint = draft.finish().unwrap();
    (checkpoints, checkpoint)
}

/// Every file, cut, changed or removed: the error names it. A damaged checkpoint is not passed over.
#[test]
fn damage() {
    let folder = tempfile::tempdir().unwrap();
    let (checkpoints, good) = saved(folder.path());
    assert_eq!(good.files().collect::<Vec<_>>(), ["curriculum", "model/weights"]);
    assert_eq!(checkpoints.newest(), Ok(Some(good.clone())));
    for name in ["curriculum", "model/weights", "manifest"] {
        let path = good.path().join(name);
        let content = std::fs::read(&path).unwrap();
        let refused = |bytes: Option<&[u8]>| {
            match bytes {
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            let error = checkpoints.newest().unwrap_err();
            assert_eq!(checkpoints.at(1).unwrap_err(), error);
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
            match error {
                Error::Checkpoint(error) => error,
                other => panic!("{other}"),
            }
        };
        for len in (0..content.len()).step_by(1 + content.len() / 50) {
            let error = refused(Some(&content[..len]));
            let is_size = matches!(error, CheckpointError::Size { found, .. } if found == len as u64);
            assert_eq!(is_size, name != "manifest", "{error}");
            let mut changed = content.clone();
            changed[len] ^= 4;
            refused(Some(&changed));
        }
        assert!(matches!(refused(None), CheckpointError::Missing { .. }));
        std::fs::write(&path, content).unwrap();
        assert_eq!(checkpoints.newest(), Ok(Some(good.clone())));
    }
    let mut newer = std::fs::read(good.path().join("manifest")).unwrap();
    newer[8] += 1;
    std::fs::write(good.path().join("manifest"), newer).unwrap();
    let schema = |error| matches!(error, Error::Checkpoint(CheckpointError::Schema { found: 2, .. }));
    assert!(checkpoints.newest().is_err_and(schema));
    checkpoints.remove(1).unwrap();
    assert_eq!(checkpoints.newest(), Ok(None));
    assert!(matches!(checkpoints.remove(1), Err(Error::Io { .. })));
}

/// A list whose checksum holds cannot name files elsewhere.
#[test]
fn names_that_lead_out() {
    let folder = tempfile::tempdir().unwrap();
    let (_, good) = saved(folder.path());
    let elsewhere = folder.path().join("elsewhere");
    std::fs::write(&elsewhere, "").unwrap();
    for name in ["../elsewhere", elsewhere.to_str().unwrap(), "", "."] {
        let mut manifest = good.manifest_for_tests().clone();
        manifest.files[0].name = name.to_owned();
        std::fs::remove_file(good.path().join("manifest")).unwrap();
        manifest.write(good.path()).unwrap();
        let path = good.path().join("manifest");
        assert_eq!(Checkpoint::open(good.path()), Err(CheckpointError::Inconsistent { path }.into()));
    }
}

/// Numbers rise, one process writes, and what is asked for in vain is named.
#[test]
fn refusals() {
    let folder = tempfile::tempdir().unwrap();
    let (checkpoints, good) = saved(folder.path());
    let locked = CheckpointError::Locked { path: folder.path().to_owned() };
    assert_eq!(Checkpoints::open(folder.path()).unwrap_err(), locked.into());
    for number in [0, 1] {
        let error = checkpoints.begin(number, &build()).unwrap_err();
        let path = folder.path().to_owned();
        assert_eq!(error, CheckpointError::Number { path, number, newest: 1 }.into());
    }
    let missing = |name: &str| CheckpointError::Missing { path: good.path().join(name) };
    assert_eq!(good.file("nothing"), Err(missing("nothing").into()));
    assert_eq!(good.position(), None);
    let journal = folder.path().join("run");
    let none = CheckpointError::NoPosition { path: good.path().to_owned() };
    assert_eq!(good.journal(&journal, build()).unwrap_err(), none.into());

    // A draft that is dropped leaves nothing; one under way keeps the lock.
    drop(checkpoints.begin(2, &build()).unwrap());
    assert_eq!(super::names(folder.path()).unwrap().len(), 2);
    let draft = checkpoints.begin(2, &build()).unwrap();
    let taken = |error| matches!(error, Error::Io { kind: std::io::ErrorKind::AlreadyExists, .. });
    assert!(checkpoints.begin(2, &build()).is_err_and(taken));
    drop(checkpoints);
    assert!(Checkpoints::open(folder.path()).is_err());
    // The names that are taken.
    std::fs::write(draft.path().join("manifest"), "").unwrap();
    assert!(draft.finish().is_err_and(taken));
    let checkpoints = Checkpoints::open(folder.path()).unwrap();
    assert_eq!(checkpoints.numbers(), Ok(vec![1]));
    #[cfg(unix)]
    {
        let draft = checkpoints.begin(2, &build()).unwrap();
        let path = draft.path().join("link");
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert_eq!(draft.finish(), Err(CheckpointError::Kind { path }.into()));
    }
}

/// A process that was forked from the one that opened the folder changes nothing in it.
#[test]
fn a_forked_process() {
    let folder = tempfile::tempdir().unwrap();
    let (checkpoints, _) = saved(folder.path());
    let mut draft = checkpoints.begin(2, &build()).unwrap();
    drop(checkpoints);
    std::sync::Arc::get_mut(&mut draft.checkpoints.lock).unwrap().disown();
    let path = folder.path().to_owned();
    let forked = Error::from(CheckpointError::Forked { path });
    let checkpoints = draft.checkpoints.clone();
    assert_eq!(checkpoints.begin(3, &build()).unwrap_err(), forked);
    assert_eq!(checkpoints.remove(1), Err(forked.clone()));
    let before = super::names(folder.path()).unwrap();
    assert_eq!(draft.finish(), Err(forked));
    assert_eq!(super::names(folder.path()).unwrap(), before, "the draft is the other's");
    assert_eq!(checkpoints.numbers(), Ok(vec![1]));
}

/// The position of a checkpoint is looked for in its own journal, and another is left as it is.
#[test]
fn another_journal() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(folder.path().join("checkpoints")).unwrap();
    let path = folder.path().join("run");
    let mut journal = Journal::open(&path, build()).unwrap();
    let batch = journal.draw(4).unwrap();
    let good = checkpoints.begin_at(1, &mut journal).unwrap().finish().unwrap();
    assert_eq!(good.position(), Some(1));
    assert!(good.restored(build()).is_err());
    let digest = journal.curriculum().digest();
    drop(journal);
    assert_eq!(good.journal(&path, build()).unwrap().curriculum().unfinished(), [batch]);

    let other = folder.path().join("other");
    let mut journal = Journal::open(&other, build()).unwrap();
    for n in [5, 2] {
        let batch = journal.draw(n).unwrap();
        journal.observe(&report(&batch)).unwrap();
    }
    drop(journal);
    let log = std::fs::read(other.with_extension("log")).unwrap();
    match good.journal(&other, build()) {
        Err(Error::Journal(JournalError::Other { position: 1, expected, .. })) => {
            assert_eq!(expected, digest);
        }
        other => panic!("{other:?}"),
    }
    assert!(std::fs::read(other.with_extension("log")).unwrap() == log);
    let lost = good.journal(folder.path().join("lost"), build());
    assert!(matches!(lost, Err(Error::Journal(JournalError::Moment { .. }))));
}
