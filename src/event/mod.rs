//! The values that cross the seam between a curriculum and a training loop.

pub(crate) mod age;
mod compact;
pub(crate) mod gate;
pub(crate) mod group;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, finite, within};
use crate::base::id::{ArmId, Round, SampleId, Ticket};
use crate::route::Treatment;

/// One drawn sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Draw {
    /// The identity of this draw; feedback refers to it.
    pub ticket: Ticket,
    /// Which sample to train on.
    pub sample: SampleId,
    /// The arm it was drawn from.
    pub arm: ArmId,
    /// The probability with which this slot of the batch got this sample, as each sampler
    /// [documents](crate::sampler). It makes curricula comparable from a log.
    pub propensity: f64,
    /// What to multiply the loss with: 1, unless [importance correction](crate::Builder::importance) is on.
    pub loss_weight: f32,
}

impl Draw {
    /// Whether the numbers can have come about; used after reading them from a file.
    pub(crate) fn is_possible(&self) -> bool {
        // Sums of probabilities can be off by their rounding.
        (0.0..=1.0 + 1e-9).contains(&self.propensity) && (0.0..=1.0 + 1e-6).contains(&self.loss_weight)
    }

    /// All that was decided of this draw, for digests: sample, arm, and the bits of both numbers.
    pub(crate) fn bytes(&self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.sample.0.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.arm.0.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.propensity.to_bits().to_le_bytes());
        bytes[20..].copy_from_slice(&self.loss_weight.to_bits().to_le_bytes());
        bytes
    }
}

/// The draws of one round, in ticket order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The round that made it.
    pub round: Round,
    /// The [version](crate::Curriculum::set_version) of the model that it was drawn for.
    pub version: u64,
    /// Its draws; tickets are consecutive.
    pub draws: Vec<Draw>,
}

impl Batch {
    /// The samples to fetch, in ticket order.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// let mut curriculum = curricle::Curriculum::builder(10).build()?;
    /// assert_eq!(curriculum.draw(3)?.samples().count(), 3);
    /// # Ok(()) }
    /// ```
    pub fn samples(&self) -> impl Iterator<Item = SampleId> + '_ {
        self.draws.iter().map(|draw| draw.sample)
    }
}

/// What the trainer saw when it worked on one ticket: trainer-neutral numbers, each optional.
///
/// For reinforcement learning a ticket is one prompt with its *group* of rollouts, and the fields
/// are means over the group; for supervised learning it is one example. Only the fields that the
/// curriculum's [`Signal`](crate::Signal) [needs](crate::Signal::needs) are required.
///
/// A prompt whose group was thrown away because all its rollouts were equally good still has an
/// outcome, [`Outcome::zero_signal`]: it counts as zero gain. Leaving it out would hide from the
/// policy that the arm has nothing left to teach.
///
/// ```
/// use curricle::Outcome;
///
/// # fn main() -> curricle::Result<()> {
/// let group = Outcome::group(&[1.0, 0.0, 0.0, 0.0])?;
/// let example = Outcome::default().success(1.0).loss(0.02);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct Outcome {
    /// Share of the rollouts that succeeded, in `[0, 1]`.
    pub success: Option<f32>,
    /// Training loss of the sample.
    pub loss: Option<f32>,
    /// Mean *absolute* advantage over the rollouts, `>= 0`; groups of equal rewards have 0. (The mean advantage itself
    /// is 0 in every group.)
    pub abs_advantage: Option<f32>,
    /// Standard deviation of the rewards over the rollouts, `>= 0`.
    pub spread: Option<f32>,
    /// Difference of the greatest and the least reward of the rollouts, `>= 0`.
    pub range: Option<f32>,
    /// How many rollouts have an advantage that is not 0.
    pub nonzero_advantages: Option<u32>,
    /// Any other measure of worth that the trainer computes, such as an angle concentration.
    pub utility: Option<f32>,
    /// What it cost, in tokens or seconds, `>= 0`.
    pub cost: Option<f32>,
    /// How many rollouts the means were taken over, at least 1.
    pub rollouts: u32,
    /// How many more rollouts there were, which could not be scored.
    pub unscored: u32,
}

impl Default for Outcome {
    fn default() -> Self {
        Self {
            success: None,
            loss: None,
            abs_advantage: None,
            spread: None,
            range: None,
            nonzero_advantages: None,
            utility: None,
            cost: None,
            rollouts: 1,
            unscored: 0,
        }
    }
}

