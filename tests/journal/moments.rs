//! A journal is opened at a moment that its model has a checkpoint of.

use super::*;

fn cut_of(path: &Path) -> PathBuf {
    path.with_extension("log.cut")
}

/// Runs deeds through a journal, compacting where told; gives position, round, digest, size of the log
/// and state after each event.
fn lived(
    path: &Path,
    deeds: &[Deed],
    compact_after: Option<usize>,
) -> Vec<(u64, curricle::Round, u64, u64, Vec<u8>)> {
    let mut journal = Journal::open(path, build()).unwrap().durability(Durability::OnDemand);
    let now = |journal: &SecJournal| {
        let bytes = journal.curriculum().to_bytes().unwrap();
        (
            journal.position(),
            journal.curriculum().round(),
            journal.curriculum().digest(),
            journal.log_bytes(),
            bytes,
        )
    };
    let mut moments = vec![now(&journal)];
    for (number, &deed) in deeds.iter().enumerate() {
        if compact_after == Some(number) {
            journal.compact().unwrap();
        }
        if !happen_logged(&mut journal, deed).is_refused() {
            moments.push(now(&journal));
        }
    }
    moments
}

fn copied(files: &[(&Path, &[u8])]) -> (tempfile::TempDir, PathBuf) {
    let (folder, path) = place();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    (folder, path)
}

#[test]
fn every_moment() {
    let (_folder, path) = place();
    let moments = lived(&path, &script(60), None);
    let [base, log] = [path.clone(), log_of(&path)].map(|path| std::fs::read(path).unwrap());
    let pair = [(Path::new("base"), &base[..]), (Path::new("base.log"), &log[..])];
    let mut different = 0;
    for (place, (position, round, digest, ..)) in moments.iter().enumerate() {
        assert_eq!(*position, place as u64);
        let first_of_round = moments.iter().position(|moment| moment.1 == *round).unwrap();
        let first_of_digest = moments.iter().position(|moment| moment.2 == *digest).unwrap();
        different += usize::from(first_of_round != place);
        for (moment, expected) in [
            (Moment::Position(*position), place),
            (Moment::Round(*round), first_of_round),
            (Moment::Digest(*digest), first_of_digest),
        ] {
            let (_folder, path) = copied(&pair);
            let journal = Journal::open_at(&path, build(), moment).unwrap();
            let (position, _, _, bytes, state) = &moments[expected];
            assert!(journal.curriculum().to_bytes().unwrap() == *state, "{moment}");
            assert_eq!(journal.position(), *position);
            let cut = log.len() as u64 - bytes;
            if cut > 0 {
                assert_eq!(journal.opening(), Opening::TakenBack { events: *position, cut });
                assert!(std::fs::read(cut_of(&path)).unwrap() == log, "what was cut is not kept");
            } else {
                assert_eq!(journal.opening(), Opening::Resumed { events: *position, torn: 0 });
                assert!(!cut_of(&path).exists());
            }
            assert_eq!(std::fs::read(log_of(&path)).unwrap(), &log[..*bytes as usize]);
            // It is the state that is found from now on.
            drop(journal);
            assert!(Journal::open(&path, build()).unwrap().curriculum().to_bytes().unwrap() == *state);
            // And it can be undone.
            if cut > 0 {
                std::fs::rename(cut_of(&path), log_of(&path)).unwrap();
                let all = &moments[moments.len() - 1].4;
                assert!(
                    Journal::open(&path, build()).unwrap().curriculum().to_bytes().unwrap() == *all
                );
            }
        }
    }
    assert!(different > 10, "a round is more than one moment");
}

/// Going on from a moment repeats what came after it.
#[test]
fn going_on() {
    let (_folder, path) = place();
    let mut journal = Journal::open(&path, build()).unwrap();
    let step = |journal: &mut SecJournal| {
        let batch = journal.draw(6).unwrap();
        journal.observe(&report(tickets(std::slice::from_ref(&batch)))).unwrap();
        batch
    };
    (0..5).for_each(|_| drop(step(&mut journal)));
    let (checkpoint, before) = (journal.position(), journal.curriculum().to_bytes().unwrap());
    let ahead: Vec<Batch> = (0..5).map(|_| step(&mut journal)).collect();
    let after = journal.curriculum().to_bytes().unwrap();
    drop(journal);
    let mut journal = Journal::open_at(&path, build(), Moment::Position(checkpoint)).unwrap();
    assert!(journal.curriculum().to_bytes().unwrap() == before);
    let again: Vec<Batch> = (0..5).map(|_| step(&mut journal)).collect();
    assert_eq!(again, ahead);
    assert!(journal.curriculum().to_bytes().unwrap() == after);
}

