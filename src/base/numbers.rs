//! What gauges and monitors are made of: sums, spreads, orders and the checks of what comes in.
//!
//! Rules that hold for all of them: a *computed* number is rounded to a multiple of 1e-9 before it is sorted or an extreme
//! of it is sought, so that rounding noise makes no order; a comparison with a computed number has a slack of 1e-9; numbers
//! that came in are all equal if the least is the greatest; ties go to the lowest index; deviations divide by n.

use super::error::{Error, Result, finite};
use super::math::{exp, ln};

/// How far a computed number may be from a limit and still be taken for it.
pub(crate) const SLACK: f64 = 1e-9;
/// The least number above 0.
pub(crate) const LEAST: f64 = f64::from_bits(1);
/// The greatest log-probability that is taken for rounding.
const LOG_ONE: f64 = 1e-6;

/// A sum with the rounding errors of its terms added up beside it (Neumaier).
pub(crate) fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0f64, 0.0f64);
    for value in values {
        let next = sum + value;
        lost += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    // What is infinite has lost nothing that can be said.
    if lost.is_finite() { sum + lost } else { sum }
}

/// The mean; of nothing, `None`.
pub(crate) fn mean_of(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| mean(values))
}

/// The mean of at least one number; if all are one, that one.
pub(crate) fn mean(values: &[f64]) -> f64 {
    if all_equal(values) {
        return values[0];
    }
    let (whole, count) = (sum(values.iter().copied()), values.len() as f64);
    // A sum beyond all numbers is one of parts that are not.
    if whole.is_finite() { whole / count } else { sum(values.iter().map(|value| value / count)) }
}

/// Whether all of these numbers, none of them computed, are one.
pub(crate) fn all_equal(values: &[f64]) -> bool {
    values.iter().all(|value| *value == values[0])
}

/// Whether computed numbers differ by no more than rounding.
pub(crate) fn all_near(values: &[f64]) -> bool {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most - least <= 1e-12 * least.abs().max(most.abs()).max(1.0)
}

/// Distances from the mean, in units of the greatest of them, and that unit: squares of very large and of very small
/// numbers are none. A unit of 0 is told as 1.
fn distances(values: &[f64]) -> (Vec<f64>, f64) {
    let mean = mean(values);
    let unit = values.iter().map(|value| (value - mean).abs()).fold(0.0, f64::max);
    let unit = if unit > 0.0 { unit } else { 1.0 };
    (values.iter().map(|value| (value - mean) / unit).collect(), unit)
}

/// The sum of products, of squares if the lists are one.
fn products(a: &[f64], b: &[f64]) -> f64 {
    sum(a.iter().zip(b).map(|(a, b)| a * b))
}

/// The root of the mean square of distances.
fn root(distances: &[f64], unit: f64, count: usize) -> f64 {
    unit * (products(distances, distances) / count as f64).sqrt()
}

/// The standard deviation that divides by n; exactly 0 if all are one.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    let (distances, unit) = distances(values);
    if all_equal(values) { 0.0 } else { root(&distances, unit, values.len()) }
}

/// The standard deviation that divides by n - 1; exactly 0 if all are one.
pub(crate) fn sample_deviation(values: &[f64]) -> f64 {
    let (distances, unit) = distances(values);
    if all_equal(values) { 0.0 } else { root(&distances, unit, values.len() - 1) }
}

/// `(x - mean) / deviation` of each; 0 if they are all one.
pub(crate) fn standardised(values: &[f64]) -> Vec<f64> {
    if all_equal(values) {
        return vec![0.0; values.len()];
    }
    let (distances, _) = distances(values);
    let deviation = root(&distances, 1.0, values.len());
    distances.into_iter().map(|distance| distance / deviation).collect()
}

/// The quantile of at least one number, on straight lines between the ordered ones ("type 7").
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut ordered = values.to_vec();
    ordered.sort_by(f64::total_cmp);
    let place = part * (ordered.len() - 1) as f64;
    let below = place as usize;
    let (low, high) = (ordered[below], ordered[(below + 1).min(ordered.len() - 1)]);
    low + (high - low) * (place - below as f64)
}

