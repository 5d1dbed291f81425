//! Worlds: what there is to learn, from independent mechanisms that can be put together.
//!
//! A [`World`] is a list of [`Category`]s, a kind of [`Mind`] that learns them, and the circumstances of
//! the training. [`World::all`] has the named ones. [`train`] trains a mind in a world with a real
//! [`Curriculum`](crate::Curriculum), counts rollout tokens, and returns the learning curve. The unit of every comparison is the
//! token; the rate is tuned for uniform sampling with groups without signal dropped, and used for all.

mod catalogue;
mod logistic;
mod pupil;
mod softmax;
mod training;

use crate::base::id::SampleId;
use crate::curriculum::Curriculum;
use crate::curriculum::builder::Builder;
use crate::policy::Uniform;
use crate::sampler::Systematic;
use crate::signal::GroupSpread;

pub use training::{Course, Groups, Training, train};

/// What stands behind a category.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Lesson {
    /// A skill that training raises: its number among the skills of the [`Mind`], and how hard its samples are.
    Skill {
        /// The skill; for softmax chains the last of those that a sample needs.
        skill: usize,
        /// How far the untrained skill lies below even odds, in logits; 0 for softmax chains.
        difficulty: f64,
        /// The skills that it builds on.
        needs: Vec<usize>,
    },
    /// Every sample succeeds with this chance for ever.
    Coin(f64),
    /// Half of the samples succeed with the first chance for ever, half with the second.
    Mixed(f64, f64),
    /// The success of all swings between two chances with a period, in steps, whatever is trained.
    Swing {
        /// The least chance.
        low: f64,
        /// The greatest.
        high: f64,
        /// The steps of a period.
        period: f64,
    },
    /// It jumps between two chances; each stretch lasts this many steps on average.
    Jump {
        /// The least chance.
        low: f64,
        /// The greatest.
        high: f64,
        /// The mean length of a stretch, in steps.
        mean: u64,
    },
    /// It rises evenly for this many steps, and falls back at once.
    Saw {
        /// The least chance.
        low: f64,
        /// The greatest.
        high: f64,
        /// The steps of a period.
        period: f64,
    },
    /// It rises evenly, once, over this many steps, and stays.
    Rise {
        /// The chance at the start.
        low: f64,
        /// The chance at the end.
        high: f64,
        /// The steps that it takes.
        steps: f64,
    },
}

/// One arm of a world.
#[derive(Debug, Clone, PartialEq)]
pub struct Category {
    /// What is behind it.
    pub lesson: Lesson,
    /// How many samples there are.
    pub samples: u64,
    /// Tokens of a rollout.
    pub tokens: f64,
    /// What it counts in the target, relative to the others.
    pub weight: f64,
    /// The share of samples that never succeed.
    pub hopeless: f64,
    /// The share of samples that are coin tosses.
    pub tossed: f64,
    /// The share of samples whose reward is the opposite of the truth.
    pub mislabelled: f64,
    /// The standard deviation of the difficulties of its samples, in logits.
    pub spread: f64,
}

/// How a mind learns.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Mind {
    /// One logit a skill, moved by the expected step of a policy gradient with group-normalised advantages,
    /// plus the noise of its estimate.
    Logistic {
        /// What an unlearned prerequisite takes away, in logits.
        gap: f64,
        /// The part of what was learned that one step forgets.
        forgetting: f64,
        /// The part of a gain that also goes to each skill that builds on it.
        transfer: f64,
        /// The part of all gains that is taken from each other skill.
        interference: f64,
        /// After so many visits of a sample its gain has halved; infinity for never.
        repeats: f64,
    },
    /// A softmax over `actions` for each skill; a sample of skill `k` of a chain succeeds if all actions of the chain up to `k` are right. The gradient
    /// is that of the actions that were sampled.
    Softmax {
        /// Actions to choose from, one of them right.
        actions: usize,
        /// Skills in a chain.
        length: usize,
        /// The part of a step that also goes to the other chains.
        shared: f64,
    },
}

/// What there is to learn, and under which circumstances.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// Its name in tables.
    pub name: &'static str,
    /// The arms.
    pub arms: Vec<Category>,
    /// Who learns.
    pub mind: Mind,
    /// Prompts in a batch.
    pub batch: usize,
    /// How many steps later than usual feedback reaches the policy.
    pub lag: u64,
    /// The noise of the gradient of one group along every parameter, in units of its size.
    pub noise: f64,
    /// How many steps uniform sampling is given.
    pub steps: u64,
    /// From this step on the target has these weights.
    pub shift: Option<(u64, Vec<f64>)>,
    /// Whether there is an order to find: whether what uniform sampling draws is mostly without use at some time.
    pub has_order: bool,
}

impl Category {
    /// 200 samples of a lesson, of one token a rollout, weight 1, difficulties that vary by one logit.
    pub fn new(lesson: Lesson) -> Self {
        Self {
            lesson,
            samples: 200,
            tokens: 1.0,
            weight: 1.0,
            hopeless: 0.0,
            tossed: 0.0,
            mislabelled: 0.0,
            spread: 1.0,
        }
    }

    /// Whether training can raise its success.
    pub fn can_be_learned(&self) -> bool {
        matches!(self.lesson, Lesson::Skill { .. })
    }
}

impl World {
    /// Starts to describe a curriculum for this world: its arms, sampler [`Systematic`], seed and lag.
    ///
    /// ```
    /// use curricle::simulator::world::World;
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let world = World::named("chain").ok_or(curricle::Error::NothingToDraw)?;
    /// assert_eq!(world.curriculum(1).build()?.population().arms().count(), 8);
    /// # Ok(()) }
    /// ```
    pub fn curriculum(&self, seed: u64) -> Builder<Uniform, GroupSpread, Systematic> {
        let ends: Vec<u64> = self
            .arms
            .iter()
            .scan(0, |end, arm| {
                *end += arm.samples;
                Some(*end)
            })
            .collect();
        let samples = ends.last().copied().unwrap_or(0) as usize;
        let arm = move |sample: SampleId| ends.partition_point(|end| *end <= sample.0) as u32;
        Curriculum::builder(samples)
            .arms(self.arms.len() as u32, arm)
            .sampler(Systematic)
            .seed(seed)
            .lag(self.lag)
    }

    /// The weights of the target at a step, by arm; they sum to one.
    pub fn target(&self, step: u64) -> Vec<f64> {
        let weights: Vec<f64> = match &self.shift {
            Some((from, weights)) if step >= *from => weights.clone(),
            _ => self.arms.iter().map(|arm| arm.weight).collect(),
        };
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    }

    /// The weights of the target that a curriculum is told: those of the arms; where the target changes, which nobody
    /// tells, the same for all.
    pub fn told(&self) -> Vec<f64> {
        let weight = |arm: &Category| if self.shift.is_some() { 1.0 } else { arm.weight };
        self.arms.iter().map(weight).collect()
    }

    /// The world of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|world| world.name == name)
    }
}
