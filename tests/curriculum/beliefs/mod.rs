//! Weights by belief: against a naive twin, and what they are worth in pools where most prompts teach nothing.

mod pools;
mod refused;
mod twin;

use crate::common;
use curricle::policy::Uniform;
use curricle::sampler::Any;
use curricle::signal::GroupSpread;
use curricle::{
    Allocation, ArmId, Arrival, Belief, Curriculum, Durability, Error, Feedback, Gate, Journal,
    Measure, Outcome, Purpose, Refill, Rng, Round, SampleId, Step, Ticket, Weight, Weighting,
};
use proptest::prelude::*;
use twin::Twin;

type Any3 = Curriculum<Uniform, GroupSpread, Any>;
type AnyJournal = Journal<Uniform, GroupSpread, Any>;

const SAMPLES: usize = 24;

fn belief() -> Belief {
    Belief::new().rollouts(4).decay(0.7).floor(0.3).retest(3).patience(5)
}

fn build(sampler: Any, excludes: bool) -> Any3 {
    Curriculum::builder(SAMPLES)
        .arms(3, |sample| (sample.0 % 3) as u32)
        .weights((0..SAMPLES).map(|sample| [1.0, 0.5, 2.0, 0.0][sample % 4]).collect())
        .policy(Uniform)
        .sampler(sampler)
        .weighting(Weighting::Belief(belief()))
        .exclude_in_flight(excludes)
        .seed(5)
        .build()
        .unwrap()
}

fn twin() -> Twin {
    let mut twin = Twin::new((4, 0.7, 0.3), (3, 5));
    twin.arms = vec![Vec::new(); 3];
    (0..SAMPLES).for_each(|sample| twin.insert(sample % 3, [1.0, 0.5, 2.0, 0.0][sample % 4]));
    twin
}

/// A round: some tickets come back, some are given up, and things happen in between.
#[derive(Debug, Clone, Copy)]
struct Deed {
    n: usize,
    seed: u64,
    verb: u8,
    which: u64,
    arm: u32,
    weight: f64,
}

fn deed() -> impl Strategy<Value = Deed> {
    let weight = prop_oneof![Just(0.0), Just(1.0), Just(1e-300), 0.01..3.0f64];
    (1..9usize, any::<u64>(), 0..14u8, any::<u64>(), 0..4u32, weight)
        .prop_map(|(n, seed, verb, which, arm, weight)| Deed { n, seed, verb, which, arm, weight })
}

/// What a sample is like: solved, hopeless, a coin, or moving.
fn rate(sample: u64, round: u64) -> f64 {
    match sample % 4 {
        0 => 1.0,
        1 => 0.0,
        2 => 0.5,
        _ => (round as f64 / 60.0).min(1.0),
    }
}

/// Lets a deed happen to a journal and to the twin.
fn happen(journal: &mut AnyJournal, twin: &mut Twin, deed: Deed) {
    let Deed { n, seed, verb, which, arm, weight } = deed;
    let arms = journal.curriculum().population().arms().count() as u32;
    let mut rng = Rng::at(seed, Round(0), Purpose::User);
    let drawn = journal.draw(n);
    let round = journal.curriculum().round().0;
    let sample = (which % twin.samples.len() as u64) as usize;
    let is_alive = twin.samples[sample].is_alive;
    match verb {
        0 | 1 => {
            journal.insert(ArmId(arm % arms), weight).unwrap();
            twin.insert((arm % arms) as usize, weight);
        }
        2 if is_alive => {
            journal.remove(SampleId(sample as u64)).unwrap();
            twin.remove(sample);
        }
        3 if is_alive => {
            journal.retag(SampleId(sample as u64), ArmId(arm % arms)).unwrap();
            twin.samples[sample].arm = (arm % arms) as usize;
        }
        4 | 5 if is_alive => {
            journal.set_weight(SampleId(sample as u64), weight).unwrap();
            twin.set_weight(sample, weight, round);
        }
        6 if is_alive => {
            // Twice the same sample: the last counts.
            let all = [(SampleId(sample as u64), 0.0), (SampleId(sample as u64), weight)];
            journal.set_weights(&all).unwrap();
            twin.set_weight(sample, weight, round);
        }
        7 if arms < 5 => {
            journal.add_arm().unwrap();
            twin.arms.push(Vec::new());
        }
        _ => {}
    }
    let Ok(batch) = drawn else { return };
    let (mut feedback, mut lost, mut tickets) = (Vec::new(), Vec::new(), Vec::new());
    for draw in &batch.draws {
        let place = (draw.sample.index(), draw.arm.index());
        if rng.below(6) == 0 {
            lost.push(draw.ticket);
            tickets.push((place.0, place.1, None));
            continue;
        }
        let rollouts = [1, 4, 4, 8][rng.below(4) as usize];
        let p = rate(draw.sample.0, round);
        let won = (0..rollouts).filter(|_| rng.unit() < p).count();
        let success = won as f32 / rollouts as f32;
        let outcome = Outcome::default().success(success).rollouts(rollouts as u32);
        feedback.push(Feedback::new(draw.ticket, outcome));
        tickets.push((place.0, place.1, Some((success, rollouts as u32))));
    }
    rng.shuffle(&mut feedback);
    journal.observe(&feedback).unwrap();
    journal.lose(&lost).unwrap();
    assert_eq!(journal.fold(), Ok(1));
    twin.fold(round, &tickets);
}

