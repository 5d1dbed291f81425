//! Why a table is refused, as data.

use std::path::PathBuf;

use super::Provenance;
use crate::base::id::SampleId;

/// Why a table was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// There is no column of this name.
    #[error("there is no column `{0}`")]
    NoColumn(String),
    /// A column has no name, as that of the row numbers which some tools write: it could not be read from a file.
    #[error("a column has no name")]
    UnnamedColumn,
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
    /// A sample stands in two rows.
    #[error("{sample} stands in row {} and in row {}", rows[0], rows[1])]
    RepeatedSample {
        /// The sample.
        sample: SampleId,
        /// The first two rows that it stands in, counted from 0.
        rows: [u64; 2],
    },
    /// A sample is beyond those there should be.
    #[error("{0} is not one of the samples")]
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
        /// What is wrong with it.
        what: FileFault,
    },
}

/// What is wrong with a file that should hold a table. Rows are counted from 0, without the header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// No column is named `id`.
    #[error("there is no column `id`")]
    NoId,
    /// A column of a type that no score, count or flag has.
    #[error("column `{column}` is of type {kind}")]
    ColumnType {
        /// The name of the column.
        column: String,
        /// Its type, as the format calls it.
        kind: String,
    },
    /// A value that its column cannot have.
    #[error("row {row}, column `{column}` of type {kind}: `{value}`")]
    Value {
        /// The row.
        row: u64,
        /// The name of the column.
        column: String,
        /// The type of the column.
        kind: String,
        /// The value, as it is written.
        value: String,
    },
    /// No value where there must be one: an `id`, a flag.
    #[error("row {row}, column `{column}` of type {kind}: no value")]
    Missing {
        /// The row.
        row: u64,
        /// The name of the column.
        column: String,
        /// The type of the column.
        kind: String,
    },
    /// A row of too few fields or too many.
    #[error("row {row} has {found} fields, the header {expected}")]
    Fields {
        /// The row.
        row: u64,
        /// How many there should be.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// A quote that is not closed: all that is behind it would be one field. Without a row it is in the header.
    #[error("{}: a quote is not closed", place(*row))]
    OpenQuote {
        /// The row.
        row: Option<u64>,
    },
    /// Text that is not UTF-8; without a row it is in the header.
    #[error("{} is not UTF-8", place(*row))]
    NotUtf8 {
        /// The row.
        row: Option<u64>,
    },
    /// A file that claims more values than one of its size can hold.
    #[error("{values} values in a file that can hold {most}")]
    TooMany {
        /// How many it claims: rows times columns, or those of a page.
        values: u64,
        /// How many it can hold.
        most: u64,
    },
    /// A compression that this build does not read.
    #[error("column `{column}` is compressed by {codec}")]
    Codec {
        /// The name of the column.
        column: String,
        /// The compression.
        codec: String,
    },
    /// The bytes are damaged, or in a form that the reader of the format does not know.
    #[error("{0}")]
    Unreadable(String),
    /// The reader of the format met bytes that it does not foresee.
    #[error("the file is damaged")]
    Damaged,
}

fn place(row: Option<u64>) -> String {
    row.map_or("the header".into(), |row| format!("row {row}"))
}
