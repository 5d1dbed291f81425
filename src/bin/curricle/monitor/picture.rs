//! The series as a picture: a panel for each, with its points, its curve and the limit of it, its trend and its dip.

use curricle::monitor::Direction;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;

use super::reading::{All, Curve, Reading};
use super::series::Watched;
use crate::report::short;

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

const PANEL: (u32, u32) = (470, 330);
const LEGEND: u32 = 44;
const FONT: &str = "sans-serif";
const POINTS: RGBColor = RGBColor(90, 100, 112);
const CURVE: RGBColor = RGBColor(0, 114, 198);
const TREND: RGBColor = RGBColor(187, 151, 19);
const DIP: RGBColor = RGBColor(198, 34, 15);
const STOP: RGBColor = RGBColor(0, 144, 53);
/// How finely a curve is drawn.
const STEPS: usize = 80;

/// Draws all panels, in rows of three at most.
pub fn draw(watched: &Watched, all: &All) -> Result<String, String> {
    let columns = match all.readings.len() {
        0 | 1 => 1,
        2..=4 => 2,
        _ => 3,
    };
    let rows = all.readings.len().div_ceil(columns).max(1);
    let size = (PANEL.0 * columns.max(2) as u32, PANEL.1 * rows as u32 + LEGEND);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE).map_err(text)?;
        let (panels, bottom) = root.split_vertically(size.1 - LEGEND);
        for (panel, reading) in panels.split_evenly((rows, columns)).iter().zip(&all.readings) {
            draw_one(panel, reading, watched)?;
        }
        legend(&bottom)?;
        root.present().map_err(text)?;
    }
    Ok(svg)
}

fn draw_one(panel: &Panel<'_>, reading: &Reading, watched: &Watched) -> Result<(), String> {
    let (x, y) = (&reading.series.x, &reading.series.y);
    let (x_range, y_range) = (x_range(x), y_range(reading));
    let mut chart = ChartBuilder::on(panel)
        .caption(caption(reading), (FONT, 15))
        .margin(12)
        .margin_right(20)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(x_range.0..x_range.1, y_range.0..y_range.1)
        .map_err(text)?;
    chart
        .configure_mesh()
        .x_labels(6)
        .y_labels(6)
        .x_desc(&watched.x)
        .y_desc(&watched.y)
        .x_label_formatter(&|x| short(*x))
        .y_label_formatter(&|y| short(*y))
        .light_line_style(WHITE)
        .draw()
        .map_err(text)?;
    for (at, colour) in
        [(reading.series.left, DIP), (reading.curve.as_ref().and_then(|curve| curve.stop.stop_x), STOP)]
    {
        if let Some(at) = at.filter(|at| (x_range.0..=x_range.1).contains(at)) {
            dashed(&mut chart, [(at, y_range.0), (at, y_range.1)], colour)?;
        }
    }
    trend(&mut chart, reading)?;
    if let Some(curve) = &reading.curve {
        let limit = curve.limit.limit;
        if (y_range.0..=y_range.1).contains(&limit) {
            dashed(&mut chart, [(x_range.0, limit), (x_range.1, limit)], CURVE)?;
        }
        let line = steps(x[x.len() - curve.points], x[x.len() - 1])
            .map(|at| (at, height(curve, at, x[x.len() - 1])))
            .filter(|(_, y)| (y_range.0..=y_range.1).contains(y));
        chart.draw_series(LineSeries::new(line, CURVE.stroke_width(2))).map_err(text)?;
    }
    let points = x.iter().zip(y).map(|(&x, &y)| Circle::new((x, y), 2, POINTS.filled()));
    chart.draw_series(points).map_err(text)?;
    if let Some((from, to)) = reading.dip.place {
        let ends = [(x[from], y[from]), (x[to], y[to])];
        chart.draw_series(LineSeries::new(ends, DIP.stroke_width(2))).map_err(text)?;
        let ends = ends.map(|end| Circle::new(end, 4, DIP.filled()));
        chart.draw_series(ends).map_err(text)?;
    }
    Ok(())
}

fn caption(reading: &Reading) -> String {
    let limit = reading.curve.as_ref().map(|curve| {
        format!(", limit {}, {} to gain", short(curve.limit.limit), short(curve.limit.remaining))
    });
    let name: String = reading.series.name.chars().take(24).collect();
    format!("{name}{}, dip {}", limit.unwrap_or_default(), short(reading.dip.drop))
}

