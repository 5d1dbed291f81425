//! Samples that are not drawn again until they are to be tested anew.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Population;
use super::flight::Flight;
use crate::base::error::Result;
use crate::base::id::{Round, SampleId};

/// The retired samples, each with the weight that it has meanwhile and the round from which on it is drawn again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Retired {
    pub held: Flight,
    /// Those that are held, and those that were taken out meanwhile.
    due: BTreeSet<(Round, SampleId)>,
}

impl Retired {
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

    /// A sample that is there is not drawn again before a round; one that is retired stays so until its own.
    pub(crate) fn retire(&mut self, sample: SampleId, until: Round) -> Result<()> {
        if self.is_retired(sample) {
            return Ok(());
        }
        self.shift(sample, |it| {
            it.retired.held.hold(sample);
            it.retired.due.insert((until, sample));
        })?;
        self.turn(self.arms.label(sample))
    }

    /// The retired samples of which the test is due in a round come back. Gives them, in order.
    pub(crate) fn retest(&mut self, round: Round) -> Result<Vec<SampleId>> {
        let mut back = Vec::new();
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
            self.turn(arm)?;
            back.push(sample);
        }
        Ok(back)
    }

    /// The samples that are retired, in order, each with the round of its test.
    pub(super) fn retirements(&self) -> impl Iterator<Item = (SampleId, Round)> + '_ {
        let held = self.retired.due.iter().filter(|(_, sample)| self.is_retired(*sample));
        held.map(|&(due, sample)| (sample, due))
    }
}
