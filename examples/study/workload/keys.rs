//! Prompts of three keys, each with a digit: the answer spells each digit by the secret table of its key.
//!
//! How hard a prompt is depends on how many of its keys are known: each that is not costs a factor of 8.

use curricle::Rng;

use super::ladder::BASE;
use super::{DIGIT, END, Shape, digit, value};

/// Keys of a prompt.
pub const KEYS: usize = 3;

/// A secret table.
pub type Table = [u8; BASE as usize];

/// The keys by number, with their tables. The first symbol of a key stands behind the digits.
pub struct Keys(pub Vec<Table>);

impl Keys {
    pub fn shape(&self) -> Shape {
        let digits = DIGIT as usize + BASE as usize;
        Shape { symbols: digits + self.0.len(), prompt: 2 * KEYS, answer: KEYS + 1 }
    }

    /// A prompt of three keys, with digits at random.
    pub fn prompt(&self, keys: [usize; KEYS], rng: &mut Rng) -> Vec<u8> {
        keys.iter().flat_map(|&key| [DIGIT + BASE as u8 + key as u8, digit(BASE, rng)]).collect()
    }

    /// The numbers of the keys of a prompt.
    pub fn keys(prompt: &[u8]) -> impl Iterator<Item = usize> + '_ {
        prompt.iter().step_by(2).map(|&symbol| usize::from(symbol) - usize::from(DIGIT) - BASE as usize)
    }

    /// The right answer, without its end.
    pub fn solve(&self, prompt: &[u8]) -> Vec<u8> {
        let digits = prompt.iter().skip(1).step_by(2);
        let of = |(key, &digit): (usize, &u8)| {
            self.0.get(key).and_then(|table| table.get(value(digit) as usize)).copied().unwrap_or(END)
        };
        Self::keys(prompt).zip(digits).map(of).collect()
    }

    /// An answer for the warm-up, its end included: right where the key is known, a random digit elsewhere.
    pub fn example(&self, prompt: &[u8], is_known: impl Fn(usize) -> bool, rng: &mut Rng) -> Vec<u8> {
        let mut answer = self.solve(prompt);
        for (symbol, key) in answer.iter_mut().zip(Self::keys(prompt)) {
            if !is_known(key) {
                *symbol = digit(BASE, rng);
            }
        }
        answer.push(END);
        answer
    }
}
