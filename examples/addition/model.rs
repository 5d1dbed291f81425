//! A recurrent network that reads the addends from the front and writes the sum from the back.

use burn::module::{Module, Param};
use burn::tensor::activation::{log_softmax, sigmoid, tanh};
use burn::tensor::{Device, Int, Tensor, TensorData};
use curricle::{Purpose, Rng, Round};
use rand_distr::{Distribution, Uniform};

use crate::task::Problem;

/// Input symbols: ten digits of each addend, and "write".
const SYMBOLS: usize = 21;
const WRITE: usize = 20;

/// A gated recurrent unit (Cho et al., 2014) with tables for its input and a linear read-out.
///
/// It reads one pair of digits a step, the highest place first, and then writes one digit of the
/// sum a step, the ones first, without seeing what it wrote: all digits must be kept in its state.
#[derive(Module, Debug)]
pub struct Adder {
    input: Param<Tensor<2>>,
    recurrent: Param<Tensor<2>>,
    bias: Param<Tensor<2>>,
    output: Param<Tensor<2>>,
    output_bias: Param<Tensor<2>>,
}

/// What the network made of each problem of a batch.
pub struct Answers {
    /// `-ln p(sum)`: the cross entropy of all digits of the sum together, `[batch]`.
    pub loss: Tensor<1>,
    /// How many digits of the sum are wrong, `[batch]`.
    pub wrong: Tensor<1>,
}

impl Adder {
    /// A network with uniformly distributed weights; the seed says which.
    pub fn new(hidden: usize, seed: u64, device: &Device) -> Self {
        let mut rng = Rng::at(seed, Round(1), Purpose::User);
        let scale = (1.0 / hidden as f32).sqrt();
        let mut table = |rows: usize, columns: usize, scale: f32| {
            let weights = Uniform::new_inclusive(-scale, scale).expect("a finite range");
            let data: Vec<f32> = (0..rows * columns).map(|_| weights.sample(&mut rng)).collect();
            Param::from_data(TensorData::new(data, [rows, columns]), device)
        };
        Self {
            input: table(SYMBOLS, 3 * hidden, 0.5),
            recurrent: table(hidden, 3 * hidden, scale),
            bias: table(1, 3 * hidden, scale),
            output: table(hidden, 10, scale),
            output_bias: table(1, 10, scale),
        }
    }

    /// Reads and answers a batch.
    pub fn forward(&self, problems: &[Problem], device: &Device) -> Answers {
        let batch = problems.len();
        let hidden = self.recurrent.val().dims()[0];
        let longest = problems.iter().map(|problem| problem.digits).max().unwrap_or(1);

        // All inputs are looked up at once: [longest * batch, 3 * hidden], step by step. Before its
        // first digit a shorter problem keeps the state 0.
        let mut symbols = [Vec::new(), Vec::new()];
        let mut shown = Vec::new();
        for place in (0..longest).rev() {
            for problem in problems {
                let (a, b) = problem.pair(place);
                symbols[0].push(a as i64);
                symbols[1].push(10 + b as i64);
                shown.push(if place < problem.digits { 1.0f32 } else { 0.0 });
            }
        }
        let shown = Tensor::<2>::from_data(TensorData::new(shown, [longest * batch, 1]), device);
        let [first, second] = symbols.map(|symbols| {
            let count = symbols.len();
            let symbols = Tensor::<1, Int>::from_data(TensorData::new(symbols, [count]), device);
            self.input.val().select(0, symbols)
        });
        let read = first + second + self.bias.val();
        let write = self.input.val().narrow(0, WRITE, 1) + self.bias.val();

        let mut state = Tensor::<2>::zeros([batch, hidden], device);
        for step in 0..longest {
            let rows = |tensor: &Tensor<2>| tensor.clone().narrow(0, step * batch, batch);
            state = self.step(rows(&read), state) * rows(&shown);
        }
        let mut written = Vec::new();
        for _ in 0..=longest {
            state = self.step(write.clone().expand([batch, 3 * hidden]), state);
            written.push(state.clone());
        }
        self.mark(Tensor::cat(written, 0), problems, longest, device)
    }

    fn step(&self, input: Tensor<2>, state: Tensor<2>) -> Tensor<2> {
        let hidden = state.dims()[1];
        let inner = state.clone().matmul(self.recurrent.val());
        let gates =
            sigmoid(input.clone().narrow(1, 0, 2 * hidden) + inner.clone().narrow(1, 0, 2 * hidden));
        let reset = gates.clone().narrow(1, 0, hidden);
        let keep = gates.narrow(1, hidden, hidden);
        let new =
            tanh(input.narrow(1, 2 * hidden, hidden) + reset * inner.narrow(1, 2 * hidden, hidden));
        new.clone() + keep * (state - new)
    }

    /// Compares the states of the writing steps, `[(longest + 1) * batch, hidden]`, with the sums.
    fn mark(
        &self,
        states: Tensor<2>,
        problems: &[Problem],
        longest: usize,
        device: &Device,
    ) -> Answers {
        let (batch, steps) = (problems.len(), longest + 1);
        let logits = log_softmax(states.matmul(self.output.val()) + self.output_bias.val(), 1);
        let (mut answers, mut counts) = (Vec::new(), Vec::new());
        for place in 0..steps {
            for problem in problems {
                answers.push(problem.answer(place) as i64);
                counts.push(if place <= problem.digits { 1.0f32 } else { 0.0 });
            }
        }
        let answers = Tensor::<2, Int>::from_data(TensorData::new(answers, [steps * batch, 1]), device);
        let counts = Tensor::<2>::from_data(TensorData::new(counts, [steps, batch]), device);
        let loss =
            logits.clone().gather(1, answers.clone()).reshape([steps, batch]).neg() * counts.clone();
        let wrong = logits.argmax(1).not_equal(answers).float().reshape([steps, batch]) * counts;
        Answers { loss: loss.sum_dim(0).reshape([batch]), wrong: wrong.sum_dim(0).reshape([batch]) }
    }
}
