//! Training in a world: a curriculum, the groups that count, and the tokens that they cost.

use super::World;
use super::course::Course;
use super::pupil::{Group, Pupil, ROLLOUTS};
use crate::base::error::{Result, length, within};
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
    /// All of the batch: drawing more groups with signal is a longer step.
    All,
    /// Those with signal: rewards that are not all equal. The others are dropped.
    Signal,
    /// Those with signal, of which a step waits for a whole batch; at most four batches are drawn.
    Refill,
}

/// How to train.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Training {
    /// The learning rate, at least 0: what the clipped gradient is multiplied by.
    pub rate: f64,
    /// What the gradient is over.
    pub groups: Groups,
    /// Training stops when so many rollout tokens have been spent; see [`World::budget`].
    pub tokens: f64,
    /// Training stops, too, when this ability has been [reached](Course::reaches); infinity for never.
    pub until: f64,
}

/// Batches that a step may draw while it waits for groups with signal.
const REFILLS: u64 = 4;
/// The generator of a step's noise is that of a batch that is never drawn.
const NOISE: u64 = 1 << 20;

/// Trains a new mind of a world with a curriculum.
///
/// Each step draws a batch, answers it with 8 rollouts a prompt, reports every group at once, and takes a step on the
/// groups that count. The result is a pure function of world, curriculum, seed and training. Nobody tells the
/// curriculum that a target shifts.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) if the curriculum has another number of arms;
/// [`Error::OutOfRange`](crate::Error::OutOfRange) for a number of the world or the training; what the curriculum
/// refuses.
///
/// ```
/// use curricle::policy::Prior;
/// use curricle::simulator::world::{Groups, Training, World, train};
///
/// # fn main() -> curricle::Result<()> {
/// let Some(world) = World::named("chain") else { return Ok(()) };
/// let training =
///     Training { rate: 2.0, groups: Groups::Signal, tokens: world.budget(), until: f64::INFINITY };
/// let target = Prior::Weights(world.told());
/// let mut uniform = world.curriculum(1).build()?;
/// let mut tilted = world.curriculum(1).post_training().target(target).build()?;
/// let uniform = train(&mut uniform, &world, 1, &training)?;
/// let tilted = train(&mut tilted, &world, 1, &training)?;
/// let level = uniform.level(0.5, world.budget());
/// assert!(tilted.reaches(level) < uniform.reaches(level)); // in tokens
/// # Ok(()) }
/// ```
pub fn train<P: Policy, S: Signal, D: Sampler>(
    curriculum: &mut Curriculum<P, S, D>,
    world: &World,
    seed: u64,
    training: &Training,
) -> Result<Course> {
    world.check()?;
    length("arms", world.arms.len(), curriculum.population().arms().count())?;
    within("learning rate", training.rate, 0.0, 1e6)?;
    within("tokens of a training", training.tokens, 0.0, 1e15)?;
    within("ability to stop at", training.until, 0.0, f64::INFINITY)?;
    let mut pupil = Pupil::new(world, seed, training.rate);
    let mut course = Course {
        curve: vec![(0.0, pupil.ability())],
        wasted: vec![0.0],
        tokens: vec![0.0; world.arms.len()],
        from: world.shift.as_ref().map_or(0, |(from, _)| *from as usize),
    };
    let (mut spent, mut wasted) = (0.0, 0.0);
    let mut groups: Vec<(ArmId, Group)> = Vec::new();
    while spent < training.tokens {
        groups.clear();
        let most = if training.groups == Groups::Refill { REFILLS } else { 1 };
        let mut useful = 0;
        for draw in 0..most {
            let mut rng = pupil.rng(draw);
            let batch = curriculum.draw(world.batch)?;
            let mut feedback = Vec::with_capacity(batch.draws.len());
            for draw in &batch.draws {
                let group = pupil.answer(draw.arm, draw.sample, &mut rng);
                let arm = &world.arms[draw.arm.index()];
                useful += usize::from(group.has_signal());
                let tokens = f64::from(ROLLOUTS) * arm.tokens;
                spent += tokens;
                wasted += if arm.can_be_learned() { 0.0 } else { tokens };
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
        let mut rng = pupil.rng(NOISE);
        pupil.learn(&groups, among, &mut rng);
        let ability = pupil.ability();
        course.curve.push((spent, ability));
        course.wasted.push(wasted);
        if ability >= training.until && course.curve.len() > course.from {
            break;
        }
    }
    Ok(course)
}
