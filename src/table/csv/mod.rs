//! Tables as CSV, as any tool writes and reads it: a header, then a row a sample.

mod quotes;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use csv::{ByteRecord, ErrorKind, ReaderBuilder};

pub use quotes::Quotes;

use super::growing::{Cell, Growing, Misfit, samples};
use super::{Column, FileFault, MADE_BY, Provenance, Table, TableError, malformed};
use crate::base::error::{Error, Result};
use crate::files::whole_file::{at, write_whole};

/// What a column of CSV is, in errors.
const TEXT: &str = "text";
/// What a line begins with that is passed over.
const COMMENT: Option<u8> = Some(b'#');

impl Table {
    /// Writes the table as CSV: a header and a row for each sample, nothing else, so that every reader
    /// of CSV takes it. The columns are `id`, those of the table, and of `signal`, `model` and
    /// `revision` those that
    /// [what made it](Provenance) names, the same text in each row.
    ///
    /// Numbers are written with a point or an exponent and read back to the same bits; undefined ones
    /// are empty; flags are `true` and `false`. A table without rows keeps the names of its columns
    /// alone. The file appears whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`], naming the file; [`TableError::RepeatedColumn`] if the table has a column
    /// `signal`, `model` or `revision` of its own.
    ///
    /// ```
    /// use curricle::table::{Column, Provenance, Table};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// # let folder = tempfile::tempdir().expect("a folder for the example");
    /// # let file = folder.path().join("scores.csv");
    /// let made_by = Provenance { signal: "angle".into(), ..Default::default() };
    /// let table = Table::new(made_by, vec![3, 5])?
    ///     .column("total", Column::Number(vec![Some(0.25), None]))?;
    /// table.write_csv(&file)?;
    /// # let text = std::fs::read_to_string(&file).expect("a file");
    /// assert_eq!(text, "id,total,signal\n3,0.25,angle\n5,,angle\n");
    /// assert_eq!(Table::read_csv(&file)?, table);
    /// # Ok(()) }
    /// ```
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        if let Some((name, _)) = self.columns.iter().find(|(name, _)| MADE_BY.contains(&name.as_str()))
        {
            return Err(TableError::RepeatedColumn(name.clone()).into());
        }
        write_whole(path.as_ref(), |file| self.csv(file))
    }

    fn csv(&self, file: &mut impl Write) -> io::Result<()> {
        let Provenance { signal, model, revision } = &self.made_by;
        let made_by: Vec<(&str, &str)> = MADE_BY
            .into_iter()
            .zip([signal, model, revision].map(String::as_str))
            .filter(|(_, said)| !said.is_empty())
            .collect();
        let mut rows = csv::Writer::from_writer(BufWriter::new(file));
        let names = self.columns.iter().map(|(name, _)| name.as_str());
        let header = std::iter::once("id").chain(names).chain(made_by.iter().map(|(key, _)| *key));
        rows.write_record(header).map_err(io_error)?;
        for (row, sample) in self.samples.iter().enumerate() {
            let fields = self.columns.iter().map(|(_, column)| match column {
                Column::Number(values) => values[row].map(|x| format!("{x:?}")).unwrap_or_default(),
                Column::Count(values) => values[row].to_string(),
                Column::Flag(values) => values[row].to_string(),
            });
            let said = made_by.iter().map(|(_, said)| (*said).to_owned());
            let record = std::iter::once(sample.to_string()).chain(fields).chain(said);
            rows.write_record(record).map_err(io_error)?;
        }
        rows.flush()
    }

    /// Reads a table that [`write_csv`](Self::write_csv) wrote, or any CSV with a column `id`,
    /// whichever tool wrote it: fields may be quoted, lines end in either way, a byte-order mark and
    /// lines that begin with `#` are passed over, and so is a column without a name, which is the index
    /// of a data frame.
    ///
    /// A column of whole numbers from 0 on is a [count](Column::Count), of `true` and `false` a
    /// [flag](Column::Flag), else it holds [numbers](Column::Number), undefined where a field is empty.
    /// Columns
    /// `signal`, `model` and `revision` say what made the table, the same in each row.
    ///
    /// # Errors
    /// [`Error::Io`]; [`TableError::Malformed`], saying which row and field;
    /// [`TableError::RepeatedSample`] and those of [`column`](Self::column).
    pub fn read_csv(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = Quotes::new(File::open(path).map_err(at(path))?, COMMENT);
        let mut rows = ReaderBuilder::new().comment(COMMENT).from_reader(file);
        let header = rows.byte_headers().map_err(|error| refusal(path, error, None))?.clone();
        let closed = |rows: &csv::Reader<Quotes<File>>, row| match rows.get_ref().is_open() {
            true => Err(malformed(path, FileFault::OpenQuote { row })),
            false => Ok(()),
        };
        closed(&rows, None)?;
        let not_text = |row| malformed(path, FileFault::NotUtf8 { row });
        let mut columns: Vec<(String, Part)> = Vec::with_capacity(header.len());
        for name in &header {
            let name = std::str::from_utf8(name).map_err(|_| not_text(None))?;
            let part = match MADE_BY.iter().position(|key| *key == name) {
                Some(_) => Part::MadeBy(None),
                None if name.is_empty() => Part::Unnamed,
                None => Part::Column(Growing::Open(0)),
            };
            columns.push((name.to_owned(), part));
        }
        let id = columns.iter().position(|(name, _)| name == "id");
        let id = id.ok_or_else(|| malformed(path, FileFault::NoId))?;
        let mut record = ByteRecord::new();
        for row in 0.. {
            let read = rows.read_byte_record(&mut record);
            closed(&rows, Some(row))?;
            if !read.map_err(|error| refusal(path, error, Some(row)))? {
                break;
            }
            for ((name, part), field) in columns.iter_mut().zip(&record) {
                let field = std::str::from_utf8(field).map_err(|_| not_text(Some(row)))?;
                part.push(field).map_err(|misfit| malformed(path, fault(misfit, row, name, field)))?;
            }
        }
        let (_, ids) = columns.remove(id);
        let ids = match ids {
            Part::Column(growing) => growing.column(),
            Part::MadeBy(_) | Part::Unnamed => return Err(malformed(path, FileFault::NoId)),
        };
        let ids = samples(ids).map_err(|(row, value)| {
            let misfit = if value.is_some() { Misfit::Kind } else { Misfit::Missing };
            malformed(path, fault(misfit, row as u64, "id", &value.unwrap_or_default()))
        })?;
        let mut made_by = Provenance::default();
        let mut scores = Vec::with_capacity(columns.len());
        for (name, part) in columns {
            match part {
                Part::MadeBy(said) => {
                    let Provenance { signal, model, revision } = &mut made_by;
                    let place = match name.as_str() {
                        "signal" => signal,
                        "model" => model,
                        _ => revision,
                    };
                    *place = said.unwrap_or_default();
                }
                Part::Column(growing) => scores.push((name, growing.column())),
                Part::Unnamed => {}
            }
        }
        scores
            .into_iter()
            .try_fold(Table::new(made_by, ids)?, |table, (name, column)| table.column(&name, column))
    }
}

