//! A run that journals, saves snapshots and compacts, in a process that is killed at random moments, also while its disk is
//! full: nothing that it was told is lost, and what is found is the state of a run that was never killed.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};

use super::*;

const FOLDER: &str = "CURRICLE_TEST_KILLED";
const TOLD: &str = "CURRICLE_TEST_TOLD";
const KILLS: &str = "CURRICLE_TEST_KILLS";
/// Set where there is little room: nothing is then compacted before the disk is full.
const LITTLE: &str = "CURRICLE_TEST_LITTLE_ROOM";

/// The event at a position, the same whatever happened before.
fn act(feed: &mut impl Feed, position: u64, open: Vec<Ticket>) -> Result<()> {
    match position % 5 {
        0 | 2 => feed.draw(3).map(drop),
        1 | 3 => feed.observe(&report(open)).map(drop),
        _ => feed.set_version(position),
    }
}

/// What the process was told by calls that have returned, in a file of one line that is written at once.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    position: u64,
    digest: u64,
    /// The position of the last snapshot; 0 for none.
    saved: u64,
    /// How often the disk was full.
    full: u64,
    compacted: u64,
}

impl Told {
    fn write(&self, file: &std::fs::File) {
        let Self { position, digest, saved, full, compacted } = self;
        let line = format!("{position:020} {digest:020} {saved:020} {full:020} {compacted:020}\n");
        file.write_all_at(line.as_bytes(), 0).unwrap();
    }

    fn read(path: &Path) -> Self {
        let line = std::fs::read_to_string(path).unwrap_or_default();
        let numbers: Vec<u64> = line.split_whitespace().map(|number| number.parse().unwrap()).collect();
        match numbers[..] {
            [position, digest, saved, full, compacted] => {
                Self { position, digest, saved, full, compacted }
            }
            _ => Self::default(),
        }
    }
}

#[track_caller]
fn is_full(error: &Error) {
    use std::io::ErrorKind::{FileTooLarge, StorageFull};
    assert!(matches!(error, Error::Io { kind: StorageFull | FileTooLarge, .. }), "{error}");
}

#[test]
#[ignore = "the process that is killed by the tests below"]
fn a_run() {
    // Not started by a test.
    let Ok(folder) = std::env::var(FOLDER).map(PathBuf::from) else { return };
    let told_path = PathBuf::from(std::env::var(TOLD).unwrap());
    let (path, saved, filler) = (folder.join("run"), folder.join("snapshot"), folder.join("filler"));
    let has_room = std::env::var_os(LITTLE).is_none();
    let mut told = Told::read(&told_path);
    let file =
        std::fs::File::options().write(true).create(true).truncate(false).open(told_path).unwrap();
    let mut journal = Journal::open(&path, build()).unwrap();
    // The last event of the process before may have had no answer.
    (told.position, told.digest) = (journal.position(), journal.curriculum().digest());
    told.write(&file);
    if journal.opening() == Opening::New {
        std::fs::write(&filler, [1; 8192]).unwrap();
    }
    println!("\nready");
    loop {
        let position = journal.position();
        let open = tickets(&journal.curriculum().unfinished());
        if let Err(error) = act(&mut journal, position, open) {
            is_full(&error);
            told.full += 1;
            told.saved = 0;
            told.write(&file);
            for name in [&saved, &filler] {
                let _ = std::fs::remove_file(name);
            }
            // With what could not be written, or without it.
            if position % 2 == 0 {
                drop(journal);
                journal = Journal::open(&path, build()).unwrap();
                assert_eq!(journal.position(), position);
            }
            if let Err(error) = journal.compact() {
                is_full(&error);
                // Killed before, when it had made room: nobody makes more.
                loop {
                    std::thread::sleep(Duration::from_secs(1));
                }
            }
            told.compacted += 1;
            let _ = std::fs::write(&filler, [1; 8192]);
        }
        (told.position, told.digest) = (journal.position(), journal.curriculum().digest());
        told.write(&file);
        if position % 7 == 6 {
            match journal.curriculum().save(&saved) {
                Ok(()) => told.saved = journal.position(),
                Err(error) => is_full(&error),
            }
            told.write(&file);
        }
        if has_room && position % 16 == 15 {
            journal.compact().unwrap();
            told.compacted += 1;
        }
    }
}

