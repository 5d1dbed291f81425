//! GRPO: the policy gradient with advantages relative to the group (Shao et al., *DeepSeekMath*, arXiv 2402.03300).

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, TensorData};

use crate::Result;
use crate::model::Writer;
use crate::sampling::{Rollout, read};
use crate::workload::Shape;

/// How far the ratio of chances may go before the objective is flat.
const CLIP: f64 = 0.2;
/// Steps until the learning rate has risen to what it is set to.
const RISE: f64 = 10.0;
/// The greatest norm of a gradient.
const NORM: f64 = 1.0;

/// A prompt with its answers and their rewards.
#[derive(Debug, Clone)]
pub struct Group {
    pub prompt: Vec<u8>,
    pub rollouts: Vec<Rollout>,
    pub rewards: Vec<f32>,
}

/// `(r - mean) / (sd + 1e-6)` of the rewards of a group, with the standard deviation that divides by `n`.
pub fn advantages(rewards: &[f32]) -> Vec<f32> {
    let n = rewards.len().max(1) as f64;
    let mean = rewards.iter().map(|&reward| f64::from(reward)).sum::<f64>() / n;
    let squares = rewards
        .iter()
        .map(|&reward| (f64::from(reward) - mean) * (f64::from(reward) - mean))
        .sum::<f64>();
    let deviation = (squares / n).sqrt() + 1e-6;
    rewards.iter().map(|&reward| ((f64::from(reward) - mean) / deviation) as f32).collect()
}

/// A model and its optimiser.
pub struct Trainer {
    pub model: Writer,
    optimiser: ModuleOptimizer,
    shape: Shape,
    rate: f64,
    steps: u64,
    device: Device,
}

impl Trainer {
    /// Adam at a learning rate, with a step that does not depend on the size of the gradient; the device is one with gradients.
    pub fn new(model: Writer, shape: Shape, rate: f64, device: Device) -> Self {
        Self {
            model,
            optimiser: AdamConfig::new().with_epsilon(1e-8).init(),
            shape,
            rate,
            steps: 0,
            device,
        }
    }

    pub fn set_rate(&mut self, rate: f64) {
        self.rate = rate;
    }

    /// One gradient step on groups, of which each rollout counts the same:
    ///
    /// ```text
    /// J = mean over rollouts of the mean over its tokens of min(q A, clip(q, 1 - 0.2, 1 + 0.2) A)
    /// ```
    ///
    /// with `q` the chance of a token now in that when it was sampled. A batch is used for one step, so `q` is 1 but for
    /// groups that refill kept from the step before: for all others this is the plain policy gradient. There is no term
    /// for the distance from a reference.
    pub fn improve(&mut self, groups: &[&Group]) -> Result<()> {
        let prompts: Vec<&[u8]> = groups.iter().map(|group| group.prompt.as_slice()).collect();
        let (mut rows, mut answers, mut advantage) = (Vec::new(), Vec::new(), Vec::new());
        for (number, group) in groups.iter().enumerate() {
            rows.extend(std::iter::repeat_n(number, group.rollouts.len()));
            answers.extend(&group.rollouts);
            advantage.extend(advantages(&group.rewards));
        }
        let longest = answers.iter().map(|rollout| rollout.answer.len()).max().unwrap_or(0);
        if longest == 0 {
            return Ok(());
        }
        let size = [rows.len(), longest];
        let (mut old, mut weights) = (Vec::new(), Vec::new());
        for (rollout, &advantage) in answers.iter().zip(&advantage) {
            let blank = std::iter::repeat_n(0.0f32, longest - rollout.answer.len());
            let weight = advantage / (rollout.answer.len() * rows.len()) as f32;
            old.extend(rollout.log_chances.iter().copied().chain(blank.clone()));
            weights.extend(std::iter::repeat_n(weight, rollout.answer.len()).chain(blank));
        }
        let table = |numbers| Tensor::<2>::from_data(TensorData::new(numbers, size), &self.device);
        let (old, weights) = (table(old), table(weights));

        let cache = self.model.prompts(&prompts, &self.device).rows(&rows, &self.device);
        let answers: Vec<&[u8]> = answers.iter().map(|rollout| rollout.answer.as_slice()).collect();
        let log_chances = self.model.log_chances(self.shape, &answers, cache, &self.device);
        // Behind the end of an answer anything may stand; nothing of it may become infinite.
        let ratio = (log_chances - old).clamp(-20.0, 20.0).exp();
        let clipped = ratio.clone().clamp(1.0 - CLIP, 1.0 + CLIP) * weights.clone();
        self.step((ratio * weights).min_pair(clipped).sum().neg())
    }

    /// One gradient step on right answers: the mean cross entropy of a token.
    pub fn imitate(&mut self, prompts: &[&[u8]], answers: &[&[u8]]) -> Result<()> {
        let longest = answers.iter().map(|answer| answer.len()).max().unwrap_or(0);
        let tokens: usize = answers.iter().map(|answer| answer.len()).sum();
        let shown = answers.iter().flat_map(|answer| {
            let blank = std::iter::repeat_n(0.0f32, longest - answer.len());
            std::iter::repeat_n(1.0 / tokens as f32, answer.len()).chain(blank)
        });
        let shown = TensorData::new(shown.collect::<Vec<f32>>(), [answers.len(), longest]);
        let cache = self.model.prompts(prompts, &self.device);
        let log_chances = self.model.log_chances(self.shape, answers, cache, &self.device);
        self.step((log_chances * Tensor::from_data(shown, &self.device)).sum().neg())
    }

