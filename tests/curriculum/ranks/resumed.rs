//! Runs that are saved in the middle and go on among another number of ranks; journals in the place of curricula.

use curricle::feed::Prefetch;
use curricle::feed::ranks::{Exchange, Replicated};
use curricle::{Batch, Draw, Durability, Feed, Journal, Opening};

use super::{builder, divided, on_ranks, seen, state};

const ROUNDS: u64 = 9;
const TOTAL: usize = 24;

/// The batches of one curriculum, and its state at the end: with a lag of 1 each batch is reported a round late.
fn alone(lag: u64) -> (Vec<Vec<Draw>>, Vec<u8>) {
    let mut curriculum = builder(17).lag(lag).build().unwrap();
    let mut batches: Vec<Vec<Draw>> = Vec::new();
    for round in 0..ROUNDS {
        batches.push(curriculum.draw(TOTAL).unwrap().draws);
        if let Some(late) = round.checked_sub(lag) {
            curriculum.observe(&seen(&batches[late as usize])).unwrap();
        }
    }
    (batches, super::bytes(&curriculum))
}

/// A part of the run, from a snapshot to the next: its batches by round, in the order of tickets, and the snapshot.
fn between(
    lag: u64,
    size: usize,
    rounds: std::ops::Range<u64>,
    from: &[u8],
) -> (Vec<Vec<Draw>>, Vec<u8>) {
    let parts = on_ranks(size, |threads| {
        let rank = threads.rank();
        let mut curriculum = builder(17).lag(lag).build().unwrap();
        if !from.is_empty() {
            curriculum.restore_bytes(from).unwrap();
        }
        let open = curriculum.unfinished();
        let mut feed = Replicated::new(curriculum, threads);
        let mut late: Vec<Batch> = open.iter().map(|batch| feed.part(batch)).collect();
        let mut batches = Vec::new();
        for round in rounds.clone() {
            let batch = feed.draw(divided(TOTAL, size, 5, round)[rank]).unwrap();
            batches.push(batch.draws.clone());
            late.push(batch);
            let due = late.len().saturating_sub(lag as usize);
            for batch in late.drain(..due) {
                feed.observe(&seen(&batch.draws)).unwrap();
            }
        }
        (batches, state(feed.exchange().unwrap()))
    });
    let state = parts[0].1.clone();
    assert!(parts.iter().all(|part| part.1 == state), "any rank can save");
    let of_round = |round: usize| parts.iter().flat_map(|part| part.0[round].clone()).collect();
    ((0..rounds.count()).map(of_round).collect(), state)
}

/// Saved on so many ranks, gone on with on so many others, twice: as if there had been one.
#[test]
fn a_run_goes_on_among_others() {
    for lag in [0, 1, 2] {
        let (expected, end) = alone(lag);
        for sizes in [[1, 2, 3], [8, 5, 1], [4, 3, 8], [2, 2, 2]] {
            let (mut batches, mut saved) = (Vec::new(), Vec::new());
            for (size, rounds) in sizes.into_iter().zip([0..4, 4..7, 7..ROUNDS]) {
                let (drawn, state) = between(lag, size, rounds, &saved);
                batches.extend(drawn);
                saved = state;
            }
            assert_eq!(batches, expected, "{sizes:?} ranks");
            assert!(saved == end, "the state after {sizes:?} ranks");
        }
    }
}

/// What is drawn ahead and not handed out yet is unfinished in the snapshot.
#[test]
fn what_is_drawn_ahead_is_saved() {
    let saved = on_ranks(2, |threads| {
        let mut feed = Replicated::new(builder(2).lag(2).build().unwrap(), threads).every(3).unwrap();
        let batch = feed.draw(5).unwrap();
        feed.observe(&seen(&batch.draws)).unwrap();
        state(feed.exchange().unwrap())
    });
    let mut twin = builder(2).lag(2).build().unwrap();
    let batches: Vec<Batch> = (0..3).map(|_| twin.draw(10).unwrap()).collect();
    let mut restored = builder(2).lag(2).build().unwrap();
    restored.restore_bytes(&saved[0]).unwrap();
    assert_eq!(restored.unfinished(), batches[1..]);
}

/// Each rank keeps a journal of its own, is killed and goes on; the journals hold the same events.
#[test]
fn journals_of_ranks() {
    let folder = crate::common::folder();
    let (expected, end) = alone(1);
    let mut batches: Vec<Vec<Draw>> = Vec::new();
    for rounds in [0..4, 4..ROUNDS] {
        let parts = on_ranks(3, |threads| {
            let rank = threads.rank();
            let path = folder.path().join(format!("rank-{rank}"));
            let journal = Journal::open(&path, builder(17).lag(1).build().unwrap()).unwrap();
            assert_eq!(matches!(journal.opening(), Opening::Resumed { .. }), rounds.start > 0);
            let open = journal.curriculum().unfinished();
            let mut feed = Replicated::new(journal.durability(Durability::OnDemand), threads);
            let mut late: Vec<Batch> = open.iter().map(|batch| feed.part(batch)).collect();
            let mut drawn = Vec::new();
            for round in rounds.clone() {
                let batch = feed.draw(divided(TOTAL, 3, 6, round)[rank]).unwrap();
                drawn.push(batch.draws.clone());
                late.push(batch);
                for batch in late.drain(..late.len() - 1) {
                    feed.observe(&seen(&batch.draws)).unwrap();
                }
            }
            let journal = feed.exchange().unwrap();
            (drawn, state(journal), journal.position())
        });
        for round in 0..rounds.count() {
            batches.push(parts.iter().flat_map(|part| part.0[round].clone()).collect());
        }
        assert!(parts.iter().all(|part| (&part.1, part.2) == (&parts[0].1, parts[0].2)));
        if batches.len() == expected.len() {
            assert!(parts[0].1 == end);
        }
    }
    assert_eq!(batches, expected);
}

/// A rank loads ahead, and the batches are those of the twin.
#[test]
fn loaded_ahead() {
    let (expected, _) = alone(1);
    let parts = on_ranks(2, |threads| {
        let feed = Replicated::new(builder(17).lag(1).build().unwrap(), threads);
        let mut prefetch = Prefetch::new(feed, TOTAL / 2, |batch: &Batch| batch.draws.len());
        // What is drawn ahead of the last one is drawn by both ranks.
        let batches: Vec<Vec<Draw>> = (0..ROUNDS - 1)
            .map(|_| {
                let (batch, loaded) = prefetch.draw().unwrap();
                assert_eq!(loaded, TOTAL / 2);
                prefetch.observe(&seen(&batch.draws)).unwrap();
                batch.draws
            })
            .collect();
        batches
    });
    for round in 0..ROUNDS as usize - 1 {
        assert_eq!([&parts[0][round][..], &parts[1][round]].concat(), expected[round]);
    }
}
