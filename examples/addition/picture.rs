//! The comparison as a picture: accuracy over steps, and what each curriculum drew.

use std::path::Path;

use plotters::prelude::*;

use crate::training::{ARMS, Course, Run, TARGET};

type Result = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;

const COURSES: [RGBColor; 4] =
    [RGBColor(140, 140, 140), RGBColor(214, 138, 30), RGBColor(24, 96, 196), RGBColor(170, 60, 140)];
/// From the arm of one digit to the last.
const SHADES: [RGBColor; ARMS] = [
    RGBColor(68, 1, 84),
    RGBColor(59, 82, 139),
    RGBColor(33, 145, 140),
    RGBColor(94, 201, 98),
    RGBColor(253, 231, 37),
];
const FONT: &str = "sans-serif";

/// Draws the runs of one seed.
pub fn draw(runs: &[&Run], path: &Path) -> Result {
    let root = SVGBackend::new(path, (960, 720)).into_drawing_area();
    root.fill(&WHITE).map_err(text)?;
    let (top, bottom) = root.split_vertically(360);
    let last = runs.iter().flat_map(|run| &run.measurements).map(|at| at.step).max().unwrap_or(1);

    let mut chart = ChartBuilder::on(&top)
        .caption("Addition: right sums, mean over 1 to 5 digits (thin: the weakest arm)", (FONT, 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d(0..last, 0.0..1.0)
        .map_err(text)?;
    let percent = |share: &f64| format!("{:.0} %", 100.0 * share);
    chart
        .configure_mesh()
        .x_desc("training steps")
        .y_label_formatter(&percent)
        .light_line_style(WHITE)
        .draw()
        .map_err(text)?;
    for run in runs {
        let colour = colour(run.course);
        let points = run.measurements.iter().map(|at| (at.step, at.mean()));
        let weakest = run.measurements.iter().map(|at| (at.step, at.weakest()));
        chart.draw_series(LineSeries::new(weakest, colour.mix(0.5).stroke_width(1))).map_err(text)?;
        let label = match run.done() {
            Some(steps) => format!(
                "{}: every arm at {:.0} % after {steps} steps",
                run.course.name(),
                100.0 * TARGET
            ),
            None => format!("{}: not every arm at {:.0} %", run.course.name(), 100.0 * TARGET),
        };
        chart
            .draw_series(LineSeries::new(
                std::iter::once((0, 0.0)).chain(points),
                colour.stroke_width(3),
            ))
            .map_err(text)?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .label_font((FONT, 14))
        .background_style(WHITE.mix(0.8))
        .border_style(RGBColor(200, 200, 200))
        .draw()
        .map_err(text)?;

    for (panel, run) in bottom.split_evenly((1, runs.len().max(1))).iter().zip(runs) {
        shares(panel, run)?;
    }
    root.present().map_err(text)?;
    Ok(())
}

/// The probabilities of the arms over time, stacked.
fn shares(panel: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>, run: &Run) -> Result {
    let last = run.measurements.last().map_or(1, |at| at.step);
    let mut chart = ChartBuilder::on(panel)
        .caption(format!("what {} drew", run.course.name()), (FONT, 16))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(40)
        .build_cartesian_2d(0..last, 0.0..1.0)
        .map_err(text)?;
    let percent = |share: &f64| format!("{:.0} %", 100.0 * share);
    chart
        .configure_mesh()
        .x_labels(4)
        .x_desc("training steps")
        .y_label_formatter(&percent)
        .disable_mesh()
        .draw()
        .map_err(text)?;
    // From the top of the stack down, each area covering the part below it.
    for arm in (0..ARMS).rev() {
        let height = |shares: &[f64]| shares[..=arm].iter().sum::<f64>().min(1.0);
        let points = run.measurements.iter().map(|at| (at.step, height(&at.shares)));
        let shade = SHADES[arm];
        chart
            .draw_series(AreaSeries::new(points, 0.0, shade.filled()))
            .map_err(text)?
            .label(format!("{} digit{}", arm + 1, if arm > 0 { "s" } else { "" }))
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], shade.filled()));
    }
    if run.course == Course::Uniform {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .label_font((FONT, 12))
            .background_style(WHITE.mix(0.8))
            .draw()
            .map_err(text)?;
    }
    Ok(())
}

fn colour(course: Course) -> RGBColor {
    COURSES[Course::ALL.iter().position(|&other| other == course).unwrap_or(0)]
}

/// plotters' errors borrow from the canvas; their text does not.
fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
