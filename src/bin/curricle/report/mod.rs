//! `curricle report`: what a run did over time, as a page or, while it goes on, in the terminal.

mod columns;
mod figures;
mod follow;
mod html;
mod page;
mod plot;
mod shown;
mod sums;
mod tickets;
mod told;
mod view;

use std::path::{Path, PathBuf};

use curricle::policy::Any as AnyPolicy;
use curricle::sampler::Any as AnySampler;
use curricle::signal::Any as AnySignal;
use curricle::{Config, History};

use crate::fault::Fault;
use crate::out_file;
use crate::progress::progress_of_bytes;
use crate::snapshots::fault;
pub use columns::Column;
pub use html::{Table, document, escaped};
pub use plot::short;
pub use shown::arm_name;
pub use sums::Sums;
pub use told::Told;

#[derive(clap::Args)]
pub struct Arguments {
    /// The base of a journal; its log lies beside it, with `.log` behind its name. The run may go on.
    journal: PathBuf,
    /// The page to write, .html.
    #[arg(long, required_unless_present = "follow")]
    out: Option<PathBuf>,
    /// Show the run in the terminal while it goes on, until q is pressed.
    #[arg(long, conflicts_with = "out")]
    follow: bool,
}

pub type AnyHistory = History<AnyPolicy, AnySignal, AnySampler>;

pub fn run(arguments: &Arguments) -> Result<(), Fault> {
    let Arguments { journal, out, follow: _ } = arguments;
    match out {
        Some(out) => write_page(journal, out),
        None => follow::run(journal),
    }
}

fn write_page(journal: &Path, out: &Path) -> Result<(), Fault> {
    out_file::check_place(out, [journal, &log_of(journal)])?;
    let config = Config::of_snapshot(journal).map_err(|error| fault(journal, error))?;
    let (history, told) = read(journal, 1)?;
    let page =
        page::page(&name_of(journal), (&config.unwrap_or_default(), history.curriculum()), &told)?;
    out_file::write(out, &page)?;
    eprintln!("{} events of {}", told.events, journal.display());
    Ok(())
}

/// The whole history of a journal, in windows of so many rounds.
pub fn read(journal: &Path, window: u64) -> Result<(AnyHistory, Told), Fault> {
    let mut history = AnyHistory::of_files(journal).map_err(|error| fault(journal, error))?;
    let mut told = Told::new(history.curriculum(), history.position(), window);
    let bar = progress_of_bytes(log_size(journal), "of the log");
    while let Some(happened) = history.next().map_err(|error| fault(journal, error))? {
        told.tell(&happened, history.curriculum());
        bar.set_position(history.log_bytes());
    }
    bar.finish_and_clear();
    Ok((history, told))
}

fn name_of(journal: &Path) -> String {
    journal.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// The log of a journal.
fn log_of(journal: &Path) -> PathBuf {
    let mut log = journal.as_os_str().to_owned();
    log.push(".log");
    log.into()
}

/// The size of a log; a bar needs no more than a guess.
fn log_size(journal: &Path) -> u64 {
    std::fs::metadata(log_of(journal)).map_or(0, |log| log.len())
}
