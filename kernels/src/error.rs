//! What a kernel refuses, and why.

/// Why a kernel gave no result. What only a graphics processor can refuse is there with the feature `gpu`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[cfg(feature = "gpu")]
    /// No graphics adapter was found.
    #[error("no graphics adapter")]
    NoAdapter,
    #[cfg(feature = "gpu")]
    /// The only adapter is a driver that runs on the processor, which the caller did not allow.
    #[error("the only graphics adapter is a software one: {name}")]
    SoftwareAdapter {
        /// What the adapter calls itself.
        name: String,
    },
    #[cfg(feature = "gpu")]
    /// An adapter was found and did not open.
    #[error("the graphics adapter did not open: {reason}")]
    Adapter {
        /// What its driver said, in its own words.
        reason: String,
    },
    #[cfg(feature = "gpu")]
    /// Rows were given that do not lie on a device of burn's cubecl backend.
    #[error("the rows do not lie on a graphics device")]
    NotOnGpu,
    #[cfg(feature = "gpu")]
    /// The device failed at its work.
    #[error("the device failed: {reason}")]
    Device {
        /// What its driver said, in its own words.
        reason: String,
    },
    #[cfg(feature = "gpu")]
    /// A tensor holds a type of number that the kernels do not read.
    #[error("{dtype} is not a type that the kernels read")]
    DType {
        /// The type's name.
        dtype: &'static str,
    },
    /// A number of values that is no whole number of rows.
    #[error("{len} values are no whole number of rows of {dim}")]
    Shape {
        /// How many values there are.
        len: usize,
        /// How many a row should have.
        dim: usize,
    },
    #[cfg(feature = "gpu")]
    /// Rows of `bf16` are carried two to a word, so their length must be even.
    #[error("a row of {dim} bf16 values does not fill whole words")]
    OddRow {
        /// The length of a row.
        dim: usize,
    },
    #[cfg(feature = "gpu")]
    /// A row is longer than a workgroup can hold in its registers.
    #[error("a row of {dim} values, the longest is {most}")]
    TooWide {
        /// The length of a row.
        dim: usize,
        /// The longest that is read.
        most: usize,
    },
    #[cfg(feature = "gpu")]
    /// A buffer is larger than the device allows.
    #[error("a buffer of {bytes} bytes, the largest is {most}")]
    TooLarge {
        /// Bytes needed.
        bytes: u64,
        /// Bytes the device allows.
        most: u64,
    },
    /// Fewer rows came than were announced.
    #[cfg(feature = "gpu")]
    #[error("{found} rows of {expected}")]
    MissingRows {
        /// How many were announced.
        expected: usize,
        /// How many came.
        found: usize,
    },
    /// More rows than were announced, or than can be counted.
    #[cfg(feature = "gpu")]
    #[error("{rows} rows, at most {most}")]
    TooManyRows {
        /// How many there are.
        rows: usize,
        /// How many there may be.
        most: usize,
    },
    /// Rows of another length than those before.
    #[cfg(feature = "gpu")]
    #[error("a row of {dim} values, those before have {expected}")]
    RowLength {
        /// The length of the row.
        dim: usize,
        /// The length of those before.
        expected: usize,
    },
    /// A sample's span ends before it starts.
    #[error("sample {sample} starts at row {start} and ends at row {end}")]
    Backwards {
        /// The sample.
        sample: usize,
        /// Where its span starts.
        start: usize,
        /// Where it ends.
        end: usize,
    },
    /// A sample's span ends after the last row.
    #[error("sample {sample} ends at row {end} of {rows}")]
    OutOfRange {
        /// The sample.
        sample: usize,
        /// Where its span ends.
        end: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// A row that is read holds a value that is not a number, or an infinity where none may be.
    #[error("row {row} holds a value that is not finite")]
    NonFinite {
        /// The first such row.
        row: usize,
    },
}

#[cfg(feature = "scores")]
impl Error {
    /// The same, said by someone who counts rows from an earlier one.
    pub(crate) fn after(self, rows: usize) -> Self {
        match self {
            Self::NonFinite { row } => Self::NonFinite { row: row + rows },
            other => other,
        }
    }
}
