//! Files that are no snapshots of this curriculum.

use super::*;
use crate::common::sealed;

type Sec = Curriculum<Boltzmann, MeanAdvantage, Distinct>;

fn build(seed: u64, rows: u64) -> Sec {
    Curriculum::builder(10)
        .arms(2, |sample| (sample.0 % 2) as u32)
        .policy(Boltzmann::new())
        .signal(MeanAdvantage)
        .fingerprint(curricle::fingerprint((0..rows).map(u64::to_le_bytes)))
        .seed(seed)
        .build()
        .unwrap()
}

fn used() -> (Sec, Vec<u8>) {
    let mut curriculum = build(1, 10);
    for _ in 0..3 {
        let batch = curriculum.draw(4).unwrap();
        let all: Vec<Feedback> =
            batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0))).collect();
        curriculum.observe(&all).unwrap();
    }
    let bytes = curriculum.to_bytes().unwrap();
    (curriculum, bytes)
}

#[track_caller]
fn refused(curriculum: &mut Sec, bytes: &[u8]) -> SnapshotError {
    let before = curriculum.to_bytes().unwrap();
    let error = curriculum.restore_bytes(bytes).expect_err("should have been refused");
    assert!(before == curriculum.to_bytes().unwrap(), "{error}: the state changed");
    match error {
        Error::Snapshot(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn truncated() {
    let (mut curriculum, bytes) = used();
    for length in 0..bytes.len() {
        let error = refused(&mut curriculum, &bytes[..length]);
        let expected = if length < 8 {
            matches!(error, SnapshotError::NotASnapshot)
        } else {
            matches!(error, SnapshotError::Size { found, .. } if found == length as u64)
        };
        assert!(expected, "{length} bytes: {error}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(refused(&mut curriculum, &longer), SnapshotError::Size { .. }));
}

#[test]
fn bit_flipped() {
    let (mut curriculum, bytes) = used();
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1 << bit;
            let error = refused(&mut curriculum, &flipped);
            let expected = match position {
                0..8 => matches!(error, SnapshotError::NotASnapshot),
                8..12 => matches!(error, SnapshotError::Schema { .. }),
                16..24 => matches!(error, SnapshotError::Size { .. }),
                _ => matches!(error, SnapshotError::Checksum { .. }),
            };
            assert!(expected, "bit {bit} of byte {position}: {error}");
        }
    }
}

#[test]
fn newer() {
    let (mut curriculum, bytes) = used();
    let schema = sealed(&bytes, |bytes| bytes[8] += 1);
    assert!(matches!(
        refused(&mut curriculum, &schema),
        SnapshotError::Schema { found, supported: curricle::SCHEMA } if found == curricle::SCHEMA + 1
    ));
    let algorithm = sealed(&bytes, |bytes| bytes[12] += 1);
    assert!(matches!(
        refused(&mut curriculum, &algorithm),
        SnapshotError::Algorithm { found, supported: curricle::ALGORITHM } if found == curricle::ALGORITHM + 1
    ));
}

/// A header that says zstd over a payload that is not.
#[test]
fn not_compressed() {
    let (mut curriculum, bytes) = used();
    let zstd = sealed(&bytes, |bytes| bytes[72] = 1);
    let error = curriculum.restore_bytes(&zstd);
    if cfg!(feature = "zstd") {
        assert_eq!(error, Err(Error::Snapshot(SnapshotError::Inconsistent("the payload"))));
    } else {
        assert_eq!(error, Err(Error::Feature("zstd")));
        let path = tempfile::tempdir().unwrap().path().join("curriculum.snapshot");
        assert_eq!(curriculum.save_with(&path, Compression::Zstd(3)), Err(Error::Feature("zstd")));
        assert!(!path.exists());
    }
    let unknown = sealed(&bytes, |bytes| bytes[72] = 2);
    assert!(matches!(refused(&mut curriculum, &unknown), SnapshotError::Inconsistent(_)));
    assert!(curriculum.restore_bytes(&bytes).is_ok());
}

#[cfg(feature = "zstd")]
mod compressed {
    use super::*;

    fn compressed(curriculum: &Sec, level: i32) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curriculum.snapshot");
        curriculum.save_with(&path, Compression::Zstd(level)).unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn restored() {
        let (curriculum, bytes) = used();
        for level in [1, 3, 22] {
            let mut restored = build(1, 10);
            let small = compressed(&curriculum, level);
            assert!(small.len() < bytes.len());
            restored.restore_bytes(&small).unwrap();
            assert!(restored.to_bytes().unwrap() == bytes, "level {level}");
        }
        for level in [0, 23, -1] {
            let error = curriculum.save_with("nowhere", Compression::Zstd(level));
            assert!(matches!(error, Err(Error::OutOfRange { what: "zstd level", .. })), "{level}");
        }
    }

    #[test]
    fn flipped_or_cut() {
        let (mut curriculum, _) = used();
        let small = compressed(&curriculum, 3);
        for position in 0..small.len() {
            let flipped = [&small[..position], &[small[position] ^ 1], &small[position + 1..]].concat();
            refused(&mut curriculum, &flipped);
            refused(&mut curriculum, &small[..position]);
        }
    }

    /// A frame that unpacks to more, or to less, than the header says; a frame with something behind
    /// it.
    #[test]
    fn of_another_size() {
        let (mut curriculum, bytes) = used();
        let small = compressed(&curriculum, 3);
        let inconsistent = SnapshotError::Inconsistent("the payload");
        for size in [0, 1, bytes.len() - 81, bytes.len() - 79, 1 << 40] {
            let forged = sealed(&small, |bytes| bytes[64..72].copy_from_slice(&size.to_le_bytes()));
            assert_eq!(refused(&mut curriculum, &forged), inconsistent, "{size}");
        }
        let longer = sealed(&small, |bytes| {
            bytes.push(0);
            let stored = bytes.len() as u64 - 80;
            bytes[16..24].copy_from_slice(&stored.to_le_bytes());
        });
        assert_eq!(refused(&mut curriculum, &longer), inconsistent);
        // A state of 100 MB of zeros, which is no state, in some kilobytes.
        let bomb = zstd::bulk::compress(&vec![0; 100 << 20], 19).unwrap();
        let bomb = sealed(&[&small[..80], &bomb].concat(), |bytes| {
            let stored = bytes.len() as u64 - 80;
            bytes[16..24].copy_from_slice(&stored.to_le_bytes());
        });
        // Zeros are a list of no parts.
        assert_eq!(refused(&mut curriculum, &bomb), SnapshotError::Inconsistent("the parts"));
    }
}

#[test]
fn foreign() {
    let (_, bytes) = used();
    assert!(matches!(refused(&mut build(1, 11), &bytes), SnapshotError::Dataset { .. }));
    assert!(matches!(refused(&mut build(2, 10), &bytes), SnapshotError::Configuration { .. }));
    assert!(matches!(
        refused(&mut build(1, 10), b"PK\x03\x04 a zip file"),
        SnapshotError::NotASnapshot
    ));
    assert!(build(1, 10).restore_bytes(&bytes).is_ok());
    let mut hotter = Curriculum::builder(10)
        .arms(2, |sample| (sample.0 % 2) as u32)
        .policy(Boltzmann::new().temperature(0.2))
        .signal(MeanAdvantage)
        .fingerprint(curricle::fingerprint((0..10u64).map(u64::to_le_bytes)))
        .seed(1)
        .build()
        .unwrap();
    let error = hotter.restore_bytes(&bytes).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("policy is Boltzmann {") && said.contains("in the file Boltzmann {"),
        "{said}"
    );
    let Error::Snapshot(SnapshotError::Configuration { expected, found, differences }) = error else {
        panic!("{said}")
    };
    assert!(expected != found && differences.len() == 1);
    assert!(differences[0].expected.contains("constant(0.2)"), "{said}");
    assert!(!differences[0].found.contains("constant(0.2)"), "{said}");
}

/// Each option that differs is named, with both values; those of the edge may, if it is asked for.
#[test]
fn built_otherwise() {
    type Builder = curricle::Builder<Boltzmann, MeanAdvantage, Distinct>;
    let builder = || {
        Curriculum::builder(10)
            .arms(2, |sample| (sample.0 % 2) as u32)
            .policy(Boltzmann::new())
            .signal(MeanAdvantage)
            .seed(1)
    };
    let mut saved: Sec = builder().build().unwrap();
    for _ in 0..3 {
        let batch = saved.draw(4).unwrap();
        let all = batch.draws.iter();
        let all: Vec<Feedback> =
            all.map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0))).collect();
        saved.observe(&all).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved");
    saved.save(&path).unwrap();
    type Change = fn(Builder) -> Builder;
    let cases: [(&str, bool, Change, &str, &str); 7] = [
        ("lag", true, |builder| builder.lag(2), "2", "0"),
        ("missing", true, |builder| builder.missing(Missing::Lose), "Lose", "Refuse"),
        ("gate", true, |builder| builder.gate(Gate::band(0.1, 0.9)), "Band {", "All"),
        (
            "weighting",
            true,
            |builder| builder.weighting(Weighting::Score { floor: 0.5 }),
            "0.5",
            "Given",
        ),
        ("importance", true, |builder| builder.importance(0.5), "Constant(0.5)", "Constant(0)"),
        ("seed", false, |builder| builder.seed(2), "2", "1"),
        ("policy", false, |builder| builder.policy(Boltzmann::new().alpha(0.3)), "0.3", "0.5"),
    ];
    for (part, is_edge, change, expected, found) in cases {
        let build = || change(builder()).build().unwrap();
        let Err(Error::Snapshot(SnapshotError::Configuration { differences, .. })) =
            build().restore(&path)
        else {
            panic!("{part} was not noticed")
        };
        assert_eq!(differences.len(), 1, "{part}");
        assert_eq!(differences[0].part, part);
        let said = differences[0].to_string();
        assert!(differences[0].expected.to_lowercase().contains(&expected.to_lowercase()), "{said}");
        assert!(differences[0].found.to_lowercase().contains(&found.to_lowercase()), "{said}");
        let mut other = build();
        let before = other.to_bytes().unwrap();
        let restored = other.restore_edge(&path);
        assert_eq!(restored.is_ok(), is_edge, "{part}");
        if is_edge {
            assert_eq!((other.digest(), other.counts()), (saved.digest(), saved.counts()));
            other.draw(4).unwrap();
            // It is a curriculum of its own from now on.
            let bytes = other.to_bytes().unwrap();
            build().restore_bytes(&bytes).unwrap();
            assert!(builder().build().unwrap().restore_bytes(&bytes).is_err());
        } else {
            assert!(other.to_bytes().unwrap() == before);
        }
    }
    // What does not differ is restored as ever; what belongs to other data is not.
    assert_eq!(builder().build().unwrap().restore_edge(&path), Ok(()));
    let mut other =
        Curriculum::builder(11).policy(Boltzmann::new()).signal(MeanAdvantage).build().unwrap();
    let error = other.restore_edge(&path);
    assert!(matches!(error, Err(Error::Snapshot(SnapshotError::Dataset { .. }))));
}

