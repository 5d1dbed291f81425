//! What a sampler gives to picks that another made: their probability, slot after slot, and what was to be expected.

use std::collections::BTreeMap;

use super::ranks::Ranks;
use super::systematic::Shares;
use super::{Kind, Pick, Scratch, available, enough};
use crate::base::error::{Error, Result};
use crate::base::id::{ArmId, SampleId};
use crate::base::seen::Seen;
use crate::policy::Allotment;
use crate::population::Population;

/// What is left is summed up anew once so little is left of the last sum: subtractions have taken ten bits then.
pub(super) const LEFT: f64 = 1.0 / 1024.0;

/// A pick that another made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Picked {
    pub sample: SampleId,
    /// The probability with which it was made.
    pub propensity: f64,
}

/// Values of arms, such as predicted rewards.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Values<'a> {
    /// By arm; 0 where there is none.
    pub by_arm: &'a [f64],
    /// What stands for all arms over ranks.
    pub overall: f64,
}

impl Values<'_> {
    fn of(&self, arm: ArmId) -> f64 {
        self.by_arm.get(arm.index()).copied().unwrap_or(0.0)
    }
}

/// What a sampler gives to a pick.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Odds {
    /// The pick as it would have been made: its propensity is 0 if it could not.
    pub pick: Pick,
    /// The value of its arm.
    pub value: f64,
    /// The mean value over all that could have been picked in its slot.
    pub expected: f64,
}

/// Works out what a sampler gives to the picks of a batch of `n`, each given those before it, as it stands in the
/// [table](super). The numbers are those that the sampler reports with its own picks: to the last bit, until it draws
/// from the rest itself.
///
/// [`Systematic`](super::Systematic) shuffles its batches: the order within each arm is that of rising propensity for
/// the weight, which restores the order of the draws in batches of all samplers.
///
/// Cost: O(K + n log n); over ranks as a draw, and that of finding the rank of a sample n times.
pub(crate) fn odds(
    kind: Option<Kind>,
    population: &Population,
    allotment: &Allotment,
    picked: &[Picked],
    n: usize,
    values: Values<'_>,
    found: &mut Vec<Odds>,
) -> Result<()> {
    found.clear();
    let request = "the probability of a given pick";
    match (kind, allotment) {
        (None, _) => Err(Error::Unsupported { part: "sampler of one's own", request }),
        (Some(Kind::Top), _) => Err(Error::Unsupported { part: "Top", request }),
        (Some(Kind::Sequential), _) => Err(Error::Unsupported { part: "Sequential", request }),
        (Some(Kind::Systematic | Kind::Passes), Allotment::Ranks { .. }) => {
            let part = "a sampler that spreads slots over arms";
            Err(Error::Unsupported { part, request: "a Gaussian over ranks" })
        }
        (Some(Kind::Systematic | Kind::Passes), _) => {
            within_arms(population, allotment, picked, n, values, found)
        }
        (Some(kind), Allotment::Ranks { mean, sd }) => {
            let is_distinct = kind == Kind::Distinct;
            enough(if is_distinct { n } else { 1 }, population.drawable_total())?;
            let ranks = Ranks::new(population, *mean, *sd);
            over_ranks(&ranks, population, is_distinct, picked, values, found)
        }
        (Some(Kind::Distinct), _) => {
            enough(n, available(population, allotment))?;
            successive(population, allotment, picked, values, found)
        }
        (Some(Kind::Replace), _) => {
            let expected = mean_value(allotment, values);
            for picked in picked {
                let pick = first(population, allotment, picked.sample)?;
                found.push(Odds { pick, value: values.of(pick.arm), expected });
            }
            Ok(())
        }
    }
}

/// `sum p_a v_a`.
fn mean_value(allotment: &Allotment, values: Values<'_>) -> f64 {
    let arms = (0u32..).map(ArmId).zip(values.by_arm);
    arms.map(|(arm, value)| allotment.share(arm) * value).sum()
}

/// The pick of a first slot.
fn first(population: &Population, allotment: &Allotment, sample: SampleId) -> Result<Pick> {
    let arm = population.arms().arm_of(sample)?;
    let weight = population.tree().get(population.arms().slot_of(sample)?);
    let share = allotment.share(arm);
    let propensity = match weight {
        0 => 0.0,
        weight => share * weight as f64 / population.arm_weight(arm) as f64,
    };
    Ok(Pick { sample, arm, share, propensity })
}

