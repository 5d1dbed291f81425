//! A simulated learner: what a curriculum is worth, known within a second.
//!
//! [`simulate`] trains a [`Learner`] in a [`Scenario`] with a real [`Curriculum`] and counts the
//! steps until its mean ability reaches a target. The baselines are uniform sampling (the policy
//! [`Uniform`]), a hand-made order with a mastery gate ([`by_hand`]) and greedy [`oracle`]s that
//! read the learner. A run is a pure function of scenario, seed and curriculum.
//!
//! Here a step is divided by all groups of a batch, so that drawing fewer without signal is a longer step.
//! [`world`] has worlds in which it is not, counted in tokens: what the default is judged by.
//!
//! The model is small: logistic skills, additive prerequisites, exact labels, no interference
//! between domains. What it says about failures (an arm that cannot be learned, skills that are put
//! off) is structural; a ranking of curricula that differ by a few per cent is no more than a
//! hypothesis about a real training.
//!
//! ```
//! use curricle::policy::{Boltzmann, Bounded, Prior};
//! use curricle::signal::{Gated, MeanAdvantage};
//! use curricle::simulator::{Options, Scenario, curriculum, simulate};
//!
//! # fn main() -> curricle::Result<()> {
//! let (scenario, seed, options) = (Scenario::Grid, 1, Options::default());
//! let mut uniform = curriculum(&scenario, seed, &options).build()?;
//! let mut ours = curriculum(&scenario, seed, &options)
//!     .policy(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform))
//!     .signal(Gated::new(MeanAdvantage))
//!     .build()?;
//! let uniform = simulate(&mut uniform, &scenario, seed, &options)?;
//! let ours = simulate(&mut ours, &scenario, seed, &options)?;
//! assert!(ours.steps < uniform.steps);
//! assert!(scenario.score(ours.steps) > 0.5);
//! # Ok(()) }
//! ```

mod forecast;
mod learner;
mod oracle;
mod scenario;
pub mod world;

use crate::base::error::{Result, length, within};
use crate::base::id::ArmId;
use crate::curriculum::Curriculum;
use crate::curriculum::builder::Builder;
use crate::event::Feedback;
use crate::policy::{Policy, Uniform};
use crate::sampler::{Sampler, Systematic};
use crate::signal::{GroupSpread, Signal};

pub use learner::Learner;
pub use oracle::{Oracle, by_hand, oracle};
pub use scenario::{Scenario, Subject};

/// How many samples an arm has: more than a batch.
const MEMBERS: u64 = 200;

/// How long to train, and on what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Prompts in a batch, from 1 to 10^6; default 64.
    pub batch: usize,
    /// The mean ability to reach, in `[0, 1]`; default 0.8.
    pub target: f64,
    /// The most steps; default 6000.
    pub cap: u64,
    /// How many steps later than usual feedback reaches the policy; default 0.
    pub delay: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { batch: 64, target: 0.8, cap: 6000, delay: 0 }
    }
}

/// How a run went.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Simulated {
    /// The number of steps after which the target was reached, if it was within the cap.
    pub steps: Option<u64>,
    /// The mean ability over the learnable arms after each step, from 0 steps on; the last is the
    /// first that reaches the target.
    pub curve: Vec<f64>,
    /// How many prompts each arm had in all.
    pub prompts: Vec<u64>,
}

/// Starts to describe a curriculum for a scenario: its arms with 200 samples each, the sampler
/// [`Systematic`], the seed, and the delay as [lag](Builder::lag). Policy and signal are the
/// builder's defaults until set.
///
/// ```
/// use curricle::policy::Boltzmann;
/// use curricle::simulator::{Options, Scenario, curriculum};
///
/// # fn main() -> curricle::Result<()> {
/// let sec = curriculum(&Scenario::Flat, 1, &Options::default()).policy(Boltzmann::sec_2d()).build()?;
/// assert_eq!(sec.population().arms().count(), 12);
/// # Ok(()) }
/// ```
pub fn curriculum(
    scenario: &Scenario,
    seed: u64,
    options: &Options,
) -> Builder<Uniform, GroupSpread, Systematic> {
    let arms = scenario.arms();
    Curriculum::builder((u64::from(arms) * MEMBERS) as usize)
        .arms(arms, |sample| (sample.0 / MEMBERS) as u32)
        .sampler(Systematic)
        .seed(seed)
        .lag(options.delay)
}

/// Trains a new learner with a curriculum until the target or the cap is reached.
///
/// Each step draws a batch, trains on the arms of its draws and reports every outcome at once. How
/// late that feedback reaches the policy is the curriculum's [lag](Builder::lag), which
/// [`curriculum`] sets from the options. Each prompt has a difficulty of its own, so it is the arm
/// of a draw that matters, not its sample.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) for an option;
/// [`Error::Length`](crate::Error::Length) if the curriculum has another number of arms than the
/// scenario; whatever the curriculum refuses to draw or observe.
pub fn simulate<P: Policy, S: Signal, D: Sampler>(
    curriculum: &mut Curriculum<P, S, D>,
    scenario: &Scenario,
    seed: u64,
    options: &Options,
) -> Result<Simulated> {
    length("arms", scenario.arms() as usize, curriculum.population().arms().count())?;
    course(scenario, seed, options, |learner| {
        let batch = curriculum.draw(options.batch)?;
        let prompts: Vec<ArmId> = batch.draws.iter().map(|draw| draw.arm).collect();
        let outcomes = learner.train(&prompts)?;
        let feedback = batch.draws.iter().zip(outcomes);
        let feedback = feedback.map(|(draw, outcome)| Feedback::new(draw.ticket, outcome));
        curriculum.observe(&feedback.collect::<Vec<Feedback>>())?;
        Ok(prompts)
    })
}

/// Repeats a step, which returns the arms that it trained on, until the target or the cap is reached.
fn course(
    scenario: &Scenario,
    seed: u64,
    options: &Options,
    mut step: impl FnMut(&mut Learner) -> Result<Vec<ArmId>>,
) -> Result<Simulated> {
    within("batch size", options.batch as f64, 1.0, 1e6)?;
    within("target", options.target, 0.0, 1.0)?;
    let mut learner = Learner::new(scenario, seed);
    let mut run = Simulated {
        steps: None,
        curve: vec![learner.mean_ability()],
        prompts: vec![0; scenario.arms() as usize],
    };
    while learner.mean_ability() < options.target && learner.steps() < options.cap {
        step(&mut learner)?.iter().for_each(|arm| run.prompts[arm.index()] += 1);
        run.curve.push(learner.mean_ability());
    }
    run.steps = (learner.mean_ability() >= options.target).then(|| learner.steps());
    Ok(run)
}
