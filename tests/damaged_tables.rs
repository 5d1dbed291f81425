//! Parquet files that were changed at random: refused or read, without a panic, in bounded memory.

#![cfg(feature = "table")]

use std::alloc::System;
use std::path::{Path, PathBuf};

use curricle::table::{Column, FileFault, Provenance, Table, TableError};
use curricle::{Error, Purpose, Rng, Round};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What reading one damaged file of a few kilobytes may take from the allocator, all in all.
const MOST: usize = 64 << 20;

fn files(folder: &Path) -> Vec<Vec<u8>> {
    let made_by = Provenance { signal: "angle".into(), ..Provenance::default() };
    let own = Table::new(made_by, (0..40).collect())
        .and_then(|table| {
            table.column(
                "total",
                Column::Number((0..40).map(|i| (i > 3).then_some(f64::from(i))).collect()),
            )
        })
        .and_then(|table| table.column("tokens", Column::Count((0..40).collect())))
        .and_then(|table| table.column("selected", Column::Flag((0..40).map(|i| i % 3 == 0).collect())))
        .unwrap();
    own.write_parquet(folder.join("own")).unwrap();
    let foreign = PathBuf::from("tests/data/foreign");
    ["groups_v2", "zstd", "split", "arrow_int32_halffloat", "duckdb"]
        .map(|name| foreign.join(format!("{name}.parquet")))
        .into_iter()
        .chain([folder.join("own")])
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// One to four changes: a bit, a byte, a run of ones that makes some number enormous, a lost or a
/// doubled piece.
fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..1 + rng.below(4) {
        let at = rng.below(bytes.len() as u64) as usize;
        match rng.below(6) {
            0 => bytes[at] ^= 1 << rng.below(8),
            1 => bytes[at] = rng.bits() as u8,
            // A number of the format ends at the first byte below 128.
            2 => {
                let end = (at + 1 + rng.below(4) as usize).min(bytes.len());
                bytes[at..end].fill(0xff);
                if let Some(last) = bytes.get_mut(end) {
                    *last = 0x0f;
                }
            }
            3 => {
                let end = (at + 1 + rng.below(20) as usize).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let end = (at + 1 + rng.below(20) as usize).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            // Most of what counts stands at the end.
            _ => {
                let near = bytes.len() - 1 - rng.below(bytes.len().min(600) as u64) as usize;
                bytes[near] = rng.bits() as u8;
            }
        }
    }
}

/// What became of the files that were tried.
#[derive(Debug, Default)]
struct Tried {
    read: u32,
    refused: u32,
    /// Refused because the crate that reads the format panicked.
    panicked: u32,
}

impl Tried {
    fn read(&mut self, file: &Path, bytes: &[u8], name: &str) {
        std::fs::write(file, bytes).unwrap();
        let region = Region::new(ALLOCATOR);
        match Table::read_parquet(file) {
            Ok(_) => self.read += 1,
            Err(Error::Table(TableError::Malformed { what: FileFault::Damaged, .. })) => {
                self.panicked += 1
            }
            Err(Error::Table(_) | Error::NonFinite { .. }) => self.refused += 1,
            Err(other) => panic!("{name}: {other:?}"),
        }
        let taken = region.change().bytes_allocated;
        assert!(taken < MOST, "{name}: {taken} bytes for a file of {}", bytes.len());
    }
}

#[test]
fn damaged_files_are_refused_or_read_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("damaged.parquet");
    let files = files(folder.path());
    let mut tried = Tried::default();
    for seed in 0..6000 {
        let mut rng = Rng::at(seed, Round(0), Purpose::User);
        let mut bytes = files[seed as usize % files.len()].clone();
        damage(&mut bytes, &mut rng);
        tried.read(&file, &bytes, &format!("seed {seed}"));
    }
    assert!(tried.read > 300 && tried.refused > 3000 && tried.panicked > 3, "{tried:?}");

    // An enormous number in each place: sizes of pages, values of a dictionary, rows.
    let mut tried = Tried::default();
    for bytes in files.iter().filter(|bytes| bytes.len() < 2000) {
        for at in 0..bytes.len() - 4 {
            let mut bytes = bytes.clone();
            bytes[at..at + 4].copy_from_slice(&[0xff, 0xff, 0xff, 0x0f]);
            tried.read(&file, &bytes, &format!("{} bytes, at {at}", bytes.len()));
        }
    }
    assert!(tried.read > 100 && tried.refused > 1000, "{tried:?}");
}
