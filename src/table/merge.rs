//! Shards of a table put together.

use std::ops::Range;

use super::{Provenance, Table, TableError};
use crate::base::error::Result;
use crate::base::id::SampleId;

/// What came of a [`merge`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Merged {
    /// All rows by the number of their sample, each sample once.
    pub table: Table,
    /// Samples that were in more than one row, with the same values in each.
    pub repeated: Vec<SampleId>,
    /// Samples whose rows disagree; the row of the first shard that has one was kept.
    pub disagreeing: Vec<SampleId>,
    /// Samples below the greatest that are in no row.
    pub gaps: Vec<Range<u64>>,
}

/// Puts the shards of a table together.
///
/// A merge neither hides duplicates nor invents missing rows: both are reported. A shard without rows
/// has a say in the names of the columns, not in their kinds, and in what made the table only if it
/// knows: an empty CSV file tells neither. Cost: O(n log n).
///
/// # Errors
/// [`TableError::Provenance`] if the shards were not made by the same signal, model and revision,
/// [`TableError::Columns`] if their columns differ.
///
/// ```
/// use curricle::table::{Column, Provenance, Table, merge};
///
/// # fn main() -> curricle::Result<()> {
/// let shard = |samples: Vec<u64>, scores: Vec<f64>| {
///     let scores = Column::Number(scores.into_iter().map(Some).collect());
///     Table::new(Provenance::default(), samples)?.column("total", scores)
/// };
/// let merged = merge([shard(vec![0, 4], vec![0.1, 0.2])?, shard(vec![4, 1], vec![0.2, 0.3])?])?;
/// assert_eq!(merged.table.samples(), [0, 1, 4]);
/// assert_eq!(merged.repeated[0].0, 4);
/// assert_eq!(merged.gaps, [2..4]);
/// # Ok(()) }
/// ```
pub fn merge(shards: impl IntoIterator<Item = Table>) -> Result<Merged> {
    let (empty, mut full): (Vec<Table>, Vec<Table>) =
        shards.into_iter().partition(|shard| shard.samples.is_empty());
    let mut empty = empty.into_iter();
    let first = (!full.is_empty()).then(|| full.remove(0)).or_else(|| empty.next());
    let Some(mut all) = first else {
        let table = Table::new(Provenance::default(), Vec::new())?;
        return Ok(Merged { table, repeated: Vec::new(), disagreeing: Vec::new(), gaps: Vec::new() });
    };
    for shard in full.into_iter().chain(empty) {
        let rows = !shard.samples.is_empty();
        if shard.made_by != all.made_by && (rows || shard.made_by != Provenance::default()) {
            let (expected, found) = (Box::new(all.made_by), Box::new(shard.made_by));
            return Err(TableError::Provenance { expected, found }.into());
        }
        let alike = if rows {
            shard.shape() == all.shape()
        } else {
            shard.columns().map(|(name, _)| name).eq(all.columns().map(|(name, _)| name))
        };
        if !alike {
            return Err(TableError::Columns { expected: all.shape(), found: shard.shape() }.into());
        }
        if rows {
            all.samples.extend(shard.samples);
            for ((_, to), (_, from)) in all.columns.iter_mut().zip(shard.columns) {
                to.append(from);
            }
        }
    }
    let mut rows: Vec<usize> = (0..all.samples.len()).collect();
    rows.sort_by_key(|&row| (all.samples[row], row));
    let mut kept: Vec<usize> = Vec::with_capacity(rows.len());
    let (mut repeated, mut disagreeing, mut gaps) = (Vec::new(), Vec::new(), Vec::new());
    let mut next = 0;
    for row in rows {
        let sample = all.samples[row];
        if let Some(&last) = kept.last().filter(|&&last| all.samples[last] == sample) {
            let same = all.columns.iter().all(|(_, c)| c.select(&[last]) == c.select(&[row]));
            let list = if same { &mut repeated } else { &mut disagreeing };
            list.push(SampleId(sample));
            continue;
        }
        if sample > next {
            gaps.push(next..sample);
        }
        next = sample.saturating_add(1);
        kept.push(row);
    }
    repeated.dedup();
    disagreeing.dedup();
    Ok(Merged { table: all.select(&kept), repeated, disagreeing, gaps })
}
