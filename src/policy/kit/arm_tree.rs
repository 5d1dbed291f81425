//! Probabilities of very many arms, in a tree that changes arm by arm.

use curricle_kernels::{blocks, prefetch};
use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, finite, length, within};
use crate::base::id::ArmId;
use crate::base::math::{exp_of_negative, ln};
use crate::base::rng::Rng;
use crate::population::Population;
use crate::population::SumTree;

/// From how many arms on a policy that offers [`Logits`] is drawn from [`ArmTree`]. Below it a list of
/// probabilities is as quick.
pub(crate) const MANY: usize = 1024;

/// The greatest floor that [`ArmTree`] can have: what lies even on all arms must fit beside the weights.
pub(crate) const MOST_FLOOR: f64 = 0.9;

/// The sum of the weights when they are computed anew, and between which sums they stay as they are.
const FRESH: u64 = 1 << 57;
const LEAST: u64 = 1 << 53;
const MOST: u64 = 1 << 60;

/// Probabilities of which each depends on a number that belongs to its arm alone:
///
/// ```text
/// p_a = (1 - floor) exp(v_a / temperature) / sum_b exp(v_b / temperature) + floor / K
/// ```
///
/// over the K arms that have something to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Logits<'a> {
    /// The values `v`, by arm.
    pub values: &'a [f64],
    /// The temperature, `> 0`. A round in which it changes costs O(K).
    pub temperature: f64,
    /// The part of the probability that is spread evenly, in `[0, 0.9]`; it may change with the round.
    pub floor: f64,
}

/// The probabilities of [`Logits`] as integers in a [`SumTree`], so that a round costs O(n log K) for
/// n arms whose value has changed, and not O(K).
///
/// Arm `a` has the weight `w_a = round(2^s exp(v_a / temperature))`, at least 1, or 0 if it has nothing to
/// draw, and beside it an integer `e` that is the same for all arms; `p_a = (w_a + e) / sum_b (w_b + e)`,
/// exactly. The scale `s` is such that the weights sum to 2^57 at first. When their sum has left
/// the range from 2^53 to 2^60, all are computed anew, which costs O(K); as one sum is at least 8 times
/// another before that happens, it is rare. Probabilities are thus those of the formula within a relative error of
/// `K 2^-53`, and none is below 2^-61.
///
/// Memory: 18 bytes an arm.
///
/// A curriculum keeps its tree itself; a bandit without samples, tickets and a ledger uses them like this:
///
/// ```
/// use curricle::policy::{Logits, ArmTree};
/// use curricle::{ArmId, Arms, Population, Purpose, Rng, Round};
///
/// fn logits(values: &[f64]) -> Logits<'_> {
///     Logits { values, temperature: 0.1, floor: 0.0 }
/// }
///
/// # fn main() -> curricle::Result<()> {
/// let population = Population::new(Arms::even(10_000, 10_000)?, None)?;
/// let mut values = vec![0.0; 10_000];
/// let mut tree = ArmTree::new(&logits(&values), &population)?;
/// for round in 0..10 {
///     let drawn = tree.draw(512, &mut Rng::at(1, Round(round), Purpose::User));
///     for &arm in &drawn {
///         let reward = if arm.0 % 10 == 7 { 1.0 } else { 0.0 };
///         values[arm.index()] += 0.5 * (reward - values[arm.index()]);
///     }
///     tree.update(&logits(&values), &population, &drawn)?;
/// }
/// let good: f64 = (0..1000).map(|tens| tree.share(ArmId(10 * tens + 7))).sum();
/// assert!(good > 0.5);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmTree {
    weights: SumTree,
    /// 1 for each arm that has something to draw.
    open: SumTree,
    even: u64,
    scale: Scale,
}

/// The lists of an update of [`ArmTree`], whose memory is reused.
#[derive(Debug, Default)]
pub(crate) struct ChangedArms {
    arms: Vec<ArmId>,
    weights: Vec<(usize, u64)>,
    open: Vec<(usize, u64)>,
}

