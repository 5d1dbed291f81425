//! Policies: who allots probability to the arms, and learns from what came back.
//!
#![doc = include_str!("../../POLICIES.md")]

mod advantage_ucb;
mod boltzmann;
mod bounded;
mod cold_start;
mod difficulty;
mod easy_to_hard;
mod evidence;
mod exp3;
mod fixed;
mod gaussian;
mod kalman;
mod learning_progress;
mod mastered;
mod mixing;
mod odds;
mod open_arms;
mod pac;
mod per_cost;
mod posterior;
mod power_law;
mod replay;
mod rescaled;
mod restart;
mod scaling;
mod staged;
mod teacher_student;
mod thompson;
mod ucb;
mod uniform;
mod variate;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::{Error, Result, finite, length};
use crate::event::Field;
use crate::id::{ArmId, Round};
use crate::population::Population;
use crate::rng::Rng;

pub use advantage_ucb::Dump;
pub use boltzmann::{Boltzmann, Clock};
pub use bounded::{Bounded, Prior};
pub use cold_start::ColdStart;
pub use difficulty::Difficulty;
pub use easy_to_hard::{EasyToHard, Pace};
pub use evidence::Forgetting;
pub use exp3::{Exp3, Update};
pub use fixed::Fixed;
pub use gaussian::{Gaussian, MeanRule, Spread};
pub use kalman::Kalman;
pub use learning_progress::AbsoluteProgress;
pub use mastered::Mastered;
pub use mixing::{Estimate, OnlineMixing};
pub use odds::{Logits, Odds};
pub(crate) use odds::{MANY, Revision};
pub use pac::Pac;
pub use per_cost::PerCost;
pub use posterior::Posterior;
pub use replay::LevelReplay;
pub use rescaled::{Range, Rescaled};
pub use restart::{Detector, Forget, Restart, Scope};
pub use scaling::ScalingLaw;
pub use staged::{Advance, Staged};
pub use teacher_student::{Teacher, TeacherStudent};
pub use thompson::{Belief, Thompson};
pub use ucb::{Bound, Ucb};
pub use uniform::Uniform;

/// What is decided for one round: a probability for each arm, or a Gaussian over ranks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Allotment {
    /// The probability of each arm, by [`ArmId`]; they sum to 1.
    Arms(Vec<f64>),
    /// The probabilities of very many arms; see [`Policy::logits`].
    Odds(Odds),
    /// Rank `i`, counted over the slots of all [`Arms`](crate::Arms), has a probability
    /// proportional to `exp(-(i - mean)^2 / (2 sd^2))`.
    Ranks {
        /// The centre, in ranks.
        mean: f64,
        /// The standard deviation, in ranks.
        sd: f64,
    },
}

impl Default for Allotment {
    fn default() -> Self {
        Self::Arms(Vec::new())
    }
}

impl Allotment {
    /// Makes this a list of `arms` probabilities, all 0, and lends it for filling in. The memory of
    /// an earlier list is reused.
    pub fn arms(&mut self, arms: usize) -> &mut [f64] {
        if !matches!(self, Self::Arms(_)) {
            *self = Self::default();
        }
        let Self::Arms(p) = self else { return &mut [] };
        p.clear();
        p.resize(arms, 0.0);
        p
    }

    /// The probability of an arm; 1 over ranks.
    #[inline]
    pub fn share(&self, arm: ArmId) -> f64 {
        match self {
            Self::Arms(p) => p.get(arm.index()).copied().unwrap_or(0.0),
            Self::Odds(odds) => odds.share(arm),
            Self::Ranks { .. } => 1.0,
        }
    }

    /// The probability of each arm; empty over ranks. Cost: O(K).
    pub fn shares(&self) -> Vec<f64> {
        match self {
            Self::Arms(p) => p.clone(),
            Self::Odds(odds) => (0..odds.arms() as u32).map(|arm| odds.share(ArmId(arm))).collect(),
            Self::Ranks { .. } => Vec::new(),
        }
    }

    /// Moves the probability of arms that have nothing to draw to the others, in proportion.
    ///
    /// # Errors
    /// [`Error::NonFinite`], [`Error::OutOfRange`] or [`Error::NotADistribution`] for numbers that
    /// are no probabilities; [`Error::NothingToDraw`] if nothing is left.
    pub(crate) fn settle(&mut self, population: &Population) -> Result<()> {
        let p = match self {
            Self::Arms(p) => p,
            // A policy's own: they may have weights for arms that have been emptied since.
            Self::Odds(_) => {
                *self = Self::Arms(self.shares());
                return self.settle(population);
            }
            Self::Ranks { mean, sd } => {
                finite("mean rank", 0, *mean)?;
                crate::error::within("standard deviation", *sd, f64::MIN_POSITIVE, f64::MAX)?;
                return match population.drawable_total() {
                    0 => Err(Error::NothingToDraw),
                    _ => Ok(()),
                };
            }
        };
        length("probabilities of arms", population.arms().count(), p.len())?;
        let mut sum = 0.0;
        for (arm, &share) in p.iter().enumerate() {
            finite("probability", arm as u64, share)?;
            crate::error::within("probability", share, 0.0, 1.0 + 1e-9)?;
            sum += share;
        }
        if (sum - 1.0).abs() > 1e-6 {
            return Err(Error::NotADistribution { sum });
        }
        let mut left = 0.0;
        for (arm, share) in p.iter_mut().enumerate() {
            if population.drawable(ArmId(arm as u32)) == 0 {
                *share = 0.0;
            }
            left += *share;
        }
        if left <= 0.0 {
            return Err(Error::NothingToDraw);
        }
        p.iter_mut().for_each(|share| *share /= left);
        Ok(())
    }
}

