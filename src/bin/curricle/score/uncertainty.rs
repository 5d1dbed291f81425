//! `curricle score uncertainty`: a file of logits in, a table of scores and a selection out.

use std::path::PathBuf;

use bytemuck::Pod;
use curricle::signal::uncertainty::{Logits, NonFinite, Reading, Score, ScoreSet};
use curricle::table::{Column, Provenance, Table};
use curricle::test_time::select::{FairTopK, Select};
use curricle::{Error, Purpose, Rng, Round};
use curricle_kernels::Element;
use half::{bf16, f16};
use safetensors::Dtype;

use crate::fault::Fault;
use crate::options::{part, temperature};
use crate::progress::progress;
use crate::table_file::{TableFile, statistics};
use crate::tensor_file::{TensorFile, Wanted};

/// Bytes of logits that are in memory at a time, unless one row needs more.
const BUFFER: usize = 32 << 20;

#[derive(clap::Args)]
pub struct Arguments {
    /// A safetensors file with a tensor [rows, vocab] of f32, f16 or bf16.
    #[arg(long)]
    logits: PathBuf,
    /// The name of the tensor.
    #[arg(long, default_value = "logits")]
    tensor: String,
    /// Which scores to compute, each a column: entropy, normalised-entropy, renyi-2 (or another order),
    /// gini, least-confidence, margin-complement, energy, margin, relative-margin, logit-margin,
    /// normalised-logit-margin, log-max-probability, self-certainty.
    #[arg(long, value_delimiter = ',', default_value = "margin", value_parser = parse)]
    scores: Vec<Score>,
    /// The part of the rows to select, in [0, 1]: the most uncertain by the first score, rounded down.
    #[arg(long, value_parser = part)]
    budget: f64,
    /// The temperature of the softmax.
    #[arg(long, default_value_t = 1.0, value_parser = temperature)]
    temperature: f64,
    /// What becomes of rows with NaN, several +inf or nothing possible.
    #[arg(long, value_enum, default_value = "refuse")]
    non_finite: Faulty,
    /// Decides which of equally uncertain rows are selected.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The table to write, .parquet or .csv: a column for each score, and selected.
    #[arg(long)]
    out: PathBuf,
    /// The model that made the logits, to be noted in the table.
    #[arg(long, default_value = "")]
    model: String,
    /// Its revision, to be noted in the table.
    #[arg(long, default_value = "")]
    revision: String,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Faulty {
    /// Stop, naming the row.
    Refuse,
    /// Score them as if nothing were known.
    Uncertain,
    /// Leave their scores empty and never select them.
    Skip,
}

fn parse(name: &str) -> Result<Score, String> {
    name.parse().map_err(|_| "no score of this name".into())
}

pub fn run(arguments: &Arguments) -> Result<(), Fault> {
    let out = TableFile::new(&arguments.out, [arguments.logits.as_path()])?;
    let budget = arguments.budget;
    let wanted = Wanted { names: &[&arguments.tensor], layer: None, layers: false };
    let mut file = TensorFile::open(&arguments.logits, wanted)?;
    let scored = match file.dtype {
        Dtype::F32 => all::<f32>(&mut file, arguments),
        Dtype::F16 => all::<f16>(&mut file, arguments),
        Dtype::BF16 => all::<bf16>(&mut file, arguments),
        other => Err(Fault::file(
            &arguments.logits,
            format!("numbers of the type {other:?}, not F32, F16 or BF16"),
        )),
    }?;
    let selected = select(&scored.uncertainties, budget, arguments.seed)
        .map_err(|error| Fault::Input(error.to_string()))?;
    let count = selected.iter().filter(|selected| **selected).count();
    let made_by = Provenance {
        signal: "uncertainty".into(),
        model: arguments.model.clone(),
        revision: arguments.revision.clone(),
    };
    let mut table = Table::new(made_by, (0..file.rows as u64).collect()).map_err(Fault::Output)?;
    for (score, values) in arguments.scores.iter().zip(scored.columns) {
        table = table
            .column(&score.to_string(), Column::Number(values))
            .map_err(|error| Fault::Input(error.to_string()))?;
    }
    let table = table.column("selected", Column::Flag(selected)).map_err(Fault::Output)?;
    out.write(&table)?;
    eprintln!("{} rows scored, {count} selected, written to {}", file.rows, arguments.out.display());
    arguments.scores.iter().for_each(|score| statistics(&table, &score.to_string()));
    Ok(())
}

/// What became of the rows.
struct Scored {
    /// By the first score; `None` for a row that is never to be selected.
    uncertainties: Vec<Option<f64>>,
    /// By score: the values, `None` where there is none or it is infinite.
    columns: Vec<Vec<Option<f64>>>,
}

fn all<E: Element + Pod>(file: &mut TensorFile, arguments: &Arguments) -> Result<Scored, Fault> {
    let policy = match arguments.non_finite {
        Faulty::Refuse => NonFinite::Error,
        Faulty::Uncertain => NonFinite::TreatAsUncertain,
        Faulty::Skip => NonFinite::Skip,
    };
    let set = ScoreSet::new(&arguments.scores).temperature(arguments.temperature).non_finite(policy);
    let mut scored = Scored {
        uncertainties: Vec::with_capacity(file.rows),
        columns: vec![Vec::with_capacity(file.rows); arguments.scores.len()],
    };
    let bar = progress(file.rows, "rows");
    let at_a_time = (BUFFER / file.dim.saturating_mul(size_of::<E>())).max(1);
    let mut rows: Vec<E> = Vec::new();
    for first in (0..file.rows).step_by(at_a_time) {
        let range = first..(first + at_a_time).min(file.rows);
        rows.clear();
        file.read(range.clone(), &mut rows)?;
        let readings = set
            .read(&Logits { rows: &rows, vocab: file.dim }, first as u64)
            .map_err(|error| refusal(arguments, error))?;
        if let Some(readings) = readings.first() {
            let uncertainty = |reading: &Option<Reading>| reading.map(|reading| reading.uncertainty);
            scored.uncertainties.extend(readings.iter().map(uncertainty));
        }
        for (column, readings) in scored.columns.iter_mut().zip(readings) {
            let finite = |reading: Reading| reading.value.is_finite().then_some(reading.value);
            column.extend(readings.into_iter().map(|reading| reading.and_then(finite)));
        }
        bar.inc(range.len() as u64);
    }
    bar.finish_and_clear();
    Ok(scored)
}

fn refusal(arguments: &Arguments, error: Error) -> Fault {
    let (row, what) = match error {
        Error::NonFinite { what: "logit", index, value } if value.is_nan() => (index, "holds NaN"),
        Error::NonFinite { what: "logit", index, .. } => (index, "holds +inf more than once"),
        Error::Empty { index, .. } => (index, "has nothing possible"),
        other => return Fault::Input(other.to_string()),
    };
    Fault::file(&arguments.logits, format!("row {row} of `{}` {what}", arguments.tensor))
}

/// Selects the most uncertain part of the rows; a coin decides among equal ones.
fn select(uncertainties: &[Option<f64>], budget: f64, seed: u64) -> curricle::Result<Vec<bool>> {
    let selection = FairTopK::new(uncertainties)?;
    let mut rng = Rng::at(seed, Round(0), Purpose::TestTime);
    let mut selected = vec![false; uncertainties.len()];
    for row in selection.select(&[], selection.share(budget)?, &mut rng)? {
        selected[row] = true;
    }
    Ok(selected)
}