/// Every weight, and what is said of each sample.
fn agree(curriculum: &Any3, twin: &Twin) -> Result<(), TestCaseError> {
    let round = curriculum.round().0;
    for (number, sample) in twin.samples.iter().enumerate() {
        let id = SampleId(number as u64);
        let explanation = curriculum.explain(id).unwrap();
        prop_assert_eq!(explanation.belief.is_some(), sample.is_alive);
        let Some(known) = explanation.belief else { continue };
        let weight = curriculum.population().weight(id).unwrap();
        let is_close = (weight - sample.weight).abs() <= 1e-5 * sample.weight + 1e-9;
        prop_assert!(is_close, "sample {}: {} not {}", number, weight, sample.weight);
        prop_assert_eq!(known.given, sample.given);
        let (a, b, unseen, _) = twin.prior(sample.arm);
        let off = (known.prior.0 - a).abs() + (known.prior.1 - b).abs();
        prop_assert!(off < 1e-6 * (a + b), "arm {}: {:?} not {:?}", sample.arm, known.prior, (a, b));
        prop_assert!((known.useful_unseen - unseen).abs() < 1e-6);
        if !known.is_stuck && known.reports > 0 {
            let factor = (known.useful / known.useful_unseen).clamp(0.3, 32.0);
            let own = twin.factor(number, round);
            prop_assert!((factor - own).abs() < 1e-5 * own, "{} {}", factor, own);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Over any events, kills, replays and snapshots in the middle.
    #[test]
    fn weights_are_those_of_the_twin(
        deeds in prop::collection::vec(deed(), 1..70),
        sampler in prop::sample::select(vec![Any::Distinct, Any::Replace, Any::Systematic, Any::Passes, Any::Top]),
        excludes in any::<bool>(),
        kill in 0..70usize,
        compacts in any::<bool>(),
    ) {
        let build = || build(sampler, excludes);
        let folder = common::folder();
        let path = folder.path().join("run");
        let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
        let mut twin = twin();
        twin.keeps_passes = sampler == Any::Passes;
        for (step, deed) in deeds.into_iter().enumerate() {
            happen(&mut journal, &mut twin, deed);
            agree(journal.curriculum(), &twin)?;
            if step == kill {
                journal = common::reopened(journal, &path, build, compacts);
                agree(journal.curriculum(), &twin)?;
            }
        }
    }
}

/// The test above would not notice if nothing happened.
#[test]
fn the_twin_has_met_every_case() {
    let mut twin = twin();
    let folder = common::folder();
    let path = folder.path().join("run");
    let mut journal = Journal::open(&path, build(Any::Replace, false)).unwrap();
    journal = journal.durability(Durability::OnDemand);
    let mut rng = Rng::at(1, Round(0), Purpose::User);
    let (mut stuck, mut low, mut high) = (0, 0, 0);
    for seed in 0..150 {
        let deed = Deed { n: 8, seed, verb: 13, which: rng.bits(), arm: 0, weight: 1.0 };
        happen(&mut journal, &mut twin, deed);
        agree(journal.curriculum(), &twin).unwrap();
        for sample in (0..SAMPLES as u64).map(SampleId) {
            let known = journal.curriculum().explain(sample).unwrap().belief.unwrap();
            let factor = known.useful / known.useful_unseen;
            stuck += u32::from(known.is_stuck && factor > 1.0);
            low += u32::from(factor < 0.3);
            high += u32::from(factor > 1.1 && !known.is_stuck);
        }
    }
    assert!(stuck > 20 && low > 20 && high > 20, "{stuck} {low} {high}");
}

/// What is said of a sample: before its first report, after it, and of a coin.
#[test]
fn beliefs_are_explained() {
    let weighting = Weighting::Belief(Belief::new().patience(8));
    let mut curriculum = Curriculum::builder(3).weighting(weighting).build().unwrap();
    let said =
        |curriculum: &Curriculum, sample| curriculum.explain(SampleId(sample)).unwrap().to_string();
    let unseen =
        "The chance that its next group is useful is 0.7778, that of an unseen sample of its arm.";
    assert!(said(&curriculum, 0).contains(unseen), "{}", said(&curriculum, 0));
    for round in 0..8 {
        let batch = curriculum.draw(3).unwrap();
        let success = |sample: SampleId| match sample.0 {
            0 => 1.0,
            1 => [0.375, 0.625][round % 2],
            _ => round as f32 / 7.0,
        };
        let seen = |sample| Outcome::default().success(success(sample)).rollouts(8);
        let all = batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen(draw.sample)));
        curriculum.observe(&all.collect::<Vec<_>>()).unwrap();
        curriculum.fold().unwrap();
    }
    let solved = said(&curriculum, 0);
    assert!(
        solved.contains("success 1 over 15.9375 rollouts, 8 reports, the last in round 8"),
        "{solved}"
    );
    let coin = "It counts as a coin toss";
    let is_coin = |sample| said(&curriculum, sample).contains(coin);
    assert_eq!([0, 1, 2].map(is_coin), [false, true, false]);
    let known = |sample| curriculum.explain(SampleId(sample)).unwrap().belief.unwrap();
    assert!(known(0).useful < known(0).useful_unseen && known(1).useful > known(1).useful_unseen);
}