impl Logits<'_> {
    /// Checks the numbers but for the values.
    pub(crate) fn check(&self, arms: usize) -> Result<()> {
        length("values of arms", arms, self.values.len())?;
        within("temperature", self.temperature, f64::MIN_POSITIVE, f64::MAX)?;
        within("floor", self.floor, 0.0, MOST_FLOOR).map(drop)
    }

    /// The value of an arm.
    fn value(&self, arm: usize) -> Result<f64> {
        finite("value of an arm", arm as u64, self.values[arm])
    }
}

impl ArmTree {
    /// Computes all weights. Cost: O(K).
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::OutOfRange`] or [`Error::NonFinite`] for the logits;
    /// [`Error::NothingToDraw`] if no arm has anything to draw.
    pub fn new(logits: &Logits<'_>, population: &Population) -> Result<Self> {
        let arms = population.arms().count();
        logits.check(arms)?;
        let is_open = |arm: usize| population.drawable(ArmId(arm as u32)) > 0;
        let mut reference = f64::NEG_INFINITY;
        for arm in (0..arms).filter(|&arm| is_open(arm)) {
            reference = reference.max(logits.value(arm)?);
        }
        if reference == f64::NEG_INFINITY {
            return Err(Error::NothingToDraw);
        }
        let values = (0..arms).filter(|&arm| is_open(arm)).map(|arm| logits.values[arm]);
        let sum: f64 =
            values.map(|value| exp_of_negative((value - reference) / logits.temperature)).sum();
        let shift = ln((MOST / FRESH) as f64 * sum);
        let scale = Scale { reference, shift, temperature: logits.temperature };
        // No value is above the reference, so no weight is too large.
        let weight = |arm: usize| scale.weight(logits.values[arm]).unwrap_or(MOST);
        let weights = SumTree::from_fn(arms, |arm| if is_open(arm) { weight(arm) } else { 0 })?;
        let open = SumTree::from_fn(arms, |arm| u64::from(is_open(arm)))?;
        let mut tree = Self { weights, open, even: 0, scale };
        tree.spread(logits.floor);
        Ok(tree)
    }

    /// Brings the weights of some arms up to date, and the floor. The arms are those whose value has changed, and those
    /// that have been emptied or filled; one may be named twice. Cost: O(n log K) for n arms; O(K) with another temperature
    /// than before, and rarely otherwise, as [above](Self).
    ///
    /// # Errors
    /// As [`new`](Self::new); then nothing has changed.
    ///
    /// # Panics
    /// If an arm is not one of the population's.
    pub fn update(
        &mut self,
        logits: &Logits<'_>,
        population: &Population,
        arms: &[ArmId],
    ) -> Result<()> {
        self.update_each(logits, population, arms.iter().copied(), &mut ChangedArms::default())
    }

    /// As [`update`](Self::update), with lists whose memory is reused.
    pub(crate) fn update_each(
        &mut self,
        logits: &Logits<'_>,
        population: &Population,
        arms: impl Iterator<Item = ArmId>,
        changed: &mut ChangedArms,
    ) -> Result<()> {
        logits.check(self.weights.len())?;
        let fits = self.scale.temperature == logits.temperature
            && self.weigh(logits, population, arms, changed)?
            && self.exchange(changed);
        if fits {
            self.spread(logits.floor);
            return Ok(());
        }
        *self = Self::new(logits, population)?;
        Ok(())
    }

    /// The new weights of arms, as far as they fit the scale; says whether all do.
    fn weigh(
        &self,
        logits: &Logits<'_>,
        population: &Population,
        arms: impl Iterator<Item = ArmId>,
        changed: &mut ChangedArms,
    ) -> Result<bool> {
        let ChangedArms { arms: list, weights, open } = changed;
        weights.clear();
        open.clear();
        list.clear();
        list.extend(arms);
        for (now, next) in blocks(list) {
            for &arm in next {
                population.fetch_arm(arm);
                prefetch(logits.values, arm.index());
                self.weights.fetch(arm.index());
            }
            for &arm in now {
                let (arm, is_open) = (arm.index(), population.drawable(arm) > 0);
                let weight = if is_open { self.scale.weight(logits.value(arm)?) } else { Some(0) };
                let Some(weight) = weight else { return Ok(false) };
                weights.push((arm, weight));
                if is_open != (self.weights.get(arm) > 0) {
                    open.push((arm, u64::from(is_open)));
                }
            }
        }
        Ok(true)
    }

    /// Sets the new weights if their sum stays in its range; says whether it does. If not, all is as before.
    fn exchange(&mut self, changed: &mut ChangedArms) -> bool {
        let ChangedArms { weights, open, .. } = changed;
        // Each list then holds what it replaced: backwards, it undoes itself.
        if self.weights.set_each(weights).is_err() || self.open.set_each(open).is_err() {
            return false;
        }
        let fits = (LEAST..=MOST).contains(&self.weights.total());
        if !fits {
            weights.reverse();
            open.reverse();
            let back = self.weights.set_each(weights).and_then(|()| self.open.set_each(open));
            debug_assert!(back.is_ok(), "weights that fitted before fit again");
        }
        fits
    }

    /// Sets what lies even on all arms.
    fn spread(&mut self, floor: f64) {
        let even = floor / (1.0 - floor) * self.weights.total() as f64 / self.open.total() as f64;
        self.even = if floor > 0.0 { (even.round() as u64).max(1) } else { 0 };
    }

    /// How many arms there are.
    pub fn arms(&self) -> usize {
        self.weights.len()
    }

    /// The sum of the integers `w_a + e` of all arms that have something to draw.
    #[inline]
    pub fn total(&self) -> u64 {
        self.weights.total() + self.even * self.open.total()
    }

    /// The integer `w_a + e` of an arm that has something to draw, else 0.
    #[inline]
    pub(crate) fn mass(&self, arm: ArmId) -> u64 {
        match self.weights.get(arm.index()) {
            0 => 0,
            weight => weight + self.even,
        }
    }

    /// The probability of an arm.
    #[inline]
    pub fn share(&self, arm: ArmId) -> f64 {
        self.mass(arm) as f64 / self.total() as f64
    }

    /// The arm that owns a target below the [total](Self::total): with a uniform target, each arm is found
    /// with its probability. Cost: O(log K).
    ///
    /// # Panics
    /// If `target >= total`.
    pub fn find(&self, target: u64) -> ArmId {
        assert!(target < self.total(), "target beyond the total");
        match target.checked_sub(self.weights.total()) {
            None => ArmId(self.weights.find(target) as u32),
            Some(rest) => ArmId(self.nth(rest / self.even.max(1)) as u32),
        }
    }

    /// The arm that owns a target below the [total](Self::total) if the integers `w_a + e` stand one behind the other
    /// in the order of arms. Cost: O(log K).
    pub(crate) fn in_order(&self, target: u64) -> ArmId {
        ArmId(self.weights.find_with(&self.open, self.even, target) as u32)
    }

    /// The arm that is the n-th of those that have something to draw.
    fn nth(&self, n: u64) -> u64 {
        if self.open.total() == self.open.len() as u64 { n } else { self.open.find(n) as u64 }
    }

    /// Draws n arms, independently of each other. Cost: O(n log K), their memory accesses overlap.
    pub fn draw(&self, n: usize, rng: &mut Rng) -> Vec<ArmId> {
        let mut drawn = Vec::new();
        self.draw_each(n, rng, &mut drawn, &mut Vec::new());
        drawn.into_iter().map(|arm| ArmId(arm as u32)).collect()
    }

    /// Draws n arms into `drawn`; `targets` is for its own use.
    pub(crate) fn draw_each(
        &self,
        n: usize,
        rng: &mut Rng,
        drawn: &mut Vec<u64>,
        targets: &mut Vec<u64>,
    ) {
        let (total, weights) = (self.total(), self.weights.total());
        drawn.clear();
        drawn.extend((0..n).map(|_| rng.below(total)));
        targets.clear();
        targets.extend(drawn.iter().map(|&target| if target < weights { target } else { 0 }));
        self.weights.find_each(targets);
        for (drawn, &found) in drawn.iter_mut().zip(&*targets) {
            let rest = drawn.checked_sub(weights);
            *drawn = rest.map_or(found, |rest| self.nth(rest / self.even.max(1)));
        }
    }

    /// Whether this can be the tree of so many arms; used after reading them from a file.
    pub(crate) fn is_consistent(&self, arms: usize) -> bool {
        let flags = self.weights.weights().iter().zip(self.open.weights());
        let even = self.even.checked_mul(self.open.total());
        self.weights.len() == arms
            && self.open.len() == arms
            && flags.into_iter().all(|(&weight, &open)| u64::from(weight > 0) == open)
            && (LEAST..=MOST).contains(&self.weights.total())
            && even.is_some_and(|even| even.checked_add(self.weights.total()).is_some())
            && self.scale.is_possible()
    }
}

/// How a value becomes a weight: `2^60 exp((value - reference) / temperature - shift)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Scale {
    reference: f64,
    shift: f64,
    temperature: f64,
}

impl Scale {
    /// Whether the numbers can be those of a scale; used after reading them from a file.
    fn is_possible(self) -> bool {
        let is_temperature = self.temperature > 0.0 && self.temperature.is_finite();
        self.reference.is_finite() && self.shift.is_finite() && is_temperature
    }

