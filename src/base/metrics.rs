//! What a run shows of itself: names and numbers.

use std::fmt;

/// Numbers by name, in one namespace, for whatever logs a run. A name is a path such as `arm/algebra/share`; a number
/// is always finite: what is not known yet is left out.
///
/// ```
/// # fn main() -> curricle::Result<()> {
/// let builder = curricle::Curriculum::builder(10).arms(2, |sample| (sample.0 / 5) as u32);
/// let mut curriculum = builder.arm_names(["algebra", "geometry"]).build()?;
/// curriculum.draw(4)?;
/// let metrics = curriculum.metrics();
/// assert_eq!(metrics.get("arm/algebra/share"), Some(0.5));
/// for (name, value) in &metrics {
///     println!("{name} {value}");
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics(Vec<(String, f64)>);

impl Metrics {
    /// Adds a number, unless it is not finite.
    pub fn push(&mut self, name: impl Into<String>, value: f64) {
        if value.is_finite() {
            self.0.push((name.into(), value));
        }
    }

    /// Adds counts under one path.
    pub(crate) fn push_counts<const N: usize>(&mut self, path: &str, counts: [(&str, u64); N]) {
        for (name, count) in counts {
            self.push(format!("{path}/{name}"), count as f64);
        }
    }

    /// Adds counts to those that are there under one path.
    pub(crate) fn add_counts<const N: usize>(&mut self, path: &str, counts: [(&str, u64); N]) {
        for (name, count) in counts {
            let name = format!("{path}/{name}");
            match self.0.iter_mut().find(|(other, _)| *other == name) {
                Some((_, sum)) => *sum += count as f64,
                None => self.push(name, count as f64),
            }
        }
    }

    /// The number of this name. Cost: O(n).
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| *value)
    }

    /// The names and numbers, in the order in which they were added.
    pub fn iter(&self) -> std::slice::Iter<'_, (String, f64)> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Metrics {
    type Item = &'a (String, f64);
    type IntoIter = std::slice::Iter<'a, (String, f64)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Metrics {
    type Item = (String, f64);
    type IntoIter = std::vec::IntoIter<(String, f64)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Extend<(String, f64)> for Metrics {
    fn extend<I: IntoIterator<Item = (String, f64)>>(&mut self, metrics: I) {
        metrics.into_iter().for_each(|(name, value)| self.push(name, value));
    }
}

/// A name and a number a line.
impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|(name, value)| writeln!(f, "{name} {value}"))
    }
}
