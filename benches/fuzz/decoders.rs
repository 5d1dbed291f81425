//! The decoders: what is changed for each, how it is read, and what must hold of what is accepted.

use std::path::{Path, PathBuf};

use curricle::table::{Column, Table, merge};
use curricle::{
    AnyCurriculum, Checkpoint, Config, Error, History, Journal, Result, Rng, SampleId, Step,
};

use crate::corpus::{self, AnyJournal, Run, feedback, open};
use crate::mutate;
use crate::watch::Watch;

/// Reads one input made of a random number; the error is the one it was refused with.
pub type Read = Box<dyn FnMut(&mut Rng, &Watch) -> Result<()>>;

/// What reading a file may take from the allocator, all in all: so many bytes for each of its bytes, beside a constant.
#[derive(Clone, Copy)]
pub struct Bound {
    pub factor: usize,
    pub beside: usize,
}

pub struct Decoder {
    pub name: &'static str,
    pub bound: Bound,
    pub make: fn(&Path) -> Read,
}

pub const ALL: &[Decoder] = &[
    Decoder { name: "snapshot", bound: Bound { factor: 64, beside: 2 << 20 }, make: snapshots },
    #[cfg(feature = "zstd")]
    Decoder { name: "packed", bound: Bound { factor: 64, beside: 4 << 20 }, make: packed },
    Decoder { name: "journal", bound: Bound { factor: 64, beside: 4 << 20 }, make: journals },
    Decoder { name: "checkpoint", bound: Bound { factor: 64, beside: 2 << 20 }, make: checkpoints },
    Decoder { name: "config", bound: Bound { factor: 512, beside: 1 << 20 }, make: configurations },
    Decoder { name: "csv", bound: Bound { factor: 64, beside: 1 << 20 }, make: csv },
    // Its rows may be packed, a few thousand into a byte.
    Decoder { name: "parquet", bound: Bound { factor: 64, beside: 64 << 20 }, make: parquet },
];

fn pick<'a, T>(list: &'a [T], rng: &mut Rng) -> &'a T {
    &list[rng.below(list.len() as u64) as usize]
}

/// Some rounds more. What is refused is refused with an error that says so.
fn go_on(curriculum: &mut AnyCurriculum) {
    for round in 0..4 {
        let open = open(curriculum);
        let some = open.len().min(64);
        drop(curriculum.report(&feedback(&open[..some])));
        let drawn = match round {
            3 => curriculum.draw_within(5.0).map(drop),
            _ => curriculum.draw(2).map(drop),
        };
        if drawn.is_err() && !matches!(curriculum.step(2), Ok(Step::Draw(_))) {
            let _ = curriculum.lose(&open[..some.min(1)]);
        }
        assert!(curriculum.counts().is_conserved(), "{:?}", curriculum.counts());
    }
    drop(curriculum.metrics());
    let _ = curriculum.explain(SampleId(1)).map(|it| it.to_string());
    let _ = curriculum.fold();
}

/// What was accepted goes on, and what it then writes is accepted and says the same.
fn hold(curriculum: &mut AnyCurriculum, fresh: &AnyCurriculum) {
    for goes_on in [false, true] {
        if goes_on {
            go_on(curriculum);
        }
        let bytes = curriculum.to_bytes().expect("what was read can be written");
        let mut restored = fresh.clone();
        if let Err(error) = restored.restore_bytes(&bytes) {
            let policy: String = format!("{:?}", curriculum.policy()).chars().take(300).collect();
            panic!("its own snapshot is refused, gone on {goes_on}: {error}, {policy}");
        }
        assert!(restored.to_bytes().expect("it was read") == bytes, "not the same, gone on {goes_on}");
    }
}

