//! Curricula of so many arms that their odds change arm by arm: the naive twin is the softmax over all.

#![expect(clippy::disallowed_methods, reason = "the reference may use the host's functions")]

use crate::common::{self, chi_square, outcome};
use curricle::policy::{
    Allotment, ArmTree, Boltzmann, Bounded, ColdStart, Logits, Policy, Prior, Range, Reads, Rescaled,
    Reward, Turn,
};
use curricle::sampler::{Distinct, Replace, Scratch, Systematic, Top};
use curricle::signal::Utility;
use curricle::{
    ArmId, Curriculum, Error, Feedback, Missing, Outcome, Population, Purpose, Rng, Round, SampleId,
    Sampler, Schedule, Weighting,
};
use proptest::prelude::*;

const ARMS: u32 = 1500;

type Sec = Bounded<Boltzmann>;

fn sec<D: Sampler>(temperature: f64, floor: Schedule, sampler: D) -> Curriculum<Sec, Utility, D> {
    let boltzmann = Boltzmann::new().temperature(temperature);
    // Arm 0 has one member, the others two.
    Curriculum::builder(2 * ARMS as usize - 1)
        .arms(ARMS, |sample| (sample.0 as u32).div_ceil(2))
        .policy(Bounded::new(boltzmann).floor(floor, Prior::Uniform))
        .weighting(Weighting::Score { floor: 0.01 })
        .signal(Utility)
        .sampler(sampler)
        .seed(3)
        .build()
        .unwrap()
}

/// The softmax over all arms that have something to draw, with the floor.
fn naive(values: &[f64], temperature: f64, floor: f64, population: &Population) -> Vec<f64> {
    let is_open = |arm: usize| population.drawable(ArmId(arm as u32)) > 0;
    let open: Vec<usize> = (0..values.len()).filter(|&arm| is_open(arm)).collect();
    let greatest = open.iter().map(|&arm| values[arm]).fold(f64::NEG_INFINITY, f64::max);
    let mut p = vec![0.0; values.len()];
    open.iter().for_each(|&arm| p[arm] = ((values[arm] - greatest) / temperature).exp());
    let sum: f64 = p.iter().sum();
    open.iter().for_each(|&arm| p[arm] = (1.0 - floor) * p[arm] / sum + floor / open.len() as f64);
    p
}

/// Checks the shares and the propensities of one round against the naive twin.
fn agrees<D: Sampler>(
    curriculum: &Curriculum<Sec, Utility, D>,
    temperature: f64,
    floor: &Schedule,
    picks: &[(ArmId, SampleId, f64)],
) -> Result<(), TestCaseError> {
    let population = curriculum.population();
    let floor = floor.at(Round(curriculum.round().0 - 1));
    let p = naive(curriculum.policy().inner().values(), temperature, floor, population);
    for (arm, (share, p)) in curriculum.shares().iter().zip(&p).enumerate() {
        prop_assert!((share - p).abs() < 1e-9 * p + 1e-15, "arm {}: {} instead of {}", arm, share, p);
        prop_assert_eq!(*share > 0.0, population.drawable(ArmId(arm as u32)) > 0);
    }
    for &(arm, sample, propensity) in picks {
        let members = population.arms().members(arm);
        let whole: f64 = members.map(|member| population.weight(member).unwrap()).sum();
        let expected = p[arm.index()] * population.weight(sample).unwrap() / whole;
        prop_assert!((propensity / expected - 1.0).abs() < 1e-8, "{} {}", propensity, expected);
    }
    Ok(())
}

#[derive(Debug, Clone)]
enum Change {
    Remove(prop::sample::Index),
    Weigh(prop::sample::Index, u32),
    Retag(prop::sample::Index, u32),
    Insert(u32),
    /// A whole range of arms is emptied.
    Empty(u32),
    /// A draw that fails after the policy has learned.
    Fail,
    /// A snapshot is taken and restored.
    Restore,
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        index().prop_map(Change::Remove),
        (index(), 0..3u32).prop_map(|(sample, weight)| Change::Weigh(sample, weight)),
        (index(), 0..ARMS).prop_map(|(sample, arm)| Change::Retag(sample, arm)),
        (0..ARMS).prop_map(Change::Insert),
        (0..ARMS).prop_map(Change::Empty),
        Just(Change::Fail),
        Just(Change::Restore),
    ]
}

