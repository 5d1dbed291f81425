//! What each curriculum is worth in worlds of independent mechanisms, in rollout tokens, next to drawing by the target
//! that a user states.
//!
//! ```text
//! cargo bench --bench worlds -- [--seeds 24] [--first 1] [--only WORLD;WORLD] [--rows ROW;ROW]
//!     [--out FILE.csv] [--text FILE.txt] [--page POLICIES.md] [--svg FILE.svg] [--read FILE.csv]
//! ```
//!
//! `--only` and `--rows` take parts of names; with `--read` nothing is measured, and the others are made of a record.
//! To add a curriculum, add a line to [`rows`]; to add a world, one to `simulator::world`.

mod measure;
mod picture;
mod record;
mod rows;
mod table;

use curricle::simulator::world::World;
use indicatif::{ProgressBar, ProgressStyle};
use measure::{Capture, Measure, Measured};
use rows::{Row, rows};

/// The worlds with an arm that moves, or seems to, without being learned; and the rows that are watched there.
const CAPTURING: [&str; 6] =
    ["swing, period 60", "swing, period 400", "jumps", "saw", "rise by itself", "mixed noise"];
const WATCHED: [&str; 4] = ["target", "SEC 0.4", "gated sharp Boltzmann", "default"];

struct Arguments {
    seeds: usize,
    first: u64,
    only: String,
    rows: String,
    out: Option<String>,
    text: Option<String>,
    page: Option<String>,
    svg: Option<String>,
    read: Option<String>,
}

fn arguments() -> Result<Arguments, lexopt::Error> {
    use lexopt::prelude::*;

    let mut found = Arguments {
        seeds: 24,
        first: 1,
        only: String::new(),
        rows: String::new(),
        out: None,
        text: None,
        page: None,
        svg: None,
        read: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seeds") => found.seeds = parser.value()?.parse::<usize>()?.max(1),
            Long("first") => found.first = parser.value()?.parse()?,
            Long("only") => found.only = parser.value()?.string()?,
            Long("rows") => found.rows = parser.value()?.string()?,
            Long("out") => found.out = Some(parser.value()?.string()?),
            Long("text") => found.text = Some(parser.value()?.string()?),
            Long("page") => found.page = Some(parser.value()?.string()?),
            Long("read") => found.read = Some(parser.value()?.string()?),
            Long("svg") => found.svg = Some(parser.value()?.string()?),
            // What cargo adds.
            Long("bench") => {}
            other => return Err(other.unexpected()),
        }
    }
    Ok(found)
}

fn is_meant(name: &str, parts: &str) -> bool {
    parts.split(';').any(|part| name.contains(part))
}

fn measured(
    rows: &[Row],
    worlds: &[World],
    arguments: &Arguments,
) -> curricle::Result<(Vec<Measured>, Vec<Capture>)> {
    let bar = ProgressBar::new((rows.len() * worlds.len()) as u64);
    bar.set_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} {eta} {msg}").expect("a template"),
    );
    let measure = Measure { rows, seeds: arguments.seeds, first: arguments.first, bar: &bar };
    let (mut table, mut captures) = (Vec::new(), Vec::new());
    for world in worlds {
        let measured = measure.world(world)?;
        let is_watched = |row: &&Row| row.groups() == "dropped" && WATCHED.contains(&row.name);
        if CAPTURING.contains(&world.name) {
            for row in rows.iter().filter(is_watched) {
                captures.push(measure.capture(world, measured.rate, row)?);
            }
        }
        table.push(measured);
    }
    bar.finish_and_clear();
    Ok((table, captures))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = arguments()?;
    // The first row is what the others are compared with.
    let chosen = |(at, row): &(usize, Row)| *at == 0 || is_meant(row.name, &arguments.rows);
    let rows: Vec<Row> = rows().into_iter().enumerate().filter(chosen).map(|(_, row)| row).collect();
    let worlds: Vec<World> =
        World::all().into_iter().filter(|world| is_meant(world.name, &arguments.only)).collect();
    let (table, captures) = match &arguments.read {
        Some(path) => record::read(path.as_ref(), &rows)?,
        None => measured(&rows, &worlds, &arguments)?,
    };
    let seeds = match &arguments.read {
        Some(path) => format!("the seeds of {path}"),
        None => format!("{} seeds from {} on", arguments.seeds, arguments.first),
    };
    let text = table::text(&rows, &table, &captures, &seeds);
    print!("{text}");
    if let Some(path) = &arguments.text {
        std::fs::write(path, text)?;
    }
    if let Some(path) = &arguments.out {
        std::fs::write(path, record::csv(&rows, &table, &captures)?)?;
    }
    if let Some(path) = &arguments.page {
        table::insert(path.as_ref(), &rows, &table, &captures)?;
    }
    if let Some(path) = &arguments.svg {
        picture::draw(&rows, &table, path.as_ref())?;
    }
    Ok(())
}
