//! Curves and shares as SVG that stretches to the width of the page, with its labels as text of the page around it. It
//! looks as the page of `curricle report` does, and has its classes.

use std::fmt::Write;

use crate::html::escaped;

/// The size of what is drawn, in its own units. The page stretches it.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 200.0;
/// Places along the tokens at which curves are read.
pub const PLACES: usize = 60;

/// What a picture is called, and what it shows, for whoever cannot see it.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    pub id: &'a str,
    pub title: &'a str,
    pub text: &'a str,
}

/// A line over tokens with a band about it, each read at [`PLACES`] places from 0 to the end.
#[derive(Debug, Clone)]
pub struct Line {
    pub name: String,
    /// The number of a colour of the page.
    pub colour: usize,
    pub middle: Vec<f64>,
    /// From and to.
    pub band: Vec<(f64, f64)>,
}

/// An arm's shares, in as many spans of equal length.
#[derive(Debug, Clone)]
pub struct Share {
    pub name: String,
    /// Its place among the learnable arms, from 0 to 1; `None` if it is unlearnable.
    pub place: Option<f64>,
    pub values: Vec<f64>,
}

/// The vertical axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    step: f64,
}

impl Axis {
    pub const SHARES: Self = Self { low: 0.0, high: 1.0, step: 0.25 };

    /// An axis that has room for all lines and ends at round numbers.
    pub fn around(lines: &[Line]) -> Self {
        let bands = lines.iter().flat_map(|line| &line.band).flat_map(|(low, high)| [*low, *high]);
        let all = lines.iter().flat_map(|line| &line.middle).copied().chain(bands);
        let (low, high) =
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| (low.min(it), high.max(it)));
        if low > high {
            return Self::SHARES;
        }
        let step = step(high - low);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { low, high: if high > low { high } else { low + step }, step }
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT * (1.0 - (value - self.low) / (self.high - self.low))
    }

    fn ticks(&self) -> Vec<f64> {
        let count = ((self.high - self.low) / self.step).round() as usize;
        (0..=count).map(|tick| self.low + self.step * tick as f64).collect()
    }
}

/// A round number of which about four go into an extent.
fn step(extent: f64) -> f64 {
    let wanted = extent / 4.0;
    let steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
    steps.into_iter().find(|step| *step >= wanted * 0.999).unwrap_or(1.0)
}

fn x(place: usize, places: usize) -> f64 {
    WIDTH * place as f64 / places.saturating_sub(1).max(1) as f64
}

/// Lines with their bands. With `legend` their names stand below.
pub fn lines(about: About<'_>, lines: &[Line], axis: Axis, end: f64, legend: bool) -> String {
    let mut body = grid(axis);
    for Line { name, colour, band, .. } in lines {
        let mut path = String::new();
        let points = band.iter().enumerate().map(|(at, (_, high))| (at, *high));
        let back = band.iter().enumerate().rev().map(|(at, (low, _))| (at, *low));
        for (turn, (at, value)) in points.chain(back).enumerate() {
            let letter = if turn == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{letter}{:.1} {:.1}", x(at, band.len()), axis.y(value));
        }
        let name = escaped(name);
        let _ = writeln!(
            body,
            "<path class=\"ribbon f-a{colour}\" d=\"{path}Z\"><title>{name}</title></path>"
        );
    }
    for Line { name, colour, middle, .. } in lines {
        let mut path = String::new();
        for (at, value) in middle.iter().enumerate() {
            let letter = if at == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{letter}{:.1} {:.1}", x(at, middle.len()), axis.y(*value));
        }
        let name = escaped(name);
        let _ = writeln!(
            body,
            "<path class=\"line s-a{colour}\" d=\"{path}\"><title>{name}</title></path>"
        );
    }
    let mut out = framed(about, &body, axis, end);
    if legend {
        out.push_str("<ul class=\"legend\">");
        for Line { name, colour, .. } in lines {
            let shape = format!("<path class=\"line s-a{colour}\" d=\"M1 7H25\"/>");
            out.push_str(&key(26, &shape, name));
        }
        out.push_str("</ul>");
    }
    out
}