/// Rounds with changes between them; the same rounds without failures and restores are the twin.
fn rounds<D: Sampler + PartialEq>(
    build: impl Fn() -> Curriculum<Sec, Utility, D>,
    temperature: f64,
    floor: &Schedule,
    is_independent: bool,
    changes: &[Vec<Change>],
) -> Result<(), TestCaseError> {
    let (mut curriculum, mut plain) = (build(), build());
    let at = |index: &prop::sample::Index, curriculum: &Curriculum<Sec, Utility, D>| {
        SampleId(index.index(curriculum.population().arms().samples()) as u64)
    };
    for changes in changes {
        for change in changes {
            for one in [&mut curriculum, &mut plain] {
                match change {
                    Change::Remove(index) => _ = one.remove(at(index, one)),
                    Change::Weigh(index, weight) => {
                        _ = one.set_weights(&[(at(index, one), f64::from(*weight))]);
                    }
                    Change::Retag(index, arm) => _ = one.retag(at(index, one), ArmId(*arm)),
                    Change::Insert(arm) => _ = one.insert(ArmId(*arm), 1.5).unwrap(),
                    Change::Empty(first) => {
                        for arm in (*first..ARMS).take(100) {
                            let members: Vec<SampleId> =
                                one.population().arms().members(ArmId(arm)).collect();
                            let none: Vec<(SampleId, f64)> =
                                members.iter().map(|&sample| (sample, 0.0)).collect();
                            one.set_weights(&none).unwrap();
                        }
                    }
                    Change::Fail | Change::Restore => {}
                }
            }
            match change {
                Change::Fail => {
                    if !is_independent {
                        let error = curriculum.draw(10 * ARMS as usize).err();
                        let is_refused = matches!(
                            error,
                            Some(Error::BatchExceedsPool { .. } | Error::NothingToDraw)
                        );
                        prop_assert!(is_refused);
                        plain.fold().unwrap();
                    }
                    prop_assert!(
                        plain.to_bytes().unwrap() == curriculum.to_bytes().unwrap(),
                        "a failed draw is more than a fold"
                    );
                }
                Change::Restore => {
                    let bytes = curriculum.to_bytes().unwrap();
                    curriculum = build();
                    curriculum.restore_bytes(&bytes).unwrap();
                    prop_assert!(curriculum.to_bytes().unwrap() == bytes);
                }
                _ => {}
            }
        }
        let n = curriculum.population().drawable_total().min(64);
        if n == 0 {
            break;
        }
        let batch = curriculum.draw(n).unwrap();
        prop_assert_eq!(&batch, &plain.draw(n).unwrap());
        let picks: Vec<_> =
            batch.draws.iter().map(|pick| (pick.arm, pick.sample, pick.propensity)).collect();
        agrees(&curriculum, temperature, floor, if is_independent { &picks } else { &[] })?;
        let report = |draw: &curricle::Draw| Feedback::new(draw.ticket, outcome(draw.ticket.0));
        let feedback: Vec<Feedback> = batch.draws.iter().map(report).collect();
        curriculum.observe(&feedback).unwrap();
        plain.observe(&feedback).unwrap();
        prop_assert_eq!(curriculum.digest(), plain.digest());
    }
    prop_assert!(curriculum.to_bytes().unwrap() == plain.to_bytes().unwrap());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// At a temperature of 0.01 the sum of the weights leaves its range many times.
    #[test]
    fn odds_are_the_softmax_over_all_arms(
        changes in prop::collection::vec(prop::collection::vec(change(), 0..4), 1..40),
    ) {
        let none = Schedule::Constant(0.0);
        let falling = Schedule::Linear { from: 1.0, to: 0.0, rounds: 30 };
        for (temperature, floor) in [(0.1, Schedule::Constant(0.1)), (0.01, none), (1.0, falling)] {
            rounds(|| sec(temperature, floor, Replace), temperature, &floor, true, &changes)?;
            rounds(|| sec(temperature, floor, Distinct), temperature, &floor, false, &changes)?;
            rounds(|| sec(temperature, floor, Systematic), temperature, &floor, false, &changes)?;
        }
    }
}

/// An arm that rises above all others, and sinks again: both leave the range of the sums.
#[test]
fn a_value_that_moves_far() {
    let floor = Schedule::Constant(0.2);
    let mut curriculum = sec(1e-3, floor, Distinct);
    for round in 0..60 {
        let batch = curriculum.draw(64).unwrap();
        agrees(&curriculum, 1e-3, &floor, &[]).unwrap();
        let utility = |arm: u32| if arm % 7 == round % 7 { 1.0 } else { 0.05 };
        let feedback = common::feedback(&batch, |_, arm| Outcome::default().utility(utility(arm)));
        curriculum.observe(&feedback).unwrap();
    }
}

