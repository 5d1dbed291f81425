//! Rows of a file, one by one, with the fields that are asked for: JSON lines, Parquet or CSV.

mod cell;
mod json;
mod scored;

use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use curricle::table::{self, Records};

pub use cell::Cell;
pub use scored::Scored;

use crate::fault::Fault;

/// A row, and where it stands.
#[derive(Debug, Clone)]
pub struct Row {
    file: Arc<Names>,
    /// The line, or the row of a Parquet file.
    place: usize,
    pub cells: Vec<Cell>,
}

/// What is asked of a file.
#[derive(Debug)]
struct Names {
    path: PathBuf,
    fields: Vec<String>,
    /// What a row is called.
    what: &'static str,
}

impl Row {
    /// Something wrong with the row.
    pub fn fault(&self, why: impl std::fmt::Display) -> Fault {
        let Names { path, what, .. } = &*self.file;
        Fault::file(path, format!("{what} {}: {why}", self.place))
    }

    /// Something of a field, if there is a value; a value that is not of this kind is a fault.
    pub fn maybe<T>(
        &self,
        field: usize,
        kind: &str,
        read: impl Fn(&Cell) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        match &self.cells[field] {
            Cell::Nothing => Ok(None),
            cell => read(cell).map(Some).ok_or_else(|| self.is_no(field, kind)),
        }
    }

    /// Something of a field that has to be there.
    pub fn need<T>(
        &self,
        field: usize,
        kind: &str,
        read: impl Fn(&Cell) -> Option<T>,
    ) -> Result<T, Fault> {
        self.maybe(field, kind, read)?.ok_or_else(|| self.lacks(field))
    }

    /// A finite number, if there is one.
    pub fn maybe_number(&self, field: usize) -> Result<Option<f64>, Fault> {
        let number = self.maybe(field, "number", Cell::number)?;
        number.map(|number| self.finite(field, number)).transpose()
    }

    /// A finite number.
    pub fn number(&self, field: usize) -> Result<f64, Fault> {
        self.maybe_number(field)?.ok_or_else(|| self.lacks(field))
    }

    /// Finite numbers: one, or a list of them.
    pub fn numbers(&self, field: usize) -> Result<Numbers, Fault> {
        let number = |cell: &Cell| match cell.number() {
            Some(number) => self.finite(field, number),
            None => Err(self.is_no(field, "list of numbers")),
        };
        match &self.cells[field] {
            Cell::Nothing => Err(self.lacks(field)),
            Cell::List(cells) => cells.iter().map(number).collect::<Result<_, _>>().map(Numbers::List),
            cell if cell.number().is_some() => number(cell).map(Numbers::One),
            _ => Err(self.is_no(field, "number, and no list of numbers")),
        }
    }

    fn finite(&self, field: usize, number: f64) -> Result<f64, Fault> {
        let what = || self.fault(format!("`{}` is not finite: {number}", self.name(field)));
        if number.is_finite() { Ok(number) } else { Err(what()) }
    }

    /// A value of another kind.
    pub fn is_no(&self, field: usize, kind: &str) -> Fault {
        self.fault(format!("`{}` is no {kind}", self.name(field)))
    }

    /// No value.
    pub fn lacks(&self, field: usize) -> Fault {
        self.fault(format!("there is no `{}`", self.name(field)))
    }

    fn name(&self, field: usize) -> &str {
        &self.file.fields[field]
    }
}

/// What a field has of numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    One(f64),
    List(Vec<f64>),
}

/// The rows of a file in their order. An error names the line, counted from 1, or the row of a Parquet file, from 0;
/// nothing comes behind it.
pub struct Reader {
    file: Arc<Names>,
    place: usize,
    rows: Rows,
}

enum Rows {
    Lines(Lines<BufReader<File>>),
    Parquet(table::Rows),
    /// The places of the fields in a record.
    Csv(Box<csv::StringRecordsIntoIter<File>>, Vec<usize>),
    Over,
}

impl Reader {
    /// Opens a file whose name ends in .jsonl, .parquet or .csv.
    pub fn open(path: &Path, fields: &[String]) -> Result<Self, Fault> {
        let fault = |what: &dyn std::fmt::Display| Fault::file(path, what);
        let (rows, what) = match Kind::of(path)? {
            Kind::Lines(file) => (Rows::Lines(BufReader::new(file).lines()), "line"),
            Kind::Parquet(records) => {
                places(&records.names(), fields, path)?;
                (Rows::Parquet(records.rows(fields).map_err(|what| fault(&what))?), "row")
            }
            Kind::Csv(mut csv) => {
                let header = csv.headers().map_err(|error| fault(&error))?.iter();
                let places = places(&header.map(str::to_owned).collect::<Vec<_>>(), fields, path)?;
                (Rows::Csv(Box::new(csv.into_records()), places), "line")
            }
        };
        let file = Arc::new(Names { path: path.to_path_buf(), fields: fields.to_vec(), what });
        Ok(Self { file, place: 0, rows })
    }

