//! What other engines for the selection of data were found to do wrong, or could not do, each as a test that it does not
//! happen here: `p` are failures that were read in their source or reproduced, `t` are what their users reported or asked
//! for.

mod answers;
mod arrival;
mod coupling;
mod estimates;
mod gates;
mod mixtures;
mod passes;
mod starving;
mod state;
mod weights;

use crate::common::outcome;
use curricle::{
    Batch, Curriculum, Draw, Feedback, Outcome, Policy, Purpose, Rng, Round, Sampler, Signal, Step,
    Useful,
};

/// What the simulated training saw of a whole batch: a made-up outcome by ticket.
fn all_of(batch: &Batch) -> Vec<Feedback> {
    batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0))).collect()
}

/// The same by a function of the draw.
fn seen(batch: &Batch, outcome: impl Fn(&Draw) -> Outcome) -> Vec<Feedback> {
    batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw))).collect()
}

fn samples(batch: &Batch) -> Vec<u64> {
    batch.samples().map(|sample| sample.0).collect()
}

/// What a process that starts anew reads back from a file.
fn resumed<P: Policy, S: Signal, D: Sampler>(
    curriculum: &Curriculum<P, S, D>,
    built: Curriculum<P, S, D>,
) -> Curriculum<P, S, D> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    curriculum.save(&path).unwrap();
    built.restored(&path).unwrap()
}

fn rng(seed: u64) -> Rng {
    Rng::at(seed, Round(0), Purpose::User)
}

/// A group of eight rollouts, of which so many succeeded by chance.
fn group(rate: f64, rng: &mut Rng) -> Outcome {
    let rewards: [f32; 8] = std::array::from_fn(|_| f32::from(u8::from(rng.unit() < rate)));
    Outcome::group(&rewards).unwrap()
}

/// Works on a step until it is over: its end, and of how many tickets each draw was.
fn filled<P: Policy, S: Signal, D: Sampler>(
    curriculum: &mut Curriculum<P, S, D>,
    want: usize,
    mut outcome: impl FnMut(&Draw) -> Outcome,
) -> (Option<Vec<Useful>>, Vec<usize>) {
    let mut asked = Vec::new();
    loop {
        match curriculum.step(want).unwrap() {
            Step::Draw(batch) => {
                asked.push(batch.draws.len());
                let all = batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw)));
                curriculum.observe(&all.collect::<Vec<_>>()).unwrap();
            }
            Step::Ready(useful) => return (Some(useful), asked),
            Step::Starved { .. } => return (None, asked),
            other => panic!("nothing is open, and yet {other:?}"),
        }
    }
}