/// Draws from 10^5 arms after some learning, against the naive twin.
fn draws_follow<D: Sampler>(sampler: D, what: &str) {
    const MANY: u32 = 100_000;
    let floor = Schedule::Constant(0.1);
    let mut curriculum = Curriculum::builder(MANY as usize)
        .arms(MANY, |sample| sample.0 as u32)
        .policy(Bounded::new(Boltzmann::new()).floor(floor, Prior::Uniform))
        .missing(Missing::Lose)
        .signal(Utility)
        .build()
        .unwrap();
    for _ in 0..40 {
        let batch = curriculum.draw(4096).unwrap();
        let feedback = common::feedback(&batch, |_, arm| {
            Outcome::default().utility(1.0 + (arm.wrapping_mul(2_654_435_761) >> 16) as f32 / 65_536.0)
        });
        curriculum.observe(&feedback).unwrap();
    }
    (0..MANY as u64)
        .step_by(3)
        .for_each(|sample| curriculum.set_weight(SampleId(sample), 0.0).unwrap());
    let mut counts = vec![0; MANY as usize];
    let population = curriculum.population();
    let logits = curriculum.policy().logits(&Turn::new(curriculum.round(), 512, population)).unwrap();
    let odds = Allotment::Tree(ArmTree::new(&logits, population).unwrap());
    let (mut scratch, mut picks) = (Scratch::default(), Vec::new());
    for round in 0..1500 {
        let mut rng = Rng::at(7, Round(round), Purpose::Sampler);
        sampler.draw(population, &odds, 512, &mut rng, &mut scratch, &mut picks).unwrap();
    }
    // The first of distinct draws are as good as independent.
    picks.iter().for_each(|pick| counts[pick.arm.index()] += 1);
    let p = naive(curriculum.policy().inner().values(), 0.1, 0.1, curriculum.population());
    if what.starts_with("systematic") {
        // One number places all slots of a round, so arms are not independent; each by itself varies less than a binomial.
        let mean = |p: &f64| p * 1500.0 * 512.0;
        let is_far =
            |(count, p): (&u64, &f64)| (*count as f64 - mean(p)).abs() > 6.0 * mean(p).sqrt() + 1.0;
        assert_eq!(counts.iter().zip(&p).filter(|&pair| is_far(pair)).count(), 0, "{what}");
    } else {
        chi_square(&counts, &p, what);
    }
    assert!(p.iter().cloned().fold(0.0, f64::max) > 1e-4, "the arms are all alike");
}

#[test]
fn draws_from_a_hundred_thousand_arms() {
    draws_follow(Replace, "replace, 10^5 arms");
    draws_follow(Systematic, "systematic, 10^5 arms");
}

/// As many slots as expected, rounded down or up; the others go on where an arm has fewer members.
#[test]
fn systematic_counts_are_exact() {
    let build = |members: u64| {
        Curriculum::builder(ARMS as usize * members as usize)
            .arms(ARMS, move |sample| (sample.0 / members) as u32)
            .policy(Bounded::new(Boltzmann::new().temperature(0.05)).floor(0.1, Prior::Uniform))
            .signal(Utility)
            .sampler(Systematic)
            .build()
            .unwrap()
    };
    let (mut ample, mut scarce) = (build(600), build(4));
    let mut greatest = (0.0f64, 0);
    for round in 0..200 {
        for curriculum in [&mut ample, &mut scarce] {
            let batch = curriculum.draw(512).unwrap();
            let utility =
                |arm: u32| if arm % 500 == 7 { 1.0 } else { 0.1 + f32::from(arm as u8) / 600.0 };
            let feedback = common::feedback(&batch, |_, arm| Outcome::default().utility(utility(arm)));
            let p = naive(curriculum.policy().inner().values(), 0.05, 0.1, curriculum.population());
            curriculum.observe(&feedback).unwrap();
            let mut counts = vec![0u32; ARMS as usize];
            batch.draws.iter().for_each(|draw| counts[draw.arm.index()] += 1);
            let room = curriculum.population().arms().size(ArmId(0));
            for (&count, &p) in counts.iter().zip(&p) {
                let expected = 512.0 * p;
                assert!(count as usize <= room, "round {round}");
                if room > 512 {
                    assert!((f64::from(count) - expected).abs() < 1.0 + 1e-6, "{count}, {expected}");
                    greatest.0 = greatest.0.max(expected);
                } else if expected > room as f64 + 1.0 {
                    assert_eq!(count as usize, room, "{expected}");
                    greatest.1 += 1;
                }
            }
        }
    }
    assert!(greatest.0 > 20.0 && greatest.1 > 100, "the arms are all alike: {greatest:?}");
}

