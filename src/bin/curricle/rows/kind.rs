//! A file of rows that was opened, by the end of its name.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;

use curricle::table::{Quotes, Records};

use super::{Place, json};
use crate::fault::Fault;

pub enum Kind {
    Lines(Written),
    Parquet(Records),
    Csv(csv::Reader<Quotes<File>>),
}

impl Kind {
    /// Opens a file whose name ends in .jsonl, .parquet or .csv.
    pub fn of(path: &Path) -> Result<Self, Fault> {
        let kind = path.extension().and_then(|kind| kind.to_str());
        let kind = kind.filter(|kind| ["jsonl", "parquet", "csv"].contains(kind));
        let kind =
            kind.ok_or_else(|| Fault::file(path, "rows are read from .jsonl, .parquet or .csv"))?;
        let file = File::open(path).map_err(|error| Fault::file(path, error))?;
        if path.is_dir() {
            return Err(Fault::file(path, "this is a folder"));
        }
        match kind {
            "jsonl" => Ok(Self::Lines(Written { lines: BufReader::new(file).lines(), line: 0 })),
            "csv" => Ok(Self::Csv(csv::Reader::from_reader(Quotes::new(file, None)))),
            _ => Records::open(file).map(Self::Parquet).map_err(|what| Fault::file(path, what)),
        }
    }
}

/// The lines of a text that are not blank, each with its number from 1.
pub struct Written {
    lines: Lines<BufReader<File>>,
    line: usize,
}

/// What an editor may put in front of a text.
const MARK: char = '\u{feff}';

impl Iterator for Written {
    type Item = (usize, Result<String, String>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let read = self.lines.next()?;
            self.line += 1;
            let text = match read {
                Ok(text) if self.line == 1 && text.starts_with(MARK) => {
                    text[MARK.len_utf8()..].to_owned()
                }
                Ok(text) => text,
                Err(error) => return Some((self.line, Err(error.to_string()))),
            };
            if !text.trim().is_empty() {
                return Some((self.line, Ok(text)));
            }
        }
    }
}

/// The names of all fields: those of the columns in their order, or those of all lines in the order in which they come.
pub fn names(path: &Path) -> Result<Vec<String>, Fault> {
    match Kind::of(path)? {
        Kind::Parquet(records) => Ok(records.names()),
        Kind::Csv(mut csv) => header(&mut csv, path),
        Kind::Lines(lines) => {
            let mut names = Vec::new();
            for (line, text) in lines {
                let named = text.and_then(|text| json::names(&text, &mut names));
                named.map_err(|why| Fault::file(path, format!("{}: {why}", Place::Line(line))))?;
            }
            Ok(names)
        }
    }
}

/// The names of the columns of a CSV file.
pub fn header(csv: &mut csv::Reader<Quotes<File>>, path: &Path) -> Result<Vec<String>, Fault> {
    let header = csv.headers().map_err(|error| Fault::file(path, error))?;
    let names = header.iter().map(str::to_owned).collect();
    match csv.get_ref().is_open() {
        true => Err(Fault::file(path, "the header: a quote is not closed")),
        false => Ok(names),
    }
}

/// Where the fields stand among the columns.
pub fn places(columns: &[String], fields: &[String], path: &Path) -> Result<Vec<usize>, Fault> {
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
