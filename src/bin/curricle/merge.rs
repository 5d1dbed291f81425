//! `curricle merge`: shards of a table in, the whole out.

use std::path::{Path, PathBuf};

use curricle::table::{Table, merge};

use crate::fault::Fault;
use crate::table_file::TableFile;

#[derive(clap::Args)]
pub struct Arguments {
    /// The shards, .parquet or .csv.
    #[arg(required = true)]
    shards: Vec<PathBuf>,
    /// The table to write, .parquet or .csv.
    #[arg(long)]
    out: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<(), Fault> {
    // The whole may take the place of a shard: it has all that was in it.
    let out = TableFile::new(&arguments.out, [])?;
    let shards = arguments.shards.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let merged = merge(shards).map_err(|error| Fault::Input(error.to_string()))?;
    if let Some(first) = merged.disagreeing.first() {
        let count = merged.disagreeing.len();
        let what = format!("{count} samples have other values in another shard, the first is {first}");
        return Err(Fault::Input(what));
    }
    out.write(&merged.table)?;
    let rows = merged.table.samples().len();
    eprintln!("{rows} samples of {} shards", arguments.shards.len());
    if !merged.repeated.is_empty() {
        eprintln!("{} samples were in several shards, with the same values", merged.repeated.len());
    }
    if let Some(gap) = merged.gaps.first() {
        let missing: u64 = merged.gaps.iter().map(|gap| gap.end - gap.start).sum();
        eprintln!("{missing} samples below the greatest are in none, the first is {}", gap.start);
    }
    Ok(())
}

fn read(path: &Path) -> Result<Table, Fault> {
    let read = match path.extension().and_then(|extension| extension.to_str()) {
        Some("parquet") => Table::read_parquet(path),
        Some("csv") => Table::read_csv(path),
        _ => return Err(Fault::file(path, "the name must end in .parquet or .csv")),
    };
    read.map_err(|error| match error {
        // These name the file themselves.
        error @ (curricle::Error::Io { .. }
        | curricle::Error::Table(curricle::table::TableError::Malformed { .. })) => {
            Fault::Input(error.to_string())
        }
        error => Fault::file(path, error),
    })
}
