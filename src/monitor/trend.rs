//! Whether a metric moves the wrong way.

use crate::base::error::{Error, Result, length};
use crate::base::math::ln;
use crate::base::numbers::{LEAST, all_equal, all_finite, deviation, in_range, line, some, sum};

/// The way that a metric goes over its first and its last half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// Up in both.
    Rising,
    /// Down in both.
    Falling,
    /// Down, then up.
    U,
    /// Up, then down.
    InvertedU,
    /// Neither, in both.
    Flat,
    /// Level in one of them.
    Mixed,
}

impl Shape {
    /// As a word: "rising", "falling", "u", "inverted_u", "flat" or "mixed".
    pub fn name(self) -> &'static str {
        match self {
            Self::Rising => "rising",
            Self::Falling => "falling",
            Self::U => "u",
            Self::InvertedU => "inverted_u",
            Self::Flat => "flat",
            Self::Mixed => "mixed",
        }
    }
}

/// An alarm when a metric gets worse with scale: with tokens, with size, with time.
///
/// The line of least squares through the points, its standard error `sqrt(sse / (n - 2) / Sxx)`, and `t`, the slope over
/// that. The alarm goes off if the slope has the wrong sign, and `t` is at least `least_t` where it is defined. Look at
/// the shape before acting: a U can have a slope of 0. Cost: O(n log n).
///
/// Paper: McKenzie et al., *Inverse Scaling*; when to raise the alarm is our own reading of the contest.
///
/// ```
/// use curricle::monitor::{Shape, TrendAlarm};
///
/// let alarm = TrendAlarm { log_x: true, ..TrendAlarm::default() };
/// let reading = alarm.read(&[1.0, 10.0, 100.0], &[0.71, 0.66, 0.58])?;
/// assert!(reading.alarm && reading.shape == Some(Shape::Falling));
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrendAlarm {
    /// Whether x is taken by its logarithm.
    pub log_x: bool,
    /// Whether a falling metric is the bad one.
    pub higher_is_better: bool,
    /// How sure it must be; 0 asks for the sign alone.
    pub least_t: f64,
}

impl Default for TrendAlarm {
    fn default() -> Self {
        Self { log_x: false, higher_is_better: true, least_t: 0.0 }
    }
}

/// What [`TrendAlarm`] reads.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Trend {
    /// Of the line of least squares.
    pub slope: f64,
    /// Where it meets the axis.
    pub intercept: f64,
    /// Of the slope; `None` with fewer than three points, 0 if they lie on the line.
    pub std_error: Option<f64>,
    /// `slope / std_error`; `None` if that is 0 or `None`.
    pub t: Option<f64>,
    /// Whether it gets worse.
    pub alarm: bool,
    /// `None` with fewer than three points, or if a half of them has a single x.
    pub shape: Option<Shape>,
}

impl TrendAlarm {
    /// Reads points in any order.
    ///
    /// # Errors
    /// No point; lists of different lengths; a single x; a number that is not finite; an x of at most 0 where its
    /// logarithm is asked for; a `least_t` below 0.
    pub fn read(&self, x: &[f64], y: &[f64]) -> Result<Trend> {
        some("x", x)?;
        length("y", x.len(), y.len())?;
        all_finite("x", x)?;
        all_finite("y", y)?;
        in_range("least_t", self.least_t, 0.0, f64::MAX)?;
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(x.len());
        for (&x, &y) in x.iter().zip(y) {
            if self.log_x {
                in_range("x", x, LEAST, f64::MAX)?;
            }
            points.push((if self.log_x { ln(x) } else { x }, y));
        }
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        let one_x = || Error::Length { what: "different x", expected: 2, found: 1 };
        let (slope, intercept) = line(&x, &y).ok_or_else(one_x)?;
        let std_error = (x.len() >= 3).then(|| std_error(&x, &y, (slope, intercept)));
        let t = std_error.filter(|&error| error > 0.0).map(|error| slope / error);
        // A slope of rounding has no sign.
        let rises = if slope.abs() <= 1e-12 * range(&y) / range(&x) { 0.0 } else { slope };
        let is_worse = if self.higher_is_better { rises < 0.0 } else { rises > 0.0 };
        let is_sure = self.least_t == 0.0 || t.is_none_or(|t| t.abs() >= self.least_t);
        let shape = if x.len() >= 3 { shape(&x, &y) } else { None };
        Ok(Trend { slope, intercept, std_error, t, alarm: is_worse && is_sure, shape })
    }
}

fn std_error(x: &[f64], y: &[f64], (slope, intercept): (f64, f64)) -> f64 {
    if all_equal(y) {
        return 0.0;
    }
    // In units of the spread of y and of x, so that no square is beyond all numbers.
    let (of_x, of_y) = (deviation(x), deviation(y));
    let errors = x.iter().zip(y).map(|(x, y)| (y - (intercept + slope * x)) / of_y);
    let sse = sum(errors.map(|error| error * error)) / x.len() as f64;
    if sse <= 1e-20 {
        return 0.0;
    }
    (sse / (x.len() - 2) as f64).sqrt() * (of_y / of_x)
}

fn range(of: &[f64]) -> f64 {
    let most = of.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most - of.iter().copied().fold(f64::INFINITY, f64::min)
}

fn shape(x: &[f64], y: &[f64]) -> Option<Shape> {
    let (half, n) = (x.len().div_ceil(2), x.len());
    let level = 1e-9 * range(y) / range(x);
    let sign = |from: usize, to: usize| {
        let (slope, _) = line(&x[from..to], &y[from..to])?;
        let is_level = all_equal(&y[from..to]) || slope.abs() <= level;
        Some(if is_level {
            0
        } else if slope > 0.0 {
            1
        } else {
            -1
        })
    };
    Some(match (sign(0, half)?, sign(n - half, n)?) {
        (1, 1) => Shape::Rising,
        (-1, -1) => Shape::Falling,
        (-1, 1) => Shape::U,
        (1, -1) => Shape::InvertedU,
        (0, 0) => Shape::Flat,
        _ => Shape::Mixed,
    })
}