/// Shares of a whole, one above the other; what is unlearnable is hatched.
pub fn shares(about: About<'_>, shares: &[Share], end: f64) -> String {
    let mut body = hatch(about.id);
    let places = shares.first().map_or(0, |share| share.values.len());
    let mut below = vec![0.0; places];
    let spans = |at: usize| WIDTH * at as f64 / places.max(1) as f64;
    for Share { name, place, values } in shares {
        let (mut up, mut down) = (String::new(), Vec::new());
        for (at, (low, value)) in below.iter_mut().zip(values).enumerate() {
            let high = *low + value;
            let letter = if at == 0 { "M0" } else { "" };
            let (from, to) = (Axis::SHARES.y(*low), Axis::SHARES.y(high));
            let _ = match letter {
                "" => write!(up, "V{to:.1}H{:.1}", spans(at + 1)),
                first => write!(up, "{first} {to:.1}H{:.1}", spans(1)),
            };
            down.push(format!("V{from:.1}H{:.1}", spans(at)));
            *low = high;
        }
        down.reverse();
        let (path, fill) = (down.concat(), fill(*place, about.id));
        let name = escaped(name);
        let _ = writeln!(
            body,
            "<path class=\"band\" style=\"fill:{fill}\" d=\"{up}{path}Z\"><title>{name}</title></path>"
        );
    }
    framed(about, &body, Axis::SHARES, end)
}

/// What the colours of arms mean.
pub fn arms(shares: &[Share], id: &str) -> String {
    let mut out = String::from("<ul class=\"legend\">");
    for (at, Share { name, place, .. }) in shares.iter().enumerate() {
        let id = format!("{id}-{at}");
        let shape = format!("<path style=\"fill:{}\" d=\"M0 0H14V14H0Z\"/>", fill(*place, &id));
        let shape = if place.is_none() { hatch(&id) + &shape } else { shape };
        let name = if place.is_none() { format!("{name} (unlearnable)") } else { name.clone() };
        out.push_str(&key(14, &shape, &name));
    }
    out + "</ul>"
}

fn key(width: u32, shape: &str, name: &str) -> String {
    format!(
        "<li><svg viewBox=\"0 0 {width} 14\" style=\"width:{width}px\" class=\"key\" \
         aria-hidden=\"true\">{shape}</svg>{}</li>",
        escaped(name)
    )
}

fn hatch(id: &str) -> String {
    format!(
        "<defs><pattern id=\"{id}-hatch\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><rect class=\"f-gap\" width=\"7\" height=\"7\"/>\
         <rect class=\"f-hatch\" width=\"3\" height=\"7\"/></pattern></defs>\n"
    )
}

/// From the first arm to the last: violet, blue, green, yellow (the colours of viridis).
fn fill(place: Option<f64>, id: &str) -> String {
    const STOPS: [[f64; 3]; 5] = [
        [68.0, 1.0, 84.0],
        [59.0, 82.0, 139.0],
        [33.0, 145.0, 140.0],
        [94.0, 201.0, 98.0],
        [253.0, 231.0, 37.0],
    ];
    let Some(place) = place else { return format!("url(#{id}-hatch)") };
    let place = place.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let (low, rest) = (place.floor() as usize, place.fract());
    let high = (low + 1).min(STOPS.len() - 1);
    let part = |of: usize| (STOPS[low][of] + (STOPS[high][of] - STOPS[low][of]) * rest).round();
    format!("rgb({},{},{})", part(0), part(1), part(2))
}

fn grid(axis: Axis) -> String {
    let mut body = String::new();
    for tick in axis.ticks() {
        let _ = writeln!(body, "<path class=\"grid\" d=\"M0 {:.1}H{WIDTH}\"/>", axis.y(tick));
    }
    body
}