/// `Top` reads all probabilities from the odds; `Distinct`, those of the rest of an almost empty pool.
#[test]
fn every_sampler_draws_from_odds() {
    let floor = Schedule::Constant(0.3);
    let mut top = sec(0.1, floor, Top);
    let batch = top.draw(8).unwrap();
    assert_eq!(batch.samples().map(|sample| sample.0).collect::<Vec<_>>(), [0, 1, 3, 5, 7, 9, 11, 13]);
    // All samples at once: the rest of an almost empty pool.
    let mut distinct = sec(0.1, floor, Distinct);
    let mut all: Vec<u64> =
        distinct.draw(2 * ARMS as usize - 1).unwrap().samples().map(|sample| sample.0).collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..2 * u64::from(ARMS) - 1));
    let error = distinct.draw(2 * ARMS as usize).err();
    assert!(matches!(error, Some(Error::Awaiting { .. })));
}

#[test]
fn nothing_to_draw_is_an_error_and_what_comes_back_is_drawn() {
    let mut curriculum = sec(0.1, Schedule::Constant(0.1), Replace);
    let batch = curriculum.draw(32).unwrap();
    let feedback = common::feedback(&batch, |_, _| Outcome::default().utility(0.5));
    curriculum.observe(&feedback).unwrap();
    let samples = 2 * u64::from(ARMS) - 1;
    (0..samples).for_each(|sample| curriculum.remove(SampleId(sample)).unwrap());
    let mut folded = curriculum.clone();
    assert_eq!(folded.fold(), Ok(1));
    assert_eq!(curriculum.draw(1).err(), Some(Error::NothingToDraw));
    assert!(folded.to_bytes().unwrap() == curriculum.to_bytes().unwrap());
    let sample = curriculum.insert(ArmId(77), 1.0).unwrap();
    assert!(curriculum.draw(5).unwrap().samples().all(|drawn| drawn == sample));
    assert_eq!(curriculum.shares()[77], 1.0);
}

/// What cannot change arm by arm says so.
#[test]
fn logits_of_policies() {
    let curriculum = sec(0.1, Schedule::Constant(0.1), Replace);
    let population = curriculum.population();
    let turn = Turn::new(Round(0), 1, population);
    let values = curriculum.policy().inner().values();
    let expected = Logits { values, temperature: 0.1, floor: 0.1 };
    assert_eq!(curriculum.policy().logits(&turn), Some(expected));
    let cooling = Schedule::Linear { from: 1.0, to: 0.1, rounds: 9 };
    assert_eq!(Boltzmann::new().temperature(cooling).logits(&turn), None);
    assert_eq!(Boltzmann::new().effective_arms(3.0).logits(&turn), None);
    assert_eq!(Boltzmann::new().unsampled(curricle::policy::Unsampled::Decay).logits(&turn), None);
    assert_eq!(Bounded::new(Boltzmann::new()).cap(0.5).logits(&turn), None);
    assert_eq!(Bounded::new(Boltzmann::new()).floor(0.5, Prior::Size).logits(&turn), None);
    assert_eq!(Bounded::new(Boltzmann::new()).floor(0.95, Prior::Uniform).logits(&turn), None);
    let twice = Bounded::new(Bounded::new(Boltzmann::new()).floor(0.5, Prior::Uniform));
    let floor = twice.floor(0.2, Prior::Uniform).logits(&turn).map(|logits| logits.floor);
    assert!(floor.is_some_and(|floor| (floor - 0.6).abs() < 1e-12));

    let within = Logits { values: &[], temperature: 0.1, floor: 0.0 };
    let range = Range::Fixed { low: 0.0, high: 1.0 };
    assert_eq!(Rescaled::new(Boltzmann::new(), range).logits(&turn), Some(within));
    // 1500 arms of 2 tickets are 6 rounds of 512: over after 4 times that and 16 more.
    let mut cold = ColdStart::new(Boltzmann::new(), 2);
    cold.prepare(population).unwrap();
    let at = |round| cold.logits(&Turn::new(Round(round), 512, population)).is_some();
    assert_eq!([at(0), at(39), at(40)], [false, false, true]);
}