    /// The weight of a value; `None` if it is too large.
    fn weight(self, value: f64) -> Option<u64> {
        let x = (value - self.reference) / self.temperature - self.shift;
        (x <= 0.0).then(|| ((exp_of_negative(x) * MOST as f64).round() as u64).max(1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::population::Arms;

    #[test]
    fn another_temperature_and_a_far_value_are_computed_anew() {
        let population = Population::new(Arms::even(9, 9).unwrap(), None).unwrap();
        let mut values: Vec<f64> = (0..9).map(f64::from).collect();
        fn logits(values: &[f64], temperature: f64) -> Logits<'_> {
            Logits { values, temperature, floor: 0.1 }
        }
        let mut tree = ArmTree::new(&logits(&values, 1.0), &population).unwrap();
        tree.update(&logits(&values, 2.0), &population, &[]).unwrap();
        assert_eq!(tree, ArmTree::new(&logits(&values, 2.0), &population).unwrap());
        values[3] = 1000.0;
        tree.update(&logits(&values, 2.0), &population, &[ArmId(3)]).unwrap();
        assert_eq!(tree, ArmTree::new(&logits(&values, 2.0), &population).unwrap());
        let before = tree.clone();
        values[4] = f64::NAN;
        let error = tree.update(&logits(&values, 2.0), &population, &[ArmId(4)]);
        assert!(matches!(error, Err(Error::NonFinite { index: 4, .. })));
        assert!(tree.update(&logits(&values, -1.0), &population, &[]).is_err());
        assert_eq!(tree, before);
    }

    proptest! {
        /// The naive twin is a walk through all arms.
        #[test]
        fn arms_in_order_own_their_probability(
            values in prop::collection::vec(-1.0..1.0f64, 1..300),
            empty in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
            floor in prop_oneof![Just(0.0), 0.0..MOST_FLOOR],
            targets in prop::collection::vec(any::<u64>(), 1..50),
        ) {
            let arms = values.len();
            let mut weights = vec![1.0; arms];
            empty.iter().for_each(|index| weights[index.index(arms)] = 0.0);
            weights[0] = 1.0;
            let partition = Arms::even(arms as u32, arms).unwrap();
            let population = Population::new(partition, Some(&weights)).unwrap();
            let logits = Logits { values: &values, temperature: 0.1, floor };
            let tree = ArmTree::new(&logits, &population).unwrap();
            for target in targets.iter().map(|target| target % tree.total()).chain([0, tree.total() - 1]) {
                let mut rest = target;
                let owner = (0..arms).find(|&arm| {
                    let mass = tree.weights.get(arm) + tree.even * tree.open.get(arm);
                    let owns = rest < mass;
                    rest -= if owns { 0 } else { mass };
                    owns
                });
                prop_assert_eq!(Some(tree.in_order(target).index()), owner);
            }
        }
    }
}
