//! What the policies that choose among arms have in common.

use crate::base::error::{Error, Result, length};
use crate::base::id::ArmId;
use crate::base::math;
use crate::base::rng::Rng;
use crate::policy::{Allotment, Turn};
use crate::population::Population;

/// The arms that have something to draw, in order, for a policy that keeps state for `arms` arms.
pub(in crate::policy) fn open(population: &Population, arms: usize) -> Result<Vec<usize>> {
    let count = population.arms().count();
    length("arms of the policy", count, arms)?;
    let open: Vec<usize> =
        (0..count).filter(|&arm| population.drawable(ArmId(arm as u32)) > 0).collect();
    if open.is_empty() { Err(Error::NothingToDraw) } else { Ok(open) }
}

/// One choice for each slot: the probability of an arm is the part of the slots that chose it.
///
/// An arm is chosen at most as often as it has drawable samples, so that a sampler without
/// replacement can follow; when all samples are spoken for, the next round of choices begins.
/// `choose` is given the slot and the arms that still have room, in order, and returns a place in
/// that list.
pub(in crate::policy) fn by_slot(
    turn: &Turn<'_>,
    open: &[usize],
    allotment: &mut Allotment,
    mut choose: impl FnMut(usize, &[usize]) -> usize,
) {
    let slots = turn.n.max(1);
    let p = allotment.arms(turn.population.arms().count());
    let mut room = vec![0; p.len()];
    let mut arms = Vec::new();
    for slot in 0..slots {
        if arms.is_empty() {
            arms.extend_from_slice(open);
            open.iter().for_each(|&arm| room[arm] = turn.population.drawable(ArmId(arm as u32)));
        }
        let place = choose(slot, &arms);
        let arm = arms[place];
        p[arm] += 1.0;
        room[arm] -= 1;
        if room[arm] == 0 {
            arms.remove(place);
        }
    }
    p.iter_mut().for_each(|share| *share /= slots as f64);
}

/// The greatest of the values that were offered so far. Of equal ones chance keeps one, each with the
/// same probability, so that none is better for its number. Without equals no random number is taken.
#[derive(Debug, Default)]
pub(in crate::policy) struct Greatest {
    best: Option<(usize, f64)>,
    /// How many of the offers were as great as the best.
    equals: u64,
}

impl Greatest {
    /// Offers a value; one that is no number counts as the least.
    #[inline]
    pub fn offer(&mut self, key: usize, value: f64, rng: &mut Rng) {
        let value = if value.is_nan() { f64::NEG_INFINITY } else { value };
        match self.best {
            Some((_, best)) if value < best => {}
            Some((_, best)) if value == best => {
                self.equals += 1;
                if rng.below(self.equals) == 0 {
                    self.best = Some((key, value));
                }
            }
            _ => (self.best, self.equals) = (Some((key, value)), 1),
        }
    }

    /// The key of the greatest value.
    pub fn key(&self) -> Option<usize> {
        self.best.map(|(key, _)| key)
    }
}

/// Gives each slot to the arm of greatest value, chance deciding between equals, under the same limit
/// as [`by_slot`]. The value may depend on how many slots the arm has got already. Cost: n K values,
/// and no allocation.
pub(in crate::policy) fn choose(
    turn: &Turn<'_>,
    rng: &mut Rng,
    allotment: &mut Allotment,
    mut value: impl FnMut(&mut Rng, usize, f64) -> f64,
) -> Result<()> {
    let p = allotment.arms(turn.population.arms().count());
    let slots = turn.n.max(1);
    let mut rounds = 1.0;
    for _ in 0..slots {
        let arm = loop {
            let mut greatest = Greatest::default();
            let mut is_open = false;
            for (arm, &taken) in p.iter().enumerate() {
                let drawable = turn.population.drawable(ArmId(arm as u32)) as f64;
                is_open |= drawable > 0.0;
                if taken >= rounds * drawable {
                    continue;
                }
                let value = value(rng, arm, taken);
                greatest.offer(arm, value, rng);
            }
            match greatest.key() {
                Some(arm) => break arm,
                None if is_open => rounds += 1.0,
                None => return Err(Error::NothingToDraw),
            }
        };
        p[arm] += 1.0;
    }
    if slots > 1 {
        p.iter_mut().for_each(|share| *share /= slots as f64);
    }
    Ok(())
}

/// A softmax over the arms that have something to draw; the others get 0. An arm that cannot be
/// drawn must not be the one that makes the rest underflow. No allocation.
pub(in crate::policy) fn softmax_open(
    population: &Population,
    p: &mut [f64],
    temperature: f64,
) -> Result<()> {
    length("arms of the policy", population.arms().count(), p.len())?;
    let mut is_any = false;
    for (arm, value) in (0..).map(ArmId).zip(p.iter_mut()) {
        if population.drawable(arm) > 0 {
            is_any = true;
        } else {
            *value = f64::NEG_INFINITY;
        }
    }
    if !is_any {
        return Err(Error::NothingToDraw);
    }
    math::softmax(p, temperature);
    Ok(())
}