fn successive(
    population: &Population,
    allotment: &Allotment,
    picked: &[Picked],
    values: Values<'_>,
    found: &mut Vec<Odds>,
) -> Result<()> {
    let mut left = Left { mass: 1.0, value: mean_value(allotment, values), summed: 1.0 };
    // By arm: the weight that has been picked.
    let mut gone: BTreeMap<ArmId, u64> = BTreeMap::new();
    let mut taken = Seen::default();
    taken.clear(picked.len());
    for picked in picked {
        let pick = first(population, allotment, picked.sample)?;
        let value = values.of(pick.arm);
        let is_left = taken.insert(picked.sample.0) && pick.propensity > 0.0;
        let propensity = if is_left { (pick.propensity / left.mass).min(1.0) } else { 0.0 };
        let expected = if left.mass > 0.0 { left.value / left.mass } else { 0.0 };
        found.push(Odds { pick: Pick { propensity, ..pick }, value, expected });
        if is_left {
            left.mass = (left.mass - pick.propensity).max(f64::MIN_POSITIVE);
            left.value -= pick.propensity * value;
            let slot = population.arms().slot_of(picked.sample)?;
            *gone.entry(pick.arm).or_default() += population.tree().get(slot);
            if left.mass < LEFT * left.summed {
                left = Left::of(population, allotment, &gone, values);
            }
        }
    }
    Ok(())
}

/// What the picks so far have left over.
struct Left {
    /// Its probability, and that times the values.
    mass: f64,
    value: f64,
    /// What the probability was when it was last summed up.
    summed: f64,
}

impl Left {
    fn of(
        population: &Population,
        allotment: &Allotment,
        gone: &BTreeMap<ArmId, u64>,
        values: Values<'_>,
    ) -> Self {
        let (mut mass, mut value) = (0.0, 0.0);
        for arm in (0..population.arms().count() as u32).map(ArmId) {
            let (whole, gone) = (population.arm_weight(arm), gone.get(&arm).copied().unwrap_or(0));
            if whole > gone {
                let part = allotment.share(arm) * ((whole - gone) as f64 / whole as f64);
                mass += part;
                value += part * values.of(arm);
            }
        }
        Self { mass, value, summed: mass }
    }
}

fn within_arms(
    population: &Population,
    allotment: &Allotment,
    picked: &[Picked],
    n: usize,
    values: Values<'_>,
    found: &mut Vec<Odds>,
) -> Result<()> {
    enough(n, available(population, allotment))?;
    let mut scratch = Scratch::default();
    let (shares, ..) = Shares::work_out(population, &allotment.shares(), n, &mut scratch)?;
    let share = |arm: ArmId| {
        let whole = scratch.whole.get(arm.index()).copied().unwrap_or(false);
        shares.of(population, allotment, arm, whole)
    };
    let arms = (0u32..).map(ArmId).zip(values.by_arm);
    let expected = arms.map(|(arm, value)| share(arm) * value).sum();
    // What stands before it in the draws of its arm has a lower propensity for its weight.
    let mut order = Vec::with_capacity(picked.len());
    for (place, picked) in picked.iter().enumerate() {
        let pick = first(population, allotment, picked.sample)?;
        let slot = population.arms().slot_of(picked.sample)?;
        let pick = Pick { share: share(pick.arm), propensity: 0.0, ..pick };
        found.push(Odds { pick, value: values.of(pick.arm), expected });
        // A batch that ends the pass of an arm goes on with the next.
        let now = population.now().tree().get(slot);
        let next = population.next_pass().tree().get(slot);
        let (is_next, weight) = if now > 0 { (false, now) } else { (true, next) };
        if weight > 0 {
            order.push(((pick.arm, is_next), picked.propensity / weight as f64, place, weight));
        }
    }
    order.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut taken = Seen::default();
    taken.clear(picked.len());
    let (mut present, mut left) = (None, 0);
    for ((arm, is_next), _, place, weight) in order {
        if present != Some((arm, is_next)) {
            let weights = if is_next { population.next_pass() } else { population.now() };
            (present, left) = (Some((arm, is_next)), weights.of_arm(arm));
        }
        let Some(Odds { pick, .. }) = found.get_mut(place) else { continue };
        if taken.insert(pick.sample.0) {
            pick.propensity = pick.share * (weight as f64 / left as f64);
            left -= weight;
        }
    }
    Ok(())
}

