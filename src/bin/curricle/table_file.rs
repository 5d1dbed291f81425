//! The table that a command writes.

use std::path::Path;

use curricle::table::Table;

use crate::fault::Fault;
use crate::inspect::number;
use crate::out_file;

/// A place for a table, its kind told by its name.
pub struct TableFile<'a> {
    path: &'a Path,
    as_csv: bool,
}

impl<'a> TableFile<'a> {
    /// Checks the name, its folder, and that it is none of the inputs, before any work is done.
    pub fn new<'b>(path: &'a Path, inputs: impl IntoIterator<Item = &'b Path>) -> Result<Self, Fault> {
        out_file::check(path, &["parquet", "csv"], inputs)?;
        let as_csv = path.extension().is_some_and(|kind| kind == "csv");
        Ok(Self { path, as_csv })
    }

    pub fn write(&self, table: &Table) -> Result<(), Fault> {
        let written =
            if self.as_csv { table.write_csv(self.path) } else { table.write_parquet(self.path) };
        written.map_err(Fault::Output)
    }
}

/// Says what is in a column, and whether it is more than the length where there is one.
pub fn statistics(table: &Table, column: &str) {
    if let Ok(Some(found)) = table.statistics(column) {
        let number = |value: f64| number(Some(value));
        let quartiles = found.quantiles.map(number).join(" ");
        let correlation = match (table.get("tokens"), found.with_length) {
            (None, _) => String::new(),
            (Some(_), None) => ", rank correlation with length undefined".into(),
            (Some(_), Some(r)) => format!(", rank correlation with length {r:.3}"),
        };
        eprintln!(
            "{column:13} mean {} sd {}, quartiles {quartiles}, undefined {}, tied {}{correlation}",
            number(found.mean),
            number(found.sd),
            found.undefined,
            found.tied,
        );
    }
}