impl Outcome {
    /// The outcome of a group whose `rollouts` all had the same `success` and so taught nothing:
    /// advantage 0.
    pub fn zero_signal(success: f32, rollouts: u32) -> Self {
        Self::default().success(success).abs_advantage(0.0).rollouts(rollouts)
    }

    /// Sets the share of successful rollouts.
    #[must_use]
    pub fn success(mut self, success: f32) -> Self {
        self.success = Some(success);
        self
    }

    /// Sets the training loss.
    #[must_use]
    pub fn loss(mut self, loss: f32) -> Self {
        self.loss = Some(loss);
        self
    }

    /// Sets the mean absolute advantage.
    #[must_use]
    pub fn abs_advantage(mut self, abs_advantage: f32) -> Self {
        self.abs_advantage = Some(abs_advantage);
        self
    }

    /// Sets the standard deviation of the rewards.
    #[must_use]
    pub fn spread(mut self, spread: f32) -> Self {
        self.spread = Some(spread);
        self
    }

    /// Sets the difference of the greatest and the least reward.
    #[must_use]
    pub fn range(mut self, range: f32) -> Self {
        self.range = Some(range);
        self
    }

    /// Sets how many rollouts have an advantage that is not 0.
    #[must_use]
    pub fn nonzero_advantages(mut self, count: u32) -> Self {
        self.nonzero_advantages = Some(count);
        self
    }

    /// Sets the trainer's own measure of worth.
    #[must_use]
    pub fn utility(mut self, utility: f32) -> Self {
        self.utility = Some(utility);
        self
    }

    /// Sets the cost.
    #[must_use]
    pub fn cost(mut self, cost: f32) -> Self {
        self.cost = Some(cost);
        self
    }

    /// Sets the number of rollouts.
    #[must_use]
    pub fn rollouts(mut self, rollouts: u32) -> Self {
        self.rollouts = rollouts;
        self
    }

    /// Checks every field that is present; the error names the first that is out of its range.
    #[inline(always)]
    pub(crate) fn check(&self, ticket: Ticket) -> Result<()> {
        if self.is_possible() { Ok(()) } else { self.check_each(ticket) }
    }

    /// Whether no field is out of its range.
    #[inline(always)]
    fn is_possible(&self) -> bool {
        // NaN is in no range.
        let within = |value: Option<f32>, low, high| {
            value.is_none_or(|value: f32| value >= low && value <= high)
        };
        within(self.success, 0.0, 1.0)
            && within(self.loss, f32::MIN, f32::MAX)
            && within(self.abs_advantage, 0.0, f32::MAX)
            && within(self.spread, 0.0, f32::MAX)
            && within(self.range, 0.0, f32::MAX)
            && self.nonzero_advantages.is_none_or(|count| count <= self.rollouts)
            && within(self.utility, f32::MIN, f32::MAX)
            && within(self.cost, 0.0, f32::MAX)
            && self.rollouts >= 1
    }

    /// The same, field by field.
    #[cold]
    #[inline(never)]
    fn check_each(&self, ticket: Ticket) -> Result<()> {
        let present = |what, value: Option<f32>| match value {
            Some(value) => finite(what, ticket.0, f64::from(value)).map(Some),
            None => Ok(None),
        };
        if let Some(success) = present("success", self.success)? {
            within("success", success, 0.0, 1.0)?;
        }
        present("loss", self.loss)?;
        if let Some(advantage) = present("absolute advantage", self.abs_advantage)? {
            within("absolute advantage", advantage, 0.0, f64::from(f32::MAX))?;
        }
        if let Some(spread) = present("spread", self.spread)? {
            within("spread", spread, 0.0, f64::from(f32::MAX))?;
        }
        if let Some(range) = present("range", self.range)? {
            within("range", range, 0.0, f64::from(f32::MAX))?;
        }
        if let Some(count) = self.nonzero_advantages {
            within("advantages that are not 0", count.into(), 0.0, self.rollouts.into())?;
        }
        present("utility", self.utility)?;
        if let Some(cost) = present("cost", self.cost)? {
            within("cost", cost, 0.0, f64::from(f32::MAX))?;
        }
        within("rollouts", f64::from(self.rollouts), 1.0, f64::from(u32::MAX))?;
        Ok(())
    }

