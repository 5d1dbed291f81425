//! Arms that are being forgotten are drawn again.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::id::ArmId;
use crate::base::rng::Rng;
use crate::event::Field;
use crate::policy::around::settled_or_even;
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// Any policy, with a veto for arms that are being forgotten: while the success of an arm is below what it was, the arm
/// keeps a least probability, whatever the policy would rather do.
///
/// ```text
/// p_a <- max(p_a, share / K)    while the dip of a is above `dip`, for K arms with something to draw; then normalised
/// ```
///
/// A curriculum is a sequence of switches between arms, and each may cost what was learned before. The dip is that of the
/// arm's [`Progress`](crate::Progress::dip_z), in units of noise, after its last visit. Only a visit shows it: go around a
/// policy with a [floor](crate::policy::Bounded), or that cannot leave an arm for good. A dip that lasts is taken for the
/// new level after some fifty visits, so that an arm which has become harder is not held for ever. Cost beside the
/// policy's: O(K) a round.
///
/// That forgetting has to be measured at every probe, and not at the end: De Lange et al., arXiv 2205.13452; the veto is
/// ours.
///
/// ```
/// use curricle::{Curriculum, policy::{Boltzmann, Bounded, Prior, Rehearsed}};
///
/// # fn main() -> curricle::Result<()> {
/// let floored = Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform);
/// let curriculum = Curriculum::builder(80)
///     .arms(4, |sample| (sample.0 / 20) as u32)
///     .policy(Rehearsed::new(floored).dip(5.0))
///     .build()?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Policy")]
pub struct Rehearsed<P> {
    inner: P,
    dip: f64,
    share: f64,
    /// The dip of each arm after its last visit.
    dips: Vec<f64>,
}

impl<P: Policy> Rehearsed<P> {
    /// Holds arms that have dipped by more than 4 units of noise at their even share.
    pub fn new(inner: P) -> Self {
        Self { inner, dip: 4.0, share: 1.0, dips: Vec::new() }
    }

    /// Sets from which dip on, above 0, an arm is held; default 4.
    #[must_use]
    pub fn dip(mut self, dip: f64) -> Self {
        self.dip = dip;
        self
    }

    /// Sets what an arm is held at, in parts of the even share, in `(0, 1]`; default 1.
    #[must_use]
    pub fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// Whether an arm is held.
    pub fn is_held(&self, arm: ArmId) -> bool {
        self.dips.get(arm.index()).is_some_and(|dip| *dip > self.dip)
    }
}

impl<P: Policy> Policy for Rehearsed<P> {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("dip", self.dip, f64::MIN_POSITIVE, f64::MAX)?;
        within("share of a held arm", self.share, f64::MIN_POSITIVE, 1.0)?;
        self.dips = vec![0.0; population.arms().count()];
        self.inner.prepare(population)
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        (self.dip, self.share) == (built.dip, built.share)
            && self.dips.len() == arms
            && self.dips.iter().all(|dip| (0.0..f64::INFINITY).contains(dip))
            && self.inner.is_learned_from(&built.inner, arms)
    }

    fn reads(&self) -> Reads {
        self.inner.reads() | Field::Success.into()
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let population = turn.population;
        let p = settled_or_even(&self.inner, "Rehearsed", (turn, rng, allotment))?;
        let arms = || (0..self.dips.len() as u32).map(ArmId);
        let open = arms().filter(|&arm| population.drawable(arm) > 0).count();
        let least = self.share / open.max(1) as f64;
        let mut is_any = false;
        for arm in arms().filter(|&arm| self.is_held(arm) && population.drawable(arm) > 0) {
            let share = &mut p[arm.index()];
            if *share < least {
                (is_any, *share) = (true, least);
            }
        }
        if is_any {
            let sum: f64 = p.iter().sum();
            p.iter_mut().for_each(|share| *share /= sum);
        }
        Ok(())
    }

    fn learn(&mut self, population: &Population, rewards: &[Reward]) {
        for reward in rewards.iter().filter(|reward| reward.success.is_some()) {
            self.dips[reward.arm.index()] = reward.dip;
        }
        self.inner.learn(population, rewards);
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.inner.grow(arms)?;
        self.dips.resize(arms, 0.0);
        Ok(())
    }

    passes_on! { set_mixture requested is_adapted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Fixed;
    use crate::policy::kit::open_arms::testing::{allotted, population};

    #[test]
    fn an_arm_that_dips_is_held_until_it_is_back() {
        let population = population(&[4, 4, 4, 0]);
        let greedy = Fixed::weights(vec![0.9, 0.1, 0.0, 0.0]);
        let mut policy = Rehearsed::new(greedy).share(0.6);
        policy.prepare(&population).unwrap();
        let near = |policy: &Rehearsed<Fixed>, expected: [f64; 4]| {
            let shares = allotted(policy, 0, 8, &population);
            let is_near = |(share, expected): (&f64, f64)| (share - expected).abs() < 1e-12;
            assert!(shares.iter().zip(expected).all(is_near), "{shares:?}");
        };
        let reward = |arm, dip| Reward::new(ArmId(arm), 4, 0.0).success(0.5).dip(dip);
        policy.learn(&population, &[reward(0, 9.0), reward(1, 4.0)]);
        // What is above its least share already keeps it, and a dip of 4 is not above 4.
        near(&policy, [0.9, 0.1, 0.0, 0.0]);
        policy.learn(&population, &[reward(1, 4.1), reward(2, 5.0), reward(3, 9.0)]);
        assert!(policy.is_held(ArmId(1)) && policy.is_held(ArmId(3)));
        // Three arms can be drawn: a fifth is 0.6 of a third.
        near(&policy, [0.9 / 1.3, 0.2 / 1.3, 0.2 / 1.3, 0.0]);
        // A visit without a success says nothing; one without a dip ends it.
        policy.learn(&population, &[Reward::new(ArmId(1), 4, 0.0), reward(2, 0.0)]);
        assert!(policy.is_held(ArmId(1)) && !policy.is_held(ArmId(2)));
    }
}
