//! When what is left to gain is too little.

use crate::base::error::{Error, Result, length};
use crate::base::numbers::{all_finite, at_least, count_within, positive};

use super::fit::CurveFit;

/// When a run can stop, and how the fit came to it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StopPoint {
    /// How many points each fit had: 3, 4 and so on.
    pub levels: Vec<usize>,
    /// The limit by each.
    pub limits: Vec<f64>,
    /// What is left to gain by each.
    pub remaining: Vec<f64>,
    /// From where on the limits are believed: they have not risen so many times in a row.
    pub prediction_level: Option<usize>,
    /// The first level from there on at which what is left is at most the threshold.
    pub stop_level: Option<usize>,
    /// Its x.
    pub stop_x: Option<f64>,
}

impl CurveFit {
    /// When to stop: fits the first three points, the first four and so on, and waits until the limit has not risen
    /// `patience` times in a row; stops where what is [left](super::Limit::remaining) is at most the threshold.
    ///
    /// Call it after every evaluation with all points so far. With few and noisy points the first limits jump; a patience
    /// of 3 keeps them from stopping a run. A curve that goes the other way is flat, with nothing left, and stops too. The
    /// threshold is in units of y. Cost: that of n fits.
    ///
    /// Paper: arXiv 2402.02515; the rule is a reconstruction. On noiseless data it stops at `(scale / threshold)^(1 /
    /// exponent)`.
    ///
    /// ```
    /// use curricle::monitor::CurveFit;
    ///
    /// let x: Vec<f64> = (1..=20).map(f64::from).collect();
    /// let y: Vec<f64> = x.iter().map(|x| 95.0 - 30.0 / x).collect();
    /// let stop = CurveFit::percent().stop(&x, &y, 2.0, 3)?;
    /// assert_eq!(stop.stop_x, Some(15.0));
    /// # Ok::<(), curricle::Error>(())
    /// ```
    ///
    /// A limit has risen if it is above the one before by more than 1e-6 of it, or than 1e-6 where it is below 1: give
    /// smaller values in another unit.
    ///
    /// # Errors
    /// Those of [`fit`](Self::fit); x that do not increase; a threshold that is not above 0; a patience of 0.
    pub fn stop(&self, x: &[f64], y: &[f64], threshold: f64, patience: usize) -> Result<StopPoint> {
        length("y", x.len(), y.len())?;
        at_least("x", 3, x)?;
        all_finite("x", x)?;
        positive("threshold", threshold)?;
        if let Some(pair) = x.windows(2).find(|pair| pair[0] >= pair[1]) {
            let (value, low) = (pair[1], pair[0]);
            return Err(Error::OutOfRange { what: "x", value, low, high: f64::MAX });
        }
        count_within("patience", patience as u64, 1, u64::MAX)?;
        let levels: Vec<usize> = (3..=x.len()).collect();
        let fits = levels
            .iter()
            .map(|&level| self.fit(&x[..level], &y[..level]))
            .collect::<Result<Vec<_>>>()?;
        let sign = self.direction.sign();
        let (mut calm, mut prediction_level) = (0, None);
        for (pair, &level) in fits.windows(2).zip(&levels[1..]) {
            let (before, now) = (pair[0].limit, pair[1].limit);
            let has_risen = sign * (now - before) > 1e-6 * before.abs().max(1.0);
            calm = if has_risen { 0 } else { calm + 1 };
            if calm >= patience && prediction_level.is_none() {
                prediction_level = Some(level);
            }
        }
        let is_enough = |level: usize| fits[level - 3].remaining <= threshold;
        let stop_level =
            prediction_level.and_then(|from| (from..=x.len()).find(|&level| is_enough(level)));
        Ok(StopPoint {
            limits: fits.iter().map(|fit| fit.limit).collect(),
            remaining: fits.iter().map(|fit| fit.remaining).collect(),
            levels,
            prediction_level,
            stop_level,
            stop_x: stop_level.map(|level| x[level - 1]),
        })
    }
}
