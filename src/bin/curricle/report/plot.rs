//! Pictures: SVG that stretches to the width of the page, with its labels as text of the page around it, so that they
//! keep their size on a small screen. Colours are classes; the page says what they are, in light and in dark.

use std::fmt::Write;

use super::html::escaped;
use crate::inspect::number;

/// The size of what is drawn, in its own units. The page stretches it.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 200.0;

/// How high a row of bars is, in pixels.
const ROW: f64 = 30.0;

/// Values by column, where there are any, under a name and a colour.
#[derive(Debug, Clone)]
pub struct Series {
    pub name: String,
    pub colour: String,
    pub values: Vec<Option<f64>>,
}

/// What a picture is called, and what it shows, for whoever cannot see it.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    pub id: &'a str,
    pub title: &'a str,
    pub description: &'a str,
}

/// The values of the vertical axis, and the names of the first, a middle and the last column.
#[derive(Debug, Clone)]
pub struct Axes {
    pub low: f64,
    pub high: f64,
    pub columns: Vec<String>,
}

impl Axes {
    pub fn new(low: f64, high: f64, columns: Vec<String>) -> Self {
        Self { low, high, columns }
    }

    /// Axes that have room for all values, and begin at 0 if none is below.
    pub fn around(series: &[Series], columns: Vec<String>) -> Self {
        let values = || series.iter().flat_map(|series| series.values.iter().flatten());
        let low = values().copied().fold(0.0, f64::min);
        let high = values().copied().fold(low, f64::max);
        let step = step(high - low);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { low, high: if high > low { high } else { low + step }, columns }
    }

    fn height(&self, value: f64) -> f64 {
        HEIGHT * (1.0 - (value - self.low) / (self.high - self.low))
    }

    /// Where a column begins.
    fn place(&self, column: usize) -> f64 {
        WIDTH * column as f64 / self.columns.len().max(1) as f64
    }

    fn ticks(&self) -> Vec<f64> {
        let step = step(self.high - self.low);
        let count = ((self.high - self.low) / step).round() as usize;
        (0..=count).map(|tick| self.low + step * tick as f64).collect()
    }
}

/// A round number of which about four go into an extent.
fn step(extent: f64) -> f64 {
    if !(extent > 0.0 && extent.is_finite()) {
        return 1.0;
    }
    let (mut power, wanted) = (1.0, extent / 4.0);
    while power > wanted {
        power /= 10.0;
    }
    while power * 10.0 <= wanted {
        power *= 10.0;
    }
    let nice = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|it| it * power);
    nice.into_iter().find(|nice| *nice >= wanted * 0.999).unwrap_or(power * 10.0)
}

/// Shares of a whole, one above the other.
pub fn bands(about: About<'_>, series: &[Series], axes: &Axes) -> String {
    let mut body = grid(axes);
    let mut below = vec![0.0; axes.columns.len()];
    for Series { name, colour, values } in series {
        let edges: Vec<Option<(f64, f64)>> = below
            .iter_mut()
            .zip(values)
            .map(|(below, value)| {
                let low = *below;
                *below += value.unwrap_or(0.0);
                value.map(|_| (low, *below))
            })
            .collect();
        let path = area(&edges, axes);
        let _ = writeln!(
            body,
            "<path class=\"band f-{colour}\" d=\"{path}\"><title>{}</title></path>",
            escaped(name)
        );
    }
    framed(about, &body, axes) + &legend(series, false)
}

/// One line for each series, on a scale that all share.
pub fn lines(about: About<'_>, series: &[Series], axes: &Axes) -> String {
    let mut body = grid(axes);
    for Series { name, colour, values } in series {
        let path = line(values, axes);
        let _ = writeln!(
            body,
            "<path class=\"line s-{colour}\" d=\"{path}\"><title>{}</title></path>",
            escaped(name)
        );
    }
    framed(about, &body, axes) + &legend(series, true)
}

