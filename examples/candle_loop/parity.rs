//! Sums modulo two: of the first bit, of the first two, and so on. The more bits, the harder; each sum is the one before and
//! one bit more.

use curricle::{Purpose, Rng, Round};

/// The sums that are asked for: the arms.
pub const SUMS: usize = 6;
const BITS: usize = 20;
/// What the network sees of a question.
pub const WIDTH: usize = BITS + SUMS;

/// A question and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    bits: [bool; BITS],
    /// Over how many bits, less one.
    pub sum: usize,
}

impl Question {
    pub fn answer(&self) -> u32 {
        self.bits.iter().take(self.sum + 1).fold(0, |odd, &bit| odd ^ u32::from(bit))
    }

    /// The bits as -1 and 1, and which sum is asked for.
    pub fn seen(&self) -> [f32; WIDTH] {
        std::array::from_fn(|place| match self.bits.get(place) {
            Some(true) => 1.0,
            Some(false) => -1.0,
            None => f32::from(u8::from(place - BITS == self.sum)),
        })
    }
}

/// Random questions, as many of each sum.
pub fn questions(seed: u64, count: usize) -> Vec<Question> {
    let mut rng = Rng::at(seed, Round(0), Purpose::User);
    let mut question =
        |place: usize| Question { bits: std::array::from_fn(|_| rng.below(2) == 1), sum: place % SUMS };
    (0..count).map(&mut question).collect()
}
