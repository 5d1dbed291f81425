//! How old the feedback was when it came.

use serde::{Deserialize, Serialize};

use crate::base::metrics::Metrics;
use crate::event::age::Age;

/// The ages of all feedback that was taken in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ages {
    count: u64,
    rounds: Sum,
    versions: Sum,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sum {
    sum: u64,
    most: u64,
}

impl Sum {
    fn add(&mut self, age: u64, tickets: u64) {
        self.sum = self.sum.saturating_add(age.saturating_mul(tickets));
        self.most = self.most.max(age);
    }
}

impl Ages {
    /// Adds so many tickets of one age.
    pub fn add(&mut self, age: Age, tickets: u64) {
        self.count += tickets;
        self.rounds.add(age.rounds, tickets);
        self.versions.add(age.versions, tickets);
    }

    pub fn metrics(&self, metrics: &mut Metrics) {
        for (what, Sum { sum, most }) in [("rounds", self.rounds), ("versions", self.versions)] {
            // Not finite before the first, and then left out.
            let mean = sum as f64 / self.count as f64;
            metrics.push(format!("feedback/age_{what}_mean"), mean);
            if mean.is_finite() {
                metrics.push(format!("feedback/age_{what}_most"), most as f64);
            }
        }
    }

    /// Whether the numbers can have come about, where so many tickets are settled, and so many are or have been lost;
    /// used after reading them from a file.
    pub fn is_possible(&self, settled: u64, heard_of: u64) -> bool {
        let can_be = |Sum { sum, most }: Sum| most <= sum && (self.count > 0 || sum == 0);
        (settled..=heard_of).contains(&self.count) && can_be(self.rounds) && can_be(self.versions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_greatest() {
        let mut ages = Ages::default();
        let mut metrics = Metrics::default();
        ages.metrics(&mut metrics);
        assert_eq!(metrics.iter().count(), 0);
        for (rounds, versions) in [(3, 0), (5, 2), (1, 4)] {
            ages.add(Age::new(rounds, versions), 1);
        }
        ages.metrics(&mut metrics);
        let found = ["rounds_mean", "rounds_most", "versions_mean", "versions_most"]
            .map(|what| metrics.get(&format!("feedback/age_{what}")));
        assert_eq!(found, [Some(3.0), Some(5.0), Some(2.0), Some(4.0)]);
        assert!(ages.is_possible(3, 3) && ages.is_possible(2, 5) && !ages.is_possible(4, 5));
        assert!(!Ages { rounds: Sum { sum: 1, most: 2 }, ..ages }.is_possible(3, 3));
        assert!(!Ages { count: 0, ..ages }.is_possible(0, 3));
        // More than were drawn would overflow one day.
        assert!(!ages.is_possible(2, 2) && !Ages { count: u64::MAX, ..ages }.is_possible(3, 3));
    }
}
