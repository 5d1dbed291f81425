//! Countdown, as in SEC (arXiv 2505.14970): reach a number from 3 to 5 given ones, each used once.
//!
//! The answer is an expression in postfix order; any that comes to the number counts. Given numbers are 1 to 5, so that a
//! small model can find some at all. Six numbers are held out.

use curricle::Rng;

use super::{Arm, DIGIT, END, SIGN, Shape, WarmUp, Workload, value, weighted};

/// The fewest and the most numbers that are trained on.
const LEAST: usize = 3;
const MOST: usize = 5;
/// Numbers that are held out.
const BEYOND: usize = 6;
/// The greatest number given.
const GREATEST: u64 = 5;
/// Targets lie from 0 up to below this.
const TARGETS: i64 = 30;
/// Plus and minus; plus, minus and times.
const OPERATIONS: [u64; 2] = [2, 3];
const NAMES: [&str; 2] = ["plus, minus", "plus, minus, times"];
const SAMPLES: usize = 2000;
const SHOWN: [f64; 4] = [0.5, 0.3, 0.15, 0.05];

pub struct Countdown;

/// How many numbers a level has, and the operations that it was made with.
fn parts(level: usize) -> (usize, u64) {
    let trained = OPERATIONS.len() * (MOST + 1 - LEAST);
    match level.checked_sub(trained) {
        None => (LEAST + level / OPERATIONS.len(), OPERATIONS[level % OPERATIONS.len()]),
        Some(_) => (BEYOND, OPERATIONS[0]),
    }
}

fn apply(sign: u8, a: i64, b: i64) -> Option<i64> {
    match sign.checked_sub(SIGN)? {
        0 => a.checked_add(b),
        1 => a.checked_sub(b),
        2 => a.checked_mul(b),
        _ => None,
    }
}

/// A prompt (two digits of the target, then the numbers) and an expression that comes to the target.
fn draw(count: usize, operations: u64, rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
    loop {
        let mut numbers: Vec<u8> = (0..count).map(|_| DIGIT + 1 + rng.below(GREATEST) as u8).collect();
        // Two random parts become one, until one is left.
        let mut parts: Vec<(i64, Vec<u8>)> = numbers.iter().map(|&it| (value(it), vec![it])).collect();
        while parts.len() > 1 {
            let a = parts.swap_remove(rng.below(parts.len() as u64) as usize);
            let b = parts.swap_remove(rng.below(parts.len() as u64) as usize);
            let sign = SIGN + rng.below(operations) as u8;
            let of = apply(sign, a.0, b.0).unwrap_or(-1);
            parts.push((of, [a.1, b.1, vec![sign]].concat()));
        }
        let (target, expression) = parts.swap_remove(0);
        if (0..TARGETS).contains(&target) {
            rng.shuffle(&mut numbers);
            let digits = [target / 10, target % 10].map(|digit| DIGIT + digit as u8);
            return ([digits.to_vec(), numbers].concat(), expression);
        }
    }
}

impl Workload for Countdown {
    fn arms(&self) -> Vec<Arm> {
        let arm = |level: usize| {
            let (count, _) = parts(level);
            let name = format!("{count} numbers, {}", NAMES[level % OPERATIONS.len()]);
            Arm::new(name, SAMPLES, count - LEAST)
        };
        (0..OPERATIONS.len() * (MOST + 1 - LEAST)).map(arm).collect()
    }

    fn harder(&self) -> usize {
        1
    }

    fn shape(&self) -> Shape {
        Shape { symbols: SIGN as usize + 3, prompt: 2 + BEYOND, answer: 2 * BEYOND }
    }

    fn tokens(&self) -> u64 {
        250_000
    }

    fn warm_up(&self) -> WarmUp {
        WarmUp { steps: 1000, rate: 1.5e-3 }
    }

    fn prompt(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        let (count, operations) = parts(level);
        draw(count, operations, rng).0
    }

    fn example(&self, rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
        let operations = OPERATIONS[rng.below(2) as usize];
        let (prompt, mut expression) = draw(LEAST + weighted(&SHOWN, rng), operations, rng);
        expression.push(END);
        (prompt, expression)
    }

    fn is_right(&self, prompt: &[u8], answer: &[u8]) -> bool {
        let (Some(&tens), Some(&ones)) = (prompt.first(), prompt.get(1)) else { return false };
        let mut left = prompt[2..].to_vec();
        let mut stack: Vec<i64> = Vec::new();
        for &symbol in answer {
            let found = left.iter().position(|&number| number == symbol);
            let next = match found {
                Some(place) => {
                    left.swap_remove(place);
                    Some(value(symbol))
                }
                None => match (stack.pop(), stack.pop()) {
                    (Some(b), Some(a)) => apply(symbol, a, b),
                    _ => None,
                },
            };
            match next {
                Some(next) => stack.push(next),
                None => return false,
            }
        }
        left.is_empty() && stack == [10 * value(tens) + value(ones)]
    }
}
