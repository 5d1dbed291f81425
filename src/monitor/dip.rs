//! How far what was learned dips while something else is learned.

use crate::base::error::{Result, length};
use crate::base::numbers::{all_finite, count_within, mean, mean_of, some};

/// Forgetting, measured at every probe and not only at the end: a curriculum is a sequence of switches, and every switch may
/// cost what was learned before.
///
/// ```text
/// min_accuracy = the least from the probe on at which the loop left the task
/// worst_case   = current / k + (1 - 1 / k) mean(min_accuracy)        never above the mean at the end
/// drop, rise   = the greatest fall and rise within `window` probes
/// ```
///
/// Probe every arm at a fixed cadence, mark when the curriculum leaves one, raise an alarm on `drop`, report `worst_case`.
/// Windows count probes, not steps. Cost: O(probes window).
///
/// Paper: De Lange et al., *Continual evaluation for lifelong learning: identifying the stability gap*, arXiv 2205.13452
/// (windows 10 and 100). Its released plasticity skips every start below an earlier one, which is right for drops and wrong
/// for rises: 0.5, 0.2, 0.9 rises by 0.7.
///
/// ```
/// use curricle::monitor::Forgetting;
///
/// let accuracy = [vec![0.9, 0.4, 0.8], vec![0.1, 0.5, 0.7]];
/// let reading = Forgetting { window: 10 }.read(&accuracy, &[Some(1), None])?;
/// assert_eq!((reading.mean_min, reading.drop[0], reading.rise[1]), (Some(0.4), 0.5, 0.6));
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgetting {
    /// Probes of a window; at least 2.
    pub window: usize,
}

impl Default for Forgetting {
    fn default() -> Self {
        Self { window: 10 }
    }
}

/// What [`Forgetting`] reads.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Dips {
    /// The least accuracy of each task since it was left; `None` for the one being learned.
    pub min_accuracy: Vec<Option<f64>>,
    /// Their mean; `None` if no task was left.
    pub mean_min: Option<f64>,
    /// The mean of all tasks at the last probe.
    pub final_mean: f64,
    /// A lower bound of the mean at any time.
    pub worst_case: f64,
    /// The greatest fall of each task within a window.
    pub drop: Vec<f64>,
    /// Their mean.
    pub mean_drop: f64,
    /// The greatest rise of each task within a window.
    pub rise: Vec<f64>,
    /// Their mean.
    pub mean_rise: f64,
}

impl Forgetting {
    /// Reads `accuracy[task][probe]`; `left_at` has the first probe after the loop left each task, `None` for the one being
    /// learned.
    ///
    /// # Errors
    /// No task or no probe; lists of different lengths; a number, or a difference, that is not finite; a window below 2; a
    /// mark beyond the probes; not exactly one task that is being learned.
    pub fn read<R: AsRef<[f64]>>(&self, accuracy: &[R], left_at: &[Option<usize>]) -> Result<Dips> {
        some("accuracy", accuracy)?;
        length("left_at", accuracy.len(), left_at.len())?;
        let probes = accuracy[0].as_ref().len();
        some("accuracy", accuracy[0].as_ref())?;
        for row in accuracy {
            length("accuracy", probes, row.as_ref().len())?;
            all_finite("accuracy", row.as_ref())?;
        }
        count_within("window", self.window as u64, 2, u64::MAX)?;
        for &mark in left_at.iter().flatten() {
            count_within("left_at", mark as u64, 0, probes as u64 - 1)?;
        }
        let learned: Vec<usize> = (0..accuracy.len()).filter(|&at| left_at[at].is_none()).collect();
        count_within("tasks being learned", learned.len() as u64, 1, 1)?;
        let current = learned[0];
        let last = |task: usize| accuracy[task].as_ref()[probes - 1];
        let least = |(row, mark): (&R, &Option<usize>)| {
            mark.map(|mark| row.as_ref()[mark..].iter().copied().fold(f64::INFINITY, f64::min))
        };
        let min_accuracy: Vec<Option<f64>> = accuracy.iter().zip(left_at).map(least).collect();
        let mean_min = mean_of(&min_accuracy.iter().copied().flatten().collect::<Vec<_>>());
        let part = 1.0 / accuracy.len() as f64;
        let worst_case =
            mean_min.map_or(last(current), |min| last(current) * part + (1.0 - part) * min);
        let drop: Vec<f64> = accuracy.iter().map(|row| self.fall(row.as_ref(), 1.0)).collect();
        let rise: Vec<f64> = accuracy.iter().map(|row| self.fall(row.as_ref(), -1.0)).collect();
        all_finite("drop", &drop)?;
        all_finite("rise", &rise)?;
        Ok(Dips {
            min_accuracy,
            mean_min,
            final_mean: mean(&(0..accuracy.len()).map(last).collect::<Vec<_>>()),
            worst_case,
            mean_drop: mean(&drop),
            mean_rise: mean(&rise),
            drop,
            rise,
        })
    }

    /// The greatest `sign (earlier - later)` within a window, at least 0.
    fn fall(&self, row: &[f64], sign: f64) -> f64 {
        let falls = (0..row.len()).flat_map(|from| {
            let to = from.saturating_add(self.window).min(row.len());
            (from + 1..to).map(move |later| sign * (row[from] - row[later]))
        });
        falls.fold(0.0, f64::max)
    }
}
