//! A ladder: 14 levels of which one or two give much signal at a time.
//!
//! Level `k` has `k` digits below 8. The answer spells each by a secret table of its own place. The warm-up has the
//! tables of the first two places; of all others it leaves four symbols open for each digit. So level 3 succeeds in one
//! of 4 answers at the start, level 4 in one of 16, level 5 in one of 64, and each table that is learned opens the next
//! level.

use curricle::Rng;

use super::table::{BASE, Table};
use super::{Arm, DIGIT, END, Shape, WarmUp, Workload, digit};

const LEVELS: usize = 14;
const KNOWN: usize = 2;
const SAMPLES: usize = 500;

pub struct Ladder {
    tables: Vec<Table>,
}

impl Ladder {
    pub fn new() -> Self {
        Self { tables: (0..LEVELS as u64).map(Table::new).collect() }
    }

    /// The right answer, without its end.
    fn solve(&self, prompt: &[u8]) -> Vec<u8> {
        prompt.iter().zip(&self.tables).map(|(&digit, table)| table.of(digit)).collect()
    }
}

impl Workload for Ladder {
    fn arms(&self) -> Vec<Arm> {
        (0..LEVELS).map(|level| Arm::new(format!("level {}", level + 1), SAMPLES, level)).collect()
    }

    fn shape(&self) -> Shape {
        Shape { symbols: DIGIT as usize + BASE, prompt: LEVELS, answer: LEVELS + 1 }
    }

    fn tokens(&self) -> u64 {
        500_000
    }

    fn warm_up(&self) -> WarmUp {
        WarmUp { steps: 600, rate: 1.5e-3 }
    }

    fn prompt(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        (0..=level).map(|_| digit(BASE as u64, rng)).collect()
    }

    fn example(&self, rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
        let level = rng.below(LEVELS as u64) as usize;
        let prompt = self.prompt(level, rng);
        let places = prompt.iter().zip(&self.tables).enumerate();
        let shown = places.map(
            |(place, (&digit, table))| {
                if place < KNOWN { table.of(digit) } else { table.guess(digit, rng) }
            },
        );
        let mut answer: Vec<u8> = shown.collect();
        answer.push(END);
        (prompt, answer)
    }

    fn is_right(&self, prompt: &[u8], answer: &[u8]) -> bool {
        self.solve(prompt) == answer
    }
}