/// ArmTree that a policy keeps by itself, whatever becomes of the arms.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Stale(Option<ArmTree>);

impl Policy for Stale {
    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn prepare(&mut self, population: &Population) -> curricle::Result<()> {
        let values: Vec<f64> = (0..population.arms().count()).map(|arm| (arm % 3) as f64).collect();
        let logits = Logits { values: &values, temperature: 1.0, floor: 0.1 };
        self.0 = Some(ArmTree::new(&logits, population)?);
        Ok(())
    }

    fn allot(&self, _: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> curricle::Result<()> {
        *allotment = Allotment::Tree(self.0.clone().unwrap());
        Ok(())
    }

    fn learn(&mut self, _: &Population, _: &[Reward]) {}
}

#[test]
fn odds_of_a_policy_that_does_not_see_arms_being_emptied() {
    fn draws<D: Sampler>(sampler: D) {
        let builder = Curriculum::builder(40).arms(20, |sample| sample.0 as u32 / 2).sampler(sampler);
        let weights = (0..40).map(|sample| if sample < 2 { 0.0 } else { 1.0 }).collect();
        let builder = builder.policy(Stale(None)).weights(weights).missing(Missing::Lose);
        let mut curriculum = builder.build().unwrap();
        // The first arm had nothing to draw when the odds were made, the last ones have nothing now.
        let change = |sample| (SampleId(sample), if sample < 2 { 1.0 } else { 0.0 });
        curriculum.set_weights(&[0, 1, 10, 36, 37, 38, 39].map(change)).unwrap();
        for _ in 0..50 {
            for draw in curriculum.draw(8).unwrap().draws {
                assert!((1..18).contains(&draw.arm.0) && draw.sample != SampleId(10));
                assert!(draw.propensity > 0.0 && draw.propensity <= 1.0);
            }
        }
        assert!((curriculum.shares().iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
    draws(Replace);
    draws(Distinct);
    draws(Systematic);
    draws(Top);
}

/// A policy around another passes the odds on, and follows a copy of itself, as it does by copying all.
fn passes_on<P: Policy>(policy: P, values: impl Fn(&P) -> &[f64], from: u64) {
    let build = || {
        let arms = |sample: SampleId| sample.0 as u32 / 2;
        let builder = Curriculum::builder(2 * ARMS as usize).arms(ARMS, arms).policy(policy.clone());
        builder.signal(Utility).sampler(Distinct).build().unwrap()
    };
    let (mut kept, mut restored) = (build(), build());
    for round in 0..60 {
        // Draws that fail: the copy that has learned goes back to what the policy is.
        let error = kept.draw(3 * ARMS as usize);
        assert!(matches!(error, Err(Error::BatchExceedsPool { .. })));
        let batch = kept.draw(512).unwrap();
        // A restored curriculum begins with a whole copy of its policy.
        let bytes = restored.to_bytes().unwrap();
        restored.restore_bytes(&bytes).unwrap();
        assert_eq!(batch, restored.draw(512).unwrap());
        if round >= from {
            let p = naive(values(kept.policy()), 0.1, 0.0, kept.population());
            let shares = kept.shares();
            assert!(shares.iter().zip(&p).all(|(share, p)| (share - p).abs() < 1e-9 * p + 1e-15));
        }
        let feedback = common::feedback(&batch, |_, arm| Outcome::default().utility((arm % 10) as f32));
        kept.observe(&feedback).unwrap();
        restored.observe(&feedback).unwrap();
    }
    assert!(kept.to_bytes().unwrap() == restored.to_bytes().unwrap());
}

#[test]
fn policies_around_another_pass_its_odds_on() {
    let range = Range::Quantiles { low: 0.1, high: 0.9, visits: 100 };
    passes_on(Rescaled::new(Boltzmann::new(), range), |policy| policy.inner().values(), 0);
    passes_on(
        Rescaled::new(Boltzmann::new(), Range::Fixed { low: 0.0, high: 9.0 }),
        |policy| policy.inner().values(),
        0,
    );
    // It is over after 4 * 6 + 16 rounds, or as soon as no arm is cold.
    passes_on(ColdStart::new(Boltzmann::new(), 2), |policy| policy.inner().values(), 40);
}
