//! Worlds by curricula, coloured by the ratio.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::measure::Measured;
use crate::rows::Row;
use crate::table::ratio;

const LEFT: i32 = 228;
const TOP: i32 = 172;
const CELL: (i32, i32) = (50, 20);
/// What is left out, as it says the same as another row in nearly every world.
const HIDDEN: &str = "by size";

/// Draws what each row needs at the median of its levels, in tokens of the target.
pub fn draw(rows: &[Row], table: &[Measured], path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let shown: Vec<usize> = (1..rows.len()).filter(|&row| rows[row].name != HIDDEN).collect();
    let width = LEFT + CELL.0 * shown.len() as i32 + 16;
    let height = TOP + CELL.1 * table.len() as i32 + 46;
    let root = SVGBackend::new(path, (width as u32, height as u32)).into_drawing_area();
    // Filled, so that it reads alike on a light and on a dark page.
    root.fill(&WHITE)?;
    let font = |size: i32| ("sans-serif", size).into_font().color(&BLACK);
    let right = Pos::new(HPos::Right, VPos::Center);
    let centre = Pos::new(HPos::Center, VPos::Center);
    for (column, &row) in shown.iter().enumerate() {
        let upwards = ("sans-serif", 13).into_font().transform(FontTransform::Rotate270).color(&BLACK);
        let groups = match rows[row].groups() {
            "dropped" => String::new(),
            other => format!(", {other}"),
        };
        let place = (LEFT + CELL.0 * column as i32 + CELL.0 / 2, TOP - 8);
        let style = upwards.pos(Pos::new(HPos::Left, VPos::Center));
        root.draw(&Text::new(format!("{}{groups}", rows[row].name), place, style))?;
    }
    for (line, of) in table.iter().enumerate() {
        let top = TOP + CELL.1 * line as i32;
        let middle = top + CELL.1 / 2;
        root.draw(&Text::new(of.world.clone(), (LEFT - 8, middle), font(13).pos(right)))?;
        for (column, &row) in shown.iter().enumerate() {
            let Some(cell) = &of.cells[row] else { continue };
            let left = LEFT + CELL.0 * column as i32;
            let (fill, is_dark) = colour(cell.middle());
            let corners = [(left, top), (left + CELL.0 - 1, top + CELL.1 - 1)];
            root.draw(&Rectangle::new(corners, fill.filled()))?;
            let ink = if is_dark { WHITE } else { BLACK };
            let style = ("sans-serif", 13).into_font().color(&ink).pos(centre);
            root.draw(&Text::new(ratio(cell.middle()), (left + CELL.0 / 2, middle), style))?;
        }
    }
    let legend = [0.33, 0.5, 0.67, 0.8, 0.95, 1.0, 1.05, 1.25, 1.5, 2.0, 3.0];
    let top = height - 30;
    let place = (LEFT - 8, top + CELL.1 / 2);
    root.draw(&Text::new("tokens of the target:", place, font(13).pos(right)))?;
    for (at, value) in legend.iter().enumerate() {
        let left = LEFT + CELL.0 * at as i32;
        let (fill, is_dark) = colour(*value);
        let corners = [(left, top), (left + CELL.0 - 1, top + CELL.1 - 1)];
        root.draw(&Rectangle::new(corners, fill.filled()))?;
        let ink = if is_dark { WHITE } else { BLACK };
        let style = ("sans-serif", 13).into_font().color(&ink).pos(centre);
        root.draw(&Text::new(format!("{value}"), (left + CELL.0 / 2, top + CELL.1 / 2), style))?;
    }
    root.present()?;
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
