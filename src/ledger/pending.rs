//! The tickets of a round, and what has become of each.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::base::id::{Round, Ticket};
use crate::event::age::Age;
use crate::event::gate::Judgement;
use crate::event::{Draw, Outcome, Reason};

/// How closely the tickets of pending rounds follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gaps {
    /// The last rounds are all there.
    None,
    /// Those that were done with are gone, wherever they stood; each that is there has an open ticket.
    Closed,
}

/// What has become of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum State {
    Open,
    Lost,
    /// What came, and why it was rejected, if it was.
    Settled(Outcome, Option<Reason>),
    /// Rejected, and nothing is to be learned from what came.
    Untaught(Reason),
}

impl Judgement {
    /// What becomes of a ticket whose outcome was judged so.
    pub fn state(self, outcome: Outcome) -> State {
        match self.verdict.rejection() {
            Some(reason) if !self.teaches => State::Untaught(reason),
            rejection => State::Settled(outcome, rejection),
        }
    }
}

/// Where a ticket is kept: the place of its round, and its place in it.
pub(crate) type Place = (usize, usize);

/// A round of which something has not been folded in yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub round: Round,
    /// The version of the model it was drawn for.
    pub version: u64,
    pub draws: Vec<Draw>,
    /// By position in `draws`.
    pub states: Vec<State>,
    /// By position in `draws`: the probability that its arm had.
    pub shares: Vec<f64>,
}

impl Pending {
    /// Whether the numbers can have come about: no more is taken in than what was checked when it was reported. Used
    /// after reading them from a file.
    pub(super) fn is_possible(&self) -> bool {
        let is_outcome = |(draw, state): (&Draw, &State)| match state {
            State::Settled(outcome, _) => outcome.check(draw.ticket).is_ok(),
            State::Open | State::Lost | State::Untaught(_) => true,
        };
        self.draws.iter().all(Draw::is_possible)
            && self.draws.iter().zip(&self.states).all(is_outcome)
            && self.shares.iter().all(|share| (0.0..=1.0 + 1e-9).contains(share))
    }

    pub(super) fn first(&self) -> u64 {
        self.draws.first().map_or(0, |draw| draw.ticket.0)
    }

    /// How long ago it was drawn, if the next round and the version of the model are these.
    #[inline]
    pub fn age(&self, (round, version): (Round, u64)) -> Age {
        Age::new(round.0 - 1 - self.round.0, version - self.version)
    }

    /// The digest of all decisions up to this round, after that of those before it. The list is for its own use:
    /// hashing once is faster than draw by draw.
    pub fn digest(&self, before: u64, bytes: &mut Vec<u8>) -> u64 {
        bytes.clear();
        bytes.extend(self.round.0.to_le_bytes());
        self.draws.iter().for_each(|draw| bytes.extend(draw.bytes()));
        xxh3_64_with_seed(bytes, before)
    }

    /// The draws whose tickets are open.
    pub fn open_draws(&self) -> impl Iterator<Item = &Draw> {
        let draws = self.draws.iter().zip(&self.states);
        draws.filter(|(_, state)| matches!(state, State::Open)).map(|(draw, _)| draw)
    }

    /// The open tickets: how many, and the first.
    pub fn open(&self) -> Option<(usize, Ticket)> {
        let mut open = self.open_draws();
        let first = open.next()?.ticket;
        Some((1 + open.count(), first))
    }

    /// Whether another draw goes on this round.
    pub(super) fn is_before(&self, next: &Pending) -> bool {
        let behind = self.first() + self.draws.len() as u64;
        (self.round, self.version, behind) == (next.round, next.version, next.first())
    }

    /// Whether nothing is open any more.
    pub fn is_done(&self) -> bool {
        self.open_draws().next().is_none()
    }

    /// Forgets all but the memory of its lists.
    pub fn clear(&mut self) {
        (self.round, self.version) = (Round(0), 0);
        self.draws.clear();
        self.states.clear();
        self.shares.clear();
    }

    /// Adds a ticket of another round, with what has become of it; its round is then the last of them.
    pub fn push(&mut self, other: &Pending, place: usize, state: State) {
        self.round = self.round.max(other.round);
        self.draws.push(other.draws[place]);
        self.shares.push(other.shares[place]);
        self.states.push(state);
    }
}
