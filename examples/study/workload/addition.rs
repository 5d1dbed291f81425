//! Sums of two numbers of one to five digits, trained on by imitation from nothing: the task of the main job, in tokens.
//!
//! A prompt is the digits of both numbers, the answer those of the sum; the least digit stands first in all of them. An
//! arm is a length. Sums of six digits are held out.

use curricle::Rng;

use super::{Arm, DIGIT, END, SIGN, Shape, WarmUp, Workload, digit, value};

const TRAINED: usize = 5;
const LONGEST: usize = 6;
const PLUS: u8 = SIGN;
/// Sums of each length: of one digit there are no more than a hundred.
const SAMPLES: usize = 2000;

pub struct Addition;

/// The digits of the sum, the least first: as many as the longer number has, and one for what is carried.
fn solve(prompt: &[u8]) -> Vec<u8> {
    let mut numbers = prompt.split(|&symbol| symbol == PLUS);
    let (a, b) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let at = |number: &[u8], place: usize| number.get(place).map_or(0, |&symbol| value(symbol));
    let mut carried = 0;
    let sum = (0..=a.len().max(b.len())).map(|place| {
        let of_place = at(a, place) + at(b, place) + carried;
        carried = of_place / 10;
        DIGIT + (of_place % 10) as u8
    });
    sum.collect()
}

impl Addition {
    /// A prompt of a level and its answer, the end included.
    fn solved(&self, level: usize, rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
        let prompt = self.prompt(level, rng);
        let answer = [solve(&prompt), vec![END]].concat();
        (prompt, answer)
    }
}

impl Workload for Addition {
    fn arms(&self) -> Vec<Arm> {
        (0..TRAINED).map(|level| Arm::new(format!("{} digits", level + 1), SAMPLES, level)).collect()
    }

    fn harder(&self) -> usize {
        LONGEST - TRAINED
    }

    fn shape(&self) -> Shape {
        Shape { symbols: SIGN as usize + 1, prompt: 2 * LONGEST + 1, answer: LONGEST + 2 }
    }

    fn tokens(&self) -> u64 {
        200_000
    }

    fn warm_up(&self) -> WarmUp {
        WarmUp { steps: 0, rate: 1e-3 }
    }

    fn prompt(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        let mut number = || -> Vec<u8> { (0..=level).map(|_| digit(10, rng)).collect() };
        [number(), vec![PLUS], number()].concat()
    }

    fn example(&self, rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
        let level = rng.below(LONGEST as u64) as usize;
        self.solved(level, rng)
    }

    fn is_right(&self, prompt: &[u8], answer: &[u8]) -> bool {
        solve(prompt) == answer
    }

    fn imitated(&self, level: usize, _is_held_out: bool, rng: &mut Rng) -> Option<(Vec<u8>, Vec<u8>)> {
        Some(self.solved(level, rng))
    }
}

#[cfg(test)]
mod tests {
    use curricle::{Purpose, Round};

    use super::*;

    #[test]
    fn sums_are_those_of_numbers() {
        let mut rng = Rng::at(1, Round(0), Purpose::User);
        let number =
            |digits: &[u8]| digits.iter().rev().fold(0, |sum, &symbol| 10 * sum + value(symbol));
        for level in (0..LONGEST).cycle().take(300) {
            let prompt = Addition.prompt(level, &mut rng);
            let (a, b) = (number(&prompt[..=level]), number(&prompt[level + 2..]));
            assert_eq!(number(&solve(&prompt)), a + b);
        }
    }
}
