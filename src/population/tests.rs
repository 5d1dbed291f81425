//! What holds of a population through any sequence of changes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

proptest! {
    /// Weights stay with their samples through any sequence of changes, also where samples rest; who rests, and how far
    /// the passes are, agrees with plain lists.
    #[test]
    fn weights_follow_their_samples(
        labels in prop::collection::vec(0..4u32, 1..50),
        changes in prop::collection::vec(
            (0..6u8, any::<prop::sample::Index>(), 0..4u32, 0..9u32), 0..600),
        passes in any::<bool>(),
        holds in any::<bool>(),
    ) {
        let arms = Arms::from_labels(4, &labels).unwrap();
        let mut population = Population::new(arms, None).unwrap();
        if passes {
            population.keep_passes(None).unwrap();
        }
        let mut twin: Vec<Option<(ArmId, f64)>> =
            labels.iter().map(|&arm| Some((ArmId(arm), 1.0))).collect();
        let (mut drawn, mut held, mut done) = (BTreeSet::new(), BTreeSet::new(), [0; 4]);
        for (verb, which, arm, weight) in changes {
            let sample = SampleId(which.index(twin.len()) as u64);
            let (arm, weight) = (ArmId(arm), f64::from(weight));
            let entry = twin[sample.index()];
            match verb {
                0 => {
                    population.insert(arm, weight, None).unwrap();
                    twin.push(Some((arm, weight)));
                }
                1 => {
                    prop_assert_eq!(population.remove(sample).is_ok(), entry.is_some());
                    twin[sample.index()] = None;
                    drawn.remove(&sample);
                    held.remove(&sample);
                }
                2 => {
                    let is_free = |it: usize| {
                        let it = SampleId(it as u64);
                        let is_in = twin[it.index()].is_some_and(|(of, w)| of == arm && w > 0.0);
                        it != sample && is_in && !held.contains(&it)
                    };
                    if entry.is_some() && !(0..twin.len()).any(is_free) {
                        // In an arm where nothing was drawn it begins the pass.
                        drawn.remove(&sample);
                    }
                    prop_assert_eq!(population.retag(sample, arm).is_ok(), entry.is_some());
                    twin[sample.index()] = entry.map(|(_, weight)| (arm, weight));
                }
                3 => {
                    prop_assert_eq!(population.set_weight(sample, weight).is_ok(), entry.is_some());
                    twin[sample.index()] = entry.map(|(arm, _)| (arm, weight));
                }
                4 => {
                    let rests = drawn.contains(&sample) || held.contains(&sample);
                    if rests || entry.is_none_or(|(_, weight)| weight == 0.0) {
                        continue;
                    }
                    population.draw(std::iter::once(sample), holds).unwrap();
                    if passes {
                        drawn.insert(sample);
                    }
                    if holds {
                        held.insert(sample);
                    }
                }
                _ => {
                    population.release(sample).unwrap();
                    held.remove(&sample);
                }
            }
            for arm in 0..4u32 {
                let arm = ArmId(arm);
                let members: Vec<SampleId> = (0..twin.len() as u64)
                    .map(SampleId)
                    .filter(|it| twin[it.index()].is_some_and(|(of, w)| of == arm && w > 0.0))
                    .collect();
                let is_free = |it: &&SampleId| !held.contains(*it);
                let is_over = members.iter().all(|it| drawn.contains(it));
                if passes && is_over && members.iter().filter(is_free).count() > 0 {
                    done[arm.index()] += 1;
                    let whole = population.arms().members(arm).collect::<Vec<_>>();
                    whole.iter().for_each(|it| _ = drawn.remove(it));
                }
                let is_left = |it: &&SampleId| !drawn.contains(*it);
                let left = members.iter().filter(is_left);
                let now = left.clone().filter(is_free).count();
                let next = members.iter().filter(|it| !is_left(it)).filter(is_free).count();
                let is_owed = left.clone().count() > now;
                let drawable = now + if is_owed { 0 } else { next };
                prop_assert_eq!(population.drawable(arm), drawable);
                prop_assert_eq!(population.passes(arm), done[arm.index()]);
                if passes {
                    prop_assert_eq!(population.left_in_pass(arm), left.count());
                }
            }
            let total: usize = (0..4).map(|arm| population.drawable(ArmId(arm))).sum();
            prop_assert_eq!(population.drawable_total(), total);
            prop_assert_eq!(population.held().collect::<BTreeSet<_>>(), held.clone());
        }
        prop_assert!(population.is_consistent());
        for (sample, entry) in twin.iter().enumerate() {
            let sample = SampleId(sample as u64);
            let weight = population.weight(sample).ok();
            prop_assert_eq!(population.arms().arm_of(sample).ok().zip(weight), *entry);
        }
    }
}

