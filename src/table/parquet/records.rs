//! A Parquet file, row by row, with some of its columns: texts and lists too, which a table has not.

use std::fs::File;
use std::sync::Arc;

use parquet::basic::Type as Physical;
use parquet::bloom_filter::Sbbf;
use parquet::column::page::PageReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::record::Row;
use parquet::record::reader::RowIter;
use parquet::schema::types::{ColumnDescriptor, Type};

use super::fault;
use super::guarded::guarded;
use super::pages::Pages;
use super::possible::is_possible;
use crate::table::FileFault;

/// A Parquet file of whatever columns, for the command line. It is as wary as
/// [`Table::read_parquet`](crate::table::Table): a damaged file is a fault, and nothing is unpacked that cannot be.
#[derive(Debug)]
pub struct Records {
    file: Arc<File>,
    about: ParquetMetaData,
    size: u64,
}

impl Records {
    /// Reads what the file says of itself.
    ///
    /// # Errors
    /// It is no Parquet file.
    pub fn open(file: File) -> std::result::Result<Self, FileFault> {
        let size = file.metadata().map_err(|error| FileFault::Unreadable(error.to_string()))?.len();
        let about = guarded(|| ParquetMetaDataReader::new().parse_and_finish(&file));
        let about = about.ok_or(FileFault::Damaged)?.map_err(fault)?;
        Ok(Self { file: Arc::new(file), about, size })
    }

    /// The names of its columns; a list is one of them.
    pub fn names(&self) -> Vec<String> {
        let fields = self.about.file_metadata().schema().get_fields();
        fields.iter().map(|field| field.name().to_owned()).collect()
    }

    /// Its rows with these columns, in the order of the file.
    ///
    /// # Errors
    /// There is no such column; the file claims to hold more than it can.
    pub fn rows(self, names: &[String]) -> std::result::Result<Rows, FileFault> {
        let rows = guarded(|| {
            let schema = self.about.file_metadata().schema();
            let is_wanted = |field: &&Arc<Type>| names.iter().any(|name| name == field.name());
            let wanted = schema.get_fields().iter().filter(is_wanted).cloned().collect();
            let only = Type::group_type_builder(schema.name()).with_fields(wanted).build();
            let only = only.map_err(fault)?;
            let leaves = self.about.file_metadata().schema_descr();
            let leaves = (0..leaves.num_columns())
                .filter(|&leaf| names.iter().any(|name| name == leaves.get_column_root(leaf).name()));
            is_possible(&self.about, &leaves.collect::<Vec<_>>(), self.size)?;
            RowIter::from_file_into(Box::new(self)).project(Some(only)).map_err(fault)
        });
        Ok(Rows { rows: rows.ok_or(FileFault::Damaged)?? })
    }
}

/// The rows of [`Records`].
pub struct Rows {
    rows: RowIter<'static>,
}

impl Iterator for Rows {
    type Item = std::result::Result<Row, FileFault>;

    /// The next row; nothing behind a fault can be believed.
    fn next(&mut self) -> Option<Self::Item> {
        let rows = &mut self.rows;
        match guarded(|| rows.next()) {
            None => Some(Err(FileFault::Damaged)),
            Some(row) => Some(row?.map_err(fault)),
        }
    }
}

impl FileReader for Records {
    fn metadata(&self) -> &ParquetMetaData {
        &self.about
    }

    fn num_row_groups(&self) -> usize {
        self.about.num_row_groups()
    }

    fn get_row_group(&self, group: usize) -> Result<Box<dyn RowGroupReader + '_>> {
        Ok(Box::new(Group { file: &self.file, about: self.about.row_group(group) }))
    }

    fn get_row_iter(&self, only: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_file(only, self)
    }
}

struct Group<'a> {
    file: &'a Arc<File>,
    about: &'a RowGroupMetaData,
}

impl RowGroupReader for Group<'_> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.about
    }

    fn num_columns(&self) -> usize {
        self.about.num_columns()
    }

    fn get_column_page_reader(&self, column: usize) -> Result<Box<dyn PageReader>> {
        let rows = usize::try_from(self.about.num_rows())
            .map_err(|_| ParquetError::External(Box::new(FileFault::Damaged)))?;
        let chunk = self.about.column(column);
        let pages = Pages::new(self.file.clone(), chunk, rows, width(chunk.column_descr()))?;
        Ok(Box::new(pages))
    }

    fn get_column_bloom_filter(&self, _: usize) -> Option<&Sbbf> {
        None
    }

    fn get_row_iter(&self, only: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_row_group(only, self)
    }
}

/// Bits of a value, at least.
fn width(column: &ColumnDescriptor) -> usize {
    match column.physical_type() {
        Physical::BOOLEAN => 1,
        Physical::INT32 | Physical::FLOAT => 32,
        Physical::INT64 | Physical::DOUBLE => 64,
        Physical::INT96 => 96,
        // The length before it.
        Physical::BYTE_ARRAY => 32,
        Physical::FIXED_LEN_BYTE_ARRAY => usize::try_from(8 * column.type_length()).unwrap_or(1).max(1),
    }
}
