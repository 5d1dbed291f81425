//! A Parquet file, column by column.

use std::fs::File;
use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
use std::path::Path;
use std::sync::Arc;

use half::f16;
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::DataType;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::schema::types::ColumnDescriptor;

use super::guarded::guarded;
use super::pages::Pages;
use super::possible::is_possible;
use super::{fault, io_error};
use crate::base::error::{Error, Result};
use crate::files::whole_file::at;
use crate::table::growing::{Cell, Growing, Misfit, samples};
use crate::table::{Column, FileFault, MADE_BY, Provenance, Table, malformed};

/// Rows that are read at a time.
const TOGETHER: usize = 4096;
/// Bits that each text takes beside its letters.
const LENGTH: usize = 32;

impl Table {
    /// Reads a table that [`write_parquet`](Self::write_parquet) wrote, or any Parquet file of plain
    /// columns with a column `id`, whichever tool wrote it: signed or unsigned, of 32 or 64 bits, with
    /// or without a dictionary, optional or not. Whole numbers that are kept as floating-point ones are
    /// ids up to 2^53.
    ///
    /// Floating-point columns (16, 32 or 64 bits) are [numbers](Column::Number), unsigned integers
    /// [counts](Column::Count), signed ones counts, too, if none is negative; integers with a null or a
    /// negative one are numbers. Pages may be plain, packed by Snappy or, with the feature `zstd`, by
    /// Zstandard.
    ///
    /// A damaged file is refused, whatever the bytes. Where the crate that reads the format panics on
    /// them the panic ends here, and its message is not printed; for that the first call replaces the
    /// panic hook of the process by one that passes on all others. Memory is bounded by 4096 values for
    /// each byte of the file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`TableError::Malformed`](crate::table::TableError::Malformed), naming the row,
    /// the column and its type where a value is at fault;
    /// [`TableError::RepeatedSample`](crate::table::TableError::RepeatedSample); those of
    /// [`column`](Self::column).
    pub fn read_parquet(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(at(path))?;
        let size = file.metadata().map_err(at(path))?.len();
        let read = guarded(|| Reading { path, file: Arc::new(file), size }.table());
        read.unwrap_or_else(|| Err(malformed(path, FileFault::Damaged)))
    }
}

struct Reading<'a> {
    path: &'a Path,
    file: Arc<File>,
    size: u64,
}

