//! The graph: nanoseconds a draw against the number of samples.

use std::path::Path;

use plotters::prelude::*;

use crate::Row;

/// A name, a colour and what is drawn.
type Series = (&'static str, RGBColor, fn(&Row) -> f64);

pub fn draw(rows: &[Row], path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(path, (720, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let (first, last) = (rows[0].samples as f64, rows[rows.len() - 1].samples as f64);
    let most = rows.iter().map(|row| row.peer_draw).fold(100.0, f64::max);
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .x_label_area_size(38)
        .y_label_area_size(52)
        .build_cartesian_2d((first..last).log_scale(), (1.0..2.0 * most).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("samples")
        .y_desc("ns an item, in batches of 512")
        .x_label_formatter(&|x| format!("10^{:.0}", x.log10()))
        .light_line_style(WHITE)
        .draw()?;
    let series: [Series; 5] = [
        ("WeightedTreeIndex, draw", RGBColor(200, 120, 40), |row| row.peer_draw),
        ("WeightedTreeIndex, update", RGBColor(225, 175, 120), |row| row.peer_update),
        ("curricle, update", RGBColor(120, 165, 215), |row| row.update),
        ("curricle, draw", RGBColor(30, 90, 170), |row| row.draw),
        ("limit: one random cache line", RGBColor(140, 140, 140), |row| row.limit),
    ];
    for (name, colour, value) in series {
        let points = rows.iter().map(|row| (row.samples as f64, value(row)));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
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
