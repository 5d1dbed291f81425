//! A quantile of a stream in constant memory.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, finite, within};

/// The P² estimate of a quantile: five markers that are moved along a parabola as numbers come.
///
/// It takes constant memory and keeps no promise: on a stream that drifts, or with many ties, it can be
/// far off. [`Window`](super::Window) is exact over the last numbers.
///
/// Paper: Jain and Chlamtac, *The P² algorithm for dynamic calculation of quantiles and histograms
/// without storing observations*, Communications of the ACM 28(10), 1985.
///
/// ```
/// use curricle::test_time::budget::PSquare;
///
/// let mut median = PSquare::new(0.5)?;
/// (0..1001).map(|i| f64::from(i * 383 % 1001)).try_for_each(|x| median.push(x))?;
/// assert!((median.estimate().unwrap() - 500.0).abs() < 10.0);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PSquare {
    quantile: f64,
    seen: u64,
    heights: [f64; 5],
    positions: [f64; 5],
}

impl PSquare {
    /// An estimate of the quantile `p` in `[0, 1]`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for another `p`.
    pub fn new(quantile: f64) -> Result<Self> {
        within("quantile", quantile, 0.0, 1.0)?;
        Ok(Self { quantile, seen: 0, heights: [0.0; 5], positions: [1.0, 2.0, 3.0, 4.0, 5.0] })
    }

    /// Takes a number in.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) if it is not finite.
    pub fn push(&mut self, value: f64) -> Result<()> {
        finite("observation", self.seen, value)?;
        if self.seen < 5 {
            self.heights[self.seen as usize] = value;
            self.seen += 1;
            self.heights[..self.seen as usize].sort_by(f64::total_cmp);
            return Ok(());
        }
        self.seen += 1;
        self.heights[0] = self.heights[0].min(value);
        self.heights[4] = self.heights[4].max(value);
        // The markers above the number move up by one.
        for marker in 1..5 {
            if marker == 4 || value < self.heights[marker] {
                self.positions[marker] += 1.0;
            }
        }
        let p = self.quantile;
        let shares = [0.0, p / 2.0, p, (1.0 + p) / 2.0, 1.0];
        for (marker, share) in shares.into_iter().enumerate().take(4).skip(1) {
            let wanted = 1.0 + (self.seen - 1) as f64 * share;
            self.adjust(marker, wanted - self.positions[marker]);
        }
        Ok(())
    }

    /// Moves a marker by one towards where it should be, if it is off by one and there is room.
    fn adjust(&mut self, marker: usize, off: f64) {
        let (q, n) = (&self.heights, &self.positions);
        let (before, after) = (n[marker] - n[marker - 1], n[marker + 1] - n[marker]);
        if !(off >= 1.0 && after > 1.0 || off <= -1.0 && before > 1.0) {
            return;
        }
        let step = if off >= 1.0 { 1.0 } else { -1.0 };
        let rise = (q[marker + 1] - q[marker]) / after;
        let fall = (q[marker] - q[marker - 1]) / before;
        let parabola =
            q[marker] + step / (before + after) * ((before + step) * rise + (after - step) * fall);
        let next = if step > 0.0 { marker + 1 } else { marker - 1 };
        self.heights[marker] = if q[marker - 1] < parabola && parabola < q[marker + 1] {
            parabola
        } else {
            // Apart, as the difference of great heights is no number.
            let apart = step / (n[next] - n[marker]);
            q[marker] + (q[next] * apart - q[marker] * apart)
        };
        self.positions[marker] += step;
    }

    /// The heights of the five markers, and their positions: the estimates of the least, the quantiles
    /// `p / 2`, `p` and
    /// `(1 + p) / 2`, and the greatest. Meaningful from the fifth number on.
    pub fn markers(&self) -> ([f64; 5], [f64; 5]) {
        (self.heights, self.positions)
    }

    /// The estimate, once there is a number.
    pub fn estimate(&self) -> Option<f64> {
        match self.seen {
            0 => None,
            few @ 1..5 => Some(self.heights[(self.quantile * (few - 1) as f64).round() as usize]),
            _ => Some(self.heights[2]),
        }
    }
}
