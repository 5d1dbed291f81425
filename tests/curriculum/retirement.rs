//! Retired samples are never what a run waits for: they come back where a draw could not be filled without them.

use curricle::policy::Fixed;
use curricle::route::{RoutingTable, Treatment};
use curricle::sampler::{Any, Passes};
use curricle::{
    AgeLimit, ArmId, Arrival, Batch, Curriculum, Error, Feedback, Field, Gate, Journal, Missing,
    Outcome, Refill, SampleId, Starvation, Step, Stop,
};

/// What is solved is retired.
fn solved() -> Gate {
    Gate::route(
        Field::Success,
        RoutingTable::new([0.9], vec![Treatment::TRAIN, Treatment::Retire]).unwrap(),
    )
}

fn feedback(batch: &Batch, success: impl Fn(SampleId) -> f32) -> Vec<Feedback> {
    let seen = |draw: &curricle::Draw| {
        Feedback::new(draw.ticket, Outcome::default().success(success(draw.sample)).rollouts(8))
    };
    batch.draws.iter().map(seen).collect()
}

/// Five of twelve are solved whenever they are drawn, and a batch has eight.
#[test]
fn a_batch_of_always_the_same_size_goes_on() {
    let first = |sample: SampleId| if sample.0 < 5 { 1.0 } else { 0.5 };
    for sampler in [Any::Distinct, Any::Systematic, Any::Passes, Any::Sequential, Any::Top] {
        for arrival in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("run");
            let build = || {
                let builder = Curriculum::builder(12).sampler(sampler).gate(solved()).retest(3).seed(4);
                if arrival { builder.pace(Arrival::new()).build() } else { builder.build() }.unwrap()
            };
            let mut journal = Journal::open(&path, build()).unwrap();
            let mut most = 0;
            for round in 0..30 {
                let batch =
                    journal.draw(8).unwrap_or_else(|error| panic!("{sampler:?} {round}: {error}"));
                journal.observe(&feedback(&batch, first)).unwrap();
                let counts = journal.curriculum().counts();
                assert!(counts.is_conserved());
                most = most.max(journal.curriculum().population().retired());
            }
            // The first by their weights are those that are not solved.
            assert!(most >= 3 || sampler == Any::Top, "{sampler:?}: {most}");
            let digest = journal.curriculum().digest();
            let bytes = journal.curriculum().to_bytes().unwrap();
            drop(journal);
            let again = Journal::open(&path, build()).unwrap();
            assert_eq!(again.curriculum().digest(), digest);
            assert_eq!(again.curriculum().to_bytes().unwrap(), bytes);
        }
    }
}

/// Only as many come back as are needed, the first due first.
#[test]
fn no_more_come_back_than_are_needed() {
    let mut curriculum = Curriculum::builder(12).gate(solved()).retest(100).build().unwrap();
    let mut solved: Vec<Vec<SampleId>> = Vec::new();
    for _ in 0..2 {
        let batch = curriculum.draw(3).unwrap();
        solved.push(batch.draws.iter().map(|draw| draw.sample).collect());
        curriculum.observe(&feedback(&batch, |_| 1.0)).unwrap();
    }
    // Six are left, and three of the first round come back for one that is missing.
    let batch = curriculum.draw(7).unwrap();
    assert_eq!(curriculum.population().retired(), 3);
    let rest: Vec<SampleId> = batch.draws.iter().map(|draw| draw.sample).collect();
    assert!(solved[1].iter().all(|sample| !rest.contains(sample)));
    curriculum.lose(&batch.draws.iter().map(|draw| draw.ticket).collect::<Vec<_>>()).unwrap();
    // All of them would be too few: then they stay.
    assert_eq!(curriculum.draw(13).unwrap_err(), Error::BatchExceedsPool { want: 13, available: 9 });
    assert_eq!(curriculum.population().retired(), 3);
}

