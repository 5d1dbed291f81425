//! Learning within sequences of problems.

use crate::base::error::{Result, length};
use crate::base::numbers::{all_binary, count_within, line, mean, some};

/// What [`sequence_learning`] reads.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SequenceLearning {
    /// The share of all outcomes that are right.
    pub accuracy: f64,
    /// The same by position, a mean over types of problems.
    pub position_accuracy: Vec<f64>,
    /// The slope of that over the positions, of least squares; `None` of a single position.
    pub slope: Option<f64>,
    /// The first position that is right, counted from 1; one beyond the last if none is. A mean over types.
    pub first_success: f64,
    /// The longest run of right ones, a mean over types.
    pub longest_run: f64,
    /// The share that is right behind the warm-up.
    pub post_warmup: f64,
}

/// How learning goes on within sequences of problems: `outcomes[n][m]`, each 0 or 1.
///
/// Accuracies are pooled over all sequences; the other readings are means within every type, and then over the types, which
/// count alike. Without `types` all are of one. Keep the last outcomes of an arm in order: a slope near 0 says that it has
/// stopped teaching. Cost: O(outcomes types).
///
/// Paper: EvaLearn (sequences of 7, a warm-up of 3). Its code fills sequences that are too short with failures.
///
/// ```
/// let rows = [vec![0.0, 1.0, 1.0], vec![0.0, 0.0, 1.0]];
/// let reading = curricle::monitor::sequence_learning(&rows, None, 1)?;
/// assert_eq!((reading.position_accuracy, reading.slope), (vec![0.0, 0.5, 1.0], Some(0.5)));
/// assert_eq!((reading.first_success, reading.post_warmup), (2.5, 0.75));
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No sequence or no position; sequences of different lengths; an outcome that is neither 0 nor 1; a warm-up that leaves
/// nothing.
pub fn sequence_learning<R: AsRef<[f64]>>(
    outcomes: &[R],
    types: Option<&[u64]>,
    warmup: usize,
) -> Result<SequenceLearning> {
    some("outcomes", outcomes)?;
    let positions = outcomes[0].as_ref().len();
    some("outcomes", outcomes[0].as_ref())?;
    for row in outcomes {
        length("outcomes", positions, row.as_ref().len())?;
        all_binary("outcomes", row.as_ref())?;
    }
    count_within("warmup", warmup as u64, 0, positions as u64 - 1)?;
    if let Some(types) = types {
        length("types", outcomes.len(), types.len())?;
    }
    let of = |row: usize| types.map_or(0, |types| types[row]);
    let mut kinds: Vec<u64> = (0..outcomes.len()).map(of).collect();
    kinds.sort_unstable();
    kinds.dedup();
    // The mean within every type, and then over the types.
    let by_type = |reading: &dyn Fn(&[f64]) -> f64| {
        let of_type = |kind: &u64| {
            let rows = (0..outcomes.len()).filter(|&row| of(row) == *kind);
            mean(&rows.map(|row| reading(outcomes[row].as_ref())).collect::<Vec<_>>())
        };
        mean(&kinds.iter().map(of_type).collect::<Vec<_>>())
    };
    let pooled = |from: usize| {
        let all: Vec<f64> = outcomes.iter().flat_map(|row| row.as_ref()[from..].to_vec()).collect();
        mean(&all)
    };
    let position_accuracy: Vec<f64> =
        (0..positions).map(|position| by_type(&|row| row[position])).collect();
    let places: Vec<f64> = (1..=positions).map(|position| position as f64).collect();
    Ok(SequenceLearning {
        accuracy: pooled(0),
        slope: line(&places, &position_accuracy).map(|(slope, _)| slope),
        first_success: by_type(&|row| {
            row.iter().position(|&is| is == 1.0).map_or(positions + 1, |place| place + 1) as f64
        }),
        longest_run: by_type(&|row| {
            row.split(|&is| is == 0.0).map(<[f64]>::len).max().unwrap_or(0) as f64
        }),
        post_warmup: pooled(warmup),
        position_accuracy,
    })
}
