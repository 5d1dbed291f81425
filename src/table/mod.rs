//! Tables of scores: what a signal said of each sample, with the parts it is made of.
//!
//! Scoring a data set is done once and the order used many times, perhaps on other machines; a table
//! is what lies between. It says which signal and model made it, shards of it are [merged](merge), and
//! its
//! [statistics](Statistics) show what an order would really sort by. With the feature `csv` it is
//! written and read as CSV, with `table` as Parquet, too.
//!
//! # Scoring hidden states
//!
//! `curricle score angle` (feature `cli`) reads hidden states from safetensors, some rows at a time, and
//! writes the angle concentration of each sample as Parquet or CSV. It says how the score correlates
//! with length: the published orders are close to sorts by it; `intra_no_diag` is not.
//!
//! ```text
//! curricle score angle --states states.safetensors --spans spans.json --out scores.parquet
//! ```
//!
//! `states` is `[tokens, dim]` in f32, f16 or bf16; `spans.json` lists
//! `{"id": 7, "prefix": [0, 10], "question": [10, 25]}` in token rows. `--device gpu` computes on a
//! graphics processor (feature `gpu`); `--shard 2/8` scores a part, `curricle merge` puts parts
//! together. [`Builder::gain_rl`](crate::Builder::gain_rl) makes the curriculum of a table.

#[cfg(feature = "csv")]
mod csv;
mod error;
#[cfg(all(test, feature = "csv"))]
mod full_disk;
#[cfg(feature = "csv")]
mod growing;
mod merge;
#[cfg(feature = "table")]
mod parquet;
mod statistics;
mod weights;

use std::cmp::Ordering;

#[cfg(feature = "csv")]
#[doc(hidden)]
pub use self::csv::Quotes;
pub use error::{FileFault, TableError};
pub use merge::{Merged, merge};
#[cfg(feature = "table")]
#[doc(hidden)]
pub use parquet::{Records, Rows};
pub use statistics::{Statistics, rank_correlation};

use crate::base::error::{Result, finite, length};
use crate::base::id::SampleId;
#[cfg(feature = "scores")]
use crate::signal::{Angle, Concentration};

/// What made a table. Orders of different models, or of different revisions of one, are different
/// orders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provenance {
    /// The signal and its options, such as `angle`.
    pub signal: String,
    /// The model whose states or logits were scored.
    pub model: String,
    /// The revision of the model, and of whatever else the scores depend on (template, layer).
    pub revision: String,
}

/// One column of a [`Table`], a value for each sample.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Column {
    /// Finite numbers; `None` where the quantity is undefined.
    Number(Vec<Option<f64>>),
    /// Counts, such as tokens.
    Count(Vec<u64>),
    /// Yes or no.
    Flag(Vec<bool>),
}

impl Column {
    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Number(values) => values.len(),
            Self::Count(values) => values.len(),
            Self::Flag(values) => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a row as a number; a flag is 0 or 1.
    fn number(&self, row: usize) -> Option<f64> {
        match self {
            Self::Number(values) => values[row],
            Self::Count(values) => Some(values[row] as f64),
            Self::Flag(values) => Some(f64::from(u8::from(values[row]))),
        }
    }

    /// The order of two rows by their values; undefined is less than any value, and the zeros are
    /// equal.
    fn compare(&self, a: usize, b: usize) -> Ordering {
        match self {
            // Counts beyond 2^53 are different numbers, and equal ones as `f64`.
            Self::Count(values) => values[a].cmp(&values[b]),
            _ => match (self.number(a), self.number(b)) {
                (Some(a), Some(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
                (a, b) => a.is_some().cmp(&b.is_some()),
            },
        }
    }

    /// The same values in another order.
    fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Number(values) => Self::Number(rows.iter().map(|&row| values[row]).collect()),
            Self::Count(values) => Self::Count(rows.iter().map(|&row| values[row]).collect()),
            Self::Flag(values) => Self::Flag(rows.iter().map(|&row| values[row]).collect()),
        }
    }

    fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::Number(to), Self::Number(from)) => to.extend(from),
            (Self::Count(to), Self::Count(from)) => to.extend(from),
            (Self::Flag(to), Self::Flag(from)) => to.extend(from),
            _ => unreachable!("columns of one name are of one kind"),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "number",
            Self::Count(_) => "count",
            Self::Flag(_) => "flag",
        }
    }
}

