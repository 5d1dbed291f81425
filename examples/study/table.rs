//! The tables as words: for the terminal, for the record and for the page.

use std::fmt::Write;

use crate::catalogue::is_part;
use crate::compare::{Row, Summary, Table};
use crate::rates;
use crate::statistics::{Interval, mean};
use crate::store::Kept;

/// What stands above the columns of a table of a workload.
pub const HEAD: [&str; 14] = [
    "curriculum",
    "seeds",
    "area",
    "gain %",
    "95 %",
    "p",
    "verdict",
    "tokens",
    "95 %",
    "end",
    "worst",
    "harder",
    "% unlearnable",
    "useful / 1000",
];
/// And behind them.
pub const REST: [&str; 3] = ["entropy", "rollouts", "seconds"];

/// A part as per cent with its sign.
pub fn percent(value: f64) -> String {
    format!("{:+.1}", 100.0 * value)
}

/// An interval in words.
pub fn interval(interval: Option<Interval>, number: impl Fn(f64) -> String) -> String {
    interval
        .map_or("–".into(), |Interval { low, high }| format!("{} to {}", number(low), number(high)))
}

/// A ratio of tokens.
pub fn ratio(ratio: f64) -> String {
    if ratio.is_finite() { format!("{ratio:.2}") } else { "never".into() }
}

fn known(value: Option<f64>, digits: usize) -> String {
    value.map_or("–".into(), |value| format!("{value:.digits$}"))
}

/// A row, under [`HEAD`] and [`REST`].
pub fn cells(table: &Table, row: &Row) -> Vec<String> {
    let is_reference = table.reference.as_ref() == Some(&row.curriculum);
    let [gain, between, p, verdict] = match &row.gain {
        Some(gain) => [
            percent(gain.mean),
            interval(gain.interval, percent),
            known(gain.p, 3),
            gain.verdict().name().to_owned(),
        ],
        None if is_reference => ["0", "–", "–", "reference"].map(str::to_owned),
        None => ["–"; 4].map(str::to_owned),
    };
    let [tokens, about] = match &row.tokens {
        Some(tokens) => {
            let mut words = ratio(tokens.median);
            let of = tokens.reached + tokens.missed;
            let _ = match tokens.missed {
                0 => Ok(()),
                missed if tokens.median.is_finite() => write!(words, ", {missed} of {of} never"),
                missed => write!(words, " in {missed} of {of}"),
            };
            if tokens.idle > 0 {
                let _ = write!(words, ", {} without a level", tokens.idle);
            }
            [words, interval(tokens.interval, ratio)]
        }
        None if is_reference => ["1", "–"].map(str::to_owned),
        None => ["–"; 2].map(str::to_owned),
    };
    let mean = |value: fn(&Summary) -> Option<f64>| row.mean(value);
    vec![
        row.curriculum.clone(),
        row.runs.len().to_string(),
        known(mean(|run| Some(run.area)), 3),
        gain,
        between,
        p,
        verdict,
        tokens,
        about,
        known(mean(|run| Some(run.pass)), 3),
        known(mean(|run| run.worst), 3),
        known(mean(|run| run.harder), 3),
        known(mean(|run| run.unlearnable).map(|part| 100.0 * part), 0),
        known(mean(|run| run.useful), 0),
        known(mean(|run| run.entropy), 2),
        known(mean(|run| Some(run.rollouts as f64)), 0),
        known(mean(|run| Some(run.seconds)), 1),
    ]
}

/// What a table of a workload says above its rows.
pub fn about(table: &Table) -> String {
    let by = match &table.reference {
        Some(name) => format!("measured by {name}, seed by seed"),
        None => "no run of what the others are measured by".into(),
    };
    format!("{}: {by}; up to {:.0} rollout tokens", table.workload, table.budget)
}

/// All tables, for a terminal and for the record.
pub fn text(tables: &[Table]) -> String {
    let mut text = String::new();
    for table in tables {
        let head = HEAD.iter().chain(&REST).map(|head| (*head).to_owned()).collect();
        let rows = table.rows.iter().map(|row| cells(table, row));
        let _ = writeln!(text, "{}\n{}", about(table), aligned(std::iter::once(head).chain(rows)));
    }
    text
}

