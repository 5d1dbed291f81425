//! A table of outcomes: which model solves which item.

use std::collections::BTreeMap;

use super::Arguments;
use crate::fault::Fault;
use crate::progress::progress_of_rows;
use crate::rows::{Cell, Reader, Row, names};

/// What is known of the items.
#[derive(Debug, Default)]
pub struct Outcomes {
    pub items: Vec<String>,
    pub models: Vec<String>,
    /// By item and model: 1 if it solves it, else 0.
    pub solved: Vec<Vec<f64>>,
    /// How many models solve each item without the input that it needs.
    pub blind: Vec<u64>,
    /// Whether the label of each item was confirmed.
    pub verified: Vec<bool>,
}

/// Reads a row for each item, or, where the fields of an outcome are named, a row for each outcome.
pub fn read(arguments: &Arguments) -> Result<Outcomes, Fault> {
    let found = match &arguments.outcome {
        Some(outcome) => by_outcome(arguments, outcome)?,
        None => by_item(arguments)?,
    };
    if found.items.is_empty() {
        return Err(Fault::file(&arguments.items, "there is no item"));
    }
    if found.models.len() < 2 {
        return Err(Fault::file(&arguments.items, "there are fewer than two models"));
    }
    Ok(found)
}

/// 1 if an outcome counts as solved.
fn solved(row: &Row, field: usize, from: f64) -> Result<f64, Fault> {
    let outcome = |cell: &Cell| cell.flag().map(f64::from).or_else(|| cell.number());
    let outcome = row.need(field, "outcome", outcome)?;
    if !(0.0..=1.0).contains(&outcome) {
        return Err(row.is_no(field, &format!("outcome in [0, 1]: {outcome}")));
    }
    Ok(f64::from(outcome >= from))
}

/// What a row says of an item beside its outcomes: the fields come behind the first ones.
fn about(row: &Row, first: usize, arguments: &Arguments) -> Result<(u64, bool), Fault> {
    let blind = arguments.blind.as_ref().map(|_| row.need(first, "count", Cell::whole)).transpose()?;
    let verified = first + usize::from(arguments.blind.is_some());
    let verified =
        arguments.verified.as_ref().map(|_| row.need(verified, "flag", Cell::flag)).transpose()?;
    Ok((blind.unwrap_or(0), verified.unwrap_or(false)))
}

fn more(arguments: &Arguments) -> impl Iterator<Item = String> {
    arguments.blind.iter().chain(&arguments.verified).cloned()
}

/// A number for each name, in the order in which they come.
#[derive(Default)]
struct Numbered {
    names: Vec<String>,
    places: BTreeMap<String, usize>,
}

impl Numbered {
    fn place(&mut self, name: String) -> usize {
        let next = self.names.len();
        let place = *self.places.entry(name.clone()).or_insert(next);
        if place == next {
            self.names.push(name);
        }
        place
    }
}

fn by_item(arguments: &Arguments) -> Result<Outcomes, Fault> {
    let path = &arguments.items;
    let mut models = arguments.models.clone();
    if models.is_empty() {
        let others: Vec<String> = more(arguments).chain([arguments.item.clone()]).collect();
        models = names(path)?.into_iter().filter(|name| !others.contains(name)).collect();
    }
    let fields: Vec<String> =
        std::iter::once(arguments.item.clone()).chain(models.clone()).chain(more(arguments)).collect();
    let (mut found, mut items) = (Outcomes::default(), Numbered::default());
    let bar = progress_of_rows("items", 1);
    for row in Reader::open(path, &fields)? {
        let row = row?;
        let name = row.need(0, "name", Cell::name)?;
        if items.place(name.clone()) < found.solved.len() {
            return Err(row.fault(format!("item `{name}` stands in a row before")));
        }
        let outcomes = (1..=models.len()).map(|field| solved(&row, field, arguments.solved_from));
        found.solved.push(outcomes.collect::<Result<_, _>>()?);
        let (blind, verified) = about(&row, 1 + models.len(), arguments)?;
        found.blind.push(blind);
        found.verified.push(verified);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Outcomes { items: items.names, models, ..found })
}

fn by_outcome(arguments: &Arguments, outcome: &str) -> Result<Outcomes, Fault> {
    let path = &arguments.items;
    let head = [arguments.item.clone(), arguments.model.clone(), outcome.to_owned()];
    let fields: Vec<String> = head.into_iter().chain(more(arguments)).collect();
    let (mut items, mut models) = (Numbered::default(), Numbered::default());
    let mut outcomes: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    let mut known: Vec<(u64, bool)> = Vec::new();
    let bar = progress_of_rows("outcomes", 1);
    for row in Reader::open(path, &fields)? {
        let row = row?;
        let item = items.place(row.need(0, "name", Cell::name)?);
        let model = models.place(row.need(1, "name", Cell::name)?);
        let outcome = solved(&row, 2, arguments.solved_from)?;
        if outcomes.insert((item, model), outcome).is_some() {
            let (item, model) = (&items.names[item], &models.names[model]);
            return Err(
                row.fault(format!("the outcome of `{model}` on `{item}` stands in a row before"))
            );
        }
        let about = about(&row, 3, arguments)?;
        match known.get(item) {
            None => known.push(about),
            Some(before) if *before == about => {}
            Some(_) => {
                let what = format!("`{}` is told otherwise in a row before", items.names[item]);
                return Err(row.fault(what));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let outcome = |item: usize, model: usize| {
        outcomes.get(&(item, model)).copied().ok_or_else(|| {
            let (item, model) = (&items.names[item], &models.names[model]);
            Fault::file(path, format!("there is no outcome of `{model}` on `{item}`"))
        })
    };
    let row = |item: usize| (0..models.names.len()).map(|model| outcome(item, model)).collect();
    let solved = (0..items.names.len()).map(row).collect::<Result<Vec<Vec<f64>>, Fault>>()?;
    let (blind, verified) = known.into_iter().unzip();
    Ok(Outcomes { solved, blind, verified, items: items.names, models: models.names })
}
