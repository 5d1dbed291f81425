//! Disks that are full, of a real file system: a limit on the size of files that the system keeps, and
//! a small file system in memory where the tests may mount one.

use std::process::Command;

use super::*;

const FOLDER: &str = "CURRICLE_TEST_FULL";

/// Runs a test of this file in a process of its own, told which folder is to get full.
fn elsewhere(command: &mut Command, folder: &Path) {
    let output = command.env(FOLDER, folder).output().unwrap();
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    assert!(String::from_utf8_lossy(&said).contains("1 passed"), "the test did not run");
}

fn small() -> Curriculum {
    Curriculum::builder(30).missing(curricle::Missing::Lose).seed(5).build().unwrap()
}

#[track_caller]
fn is_full(error: &Error) {
    let Error::Io { kind, source, .. } = error else { panic!("{error}") };
    use std::io::ErrorKind::{FileTooLarge, StorageFull};
    assert!(matches!(kind, StorageFull | FileTooLarge), "{error}");
    assert!(source.raw_os_error().is_some());
    let said = error.to_string();
    assert!(said.contains("No space left") || said.contains("File too large"), "{said}");
}

/// Fills the disk, event by event: the one that does not fit is refused, and is not in the files.
#[test]
#[ignore = "runs in a process of its own, started by the tests below"]
fn a_disk_that_gets_full() {
    // Not started by a test.
    let Ok(folder) = std::env::var(FOLDER).map(PathBuf::from) else { return };
    let path = folder.join("base");
    let fillers = ["filler", "another"].map(|name| folder.join(name));
    for filler in &fillers {
        std::fs::write(filler, [1; 4096]).unwrap();
    }
    let mut journal = Journal::open(&path, small()).unwrap().durability(Durability::OnDemand);
    let mut states = vec![journal.curriculum().to_bytes().unwrap()];
    let error = loop {
        match journal.draw(1) {
            Ok(_) => states.push(journal.curriculum().to_bytes().unwrap()),
            Err(error) => break error,
        }
    };
    is_full(&error);
    let last = states.len() as u64 - 1;
    assert!(last > 20, "{last}");
    assert_eq!(journal.position(), last);
    assert_eq!(journal.draw(1), Err(Error::Journal(JournalError::Behind)));
    drop(journal);
    // Nothing of the refused event is there, not even a part.
    let mut journal = Journal::open(&path, small()).unwrap();
    assert_eq!(journal.opening(), Opening::Resumed { events: last, torn: 0 });
    assert!(journal.curriculum().to_bytes().unwrap() == states[last as usize]);
    // A snapshot that does not fit leaves what is there, and no part.
    let names = || std::fs::read_dir(&folder).unwrap().count();
    let there = names();
    let large = Curriculum::builder(100_000).build().unwrap();
    is_full(&large.save(&fillers[0]).unwrap_err());
    assert!(std::fs::read(&fillers[0]).unwrap() == [1; 4096]);
    assert_eq!(names(), there);
    is_full(&Journal::open(folder.join("large"), large).unwrap_err());
    assert_eq!(names(), there);
    // Where a copy of the log does not fit, nothing is taken back.
    match Journal::open_at(&path, small(), Moment::Position(3)) {
        Err(Error::Journal(JournalError::Locked)) => drop(journal),
        other => panic!("{other:?}"),
    }
    let log = std::fs::read(log_of(&path)).unwrap();
    match Journal::open_at(&path, small(), Moment::Position(3)) {
        Ok(journal) => assert!(journal.curriculum().to_bytes().unwrap() == states[3]),
        Err(error) => {
            is_full(&error);
            assert!(std::fs::read(log_of(&path)).unwrap() == log);
            assert_eq!(names(), there);
        }
    }
    // With room again it can be written anew.
    for filler in fillers {
        std::fs::remove_file(filler).unwrap();
    }
    let _ = std::fs::remove_file(path.with_extension("log.cut"));
    journal = Journal::open(&path, small()).unwrap();
    let state = journal.curriculum().to_bytes().unwrap();
    journal.compact().unwrap();
    assert!(journal.curriculum().to_bytes().unwrap() == state);
}

#[cfg(unix)]
#[test]
fn a_limit_on_the_size_of_files() {
    let folder = tempfile::tempdir().unwrap();
    // In units of 512 bytes. The signal that comes with the error is ignored, also by the process that
    // takes the place of this shell.
    let script =
        r#"trap "" XFSZ; ulimit -f 8; exec "$0" --exact disks::a_disk_that_gets_full --ignored"#;
    let mut shell = Command::new("sh");
    elsewhere(shell.args(["-c", script]).arg(std::env::current_exe().unwrap()), folder.path());
}

/// Where the tests may mount: in a container or as root.
#[cfg(target_os = "linux")]
#[test]
fn a_small_file_system() {
    let folder = tempfile::tempdir().unwrap();
    // The mount ends with its name space, and so with the process.
    let script = r#"mount -t tmpfs -o size=20k none "$1" &&
        exec "$0" --exact disks::a_disk_that_gets_full --ignored"#;
    let exe = std::env::current_exe().unwrap();
    let probe = ["-m", "sh", "-c", "mount -t tmpfs -o size=20k none \"$0\""];
    let may_mount = Command::new("unshare").args(probe).arg(folder.path()).output();
    if !may_mount.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no file system can be mounted here");
        return;
    }
    let mut shell = Command::new("unshare");
    elsewhere(shell.args(["-m", "sh", "-c", script]).arg(exe).arg(folder.path()), folder.path());
}
