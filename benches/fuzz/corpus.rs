//! Valid files, made by the library itself: the curricula, what happens to them, and what they leave.

use std::path::Path;

use curricle::table::{Column, Provenance, Table};
use curricle::{
    AnyCurriculum, ArmId, Checkpoints, Config, Durability, Feedback, Journal, Outcome, Purpose, Rng,
    Round, SampleId, Step, Ticket,
};
use curricle::{policy, sampler, signal};

pub type AnyJournal = Journal<policy::Any, signal::Any, sampler::Any>;

/// A curriculum that can be built again, and its files after a few dozen events.
pub struct Run {
    pub built: AnyCurriculum,
    pub snapshot: Vec<u8>,
    /// The same state compressed, where this build can.
    pub packed: Option<Vec<u8>>,
    pub base: Vec<u8>,
    pub log: Vec<u8>,
    /// Its sampler may draw a sample more than once, so that a record of a few bytes may stand for 2^20 draws.
    pub repeats: bool,
}

/// Descriptions, with numbers of samples and of arms. Between them they have every option that has a state.
const DESCRIBED: [(&str, usize, u32); 14] = [
    ("policy = 'boltzmann'\nlag = 1\nseed = 3\ngate.band = { low = 0.2, high = 0.8 }", 24, 4),
    ("policy = 'uniform'\nsampler = 'passes'\nstop.all_exhausted = 3\nmissing = 'lose'", 12, 3),
    ("policy.fixed = {}\nsampler = 'sequential'\nstop.cycle = 9\nexclude_in_flight = true", 12, 3),
    (
        "policy.mixture = { table = [[0, [1, 2.5, 3]], [9, [1, 1, 1]]], between = 'lines', unit = 'cost', domains = [0, 0, 1] }\nsampler = 'systematic'",
        15,
        3,
    ),
    (
        "policy = 'boltzmann'\nrefill = { most = 8, bank.rounds = 3, starvation = 'best_rejected' }\ngate.zero_signal = { by = 'success' }",
        30,
        3,
    ),
    (
        "policy = 'boltzmann'\nrefill.starvation = 'partial'\npace.arrival = { in_flight = 12 }\nexclude_in_flight = true\ngate.band = { low = 0.2, high = 0.8 }",
        30,
        3,
    ),
    (
        "policy.ucb = { bound = { hoeffding = 0.5 }, forgetting = { window = 4 } }\npace.arrival = { in_flight = 12, give_up.rounds = 6 }",
        20,
        4,
    ),
    (
        "policy = 'boltzmann'\nweighting.score.floor = 0.05\nsampler = 'replace'\nimportance = 0.5",
        20,
        2,
    ),
    ("policy = 'boltzmann'\nsignal = 'mean_advantage'", 2200, 1100),
    (
        "policy.gaussian = { rule.paper = { n = 6, alpha = 2, beta = 0.5, gamma = 0.5 }, spread.ranks = 9, start = 3 }",
        30,
        1,
    ),
    (
        "policy.bounded = { inner.restart = { inner.ucb = { bound = { hoeffding = 0.5 }, forgetting = { per_round = 0.9 } }, detector.glr = { delta = 0.2, every = 2, grid = 1 }, scope = 'local', explore = 0.1 }, floor = { epsilon = 0.1, prior = 'uniform' } }",
        18,
        3,
    ),
    (
        "policy.mastered = { inner.cold_start = { inner.per_cost.inner = 'boltzmann', tickets = 2 }, mastery = 0.6, retest = [4, 0.2] }",
        18,
        3,
    ),
    (
        "policy.thompson = { belief = { beta = { a = 1, b = 2 } }, forgetting = { window = 4 } }\nsampler = 'top'",
        18,
        3,
    ),
    ("policy.kalman.drift = 0.1\nlag = 2\nmissing = 'lose'", 18, 3),
];

