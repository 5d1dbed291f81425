//! Files that claim any length: snapshots whose lists do are refused before there is room made for what they do not hold, and
//! a record of a log can ask for no more draws than a batch may have.

mod common;

use std::alloc::System;

use common::{feedback, outcome, sealed};
use curricle::policy::Boltzmann;
use curricle::sampler::{Passes, Replace};
use curricle::{Curriculum, Durability, Error, Journal, JournalError, Missing, Refill};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use xxhash_rust::xxh3::xxh3_64_with_seed;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What reading a snapshot of a few kilobytes may take from the allocator, all in all.
const MOST: usize = 1 << 20;

fn build() -> Curriculum<Boltzmann, curricle::signal::GroupSpread, Passes> {
    Curriculum::builder(40)
        .arms(2, |sample| (sample.0 % 2) as u32)
        .keys(0..40u128)
        .costs(vec![1.0; 40])
        .policy(Boltzmann::new())
        .sampler(Passes)
        .build()
        .unwrap()
}

/// A number as postcard writes it.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 127 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// The events of a draw and of a step, in postcard: the place of the variant, how many are wanted, a digest.
const DRAW: u8 = 0;
const STEP: u8 = 10;

/// A log with one more record at its end.
fn with_record(log: &[u8], record: &[u8]) -> Vec<u8> {
    let mut link = u64::from_le_bytes(*log[32..].first_chunk().unwrap());
    let mut at = 40;
    while at < log.len() {
        let size = u32::from_le_bytes(*log[at..].first_chunk().unwrap()) as usize;
        link = u64::from_le_bytes(*log[at + 8..].first_chunk().unwrap());
        at += 16 + size;
    }
    let size = (record.len() as u32).to_le_bytes();
    let check = (xxh3_64_with_seed(&size, link) as u32).to_le_bytes();
    let next = xxh3_64_with_seed(record, link).to_le_bytes();
    [log, &size, &check, &next, record].concat()
}

/// One test, as the counter is that of the process.
#[test]
fn a_length_makes_no_room_beyond_what_is_there() {
    lists_of_a_snapshot();
    draws_of_a_log();
}

/// A sampler that repeats samples has no pool that bounds it.
fn draws_of_a_log() {
    /// The greatest batch with repeats, decided twice by a step; all that is asked for while its lists grow.
    const MOST: usize = (1 << 20) * 512;
    let folder = common::folder();
    let path = folder.path().join("run");
    let log_path = path.with_extension("log");
    let build = |refills: bool| {
        let builder = Curriculum::builder(40).sampler(Replace).missing(Missing::Lose);
        let builder = if refills { builder.refill(Refill::new().most(u32::MAX)) } else { builder };
        builder.build().unwrap()
    };
    for (refills, verb) in [(false, DRAW), (true, STEP)] {
        let _ = std::fs::remove_file(&path);
        let _ = std::fs::remove_file(&log_path);
        let mut journal =
            Journal::open(&path, build(refills)).unwrap().durability(Durability::OnDemand);
        let is_drawn = if refills { journal.step(3).is_ok() } else { journal.draw(3).is_ok() };
        assert!(is_drawn);
        drop(journal);
        let good = std::fs::read(&log_path).unwrap();
        for want in [1 << 14, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 1 << 24, u64::from(u32::MAX)] {
            let record = [vec![verb], varint(want), varint(7)].concat();
            std::fs::write(&log_path, with_record(&good, &record)).unwrap();
            let region = Region::new(ALLOCATOR);
            let found = Journal::open(&path, build(refills)).map(drop).unwrap_err();
            let taken = region.change().bytes_allocated;
            assert!(taken < MOST, "a draw of {want}: {taken} bytes");
            // What a run can have asked for is drawn, and told by its digest; what it cannot is refused before.
            let is_told = match found {
                Error::Journal(JournalError::Diverged { .. }) => refills || want <= 1 << 20,
                Error::Journal(JournalError::Replay { event: 1, .. }) => !refills && want > 1 << 20,
                _ => false,
            };
            assert!(is_told, "a draw of {want}: {found}");
        }
        std::fs::write(&log_path, &good).unwrap();
        Journal::open(&path, build(refills)).unwrap();
    }
}

fn lists_of_a_snapshot() {
    let mut curriculum = build();
    let batch = curriculum.draw(6).unwrap();
    curriculum.observe(&feedback(&batch, |place, _| outcome(place as u64))).unwrap();
    curriculum.draw(3).unwrap();
    let good = curriculum.to_bytes().unwrap();
    let (mut refused, mut read) = (0, 0);
    for at in 80..good.len() {
        let end = at + good[at..].iter().position(|byte| byte & 128 == 0).unwrap_or(0) + 1;
        for length in [1 << 14, 1 << 24, 1 << 31, 1 << 40, u64::MAX >> 8] {
            let forged = sealed(&good, |bytes| {
                bytes.splice(at..end, varint(length));
                let size = (bytes.len() as u64 - 80).to_le_bytes();
                bytes[16..24].copy_from_slice(&size);
                bytes[64..72].copy_from_slice(&size);
            });
            let region = Region::new(ALLOCATOR);
            let found = curriculum.restore_bytes(&forged);
            let taken = region.change().bytes_allocated;
            assert!(taken < MOST, "{length} at {at}: {taken} bytes for a file of {}", forged.len());
            match found {
                Ok(()) => read += 1,
                Err(Error::Snapshot(_)) => refused += 1,
                Err(other) => panic!("{length} at {at}: {other}"),
            }
            curriculum.restore_bytes(&good).unwrap();
        }
    }
    // What is accepted is a number that may be as great as that.
    assert!(refused > 10 * read && read > 0, "{refused} {read}");
}