fn snapshots(folder: &Path) -> Read {
    let runs = corpus::runs(folder);
    let path = folder.join("snapshot");
    Box::new(move |rng, watch| {
        let run = pick(&runs, rng);
        let of = |run: &Run, rng: &mut Rng| match &run.packed {
            Some(packed) if rng.below(4) == 0 => packed.clone(),
            _ => run.snapshot.clone(),
        };
        // The cheap ones more often than the large one.
        let (bytes, other) = (of(run, rng), of(pick(&runs, rng), rng));
        let bytes = mutate::snapshot(&bytes, &other, rng);
        let mut fresh = run.built.clone();
        if rng.below(4) > 0 {
            watch.reads(bytes.len(), || fresh.restore_bytes(&bytes))?;
            hold(&mut fresh, &run.built);
            return Ok(());
        }
        std::fs::write(&path, &bytes).expect("room in memory");
        match rng.below(3) {
            0 => {
                let mut alone = watch.reads(bytes.len(), || AnyCurriculum::of_snapshot(&path))?;
                let fresh = alone.clone();
                hold(&mut alone, &fresh);
            }
            1 => drop(watch.reads(bytes.len(), || Config::of_snapshot(&path))?),
            _ => {
                // The same samples, keys and arms: what is not there any more is made up for.
                watch.reads(bytes.len(), || fresh.reconcile(&path))?;
                hold(&mut fresh, &run.built);
            }
        }
        Ok(())
    })
}

/// Compressed snapshots: changed before they are packed, or after.
#[cfg(feature = "zstd")]
fn packed(folder: &Path) -> Read {
    let runs = corpus::runs(folder);
    Box::new(move |rng, watch| {
        let (run, other) = (pick(&runs, rng), pick(&runs, rng));
        // What is unpacked is bounded by the size that the file announces, not by its own.
        let (bytes, size) = if rng.below(2) == 0 {
            let plain = mutate::snapshot(&run.snapshot, &other.snapshot, rng);
            (mutate::packed(&plain), plain.len())
        } else {
            let (packed, other) =
                run.packed.as_ref().zip(other.packed.as_ref()).expect("a build with zstd");
            let bytes = mutate::snapshot(packed, other, rng);
            (bytes, run.snapshot.len().max(other.len()))
        };
        let mut fresh = run.built.clone();
        watch.reads(size, || fresh.restore_bytes(&bytes))?;
        hold(&mut fresh, &run.built);
        Ok(())
    })
}

fn journals(folder: &Path) -> Read {
    let runs = corpus::runs(folder);
    let (path, log_path) = (folder.join("journal"), folder.join("journal.log"));
    Box::new(move |rng, watch| {
        let (run, other) = (pick(&runs, rng), pick(&runs, rng));
        let other = if rng.below(2) == 0 { run } else { other };
        let (base, log) = mutate::journal(&run.base, &run.log, (&other.base, &other.log), rng);
        std::fs::write(&path, &base).expect("room in memory");
        std::fs::write(&log_path, &log).expect("room in memory");
        // Not known from the file: what each draw that may be asked for takes while its lists grow.
        let size = base.len() + log.len() + if run.repeats { 512 << 14 } else { 0 };
        let told = watch.reads(size, || {
            let mut history = History::open(&path, run.built.clone())?;
            while history.next()?.is_some() {}
            history.into_curriculum().to_bytes()
        });
        let opened = watch.reads(size, || Journal::open(&path, run.built.clone()));
        let mut journal: AnyJournal = match (opened, told) {
            (Ok(journal), Ok(told)) => {
                let state = journal.curriculum().to_bytes().expect("it was read");
                assert!(state == told, "a history and a journal differ");
                journal
            }
            // A reader leaves a log alone that is being compacted, and cannot tell its end from a torn one.
            (Ok(journal), Err(_)) => journal,
            (Err(error), _) => return Err(error),
        };
        // Compacted, cut and written on: the same is read again.
        let open = open(journal.curriculum());
        let _ = journal.report(&feedback(&open));
        let _ = journal.draw(2);
        if rng.below(2) == 0 {
            journal.compact()?;
        }
        let _ = journal.draw(2);
        let bytes = journal.curriculum().to_bytes().expect("it was read");
        drop(journal);
        let again: AnyJournal = Journal::open(&path, run.built.clone()).expect("its own files");
        assert!(again.curriculum().to_bytes().expect("it was read") == bytes, "not the same");
        Ok(())
    })
}

