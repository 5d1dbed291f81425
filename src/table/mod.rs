//! Tables of scores: what a signal said of each sample, with the parts it is made of.
//!
//! Scoring a data set is done once and the order used many times, perhaps on other machines; a table
//! is what lies between. It says which signal and model made it, shards of it are [merged](merge), and its
//! [statistics](Statistics) show what an order would really sort by. With the feature `csv` it is
//! written and read as CSV, with `table` as Parquet, too.

#[cfg(feature = "csv")]
mod csv;
mod merge;
#[cfg(feature = "table")]
mod parquet;
mod statistics;

use std::path::PathBuf;

pub use merge::{Merged, merge};
pub use statistics::{Statistics, rank_correlation};

use crate::base::error::{Result, finite, length};
use crate::base::id::SampleId;
use crate::signal::{Angle, Concentration};

/// What made a table. Orders of different models, or of different revisions of one, are different orders.
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

/// Why a table was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// There is no column of this name.
    #[error("there is no column `{0}`")]
    NoColumn(String),
    /// Two columns have the same name.
    #[error("two columns are named `{0}`")]
    RepeatedColumn(String),
    /// Two tables have different columns.
    #[error("columns {found:?}, expected {expected:?}")]
    Columns {
        /// The columns of the first table, as `name: kind`.
        expected: Vec<String>,
        /// Those of the other.
        found: Vec<String>,
    },
    /// Two tables were made by different signals, models or revisions.
    #[error("made by {found:?}, expected {expected:?}")]
    Provenance {
        /// What made the first table.
        expected: Box<Provenance>,
        /// What made the other.
        found: Box<Provenance>,
    },
    /// Samples that the order must have are not in the table.
    #[error("{missing} of the samples 0..{samples} are not in the table, the first is {first}")]
    Gap {
        /// How many samples there should be.
        samples: u64,
        /// How many are missing.
        missing: u64,
        /// The first of them.
        first: SampleId,
    },
    /// A sample stands in the table twice, or is beyond those there should be.
    #[error("{0} is in the table twice, or is not one of the samples")]
    Stray(SampleId),
    /// Samples have no score where each must have one.
    #[error("{undefined} samples have no `{column}`, the first is {first}")]
    Undefined {
        /// The name of the column.
        column: String,
        /// How many samples have none.
        undefined: u64,
        /// The first of them, in the order of the rows.
        first: SampleId,
    },
    /// The file is not such a table.
    #[error("{path}: {what}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the reader found wrong.
        what: String,
    },
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
/// let table = Table::new(made_by, vec![7, 8, 9])
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
    /// A table of these samples, without columns yet. It may have a sample twice, which [`merge`] and
    /// [`ranks`](Self::ranks) report.
    pub fn new(made_by: Provenance, samples: Vec<u64>) -> Self {
        Self { made_by, samples, columns: Vec::new() }
    }

    /// A table of angle concentrations: columns `intra`, `intra_no_diag`, `inter`, `total` and `tokens`.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) if there are not as many concentrations as samples.
    pub fn of_concentrations(
        made_by: Provenance,
        samples: Vec<u64>,
        concentrations: &[Concentration],
    ) -> Result<Self> {
        let numbers = |of: fn(&Concentration) -> Option<f64>| {
            Column::Number(concentrations.iter().map(of).collect())
        };
        Self::new(made_by, samples)
            .column("intra", numbers(|c| c.intra))?
            .column("intra_no_diag", numbers(|c| c.intra_no_diag))?
            .column("inter", numbers(|c| c.inter))?
            .column("total", numbers(|c| Some(Angle::new().of(c))))?
            .column("tokens", Column::Count(concentrations.iter().map(|c| c.tokens as u64).collect()))
    }

    /// The same table with one column more.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) for a column of another length, [`Error::NonFinite`](crate::Error::NonFinite) for a number that is not
    /// finite (undefined is `None`), [`TableError::RepeatedColumn`].
    pub fn column(mut self, name: &str, column: Column) -> Result<Self> {
        length("column", self.samples.len(), column.len())?;
        if let Column::Number(values) = &column {
            for (&sample, value) in self.samples.iter().zip(values) {
                if let &Some(value) = value {
                    finite("score", sample, value)?;
                }
            }
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
        let key = |row: usize| column.number(row).unwrap_or(f64::NEG_INFINITY);
        rows.sort_by(|&a, &b| key(b).total_cmp(&key(a)).then(self.samples[a].cmp(&self.samples[b])));
        Ok(rows.into_iter().map(|row| SampleId(self.samples[row])).collect())
    }

    /// The [order](Self::order) of a data set of `samples`, of which none may be missing.
    ///
    /// An order of a file that was filtered afterwards ranks the wrong samples; this is the check.
    ///
    /// # Errors
    /// [`TableError::NoColumn`]; [`TableError::Stray`] for a sample twice or beyond the data set,
    /// [`TableError::Gap`] for missing ones.
    pub fn ranks(&self, name: &str, samples: u64) -> Result<Vec<SampleId>> {
        let order = self.order(name)?;
        let mut seen = vec![false; samples as usize];
        for &sample in &order {
            match seen.get_mut(sample.0 as usize) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(TableError::Stray(sample).into()),
            }
        }
        if let Some(first) = seen.iter().position(|seen| !seen) {
            let missing = samples - order.len() as u64;
            return Err(TableError::Gap { samples, missing, first: SampleId(first as u64) }.into());
        }
        Ok(order)
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

#[cfg(feature = "csv")]
fn malformed(path: &std::path::Path, what: impl ToString) -> crate::Error {
    TableError::Malformed { path: path.to_path_buf(), what: what.to_string() }.into()
}
