//! `curricle score pairs`: how strongly reward models prefer the chosen side of pairs, and what that asks for.

use std::collections::BTreeMap;

use curricle::gauge::{PairLogps, PreferenceRanking, self_reward};
use curricle::route::{PreferenceBands, Strengths, Treatment};
use curricle::table::Column;

use crate::fault::Fault;
use crate::options::part;
use crate::rows::{Numbers, Row, Scored};
use crate::said::say;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    rows: Scored,
    /// The field with the rewards of the chosen side: a list with one by each reward model, or that of a single
    /// model.
    #[arg(long)]
    chosen_scores: String,
    /// Those of the rejected side, by the same models.
    #[arg(long)]
    rejected_scores: String,
    /// The shares of pairs, from the weakest on, at which treatments change: up to the first, pairs that the models
    /// prefer the other way are flipped; up to the second, labels are softened; from there on there is a margin;
    /// beyond the third, both.
    #[arg(long, value_delimiter = ',', default_value = "0.2,0.4,0.9", value_parser = part)]
    bands: Vec<f64>,
    /// The field with the log-probability of the chosen side under the reference: a sum, or a list by token. With it,
    /// the table has how hard each pair is to rank.
    #[arg(long, requires = "rejected_logp")]
    chosen_logp: Option<String>,
    /// That of the rejected side.
    #[arg(long, requires = "chosen_logp")]
    rejected_logp: Option<String>,
}

/// What is read of the rows, one by one.
#[derive(Default)]
struct Found {
    /// How many reward models there are.
    models: usize,
    mean: Vec<f64>,
    deviation: Vec<f64>,
    difficulty: Vec<f64>,
}

pub fn run(arguments: &Arguments) -> Result<(), Fault> {
    arguments.rows.out()?;
    let refused = |error: curricle::Error| Fault::Input(error.to_string());
    let bands = <[f64; 3]>::try_from(arguments.bands.as_slice())
        .map_err(|_| Fault::Input("three bands are needed".into()))?;
    if !bands.is_sorted() {
        let [first, second, third] = bands;
        return Err(Fault::Input(format!("--bands {first},{second},{third} do not ascend")));
    }
    let bands = PreferenceBands { bands };
    let mut fields = vec![arguments.chosen_scores.as_str(), &arguments.rejected_scores];
    fields.extend(arguments.chosen_logp.as_deref());
    fields.extend(arguments.rejected_logp.as_deref());
    let mut found = Found::default();
    let ids = arguments.rows.each(&fields, |row| {
        strength(&row, &bands, &mut found)?;
        if arguments.chosen_logp.is_some() {
            found.difficulty.push(difficulty(&row)?);
        }
        Ok(())
    })?;
    // The bands go by the means alone: as if there were one model, whose rewards are the means.
    let apart: Vec<[f64; 1]> = found.mean.iter().map(|&mean| [mean]).collect();
    let strengths = bands.route(&apart, &vec![[0.0]; apart.len()]).map_err(refused)?;
    let is = |which: &[&str]| {
        let named = |treatment: &Treatment| which.contains(&treatment.name());
        Column::Flag(strengths.treatment.iter().map(named).collect())
    };
    let torn = torn(&strengths);
    let numbers = |values: Vec<f64>| Column::Number(values.into_iter().map(Some).collect());
    let mut columns = vec![
        ("strength", numbers(found.mean)),
        ("deviation", numbers(found.deviation)),
        ("flip", is(&["flip"])),
        ("soften", is(&["soften", "soften_margin"])),
        ("with_margin", is(&["margin", "soften_margin"])),
        ("margin", numbers(strengths.margin.clone())),
    ];
    let right = found.difficulty.iter().filter(|difficulty| **difficulty <= 0.0).count();
    let ranked = (!found.difficulty.is_empty())
        .then(|| format!("; the reference ranks {right} of {} right", ids.len()));
    if ranked.is_some() {
        columns.push(("difficulty", numbers(found.difficulty)));
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    strengths.treatment.iter().for_each(|of| *counts.entry(of.name()).or_default() += 1);
    let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    arguments.rows.write("preference strength".into(), ids, columns)?;
    say(&format!("{}{}\n{torn}", counts.join(", "), ranked.unwrap_or_default()))
}

/// What is to be said of equally strong pairs that are treated differently.
fn torn(strengths: &Strengths) -> String {
    let mut said = String::new();
    for equal in strengths.order.chunk_by(|&a, &b| strengths.mean[a] == strengths.mean[b]) {
        let name = |pair: usize| strengths.treatment[pair].name();
        if equal.iter().any(|&pair| name(pair) != name(equal[0])) {
            said += &format!(
                "{} pairs of the same strength {} stand on both sides of a band: which is treated how goes by their \
                 order in the files\n",
                equal.len(),
                strengths.mean[equal[0]],
            );
        }
    }
    said
}

/// The mean and the deviation of the differences of one pair over the models.
fn strength(row: &Row, bands: &PreferenceBands, found: &mut Found) -> Result<(), Fault> {
    let list = |field: usize| {
        Ok(match row.numbers(field)? {
            Numbers::List(rewards) => rewards,
            Numbers::One(reward) => vec![reward],
        })
    };
    let (chosen, rejected): (Vec<f64>, Vec<f64>) = (list(0)?, list(1)?);
    if found.mean.is_empty() {
        found.models = chosen.len();
    } else if chosen.len() != found.models {
        let why = format!("rewards by {} models, before it by {}", chosen.len(), found.models);
        return Err(row.fault(why));
    }
    let read = bands.route(&[chosen], &[rejected]).map_err(|error| row.fault(error))?;
    found.mean.extend(read.mean);
    found.deviation.extend(read.std);
    Ok(())
}

/// How much likelier the reference finds the rejected side.
fn difficulty(row: &Row) -> Result<f64, Fault> {
    let sum = |field: usize| match row.numbers(field)? {
        Numbers::One(sum) => Ok([sum]),
        Numbers::List(tokens) => {
            Ok([self_reward(&[tokens], false).map_err(|error| row.fault(error))?.score[0]])
        }
    };
    let (chosen, rejected) = (sum(2)?, sum(3)?);
    let pair = PairLogps {
        ref_chosen: &chosen,
        ref_rejected: &rejected,
        policy_chosen: &chosen,
        policy_rejected: &rejected,
    };
    let read = PreferenceRanking::default().read(pair, None).map_err(|error| row.fault(error))?;
    Ok(read.difficulty[0])
}
