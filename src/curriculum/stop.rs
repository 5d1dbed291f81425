//! When a curriculum that keeps passes has no more to give.

use serde::{Deserialize, Serialize};

use super::Curriculum;
use crate::base::error::{Error, Result, within};
use crate::base::id::ArmId;
use crate::policy::Policy;
use crate::sampler::Sampler;
use crate::signal::Signal;

/// When a curriculum whose sampler keeps [passes](crate::sampler::Passes) is finished, so that a draw gives
/// [`Error::Finished`]. An arm is *exhausted* when it has completed so many passes. Only arms that have samples and to
/// which the policy gives a probability count. Samples that are [retired](crate::route::Treatment::Retire) are samples of
/// their arm, but no pass waits for them; an arm of which all are holds `Cycle` up no more than one without probability.
///
/// ```
/// use curricle::{Curriculum, Error, Missing, Stop, sampler::Passes};
///
/// # fn main() -> curricle::Result<()> {
/// let builder = Curriculum::builder(10).sampler(Passes).stop(Stop::AllExhausted(2));
/// let mut curriculum = builder.missing(Missing::Lose).build()?;
/// let mut sizes = Vec::new();
/// let end = loop {
///     match curriculum.draw(8) {
///         Ok(batch) => sizes.push(batch.draws.len()),
///         Err(error) => break error,
///     }
/// };
/// assert_eq!((sizes, end), (vec![8, 8, 4], Error::Finished));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stop {
    /// Never: every arm begins its next pass.
    #[default]
    Never,
    /// When the first arm is exhausted. The batch that takes its last sample is the last one; what the arm cannot give
    /// of it goes to the others.
    FirstExhausted(u64),
    /// When all arms are. An exhausted one gives nothing more, and its share goes to the others. The last batch may be
    /// smaller than was asked for.
    AllExhausted(u64),
    /// When all arms are. An exhausted one goes on in a next pass until then.
    Cycle(u64),
}

impl Stop {
    /// After how many passes an arm gives nothing more.
    pub(crate) fn limit(self) -> Option<u64> {
        match self {
            Self::FirstExhausted(passes) | Self::AllExhausted(passes) => Some(passes),
            Self::Never | Self::Cycle(_) => None,
        }
    }

    pub(super) fn check(self, keeps_passes: bool) -> Result<()> {
        let passes = match self {
            Self::Never => return Ok(()),
            Self::FirstExhausted(passes) | Self::AllExhausted(passes) | Self::Cycle(passes) => passes,
        };
        if !keeps_passes {
            return Err(Error::Unread {
                part: "stop",
                what: "a number of passes without a sampler that keeps passes",
            });
        }
        within("passes before a stop", passes as f64, 1.0, 1e18).map(drop)
    }
}

impl<P: Policy, S: Signal, D: Sampler> Curriculum<P, S, D> {
    /// Whether an arm is exhausted that may be the first one.
    pub(super) fn check_first_exhausted(&self) -> Result<()> {
        let Stop::FirstExhausted(passes) = self.options.stop else { return Ok(()) };
        let population = &self.memory.population;
        let is_exhausted = |arm| population.passes(arm) >= passes && population.has_samples(arm);
        match (0..population.arms().count() as u32).map(ArmId).any(is_exhausted) {
            true => Err(Error::Finished),
            false => Ok(()),
        }
    }

    /// Whether all arms that the decision draws from are exhausted, where they go on until then.
    pub(super) fn check_cycle(&self) -> Result<()> {
        let Stop::Cycle(passes) = self.options.stop else { return Ok(()) };
        let population = &self.memory.population;
        let shares = self.work.decision.shares(&self.memory);
        let mut drawn = (0u32..).map(ArmId).zip(&shares).filter(|(_, share)| **share > 0.0);
        match drawn.all(|(arm, _)| population.passes(arm) >= passes) {
            true => Err(Error::Finished),
            false => Ok(()),
        }
    }

    /// How many samples the last batch has, if so few are left because all arms are in their last pass.
    pub(super) fn rest_of_last_pass(&mut self, error: Error) -> Result<usize> {
        let mut left = match error {
            // They come back.
            Error::NothingToDraw if self.memory.population.retired() > 0 => return Err(error),
            Error::NothingToDraw => 0,
            Error::BatchExceedsPool { available, .. } => available,
            error => return Err(error),
        };
        let is_exceeded = error != Error::NothingToDraw;
        // What was refused before it had probabilities is judged by those of a batch of what there is.
        if is_exceeded
            && !self.work.decision.is_allotted()
            && self.memory.population.pass_limit().is_some()
        {
            match self.decide(left, 0) {
                Ok(()) => {}
                Err(Error::BatchExceedsPool { available: fewer, .. }) => left = fewer,
                Err(other) => return Err(other),
            }
        }
        let shares = if is_exceeded { self.work.decision.shares(&self.memory) } else { Vec::new() };
        let is_drawn = |arm: ArmId| shares.get(arm.index()).is_some_and(|share| *share > 0.0);
        match (self.memory.population.is_last_pass(is_drawn), left) {
            (false, _) => Err(error),
            (true, 0) => Err(Error::Finished),
            (true, left) => Ok(left),
        }
    }
}