/// What was scored, sample by sample.
///
/// Memory: 8 bytes a sample for its number, 16 for each [number](Column::Number), 8 for each count.
///
/// ```
/// use curricle::table::{Column, Provenance, Table};
///
/// # fn main() -> curricle::Result<()> {
/// let made_by = Provenance { signal: "angle".into(), ..Default::default() };
/// let table = Table::new(made_by, vec![7, 8, 9])?
///     .column("total", Column::Number(vec![Some(0.2), None, Some(0.9)]))?
///     .column("tokens", Column::Count(vec![12, 0, 20]))?;
/// let best_first: Vec<u64> = table.order("total")?.iter().map(|sample| sample.0).collect();
/// assert_eq!(best_first, [9, 7, 8]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    made_by: Provenance,
    samples: Vec<u64>,
    columns: Vec<(String, Column)>,
}

impl Table {
    /// A table of these samples, each in one row, without columns yet.
    ///
    /// Cost: O(n) for samples in rising order, O(n log n) and 8 bytes a sample for others.
    ///
    /// # Errors
    /// [`TableError::RepeatedSample`] for a sample in two rows: which of them holds its score, and
    /// which sample's score the other one is, cannot be told.
    ///
    /// ```
    /// use curricle::table::{Provenance, Table, TableError};
    /// use curricle::{Error, SampleId};
    ///
    /// let refused = Table::new(Provenance::default(), vec![3, 4, 3]);
    /// let twice = TableError::RepeatedSample { sample: SampleId(3), rows: [0, 2] };
    /// assert_eq!(refused, Err(Error::Table(twice)));
    /// ```
    pub fn new(made_by: Provenance, samples: Vec<u64>) -> Result<Self> {
        match repeated(&samples) {
            Some((sample, rows)) => Err(TableError::RepeatedSample { sample, rows }.into()),
            None => Ok(Self { made_by, samples, columns: Vec::new() }),
        }
    }

    /// A table of angle concentrations: columns `intra`, `intra_no_diag`, `inter`, `total` and
    /// `tokens`.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) if there are not as many concentrations as samples;
    /// [`TableError::RepeatedSample`].
    #[cfg(feature = "scores")]
    pub fn of_concentrations(
        made_by: Provenance,
        samples: Vec<u64>,
        concentrations: &[Concentration],
    ) -> Result<Self> {
        let numbers = |of: fn(&Concentration) -> Option<f64>| {
            Column::Number(concentrations.iter().map(of).collect())
        };
        Self::new(made_by, samples)?
            .column("intra", numbers(|c| c.intra))?
            .column("intra_no_diag", numbers(|c| c.intra_no_diag))?
            .column("inter", numbers(|c| c.inter))?
            .column("total", numbers(|c| Angle::new().of(c)))?
            .column("tokens", Column::Count(concentrations.iter().map(|c| c.tokens as u64).collect()))
    }

    /// The same table with one column more.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) for a column of another length,
    /// [`Error::NonFinite`](crate::Error::NonFinite) for a number that is not finite (undefined is
    /// `None`), [`TableError::RepeatedColumn`], [`TableError::UnnamedColumn`].
    pub fn column(mut self, name: &str, column: Column) -> Result<Self> {
        length("column", self.samples.len(), column.len())?;
        if let Column::Number(values) = &column {
            for (&sample, value) in self.samples.iter().zip(values) {
                if let &Some(value) = value {
                    finite("score", sample, value)?;
                }
            }
        }
        if name.is_empty() {
            return Err(TableError::UnnamedColumn.into());
        }
        if name == "id" || self.columns.iter().any(|(other, _)| other == name) {
            return Err(TableError::RepeatedColumn(name.into()).into());
        }
        self.columns.push((name.into(), column));
        Ok(self)
    }

    /// What made the table.
    pub fn made_by(&self) -> &Provenance {
        &self.made_by
    }

    /// The samples, row by row.
    pub fn samples(&self) -> &[u64] {
        &self.samples
    }