/// A budget is spent to the last rollout, most of it where success is least certain.
#[test]
fn rollouts_go_where_success_is_uncertain() {
    let mut curriculum =
        Curriculum::builder(30).weighting(Weighting::Belief(Belief::new())).build().unwrap();
    let success = |sample: SampleId| [0.0, 0.5, 1.0][sample.index() % 3];
    for _ in 0..6 {
        let batch = curriculum.draw(30).unwrap();
        let seen = |sample| Outcome::default().success(success(sample)).rollouts(8);
        let all = batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen(draw.sample)));
        curriculum.observe(&all.collect::<Vec<_>>()).unwrap();
        curriculum.fold().unwrap();
    }
    let state = curriculum.to_bytes().unwrap();
    let batch = curriculum.draw(30).unwrap();
    for budget in [60, 61, 75, 97, 240, 1001, 100_000] {
        let shared = curriculum.rollouts(&batch, budget, Allocation::Neyman).unwrap();
        assert_eq!(shared.iter().map(|&it| u64::from(it)).sum::<u64>(), budget);
        // By the formula, within one: in proportion to the deviation, and two at least.
        let deviation = |sample: SampleId| {
            let known = curriculum.explain(sample).unwrap().belief.unwrap();
            let (a, b) = (known.prior.0 + known.rollouts * known.success, known.prior.1);
            let b = b + known.rollouts * (1.0 - known.success);
            (a * b / ((a + b) * (a + b + 1.0))).sqrt()
        };
        let deviations: Vec<f64> = batch.samples().map(deviation).collect();
        let at = |c: f64| deviations.iter().map(move |deviation| (c * deviation).max(2.0));
        let (mut low, mut high) = (0.0, 1e9);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if at(middle).sum::<f64>() > budget as f64 { high = middle } else { low = middle }
        }
        for ((sample, &rollouts), quota) in batch.samples().zip(&shared).zip(at(low)) {
            assert!(
                (f64::from(rollouts) - quota).abs() < 1.0 + 1e-6,
                "{sample}: {rollouts}, not {quota}"
            );
            let is_more =
                budget < 240 || (u64::from(rollouts) > budget / 30) == (success(sample) == 0.5);
            assert!(is_more, "{sample} of {budget}: {rollouts}");
        }
    }
    for (bad, aim) in
        [(0, Allocation::Neyman), (59, Allocation::UsefulGroups), (16_777_217, Allocation::Neyman)]
    {
        let what = "budget of rollouts";
        assert!(
            matches!(curriculum.rollouts(&batch, bad, aim), Err(Error::OutOfRange { what: found, .. }) if found == what)
        );
    }
    // No rollout is worth more elsewhere.
    let shared = curriculum.rollouts(&batch, 240, Allocation::UsefulGroups).unwrap();
    assert_eq!(shared.iter().sum::<u32>(), 240);
    let chance = |sample: SampleId, rollouts: u32| {
        let known = curriculum.explain(sample).unwrap().belief.unwrap();
        let a = known.prior.0 + known.rollouts * known.success;
        let b = known.prior.1 + known.rollouts * (1.0 - known.success);
        let sum = a + b;
        // By the chances of all to succeed, and of all to fail, one rollout after the other.
        let all =
            |a: f64| (0..rollouts).map(|n| (a + f64::from(n)) / (sum + f64::from(n))).product::<f64>();
        1.0 - all(a) - all(b)
    };
    let gains = |more: u32| {
        let pairs = batch.samples().zip(&shared);
        let gain =
            |(sample, &n): (SampleId, &u32)| chance(sample, n + more) - chance(sample, n + more - 1);
        pairs.map(gain).collect::<Vec<f64>>()
    };
    let least_of_given = gains(0).into_iter().fold(f64::INFINITY, f64::min);
    let most_of_not_given = gains(1).into_iter().fold(0.0, f64::max);
    assert!(most_of_not_given < least_of_given + 1e-9, "{most_of_not_given} after {least_of_given}");
    let mut small = Curriculum::builder(5).weighting(Weighting::Belief(Belief::new())).build().unwrap();
    assert!(matches!(small.rollouts(&batch, 240, Allocation::Neyman), Err(Error::UnknownSample(_))));
    let own = small.draw(3).unwrap();
    assert_eq!(small.rollouts(&own, 10, Allocation::Neyman), Ok(vec![4, 3, 3]));
    assert_eq!(small.rollouts(&own, 10, Allocation::UsefulGroups), Ok(vec![4, 3, 3]));
    for aim in [Allocation::Neyman, Allocation::UsefulGroups] {
        assert_eq!(small.rollouts(&Default::default(), 0, aim), Ok(vec![]));
        assert_eq!(small.rollouts(&Default::default(), 7, aim), Ok(vec![]));
    }
    let plain = Curriculum::builder(30).build().unwrap();
    assert!(matches!(plain.rollouts(&batch, 240, Allocation::Neyman), Err(Error::Unsupported { .. })));
    let mut again =
        Curriculum::builder(30).weighting(Weighting::Belief(Belief::new())).build().unwrap();
    again.restore_bytes(&state).unwrap();
    assert_eq!(again.draw(30).unwrap(), batch);
    for aim in [Allocation::Neyman, Allocation::UsefulGroups] {
        assert_eq!(again.rollouts(&batch, 97, aim), curriculum.rollouts(&batch, 97, aim));
    }
}

