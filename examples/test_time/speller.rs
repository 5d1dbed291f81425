//! A small network that guesses the next symbol from the last three.

use burn::module::{Module, Param};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::{log_softmax, tanh};
use burn::tensor::{Device, Int, Tensor, TensorData};
use curricle::{Purpose, Rng, Round};

use crate::Result;
use crate::task::{CONTEXT, Language, SYMBOLS, Window};

const HIDDEN: usize = 64;
const BATCH: usize = 256;
const STEPS: usize = 3000;

/// One table a place, summed; `tanh`; a linear read-out.
#[derive(Module, Debug)]
pub struct Speller {
    input: Param<Tensor<2>>,
    bias: Param<Tensor<2>>,
    output: Param<Tensor<2>>,
    output_bias: Param<Tensor<2>>,
}

impl Speller {
    fn new(seed: u64, device: &Device) -> Self {
        let mut rng = Rng::at(seed, Round(1), Purpose::User);
        let mut table = |rows: usize, columns: usize, scale: f64| {
            let data: Vec<f32> = (0..rows * columns).map(|_| (scale * rng.normal()) as f32).collect();
            Param::from_data(TensorData::new(data, [rows, columns]), device)
        };
        Self {
            input: table(CONTEXT * SYMBOLS, HIDDEN, 0.5),
            bias: table(1, HIDDEN, 0.1),
            output: table(HIDDEN, SYMBOLS, 0.1),
            output_bias: table(1, SYMBOLS, 0.1),
        }
    }

    /// A speller that has read texts of the language.
    pub fn trained(language: &Language, seed: u64) -> Result<Self> {
        let device = Device::flex().autodiff();
        let mut model = Self::new(seed, &device);
        let mut optimiser = AdamConfig::new().init();
        let mut rng = Rng::at(seed, Round(2), Purpose::User);
        for step in 0..STEPS {
            let windows = language.training(BATCH, &mut rng);
            let rate = 0.01 * (1.0 - step as f64 / STEPS as f64);
            let gradients =
                GradientsParams::from_grads(model.loss(&windows, &device).backward(), &model);
            model = optimiser.step(rate, model, gradients);
        }
        Ok(model)
    }

    /// A copy that has been trained on some windows, all at once, with an optimiser of its own.
    pub fn tuned(&self, windows: &[Window], steps: usize, rate: f64) -> Self {
        let device = Device::flex().autodiff();
        let mut model = self.clone();
        let mut optimiser = AdamConfig::new().init();
        for _ in 0..steps {
            let gradients =
                GradientsParams::from_grads(model.loss(windows, &device).backward(), &model);
            model = optimiser.step(rate, model, gradients);
        }
        model
    }

    /// The log-probability of every symbol, one row a context.
    pub fn log_probabilities(&self, contexts: &[[u8; CONTEXT]]) -> Result<Vec<f32>> {
        let rows = self.forward(contexts, &Device::flex());
        Ok(rows.try_into_data()?.try_to_vec()?)
    }

    fn loss(&self, windows: &[Window], device: &Device) -> Tensor<1> {
        let contexts: Vec<[u8; CONTEXT]> = windows.iter().map(|window| window.context).collect();
        let next: Vec<i64> = windows.iter().map(|window| window.next.into()).collect();
        let next = Tensor::<2, Int>::from_data(TensorData::new(next, [windows.len(), 1]), device);
        self.forward(&contexts, device).gather(1, next).mean().neg()
    }

    fn forward(&self, contexts: &[[u8; CONTEXT]], device: &Device) -> Tensor<2> {
        let mut hidden = self.bias.val().expand([contexts.len(), HIDDEN]);
        for place in 0..CONTEXT {
            let rows: Vec<i64> = contexts
                .iter()
                .map(|context| (place * SYMBOLS) as i64 + i64::from(context[place]))
                .collect();
            let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [contexts.len()]), device);
            hidden = hidden + self.input.val().select(0, rows);
        }
        log_softmax(tanh(hidden).matmul(self.output.val()) + self.output_bias.val(), 1)
    }
}