/// A band between each two series, the outer ones first, and a line in the midst.
pub fn quantiles(
    about: About<'_>,
    (ribbons, middle): (&[(Series, Series)], &Series),
    axes: &Axes,
) -> String {
    let mut body = grid(axes);
    let mut shown = Vec::new();
    for (low, high) in ribbons {
        let pairs = low.values.iter().zip(&high.values);
        let edges: Vec<Option<(f64, f64)>> = pairs.map(|(low, high)| low.zip(*high)).collect();
        let path = area(&edges, axes);
        let name = format!("{} to {}", low.name, high.name);
        let _ = writeln!(
            body,
            "<path class=\"f-{}\" d=\"{path}\"><title>{name}</title></path>",
            low.colour
        );
        shown.push(Series { name, ..low.clone() });
    }
    let path = line(&middle.values, axes);
    let _ = writeln!(
        body,
        "<path class=\"line s-{}\" d=\"{path}\"><title>{}</title></path>",
        middle.colour, middle.name
    );
    shown.push(middle.clone());
    framed(about, &body, axes) + &legend(&shown, false)
}

/// A row of bars for each name, one behind the other, as shares of the greatest row.
pub fn bars(about: About<'_>, names: &[String], series: &[Series], stacked: bool) -> String {
    let rows = names.len().max(1) as f64;
    let of =
        |row: usize| series.iter().map(move |it| it.values.get(row).copied().flatten().unwrap_or(0.0));
    let longest = (0..names.len()).map(|row| match stacked {
        true => of(row).sum::<f64>(),
        false => of(row).fold(0.0, f64::max),
    });
    let longest = longest.fold(0.0, f64::max);
    let scale = if longest > 0.0 { WIDTH / longest } else { 0.0 };
    let mut body = String::new();
    for (row, row_name) in names.iter().enumerate() {
        let top = ROW * row as f64;
        let height = if stacked { ROW - 8.0 } else { (ROW - 8.0) / series.len() as f64 };
        let (mut x, mut y) = (0.0, top + 4.0);
        for (value, Series { name, colour, .. }) in of(row).zip(series) {
            let width = value * scale;
            let what = escaped(&format!("{row_name}: {name} {}", number(Some(value))));
            let _ = writeln!(
                body,
                "<rect class=\"band f-{colour}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
                 height=\"{height:.1}\"><title>{what}</title></rect>"
            );
            if stacked { x += width } else { y += height }
        }
    }
    let mut labels = String::new();
    for name in names {
        let _ = write!(labels, "<li>{}</li>", escaped(name));
    }
    let svg = svg(about, &body, ROW * rows);
    format!(
        "<div class=\"bars\"><ul class=\"names\">{labels}</ul>\
         <div style=\"height:{}px\">{svg}</div></div>",
        ROW * rows
    ) + &legend(series, false)
}

/// Steps from column to column, down one side and back on the other, with gaps where there is nothing.
fn area(edges: &[Option<(f64, f64)>], axes: &Axes) -> String {
    let mut path = String::new();
    let mut start = 0;
    while start < edges.len() {
        let run: Vec<(f64, f64)> = edges[start..].iter().map_while(|edge| *edge).collect();
        if run.is_empty() {
            start += 1;
            continue;
        }
        let _ = write!(path, "M{:.1} {:.1}", axes.place(start), axes.height(run[0].1));
        for (place, (_, high)) in run.iter().enumerate() {
            let _ = write!(path, "V{:.1}H{:.1}", axes.height(*high), axes.place(start + place + 1));
        }
        for (place, (low, _)) in run.iter().enumerate().rev() {
            let _ = write!(path, "V{:.1}H{:.1}", axes.height(*low), axes.place(start + place));
        }
        path.push('Z');
        start += run.len();
    }
    path
}

/// A line through the middles of the columns, with gaps; a value alone is a point.
fn line(values: &[Option<f64>], axes: &Axes) -> String {
    let mut path = String::new();
    let mut is_down = false;
    for (place, value) in values.iter().enumerate() {
        let Some(value) = value else {
            is_down = false;
            continue;
        };
        let x = (axes.place(place) + axes.place(place + 1)) / 2.0;
        let y = axes.height(*value);
        let _ = match is_down {
            true => write!(path, "L{x:.1} {y:.1}"),
            // Of no length: its round ends are a point.
            false => write!(path, "M{x:.1} {y:.1}h0"),
        };
        is_down = true;
    }
    path
}