#[test]
fn over_a_compaction() {
    let (_folder, path) = place();
    let moments = lived(&path, &script(60), Some(30));
    let [base, log] = [path.clone(), log_of(&path)].map(|path| std::fs::read(path).unwrap());
    let journal = Journal::open(&path, build()).unwrap();
    let first = (journal.position() - journal.events()) as usize;
    drop(journal);
    assert!(first > 5 && first + 5 < moments.len());
    let last = moments.len() - 1;
    let (mut before, mut within) = (0, 0);
    let beyond = [
        Moment::Position(last as u64 + 1),
        Moment::Round(curricle::Round(moments[last].1.0 + 1)),
        Moment::Digest(7),
    ];
    for (place, (position, round, ..)) in moments.iter().enumerate() {
        for moment in [Moment::Position(*position), Moment::Round(*round)].into_iter().chain(beyond) {
            let (folder, path) =
                copied(&[(Path::new("base"), &base[..]), (Path::new("base.log"), &log[..])]);
            let opened = Journal::open_at(&path, build(), moment);
            let is_within = !beyond.contains(&moment)
                && match moment {
                    Moment::Round(round) => round >= moments[first].1,
                    _ => place >= first,
                };
            if is_within {
                within += 1;
                let journal = opened.unwrap();
                if let Moment::Position(_) = moment {
                    assert!(journal.curriculum().to_bytes().unwrap() == moments[place].4);
                    assert_eq!(journal.position(), *position);
                }
                continue;
            }
            before += 1;
            let said = JournalError::Moment {
                wanted: moment,
                first: moments[first].1,
                last: moments[last].1,
                positions: (moments[first].0, moments[last].0),
            };
            assert_eq!(opened.err(), Some(Error::Journal(said)));
            assert!(
                std::fs::read(&path).unwrap() == base && std::fs::read(log_of(&path)).unwrap() == log
            );
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        }
    }
    assert!(before > 100 && within > 20);
}

/// Where there is no journal, only the moment of its start is there.
#[test]
fn of_no_journal() {
    let (folder, path) = place();
    for moment in [Moment::Round(curricle::Round(1)), Moment::Position(3), Moment::Digest(3)] {
        let (wanted, first, last) = (moment, curricle::Round(0), curricle::Round(0));
        let error = Error::Journal(JournalError::Moment { wanted, first, last, positions: (0, 0) });
        assert_eq!(Journal::open_at(&path, build(), moment).err(), Some(error));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
    let journal = Journal::open_at(&path, build(), Moment::Round(curricle::Round(0))).unwrap();
    assert_eq!(journal.opening(), Opening::New);
    drop(journal);
    let error = Journal::open_at(&path, build(), Moment::Round(curricle::Round(4))).err().unwrap();
    let said = "journal refused: round 4 is not in the journal, which goes from round 0, position 0, to round 0, position 0";
    assert_eq!(error.to_string(), said);
}

/// Every state of the files that a crash can leave: the copy is there in part, whole, or whole with an
/// older one; the log has any length between the old and the new. Each has the moment, and the whole is
/// in one of the two files.
#[test]
fn killed_at_every_byte() {
    let (_folder, path) = place();
    let moments = lived(&path, &script(40), None);
    let [base, log] = [path.clone(), log_of(&path)].map(|path| std::fs::read(path).unwrap());
    let wanted = &moments[moments.len() / 2];
    let all = &moments[moments.len() - 1].4;
    let part = ".base.log.cut.abcdef.part";
    let check = |files: &[(&Path, &[u8])], what: &str| {
        let (folder, path) = copied(files);
        let has = |log: &Path| {
            let (_folder, path) = copied(&[
                (Path::new("base"), &base),
                (Path::new("base.log"), &std::fs::read(log).unwrap()),
            ]);
            Journal::open(path, build()).unwrap().curriculum().to_bytes().unwrap() == *all
        };
        let kept = [log_of(&path), cut_of(&path)].into_iter().filter(|path| path.exists());
        assert!(kept.into_iter().any(|log| has(&log)), "{what}: events are lost");
        let journal = Journal::open_at(&path, build(), Moment::Position(wanted.0)).unwrap();
        assert!(journal.curriculum().to_bytes().unwrap() == wanted.4, "{what}");
        assert!(!folder.path().join(part).exists(), "{what}: a part is left");
        assert!(has(&cut_of(&path)), "{what}: events are lost");
    };
    let files = [(Path::new("base"), &base[..]), (Path::new("base.log"), &log[..])];
    for length in 0..=log.len() {
        let copy = [(Path::new(part), &log[..length])];
        check(&[&files[..], &copy[..]].concat(), &format!("{length} bytes of the copy"));
    }
    for length in wanted.3 as usize..=log.len() {
        let files = [
            (Path::new("base"), &base[..]),
            (Path::new("base.log"), &log[..length]),
            (Path::new("base.log.cut"), &log[..]),
        ];
        let (_folder, path) = copied(&files);
        let journal = Journal::open(&path, build()).unwrap();
        assert!(moments.iter().any(|moment| moment.4 == journal.curriculum().to_bytes().unwrap()));
        drop(journal);
        let journal = Journal::open_at(&path, build(), Moment::Position(wanted.0)).unwrap();
        assert!(journal.curriculum().to_bytes().unwrap() == wanted.4);
    }
}
