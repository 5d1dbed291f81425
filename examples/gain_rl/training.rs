//! One training run: a warm-up that all runs of a seed share, the scores, then a curriculum.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "measures time; no decision is made here"
)]

use std::sync::Arc;

use burn::grad_clipping::GradientClippingConfig;
use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor};
use curricle::policy::{Gaussian, MeanRule, Policy, Spread, Uniform};
use curricle::signal::{Angle, HiddenStates, Signal};
use curricle::table::{Column, Provenance, Table, TableError};
use curricle::{Curriculum, Feedback, Outcome, Purpose, Rng, Round, SampleId};
use indicatif::ProgressBar;

use crate::Result;
use crate::model::{BLOCKS, Solver, WIDTH};
use crate::task::{Pool, Question, held_out};

/// Questions to train on: as many as the paper's smaller data sets have.
pub const POOL: usize = 8000;
/// Questions in a batch.
pub const BATCH: usize = 32;
/// Steps between two measurements of accuracy.
pub const EVERY: usize = 50;
/// The share of right sums to be reached.
pub const TARGET: f64 = 0.9;

const LEARNING_RATE: f64 = 0.003;
const HELD_OUT: usize = 400;

/// The orders that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Every question has the same probability.
    Uniform,
    /// By angle concentration, highest first, as the paper scores it.
    GainRl,
    /// The same without the angle of each token with itself.
    Unbiased,
    /// Shortest first.
    Length,
    /// In an order drawn at random.
    Shuffled,
}

impl Course {
    pub const ALL: [Course; 5] =
        [Course::Uniform, Course::GainRl, Course::Unbiased, Course::Length, Course::Shuffled];

    pub fn name(self) -> &'static str {
        match self {
            Course::Uniform => "uniform",
            Course::GainRl => "GAIN-RL",
            Course::Unbiased => "GAIN-RL, unbiased",
            Course::Length => "length sort",
            Course::Shuffled => "shuffled",
        }
    }

    /// The scores that it is ordered by.
    fn column(self) -> &'static str {
        if self == Course::Unbiased { "total_no_diag" } else { "total" }
    }

    /// The angle that moves the mean of the Gaussian.
    fn angle(self) -> Angle {
        if self == Course::Unbiased { Angle::unbiased() } else { Angle::new() }
    }
}

/// What was measured after some number of steps.
#[derive(Debug, Clone, Copy)]
pub struct Measurement {
    /// Steps, those of the warm-up included.
    pub step: usize,
    /// Share of right sums among the held-out questions.
    pub accuracy: f64,
    /// The mean of the Gaussian, in ranks.
    pub mean: Option<f64>,
    /// Digits of an addend, mean over the batches since the last measurement.
    pub digits: f64,
}

/// The course of one run.
#[derive(Debug, Clone)]
pub struct Run {
    pub course: Course,
    pub measurements: Vec<Measurement>,
    pub seconds: f64,
}

impl Run {
    /// The first measured step at which the target was reached.
    pub fn done(&self) -> Option<usize> {
        self.measurements.iter().find(|at| at.accuracy >= TARGET).map(|at| at.step)
    }

    /// The accuracy at the end.
    pub fn accuracy(&self) -> f64 {
        self.measurements.last().map_or(0.0, |at| at.accuracy)
    }
}

/// What all runs of a seed begin with.
#[derive(Clone)]
pub struct Start {
    pub seed: u64,
    pool: Arc<Pool>,
    /// Without gradients: runs at a time whose weights are the same nodes of burn's graph would take
    /// each other's gradients.
    model: Solver,
    /// One measurement, after the warm-up.
    warm: Vec<Measurement>,
    /// The angle concentrations that the model has after the warm-up.
    pub table: Arc<Table>,
}

impl Start {
    /// A column of the table, question by question.
    pub fn scores(&self, column: &str) -> Result<Vec<f64>> {
        match self.table.get(column) {
            Some(Column::Number(scores)) => {
                Ok(scores.iter().map(|score| score.unwrap_or(f64::NEG_INFINITY)).collect())
            }
            _ => Err(TableError::NoColumn(column.into()).into()),
        }
    }

