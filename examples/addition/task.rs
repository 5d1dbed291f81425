//! Decimal addition: the number of digits of the addends is the arm.

use curricle::{Purpose, Rng, Round, SampleId};

/// Different problems of each number of digits; the problems of one digit repeat.
pub const PER_ARM: usize = 10_000;

/// Two numbers of the same number of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    pub digits: usize,
    pub a: u64,
    pub b: u64,
}

impl Problem {
    /// The digit of each addend at a place, the ones being place 0.
    pub fn pair(&self, place: usize) -> (usize, usize) {
        (digit(self.a, place), digit(self.b, place))
    }

    /// The digit of the sum at a place.
    pub fn answer(&self, place: usize) -> usize {
        digit(self.a + self.b, place)
    }
}

fn digit(number: u64, place: usize) -> usize {
    (number / 10u64.pow(place as u32) % 10) as usize
}

/// A pool of problems with 1 to `arms` digits; sample `i` belongs to arm `i / PER_ARM`.
#[derive(Debug, Clone)]
pub struct Pool(Vec<Problem>);

impl Pool {
    pub fn new(arms: usize, seed: u64) -> Self {
        let mut rng = Rng::at(seed, Round(0), Purpose::User);
        let arms = (1..=arms).flat_map(|digits| std::iter::repeat_n(digits, PER_ARM));
        Self(arms.map(|digits| problem(digits, &mut rng)).collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn get(&self, sample: SampleId) -> Problem {
        self.0[sample.index()]
    }
}

/// Problems of one arm that are not from the pool, to measure accuracy on.
pub fn held_out(digits: usize, count: usize) -> Vec<Problem> {
    let mut rng = Rng::at(u64::MAX, Round(digits as u64), Purpose::User);
    (0..count).map(|_| problem(digits, &mut rng)).collect()
}

/// Addends with exactly this number of digits.
fn problem(digits: usize, rng: &mut Rng) -> Problem {
    let least = if digits == 1 { 0 } else { 10u64.pow(digits as u32 - 1) };
    let mut addend = || least + rng.below(10u64.pow(digits as u32) - least);
    Problem { digits, a: addend(), b: addend() }
}
