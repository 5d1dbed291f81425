//! The beliefs of all samples, and the priors of their arms.

use curricle_kernels::{prefetch, roomy};
use serde::{Deserialize, Serialize};

use super::{Belief, Believed, Prior};
use crate::base::id::{ArmId, Round, SampleId};
use crate::files::column;

/// How many samples are swept for each ticket, at most.
const PER_TICKET: u64 = 8;

/// What is believed, by sample, and the priors, by arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Beliefs {
    #[serde(deserialize_with = "column::deserialize")]
    samples: Vec<Believed>,
    arms: Vec<Prior>,
    /// Where the sweep goes on.
    next: u64,
}

impl Beliefs {
    /// Nothing is known of any sample; a function says the weight that each was given.
    pub fn new(samples: usize, arms: usize, given: impl Fn(SampleId) -> f64) -> Self {
        let mut all = roomy(samples);
        all.extend((0..samples as u64).map(|sample| Believed::unseen(given(SampleId(sample)))));
        Self { samples: all, arms: vec![Prior::default(); arms], next: 0 }
    }

    /// Asks the processor to fetch what is believed of a sample.
    #[inline]
    pub fn fetch(&self, sample: SampleId) {
        prefetch(&self.samples, sample.index());
    }

    /// What is believed of a sample; of one that is not there, nothing.
    #[inline]
    pub fn get(&self, sample: SampleId) -> Believed {
        self.samples.get(sample.index()).copied().unwrap_or_default()
    }

    pub fn set(&mut self, sample: SampleId, believed: Believed) {
        if let Some(place) = self.samples.get_mut(sample.index()) {
            *place = believed;
        }
    }

    /// The user gives a sample another weight.
    pub fn give(&mut self, sample: SampleId, weight: f64) {
        if let Some(place) = self.samples.get_mut(sample.index()) {
            place.given = weight as f32;
        }
    }

    /// There is one sample more.
    pub fn push(&mut self, weight: f64) {
        self.samples.push(Believed::unseen(weight));
    }

    /// There is one arm more.
    pub fn add_arm(&mut self) {
        self.arms.push(Prior::default());
    }

    #[inline]
    pub fn prior(&self, arm: ArmId) -> Prior {
        self.arms.get(arm.index()).copied().unwrap_or_default()
    }

    pub fn set_prior(&mut self, arm: ArmId, prior: Prior) {
        if let Some(place) = self.arms.get_mut(arm.index()) {
            *place = prior;
        }
    }

    /// The samples that a round of so many tickets sweeps: the first, and how many from it on, round and round.
    pub fn sweep(&self, belief: &Belief, tickets: usize) -> (u64, u64) {
        let samples = self.samples.len() as u64;
        let due = samples.div_ceil(belief.retest.max(1));
        (self.next, due.min(PER_TICKET.saturating_mul(tickets as u64)).min(samples))
    }

    /// Where the sweep goes on after so many more.
    pub fn swept(&mut self, more: u64) {
        self.next = (self.next + more) % (self.samples.len() as u64).max(1);
    }

    /// The factor of a sample in an arm.
    pub fn factor(&self, sample: SampleId, arm: ArmId, belief: &Belief, now: Round) -> f64 {
        self.get(sample).factor(&self.prior(arm).shape(belief), belief, now)
    }

    /// What was believed under other numbers; pairs of the old number and the new one. New samples are unseen.
    pub fn take_over(&mut self, old: &Self, kept: &[(SampleId, SampleId)]) {
        kept.iter().for_each(|&(before, now)| self.set(now, old.get(before)));
        for (arm, prior) in self.arms.iter_mut().zip(&old.arms) {
            *arm = *prior;
        }
    }

    /// Whether the numbers can have come about by a round; used after reading them from a file.
    pub fn is_possible(&self, samples: usize, arms: usize, now: Round) -> bool {
        self.samples.len() == samples
            && self.arms.len() == arms
            && self.next < (samples as u64).max(1)
            && self.arms.iter().all(Prior::is_possible)
            && self.samples.iter().all(|believed| believed.is_possible(now))
    }
}
