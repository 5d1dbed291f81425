//! Prompts of three keys, each with a digit: the answer spells each digit by the secret table of its key.
//!
//! How hard a prompt is depends on how many of its keys are known: of one that is not the warm-up leaves four symbols open
//! for each digit, so it costs a factor of 4.

use curricle::Rng;

use super::table::{BASE, Table};
use super::{DIGIT, END, Shape, digit};

/// Keys of a prompt.
pub const KEYS: usize = 3;

/// The keys by number, with their tables. The first symbol of a key stands behind the digits.
pub struct Keys(pub Vec<Table>);

impl Keys {
    pub fn shape(&self) -> Shape {
        let digits = DIGIT as usize + BASE;
        Shape { symbols: digits + self.0.len(), prompt: 2 * KEYS, answer: KEYS + 1 }
    }

    /// A prompt of three keys, with digits at random.
    pub fn prompt(&self, keys: [usize; KEYS], rng: &mut Rng) -> Vec<u8> {
        keys.iter().flat_map(|&key| [DIGIT + BASE as u8 + key as u8, digit(BASE as u64, rng)]).collect()
    }

    /// The numbers of the keys of a prompt.
    pub fn keys(prompt: &[u8]) -> impl Iterator<Item = usize> + '_ {
        prompt.iter().step_by(2).map(|&symbol| usize::from(symbol) - usize::from(DIGIT) - BASE)
    }

    /// The right answer, without its end. A key without a table is answered by the end, which never stands there.
    pub fn solve(&self, prompt: &[u8]) -> Vec<u8> {
        let of = |(key, digit): (usize, u8)| self.0.get(key).map_or(END, |table| table.of(digit));
        Self::parts(prompt).map(of).collect()
    }

    /// An answer for the warm-up, its end included: right where the key is known, a guess elsewhere.
    pub fn example(&self, prompt: &[u8], is_known: impl Fn(usize) -> bool, rng: &mut Rng) -> Vec<u8> {
        let mut answer: Vec<u8> = Self::parts(prompt)
            .map(|(key, symbol)| match self.0.get(key) {
                Some(table) if is_known(key) => table.of(symbol),
                Some(table) => table.guess(symbol, rng),
                None => digit(BASE as u64, rng),
            })
            .collect();
        answer.push(END);
        answer
    }

    /// Keys and digits of a prompt.
    fn parts(prompt: &[u8]) -> impl Iterator<Item = (usize, u8)> + '_ {
        Self::keys(prompt).zip(prompt.iter().skip(1).step_by(2).copied())
    }
}