/// An arm that the policy never draws from is nothing that can be drawn.
#[test]
fn an_arm_without_probability_holds_nobody_up() {
    let build = || {
        let builder = Curriculum::builder(8).arms(2, |sample| (sample.0 / 4) as u32);
        builder.policy(Fixed::weights(vec![1.0, 0.0])).gate(solved()).retest(3).build().unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut journal = Journal::open(&path, build()).unwrap();
    for _ in 0..12 {
        let batch = journal.draw(4).unwrap();
        assert!(batch.draws.iter().all(|draw| draw.arm == ArmId(0)));
        journal.observe(&feedback(&batch, |_| 1.0)).unwrap();
    }
    // A draw that fails all the same has brought them back, and the files know.
    let refused = journal.draw(6).unwrap_err();
    assert_eq!(refused, Error::BatchExceedsPool { want: 6, available: 4 });
    assert_eq!(journal.curriculum().population().retired(), 0);
    journal.insert(ArmId(0), 1.0).unwrap();
    let batch = journal.draw(5).unwrap();
    let (digest, bytes) = (journal.curriculum().digest(), journal.curriculum().to_bytes().unwrap());
    drop(journal);
    let again = Journal::open(&path, build()).unwrap();
    assert_eq!(again.curriculum().digest(), digest);
    assert_eq!(again.curriculum().to_bytes().unwrap(), bytes);
    assert_eq!(again.curriculum().unfinished().last().unwrap().draws, batch.draws);
}

/// What is decided does not depend on what was decided before and is in no snapshot.
#[test]
fn a_last_batch_is_the_same_after_a_restore() {
    for stop in [Stop::AllExhausted(3), Stop::FirstExhausted(3), Stop::AllExhausted(1), Stop::Cycle(2)]
    {
        for before in 0..4 {
            let build = || {
                let builder = Curriculum::builder(4).sampler(Passes).stop(stop);
                builder.missing(Missing::Lose).build().unwrap()
            };
            let mut run = build();
            (0..before).for_each(|_| drop(run.draw(1)));
            let mut restored = build();
            restored.restore_bytes(&run.to_bytes().unwrap()).unwrap();
            let mut copied = run.clone();
            for n in [5, 7, 3, 5, 2, 9, 4, 4, 4] {
                let drawn = run.draw(n);
                assert_eq!(restored.draw(n), drawn, "{stop:?} {before} {n}");
                assert_eq!(copied.draw(n), drawn, "{stop:?} {before} {n}");
            }
        }
    }
    // Only the last batch is short.
    let builder = Curriculum::builder(4).sampler(Passes).stop(Stop::AllExhausted(3));
    let mut curriculum = builder.missing(Missing::Lose).build().unwrap();
    assert_eq!(curriculum.draw(5), Err(Error::BatchExceedsPool { want: 5, available: 4 }));
}

/// Banked tickets that are too old hold their samples no longer than there is something else.
#[test]
fn a_bank_that_is_too_old_starves_no_step() {
    for starvation in [
        Starvation::Partial,
        Starvation::Fail,
        Starvation::Relax,
        Starvation::BestRejected,
        Starvation::Banked,
    ] {
        for arrival in [false, true] {
            let refill = Refill::new().bank(AgeLimit::versions(0)).starvation(starvation);
            let builder = Curriculum::builder(2).exclude_in_flight(true).refill(refill);
            let builder = if arrival { builder.pace(Arrival::new()) } else { builder };
            let mut curriculum = builder.build().unwrap();
            let Step::Draw(batch) = curriculum.step(2).unwrap() else { panic!("nothing was drawn") };
            curriculum.observe(&feedback(&batch, |_| 0.5)).unwrap();
            curriculum.set_version(1).unwrap();
            let mut ready = 0;
            for _ in 0..10 {
                match curriculum.step(2).unwrap() {
                    Step::Draw(batch) => drop(curriculum.observe(&feedback(&batch, |_| 0.5)).unwrap()),
                    Step::Ready(useful) => ready += useful.len(),
                    // The step whose tickets became too old under way; no other.
                    Step::Starved { drawn, .. } => assert!(drawn > 0 && ready == 0),
                    other => panic!("{starvation:?} {arrival}: {other:?}"),
                }
                assert!(curriculum.counts().is_conserved());
            }
            assert!(ready >= 6, "{starvation:?} {arrival}: {ready}");
        }
    }
}

/// The next draw is exactly as it is explained, unless it is said that retired samples come back first.
#[test]
fn what_comes_back_is_said_before() {
    let mut curriculum =
        Curriculum::builder(3).gate(solved()).retest(2).pace(Arrival::new()).seed(7).build().unwrap();
    let mut said = 0;
    for round in 0..12 {
        let before = [0, 1, 2].map(|sample| curriculum.explain_in(SampleId(sample), 1).unwrap());
        let batch = curriculum.draw(1).unwrap();
        let draw = batch.draws[0];
        let explained = &before[draw.sample.index()];
        match explained.is_retest_due {
            true => said += 1,
            false => assert_eq!(explained.first_slot, Some(draw.propensity), "round {round}"),
        }
        let success = if round % 3 == 0 { 1.0 } else { 0.5 };
        curriculum.observe(&feedback(&batch, |_| success)).unwrap();
    }
    assert!((1..8).contains(&said), "{said}");
    assert!(!curriculum.explain(SampleId(0)).unwrap().to_string().is_empty());
}