    /// The value of a field, by name.
    pub fn get(&self, field: Field) -> Option<f32> {
        match field {
            Field::Success => self.success,
            Field::Loss => self.loss,
            Field::AbsAdvantage => self.abs_advantage,
            Field::Spread => self.spread,
            Field::Range => self.range,
            Field::NonzeroAdvantages => self.nonzero_advantages.map(|count| count as f32),
            Field::Utility => self.utility,
            Field::Cost => self.cost,
        }
    }

    /// The fields that are there.
    #[inline]
    fn present(&self) -> Fields {
        let bit = |field: Field, value: Option<f32>| u8::from(value.is_some()) << field as u8;
        Fields(
            bit(Field::Success, self.success)
                | bit(Field::Loss, self.loss)
                | bit(Field::AbsAdvantage, self.abs_advantage)
                | bit(Field::Spread, self.spread)
                | bit(Field::Utility, self.utility)
                | bit(Field::Cost, self.cost)
                | bit(Field::Range, self.range)
                | (u8::from(self.nonzero_advantages.is_some()) << Field::NonzeroAdvantages as u8),
        )
    }

    /// Checks that the fields that the curriculum needs are present.
    #[inline]
    pub(crate) fn require(&self, ticket: Ticket, fields: Fields) -> Result<()> {
        let missing = Fields(fields.0 & !self.present().0);
        if missing == Fields::NONE {
            return Ok(());
        }
        let first = missing.iter().next();
        first.map_or(Ok(()), |field| Err(Error::MissingOutcome { ticket, field }))
    }
}

/// The name of a field of [`Outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Field {
    /// [`Outcome::success`]
    Success,
    /// [`Outcome::loss`]
    Loss,
    /// [`Outcome::abs_advantage`]
    AbsAdvantage,
    /// [`Outcome::spread`]
    Spread,
    /// [`Outcome::utility`]
    Utility,
    /// [`Outcome::cost`]
    Cost,
    /// [`Outcome::range`]
    Range,
    /// [`Outcome::nonzero_advantages`]
    NonzeroAdvantages,
}

impl Field {
    const ALL: [Field; 8] = [
        Field::Success,
        Field::Loss,
        Field::AbsAdvantage,
        Field::Spread,
        Field::Utility,
        Field::Cost,
        Field::Range,
        Field::NonzeroAdvantages,
    ];
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Field::Success => "success",
            Field::Loss => "loss",
            Field::AbsAdvantage => "abs_advantage",
            Field::Spread => "spread",
            Field::Utility => "utility",
            Field::Cost => "cost",
            Field::Range => "range",
            Field::NonzeroAdvantages => "nonzero_advantages",
        })
    }
}

/// A set of fields of [`Outcome`].
///
/// ```
/// use curricle::{Field, Fields};
///
/// let fields = Fields::NONE | Field::Loss | Field::Cost;
/// assert!(fields.contains(Field::Cost) && !fields.contains(Field::Success));
/// assert_eq!(fields.iter().count(), 2);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fields(u8);

impl Fields {
    /// No field.
    pub const NONE: Self = Self(0);

    /// Whether a field is in the set.
    #[inline]
    pub fn contains(self, field: Field) -> bool {
        self.0 & 1 << field as u8 != 0
    }

    /// The fields of the set.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.into_iter().filter(move |&field| self.contains(field))
    }
}

impl From<Field> for Fields {
    fn from(field: Field) -> Self {
        Self(1 << field as u8)
    }
}

impl<F: Into<Fields>> std::ops::BitOr<F> for Fields {
    type Output = Self;

    fn bitor(self, other: F) -> Self {
        Self(self.0 | other.into().0)
    }
}

/// The outcome of one ticket.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Feedback {
    /// Which draw it belongs to.
    pub ticket: Ticket,
    /// What the trainer saw.
    pub outcome: Outcome,
}

impl Feedback {
    /// Pairs a ticket with its outcome.
    pub fn new(ticket: Ticket, outcome: Outcome) -> Self {
        Self { ticket, outcome }
    }
}

/// What a [`Gate`](crate::Gate) says of an outcome: may the trainer use it for a gradient step, and if not, what else is
/// done with it?
///
/// Whatever the verdict, the outcome teaches the policy.
///
/// ```
/// use curricle::{Reason, Verdict, route::Treatment};
///
/// let half = Verdict::Treat(Treatment::Train { weight: 0.5 });
/// assert!(half.is_admitted() && !Verdict::Treat(Treatment::Hint).is_admitted());
/// assert_eq!(Verdict::Admit.treatment(), Treatment::TRAIN);
/// assert_eq!(Verdict::Reject(Reason::Stale).treatment(), Treatment::Drop);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Verdict {
    /// Train on it.
    Admit,
    /// Leave it out, and why.
    Reject(Reason),
    /// Neither of the two, but what [`Gate::Route`](crate::Gate::Route) or a gate of one's own says.
    Treat(Treatment),
}

