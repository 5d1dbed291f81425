//! Written steps: a start value and 1 to 8 operations modulo 10; the answer is the value behind each.
//!
//! One wrong step makes the answer wrong, so success falls with the length: at the start from about .8 to .03. The warm-up
//! shows all lengths alike, with slips, which come the oftener the later the step; and half of all products it shows as
//! another digit, always the same one. So sums and differences have to be made surer, and products to be learned. Chains of
//! 9 and 10 are held out.

use curricle::Rng;

use super::table::Rivals;
use super::{Arm, DIGIT, END, SIGN, Shape, WarmUp, Workload, digit, value};

const TRAINED: usize = 8;
const LONGEST: usize = 10;
/// Plus, minus, times.
const OPERATIONS: usize = 3;
const TIMES: u8 = SIGN + 2;
const SAMPLES: usize = 400;
/// The chance that the warm-up shows a random digit for a sum or a difference, for each step before it and this one.
const SLIP: f64 = 0.07;
/// The chance that it shows a wrong product.
const WRONG: f64 = 0.5;

pub struct Chain {
    products: Rivals,
}

impl Chain {
    pub fn new() -> Self {
        Self { products: Rivals::new(300) }
    }

    /// What the warm-up writes for a step, right or not.
    fn shown(&self, place: usize, at: i64, step: &[u8], rng: &mut Rng) -> i64 {
        let right = after(at, step);
        match step[0] {
            TIMES if rng.unit() < WRONG => self.products.of(at, value(step[1]), right),
            TIMES => right,
            _ if rng.unit() < SLIP * (place + 1) as f64 => rng.below(10) as i64,
            _ => right,
        }
    }
}

/// The value behind a step.
fn after(at: i64, step: &[u8]) -> i64 {
    let by = value(step[1]);
    let exact = match step[0] - SIGN {
        0 => at + by,
        1 => at - by,
        _ => at * by,
    };
    exact.rem_euclid(10)
}

/// The answer whose values are found from those before them, without its end.
fn written(prompt: &[u8], mut step: impl FnMut(usize, i64, &[u8]) -> i64) -> Vec<u8> {
    let mut at = prompt.first().map_or(0, |&start| value(start));
    let mut values = Vec::new();
    for (place, it) in prompt.get(1..).unwrap_or_default().chunks_exact(2).enumerate() {
        at = step(place, at, it);
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
        130_000
    }

    fn warm_up(&self) -> WarmUp {
        WarmUp { steps: 900, rate: 2e-3 }
    }

    fn prompt(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        let mut prompt = vec![digit(10, rng)];
        for _ in 0..=level {
            prompt.extend([SIGN + rng.below(OPERATIONS as u64) as u8, digit(10, rng)]);
        }
        prompt
    }

    fn example(&self, rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
        let prompt = self.prompt(rng.below(LONGEST as u64) as usize, rng);
        let mut answer = written(&prompt, |place, at, step| self.shown(place, at, step, rng));
        answer.push(END);
        (prompt, answer)
    }

    fn is_right(&self, prompt: &[u8], answer: &[u8]) -> bool {
        written(prompt, |_, at, step| after(at, step)) == answer
    }
}
