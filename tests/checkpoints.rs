//! Checkpoints of a process that is killed, and of one whose disk is full.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use curricle::feed::Batches;
use curricle::policy::Boltzmann;
use curricle::{Batch, Checkpoints, Curriculum, Error, Feedback, Journal, Moment, Outcome};

const FOLDER: &str = "CURRICLE_TEST_CHECKPOINTS";

fn build() -> Curriculum<Boltzmann> {
    let arms = Curriculum::builder(300).arms(3, |sample| (sample.0 % 3) as u32).seed(5);
    arms.policy(Boltzmann::new()).build().unwrap()
}

fn report(batch: &Batch) -> Vec<Feedback> {
    let seen = |arm: u32| Outcome::default().success(1.0 / (2.0 + arm as f32));
    batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen(draw.arm.0))).collect()
}

/// The folder, if this test was started by another.
fn folder() -> Option<PathBuf> {
    std::env::var(FOLDER).ok().map(PathBuf::from)
}

/// A process that runs one of the tests that are ignored.
fn elsewhere(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env(FOLDER, folder);
    command
}

/// The state at the newest checkpoint: the model, which is a list of the rounds that it was trained on, and the journal.
fn resume(root: &Path, checkpoints: &Checkpoints) -> (String, Journal<Boltzmann>) {
    let path = root.join("curriculum");
    match checkpoints.newest().unwrap() {
        Some(found) => {
            let model = std::fs::read_to_string(found.file("model").unwrap()).unwrap();
            assert_eq!(std::fs::read(found.file("optimizer").unwrap()).unwrap().len(), model.len());
            let journal = found.journal(path, build()).unwrap();
            assert_eq!(journal.curriculum().round().0, found.number());
            (model, journal)
        }
        None => (String::new(), Journal::open_at(path, build(), Moment::Position(0)).unwrap()),
    }
}

#[test]
#[ignore = "runs in a process of its own, started by the test below"]
fn trains_until_it_is_killed() {
    let Some(root) = folder() else { return };
    let checkpoints = Checkpoints::open(root.join("checkpoints")).unwrap();
    let (mut model, journal) = resume(&root, &checkpoints);
    println!("\nready");
    let mut batches = Batches::new(journal, 3);
    while let Some(batch) = batches.next() {
        let batch = batch.unwrap();
        model += &format!("{}\n", batch.round.0);
        batches.observe(&report(&batch)).unwrap();
        let draft = checkpoints.begin_at(batch.round.0 + 1, batches.feed_mut()).unwrap();
        std::fs::write(draft.path().join("model"), &model).unwrap();
        std::fs::write(draft.path().join("optimizer"), vec![0; model.len()]).unwrap();
        draft.finish().unwrap();
        if batch.round.0 % 5 == 4 {
            batches.feed_mut().compact().unwrap();
        }
    }
}

/// Killed again and again, at moments that nobody has chosen: model and curriculum are at the same step.
#[test]
fn killed() {
    let root = tempfile::tempdir().unwrap();
    let mut last = 0;
    for kill in 0..12 {
        let mut command = elsewhere("trains_until_it_is_killed", root.path());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(said.map(Result::unwrap).any(|line| line == "ready"), "kill {kill}");
        std::thread::sleep(std::time::Duration::from_micros(20_000 + 7_919 * kill));
        child.kill().unwrap();
        child.wait().unwrap();

        let checkpoints = Checkpoints::open(root.path().join("checkpoints")).unwrap();
        let (model, journal) = resume(root.path(), &checkpoints);
        let round = journal.curriculum().round().0;
        let expected: String = (0..round).map(|round| format!("{round}\n")).collect();
        assert_eq!(model, expected);
        assert!(round >= last, "a checkpoint is gone");
        last = round;
        let Some(newest) = checkpoints.newest().unwrap() else {
            assert_eq!(round, 0, "on a busy machine it was killed before its first checkpoint");
            continue;
        };
        let names = std::fs::read_dir(newest.path().parent().unwrap());
        assert!(names.unwrap().count() <= 5, "three, the lock, and one that was to be removed");
    }
    assert!(last > 12, "{last}");
}

#[track_caller]
fn is_full(error: &Error) {
    use std::io::ErrorKind::{FileTooLarge, StorageFull};
    let Error::Io { kind, .. } = error else { panic!("{error}") };
    assert!(matches!(kind, StorageFull | FileTooLarge), "{error}");
}

#[test]
#[ignore = "runs in a process of its own, started by the tests below"]
fn saves_on_a_full_disk() {
    let Some(root) = folder() else { return };
    let checkpoints = Checkpoints::open(root.join("checkpoints")).unwrap();
    let draft = checkpoints.begin(1, &Curriculum::builder(20).build().unwrap()).unwrap();
    std::fs::write(draft.path().join("model"), "first").unwrap();
    let good = draft.finish().unwrap();
    let names = || std::fs::read_dir(root.join("checkpoints")).unwrap().count();
    let there = names();
    // The snapshot does not fit, a file of the model, the list of the files.
    is_full(&checkpoints.begin(2, &Curriculum::builder(100_000).build().unwrap()).unwrap_err());
    assert_eq!(names(), there);
    let begin = || checkpoints.begin(2, &Curriculum::builder(20).build().unwrap()).unwrap();
    let draft = begin();
    assert!(std::fs::write(draft.path().join("model"), vec![1; 100_000]).is_err());
    drop(draft);
    assert_eq!(names(), there);
    let draft = begin();
    let mut files = 0;
    let write = |name: String| std::fs::write(draft.path().join(name), "");
    while files < 500 && write(format!("{files:0>90}")).is_ok() {
        files += 1;
    }
    is_full(&draft.finish().unwrap_err());
    assert_eq!(names(), there);
    assert_eq!(checkpoints.newest(), Ok(Some(good.clone())));
    assert_eq!(std::fs::read_to_string(good.file("model").unwrap()).unwrap(), "first");
    println!("\nfull");
}

#[track_caller]
fn was_full(mut command: Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    assert!(output.status.success() && said.lines().any(|line| line == "full"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_limit_on_the_size_of_files() {
    let root = tempfile::tempdir().unwrap();
    // In units of 512 bytes. The signal that comes with the error is ignored, also by the process that takes the place of
    // this shell.
    let script = r#"trap "" XFSZ; ulimit -f 8; exec "$0" "$@""#;
    let mut shell = Command::new("sh");
    let test = elsewhere("saves_on_a_full_disk", root.path());
    shell.args(["-c", script]).arg(test.get_program()).args(test.get_args()).env(FOLDER, root.path());
    was_full(shell);
}

/// Where the tests may mount: in a container or as root.
#[cfg(target_os = "linux")]
#[test]
fn a_small_file_system() {
    let root = tempfile::tempdir().unwrap();
    // The mount ends with its name space, and so with the process.
    let mount = |then: &str| format!("mount -t tmpfs -o size=40k none \"${FOLDER}\" {then}");
    let mut probe = Command::new("unshare");
    probe.args(["-m", "sh", "-c", &mount("")]).env(FOLDER, root.path());
    let may_mount = probe.output();
    if !may_mount.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no file system can be mounted here");
        return;
    }
    let mut shell = Command::new("unshare");
    let test = elsewhere("saves_on_a_full_disk", root.path());
    shell.args(["-m", "sh", "-c", &mount("&& exec \"$0\" \"$@\"")]);
    shell.arg(test.get_program()).args(test.get_args()).env(FOLDER, root.path());
    was_full(shell);
}