/// The policies that are not described above and have options enough by themselves.
const BY_NAME: [&str; 9] = [
    "online_mixing",
    "scaling_law",
    "dump",
    "pac",
    "posterior",
    "level_replay",
    "teacher_student",
    "absolute_progress.bidirectional = true",
    "difficulty.difficulties = [10, 20, 30]",
];

/// All descriptions.
pub fn described() -> Vec<(String, usize, u32)> {
    let by_name = BY_NAME.map(|name| match name.contains('=') {
        true => (format!("policy.{name}"), 12, 3),
        false => (format!("policy = '{name}'"), 12, 3),
    });
    let given = DESCRIBED.map(|(text, samples, arms)| (text.to_owned(), samples, arms));
    given.into_iter().chain(by_name).collect()
}

/// What is reported of a ticket.
pub fn outcome(ticket: u64) -> Outcome {
    let share = |salt: u64| {
        (ticket.wrapping_mul(2_654_435_761).wrapping_add(salt * 40_503) % 1001) as f32 / 1000.0
    };
    Outcome::default()
        .success(share(1))
        .loss(share(2))
        .abs_advantage(share(3))
        .utility(share(4))
        .cost(0.1 + share(5))
        .rollouts(8)
}

pub fn feedback(tickets: &[Ticket]) -> Vec<Feedback> {
    tickets.iter().map(|&ticket| Feedback::new(ticket, outcome(ticket.0))).collect()
}

/// The tickets that are open, in the order in which they were drawn.
pub fn open(curriculum: &AnyCurriculum) -> Vec<Ticket> {
    let batches = curriculum.unfinished();
    batches.iter().flat_map(|batch| batch.draws.iter().map(|draw| draw.ticket)).collect()
}

