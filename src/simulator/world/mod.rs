//! Worlds: what there is to learn, from independent mechanisms that can be put together.
//!
//! A [`World`] is a list of arms ([`Category`]), a kind of [`Mind`] that learns them, and the circumstances of the
//! training. [`World::all`] has the named ones; to add one is a few lines. [`train`] trains a mind in a world with a
//! real [`Curriculum`], counts rollout tokens, and returns the learning curve: a [`Course`].
//!
//! # The step
//!
//! All minds take the same kind of step, with `n` the groups that count ([`Groups`]), `g_i` the gradient of one of
//! them, `p_i` its success, and `z` a standard normal number for each parameter:
//!
//! ```text
//! g  = (1/n) sum_i g_i + noise/n sqrt(sum_i p_i (1 - p_i)) z    the sum is over groups with signal
//! g' = g min(1, 0.05 / |g|)                                     the clipped gradient
//! s  = rate g' max(1 - rate |g'| / 0.2, -1)                     a longer step does less, in logits
//! ```
//!
//! The noise of a group is as large whatever the group is of: a coin toss adds noise and no gradient. The best length
//! of a step is 0.1, at a rate of 2; beyond it a step overshoots.
//!
//! # What it assumes, and what it cannot say
//!
//! - The gradient is clipped, and steps have a best length. With groups without signal dropped, sampling by the target
//!   takes full steps nearly always. A curriculum cannot make them longer: what is left to gain is their direction
//!   (less noise, more of what is ready to be learned). That bounds what can be gained here. A trainer without
//!   clipping, with another optimiser, or one that divides by all groups ([`Groups::All`]) has other bounds.
//! - Success is judged exactly, but where a category says otherwise; rollouts of a prompt are independent; all cost
//!   the same tokens within a category.
//! - Skills are single numbers, or chains of softmax choices. There is no network whose features are shared,
//!   no entropy that collapses, no length that grows. What moves by itself does so for ever in the same way.
//! - What it says of failures (an arm that captures the batch) is structural. A ranking of curricula that differ by
//!   some percent is a hypothesis about a real training, and the ratios are no forecast of one.
//!
//! The rate is one for all curricula of a comparison: that which is best for drawing by the target, with groups
//! without signal dropped. `POLICIES.md` has what was measured.

mod catalogue;
mod check;
mod course;
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

pub use course::Course;
pub use training::{Groups, Training, train};

/// What stands behind a category.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Lesson {
    /// A skill that training raises.
    Skill {
        /// Its number among the skills of the [`Mind`]; for softmax chains the last of those that a sample needs.
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
    /// One logit a skill, moved by the expected gradient of group-normalised advantages, plus noise.
    ///
    /// ```text
    /// m_k = s_k - difficulty_k - gap sum_j (1 - a_j)                     over the skills j that k builds on
    /// a_k = mean over samples d of sigmoid(m_k - spread d)               the ability
    /// g_k = sqrt(p (1 - p)) prod_j a_j / (1 + visits / repeats)          of a group with success p, along s_k
    /// s_k <- s_k + step_k + transfer sum_j max(step_j, 0) - interference sum_(i != k) |step_i| - forgetting s_k
    /// ```
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
    /// A softmax over actions for each skill. A sample of a skill succeeds if its action and those of all skills
    /// before it in its chain are right. The gradient is that of the sampled actions:
    ///
    /// ```text
    /// g = mean over rollouts of (r - mean r) / (sd r + 1e-6) grad log p(actions)
    /// ```
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
    /// Prompts in a batch, each answered by 8 rollouts.
    pub batch: usize,
    /// How many steps later than usual feedback reaches the policy.
    pub lag: u64,
    /// The noise of the gradient of one group along every parameter, in units of its size; see [the
    /// step](self#the-step).
    pub noise: f64,
    /// How many steps drawing by the target is given: its [budget](Self::budget).
    pub steps: u64,
    /// From this step on the target has these weights, by arm.
    pub shift: Option<(u64, Vec<f64>)>,
    /// Whether there is an order to find, or noise to avoid: whether at some time much of what uniform sampling draws
    /// is without use.
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
        let mut weights = self.weights(step);
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        weights
    }

    fn weights(&self, step: u64) -> Vec<f64> {
        match &self.shift {
            Some((from, weights)) if step >= *from => weights.clone(),
            _ => self.arms.iter().map(|arm| arm.weight).collect(),
        }
    }

    /// The weights of the target that a curriculum is told: those of the arms; where the target shifts, which nobody
    /// tells, the same for all.
    pub fn told(&self) -> Vec<f64> {
        let weight = |arm: &Category| if self.shift.is_some() { 1.0 } else { arm.weight };
        self.arms.iter().map(weight).collect()
    }

    /// The tokens that [`steps`](Self::steps) of drawing by [what is told](Self::told) are expected to cost, with 8
    /// rollouts a prompt and one batch a step.
    ///
    /// ```
    /// use curricle::simulator::world::World;
    ///
    /// let chain = World::named("chain").unwrap();
    /// assert_eq!(chain.budget(), 800.0 * 64.0 * 8.0); // one token a rollout
    /// ```
    pub fn budget(&self) -> f64 {
        let told = self.told();
        let mean: f64 = self.arms.iter().zip(&told).map(|(arm, weight)| arm.tokens * weight).sum();
        let sum: f64 = told.iter().sum();
        let prompts = self.batch as f64 * self.steps as f64;
        mean / sum * prompts * f64::from(pupil::ROLLOUTS)
    }

    /// The world of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|world| world.name == name)
    }
}
