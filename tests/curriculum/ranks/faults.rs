//! What every rank is told when one differs, is misheard, contradicts another or goes away.

use curricle::feed::ranks::{Dissent, Exchange, FrameError, Replicated, Threads};
use curricle::{Draw, Error, Feed, Feedback, Gate, Outcome, Reason, Result, SampleId, Ticket, Verdict};

use super::{builder, ends, on_ranks, seen};

/// A rank whose frames suffer on their way, at some exchanges.
struct Noisy<F> {
    inner: Threads,
    exchanges: usize,
    /// Changes what all ranks hear of the rank that has it.
    sent: F,
}

impl<F: FnMut(usize, &mut Vec<u8>)> Exchange for Noisy<F> {
    fn rank(&self) -> usize {
        self.inner.rank()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn all_gather(&mut self, frame: &[u8]) -> Result<Vec<Vec<u8>>> {
        let mut frame = frame.to_vec();
        (self.sent)(self.exchanges, &mut frame);
        self.exchanges += 1;
        self.inner.all_gather(&frame)
    }
}

/// Draws, lets one of the ranks do what it does, and draws again: what the second draw says on each.
fn second_draw(
    size: usize,
    change: impl Fn(usize, &[Draw], &mut curricle::Curriculum<impl_::P, impl_::S, impl_::D>) + Sync,
) -> Vec<Result<usize>> {
    on_ranks(size, |threads| {
        let rank = threads.rank();
        let mut feed = Replicated::new(builder(4).build().unwrap(), threads);
        let batch = feed.draw(3).unwrap();
        feed.observe(&seen(&batch.draws[1..])).unwrap();
        change(rank, &batch.draws, feed.replica_mut());
        if rank != 1 {
            feed.observe(&seen(&batch.draws[..1])).unwrap();
        }
        let before = (feed.replica().counts(), feed.replica().digest(), feed.queued());
        let drawn = feed.draw(3).map(|batch| batch.draws.len());
        if drawn.is_err() {
            let after = (feed.replica().counts(), feed.replica().digest(), feed.queued());
            assert_eq!(before, after, "nothing has been taken in or drawn");
        }
        drawn
    })
}

/// The types of the builder that all tests share.
mod impl_ {
    pub type P = curricle::policy::Bounded<curricle::policy::Boltzmann>;
    pub type S = curricle::signal::MeanAdvantage;
    pub type D = curricle::sampler::Replace;
}

fn dissent(error: &Result<usize>) -> (&'static str, Dissent) {
    match error {
        Err(Error::Diverged { what, dissent }) => (what, dissent.clone()),
        other => panic!("{other:?}"),
    }
}

/// A rank that has taken in something on its own is named on all, by the next exchange, be it an observation, a
/// weight of 0 or a draw.
#[test]
fn a_rank_that_differs_is_named() {
    type Change = fn(&[Draw], &mut curricle::Curriculum<impl_::P, impl_::S, impl_::D>);
    let changes: [Change; 4] = [
        |draws, curriculum| drop(curriculum.observe(&seen(&draws[..1])).unwrap()),
        |draws, curriculum| curriculum.lose(&[draws[0].ticket]).unwrap(),
        |_, curriculum| curriculum.set_weight(SampleId(3), 0.0).unwrap(),
        |_, curriculum| curriculum.set_version(9).unwrap(),
    ];
    for change in changes {
        for size in [3, 4, 8] {
            let all = second_draw(size, |rank, draws, curriculum| {
                if rank == 1 {
                    change(draws, curriculum);
                }
            });
            for said in &all {
                let (what, Dissent { majority, ranks }) = dissent(said);
                assert_eq!(what, "the state of the curriculum");
                assert!(majority.is_some() && ranks.len() == 1 && ranks[0].0 == 1, "{ranks:?}");
                assert_ne!(majority, Some(ranks[0].1));
                assert_eq!(said, &all[0]);
            }
        }
    }
}

/// Where there is no majority, all are named.
#[test]
fn without_a_majority_all_are_named() {
    let all = second_draw(2, |rank, draws, curriculum| {
        if rank == 1 {
            curriculum.observe(&seen(&draws[..1])).unwrap();
        }
    });
    for said in &all {
        let (_, Dissent { majority, ranks }) = dissent(said);
        assert_eq!((majority, ranks.len(), ranks[0].0, ranks[1].0), (None, 2, 0, 1));
        assert_ne!(ranks[0].1, ranks[1].1);
    }
    let text = all[0].as_ref().unwrap_err().to_string();
    assert!(text.starts_with("the ranks differ in the state of the curriculum: rank 0 has "), "{text}");
    let halves = second_draw(4, |rank, _, curriculum| {
        if rank > 1 {
            curriculum.set_version(9).unwrap();
        }
    });
    halves.iter().for_each(|said| assert_eq!(dissent(said).1.ranks.len(), 4));
}

/// A bit of what was observed that differs is in no count: it is found out once it has changed a decision.
#[test]
fn what_differs_in_a_value_is_found_by_its_decision() {
    let found = on_ranks(3, |threads| {
        let rank = threads.rank();
        let mut feed = Replicated::new(builder(4).build().unwrap(), threads);
        let first = feed.draw(3).unwrap().draws;
        let all: Vec<Draw> = feed.replica().unfinished()[0].draws.clone();
        for draw in &all {
            let advantage = if rank == 2 && *draw == all[8] { 0.75 } else { 0.25 };
            let seen = Outcome::default().success(0.5).abs_advantage(advantage).rollouts(8);
            feed.replica_mut().observe(&[Feedback::new(draw.ticket, seen)]).unwrap();
        }
        assert_eq!(first.len(), 3);
        feed.draw(3).unwrap();
        feed.draw(3).map(|batch| batch.draws.len())
    });
    for said in &found {
        assert_eq!(dissent(said).1.ranks[0].0, 2);
    }
}

/// Ranks that were built otherwise do not draw once.
#[test]
fn ranks_are_built_alike() {
    type Build = fn(usize) -> curricle::Curriculum<impl_::P, impl_::S, impl_::D>;
    let builds: [Build; 4] = [
        |rank| builder(1 + u64::from(rank == 2)).build().unwrap(),
        |rank| builder(1).lag(u64::from(rank == 2)).build().unwrap(),
        |rank| {
            builder(1).gate(if rank == 2 { Gate::band(0.1, 0.9) } else { Gate::All }).build().unwrap()
        },
        |rank| {
            let label = move |sample: SampleId| (sample.0 % 6) as u32 ^ u32::from(rank == 2);
            builder(1).arms(6, label).build().unwrap()
        },
    ];
    for build in builds {
        let all = on_ranks(3, |threads| {
            let mut feed = Replicated::new(build(threads.rank()), threads);
            feed.draw(1).map(|batch| batch.draws.len())
        });
        for said in &all {
            assert_eq!(dissent(said).1.ranks[0].0, 2);
        }
    }
}

/// Ranks that call different things, or exchange at different rounds, are told so.
#[test]
fn ranks_call_alike() {
    let all = on_ranks(3, |threads| {
        let rank = threads.rank();
        let mut feed = Replicated::new(builder(1).build().unwrap(), threads);
        if rank == 0 { feed.exchange().map(|_| 0) } else { feed.draw(1).map(|batch| batch.draws.len()) }
    });
    for said in &all {
        let (what, Dissent { majority, ranks }) = dissent(said);
        assert_eq!((what, majority.is_some(), ranks.len(), ranks[0].0), ("what is called", true, 1, 0));
    }
    let all = on_ranks(3, |threads| {
        let rounds = 1 + u64::from(threads.rank() == 1);
        let feed = Replicated::new(builder(1).lag(1).build().unwrap(), threads).every(rounds);
        feed.unwrap().draw(1).map(|batch| batch.draws.len())
    });
    for said in &all {
        let (what, Dissent { majority, ranks }) = dissent(said);
        assert_eq!((what, majority, ranks), ("the rounds between exchanges", Some(1), vec![(1, 2)]));
    }
}

/// Versions that differ are told; a rank that says none follows.
#[test]
fn versions_are_agreed_on() {
    let all = on_ranks(4, |threads| {
        let rank = threads.rank();
        let mut feed = Replicated::new(builder(1).build().unwrap(), threads);
        if rank > 0 {
            feed.set_version(if rank == 3 { 6 } else { 5 }).unwrap();
        }
        let said = feed.draw(1).map(|batch| batch.draws.len());
        // The one that was behind catches up, and the same call goes through.
        if rank == 1 || rank == 2 {
            feed.set_version(6).unwrap();
        }
        let what = "version";
        if rank > 0 {
            let error = Error::OutOfRange { what, value: 4.0, low: 6.0, high: u64::MAX as f64 };
            assert_eq!(feed.set_version(4), Err(error));
        }
        assert_eq!(feed.draw(1).unwrap().version, 6);
        said
    });
    for said in &all {
        let expected = Dissent { majority: Some(5), ranks: vec![(3, 6)] };
        assert_eq!(dissent(said), ("the version of the model", expected));
    }
}

/// A frame that suffers on its way is that of its rank, on every rank; the same call then goes through, and nothing
/// that was reported is lost.
#[test]
fn a_frame_that_suffers_is_named() {
    type Harm = fn(&mut Vec<u8>);
    type IsRight = fn(&FrameError) -> bool;
    let harms: [(Harm, IsRight); 5] = [
        (|bytes| bytes[20] ^= 4, |it| matches!(it, FrameError::Checksum { .. })),
        (|bytes| bytes.truncate(30), |it| matches!(it, FrameError::Checksum { .. })),
        (|bytes| bytes.clear(), |it| *it == FrameError::NotAFrame),
        (|bytes| bytes[0] = 0, |it| *it == FrameError::NotAFrame),
        (|bytes| bytes[4] = 7, |it| *it == FrameError::Format { found: 7, supported: 1 }),
    ];
    let mut twin = builder(4).build().unwrap();
    let first = twin.draw(9).unwrap().draws;
    twin.observe(&seen(&first)).unwrap();
    let second = twin.draw(9).unwrap().draws;
    for (harm, is_right) in harms {
        let parts = on_ranks(3, |inner| {
            let rank = inner.rank();
            let sent = move |exchange, frame: &mut Vec<u8>| {
                if rank == 1 && exchange == 1 {
                    harm(frame);
                }
            };
            let mut feed =
                Replicated::new(builder(4).build().unwrap(), Noisy { inner, exchanges: 0, sent });
            let first = feed.draw(3).unwrap().draws;
            feed.observe(&seen(&first)).unwrap();
            match feed.draw(3) {
                Err(Error::Frame { rank: 1, source }) => assert!(is_right(&source), "{source}"),
                other => panic!("{other:?}"),
            }
            assert_eq!((feed.queued(), feed.replica().counts().open), (3, 9));
            feed.draw(3).unwrap().draws
        });
        assert_eq!(parts.concat(), second);
    }
}

/// A transport that mixes ranks up, or forgets one, is found out before anything is taken in.
#[test]
fn a_transport_that_mixes_ranks_up() {
    struct Wrong {
        inner: Threads,
        wrong: fn(&mut Vec<Vec<u8>>),
    }
    impl Exchange for Wrong {
        fn rank(&self) -> usize {
            self.inner.rank()
        }

        fn size(&self) -> usize {
            self.inner.size()
        }

        fn all_gather(&mut self, frame: &[u8]) -> Result<Vec<Vec<u8>>> {
            let mut frames = self.inner.all_gather(frame)?;
            (self.wrong)(&mut frames);
            Ok(frames)
        }
    }
    let said = |wrong: fn(&mut Vec<Vec<u8>>)| {
        on_ranks(3, |inner| {
            Replicated::new(builder(1).build().unwrap(), Wrong { inner, wrong }).draw(1)
        })
    };
    let source = FrameError::Place { expected: (1, 3), found: (2, 3) };
    for said in said(|frames| frames.swap(1, 2)) {
        assert_eq!(said, Err(Error::Frame { rank: 1, source: source.clone() }));
    }
    for said in said(|frames| drop(frames.pop())) {
        assert_eq!(said, Err(Error::Length { what: "frames of an exchange", expected: 3, found: 2 }));
    }
}

/// Two ranks may report the same; what differs is told to all, until one gives the ticket up.
#[test]
fn two_ranks_of_one_ticket() {
    let outcomes = on_ranks(3, |threads| {
        let rank = threads.rank();
        let mut feed = Replicated::new(builder(4).gate(Gate::band(0.1, 0.9)).build().unwrap(), threads);
        feed.draw(2).unwrap();
        let one = |ticket, success| {
            let seen = Outcome::default().success(success).abs_advantage(0.5).rollouts(8);
            Feedback::new(Ticket(ticket), seen)
        };
        // Rank 0 reports everything, the others the first two; they differ in ticket 1.
        let all: Vec<Feedback> = match rank {
            0 => (0..6).map(|ticket| one(ticket, 0.5)).collect(),
            _ => vec![one(0, 0.5), one(1, 0.25)],
        };
        feed.observe(&all).unwrap();
        let said = feed.draw(2);
        assert_eq!(said, Err(Error::Conflict { ticket: Ticket(1), ranks: vec![0, 1, 2] }));
        assert_eq!(feed.replica().counts().open, 6);
        if rank == 2 {
            feed.lose(&[Ticket(1)]).unwrap();
        }
        let batch = feed.draw(2).unwrap();
        (batch.round, feed.replica().counts().lost, feed.replica().counts().admitted, feed.queued())
    });
    assert_eq!(outcomes, vec![(curricle::Round(1), 1, 5, 0); 3]);
}

/// What can be told of feedback at once is told at once, and what is bad waits for nothing.
#[test]
fn bad_feedback_is_refused_at_once() {
    on_ranks(2, |threads| {
        let gate = Gate::band(0.1, 0.9);
        let mut feed = Replicated::new(builder(4).gate(gate).build().unwrap(), threads);
        feed.draw(2).unwrap();
        let one = |ticket, success| {
            let seen = Outcome::default().success(success).abs_advantage(0.5).rollouts(8);
            Feedback::new(Ticket(ticket), seen)
        };
        let (unknown, repeated) = (Error::UnknownTicket(Ticket(4)), Error::RepeatedTicket(Ticket(0)));
        assert_eq!(feed.observe(&[one(0, 0.5), one(4, 0.5)]), Err(unknown.clone()));
        assert_eq!(feed.observe(&[one(0, 0.5), one(0, 0.5)]), Err(repeated.clone()));
        assert!(matches!(feed.observe(&[one(0, 2.0)]), Err(Error::OutOfRange { what: "success", .. })));
        assert_eq!(feed.queued(), 0);
        let lacks = Feedback::new(Ticket(0), Outcome::default().success(0.5));
        let missing = feed.report(&[lacks, one(4, 0.5), one(0, 1.0), one(0, 0.5)]).unwrap();
        assert!(matches!(missing[0], Err(Error::MissingOutcome { ticket: Ticket(0), .. })));
        let hard = Verdict::Reject(Reason::TooEasy);
        assert_eq!(missing[1..], [Err(unknown), Ok(hard), Err(repeated)]);
        assert_eq!(feed.lose(&[Ticket(3), Ticket(3)]), Err(Error::RepeatedTicket(Ticket(3))));
        assert_eq!(feed.lose(&[Ticket(3), Ticket(4)]), Err(Error::UnknownTicket(Ticket(4))));
        // An outcome that still waits is forgotten.
        feed.lose(&[Ticket(0)]).unwrap();
        assert_eq!(
            (feed.observe(&[one(0, 0.5)]), feed.queued()),
            (Err(Error::LateTicket(Ticket(0))), 1)
        );
        assert_eq!(feed.lose(&[Ticket(0)]), Err(Error::LateTicket(Ticket(0))));
        let counts = feed.exchange().unwrap().counts();
        assert_eq!((counts.open, counts.lost, counts.rejected), (3, 1, 0));
        assert_eq!((feed.queued(), feed.lose(&[Ticket(0)])), (0, Err(Error::LateTicket(Ticket(0)))));
        let metrics = feed.metrics();
        assert_eq!((metrics.get("ranks/size"), metrics.get("ranks/exchanges")), (Some(2.0), Some(2.0)));
        let (sent, all) = (metrics.get("ranks/bytes/sent"), metrics.get("ranks/bytes/gathered"));
        assert!(sent > Some(30.0) && all > sent, "{sent:?} {all:?}");
    });
}

/// More than can be drawn is an error of all ranks, and they go on.
#[test]
fn too_much_is_refused_on_all() {
    on_ranks(3, |threads| {
        let rank = threads.rank();
        let mut feed = Replicated::new(builder(4).build().unwrap(), threads);
        let refused = feed.draw(if rank == 1 { usize::MAX } else { 1 });
        assert!(matches!(refused, Err(Error::OutOfRange { what: "batch size", .. })), "{refused:?}");
        assert_eq!(feed.draw(1).unwrap().draws.len(), 1);
    });
}

/// A rank that ends early is an error of those that still call; what was exchanged before stands.
#[test]
fn a_rank_that_ends_stops_no_other() {
    let all = on_ranks(4, |threads| {
        let rank = threads.rank();
        let mut feed = Replicated::new(builder(1).lag(9).build().unwrap(), threads);
        let rounds = if rank == 2 { 2 } else { 4 };
        (0..rounds).map(|_| feed.draw(1).map(|batch| batch.round.0)).collect::<Vec<_>>()
    });
    for (rank, said) in all.iter().enumerate() {
        assert_eq!(said[..2], [Ok(0), Ok(1)]);
        // The others end because of it, and later: it is the one that is named.
        let gone = vec![Err(Error::RankGone { rank: 2 }); 2];
        assert!(rank == 2 || said[2..] == gone, "{said:?}");
    }
}

/// The same for one whose thread panics, before it calls or in the middle.
#[test]
fn a_rank_that_panics_stops_no_other() {
    for place in 0..3 {
        let all = ends(3, |threads| {
            let rank = threads.rank();
            let mut feed = Replicated::new(builder(1).lag(9).build().unwrap(), threads);
            for round in 0..3 {
                if rank == 1 && round == place {
                    std::panic::resume_unwind(Box::new("a fault in a trainer"));
                }
                match feed.draw(1) {
                    Ok(_) => assert!(round < place),
                    Err(error) => return (round, error),
                }
            }
            panic!("nobody told rank {rank}");
        });
        assert!(all[1].is_err());
        for rank in [0, 2] {
            assert_eq!(all[rank].as_ref().unwrap(), &(place, Error::RankGone { rank: 1 }));
        }
    }
}
