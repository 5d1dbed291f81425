//! Decimal addition: the problems of the examples.

use curricle::Rng;

/// Two numbers of the same number of digits, to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    pub digits: usize,
    pub a: u64,
    pub b: u64,
}

impl Problem {
    /// Addends with exactly this number of digits.
    pub fn draw(digits: usize, rng: &mut Rng) -> Self {
        let least = if digits == 1 { 0 } else { 10u64.pow(digits as u32 - 1) };
        let mut addend = || least + rng.below(10u64.pow(digits as u32) - least);
        Self { digits, a: addend(), b: addend() }
    }

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