/// The line of least squares: slope and intercept; `None` if all x are one.
pub(crate) fn line(x: &[f64], y: &[f64]) -> Option<(f64, f64)> {
    if all_equal(x) {
        return None;
    }
    let (at, level) = (mean(x), mean(y));
    if all_equal(y) {
        return Some((0.0, level));
    }
    let ((x, of_x), (y, of_y)) = (distances(x), distances(y));
    let slope = products(&x, &y) / products(&x, &x) * (of_y / of_x);
    Some((slope, level - slope * at))
}

/// Pearson's correlation; `None` if one of the two does not vary.
pub(crate) fn correlation(x: &[f64], y: &[f64]) -> Option<f64> {
    if all_near(x) || all_near(y) {
        return None;
    }
    let ((x, _), (y, _)) = (distances(x), distances(y));
    Some(products(&x, &y) / (products(&x, &x) * products(&y, &y)).sqrt())
}

/// `ln(1 + e^x)`, for any x.
pub(crate) fn softplus(x: f64) -> f64 {
    x.max(0.0) + libm::log1p(exp(-x.abs()))
}

/// `1 / (1 + e^-x)`, for any x; small values keep their digits.
pub(crate) fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + exp(-x))
    } else {
        let small = exp(x);
        small / (1.0 + small)
    }
}

/// `ln sum e^x`, without overflow.
pub(crate) fn log_sum_exp(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + ln(sum(values.iter().map(|value| exp(value - most))))
}

/// `e^x` of each, scaled to a sum of 1, without overflow.
pub(crate) fn shares(logs: &[f64]) -> Vec<f64> {
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let shares: Vec<f64> = logs.iter().map(|log| exp(log - most)).collect();
    let whole = sum(shares.iter().copied());
    shares.iter().map(|share| share / whole).collect()
}

/// A computed number as it is compared with others.
pub(crate) fn rounded(value: f64) -> f64 {
    // From 1e7 on, neighbouring numbers are further apart than that. Both zeros are one number.
    if value.abs() < 1e7 { (value * 1e9).round() / 1e9 + 0.0 } else { value }
}

/// The first of the greatest of at least one computed number.
pub(crate) fn first_greatest(values: &[f64]) -> usize {
    let mut best = 0;
    for place in 1..values.len() {
        if rounded(values[place]) > rounded(values[best]) {
            best = place;
        }
    }
    best
}

/// The number between two others that is a part of the way to the second.
pub(crate) fn between(from: f64, to: f64, part: f64) -> f64 {
    let way = to - from;
    // Two numbers can be further apart than a number can say.
    if way.is_finite() { from + way * part } else { from * (1.0 - part) + to * part }
}

/// The first of the least of at least one computed number.
pub(crate) fn first_least(values: &[f64]) -> usize {
    first_greatest(&values.iter().map(|value| -value).collect::<Vec<_>>())
}

/// Places in the order of falling computed numbers, ties by place.
pub(crate) fn falling(values: &[f64]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|&a, &b| rounded(values[b]).total_cmp(&rounded(values[a])).then(a.cmp(&b)));
    places
}

/// Places in the order of falling numbers, of which those that are this near to the greatest that is left count as equal to
/// it and go by place; the first `keep` of them.
pub(crate) fn tied_order(values: &[f64], near: f64, keep: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (0..values.len()).collect();
    let mut order = Vec::with_capacity(keep.min(values.len()));
    while !left.is_empty() && order.len() < keep {
        let most = left.iter().map(|&place| values[place]).fold(f64::NEG_INFINITY, f64::max);
        let next = left.iter().position(|&place| values[place] >= most - near).unwrap_or(0);
        order.push(left.remove(next));
    }
    order
}

/// How many a share of so many is.
pub(crate) fn count_of(share: f64, of: usize) -> usize {
    (share * of as f64 + SLACK).floor() as usize
}

/// Checks that there is something in a list.
pub(crate) fn some<T>(what: &'static str, values: &[T]) -> Result<()> {
    if values.is_empty() { Err(Error::Empty { what, index: 0 }) } else { Ok(()) }
}

/// Checks that all numbers are finite.
pub(crate) fn all_finite(what: &'static str, values: &[f64]) -> Result<()> {
    (0..).zip(values).try_for_each(|(index, value)| finite(what, index, *value).map(drop))
}

/// Checks that a number is finite, if there is one.
pub(crate) fn finite_or_none(what: &'static str, value: Option<f64>) -> Result<()> {
    value.map_or(Ok(()), |value| finite(what, 0, value).map(drop))
}

