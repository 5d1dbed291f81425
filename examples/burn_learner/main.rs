//! burn's own learner pulls its batches from a curriculum, and saves itself with it.
//!
//! ```text
//! cargo run --release --features learner --example burn_learner
//! cargo run --release --features learner --example burn_learner -- FOLDER    # kill it, and start it again
//! ```
//!
//! Points of the plane belong to one of two spiral arms; the further out, the harder to tell apart.
//! Four rings are the arms of the bandit. `CurriculumLoader` is the data loader, the batch carries
//! the tickets and a `Reporter`, and the training step reports how sure it was of each right answer. At the end of each
//! epoch the learner's records and the position of the journal become one checkpoint (`saving.rs`). Without a folder, the
//! run is stopped within the fifth epoch, as by a kill, and resumed.

#![expect(clippy::disallowed_methods, reason = "no decision is made here")]

mod bar;
mod saving;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::InMemDataset;
use burn::lr_scheduler::constant::ConstantLr;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::AdamConfig;
use burn::tensor::activation::{log_softmax, relu};
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn::train::metric::LossMetric;
use burn::train::{
    ClassificationOutput, ExecutionStrategy, InferenceStep, Learner, SupervisedTraining, TrainOutput,
    TrainStep,
};
use curricle::feed::burn::{CurriculumLoader, Sampled};
use curricle::feed::{Lockstep, Reporter};
use curricle::policy::{Boltzmann, Bounded, Prior};
use curricle::{
    Checkpoints, Curriculum, Durability, Feed, Feedback, Journal, Moment, Outcome, Purpose, Rng, Round,
    Ticket,
};
use saving::{EachEpoch, RECORDS};

const RINGS: usize = 4;
const POINTS: usize = 8000;
const BATCH: usize = 64;
const EPOCHS: usize = 10;

/// What draws, and can be killed.
type Kept = Journal<Bounded<Boltzmann>>;

#[derive(Debug, Clone, Copy)]
struct Point {
    place: [f32; 2],
    class: usize,
    ring: u32,
}

fn spiral(seed: u64) -> Vec<Point> {
    let mut rng = Rng::at(seed, Round(0), Purpose::User);
    let point = |_| {
        let (radius, class) = (rng.unit(), rng.below(2) as usize);
        let angle = 9.0 * radius + std::f64::consts::PI * class as f64 + 0.15 * rng.normal();
        let place = [(radius * angle.cos()) as f32, (radius * angle.sin()) as f32];
        Point { place, class, ring: (radius * RINGS as f64) as u32 }
    };
    (0..POINTS).map(point).collect()
}

/// What a step works on. The tickets are empty in validation.
#[derive(Debug, Clone)]
struct Points {
    places: Tensor<2>,
    classes: Tensor<1, Int>,
    tickets: Vec<Ticket>,
    reporter: Reporter,
}

#[derive(Clone)]
struct Stack {
    reporter: Reporter,
}

impl Stack {
    fn points(&self, points: &[Point], tickets: Vec<Ticket>, device: &Device) -> Points {
        let places: Vec<f32> = points.iter().flat_map(|point| point.place).collect();
        let classes: Vec<i64> = points.iter().map(|point| point.class as i64).collect();
        Points {
            places: Tensor::from_data(TensorData::new(places, [points.len(), 2]), device),
            classes: Tensor::from_data(TensorData::new(classes, [points.len()]), device),
            tickets,
            reporter: self.reporter.clone(),
        }
    }
}

/// Training batches come from the curriculum,
impl Batcher<Sampled<Point>, Points> for Stack {
    fn batch(&self, sampled: Vec<Sampled<Point>>, device: &Device) -> Points {
        let points: Vec<Point> = sampled.iter().map(|sampled| sampled.item).collect();
        self.points(&points, sampled.iter().map(|sampled| sampled.draw.ticket).collect(), device)
    }
}

/// validation batches from burn's own loader.
impl Batcher<Point, Points> for Stack {
    fn batch(&self, points: Vec<Point>, device: &Device) -> Points {
        self.points(&points, Vec::new(), device)
    }
}

#[derive(Module, Debug)]
struct Network {
    first: Linear,
    second: Linear,
    last: Linear,
}

impl Network {
    fn new(device: &Device) -> Self {
        Self {
            first: LinearConfig::new(2, 64).init(device),
            second: LinearConfig::new(64, 64).init(device),
            last: LinearConfig::new(64, 2).init(device),
        }
    }

    /// The output, and the loss of each point.
    fn forward(&self, points: &Points) -> (Tensor<2>, Tensor<1>) {
        let hidden = relu(self.second.forward(relu(self.first.forward(points.places.clone()))));
        let output = log_softmax(self.last.forward(hidden), 1);
        let count = points.classes.dims()[0];
        let losses = output.clone().gather(1, points.classes.clone().reshape([count, 1])).neg();
        (output, losses.reshape([count]))
    }
}

impl TrainStep for Network {
    type Input = Points;
    type Output = ClassificationOutput;

