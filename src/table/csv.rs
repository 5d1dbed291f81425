//! Tables as CSV: three comment lines that say what made it, a header, a row a sample.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use super::{Column, Provenance, Table, malformed};
use crate::base::error::{Error, Result};
use crate::files::whole_file::write_whole;

impl Table {
    /// Writes the table as CSV. Numbers are written so that they read back to the same bits; undefined ones are
    /// empty; a line break in what made the table becomes a space. The kind of a column is said in its header, as in `tokens: count`. The file appears whole or
    /// not at all.
    ///
    /// # Errors
    /// [`Error::Io`], naming the file.
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        write_whole(path.as_ref(), |file| {
            let mut file = BufWriter::new(file);
            let Provenance { signal, model, revision } = &self.made_by;
            for (key, value) in [("signal", signal), ("model", model), ("revision", revision)] {
                writeln!(file, "# {key}: {}", value.replace(['\n', '\r'], " "))?;
            }
            let mut rows = csv::Writer::from_writer(&mut file);
            let header = std::iter::once("id".to_owned()).chain(self.shape());
            rows.write_record(header).map_err(std::io::Error::from)?;
            for (row, sample) in self.samples.iter().enumerate() {
                let fields = self.columns.iter().map(|(_, column)| match column {
                    Column::Number(values) => values[row].map(|x| format!("{x:?}")).unwrap_or_default(),
                    Column::Count(values) => values[row].to_string(),
                    Column::Flag(values) => values[row].to_string(),
                });
                let record = std::iter::once(sample.to_string()).chain(fields);
                rows.write_record(record).map_err(std::io::Error::from)?;
            }
            rows.flush()?;
            drop(rows);
            file.flush()
        })
    }

    /// Reads a table that [`write_csv`](Self::write_csv) wrote.
    ///
    /// # Errors
    /// [`Error::Io`]; [`TableError::Malformed`](super::TableError::Malformed), saying which row and field;
    /// those of [`column`](Self::column).
    pub fn read_csv(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let refused = |error: std::io::Error| Error::io(path, error);
        let mut file = BufReader::new(File::open(path).map_err(refused)?);
        let mut made_by = Provenance::default();
        for (key, value) in [
            ("signal", &mut made_by.signal),
            ("model", &mut made_by.model),
            ("revision", &mut made_by.revision),
        ] {
            let mut line = String::new();
            file.read_line(&mut line).map_err(refused)?;
            let start = format!("# {key}: ");
            let said = line.trim_end_matches(['\n', '\r']).strip_prefix(&start);
            *value = said.ok_or_else(|| malformed(path, format!("no line `{start}`")))?.to_owned();
        }
        let mut rows = csv::Reader::from_reader(file);
        let header = rows.headers().map_err(|error| malformed(path, error))?.clone();
        if header.get(0) != Some("id") {
            return Err(malformed(path, "the first column is not `id`"));
        }
        let mut columns = Vec::new();
        for name in header.iter().skip(1) {
            let (name, kind) = name
                .rsplit_once(": ")
                .ok_or_else(|| malformed(path, format!("column `{name}` of no kind")))?;
            columns.push((
                name.to_owned(),
                match kind {
                    "number" => Column::Number(Vec::new()),
                    "count" => Column::Count(Vec::new()),
                    "flag" => Column::Flag(Vec::new()),
                    other => return Err(malformed(path, format!("column of the kind `{other}`"))),
                },
            ));
        }
        let mut samples = Vec::new();
        for (row, record) in rows.records().enumerate() {
            let record = record.map_err(|error| malformed(path, error))?;
            let wrong = |field: &str| malformed(path, format!("row {row}: `{field}`"));
            let id = &record[0];
            samples.push(id.parse().map_err(|_| wrong(id))?);
            for ((_, column), field) in columns.iter_mut().zip(record.iter().skip(1)) {
                match column {
                    Column::Number(values) if field.is_empty() => values.push(None),
                    Column::Number(values) => {
                        values.push(Some(field.parse().map_err(|_| wrong(field))?))
                    }
                    Column::Count(values) => values.push(field.parse().map_err(|_| wrong(field))?),
                    Column::Flag(values) => values.push(field.parse().map_err(|_| wrong(field))?),
                }
            }
        }
        columns
            .into_iter()
            .try_fold(Table::new(made_by, samples), |table, (name, column)| table.column(&name, column))
    }
}
