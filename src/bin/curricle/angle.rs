//! `curricle score angle`: a file of hidden states in, a table of scores out.

use std::path::{Path, PathBuf};

use curricle::kernels;
use curricle::signal::Concentration;
use curricle::table::{Provenance, Table};
use half::{bf16, f16};
use indicatif::{ProgressBar, ProgressStyle};
use safetensors::Dtype;

use crate::batches::group;
use crate::device::{Asked, Device, Number};
use crate::fault::Fault;
use crate::shard::Shard;
use crate::spans_file::{self, Entry};
use crate::tensor_file::TensorFile;

/// Bytes of hidden states that are in memory at a time, unless one sample needs more.
const BUFFER: usize = 64 << 20;

#[derive(clap::Args)]
pub struct Arguments {
    /// A safetensors file with a tensor `states`, [tokens, dim], of f32, f16 or bf16.
    #[arg(long)]
    states: PathBuf,
    /// A JSON list of {"id": 7, "prefix": [0, 10], "question": [10, 25]}, in token rows.
    #[arg(long)]
    spans: PathBuf,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "cpu")]
    device: Asked,
    /// The table to write, .parquet or .csv.
    #[arg(long)]
    out: PathBuf,
    /// Score only part k of n of the samples, counted from 1.
    #[arg(long, value_name = "K/N", default_value = "1/1")]
    shard: Shard,
    /// The model that made the states, to be noted in the table.
    #[arg(long, default_value = "")]
    model: String,
    /// Its revision, to be noted in the table.
    #[arg(long, default_value = "")]
    revision: String,
}

pub fn run(arguments: &Arguments) -> Result<(), Fault> {
    let as_csv = match arguments.out.extension().and_then(|extension| extension.to_str()) {
        Some("parquet") => false,
        Some("csv") => true,
        _ => return Err(Fault::file(&arguments.out, "the name must end in .parquet or .csv")),
    };
    let device = Device::open(arguments.device).map_err(Fault::Input)?;
    let mut states = TensorFile::open(&arguments.states, "states")?;
    let entries = spans_file::read(&arguments.spans, states.rows)?;
    let shard = arguments.shard.of(entries.len());
    let mut scored =
        Scored { entries: &entries, first: shard.start, path: &arguments.states, device: &device };
    let concentrations = match states.dtype {
        Dtype::F32 => scored.all::<f32>(&mut states, shard.clone()),
        Dtype::F16 => scored.all::<f16>(&mut states, shard.clone()),
        Dtype::BF16 => scored.all::<bf16>(&mut states, shard.clone()),
        other => {
            Err(Fault::file(&arguments.states, format!("`states` is {other:?}, not F32, F16 or BF16")))
        }
    }?;
    let made_by = Provenance {
        signal: "angle".into(),
        model: arguments.model.clone(),
        revision: arguments.revision.clone(),
    };
    let ids = entries[shard].iter().map(|entry| entry.id).collect();
    let table = Table::of_concentrations(made_by, ids, &concentrations).map_err(Fault::Output)?;
    let written =
        if as_csv { table.write_csv(&arguments.out) } else { table.write_parquet(&arguments.out) };
    written.map_err(Fault::Output)?;
    report(&table, &device, &arguments.out);
    Ok(())
}

struct Scored<'a> {
    entries: &'a [Entry],
    first: usize,
    path: &'a Path,
    device: &'a Device,
}

impl Scored<'_> {
    /// The concentrations of the samples of a shard, in their order.
    fn all<E: Number>(
        &mut self,
        states: &mut TensorFile,
        shard: std::ops::Range<usize>,
    ) -> Result<Vec<Concentration>, Fault> {
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} samples  {elapsed} (eta {eta})")
            .expect("a valid template");
        let bar = ProgressBar::new(shard.len() as u64).with_style(style);
        let mut all = vec![Concentration::default(); shard.len()];
        let mut rows: Vec<E> = Vec::new();
        for batch in group(self.entries, shard, BUFFER / (states.dim * size_of::<E>())) {
            rows.clear();
            for range in &batch.ranges {
                states.read(range.clone(), &mut rows)?;
            }
            let dots =
                self.device.dots(&rows, states.dim, &batch.spans).map_err(|error| match error {
                    kernels::Error::NonFinite { row } => {
                        let row = batch.row_of_file(row);
                        Fault::file(self.path, format!("row {row} of `states` is not finite"))
                    }
                    other => Fault::Input(other.to_string()),
                })?;
            for ((&sample, dots), spans) in batch.samples.iter().zip(&dots).zip(&batch.spans) {
                all[sample - self.first] = Concentration::new(dots, spans);
            }
            bar.inc(batch.samples.len() as u64);
        }
        bar.finish_and_clear();
        Ok(all)
    }
}

/// Says what was found, first of all whether the score is more than the length.
fn report(table: &Table, device: &Device, out: &Path) {
    eprintln!(
        "{} samples scored on {}, written to {}",
        table.samples().len(),
        device.name(),
        out.display()
    );
    for column in ["total", "intra", "intra_no_diag", "inter"] {
        if let Ok(Some(found)) = table.statistics(column) {
            let [least, lower, median, upper, greatest] = found.quantiles;
            let correlation = found.with_length.map_or("undefined".into(), |r| format!("{r:.3}"));
            eprintln!(
                "{column:13} mean {:.4} sd {:.4}, quartiles {least:.4} {lower:.4} {median:.4} {upper:.4} {greatest:.4}, \
                 undefined {}, tied {}, rank correlation with length {correlation}",
                found.mean, found.sd, found.undefined, found.tied,
            );
        }
    }
}