    fn step(&mut self, loss: Tensor<1>) -> Result<()> {
        let gradients =
            clipped(GradientsParams::from_grads(loss.backward(), &self.model), &self.model)?;
        let model = self.model.clone();
        self.steps += 1;
        // Before Adam has seen some gradients it takes each for as sure as can be.
        let part = (self.steps as f64 / RISE).min(1.0);
        self.model = self.optimiser.step(part * self.rate, model, gradients);
        Ok(())
    }
}

/// Gradients of which the norm over all parameters together is at most [`NORM`]: burn's own clipping takes each
/// parameter by itself.
fn clipped(mut gradients: GradientsParams, model: &Writer) -> Result<GradientsParams> {
    let mut squares = Squares { gradients: &gradients, sums: Vec::new() };
    model.visit(&mut squares);
    let sum: f32 = read(Tensor::cat(squares.sums, 0))?.iter().sum();
    let norm = f64::from(sum).sqrt();
    if norm > NORM {
        model.visit(&mut Scale { gradients: &mut gradients, factor: NORM / norm });
    }
    Ok(gradients)
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    sums: Vec<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = self.gradients.get::<D>(param.id);
        self.sums.extend(gradient.map(|gradient| gradient.square().sum()));
    }
}

struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient * self.factor);
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use curricle::{Purpose, Rng, Round};

    use super::*;
    use crate::sampling::sample;
    use crate::workload::{self, Workload};

    #[test]
    fn an_advantage_is_how_far_a_reward_is_from_its_group() {
        assert_eq!(advantages(&[1.0, 1.0, 1.0]), [0.0; 3]);
        let of = advantages(&[1.0, 0.0, 0.0, 0.0]);
        // Mean 1/4, standard deviation sqrt(3) / 4.
        assert!((of[0] - 3f32.sqrt()).abs() < 1e-4 && (of[1] + 1.0 / 3f32.sqrt()).abs() < 1e-4);
        assert!(of.iter().sum::<f32>().abs() < 1e-4);
    }

    fn answered(workload: &dyn Workload, model: &Writer, device: &Device) -> Group {
        let prompt = workload.prompt(0, &mut Rng::at(1, Round(0), Purpose::User));
        let rows = (0..8).map(|row| (0, Rng::at(2, Round(row), Purpose::User))).collect();
        let rollouts = sample(model, workload.shape(), &[&prompt], rows, device).unwrap();
        let rewards = (0..8).map(|row| if row < 4 { 1.0 } else { 0.0 }).collect();
        Group { prompt, rollouts, rewards }
    }

    #[test]
    fn a_step_makes_what_was_rewarded_likelier() {
        let workload = workload::find("sequence").unwrap();
        let (shape, device) = (workload.shape(), Device::flex());
        let gradients = device.clone().autodiff();
        let mut trainer = Trainer::new(Writer::new(shape, 1, &gradients), shape, 1e-3, gradients);
        let group = answered(workload.as_ref(), &trainer.model.valid(), &device);
        // Rewarded less unrewarded: mean log chance of a token.
        let contrast = |model: &Writer| -> f32 {
            let answers: Vec<&[u8]> = group.rollouts.iter().map(|it| it.answer.as_slice()).collect();
            let cache = model.prompts(&[&group.prompt], &device).rows(&[0; 8], &device);
            let all = read(model.log_chances(shape, &answers, cache, &device)).unwrap();
            let rows = all.chunks(all.len() / 8).zip(&answers).enumerate();
            let mean = |row: &[f32], of: usize| row[..of].iter().sum::<f32>() / of as f32;
            let signed = |at: usize, mean: f32| if at < 4 { mean } else { -mean };
            rows.map(|(at, (row, answer))| signed(at, mean(row, answer.len()))).sum()
        };
        let before = contrast(&trainer.model.valid());
        trainer.improve(&[&group]).unwrap();
        assert!(contrast(&trainer.model.valid()) > before + 1e-3);
        // A group without signal has no gradient: Adam's memory alone moves the weights, and a new one has none.
        let mut other =
            Trainer::new(Writer::new(shape, 1, &trainer.device), shape, 1e-3, trainer.device);
        let before = contrast(&other.model.valid());
        other.improve(&[&Group { rewards: vec![1.0; 8], ..group.clone() }]).unwrap();
        assert_eq!(contrast(&other.model.valid()), before);
    }

    #[test]
    fn the_norm_is_that_of_all_parameters_together() {
        let workload = workload::find("sequence").unwrap();
        let (shape, device) = (workload.shape(), Device::flex().autodiff());
        let model = Writer::new(shape, 1, &device);
        let prompt = workload.prompt(0, &mut Rng::at(1, Round(0), Purpose::User));
        let cache = model.prompts(&[&prompt], &device);
        let loss = model.log_chances(shape, &[&[3, 4, 5]], cache, &device).sum() * 100.0;
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        let norm = |gradients: &GradientsParams| {
            let mut squares = Squares { gradients, sums: Vec::new() };
            model.visit(&mut squares);
            assert!(squares.sums.len() > 20);
            read(Tensor::cat(squares.sums, 0)).unwrap().iter().sum::<f32>().sqrt()
        };
        assert!(norm(&gradients) > 10.0);
        assert!((norm(&clipped(gradients, &model).unwrap()) - 1.0).abs() < 1e-4);
    }
}