    /// Digits of an addend, question by question.
    pub fn digits(&self) -> impl Iterator<Item = f64> {
        self.pool.all().iter().map(|question| question.problem.digits as f64)
    }

    /// Tokens, question by question.
    pub fn lengths(&self) -> impl Iterator<Item = f64> {
        self.pool.all().iter().map(|question| question.tokens() as f64)
    }
}

/// Trains on uniform batches for `warm_up` steps, then scores the pool.
pub fn start(seed: u64, warm_up: usize, bar: &ProgressBar) -> Result<Start> {
    let pool = Pool::new(POOL, seed);
    let curriculum = Curriculum::builder(POOL).seed(seed.wrapping_add(1 << 32)).build()?;
    let model = Solver::new(seed, &Device::flex().autodiff());
    let course = Training { pool: &pool, angle: Angle::new(), mean: |_: &Uniform| None, bar };
    let (model, mut warm) = course.train(model, curriculum, 0..warm_up)?;
    warm.drain(..warm.len().saturating_sub(1));
    let model = model.valid();
    let table = score(&model, &pool, seed, warm_up)?;
    bar.finish();
    Ok(Start { seed, pool: Arc::new(pool), model, warm, table: Arc::new(table) })
}

/// The angle concentration of every question, with what a reader should see beside it.
fn score(model: &Solver, pool: &Pool, seed: u64, warm_up: usize) -> Result<Table> {
    let device = Device::flex();
    let mut concentrations = Vec::new();
    for part in pool.all().chunks(200) {
        let answers = model.forward(&part.iter().collect::<Vec<_>>(), &device);
        let states = read(answers.states)?;
        let evidence = HiddenStates { states: &states, dim: WIDTH, spans: &answers.spans };
        concentrations.extend(evidence.concentrations()?);
    }
    let rows = pool.all().iter().map(|question| format!("{question:?}"));
    let made_by = Provenance {
        signal: "angle".into(),
        model: format!("{BLOCKS} blocks of width {WIDTH}, seed {seed}, {warm_up} uniform steps"),
        revision: format!("states after the last norm, data {:032x}", curricle::fingerprint(rows)),
    };
    let samples = (0..pool.all().len() as u64).collect();
    let unbiased = concentrations.iter().map(|found| Angle::unbiased().of(found)).collect();
    let table = Table::of_concentrations(made_by, samples, &concentrations)?;
    Ok(table.column("total_no_diag", Column::Number(unbiased))?)
}

/// Trains on what a course draws, up to `steps` steps in all.
pub fn run(course: Course, start: Start, steps: usize, bar: &ProgressBar) -> Result<Run> {
    let began = std::time::Instant::now();
    let builder = Curriculum::builder(POOL).seed(start.seed);
    let (table, pool) = (&start.table, &start.pool);
    // The published rule and, for a pool of the published size, the published spread.
    let gaussian = || Gaussian::new(MeanRule::paper(BATCH as f64), Spread::Ranks(1000.0));
    let ranks =
        |order: &[SampleId]| builder.clone().ranked(order, BATCH as u32).policy(gaussian()).build();
    let curriculum = match course {
        Course::Uniform => None,
        Course::GainRl | Course::Unbiased => {
            let scored = builder.clone().gain_rl(table, course.column(), BATCH as u32);
            Some(scored.policy(gaussian()).build()?)
        }
        Course::Length => {
            let mut order: Vec<SampleId> = (0..POOL as u64).map(SampleId).collect();
            order.sort_by_key(|&sample| pool.get(sample).tokens());
            Some(ranks(&order)?)
        }
        Course::Shuffled => {
            let mut order: Vec<SampleId> = (0..POOL as u64).map(SampleId).collect();
            Rng::at(start.seed, Round(2), Purpose::User).shuffle(&mut order);
            Some(ranks(&order)?)
        }
    };
    let first = start.warm.last().map_or(0, |at| at.step);
    let (angle, model) = (course.angle(), start.model.train());
    let (_, measured) = match curriculum {
        Some(curriculum) => {
            let mean = |policy: &Gaussian| Some(policy.mean());
            Training { pool, angle, mean, bar }.train(model, curriculum, first..steps)?
        }
        None => Training { pool, angle, mean: |_: &Uniform| None, bar }.train(
            model,
            builder.build()?,
            first..steps,
        )?,
    };
    bar.finish();
    let measurements = [start.warm, measured].concat();
    Ok(Run { course, measurements, seconds: began.elapsed().as_secs_f64() })
}

