//! One training run: curricle picks every batch, burn trains on it.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "measures time; no decision is made here"
)]

use burn::grad_clipping::GradientClippingConfig;
use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor};
use curricle::policy::{Advance, Boltzmann, Bounded, Policy, Prior, Staged, Uniform};
use curricle::sampler::Systematic;
use curricle::signal::MeanAdvantage;
use curricle::{Curriculum, Feed, Feedback, Outcome, Purpose, Rng, Round, SampleId};
use indicatif::ProgressBar;

use crate::model::Adder;
use crate::task::{PER_ARM, Pool, Problem, held_out};

/// Arms: sums of numbers of 1 to 5 digits.
pub const ARMS: usize = 5;
/// Samples in a batch.
pub const BATCH: usize = 64;
/// Steps between two measurements of accuracy.
pub const EVERY: usize = 100;
/// The share of right sums to be reached.
pub const TARGET: f64 = 0.9;

const HIDDEN: usize = 128;
const LEARNING_RATE: f64 = 0.008;
/// Held-out problems of each arm.
const HELD_OUT: usize = 200;
/// Rollouts of each sample, for SEC.
const ROLLOUTS: usize = 8;

/// The four curricula that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Every arm has the same probability.
    Uniform,
    /// Arm after arm, when the one before is mastered, with review: made by someone who knows the
    /// right order.
    Hand,
    /// The bandit of SEC with curricle's own setting: temperature 0.1, an optimistic start, a floor of 0.1. It knows
    /// nothing of an order.
    Sharp,
    /// SEC as published for mathematics: temperature 0.4, start 0, the mean absolute advantage of rollouts.
    Sec,
}

impl Course {
    pub const ALL: [Course; 4] = [Course::Uniform, Course::Hand, Course::Sharp, Course::Sec];

    pub fn name(self) -> &'static str {
        match self {
            Course::Uniform => "uniform",
            Course::Hand => "hand order",
            Course::Sharp => "sharp Boltzmann",
            Course::Sec => "SEC as published",
        }
    }
}

/// What was measured after some number of steps.
#[derive(Debug, Clone)]
pub struct Measurement {
    pub step: usize,
    /// Share of right sums, by arm.
    pub accuracy: Vec<f64>,
    /// Probability of each arm in the last batch.
    pub shares: Vec<f64>,
}

impl Measurement {
    pub fn mean(&self) -> f64 {
        self.accuracy.iter().sum::<f64>() / self.accuracy.len() as f64
    }

    pub fn weakest(&self) -> f64 {
        self.accuracy.iter().copied().fold(1.0, f64::min)
    }

    fn is_done(&self) -> bool {
        self.weakest() >= TARGET
    }
}

/// The course of one run.
#[derive(Debug, Clone)]
pub struct Run {
    pub course: Course,
    pub seed: u64,
    pub measurements: Vec<Measurement>,
    pub seconds: f64,
}

impl Run {
    /// The first measured step at which something held.
    pub fn first(&self, holds: impl Fn(&Measurement) -> bool) -> Option<usize> {
        self.measurements.iter().find(|measurement| holds(measurement)).map(|first| first.step)
    }

    /// The step at which every arm had reached the target at once.
    pub fn done(&self) -> Option<usize> {
        self.first(Measurement::is_done)
    }
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Trains until every arm has reached the target, or for `steps` steps.
pub fn run(course: Course, seed: u64, steps: usize, bar: &ProgressBar) -> Result<Run> {
    match course {
        Course::Uniform => train(course, &mut curriculum(Uniform, seed)?, seed, steps, bar),
        Course::Hand => {
            let by_hand = Staged::one_by_one(ARMS as u32, Advance::Mastery(0.8)).review(0.3);
            train(course, &mut curriculum(by_hand, seed)?, seed, steps, bar)
        }
        Course::Sharp => {
            let sharp = Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform);
            train(course, &mut curriculum(sharp, seed)?, seed, steps, bar)
        }
        Course::Sec => {
            let builder = Curriculum::builder(ARMS * PER_ARM).arms(ARMS as u32, arm);
            let builder = builder.policy(Boltzmann::sec_math()).signal(MeanAdvantage);
            train(course, &mut builder.sampler(Systematic).seed(seed).build()?, seed, steps, bar)
        }
    }
}

fn curriculum<P: Policy>(
    policy: P,
    seed: u64,
) -> Result<Curriculum<P, curricle::signal::GroupSpread, Systematic>> {
    // The default signal, `GroupSpread`, scores a sample by the spread of its success: highest where
    // the network is as likely to be right as wrong.
    let builder = Curriculum::builder(ARMS * PER_ARM).arms(ARMS as u32, arm);
    Ok(builder.policy(policy).sampler(Systematic).seed(seed).build()?)
}

