//! A floor, a cap and a prior for any policy.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::id::ArmId;
use crate::base::rng::Rng;
use crate::base::schedule::Schedule;
use crate::policy::around::settled;
use crate::policy::kit::arm_tree::MOST_FLOOR;
use crate::policy::kit::mixture::{check_mixture, normalise};
use crate::policy::{Allotment, Logits, Policy, Prior, Reads, Reward, Turn};
use crate::population::Population;

/// Any policy with a floor and a cap: no arm is ever forgotten, and none takes everything.
///
/// ```text
/// p_a <- min(cap, (1 - epsilon) p_a + epsilon prior_a)
/// ```
///
/// What the cap cuts off is given to the arms below it in proportion to their probability, until
/// all are at most `cap`. If the cap is too low for the number of drawable arms, `1/K`, their even
/// share, takes its place. If the policy has given everything to arms that have nothing to draw, the
/// prior decides alone. Cost: O(K) a round, O(K log K) with a cap. With a uniform prior, `epsilon` up
/// to 0.9 and no cap nothing is added to a policy that offers [`Logits`].
///
/// ```
/// use curricle::policy::{Bounded, Fixed, Prior};
/// use curricle::Curriculum;
///
/// # fn main() -> curricle::Result<()> {
/// let greedy = Fixed::weights(vec![1.0, 0.0, 0.0, 0.0]);
/// let policy = Bounded::new(greedy).floor(0.2, Prior::Uniform).cap(0.7);
/// let mut curriculum = Curriculum::builder(8).arms(4, |sample| (sample.0 % 4) as u32).policy(policy).build()?;
/// curriculum.draw(4)?;
/// assert!((curriculum.shares()[0] - 0.7).abs() < 1e-12);
/// assert!((curriculum.shares()[3] - 0.1).abs() < 1e-12);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Policy")]
pub struct Bounded<P> {
    inner: P,
    epsilon: Schedule,
    prior: Prior,
    cap: f64,
}

impl<P: Policy> Bounded<P> {
    /// The policy as it is; add a [`floor`](Self::floor), a [`cap`](Self::cap) or both.
    pub fn new(inner: P) -> Self {
        Self { inner, epsilon: Schedule::Constant(0.0), prior: Prior::Uniform, cap: 1.0 }
    }

    /// Sets the share `epsilon` in `[0, 1]` that is spread by a prior; constant or a [`Schedule`].
    #[must_use]
    pub fn floor(mut self, epsilon: impl Into<Schedule>, prior: Prior) -> Self {
        self.epsilon = epsilon.into();
        self.prior = prior;
        self
    }

    /// Sets the greatest probability of an arm, in `(0, 1]`.
    #[must_use]
    pub fn cap(mut self, cap: f64) -> Self {
        self.cap = cap;
        self
    }

    /// The policy within.
    pub fn inner(&self) -> &P {
        &self.inner
    }
}

impl<P: Policy> Policy for Bounded<P> {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        self.epsilon.check("floor", 0.0, 1.0)?;
        within("cap", self.cap, f64::MIN_POSITIVE, 1.0)?;
        if let Prior::Weights(weights) = &self.prior {
            check_mixture(weights, population)?;
        }
        self.inner.prepare(population)
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        (self.epsilon, self.cap) == (built.epsilon, built.cap)
            && self.prior.is_grown(&built.prior, arms)
            && self.inner.is_learned_from(&built.inner, arms)
    }

    fn reads(&self) -> Reads {
        self.inner.reads()
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let population = turn.population;
        // What cannot be drawn must not soak up the floor, nor escape the cap later on.
        let size = |arm: usize| population.drawable(ArmId(arm as u32));
        let drawable = (0..population.arms().count()).filter(|&arm| size(arm) > 0).count();
        let (p, epsilon) = match settled(&self.inner, "Bounded", (turn, rng, allotment))? {
            Some(p) => (p, self.epsilon.at(turn.round)),
            // The policy within has nothing that can be drawn: the prior takes its place.
            None => (allotment.arms(population.arms().count()), 1.0),
        };
        if epsilon > 0.0 && self.prior == Prior::Uniform {
            let even = epsilon * (1.0 / drawable as f64);
            for (arm, share) in p.iter_mut().enumerate() {
                *share = (1.0 - epsilon) * *share + if size(arm) > 0 { even } else { 0.0 };
            }
        } else if epsilon > 0.0 {
            let mut prior = self.prior.shares(population);
            // A prior of which nothing can be drawn leaves everything to the policy, if it has
            // anything.
            match normalise(&mut prior) {
                Ok(()) => {
                    for (share, prior) in p.iter_mut().zip(&prior) {
                        *share = (1.0 - epsilon) * *share + epsilon * prior;
                    }
                }
                Err(nothing) if p.iter().all(|share| *share <= 0.0) => return Err(nothing),
                Err(_) => {}
            }
        }
        if self.cap < 1.0 {
            let is_open = |arm: usize| turn.population.drawable(ArmId(arm as u32)) > 0;
            limit(p, self.cap.max(1.0 / drawable.max(1) as f64), drawable, is_open);
        }
        Ok(())
    }

    fn logits(&self, turn: &Turn<'_>) -> Option<Logits<'_>> {
        let epsilon = self.epsilon.at(turn.round);
        let is_plain = self.cap >= 1.0 && (epsilon <= 0.0 || self.prior == Prior::Uniform);
        let logits = self.inner.logits(turn).filter(|_| is_plain)?;
        let floor = epsilon + (1.0 - epsilon) * logits.floor;
        (floor <= MOST_FLOOR).then_some(Logits { floor, ..logits })
    }

    fn learn(&mut self, population: &Population, rewards: &[Reward]) {
        self.inner.learn(population, rewards);
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.inner.grow(arms)?;
        if let Prior::Weights(weights) = &mut self.prior {
            weights.resize(arms, 0.0);
        }
        Ok(())
    }

    passes_on! { set_mixture requested is_adapted }
}