impl Reading<'_> {
    fn table(&self) -> Result<Table> {
        let about = ParquetMetaDataReader::new()
            .parse_and_finish(&*self.file)
            .map_err(|error| self.refusal(error))?;
        let pairs = about.file_metadata().key_value_metadata();
        let said = |key: &str| {
            let key = format!("curricle.{key}");
            let all = pairs.into_iter().flatten();
            all.filter(|pair| pair.key == key).find_map(|pair| pair.value.clone()).unwrap_or_default()
        };
        let mut made_by = MADE_BY.map(said);
        let all: Vec<usize> = (0..about.file_metadata().schema_descr().num_columns()).collect();
        is_possible(&about, &all, self.size).map_err(|fault| self.bad(fault))?;
        let mut columns = Vec::new();
        for (index, column) in about.file_metadata().schema_descr().columns().iter().enumerate() {
            if column.path().string().is_empty() {
                continue;
            }
            let key = MADE_BY.iter().position(|key| *key == column.path().string());
            if let Some(key) = key.filter(|_| is_text(column)) {
                let said = self.text(&about, index, column)?;
                if made_by[key].is_empty() {
                    made_by[key] = said;
                }
                continue;
            }
            let read = self.column(&about, index, column)?;
            columns.push((column.path().string(), kind(column), read));
        }
        let id = columns.iter().position(|(name, ..)| name == "id");
        let (_, kind, ids) = columns.remove(id.ok_or_else(|| self.bad(FileFault::NoId))?);
        let ids = samples(ids).map_err(|(row, value)| {
            let (row, column) = (row as u64, "id".to_owned());
            self.bad(match value {
                Some(value) => FileFault::Value { row, column, kind, value },
                None => FileFault::Missing { row, column, kind },
            })
        })?;
        let [signal, model, revision] = made_by;
        let made_by = Provenance { signal, model, revision };
        columns
            .into_iter()
            .try_fold(Table::new(made_by, ids)?, |table, (name, _, column)| table.column(&name, column))
    }

    fn column(
        &self,
        about: &ParquetMetaData,
        index: usize,
        column: &ColumnDescriptor,
    ) -> Result<Column> {
        let name = column.path().string();
        let wrong_type =
            || self.bad(FileFault::ColumnType { column: name.clone(), kind: kind(column) });
        let (read_as, width) = read_as(column).ok_or_else(wrong_type)?;
        let mut growing = match read_as {
            ReadAs::Signed => Growing::Open(0),
            ReadAs::Unsigned => Growing::Known(Column::Count(Vec::new())),
            ReadAs::Number => Growing::Known(Column::Number(Vec::new())),
            ReadAs::Flag => Growing::Known(Column::Flag(Vec::new())),
        };
        let mut row = 0;
        for group in about.row_groups() {
            let rows = group.num_rows() as usize;
            let pages = Pages::new(self.file.clone(), group.column(index), rows, width)
                .map_err(|error| self.refusal(error))?;
            let descriptor = group.column(index).column_descr_ptr();
            let mut push = |cell: Option<Cell>| {
                let value = cell.unwrap_or(Cell::Missing);
                growing.push(value).map_err(|misfit| {
                    let (row, column, kind) = (row, name.clone(), kind(column));
                    self.bad(match misfit {
                        Misfit::Missing => FileFault::Missing { row, column, kind },
                        Misfit::Kind => {
                            FileFault::Value { row, column, kind, value: format!("{value:?}") }
                        }
                    })
                })?;
                row += 1;
                Ok(())
            };
            let unsigned = matches!(read_as, ReadAs::Unsigned);
            let whole = |value: i64| match u64::try_from(value) {
                Ok(count) => Cell::Count(count),
                Err(_) => Cell::Number(value as f64),
            };
            match get_column_reader(descriptor, Box::new(pages)) {
                ColumnReader::BoolColumnReader(reader) => {
                    self.each(reader, rows, |value| push(value.map(Cell::Flag)))
                }
                ColumnReader::Int32ColumnReader(reader) => self.each(reader, rows, |value| {
                    push(value.map(|value| {
                        whole(if unsigned { i64::from(value.cast_unsigned()) } else { value.into() })
                    }))
                }),
                ColumnReader::Int64ColumnReader(reader) => self.each(reader, rows, |value| {
                    push(value.map(|value| {
                        if unsigned { Cell::Count(value.cast_unsigned()) } else { whole(value) }
                    }))
                }),
                ColumnReader::FloatColumnReader(reader) => {
                    self.each(reader, rows, |value| push(value.map(|value| Cell::Number(value.into()))))
                }
                ColumnReader::DoubleColumnReader(reader) => {
                    self.each(reader, rows, |value| push(value.map(Cell::Number)))
                }
                ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                    self.each(reader, rows, |value| {
                        let bytes = value.as_ref().map(|value| <[u8; 2]>::try_from(value.data()));
                        let half = bytes.transpose().map_err(|_| self.bad(FileFault::Damaged))?;
                        push(half.map(|bytes| Cell::Number(f16::from_le_bytes(bytes).to_f64())))
                    })
                }
                ColumnReader::ByteArrayColumnReader(_) | ColumnReader::Int96ColumnReader(_) => {
                    Err(wrong_type())
                }
            }?;
        }
        Ok(growing.column())
    }

    /// The text that each row of a column has.
    fn text(&self, about: &ParquetMetaData, index: usize, column: &ColumnDescriptor) -> Result<String> {
        let mut said: Option<Vec<u8>> = None;
        let mut row = 0;
        for group in about.row_groups() {
            let rows = group.num_rows() as usize;
            let pages = Pages::new(self.file.clone(), group.column(index), rows, LENGTH)
                .map_err(|error| self.refusal(error))?;
            let reader = get_column_reader(group.column(index).column_descr_ptr(), Box::new(pages));
            let ColumnReader::ByteArrayColumnReader(reader) = reader else {
                return Err(self.bad(FileFault::Damaged));
            };
            self.each(reader, rows, |value| {
                let value = value.as_ref().map_or(&[][..], |value| value.data());
                if said.get_or_insert_with(|| value.to_vec()) != value {
                    let (column, kind) = (column.path().string(), kind(column));
                    let value = String::from_utf8_lossy(value).into_owned();
                    return Err(self.bad(FileFault::Value { row, column, kind, value }));
                }
                row += 1;
                Ok(())
            })?;
        }
        String::from_utf8(said.unwrap_or_default())
            .map_err(|_| self.bad(FileFault::NotUtf8 { row: Some(0) }))
    }

    /// Hands on each value of a column in a group of rows, `None` where it has none.
    fn each<T: DataType>(
        &self,
        mut reader: ColumnReaderImpl<T>,
        rows: usize,
        mut take: impl FnMut(Option<T::T>) -> Result<()>,
    ) -> Result<()> {
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        let mut seen = 0;
        while seen < rows {
            values.clear();
            levels.clear();
            let most = TOGETHER.min(rows - seen);
            let (records, ..) = reader
                .read_records(most, Some(&mut levels), None, &mut values)
                .map_err(|error| self.refusal(error))?;
            if records == 0 {
                break;
            }
            let mut found = values.drain(..);
            for record in 0..records {
                let is_there = levels.get(record).is_none_or(|&level| level > 0);
                take(if is_there { found.next() } else { None })?;
            }
            seen += records;
        }
        if seen < rows { Err(self.bad(FileFault::Damaged)) } else { Ok(()) }
    }

    fn refusal(&self, error: parquet::errors::ParquetError) -> Error {
        match io_error(error) {
            // What the reader was led to by the bytes, not what the system said.
            Ok(error) if matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) => {
                self.bad(FileFault::Unreadable(error.to_string()))
            }
            Ok(error) => at(self.path)(error),
            Err(error) => self.bad(fault(error)),
        }
    }

    fn bad(&self, fault: FileFault) -> Error {
        malformed(self.path, fault)
    }
}