fn arm(sample: SampleId) -> u32 {
    (sample.index() / PER_ARM) as u32
}

/// The run of the sharp Boltzmann once more, with a journal from which `curricle report` tells what it did: the same
/// batches, from a configuration, which then stands in the files.
#[cfg(feature = "config")]
pub fn run_with_journal(
    journal: &std::path::Path,
    seed: u64,
    steps: usize,
    bar: &ProgressBar,
) -> Result<Run> {
    let config = curricle::Config::from_toml(&format!(
        "seed = {seed}\nsampler = 'systematic'\n[policy.bounded]\nfloor = {{ epsilon = 0.1, prior = 'uniform' }}\n\
         inner = 'boltzmann'"
    ))?;
    let curriculum = config.builder(ARMS * PER_ARM).arms(ARMS as u32, arm).build()?;
    let mut journal = curricle::Journal::open(journal, curriculum)?;
    train(Course::Sharp, &mut journal, seed, steps, bar)
}

fn train(
    course: Course,
    feed: &mut impl Feed,
    seed: u64,
    steps: usize,
    bar: &ProgressBar,
) -> Result<Run> {
    let start = std::time::Instant::now();
    let pool = Pool::new(ARMS, seed);

    let device = Device::flex().autodiff();
    let mut model = Adder::new(HIDDEN, seed, &device);
    let clipping = GradientClippingConfig::Norm(1.0);
    let mut optimiser = AdamConfig::new().with_grad_clipping(Some(clipping)).init();
    let held_out: Vec<Vec<Problem>> = (1..=ARMS).map(|digits| held_out(digits, HELD_OUT)).collect();
    let mut measurements: Vec<Measurement> = Vec::new();

    for step in 1..=steps {
        let batch = feed.draw(BATCH)?;
        let problems: Vec<Problem> = batch.samples().map(|sample| pool.get(sample)).collect();
        let digits: usize = problems.iter().map(|problem| problem.digits + 1).sum();

        let loss = model.forward(&problems, &device).loss;
        let losses = read(loss.clone().inner())?;
        let gradients = GradientsParams::from_grads((loss.sum() / digits as f64).backward(), &model);
        model = optimiser.step(LEARNING_RATE, model, gradients);

        // exp(-loss) is the probability that the network gave to the right sum.
        let mut rng = Rng::at(seed, Round(step as u64), Purpose::User);
        let outcomes = losses.iter().zip(&problems).map(|(&loss, problem)| {
            let digits = (problem.digits + 1) as f32;
            let outcome = match course {
                Course::Sec => rollouts((-loss).exp(), &mut rng)?,
                _ => Outcome::default().success((-loss).exp()),
            };
            Ok(outcome.loss(loss).cost(digits))
        });
        let outcomes: Vec<Outcome> = outcomes.collect::<Result<_>>()?;
        let tickets = batch.draws.iter().map(|draw| draw.ticket);
        let feedback: Vec<Feedback> =
            tickets.zip(outcomes).map(|(t, outcome)| Feedback::new(t, outcome)).collect();
        feed.observe(&feedback)?;

        if step % EVERY == 0 {
            let accuracy = accuracy(&model, &held_out)?;
            let metrics = feed.metrics();
            let share = |arm| metrics.get(&format!("arm/{arm}/share")).unwrap_or_default();
            let measurement = Measurement { step, accuracy, shares: (0..ARMS).map(share).collect() };
            bar.set_position(step as u64);
            bar.set_message(format!("{:.0} % right", 100.0 * measurement.mean()));
            let done = measurement.is_done();
            measurements.push(measurement);
            if done {
                break;
            }
        }
    }
    bar.finish();
    Ok(Run { course, seed, measurements, seconds: start.elapsed().as_secs_f64() })
}

/// What a group of sampled answers would report: each is right with the probability that the network gives to the right
/// sum.
fn rollouts(success: f32, rng: &mut Rng) -> Result<Outcome> {
    let reward = |_| if rng.unit() < f64::from(success) { 1.0 } else { 0.0 };
    let rewards: Vec<f32> = (0..ROLLOUTS).map(reward).collect();
    Ok(Outcome::group(&rewards)?)
}

/// The share of problems whose sum is right in every digit, by arm.
fn accuracy(model: &Adder, held_out: &[Vec<Problem>]) -> Result<Vec<f64>> {
    let (model, device) = (model.valid(), Device::flex());
    let share = |problems: &Vec<Problem>| {
        let wrong = read(model.forward(problems, &device).wrong)?;
        Ok(wrong.iter().filter(|&&digits| digits == 0.0).count() as f64 / wrong.len() as f64)
    };
    held_out.iter().map(share).collect()
}

fn read(tensor: Tensor<1>) -> Result<Vec<f32>> {
    Ok(tensor.try_into_data()?.try_to_vec()?)
}
