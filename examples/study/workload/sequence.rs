//! Three algorithms over sequences of digits, in three lengths: add a key to each digit modulo 10, subtract it, reverse.
//!
//! A prompt is the algorithm, the key and the digits; the answer has as many digits. Longer ones are held out.

use curricle::Rng;

use super::{Arm, END, SIGN, Shape, WarmUp, Workload, digit, value, weighted};

const NAMES: [&str; 3] = ["add", "subtract", "reverse"];
/// The last one is never trained on.
const LENGTHS: [usize; 4] = [3, 6, 9, 11];
const TRAINED: usize = 3;
/// Pools of all sizes, neither in the order of lengths nor in that of algorithms.
const SAMPLES: [usize; 9] = [600, 20_000, 2000, 6000, 200, 10_000, 1000, 4000, 400];
/// How often the warm-up shows each algorithm, and each length.
const SHOWN: [f64; 3] = [0.43, 0.43, 0.14];
const LONG: [f64; 4] = [0.85, 0.1, 0.035, 0.015];

pub struct Sequence;

/// The algorithm and the length of a level.
fn parts(level: usize) -> (usize, usize) {
    match level.checked_sub(NAMES.len() * TRAINED) {
        None => (level / TRAINED, LENGTHS[level % TRAINED]),
        Some(beyond) => (beyond % NAMES.len(), LENGTHS[TRAINED]),
    }
}

fn draw((algorithm, length): (usize, usize), rng: &mut Rng) -> Vec<u8> {
    let mut prompt = vec![SIGN + algorithm as u8, digit(10, rng)];
    prompt.extend((0..length).map(|_| digit(10, rng)));
    prompt
}

/// The right answer, without its end.
fn solve(prompt: &[u8]) -> Vec<u8> {
    let (Some(&sign), Some(&key)) = (prompt.first(), prompt.get(1)) else { return Vec::new() };
    let digits = prompt.iter().skip(2);
    let shifted = |by: i64| {
        digits.clone().map(|&symbol| super::DIGIT + (value(symbol) + by).rem_euclid(10) as u8).collect()
    };
    match sign - SIGN {
        0 => shifted(value(key)),
        1 => shifted(-value(key)),
        _ => digits.rev().copied().collect(),
    }
}

impl Workload for Sequence {
    fn arms(&self) -> Vec<Arm> {
        let arm = |level: usize| {
            let (algorithm, length) = parts(level);
            Arm::new(format!("{} {length}", NAMES[algorithm]), SAMPLES[level], level % TRAINED)
        };
        (0..NAMES.len() * TRAINED).map(arm).collect()
    }

    fn harder(&self) -> usize {
        NAMES.len()
    }

    fn shape(&self) -> Shape {
        let longest = LENGTHS[TRAINED];
        Shape { symbols: SIGN as usize + NAMES.len(), prompt: 2 + longest, answer: longest + 1 }
    }

    fn tokens(&self) -> u64 {
        400_000
    }

    fn warm_up(&self) -> WarmUp {
        WarmUp { steps: 700, rate: 1.5e-3 }
    }

    fn prompt(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        draw(parts(level), rng)
    }

    fn example(&self, rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
        let length = LENGTHS[weighted(&LONG, rng)];
        let prompt = draw((weighted(&SHOWN, rng), length), rng);
        let mut answer = solve(&prompt);
        answer.push(END);
        (prompt, answer)
    }

    fn is_right(&self, prompt: &[u8], answer: &[u8]) -> bool {
        solve(prompt) == answer
    }
}
