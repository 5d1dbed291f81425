//! `curricle score angle`: a file of hidden states in, a table of scores out.

use std::path::PathBuf;

use curricle::signal::Concentration;
use curricle::table::{Provenance, Table};
use curricle_kernels as kernels;
use half::{bf16, f16};
use safetensors::Dtype;

use crate::batches::group;
use crate::device::{Asked, Device, Number};
use crate::fault::Fault;
use crate::progress::progress;
use crate::shard::Shard;
use crate::spans_file::{self, Entry};
use crate::states::States;
use crate::table_file::{TableFile, statistics};
use crate::tensor_file::Wanted;

/// Bytes of hidden states that are in memory at a time, unless one sample needs more.
const BUFFER: usize = 64 << 20;

#[derive(clap::Args)]
pub struct Arguments {
    /// Safetensors files with a tensor [tokens, dim] or [tokens, layers, dim] of f32, f16 or bf16; the
    /// rows of several files follow one another. Or one folder of such files, one for each request, as
    /// vLLM writes them.
    #[arg(long, required = true, num_args = 1..)]
    states: Vec<PathBuf>,
    /// The name of the tensor; without it `states`, or else `hidden_states`.
    #[arg(long)]
    tensor: Option<String>,
    /// The layer, counted from 0, of a tensor that has several.
    #[arg(long)]
    layer: Option<usize>,
    /// A JSON list of {"id": 7, "prefix": [0, 10], "question": [10, 25]}, in token rows, or in a .jsonl
    /// file one entry a line. With "request": "NAME" the rows are those of the file NAME.safetensors;
    /// in a folder the file of an entry without it is the one named by its id.
    #[arg(long)]
    spans: PathBuf,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "cpu")]
    device: Asked,
    /// The table to write, .parquet or .csv: intra, within the question; intra_no_diag, that without the angle of a token
    /// to itself; inter, between question and prefix; total, intra + inter; tokens, of the question.
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
    let inputs = arguments.states.iter().chain([&arguments.spans]);
    let out = TableFile::new(&arguments.out, inputs.map(PathBuf::as_path))?;
    let device = Device::open(arguments.device).map_err(Fault::Input)?;
    let names = match &arguments.tensor {
        Some(name) => vec![name.as_str()],
        None => vec!["states", "hidden_states"],
    };
    let wanted = Wanted { names: &names, layer: arguments.layer, layers: true };
    let mut states = States::open(&arguments.states, wanted)?;
    let entries = spans_file::read(&arguments.spans, &states)?;
    let shard = arguments.shard.of(entries.len());
    let mut scored = Scored { entries: &entries, first: shard.start, device: &device };
    let concentrations = match states.dtype {
        Dtype::F32 => scored.all::<f32>(&mut states, shard.clone()),
        Dtype::F16 => scored.all::<f16>(&mut states, shard.clone()),
        Dtype::BF16 => scored.all::<bf16>(&mut states, shard.clone()),
        other => Err(Fault::file(
            &arguments.states[0],
            format!("numbers of the type {other:?}, not F32, F16 or BF16"),
        )),
    }?;
    let made_by = Provenance {
        signal: "angle".into(),
        model: arguments.model.clone(),
        revision: arguments.revision.clone(),
    };
    let ids = entries[shard].iter().map(|entry| entry.id).collect();
    let table = Table::of_concentrations(made_by, ids, &concentrations).map_err(Fault::Output)?;
    out.write(&table)?;
    eprintln!(
        "{} samples scored on {}, written to {}",
        table.samples().len(),
        device.name(),
        arguments.out.display()
    );
    ["total", "intra", "intra_no_diag", "inter"].iter().for_each(|column| statistics(&table, column));
    Ok(())
}

struct Scored<'a> {
    entries: &'a [Entry],
    first: usize,
    device: &'a Device,
}

impl Scored<'_> {
    /// The concentrations of the samples of a shard, in their order.
    fn all<E: Number>(
        &mut self,
        states: &mut States,
        shard: std::ops::Range<usize>,
    ) -> Result<Vec<Concentration>, Fault> {
        let bar = progress(shard.len(), "samples");
        let mut all = vec![Concentration::default(); shard.len()];
        let mut rows: Vec<E> = Vec::new();
        for batch in group(self.entries, shard, BUFFER / states.dim.saturating_mul(size_of::<E>())) {
            rows.clear();
            for range in &batch.ranges {
                states.read(range.clone(), &mut rows)?;
            }
            let dots =
                self.device.dots(&rows, states.dim, &batch.spans).map_err(|error| match error {
                    kernels::Error::NonFinite { row } => {
                        let (path, row) = states.name_of(batch.row_of_file(row));
                        Fault::file(path, format!("{row} is not finite"))
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