/// Where outcomes teach as they arrive, and where steps are refilled: what is believed survives kills to the last bit.
#[test]
fn other_paces_are_resumed_exactly() {
    let build = |refills: bool| {
        let builder = Curriculum::builder(60)
            .arms(2, |sample| (sample.0 % 2) as u32)
            .policy(Uniform)
            .sampler(Any::Systematic)
            .weighting(Weighting::Belief(belief()))
            .pace(Arrival::new().in_flight(32))
            .exclude_in_flight(true)
            .seed(3);
        let builder = if refills { builder.refill(Refill::new()) } else { builder };
        builder.gate(Gate::zero_signal_by(Measure::Success)).build().unwrap()
    };
    for refills in [false, true] {
        let folder = common::folder();
        let path = folder.path().join("run");
        let mut journal = Journal::open(&path, build(refills)).unwrap();
        journal = journal.durability(Durability::OnDemand);
        let (mut rng, mut open) = (Rng::at(1, Round(0), Purpose::User), Vec::new());
        for step in 0..120 {
            let drawn = match refills {
                true => match journal.step(6) {
                    Ok(Step::Draw(batch)) => batch.draws,
                    _ => Vec::new(),
                },
                false => journal.draw(4).map_or(Vec::new(), |batch| batch.draws),
            };
            open.extend(drawn);
            rng.shuffle(&mut open);
            for draw in open.split_off(open.len() / 2) {
                if rng.below(8) == 0 {
                    journal.lose(&[draw.ticket]).unwrap();
                    continue;
                }
                let success = [1.0, 0.0, 0.5][draw.sample.index() % 3];
                let seen = Outcome::default().success(success).rollouts(4);
                journal.observe(&[Feedback::new(draw.ticket, seen)]).unwrap();
            }
            if step % 20 == 10 {
                journal = common::reopened(journal, &path, || build(refills), step % 40 == 10);
            }
        }
        let known =
            (0..60).map(|it| journal.curriculum().explain(SampleId(it)).unwrap().belief.unwrap());
        let reports: Vec<u32> = known.map(|known| known.reports).collect();
        assert!(reports.iter().sum::<u32>() > 150, "{reports:?}");
    }
}

