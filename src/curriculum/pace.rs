//! When feedback is folded in.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::event::age::AgeLimit;

/// When feedback teaches the policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Pace {
    /// Round by round: that of round `r` when round `r + 1 + lag` is drawn, in ticket order, whatever the order in
    /// which it arrived. Decisions do not depend on timing.
    #[default]
    Lockstep,
    /// As it arrives.
    Arrival(Arrival),
}

impl From<Arrival> for Pace {
    fn from(arrival: Arrival) -> Self {
        Pace::Arrival(arrival)
    }
}

impl Pace {
    pub(crate) fn arrival(&self) -> Option<&Arrival> {
        match self {
            Pace::Lockstep => None,
            Pace::Arrival(arrival) => Some(arrival),
        }
    }
}

/// The pace of arrival: what a call reports is folded in by that call, so that no draw waits for a straggler. For
/// trainers that keep rollouts in flight and start one whenever one finishes.
///
/// ```text
/// draw(n)        gives up what is too old; holds if more than `in_flight` tickets would be open; then as always
/// observe(f)     one step of learning from all of f, in its order
/// lose(t)        one step of learning that the tickets were drawn for nothing
/// ```
///
/// Decisions are a function of the seed and of the order of the calls, which is the order of events in a
/// [`Journal`](crate::Journal): a replay is exact, while two runs in which feedback arrives otherwise differ. The
/// outcomes of one call are one step of learning, those of two calls are two: a policy with a learning rate that is
/// made for rounds of dozens, as those of the presets are, wants a lower one where each ticket is reported alone, or
/// reports in groups.
///
/// A ticket remembers the round and the [version](crate::Curriculum::set_version) of the model it was drawn at; see
/// [`Age`](crate::Age). Cost: as in lockstep, and O(R) for each draw and each call that reports, where R is the number
/// of draws with open tickets.
///
/// ```
/// use curricle::{AgeLimit, Arrival, Curriculum, Error, Feedback, Outcome};
///
/// # fn main() -> curricle::Result<()> {
/// let pace = Arrival::new().in_flight(2).give_up(AgeLimit::versions(4));
/// let mut curriculum = Curriculum::builder(100).pace(pace).build()?;
/// let straggler = curriculum.draw(1)?.draws[0].ticket;
/// for version in 0..5 {
///     curriculum.set_version(version)?;
///     let ticket = curriculum.draw(1)?.draws[0].ticket;
///     assert_eq!(curriculum.draw(1), Err(Error::Hold { open: 2, want: 1, most: 2 }));
///     curriculum.observe(&[Feedback::new(ticket, Outcome::default().success(0.5))])?;
/// }
/// curriculum.set_version(5)?;
/// curriculum.draw(2)?; // gives the straggler up
/// let late = curriculum.observe(&[Feedback::new(straggler, Outcome::default().success(0.5))]);
/// assert_eq!(late, Err(Error::LateTicket(straggler)));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrival {
    #[serde(default)]
    in_flight: Option<u64>,
    #[serde(default)]
    give_up: Option<AgeLimit>,
}

impl Arrival {
    /// Without bounds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many tickets may be open at a time, at least 1. A draw beyond it gives
    /// [`Error::Hold`](crate::Error::Hold) and draws nothing.
    #[must_use]
    pub fn in_flight(self, most: u64) -> Self {
        Self { in_flight: Some(most), ..self }
    }

    /// Sets the age beyond which open tickets are given up, by the next draw or [`fold`](crate::Curriculum::fold).
    #[must_use]
    pub fn give_up(self, most: AgeLimit) -> Self {
        Self { give_up: Some(most), ..self }
    }

    /// How many tickets may be open at a time.
    pub(crate) fn most(&self) -> u64 {
        self.in_flight.unwrap_or(u64::MAX)
    }

    pub(crate) fn limit(&self) -> Option<AgeLimit> {
        self.give_up
    }

    pub(crate) fn check(&self) -> Result<()> {
        if let Some(most) = self.in_flight {
            within("tickets in flight", most as f64, 1.0, u64::MAX as f64)?;
        }
        self.give_up.map_or(Ok(()), |limit| limit.check("age limit of tickets"))
    }
}
