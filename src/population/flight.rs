//! The samples that rest because they are in flight.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::SampleId;

/// Samples that are not to be drawn while tickets of them are in flight, each with the weight that it has meanwhile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flight {
    held: BTreeMap<SampleId, Held>,
    /// The sum of their weights.
    weight: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Held {
    weight: u64,
    tickets: u32,
}

impl Flight {
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub fn len(&self) -> usize {
        self.held.len()
    }

    pub fn contains(&self, sample: SampleId) -> bool {
        self.held.contains_key(&sample)
    }

    /// The sum of the weights of all that are held.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// The samples that are held and their weights, in the order of samples.
    pub fn iter(&self) -> impl Iterator<Item = (SampleId, u64)> + '_ {
        self.held.iter().map(|(&sample, held)| (sample, held.weight))
    }

    /// The weight of a sample, if it is held.
    pub fn get(&self, sample: SampleId) -> Option<u64> {
        self.held.get(&sample).map(|held| held.weight)
    }

    /// How many tickets hold a sample.
    pub fn tickets(&self, sample: SampleId) -> u32 {
        self.held.get(&sample).map_or(0, |held| held.tickets)
    }

    /// Sets the weight of a sample that is held; returns the old one, or that it is not held.
    pub fn set(&mut self, sample: SampleId, weight: u64) -> Option<u64> {
        let held = self.held.get_mut(&sample)?;
        let old = std::mem::replace(&mut held.weight, weight);
        self.weight = self.weight - old + weight;
        Some(old)
    }

    /// Holds a sample for one ticket more, at first with weight 0.
    pub fn hold(&mut self, sample: SampleId) {
        let none = Held { weight: 0, tickets: 0 };
        self.held.entry(sample).or_insert(none).tickets += 1;
    }

    /// One ticket of a sample is done with; says whether it was the last.
    pub fn is_last(&mut self, sample: SampleId) -> bool {
        self.held.get_mut(&sample).is_some_and(|held| {
            held.tickets -= 1;
            held.tickets == 0
        })
    }

    /// Lets a sample go.
    pub fn remove(&mut self, sample: SampleId) {
        if let Some(held) = self.held.remove(&sample) {
            self.weight -= held.weight;
        }
    }

    /// Whether the numbers can have come about; used after reading them from a file.
    pub fn is_consistent(&self) -> bool {
        let sum: u128 = self.held.values().map(|held| u128::from(held.weight)).sum();
        sum == u128::from(self.weight) && self.held.values().all(|held| held.tickets > 0)
    }
}