fn checkpoints(folder: &Path) -> Read {
    let runs = corpus::runs(folder);
    let built = runs[0].built.clone();
    let path = folder.join("run-0");
    let mut journal: AnyJournal = Journal::open(&path, built.clone()).expect("a journal of the corpus");
    let found = corpus::checkpoints(&folder.join("checkpoints"), &mut journal);
    drop(journal);
    Box::new(move |rng, watch| {
        let (place, list) = pick(&found, rng);
        let bytes = mutate::manifest(list, &pick(&found, rng).1, rng);
        std::fs::write(place.join("manifest"), &bytes).expect("room in memory");
        let checkpoint = watch.reads(bytes.len(), || Checkpoint::open(place))?;
        for name in checkpoint.files() {
            let file = checkpoint.file(name).expect("a file of the list");
            assert!(file.starts_with(place) && !name.contains(".."), "{name}");
        }
        let restored = checkpoint.restored(built.clone()).map(drop);
        let opened = checkpoint.journal(&path, built.clone()).map(drop);
        restored.or(opened)
    })
}

fn configurations(_: &Path) -> Read {
    let texts = corpus::configurations();
    Box::new(move |rng, watch| {
        let (text, other) = (pick(&texts, rng), pick(&texts, rng));
        let changed = mutate::text(text, other, rng);
        let read = if text.starts_with('{') { Config::from_json } else { Config::from_toml };
        let config = watch.reads(changed.len(), || read(&changed))?;
        for (written, read) in [
            (config.to_toml(), Config::from_toml as fn(&str) -> Result<Config>),
            (config.to_json(), Config::from_json as fn(&str) -> Result<Config>),
        ] {
            if let Ok(written) = written {
                assert_eq!(read(&written).as_ref(), Ok(&config), "{written}");
            }
        }
        let arms = 1 + rng.below(4) as u32;
        let builder = config.builder(12).arms(arms, |sample| (sample.0 % u64::from(arms)) as u32);
        let mut curriculum = watch.reads(changed.len(), || builder.build())?;
        let fresh = curriculum.clone();
        hold(&mut curriculum, &fresh);
        Ok(())
    })
}

/// Tables are compared by what they say: a number that is not one is not equal to itself.
fn same(a: &Table, b: &Table) -> bool {
    let columns = |table: &Table| -> Vec<(String, Column)> {
        table.columns().map(|(name, column)| (name.to_owned(), column.clone())).collect()
    };
    a.made_by() == b.made_by()
        && a.samples() == b.samples()
        && format!("{:?}", columns(a)) == format!("{:?}", columns(b))
}

/// What is read can be written in both formats and is read again as the same.
fn hold_table(table: &Table, path: &Path) {
    table.write_parquet(path).expect("what was read can be written");
    let again = Table::read_parquet(path).expect("what was written can be read");
    assert!(same(table, &again), "Parquet: {table:?} {again:?}");
    for (name, _) in table.columns() {
        let _ = table.order(name);
        let _ = table.ranks(name, 100);
    }
    let _ = merge(vec![table.clone(), table.clone()]);
}

fn csv(folder: &Path) -> Read {
    let (files, _) = corpus::tables(folder);
    tables(folder.join("damaged.csv"), files, |bytes, other, rng| match rng.below(2) {
        0 => mutate::changed(bytes, other, 0, rng),
        _ => {
            let texts = [bytes, other].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            mutate::text(&texts[0], &texts[1], rng).into_bytes()
        }
    })
}

fn parquet(folder: &Path) -> Read {
    let (_, files) = corpus::tables(folder);
    tables(folder.join("damaged.parquet"), files, |bytes, other, rng| {
        mutate::changed(bytes, other, 0, rng)
    })
}

fn tables(path: PathBuf, files: Vec<Vec<u8>>, change: fn(&[u8], &[u8], &mut Rng) -> Vec<u8>) -> Read {
    Box::new(move |rng, watch| {
        let (bytes, other) = (pick(&files, rng), pick(&files, rng));
        let bytes = change(bytes, other, rng);
        std::fs::write(&path, &bytes).expect("room in memory");
        let is_csv = path.extension().is_some_and(|it| it == "csv");
        let table = watch.reads(bytes.len(), || match is_csv {
            true => Table::read_csv(&path),
            false => Table::read_parquet(&path),
        })?;
        hold_table(&table, &path.with_extension("again"));
        Ok(())
    })
}

/// The name of an error without what it says.
pub fn kind(error: &Error) -> String {
    let text = format!("{error:?}");
    let name: String = text.chars().take_while(|it| it.is_alphanumeric() || *it == '(').collect();
    let name = name.trim_end_matches('(').replace('(', " ");
    match error {
        Error::Snapshot(curricle::SnapshotError::Inconsistent(what)) => format!("{name} {what}"),
        _ => name,
    }
}