/// What a policy is asked to decide: one round.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Turn<'a> {
    /// The round.
    pub round: Round,
    /// How many samples will be drawn.
    pub slots: usize,
    /// The samples and their arms.
    pub population: &'a Population,
    /// How many tickets of each arm were drawn in rounds that have not been learned from yet; empty
    /// if there are none, as with a lag of 0.
    pub under_way: &'a [u32],
}

impl<'a> Turn<'a> {
    /// A turn with nothing under way.
    pub fn new(round: Round, slots: usize, population: &'a Population) -> Self {
        Self { round, slots, population, under_way: &[] }
    }
}

/// What one round brought in for one arm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reward {
    /// The arm.
    pub arm: ArmId,
    /// How many of its tickets came back.
    pub count: u32,
    /// Their mean [score](crate::Signal).
    pub score: f64,
    /// Their mean success, over those that reported one.
    pub success: Option<f64>,
    /// How many rollouts they had in all.
    pub rollouts: u32,
    /// Their mean loss, over those that reported one.
    pub loss: Option<f64>,
    /// Their total cost, over those that reported one.
    pub cost: Option<f64>,
    /// The probability that the arm had when the round was drawn; 1 in a round over ranks.
    pub share: f64,
}

impl Reward {
    /// The reward of `count` tickets with a mean score.
    ///
    /// ```
    /// use curricle::{ArmId, policy::Reward};
    ///
    /// let reward = Reward::new(ArmId(2), 64, 0.7).success(0.3);
    /// assert_eq!(reward.success, Some(0.3));
    /// ```
    pub fn new(arm: ArmId, count: u32, score: f64) -> Self {
        Self { arm, count, score, rollouts: count, success: None, loss: None, cost: None, share: 1.0 }
    }

    /// Sets the mean success.
    pub fn success(mut self, success: f64) -> Self {
        self.success = Some(success);
        self
    }

    /// Sets the number of rollouts; without it each ticket is one.
    pub fn rollouts(mut self, rollouts: u32) -> Self {
        self.rollouts = rollouts;
        self
    }

    /// Sets the probability that the arm had when the round was drawn.
    pub fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }
}

/// Allots a probability to every arm, and learns from the rewards of the arms.
///
/// A policy is a plain value: no threads, no clock, no generator of its own. A curriculum keeps a copy
/// that learns first, so that a failing draw changes nothing; the value is what a
/// [snapshot](crate::Curriculum::save) keeps.
///
/// ```
/// use curricle::policy::{Allotment, Policy, Reward, Turn};
/// use curricle::{Curriculum, Population, Result, Rng};
/// use serde::{Deserialize, Serialize};
///
/// /// Always the arm with the best last reward.
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Greedy(Vec<f64>);
///
/// impl Policy for Greedy {
///     fn prepare(&mut self, population: &Population) -> Result<()> {
///         self.0 = vec![f64::INFINITY; population.arms().count()];
///         Ok(())
///     }
///     fn allot(&self, _: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
///         let best = (0..self.0.len()).rev().max_by(|&a, &b| self.0[a].total_cmp(&self.0[b]));
///         allotment.arms(self.0.len())[best.unwrap_or(0)] = 1.0;
///         Ok(())
///     }
///     fn learn(&mut self, _: &Population, rewards: &[Reward]) {
///         rewards.iter().for_each(|reward| self.0[reward.arm.index()] = reward.score);
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let mut curriculum = Curriculum::builder(100).policy(Greedy(Vec::new())).build()?;
/// assert_eq!(curriculum.draw(8)?.draws.len(), 8);
/// # Ok(()) }
/// ```
pub trait Policy: Clone + Serialize + DeserializeOwned {
    /// Checks the options and sizes the state; called once, when the curriculum is built.
    ///
    /// # Errors
    /// Whatever is wrong with the options.
    fn prepare(&mut self, _population: &Population) -> Result<()> {
        Ok(())
    }

    /// The fields of an [`Outcome`](crate::Outcome) without which this policy cannot learn.
    fn needs(&self) -> Vec<Field> {
        Vec::new()
    }

    /// Writes the decision for a turn. Arms that have nothing to draw may be given probability;
    /// the curriculum hands it to the others, in proportion.
    ///
    /// # Errors
    /// Whatever keeps the policy from deciding; the draw then fails and changes nothing.
    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()>;

    /// A decision in closed form, if this policy makes its decision of this turn in that way:
    /// [`Logits`], of which only those of rewarded arms change when the policy [learns](Self::learn).
    ///
    /// A curriculum of 1024 arms or more then keeps [`Odds`], changes them arm by arm and does not call
    /// [`allot`](Self::allot), so that no round costs O(K). [`Boltzmann`] offers them; [`Bounded`], [`Rescaled`] and, when it is
    /// over, [`ColdStart`] pass on those of the policy within; [`Mastered`], [`Restart`] and [`PerCost`] look at
    /// all arms in every round. The default is `None`.
    fn logits(&self, _turn: &Turn<'_>) -> Option<Logits<'_>> {
        None
    }

    /// Becomes equal to another copy of this policy, of which it is known that one of the two has learned
    /// rewards of these arms once more than the other, and that nothing else distinguishes them.
    ///
    /// The default copies all. With many arms it pays to copy what the rewarded arms have.
    fn follow(&mut self, other: &Self, _rewards: &[Reward]) {
        self.clone_from(other);
    }

    /// Learns from one round: one reward for each arm of which a ticket came back, in the order of
    /// arms. Rounds arrive in order, each once; one whose tickets were all lost is an empty list.
    fn learn(&mut self, population: &Population, rewards: &[Reward]);
}
