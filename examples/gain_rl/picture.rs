//! The comparison as a picture: accuracy, where the Gaussian was, and what was drawn.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::task::DIGITS;
use crate::training::{Course, Measurement, POOL, Run};

type Result = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;
type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// In the order of `Course::ALL`.
const COURSES: [RGBColor; 5] = [
    RGBColor(140, 140, 140),
    RGBColor(24, 96, 196),
    RGBColor(33, 145, 140),
    RGBColor(214, 138, 30),
    RGBColor(180, 60, 140),
];
const FONT: &str = "sans-serif";

/// Draws all runs; with several seeds, the median of each course is thick.
pub fn draw(runs: &[Run], path: &Path) -> Result {
    let root = SVGBackend::new(path, (960, 720)).into_drawing_area();
    root.fill(&WHITE).map_err(text)?;
    let (top, bottom) = root.split_vertically(400);
    let (left, right) = bottom.split_horizontally(480);
    let seeds = runs.len() / Course::ALL.len();
    let thick = if seeds > 1 { format!(" (thick: median of {seeds} seeds)") } else { String::new() };
    panel(&top, &format!("held-out sums that are right{thick}"), runs, 0.0..1.0, true, |at| {
        Some(at.accuracy)
    })?;
    panel(&left, "mean of the Gaussian, as a share of the ranks", runs, 0.0..1.0, false, |at| {
        at.mean.map(|mean| mean / (POOL - 1) as f64)
    })?;
    let most = DIGITS as f64;
    panel(&right, "digits of an addend, mean of what was drawn", runs, 1.0..most, false, |at| {
        Some(at.digits)
    })?;
    root.present().map_err(text)?;
    Ok(())
}

fn panel(
    area: &Panel<'_>,
    caption: &str,
    runs: &[Run],
    range: std::ops::Range<f64>,
    legend: bool,
    value: impl Fn(&Measurement) -> Option<f64>,
) -> Result {
    let last = runs.iter().flat_map(|run| &run.measurements).map(|at| at.step).max().unwrap_or(1);
    let mut chart = ChartBuilder::on(area)
        .caption(caption, (FONT, 16))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(44)
        .build_cartesian_2d(0..last, range)
        .map_err(text)?;
    chart.configure_mesh().x_desc("training steps").light_line_style(WHITE).draw().map_err(text)?;
    for (course, colour) in Course::ALL.into_iter().zip(COURSES) {
        let runs: Vec<&Run> = runs.iter().filter(|run| run.course == course).collect();
        let curve = |run: &&Run| -> Vec<(usize, f64)> {
            let points = run.measurements.iter().map(|at| Some((at.step, value(at)?)));
            points.flatten().collect()
        };
        let curves: Vec<_> = runs.iter().map(curve).collect();
        if curves.len() > 1 {
            for curve in &curves {
                let line = LineSeries::new(curve.iter().copied(), colour.mix(0.35).stroke_width(1));
                chart.draw_series(line).map_err(text)?;
            }
        }
        let line = LineSeries::new(median(&curves), colour.stroke_width(3));
        chart
            .draw_series(line)
            .map_err(text)?
            .label(course.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
    }
    if legend {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .label_font((FONT, 14))
            .background_style(WHITE.mix(0.8))
            .border_style(RGBColor(200, 200, 200))
            .draw()
            .map_err(text)?;
    }
    Ok(())
}

/// The lower median of curves that were measured at the same steps.
fn median(curves: &[Vec<(usize, f64)>]) -> Vec<(usize, f64)> {
    let Some(first) = curves.first() else { return Vec::new() };
    let at = |index: usize| {
        let mut values: Vec<f64> =
            curves.iter().filter_map(|curve| curve.get(index)).map(|point| point.1).collect();
        values.sort_by(f64::total_cmp);
        (first[index].0, values[(values.len() - 1) / 2])
    };
    (0..first.len()).map(at).collect()
}

/// plotters' errors borrow from the canvas; their text does not.
fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
