//! Tables as Parquet, for every tool that reads columns.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::Field;
use parquet::schema::types::Type;

use super::{Column, Provenance, Table, malformed};
use crate::base::error::{Error, Result};
use crate::files::whole_file::write_whole;

/// Rows of a row group.
const GROUP: usize = 1 << 20;

impl Table {
    /// Writes the table as Parquet: `id` and counts as unsigned 64-bit integers, numbers as doubles (null where
    /// undefined), flags as booleans; what made it as key-value metadata (`curricle.signal`, `.model`,
    /// `.revision`). The file appears whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`], naming the file.
    ///
    /// ```
    /// use curricle::table::{Column, Provenance, Table};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// # let folder = tempfile::tempdir().expect("a folder for the example");
    /// # let file = folder.path().join("scores.parquet");
    /// let table = Table::new(Provenance::default(), vec![3, 5])
    ///     .column("total", Column::Number(vec![Some(0.25), None]))?;
    /// table.write_parquet(&file)?;
    /// assert_eq!(Table::read_parquet(&file)?, table);
    /// # Ok(()) }
    /// ```
    pub fn write_parquet(&self, path: impl AsRef<Path>) -> Result<()> {
        write_whole(path.as_ref(), |file| self.fill(file).map_err(std::io::Error::other))
    }

    fn fill(&self, file: &mut File) -> std::result::Result<(), ParquetError> {
        let mut fields = vec![Arc::new(unsigned("id")?)];
        for (name, column) in &self.columns {
            fields.push(Arc::new(match column {
                Column::Number(_) => Type::primitive_type_builder(name, Physical::DOUBLE)
                    .with_repetition(Repetition::OPTIONAL)
                    .build()?,
                Column::Count(_) => unsigned(name)?,
                Column::Flag(_) => Type::primitive_type_builder(name, Physical::BOOLEAN)
                    .with_repetition(Repetition::REQUIRED)
                    .build()?,
            }));
        }
        let schema = Type::group_type_builder("scores").with_fields(fields).build()?;
        let Provenance { signal, model, revision } = &self.made_by;
        let said = [("signal", signal), ("model", model), ("revision", revision)]
            .map(|(key, value)| KeyValue::new(format!("curricle.{key}"), value.clone()));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(said.to_vec()));
        let mut writer =
            SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build()))?;
        for first in (0..self.samples.len()).step_by(GROUP) {
            let rows = first..(first + GROUP).min(self.samples.len());
            let mut group = writer.next_row_group()?;
            let ids = Column::Count(self.samples[rows.clone()].to_vec());
            let rest =
                self.columns.iter().map(|(_, column)| column.select(&rows.clone().collect::<Vec<_>>()));
            for column in std::iter::once(ids).chain(rest) {
                let mut into = group.next_column()?.ok_or(ParquetError::EOF("a column".into()))?;
                match (into.untyped(), column) {
                    (ColumnWriter::DoubleColumnWriter(into), Column::Number(values)) => {
                        let present: Vec<i16> =
                            values.iter().map(|value| i16::from(value.is_some())).collect();
                        let values: Vec<f64> = values.into_iter().flatten().collect();
                        into.write_batch(&values, Some(&present), None)?;
                    }
                    (ColumnWriter::Int64ColumnWriter(into), Column::Count(values)) => {
                        let values: Vec<i64> = values.into_iter().map(u64::cast_signed).collect();
                        into.write_batch(&values, None, None)?;
                    }
                    (ColumnWriter::BoolColumnWriter(into), Column::Flag(values)) => {
                        into.write_batch(&values, None, None)?;
                    }
                    _ => return Err(ParquetError::General("a column of another type".into())),
                }
                into.close()?;
            }
            group.close()?;
        }
        writer.close()?;
        Ok(())
    }

    /// Reads a table that [`write_parquet`](Self::write_parquet) wrote, or any Parquet file whose first column is
    /// an unsigned `id` and whose others are doubles, unsigned integers or booleans.
    ///
    /// # Errors
    /// [`Error::Io`]; [`TableError::Malformed`](super::TableError::Malformed); those of [`column`](Self::column).
    pub fn read_parquet(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        let bad = |error: ParquetError| malformed(path, error);
        let reader = SerializedFileReader::new(file).map_err(bad)?;
        let about = reader.metadata().file_metadata();
        let said = |key: &str| {
            let key = format!("curricle.{key}");
            let all = about.key_value_metadata().into_iter().flatten();
            all.filter(|pair| pair.key == key).find_map(|pair| pair.value.clone()).unwrap_or_default()
        };
        let made_by =
            Provenance { signal: said("signal"), model: said("model"), revision: said("revision") };
        let mut columns: Vec<(String, Column)> = Vec::new();
        for column in about.schema_descr().columns() {
            let name = column.name().to_owned();
            columns.push((
                name.clone(),
                match column.physical_type() {
                    Physical::DOUBLE => Column::Number(Vec::new()),
                    Physical::INT64 => Column::Count(Vec::new()),
                    Physical::BOOLEAN => Column::Flag(Vec::new()),
                    other => return Err(malformed(path, format!("column `{name}` of type {other}"))),
                },
            ));
        }
        for (number, row) in reader.get_row_iter(None).map_err(bad)?.enumerate() {
            let row = row.map_err(bad)?;
            for ((name, column), (_, field)) in columns.iter_mut().zip(row.get_column_iter()) {
                match (column, field) {
                    (Column::Number(values), Field::Null) => values.push(None),
                    (Column::Number(values), Field::Double(value)) => values.push(Some(*value)),
                    (Column::Count(values), Field::ULong(value)) => values.push(*value),
                    (Column::Flag(values), Field::Bool(value)) => values.push(*value),
                    (_, other) => {
                        return Err(malformed(path, format!("row {number}, column `{name}`: {other}")));
                    }
                }
            }
        }
        let mut columns = columns.into_iter();
        let samples = match columns.next() {
            Some((name, Column::Count(samples))) if name == "id" => samples,
            _ => return Err(malformed(path, "the first column is not an unsigned `id`")),
        };
        columns
            .try_fold(Table::new(made_by, samples), |table, (name, column)| table.column(&name, column))
    }
}

fn unsigned(name: &str) -> std::result::Result<Type, ParquetError> {
    Type::primitive_type_builder(name, Physical::INT64)
        .with_converted_type(ConvertedType::UINT_64)
        .with_repetition(Repetition::REQUIRED)
        .build()
}
