//! Tables as Parquet, for every tool that reads columns.

mod guarded;
mod pages;
mod possible;
mod read;
mod records;
mod write;

use parquet::errors::ParquetError;

pub use records::{Records, Rows};

use super::FileFault;

/// What the crate that reads and writes the format reports, if it is what the system said.
fn io_error(error: ParquetError) -> Result<std::io::Error, ParquetError> {
    match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(source) => Ok(*source),
            Err(source) => Err(ParquetError::External(source)),
        },
        other => Err(other),
    }
}

/// What the crate that reads the format reports, as a fault of the file.
fn fault(error: ParquetError) -> FileFault {
    match error {
        ParquetError::External(source) => match source.downcast::<FileFault>() {
            Ok(fault) => *fault,
            Err(source) => FileFault::Unreadable(source.to_string()),
        },
        other => FileFault::Unreadable(other.to_string()),
    }
}
