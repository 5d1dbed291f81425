//! Samples that are not drawn again until they are to be tested anew.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Population;
use super::flight::Flight;
use crate::base::error::Result;
use crate::base::id::{ArmId, Round, SampleId};

/// The retired samples, each with the weight that it has meanwhile and the round from which on it is drawn again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Retired {
    pub held: Flight,
    /// Those that are held, and those that were taken out meanwhile.
    due: BTreeSet<(Round, SampleId)>,
}

impl Retired {
    /// Holds a sample until a round, at first with weight 0.
    pub fn hold(&mut self, sample: SampleId, until: Round) {
        self.held.hold(sample);
        self.due.insert((until, sample));
    }

    /// Whether the parts agree; used after reading them from a file.
    pub fn is_consistent(&self) -> bool {
        let samples: BTreeSet<SampleId> = self.due.iter().map(|(_, sample)| *sample).collect();
        self.held.is_consistent()
            && samples.len() == self.due.len()
            && self.held.iter().all(|(sample, _)| samples.contains(&sample))
    }
}

impl Population {
    /// How many samples are [retired](crate::route::Treatment::Retire).
    pub fn retired(&self) -> usize {
        self.retired.held.len()
    }

    /// Whether a sample is [retired](crate::route::Treatment::Retire).
    pub fn is_retired(&self, sample: SampleId) -> bool {
        self.retired.held.contains(sample)
    }

    /// Whether samples of an arm that have a weight are retired. Cost: O(retired).
    pub(super) fn retires_of(&self, arm: ArmId) -> bool {
        let has_weight = |(sample, weight)| weight > 0 && self.arms.label(sample) == arm;
        self.retired.held.iter().any(has_weight)
    }

    /// Samples that are there are not drawn again before a round; those that are retired stay so until their own.
    pub(crate) fn retire(&mut self, samples: &[SampleId], until: Round) -> Result<()> {
        let mut arms = BTreeSet::new();
        for &sample in samples {
            if !self.is_retired(sample) {
                self.shift(sample, |it| it.retired.hold(sample, until))?;
                arms.insert(self.arms.label(sample));
            }
        }
        arms.into_iter().try_for_each(|arm| self.turn(arm))
    }

    /// The retired samples of which the test is due in a round come back. Gives them, in order.
    pub(crate) fn retest(&mut self, round: Round) -> Result<Vec<SampleId>> {
        let (mut back, mut arms) = (Vec::new(), BTreeSet::new());
        while let Some(&(due, sample)) = self.retired.due.first()
            && due <= round
        {
            self.retired.due.pop_first();
            if !self.is_retired(sample) {
                continue;
            }
            let arm = self.arms.label(sample);
            self.shift(sample, |it| {
                it.retired.held.remove(sample);
                // An arm whose passes are over gives nothing more.
                if let Some(passes) = it.passes.as_mut().filter(|passes| passes.is_done(arm)) {
                    passes.mark(sample, true);
                }
            })?;
            arms.insert(arm);
            back.push(sample);
        }
        arms.into_iter().try_for_each(|arm| self.turn(arm))?;
        Ok(back)
    }

    /// The round of the next test, if any sample is retired.
    pub(crate) fn next_retest(&self) -> Option<Round> {
        self.retirements().next().map(|(_, due)| due)
    }

    /// The samples that are retired, each with the round of its test, the first due first.
    pub(super) fn retirements(&self) -> impl Iterator<Item = (SampleId, Round)> + '_ {
        let held = self.retired.due.iter().filter(|(_, sample)| self.is_retired(*sample));
        held.map(|&(due, sample)| (sample, due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population::Arms;

    fn population() -> Population {
        Population::new(Arms::from_labels(2, &[0, 0, 1]).unwrap(), None).unwrap()
    }

    /// Two sums that no number holds together, as only a forged file has.
    #[test]
    fn weights_that_overflow_together_are_told() {
        let mut population = population();
        population.retire(&[SampleId(0)], Round(9)).unwrap();
        population.hold(SampleId(1)).unwrap();
        assert!(population.is_consistent());
        population.retired.held.set(SampleId(0), 1 << 63);
        population.flight.set(SampleId(1), 1 << 63);
        assert!(!population.is_consistent());
    }

    /// Those that come back together are all there before a pass ends.
    #[test]
    fn a_pass_waits_for_all_that_come_back() {
        let mut population = population();
        population.keep_passes(None).unwrap();
        let drawn = [SampleId(0)];
        population.draw(drawn.into_iter(), false).unwrap();
        population.retire(&[SampleId(0), SampleId(1)], Round(3)).unwrap();
        assert_eq!(population.retest(Round(3)), Ok(vec![SampleId(0), SampleId(1)]));
        // Sample 1 has still to be drawn in the first pass.
        assert_eq!((population.passes(ArmId(0)), population.left_in_pass(ArmId(0))), (0, 1));
        assert!(population.is_drawn(SampleId(0)) && !population.is_drawn(SampleId(1)));
    }

    /// What is taken over rests as it did, and no pass ends by it.
    #[test]
    fn passes_are_taken_over_with_what_is_retired() {
        let mut old = population();
        old.keep_passes(None).unwrap();
        old.draw([SampleId(0), SampleId(1)].into_iter(), true).unwrap();
        old.retire(&[SampleId(0), SampleId(1)], Round(9)).unwrap();
        [0, 1].into_iter().for_each(|sample| old.release(SampleId(sample)).unwrap());
        assert_eq!(old.passes(ArmId(0)), 0);
        let mut new = population();
        new.keep_passes(None).unwrap();
        new.take_over(&old, &[0, 1, 2].map(|it| (SampleId(it), SampleId(it)))).unwrap();
        assert_eq!((new.passes(ArmId(0)), new.retired(), new.is_consistent()), (0, 2, true));
        assert_eq!(new.next_retest(), Some(Round(9)));
    }
}