    /// The columns with their names.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &Column)> {
        self.columns.iter().map(|(name, column)| (name.as_str(), column))
    }

    /// The values of a column, if there is one of this name.
    pub fn get(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|(other, _)| other == name).map(|(_, column)| column)
    }

    /// The samples by falling value of a column; equal ones by their number; undefined ones at the end.
    ///
    /// # Errors
    /// [`TableError::NoColumn`].
    pub fn order(&self, name: &str) -> Result<Vec<SampleId>> {
        let column = self.need(name)?;
        let mut rows: Vec<usize> = (0..self.samples.len()).collect();
        rows.sort_by(|&a, &b| column.compare(b, a).then(self.samples[a].cmp(&self.samples[b])));
        Ok(rows.into_iter().map(|row| SampleId(self.samples[row])).collect())
    }

    /// The [order](Self::order) of a data set of `samples`, of which none may be missing.
    ///
    /// An order of a file that was filtered afterwards ranks the wrong samples; this is the check.
    ///
    /// # Errors
    /// [`TableError::NoColumn`]; [`TableError::Stray`] for a sample beyond the data set, the least of
    /// them; [`TableError::Gap`] for missing ones.
    pub fn ranks(&self, name: &str, samples: u64) -> Result<Vec<SampleId>> {
        let order = self.order(name)?;
        self.complete(samples)?;
        Ok(order)
    }

    /// Checks that there is a row for each of so many samples, and none more.
    fn complete(&self, samples: u64) -> Result<()> {
        let mut sorted = self.samples.clone();
        sorted.sort_unstable();
        if let Some(&beyond) = sorted.get(sorted.partition_point(|&sample| sample < samples)) {
            return Err(TableError::Stray(SampleId(beyond)).into());
        }
        // All are different and below `samples`.
        let missing = samples - sorted.len() as u64;
        if missing > 0 {
            let first = (0..).zip(&sorted).find(|(expected, found)| expected != *found);
            let first = SampleId(first.map_or(sorted.len() as u64, |(expected, _)| expected));
            return Err(TableError::Gap { samples, missing, first }.into());
        }
        Ok(())
    }

    /// Checks that a column has a value for each sample.
    pub(crate) fn defined(&self, name: &str) -> Result<()> {
        let column = self.need(name)?;
        let mut without = (0..column.len()).filter(|&row| column.number(row).is_none());
        let Some(first) = without.next() else { return Ok(()) };
        let (first, undefined) = (SampleId(self.samples[first]), 1 + without.count() as u64);
        Err(TableError::Undefined { column: name.into(), undefined, first }.into())
    }

    fn need(&self, name: &str) -> Result<&Column> {
        self.get(name).ok_or_else(|| TableError::NoColumn(name.into()).into())
    }

    /// The columns as `name: kind`.
    fn shape(&self) -> Vec<String> {
        self.columns.iter().map(|(name, column)| format!("{name}: {}", column.kind())).collect()
    }

    /// The same rows in another order, or some of them.
    fn select(&self, rows: &[usize]) -> Self {
        Self {
            made_by: self.made_by.clone(),
            samples: rows.iter().map(|&row| self.samples[row]).collect(),
            columns: self.columns.iter().map(|(name, c)| (name.clone(), c.select(rows))).collect(),
        }
    }
}

/// The first sample that stands in two rows, and the first two of these.
fn repeated(samples: &[u64]) -> Option<(SampleId, [u64; 2])> {
    if samples.is_sorted_by(|a, b| a < b) {
        return None;
    }
    let mut rows: Vec<usize> = (0..samples.len()).collect();
    rows.sort_unstable_by_key(|&row| (samples[row], row));
    let pairs = rows.windows(2).filter(|pair| samples[pair[0]] == samples[pair[1]]);
    // The one that a reader meets first.
    let pair = pairs.min_by_key(|pair| pair[1])?;
    Some((SampleId(samples[pair[0]]), [pair[0] as u64, pair[1] as u64]))
}

/// What the columns of text are called that say what made a table.
#[cfg(feature = "csv")]
const MADE_BY: [&str; 3] = ["signal", "model", "revision"];

#[cfg(feature = "csv")]
fn malformed(path: &std::path::Path, what: FileFault) -> crate::Error {
    TableError::Malformed { path: path.to_path_buf(), what }.into()
}
