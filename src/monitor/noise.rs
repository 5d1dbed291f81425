//! How far a difference of scores may be luck.

use crate::base::error::{Result, length};
use crate::base::numbers::{
    LEAST, all_finite, at_least, count_within, deviation, in_range, mean, quantile, sample_deviation,
    some,
};

/// What [`seed_noise`] reads.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SeedNoise {
    /// Over the seeds, at every checkpoint.
    pub mean: Vec<f64>,
    /// The standard deviation over the seeds, that of a sample, at every checkpoint.
    pub std: Vec<f64>,
    /// The mean of the deviations.
    pub seed_noise: f64,
    /// `mean / std` at the last checkpoint: infinite if the seeds agree; `None` if they agree on 0.
    pub snr: Option<f64>,
}

/// The noise between seeds of an evaluation: `scores[seed][checkpoint]`.
///
/// No band of another rule should be narrower than `seed_noise`. Cost: O(scores).
///
/// Paper: Madaan et al., *Quantifying Variance in Evaluation Benchmarks*, arXiv 2406.10229 (10 seeds, 21 checkpoints); it does
/// not say which deviation it takes. What later work calls a signal-to-noise ratio is another one.
///
/// ```
/// let reading = curricle::monitor::seed_noise(&[vec![0.5, 0.6], vec![0.5, 0.8]])?;
/// assert_eq!(reading.std[0], 0.0);
/// assert!((reading.snr.unwrap() - 0.7 / 0.02f64.sqrt()).abs() < 1e-9);
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No seed or no checkpoint; a single seed; rows of different lengths; a number that is not finite.
pub fn seed_noise<R: AsRef<[f64]>>(scores: &[R]) -> Result<SeedNoise> {
    some("scores", scores)?;
    at_least("scores", 2, scores)?;
    some("scores", scores[0].as_ref())?;
    for row in scores {
        length("scores", scores[0].as_ref().len(), row.as_ref().len())?;
        all_finite("scores", row.as_ref())?;
    }
    let at = |checkpoint: usize| scores.iter().map(|row| row.as_ref()[checkpoint]).collect::<Vec<_>>();
    let (mean_of, std): (Vec<f64>, Vec<f64>) = (0..scores[0].as_ref().len())
        .map(|checkpoint| (mean(&at(checkpoint)), sample_deviation(&at(checkpoint))))
        .unzip();
    let last = std.len() - 1;
    let snr = match (mean_of[last], std[last]) {
        (0.0, 0.0) => None,
        (mean, 0.0) => Some(f64::INFINITY.copysign(mean)),
        (mean, std) => Some(mean / std),
    };
    Ok(SeedNoise { seed_noise: mean(&std), mean: mean_of, std, snr })
}

/// What [`bootstrap_interval`] reads.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Interval {
    /// Of the values.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The standard deviation of the means of the resamples.
    pub std_error: f64,
    /// `z sqrt(p (1 - p) / n)` if all values are 0 or 1.
    pub analytic_half_width: Option<f64>,
}

/// The bootstrap interval of a mean, from resamples that are given as lists of indices.
///
/// No generator is shared: draw the indices from a stream of your own, such as [`Rng`](crate::Rng), and the interval can be
/// replayed. Ask whether a difference lies outside it before a rule acts on the difference. Cost: O(indices).
///
/// Paper: Madaan et al., *Quantifying Variance in Evaluation Benchmarks*, arXiv 2406.10229 (level 0.95, z 1.96); its column
/// "95 % CI" is a half-width.
///
/// ```
/// let resamples = [vec![0, 0], vec![0, 1], vec![1, 1]];
/// let reading = curricle::monitor::bootstrap_interval(&[0.0, 1.0], &resamples, 0.5, 1.96)?;
/// assert_eq!((reading.mean, reading.low, reading.high), (0.5, 0.25, 0.75));
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No value or no resample; a resample of another size; a number that is not finite; an index or a level out of range.
pub fn bootstrap_interval<R: AsRef<[usize]>>(
    values: &[f64],
    indices: &[R],
    level: f64,
    z: f64,
) -> Result<Interval> {
    some("values", values)?;
    some("indices", indices)?;
    all_finite("values", values)?;
    in_range("level", level, LEAST, 1.0 - f64::EPSILON / 2.0)?;
    all_finite("z", &[z])?;
    let mut means = Vec::with_capacity(indices.len());
    for resample in indices {
        let resample = resample.as_ref();
        length("indices", values.len(), resample.len())?;
        let drawn = resample
            .iter()
            .map(|&index| {
                count_within("indices", index as u64, 0, values.len() as u64 - 1)?;
                Ok(values[index])
            })
            .collect::<Result<Vec<f64>>>()?;
        means.push(mean(&drawn));
    }
    let centre = mean(values);
    let are_binary = values.iter().all(|&value| value == 0.0 || value == 1.0);
    Ok(Interval {
        mean: centre,
        low: quantile(&means, (1.0 - level) / 2.0),
        high: quantile(&means, (1.0 + level) / 2.0),
        std_error: deviation(&means),
        analytic_half_width: are_binary
            .then(|| z * (centre * (1.0 - centre) / values.len() as f64).sqrt()),
    })
}
