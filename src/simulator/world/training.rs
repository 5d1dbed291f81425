//! Training in a world: a curriculum, the groups that count, and the tokens that they cost.

use super::World;
use super::pupil::{Group, Pupil, ROLLOUTS};
use crate::base::error::{Result, length};
use crate::base::id::ArmId;
use crate::curriculum::Curriculum;
use crate::event::{Feedback, Outcome};
use crate::policy::Policy;
use crate::sampler::Sampler;
use crate::signal::Signal;

/// Which groups the mean of the gradient is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Groups {
    /// All of the batch.
    All,
    /// Those with signal: rewards that are not all equal. The others are dropped.
    Signal,
    /// Those with signal, of which a step waits for a whole batch; at most four batches are drawn.
    Refill,
}

/// How to train.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Training {
    /// The learning rate.
    pub rate: f64,
    /// What the gradient is over.
    pub groups: Groups,
    /// Training stops when so many rollout tokens have been spent.
    pub tokens: f64,
}

/// How a training went.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Tokens spent, and the ability by the target, after each step, from none on.
    pub curve: Vec<(f64, f64)>,
    /// Tokens spent on each arm.
    pub tokens: Vec<f64>,
}

impl Course {
    /// The tokens after which an ability was reached, between steps by a straight line.
    pub fn reaches(&self, ability: f64) -> Option<f64> {
        let after = self.curve.iter().position(|(_, found)| *found >= ability)?;
        let (tokens, found) = self.curve[after];
        let Some(&(before, below)) = after.checked_sub(1).and_then(|at| self.curve.get(at)) else {
            return Some(tokens);
        };
        Some(before + (tokens - before) * (ability - below) / (found - below))
    }

    /// The ability when so many tokens had been spent.
    pub fn at(&self, tokens: f64) -> f64 {
        let after = self.curve.partition_point(|(spent, _)| *spent <= tokens);
        self.curve[after.max(1) - 1].1
    }

    /// The mean ability over the tokens spent.
    pub fn area(&self) -> f64 {
        let pieces = self.curve.windows(2);
        let sum: f64 = pieces.map(|pair| (pair[1].0 - pair[0].0) * pair[0].1).sum();
        sum / self.curve.last().map_or(1.0, |(tokens, _)| *tokens)
    }
}

/// Trains a new mind of a world with a curriculum.
///
/// Each step draws a batch, answers it, reports every group at once, and takes a step on the groups that
/// count. `shift` is called when the target of the world changes, with its new weights: a user would say so.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) if the curriculum has another number of arms; whatever it refuses.
pub fn train<P: Policy, S: Signal, D: Sampler>(
    curriculum: &mut Curriculum<P, S, D>,
    world: &World,
    seed: u64,
    training: &Training,
) -> Result<Course> {
    length("arms", world.arms.len(), curriculum.population().arms().count())?;
    let mut pupil = Pupil::new(world, seed, training.rate);
    let mut course =
        Course { curve: vec![(0.0, pupil.ability())], tokens: vec![0.0; world.arms.len()] };
    let mut spent = 0.0;
    let mut groups: Vec<(ArmId, Group)> = Vec::new();
    while spent < training.tokens {
        groups.clear();
        let most = if training.groups == Groups::Refill { 4 } else { 1 };
        let mut useful = 0;
        for draw in 0..most {
            let mut rng = pupil.rng(draw);
            let batch = curriculum.draw(world.batch)?;
            let mut feedback = Vec::with_capacity(batch.draws.len());
            for draw in &batch.draws {
                let group = pupil.answer(draw.arm, draw.sample, &mut rng);
                useful += usize::from(group.has_signal());
                let tokens = f64::from(ROLLOUTS) * world.arms[draw.arm.index()].tokens;
                spent += tokens;
                course.tokens[draw.arm.index()] += tokens;
                let outcome = Outcome::default()
                    .success(group.success() as f32)
                    .abs_advantage((2.0 * group.root()) as f32)
                    .cost(tokens as f32)
                    .rollouts(ROLLOUTS);
                feedback.push(Feedback::new(draw.ticket, outcome));
                groups.push((draw.arm, group));
            }
            curriculum.observe(&feedback)?;
            if useful >= world.batch {
                break;
            }
        }
        let among = if training.groups == Groups::All { groups.len() } else { useful };
        let mut rng = pupil.rng(1 << 20);
        pupil.learn(&groups, among, &mut rng);
        course.curve.push((spent, pupil.ability()));
    }
    Ok(course)
}
