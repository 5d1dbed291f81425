//! Numbers that options take. One that is out of its range is refused before anything is read, with the name of the
//! option.

use std::str::FromStr;

use crate::fault::Fault;

/// A part of a whole.
pub fn part(text: &str) -> Result<f64, String> {
    number(text, "in [0, 1]", |number| (0.0..=1.0).contains(&number))
}

/// A temperature that no softmax is overwhelmed by.
pub fn temperature(text: &str) -> Result<f64, String> {
    number(text, "in [1e-6, 1e6]", |number| (1e-6..=1e6).contains(&number))
}

/// Any number.
pub fn finite(text: &str) -> Result<f64, String> {
    number(text, "finite", f64::is_finite)
}

/// A number from 0 on.
pub fn from_0(text: &str) -> Result<f64, String> {
    number(text, "a number from 0 on", |number| number.is_finite() && number >= 0.0)
}

/// A number above 0.
pub fn above_0(text: &str) -> Result<f64, String> {
    number(text, "a number above 0", |number| number.is_finite() && number > 0.0)
}

/// How many of something, at least one.
pub fn count<T: FromStr + PartialOrd + From<u8>>(text: &str) -> Result<T, String> {
    count_from(1, text)
}

/// How many of something, at least two.
pub fn count_from_2(text: &str) -> Result<usize, String> {
    count_from(2, text)
}

fn count_from<T: FromStr + PartialOrd + From<u8>>(least: u8, text: &str) -> Result<T, String> {
    text.parse()
        .ok()
        .filter(|count| *count >= T::from(least))
        .ok_or(format!("not a count from {least} on"))
}

fn number(text: &str, what: &str, is: impl Fn(f64) -> bool) -> Result<f64, String> {
    text.parse().ok().filter(|number| is(*number)).ok_or(format!("not {what}"))
}

/// Refuses names of which one is given twice.
pub fn all_differ(option: &str, names: &[String]) -> Result<(), Fault> {
    let again = (1..names.len()).find(|&at| names[..at].contains(&names[at]));
    again.map_or(Ok(()), |at| Err(Fault::Input(format!("{option} names `{}` twice", names[at]))))
}