/// Which sample is changed, and how, in the n-th change.
type Pattern = fn(&mut crate::Rng, usize, u32) -> (Change, u32);

#[derive(Clone, Copy, PartialEq)]
enum Change {
    Insert,
    /// Of the oldest sample.
    Remove,
    /// Of any sample.
    Retag,
}

/// The number of slots and arms that are touched, a slot once for each of its lists, is in
/// proportion to the changes, that of slots to the members, whatever comes, goes or changes its
/// arm, in any order.
#[test]
fn changes_touch_no_more_slots_than_they_pay_for() {
    let patterns: [(&str, Pattern); 8] = [
        ("retags to any arm", |rng, _, arms| (Change::Retag, rng.below(arms.into()) as u32)),
        ("retags to and fro", |_, n, arms| (Change::Retag, n as u32 % arms.min(2))),
        ("retags to one arm after the other", |_, n, arms| (Change::Retag, (n / 5000) as u32 % arms)),
        ("insertions into the first arms", |_, n, arms| (Change::Insert, n as u32 % arms.min(3))),
        ("insertions into any arm", |rng, _, arms| (Change::Insert, rng.below(arms.into()) as u32)),
        ("coming and going", |rng, n, arms| {
            let change = if n % 2 == 0 { Change::Insert } else { Change::Remove };
            (change, rng.below(arms.into()) as u32)
        }),
        ("waves", |rng, n, arms| {
            let change = if n / 3000 % 2 == 0 { Change::Insert } else { Change::Remove };
            (change, rng.below(arms.into()) as u32)
        }),
        ("anything", |rng, _, arms| {
            let change = [Change::Insert, Change::Remove, Change::Retag][rng.below(3) as usize];
            (change, rng.below(arms.into()) as u32)
        }),
    ];
    for (name, pattern) in patterns {
        for (samples, arms) in [(4000, 1), (4000, 2), (4000, 10), (4000, 4000), (100, 8000)] {
            let mut population = Population::new(Arms::even(arms, samples).unwrap(), None).unwrap();
            let mut alive: std::collections::VecDeque<SampleId> =
                (0..samples as u64).map(SampleId).collect();
            let mut rng = crate::Rng::at(1, crate::Round(0), crate::Purpose::User);
            let changes = 40_000;
            work::taken();
            for change in 0..changes {
                let (verb, arm) = pattern(&mut rng, change, arms);
                let arm = ArmId(arm);
                match verb {
                    Change::Insert => alive.push_back(population.insert(arm, 1.0, None).unwrap()),
                    Change::Retag if !alive.is_empty() => {
                        let sample = alive[rng.below(alive.len() as u64) as usize];
                        population.retag(sample, arm).unwrap();
                    }
                    Change::Remove | Change::Retag => {
                        alive.pop_front().into_iter().for_each(|old| population.remove(old).unwrap());
                    }
                }
                let most = 2 * alive.len() + arms as usize + 1024;
                let slots = population.arms().slot_count();
                assert!(slots <= most, "{name}, {samples} in {arms}: {slots} slots");
            }
            let work = work::taken();
            let most = 40 * changes + 8 * (samples + arms as usize);
            assert!(work <= most, "{name}, {samples} in {arms}: {work} slots for {changes} changes");
            assert!(work >= changes / 2, "{name}: nothing was counted");
            assert!(population.is_consistent());
        }
    }
}

#[test]
fn a_tiny_weight_stays_positive_and_a_huge_one_is_refused() {
    assert_eq!(units(0, f64::MIN_POSITIVE), Ok(1));
    assert_eq!(units(0, 0.0), Ok(0));
    assert!(units(0, 1e300).is_err() && units(0, -1.0).is_err() && units(0, f64::NAN).is_err());
}
