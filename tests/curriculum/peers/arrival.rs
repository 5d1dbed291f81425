//! Feedback that comes when it comes.

use std::collections::VecDeque;

use curricle::{AgeLimit, Arrival, Curriculum, Error, Feedback, Missing, SampleId, Ticket, Verdict};

use super::all_of;
use crate::common::outcome;

/// miles, tinker-cookbook, NeMo-RL, marin: the slowest rollout holds all others up, or is thrown away.
#[test]
fn t6_a_straggler_holds_nothing_up() {
    let builder = Curriculum::builder(400).arms(4, |sample| (sample.0 / 100) as u32);
    let pace = Arrival::new().in_flight(64);
    let mut curriculum = builder.post_training().pace(pace).seed(2).build().unwrap();
    let mut flying: VecDeque<Ticket> =
        curriculum.draw(64).unwrap().draws.iter().map(|draw| draw.ticket).collect();
    let straggler = flying.pop_front().unwrap();
    let settled = |it: &Curriculum<_, _, _>| -> u32 {
        (0..400).map(|sample| it.record(SampleId(sample)).unwrap().settled()).sum()
    };
    // Ten times as long as the others take.
    for done in 1..=630u32 {
        let ticket = flying.pop_front().unwrap();
        let before = curriculum.policy().clone();
        curriculum.observe(&[Feedback::new(ticket, outcome(ticket.0))]).unwrap();
        assert_eq!(settled(&curriculum), done, "it is learned from at once");
        assert_ne!(*curriculum.policy(), before);
        flying.extend(curriculum.draw(1).unwrap().draws.iter().map(|draw| draw.ticket));
        assert_eq!(curriculum.counts().open, 64);
        assert_eq!(curriculum.metrics().get("feedback/open_age_rounds"), Some(f64::from(done)));
    }
    let report = [Feedback::new(straggler, outcome(straggler.0))];
    assert_eq!(curriculum.report(&report), [Ok(Verdict::Admit)]);
    let metrics = curriculum.metrics();
    assert_eq!(metrics.get("feedback/age_rounds_most"), Some(630.0));
    assert!(metrics.get("feedback/age_rounds_mean").unwrap() < 70.0);
    assert_eq!((curriculum.counts().lost, settled(&curriculum)), (0, 631));
}

/// prime-rl, slime: one outcome that comes late takes those down that it is reported with, or nobody can tell it from one
/// that is reported twice.
#[test]
fn t7_one_late_ticket_does_not_refuse_a_report() {
    let lockstep = Curriculum::builder(50).missing(Missing::Lose).build().unwrap();
    let pace = Arrival::new().give_up(AgeLimit::versions(0));
    let arrival = Curriculum::builder(50).pace(pace).build().unwrap();
    for mut curriculum in [lockstep, arrival] {
        let first = curriculum.draw(8).unwrap();
        curriculum.observe(&all_of(&first)[..7]).unwrap();
        curriculum.set_version(1).unwrap();
        let fresh = curriculum.draw(8).unwrap();
        let late = first.draws[7].ticket;
        let all = [&all_of(&first)[7..], &all_of(&first)[..1], &all_of(&fresh)[..]].concat();
        // All or nothing, for whom that is right; it says which and why.
        let before = curriculum.counts();
        assert_eq!(curriculum.observe(&all), Err(Error::LateTicket(late)));
        assert_eq!(curriculum.counts(), before);
        let results = curriculum.report(&all);
        assert_eq!(results[0], Err(Error::LateTicket(late)));
        assert_eq!(results[1], Err(Error::RepeatedTicket(first.draws[0].ticket)));
        assert_eq!(results[2..], [const { Ok(Verdict::Admit) }; 8]);
        let counts = curriculum.counts();
        assert_eq!((counts.admitted, counts.lost, counts.open), (15, 1, 0));
        let metrics = curriculum.metrics();
        let refused = |what: &str| metrics.get(&format!("feedback/refused/{what}"));
        assert_eq!((refused("late"), refused("repeated")), (Some(1.0), Some(1.0)));
        assert_eq!(metrics.get("feedback/age_versions_most"), Some(0.0));
    }
}