/// What the tests of the policies share.
#[cfg(test)]
pub(in crate::policy) mod testing {
    use super::*;
    use crate::base::id::Round;
    use crate::base::rng::Purpose;
    use crate::policy::Policy;
    use crate::population::Arms;

    /// Arms of the given sizes; every sample has weight 1.
    pub fn population(sizes: &[usize]) -> Population {
        let labels: Vec<u32> =
            (sizes.iter().enumerate()).flat_map(|(arm, &size)| vec![arm as u32; size]).collect();
        Population::new(Arms::from_labels(sizes.len() as u32, &labels).unwrap(), None).unwrap()
    }

    /// What a policy allots in a round of `slots` slots.
    pub fn allotted<P: Policy>(
        policy: &P,
        round: u64,
        slots: usize,
        population: &Population,
    ) -> Vec<f64> {
        let mut allotment = Allotment::default();
        let mut rng = Rng::at(5, Round(round), Purpose::Policy);
        policy.allot(&Turn::new(Round(round), slots, population), &mut rng, &mut allotment).unwrap();
        let Allotment::Arms(p) = allotment else { panic!("not over arms") };
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{p:?}");
        p
    }

    /// Checks that two lists of numbers agree to 1e-12.
    #[track_caller]
    pub fn same(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        let agree = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(agree, "{found:?}, expected {expected:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_arms_take_no_part_in_a_softmax() {
        let mut p = [1e9, 0.0, 0.0];
        softmax_open(&testing::population(&[0, 2, 1]), &mut p, 0.1).unwrap();
        assert_eq!(p, [0.0, 0.5, 0.5]);
        let none = softmax_open(&testing::population(&[0]), &mut [1.0], 0.1);
        assert_eq!(none, Err(Error::NothingToDraw));
        let other = softmax_open(&testing::population(&[1]), &mut [1.0, 2.0], 0.1);
        assert!(matches!(other, Err(Error::Length { expected: 1, found: 2, .. })));
        assert_eq!(open(&testing::population(&[0, 2, 1]), 3), Ok(vec![1, 2]));
        assert_eq!(open(&testing::population(&[0]), 1), Err(Error::NothingToDraw));
    }

    /// Each of three equals is kept in a third of 30 000 tries, standard deviation 82.
    #[test]
    fn chance_decides_between_equals() {
        let mut rng = random();
        let mut kept = [0u32; 6];
        for _ in 0..30_000 {
            let mut greatest = Greatest::default();
            for (key, value) in
                [f64::NAN, 2.0, 1.0, 2.0, f64::NEG_INFINITY, 2.0].into_iter().enumerate()
            {
                greatest.offer(key, value, &mut rng);
            }
            kept[greatest.key().unwrap()] += 1;
        }
        assert!([1, 3, 5].iter().all(|&key| kept[key].abs_diff(10_000) < 330), "{kept:?}");
        assert_eq!(kept.iter().sum::<u32>(), kept[1] + kept[3] + kept[5]);
        let (mut without, before) = (Greatest::default(), rng.clone().bits());
        [0.0, 3.0, 1.0].into_iter().enumerate().for_each(|(key, x)| without.offer(key, x, &mut rng));
        assert_eq!((without.key(), rng.bits()), (Some(1), before));
    }

    fn random() -> Rng {
        Rng::at(5, crate::Round(0), crate::Purpose::User)
    }

    #[test]
    fn an_arm_gives_no_more_than_it_has_until_all_have_given() {
        let population = testing::population(&[1, 0, 3]);
        let mut allotment = Allotment::default();
        let mut lists = Vec::new();
        let turn = Turn::new(crate::Round(0), 6, &population);
        by_slot(&turn, &[0, 2], &mut allotment, |_, arms| {
            lists.push(arms.len());
            0
        });
        assert_eq!(allotment, Allotment::Arms(vec![2.0 / 6.0, 0.0, 4.0 / 6.0]));
        assert_eq!(lists, [2, 1, 1, 1, 2, 1]);
        choose(&turn, &mut random(), &mut allotment, |_, arm, _| -(arm as f64)).unwrap();
        assert_eq!(allotment, Allotment::Arms(vec![2.0 / 6.0, 0.0, 4.0 / 6.0]));
        let few = Turn { n: 3, ..turn };
        choose(&few, &mut random(), &mut allotment, |_, arm, _| if arm == 0 { f64::NAN } else { -1.0 })
            .unwrap();
        assert_eq!(allotment, Allotment::Arms(vec![0.0, 0.0, 1.0]));
        assert!(
            choose(
                &Turn::new(crate::Round(0), 1, &testing::population(&[0])),
                &mut random(),
                &mut allotment,
                |_, _, _| 0.0
            )
            .is_err()
        );
    }
}
