//! `curricle inspect` and `curricle replay`: what a run has come to, as text or as JSON.

use std::path::PathBuf;

use curricle::{ArmId, Moment, Round, SampleId};
use serde_json::json;

use crate::fault::Fault;
use crate::said::say;
use crate::snapshots::{Found, read, replay};

#[derive(clap::Args)]
pub struct Arguments {
    /// A snapshot, or the base of a journal.
    snapshot: PathBuf,
    #[command(flatten)]
    shown: Shown,
}

#[derive(clap::Args)]
pub struct ReplayArguments {
    /// The base of a journal; its log lies beside it, with `.log` behind its name.
    journal: PathBuf,
    /// Stop where the next round to be drawn is this one.
    #[arg(long, conflicts_with = "position")]
    round: Option<u64>,
    /// Stop after so many events since the journal was started.
    #[arg(long)]
    position: Option<u64>,
    #[command(flatten)]
    shown: Shown,
}

#[derive(clap::Args)]
struct Shown {
    /// Everything as JSON.
    #[arg(long)]
    json: bool,
    /// How many arms to show, those with the greatest probability first.
    #[arg(long, default_value_t = 20)]
    arms: usize,
    /// Show this sample instead: why it is drawn, or is not, and what is known of it.
    #[arg(long)]
    sample: Option<u64>,
    /// In a next batch of so many, instead of as many as in the last.
    #[arg(long, requires = "sample")]
    batch: Option<usize>,
}

pub fn run(arguments: &Arguments) -> Result<(), Fault> {
    show(&read(&arguments.snapshot)?, None, &arguments.shown)
}

pub fn run_replay(arguments: &ReplayArguments) -> Result<(), Fault> {
    let moment = match (arguments.round, arguments.position) {
        (Some(round), _) => Some(Moment::Round(Round(round))),
        (None, Some(position)) => Some(Moment::Position(position)),
        (None, None) => None,
    };
    let (found, position) = replay(&arguments.journal, moment)?;
    show(&found, Some(position), &arguments.shown)
}

/// What is shown of an arm, by the end of its metric.
const COLUMNS: [&str; 6] = ["share", "drawn", "admission_rate", "score_mean", "success", "evidence"];

fn show(found: &Found, position: Option<u64>, shown: &Shown) -> Result<(), Fault> {
    let text = match (shown.sample, shown.json) {
        (Some(sample), _) => of_sample(found, SampleId(sample), shown),
        (None, true) => as_json(found, position),
        (None, false) => as_text(found, position, shown.arms),
    };
    say(&text?)
}

/// One sample, explained.
fn of_sample(Found { curriculum, .. }: &Found, id: SampleId, shown: &Shown) -> Result<String, Fault> {
    let explained = match shown.batch {
        Some(batch) => curriculum.explain_in(id, batch),
        None => curriculum.explain(id),
    };
    let explanation = explained.map_err(|error| Fault::Input(error.to_string()))?;
    if !shown.json {
        return Ok(explanation.to_string());
    }
    let value = serde_json::to_value(&explanation).map_err(|error| Fault::Input(error.to_string()))?;
    Ok(format!("{value:#}\n"))
}

fn as_json(Found { config, curriculum }: &Found, position: Option<u64>) -> Result<String, Fault> {
    let fault = |error: curricle::Error| Fault::Input(error.to_string());
    let config: serde_json::Value = serde_json::from_str(&config.to_json().map_err(fault)?)
        .map_err(|error| Fault::Input(error.to_string()))?;
    let metrics: serde_json::Map<String, serde_json::Value> =
        curriculum.metrics().into_iter().map(|(name, value)| (name, json!(value))).collect();
    let open: Vec<u64> = curriculum
        .unfinished()
        .iter()
        .flat_map(|batch| batch.draws.iter().map(|draw| draw.ticket.0))
        .collect();
    let whole = json!({
        "config": config,
        "position": position,
        "digest": format!("{:016x}", curriculum.digest()),
        "samples": curriculum.population().arms().samples(),
        "arms": curriculum.population().arms().count(),
        "metrics": metrics,
        "open_tickets": open,
    });
    Ok(format!("{whole:#}\n"))
}

fn as_text(
    Found { config, curriculum }: &Found,
    position: Option<u64>,
    most: usize,
) -> Result<String, Fault> {
    let fault = |error: curricle::Error| Fault::Input(error.to_string());
    let mut lines = Vec::new();
    if let Some(position) = position {
        lines.push(format!("{position} events happened again, every digest as it was\n"));
    }
    let arms = curriculum.population().arms();
    lines.push(format!(
        "{}, version {}, digest {:016x}",
        curriculum.round(),
        curriculum.version(),
        curriculum.digest()
    ));
    lines.push(format!(
        "{} samples of which {} can be drawn, {} arms",
        arms.samples(),
        curriculum.population().drawable_total(),
        arms.count()
    ));
    let counts = curriculum.counts();
    lines.push(format!(
        "{} tickets drawn: {} admitted, {} rejected, {} banked, {} lost, {} open\n",
        counts.drawn, counts.admitted, counts.rejected, counts.banked, counts.lost, counts.open
    ));
    lines.push(config.to_toml().map_err(fault)?);
    let metrics = curriculum.metrics();
    for (name, value) in metrics.iter().filter(|(name, _)| !name.starts_with("arm/")) {
        lines.push(format!("{name:<32} {}", number(Some(*value))));
    }
    let mut by_share: Vec<(ArmId, f64)> = (0u32..).map(ArmId).zip(curriculum.shares()).collect();
    by_share.sort_by(|a, b| b.1.total_cmp(&a.1));
    if !by_share.is_empty() {
        let head: String = COLUMNS.iter().map(|column| format!("{column:>16}")).collect();
        lines.push(format!("\n{:<8}{head}", "arm"));
        for (arm, share) in by_share.iter().take(most) {
            let of = |column: &str| match column {
                "share" => Some(*share),
                column => metrics.get(&format!("arm/{}/{column}", arm.0)),
            };
            let row: String =
                COLUMNS.iter().map(|column| format!("{:>16}", number(of(column)))).collect();
            lines.push(format!("{:<8}{row}", arm.0));
        }
        if by_share.len() > most {
            lines.push(format!("and {} arms more", by_share.len() - most));
        }
    }
    Ok(lines.join("\n") + "\n")
}

/// A number in few digits; nothing where it is not known.
pub fn number(value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if value.fract() == 0.0 && value.abs() < 1e15 => format!("{value}"),
        Some(value) if (1e-3..1e6).contains(&value.abs()) => format!("{value:.4}"),
        Some(value) => format!("{value:.3e}"),
    }
}