fn over_ranks(
    ranks: &Ranks<'_>,
    population: &Population,
    is_distinct: bool,
    picked: &[Picked],
    values: Values<'_>,
    found: &mut Vec<Odds>,
) -> Result<()> {
    let arms = population.arms();
    let mut places = Vec::with_capacity(picked.len());
    for picked in picked {
        places.push(arms.rank_of(picked.sample)?);
    }
    let propensities = ranks.propensities(&places, is_distinct);
    for (picked, propensity) in picked.iter().zip(propensities) {
        let pick =
            Pick { sample: picked.sample, arm: arms.arm_of(picked.sample)?, share: 1.0, propensity };
        found.push(Odds { pick, value: values.overall, expected: values.overall });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::id::Round;
    use crate::base::rng::{Purpose, Rng};
    use crate::policy::{ArmTree, Logits};
    use crate::population::Arms;
    use crate::sampler::{Any, Sampler};

    fn population(labels: &[u32], weights: &[f64]) -> Population {
        let arms = labels.iter().max().map_or(1, |last| last + 1);
        Population::new(Arms::from_labels(arms, labels).unwrap(), Some(weights)).unwrap()
    }

    fn draw(
        sampler: Any,
        population: &Population,
        allotment: &Allotment,
        n: usize,
        t: u64,
    ) -> Vec<Pick> {
        let mut rng = Rng::at(5, Round(t), Purpose::Sampler);
        let mut picks = Vec::new();
        sampler.draw(population, allotment, n, &mut rng, &mut Scratch::default(), &mut picks).unwrap();
        picks
    }

    fn as_picked(picks: &[Pick]) -> Vec<Picked> {
        picks.iter().map(|pick| Picked { sample: pick.sample, propensity: pick.propensity }).collect()
    }

    fn odds_of(
        sampler: Any,
        population: &Population,
        allotment: &Allotment,
        picked: &[Picked],
        n: usize,
        values: Values<'_>,
    ) -> Vec<Odds> {
        let mut found = Vec::new();
        odds(sampler.kind(), population, allotment, picked, n, values, &mut found).unwrap();
        found
    }

    /// Its own picks have the propensities that the sampler reports, to the last bit.
    #[test]
    fn own_picks_have_their_own_propensities() {
        let labels: Vec<u32> = (0..600).map(|sample| [0, 0, 0, 1, 1, 2][sample % 6]).collect();
        let weights: Vec<f64> = (0..600).map(|sample| f64::from(1 + sample % 7)).collect();
        let population = population(&labels, &weights);
        let values = [0.3, 0.1, 0.2];
        let logits = Logits { values: &values, temperature: 0.1, floor: 0.1 };
        let tree = ArmTree::new(&logits, &population).unwrap();
        let arms = Allotment::Arms(vec![0.2, 0.7, 0.1]);
        // Arm 2 is asked for more than it has.
        let full = Allotment::Arms(vec![0.0, 0.01, 0.99]);
        let mut checked = 0;
        for sampler in [Any::Replace, Any::Distinct, Any::Systematic] {
            for (allotment, n) in [
                (&arms, 1),
                (&arms, 64),
                (&Allotment::Tree(tree.clone()), 64),
                (&Allotment::Ranks { mean: 70.0, sd: 40.0 }, 32),
                (&full, 120),
            ] {
                let is_over_ranks = matches!(allotment, Allotment::Ranks { .. });
                let draws_from_the_rest = n == 120 && sampler == Any::Distinct;
                if is_over_ranks && sampler == Any::Systematic || draws_from_the_rest {
                    continue;
                }
                for t in 0..50 {
                    let picks = draw(sampler, &population, allotment, n, t);
                    let found = odds_of(
                        sampler,
                        &population,
                        allotment,
                        &as_picked(&picks),
                        n,
                        Values::default(),
                    );
                    let again: Vec<Pick> = found.iter().map(|odds| odds.pick).collect();
                    assert_eq!(again, picks, "{sampler:?}, batch of {n}");
                    checked += 1;
                }
            }
        }
        assert_eq!(checked, 650);
    }

    /// Where the sampler draws from the rest itself they are the same numbers up to rounding, down to the last sample.
    #[test]
    fn the_rest_is_exact_down_to_the_last_sample() {
        let steep = population(&[0, 0, 0, 1, 1, 1], &[1e6, 2.0, 1.0, 1e-3, 3e-3, 1e-6]);
        let allotments =
            [Allotment::Arms(vec![0.999_999, 1e-6]), Allotment::Ranks { mean: 0.0, sd: 0.2 }];
        for allotment in allotments {
            for t in 0..200 {
                let picks = draw(Any::Distinct, &steep, &allotment, 6, t);
                let found = odds_of(
                    Any::Distinct,
                    &steep,
                    &allotment,
                    &as_picked(&picks),
                    6,
                    Values::default(),
                );
                for (pick, odds) in picks.iter().zip(found) {
                    let error = odds.pick.propensity / pick.propensity - 1.0;
                    assert!(error.abs() < 1e-6, "{pick:?} {odds:?}");
                }
            }
        }
    }

    /// Of all that could be in a slot the probabilities sum to 1, and the mean value is what is expected.
    #[test]
    fn a_slot_is_a_distribution() {
        let labels = [0, 0, 0, 1, 1, 1, 2, 2];
        let population = population(&labels, &[1.0, 3.0, 0.5, 0.0, 2.0, 7.0, 1.0, 1.0]);
        let values = [0.3, 0.9, 0.2];
        let allotment = Allotment::Arms(vec![0.2, 0.7, 0.1]);
        let before = [Picked { sample: SampleId(5), propensity: 0.3 }];
        for sampler in [Any::Replace, Any::Distinct] {
            let (mut sum, mut mean, mut expected) = (0.0, 0.0, 0.0);
            for sample in (0..8).map(SampleId) {
                let picked = [before[0], Picked { sample, propensity: 0.4 }];
                let values = Values { by_arm: &values, overall: 0.0 };
                let found = odds_of(sampler, &population, &allotment, &picked, 2, values);
                sum += found[1].pick.propensity;
                mean += found[1].pick.propensity * found[1].value;
                expected = found[1].expected;
            }
            assert!((sum - 1.0).abs() < 1e-12, "{sampler:?}: {sum}");
            assert!((mean - expected).abs() < 1e-12, "{sampler:?}: {mean} {expected}");
        }
    }

    #[test]
    fn what_could_not_be_picked_has_probability_0() {
        let population = population(&[0, 0, 1, 1, 2], &[1.0, 0.0, 1.0, 1.0, 1.0]);
        let allotment = Allotment::Arms(vec![0.5, 0.5, 0.0]);
        let of = |sample| Picked { sample: SampleId(sample), propensity: 0.2 };
        // Of weight 0, of an arm without probability, and picked before.
        let picked = [of(1), of(4), of(2), of(2)];
        // Arm 0 has one member for its slot and a half, so that arm 1 gets two of three.
        for (sampler, other) in [(Any::Distinct, 0.25), (Any::Systematic, 2.0 / 3.0 / 2.0)] {
            let found = odds_of(sampler, &population, &allotment, &picked, 3, Values::default());
            let propensities: Vec<f64> = found.iter().map(|odds| odds.pick.propensity).collect();
            assert_eq!(propensities, [0.0, 0.0, other, 0.0], "{sampler:?}");
        }
        let found = odds_of(Any::Replace, &population, &allotment, &picked, 4, Values::default());
        assert_eq!(found[3].pick.propensity, 0.25);
        let mut none = Vec::new();
        let refused =
            odds(Some(Kind::Top), &population, &allotment, &picked, 4, Values::default(), &mut none);
        assert!(matches!(refused, Err(Error::Unsupported { part: "Top", .. })));
    }

    proptest! {
        /// The naive twin sums up what is left before every pick.
        #[test]
        fn successive_picks_are_those_of_a_naive_twin(
            labels in prop::collection::vec(0..3u32, 6..20),
            weights in prop::collection::vec(prop_oneof![Just(0.0), 1e-6..1e6f64], 20),
            p in prop::collection::vec(1e-9..1.0f64, 3),
            order in any::<u64>(),
        ) {
            let population = population(&labels, &weights[..labels.len()]);
            let arms = population.arms().count();
            let is_open = |arm: usize| population.drawable(ArmId(arm as u32)) > 0;
            let sum: f64 = (0..arms).filter(|&arm| is_open(arm)).map(|arm| p[arm]).sum();
            prop_assume!(sum > 0.0);
            let share = |arm: usize| if is_open(arm) { p[arm] / sum } else { 0.0 };
            let allotment = Allotment::Arms((0..arms).map(share).collect());
            let mut samples: Vec<u64> = (0..labels.len() as u64).collect();
            Rng::at(order, Round(0), Purpose::User).shuffle(&mut samples);
            let n = samples.iter().position(|&sample| weights[sample as usize] > 0.0).unwrap() + 1;
            let n = n.max(population.drawable_total() / 2);
            let picked: Vec<Picked> =
                samples.iter().take(n).map(|&id| Picked { sample: SampleId(id), propensity: 0.1 }).collect();
            prop_assume!(picked.len() <= population.drawable_total());
            let found = odds_of(Any::Distinct, &population, &allotment, &picked, n, Values::default());
            let first: Vec<f64> = (0..labels.len() as u64)
                .map(|id| super::first(&population, &allotment, SampleId(id)).unwrap().propensity)
                .collect();
            let mut gone = vec![false; labels.len()];
            for (picked, odds) in picked.iter().zip(found) {
                let left: f64 =
                    first.iter().zip(&gone).filter(|(_, gone)| !**gone).map(|(q, _)| q).sum();
                let expected = first[picked.sample.index()] / left;
                prop_assert!((odds.pick.propensity - expected).abs() <= 1e-9 * expected);
                gone[picked.sample.index()] = true;
            }
        }
    }
}
