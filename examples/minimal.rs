//! The ten-line loop: no framework, no GPU, any trainer.
//!
//! ```text
//! cargo run --example minimal
//! ```
//!
//! The "model" knows for each of 1000 samples how likely it is to get it right. Samples 0 to 249 are
//! easy, 750 to 999 are out of reach; training on a sample helps those of its kind.

use curricle::policy::{Boltzmann, Bounded, Prior};
use curricle::{Curriculum, Feedback, Outcome, Result};

fn main() -> Result<()> {
    let mut success = [0.95, 0.5, 0.1, 0.0f32];

    let mut curriculum = Curriculum::builder(1000)
        .arms(4, |sample| (sample.0 / 250) as u32)
        .policy(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform))
        .build()?;
    for step in 0..600 {
        let batch = curriculum.draw(32)?;
        let mut feedback = Vec::new();
        for draw in &batch.draws {
            let seen = train_on(draw.sample.index(), &mut success);
            feedback.push(Feedback::new(draw.ticket, Outcome::default().success(seen)));
        }
        curriculum.observe(&feedback)?;
        if step % 100 == 99 {
            let percent = |share: &f64| format!("{:>3.0} %", 100.0 * share);
            let shares: Vec<String> = curriculum.shares().iter().map(percent).collect();
            println!("step {:>3}: drawn {}, success {success:.2?}", step + 1, shares.join(" "));
        }
    }
    Ok(())
}

/// Stands for a training step: returns the success before it, and improves the sample's kind by what
/// there was to learn from it.
fn train_on(sample: usize, success: &mut [f32; 4]) -> f32 {
    let kind = sample / 250;
    let seen = success[kind];
    let gain = 0.0004 * (seen * (1.0 - seen)).sqrt();
    success[kind] = (seen + gain).min(1.0);
    if kind + 1 < success.len() {
        // What is learned of one kind prepares for the next.
        success[kind + 1] = (success[kind + 1] + 0.2 * gain).min(1.0);
    }
    seen
}
