//! Samples that come, go, change their arm or their weight.

use super::builder::check_names;
use super::stale::Stale;
use super::{Curriculum, Memory};
use crate::base::error::{Error, Result};
use crate::base::id::{ArmId, SampleId};
use crate::ledger::Record;
use crate::policy::Policy;
use crate::population::{Arms, Key, Weight, scaled, units};

impl<P: Policy, S, D> Curriculum<P, S, D> {
    /// Adds an arm, without samples: [`insert`](Self::insert) and [`retag`](Self::retag) fill it. Its number is the
    /// next one, its name that number until [`set_arm_names`](Self::set_arm_names) gives it another.
    ///
    /// The policy [makes room](Policy::grow) for it as for an arm of which nothing is known; in a mixture of given
    /// weights it has weight 0 until [`set_mixture`](Self::set_mixture).
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// use curricle::{ArmId, Curriculum, policy::Boltzmann};
    ///
    /// let mut curriculum = Curriculum::builder(10).policy(Boltzmann::new()).build()?;
    /// let task = curriculum.add_arm()?;
    /// curriculum.insert(task, 1.0)?;
    /// curriculum.draw(1)?;
    /// assert_eq!((task, curriculum.shares().len()), (ArmId(1), 2));
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: O(K), and O(N) where the labels of arms become wider, from 1 to 2, 256 to 257 and 65 536 to 65 537.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the policy or the gate has to be told something of each arm; [`Error::OutOfRange`]
    /// beyond 2^24 arms. Nothing has changed then.
    pub fn add_arm(&mut self) -> Result<ArmId> {
        if self.options.gate.is_by_arm() {
            return Err(Error::Unsupported { part: "a gate by arm", request: "an arm that is added" });
        }
        let memory = &mut self.memory;
        let arms = memory.population.arms().count() + 1;
        Arms::check_count(arms)?;
        memory.policy.grow(arms)?;
        let arm = memory.population.add_arm()?;
        memory.ledger.grow(arms);
        memory.bank.rates.grow(arms);
        memory.allotment.grow(arms);
        self.stale = Stale::default();
        Ok(arm)
    }

    /// Sets the weights of the mixture from now on, one for each arm, `>= 0` and not all 0, whatever weights or table
    /// the curriculum was built with. It stands in snapshots and journals: the configuration, which they are bound to,
    /// stays.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// use curricle::{Curriculum, policy::Fixed};
    ///
    /// let builder = Curriculum::builder(10).arms(2, |sample| (sample.0 % 2) as u32);
    /// let mut curriculum = builder.policy(Fixed::weights(vec![1.0, 1.0])).build()?;
    /// curriculum.set_mixture(&[3.0, 1.0])?;
    /// curriculum.draw(1)?;
    /// assert_eq!(curriculum.shares(), [0.75, 0.25]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a policy without such weights; [`Error::Length`], [`Error::NonFinite`] or
    /// [`Error::OutOfRange`] for the weights, and [`Error::NothingToDraw`] if all are 0.
    pub fn set_mixture(&mut self, weights: &[f64]) -> Result<()> {
        let Memory { policy, population, .. } = &mut self.memory;
        policy.set_mixture(weights, population)?;
        self.stale = Stale::default();
        Ok(())
    }
}

