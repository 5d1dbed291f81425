//! Rows of a file, one by one, with the fields that are asked for: JSON lines, Parquet or CSV.

mod cell;
mod json;
mod kind;
mod row;
mod scored;

use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::sync::Arc;

use curricle::table::{self, Quotes};

pub use cell::Cell;
pub use kind::names;
use kind::{Kind, MARK, header, places};
use row::Asked;
pub use row::{Numbers, Place, Row};
pub use scored::Scored;

use crate::fault::Fault;

/// The rows of a file in their order. An error names where it stands; nothing comes behind it.
pub struct Reader {
    asked: Arc<Asked>,
    place: Place,
    rows: Rows,
}

enum Rows {
    Lines(Lines<BufReader<File>>),
    Parquet(table::Rows),
    /// The places of the fields in a record.
    Csv(Box<csv::StringRecordsIntoIter<Quotes<File>>>, Vec<usize>),
    Over,
}

impl Reader {
    /// Opens a file whose name ends in .jsonl, .parquet or .csv. A field may be asked for twice.
    pub fn open(path: &Path, fields: &[String]) -> Result<Self, Fault> {
        let (rows, place) = match Kind::of(path)? {
            Kind::Lines(file) => (Rows::Lines(file.lines()), Place::Line(0)),
            Kind::Parquet(records) => {
                places(&records.names(), fields, path)?;
                let rows = records.rows(fields).map_err(|what| Fault::file(path, what))?;
                (Rows::Parquet(rows), Place::Row(0))
            }
            Kind::Csv(mut csv) => {
                let places = places(&header(&mut csv, path)?, fields, path)?;
                (Rows::Csv(Box::new(csv.into_records()), places), Place::Line(1))
            }
        };
        let asked = Arc::new(Asked { path: path.to_path_buf(), fields: fields.to_vec() });
        Ok(Self { asked, place, rows })
    }

    /// The place of the next row, and what was read there.
    fn read(&mut self) -> Option<(Place, Result<Vec<Cell>, String>)> {
        let fields = &self.asked.fields;
        match (&mut self.rows, self.place) {
            (Rows::Over, _) => None,
            (Rows::Lines(lines), Place::Line(before) | Place::Row(before)) => {
                for line in before + 1.. {
                    let read = match lines.next()? {
                        Ok(text) => {
                            let text = if line == 1 { text.trim_start_matches(MARK) } else { &text };
                            if text.trim().is_empty() {
                                continue;
                            }
                            json::fields(text, fields)
                        }
                        Err(error) => Err(error.to_string()),
                    };
                    return Some((Place::Line(line), read));
                }
                None
            }
            (Rows::Parquet(rows), place) => {
                let cells = |row: parquet::record::Row| {
                    let cells = fields.iter().map(|field| {
                        let cell = row.get_column_iter().find(|(name, _)| *name == field);
                        cell.map_or(Cell::Nothing, |(_, cell)| Cell::from(cell))
                    });
                    cells.collect()
                };
                Some((place, rows.next()?.map(cells).map_err(|fault| fault.to_string())))
            }
            (Rows::Csv(rows, places), Place::Line(before) | Place::Row(before)) => {
                let record = rows.next()?;
                let position = match &record {
                    Ok(record) => record.position().cloned(),
                    Err(error) => error.position().cloned(),
                };
                let place = Place::Line(position.map_or(before + 1, |at| at.line() as usize));
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
        let row = Row { file: self.asked.clone(), place, cells: Vec::new() };
        self.place = if let Place::Row(row) = place { Place::Row(row + 1) } else { place };
        Some(match read {
            Ok(cells) => Ok(Row { cells, ..row }),
            Err(why) => {
                self.rows = Rows::Over;
                Err(row.fault(why))
            }
        })
    }
}
