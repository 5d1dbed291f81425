//! Ranks against their twin: one curriculum that draws what all want and is told what all report.

use std::collections::BTreeMap;

use curricle::feed::ranks::{Exchange, Replicated};
use curricle::{
    AgeLimit, Arrival, Batch, Curriculum, Draw, Error, Feed, Gate, Missing, Pace, Policy, Sampler,
    Schedule, Signal, Ticket, Verdict,
};
use proptest::prelude::*;

use super::{SIZES, builder, bytes, divided, on_ranks, seen, state};

/// How a run goes; what becomes of a ticket depends on the ticket only.
#[derive(Debug, Clone)]
struct Run {
    seed: u64,
    /// What all want together, by round.
    totals: Vec<usize>,
    /// Up to how many rounds later a ticket is reported.
    delay: u64,
    /// Every so many tickets one is given up, and one never heard of.
    lost: u64,
    silent: u64,
    /// Every so many rounds the version of the model is raised.
    versions: u64,
}

enum Fate {
    Reported,
    Lost,
    Silent,
}

impl Run {
    fn fate(&self, ticket: Ticket) -> Fate {
        let is_every = |every: u64, place: u64| every > 0 && ticket.0 % every == place;
        match () {
            () if is_every(self.lost, 3) => Fate::Lost,
            () if is_every(self.silent, 5) => Fate::Silent,
            () => Fate::Reported,
        }
    }

    /// Takes those out whose turn it is after a round.
    fn due(&self, held: &mut Vec<(u64, Draw)>, round: u64) -> Vec<Draw> {
        let is_due = |it: &(u64, Draw)| it.0 + it.1.ticket.0 % (self.delay + 1) <= round;
        held.extract_if(.., |it| is_due(it)).map(|(_, draw)| draw).collect()
    }

    fn version(&self, round: u64) -> Option<u64> {
        let is_raised = self.versions > 0 && (round + 1).is_multiple_of(self.versions);
        is_raised.then(|| (round + 1) / self.versions)
    }
}

/// What a run comes to: the batches of all ranks together, the verdicts by ticket, and the state at its end.
#[derive(Debug, Default, PartialEq)]
struct Came {
    batches: Vec<Batch>,
    verdicts: BTreeMap<Ticket, Verdict>,
    state: Vec<u8>,
}

type Built<P, S, D> = Curriculum<P, S, D>;

/// One curriculum, which draws so many rounds at a time.
fn twin<P: Policy, S: Signal, D: Sampler>(
    mut curriculum: Built<P, S, D>,
    run: &Run,
    every: u64,
) -> Came {
    let (mut came, mut held) = (Came::default(), Vec::new());
    let (mut told, mut given_up, mut version) = (Vec::new(), Vec::new(), None);
    let rounds: Vec<(u64, usize)> = (0..).zip(run.totals.iter().copied()).collect();
    for block in rounds.chunks(every as usize) {
        for &(_, total) in block {
            let none =
                Batch { round: curriculum.round(), version: curriculum.version(), draws: vec![] };
            let batch = if total > 0 { curriculum.draw(total).unwrap() } else { none };
            came.batches.push(batch);
        }
        for &(round, _) in block {
            held.extend(came.batches[round as usize].draws.iter().map(|draw| (round, *draw)));
            for draw in run.due(&mut held, round) {
                match run.fate(draw.ticket) {
                    Fate::Reported => told.push(draw),
                    Fate::Lost => given_up.push(draw.ticket),
                    Fate::Silent => {}
                }
            }
            version = run.version(round).or(version);
        }
        told.sort_by_key(|draw| draw.ticket);
        let verdicts = curriculum.observe(&seen(&told)).unwrap();
        came.verdicts.extend(told.drain(..).map(|draw| draw.ticket).zip(verdicts));
        curriculum.lose(&given_up.split_off(0)).unwrap();
        curriculum.set_version(version.unwrap_or(0)).unwrap();
    }
    came.state = bytes(&curriculum);
    came
}

