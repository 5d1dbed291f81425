//! Runs looked at from their files alone: `inspect`, `replay`, `diff`.

use std::path::Path;
use std::process::{Command, Output};

use curricle::{AnyCurriculum, Batch, Builder, Config, Feedback, Journal, Outcome};

const CONFIG: &str = "
    seed = 7
    gate = 'zero_signal'
    signal.gated.inner = 'mean_advantage'
    policy.bounded = { inner = 'boltzmann', floor = { epsilon = 0.1, prior = 'uniform' } }";

type Described = Builder<curricle::policy::Any, curricle::signal::Any, curricle::sampler::Any>;

fn described(text: &str) -> Described {
    Config::from_toml(text).unwrap().builder(60).arms(3, |sample| (sample.0 / 20) as u32)
}

fn report(batch: &Batch) -> Vec<Feedback> {
    let seen = |ticket: u64| Outcome::group(&[1.0, 0.0, f32::from(ticket.is_multiple_of(3))]).unwrap();
    batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen(draw.ticket.0))).collect()
}

/// A journal of some rounds, with a new base in between, samples that came and went, and an open batch.
fn lived(path: &Path) -> Journal<curricle::policy::Any, curricle::signal::Any, curricle::sampler::Any> {
    let mut journal = Journal::open(path, described(CONFIG).build().unwrap()).unwrap();
    for round in 0..12 {
        let batch = journal.draw(6).unwrap();
        journal.observe(&report(&batch)).unwrap();
        if round == 5 {
            journal.insert(curricle::ArmId(1), 2.0).unwrap();
            journal.remove(curricle::SampleId(3)).unwrap();
            journal.compact().unwrap();
        }
    }
    journal.draw(6).unwrap();
    journal
}

pub fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_curricle")).args(arguments).output().unwrap()
}

pub fn said(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(arguments: &[&str]) -> serde_json::Value {
    serde_json::from_str(&said(arguments)).unwrap()
}

/// A curriculum that is read from its file alone goes on as the one that was saved, also after samples came and went.
#[test]
fn a_snapshot_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let (path, saved) = (folder.path().join("run"), folder.path().join("saved"));
    let journal = lived(&path);
    journal.curriculum().save(&saved).unwrap();
    let mut before = journal.curriculum().clone();
    let mut after = AnyCurriculum::of_snapshot(&saved).unwrap();
    assert!(before.to_bytes().unwrap() == after.to_bytes().unwrap());
    for _ in 0..10 {
        for batch in before.unfinished() {
            before.observe(&report(&batch)).unwrap();
            after.observe(&report(&batch)).unwrap();
        }
        assert_eq!(before.draw(6).unwrap(), after.draw(6).unwrap());
    }
    assert!(before.to_bytes().unwrap() == after.to_bytes().unwrap());
    // One that was built in code does not say what it was built of.
    let plain = curricle::Curriculum::builder(3).build().unwrap();
    plain.save(&saved).unwrap();
    let refused = AnyCurriculum::of_snapshot(&saved).unwrap_err().to_string();
    assert!(refused.contains("built in code"), "{refused}");
}

#[test]
fn a_journal_is_replayed_without_being_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let journal = lived(&path);
    let name = path.display().to_string();
    let files = || {
        let mut files: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    let before = files();
    // While the run goes on.
    let whole = json(&["replay", &name, "--json"]);
    let curriculum = journal.curriculum();
    assert_eq!(whole["digest"], format!("{:016x}", curriculum.digest()));
    assert_eq!(whole["position"], journal.position());
    assert_eq!(whole["open_tickets"].as_array().unwrap().len(), 6);
    for (metric, value) in curriculum.metrics().iter() {
        assert_eq!(whole["metrics"][metric].as_f64(), Some(*value), "{metric}");
    }
    // The base alone is older; at a round in between.
    let base = json(&["inspect", &name, "--json"]);
    assert_eq!(base["metrics"]["curriculum/round"], 6.0);
    assert_eq!(base["config"]["seed"], 7);
    assert_eq!(json(&["replay", &name, "--round", "9", "--json"])["metrics"]["curriculum/round"], 9.0);
    let position = base["metrics"]["curriculum/round"].as_f64().unwrap() as u64 * 2 + 2 + 1;
    let at = json(&["replay", &name, "--position", &position.to_string(), "--json"]);
    assert_eq!(at["metrics"]["curriculum/round"], 7.0);
    let text = said(&["replay", &name]);
    for part in ["events happened again", "round 13", "seed = 7", "gate/admission_rate", "61 samples"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(said(&["inspect", &name, "--arms", "1"]).contains("and 2 arms more"));
    assert!(files() == before, "the files have changed");
}

/// One sample of a snapshot, as text and as JSON.
#[test]
fn a_sample_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let (path, saved) = (folder.path().join("run"), folder.path().join("saved"));
    let journal = lived(&path);
    journal.curriculum().save(&saved).unwrap();
    let name = saved.display().to_string();
    let expected = journal.curriculum().explain(curricle::SampleId(21)).unwrap();
    assert_eq!(said(&["inspect", &name, "--sample", "21"]), expected.to_string());
    let value = json(&["inspect", &name, "--sample", "21", "--batch", "2", "--json"]);
    assert_eq!((&value["arm"], &value["batch"]), (&1.into(), &2.into()));
    assert!(said(&["inspect", &name, "--sample", "3"]).contains("it has been removed"));
    let output = run(&["inspect", &name, "--sample", "61"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("sample 61 is not in the curriculum"));
}

#[test]
fn differences_of_two_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let mut curriculum = described(CONFIG).build().unwrap();
    curriculum.save(file("first")).unwrap();
    let batch = curriculum.draw(6).unwrap();
    curriculum.observe(&report(&batch)).unwrap();
    curriculum.save(file("second")).unwrap();
    described(&CONFIG.replace("seed = 7", "seed = 8")).build().unwrap().save(file("third")).unwrap();
    assert_eq!(said(&["diff", &file("first"), &file("first")]), "the same decisions\n");
    let changed = said(&["diff", &file("first"), &file("second")]);
    let drawn = changed.lines().find(|line| line.starts_with("curriculum/tickets/drawn")).unwrap();
    assert_eq!(drawn.split_whitespace().collect::<Vec<_>>()[1..], ["0", "6", "+6"]);
    let other = said(&["diff", &file("first"), &file("third")]);
    assert!(other.contains("- seed = 7\n+ seed = 8") && !other.contains("drawn "), "{other}");
}

#[test]
fn what_is_no_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let name = path.display().to_string();
    let refused = |arguments: &[&str]| {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(&["inspect", &name]).contains(&name));
    std::fs::write(&path, "no snapshot at all, but long enough to be one: ".repeat(9)).unwrap();
    let said = refused(&["inspect", &name]);
    assert!(said.contains(&name) && said.contains("not a curricle snapshot"), "{said}");
    drop(lived(&folder.path().join("run")));
    let run_path = folder.path().join("run").display().to_string();
    let beyond = refused(&["replay", &run_path, "--round", "99"]);
    assert!(beyond.contains("round 99 is not in the journal"), "{beyond}");
    std::fs::remove_file(folder.path().join("run.log")).unwrap();
    let alone = refused(&["replay", &run_path]);
    assert!(alone.contains(&run_path) && alone.contains("the base has no log"), "{alone}");
    let mut bytes = std::fs::read(&run_path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&run_path, bytes).unwrap();
    assert!(refused(&["inspect", &run_path]).contains("checksum"));
}
