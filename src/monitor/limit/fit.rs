//! The power law through a learning curve.

use crate::base::error::{Error, Result, finite, length};
use crate::base::math::{ln, pow};
use crate::base::numbers::{all_equal, all_finite, mean, positive, sum};

use super::search;

/// Which way a curve goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Direction {
    /// Up to its limit, as an accuracy.
    Rising,
    /// Down to it, as a loss.
    Falling,
}

impl Direction {
    pub(super) fn sign(self) -> f64 {
        match self {
            Self::Rising => 1.0,
            Self::Falling => -1.0,
        }
    }
}

/// The fit of a learning curve: `y = limit -+ scale x^-exponent`, by unweighted least squares.
///
/// The global minimum over exponents in a range, `scale >= 0`, and limits up to a bound (rising) or down to it (falling).
/// For every exponent the rest is a line in `z = (x / max x)^-exponent`; what is searched is the exponent alone. Give a
/// bound: without one a nearly straight curve sends the limit far away. Fits in logarithms, or with weights, give other
/// numbers. Cost: O(n) for some thousands of exponents, a fraction of a millisecond for tens of points.
///
/// Papers: arXiv 2402.02515 (learning curves with stop rules); *Pre-training under infinite compute*, arXiv 2509.14786
/// (recipes by their asymptotes).
///
/// ```
/// use curricle::monitor::CurveFit;
///
/// let x = [1.0, 2.0, 4.0, 8.0];
/// let y = x.map(|x| 90.0 - 20.0 / x);
/// let limit = CurveFit::percent().fit(&x, &y)?;
/// assert!((limit.limit - 90.0).abs() < 1e-6 && (limit.remaining - 2.5).abs() < 1e-6);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurveFit {
    /// Which way the curve goes.
    pub direction: Direction,
    /// What the limit cannot pass, if there is such a thing.
    pub bound: Option<f64>,
    /// The least and the greatest exponent.
    pub exponent: (f64, f64),
}

/// What [`CurveFit`] reads.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Limit {
    /// What the curve goes to.
    pub limit: f64,
    /// How far it is from it at x = 1.
    pub scale: f64,
    /// How fast it comes near; `None` if it is flat.
    pub exponent: Option<f64>,
    /// The sum of squared errors.
    pub sse: f64,
    /// The gain still to come at the greatest x.
    pub remaining: f64,
    /// Whether there is nothing to gain: all y are equal, or they go the other way.
    pub flat: bool,
    /// Whether the exponent is at an end of its range: then the limit says little.
    pub at_edge: bool,
    /// Whether the limit is the bound.
    pub at_bound: bool,
}

impl CurveFit {
    /// Of accuracies in per cent: rising, up to 100.
    pub fn percent() -> Self {
        Self { bound: Some(100.0), ..Self::share() }
    }

    /// Of accuracies as shares: rising, up to 1.
    pub fn share() -> Self {
        Self { direction: Direction::Rising, bound: Some(1.0), exponent: (0.01, 10.0) }
    }

    /// Of losses: falling, down to 0.
    pub fn loss() -> Self {
        Self { direction: Direction::Falling, bound: Some(0.0), exponent: (0.01, 10.0) }
    }

    /// Fits points in any order.
    ///
    /// # Errors
    /// Lists of different lengths; fewer than three different x; a number that is not finite; an x of at most 0; a range
    /// of exponents that is none; values whose squared errors are beyond what numbers can hold.
    pub fn fit(&self, x: &[f64], y: &[f64]) -> Result<Limit> {
        length("y", x.len(), y.len())?;
        all_finite("y", y)?;
        for (index, &x) in (0..).zip(x) {
            finite("x", index, x)?;
            positive("x", x)?;
        }
        let mut different = x.to_vec();
        different.sort_by(f64::total_cmp);
        different.dedup();
        if different.len() < 3 {
            return Err(Error::Length { what: "different x", expected: 3, found: different.len() });
        }
        let (low, high) = self.exponent;
        positive("exponent", low)?;
        crate::base::numbers::in_range("exponent", high, low, f64::MAX)?;
        if let Some(bound) = self.bound {
            finite("bound", 0, bound)?;
        }
        let profile = Profile::new(self, x, y, different[different.len() - 1]);
        // Where every y is one, that is the limit, unless the bound is in the way.
        if all_equal(y) && profile.ceiling >= profile.y[0] {
            return Ok(profile.limit(
                None,
                Line { c: profile.y[0], a: 0.0, is_bound: false },
                0.0,
                y[0],
            ));
        }
        let exponent = search::least(self.exponent, |exponent| {
            let line = profile.line(exponent);
            (profile.sse(exponent, line), profile.slope(exponent, line))
        });
        let line = profile.line(exponent);
        let (limit, sse) = (self.direction.sign() * line.c, profile.sse(exponent, line));
        if !sse.is_finite() {
            return Err(Error::NonFinite { what: "squared error of the curve", index: 0, value: sse });
        }
        Ok(profile.limit(Some(exponent), line, sse, limit))
    }
}