/// The same among ranks. Odd ones report in the reverse order, one by one; only the last says the version.
fn ranks<P: Policy, S: Signal, D: Sampler>(
    build: impl Fn() -> Built<P, S, D> + Sync,
    run: &Run,
    every: u64,
    size: usize,
) -> Came {
    let parts = on_ranks(size, |threads| {
        let rank = threads.rank();
        let mut feed = Replicated::new(build(), threads).every(every).unwrap();
        let (mut came, mut held) = (Came::default(), Vec::new());
        for (round, &total) in (0..).zip(&run.totals) {
            let want = divided(total, size, run.seed, round / every)[rank];
            let batch = feed.draw(want).unwrap();
            assert_eq!(batch.draws.len(), want);
            held.extend(batch.draws.iter().map(|draw| (round, *draw)));
            came.batches.push(batch);
            let mut due = run.due(&mut held, round);
            if rank % 2 == 1 {
                due.reverse();
            }
            for part in due.chunks(if rank % 2 == 1 { 1 } else { 7 }) {
                let is_told = |draw: &Draw| matches!(run.fate(draw.ticket), Fate::Reported);
                let told: Vec<Draw> = part.iter().copied().filter(is_told).collect();
                let verdicts = feed.observe(&seen(&told)).unwrap();
                came.verdicts.extend(told.iter().map(|draw| draw.ticket).zip(verdicts));
                let is_lost = |draw: &&Draw| matches!(run.fate(draw.ticket), Fate::Lost);
                let lost: Vec<Ticket> = part.iter().filter(is_lost).map(|draw| draw.ticket).collect();
                feed.lose(&lost).unwrap();
            }
            if let Some(version) = run.version(round).filter(|_| rank == size - 1) {
                feed.set_version(version).unwrap();
            }
        }
        came.state = state(feed.exchange().unwrap());
        assert_eq!(feed.queued(), 0);
        came
    });
    parts.into_iter().reduce(together).unwrap()
}

/// Puts what two ranks have come to together; what must be the same on both is.
fn together(mut all: Came, one: Came) -> Came {
    for (batch, part) in all.batches.iter_mut().zip(one.batches) {
        assert_eq!((batch.round, batch.version), (part.round, part.version));
        batch.draws.extend(part.draws);
    }
    all.verdicts.extend(one.verdicts);
    assert!(all.state == one.state, "the states of two ranks differ");
    all
}

fn check<P: Policy, S: Signal, D: Sampler>(
    build: impl Fn() -> Built<P, S, D> + Sync,
    run: &Run,
    every: u64,
) {
    let expected = twin(build(), run, every);
    for size in SIZES {
        let found = ranks(&build, run, every, size);
        assert_eq!(found.batches, expected.batches, "{size} ranks");
        assert_eq!(found.verdicts, expected.verdicts, "{size} ranks");
        assert!(found.state == expected.state, "the state of {size} ranks");
    }
}

/// The gates, of which some judge by round or by age.
fn gates() -> impl Strategy<Value = Gate> {
    let young = Gate::Stale { most: AgeLimit::rounds(0).and_versions(1), teaches: false };
    prop::sample::select(vec![
        Gate::All,
        Gate::band(0.2, 0.8).and(Gate::Rollouts { least: 2 }),
        Gate::band(Schedule::Linear { from: 0.0, to: 0.5, rounds: 10 }, 0.9),
        young,
    ])
}