impl Verdict {
    /// What is done with the outcome: trained on at full weight if it was admitted, dropped if it was rejected.
    pub fn treatment(self) -> Treatment {
        match self {
            Self::Admit => Treatment::TRAIN,
            Self::Reject(_) => Treatment::Drop,
            Self::Treat(treatment) => treatment,
        }
    }

    /// Whether it goes into this gradient step: admitted, or treated in a way that [trains](Treatment::trains).
    pub fn is_admitted(self) -> bool {
        self.rejection().is_none()
    }

    /// Why it does not go into the step; `None` if it does.
    pub fn rejection(self) -> Option<Reason> {
        match self {
            Self::Admit => None,
            Self::Reject(reason) => Some(reason),
            Self::Treat(Treatment::Retire) => Some(Reason::Retired),
            Self::Treat(treatment) => (!treatment.trains()).then_some(Reason::Routed),
        }
    }
}

/// Why a gate rejected an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Reason {
    /// All rollouts of the group were equally good, or there was one only: its advantages are all zero.
    ZeroSignal,
    /// The success rate lies below the band.
    TooHard,
    /// The success rate lies above the band.
    TooEasy,
    /// Fewer rollouts were scored than a gate asks for.
    TooFew,
    /// It was drawn too long ago.
    Stale,
    /// A gate of one's own rejected it.
    Own,
    /// Its sample is [retired](Treatment::Retire); a gate of one's own that rejects for this reason retires it, too.
    Retired,
    /// Something else than training is done with it, such as another try with a hint: the verdict says what.
    Routed,
}

impl Reason {
    pub(crate) const ALL: [Reason; 8] = [
        Reason::ZeroSignal,
        Reason::TooHard,
        Reason::TooEasy,
        Reason::TooFew,
        Reason::Stale,
        Reason::Own,
        Reason::Retired,
        Reason::Routed,
    ];
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Reason::ZeroSignal => "zero_signal",
            Reason::TooHard => "too_hard",
            Reason::TooEasy => "too_easy",
            Reason::TooFew => "too_few",
            Reason::Stale => "stale",
            Reason::Own => "own",
            Reason::Retired => "retired",
            Reason::Routed => "routed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The quick look at all fields says what the slow one does, which names what is wrong.
    #[test]
    fn a_quick_look_is_the_slow_one() {
        let values = [
            0.0,
            -0.0,
            0.5,
            1.0,
            1.0f32.next_up(),
            -f32::MIN_POSITIVE,
            -1.0,
            f32::MIN,
            f32::MAX,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
        ];
        let fields: [fn(&mut Outcome) -> &mut Option<f32>; 7] = [
            |outcome| &mut outcome.success,
            |outcome| &mut outcome.loss,
            |outcome| &mut outcome.abs_advantage,
            |outcome| &mut outcome.spread,
            |outcome| &mut outcome.range,
            |outcome| &mut outcome.utility,
            |outcome| &mut outcome.cost,
        ];
        let mut cases = vec![Outcome::default()];
        for (field, value) in fields.iter().flat_map(|field| values.map(|value| (field, value))) {
            let mut outcome = Outcome::default().success(0.5).loss(2.0);
            *field(&mut outcome) = Some(value);
            cases.push(outcome);
        }
        for (rollouts, count) in [(0, 0), (1, 0), (1, 1), (1, 2), (8, 9), (u32::MAX, u32::MAX)] {
            let nonzero_advantages = Some(count);
            cases.push(Outcome { rollouts, nonzero_advantages, ..Outcome::default() });
            cases.push(Outcome { rollouts, ..Outcome::default() });
        }
        let refused = cases.iter().filter(|outcome| !outcome.is_possible()).count();
        assert!((20..cases.len() - 20).contains(&refused), "{refused} of {}", cases.len());
        for outcome in cases {
            let slow = outcome.check_each(Ticket(7));
            assert_eq!(outcome.is_possible(), slow.is_ok(), "{outcome:?}: {slow:?}");
        }
    }
}
