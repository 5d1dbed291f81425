//! The table that a command writes.

use std::path::Path;

use curricle::table::Table;

use crate::fault::Fault;

/// A place for a table, its kind told by its name.
pub struct TableFile<'a> {
    path: &'a Path,
    as_csv: bool,
}

impl<'a> TableFile<'a> {
    /// Checks the name and its folder, before any work is done.
    pub fn new(path: &'a Path) -> Result<Self, Fault> {
        let as_csv = match path.extension().and_then(|extension| extension.to_str()) {
            Some("parquet") => false,
            Some("csv") => true,
            _ => return Err(Fault::file(path, "the name must end in .parquet or .csv")),
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            let (out, folder) = (path.to_path_buf(), folder.to_path_buf());
            return Err(Fault::NoFolder { out, folder });
        }
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
        let [least, lower, median, upper, greatest] = found.quantiles;
        let correlation = match (table.get("tokens"), found.with_length) {
            (None, _) => String::new(),
            (Some(_), None) => ", rank correlation with length undefined".into(),
            (Some(_), Some(r)) => format!(", rank correlation with length {r:.3}"),
        };
        eprintln!(
            "{column:13} mean {:.4} sd {:.4}, quartiles {least:.4} {lower:.4} {median:.4} {upper:.4} {greatest:.4}, \
             undefined {}, tied {}{correlation}",
            found.mean, found.sd, found.undefined, found.tied,
        );
    }
}