    fn step(&self, points: Points) -> TrainOutput<ClassificationOutput> {
        let (output, losses) = self.forward(&points);
        let seen: Vec<f32> = losses.clone().inner().into_data().iter::<f32>().collect();
        let report = |(&ticket, loss): (&Ticket, f32)| {
            Feedback::new(ticket, Outcome::default().success((-loss).exp()).loss(loss))
        };
        let feedback: Vec<Feedback> = points.tickets.iter().zip(seen).map(report).collect();
        // Feedback that is refused stays due, and the loader ends the training with its error.
        if let Err(error) = points.reporter.observe(&feedback) {
            eprintln!("report refused: {error}");
        }
        let loss = losses.mean();
        let item = ClassificationOutput::new(loss.clone(), output, points.classes);
        TrainOutput::new(self, loss.backward(), item)
    }
}

impl InferenceStep for Network {
    type Input = Points;
    type Output = ClassificationOutput;

    fn step(&self, points: Points) -> ClassificationOutput {
        let (output, losses) = self.forward(&points);
        ClassificationOutput::new(losses.mean(), output, points.classes)
    }
}

/// Starts or resumes a run in a folder, and trains up to an epoch.
fn run(
    root: &Path,
    epochs: usize,
    (training, held_out): (&[Point], &[Point]),
) -> Result<(Network, Lockstep<Kept>), Box<dyn std::error::Error>> {
    let curriculum = Curriculum::builder(POINTS)
        .arms(RINGS as u32, |sample| training[sample.index()].ring)
        .policy(Bounded::new(Boltzmann::new()).floor(0.2, Prior::Uniform))
        .seed(1)
        .build()?;
    let checkpoints = Checkpoints::open(root.join("checkpoints"))?;
    let (newest, path) = (checkpoints.newest()?, root.join("curriculum"));
    let journal = match &newest {
        Some(found) => found.journal(path, curriculum)?,
        // Epochs that were not finished before the first checkpoint are taken back.
        None => Journal::open_at(path, curriculum, Moment::Position(0))?,
    };

    let device = Device::flex();
    device.seed(1);
    // What is not in a checkpoint is done again, so the log is flushed for checkpoints only.
    let feed = Lockstep::new(journal.durability(Durability::OnDemand));
    let stack = Stack { reporter: feed.reporter() };
    let items = Arc::new(InMemDataset::new(training.to_vec()));
    let batches = POINTS / BATCH;
    let loader =
        CurriculumLoader::new(feed.clone(), items, stack.clone(), BATCH, batches, device.clone());
    let validation = burn::data::dataloader::DataLoaderBuilder::new(stack)
        .batch_size(1000)
        .build(InMemDataset::new(held_out.to_vec()));

    let supervised = SupervisedTraining::new(root, Arc::new(loader), validation)
        .with_training_strategy(ExecutionStrategy::single(device.clone()).into())
        .metric_valid_numeric(LossMetric::new())
        .renderer(Box::new(bar::Bar::new()))
        .num_epochs(epochs);
    let saving = EachEpoch::new(checkpoints, feed.clone(), supervised.interrupter());
    let [model, optimizer, scheduler] = RECORDS.map(|name| saving.record(name));
    let supervised = supervised
        .with_custom_checkpointers(model, optimizer, scheduler)
        .with_checkpointing_strategy(saving);
    let supervised = match newest {
        Some(found) => {
            println!("goes on behind epoch {}", found.number());
            supervised.checkpoint(found.number() as usize)
        }
        None => supervised,
    };
    let learner =
        Learner::new(Network::new(&device.autodiff()), AdamConfig::new().init(), ConstantLr::new(3e-3));
    let result = supervised.launch(learner);
    match result.error {
        Some(error) => Err(error.to_string().into()),
        None => Ok((result.model, feed)),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (training, held_out) = (spiral(1), spiral(2));
    let points = (&training[..], &held_out[..]);
    let scratch = tempfile::tempdir()?;
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let root = folder.as_deref().unwrap_or(scratch.path());
    if folder.is_none() {
        let (_, mut feed) = run(root, EPOCHS / 2 - 1, points)?;
        // The curriculum has begun another epoch, of which no model is saved.
        feed.draw(BATCH)?;
    }
    let (model, feed) = run(root, EPOCHS, points)?;

    let device = Device::flex();
    feed.with(|journal| {
        let curriculum = journal.curriculum();
        let counts = curriculum.counts();
        println!(
            "{} rounds, {} tickets drawn, {} open, conserved: {}",
            curriculum.round().0,
            counts.drawn,
            counts.open,
            counts.is_conserved()
        );
        println!("ring   drawn of the last batch   right on held-out points");
        for (ring, share) in curriculum.shares().iter().enumerate() {
            let of_ring = |point: &&Point| point.ring as usize == ring;
            let points: Vec<Point> = held_out.iter().filter(of_ring).copied().collect();
            println!(
                "{ring:>4}   {:>19.0} %   {:>22.1} %",
                100.0 * share,
                100.0 * right(&model, &points, &device)
            );
        }
    })?;
    Ok(())
}

fn right(network: &Network, points: &[Point], device: &Device) -> f64 {
    let reporter =
        Lockstep::new(Curriculum::builder(0).build().expect("an empty curriculum")).reporter();
    let batch = Stack { reporter }.points(points, Vec::new(), device);
    let guesses = network.forward(&batch).0.argmax(1).into_data();
    let right =
        guesses.iter::<i64>().zip(points).filter(|(guess, point)| *guess as usize == point.class);
    right.count() as f64 / points.len() as f64
}