/// Starts the run; the system keeps its files below so many blocks of 512 bytes.
fn spawn(folder: &Path, told: &Path, blocks: Option<u32>) -> Child {
    let test = std::env::current_exe().unwrap();
    let arguments = ["--exact", "kills::a_run", "--ignored", "--nocapture", "--test-threads=1"];
    let mut command = match blocks {
        None => Command::new(test),
        Some(blocks) => {
            // The signal that comes with the error is ignored, also by the process that takes the place of this shell.
            let script = format!(r#"trap "" XFSZ; ulimit -f {blocks}; exec "$0" "$@""#);
            let mut shell = Command::new("sh");
            shell.args(["-c", &script]).arg(test).env(LITTLE, "");
            shell
        }
    };
    command.args(arguments).env(FOLDER, folder).env(TOLD, told);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// A run that is never killed, as far as the other one has come.
struct Twin {
    curriculum: Sec,
    /// The checksum and the digest of the state at each position.
    states: Vec<(u64, u64)>,
}

impl Twin {
    fn new() -> Self {
        let curriculum = build();
        let states = vec![Self::state(&curriculum)];
        Self { curriculum, states }
    }

    fn state(curriculum: &Sec) -> (u64, u64) {
        (xxhash_rust::xxh3::xxh3_64(&curriculum.to_bytes().unwrap()), curriculum.digest())
    }

    fn go_to(&mut self, position: u64) {
        for position in self.states.len() as u64 - 1..position {
            let open = tickets(&self.curriculum.unfinished());
            act(&mut self.curriculum, position, open).unwrap();
            self.states.push(Self::state(&self.curriculum));
        }
    }
}

/// A folder in memory, where there is one: only there is a disk full within the time of a test.
fn quick() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Kills the run again and again, and looks after each kill; says what it has seen.
fn kill(folder: &Path, kills: u64, blocks: Option<u32>) -> String {
    let beside = tempfile::tempdir().unwrap();
    let told_path = beside.path().join("told");
    let mut rng = Rng::at(kills, curricle::Round(blocks.map_or(0, u64::from)), curricle::Purpose::User);
    let mut twin = Twin::new();
    let (mut torn, mut unanswered, mut snapshots) = (0, 0, 0);
    let has_room = std::env::var_os(LITTLE).is_none();
    let mut runs = vec![Told::default()];
    for kill in 0..kills {
        let mut child = spawn(folder, &told_path, blocks);
        // One in four is killed before it is known to run.
        if kill % 4 > 0 {
            let said = BufReader::new(child.stdout.take().unwrap()).lines();
            assert!(said.map(std::result::Result::unwrap).any(|line| line == "ready"), "kill {kill}");
        }
        std::thread::sleep(Duration::from_micros(rng.below(25_000)));
        assert_eq!(child.try_wait().unwrap(), None, "kill {kill}: the process has failed");
        child.kill().unwrap();
        child.wait().unwrap();

        let told = Told::read(&told_path);
        let journal = Journal::open(folder.join("run"), build()).unwrap();
        let position = journal.position();
        twin.go_to(position);
        // No call was under way but the last.
        assert!((told.position..=told.position + 1).contains(&position), "{position} {told:?}");
        assert_eq!(twin.states[told.position as usize].1, told.digest, "kill {kill}");
        assert_eq!(Twin::state(journal.curriculum()), twin.states[position as usize], "kill {kill}");
        torn += u64::from(matches!(journal.opening(), Opening::Resumed { torn: 1.., .. }));
        unanswered += position - told.position;
        drop(journal);
        let mut restored = build();
        match restored.restore(folder.join("snapshot")) {
            Ok(()) => {
                let state = Twin::state(&restored);
                let found = twin.states.iter().rposition(|known| *known == state);
                assert!(found.is_some_and(|found| found as u64 >= told.saved), "{found:?} {told:?}");
                snapshots += 1;
            }
            Err(error) => assert!(told.saved == 0, "kill {kill}: {error}"),
        }
        *runs.last_mut().unwrap() = told;
        // A run that had no time to give back the room that it had made would stay where it is.
        if !has_room && !folder.join("filler").exists() {
            for entry in std::fs::read_dir(folder).unwrap() {
                std::fs::remove_file(entry.unwrap().path()).unwrap();
            }
            let _ = std::fs::remove_file(&told_path);
            twin = Twin::new();
            runs.push(Told::default());
        }
    }
    let sum = |of: fn(&Told) -> u64| runs.iter().map(of).sum::<u64>();
    let (events, full) = (sum(|told| told.position), sum(|told| told.full));
    let compacted = sum(|told| told.compacted);
    assert_eq!(full > 0, blocks.is_some() || !has_room, "{full} times full");
    format!(
        "{kills} kills, {} runs: {events} events, {compacted} times compacted, {full} times full; {unanswered} kills between the \
         log and the answer, {torn} torn records, {snapshots} good snapshots looked at; nothing lost",
        runs.len()
    )
}

/// Files of 15 KB at most: the log is full after a few hundred events.
const BLOCKS: u32 = 30;

#[test]
fn killed() {
    kill(tempfile::tempdir().unwrap().path(), 10, None);
    kill(quick().path(), 10, Some(BLOCKS));
}

#[test]
#[ignore = "takes a minute"]
fn killed_many_times() {
    println!("a disk with room: {}", kill(tempfile::tempdir().unwrap().path(), 300, None));
    for (kills, blocks) in [(300, BLOCKS), (100, 2 * BLOCKS)] {
        let what = format!("files of {} bytes at most", blocks * 512);
        println!("{what}: {}", kill(quick().path(), kills, Some(blocks)));
    }
    println!("a file system of 96 KiB: {}", on_a_small_file_system(300).unwrap_or("skipped".into()));
}

#[test]
#[ignore = "runs in a process of its own, started by the test below"]
fn where_little_room_is() {
    let Ok(folder) = std::env::var(FOLDER).map(PathBuf::from) else { return };
    println!("\n{}", kill(&folder, std::env::var(KILLS).unwrap().parse().unwrap(), None));
}

/// Where the tests may mount: in a container or as root.
fn on_a_small_file_system(kills: u64) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    // The mount ends with its name space, and so with the process.
    let mount = |then: &str| format!("mount -t tmpfs -o size=96k none \"${FOLDER}\" {then}");
    let unshared = |then: &str| {
        let mut shell = Command::new("unshare");
        shell.args(["-m", "sh", "-c", &mount(then)]).env(FOLDER, folder.path());
        shell
    };
    if !unshared("").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no file system can be mounted here");
        return None;
    }
    let mut shell = unshared("&& exec \"$0\" \"$@\"");
    shell.arg(std::env::current_exe().unwrap());
    shell.args(["--exact", "kills::where_little_room_is", "--ignored", "--nocapture"]);
    let output = shell.env(KILLS, kills.to_string()).env(LITTLE, "").output().unwrap();
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{said}");
    Some(said.lines().find(|line| line.contains("nothing lost")).unwrap().to_owned())
}

#[cfg(target_os = "linux")]
#[test]
fn killed_on_a_small_file_system() {
    on_a_small_file_system(8);
}
