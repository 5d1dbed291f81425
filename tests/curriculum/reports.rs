//! A report never loses its good part: each feedback has a result of its own, in every kind of feed.

use std::collections::BTreeMap;

use crate::common::{feedback, outcome};
use curricle::feed::{Lockstep, Prefetch};
use curricle::{
    Curriculum, Error, Feed, Feedback, Field, Gate, Journal, Measure, Missing, Opening, Outcome,
    Purpose, Rng, Round, Ticket, Verdict,
};

fn build() -> Curriculum {
    Curriculum::builder(40)
        .lag(1)
        .missing(Missing::Lose)
        .gate(Gate::zero_signal_by(Measure::Success))
        .seed(3)
        .build()
        .unwrap()
}

fn seen(ticket: u64) -> Feedback {
    Feedback::new(Ticket(ticket), outcome(ticket % 1000))
}

/// Reports of all kinds mixed at random against a slow model: a map from tickets to what became of them.
#[test]
fn the_good_part_of_any_report_is_taken_in() {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Open,
        Settled,
        Lost,
    }
    let (mut good, mut refused) = (0u64, BTreeMap::<&str, u64>::new());
    for seed in 0..40 {
        let mut rng = Rng::at(seed, Round(0), Purpose::User);
        let (mut curriculum, mut strict) = (build(), build());
        let mut model: Vec<State> = Vec::new();
        let mut why = BTreeMap::<&str, u64>::new();
        for _ in 0..30 {
            // What is still open two rounds back is given up when this is drawn.
            let round = curriculum.round().0;
            let batch = curriculum.draw(4).unwrap();
            assert_eq!(strict.draw(4).unwrap(), batch);
            let due = if round < 2 { 0 } else { 4 * (round as usize - 1) };
            model[..due]
                .iter_mut()
                .filter(|state| **state == State::Open)
                .for_each(|state| *state = State::Lost);
            model.extend([State::Open; 4]);
            let report: Vec<Feedback> = (0..rng.below(9))
                .map(|_| {
                    let ticket = rng.below(model.len() as u64 + 3);
                    let outcome = match rng.below(6) {
                        0 => Outcome::default().success(f32::NAN),
                        1 => Outcome::default().loss(1.0),
                        2 => outcome(ticket).success(2.0),
                        _ => outcome(ticket),
                    };
                    Feedback::new(Ticket(ticket), outcome)
                })
                .collect();
            let results = curriculum.report(&report);
            assert_eq!(results.len(), report.len());
            let mut taken = Vec::new();
            for (feedback, result) in report.iter().zip(&results) {
                let ticket = feedback.ticket;
                let is_bad = feedback.outcome != outcome(ticket.0);
                let state = model.get(ticket.0 as usize).copied();
                let expected = match (state, is_bad) {
                    (None, _) => Some(("unknown", Error::UnknownTicket(ticket))),
                    (Some(State::Settled), _) => Some(("repeated", Error::RepeatedTicket(ticket))),
                    (Some(State::Lost), _) => Some(("late", Error::LateTicket(ticket))),
                    (Some(State::Open), true) => None,
                    (Some(State::Open), false) => {
                        model[ticket.0 as usize] = State::Settled;
                        taken.push(*feedback);
                        assert!(result.is_ok(), "{result:?}");
                        continue;
                    }
                };
                match expected {
                    Some((kind, error)) => {
                        assert_eq!(result, &Err(error));
                        *why.entry(kind).or_default() += 1;
                    }
                    None => {
                        assert!(matches!(
                            result,
                            Err(Error::NonFinite { .. }
                                | Error::OutOfRange { .. }
                                | Error::MissingOutcome { field: Field::Success, .. })
                        ));
                        *why.entry("invalid").or_default() += 1;
                    }
                }
            }
            good += taken.len() as u64;
            // The same as observing what is good, in one call; nothing else has changed.
            let verdicts: Vec<Verdict> = results.into_iter().flatten().collect();
            assert_eq!(strict.observe(&taken).unwrap(), verdicts);
            assert!(curriculum.to_bytes().unwrap() == strict.to_bytes().unwrap());
            assert!(curriculum.counts().is_conserved());
        }
        let metrics = curriculum.metrics();
        for kind in ["unknown", "late", "repeated", "invalid"] {
            let count = why.get(kind).copied().unwrap_or(0);
            assert_eq!(metrics.get(&format!("feedback/refused/{kind}")), Some(count as f64), "{kind}");
            *refused.entry(kind).or_default() += count;
        }
    }
    assert!(
        good > 400 && refused.len() == 4 && refused.values().all(|&count| count > 50),
        "{good} {refused:?}"
    );
}