/// How the values of a column are meant.
#[derive(Clone, Copy)]
enum ReadAs {
    Signed,
    Unsigned,
    Number,
    Flag,
}

/// How the values of a column are meant, and the bits that each of them takes; `None` for what is no
/// column of a table.
fn read_as(column: &ColumnDescriptor) -> Option<(ReadAs, usize)> {
    if column.max_rep_level() > 0 || column.max_def_level() > 1 {
        return None;
    }
    let logical = column.logical_type_ref();
    let converted = column.converted_type();
    let is_unsigned = matches!(logical, Some(LogicalType::Integer(int)) if !int.is_signed)
        || matches!(
            converted,
            ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64
        );
    let is_signed = matches!(logical, None | Some(LogicalType::Integer(_)))
        && matches!(
            converted,
            ConvertedType::NONE
                | ConvertedType::INT_8
                | ConvertedType::INT_16
                | ConvertedType::INT_32
                | ConvertedType::INT_64
        );
    let plain = logical.is_none() && converted == ConvertedType::NONE;
    match column.physical_type() {
        Physical::BOOLEAN if plain => Some((ReadAs::Flag, 1)),
        Physical::INT32 if is_unsigned => Some((ReadAs::Unsigned, 32)),
        Physical::INT64 if is_unsigned => Some((ReadAs::Unsigned, 64)),
        Physical::INT32 if is_signed => Some((ReadAs::Signed, 32)),
        Physical::INT64 if is_signed => Some((ReadAs::Signed, 64)),
        Physical::FLOAT if plain => Some((ReadAs::Number, 32)),
        Physical::DOUBLE if plain => Some((ReadAs::Number, 64)),
        Physical::FIXED_LEN_BYTE_ARRAY
            if logical == Some(&LogicalType::Float16) && column.type_length() == 2 =>
        {
            Some((ReadAs::Number, 16))
        }
        _ => None,
    }
}

/// Whether a column holds text, one a row.
fn is_text(column: &ColumnDescriptor) -> bool {
    let flat = column.max_rep_level() == 0 && column.max_def_level() <= 1;
    let text = column.logical_type_ref() == Some(&LogicalType::String)
        || column.converted_type() == ConvertedType::UTF8;
    flat && text && column.physical_type() == Physical::BYTE_ARRAY
}

/// The type of a column, as the format calls it.
fn kind(column: &ColumnDescriptor) -> String {
    let physical = column.physical_type();
    match (column.logical_type_ref(), column.converted_type()) {
        _ if column.max_rep_level() > 0 || column.max_def_level() > 1 => format!("nested {physical}"),
        (Some(LogicalType::Integer(int)), _) => {
            format!("{}INT{}", if int.is_signed { "" } else { "U" }, int.bit_width)
        }
        (Some(logical), _) => format!("{physical} ({logical:?})"),
        (None, ConvertedType::NONE) => physical.to_string(),
        (None, converted) => format!("{physical} ({converted})"),
    }
}