/// Cuts every probability to `cap` and spreads what was cut off over the others, in proportion; evenly over the open ones, if
/// all of them have 0.
fn limit(p: &mut [f64], cap: f64, drawable: usize, is_open: impl Fn(usize) -> bool) {
    let mut descending: Vec<f64> = p.to_vec();
    descending.sort_unstable_by(|a, b| b.total_cmp(a));
    let mut rest = descending.clone();
    for index in (1..rest.len()).rev() {
        rest[index - 1] += rest[index];
    }
    // The greatest ones are cut, one by one, until the next one fits after being scaled up.
    for (cut, &share) in descending.iter().enumerate().take(drawable) {
        if share <= 0.0 {
            let others = (0..p.len()).filter(|&arm| p[arm] <= 0.0 && is_open(arm)).count();
            let rest = (1.0 - cut as f64 * cap) / others as f64;
            for (arm, p) in p.iter_mut().enumerate() {
                if *p > 0.0 {
                    *p = if others > 0 { cap } else { 1.0 / cut as f64 };
                } else if is_open(arm) {
                    *p = rest;
                }
            }
            return;
        }
        let scale = (1.0 - cut as f64 * cap) / rest[cut];
        if share * scale <= cap {
            p.iter_mut().for_each(|p| *p = if *p > share { cap } else { *p * scale });
            return;
        }
    }
    p.iter_mut().filter(|p| **p > 0.0).for_each(|p| *p = 1.0 / drawable as f64);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_limited_distribution_is_one_and_keeps_its_order(
            mut p in prop::collection::vec(0.0..1.0f64, 1..30),
            cap in 0.0..1.0f64,
        ) {
            prop_assume!(p.iter().any(|share| *share > 1e-3));
            normalise(&mut p).unwrap();
            let before = p.clone();
            let positive = p.iter().filter(|share| **share > 0.0).count();
            let cap = cap.max(1.0 / positive as f64);
            limit(&mut p, cap, positive, |_| true);
            prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(p.iter().all(|share| *share <= cap + 1e-9));
            for (a, b) in (0..p.len()).flat_map(|a| (0..p.len()).map(move |b| (a, b))) {
                prop_assert!(before[a] < before[b] || p[a] >= p[b] - 1e-12);
            }
        }
    }

    #[test]
    fn what_is_cut_off_goes_to_open_arms_even_if_they_had_nothing() {
        let limited = |mut p: Vec<f64>, cap, open: &[bool]| {
            limit(&mut p, cap, open.iter().filter(|open| **open).count(), |arm| open[arm]);
            p
        };
        assert_eq!(limited(vec![1.0, 0.0, 0.0], 0.5, &[true; 3]), [0.5, 0.25, 0.25]);
        assert_eq!(limited(vec![0.75, 0.25, 0.0], 0.4, &[true; 3]), [0.4, 0.4, 1.0 - 2.0 * 0.4]);
        assert_eq!(limited(vec![1.0, 0.0, 0.0], 0.75, &[true, false, true]), [0.75, 0.0, 0.25]);
        // What nobody else can take stays.
        assert_eq!(limited(vec![1.0, 0.0], 1.0, &[true, false]), [1.0, 0.0]);
    }
}
