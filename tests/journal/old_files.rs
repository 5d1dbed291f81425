//! Files of each layout there was, in `tests/data/schema-N`: those of the present one are read, and go
//! on as they did; older ones are refused by name.
//!
//! After a change of the layout: raise `SCHEMA`, then
//! `cargo test --no-default-features --test journal -- --ignored old_files::written`.

use super::*;

/// Steps that are done after the files are opened.
const LATER: usize = 12;

fn folder(schema: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/schema-{schema}"))
}

/// The digest now, and after some more steps: of draws, and of the whole state.
fn digests(journal: &mut SecJournal) -> String {
    let line = |journal: &SecJournal| {
        let bytes = journal.curriculum().to_bytes().unwrap();
        let state = xxhash_rust::xxh3::xxh3_64(&bytes);
        format!("{:016x} {state:016x}\n", journal.curriculum().digest())
    };
    let now = line(journal);
    let deeds = script(60 + LATER);
    deeds[60..].iter().for_each(|&deed| drop(happen_logged(journal, deed)));
    now + &line(journal)
}

fn lived(path: &Path) -> SecJournal {
    let mut journal = Journal::open(path, build()).unwrap().durability(Durability::OnDemand);
    for (number, &deed) in script(60).iter().enumerate() {
        if number == 30 {
            journal.compact().unwrap();
        }
        let _ = happen_logged(&mut journal, deed);
    }
    journal
}

#[test]
#[ignore = "writes the files of the present layout"]
fn written() {
    let folder = folder(curricle::SCHEMA);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    drop(lived(&folder.join("base")));
    let (_copy, path) = copy(&folder);
    let digests = digests(&mut Journal::open(path, build()).unwrap());
    std::fs::write(folder.join("digests"), digests).unwrap();
}

fn copy(from: &Path) -> (tempfile::TempDir, PathBuf) {
    let (folder, path) = place();
    for (from, to) in [(from.join("base"), path.clone()), (from.join("base.log"), log_of(&path))] {
        std::fs::copy(from, to).unwrap();
    }
    (folder, path)
}

#[test]
fn the_present_layout() {
    let folder = folder(curricle::SCHEMA);
    assert!(folder.exists(), "no files of layout {}: see the top of this file", curricle::SCHEMA);
    let expected = std::fs::read_to_string(folder.join("digests")).unwrap();
    let (_copy, path) = copy(&folder);
    let mut journal = Journal::open(&path, build()).unwrap();
    assert!(journal.events() > 10 && journal.position() > journal.events());
    assert_eq!(digests(&mut journal), expected);
    // This build writes the same files.
    let (_folder, path) = place();
    drop(lived(&path));
    for name in ["base", "base.log"] {
        let [written, kept] = [path.with_file_name(name), folder.join(name)].map(std::fs::read);
        assert!(written.unwrap() == kept.unwrap(), "{name} is written otherwise, in the same layout");
    }
}

#[test]
fn older_layouts() {
    let mut layouts = 0;
    for schema in (0..curricle::SCHEMA).filter(|schema| folder(*schema).exists()) {
        layouts += 1;
        let (folder, path) = copy(&folder(schema));
        let files = || [path.clone(), log_of(&path)].map(|path| std::fs::read(path).unwrap());
        let before = files();
        let refused = SnapshotError::Schema { found: schema, supported: curricle::SCHEMA };
        let mut curriculum = build();
        assert_eq!(curriculum.restore(&path), Err(Error::Snapshot(refused)));
        assert_eq!(curriculum.round(), curricle::Round(0));
        match Journal::open(&path, build()) {
            // The log is looked at first.
            Err(Error::Journal(JournalError::Schema { found, supported })) => {
                assert!(found < supported)
            }
            Err(Error::Snapshot(SnapshotError::Schema { found, .. })) => assert_eq!(found, schema),
            other => panic!("schema {schema}: {:?}", other.err()),
        }
        assert!(files() == before);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
    assert!(layouts > 0);
}
