//! The comparison as a picture: accuracy and updates along the stream.

use std::path::Path;

use plotters::prelude::*;

use crate::course::{Course, Run};

type Result = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;

const COLOURS: [RGBColor; 8] = [
    RGBColor(140, 140, 140),
    RGBColor(214, 138, 30),
    RGBColor(60, 160, 110),
    RGBColor(200, 40, 40),
    RGBColor(120, 20, 20),
    RGBColor(24, 96, 196),
    RGBColor(170, 60, 110),
    RGBColor(90, 80, 60),
];
const FONT: &str = "sans-serif";
/// Queries that a point is the mean of, in every seed.
const SPAN: usize = 100;

/// Draws the means over all seeds.
pub fn draw(runs: &[Run], path: &Path) -> Result {
    let root = SVGBackend::new(path, (960, 640)).into_drawing_area();
    root.fill(&WHITE).map_err(text)?;
    let (top, bottom) = root.split_vertically(340);
    panel(&top, runs, "right next symbols (mean of 100 queries and all seeds)", true, |run| {
        &run.right
    })?;
    panel(&bottom, runs, "updates; the texts have more names from the middle on", false, |run| {
        &run.spent
    })?;
    root.present().map_err(text)?;
    Ok(())
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    runs: &[Run],
    caption: &str,
    legend: bool,
    of: impl Fn(&Run) -> &Vec<bool>,
) -> Result {
    let last = runs.iter().map(|run| run.right.len()).max().unwrap_or(1);
    let lines: Vec<(Course, Vec<(usize, f64)>)> =
        Course::ALL.iter().map(|&course| (course, line(runs, course, last, &of))).collect();
    let lowest =
        lines.iter().flat_map(|(_, line)| line).fold(1.0, |least: f64, point| least.min(point.1));
    let low = if legend { (10.0 * lowest - 1.0).floor().max(0.0) / 10.0 } else { 0.0 };
    let mut chart = ChartBuilder::on(area)
        .caption(caption, (FONT, 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d(0..last, low..1.02)
        .map_err(text)?;
    let percent = |share: &f64| format!("{:.0} %", 100.0 * share);
    chart
        .configure_mesh()
        .x_desc("queries")
        .y_label_formatter(&percent)
        .light_line_style(WHITE)
        .draw()
        .map_err(text)?;
    for ((course, line), colour) in lines.into_iter().zip(COLOURS) {
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(3)))
            .map_err(text)?
            .label(label(runs, course))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
    }
    if legend {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerLeft)
            .label_font((FONT, 14))
            .background_style(WHITE.mix(0.8))
            .border_style(RGBColor(200, 200, 200))
            .draw()
            .map_err(text)?;
    }
    Ok(())
}

fn line(
    runs: &[Run],
    course: Course,
    last: usize,
    of: &impl Fn(&Run) -> &Vec<bool>,
) -> Vec<(usize, f64)> {
    let step = SPAN / 4;
    let span = SPAN.min(last);
    (0..=last - span)
        .step_by(step)
        .map(|from| {
            let of_course = runs.iter().filter(|run| run.course == course);
            let (hits, all) = of_course.fold((0, 0), |(hits, all), run| {
                let part = &of(run)[from..from + span];
                (hits + part.iter().filter(|&&hit| hit).count(), all + part.len())
            });
            (from + span / 2, hits as f64 / all.max(1) as f64)
        })
        .collect()
}

fn label(runs: &[Run], course: Course) -> String {
    let of = runs.iter().filter(|run| run.course == course);
    let (mut right, mut spent, mut all) = (0, 0, 0);
    for run in of {
        right += run.right.iter().filter(|&&right| right).count();
        spent += run.spent.iter().filter(|&&spent| spent).count();
        all += run.right.len();
    }
    let percent = |count: usize| 100.0 * count as f64 / all.max(1) as f64;
    format!("{}: {:.1} % right, updates for {:.0} %", course.name(), percent(right), percent(spent))
}

/// plotters' errors borrow from the canvas; their text does not.
fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