fn grid(axes: &Axes) -> String {
    let mut body = String::new();
    for tick in axes.ticks() {
        let y = axes.height(tick);
        let _ = writeln!(body, "<path class=\"grid\" d=\"M0 {y:.1}H{WIDTH}\"/>");
    }
    body
}

fn svg(About { id, title, description }: About<'_>, body: &str, height: f64) -> String {
    let (title, description) = (escaped(title), escaped(description));
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-desc\">\n\
         <title id=\"{id}-title\">{title}</title><desc id=\"{id}-desc\">{description}</desc>\n{body}</svg>"
    )
}

fn framed(about: About<'_>, body: &str, axes: &Axes) -> String {
    let mut out = String::from("<div class=\"plot\"><div class=\"y\" aria-hidden=\"true\">");
    for tick in axes.ticks() {
        let top = 100.0 * axes.height(tick) / HEIGHT;
        let label = short(tick);
        let _ = write!(out, "<span style=\"top:{top:.1}%\">{label}</span>");
    }
    let _ = write!(out, "</div><div class=\"canvas\">{}</div>", svg(about, body, HEIGHT));
    out.push_str("<div class=\"x\" aria-hidden=\"true\">");
    let columns = &axes.columns;
    let ends = |name: &String| name.split('–').map(str::to_owned).collect::<Vec<_>>();
    let first = columns.first().and_then(|name| ends(name).first().cloned());
    let middle =
        (columns.len() > 2).then(|| ends(&columns[columns.len() / 2]).first().cloned()).flatten();
    let last = (columns.len() > 1)
        .then(|| columns.last().and_then(|name| ends(name).last().cloned()))
        .flatten();
    for label in [first.map(|first| format!("round {first}")), middle, last].into_iter().flatten() {
        let _ = write!(out, "<span>{}</span>", escaped(&label));
    }
    out.push_str("</div></div>");
    out
}

/// A number of an axis, in few characters.
pub fn short(value: f64) -> String {
    let (value, unit) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, " G"),
        size if size >= 1e6 => (value / 1e6, " M"),
        size if size >= 1e4 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let digits = number(Some(if value == 0.0 { 0.0 } else { value }));
    let is_plain = digits.contains('.') && !digits.contains('e');
    let digits = if is_plain { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
    format!("{digits}{unit}")
}

fn legend(series: &[Series], is_lines: bool) -> String {
    let mut out = String::from("<ul class=\"legend\">");
    for Series { name, colour, .. } in series {
        let (shape, width) = match is_lines {
            true => (format!("<path class=\"line s-{colour}\" d=\"M1 7H25\"/>"), 26),
            false => (format!("<path class=\"f-{colour}\" d=\"M0 0H14V14H0Z\"/>"), 14),
        };
        let _ = write!(
            out,
            "<li><svg viewBox=\"0 0 {width} 14\" style=\"width:{width}px\" class=\"key\" aria-hidden=\"true\">{shape}</svg>{}</li>",
            escaped(name)
        );
    }
    out.push_str("</ul>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        let steps = [1.0, 0.37, 12.0, 4000.0, 0.0, f64::NAN].map(step);
        assert_eq!(steps, [0.25, 0.1, 5.0, 1000.0, 1.0, 1.0]);
    }

    #[test]
    fn numbers_of_axes() {
        let shorts = [0.0, -0.0, 0.25, 0.5, 60_000.0, 2.5e6, 3e9, -20.0, 1e-5].map(short);
        assert_eq!(shorts, ["0", "0", "0.25", "0.5", "60 k", "2.5 M", "3 G", "-20", "1.000e-5"]);
    }

    #[test]
    fn gaps_are_left_out() {
        let axes = Axes::new(0.0, 1.0, ["1", "2", "3", "4"].map(String::from).to_vec());
        let values = [Some(0.5), None, Some(1.0), Some(0.0)];
        assert_eq!(line(&values, &axes), "M125.0 100.0h0M625.0 0.0h0L875.0 200.0");
        let edges = values.map(|value| value.map(|high| (0.0, high)));
        let alone = "M0.0 100.0V100.0H250.0V200.0H0.0Z";
        let both = "M500.0 0.0V0.0H750.0V200.0H1000.0V200.0H750.0V200.0H500.0Z";
        assert_eq!(area(&edges, &axes), format!("{alone}{both}"));
    }
}
