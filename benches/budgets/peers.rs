//! Rules from elsewhere, written from their descriptions, to compare with.

use std::collections::VecDeque;

use curricle::Result;
use curricle::test_time::budget::{Budget, Choice, PSquare};

/// The element of rank `floor(p (n - 1))` and its successor, mixed: the usual quantile.
fn quantile(values: &VecDeque<f64>, p: f64) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let place = p * (sorted.len() - 1) as f64;
    let (below, part) = (place as usize, place.fract());
    let above = sorted[(below + 1).min(sorted.len() - 1)];
    sorted[below] + part * (above - sorted[below])
}

fn slide(values: &mut VecDeque<f64>, value: f64, length: usize) {
    if values.len() == length {
        values.pop_front();
    }
    values.push_back(value);
}

/// The balanced incremental quantile filter (Kottke, Krempl and Spiliopoulou, *Probabilistic Active Learning in
/// Datastreams*, IDA 2015): the `1 - b` quantile of the last utilities, lowered by the range of the window for each
/// `tolerance` selections that are due.
pub struct BalancedQuantile {
    rate: f64,
    length: usize,
    tolerance: f64,
    window: VecDeque<f64>,
    seen: f64,
    taken: f64,
}

impl BalancedQuantile {
    pub fn new(rate: f64, length: usize, tolerance: f64) -> Self {
        Self { rate, length, tolerance, window: VecDeque::new(), seen: 0.0, taken: 0.0 }
    }
}

impl Budget for BalancedQuantile {
    fn wants(&mut self, uncertainty: f64, _: f64) -> Result<Choice> {
        slide(&mut self.window, uncertainty, self.length);
        self.seen += 1.0;
        let (least, most) = self
            .window
            .iter()
            .fold((f64::MAX, f64::MIN), |(least, most), &x| (least.min(x), most.max(x)));
        let due = self.rate * self.seen - self.taken;
        let threshold = quantile(&self.window, 1.0 - self.rate) - (most - least) * due / self.tolerance;
        let selected = uncertainty >= threshold;
        self.taken += f64::from(u8::from(selected));
        Ok(Choice::plain(selected, None, threshold))
    }
}

/// The quantile of the first items, then never changed; nothing is selected before.
pub struct Frozen {
    rate: f64,
    first: VecDeque<f64>,
    length: usize,
    threshold: f64,
}

impl Frozen {
    pub fn new(rate: f64, length: usize) -> Self {
        Self { rate, first: VecDeque::new(), length, threshold: f64::INFINITY }
    }
}

impl Budget for Frozen {
    fn wants(&mut self, uncertainty: f64, _: f64) -> Result<Choice> {
        if self.first.len() < self.length {
            self.first.push_back(uncertainty);
            if self.first.len() == self.length {
                self.threshold = quantile(&self.first, 1.0 - self.rate);
            }
            return Ok(Choice::plain(false, None, f64::INFINITY));
        }
        Ok(Choice::plain(uncertainty > self.threshold, None, self.threshold))
    }
}

/// A threshold that is raised or lowered by a percent as a moving average of the rate is above or below the budget, as
/// test-time gates with a running calibration do.
pub struct Average {
    rate: f64,
    mean: f64,
    threshold: f64,
}

impl Average {
    pub fn new(rate: f64) -> Self {
        Self { rate, mean: rate, threshold: 0.1 }
    }
}

impl Budget for Average {
    fn wants(&mut self, uncertainty: f64, _: f64) -> Result<Choice> {
        let threshold = self.threshold;
        let selected = uncertainty > threshold;
        self.mean += 0.01 * (f64::from(u8::from(selected)) - self.mean);
        self.threshold = (threshold * (1.0 + 0.1 * (self.mean - self.rate))).max(1e-6);
        Ok(Choice::plain(selected, None, threshold))
    }
}

/// The running quantile by five markers.
pub struct Marker(PSquare);

impl Marker {
    pub fn new(rate: f64) -> Self {
        Self(PSquare::new(1.0 - rate).unwrap())
    }
}

impl Budget for Marker {
    fn wants(&mut self, uncertainty: f64, _: f64) -> Result<Choice> {
        let threshold = self.0.estimate().unwrap_or(f64::INFINITY);
        self.0.push(uncertainty)?;
        Ok(Choice::plain(uncertainty > threshold, None, threshold))
    }
}

/// What is strictly above the quantile of the last items.
pub struct Strict {
    rate: f64,
    window: VecDeque<f64>,
    length: usize,
}

impl Strict {
    pub fn new(rate: f64, length: usize) -> Self {
        Self { rate, window: VecDeque::new(), length }
    }
}

impl Budget for Strict {
    fn wants(&mut self, uncertainty: f64, _: f64) -> Result<Choice> {
        let empty = self.window.is_empty();
        let threshold = if empty { f64::INFINITY } else { quantile(&self.window, 1.0 - self.rate) };
        slide(&mut self.window, uncertainty, self.length);
        Ok(Choice::plain(uncertainty > threshold, None, threshold))
    }
}
