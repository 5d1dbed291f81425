//! Whether adapting is expected to help more than it harms and costs.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};

/// Bins of the rank in which errors are counted.
const BINS: usize = 10;

/// Adapts where the expected gain exceeds the cost, and now and then elsewhere, to keep learning.
///
/// ```text
/// p(v) f - (1 - p(v)) h > cost
/// p(v)  P(wrong by itself | rank v): counts in ten bins of the rank, each from (1/2, 1/2), made increasing
/// f     P(right when improved | wrong by itself):  Beta posterior, prior (1, 1)
/// h     P(wrong when improved | right by itself):  Beta posterior, prior (1, 9)
/// ```
///
/// The rank `v` in `[0, 1]` is high for uncertain inputs: 1 less the rank of a `Choice`, which is low for them.
///
/// It learns from verified answers. Before there are any it lets everything pass (0.5 * 0.5 - 0.5 * 0.1
/// =
/// 0.2). `cost`, in `[0, 1]`, is the price of an update over the value of a right answer. An input that
/// does not pass is let through with probability `exploration`, in `[0, 1]`, so that the rates keep
/// being measured; the journal has the probability of each decision.
///
/// ```
/// use curricle::test_time::self_improvement::GainGate;
///
/// let mut gate = GainGate::new(0.02, 0.05)?;
/// assert!(gate.passes(0.9));
/// (0..50).for_each(|_| gate.learn(0.9, true, Some(false)));
/// assert!(!gate.passes(0.9));
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GainGate {
    cost: f64,
    exploration: f64,
    /// Wrong and right answers by bin of the rank.
    errors: Vec<(f64, f64)>,
    fixes: (f64, f64),
    harms: (f64, f64),
}

/// What adapting to an input is expected to do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// The probability that it mends a wrong answer.
    pub gain: f64,
    /// The probability that it spoils a right one.
    pub harm: f64,
}

impl GainGate {
    /// A gate that has seen nothing.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange).
    pub fn new(cost: f64, exploration: f64) -> Result<Self> {
        Ok(Self {
            cost: within("cost of an update", cost, 0.0, 1.0)?,
            exploration: within("exploration", exploration, 0.0, 1.0)?,
            errors: vec![(0.5, 0.5); BINS],
            fixes: (1.0, 1.0),
            harms: (1.0, 9.0),
        })
    }

    /// The exploration rate.
    pub fn exploration(&self) -> f64 {
        self.exploration
    }

    /// What adapting to an input of this rank is expected to do.
    pub fn expect(&self, rank: f64) -> Expectation {
        let error = self.error(rank);
        let rate = |(yes, no): (f64, f64)| yes / (yes + no);
        Expectation { gain: error * rate(self.fixes), harm: (1.0 - error) * rate(self.harms) }
    }

    /// Whether the expected gain exceeds the cost.
    pub fn passes(&self, rank: f64) -> bool {
        let Expectation { gain, harm } = self.expect(rank);
        gain - harm > self.cost
    }

    /// Learns whether the model was right by itself, and, where it was improved, whether it then was.
    pub fn learn(&mut self, rank: f64, base: bool, improved: Option<bool>) {
        let count = |(yes, no): &mut (f64, f64), is: bool| *(if is { yes } else { no }) += 1.0;
        if let Some(bin) = self.errors.get_mut(bin(rank)) {
            count(bin, !base);
        }
        match (base, improved) {
            (false, Some(right)) => count(&mut self.fixes, right),
            (true, Some(right)) => count(&mut self.harms, !right),
            (_, None) => {}
        }
    }

    /// The probability of an error at a rank: the isotonic regression of the bins (pool adjacent
    /// violators).
    fn error(&self, rank: f64) -> f64 {
        let mut pools: Vec<(f64, f64, usize)> = Vec::with_capacity(self.errors.len());
        for &(wrong, right) in &self.errors {
            let mut pool = (wrong, wrong + right, 1);
            while let Some(&(before, all, width)) = pools.last() {
                if before * pool.1 <= pool.0 * all {
                    break;
                }
                pools.pop();
                pool = (pool.0 + before, pool.1 + all, pool.2 + width);
            }
            pools.push(pool);
        }
        let mut at = bin(rank);
        for (wrong, all, width) in pools {
            if at < width {
                return wrong / all;
            }
            at -= width;
        }
        0.5
    }
}

/// NaN goes to the first.
fn bin(rank: f64) -> usize {
    ((rank * BINS as f64) as usize).min(BINS - 1)
}