fn runs() -> impl Strategy<Value = Run> {
    let totals = prop::collection::vec(prop_oneof![1 => Just(0usize), 6 => 1usize..40], 1..14);
    (any::<u64>(), totals, 0u64..2, prop_oneof![Just(0u64), 6u64..12], 1u64..5).prop_map(
        |(seed, totals, delay, lost, versions)| Run { seed, totals, delay, lost, silent: 0, versions },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The batches, the verdicts and the state to the last bit are those of the twin, for any number of ranks and any
    /// way to divide what is wanted.
    #[test]
    fn ranks_are_one_curriculum(run in runs(), gate in gates(), more in 0u64..2, is_silent: bool) {
        let lag = run.delay + more;
        let (missing, silent) =
            if is_silent { (Missing::Lose, 9) } else { (Missing::Refuse, 0) };
        let run = Run { silent, ..run };
        let build = || builder(run.seed).lag(lag).missing(missing).gate(gate.clone()).build().unwrap();
        check(build, &run, 1);
    }

    /// The same where several rounds are drawn at an exchange.
    #[test]
    fn rounds_drawn_ahead(run in runs(), gate in gates(), every in 2u64..5) {
        // All rounds of an exchange have the same wants; an exchange that draws nothing would not last for several.
        let of_block = |round: usize| run.totals[round / every as usize % run.totals.len()].max(1);
        let totals = (0..3 * every as usize).map(of_block).collect();
        let run = Run { totals, ..run };
        let lag = every - 1 + run.delay;
        check(|| builder(run.seed).lag(lag).gate(gate.clone()).build().unwrap(), &run, every);
    }

    /// In the pace of arrival what comes between two exchanges is one step of learning, as it is for the twin.
    #[test]
    fn at_the_pace_of_arrival(run in runs(), gate in gates()) {
        let pace = Arrival::new().in_flight(200).give_up(AgeLimit::rounds(6));
        check(|| builder(run.seed).pace(pace).gate(gate.clone()).build().unwrap(), &run, 1);
    }
}

/// More would be drawn before the feedback of the first batch could come.
#[test]
fn rounds_beyond_the_lag_are_refused() {
    let refused = |rounds: u64, pace: Pace| {
        let curriculum = builder(1).lag(2).pace(pace).build().unwrap();
        Replicated::new(curriculum, curricle::feed::ranks::Alone).every(rounds).err()
    };
    let error = |value: f64| {
        let what = "rounds between exchanges";
        Some(Error::OutOfRange { what, value, low: 1.0, high: 3.0 })
    };
    assert_eq!(refused(3, Pace::Lockstep), None);
    assert_eq!((refused(0, Pace::Lockstep), refused(4, Pace::Lockstep)), (error(0.0), error(4.0)));
}

/// Between two exchanges no rank may want otherwise than it said; then nothing has been handed out.
#[test]
fn what_was_declared_holds() {
    let parts = on_ranks(2, |threads| {
        let rank = threads.rank();
        let curriculum = builder(5).lag(3).build().unwrap();
        let mut feed = Replicated::new(curriculum, threads).every(2).unwrap();
        assert_eq!(feed.lag(), 2);
        let mut draws = feed.draw(3 + rank).unwrap().draws;
        let (what, asked) = ("what is wanted between exchanges", (3 + rank) as f64);
        let error = Error::OutOfRange { what, value: 9.0, low: asked, high: asked };
        assert_eq!(feed.draw(9), Err(error));
        assert_eq!(
            feed.step(9),
            Err(Error::Unsupported { part: "exchange every few rounds", request: "step" })
        );
        draws.extend(feed.draw(3 + rank).unwrap().draws);
        draws
    });
    let mut twin = builder(5).lag(3).build().unwrap();
    let batches = [twin.draw(7).unwrap().draws, twin.draw(7).unwrap().draws];
    let part =
        |range: std::ops::Range<usize>| [&batches[0][range.clone()], &batches[1][range]].concat();
    assert_eq!(parts, [part(0..3), part(3..7)]);
}

/// Feedback that is due and has not come is an error of all ranks, which have taken in the rest and ask again.
#[test]
fn all_ranks_wait_for_one() {
    let batches = on_ranks(3, |threads| {
        let rank = threads.rank();
        let mut feed = Replicated::new(builder(3).build().unwrap(), threads);
        let first = feed.draw(2).unwrap().draws;
        if rank != 1 {
            feed.observe(&seen(&first)).unwrap();
        }
        let waits = feed.draw(2).unwrap_err();
        assert_eq!(waits, Error::Awaiting { round: curricle::Round(0), missing: 2, first: Ticket(2) });
        assert_eq!((feed.queued(), feed.replica().counts().open), (0, 2));
        if rank == 1 {
            feed.observe(&seen(&first)).unwrap();
        }
        feed.draw(2).unwrap().draws
    });
    let mut twin = builder(3).build().unwrap();
    let first = twin.draw(6).unwrap().draws;
    twin.observe(&seen(&first)).unwrap();
    assert_eq!(batches.concat(), twin.draw(6).unwrap().draws);
}
