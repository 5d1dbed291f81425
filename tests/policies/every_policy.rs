//! What holds for every policy, and for every policy inside what goes around one.

use crate::common::{self, policies};
use curricle::policy::{
    AbsoluteProgress, Advance, Allotment, Any, Boltzmann, Bounded, ColdStart, Difficulty, Fixed,
    LevelReplay, Mastered, OnlineMixing, Posterior, Prior, Reads, Reward, ScalingLaw, Staged, Turn,
    Ucb, Uniform,
};
use curricle::sampler::{Distinct, Replace, Systematic, Top};
use curricle::signal::{MeanAdvantage, Reported, Utility};
use curricle::{
    ArmId, Batch, Builder, Curriculum, Error, Feedback, Field, Missing, Outcome, Policy, Population,
    Purpose, Rng, Round, SampleId, Sampler, Signal,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

type Parts = Curriculum<Any, curricle::signal::GroupSpread, Systematic>;

fn builder(policy: Any, arms: u32) -> Builder<Any, curricle::signal::GroupSpread, Systematic> {
    let samples = 100 * arms as usize;
    Curriculum::builder(samples)
        .arms(arms, move |sample| (sample.0 / 100) as u32)
        .policy(policy)
        .sampler(Systematic)
        .seed(1)
}

fn report(batch: &Batch, outcome: impl Fn(u32) -> Option<Outcome>) -> Vec<Feedback> {
    let draws = batch.draws.iter();
    draws.filter_map(|draw| Some(Feedback::new(draw.ticket, outcome(draw.arm.0)?))).collect()
}

/// What is known of every arm but the one that is broken.
fn fair() -> Outcome {
    Outcome::default().success(0.5).abs_advantage(0.87).utility(0.5).loss(1.0).cost(1.0).rollouts(8)
}

/// The share of an arm whose tickets never come back, over the last ten of forty rounds.
fn share_of_the_broken<P: Policy, S: Signal, D: Sampler>(
    mut curriculum: Curriculum<P, S, D>,
    n: usize,
    gives_up: bool,
) -> f64 {
    let (mut drawn, mut all) = (0.0, 0.0);
    for round in 0..40 * 32 / n {
        let batch = curriculum.draw(n).unwrap();
        if round >= 30 * 32 / n {
            drawn += batch.draws.iter().filter(|draw| draw.arm.0 == 3).count() as f64;
            all += n as f64;
        }
        curriculum.observe(&report(&batch, |arm| (arm != 3).then(fair))).unwrap();
        if gives_up {
            let lost: Vec<_> =
                batch.draws.iter().filter(|draw| draw.arm.0 == 3).map(|draw| draw.ticket).collect();
            curriculum.lose(&lost).unwrap();
        }
    }
    drawn / all
}

/// An arm whose rollouts all fail must not stay as attractive as one that nobody has seen.
#[test]
fn an_arm_whose_tickets_are_always_lost_takes_no_more_than_its_share() {
    let base = |missing| {
        Curriculum::builder(400).arms(4, |sample| (sample.0 / 100) as u32).missing(missing).seed(1)
    };
    for (missing, gives_up) in [(Missing::Refuse, true), (Missing::Lose, false)] {
        let mut built = 0;
        let preset = base(missing).post_training().build().unwrap();
        let share = share_of_the_broken(preset, 32, gives_up);
        assert!(share <= 0.25, "the default preset: {share}");
        let single = base(missing).single_draws().build().unwrap();
        let share = share_of_the_broken(single, 1, gives_up);
        assert!(share <= 0.25, "single draws: {share}");
        for (name, policy) in policies::pairs(4) {
            let Ok(curriculum) = builder(policy, 4).missing(missing).build() else { continue };
            let share = share_of_the_broken(curriculum, 32, gives_up);
            built += 1;
            // Up to a slot a round, for those that spread what they do not know.
            let is_timetable = name.contains("easy to hard");
            assert!(is_timetable || share <= 0.25 + 1.0 / 32.0, "{name}: {share}");
        }
        assert!(built > 120, "{built}");
    }
    let replay = builder(LevelReplay::new().into(), 4).build().unwrap();
    assert!(share_of_the_broken(replay, 32, true) <= 0.25);
}

/// Nor where every score is negative, so that nothing would be the best of them.
#[test]
fn an_arm_whose_tickets_are_always_lost_is_not_the_best_of_bad_ones() {
    let losing = |round: u64, ticket: u64, is_noisy: bool| {
        let noise = ((ticket * 2_654_435_761 + round * 97) % 1001) as f32 / 1000.0;
        let utility = if is_noisy { noise - 0.6 } else { -0.5 };
        fair().utility(utility)
    };
    let share = |mut curriculum: Curriculum<Any, Utility, Systematic>, is_noisy: bool| {
        let mut drawn = 0.0;
        for round in 0..60 {
            let batch = curriculum.draw(32).unwrap();
            let (lost, fine): (Vec<curricle::Draw>, Vec<curricle::Draw>) =
                batch.draws.iter().copied().partition(|draw| draw.arm.0 == 3);
            drawn += if round >= 30 { lost.len() as f64 } else { 0.0 };
            let seen = |ticket: u64| losing(round, ticket, is_noisy);
            let report: Vec<Feedback> =
                fine.iter().map(|draw| Feedback::new(draw.ticket, seen(draw.ticket.0))).collect();
            curriculum.observe(&report).unwrap();
            let lost: Vec<_> = lost.iter().map(|draw| draw.ticket).collect();
            curriculum.lose(&lost).unwrap();
        }
        drawn / (30.0 * 32.0)
    };
    let mut built = 0;
    for is_noisy in [false, true] {
        for (name, policy) in policies::pairs(4) {
            let Ok(curriculum) = builder(policy, 4).signal(Utility).build() else { continue };
            let share = share(curriculum, is_noisy);
            built += 1;
            let is_timetable = name.contains("easy to hard");
            assert!(is_timetable || share <= 0.25 + 1.0 / 32.0, "{name}, noisy {is_noisy}: {share}");
        }
    }
    assert!(built > 150, "{built}");
}

/// A batch that is greater than what the favourites hold goes on with the others: no share is 0 by rounding.
#[test]
fn a_batch_beyond_the_favourites_is_drawn_from_the_others() {
    let policies: [(&str, Any, f32); 3] = [
        ("two that tie", Boltzmann::new().effective_arms(2.0).into(), 1.0),
        ("nearly one", Boltzmann::new().effective_arms(1.5).into(), 1.0),
        ("far apart", Boltzmann::new().into(), 80.0),
    ];
    for (what, policy, utility) in policies {
        for arms in [5, 1100] {
            let mut curriculum = Curriculum::builder(10 * arms as usize)
                .arms(arms, |sample| (sample.0 / 10) as u32)
                .policy(policy.clone())
                .signal(Utility)
                .build()
                .unwrap();
            for _ in 0..12 {
                let n = 24.min(10 * arms as usize);
                let batch = curriculum.draw(n).unwrap_or_else(|error| panic!("{what}: {error}"));
                let all: Vec<Feedback> = batch
                    .draws
                    .iter()
                    .map(|draw| {
                        let worth = if draw.arm.0 < 2 { utility } else { 0.0 };
                        Feedback::new(draw.ticket, fair().utility(worth))
                    })
                    .collect();
                curriculum.observe(&all).unwrap();
            }
        }
    }
}

/// One ticket in a hundred that is lost costs an arm next to nothing.
#[test]
fn an_arm_that_loses_a_ticket_now_and_then_is_not_punished() {
    let mut curriculum =
        builder(Bounded::new(Any::from(Boltzmann::new())).floor(0.1, Prior::Uniform).into(), 4)
            .build()
            .unwrap();
    let mut of_arm_3 = 0.0;
    for round in 0..200 {
        let batch = curriculum.draw(32).unwrap();
        let lost = batch.draws.iter().filter(|draw| draw.arm.0 == 3 && draw.ticket.0 % 97 == 0);
        let lost: Vec<_> = lost.map(|draw| draw.ticket).collect();
        let feedback: Vec<Feedback> = report(&batch, |_| Some(fair()))
            .into_iter()
            .filter(|one| !lost.contains(&one.ticket))
            .collect();
        curriculum.observe(&feedback).unwrap();
        curriculum.lose(&lost).unwrap();
        if round >= 20 {
            of_arm_3 += curriculum.shares()[3] / 180.0;
        }
    }
    assert!(of_arm_3 > 0.22, "{of_arm_3}");
}

/// Arms of which nothing tells one from the other get the same, whatever their numbers.
#[test]
fn equal_arms_are_treated_alike() {
    let mut built = 0;
    for (name, policy) in policies::pairs(8) {
        let Ok(mut curriculum) = builder(policy, 8).build() else { continue };
        built += 1;
        let mut counts = [0u32; 8];
        for _ in 0..200 {
            let batch = curriculum.draw(12).unwrap();
            batch.draws.iter().for_each(|draw| counts[draw.arm.index()] += 1);
            curriculum.observe(&report(&batch, |_| Some(fair()))).unwrap();
        }
        // 300 each. An order by number would leave the last arms with next to nothing.
        let least = *counts.iter().min().unwrap();
        let enough = match &name[..] {
            // A timetable by number is what it is for.
            name if name.contains("easy to hard") => 0,
            // Whoever was drawn last is favoured: the rule as released.
            "cold start(boltzmann, decay)" => 0,
            // Ten rounds of memory and samples of a wide posterior: a random walk.
            name if name.contains("thompson, beta") => 60,
            _ => 150,
        };
        assert!(least >= enough, "{name}: {counts:?}");
    }
    assert!(built > 120, "{built}");
}

#[test]
fn ties_of_difficulty_take_all_prompts_in_turn() {
    for levels in [1, 5] {
        let difficulties = (0..1000).map(|arm| f64::from(50 + arm % levels)).collect();
        let mut curriculum = Curriculum::builder(1000)
            .arms(1000, |sample| sample.0 as u32)
            .policy(curricle::policy::Difficulty::new(difficulties).start(50.0).eta(0.0))
            .seed(2)
            .build()
            .unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..20 {
            let batch = curriculum.draw(32).unwrap();
            assert!(batch.draws.iter().all(|draw| draw.arm.0 % levels as u32 == 0));
            seen.extend(batch.samples());
            curriculum.observe(&report(&batch, |_| Some(fair()))).unwrap();
        }
        // Expected of N equals: N (1 - (1 - 32 / N)^20), 478 of 1000 and 193 of 200.
        let expected = if levels == 1 { 440 } else { 180 };
        assert!(seen.len() >= expected, "{levels} levels: {} samples", seen.len());
    }
}

/// No list of all policies is one if a new one can be left out of it.
#[test]
fn the_list_has_every_policy() {
    let listed: String = policies::pairs(3).iter().map(|(_, policy)| format!("{policy:?} ")).collect();
    // The one that draws from ranks, not from arms.
    for name in policies::names().iter().filter(|name| *name != "Gaussian") {
        assert!(listed.contains(name), "{name} is not in the list");
    }
}

fn made_up(batch: &Batch) -> Vec<Feedback> {
    batch.draws.iter().map(|draw| Feedback::new(draw.ticket, common::outcome(draw.ticket.0))).collect()
}

/// Killed after some rounds and restored, each goes on as if it had not been: whatever it has learned
/// is in the snapshot.
#[test]
fn what_was_learned_survives_a_kill() {
    let mut built = 0;
    for (name, policy) in policies::pairs(5) {
        let fresh = || builder(policy.clone(), 5).lag(1).build();
        let Ok(mut straight) = fresh() else { continue };
        built += 1;
        for round in 0..15 {
            let batch = straight.draw(8).unwrap();
            if round % 5 == 4 {
                straight.lose(&[batch.draws[0].ticket]).unwrap();
                straight.observe(&made_up(&batch)[1..]).unwrap();
            } else {
                straight.observe(&made_up(&batch)).unwrap();
            }
        }
        let mut restored = fresh().unwrap();
        restored.restore_bytes(&straight.to_bytes().unwrap()).unwrap();
        for round in 0..30 {
            let (batch, again) = (straight.draw(8).unwrap(), restored.draw(8).unwrap());
            assert_eq!(batch, again, "{name}, round {round}");
            assert_eq!(straight.shares(), restored.shares(), "{name}, round {round}");
            straight.observe(&made_up(&batch)).unwrap();
            restored.observe(&made_up(&again)).unwrap();
        }
        assert!(straight.to_bytes().unwrap() == restored.to_bytes().unwrap(), "{name}");
    }
    assert!(built > 120, "{built}");
}

/// Twelve samples an arm; the arms that are favoured are emptied one after the other, and filled again.
fn empty_and_refill(name: &str, policy: Any) -> bool {
    let built = Curriculum::builder(60)
        .arms(5, |sample| (sample.0 / 12) as u32)
        .policy(policy)
        .sampler(Systematic)
        .seed(4)
        .build();
    let Ok(mut curriculum) = built else { return false };
    let mut open: Vec<u32> = (0..5).collect();
    let fill = |curriculum: &mut Parts, arm: u32, weight: f64| {
        let samples = 12 * u64::from(arm)..12 * u64::from(arm) + 12;
        samples.for_each(|sample| curriculum.set_weight(SampleId(sample), weight).unwrap());
    };
    let step = |curriculum: &mut Parts, open: &[u32], what: &str| {
        let batch =
            curriculum.draw(6).unwrap_or_else(|error| panic!("{name}, {what} {open:?}: {error}"));
        let shares = curriculum.shares();
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{name}: {shares:?}");
        assert!(
            batch.draws.iter().all(|draw| open.contains(&draw.arm.0)),
            "{name}, {open:?}: {batch:?}"
        );
        // The favoured arm is the only one that teaches anything.
        let outcome = |arm: u32| {
            let best = arm == open[0];
            let (success, worth) = if best { (0.5, 1e3) } else { (0.0, 0.0) };
            let outcome = Outcome::default().success(success).abs_advantage(worth).utility(worth);
            Some(outcome.loss(worth).cost(1.0))
        };
        curriculum.observe(&report(&batch, outcome)).unwrap();
        shares
    };
    for _ in 0..4 {
        let mut shares = Vec::new();
        (0..6).for_each(|_| shares = step(&mut curriculum, &open, "emptied to"));
        let favoured =
            *open.iter().max_by(|a, b| shares[**a as usize].total_cmp(&shares[**b as usize])).unwrap();
        open.retain(|arm| *arm != favoured);
        fill(&mut curriculum, favoured, 0.0);
        step(&mut curriculum, &open, "just emptied to");
    }
    for arm in 0..5 {
        if !open.contains(&arm) {
            fill(&mut curriculum, arm, 1.0);
            open.push(arm);
            open.sort_unstable();
        }
        (0..4).for_each(|_| drop(step(&mut curriculum, &open, "refilled to")));
    }
    true
}

/// Policies that give some arm nothing, which what goes around them has to make up for.
fn narrow() -> Vec<(&'static str, Any)> {
    let all = vec![1.0, 0.0, 0.0, 0.0, 0.0];
    vec![
        ("fixed on one", Fixed::weights(all).into()),
        ("one by one", Staged::one_by_one(5, Advance::Mastery(0.9)).into()),
        ("sharp", Boltzmann::new().temperature(1e-9).into()),
        ("sharper", Boltzmann::new().effective_arms(1.0).into()),
        ("greedy", Ucb::discounted(0.9).width(0.0).into()),
    ]
}

#[test]
fn emptied_arms_leave_the_others_in_play() {
    let mut built = 0;
    for (name, policy) in policies::pairs(5) {
        built += usize::from(empty_and_refill(&name, policy));
    }
    for (name, policy) in narrow() {
        // By itself a mixture of one arm has nothing when that is empty, and says so.
        if name != "fixed on one" {
            assert!(empty_and_refill(name, policy.clone()), "{name}");
        }
        for (outer, wrapped) in policies::around(&policy) {
            let is_safe = |outer: &str| ["bounded", "mastered"].contains(&outer);
            if is_safe(outer) || name != "fixed on one" {
                let name = format!("{outer}({name})");
                built += usize::from(empty_and_refill(&name, wrapped.clone()));
            }
            for (outermost, twice) in policies::around(&wrapped) {
                if is_safe(outer) || is_safe(outermost) || name != "fixed on one" {
                    let name = format!("{outermost}({outer}({name}))");
                    built += usize::from(empty_and_refill(&name, twice));
                }
            }
        }
    }
    assert!(built > 200, "{built}");
}

/// A floor that lies on an empty arm leaves the policy what it has, and the other way round.
#[test]
fn floor_and_policy_stand_in_for_each_other() {
    let shares = |policy: Any, empty: u64| {
        let mut curriculum = Curriculum::builder(4)
            .labels(&[0, 0, 1, 1])
            .weights((0..4).map(|sample| f64::from(u8::from(sample / 2 != empty))).collect())
            .policy(policy)
            .build()
            .unwrap();
        curriculum.draw(1).map(|_| curriculum.shares())
    };
    let first = || Any::from(Fixed::weights(vec![1.0, 0.0]));
    let floor = |prior| Bounded::new(first()).floor(0.2, prior);
    assert_eq!(shares(floor(Prior::Uniform).into(), 0), Ok(vec![0.0, 1.0]));
    assert_eq!(shares(floor(Prior::Size).cap(0.6).into(), 0), Ok(vec![0.0, 1.0]));
    assert_eq!(shares(floor(Prior::Weights(vec![0.0, 1.0])).into(), 1), Ok(vec![1.0, 0.0]));
    let nothing = floor(Prior::Weights(vec![1.0, 0.0]));
    assert_eq!(shares(nothing.into(), 0), Err(Error::NothingToDraw));
    assert_eq!(shares(Mastered::new(first(), 0.9).into(), 0), Ok(vec![0.0, 1.0]));
    assert_eq!(shares(ColdStart::new(first(), 0).into(), 0), Err(Error::NothingToDraw));
    assert_eq!(shares(first(), 0), Err(Error::NothingToDraw));
}

/// Arms that teach no more, and one that breaks while it is the best, or was never heard of.
#[test]
fn an_arm_that_breaks_is_left_alone_when_the_others_are_done() {
    let all = |arms: u32| (0..arms).map(ArmId).collect::<Vec<_>>();
    let settings: Vec<(&str, Any)> = vec![
        ("absolute progress", AbsoluteProgress::new().into()),
        ("bidirectional", AbsoluteProgress::bidirectional().into()),
        ("mastered", Mastered::new(Any::from(Uniform), 0.8).into()),
        ("difficulty", Difficulty::new(vec![90.0, 80.0, 70.0, 0.0]).into()),
        ("difficulty, top", Difficulty::new(vec![10.0, 20.0, 30.0, 100.0]).start(100.0).into()),
        ("staged", Staged::new(vec![vec![ArmId(3)], all(3)], Advance::Mastery(0.5)).into()),
        ("scaling law", ScalingLaw::new().refit(5).into()),
        (
            "online mixing",
            OnlineMixing::new().warm_up(0).estimate(curricle::policy::Estimate::Smoothed(0.9)).into(),
        ),
        ("boltzmann", Boltzmann::new().into()),
        ("ucb", Ucb::discounted(0.9).into()),
    ];
    for (name, policy) in settings {
        for breaks_at in [0, 8] {
            // A success of 1 or 0 has no spread: nobody is paid for it.
            let mut curriculum = builder(policy.clone(), 4).build().unwrap();
            let (mut of_the_broken, mut all) = (0, 0);
            for round in 0..200 {
                let batch = curriculum.draw(16).unwrap();
                let broken = |arm: u32| arm == 3 && round >= breaks_at;
                let outcome = |arm: u32| {
                    // Until it breaks the last arm is learned at once; the others are known.
                    let learns = arm == 3;
                    let success = if learns { 0.1 * round as f32 } else { 1.0 };
                    let outcome = Outcome::default().success(success.min(1.0)).cost(1.0).rollouts(8);
                    let loss = if learns { 9.0 - round as f32 } else { 1.0 / (1.0 + round as f32) };
                    outcome.utility(f32::from(u8::from(learns))).abs_advantage(0.0).loss(loss)
                };
                curriculum
                    .observe(&report(&batch, |arm| (!broken(arm)).then(|| outcome(arm))))
                    .unwrap();
                let lost = batch.draws.iter().filter(|draw| broken(draw.arm.0)).map(|draw| draw.ticket);
                let lost: Vec<_> = lost.collect();
                curriculum.lose(&lost).unwrap();
                if round >= 100 {
                    of_the_broken += lost.len();
                    all += batch.draws.len();
                }
            }
            let share = of_the_broken as f64 / all as f64;
            assert!(share <= 0.27, "{name}, broken from round {breaks_at}: {share}");
        }
    }
}

/// Prompts that never come back among many that are mastered: nearer to the target than those, as far
/// as one knows, and yet not to be taken for ever.
#[test]
fn broken_prompts_do_not_take_the_batch_of_a_posterior() {
    let mut curriculum = Curriculum::builder(200)
        .arms(200, |sample| sample.0 as u32)
        .policy(Posterior::new())
        .sampler(Systematic)
        .seed(3)
        .build()
        .unwrap();
    let (mut of_the_broken, mut all) = (0, 0);
    for round in 0..150 {
        let batch = curriculum.draw(16).unwrap();
        let broken = |arm: u32| arm < 16;
        let solved = |arm: u32| (!broken(arm)).then(|| Outcome::default().success(1.0).rollouts(8));
        curriculum.observe(&report(&batch, solved)).unwrap();
        let lost: Vec<_> =
            batch.draws.iter().filter(|draw| broken(draw.arm.0)).map(|draw| draw.ticket).collect();
        curriculum.lose(&lost).unwrap();
        if round >= 50 {
            of_the_broken += lost.len();
            all += 16;
        }
    }
    let share = of_the_broken as f64 / all as f64;
    // Their part of the prompts is 0.08.
    assert!(share < 0.12, "{share}");
}

/// Chance decides between equal arms, also for those that take the greatest.
#[test]
fn the_first_arms_to_be_tried_are_any() {
    for policy in [Ucb::discounted(0.9).into(), Ucb::sliding_window(9).width(0.0).into()] {
        let policy: Any = policy;
        let mut first = [0u64; 8];
        for seed in 0..800 {
            let mut curriculum = builder(policy.clone(), 8).seed(seed).build().unwrap();
            let batch = curriculum.draw(1).unwrap();
            first[batch.draws[0].arm.index()] += 1;
        }
        common::chi_square(&first, &[0.125; 8], "the first arm");
        // Nothing is learned anywhere: a greedy policy must not stay with the lowest arm.
        let mut curriculum = builder(policy.clone(), 8).build().unwrap();
        let mut counts = [0u64; 8];
        for _ in 0..800 {
            let batch = curriculum.draw(1).unwrap();
            counts[batch.draws[0].arm.index()] += 1;
            curriculum.observe(&report(&batch, |_| Some(Outcome::default().success(0.0)))).unwrap();
        }
        assert!(counts.iter().all(|count| (60..140).contains(count)), "{counts:?}");
    }
}

/// A policy that is not to be asked.
#[derive(Clone, Serialize, Deserialize)]
struct Unasked;

impl Policy for Unasked {
    fn reads(&self) -> Reads {
        Reads::SCORE
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, _: &mut Allotment) -> curricle::Result<()> {
        panic!("asked for {}", turn.n)
    }

    fn learn(&mut self, _: &Population, _: &[Reward]) {}
}

/// A batch that nothing can fill is refused before anything works for it.
#[test]
fn an_impossible_batch_is_refused_at_once() {
    fn refused<P: Policy, D: Sampler>(policy: &P, sampler: D, want: usize) -> Error {
        let built = Curriculum::builder(40)
            .arms(4, |sample| (sample.0 / 10) as u32)
            .policy(policy.clone())
            .sampler(sampler)
            .build();
        let mut curriculum = built.unwrap();
        let before = curriculum.to_bytes().unwrap();
        let error = curriculum.draw(want).unwrap_err();
        assert!(before == curriculum.to_bytes().unwrap());
        error
    }
    let plain = policies::plain(4).into_iter().map(|(_, policy)| policy);
    let _ = refused(&Unasked, Distinct, 41);
    let _ = refused(&Unasked, Replace, usize::MAX);
    for policy in plain {
        for want in [41, 1 << 20, 4_000_000_000, u32::MAX as usize] {
            let exceeds = Error::BatchExceedsPool { want, available: 40 };
            assert_eq!(refused(&policy, Distinct, want), exceeds);
            assert_eq!(refused(&policy, Systematic, want), exceeds);
            assert_eq!(refused(&policy, Top, want), exceeds);
        }
        for want in [(1 << 20) + 1, 4_000_000_000, usize::MAX] {
            let error = refused(&policy, Replace, want);
            assert!(matches!(error, Error::OutOfRange { what: "batch size", .. }), "{error:?}");
        }
    }
}

/// A score that is divided by a cost of nothing stays a number, or the limit is refused.
#[test]
fn a_free_arm_is_worth_a_finite_number() {
    let mut ran = 0;
    for limit in [10.0, 1e12, 1e100, 1e300, f64::MAX] {
        for inner in [Boltzmann::new().into(), Ucb::discounted(0.9).into(), Any::from(Uniform)] {
            let policy = curricle::policy::PerCost::new(inner).limit(limit);
            let Ok(mut curriculum) = builder(policy.into(), 3).signal(Utility).build() else {
                continue;
            };
            ran += 1;
            for _ in 0..5 {
                let batch = curriculum.draw(6).unwrap();
                let price = |arm: u32| Outcome::default().utility(f32::MAX).cost(1e38 * arm as f32);
                curriculum.observe(&report(&batch, |arm| Some(price(arm)))).unwrap();
            }
            assert!(curriculum.shares().iter().all(|share| share.is_finite()));
        }
    }
    assert!(ran >= 4, "{ran}");
}

/// Legal, and as far out as can be reported.
fn extreme(ticket: u64, seed: u64) -> Outcome {
    let mut rng = Rng::at(seed, Round(ticket), Purpose::User);
    let tiny = f32::from_bits(1);
    let mut of = |values: &[f32]| values[rng.below(values.len() as u64) as usize];
    let success = of(&[0.0, 1.0, tiny, 0.5, 1.0 - f32::EPSILON]);
    let loss = of(&[0.0, f32::MAX, f32::MIN, tiny, -tiny, 1e38, 1.0]);
    let advantage = of(&[0.0, f32::MAX, tiny, 1e38]);
    let utility = of(&[0.0, f32::MAX, f32::MIN, tiny, -tiny, -1e38]);
    let cost = of(&[0.0, f32::MAX, tiny, 1e38]);
    let rollouts = if of(&[0.0, 1.0]) > 0.0 { u32::MAX } else { 1 };
    let outcome = Outcome::default().success(success).loss(loss).abs_advantage(advantage);
    outcome.utility(utility).cost(cost).rollouts(rollouts)
}

fn survives<S: Signal>(name: &str, built: curricle::Result<Curriculum<Any, S, Systematic>>, seed: u64) {
    let Ok(mut curriculum) = built else { return };
    for round in 0..12 {
        let batch = curriculum.draw(6);
        let batch = batch.unwrap_or_else(|error| panic!("{name}, round {round}, seed {seed}: {error}"));
        let shares = curriculum.shares();
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{name}: {shares:?}");
        let numbers = batch.draws.iter().flat_map(|draw| [draw.propensity, draw.loss_weight.into()]);
        numbers.for_each(|number| assert!(number > 0.0 && number <= 1.0, "{name}: {number}"));
        let lost = seed + round;
        let feedback =
            report_tickets(&batch, |ticket| (ticket % 7 != lost % 7).then(|| extreme(ticket, seed)));
        curriculum.observe(&feedback).unwrap();
    }
}

fn report_tickets(batch: &Batch, outcome: impl Fn(u64) -> Option<Outcome>) -> Vec<Feedback> {
    let draws = batch.draws.iter();
    draws.filter_map(|draw| Some(Feedback::new(draw.ticket, outcome(draw.ticket.0)?))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Scores and costs at the ends of what a float can be never make a decision that is no number.
    #[test]
    fn legal_extremes_leave_numbers(seed in 0..1u64 << 40) {
        let mut all = policies::pairs(4);
        let far = |policy: Any| curricle::policy::PerCost::new(policy).limit(1e12);
        all.push(("per cost, far".into(), far(Boltzmann::new().into()).into()));
        all.push(("per cost, greedy".into(), far(Ucb::discounted(0.9).into()).into()));
        for (name, policy) in all {
            let base = || builder(policy.clone(), 4).missing(Missing::Lose).importance(0.5);
            survives(&name, base().build(), seed);
            survives(&name, base().signal(Reported(Field::Loss)).build(), seed);
            survives(&name, base().signal(Utility).build(), seed);
            survives(&name, base().signal(MeanAdvantage).build(), seed);
        }
    }
}

/// Within an arm, too: a sample that never comes back must not keep a weight that no other has.
#[test]
fn a_sample_that_is_always_lost_is_not_drawn_ever_more_often() {
    let mut curriculum = Curriculum::builder(50)
        .policy(Uniform)
        .signal(Utility)
        .weighting(curricle::Weighting::Score { floor: 0.01 })
        .sampler(Distinct)
        .seed(5)
        .build()
        .unwrap();
    let mut of_the_broken = 0;
    for round in 0..300 {
        let batch = curriculum.draw(4).unwrap();
        let is_broken = |draw: &&curricle::Draw| draw.sample.0 == 7;
        let lost: Vec<_> = batch.draws.iter().filter(is_broken).map(|draw| draw.ticket).collect();
        let others = batch.draws.iter().filter(|draw| !is_broken(draw));
        let worth = Outcome::default().utility(0.05);
        let back: Vec<Feedback> = others.map(|draw| Feedback::new(draw.ticket, worth)).collect();
        curriculum.observe(&back).unwrap();
        curriculum.lose(&lost).unwrap();
        of_the_broken += if round >= 100 { lost.len() } else { 0 };
    }
    // Its even part is 16 of 800.
    assert!(of_the_broken <= 16, "{of_the_broken}");
    assert_eq!(curriculum.population().weight(SampleId(7)).map(|weight| weight < 0.02), Ok(true));
}
