//! A grid of cells as SVG: a number in each with its interval, coloured, and readable without colour.

use std::fmt::Write;

use crate::html::escaped;
use crate::statistics::Verdict;

const CELL: (i32, i32) = (96, 50);
const TOP: i32 = 34;
/// Of a letter, about, at the size of the labels.
const LETTER: f64 = 7.2;

/// A cell: what it says, line by line, and how it is coloured.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub lines: Vec<String>,
    /// From -1, all red, to 1, all blue; 0 is neither.
    pub hue: f64,
}

/// A part of the picture: rows of cells under the names of columns.
#[derive(Debug, Clone)]
pub struct Panel {
    pub title: String,
    pub columns: Vec<String>,
    pub rows: Vec<(String, Vec<Option<Cell>>)>,
}

/// The mark of a verdict, for whoever sees no colours.
pub fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "▲",
        Verdict::NotWorse => "=",
        Verdict::Worse => "▼",
        Verdict::Open => "?",
    }
}

/// What the marks mean.
pub const MARKS: &str = "▲ better, = not worse, ▼ worse, ? open";

/// The panels, one below the other. With `alone` it is a file of its own, on white, that asks for no page around it.
pub fn draw(title: &str, panels: &[Panel], note: &str, alone: bool) -> String {
    let names = panels.iter().flat_map(|panel| panel.rows.iter().map(|(name, _)| name.chars().count()));
    let left = 24 + (LETTER * names.max().unwrap_or(0) as f64).round() as i32;
    let columns = panels.iter().map(|panel| panel.columns.len()).max().unwrap_or(0) as i32;
    let width = (left + columns * CELL.0 + 8).max(8 + (6.9 * note.chars().count() as f64) as i32);
    let mut body = String::new();
    let mut top = 0;
    for Panel { title, columns, rows } in panels {
        let _ =
            writeln!(body, "<text class=\"h\" x=\"4\" y=\"{}\">{}</text>", top + 14, escaped(title));
        top += TOP;
        for (at, name) in columns.iter().enumerate() {
            let x = left + CELL.0 * at as i32 + CELL.0 / 2;
            let _ = writeln!(
                body,
                "<text class=\"m\" x=\"{x}\" y=\"{}\">{}</text>",
                top - 5,
                escaped(name)
            );
        }
        for (name, cells) in rows {
            let middle = top + CELL.1 / 2 + 4;
            let _ = writeln!(
                body,
                "<text class=\"e\" x=\"{}\" y=\"{middle}\">{}</text>",
                left - 8,
                escaped(name)
            );
            for (at, cell) in cells.iter().enumerate() {
                let Some(cell) = cell else { continue };
                body.push_str(&one(cell, left + CELL.0 * at as i32, top));
            }
            top += CELL.1;
        }
        top += 14;
    }
    let _ = writeln!(body, "<text x=\"4\" y=\"{}\">{}</text>", top + 8, escaped(note));
    let height = top + 20;
    let head = match alone {
        true => {
            format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" ")
        }
        false => format!("<svg class=\"cells\" style=\"width:{width}px;height:{height}px\" "),
    };
    let ground = match alone {
        true => format!(
            "<style>{STYLE}</style><rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
        ),
        false => String::new(),
    };
    let title = escaped(title);
    format!(
        "{head}viewBox=\"0 0 {width} {height}\" role=\"img\"><title>{title}</title>\n{ground}{body}</svg>\n"
    )
}

/// How the texts of a picture that stands alone look.
const STYLE: &str = "text{font:13px sans-serif;fill:#15191e}.h{font-weight:600}.m{text-anchor:middle}\
                     .e{text-anchor:end}.c{text-anchor:middle}.s{font-size:11px}";

fn one(Cell { lines, hue }: &Cell, left: i32, top: i32) -> String {
    let (fill, ink) = colours(*hue);
    let (width, height) = (CELL.0 - 2, CELL.1 - 2);
    let mut out = format!(
        "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>\n"
    );
    let first = top + CELL.1 / 2 + 4 - 7 * (lines.len() as i32 - 1);
    for (at, line) in lines.iter().enumerate() {
        let (x, y) = (left + width / 2, first + 14 * at as i32);
        let class = if at == 0 { "c" } else { "c s" };
        let line = escaped(line);
        let _ = writeln!(
            out,
            "<text class=\"{class}\" style=\"fill:{ink}\" x=\"{x}\" y=\"{y}\">{line}</text>"
        );
    }
    out
}

/// Of the cell and of what is written on it.
fn colours(hue: f64) -> (String, &'static str) {
    let part = hue.abs().min(1.0);
    let end = if hue > 0.0 { [8.0, 64.0, 129.0] } else { [160.0, 20.0, 30.0] };
    // The eye sees small differences near nothing.
    let part = part.sqrt() * 0.6 + part * 0.4;
    let [red, green, blue] = end.map(|to| (246.0 + (to - 246.0) * part).round());
    (format!("rgb({red},{green},{blue})"), if part > 0.55 { "#fff" } else { "#000" })
}

/// The hue of a ratio: blue below 1, red above; full at a third and at three times.
#[expect(clippy::disallowed_methods, reason = "a picture may use the host's functions")]
pub fn of_ratio(ratio: f64) -> f64 {
    if ratio > 0.0 { (-ratio.ln() / 3f64.ln()).clamp(-1.0, 1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues() {
        assert_eq!(
            (of_ratio(1.0), of_ratio(f64::INFINITY), of_ratio(0.0), of_ratio(0.01)),
            (0.0, -1.0, 1.0, 1.0)
        );
        assert!((of_ratio(0.5) + of_ratio(2.0)).abs() < 1e-12 && of_ratio(0.5) > 0.0);
        assert_eq!(colours(0.0), ("rgb(246,246,246)".into(), "#000"));
        assert_eq!(
            (colours(1.0).0, colours(-2.0).0),
            ("rgb(8,64,129)".into(), "rgb(160,20,30)".into())
        );
    }

    #[test]
    fn every_cell_is_in_the_picture() {
        let cell = |text: &str| Some(Cell { lines: vec![text.into(), "low & high".into()], hue: 0.2 });
        let panel = Panel {
            title: "one".into(),
            columns: vec!["a".into(), "b".into()],
            rows: vec![("x".into(), vec![cell("1"), None]), ("y".into(), vec![cell("2"), cell("3")])],
        };
        for alone in [true, false] {
            let out = draw("grid", std::slice::from_ref(&panel), MARKS, alone);
            assert_eq!(out.matches("low &amp; high").count(), 3);
            assert_eq!(out.contains("xmlns"), alone);
        }
        assert!(draw("none", &[], "", true).ends_with("</svg>\n"));
    }
}
