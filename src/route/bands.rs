//! Treatments, and the table that gives one to a reading.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, finite, length, within};
use crate::base::id::Round;
use crate::base::numbers::SLACK;
use crate::base::schedule::Schedule;

/// The greatest weight or margin: more is a mistake.
pub(crate) const MOST: f64 = 1e6;

/// What is done with an item, a pair or a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Treatment {
    /// It is trained on, and its loss counts so much.
    Train {
        /// The weight of the loss.
        weight: f64,
    },
    /// It is not trained on this time.
    Drop,
    /// It is not drawn again, until a [re-test](crate::Builder::retest).
    Retire,
    /// It is tried again with a hint.
    Hint,
    /// Examples like it are made, and trained on for a while.
    Augment,
    /// The sides of the pair are exchanged.
    Flip,
    /// The pair's label is smoothed.
    Soften,
    /// The loss of the pair asks for a margin.
    Margin {
        /// How far apart its sides have to be.
        margin: f64,
    },
    /// Both: smoothed, and with a margin.
    SoftenMargin {
        /// How far apart its sides have to be.
        margin: f64,
    },
    /// It makes a preference pair.
    Pair {
        /// The number of the chosen candidate.
        chosen: usize,
        /// The number of the rejected one.
        rejected: usize,
    },
    /// Someone has to look.
    Alarm,
    /// Nothing more is done: the run ends, or the arm is left.
    Stop,
}

impl Treatment {
    /// Trained on at full weight.
    pub const TRAIN: Self = Self::Train { weight: 1.0 };

    /// Whether the item goes into this gradient step, if in another way than others.
    pub fn trains(&self) -> bool {
        matches!(
            self,
            Self::Train { .. }
                | Self::Flip
                | Self::Soften
                | Self::Margin { .. }
                | Self::SoftenMargin { .. }
        )
    }

    /// Whether the number in it is one: finite, at least 0, at most 10^6.
    pub(crate) fn check(&self) -> Result<()> {
        match *self {
            Self::Train { weight: number }
            | Self::Margin { margin: number }
            | Self::SoftenMargin { margin: number } => {
                within("number of a treatment", number, 0.0, MOST).map(drop)
            }
            Self::Pair { chosen, rejected } if chosen == rejected => {
                Err(Error::Unsupported { part: "pair", request: "one text as both of its sides" })
            }
            _ => Ok(()),
        }
    }

    /// As a word, such as "soften_margin".
    pub fn name(&self) -> &'static str {
        match self {
            Self::Train { .. } => "train",
            Self::Drop => "drop",
            Self::Retire => "retire",
            Self::Hint => "hint",
            Self::Augment => "augment",
            Self::Flip => "flip",
            Self::Soften => "soften",
            Self::Margin { .. } => "margin",
            Self::SoftenMargin { .. } => "soften_margin",
            Self::Pair { .. } => "pair",
            Self::Alarm => "alarm",
            Self::Stop => "stop",
        }
    }
}

/// The treatment of a reading by the band that it falls into.
///
/// Edges ascend; a reading below the first edge gets the first treatment, one at or above the last edge the last, with a
/// slack of 1e-9 in favour of reaching an edge. An edge may move with the rounds, as a [`Schedule`]; where edges cross, the
/// first that is not reached decides. Cost: O(edges).
///
/// In a training loop it is a gate, [`Gate::Route`](crate::Gate::Route), and the verdicts carry the treatment.
///
/// ```
/// use curricle::route::{RoutingTable, Treatment};
/// use curricle::{Round, Schedule};
///
/// // Hopeless ones get a hint, solved ones are retired, the rest is trained on.
/// let solved = Schedule::Linear { from: 0.9, to: 0.999, rounds: 100 };
/// let table = RoutingTable::new(
///     [Schedule::Constant(0.001), solved],
///     vec![Treatment::Hint, Treatment::TRAIN, Treatment::Retire],
/// )?;
/// assert_eq!(table.route(0.0, Round(0))?, Treatment::Hint);
/// assert_eq!(table.route(0.95, Round(0))?, Treatment::Retire);
/// assert_eq!(table.route(0.95, Round(100))?, Treatment::TRAIN);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoutingTable {
    edges: Vec<Schedule>,
    treatments: Vec<Treatment>,
}

impl RoutingTable {
    /// A table of ascending edges, with one treatment more than there are edges.
    ///
    /// # Errors
    /// Another number of treatments; an edge that is not finite, or does not move and is below one before it that does not;
    /// a weight or a margin that is not finite, below 0 or above 10^6.
    pub fn new(
        edges: impl IntoIterator<Item = impl Into<Schedule>>,
        treatments: Vec<Treatment>,
    ) -> Result<Self> {
        let table = Self::unchecked(edges, treatments);
        table.check().map(|()| table)
    }

    /// A table that is checked later on.
    pub(crate) fn unchecked(
        edges: impl IntoIterator<Item = impl Into<Schedule>>,
        treatments: Vec<Treatment>,
    ) -> Self {
        Self { edges: edges.into_iter().map(Into::into).collect(), treatments }
    }

    /// Whether the parts agree.
    pub(crate) fn check(&self) -> Result<()> {
        length("treatments", self.edges.len() + 1, self.treatments.len())?;
        self.treatments.iter().try_for_each(Treatment::check)?;
        let mut low = -f64::MAX;
        for edge in &self.edges {
            edge.check("edge", -f64::MAX, f64::MAX)?;
            if let Schedule::Constant(value) = *edge {
                low = within("edge", value, low, f64::MAX)?;
            }
        }
        Ok(())
    }

    /// The treatment of a reading in a round.
    ///
    /// # Errors
    /// A reading that is not finite.
    pub fn route(&self, reading: f64, round: Round) -> Result<Treatment> {
        let reading = finite("reading", 0, reading)?;
        Ok(self.band(round, |edge| reading + SLACK < edge))
    }

    /// The treatment in a round of what misses an edge.
    pub(crate) fn band(&self, round: Round, is_missed: impl Fn(f64) -> bool) -> Treatment {
        let missed = self.edges.iter().position(|edge| is_missed(edge.at(round)));
        self.treatments[missed.unwrap_or(self.edges.len())]
    }

    /// What it may say.
    pub(crate) fn treatments(&self) -> &[Treatment] {
        &self.treatments
    }
}
