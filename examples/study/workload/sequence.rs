//! Three algorithms over sequences of digits, in three lengths: add a key to each digit modulo 10, subtract it, reverse.
//!
//! A prompt is the algorithm, the key and the digits; the answer has as many digits. Success falls with the length, at the
//! start from about .9 to .04: the warm-up shows all alike, with slips, which come the oftener the longer the sequence is.
//! Half of the differences of the greater keys it shows as another digit, always the same one. Longer sequences are held
//! out.

use curricle::Rng;

use super::table::Rivals;
use super::{Arm, END, SIGN, Shape, WarmUp, Workload, digit, value};

const NAMES: [&str; 3] = ["add", "subtract", "reverse"];
const SUBTRACT: u8 = SIGN + 1;
/// The last one is never trained on.
const LENGTHS: [usize; 4] = [3, 6, 9, 11];
/// The chance that the warm-up shows a random digit, by length.
const SLIPS: [f64; 4] = [0.03, 0.17, 0.33, 0.4];
const TRAINED: usize = 3;
/// Pools of all sizes, neither in the order of lengths nor in that of algorithms.
const SAMPLES: [usize; 9] = [600, 20_000, 2000, 6000, 200, 10_000, 1000, 4000, 400];
/// Different keys.
const KEYS: u64 = 4;
/// From this key on half of the differences are shown wrong.
const UNSURE: i64 = 3;

pub struct Sequence {
    differences: Rivals,
}

/// The algorithm and the number of the length of a level.
fn parts(level: usize) -> (usize, usize) {
    match level.checked_sub(NAMES.len() * TRAINED) {
        None => (level / TRAINED, level % TRAINED),
        Some(beyond) => (beyond % NAMES.len(), TRAINED),
    }
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

impl Sequence {
    pub fn new() -> Self {
        Self { differences: Rivals::new(400) }
    }

    /// What the warm-up shows for a digit of the answer, right or not.
    fn shown(&self, prompt: &[u8], place: usize, right: u8, slip: f64, rng: &mut Rng) -> u8 {
        let (key, is_slip, is_rival) = (value(prompt[1]), rng.unit() < slip, rng.unit() < 0.5);
        let is_unsure = prompt[0] == SUBTRACT && key >= UNSURE;
        match is_slip {
            true => digit(10, rng),
            false if is_unsure && is_rival => {
                super::DIGIT + self.differences.of(key, value(prompt[2 + place]), value(right)) as u8
            }
            false => right,
        }
    }
}

impl Workload for Sequence {
    fn arms(&self) -> Vec<Arm> {
        let arm = |level: usize| {
            let (algorithm, length) = parts(level);
            Arm::new(format!("{} {}", NAMES[algorithm], LENGTHS[length]), SAMPLES[level], length)
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
        200_000
    }

    fn warm_up(&self) -> WarmUp {
        WarmUp { steps: 900, rate: 2e-3 }
    }

    fn prompt(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        let (algorithm, length) = parts(level);
        let mut prompt = vec![SIGN + algorithm as u8, digit(KEYS, rng)];
        prompt.extend((0..LENGTHS[length]).map(|_| digit(10, rng)));
        prompt
    }

    fn example(&self, rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
        let level = rng.below((NAMES.len() * LENGTHS.len()) as u64) as usize;
        let (prompt, slip) = (self.prompt(level, rng), SLIPS[parts(level).1]);
        let right = solve(&prompt).into_iter().enumerate();
        let shown = right.map(|(place, right)| self.shown(&prompt, place, right, slip, rng));
        let mut answer: Vec<u8> = shown.collect();
        answer.push(END);
        (prompt, answer)
    }

    fn is_right(&self, prompt: &[u8], answer: &[u8]) -> bool {
        solve(prompt) == answer
    }
}
