//! `curricle probe`: a small set of items that decides between models, from a table of outcomes.

mod outcomes;

use std::path::PathBuf;

use curricle::monitor::{Probes, TwoParameterLogistic, item_discrimination, kendall_tau};
use curricle::table::{Column, Provenance, Table};

use crate::fault::Fault;
use crate::inspect::number;
use crate::options::{all_differ, part};
use crate::said::say;
use crate::table_file::TableFile;

#[derive(clap::Args)]
pub struct Arguments {
    /// Outcomes of models, or of the checkpoints of one run, on items: .parquet, .jsonl or .csv. A row for each item
    /// with a column for each model; with --outcome, a row for each outcome.
    items: PathBuf,
    /// The field with the name of an item.
    #[arg(long, default_value = "item")]
    item: String,
    /// The columns of the models, with commas between them. Without it all are that no other option names.
    #[arg(long, value_delimiter = ',', conflicts_with = "outcome")]
    models: Vec<String>,
    /// The field with the outcome, where each row has one.
    #[arg(long)]
    outcome: Option<String>,
    /// The field with the name of the model, where each row has one outcome.
    #[arg(long, default_value = "model", requires = "outcome")]
    model: String,
    /// Outcomes lie in [0, 1]; one from this on counts as solved.
    #[arg(long, default_value_t = 0.5, value_parser = part)]
    solved_from: f64,
    /// The part of the items to select, rounded down: at most, for only those that the better models solve more often
    /// tell anything.
    #[arg(long, default_value_t = 0.2, value_parser = part, conflicts_with = "count")]
    share: f64,
    /// How many items to select, at most.
    #[arg(long)]
    count: Option<usize>,
    /// The field that says how many models solve an item without the input that it needs.
    #[arg(long)]
    blind: Option<String>,
    /// An item that so many models solve blind is left out.
    #[arg(long, default_value_t = 1, requires = "blind")]
    blind_limit: u64,
    /// The field that says whether the label of an item was confirmed. Without it no item that all models fail is
    /// selected: such items often have a wrong label.
    #[arg(long)]
    verified: Option<String>,
    /// With --verified: the part of the set that may be items which no model solves.
    #[arg(long, default_value_t = 0.2, value_parser = part, requires = "verified")]
    quota: f64,
    /// Fit discrimination and difficulty of each item by the two-parameter logistic model, too.
    #[arg(long)]
    irt: bool,
    /// Print the names of the probes, one a line, and nothing else.
    #[arg(long)]
    list: bool,
    /// The table to write, .parquet or .csv, a row for each item, by its number in the order of the file from 0: solved,
    /// by what part of the models; discrimination, the correlation with the number of items that a model solves, and
    /// discrimination_rest, with that of the other items; selected; frontier, whether as one that no model solves; with
    /// --irt irt_discrimination and irt_difficulty.
    #[arg(long)]
    out: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<(), Fault> {
    let out = TableFile::new(&arguments.out, [arguments.items.as_path()])?;
    let refused = |error: curricle::Error| Fault::Input(error.to_string());
    all_differ("--models", &arguments.models)?;
    let found = outcomes::read(arguments)?;
    let (items, solved) = (found.items.len(), &found.solved);
    if let Some(count) = arguments.count.filter(|count| *count > items) {
        return Err(Fault::Input(format!("--count {count}, where there are {items} items")));
    }
    let size = arguments.count.unwrap_or((arguments.share * items as f64 + 1e-9) as usize);
    let probes = Probes { size, blind_limit: arguments.blind_limit, quota: arguments.quota };
    let set = probes.select(solved, &found.blind, &found.verified).map_err(refused)?;
    let reading = item_discrimination(solved).map_err(refused)?;
    let is_in = |of: &[usize]| {
        let mut is = vec![false; items];
        of.iter().for_each(|&item| is[item] = true);
        is
    };
    let (selected, frontier) = (is_in(&set.selected), is_in(&set.frontier));
    let chosen: Vec<usize> = (0..items).filter(|&item| selected[item] || frontier[item]).collect();
    let share = |row: &Vec<f64>| Some(row.iter().sum::<f64>() / row.len() as f64);
    let all = chosen.len();
    let mut columns = vec![
        ("solved", Column::Number(solved.iter().map(share).collect())),
        ("discrimination", Column::Number(reading.r)),
        ("discrimination_rest", Column::Number(reading.r_rest)),
        ("selected", Column::Flag((0..items).map(|item| selected[item] || frontier[item]).collect())),
        ("frontier", Column::Flag(frontier)),
    ];
    let mut remarks = Vec::new();
    if arguments.irt {
        let persons: Vec<Vec<f64>> = (0..found.models.len())
            .map(|model| solved.iter().map(|row| row[model]).collect())
            .collect();
        let fit = TwoParameterLogistic::default().fit(&persons, 0).map_err(refused)?;
        let numbers = |values: Vec<f64>| Column::Number(values.into_iter().map(Some).collect());
        columns.push(("irt_discrimination", numbers(fit.discrimination)));
        columns.push(("irt_difficulty", numbers(fit.difficulty)));
        if !fit.converged {
            remarks.push("the fit of the logistic model did not come to rest".to_owned());
        }
    }
    let made_by = Provenance { signal: "item discrimination".into(), ..Provenance::default() };
    let mut table = Table::new(made_by, (0..items as u64).collect());
    for (name, column) in columns {
        table = table.and_then(|table| table.column(name, column));
    }
    out.write(&table.map_err(Fault::Output)?)?;
    remarks.push(agreement(&found.solved, &chosen, &reading.ability)?);
    let said = match arguments.list {
        true => chosen.iter().map(|&item| format!("{}\n", found.items[item])).collect(),
        false => format!(
            "{all} of {items} items selected, {} of them solved by no model; {} models\n{}\n",
            set.frontier.len(),
            found.models.len(),
            remarks.join("\n")
        ),
    };
    eprintln!("written to {}", arguments.out.display());
    say(&said)
}

/// How the order of the models by the chosen items agrees with that by all.
fn agreement(solved: &[Vec<f64>], chosen: &[usize], by_all: &[f64]) -> Result<String, Fault> {
    if chosen.is_empty() {
        return Ok("nothing was selected".into());
    }
    let of = |model: usize| chosen.iter().map(|&item| solved[item][model]).sum::<f64>();
    let by_probes: Vec<f64> = (0..by_all.len()).map(of).collect();
    let tau = kendall_tau(&by_probes, Some(by_all)).map_err(|error| Fault::Input(error.to_string()))?;
    Ok(match tau.tau_b {
        Some(tau) => format!(
            "the order of the models by them against that by all items: Kendall's tau-b {}, on the outcomes they were \
             selected by",
            number(Some(tau))
        ),
        None => "the order of the models by them says nothing: all are alike".into(),
    })
}