/// Rows whose columns stand one below the other: names to the left, the rest to the right.
fn aligned(rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = match at {
                0 => write!(line, "  {cell:<width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// The areas of all rates that were tried.
pub fn rates(runs: &[Kept]) -> String {
    let head = ["workload", "curriculum", "area by rate"].map(str::to_owned).to_vec();
    let rows = rates::tried(runs).into_iter().map(|rates::Tried { workload, curriculum, areas }| {
        let area = |(rate, area): &(f64, f64)| format!("{rate}: {area:.3}");
        [workload, curriculum].into_iter().chain(areas.iter().map(area)).collect()
    });
    aligned(std::iter::once(head).chain(rows))
}

/// The gains of each part of the default in all workloads, a line a part.
pub fn parts(tables: &[Table]) -> String {
    let mut names: Vec<&String> = Vec::new();
    for row in tables.iter().flat_map(|table| &table.rows).filter(|row| is_part(&row.curriculum)) {
        if !names.contains(&&row.curriculum) {
            names.push(&row.curriculum);
        }
    }
    let mut text = String::new();
    for name in names {
        let rows = tables.iter().filter_map(|table| table.row(name));
        let gains: Vec<f64> = rows.filter_map(|row| row.gain.as_ref()).map(|gain| gain.mean).collect();
        let all: Vec<String> = gains.iter().map(|gain| percent(*gain)).collect();
        let _ = writeln!(
            text,
            "{name}: {} % in the mean of {}",
            mean(&gains).map_or("–".into(), percent),
            all.join(", ")
        );
    }
    text
}

/// The points of a run.
pub fn points(run: &Kept) -> String {
    let head = [
        "tokens",
        "rollouts",
        "steps",
        "useful",
        "pass",
        "worst",
        "harder",
        "entropy",
        "% unlearnable",
        "seconds",
        "pass by arm",
        "% of the rollouts since, by arm",
    ];
    let before = std::iter::once(None).chain(run.points.iter().map(Some));
    let rows = run.points.iter().zip(before).map(|(point, before)| {
        let lost = run.arms.iter().zip(&point.drawn).filter(|(arm, _)| !arm.learnable);
        let lost = lost.map(|(_, drawn)| drawn).sum::<u64>() as f64;
        let by_arm: Vec<String> = point.passes.iter().map(|pass| format!("{pass:.2}")).collect();
        let counts = [point.tokens, point.rollouts, point.steps, point.useful].map(|it| it.to_string());
        let rates = [point.pass, point.worst, point.harder, point.entropy].map(|it| format!("{it:.3}"));
        let part = format!("{:.0}", 100.0 * lost / point.rollouts.max(1) as f64);
        let drawn = |arm: usize| point.drawn[arm] - before.map_or(0, |before| before.drawn[arm]);
        let all = (0..point.drawn.len()).map(drawn).sum::<u64>().max(1) as f64;
        let shares: Vec<String> = (0..point.drawn.len())
            .map(|arm| format!("{:.0}", 100.0 * drawn(arm) as f64 / all))
            .collect();
        let rest = [part, format!("{:.1}", point.seconds), by_arm.join(" "), shares.join(" ")];
        counts.into_iter().chain(rates).chain(rest).collect()
    });
    aligned(std::iter::once(head.map(str::to_owned).to_vec()).chain(rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{OURS, UNIFORM};
    use crate::compare::{Reference, tables};
    use crate::plan::{Filter, Name, settings};
    use crate::synthetic;

    #[test]
    fn a_table_in_words() {
        let rates = crate::rates::Rates { path: "rates.csv".into(), all: Vec::new() };
        let filter = Filter { seeds: Some(6), ..Filter::default() };
        let settings = settings(Name::Quick, &synthetic::all(), &rates, &filter).unwrap();
        let runs: Vec<Kept> = settings.iter().map(synthetic::kept).collect();
        let tables =
            tables(&runs, (&[], &[OURS.into(), UNIFORM.into()]), Reference::Of(UNIFORM)).unwrap();
        let text = text(&tables);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2 * 6);
        assert!(lines[0].starts_with("chain: measured by uniform, seed by seed; up to 6000"));
        assert!(lines[2].starts_with("  default    ") && lines[3].contains("reference"));
        let verdicts = ["better", "not worse", "worse", "open"];
        assert!(verdicts.iter().any(|verdict| lines[2].contains(verdict)), "{}", lines[2]);
        assert!(lines[1..5].iter().all(|line| !line.contains("NaN")));
    }
}