/// The best line for one exponent: `s y = c - a z`.
#[derive(Debug, Clone, Copy)]
struct Line {
    c: f64,
    a: f64,
    /// Whether c is held by the bound.
    is_bound: bool,
}

/// What is left of the fit when the exponent is given.
struct Profile<'a> {
    options: &'a CurveFit,
    /// `ln(x / max x)`, and s y.
    log_x: Vec<f64>,
    y: Vec<f64>,
    greatest: f64,
    /// What c may be at most.
    ceiling: f64,
}

impl<'a> Profile<'a> {
    fn new(options: &'a CurveFit, x: &[f64], y: &[f64], greatest: f64) -> Self {
        let sign = options.direction.sign();
        Self {
            options,
            log_x: x.iter().map(|&x| if x == greatest { 0.0 } else { ln(x) - ln(greatest) }).collect(),
            y: y.iter().map(|y| sign * y).collect(),
            greatest,
            ceiling: options.bound.map_or(f64::INFINITY, |bound| sign * bound),
        }
    }

    fn z(&self, exponent: f64) -> Vec<f64> {
        self.log_x.iter().map(|&log_x| crate::base::math::exp(-exponent * log_x)).collect()
    }

    fn line(&self, exponent: f64) -> Line {
        let z = self.z(exponent);
        let (at, level) = (mean(&z), mean(&self.y));
        let common = sum(z.iter().zip(&self.y).map(|(z, y)| (z - at) * (y - level)));
        let a = -common / sum(z.iter().map(|z| (z - at) * (z - at)));
        let c = level + a * at;
        if a >= 0.0 && c <= self.ceiling {
            return Line { c, a, is_bound: false };
        }
        let flat = Line { c: level.min(self.ceiling), a: 0.0, is_bound: level > self.ceiling };
        let held = sum(z.iter().zip(&self.y).map(|(z, y)| z * (self.ceiling - y)));
        let held = held / sum(z.iter().map(|z| z * z));
        // Without a bound there is no line that it holds.
        if held.is_finite() && held > 0.0 {
            let held = Line { c: self.ceiling, a: held, is_bound: true };
            if self.sse(exponent, held) < self.sse(exponent, flat) {
                return held;
            }
        }
        flat
    }

    fn sse(&self, exponent: f64, line: Line) -> f64 {
        let errors = self.z(exponent).into_iter().zip(&self.y).map(|(z, y)| y - (line.c - line.a * z));
        sum(errors.map(|error| error * error))
    }

    /// Half of the derivative of the sum of squares by the exponent, the best line going along.
    fn slope(&self, exponent: f64, line: Line) -> f64 {
        let z = self.z(exponent);
        let terms = z.iter().zip(&self.y).zip(&self.log_x).map(|((z, y), log_x)| {
            let error = y - (line.c - line.a * z);
            -error * line.a * log_x * z
        });
        sum(terms)
    }

    fn limit(&self, exponent: Option<f64>, line: Line, sse: f64, limit: f64) -> Limit {
        let (low, high) = self.options.exponent;
        let exponent = exponent.filter(|_| line.a > 0.0);
        Limit {
            limit,
            scale: exponent.map_or(0.0, |exponent| line.a * pow(self.greatest, exponent)),
            exponent,
            sse,
            remaining: line.a,
            flat: exponent.is_none(),
            at_edge: exponent.is_some_and(|exponent| exponent == low || exponent == high),
            at_bound: line.is_bound || self.options.bound == Some(limit),
        }
    }
}
