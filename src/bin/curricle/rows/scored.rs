//! Rows of some files in, a table of what was read of each out.

use std::path::PathBuf;

use curricle::table::{Column, Provenance, Table};

use super::{Cell, Reader, Row};
use crate::fault::Fault;
use crate::progress::progress_of_rows;
use crate::table_file::{TableFile, statistics};

#[derive(clap::Args)]
pub struct Scored {
    /// The rows: .jsonl, .parquet or .csv, file after file.
    #[arg(long = "in", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// The field with the id of a row, a whole number. Without it rows are numbered from 0, over all files.
    #[arg(long)]
    id: Option<String>,
    /// The table to write, .parquet or .csv.
    #[arg(long)]
    out: PathBuf,
    /// The model that made the numbers, to be noted in the table.
    #[arg(long, default_value = "")]
    model: String,
    /// Its revision, to be noted in the table.
    #[arg(long, default_value = "")]
    revision: String,
}

/// The ids of the rows before.
#[derive(Default)]
struct Known {
    #[expect(clippy::disallowed_types, reason = "looked up, never gone through")]
    ids: std::collections::HashSet<u64>,
}

impl Known {
    fn new_id(&mut self, id: u64, row: &Row) -> Result<u64, Fault> {
        let is_new = self.ids.insert(id);
        if is_new { Ok(id) } else { Err(row.fault(format!("id {id} stands in a row before"))) }
    }
}

impl Scored {
    /// Checks where the table goes, before any work is done.
    pub fn out(&self) -> Result<TableFile<'_>, Fault> {
        TableFile::new(&self.out, self.files.iter().map(PathBuf::as_path))
    }

    /// Reads all rows, one at a time, with these fields. Gives their ids.
    pub fn each(
        &self,
        fields: &[&str],
        mut take: impl FnMut(Row) -> Result<(), Fault>,
    ) -> Result<Vec<u64>, Fault> {
        let fields: Vec<String> =
            fields.iter().copied().chain(self.id.as_deref()).map(str::to_owned).collect();
        let (mut ids, mut known) = (Vec::new(), Known::default());
        let bar = progress_of_rows("rows", self.files.len());
        for path in &self.files {
            for row in Reader::open(path, &fields)? {
                let row = row?;
                ids.push(match self.id {
                    None => ids.len() as u64,
                    Some(_) => known.new_id(row.need(fields.len() - 1, "id", Cell::whole)?, &row)?,
                });
                take(row)?;
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        if ids.is_empty() { Err(Fault::files(&self.files, "there is no row")) } else { Ok(ids) }
    }

    /// Writes the table, and says what is in its numbers.
    pub fn write(
        &self,
        signal: String,
        ids: Vec<u64>,
        columns: impl IntoIterator<Item = (&'static str, Column)>,
    ) -> Result<(), Fault> {
        let (model, revision) = (self.model.clone(), self.revision.clone());
        let rows = ids.len();
        let mut table = Table::new(Provenance { signal, model, revision }, ids);
        for (name, column) in columns {
            table = table.and_then(|table| table.column(name, column));
        }
        let table = table.map_err(|error| Fault::Input(error.to_string()))?;
        self.out()?.write(&table)?;
        eprintln!("{rows} rows scored, written to {}", self.out.display());
        for (name, column) in table.columns() {
            if matches!(column, Column::Number(_)) {
                statistics(&table, name);
            }
        }
        Ok(())
    }
}