/// The line of least squares, which is a curve where it was taken over the logarithm of x.
fn trend(chart: &mut Chart<'_, '_>, reading: &Reading) -> Result<(), String> {
    let Some([from, to]) = ends(reading) else { return Ok(()) };
    let line: Vec<(f64, f64)> = match reading.log_x {
        false => vec![from, to],
        true => steps(from.0, to.0).filter_map(|x| Some((x, line_at(reading, x)?))).collect(),
    };
    chart.draw_series(LineSeries::new(line, TREND.stroke_width(2))).map_err(text)?;
    Ok(())
}

/// Where the line of the trend is at some x.
fn line_at(reading: &Reading, x: f64) -> Option<f64> {
    let at = if reading.log_x { libm::log(x) } else { x };
    reading.trend.map(|trend| trend.intercept + trend.slope * at)
}

/// The ends of that line.
fn ends(reading: &Reading) -> Option<[(f64, f64); 2]> {
    let x = &reading.series.x;
    let end = |x: f64| Some((x, line_at(reading, x)?));
    Some([end(*x.first()?)?, end(*x.last()?)?])
}

fn dashed(chart: &mut Chart<'_, '_>, ends: [(f64, f64); 2], colour: RGBColor) -> Result<(), String> {
    chart.draw_series(DashedLineSeries::new(ends, 5, 4, colour.stroke_width(1))).map_err(text)?;
    Ok(())
}

fn steps(from: f64, to: f64) -> impl Iterator<Item = f64> {
    (0..=STEPS).map(move |step| from + (to - from) * step as f64 / STEPS as f64)
}

/// The fitted curve, from its greatest x.
fn height(curve: &Curve, x: f64, greatest: f64) -> f64 {
    let left = curve
        .limit
        .exponent
        .map_or(0.0, |exponent| curve.limit.remaining * libm::pow(x / greatest, -exponent));
    match curve.direction {
        Direction::Rising => curve.limit.limit - left,
        _ => curve.limit.limit + left,
    }
}

fn x_range(x: &[f64]) -> (f64, f64) {
    let (first, last) = (x[0], x[x.len() - 1]);
    let room = if last > first { 0.03 * (last - first) } else { 1.0 };
    (first - room, last + room)
}

/// All points, the trend, and the limit if it is not far away from them.
fn y_range(reading: &Reading) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    let line = ends(reading).into_iter().flatten().map(|(_, y)| y);
    for y in reading.series.y.iter().copied().chain(line) {
        (low, high) = (low.min(y), high.max(y));
    }
    let span = if high > low { high - low } else { high.abs().max(1.0) };
    if let Some(curve) = &reading.curve {
        let limit = curve.limit.limit;
        if limit >= low - span && limit <= high + span {
            (low, high) = (low.min(limit), high.max(limit));
        }
    }
    let room = if high > low { 0.06 * (high - low) } else { 0.5 * span };
    (low - room, high + room)
}

/// Which line is which.
fn legend(panel: &Panel<'_>) -> Result<(), String> {
    let (width, _) = panel.dim_in_pixel();
    let entries = [
        ("points", POINTS, false),
        ("trend", TREND, false),
        ("fitted curve", CURVE, false),
        ("its limit", CURVE, true),
        ("greatest dip", DIP, false),
        ("left", DIP, true),
        ("could stop", STOP, true),
    ];
    let each = (width as i32 - 24) / entries.len() as i32;
    for (place, (name, colour, is_dashed)) in entries.into_iter().enumerate() {
        let x = 16 + each * place as i32;
        let ends = [(x, 20), (x + 22, 20)];
        if place == 0 {
            panel.draw(&Circle::new((x + 14, 20), 3, colour.filled())).map_err(text)?;
        } else if is_dashed {
            panel.draw(&DashedPathElement::new(ends, 5, 4, colour.stroke_width(2))).map_err(text)?;
        } else {
            panel.draw(&PathElement::new(ends, colour.stroke_width(2))).map_err(text)?;
        }
        panel.draw(&Text::new(name, (x + 28, 13), (FONT, 14))).map_err(text)?;
    }
    Ok(())
}

/// plotters' errors borrow from the canvas; their text does not.
fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