/// A run goes on with other data: who is kept has its belief, under its new number; who is new is unseen.
#[test]
fn beliefs_go_along_with_keys() {
    let build = |keys: &[u128]| {
        Curriculum::builder(keys.len())
            .keys(keys.to_vec())
            .weighting(Weighting::Belief(Belief::new().retest(50)))
            .sampler(Any::Distinct)
            .seed(2)
            .build()
            .unwrap()
    };
    let keys: Vec<u128> = (0..40).collect();
    let mut before = build(&keys);
    for _ in 0..30 {
        let batch = before.draw(8).unwrap();
        let seen =
            |sample: SampleId| Outcome::default().success((sample.0 % 3) as f32 / 2.0).rollouts(8);
        let all = batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen(draw.sample)));
        before.observe(&all.collect::<Vec<_>>()).unwrap();
        before.fold().unwrap();
    }
    before.set_weight(SampleId(4), 3.0).unwrap();
    before.set_weight(SampleId(5), 0.0).unwrap();
    let folder = common::folder();
    let path = folder.path().join("run");
    before.save(&path).unwrap();
    let others: Vec<u128> = (0..50).rev().filter(|key| key % 7 != 0).collect();
    let mut after = build(&others);
    let report = after.reconcile(&path).unwrap();
    assert_eq!((report.kept, report.removed.len(), report.added.len()), (34, 6, 8));
    for (number, &key) in others.iter().enumerate() {
        let now = after.explain(SampleId(number as u64)).unwrap();
        if key >= 40 {
            let known = now.belief.unwrap();
            assert_eq!((known.reports, known.given, now.weight), (0, 1.0, 1.0));
            continue;
        }
        let then = before.explain(SampleId(key as u64)).unwrap();
        assert_eq!((now.belief, now.weight), (then.belief, then.weight), "key {key}");
    }
    let new = after.insert_key(99u128, ArmId(0), Weight::Greatest).unwrap();
    assert_eq!(after.population().weight(new), Ok(3.0), "the greatest that was given");
    // What has come back goes on.
    let batch = after.draw(20).unwrap();
    let lost: Vec<Ticket> = batch.draws.iter().map(|draw| draw.ticket).collect();
    after.lose(&lost).unwrap();
    after.fold().unwrap();
}
