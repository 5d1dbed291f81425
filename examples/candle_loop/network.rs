//! A small network and its optimizer, both in files.

use std::path::Path;

use candle_core::{D, DType, Device, Result, Tensor, Var};
use candle_nn::{Linear, Module, VarBuilder, VarMap, linear, ops::log_softmax};
use curricle::{Purpose, Rng, Round};

use crate::parity::{Question, WIDTH};

const SIZES: [(&str, usize, usize); 3] = [("first", WIDTH, 64), ("second", 64, 64), ("last", 64, 2)];
const RATE: f64 = 0.1;
const MOMENTUM: f64 = 0.9;

/// Three layers, trained by gradient descent with momentum. candle's own optimizers with a state keep it to themselves, so
/// that it could not be saved.
pub struct Network {
    weights: VarMap,
    velocities: VarMap,
    layers: Vec<Linear>,
}

/// Puts a variable into a map, under a name.
fn put(map: &VarMap, name: &str, values: Vec<f32>, shape: &[usize]) -> Result<()> {
    let value = Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu)?)?;
    if let Ok(mut variables) = map.data().lock() {
        variables.insert(name.to_owned(), value);
    }
    Ok(())
}

impl Network {
    /// candle's own first weights on a CPU come from a generator that takes no seed.
    pub fn new(seed: u64) -> Result<Self> {
        let mut rng = Rng::at(seed, Round(1), Purpose::User);
        let (weights, velocities) = (VarMap::new(), VarMap::new());
        for (name, from, to) in SIZES {
            let deviation = (2.0 / from as f64).sqrt();
            let start = (0..from * to).map(|_| (deviation * rng.normal()) as f32).collect();
            put(&weights, &format!("{name}.weight"), start, &[to, from])?;
            put(&weights, &format!("{name}.bias"), vec![0.0; to], &[to])?;
            put(&velocities, &format!("{name}.weight"), vec![0.0; from * to], &[to, from])?;
            put(&velocities, &format!("{name}.bias"), vec![0.0; to], &[to])?;
        }
        let there = VarBuilder::from_varmap(&weights, DType::F32, &Device::Cpu);
        let layer = |(name, from, to)| linear(from, to, there.pp(name));
        let layers = SIZES.into_iter().map(layer).collect::<Result<_>>()?;
        Ok(Self { weights, velocities, layers })
    }

    pub fn save(&self, folder: &Path) -> Result<()> {
        self.weights.save(folder.join("model.safetensors"))?;
        self.velocities.save(folder.join("optimizer.safetensors"))
    }

    pub fn load(&mut self, model: &Path, optimizer: &Path) -> Result<()> {
        self.weights.load(model)?;
        self.velocities.load(optimizer)
    }

    /// The loss of each question, and whether the answer is right.
    fn forward(&self, questions: &[Question]) -> Result<(Tensor, Tensor)> {
        let (count, device) = (questions.len(), &Device::Cpu);
        let answers = questions.iter().map(Question::answer).collect();
        let answers = Tensor::from_vec(answers, count, device)?;
        let seen = questions.iter().flat_map(Question::seen).collect();
        let mut hidden = Tensor::from_vec(seen, (count, WIDTH), device)?;
        for (place, layer) in self.layers.iter().enumerate() {
            hidden = layer.forward(&if place > 0 { hidden.relu()? } else { hidden })?;
        }
        let output = log_softmax(&hidden, D::Minus1)?;
        let losses = output.gather(&answers.unsqueeze(1)?, 1)?.squeeze(1)?.neg()?;
        Ok((losses, output.argmax(1)?.eq(&answers)?))
    }

    /// A step on some questions; their losses before it.
    pub fn step(&mut self, questions: &[Question]) -> Result<Vec<f32>> {
        let (losses, _) = self.forward(questions)?;
        let gradients = losses.mean_all()?.backward()?;
        if let (Ok(weights), Ok(velocities)) =
            (self.weights.data().lock(), self.velocities.data().lock())
        {
            for (name, weight) in weights.iter() {
                if let (Some(velocity), Some(gradient)) = (velocities.get(name), gradients.get(weight))
                {
                    velocity.set(&((velocity.as_tensor() * MOMENTUM)? + gradient)?)?;
                    weight.set(&(weight.as_tensor() - (velocity.as_tensor() * RATE)?)?)?;
                }
            }
        }
        losses.to_vec1()
    }

    /// The share of questions that are answered right.
    pub fn right(&self, questions: &[Question]) -> Result<f64> {
        let (_, right) = self.forward(questions)?;
        let right: Vec<u8> = right.to_vec1()?;
        Ok(right.iter().map(|&right| f64::from(right)).sum::<f64>() / questions.len() as f64)
    }
}