/// The curriculum of a description: every second one with keys, every third one with costs.
fn build(number: usize, (text, samples, arms): &(String, usize, u32)) -> AnyCurriculum {
    let config = Config::from_toml(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let builder = config.builder(*samples).arms(*arms, |sample| (sample.0 % u64::from(*arms)) as u32);
    let builder = match number % 2 {
        0 => builder.keys((0..*samples as u128).map(|sample| sample * 7 + 1)),
        _ => builder,
    };
    let builder = match number % 3 {
        0 => builder.costs((0..*samples).map(|sample| 1.0 + (sample % 4) as f64).collect()),
        _ => builder,
    };
    builder.build().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Something happens. What is refused is left out.
fn happen(journal: &mut AnyJournal, rng: &mut Rng) {
    let open = open(journal.curriculum());
    let samples = journal.curriculum().population().arms().samples() as u64;
    let arms = journal.curriculum().population().arms().count();
    let (sample, arm) = (SampleId(rng.below(samples)), ArmId(rng.below(arms as u64) as u32));
    match rng.below(16) {
        0..4 => {
            let drew = journal.step(3).is_ok_and(|step| matches!(step, Step::Draw(_) | Step::Ready(_)));
            if !drew && journal.draw(3).is_err() {
                let _ = journal.observe(&feedback(&open));
            }
        }
        4..9 => drop(journal.observe(&feedback(&open[..open.len().min(1 + rng.below(6) as usize)]))),
        9 => drop(journal.lose(&open[..open.len().min(1)])),
        10 => drop(journal.draw_within(6.0)),
        11 => {
            let key = 1000 + u128::from(rng.below(1 << 40));
            let _ =
                journal.insert(arm, 1.0).or_else(|_| journal.insert_key(curricle::Key(key), arm, 1.0));
        }
        12 => drop(journal.retag(sample, arm)),
        13 => drop(journal.set_weights(&[(sample, rng.below(3) as f64)])),
        14 => drop(journal.set_version(journal.curriculum().version() + 1)),
        _ if arms < 6 => drop(journal.add_arm()),
        _ => drop(journal.remove(sample)),
    }
}

/// The runs and their files.
pub fn runs(folder: &Path) -> Vec<Run> {
    let described = described();
    let mut runs = Vec::new();
    for (number, described) in described.iter().enumerate() {
        let built = build(number, described);
        let path = folder.join(format!("run-{number}"));
        let journal = Journal::open(&path, built.clone()).expect("a new journal");
        let mut journal = journal.durability(Durability::OnDemand);
        let mut rng = Rng::at(number as u64, Round(0), Purpose::User);
        for event in 0..48 {
            happen(&mut journal, &mut rng);
            if event == 15 {
                journal.compact().expect("room on the disk");
            }
        }
        let curriculum = journal.curriculum();
        let snapshot = curriculum.to_bytes().expect("a policy with a state");
        let packed = folder.join("packed");
        let level = curricle::Compression::Zstd(1);
        let packed = curriculum.save_with(&packed, level).ok().map(|()| read(&packed));
        let (base, log) = (read(&path), read(&path.with_extension("log")));
        let repeats = described.0.contains("replace");
        runs.push(Run { built, snapshot, packed, base, log, repeats });
    }
    runs
}

pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a file that was written")
}

/// Tables of scores, as CSV and as Parquet; with the Parquet files of other programs.
pub fn tables(folder: &Path) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let made_by =
        Provenance { signal: "angle".into(), model: "m, \"1\"".into(), ..Provenance::default() };
    let table = Table::new(made_by, (0..40).collect())
        .and_then(|table| {
            let numbers = (0..40).map(|row| (row > 3).then_some(f64::from(row) / 7.0)).collect();
            table.column("total", Column::Number(numbers))
        })
        .and_then(|table| table.column("tokens", Column::Count((0..40).collect())))
        .and_then(|table| {
            table.column("chosen", Column::Flag((0..40).map(|row| row % 3 == 0).collect()))
        })
        .expect("a good table");
    let empty = Table::new(Provenance::default(), Vec::new()).expect("an empty table");
    let (mut csv, mut parquet) = (Vec::new(), Vec::new());
    for table in [table, empty] {
        let path = folder.join("table");
        table.write_csv(&path).expect("room on the disk");
        csv.push(read(&path));
        table.write_parquet(&path).expect("room on the disk");
        parquet.push(read(&path));
    }
    csv.push(b"id,angle\n# a comment\n1,0.5\r\n2,\"-1e-3\"\n3,\n".to_vec());
    let foreign = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/foreign");
    let mut names: Vec<_> = std::fs::read_dir(foreign)
        .expect("the files of other programs")
        .map(|entry| entry.expect("its name").path())
        .filter(|path| path.extension().is_some_and(|it| it == "parquet"))
        .collect();
    names.sort();
    parquet.extend(names.iter().map(|path| read(path)).filter(|bytes| bytes.len() < 20_000));
    (csv, parquet)
}

/// Configurations with every option written out, as TOML and as JSON.
pub fn configurations() -> Vec<String> {
    let mut texts = Vec::new();
    for (text, ..) in described() {
        let config = Config::from_toml(&text).expect("a good description");
        texts.extend([text, config.to_toml().expect("numbers"), config.to_json().expect("numbers")]);
    }
    texts
}

/// A finished checkpoint of each kind: the folder, and its list of files.
pub fn checkpoints(folder: &Path, journal: &mut AnyJournal) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let checkpoints = Checkpoints::open(folder).expect("a folder");
    let snapshot = checkpoints.begin(1, journal.curriculum()).expect("room on the disk");
    let mut all = vec![snapshot];
    all.push(checkpoints.begin_at(2, journal).expect("room on the disk"));
    all.into_iter()
        .map(|draft| {
            std::fs::create_dir(draft.path().join("model")).expect("room on the disk");
            std::fs::write(draft.path().join("model/weights"), [7; 100]).expect("room on the disk");
            let path = draft.finish().expect("room on the disk").path().to_owned();
            let list = read(&path.join("manifest"));
            (path, list)
        })
        .collect()
}