/// What a column of the file becomes.
enum Part {
    Column(Growing),
    /// The text of its first row.
    MadeBy(Option<String>),
    Unnamed,
}

impl Part {
    fn push(&mut self, field: &str) -> Result<(), Misfit> {
        match self {
            Self::Unnamed => Ok(()),
            Self::MadeBy(Some(said)) if said != field => Err(Misfit::Kind),
            Self::MadeBy(said) => {
                said.get_or_insert_with(|| field.to_owned());
                Ok(())
            }
            Self::Column(growing) => growing.push(cell(field).ok_or(Misfit::Kind)?),
        }
    }
}

fn cell(field: &str) -> Option<Cell> {
    match field {
        "" => Some(Cell::Missing),
        "true" | "True" | "TRUE" => Some(Cell::Flag(true)),
        "false" | "False" | "FALSE" => Some(Cell::Flag(false)),
        number => match number.parse() {
            Ok(count) => Some(Cell::Count(count)),
            Err(_) => number.parse().ok().map(Cell::Number),
        },
    }
}

fn fault(misfit: Misfit, row: u64, column: &str, value: &str) -> FileFault {
    let (column, kind) = (column.to_owned(), TEXT.to_owned());
    match misfit {
        Misfit::Kind => FileFault::Value { row, column, kind, value: value.to_owned() },
        Misfit::Missing => FileFault::Missing { row, column, kind },
    }
}

/// What the reader reports, as an error of the file.
fn refusal(path: &Path, error: csv::Error, row: Option<u64>) -> Error {
    let said = error.to_string();
    match error.into_kind() {
        ErrorKind::Io(error) => at(path)(error),
        ErrorKind::Utf8 { .. } => malformed(path, FileFault::NotUtf8 { row }),
        ErrorKind::UnequalLengths { expected_len: expected, len: found, .. } => {
            malformed(path, FileFault::Fields { row: row.unwrap_or(0), expected, found })
        }
        _ => malformed(path, FileFault::Unreadable(said)),
    }
}

/// What the writer reports, as what the system said.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::full_disk::Full;

    #[test]
    fn a_full_disk_is_reported_as_one() {
        let table = Table::new(Provenance::default(), (0..20_000).collect()).unwrap();
        for room in [0, 10, 9000, 70_000] {
            let refused = table.csv(&mut Full(room)).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::StorageFull, "after {room} bytes");
        }
    }
}
