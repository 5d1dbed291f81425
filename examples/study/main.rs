//! Does it help? Small models are trained by reinforcement (GRPO) on generated tasks, with many curricula, and judged by
//! what they have learned after so many rollout tokens. `STUDY.md` has the protocol.
//!
//! ```text
//! study run [--workload NAME] [--curriculum NAME] [--seed N] [--rate X] [--tokens N]
//! study names
//! study rates|small|map|parts|quick [--workload NAMES] [--curriculum NAMES] [--seeds N] [--jobs N] [--list]
//! study page [TABLES] [--svg DIR] [--read FILE.parquet]
//! study merge [TABLES] [--record DIR] [--note TEXT]
//! study unpack FILES.parquet
//! ```
//!
//! All take `--out DIR`, `target/study` unless given: the runs are in its folder `runs`, the warm-ups in `starts`, the
//! tuned rates in `rates.csv` (or `--rates FILE`), the page in `study.html`. A table that was stopped goes on with the
//! same command. Names are parted by commas; one that ends in `*` is the beginning of names. `unpack` takes the runs of a
//! record into the folder of runs, for a table to go on with. `--device gpu` trains on a graphics processor, with the
//! feature `gpu`; its runs are in `runs-gpu`.

mod angle;
mod catalogue;
mod compare;
mod curriculum;
mod fault;
mod file;
mod grpo;
#[path = "../../src/table/parquet/guarded.rs"]
mod guarded;
#[path = "../../src/bin/curricle/report/html.rs"]
mod html;
mod map;
mod merge;
mod model;
mod options;
mod page;
mod plan;
mod prompts;
mod rates;
mod run;
mod runner;
mod sampling;
mod statistics;
mod store;
#[cfg(test)]
mod synthetic;
mod table;
mod warm_up;
mod workload;

use catalogue::OURS;
use compare::Reference;
use options::{Options, Verb};
use page::Part;
use plan::{All, Name};
use rates::Rates;
use run::Setting;
use store::{Kept, Store};
use warm_up::Starts;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Result<()> {
    let options = Options::of(lexopt::Parser::from_env())?;
    model::set_device(&options.device)?;
    match options.verb {
        Verb::Run => one(&options),
        Verb::Names => names(),
        Verb::Table(table) => make(table, &options),
        Verb::Page => pages(&options),
        Verb::Merge => record(&options),
        Verb::Unpack => unpack(&options),
    }
}

fn all() -> Result<All> {
    let map = catalogue::Place::all().into_iter().map(|place| catalogue::task(&place.workload()));
    Ok(All {
        tasks: catalogue::tasks()?,
        map: map.collect::<Result<_>>()?,
        curricula: catalogue::curricula(),
    })
}

fn names() -> Result<()> {
    let All { tasks, curricula, .. } = all()?;
    for task in tasks {
        let learnable = task.arms.iter().filter(|arm| arm.learnable).count();
        let (name, arms, tokens) = (task.name, task.arms.len(), task.tokens);
        println!("{name:40} {arms} arms, {learnable} learnable, {tokens} tokens");
    }
    for choice in curricula {
        println!("{:40} {}", choice.name, choice.about);
    }
    Ok(())
}

/// Makes one run and prints its points; nothing is kept.
fn one(options: &Options) -> Result<()> {
    let task = catalogue::task(&options.workload)?;
    let setting = Setting {
        workload: options.workload.clone(),
        curriculum: options.curriculum.clone(),
        seed: options.seed,
        rate: options.rate,
        tokens: options.tokens.unwrap_or(task.tokens),
    };
    let bar = indicatif::ProgressBar::new(setting.tokens);
    let run = kept(&setting, &Starts::kept(options.starts()), &|tokens| bar.set_position(tokens))?;
    bar.finish_and_clear();
    print!("{}", table::points(&run));
    Ok(())
}

fn kept(setting: &Setting, starts: &Starts, progress: &dyn Fn(u64)) -> Result<Kept> {
    let arms = catalogue::task(&setting.workload)?.arms;
    Ok(Kept::new(run::run(setting, starts, progress)?, arms)?)
}

fn make(table: Name, options: &Options) -> Result<()> {
    let (all, rates) = (all()?, Rates::read(&options.rates())?);
    let settings = plan::settings(table, &all, &rates, &options.filter)?;
    if options.list {
        return runner::list(&Store::to_read(options.runs()), &settings, options.jobs);
    }
    let store = Store::to_write(options.runs())?;
    let starts = Starts::kept(options.starts());
    let make = |setting: &Setting, progress: &dyn Fn(u64)| kept(setting, &starts, progress);
    let runs = runner::run_all(&store, &settings, options.jobs, make)?;
    if table == Name::Rates {
        let mut found = Rates::read(&options.rates())?;
        found.put(rates::choose(&runs, &options.rates()));
        found.write()?;
        println!("{}", options.rates().display());
    }
    print!("{}", words(table, &all, &runs)?);
    Ok(())
}

