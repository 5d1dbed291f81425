//! What is known about a sample.

use serde::{Deserialize, Serialize};

use crate::base::id::Round;
use crate::event::Outcome;

/// Rate of the moving average of a sample's success, per settled ticket. A sample is met a few times in
/// a run: at 0.3 the last three outcomes weigh 66 %, so that it follows the model, and no single one
/// decides.
const RATE: f32 = 0.3;

/// What is known about one sample. 20 bytes, side by side, so that a draw or an outcome reaches one
/// cache line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    draws: u32,
    /// Twice how many, and in the lowest bit whether one of them reported a success: small numbers are short in a file.
    settled: u32,
    success: f32,
    score: f32,
    last: u32,
}

impl Record {
    const JUDGED: u32 = 1;
    const ONE: u32 = 2;

    /// How often the sample was drawn.
    pub fn draws(&self) -> u32 {
        self.draws
    }

    /// How many of its tickets came back and were folded in, at most 2^31 - 1.
    pub fn settled(&self) -> u32 {
        self.settled / Self::ONE
    }

    /// Moving average of its success over the outcomes that reported one, with rate 0.3, from the first
    /// of them; 0 before.
    pub fn success(&self) -> f32 {
        self.success
    }

    /// Its last score; 0 before the first.
    pub fn score(&self) -> f32 {
        self.score
    }

    /// The last round that drew it, if any has; rounds from 2^32 on read as the one before.
    pub fn last(&self) -> Option<Round> {
        (self.draws > 0).then_some(Round(self.last.into()))
    }

    /// The record after one more draw.
    pub(super) fn drawn(mut self, round: Round) -> Self {
        self.draws = self.draws.saturating_add(1);
        self.last = u32::try_from(round.0).unwrap_or(u32::MAX);
        self
    }

    /// The record after one more outcome; the score stays.
    pub(crate) fn with(mut self, outcome: &Outcome) -> Self {
        if let Some(success) = outcome.success {
            let is_first = self.settled & Self::JUDGED == 0;
            let rate = if is_first { 1.0 } else { RATE };
            self.success += rate * (success - self.success);
            self.settled |= Self::JUDGED;
        }
        if self.settled <= u32::MAX - Self::ONE {
            self.settled += Self::ONE;
        }
        self
    }

    pub(crate) fn scored(mut self, score: f32) -> Self {
        self.score = score;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether an outcome is the first to report a success is not said by how many there were.
    #[test]
    fn success_starts_at_the_first_that_is_reported() {
        let silent = Outcome::default().loss(2.0);
        let one = Record::default().with(&silent).with(&Outcome::default().success(1.0));
        assert_eq!((one.success(), one.settled()), (1.0, 2));
        let failed = Record::default().with(&Outcome::default().success(0.0)).with(&silent);
        let then = failed.with(&Outcome::default().success(1.0));
        assert_eq!((then.success(), then.settled()), (RATE, 3));
        assert_eq!(Record::default().with(&silent).success(), 0.0);
    }

    #[test]
    fn counts_stop_at_their_greatest() {
        let full = Record { settled: u32::MAX - 1, draws: u32::MAX, ..Record::default() };
        let more = full.with(&Outcome::default().success(0.5)).drawn(Round(1 << 40));
        assert_eq!((more.settled(), more.draws()), (i32::MAX as u32, u32::MAX));
        assert_eq!(more.with(&Outcome::default()).settled(), i32::MAX as u32);
        assert_eq!(more.last(), Some(Round(u32::MAX.into())));
    }

    #[test]
    fn a_running_success_follows_the_last_outcomes() {
        let outcomes = [0.0, 1.0, 1.0, 1.0];
        let record = outcomes.iter().fold(Record::default(), |record, &success| {
            record.with(&Outcome::default().success(success))
        });
        // The last three weigh 1 - 0.7^3.
        assert!((record.success() - 0.657).abs() < 1e-6, "{}", record.success());
    }
}
