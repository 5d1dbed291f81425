//! `curricle monitor`: where the scores of a run go: their trend, their limit, their dips.

mod journal;
mod picture;
mod reading;
mod series;
mod shown;
mod table;

use std::path::PathBuf;

use crate::fault::Fault;
use crate::options::{above_0, all_differ, count, count_from_2, finite, from_0, part};
use crate::out_file;
use crate::said::say;

#[derive(clap::Args)]
pub struct Arguments {
    /// The base of a journal, of which each arm is a series: its mean success by windows of rounds, or its mean
    /// reward by the signal if no success was reported. Or a table, .csv, .jsonl or .parquet.
    input: PathBuf,
    /// The column of a table that has x: steps, tokens.
    #[arg(long, requires = "y")]
    x: Option<String>,
    /// The columns that have scores, each a series, with commas between them.
    #[arg(long, value_delimiter = ',', requires = "x")]
    y: Vec<String>,
    /// Rounds of a journal, or rows of a table, whose mean is a point. That of a journal is doubled while there would
    /// be more than 200.
    #[arg(long, default_value_t = 1, value_parser = count::<u64>)]
    window: u64,
    /// Less is better, as of losses.
    #[arg(long)]
    falling: bool,
    /// Take the trend over the logarithm of x.
    #[arg(long)]
    log_x: bool,
    /// A trend that gets worse raises an alarm if its slope is so many standard errors from 0.
    #[arg(long, default_value_t = 2.0, value_parser = from_0)]
    least_t: f64,
    /// What neither the limit nor a score can pass. The default is 1, or 0 for what falls; none if a score is beyond
    /// that.
    #[arg(long, value_parser = finite)]
    bound: Option<f64>,
    /// The stop rule stops where no more than this is left to gain, in units of y.
    #[arg(long, default_value_t = 0.01, value_parser = above_0)]
    threshold: f64,
    /// It believes a limit that has not risen so many times in a row: by more than 1e-6 of it, or than 1e-6 where it is
    /// below 1.
    #[arg(long, default_value_t = 3, value_parser = count::<usize>)]
    patience: usize,
    /// Points within which a dip is looked for.
    #[arg(long, default_value_t = 10, value_parser = count_from_2)]
    dip_window: usize,
    /// The x from which on a series of a table was no longer trained on: NAME=X. May be given again.
    #[arg(long, value_parser = named, requires = "x")]
    left: Vec<(String, f64)>,
    /// An arm of a journal was left where its share fell below this, to stay there. The default is half of an equal
    /// share.
    #[arg(long, value_parser = part, conflicts_with = "x")]
    left_below: Option<f64>,
    /// How many arms of a journal are read, those with the most tickets.
    #[arg(long, default_value_t = 12, value_parser = count::<usize>, conflicts_with = "x")]
    arms: usize,
    /// How many of the last points the mean and its interval are of.
    #[arg(long, default_value_t = 10, value_parser = count::<u64>)]
    last: u64,
    /// Decides how they are drawn anew.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The series are seeds of one: tell their noise, too.
    #[arg(long, requires = "x")]
    seeds: bool,
    /// The picture to write, .svg, or .html with the numbers under it.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Everything as JSON; a ratio that is infinite is the text "inf" or "-inf".
    #[arg(long)]
    json: bool,
}

fn named(text: &str) -> Result<(String, f64), String> {
    let (name, x) = text.rsplit_once('=').ok_or("not of the form NAME=X")?;
    let x: f64 = x.parse().map_err(|_| format!("`{x}` is no number"))?;
    if x.is_finite() { Ok((name.into(), x)) } else { Err(format!("{x} is not finite")) }
}

pub fn run(arguments: &Arguments) -> Result<(), Fault> {
    all_differ("--y", &arguments.y)?;
    if let Some(out) = &arguments.out {
        out_file::check(out, &["svg", "html"], [arguments.input.as_path()])?;
    }
    let kind = arguments.input.extension().and_then(|kind| kind.to_str());
    let watched = match kind {
        Some("csv" | "jsonl" | "parquet") => table::series(arguments),
        _ if arguments.x.is_some() => {
            Err(Fault::file(&arguments.input, "columns are read from .csv, .jsonl or .parquet"))
        }
        _ => journal::series(arguments),
    }?;
    let all = reading::read(&watched, arguments)?;
    if let Some(out) = &arguments.out {
        let picture = picture::draw(&watched, &all).map_err(Fault::Input)?;
        let is_page = out.extension().is_some_and(|kind| kind == "html");
        let text = if is_page { shown::page(arguments, &watched, &all, &picture) } else { picture };
        out_file::write(out, &text)?;
    }
    let said = match arguments.json {
        true => shown::json(&watched, &all),
        false => shown::text(&watched, &all),
    };
    say(&said)
}
