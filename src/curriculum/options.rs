//! What a curriculum is told once, and keeps.

use serde::{Deserialize, Serialize};

use crate::base::schedule::Schedule;
use crate::belief::Belief;
use crate::curriculum::pace::Pace;
use crate::curriculum::refill::Refill;
use crate::curriculum::stop::Stop;
use crate::event::gate::Gate;

/// What a draw does about tickets whose feedback is due and has not arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Missing {
    /// It fails with [`Error::Awaiting`](crate::Error::Awaiting), so that no outcome is left out by accident.
    #[default]
    Refuse,
    /// It gives them up. Decisions then depend on which feedback arrived in time.
    Lose,
}

/// Where the weights of samples within their arm come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Weighting {
    /// They are given by the user, and stay until the user changes them.
    #[default]
    Given,
    /// The last score of the sample, at least `floor` and at most 2^31: samples that taught more come back sooner. A
    /// sample that has not been scored keeps its given weight; each ticket that is given up halves it, down to
    /// `floor`. One whose weight is 0, as [`set_weight`](crate::Curriculum::set_weight) makes it, rests: scores leave it
    /// there until it is set again.
    Score {
        /// The least weight, in units of the score, `> 0`.
        floor: f64,
    },
    /// The given weight, multiplied by the chance that the next group of rollouts of the sample is useful, in that of
    /// an unseen sample of its arm: see [`Belief`]. It needs the success of each outcome.
    /// [`set_weight`](crate::Curriculum::set_weight) sets the given one, and
    /// [`Population::weight`](crate::Population::weight) is the product.
    Belief(Belief),
}

impl Weighting {
    /// The options of beliefs, if weights come from them.
    pub(crate) fn belief(&self) -> Option<&Belief> {
        match self {
            Self::Belief(belief) => Some(belief),
            Self::Given | Self::Score { .. } => None,
        }
    }
}

/// The options of a curriculum that do not change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Options {
    pub seed: u64,
    pub pace: Pace,
    pub lag: u64,
    pub missing: Missing,
    pub refill: Option<Refill>,
    pub exclude_in_flight: bool,
    pub stop: Stop,
    pub weighting: Weighting,
    pub importance: Schedule,
    pub gate: Gate,
    pub retest: u64,
}
