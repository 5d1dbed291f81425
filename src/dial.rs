//! Dials: numbers that something else is set by, as a function of the clock or of readings.
//!
//! A constant and a ramp are a [`Schedule`]; the clamped nudge is that of [`MeanRule`](crate::policy::MeanRule); this module has the range of
//! a reward, moved by two schedules, and the best setting of a grid.

use crate::base::error::{Result, finite, length};
use crate::base::id::Round;
use crate::base::numbers::{SLACK, all_finite, all_within, between, count_within, some};
use crate::base::schedule::Schedule;

/// The range of a component of a reward, whose ends move with the step.
///
/// ```text
/// reward = low(step) + (high(step) - low(step)) fraction
/// ```
///
/// Cost: O(steps asked for).
///
/// Paper: Qian et al., *ToolRL*: correctness goes from -2..2 to -3..3 over 150 steps, format from -2..2 to -1..1, its upper end
/// in 150 and its lower in 75; or at once, at step 30.
///
/// ```
/// use curricle::Schedule;
/// use curricle::dial::RewardRange;
///
/// let range = RewardRange {
///     low: Schedule::Linear { from: -2.0, to: -3.0, rounds: 150 },
///     high: Schedule::Linear { from: 2.0, to: 3.0, rounds: 150 },
/// };
/// assert_eq!(range.read(&[0, 75, 300], &[1.0, 0.5, 0.0])?.reward, [2.0, 0.0, -3.0]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RewardRange {
    /// The lower end.
    pub low: Schedule,
    /// The upper end.
    pub high: Schedule,
}

/// What [`RewardRange`] gives, a value for each step that was asked for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Ranged {
    /// The lower end.
    pub low: Vec<f64>,
    /// The upper end.
    pub high: Vec<f64>,
    /// The reward.
    pub reward: Vec<f64>,
}

impl RewardRange {
    /// The rewards of fractions, from 0 to 1, at these steps.
    ///
    /// # Errors
    /// Nothing asked for; lists of different lengths; a fraction outside [0, 1]; an end that is not finite, or moves in no
    /// time; a geometric one that is not positive.
    pub fn read(&self, at: &[u64], fraction: &[f64]) -> Result<Ranged> {
        some("at", at)?;
        length("fraction", at.len(), fraction.len())?;
        all_within("fraction", fraction, 0.0, 1.0)?;
        for end in [&self.low, &self.high] {
            for value in [end.at(Round(0)), end.at(Round(u64::MAX))] {
                finite("end of a range", 0, value)?;
            }
            end.check("end of a range", -f64::MAX, f64::MAX)?;
            count_within("rounds", end.rounds().unwrap_or(1), 1, u64::MAX)?;
        }
        let of = |end: &Schedule| at.iter().map(|&step| end.at(Round(step))).collect::<Vec<_>>();
        let (low, high) = (of(&self.low), of(&self.high));
        // On its way between two numbers a schedule can pass what no number holds.
        all_finite("end of a range", &low)?;
        all_finite("end of a range", &high)?;
        let ends = low.iter().zip(&high).zip(fraction);
        let reward = ends.map(|((&low, &high), &fraction)| between(low, high, fraction)).collect();
        Ok(Ranged { low, high, reward })
    }
}

/// The setting of a grid with the greatest reading, and that reading: the first that is at most 1e-9 below the greatest.
///
/// B-STaR evaluates the mean [balance score](crate::gauge::balance_score) for every temperature and threshold each round, and
/// samples with the best. Cost: a reading for each setting.
///
/// Paper: Zeng et al., *B-STaR* (thresholds -1 to 1 by 0.01, temperatures 0.5 to 1.2 by 0.05).
///
/// ```
/// let best = curricle::dial::best_of_grid([0.5, 1.0, 1.5], |&temperature| Ok(1.0 - (temperature - 1.0f64).abs()))?;
/// assert_eq!(best, (1.0, 1.0));
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// An empty grid; a reading that is not finite, or fails.
pub fn best_of_grid<T>(
    grid: impl IntoIterator<Item = T>,
    mut reading: impl FnMut(&T) -> Result<f64>,
) -> Result<(T, f64)> {
    let (mut settings, mut readings) = (Vec::new(), Vec::new());
    for (index, setting) in (0..).zip(grid) {
        readings.push(finite("reading", index, reading(&setting)?)?);
        settings.push(setting);
    }
    some("grid", &readings)?;
    let greatest = readings.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // The greatest itself is one of them.
    let best = readings.iter().position(|reading| greatest - reading <= SLACK).unwrap_or(0);
    Ok((settings.swap_remove(best), readings[best]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_best_settings_is_the_first_near_the_greatest() {
        let best = |readings: &[f64]| {
            best_of_grid(0..readings.len(), |&at| Ok(readings[at])).map(|(setting, _)| setting)
        };
        assert_eq!(best(&[0.300_000_000_499_999_9, 0.300_000_000_500_000_1]), Ok(0));
        assert_eq!(best(&[0.0, 8e-10]), Ok(0));
        assert_eq!(best(&[0.0, 8e-10, 1.6e-9]), Ok(1));
        assert_eq!(best(&[-1e300, 1e300]), Ok(1));
    }

    #[test]
    fn a_range_between_the_greatest_numbers_has_numbers_in_it() {
        let range = RewardRange { low: (-1e308).into(), high: 1e308.into() };
        assert_eq!(range.read(&[0, 0, 0], &[0.0, 0.5, 1.0]).unwrap().reward, [-1e308, 0.0, 1e308]);
    }
}
