//! A column of a file, whose kind shows as its values arrive.

use super::Column;

/// One value, as a file has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    /// None.
    Missing,
    /// A whole number from 0 on.
    Count(u64),
    /// Any other number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
}

/// A column that grows: counts as long as each value is one, numbers from the first on that is not, or
/// where one is missing; flags if all are.
#[derive(Debug)]
pub(super) enum Growing {
    /// So many rows without a value.
    Open(usize),
    /// A column of this kind, which a file may tell before its first value.
    Known(Column),
}

/// Why a value does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    /// It is of another kind than those before.
    Kind,
    /// There is none, or there was none before, and a flag is yes or no.
    Missing,
}

impl Growing {
    /// Takes the next value in.
    pub fn push(&mut self, cell: Cell) -> Result<(), Misfit> {
        match self {
            Self::Open(missing) => {
                let before = *missing;
                *self = match cell {
                    Cell::Missing => Self::Open(before + 1),
                    Cell::Flag(_) if before > 0 => return Err(Misfit::Missing),
                    Cell::Flag(value) => Self::Known(Column::Flag(vec![value])),
                    Cell::Count(value) if before == 0 => Self::Known(Column::Count(vec![value])),
                    Cell::Count(value) => Self::Known(numbers(before, value as f64)),
                    Cell::Number(value) => Self::Known(numbers(before, value)),
                };
            }
            Self::Known(Column::Flag(values)) => match cell {
                Cell::Flag(value) => values.push(value),
                Cell::Missing => return Err(Misfit::Missing),
                Cell::Count(_) | Cell::Number(_) => return Err(Misfit::Kind),
            },
            Self::Known(Column::Number(values)) => values.push(match cell {
                Cell::Missing => None,
                Cell::Count(value) => Some(value as f64),
                Cell::Number(value) => Some(value),
                Cell::Flag(_) => return Err(Misfit::Kind),
            }),
            Self::Known(Column::Count(values)) => match cell {
                Cell::Count(value) => values.push(value),
                Cell::Flag(_) => return Err(Misfit::Kind),
                Cell::Missing | Cell::Number(_) => {
                    let numbers = values.iter().map(|&value| Some(value as f64)).collect();
                    *self = Self::Known(Column::Number(numbers));
                    return self.push(cell);
                }
            },
        }
        Ok(())
    }

    /// The column; one without any value holds numbers, all undefined.
    pub fn column(self) -> Column {
        match self {
            Self::Open(rows) => Column::Number(vec![None; rows]),
            Self::Known(column) => column,
        }
    }
}

fn numbers(missing: usize, first: f64) -> Column {
    let mut values = vec![None; missing];
    values.push(Some(first));
    Column::Number(values)
}

/// The samples that a column `id` names, or the row of the first value that is no sample, and whether
/// there is one. A tool that once met a missing value keeps whole numbers as floating-point ones; up to
/// 2^53 they are exact.
pub(super) fn samples(column: Column) -> Result<Vec<u64>, (usize, Option<String>)> {
    const EXACT: f64 = (1u64 << 53) as f64;
    match column {
        Column::Count(samples) => Ok(samples),
        Column::Number(values) => values
            .iter()
            .enumerate()
            .map(|(row, value)| match *value {
                Some(id) if id.fract() == 0.0 && (0.0..=EXACT).contains(&id) => Ok(id as u64),
                Some(other) => Err((row, Some(other.to_string()))),
                None => Err((row, None)),
            })
            .collect(),
        Column::Flag(values) => match values.first() {
            Some(first) => Err((0, Some(first.to_string()))),
            None => Ok(Vec::new()),
        },
    }
}
