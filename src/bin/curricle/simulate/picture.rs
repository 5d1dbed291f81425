//! The runs as a picture: skill by arm over the steps, and what was drawn.

use curricle::simulator::Scenario;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::course::Course;

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const SIZE: (u32, u32) = (1120, 760);
const HEAD: u32 = 34;
const LEGEND: u32 = 90;
const FONT: &str = "sans-serif";
/// From the first arm to the last.
const SHADES: [(u8, u8, u8); 5] =
    [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)];
const AVERAGE: RGBColor = RGBColor(200, 30, 30);

/// Draws the courses side by side; the steps end a little behind the last run that has reached the target.
pub fn draw(courses: &[Course], scenario: Scenario, target: f64) -> Result<String, String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(text)?;
        let seeds = courses.first().map_or(0, |course| course.steps.len());
        let title = format!("{} (mean over {seeds} seeds)", scenario.name());
        let root = root.titled(&title, (FONT, 20)).map_err(text)?;
        let (panels, legend) = root.split_horizontally(SIZE.0 - LEGEND);
        let stretches = shown(courses);
        for (panel, course) in panels.split_evenly((1, courses.len().max(1))).iter().zip(courses) {
            let (top, bottom) = panel.split_vertically((SIZE.1 - HEAD) / 2);
            skills(&top, course, scenario, target, stretches)?;
            shares(&bottom, course, stretches)?;
        }
        arms(&legend, scenario)?;
        root.present().map_err(text)?;
    }
    Ok(svg)
}

/// How many stretches are shown: to a tenth behind the last run that has reached the target; all, if one has not.
fn shown(courses: &[Course]) -> usize {
    let ends = courses.iter().flat_map(|course| &course.steps);
    let last = ends.copied().collect::<Option<Vec<u64>>>().and_then(|ends| ends.into_iter().max());
    let Some(course) = courses.first() else { return 0 };
    let all = course.shares().len();
    last.map_or(all, |last| (last + last / 10).div_ceil(course.every) as usize).clamp(1, all.max(1))
}

fn skills(
    panel: &Panel<'_>,
    course: &Course,
    scenario: Scenario,
    target: f64,
    stretches: usize,
) -> Result<(), String> {
    let last = stretches as u64 * course.every;
    let steps = match course.quantile(0.5) {
        Some(steps) => format!("median {steps:.0} steps to {target}"),
        None => format!("{} of {} reach {target}", course.reached(), course.steps.len()),
    };
    let mut chart = ChartBuilder::on(panel)
        .caption(format!("{}: {steps}", course.name), (FONT, 16))
        .margin(10)
        .x_label_area_size(32)
        .y_label_area_size(48)
        .build_cartesian_2d(0..last, 0.0..1.0)
        .map_err(text)?;
    chart
        .configure_mesh()
        .x_labels(6)
        .y_desc("ability (red: mean of what can be learned)")
        .light_line_style(WHITE)
        .draw()
        .map_err(text)?;
    let abilities = course.abilities();
    let at = |stretch: usize| (stretch as u64 + 1) * course.every;
    let count = scenario.arms() as usize;
    for arm in 0..count {
        let points = abilities.iter().take(stretches).enumerate();
        let points = points.filter_map(|(stretch, row)| Some((at(stretch).min(last), *row.get(arm)?)));
        let line = shade(arm, count).stroke_width(1);
        chart.draw_series(LineSeries::new(points, line)).map_err(text)?;
    }
    let learnable = scenario.learnable();
    let mean = |row: &Vec<f64>| {
        let known = learnable.iter().filter_map(|arm| row.get(arm.index()));
        known.sum::<f64>() / learnable.len().max(1) as f64
    };
    let points = abilities.iter().take(stretches).enumerate();
    let points = points.map(|(stretch, row)| (at(stretch).min(last), mean(row)));
    chart.draw_series(LineSeries::new(points, AVERAGE.stroke_width(3))).map_err(text)?;
    let goal = [(0, target), (last, target)];
    chart.draw_series(LineSeries::new(goal, AVERAGE.mix(0.5).stroke_width(1))).map_err(text)?;
    Ok(())
}

/// What each arm had of the prompts, stacked.
fn shares(panel: &Panel<'_>, course: &Course, stretches: usize) -> Result<(), String> {
    let last = stretches as u64 * course.every;
    let mut chart = ChartBuilder::on(panel)
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d(0..last, 0.0..1.0)
        .map_err(text)?;
    let percent = |share: &f64| format!("{:.0} %", 100.0 * share);
    chart
        .configure_mesh()
        .x_labels(6)
        .x_desc("steps")
        .y_desc("share of the prompts")
        .y_label_formatter(&percent)
        .disable_mesh()
        .draw()
        .map_err(text)?;
    let shares = course.shares();
    let count = shares.first().map_or(0, Vec::len);
    // From the top of the stack down, each area covering the part below it.
    for arm in (0..count).rev() {
        let points = shares.iter().take(stretches).enumerate().flat_map(|(stretch, row)| {
            let height = row.iter().take(arm + 1).sum::<f64>().min(1.0);
            let start = stretch as u64 * course.every;
            [(start, height), ((start + course.every).min(last), height)]
        });
        chart.draw_series(AreaSeries::new(points, 0.0, shade(arm, count).filled())).map_err(text)?;
    }
    Ok(())
}

/// Which colour is which arm.
fn arms(panel: &Panel<'_>, scenario: Scenario) -> Result<(), String> {
    let count = scenario.arms() as usize;
    for arm in 0..count {
        let y = 24 + 22 * arm as i32;
        let colour = shade(arm, count).filled();
        panel.draw(&Rectangle::new([(8, y), (22, y + 14)], colour)).map_err(text)?;
        let name = Text::new(format!("arm {arm}"), (28, y + 1), (FONT, 14));
        panel.draw(&name).map_err(text)?;
    }
    Ok(())
}

/// A colour between those of the first arm and the last.
fn shade(arm: usize, arms: usize) -> RGBColor {
    let place = arm as f64 / arms.saturating_sub(1).max(1) as f64 * (SHADES.len() - 1) as f64;
    let low = (place.floor() as usize).min(SHADES.len() - 2);
    let [Some(from), Some(to)] = [low, low + 1].map(|shade| SHADES.get(shade)) else { return BLACK };
    let part = place - low as f64;
    let mix = |from: u8, to: u8| (f64::from(from) + part * (f64::from(to) - f64::from(from))) as u8;
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// plotters' errors borrow from the canvas; their text does not.
fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
