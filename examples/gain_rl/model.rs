//! A small language model: causal attention, blocks that normalise what they read, one last norm.

use burn::module::{Module, ModuleMapper, Param};
use burn::nn::attention::generate_autoregressive_mask;
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{Embedding, EmbeddingConfig, Initializer, Linear, LinearConfig, RmsNorm, RmsNormConfig};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use curricle::signal::Spans;
use curricle::{Purpose, Rng, Round};

use crate::task::{LONGEST, PLACES, PREFIX, Question, SYMBOLS};

/// The width of a hidden state.
pub const WIDTH: usize = 64;
/// Blocks.
pub const BLOCKS: usize = 2;
const HEADS: usize = 4;

/// A decoder-only transformer that writes the digits of a sum.
#[derive(Module, Debug)]
pub struct Solver {
    symbols: Embedding,
    places: Embedding,
    positions: Embedding,
    blocks: TransformerEncoder,
    norm: RmsNorm,
    output: Linear,
}

/// What the model made of each question of a batch.
pub struct Answers {
    /// `-ln p(sum)`: the cross entropy of all digits of the sum together, `[batch]`.
    pub loss: Tensor<1>,
    /// How many digits of the sum are wrong, `[batch]`. Each is asked for with the right ones before
    /// it; none is wrong exactly if the model would write the right sum.
    pub wrong: Tensor<1>,
    /// The states of the last block after the last norm, `[rows, WIDTH]`.
    pub states: Tensor<2>,
    /// Which rows are the solved example and the question of each, without the answer.
    pub spans: Vec<Spans>,
}

impl Solver {
    /// A model with random weights; the seed says which.
    pub fn new(seed: u64, device: &Device) -> Self {
        // burn draws from one generator for the whole process, and two runs at a time would share it:
        // all tables begin at zero and are filled from a generator of their own.
        let zero = Initializer::Zeros;
        let table =
            |rows| EmbeddingConfig::new(rows, WIDTH).with_initializer(zero.clone()).init(device);
        let blocks = TransformerEncoderConfig::new(WIDTH, 4 * WIDTH, HEADS, BLOCKS)
            .with_dropout(0.0)
            .with_norm_first(true)
            .with_initializer(zero.clone());
        let model = Self {
            symbols: table(SYMBOLS),
            places: table(PLACES),
            positions: table(LONGEST),
            blocks: blocks.init(device),
            norm: RmsNormConfig::new(WIDTH).init(device),
            output: LinearConfig::new(WIDTH, 10).with_initializer(zero).init(device),
        };
        model.map(&mut Fill(Rng::at(seed, Round(1), Purpose::User)))
    }

    /// Reads and answers a batch.
    pub fn forward(&self, questions: &[&Question], device: &Device) -> Answers {
        let read: Vec<_> = questions.iter().map(|question| question.tokens_read()).collect();
        let (batch, longest) = (read.len(), read.iter().map(Vec::len).max().unwrap_or(1));

        // Shorter prompts are filled up at the end with symbol 0, which nothing before it sees.
        let (mut symbols, mut places) = (Vec::new(), Vec::new());
        for tokens in &read {
            let blank = longest - tokens.len();
            symbols.extend(tokens.iter().map(|token| token.symbol as i64));
            places.extend(tokens.iter().map(|token| token.place as i64));
            symbols.extend(std::iter::repeat_n(0, blank));
            places.extend(std::iter::repeat_n(0, blank));
        }
        let table = |rows: Vec<i64>| {
            Tensor::<2, Int>::from_data(TensorData::new(rows, [batch, longest]), device)
        };
        let positions = Tensor::<1, Int>::arange(0..longest as i64, device).reshape([1, longest]);
        let read = self.symbols.forward(table(symbols)) + self.places.forward(table(places));
        let read = read + self.positions.forward(positions);
        let mask = generate_autoregressive_mask(batch, longest, device);
        let states = self.blocks.forward(TransformerEncoderInput::new(read).mask_attn(mask));
        let states = self.norm.forward(states).reshape([batch * longest, WIDTH]);

        let spans = questions.iter().enumerate().map(|(index, question)| {
            let first = index * longest;
            let asked = first + PREFIX;
            Spans { prefix: first..asked, question: asked..asked + question.tokens() }
        });
        let spans = spans.collect();
        self.mark(states, spans, questions, device)
    }

