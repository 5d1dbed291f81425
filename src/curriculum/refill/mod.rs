//! Refill: training steps of so many useful tickets, whatever a gate rejects.

mod bank;
mod rates;
mod verbs;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, within};
use crate::base::id::Round;
use crate::event::age::AgeLimit;
use crate::event::{Batch, Draw};
pub(crate) use bank::Bank;

/// What a [step](crate::Curriculum::step) does when it has drawn as many tickets as it may, or when there is nothing to
/// draw, and it still lacks useful ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Starvation {
    /// It ends with [`Step::Starved`]. What was admitted stays banked.
    Fail,
    /// It ends with [`Step::Ready`] and those that it has, fewer than were wanted; with none it ends as `Fail`.
    #[default]
    Partial,
    /// It takes rejected tickets of this step that were too hard or too easy, those of a success nearest to 1/2 first;
    /// then as `Partial`.
    Relax,
    /// It takes any rejected tickets of this step that taught: those with the greatest absolute advantage or spread,
    /// then of a success nearest to 1/2, first; then as `Partial`.
    BestRejected,
    /// It takes banked tickets that are older than they may be, the youngest first; then as `Partial`.
    Banked,
}

/// How a training step is filled; see [`Curriculum::step`](crate::Curriculum::step).
///
/// ```
/// use curricle::{AgeLimit, Refill, Starvation};
///
/// let refill = Refill::new()
///     .confidence(0.9)
///     .most(4096)
///     .bank(AgeLimit::versions(1))
///     .starvation(Starvation::BestRejected);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[must_use = "hand it to `Builder::refill`"]
pub struct Refill {
    confidence: f64,
    most: Option<u32>,
    window: f64,
    bank: Option<AgeLimit>,
    starvation: Starvation,
}

impl Default for Refill {
    fn default() -> Self {
        let starvation = Starvation::default();
        Self { confidence: 0.9, most: None, window: 64.0, bank: None, starvation }
    }
}

impl Refill {
    /// With a confidence of 0.9, a window of 64 tickets, eight tickets drawn for each wanted at most, no limit on the
    /// age of banked tickets, and [`Starvation::Partial`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how probable it shall be that a draw brings all that is missing, in `(0, 1)`. Higher means fewer draws a
    /// step and more surplus, which is banked for the next.
    pub fn confidence(self, confidence: f64) -> Self {
        Self { confidence, ..self }
    }

    /// Sets how many tickets a step may draw, at least 1.
    pub fn most(self, tickets: u32) -> Self {
        Self { most: Some(tickets), ..self }
    }

    /// Sets over how many tickets of an arm its accept rate is remembered, at least 1: those of former steps count less, by
    /// a factor of `1 - 1 / window` for each ticket of the arm that the present step has judged, and so on from step to
    /// step. Lower follows a drift faster, and is surer to ask for too much; where a window has many more tickets than an
    /// arm in a step, a rate that falls takes several draws, or steps, to be found out.
    pub fn window(self, tickets: f64) -> Self {
        Self { window: tickets, ..self }
    }

    /// Sets how old banked tickets may become before a step takes them: older ones are rejected as
    /// [stale](crate::Reason::Stale). With `AgeLimit::versions(0)` no surplus is used by the next version.
    pub fn bank(self, most: AgeLimit) -> Self {
        Self { bank: Some(most), ..self }
    }

    /// Sets what happens when there is not enough.
    pub fn starvation(self, starvation: Starvation) -> Self {
        Self { starvation, ..self }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let Self { confidence, most, window, bank, .. } = *self;
        within("confidence of a refill", confidence, 0.0, 1.0)?;
        if confidence == 0.0 || confidence == 1.0 {
            let (low, high) = (f64::MIN_POSITIVE, 1.0 - f64::EPSILON);
            return Err(Error::OutOfRange {
                what: "confidence of a refill",
                value: confidence,
                low,
                high,
            });
        }
        within("window of a refill", window, 1.0, 1e9)?;
        within("tickets of a step", most.map_or(1.0, f64::from), 1.0, f64::from(u32::MAX))?;
        bank.map_or(Ok(()), |limit| limit.check("age limit of banked tickets"))
    }

    /// How many tickets a step of so many useful ones may draw.
    fn most_of(&self, want: usize) -> u64 {
        self.most.map_or(8 * want as u64, u64::from)
    }
}

/// What a [step](crate::Curriculum::step) says.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a step is asked for until it is ready"]
#[non_exhaustive]
pub enum Step {
    /// Work on these, report what was seen, and ask again.
    Draw(Batch),
    /// What is in flight is expected to be enough, or is as much as may be: report, and ask again.
    Wait {
        /// How many tickets are open.
        open: u64,
    },
    /// Train on these. The next call begins another step.
    Ready(Vec<Useful>),
    /// There is not enough; see [`Starvation`]. The step is over and has taken nothing; the next call begins another.
    Starved {
        /// How many useful tickets are banked.
        have: usize,
        /// How many tickets the step drew.
        drawn: u64,
    },
}

/// An admitted ticket, handed to a training step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Useful {
    /// What was drawn.
    pub draw: Draw,
    /// The round that drew it.
    pub round: Round,
    /// The [version](crate::Curriculum::set_version) of the model that it was drawn for.
    pub version: u64,
}
