//! What has become of the tickets of each arm, over the whole run.

use serde::{Deserialize, Serialize};

use crate::event::Reason;
use crate::ledger::{ENDLESS, State};

/// Whether so many arms are tallied: nobody reads a log of more.
pub(crate) fn are_tallied(arms: usize) -> bool {
    arms < 1024
}

/// Counts of rejections, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reasons([u64; Reason::ALL.len()]);

impl Reasons {
    pub fn add(&mut self, reason: Reason) {
        self.0[reason as usize] += 1;
    }

    /// Takes back one that was added.
    pub fn take_back(&mut self, reason: Reason) {
        self.0[reason as usize] -= 1;
    }

    pub fn get(&self, reason: Reason) -> u64 {
        self.0[reason as usize]
    }

    pub fn sum(&self) -> u128 {
        self.0.iter().map(|&count| u128::from(count)).sum()
    }
}

/// The tickets of one arm: counts, and the mean and spread of their scores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tallies {
    pub drawn: u64,
    pub admitted: u64,
    pub rejected: u64,
    /// The rejected ones.
    pub reasons: Reasons,
    pub lost: u64,
    /// The sum of the numbers of tickets that the policy's probabilities asked for.
    pub asked: f64,
    /// The sum of the costs that were reported.
    pub cost: f64,
    scored: u64,
    mean: f64,
    /// The sum of the squared deviations from the mean.
    squares: f64,
}

impl Tallies {
    /// Counts a ticket whose round has been folded in.
    pub fn close(&mut self, state: &State) {
        if let State::Settled(outcome, _) = state {
            self.cost += f64::from(outcome.cost.unwrap_or(0.0));
        }
        match state {
            State::Settled(_, None) => self.admitted += 1,
            State::Settled(_, Some(reason)) | State::Untaught(reason) => {
                self.rejected += 1;
                self.reasons.add(*reason);
            }
            State::Open | State::Lost => self.lost += 1,
        }
    }

    /// A ticket that was counted is judged otherwise.
    pub fn change_verdict(&mut self, from: Option<Reason>, to: Option<Reason>) {
        match from {
            None => self.admitted -= 1,
            Some(reason) => {
                self.rejected -= 1;
                self.reasons.take_back(reason);
            }
        }
        match to {
            None => self.admitted += 1,
            Some(reason) => {
                self.rejected += 1;
                self.reasons.add(reason);
            }
        }
    }

    /// Takes in a score (Welford's update).
    pub fn score(&mut self, score: f64) {
        self.scored += 1;
        let deviation = score - self.mean;
        self.mean += deviation / self.scored as f64;
        self.squares += deviation * (score - self.mean);
    }

    /// The mean score; `None` before the first.
    pub fn mean(&self) -> Option<f64> {
        (self.scored > 0).then_some(self.mean)
    }

    /// The standard deviation of the scores, dividing by their number; `None` before the first.
    pub fn spread(&self) -> Option<f64> {
        (self.scored > 0).then(|| (self.squares / self.scored as f64).max(0.0).sqrt())
    }

    /// Whether the numbers can have come about, where so many tickets of the arm are yet to be counted; used after
    /// reading them from a file.
    pub fn is_possible(&self, under_way: u64) -> bool {
        let closed = u128::from(self.admitted) + u128::from(self.rejected) + u128::from(self.lost);
        // Scores and costs are single numbers: what is beyond their sums would overflow, or has.
        let most = f64::from(f32::MAX);
        let count = ENDLESS as f64;
        closed + u128::from(under_way) <= u128::from(self.drawn)
            && self.drawn.max(self.scored) <= ENDLESS
            && self.reasons.sum() == self.rejected.into()
            && (0.0..=count).contains(&self.asked)
            && (0.0..=count * most).contains(&self.cost)
            && (-most..=most).contains(&self.mean)
            && (self.scored > 0 || (self.mean, self.squares) == (0.0, 0.0))
            && (-1.0..=4.0 * count * most * most).contains(&self.squares)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn impossible_numbers_are_told() {
        let mut reasons = Reasons::default();
        [Reason::Own, Reason::Stale, Reason::Own].into_iter().for_each(|reason| reasons.add(reason));
        let good =
            Tallies { drawn: 9, admitted: 4, rejected: 3, lost: 2, reasons, ..Tallies::default() };
        assert!(good.is_possible(0) && Tallies { drawn: 10, ..good }.is_possible(1));
        assert!(!good.is_possible(1));
        for bad in [
            Tallies { drawn: 8, ..good },
            Tallies { admitted: 5, ..good },
            Tallies { rejected: 4, ..good },
            Tallies { lost: 3, ..good },
            Tallies { drawn: 10, rejected: 2, ..good },
            Tallies { lost: u64::MAX, ..good },
            Tallies { asked: f64::NAN, ..good },
            Tallies { cost: f64::INFINITY, ..good },
            Tallies { mean: f64::INFINITY, ..good },
            Tallies { squares: f64::NAN, ..good },
            Tallies { drawn: u64::MAX, ..good },
            Tallies { asked: -1.0, ..good },
            Tallies { mean: 1e300, scored: 3, ..good },
            Tallies { mean: 0.5, ..good },
            Tallies { cost: 1e300, ..good },
            Tallies { squares: 1e300, scored: 3, ..good },
            Tallies { scored: u64::MAX, ..good },
        ] {
            assert!(!bad.is_possible(0), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn mean_and_spread_are_those_of_the_list(scores in prop::collection::vec(-5.0..5.0f64, 1..40)) {
            let mut tallies = Tallies::default();
            prop_assert_eq!((tallies.mean(), tallies.spread()), (None, None));
            scores.iter().for_each(|&score| tallies.score(score));
            let n = scores.len() as f64;
            let mean = scores.iter().sum::<f64>() / n;
            let variance = scores.iter().map(|score| (score - mean) * (score - mean)).sum::<f64>() / n;
            prop_assert!((tallies.mean().unwrap() - mean).abs() < 1e-9);
            prop_assert!((tallies.spread().unwrap() - variance.sqrt()).abs() < 1e-9);
        }
    }
}