/// Checks that a list has at least so many elements.
pub(crate) fn at_least<T>(what: &'static str, least: usize, values: &[T]) -> Result<()> {
    if values.len() < least {
        return Err(Error::Length { what, expected: least, found: values.len() });
    }
    Ok(())
}

/// Checks that all numbers are finite and within a range.
pub(crate) fn all_within(what: &'static str, values: &[f64], low: f64, high: f64) -> Result<()> {
    all_finite(what, values)?;
    values.iter().try_for_each(|value| in_range(what, *value, low, high))
}

/// Checks that a number is finite, and within a range of which an end may be infinite.
pub(crate) fn in_range(what: &'static str, value: f64, low: f64, high: f64) -> Result<()> {
    finite(what, 0, value)?;
    super::error::within(what, value, low, high).map(drop)
}

/// Checks that a number is finite and above 0.
pub(crate) fn positive(what: &'static str, value: f64) -> Result<()> {
    in_range(what, value, LEAST, f64::MAX)
}

/// Checks that a count lies in a range.
pub(crate) fn count_within(what: &'static str, count: u64, low: u64, high: u64) -> Result<()> {
    // As counts: from 2^53 on, neighbours are one float.
    if (low..=high).contains(&count) {
        return Ok(());
    }
    Err(Error::OutOfRange { what, value: count as f64, low: low as f64, high: high as f64 })
}

/// Checks that every number is 0 or 1.
pub(crate) fn all_binary(what: &'static str, values: &[f64]) -> Result<()> {
    all_finite(what, values)?;
    match values.iter().find(|value| **value != 0.0 && **value != 1.0) {
        Some(&value) => Err(Error::OutOfRange { what, value, low: 0.0, high: 1.0 }),
        None => Ok(()),
    }
}

/// Checks log-probabilities: finite, and above 0 by no more than rounding.
pub(crate) fn log_probabilities(what: &'static str, values: &[f64]) -> Result<()> {
    all_within(what, values, -f64::MAX, LOG_ONE)
}

/// Checks rows of log-probabilities, none of them empty, and that there is one.
pub(crate) fn rows_of_log_probabilities<R: AsRef<[f64]>>(what: &'static str, rows: &[R]) -> Result<()> {
    some(what, rows)?;
    for (index, row) in (0..).zip(rows) {
        if row.as_ref().is_empty() {
            return Err(Error::Empty { what, index });
        }
        log_probabilities(what, row.as_ref())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_keep_what_is_small() {
        assert_eq!(sum([1e100, 1.0, -1e100]), 1.0);
        assert_eq!(sum([0.1; 10]), 1.0);
        assert_eq!(sum([f64::INFINITY, 1.0]), f64::INFINITY);
        assert_eq!((deviation(&[0.1; 3]), sample_deviation(&[0.3; 7])), (0.0, 0.0));
    }

    #[test]
    fn rounding_noise_makes_no_order() {
        let values = [0.3, 0.1 + 0.2, 0.7];
        assert_eq!((first_greatest(&values), first_least(&values)), (2, 0));
        assert_eq!(falling(&[0.1 + 0.2, 0.3, 0.7]), [2, 0, 1]);
        assert_eq!(falling(&[0.3, 0.1 + 0.2, 0.7]), [2, 0, 1]);
        assert_eq!((count_of(0.58, 50), count_of(0.3, 10)), (29, 3));
    }

    #[test]
    fn tails_are_exact() {
        assert_eq!((softplus(800.0), softplus(-800.0)), (800.0, 0.0));
        assert_eq!((sigmoid(-800.0), sigmoid(800.0), sigmoid(0.0)), (0.0, 1.0, 0.5));
        assert!((sigmoid(-30.0) - 9.357_622_968_839_299e-14).abs() < 1e-28);
        assert_eq!(log_sum_exp(&[-1e5, -1e5]), -1e5 + ln(2.0));
        assert_eq!(log_sum_exp(&[f64::NEG_INFINITY]), f64::NEG_INFINITY);
    }

    #[test]
    fn quantiles_lie_on_straight_lines() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!([0.0, 0.5, 0.9, 1.0].map(|part| quantile(&values, part)), [1.0, 2.5, 3.7, 4.0]);
        assert_eq!(quantile(&[7.0], 0.3), 7.0);
    }
}