/// The strict verb refuses all for one, as before.
#[test]
fn the_strict_mode_stays() {
    let mut curriculum = build();
    curriculum.draw(4).unwrap();
    let before = curriculum.to_bytes().unwrap();
    let report = [seen(0), seen(9), seen(1)];
    assert_eq!(curriculum.observe(&report), Err(Error::UnknownTicket(Ticket(9))));
    assert_eq!(curriculum.observe(&[seen(1), seen(0), seen(1)]), Err(Error::RepeatedTicket(Ticket(1))));
    assert_eq!(
        curriculum.observe(&[seen(1), seen(u64::MAX)]),
        Err(Error::UnknownTicket(Ticket(u64::MAX)))
    );
    assert_eq!(
        curriculum.observe(&[seen(u64::MAX), seen(0)]),
        Err(Error::UnknownTicket(Ticket(u64::MAX)))
    );
    assert!(curriculum.to_bytes().unwrap() == before);
    assert_eq!(curriculum.report(&report).iter().filter(|result| result.is_ok()).count(), 2);
}

/// What a journal took in of a report is one event; a report of which nothing is good is none.
#[test]
fn a_journal_keeps_the_good_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut journal = Journal::open(&path, build()).unwrap();
    journal.draw(4).unwrap();
    let results = journal.report(&[seen(2), seen(2), seen(11), seen(0)]).unwrap();
    assert!(results[0].is_ok() && results[3].is_ok());
    assert_eq!(
        results[1..3],
        [Err(Error::RepeatedTicket(Ticket(2))), Err(Error::UnknownTicket(Ticket(11)))]
    );
    assert_eq!(journal.position(), 2);
    journal.report(&[seen(2), seen(12)]).unwrap();
    assert_eq!(journal.position(), 2);
    let before = journal.curriculum().to_bytes().unwrap();
    drop(journal);
    let journal = Journal::open(&path, build()).unwrap();
    assert_eq!(journal.opening(), Opening::Resumed { events: 2, torn: 0 });
    assert!(journal.curriculum().to_bytes().unwrap() == before);
}

/// A feed of one's own that only observes reports one by one.
struct Plain(Curriculum);

impl Feed for Plain {
    fn draw(&mut self, n: usize) -> curricle::Result<curricle::Batch> {
        self.0.draw(n)
    }

    fn observe(&mut self, feedback: &[Feedback]) -> curricle::Result<Vec<Verdict>> {
        self.0.observe(feedback)
    }
}

/// What is wrong with a feed is not a result of its feedback.
#[test]
fn a_feed_that_fails_fails_as_a_whole() {
    struct Gone;
    impl Feed for Gone {
        fn draw(&mut self, _: usize) -> curricle::Result<curricle::Batch> {
            Err(Error::Closed)
        }

        fn observe(&mut self, _: &[Feedback]) -> curricle::Result<Vec<Verdict>> {
            Err(Error::Closed)
        }
    }
    assert_eq!(Gone.report(&[seen(0), seen(1)]), Err(Error::Closed));
    assert_eq!(Gone.report(&[]), Ok(Vec::new()));
}

#[test]
fn every_feed_reports_alike() {
    fn results(mut feed: impl Feed) -> Vec<curricle::Result<Verdict>> {
        feed.draw(4).unwrap();
        feed.report(&[seen(3), seen(4), seen(3), seen(1)]).unwrap()
    }
    let folder = tempfile::tempdir().unwrap();
    let expected = results(build());
    assert_eq!(expected.iter().filter(|result| result.is_ok()).count(), 2);
    assert_eq!(results(Plain(build())), expected);
    assert_eq!(results(Lockstep::new(build())), expected);
    assert_eq!(results(Journal::open(folder.path().join("run"), build()).unwrap()), expected);

    let mut shared = Lockstep::new(build());
    shared.draw(4).unwrap();
    assert_eq!(shared.reporter().report(&[seen(3), seen(4), seen(3), seen(1)]).unwrap(), expected);

    let mut ahead = Prefetch::new(build(), 4, |batch| batch.draws.len());
    let (batch, _) = ahead.draw().unwrap();
    let mut report = feedback(&batch, |_, _| outcome(1));
    report.push(seen(99));
    let results = ahead.report(&report).unwrap();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 4);
    assert_eq!(results[4], Err(Error::UnknownTicket(Ticket(99))));
}
