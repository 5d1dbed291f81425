//! Decimal addition: the number of digits of the addends is the arm.

use curricle::{Purpose, Rng, Round, SampleId};

pub use crate::sum::Problem;

/// Different problems of each number of digits; the problems of one digit repeat.
pub const PER_ARM: usize = 10_000;

/// A pool of problems with 1 to `arms` digits; sample `i` belongs to arm `i / PER_ARM`.
#[derive(Debug, Clone)]
pub struct Pool(Vec<Problem>);

impl Pool {
    pub fn new(arms: usize, seed: u64) -> Self {
        let mut rng = Rng::at(seed, Round(0), Purpose::User);
        let arms = (1..=arms).flat_map(|digits| std::iter::repeat_n(digits, PER_ARM));
        Self(arms.map(|digits| Problem::draw(digits, &mut rng)).collect())
    }

    pub fn get(&self, sample: SampleId) -> Problem {
        self.0[sample.index()]
    }
}

/// Problems of one arm that are not from the pool, to measure accuracy on.
pub fn held_out(digits: usize, count: usize) -> Vec<Problem> {
    let mut rng = Rng::at(u64::MAX, Round(digits as u64), Purpose::User);
    (0..count).map(|_| Problem::draw(digits, &mut rng)).collect()
}