struct Training<'a, M> {
    pool: &'a Pool,
    angle: Angle,
    /// Where a policy's Gaussian is.
    mean: M,
    bar: &'a ProgressBar,
}

impl<M> Training<'_, M> {
    fn train<P, S>(
        &self,
        mut model: Solver,
        mut curriculum: Curriculum<P, S>,
        steps: std::ops::Range<usize>,
    ) -> Result<(Solver, Vec<Measurement>)>
    where
        P: Policy,
        S: Signal,
        M: Fn(&P) -> Option<f64>,
    {
        let device = Device::flex().autodiff();
        let clipping = GradientClippingConfig::Norm(1.0);
        let mut optimiser = AdamConfig::new().with_grad_clipping(Some(clipping)).init();
        let held_out = held_out(HELD_OUT);
        let (mut measurements, mut digits) = (Vec::new(), Vec::new());

        for step in steps.start + 1..=steps.end {
            let batch = curriculum.draw(BATCH)?;
            let questions: Vec<&Question> =
                batch.samples().map(|sample| self.pool.get(sample)).collect();
            let count: usize = questions.iter().map(|question| question.problem.digits + 1).sum();
            digits.extend(questions.iter().map(|question| question.problem.digits as f64));

            let answers = model.forward(&questions, &device);
            let losses = read(answers.loss.clone().inner())?;
            let states = read(answers.states.inner())?;
            let evidence = HiddenStates { states: &states, dim: WIDTH, spans: &answers.spans };
            let mut angles = vec![0.0; questions.len()];
            self.angle.score(&evidence, &mut angles)?;
            let loss = answers.loss.sum() / count as f64;
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            model = optimiser.step(LEARNING_RATE, model, gradients);

            // exp(-loss) is the probability that the model gave to the right sum: how many of its
            // roll-outs would be right.
            let outcomes = losses.iter().zip(angles).map(|(&loss, angle)| {
                Outcome::default().success((-loss).exp()).loss(loss).utility(angle)
            });
            let tickets = batch.draws.iter().map(|draw| draw.ticket);
            let feedback: Vec<Feedback> =
                tickets.zip(outcomes).map(|(t, outcome)| Feedback::new(t, outcome)).collect();
            curriculum.observe(&feedback)?;

            if step % EVERY == 0 || step == steps.end {
                let accuracy = accuracy(&model, &held_out)?;
                let drawn = digits.drain(..);
                let (drawn, sum) = (drawn.len() as f64, drawn.sum::<f64>());
                let mean = (self.mean)(curriculum.policy());
                self.bar.set_position((step - steps.start) as u64);
                self.bar.set_message(format!("{:.0} % right", 100.0 * accuracy));
                measurements.push(Measurement { step, accuracy, mean, digits: sum / drawn });
            }
        }
        Ok((model, measurements))
    }
}

/// The share of questions whose sum is right in every digit.
fn accuracy(model: &Solver, questions: &[Question]) -> Result<f64> {
    let (model, device) = (model.valid(), Device::flex());
    let mut right = 0;
    for part in questions.chunks(100) {
        let wrong = read(model.forward(&part.iter().collect::<Vec<_>>(), &device).wrong)?;
        right += wrong.iter().filter(|&&digits| digits == 0.0).count();
    }
    Ok(right as f64 / questions.len() as f64)
}

fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    Ok(tensor.try_into_data()?.try_to_vec()?)
}
