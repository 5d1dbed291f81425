//! Samples that come, go, change their arm or their weight.

use super::Curriculum;
use crate::base::error::Result;
use crate::base::id::{ArmId, SampleId};
use crate::ledger::Record;
use crate::population::units;

impl<P, S, D> Curriculum<P, S, D> {
    /// Adds a sample of a given weight to an arm; from the next draw on it can be drawn.
    ///
    /// # Errors
    /// [`Error::UnknownArm`](crate::Error::UnknownArm); [`Error::NonFinite`](crate::Error::NonFinite) or
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for the weight;
    /// [`Error::WeightOverflow`](crate::Error::WeightOverflow).
    pub fn insert(&mut self, arm: ArmId, weight: f64) -> Result<SampleId> {
        let sample = self.memory.population.insert(arm, weight)?;
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
        self.memory.population.set_weight(sample, weight)?;
        self.touch(self.memory.population.arms().label(sample));
        Ok(())
    }

    /// Sets the weights of many samples, one after the other; all or none. For weights that the caller works out anew
    /// for each batch, such as priorities of a replay, or for samples that rest for some rounds: with n samples it costs
    /// a fraction of n calls of [`set_weight`](Self::set_weight), as their memory accesses overlap.
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
        let (work, population) = (&mut self.work, &mut self.memory.population);
        work.weights.clear();
        for &(sample, weight) in weights {
            work.weights.push((sample, units(sample.0, weight)?));
        }
        population.exchange(&mut work.weights, &mut work.slots)?;
        let arms = population.arms();
        for (&(sample, weight), &(_, old)) in weights.iter().zip(&work.weights) {
            if weight == 0.0 || old == 0 {
                self.stale.note(arms.label(sample), arms.count());
            }
        }
        Ok(())
    }

    /// Notes that an arm may have been emptied or filled.
    fn touch(&mut self, arm: ArmId) {
        self.stale.note(arm, self.memory.population.arms().count());
    }
}
