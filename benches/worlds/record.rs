//! What was measured as CSV, and back, so that page and picture can be made again without measuring.

use std::fmt::Write;
use std::path::Path;

use crate::measure::{Capture, Cell, Measured, PARTS};
use crate::rows::Row;

/// One line a row, world and level; then one a captured row and world.
pub fn csv(rows: &[Row], table: &[Measured], captures: &[Capture]) -> Result<String, std::fmt::Error> {
    let mut text = String::from("curriculum,groups,world,order,rate,part,level,q1,median,q3,wasted\n");
    let number = |ratio: f64| if ratio.is_finite() { format!("{ratio:.4}") } else { "never".into() };
    for (at, row) in rows.iter().enumerate() {
        for of in table {
            let Some(cell) = &of.cells[at] else { continue };
            for (level, part) in PARTS.iter().enumerate() {
                let (name, groups, world, order) = (row.name, row.groups(), &of.world, of.has_order);
                write!(text, "\"{name}\",{groups},\"{world}\",{order},{},{part},", of.rate)?;
                let ratios = cell.ratios[level].map(number).join(",");
                writeln!(text, "{:.4},{ratios},{:.4}", of.levels[level], cell.wasted)?;
            }
        }
    }
    for Capture { world, row, shares } in captures {
        let shares: Vec<String> = shares.iter().map(|share| format!("{share:.4}")).collect();
        writeln!(text, "\"{row}\",capture,\"{world}\",{}", shares.join(","))?;
    }
    Ok(text)
}

type Read = Result<(Vec<Measured>, Vec<Capture>), Box<dyn std::error::Error>>;

/// Reads what [`csv`] has written, for these rows.
pub fn read(path: &Path, rows: &[Row]) -> Read {
    let (mut table, mut captures): (Vec<Measured>, Vec<Capture>) = (Vec::new(), Vec::new());
    let text = std::fs::read_to_string(path)?;
    for line in text.lines().filter(|line| line.starts_with('"')) {
        let parsed = || {
            let (row, rest) = line.strip_prefix('"')?.split_once("\",")?;
            let (groups, rest) = rest.split_once(",\"")?;
            let (world, rest) = rest.split_once("\",")?;
            Some((row, groups, world, rest.split(',').collect::<Vec<&str>>()))
        };
        let (row, groups, world, fields) = parsed().ok_or_else(|| format!("not a record: {line}"))?;
        if groups == "capture" {
            let shares: Result<Vec<f64>, _> = fields.iter().map(|share| share.parse()).collect();
            captures.push(Capture { world: world.into(), row: row.into(), shares: shares? });
            continue;
        }
        let [order, rate, part, level, low, median, high, wasted] = fields[..] else {
            return Err(format!("not a record: {line}").into());
        };
        let Some(at) = rows.iter().position(|known| (known.name, known.groups()) == (row, groups))
        else {
            continue;
        };
        let place = PARTS.iter().position(|known| part == format!("{known}"));
        let place = place.ok_or_else(|| format!("no such level: {line}"))?;
        let found = table.iter().position(|known| known.world == world);
        let found = found.unwrap_or_else(|| {
            let cells = rows.iter().map(|_| None).collect();
            let has_order = order == "true";
            table.push(Measured { world: world.into(), has_order, rate: 0.0, levels: [0.0; 3], cells });
            table.len() - 1
        });
        let of = &mut table[found];
        (of.rate, of.levels[place]) = (rate.parse()?, level.parse()?);
        let number = |text: &str| if text == "never" { Ok(f64::INFINITY) } else { text.parse() };
        let cell = of.cells[at].get_or_insert(Cell { ratios: [[f64::NAN; 3]; 3], wasted: 0.0 });
        cell.ratios[place] = [number(low)?, number(median)?, number(high)?];
        cell.wasted = wasted.parse()?;
    }
    Ok((table, captures))
}
