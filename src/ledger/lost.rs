//! The tickets that were given up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A set of ticket numbers, kept as ranges: whole batches that are lost take one entry. Insertion and search cost
/// O(log R) for R ranges; memory about 24 bytes a range.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lost(
    /// From the first ticket of a range to the one behind its last. No two ranges touch.
    BTreeMap<u64, u64>,
);

impl Lost {
    /// Adds a ticket; one that is there already changes nothing.
    pub fn insert(&mut self, ticket: u64) {
        if self.contains(ticket) {
            return;
        }
        let end = self.0.remove(&(ticket + 1)).unwrap_or(ticket + 1);
        match self.0.range_mut(..ticket).next_back() {
            Some((_, before)) if *before == ticket => *before = end,
            _ => _ = self.0.insert(ticket, end),
        }
    }

    /// Whether a ticket was given up.
    pub fn contains(&self, ticket: u64) -> bool {
        self.0.range(..=ticket).next_back().is_some_and(|(_, &end)| ticket < end)
    }

    /// How many tickets there are, if the ranges are in order, apart, and below `drawn`; used after reading them from a
    /// file.
    pub fn count(&self, drawn: u64) -> Option<u64> {
        let (mut last, mut count) = (None, 0);
        for (&start, &end) in &self.0 {
            if start >= end || end > drawn || last.is_some_and(|last| start <= last) {
                return None;
            }
            count += end - start;
            last = Some(end);
        }
        Some(count)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The naive twin is a set of numbers.
        #[test]
        fn agrees_with_a_set(tickets in prop::collection::vec(0..60u64, 0..80)) {
            let (mut lost, mut twin) = (Lost::default(), BTreeSet::new());
            for ticket in tickets {
                lost.insert(ticket);
                twin.insert(ticket);
                prop_assert_eq!(lost.count(60), Some(twin.len() as u64));
                let ends = twin.iter().filter(|&&ticket| !twin.contains(&(ticket + 1))).count();
                prop_assert_eq!(lost.0.len(), ends);
            }
            prop_assert!((0..61).all(|ticket| lost.contains(ticket) == twin.contains(&ticket)));
        }
    }

    #[test]
    fn ranges_that_cannot_be_are_told() {
        for ranges in [vec![(3, 3)], vec![(0, 9)], vec![(0, 4), (4, 5)], vec![(0, 4), (2, 5)]] {
            assert_eq!(Lost(ranges.into_iter().collect()).count(8), None);
        }
    }
}
