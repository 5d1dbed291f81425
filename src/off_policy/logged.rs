//! One row of a log, as off-policy estimators read it.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, finite, within};
use crate::base::id::Round;

/// A choice that was made and what it earned, and the probability with which a target would have made it.
///
/// ```
/// use curricle::{Round, off_policy::Logged};
///
/// // Chosen with probability 0.1; the target would have chosen it with 0.3, and earns 0.8 for it.
/// let row = Logged::new(Round(4), 0.1, 0.3, 0.8).predicted(0.7, 0.5);
/// assert_eq!(row.prediction.map(|it| it.expected), Some(0.5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Logged {
    /// The round that it was made in: choices of one round are not independent.
    pub round: Round,
    /// The probability with which it was made, in `(0, 1]`: `q`.
    pub propensity: f64,
    /// The probability with which the target would have made it, in `[0, 1]`: `p`.
    pub target: f64,
    /// What it earned: `r`.
    pub reward: f64,
    /// What a model predicted, for doubly robust estimates.
    pub prediction: Option<Prediction>,
}

/// What a model that has not seen the reward predicts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Prediction {
    /// For the choice that was made: `m`.
    pub logged: f64,
    /// The mean over all choices that the target could have made, by its probabilities: `v`.
    pub expected: f64,
}

impl Logged {
    /// A row without a prediction.
    pub fn new(round: Round, propensity: f64, target: f64, reward: f64) -> Self {
        Self { round, propensity, target, reward, prediction: None }
    }

    /// Sets what a model predicted: for the choice that was made, and as the mean of what the target would choose.
    #[must_use]
    pub fn predicted(mut self, logged: f64, expected: f64) -> Self {
        self.prediction = Some(Prediction { logged, expected });
        self
    }

    /// Checks the numbers of the row at a place.
    pub(super) fn check(&self, place: usize) -> Result<()> {
        let place = place as u64;
        check_propensity(self.propensity, place)?;
        finite("probability of the target", place, self.target)?;
        within("probability of the target", self.target, 0.0, GREATEST)?;
        finite("reward", place, self.reward)?;
        if let Some(Prediction { logged, expected }) = self.prediction {
            finite("prediction", place, logged)?;
            finite("expected prediction", place, expected)?;
        }
        Ok(())
    }
}

/// Sums of probabilities can be off by their rounding.
const GREATEST: f64 = 1.0 + 1e-9;

/// Checks the probability of what happened, at a place or of a ticket.
pub(super) fn check_propensity(propensity: f64, place: u64) -> Result<()> {
    finite("propensity", place, propensity)?;
    within("propensity", propensity, f64::MIN_POSITIVE, GREATEST).map(drop)
}
