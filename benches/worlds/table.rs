//! What was measured, as text and as parts of a Markdown page.

use std::fmt::{Result, Write};
use std::path::Path;

use crate::measure::{Capture, Measured, TUNING, quantile};
use crate::rows::Row;

/// A level is lost where a row needs more than this many tokens of the target.
const LOST: f64 = 1.05;
/// A world is won where it needs no more than this at the median of its levels.
const WON: f64 = 2.0 / 3.0;

/// What a row came to over all worlds.
pub struct Score {
    worst: f64,
    median: f64,
    worlds: usize,
    lost: usize,
    ordered: usize,
    won: usize,
}

impl Score {
    pub fn of(row: usize, table: &[Measured]) -> Self {
        let cells =
            || table.iter().filter_map(|of| of.cells[row].as_ref().map(|cell| (of.has_order, cell)));
        let all: Vec<f64> = cells().flat_map(|(_, cell)| cell.medians()).collect();
        let lost = |medians: [f64; 3]| medians.iter().any(|ratio| *ratio > LOST);
        let ordered = || cells().filter(|(has_order, _)| *has_order);
        Self {
            worst: quantile(&all, 1.0),
            median: quantile(&all, 0.5),
            worlds: cells().count(),
            lost: cells().filter(|(_, cell)| lost(cell.medians())).count(),
            ordered: ordered().count(),
            won: ordered().filter(|(_, cell)| cell.middle() <= WON).count(),
        }
    }
}

pub fn ratio(ratio: f64) -> String {
    match ratio {
        ratio if ratio.is_finite() => format!("{ratio:.2}"),
        ratio if ratio.is_nan() => "none".to_string(),
        _ => "never".to_string(),
    }
}

fn percent(share: f64) -> String {
    format!("{:.0}", 100.0 * share)
}

/// The whole table, for a terminal and for the record.
pub fn text(rows: &[Row], table: &[Measured], captures: &[Capture], seeds: &str) -> String {
    let mut text = format!(
        "# Rollout tokens until a level is reached, in those of drawing by the target with groups without\n\
         # signal dropped. Paired by seed, over {seeds}: median (quartiles) by level, and % of\n\
         # tokens for what cannot be learned. The rate is tuned for the target on {TUNING} other seeds, and so are\n\
         # mastery and temperature where they are tuned. The levels are the target's abilities after 1/4,\n\
         # 1/2 and all of its budget.\n"
    );
    write_text(&mut text, rows, table, captures).expect("a string takes all");
    text
}

fn write_text(text: &mut String, rows: &[Row], table: &[Measured], captures: &[Capture]) -> Result {
    writeln!(
        text,
        "\n{:<36} {:>6} {:>6} {:>12} {:>24}",
        "", "worst", "median", "worlds > 1.05", "with an order, <= 2/3"
    )?;
    for (at, row) in rows.iter().enumerate() {
        let Score { worst, median, worlds, lost, ordered, won } = Score::of(at, table);
        let (lost, won) = (format!("{lost} of {worlds}"), format!("{won} of {ordered}"));
        let (worst, median) = (ratio(worst), ratio(median));
        writeln!(
            text,
            "{:<26} {:<9} {worst:>6} {median:>6} {lost:>12} {won:>24}",
            row.name,
            row.groups()
        )?;
    }
    for of in table {
        let levels = of.levels.map(|level| format!("{level:.3}")).join(", ");
        let order = if of.has_order { "" } else { "; no order" };
        writeln!(text, "\n{}: rate {}, levels {levels}{order}", of.world, of.rate)?;
        for (row, cell) in rows.iter().zip(&of.cells) {
            let Some(cell) = cell else { continue };
            write!(text, "  {:<26} {:<8}", row.name, row.groups())?;
            for ratios in cell.ratios {
                let [low, middle, high] = ratios.map(ratio);
                write!(text, " {:<21}", format!("{middle} ({low} to {high})"))?;
            }
            writeln!(text, " {:>2} %", percent(cell.wasted))?;
        }
    }
    writeln!(text, "\nPer cent of tokens for what cannot be learned, in tenths of the budget")?;
    for Capture { world, row, shares } in captures {
        let shares: Vec<String> =
            shares.iter().map(|share| format!("{:>3}", percent(*share))).collect();
        writeln!(text, "{world:<18} {row:<22} {}", shares.join(" "))?;
    }
    Ok(())
}

