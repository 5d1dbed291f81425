//! What a policy is asked, and what it is told.

use serde::{Deserialize, Serialize};

use crate::base::id::{ArmId, Round};
use crate::event::{Field, Fields};
use crate::ledger::progress::Progress;
use crate::population::Population;

/// What a policy is asked to decide: one round.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Turn<'a> {
    /// The round.
    pub round: Round,
    /// How many samples will be drawn.
    pub n: usize,
    /// The samples and their arms.
    pub population: &'a Population,
    /// How many tickets of each arm were drawn in rounds that have not been learned from yet; empty
    /// if there are none, as with a lag of 0.
    pub under_way: &'a [u32],
}

impl<'a> Turn<'a> {
    /// A turn with nothing under way.
    pub fn new(round: Round, n: usize, population: &'a Population) -> Self {
        Self { round, n, population, under_way: &[] }
    }
}

/// What one round brought in for one arm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reward {
    /// The arm.
    pub arm: ArmId,
    /// The round that drew its tickets; the last of several, in the pace of [arrival](crate::Arrival).
    pub round: Round,
    /// How many of its tickets are done with: came back or were given up.
    pub count: u32,
    /// How many of these were given up.
    pub lost: u32,
    /// The mean [score](crate::Signal) of its `count` tickets, where one that was given up counts as
    /// [`lost_score`](Self::lost_score). [`returned_score`](Self::returned_score) is that of the others.
    pub score: f64,
    /// What a ticket that was given up counts as: 0, for it was paid for and taught nothing; where scores are negative, so
    /// that 0 would be a good one, the least mean score `m` of any arm in the round, or what it was before, whichever is
    /// worse: `min(m, l + 0.2 (m - l))`, `m` being at most 0.
    pub lost_score: f64,
    /// Their mean success, over those that reported one.
    pub success: Option<f64>,
    /// How many rollouts those that came back had in all.
    pub rollouts: u32,
    /// Their mean loss, over those that reported one.
    pub loss: Option<f64>,
    /// Their total cost, over those that reported one.
    pub cost: Option<f64>,
    /// The probability that the arm had when the round was drawn; 1 in a round over ranks.
    pub share: f64,
    /// The [evidence](crate::Progress::evidence) that the success of the arm rises, this round included, in `[-1, 1]`.
    pub evidence: f64,
    /// How far its success has [fallen](crate::Progress::dip_z) from what it was, in units of noise, `>= 0`.
    pub dip: f64,
}

impl Reward {
    /// The reward of `count` tickets with a mean score, none of them given up.
    ///
    /// ```
    /// use curricle::{ArmId, policy::Reward};
    ///
    /// let reward = Reward::new(ArmId(2), 64, 0.7).success(0.3);
    /// assert_eq!(reward.success, Some(0.3));
    /// ```
    pub fn new(arm: ArmId, count: u32, score: f64) -> Self {
        Self {
            arm,
            round: Round(0),
            count,
            lost: 0,
            score,
            lost_score: 0.0,
            rollouts: count,
            success: None,
            loss: None,
            cost: None,
            share: 1.0,
            evidence: Progress::default().evidence(),
            dip: 0.0,
        }
    }

    /// How many tickets came back.
    pub fn returned(&self) -> u32 {
        self.count.saturating_sub(self.lost)
    }

    /// The mean score of the tickets that came back; `None` if none did.
    ///
    /// ```
    /// use curricle::{ArmId, policy::Reward};
    ///
    /// // Of four tickets, the two that came back scored 0.5 each.
    /// let reward = Reward::new(ArmId(0), 4, 0.25).lost(2);
    /// assert_eq!((reward.returned(), reward.returned_score()), (2, Some(0.5)));
    /// ```
    pub fn returned_score(&self) -> Option<f64> {
        let (all, returned) = (f64::from(self.count), f64::from(self.returned()));
        (returned > 0.0).then(|| match self.lost_score {
            0.0 => self.score * (all / returned),
            lost => (self.score * all - lost * f64::from(self.lost)) / returned,
        })
    }

    /// Sets how many of the tickets were given up. Where each that came back was one rollout, each of the others is.
    #[must_use]
    pub fn lost(mut self, lost: u32) -> Self {
        if self.rollouts == self.returned() {
            self.rollouts = self.count.saturating_sub(lost);
        }
        self.lost = lost;
        self
    }

    /// Sets the round that drew the tickets.
    #[must_use]
    pub fn round(mut self, round: Round) -> Self {
        self.round = round;
        self
    }

    /// Sets the mean loss.
    #[must_use]
    pub fn loss(mut self, loss: f64) -> Self {
        self.loss = Some(loss);
        self
    }

    /// Sets the total cost.
    #[must_use]
    pub fn cost(mut self, cost: f64) -> Self {
        self.cost = Some(cost);
        self
    }

    /// Sets the mean success.
    #[must_use]
    pub fn success(mut self, success: f64) -> Self {
        self.success = Some(success);
        self
    }

    /// Sets the number of rollouts of those that came back; without it each is one.
    #[must_use]
    pub fn rollouts(mut self, rollouts: u32) -> Self {
        self.rollouts = rollouts;
        self
    }

    /// Sets the evidence that the success of the arm rises.
    #[must_use]
    pub fn evidence(mut self, evidence: f64) -> Self {
        self.evidence = evidence;
        self
    }

    /// Sets the dip.
    #[must_use]
    pub fn dip(mut self, dip: f64) -> Self {
        self.dip = dip;
        self
    }

    /// Sets the probability that the arm had when the round was drawn.
    #[must_use]
    pub fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }
}

/// What a [`Policy`](super::Policy) reads of its rewards. Feedback that lacks one of the fields is refused
/// when it arrives, and a composition that makes something which nobody reads when it is built.
///
/// ```
/// use curricle::Field;
/// use curricle::policy::Reads;
///
/// let reads = Reads::SCORE | Reads::from(Field::Success);
/// assert!(reads.score && reads.fields.contains(Field::Success));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reads {
    /// Whether [`Reward::score`] is read, the only thing that the [`Signal`](crate::Signal) makes.
    pub score: bool,
    /// The fields of the outcome whose means are read: success and loss, or the sum: cost.
    pub fields: Fields,
}

impl Reads {
    /// Nothing: such a policy does not learn.
    pub const NOTHING: Self = Self { score: false, fields: Fields::NONE };
    /// The score alone.
    pub const SCORE: Self = Self { score: true, fields: Fields::NONE };
}

impl From<Field> for Reads {
    fn from(field: Field) -> Self {
        Self { score: false, fields: field.into() }
    }
}

impl std::ops::BitOr for Reads {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self { score: self.score || other.score, fields: self.fields | other.fields }
    }
}
