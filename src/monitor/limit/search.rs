//! The least value of a function of one number that may have several valleys.

/// Numbers that are looked at first.
const GRID: usize = 400;
/// Halvings of a range in which the slope changes its sign.
const HALVINGS: usize = 200;

/// Where in the range a function is least, from its value and its slope: a valley between neighbours of a grid, in which the
/// zero of the slope is found by halving, or an end of the range.
pub(super) fn least((low, high): (f64, f64), of: impl Fn(f64) -> (f64, f64)) -> f64 {
    let ratio = crate::base::math::ln(high / low);
    let place = |step: usize| match step {
        0 => low,
        GRID => high,
        _ => low * crate::base::math::exp(ratio * step as f64 / GRID as f64),
    };
    let grid: Vec<(f64, (f64, f64))> = (0..=GRID).map(|step| (place(step), of(place(step)))).collect();
    // What overflows is no number, and is never taken.
    let mut best = (low, f64::INFINITY);
    let mut take = |at: f64, value: f64| {
        if value < best.1 {
            best = (at, value);
        }
    };
    for pair in grid.windows(2) {
        let [(from, (_, falls)), (to, (_, rises))] = [pair[0], pair[1]];
        if falls < 0.0 && rises > 0.0 {
            let (mut from, mut to) = (from, to);
            for _ in 0..HALVINGS {
                let middle = 0.5 * (from + to);
                if middle <= from || middle >= to {
                    break;
                }
                if of(middle).1 < 0.0 { from = middle } else { to = middle }
            }
            take(from, of(from).0);
            take(to, of(to).0);
        }
    }
    grid.iter().for_each(|&(at, (value, _))| take(at, value));
    best.0
}
