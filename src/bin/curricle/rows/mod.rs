//! Rows of a file, one by one, with the fields that are asked for: JSON lines, Parquet or CSV.

mod cell;
mod json;
mod kind;
mod row;
mod scored;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use curricle::table::{self, Quotes};

pub use cell::Cell;
pub use kind::names;
use kind::{Kind, Written, header, places};
use row::Asked;
pub use row::{Numbers, Place, Row};
pub use scored::Scored;

use crate::fault::Fault;

/// The rows of a file in their order. An error names where it stands; nothing comes behind it.
pub struct Reader {
    asked: Arc<Asked>,
    rows: Rows,
}

enum Rows {
    Lines(Written),
    /// How many rows there were.
    Parquet(table::Rows, usize),
    /// The places of the fields in a record.
    Csv(Box<csv::StringRecordsIntoIter<Quotes<File>>>, Vec<usize>),
    Over,
}

impl Reader {
    /// Opens a file whose name ends in .jsonl, .parquet or .csv. A field may be asked for twice.
    pub fn open(path: &Path, fields: &[String]) -> Result<Self, Fault> {
        let rows = match Kind::of(path)? {
            Kind::Lines(lines) => Rows::Lines(lines),
            Kind::Parquet(records) => {
                places(&records.names(), fields, path)?;
                Rows::Parquet(records.rows(fields).map_err(|what| Fault::file(path, what))?, 0)
            }
            Kind::Csv(mut csv) => {
                let places = places(&header(&mut csv, path)?, fields, path)?;
                Rows::Csv(Box::new(csv.into_records()), places)
            }
        };
        let asked = Arc::new(Asked { path: path.to_path_buf(), fields: fields.to_vec() });
        Ok(Self { asked, rows })
    }

    /// The place of the next row, and what was read there.
    fn read(&mut self) -> Option<(Place, Result<Vec<Cell>, String>)> {
        let fields = &self.asked.fields;
        match &mut self.rows {
            Rows::Over => None,
            Rows::Lines(lines) => {
                let (line, text) = lines.next()?;
                Some((Place::Line(line), text.and_then(|text| json::fields(&text, fields))))
            }
            Rows::Parquet(rows, row) => {
                let cells = |row: parquet::record::Row| {
                    let cells = fields.iter().map(|field| {
                        let cell = row.get_column_iter().find(|(name, _)| *name == field);
                        cell.map_or(Cell::Nothing, |(_, cell)| Cell::from(cell))
                    });
                    cells.collect()
                };
                let read = rows.next()?.map(cells).map_err(|fault| fault.to_string());
                let place = Place::Row(*row);
                *row += 1;
                Some((place, read))
            }
            Rows::Csv(rows, places) => {
                // Where the reader stands before it, if it cannot tell of a record.
                let before = rows.reader().position().line();
                let record = rows.next()?;
                let position = match &record {
                    Ok(record) => record.position(),
                    Err(error) => error.position(),
                };
                let place = Place::Line(position.map_or(before, csv::Position::line) as usize);
                if rows.reader().get_ref().is_open() {
                    return Some((place, Err("a quote is not closed".into())));
                }
                let cell = |record: &csv::StringRecord, at: usize| Cell::Written(record[at].to_owned());
                let cells = |record| places.iter().map(|&at| cell(&record, at)).collect();
                Some((place, record.map(cells).map_err(said)))
            }
        }
    }
}

/// What the reader of CSV says, without the place, which is said before it.
fn said(error: csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields, where the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".into(),
        _ => error.to_string(),
    }
}

impl Iterator for Reader {
    type Item = Result<Row, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let (place, read) = self.read()?;
        let row = Row { asked: self.asked.clone(), place, cells: Vec::new() };
        Some(match read {
            Ok(cells) => Ok(Row { cells, ..row }),
            Err(why) => {
                self.rows = Rows::Over;
                Err(row.fault(why))
            }
        })
    }
}