/// Replaces what stands between the marks of a page.
pub fn insert(
    path: &Path,
    rows: &[Row],
    table: &[Measured],
    captures: &[Capture],
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut page = std::fs::read_to_string(path)?;
    for (name, part) in [
        ("scores", scores(rows, table)?),
        ("worlds", worlds(rows, table)?),
        ("capture", capture(captures)?),
    ] {
        let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
        let (before, rest) = page.split_once(&begin).ok_or(format!("the page has no {begin}"))?;
        let (_, after) = rest.split_once(&end).ok_or(format!("the page has no {end}"))?;
        page = format!("{before}{begin}{part}{end}{after}");
    }
    Ok(std::fs::write(path, page)?)
}

fn scores(rows: &[Row], table: &[Measured]) -> std::result::Result<String, std::fmt::Error> {
    let mut text = String::from("| curriculum | groups | worst | median | worlds > 1.05 ");
    text.push_str("| with an order, <= 2/3 |\n|--|--|--|--|--|--|\n");
    for (at, row) in rows.iter().enumerate() {
        let Score { worst, median, worlds, lost, ordered, won } = Score::of(at, table);
        let (worst, median) = (ratio(worst), ratio(median));
        writeln!(
            text,
            "| {} | {} | {worst} | {median} | {lost} of {worlds} | {won} of {ordered} |",
            row.name,
            row.groups(),
        )?;
    }
    Ok(text)
}

/// The rows of the page's table of worlds, where groups are dropped, and how they are called there.
const SHOWN: [(&str, &str); 6] = [
    ("hand order, tuned mastery", "by hand"),
    ("SEC 0.4", "SEC 0.4"),
    ("SEC, tuned temperature", "SEC, tuned"),
    ("sharp Boltzmann", "sharp"),
    ("gated sharp Boltzmann", "gated sharp"),
    ("default", "default"),
];

fn worlds(rows: &[Row], table: &[Measured]) -> std::result::Result<String, std::fmt::Error> {
    let mut text = String::from("| world |");
    SHOWN.iter().try_for_each(|(_, name)| write!(text, " {name} |"))?;
    writeln!(text, " at 1/4 | 1/2 | 1 |\n|--|{}--|--|--|", "--|".repeat(SHOWN.len()))?;
    for of in table {
        write!(text, "| {}{} |", of.world, if of.has_order { "" } else { " \\*" })?;
        let mut last = None;
        for (name, _) in SHOWN {
            let found = rows
                .iter()
                .zip(&of.cells)
                .find(|(row, _)| row.name == name && row.groups() == "dropped");
            let cell = found.and_then(|(_, cell)| cell.as_ref());
            write!(text, " {} |", cell.map_or(String::new(), |cell| ratio(cell.middle())))?;
            last = cell;
        }
        let medians = last.map_or([f64::NAN; 3], |cell| cell.medians());
        writeln!(text, " {} |", medians.map(ratio).join(" | "))?;
    }
    Ok(text)
}

fn capture(captures: &[Capture]) -> std::result::Result<String, std::fmt::Error> {
    let tenths: Vec<String> = (1..=10).map(|tenth| tenth.to_string()).collect();
    let mut text =
        format!("| world | curriculum | {} |\n|--|--|{}\n", tenths.join(" | "), "--|".repeat(10));
    for Capture { world, row, shares } in captures {
        let shares: Vec<String> = shares.iter().map(|share| percent(*share)).collect();
        writeln!(text, "| {world} | {row} | {} |", shares.join(" | "))?;
    }
    Ok(text)
}
