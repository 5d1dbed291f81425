//! Times against the number of samples, as lines on logarithmic axes.

use std::path::Path;

use plotters::prelude::*;

/// One contender.
pub struct Line {
    pub name: String,
    pub colour: RGBColor,
    /// Samples, and nanoseconds an item.
    pub points: Vec<(f64, f64)>,
}

pub fn draw(lines: &[Line], caption: &str, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(path, (760, 440)).into_drawing_area();
    root.fill(&WHITE)?;
    let all = || lines.iter().flat_map(|line| &line.points).copied();
    let first = all().map(|(samples, _)| samples).fold(f64::INFINITY, f64::min);
    let last = all().map(|(samples, _)| samples).fold(1.0, f64::max);
    let least = all().map(|(_, time)| time).fold(f64::INFINITY, f64::min);
    let most = all().map(|(_, time)| time).fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .x_label_area_size(38)
        .y_label_area_size(60)
        .build_cartesian_2d((first..last).log_scale(), (0.5 * least..6.0 * most).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("samples")
        .y_desc(caption)
        .x_label_formatter(&|x| format!("10^{:.0}", x.log10()))
        .y_label_formatter(&|y| format!("{y}"))
        .light_line_style(WHITE)
        .draw()?;
    for Line { name, colour, points } in lines {
        let colour = *colour;
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .draw()?;
    root.present()?;
    Ok(())
}
