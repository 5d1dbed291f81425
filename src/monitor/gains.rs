//! Gains on one scale, and where they come from.

use crate::base::error::{Error, Result, length};
use crate::base::numbers::{all_finite, deviation, mean, mean_of, some};

/// What [`relative_gain`] reads.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RelativeGain {
    /// In per cent of the mean of the column; `None` in a column whose mean is 0.
    pub gain: Vec<Vec<Option<f64>>>,
    /// The mean of the gains of each row; `None` if it has none.
    pub mean: Vec<Option<f64>>,
    /// The standard deviation of each row of the table.
    pub spread: Vec<f64>,
}

/// Scores of different scales on one: `100 (x - m) / m` with `m` the mean of the column of `table[row][column]`.
///
/// A negative mean turns the sign round, and a column of mixed signs means nothing. Cost: O(table).
///
/// Paper: MM-BigBench; its code adds 1e-6 to the mean.
///
/// ```
/// let reading = curricle::monitor::relative_gain(&[vec![1.0, 40.0], vec![3.0, 60.0]])?;
/// assert_eq!((reading.gain[0][1], reading.mean[1]), (Some(-20.0), Some(35.0)));
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No row or no column; rows of different lengths; a number that is not finite.
pub fn relative_gain<R: AsRef<[f64]>>(table: &[R]) -> Result<RelativeGain> {
    some("table", table)?;
    some("table", table[0].as_ref())?;
    for row in table {
        length("table", table[0].as_ref().len(), row.as_ref().len())?;
        all_finite("table", row.as_ref())?;
    }
    let level = |column: usize| {
        let values: Vec<f64> = table.iter().map(|row| row.as_ref()[column]).collect();
        let greatest = values.iter().fold(0.0f64, |most, value| most.max(value.abs()));
        // Numbers that cancel out leave some rounding behind.
        Some(mean(&values)).filter(|mean| mean.abs() > 1e-15 * greatest)
    };
    let levels: Vec<Option<f64>> = (0..table[0].as_ref().len()).map(level).collect();
    let gain: Vec<Vec<Option<f64>>> = table
        .iter()
        .map(|row| {
            let of = |(x, level): (&f64, &Option<f64>)| level.map(|level| 100.0 * (x - level) / level);
            row.as_ref().iter().zip(&levels).map(of).collect()
        })
        .collect();
    let mean_gain =
        |row: &Vec<Option<f64>>| mean_of(&row.iter().copied().flatten().collect::<Vec<_>>());
    Ok(RelativeGain {
        mean: gain.iter().map(mean_gain).collect(),
        spread: table.iter().map(|row| deviation(row.as_ref())).collect(),
        gain,
    })
}

/// What [`gain_split`] reads.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct GainSplit {
    /// Problems that are solved now and were not before.
    pub newly_solved: usize,
    /// Those of them that were solved within k tries before: made surer, not learned.
    pub self_distilled: usize,
    /// The others: learned.
    pub capability: usize,
    /// Problems that were solved before and are not now.
    pub lost: usize,
    /// The share of the newly solved that was learned; `None` if there are none.
    pub capability_share: Option<f64>,
}

/// Whether a run learns anything new, or makes surer what pass@k had already: problems solved before, solved within k tries
/// before, and solved now.
///
/// The k is the caller's, and must be the same at both times. Cost: O(problems).
///
/// Paper: Guide, arXiv 2506.13923, which finds that most of what it gains is self-distilled.
///
/// ```
/// let reading = curricle::monitor::gain_split(
///     &[false, false, true],
///     &[true, false, true],
///     &[true, true, false],
/// )?;
/// assert_eq!((reading.self_distilled, reading.capability, reading.lost), (1, 1, 1));
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No problem; lists of different lengths; one that was solved, but not within k tries.
pub fn gain_split(before: &[bool], before_at_k: &[bool], after: &[bool]) -> Result<GainSplit> {
    some("before", before)?;
    length("before_at_k", before.len(), before_at_k.len())?;
    length("after", before.len(), after.len())?;
    // What was not solved within k tries was not solved at once.
    if (0..before.len()).any(|at| before[at] && !before_at_k[at]) {
        return Err(Error::OutOfRange { what: "before", value: 1.0, low: 0.0, high: 0.0 });
    }
    let count = |is: &dyn Fn(usize) -> bool| (0..before.len()).filter(|&at| is(at)).count();
    let newly_solved = count(&|at| after[at] && !before[at]);
    let self_distilled = count(&|at| after[at] && !before[at] && before_at_k[at]);
    let capability = newly_solved - self_distilled;
    let capability_share = (newly_solved > 0).then(|| capability as f64 / newly_solved as f64);
    let lost = count(&|at| before[at] && !after[at]);
    Ok(GainSplit { newly_solved, self_distilled, capability, lost, capability_share })
}
