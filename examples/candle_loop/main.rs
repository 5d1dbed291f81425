//! A loop of one's own with candle: a curriculum through the plain iterator, a journal, and checkpoints that hold model,
//! optimizer and curriculum of one step, from which a killed run goes on to the same end.
//!
//! ```text
//! cargo run --release --features candle --example candle_loop
//! cargo run --release --features candle --example candle_loop -- --folder run    # kill it, and start it again
//! ```
//!
//! A network learns sums of one to six bits modulo two; the sums are the arms of the bandit. At the end its held-out
//! accuracy by arm stands beside that of uniform sampling, after as many samples.

#![expect(clippy::disallowed_methods, reason = "a model may use the host's functions")]

mod network;
mod parity;

use std::error::Error;
use std::path::{Path, PathBuf};

use curricle::feed::Batches;
use curricle::policy::{Boltzmann, Bounded, Policy, Prior, Uniform};
use curricle::{Checkpoints, Curriculum, Durability, Feedback, Journal, Moment, Outcome};
use network::Network;
use parity::{Question, SUMS, questions};

const QUESTIONS: usize = 24_000;
const BATCH: usize = 64;

fn curriculum<P: Policy>(
    policy: P,
    seed: u64,
    questions: &[Question],
) -> curricle::Result<Curriculum<P>> {
    let sums = |sample: curricle::SampleId| questions[sample.index()].sum as u32;
    Curriculum::builder(questions.len()).arms(SUMS as u32, sums).policy(policy).seed(seed).build()
}

/// The policy of the curriculum: sharp Boltzmann, with a fifth of all samples from everywhere.
fn taught() -> Bounded<Boltzmann> {
    Bounded::new(Boltzmann::new()).floor(0.2, Prior::Uniform)
}

/// Starts a run in a folder, or resumes it, and trains up to a step. Every so many steps it saves.
fn train<P: Policy>(
    folder: &Path,
    (policy, seed): (P, u64),
    questions: &[Question],
    (steps, every): (u64, u64),
) -> Result<Network, Box<dyn Error>> {
    let checkpoints = Checkpoints::open(folder.join("checkpoints"))?;
    let (mut network, path) = (Network::new(seed)?, folder.join("curriculum"));
    let built = curriculum(policy, seed, questions)?;
    let journal = match checkpoints.newest()? {
        Some(found) => {
            println!("goes on behind step {}", found.number());
            network.load(&found.file("model.safetensors")?, &found.file("optimizer.safetensors")?)?;
            found.journal(path, built)?
        }
        // Steps before the first checkpoint are taken back: no model has them.
        None => Journal::open_at(path, built, Moment::Position(0))?,
    };
    // What is not in a checkpoint is done again, so the log is flushed for checkpoints only.
    let left = steps.saturating_sub(journal.curriculum().round().0);
    let mut batches = Batches::new(journal.durability(Durability::OnDemand), BATCH);
    for _ in 0..left {
        let Some(batch) = batches.next().transpose()? else { break };
        let chosen: Vec<Question> = batch.samples().map(|sample| questions[sample.index()]).collect();
        let losses = network.step(&chosen)?;
        let seen = |loss: f32| Outcome::default().success((-loss).exp()).loss(loss);
        let report = batch.draws.iter().zip(losses);
        let report = report.map(|(draw, loss)| Feedback::new(draw.ticket, seen(loss)));
        batches.observe(&report.collect::<Vec<_>>())?;
        let step = batch.round.0 + 1;
        if step.is_multiple_of(every) {
            let draft = checkpoints.begin_at(step, batches.feed_mut())?;
            network.save(draft.path())?;
            draft.finish()?;
        }
    }
    Ok(network)
}

/// The share of held-out questions that are answered right, by arm.
fn by_arm(network: &Network, held_out: &[Question]) -> Result<[f64; SUMS], Box<dyn Error>> {
    let mut right = [0.0; SUMS];
    for (arm, right) in right.iter_mut().enumerate() {
        let of_arm: Vec<Question> = held_out.iter().filter(|one| one.sum == arm).copied().collect();
        *right = network.right(&of_arm)?;
    }
    Ok(right)
}

struct Arguments {
    steps: u64,
    seeds: u64,
    folder: Option<PathBuf>,
}

fn arguments() -> Result<Arguments, lexopt::Error> {
    use lexopt::prelude::*;
    let mut arguments = Arguments { steps: 800, seeds: 3, folder: None };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("steps") => arguments.steps = parser.value()?.parse()?,
            Long("seeds") => arguments.seeds = parser.value()?.parse()?,
            Long("folder") => arguments.folder = Some(parser.value()?.into()),
            other => return Err(other.unexpected()),
        }
    }
    Ok(arguments)
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { steps, seeds, folder } = arguments()?;
    let (asked, held_out) = (questions(1, QUESTIONS), questions(2, QUESTIONS));
    let every = (steps / 10).max(1);
    if let Some(folder) = folder {
        let network = train(&folder, (taught(), 1), &asked, (steps, every))?;
        println!("right on held-out questions, by arm: {:.3?}", by_arm(&network, &held_out)?);
        return Ok(());
    }

    let scratch = tempfile::tempdir()?;
    println!("right on held-out questions, in %, after {steps} steps of {BATCH}\n");
    let bits = (1..=SUMS).map(|bits| format!("{bits:>8}")).collect::<String>();
    println!("{:<24}{bits}{:>8}", "bits", "all");
    let line = |name: &str, right: [f64; SUMS]| {
        let each = right.map(|right| format!("{:>8.1}", 100.0 * right)).concat();
        println!("{name:<24}{each}{:>8.1}", 100.0 * right.iter().sum::<f64>() / SUMS as f64);
    };
    let mut means = [[0.0; SUMS]; 2];
    for seed in 1..=seeds {
        let place = |name: &str| scratch.path().join(format!("{name}-{seed}"));
        let ours = train(&place("curriculum"), (taught(), seed), &asked, (steps, steps))?;
        let uniform = train(&place("uniform"), (Uniform, seed), &asked, (steps, steps))?;
        let right = [by_arm(&ours, &held_out)?, by_arm(&uniform, &held_out)?];
        for ((name, right), means) in ["curriculum", "uniform"].iter().zip(right).zip(&mut means) {
            line(&format!("{name}, seed {seed}"), right);
            means.iter_mut().zip(right).for_each(|(mean, right)| *mean += right / seeds as f64);
        }
    }
    line("curriculum, mean", means[0]);
    line("uniform, mean", means[1]);

    // Stopped without a word between two checkpoints, as by a kill: the journal is then ahead of the model.
    let killed = scratch.path().join("killed");
    train(&killed, (taught(), 1), &asked, (steps / 2 + every / 2, every))?;
    let killed = train(&killed, (taught(), 1), &asked, (steps, every))?;
    let straight = train(&scratch.path().join("straight"), (taught(), 1), &asked, (steps, every))?;
    let bytes = |network: &Network, name: &str| {
        let folder = scratch.path().join(name);
        std::fs::create_dir(&folder)?;
        network.save(&folder)?;
        Ok::<_, Box<dyn Error>>(std::fs::read(folder.join("model.safetensors"))?)
    };
    let same = bytes(&killed, "end of the killed one")? == bytes(&straight, "end of the other")?;
    assert!(same, "the killed run has come to another end");
    println!("killed and resumed: the same weights, to the last bit");
    Ok(())
}
