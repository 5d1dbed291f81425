//! Reinforcement learning on groups of rollouts: the default preset, groups reduced to outcomes, a gate, one batch of lag,
//! metrics, and a journal that is killed half-way and resumes.
//!
//! ```text
//! cargo run --example grpo_loop
//! ```
//! The model is a softmax over eight answers for each of three levels, trained by the policy gradient on its own samples.

#![expect(clippy::disallowed_methods, reason = "a model may use the host's functions")]

use std::collections::VecDeque;
use std::path::Path;

use curricle::preset::PostTraining;
use curricle::{
    Batch, Curriculum, Draw, Feed, Feedback, Gate, Journal, Outcome, Purpose, Result, Rng, Round,
    Verdict,
};

const ARMS: [&str; 3] = ["easy", "middle", "hard"];

/// For each level, the logits of its answers. Answer 0 is right; the harder the level, the less it starts with.
#[derive(Clone)]
struct Model([[f64; 8]; 3]);

impl Model {
    fn probabilities(&self, arm: usize) -> [f64; 8] {
        let weights = self.0[arm].map(f64::exp);
        weights.map(|weight| weight / weights.iter().sum::<f64>())
    }

    /// A group of eight answers and their rewards. The ticket addresses the randomness: done again, it is the same.
    fn rollouts(&self, draw: &Draw) -> ([usize; 8], [f32; 8]) {
        let mut random = Rng::at(1, Round(draw.ticket.0), Purpose::User);
        let p = self.probabilities(draw.arm.index());
        let answers = [(); 8].map(|()| {
            let target = random.unit();
            (1..8).find(|&last| target < p[..last].iter().sum()).map_or(7, |last| last - 1)
        });
        (answers, answers.map(|answer| if answer == 0 { 1.0 } else { 0.0 }))
    }

    /// A step of the policy gradient on what the gate admits, with advantages relative to the mean of the group.
    fn train(&mut self, feed: &mut impl Feed, batch: &Batch) -> Result<()> {
        let groups: Vec<_> = batch.draws.iter().map(|draw| self.rollouts(draw)).collect();
        let report = batch.draws.iter().zip(&groups);
        let report =
            report.map(|(draw, (_, rewards))| Ok(Feedback::new(draw.ticket, Outcome::group(rewards)?)));
        // A rejected group has taught the curriculum all the same.
        let verdicts = feed.observe(&report.collect::<Result<Vec<_>>>()?)?;
        let judged = batch.draws.iter().zip(&groups).zip(verdicts);
        for ((draw, (answers, rewards)), _) in judged.filter(|(_, verdict)| *verdict == Verdict::Admit)
        {
            let p = self.probabilities(draw.arm.index());
            let mean = rewards.iter().sum::<f32>() / 8.0;
            for (&answer, reward) in answers.iter().zip(rewards) {
                for (other, logit) in self.0[draw.arm.index()].iter_mut().enumerate() {
                    let gradient = if other == answer { 1.0 - p[other] } else { -p[other] };
                    *logit += 0.01 * f64::from(reward - mean) * gradient;
                }
            }
        }
        Ok(())
    }
}

fn curriculum() -> Result<PostTraining> {
    let builder = Curriculum::builder(3000).arms(3, |sample| (sample.0 / 1000) as u32).arm_names(ARMS);
    builder.post_training().gate(Gate::zero_signal()).lag(1).seed(7).build()
}

/// Trains up to a round, one batch drawn ahead: starts a journal, or resumes it with the batches that were not done.
fn run(path: &Path, model: &mut Model, rounds: u64) -> Result<u64> {
    let mut journal = Journal::open(path, curriculum()?)?;
    let mut ahead = VecDeque::from(journal.curriculum().unfinished());
    while journal.curriculum().round().0 < rounds {
        ahead.push_back(journal.draw(32)?);
        if ahead.len() > 1
            && let Some(batch) = ahead.pop_front()
        {
            model.train(&mut journal, &batch)?;
        }
    }
    println!("{}", journal.curriculum().metrics());
    Ok(journal.curriculum().digest())
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let logits = |right| std::array::from_fn(|answer| if answer == 0 { right } else { 0.0 });
    let mut model = Model([0.0, -1.5, -3.0].map(logits));
    let mut twin = model.clone();
    // The journal is dropped without a word in between: killed.
    run(&folder.path().join("killed"), &mut model, 150)?;
    let killed = run(&folder.path().join("killed"), &mut model, 300)?;
    assert_eq!(killed, run(&folder.path().join("straight"), &mut twin, 300)?);
    println!("killed and resumed: the same decisions, to the last bit");
    Ok(())
}
