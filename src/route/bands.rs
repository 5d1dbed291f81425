//! Treatments, and the table that gives one to a reading.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, finite, length};
use crate::base::numbers::{SLACK, all_finite};

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
    /// It is not drawn again, until a re-test.
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
/// slack of 1e-9 in favour of reaching an edge. Make a new table where a [dial](crate::dial) moves the edges: it is a value.
/// Cost: O(log edges).
///
/// ```
/// use curricle::route::{RoutingTable, Treatment};
///
/// // Hopeless ones get a hint, solved ones are retired, the rest is trained on.
/// let table = RoutingTable::new(
///     vec![0.001, 0.999],
///     vec![Treatment::Hint, Treatment::TRAIN, Treatment::Retire],
/// )?;
/// assert_eq!(table.route(0.0)?, Treatment::Hint);
/// assert_eq!(table.route(0.5)?, Treatment::TRAIN);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RoutingTable {
    edges: Vec<f64>,
    treatments: Vec<Treatment>,
}

impl RoutingTable {
    /// A table of ascending edges, with one treatment more than there are edges.
    ///
    /// # Errors
    /// Another number of treatments; an edge that is not finite, or is below the one before it; a weight or a margin that is
    /// not finite.
    pub fn new(edges: Vec<f64>, treatments: Vec<Treatment>) -> Result<Self> {
        length("treatments", edges.len() + 1, treatments.len())?;
        all_finite("edge", &edges)?;
        for (index, treatment) in (0..).zip(&treatments) {
            if let Treatment::Train { weight: number }
            | Treatment::Margin { margin: number }
            | Treatment::SoftenMargin { margin: number } = *treatment
            {
                finite("number of a treatment", index, number)?;
            }
        }
        match edges.windows(2).find(|pair| pair[0] > pair[1]) {
            Some(pair) => {
                Err(Error::OutOfRange { what: "edge", value: pair[1], low: pair[0], high: f64::MAX })
            }
            None => Ok(Self { edges, treatments }),
        }
    }

    /// The treatment of a reading.
    ///
    /// # Errors
    /// A reading that is not finite.
    pub fn route(&self, reading: f64) -> Result<Treatment> {
        finite("reading", 0, reading)?;
        Ok(self.treatments[self.edges.partition_point(|&edge| edge <= reading + SLACK)])
    }
}
