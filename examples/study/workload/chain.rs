//! Written steps: a start value and 1 to 8 operations modulo 10; the answer is the value behind each.
//!
//! One wrong step makes the answer wrong, so success falls with the length. Chains of 9 and 10 are held out.

use curricle::Rng;

use super::{Arm, DIGIT, END, SIGN, Shape, WarmUp, Workload, digit, value, weighted};

const TRAINED: usize = 8;
const LONGEST: usize = 10;
/// Plus, minus, times.
const OPERATIONS: usize = 3;
const SAMPLES: usize = 400;
/// How much rarer the warm-up shows each length than the one before.
const RARER: f64 = 0.4;

pub struct Chain;

fn draw(length: usize, rng: &mut Rng) -> Vec<u8> {
    let mut prompt = vec![digit(10, rng)];
    for _ in 0..length {
        prompt.extend([SIGN + rng.below(OPERATIONS as u64) as u8, digit(10, rng)]);
    }
    prompt
}

/// The right answer, without its end.
fn solve(prompt: &[u8]) -> Vec<u8> {
    let mut at = prompt.first().map_or(0, |&start| value(start));
    let mut values = Vec::new();
    for step in prompt.get(1..).unwrap_or_default().chunks_exact(2) {
        let by = value(step[1]);
        at = match step[0] - SIGN {
            0 => at + by,
            1 => at - by,
            _ => at * by,
        };
        at = at.rem_euclid(10);
        values.push(DIGIT + at as u8);
    }
    values
}

impl Workload for Chain {
    fn arms(&self) -> Vec<Arm> {
        (0..TRAINED).map(|level| Arm::new(format!("{} steps", level + 1), SAMPLES, level)).collect()
    }

    fn harder(&self) -> usize {
        LONGEST - TRAINED
    }

    fn shape(&self) -> Shape {
        Shape { symbols: SIGN as usize + OPERATIONS, prompt: 1 + 2 * LONGEST, answer: LONGEST + 1 }
    }

    fn tokens(&self) -> u64 {
        400_000
    }

    fn warm_up(&self) -> WarmUp {
        WarmUp { steps: 700, rate: 1.5e-3 }
    }

    fn prompt(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        draw(level + 1, rng)
    }

    fn example(&self, rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
        let mut rarity = 1.0;
        let weights: Vec<f64> = std::iter::repeat_with(|| {
            let weight = rarity;
            rarity *= RARER;
            weight
        })
        .take(LONGEST)
        .collect();
        let prompt = draw(1 + weighted(&weights, rng), rng);
        let mut answer = solve(&prompt);
        answer.push(END);
        (prompt, answer)
    }

    fn is_right(&self, prompt: &[u8], answer: &[u8]) -> bool {
        solve(prompt) == answer
    }
}