/// Content that contradicts itself under a right checksum.
#[test]
fn forged() {
    let (mut curriculum, bytes) = used();
    let mut refusals = 0;
    for position in 64..bytes.len() {
        let forged = sealed(&bytes, |bytes| bytes[position] ^= 0x15);
        let before = curriculum.to_bytes().unwrap();
        match curriculum.restore_bytes(&forged) {
            // Some numbers may be anything: a success rate, a value of the policy.
            Ok(()) => {
                // Whatever was accepted must not make a draw panic.
                let _ = curriculum.draw(3);
                curriculum.restore_bytes(&bytes).unwrap();
            }
            Err(Error::Snapshot(SnapshotError::Inconsistent(_))) => {
                refusals += 1;
                assert!(before == curriculum.to_bytes().unwrap());
            }
            Err(other) => panic!("byte {position}: {other}"),
        }
    }
    assert!(refusals > 50, "{refusals}");
}

/// A file of more than one chunk gives what its bytes give.
#[test]
fn large() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("curriculum.snapshot");
    let build =
        || Curriculum::builder(100_000).arms(7, |sample| (sample.0 % 7) as u32).build().unwrap();
    let mut curriculum = build();
    for _ in 0..3 {
        let batch = curriculum.draw(100).unwrap();
        curriculum.lose(&batch.draws.iter().map(|draw| draw.ticket).collect::<Vec<_>>()).unwrap();
    }
    curriculum.save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() > 1 << 20);
    let (mut streamed, mut read) = (build(), build());
    streamed.restore(&path).unwrap();
    read.restore_bytes(&bytes).unwrap();
    assert!(streamed.to_bytes().unwrap() == bytes);
    assert!(read.to_bytes().unwrap() == bytes);
    assert!(build().restored(&path).unwrap().to_bytes().unwrap() == bytes);
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(streamed.restore(&path), Err(Error::Snapshot(SnapshotError::Size { .. }))));
    assert!(build().restored(&path).is_err());
    assert!(streamed.to_bytes().unwrap() == bytes);
}