impl<P, S, D> Curriculum<P, S, D> {
    /// Sets the names of the arms anew; see [`Builder::arm_names`](crate::Builder::arm_names). They are no part of the
    /// state.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Empty`] or [`Error::Duplicate`].
    pub fn set_arm_names<N: Into<String>>(&mut self, names: impl IntoIterator<Item = N>) -> Result<()> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        check_names(&names, self.memory.population.arms().count())?;
        self.arm_names = names;
        Ok(())
    }

    /// Adds a sample of a given weight to an arm; from the next draw on it can be drawn.
    ///
    /// [`Weight::Greatest`] gives it the greatest weight that any sample was ever given, as a replay buffer does with
    /// items that it knows nothing of yet.
    ///
    /// # Errors
    /// [`Error::UnknownArm`](crate::Error::UnknownArm); [`Error::NonFinite`](crate::Error::NonFinite) or
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for the weight;
    /// [`Error::WeightOverflow`](crate::Error::WeightOverflow).
    pub fn insert(&mut self, arm: ArmId, weight: impl Into<Weight>) -> Result<SampleId> {
        self.insert_with(None, arm, weight.into())
    }

    /// As [`insert`](Self::insert), where samples have [keys](crate::Builder::keys).
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// use curricle::{ArmId, Curriculum, Weight};
    ///
    /// let mut curriculum = Curriculum::builder(2).keys(["math/1", "math/2"]).build()?;
    /// let sample = curriculum.insert_key("math/3", ArmId(0), Weight::Greatest)?;
    /// assert_eq!(curriculum.population().find("math/3"), Some(sample));
    /// assert!(curriculum.insert_key("math/1", ArmId(0), 1.0).is_err());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As `insert`; [`Error::Duplicate`] for a key that a sample has, naming that sample; [`Error::Unsupported`] if
    /// samples have no keys, as `insert` if they have.
    pub fn insert_key(
        &mut self,
        key: impl Into<Key>,
        arm: ArmId,
        weight: impl Into<Weight>,
    ) -> Result<SampleId> {
        self.insert_with(Some(key.into()), arm, weight.into())
    }

    fn insert_with(&mut self, key: Option<Key>, arm: ArmId, weight: Weight) -> Result<SampleId> {
        let weight = weight.among(&self.memory.population);
        let sample = self.memory.population.insert(arm, weight, key)?;
        self.memory.ledger.records.push(Record::default());
        self.touch(arm);
        Ok(sample)
    }

    /// Takes a sample out for good. Feedback on its open tickets is still taken in.
    ///
    /// # Errors
    /// [`Error::UnknownSample`](crate::Error::UnknownSample).
    pub fn remove(&mut self, sample: SampleId) -> Result<()> {
        self.memory.population.remove(sample)?;
        self.touch(self.memory.population.arms().label(sample));
        Ok(())
    }

    /// Moves a sample to another arm. Its open tickets belong to the arm that they were drawn from.
    ///
    /// # Errors
    /// [`Error::UnknownSample`](crate::Error::UnknownSample), [`Error::UnknownArm`](crate::Error::UnknownArm).
    pub fn retag(&mut self, sample: SampleId, arm: ArmId) -> Result<()> {
        let before = self.memory.population.arms().arm_of(sample)?;
        self.memory.population.retag(sample, arm)?;
        self.touch(before);
        self.touch(arm);
        Ok(())
    }

    /// Sets the weight of a sample, `>= 0`; at 0 it is not drawn.
    ///
    /// # Errors
    /// [`Error::UnknownSample`](crate::Error::UnknownSample); [`Error::NonFinite`](crate::Error::NonFinite) or
    /// [`Error::OutOfRange`](crate::Error::OutOfRange);
    /// [`Error::WeightOverflow`](crate::Error::WeightOverflow).
    pub fn set_weight(&mut self, sample: SampleId, weight: f64) -> Result<()> {
        let factor = self.factor(sample);
        self.memory.population.give(sample, weight, factor)?;
        self.touch(self.memory.population.arms().label(sample));
        Ok(())
    }

    /// Sets the weights of many samples, one after the other; all or none. For weights that the caller works out anew
    /// for each batch, such as priorities of a replay, or for samples that rest for some rounds: with n samples it
    /// costs a fraction of n calls of [`set_weight`](Self::set_weight), as their memory accesses overlap.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// use curricle::{Curriculum, SampleId};
    ///
    /// let mut curriculum = Curriculum::builder(10).build()?;
    /// let rest: Vec<(SampleId, f64)> = curriculum.draw(5)?.samples().map(|sample| (sample, 0.0)).collect();
    /// curriculum.set_weights(&rest)?;
    /// assert_eq!(curriculum.population().drawable_total(), 5);
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: O(n log N).
    ///
    /// # Errors
    /// Those of `set_weight`, of which [`Error::WeightOverflow`](crate::Error::WeightOverflow) is about the sum
    /// after all of them; then no weight has changed.
    pub fn set_weights(&mut self, weights: &[(SampleId, f64)]) -> Result<()> {
        self.work.weights.clear();
        for &(sample, weight) in weights {
            units(sample.0, weight)?;
            let weight = units(sample.0, scaled(weight, self.factor(sample)))?;
            self.work.weights.push((sample, weight));
        }
        let (work, population) = (&mut self.work, &mut self.memory.population);
        population.give_each(&mut work.weights, weights, &mut work.slots)?;
        let arms = population.arms();
        for (&(sample, weight), &(_, old)) in weights.iter().zip(&work.weights) {
            if weight == 0.0 || old == 0 {
                self.stale.note(arms.label(sample), arms.count());
            }
        }
        Ok(())
    }

    /// What multiplies the given weight of a sample now.
    fn factor(&self, sample: SampleId) -> f64 {
        let Memory { population, round, .. } = &self.memory;
        match (self.options.weighting.belief(), population.beliefs()) {
            (Some(belief), Some(beliefs)) if sample.index() < population.arms().samples() => {
                beliefs.factor(sample, population.arms().label(sample), belief, *round)
            }
            _ => 1.0,
        }
    }

    /// Notes that an arm may have been emptied or filled.
    fn touch(&mut self, arm: ArmId) {
        self.stale.note(arm, self.memory.population.arms().count());
    }
}