/// The tables of the workloads; none of the rates, which are of another form.
fn tables(table: Name, all: &All, runs: &[Kept]) -> Result<Vec<compare::Table>> {
    let tasks = if table == Name::Map { &all.map } else { &all.tasks };
    let workloads: Vec<String> = tasks.iter().map(|task| task.name.clone()).collect();
    let curricula: Vec<String> = all.curricula.iter().map(|choice| choice.name.clone()).collect();
    let by = if table == Name::Parts { Reference::Of(OURS) } else { Reference::Baseline };
    match table {
        Name::Rates => Ok(Vec::new()),
        _ => Ok(compare::tables(runs, (&workloads, &curricula), by)?),
    }
}

fn words(table: Name, all: &All, runs: &[Kept]) -> Result<String> {
    if table == Name::Rates {
        return Ok(table::rates(runs));
    }
    let tables = tables(table, all, runs)?;
    Ok(table::text(&tables) + &table::parts(&tables))
}

/// The runs that are there of a table; none where its rates were not tuned.
fn present(table: Name, all: &All, options: &Options) -> Result<Vec<Kept>> {
    let rates = Rates::read(&options.rates())?;
    match plan::settings(table, all, &rates, &options.filter) {
        Ok(settings) => Ok(Store::to_read(options.runs()).present(&settings)?),
        Err(error) if error.is::<fault::Fault>() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The runs that a page is made of: those of a record, or what there is of the tables.
fn parts(options: &Options, all: &All) -> Result<Vec<Part>> {
    let found = match &options.read {
        Some(path) => {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let name = stem.strip_prefix("study-").and_then(Name::of);
            let name =
                name.ok_or_else(|| format!("{}: study-TABLE.parquet is read", path.display()))?;
            vec![(name, file::read(path)?)]
        }
        None => {
            let of = |table: &Name| Ok((*table, present(*table, all, options)?));
            options.tables.iter().map(of).collect::<Result<_>>()?
        }
    };
    let part =
        |(name, runs): (Name, Vec<Kept>)| Ok(Part { name, tables: tables(name, all, &runs)?, runs });
    found.into_iter().map(part).collect()
}

fn pages(options: &Options) -> Result<()> {
    let all = all()?;
    let parts = parts(options, &all)?;
    let path = options.out.join("study.html");
    store::write_whole(&path, page::page(&parts, &all.curricula).as_bytes())?;
    println!("{}", path.display());
    let Some(folder) = &options.svg else { return Ok(()) };
    for part in parts.iter().filter(|part| !part.runs.is_empty()) {
        let picture = match part.name {
            Name::Rates => None,
            Name::Map => Some(map::picture(&part.tables, true)),
            _ => page::overview(part, true),
        };
        if let Some(picture) = picture {
            let path = folder.join(format!("study-{}.svg", part.name.name()));
            store::write_whole(&path, picture.as_bytes())?;
            println!("{}", path.display());
        }
    }
    Ok(())
}

fn record(options: &Options) -> Result<()> {
    let all = all()?;
    for &table in &options.tables {
        let runs = present(table, &all, options)?;
        if runs.is_empty() {
            eprintln!("{}: no runs", table.name());
            continue;
        }
        let (tables, text) = (tables(table, &all, &runs)?, words(table, &all, &runs)?);
        let name = format!("study-{}", table.name());
        for path in merge::write(&options.record, &name, &options.note, (&runs, &tables, &text))? {
            println!("{}", path.display());
        }
    }
    Ok(())
}

/// Keeps each run of some records by itself, as if it had been made here. What is there already stays.
fn unpack(options: &Options) -> Result<()> {
    let store = Store::to_write(options.runs())?;
    for path in &options.unpacked {
        let runs = file::read(path)?;
        if let Some(run) = runs.iter().find(|run| run.stream != curricle::ALGORITHM) {
            let (path, found, now) = (path.clone(), run.stream, curricle::ALGORITHM);
            return Err(fault::Fault::Stream { path, found, now }.into());
        }
        let mut kept = 0;
        for run in &runs {
            if store.find(&run.setting)?.is_none() {
                store.keep(run)?;
                kept += 1;
            }
        }
        println!("{}: {} runs, {kept} of them new", path.display(), runs.len());
    }
    Ok(())
}
