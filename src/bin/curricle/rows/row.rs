//! A row, and what its fields have to be.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::Cell;
use crate::fault::Fault;

/// A row, and where it stands.
#[derive(Debug, Clone)]
pub struct Row {
    pub(super) asked: Arc<Asked>,
    pub place: Place,
    pub cells: Vec<Cell>,
}

/// What is asked of a file.
#[derive(Debug)]
pub struct Asked {
    pub(super) path: PathBuf,
    pub(super) fields: Vec<String>,
}

/// Where a row stands in its file: the line, counted from 1, or the row of a Parquet file, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Line(usize),
    Row(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(into, "line {line}"),
            Self::Row(row) => write!(into, "row {row}"),
        }
    }
}

impl Row {
    /// Something wrong with the row.
    pub fn fault(&self, why: impl fmt::Display) -> Fault {
        Fault::file(&self.asked.path, format!("{}: {why}", self.place))
    }

    /// Something of a field, if there is a value; a value that is not of this kind is a fault.
    pub fn maybe<T>(
        &self,
        field: usize,
        kind: &str,
        read: impl Fn(&Cell) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        let cell = &self.cells[field];
        if cell.is_empty() {
            return Ok(None);
        }
        read(cell).map(Some).ok_or_else(|| self.is_no(field, kind))
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
            cell if cell.is_empty() => Err(self.lacks(field)),
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

    /// No value: the field is not there, or it is null or empty.
    pub fn lacks(&self, field: usize) -> Fault {
        self.fault(format!("`{}` has no value", self.name(field)))
    }

    fn name(&self, field: usize) -> &str {
        &self.asked.fields[field]
    }
}

/// What a field has of numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    One(f64),
    List(Vec<f64>),
}