    /// Compares what the states of the writing tokens say with the sums.
    fn mark(
        &self,
        states: Tensor<2>,
        spans: Vec<Spans>,
        questions: &[&Question],
        device: &Device,
    ) -> Answers {
        let batch = questions.len();
        let steps = questions.iter().map(|question| question.problem.digits + 1).max().unwrap_or(1);
        let (mut rows, mut answers, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for (question, span) in questions.iter().zip(&spans) {
            let digits = question.problem.digits;
            for place in 0..steps {
                // The equals sign asks for the first digit, each digit for the next.
                rows.push((span.question.end - 1 + place.min(digits)) as i64);
                answers.push(question.problem.answer(place) as i64);
                counts.push(if place <= digits { 1.0f32 } else { 0.0 });
            }
        }
        let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [batch * steps]), device);
        let answers = Tensor::<2, Int>::from_data(TensorData::new(answers, [batch * steps, 1]), device);
        let counts = Tensor::<2>::from_data(TensorData::new(counts, [batch, steps]), device);

        let logits = log_softmax(self.output.forward(states.clone().select(0, rows)), 1);
        let loss = logits.clone().gather(1, answers.clone()).reshape([batch, steps]).neg();
        let wrong = logits.argmax(1).not_equal(answers).float().reshape([batch, steps]);
        Answers {
            loss: (loss * counts.clone()).sum_dim(1).reshape([batch]),
            wrong: (wrong * counts).sum_dim(1).reshape([batch]),
            states,
            spans,
        }
    }
}

/// Fills every table with normally distributed weights whose variance is one over the rows read at a
/// time; vectors (biases and the gains of norms) stay.
struct Fill(Rng);

impl ModuleMapper for Fill {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|old| {
            let shape = old.dims();
            if D != 2 {
                return old;
            }
            // A look-up reads one row, a linear map all.
            let scale = (1.0 / WIDTH.max(shape[0]) as f64).sqrt();
            let count = shape.iter().product();
            let data: Vec<f32> = (0..count).map(|_| (scale * self.0.normal()) as f32).collect();
            let device = old.device();
            Tensor::from_data(TensorData::new(data, shape), &device).require_grad()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Pool;

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    /// A new network, as it answers.
    fn solver(seed: u64) -> Solver {
        Solver::new(seed, &Device::flex().autodiff()).valid()
    }

    /// What comes after a token, be it an answer or the filling of a shorter prompt, does not touch
    /// its state: the states of the prompt are those of a pre-fill, and the prefix has the same in all.
    #[test]
    fn a_question_is_read_alone_as_in_a_batch() {
        let device = Device::flex();
        let (model, pool) = (solver(3), Pool::new(12, 3));
        let all: Vec<&Question> = pool.all().iter().collect();
        let together = model.forward(&all, &device);
        let (states, losses) = (numbers(together.states), numbers(together.loss));
        let rows = |states: &[f32], range: std::ops::Range<usize>| {
            states[range.start * WIDTH..range.end * WIDTH].to_vec()
        };
        let close = |a: &[f32], b: &[f32]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4)
        };
        let prefix = rows(&states, together.spans[0].prefix.clone());
        for (index, &question) in all.iter().enumerate() {
            let alone = model.forward(&[question], &device);
            let (mine, span) = (numbers(alone.states), &alone.spans[0]);
            let place = &together.spans[index];
            assert_eq!(span.question.len(), question.prompt().len() - PREFIX);
            assert!(close(&rows(&mine, span.question.clone()), &rows(&states, place.question.clone())));
            assert!(close(&rows(&states, place.prefix.clone()), &prefix));
            assert!((numbers(alone.loss)[0] - losses[index]).abs() < 1e-3);
        }
    }

    #[test]
    fn the_seed_says_which_weights() {
        let (device, pool) = (Device::flex(), Pool::new(4, 1));
        let all: Vec<&Question> = pool.all().iter().collect();
        let loss = |seed| numbers(solver(seed).forward(&all, &device).loss);
        assert_eq!(loss(5), loss(5));
        assert_ne!(loss(5), loss(6));
    }
}
