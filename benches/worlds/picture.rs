//! Worlds by curricula, coloured by the ratio.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::measure::Measured;
use crate::rows::Row;
use crate::table::ratio;

const LEFT: i32 = 262;
const TOP: i32 = 190;
const CELL: (i32, i32) = (52, 21);
/// Between the ways to treat groups without signal.
const GAP: i32 = 10;
const TEXT: i32 = 15;
/// What is left out, as it says the same as another row in nearly every world.
const HIDDEN: &str = "by size";

/// Draws what each row needs at the median of its levels, in tokens of the target.
pub fn draw(rows: &[Row], table: &[Measured], path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let shown: Vec<usize> = (1..rows.len()).filter(|&row| rows[row].name != HIDDEN).collect();
    // A gap wherever groups are treated otherwise.
    let mut columns = Vec::new();
    let mut left = LEFT;
    for (at, &row) in shown.iter().enumerate() {
        let is_other = at > 0 && rows[shown[at - 1]].groups() != rows[row].groups();
        left += if is_other { GAP } else { 0 };
        columns.push((row, left));
        left += CELL.0;
    }
    let height = TOP + CELL.1 * table.len() as i32 + 46;
    let root = SVGBackend::new(path, ((left + 16) as u32, height as u32)).into_drawing_area();
    // Filled, so that it reads alike on a light and on a dark page.
    root.fill(&WHITE)?;
    let right = font().color(&BLACK).pos(Pos::new(HPos::Right, VPos::Center));
    for &(row, left) in &columns {
        let groups = match rows[row].groups() {
            "dropped" => String::new(),
            other => format!(", {other}"),
        };
        let upwards = font().transform(FontTransform::Rotate270).color(&BLACK);
        let style = upwards.pos(Pos::new(HPos::Left, VPos::Center));
        let place = (left + CELL.0 / 2, TOP - 8);
        root.draw(&Text::new(format!("{}{groups}", rows[row].name), place, style))?;
    }
    for (line, of) in table.iter().enumerate() {
        let top = TOP + CELL.1 * line as i32;
        let name = format!("{}{}", of.world, if of.has_order { "" } else { " *" });
        root.draw(&Text::new(name, (LEFT - 8, top + CELL.1 / 2), right.clone()))?;
        for &(row, left) in &columns {
            if let Some(cell) = &of.cells[row] {
                let middle = cell.middle();
                draw_cell(&root, (left, top), middle, &ratio(middle))?;
            }
        }
    }
    // What is ours has a frame.
    for &(_, left) in columns.iter().filter(|(row, _)| rows[*row].name == "default") {
        let corners = [(left - 1, TOP - 1), (left + CELL.0, height - 46)];
        root.draw(&Rectangle::new(corners, BLACK.stroke_width(2)))?;
    }
    let top = height - 32;
    let say = "tokens of the target (* no order):";
    root.draw(&Text::new(say, (LEFT - 8, top + CELL.1 / 2), right))?;
    for (at, value) in [0.33, 0.5, 0.67, 0.8, 0.95, 1.0, 1.05, 1.25, 1.5, 2.0, 3.0].iter().enumerate() {
        draw_cell(&root, (LEFT + CELL.0 * at as i32, top), *value, &format!("{value}"))?;
    }
    root.present()?;
    Ok(())
}

fn font() -> FontDesc<'static> {
    ("sans-serif", TEXT).into_font()
}

fn draw_cell(
    root: &DrawingArea<SVGBackend<'_>, Shift>,
    (left, top): (i32, i32),
    ratio: f64,
    text: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let (fill, is_dark) = colour(ratio);
    let corners = [(left, top), (left + CELL.0 - 1, top + CELL.1 - 1)];
    root.draw(&Rectangle::new(corners, fill.filled()))?;
    let ink = if is_dark { WHITE } else { BLACK };
    let style = font().color(&ink).pos(Pos::new(HPos::Center, VPos::Center));
    root.draw(&Text::new(text, (left + CELL.0 / 2, top + CELL.1 / 2), style))?;
    Ok(())
}

/// Blue where fewer tokens are needed, red where more; full at a third and at three times. Whether it is dark.
#[expect(clippy::disallowed_methods, reason = "a picture may use the host's functions")]
fn colour(ratio: f64) -> (RGBColor, bool) {
    let full = 3f64.ln();
    let part = (ratio.ln() / full).clamp(-1.0, 1.0);
    let (end, part) = if part < 0.0 { ((8, 64, 129), -part) } else { ((160, 20, 30), part) };
    // The eye sees small differences near one.
    let part = part.sqrt() * 0.6 + part * 0.4;
    let mix = |to: u8| (246.0 + (f64::from(to) - 246.0) * part).round() as u8;
    (RGBColor(mix(end.0), mix(end.1), mix(end.2)), part > 0.55)
}
