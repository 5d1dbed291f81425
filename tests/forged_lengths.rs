//! Snapshots whose lists claim any length: they are refused before there is room made for what they do not hold.

mod common;

use std::alloc::System;

use common::{feedback, outcome, sealed};
use curricle::policy::Boltzmann;
use curricle::sampler::Passes;
use curricle::{Curriculum, Error};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

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

/// One test, as the counter is that of the process.
#[test]
fn a_length_makes_no_room_beyond_the_file() {
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