    fn read(&mut self) -> Option<Result<Vec<Cell>, String>> {
        let fields = &self.file.fields;
        match &mut self.rows {
            Rows::Over => None,
            Rows::Lines(lines) => loop {
                self.place += 1;
                match lines.next()? {
                    Ok(line) if line.trim().is_empty() => (),
                    Ok(line) => return Some(json::fields(&line, fields)),
                    Err(error) => return Some(Err(error.to_string())),
                }
            },
            Rows::Parquet(rows) => {
                let row = rows.next()?;
                self.place += 1;
                let cells = |row: parquet::record::Row| {
                    let cells = fields.iter().map(|field| {
                        let cell = row.get_column_iter().find(|(name, _)| *name == field);
                        cell.map_or(Cell::Nothing, |(_, cell)| Cell::from(cell))
                    });
                    cells.collect()
                };
                Some(row.map(cells).map_err(|fault| fault.to_string()))
            }
            Rows::Csv(rows, places) => {
                let record = rows.next()?;
                let position = match &record {
                    Ok(record) => record.position().cloned(),
                    Err(error) => error.position().cloned(),
                };
                self.place = position.map_or(self.place + 1, |at| at.line() as usize);
                let cells = |record: csv::StringRecord| {
                    let cells = places.iter().map(|&place| match &record[place] {
                        "" => Cell::Nothing,
                        text => Cell::Written(text.to_owned()),
                    });
                    cells.collect()
                };
                Some(record.map(cells).map_err(|error| error.to_string()))
            }
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Row, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read()?;
        let place = self.place - usize::from(matches!(self.rows, Rows::Parquet(_)));
        let mut row = Row { file: self.file.clone(), place, cells: Vec::new() };
        match read {
            Ok(cells) => {
                row.cells = cells;
                Some(Ok(row))
            }
            Err(why) => {
                self.rows = Rows::Over;
                Some(Err(row.fault(why)))
            }
        }
    }
}

/// The names of all fields, in the order of the file: of JSON lines, those of the first one.
pub fn names(path: &Path) -> Result<Vec<String>, Fault> {
    match Kind::of(path)? {
        Kind::Parquet(records) => Ok(records.names()),
        Kind::Csv(mut csv) => {
            let header = csv.headers().map_err(|error| Fault::file(path, error))?;
            Ok(header.iter().map(str::to_owned).collect())
        }
        Kind::Lines(file) => {
            for (line, text) in (1..).zip(BufReader::new(file).lines()) {
                let fault =
                    |why: &dyn std::fmt::Display| Fault::file(path, format!("line {line}: {why}"));
                let text = text.map_err(|error| fault(&error))?;
                if !text.trim().is_empty() {
                    return json::names(&text).map_err(|why| fault(&why));
                }
            }
            Ok(Vec::new())
        }
    }
}

/// A file that was opened, by the end of its name.
enum Kind {
    Lines(File),
    Parquet(Records),
    Csv(csv::Reader<File>),
}

impl Kind {
    fn of(path: &Path) -> Result<Self, Fault> {
        let kind = path.extension().and_then(|kind| kind.to_str());
        let kind = kind.filter(|kind| ["jsonl", "parquet", "csv"].contains(kind));
        let kind =
            kind.ok_or_else(|| Fault::file(path, "rows are read from .jsonl, .parquet or .csv"))?;
        let file = File::open(path).map_err(|error| Fault::file(path, error))?;
        match kind {
            "jsonl" => Ok(Self::Lines(file)),
            "csv" => Ok(Self::Csv(csv::Reader::from_reader(file))),
            _ => Records::open(file).map(Self::Parquet).map_err(|what| Fault::file(path, what)),
        }
    }
}

/// Where the fields stand among the columns.
fn places(columns: &[String], fields: &[String], path: &Path) -> Result<Vec<usize>, Fault> {
    let place = |field: &String| {
        let mut found = (0..columns.len()).filter(|&place| columns[place] == *field);
        match (found.next(), found.next()) {
            (Some(place), None) => Ok(place),
            (None, _) => Err(Fault::file(path, format!("there is no column `{field}`"))),
            _ => Err(Fault::file(path, format!("two columns are named `{field}`"))),
        }
    };
    fields.iter().map(place).collect()
}
