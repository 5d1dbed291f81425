//! What was read, as text, as a page, as JSON.

use std::fmt::Write;

use curricle::monitor::Dips;
use serde_json::{Value, json};

use super::Arguments;
use super::reading::{All, Reading};
use super::series::Watched;
use crate::inspect::number;
use crate::report::{Table, document, escaped};

/// A row for each series.
fn table(all: &All) -> Table {
    let mut table = Table::new([
        "series",
        "points",
        "slope",
        "t",
        "shape",
        "tau",
        "last mean",
        "interval",
        "limit",
        "to gain",
        "stop at",
        "dip",
        "worst since left",
    ]);
    for reading in &all.readings {
        let Reading { series, trend, tau, level: (level, _), curve, dip, .. } = reading;
        let alarm = if trend.is_some_and(|trend| trend.alarm) { " !" } else { "" };
        let shape = trend.and_then(|trend| trend.shape).map_or("", |shape| shape.name());
        let curve = curve.as_ref();
        table.row([
            series.name.clone(),
            series.x.len().to_string(),
            number(trend.map(|trend| trend.slope)) + alarm,
            number(trend.and_then(|trend| trend.t)),
            shape.to_owned(),
            number(*tau),
            number(Some(level.mean)),
            format!("{}..{}", number(Some(level.low)), number(Some(level.high))),
            number(curve.map(|curve| curve.limit.limit)),
            number(curve.map(|curve| curve.limit.remaining)),
            number(curve.and_then(|curve| curve.stop.stop_x)),
            number(Some(dip.drop)),
            number(dip.worst),
        ]);
    }
    table
}

/// What is said beside the table.
fn remarks(watched: &Watched, all: &All) -> Vec<String> {
    let mut said = watched.notes.clone();
    for Reading { series, curve, .. } in &all.readings {
        let name = &series.name;
        match curve {
            None => said.push(format!("{name}: three points of x above 0 are needed for a limit")),
            Some(curve) => {
                if curve.points < series.x.len() {
                    let without = series.x.len() - curve.points;
                    said.push(format!("{name}: {without} points of x up to 0 are not in the curve"));
                }
                if curve.limit.at_edge {
                    said.push(format!("{name}: the exponent is at its end, the limit says little"));
                }
                if curve.limit.at_bound {
                    said.push(format!("{name}: the limit is the bound"));
                }
            }
        }
        if let Some(left) = series.left {
            said.push(format!("{name}: left at {}", number(Some(left))));
        }
    }
    match &all.dips {
        Ok(dips) => {
            let left = dips.mean_min.map(|least| {
                format!(", mean of the worst since they were left {}", number(Some(least)))
            });
            said.push(format!(
                "all tasks: final mean {}{}, worst case {}, mean dip {}",
                number(Some(dips.final_mean)),
                left.unwrap_or_default(),
                number(Some(dips.worst_case)),
                number(Some(dips.mean_drop)),
            ));
        }
        Err(_) if all.readings.len() == 1 || all.noise.is_some() => {}
        Err(why) => said.push(format!("no worst case of all tasks: {why}")),
    }
    if let Some(noise) = &all.noise {
        said.push(format!(
            "noise between seeds {}, mean over deviation at the last x {}",
            number(Some(noise.seed_noise)),
            number(noise.snr)
        ));
    }
    said
}

pub fn text(watched: &Watched, all: &All) -> String {
    let Table { head, rows } = table(all);
    let width = |column: usize| {
        let cells = rows.iter().map(|row| &row[column]).chain([&head[column]]);
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut out = format!("{} over {}\n\n", watched.y, watched.x);
    for row in std::iter::once(&head).chain(&rows) {
        let (name, cells) = (&row[0], &row[1..]);
        let mut line = format!("{name:<0$}", widths[0]);
        for (cell, width) in cells.iter().zip(&widths[1..]) {
            let _ = write!(line, "  {cell:>width$}");
        }
        out += line.trim_end();
        out.push('\n');
    }
    out.push('\n');
    for said in remarks(watched, all) {
        let _ = writeln!(out, "{said}");
    }
    out
}

pub fn page(arguments: &Arguments, watched: &Watched, all: &All, picture: &str) -> String {
    let name = arguments.input.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let mut body = format!(
        "<header><h1>{}</h1>\n<p>{} over {}.</p></header>\n<div class=\"picture\">{picture}</div>\n",
        escaped(&name),
        escaped(&watched.y),
        escaped(&watched.x)
    );
    body += &table(all).html("numbers", "The numbers");
    body.push('\n');
    for said in remarks(watched, all) {
        let _ = writeln!(body, "<p>{}</p>", escaped(&said));
    }
    document(&format!("{name} – curricle monitor"), "", &body)
}

pub fn json(watched: &Watched, all: &All) -> String {
    let noise = all.noise.as_ref();
    let whole = json!({
        "x": watched.x,
        "y": watched.y,
        "series": all.readings.iter().map(of_series).collect::<Vec<_>>(),
        "all": all.dips.as_ref().ok().map(of_all),
        "noise": noise.map(|noise| json!({
            "mean": noise.mean, "std": noise.std, "seed_noise": noise.seed_noise, "snr": ratio(noise.snr),
        })),
        "notes": remarks(watched, all),
    });
    format!("{whole:#}\n")
}

/// A ratio that may be infinite, for which JSON has no number.
fn ratio(value: Option<f64>) -> Value {
    match value {
        Some(value) if value.is_infinite() => json!(if value > 0.0 { "inf" } else { "-inf" }),
        other => json!(other),
    }
}

fn of_all(dips: &Dips) -> Value {
    json!({
        "final_mean": dips.final_mean, "mean_min": dips.mean_min, "worst_case": dips.worst_case,
        "mean_drop": dips.mean_drop, "mean_rise": dips.mean_rise,
    })
}

fn of_series(reading: &Reading) -> Value {
    let Reading { series, trend, tau, level: (level, last), curve, dip, .. } = reading;
    let (x, y) = (&series.x, &series.y);
    let curve = curve.as_ref().map(|curve| {
        let (limit, stop) = (&curve.limit, &curve.stop);
        json!({
            "limit": limit.limit, "scale": limit.scale, "exponent": limit.exponent,
            "remaining": limit.remaining, "sse": limit.sse, "flat": limit.flat,
            "at_edge": limit.at_edge, "at_bound": limit.at_bound, "bound": curve.bound,
            "points": curve.points, "limits": stop.limits, "stop_x": stop.stop_x,
        })
    });
    json!({
        "name": series.name,
        "points": x.iter().zip(y).collect::<Vec<_>>(),
        "trend": trend.map(|trend| json!({
            "slope": trend.slope, "intercept": trend.intercept, "std_error": trend.std_error,
            "t": trend.t, "alarm": trend.alarm, "shape": trend.shape.map(|shape| shape.name()),
        })),
        "tau_b": tau,
        "last": {
            "points": last, "mean": level.mean, "low": level.low, "high": level.high,
            "std_error": level.std_error,
        },
        "curve": curve,
        "dip": {
            "drop": dip.drop, "rise": dip.rise,
            "from": dip.place.map(|(from, _)| x[from]), "to": dip.place.map(|(_, to)| x[to]),
            "left": series.left, "worst_since_left": dip.worst,
        },
    })
}
