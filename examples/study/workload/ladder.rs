//! A ladder: 14 levels of which one or two give signal at a time.
//!
//! Level `k` has `k` digits below 8. The answer spells each by a secret table of its own place. The warm-up has the
//! tables of the first two places; of all others it shows the form only, with digits at random. So level 3 succeeds in one
//! of 8 answers at the start, level 4 in one of 64, and each table that is learned opens the next level.

use curricle::{Purpose, Rng, Round};

use super::{Arm, DIGIT, END, Shape, WarmUp, Workload, digit, value};

const LEVELS: usize = 14;
const KNOWN: usize = 2;
/// Digits.
pub const BASE: u64 = 8;
const SAMPLES: usize = 500;

pub struct Ladder {
    tables: Vec<[u8; BASE as usize]>,
}

impl Ladder {
    pub fn new() -> Self {
        Self { tables: (0..LEVELS as u64).map(table).collect() }
    }

    /// The right answer, without its end.
    fn solve(&self, prompt: &[u8]) -> Vec<u8> {
        prompt.iter().zip(&self.tables).map(|(&symbol, table)| table[value(symbol) as usize]).collect()
    }
}

/// A secret table: each digit stands for another one.
pub fn table(number: u64) -> [u8; BASE as usize] {
    let mut table = std::array::from_fn(|place| DIGIT + place as u8);
    Rng::at(0x5EC2E7, Round(number), Purpose::User).shuffle(&mut table);
    table
}

impl Workload for Ladder {
    fn arms(&self) -> Vec<Arm> {
        (0..LEVELS).map(|level| Arm::new(format!("level {}", level + 1), SAMPLES, level)).collect()
    }

    fn shape(&self) -> Shape {
        Shape { symbols: DIGIT as usize + BASE as usize, prompt: LEVELS, answer: LEVELS + 1 }
    }

    fn tokens(&self) -> u64 {
        400_000
    }

    fn warm_up(&self) -> WarmUp {
        WarmUp { steps: 400, rate: 3e-3 }
    }

    fn prompt(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        (0..=level).map(|_| digit(BASE, rng)).collect()
    }

    fn example(&self, rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
        let level = rng.below(LEVELS as u64) as usize;
        let prompt = self.prompt(level, rng);
        let mut answer = self.solve(&prompt);
        answer.iter_mut().skip(KNOWN).for_each(|symbol| *symbol = digit(BASE, rng));
        answer.push(END);
        (prompt, answer)
    }

    fn is_right(&self, prompt: &[u8], answer: &[u8]) -> bool {
        self.solve(prompt) == answer
    }
}