/// Another program writes to the file while it is read, and cuts it short: what was written is taken
/// over, or nothing.
#[test]
fn changed_while_it_is_read() {
    use std::io::{Seek, SeekFrom, Write};
    use std::sync::atomic::{AtomicBool, Ordering};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("curriculum.snapshot");
    let build = || Curriculum::builder(100_000).build().unwrap();
    let mut curriculum = build();
    curriculum.draw(100).unwrap();
    curriculum.save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let done = AtomicBool::new(false);
    let (mut taken, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = std::fs::File::options().write(true).open(&path).unwrap();
            let mut number = 0u64;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                let place = number * 7919 % bytes.len() as u64;
                if number.is_multiple_of(3) {
                    file.set_len(place).unwrap();
                } else {
                    file.seek(SeekFrom::Start(place)).unwrap();
                    file.write_all(&[number as u8]).unwrap();
                }
                std::thread::yield_now();
                file.set_len(bytes.len() as u64).unwrap();
                file.rewind().unwrap();
                file.write_all(&bytes).unwrap();
            }
        });
        for _ in 0..300 {
            let mut other = build();
            match other.restore(&path) {
                Ok(()) => {
                    taken += 1;
                    assert!(other.to_bytes().unwrap() == bytes);
                }
                Err(Error::Snapshot(_)) => {
                    refused += 1;
                    assert_eq!(other.digest(), 0);
                }
                Err(other) => panic!("{other}"),
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(taken + refused == 300 && refused > 0, "{taken} {refused}");
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("curriculum.snapshot");
    let (mut curriculum, bytes) = used();
    curriculum.save(&path).unwrap();
    assert!(std::fs::read(&path).unwrap() == bytes);
    // A failing save leaves the good file, and no other, behind.
    let nowhere = folder.path().join("missing/curriculum.snapshot");
    assert!(matches!(curriculum.save(&nowhere), Err(Error::Io { path, .. }) if path == nowhere));
    assert!(matches!(curriculum.restore(&nowhere), Err(Error::Io { .. })));
    // The error says what the system said, and has it as its source.
    let error = curriculum.save(&nowhere).unwrap_err();
    let source = std::error::Error::source(&error).and_then(|error| error.downcast_ref());
    let source: &std::io::Error = source.unwrap();
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    assert_eq!(error.to_string(), format!("{}: {source}", nowhere.display()));
    assert_eq!(error, curriculum.save(&nowhere).unwrap_err());
    assert_ne!(error, curriculum.save(folder.path()).unwrap_err());
    curriculum.draw(2).unwrap();
    curriculum.save(&path).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let mut restored = build(1, 10);
    restored.restore(&path).unwrap();
    assert!(restored.to_bytes().unwrap() == curriculum.to_bytes().unwrap());
}
