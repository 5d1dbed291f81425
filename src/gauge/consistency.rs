//! Whether the reasoning of a rollout supports its answer, relative to its group.

use crate::base::error::{Result, finite, length};
use crate::base::math::exp;
use crate::base::numbers::{
    LEAST, SLACK, all_finite, in_range, log_probabilities, mean, mean_of, some,
};

/// The bonus for rollouts that are right *and* whose answer the lagged model finds likely given their own reasoning.
///
/// ```text
/// accurate_i   = accuracy_i > floor and accuracy_i >= mean(accuracy)
/// confidence_i = min(exp(mean of the answer's log-probabilities), cap)
/// bonus_i      = bonus * accuracy_i   if accurate and confidence_i >= mean over accurate ones - margin, else 0
/// ```
///
/// The defaults are those of the authors' script for general use; for their benchmark the margin is 0. The lagged model
/// (a moving average of the policy) is the loop's business. Cost: O(tokens).
///
/// Paper: Chen et al., *GRPO-CARE*, arXiv 2506.16141. Other than in its code a rollout without an answer has no
/// confidence, where `exp(0)` would be the greatest.
///
/// ```
/// use curricle::gauge::Consistency;
///
/// let accuracy = [1.0, 1.0, 0.0];
/// let answers = [vec![-0.1, -0.2], vec![-3.0, -2.0], vec![-0.1]];
/// let reading = Consistency::default().read(&accuracy, &answers)?;
/// assert_eq!(reading.reward, [1.5, 1.0, 0.0]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Consistency {
    /// What is added to a reward of 1.
    pub bonus: f64,
    /// How far below the mean a confidence may be.
    pub margin: f64,
    /// The greatest confidence that counts, if there is one.
    pub cap: Option<f64>,
    /// An accuracy up to this is not accurate.
    pub floor: f64,
}

impl Default for Consistency {
    fn default() -> Self {
        Self { bonus: 0.5, margin: 0.01, cap: Some(0.95), floor: 0.1 }
    }
}

/// What [`Consistency`] reads of a group, a value for each rollout.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ConsistencyReading {
    /// Whether it is right, as measured by its group.
    pub accurate: Vec<bool>,
    /// How likely its answer is; `None` without an answer, 0 if a token is impossible.
    pub confidence: Vec<Option<f64>>,
    /// The mean over accurate rollouts that have one; `None` if none has.
    pub mean_confidence: Option<f64>,
    /// What is added.
    pub bonus: Vec<f64>,
    /// Accuracy and bonus together.
    pub reward: Vec<f64>,
}

impl Consistency {
    /// Reads a group: the accuracy of each rollout, and the log-probabilities of its answer's tokens given its own
    /// reasoning under the lagged model, of which minus infinity is allowed.
    ///
    /// # Errors
    /// An empty group; lists of different lengths; a number that is not finite; an option or a log-probability out of
    /// its range.
    pub fn read<R: AsRef<[f64]>>(
        &self,
        accuracy: &[f64],
        answer_logps: &[R],
    ) -> Result<ConsistencyReading> {
        some("accuracy", accuracy)?;
        length("answer_logps", accuracy.len(), answer_logps.len())?;
        all_finite("accuracy", accuracy)?;
        in_range("bonus", self.bonus, 0.0, f64::MAX)?;
        in_range("margin", self.margin, 0.0, f64::MAX)?;
        finite("floor", 0, self.floor)?;
        if let Some(cap) = self.cap {
            in_range("cap", cap, LEAST, 1.0)?;
        }
        let confidence = answer_logps
            .iter()
            .map(|answer| self.confidence(answer.as_ref()))
            .collect::<Result<Vec<Option<f64>>>>()?;
        let level = mean(accuracy) - SLACK;
        let accurate: Vec<bool> = accuracy.iter().map(|&of| of > self.floor && of >= level).collect();
        let counted: Vec<f64> = accurate
            .iter()
            .zip(&confidence)
            .filter_map(|(&accurate, &confidence)| confidence.filter(|_| accurate))
            .collect();
        let mean_confidence = mean_of(&counted);
        let reaches = |of: Option<f64>| {
            of.zip(mean_confidence).is_some_and(|(of, mean)| of >= mean - self.margin - SLACK)
        };
        let bonus: Vec<f64> = accuracy
            .iter()
            .zip(accurate.iter().zip(&confidence))
            .map(
                |(of, (&is, &confidence))| {
                    if is && reaches(confidence) { self.bonus * of } else { 0.0 }
                },
            )
            .collect();
        let reward = accuracy.iter().zip(&bonus).map(|(of, bonus)| of + bonus).collect();
        Ok(ConsistencyReading { accurate, confidence, mean_confidence, bonus, reward })
    }

    fn confidence(&self, answer: &[f64]) -> Result<Option<f64>> {
        let possible: Vec<f64> =
            answer.iter().copied().filter(|&logp| logp != f64::NEG_INFINITY).collect();
        log_probabilities("answer_logps", &possible)?;
        Ok(match possible.len() {
            _ if answer.is_empty() => None,
            some if some < answer.len() => Some(0.0),
            _ => Some(exp(mean(answer)).min(self.cap.unwrap_or(f64::INFINITY))),
        })
    }
}
