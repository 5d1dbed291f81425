//! A table written as Parquet.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::io_error;
use crate::base::error::Result;
use crate::files::whole_file::write_whole;
use crate::table::{Column, Provenance, Table};

/// Rows of a row group.
const GROUP: usize = 1 << 20;

impl Table {
    /// Writes the table as Parquet: `id` and counts as unsigned 64-bit integers, numbers as doubles
    /// (null where undefined), flags as booleans; what made it as key-value metadata
    /// (`curricle.signal`, `.model`,
    /// `.revision`). The file appears whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), naming the file.
    ///
    /// ```
    /// use curricle::table::{Column, Provenance, Table};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// # let folder = tempfile::tempdir().expect("a folder for the example");
    /// # let file = folder.path().join("scores.parquet");
    /// let table = Table::new(Provenance::default(), vec![3, 5])?
    ///     .column("total", Column::Number(vec![Some(0.25), None]))?;
    /// table.write_parquet(&file)?;
    /// assert_eq!(Table::read_parquet(&file)?, table);
    /// # Ok(()) }
    /// ```
    pub fn write_parquet(&self, path: impl AsRef<Path>) -> Result<()> {
        write_whole(path.as_ref(), |file| {
            self.parquet(file).map_err(|error| io_error(error).unwrap_or_else(std::io::Error::other))
        })
    }

    fn parquet(&self, file: &mut (impl Write + Send)) -> std::result::Result<(), ParquetError> {
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
}

fn unsigned(name: &str) -> std::result::Result<Type, ParquetError> {
    Type::primitive_type_builder(name, Physical::INT64)
        .with_converted_type(ConvertedType::UINT_64)
        .with_repetition(Repetition::REQUIRED)
        .build()
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::table::full_disk::Full;

    #[test]
    fn a_full_disk_is_reported_as_one() {
        let table = Table::new(Provenance::default(), (0..20_000).collect()).unwrap();
        for room in [0, 2, 10, 9000] {
            let refused = table.parquet(&mut Full(room)).map_err(io_error).unwrap_err();
            assert_eq!(refused.unwrap().kind(), ErrorKind::StorageFull, "after {room} bytes");
        }
    }
}