fn framed(About { id, title, text }: About<'_>, body: &str, axis: Axis, end: f64) -> String {
    let mut out = String::from("<div class=\"plot\"><div class=\"y\" aria-hidden=\"true\">");
    let digits = if axis.step < 0.1 || axis.step == 0.25 { 2 } else { 1 };
    for tick in axis.ticks() {
        let _ = write!(
            out,
            "<span style=\"top:{:.1}%\">{tick:.digits$}</span>",
            100.0 * axis.y(tick) / HEIGHT
        );
    }
    let (title, text) = (escaped(title), escaped(text));
    let _ = write!(
        out,
        "</div><div class=\"canvas\"><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" \
         role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\n<title id=\"{id}-title\">{title}</title>\
         <desc id=\"{id}-desc\">{text}</desc>\n{body}</svg></div>\
         <div class=\"x\" aria-hidden=\"true\"><span>0</span><span>{}</span><span>{} tokens</span></div></div>",
        thousands(end / 2.0),
        thousands(end)
    );
    out
}

/// A number of tokens in few characters.
pub fn thousands(tokens: f64) -> String {
    match tokens {
        many if many >= 1e6 => format!("{:.1} M", many / 1e6),
        many if many >= 1e4 => format!("{:.0} k", many / 1e3),
        few => format!("{few:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(middle: &[f64]) -> Line {
        let band = middle.iter().map(|value| (value - 0.01, value + 0.01)).collect();
        Line { name: "a < b".into(), colour: 0, middle: middle.to_vec(), band }
    }

    #[test]
    fn an_axis_has_room_for_all() {
        let axis = Axis::around(&[line(&[0.31, 0.5]), line(&[0.44, 0.72])]);
        let ticks: Vec<String> = axis.ticks().iter().map(|tick| format!("{tick:.1}")).collect();
        assert_eq!(ticks.join(" "), "0.2 0.4 0.6 0.8");
        assert_eq!(Axis::around(&[]), Axis::SHARES);
        let flat = Line { band: Vec::new(), ..line(&[0.5, 0.5]) };
        assert!(Axis::around(&[flat]).high > 0.5);
    }

    #[test]
    fn lines_are_drawn_where_they_are() {
        let about = About { id: "i", title: "t & t", text: "" };
        let axis = Axis::SHARES;
        let out = lines(about, &[line(&[0.0, 1.0, 0.5])], axis, 50_000.0, true);
        assert!(out.contains("d=\"M0.0 200.0L500.0 0.0L1000.0 100.0\""), "{out}");
        assert!(out.contains("a &lt; b") && out.contains("t &amp; t") && out.contains("50 k tokens"));
    }

    /// Two arms that have all of it: the first a quarter and then three quarters.
    #[test]
    fn shares_are_stacked() {
        let share =
            |place, values: [f64; 2]| Share { name: "arm".into(), place, values: values.to_vec() };
        let all = [share(Some(0.0), [0.25, 0.75]), share(None, [0.75, 0.25])];
        let out = shares(About { id: "i", title: "", text: "" }, &all, 100.0);
        let first = "d=\"M0 150.0H500.0V50.0H1000.0V200.0H500.0V200.0H0.0Z\"";
        let second = "d=\"M0 0.0H500.0V0.0H1000.0V50.0H500.0V150.0H0.0Z\"";
        assert!(out.contains(first) && out.contains(second), "{out}");
        assert!(out.contains("url(#i-hatch)") && arms(&all, "j").contains("arm (unlearnable)"));
    }

    #[test]
    fn colours_go_from_end_to_end() {
        let of = |place| fill(Some(place), "");
        assert_eq!(
            [0.0, 0.5, 1.0, 9.0].map(of).join(" "),
            "rgb(68,1,84) rgb(33,145,140) rgb(253,231,37) rgb(253,231,37)"
        );
        assert_eq!([999.0, 12_345.0, 2.5e6].map(thousands), ["999", "12 k", "2.5 M"]);
    }
}
