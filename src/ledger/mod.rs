//! The ledger: everything known about samples, arms and tickets.

mod ages;
mod lost;
mod pending;
pub(crate) mod progress;
mod record;
mod tallies;

use std::collections::VecDeque;

use curricle_kernels::{blocks, filled, prefetch};
use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::id::{ArmId, Round, SampleId, Ticket};
use crate::event::gate::Judgement;
use crate::event::{Draw, Outcome, Reason};
use crate::files::column;
use crate::ledger::progress::Progress;
use ages::Ages;
use lost::Lost;
pub(crate) use pending::{Gaps, Pending, Place, State};
pub use record::Record;
pub(crate) use tallies::{Reasons, Tallies, are_tallied};

/// More than any run comes to. A count beyond, which only a forged file can have, would overflow one day.
pub(crate) const ENDLESS: u64 = 1 << 62;

/// Where all tickets are: `drawn = admitted + rejected + banked + lost + open`, always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Counts {
    /// Tickets drawn.
    pub drawn: u64,
    /// Tickets whose outcome was admitted; with [refill](crate::Builder::refill), those that a training step has taken.
    pub admitted: u64,
    /// Tickets whose outcome was rejected by the gate. They taught the policy all the same, but where a
    /// [gate](crate::Gate::Stale) is told otherwise.
    pub rejected: u64,
    /// Admitted tickets that wait for a training step to take them; only with [refill](crate::Builder::refill).
    pub banked: u64,
    /// Tickets given up.
    pub lost: u64,
    /// Tickets that nothing has been heard of.
    pub open: u64,
}

impl Counts {
    /// Whether every drawn ticket is accounted for.
    pub fn is_conserved(&self) -> bool {
        let parts = [self.admitted, self.rejected, self.banked, self.lost, self.open];
        u128::from(self.drawn) == parts.iter().map(|&count| u128::from(count)).sum()
    }

    fn of(&mut self, state: &State) -> &mut u64 {
        match state {
            State::Open => &mut self.open,
            State::Lost => &mut self.lost,
            State::Settled(_, None) => &mut self.admitted,
            State::Settled(_, Some(_)) | State::Untaught(_) => &mut self.rejected,
        }
    }
}

/// Records of samples and arms, and the tickets under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    #[serde(deserialize_with = "column::deserialize")]
    pub records: Vec<Record>,
    pub progress: Vec<Progress>,
    pub pending: VecDeque<Pending>,
    pub counts: Counts,
    /// The tickets that were given up.
    lost: Lost,
    /// How many of the rejected tickets were rejected for each reason.
    reasons: Reasons,
    pub ages: Ages,
    /// What a ticket that was given up last counted as, `<= 0`.
    pub lost_score: f64,
    /// By arm; none if there are very many.
    pub tallies: Vec<Tallies>,
}

impl Ledger {
    pub fn new(samples: usize, arms: usize) -> Self {
        Self {
            records: filled(Record::default(), samples),
            progress: vec![Progress::default(); arms],
            pending: VecDeque::new(),
            counts: Counts::default(),
            lost: Lost::default(),
            reasons: Reasons::default(),
            ages: Ages::default(),
            lost_score: 0.0,
            tallies: vec![Tallies::default(); if are_tallied(arms) { arms } else { 0 }],
        }
    }

    /// There are so many arms, of which the last ones are new.
    pub fn grow(&mut self, arms: usize) {
        self.progress.resize(arms, Progress::default());
        self.tallies.resize(if are_tallied(arms) { arms } else { 0 }, Tallies::default());
    }

    /// Where a ticket is kept.
    pub fn locate(&self, ticket: Ticket) -> Result<Place> {
        self.place_of(ticket).ok_or_else(|| self.gone(ticket))
    }

    /// Where an open ticket is kept.
    #[inline(always)]
    pub fn locate_open(&self, ticket: Ticket) -> Result<Place> {
        match self.place_of(ticket) {
            Some(place) if matches!(self.state(place), State::Open) => Ok(place),
            _ => Err(self.gone(ticket)),
        }
    }

    /// Where a ticket is kept, if it is. A result with an error in it would be written to memory and read again.
    #[inline(always)]
    fn place_of(&self, ticket: Ticket) -> Option<Place> {
        // Most feedback is that of the oldest round, or of the next.
        let is_behind = |pending: &Pending| ticket.0 < pending.first();
        let round = match (self.pending.front(), self.pending.get(1)) {
            (Some(oldest), next) if !is_behind(oldest) && next.is_none_or(is_behind) => 0,
            _ => self.pending.partition_point(|pending| !is_behind(pending)).checked_sub(1)?,
        };
        let pending = &self.pending[round];
        let place = (ticket.0 - pending.first()) as usize;
        (place < pending.draws.len()).then_some((round, place))
    }

    /// Why a ticket is not to be had, or not any more.
    #[cold]
    #[inline(never)]
    fn gone(&self, ticket: Ticket) -> Error {
        match ticket.0 >= self.counts.drawn {
            true => Error::UnknownTicket(ticket),
            false if self.lost.contains(ticket.0) => Error::LateTicket(ticket),
            false => Error::RepeatedTicket(ticket),
        }
    }

    /// What has become of a ticket of a pending round.
    #[inline]
    pub fn state(&self, (round, place): Place) -> &State {
        &self.pending[round].states[place]
    }

    /// Gives a ticket up, open or settled; the counts follow.
    pub fn lose(&mut self, (round, place): Place) {
        let pending = &mut self.pending[round];
        self.lost.insert(pending.draws[place].ticket.0);
        let state = std::mem::replace(&mut pending.states[place], State::Lost);
        if let State::Settled(_, Some(reason)) | State::Untaught(reason) = state {
            self.reasons.take_back(reason);
        }
        *self.counts.of(&state) -= 1;
        self.counts.lost += 1;
    }

    /// Gives a banked ticket up, whose outcome has been folded in.
    pub fn lose_banked(&mut self, draw: &Draw) {
        self.lost.insert(draw.ticket.0);
        if let Ok((round, place)) = self.locate(draw.ticket) {
            self.pending[round].states[place] = State::Lost;
        }
        self.counts.banked -= 1;
        self.counts.lost += 1;
        if let Some(tallies) = self.tallies.get_mut(draw.arm.index()) {
            tallies.admitted -= 1;
            tallies.lost += 1;
        }
    }

    /// Takes in the outcomes of open tickets; the counts follow. `now` is the next round, and the version of the model.
    pub fn settle(
        &mut self,
        now: (Round, u64),
        outcomes: impl Iterator<Item = (Place, Outcome, Judgement)>,
    ) {
        let (mut admitted, mut rejected) = (0, 0);
        // Most are of one round, and of one age.
        let (mut last, mut run) = (usize::MAX, 0);
        for ((round, place), outcome, judgement) in outcomes {
            match judgement.verdict.rejection() {
                None => admitted += 1,
                Some(reason) => {
                    rejected += 1;
                    self.reasons.add(reason);
                }
            }
            if round != last {
                self.note_ages(now, last, run);
                (last, run) = (round, 0);
            }
            run += 1;
            self.pending[round].states[place] = judgement.state(outcome);
        }
        self.note_ages(now, last, run);
        self.counts.admitted += admitted;
        self.counts.rejected += rejected;
        self.counts.open -= admitted + rejected;
    }

    fn note_ages(&mut self, now: (Round, u64), round: usize, tickets: u64) {
        if let Some(pending) = self.pending.get(round) {
            self.ages.add(pending.age(now), tickets);
        }
    }

    /// Opens the tickets of a draw. If it goes on the last round, for the same version, it joins it, and its lists are
    /// given back.
    pub fn open(&mut self, mut pending: Pending) -> Option<Pending> {
        pending.states.clear();
        pending.states.resize(pending.draws.len(), State::Open);
        let drawn = pending.draws.len() as u64;
        self.counts.drawn += drawn;
        self.counts.open += drawn;
        for (now, next) in blocks(&pending.draws) {
            next.iter().for_each(|draw| prefetch(&self.records, draw.sample.index()));
            for draw in now {
                let record = &mut self.records[draw.sample.index()];
                *record = record.drawn(pending.round);
                if let Some(tallies) = self.tallies.get_mut(draw.arm.index()) {
                    tallies.drawn += 1;
                }
            }
        }
        match self.pending.back_mut() {
            Some(last) if last.is_before(&pending) => {
                last.draws.extend_from_slice(&pending.draws);
                last.states.extend_from_slice(&pending.states);
                last.shares.extend_from_slice(&pending.shares);
                Some(pending)
            }
            _ => {
                self.pending.push_back(pending);
                None
            }
        }
    }

    /// A ticket is judged otherwise than it was: why it was rejected, and is from now on, if so.
    pub fn change_verdict(
        &mut self,
        draw: &Draw,
        from: Option<Reason>,
        to: Option<Reason>,
        is_folded: bool,
    ) {
        let place = self.locate(draw.ticket).ok();
        if let Some((round, place)) = place
            && let State::Settled(_, rejection) = &mut self.pending[round].states[place]
        {
            *rejection = to;
        }
        for (rejection, is_new) in [(from, false), (to, true)] {
            let count = match rejection {
                None => &mut self.counts.admitted,
                Some(reason) => {
                    if is_new {
                        self.reasons.add(reason)
                    } else {
                        self.reasons.take_back(reason)
                    }
                    &mut self.counts.rejected
                }
            };
            *count = if is_new { *count + 1 } else { *count - 1 };
        }
        if (is_folded || place.is_none())
            && let Some(tallies) = self.tallies.get_mut(draw.arm.index())
        {
            tallies.change_verdict(from, to);
        }
    }

    /// How many tickets were rejected for each reason.
    pub fn rejections(&self) -> &Reasons {
        &self.reasons
    }

    /// Gives up what is still open of the oldest round, and takes it out.
    pub fn close_oldest(&mut self) -> Option<Pending> {
        for place in 0..self.pending.front().map_or(0, |round| round.states.len()) {
            if *self.state((0, place)) == State::Open {
                self.lose((0, place));
            }
        }
        let done = self.pending.pop_front()?;
        self.tally(&done.draws, &done.states);
        Some(done)
    }

    /// Counts the tickets of a round that has been folded in.
    pub fn tally(&mut self, draws: &[Draw], states: &[State]) {
        if !self.tallies.is_empty() {
            for (draw, state) in draws.iter().zip(states) {
                self.tallies[draw.arm.index()].close(state);
            }
        }
    }

    /// Takes those of some rounds, rising in place, that are done with out, wherever they stand, into a list.
    /// Cost: O(R) for R pending rounds.
    pub fn close_done(&mut self, rounds: &[usize], done: &mut Vec<Pending>) {
        if let &[round] = rounds {
            if self.pending[round].is_done() {
                done.extend(self.pending.remove(round));
            }
            return;
        }
        let (mut rounds, mut place) = (rounds.iter().copied().peekable(), 0);
        self.pending.retain_mut(|pending| {
            let is_named = rounds.next_if_eq(&place).is_some();
            place += 1;
            let is_kept = !is_named || !pending.is_done();
            if !is_kept {
                done.push(std::mem::take(pending));
            }
            is_kept
        });
    }

    /// Asks the processor to fetch what is known of a sample and of an arm.
    #[inline]
    pub fn fetch(&self, sample: SampleId, arm: ArmId) {
        prefetch(&self.records, sample.index());
        prefetch(&self.progress, arm.index());
    }

    /// The record of a sample that was inserted at some time.
    #[inline]
    pub fn record(&self, sample: SampleId) -> Result<&Record> {
        self.records.get(sample.index()).ok_or(Error::UnknownSample(sample))
    }

    /// Whether the parts agree with each other; used after reading them from a file.
    pub fn is_consistent(&self, samples: usize, arms: usize, now: (Round, u64), gaps: Gaps) -> bool {
        let (round, version) = now;
        let mut counted = Counts { drawn: self.counts.drawn, ..Counts::default() };
        let mut next = None;
        for pending in &self.pending {
            let known = |draw: &Draw| draw.sample.index() < samples && draw.arm.index() < arms;
            let first = pending.first();
            let is_next =
                |(place, draw): (usize, &Draw)| first.checked_add(place as u64) == Some(draw.ticket.0);
            let consecutive = pending.draws.iter().enumerate().all(is_next);
            let follows = match (next, gaps) {
                (None, _) => true,
                (Some(next), Gaps::None) => pending.first() == next,
                (Some(next), Gaps::Closed) => pending.first() >= next,
            };
            if pending.draws.is_empty()
                || pending.draws.len() != pending.states.len()
                || pending.draws.len() != pending.shares.len()
                || pending.round >= round
                || pending.version > version
                || gaps == Gaps::Closed && pending.is_done()
                || !pending.draws.iter().all(known)
                || !pending.is_possible()
                || !consecutive
                || !follows
            {
                return false;
            }
            next = first.checked_add(pending.draws.len() as u64);
            if next.is_none() {
                return false;
            }
            pending.states.iter().for_each(|state| *counted.of(state) += 1);
        }
        // What the tallies have yet to count.
        let mut under_way = vec![0; self.tallies.len()];
        for pending in &self.pending {
            for (draw, state) in pending.draws.iter().zip(&pending.states) {
                if let Some(count) = under_way.get_mut(draw.arm.index()) {
                    *count += u64::from(gaps == Gaps::None || *state == State::Open);
                }
            }
        }
        self.records.len() == samples
            && self.progress.len() == arms
            && self.progress.iter().all(Progress::is_possible)
            && round.0.max(self.counts.drawn) <= ENDLESS
            && next.is_none_or(|next| match gaps {
                Gaps::None => next == self.counts.drawn,
                Gaps::Closed => next <= self.counts.drawn,
            })
            && self.counts.is_conserved()
            && counted.open == self.counts.open
            && counted.admitted <= self.counts.admitted.saturating_add(self.counts.banked)
            && counted.rejected <= self.counts.rejected
            && counted.lost <= self.counts.lost
            && u128::from(self.counts.rejected) == self.reasons.sum()
            && self
                .counts
                .admitted
                .checked_add(self.counts.rejected)
                .is_some_and(|it| self.ages.is_possible(it, self.counts.drawn - self.counts.open))
            && self.tallies.len() == if are_tallied(arms) { arms } else { 0 }
            && self.tallies.iter().zip(under_way).all(|(it, under_way)| it.is_possible(under_way))
            && (-f64::from(f32::MAX)..=0.0).contains(&self.lost_score)
            && self.lost.count(self.counts.drawn) == Some(self.counts.lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Reason;
    use crate::event::Verdict;
    use crate::event::age::Age;

    #[test]
    fn counts_that_lose_a_ticket_are_told() {
        let counts = Counts { drawn: 11, admitted: 4, rejected: 3, banked: 1, lost: 2, open: 1 };
        assert!(counts.is_conserved());
        for change in [
            Counts { drawn: 12, ..counts },
            Counts { banked: 0, ..counts },
            Counts { admitted: 5, ..counts },
            Counts { rejected: 2, ..counts },
            Counts { lost: 3, ..counts },
            Counts { open: 0, ..counts },
            Counts { lost: u64::MAX, open: 4, ..counts },
        ] {
            assert!(!change.is_conserved(), "{change:?}");
        }
    }

    /// Two rounds of two tickets over three samples and two arms; one ticket is settled, one lost.
    fn two_rounds() -> Ledger {
        let mut ledger = Ledger::new(3, 2);
        for round in 0..2 {
            let draw = |place: u64| Draw {
                ticket: Ticket(2 * round + place),
                sample: SampleId(place + round),
                arm: ArmId(place as u32),
                propensity: 0.5,
                loss_weight: 1.0,
            };
            let draws = vec![draw(0), draw(1)];
            ledger.open(Pending {
                round: Round(round),
                version: round,
                draws,
                states: Vec::new(),
                shares: vec![0.5; 2],
            });
        }
        let rejected = Judgement { verdict: Verdict::Reject(Reason::ZeroSignal), teaches: true };
        let settled = [((0, 1), Outcome::default().success(1.0), rejected)];
        ledger.settle((Round(2), 1), settled.into_iter());
        ledger.lose((1, 0));
        ledger
    }

    /// Each condition by itself is enough to refuse what was read from a file.
    #[test]
    fn a_ledger_that_does_not_agree_with_itself_is_told() {
        let good = two_rounds();
        let of = |ledger: &Ledger, samples, arms| {
            [Gaps::None, Gaps::Closed]
                .map(|gaps| ledger.is_consistent(samples, arms, (Round(2), 1), gaps))
        };
        assert_eq!(of(&good, 3, 2), [true; 2]);
        assert_eq!((of(&good, 4, 2), of(&good, 3, 3)), ([false; 2], [false; 2]));
        for now in [(Round(1), 1), (Round(2), 0)] {
            assert!(!good.is_consistent(3, 2, now, Gaps::None), "drawn later: {now:?}");
        }
        // In the pace of arrival what is done with is gone, and only that.
        let mut closed = good.clone();
        closed.lose((0, 0));
        assert_eq!(of(&closed, 3, 2), [true, false]);
        let mut done = Vec::new();
        closed.close_done(&[0, 1], &mut done);
        assert_eq!((done.len(), of(&closed, 3, 2)), (1, [true, true]));
        closed.open(Pending { round: Round(1), ..done.remove(0) });
        closed.pending[1].draws.iter_mut().for_each(|draw| draw.ticket.0 += 4);
        assert_eq!(of(&closed, 3, 2), [true, true]);
        closed.lose((0, 1));
        closed.close_done(&[0], &mut done);
        closed.pending[0].draws.iter_mut().for_each(|draw| draw.ticket.0 -= 1);
        assert_eq!(of(&closed, 3, 2), [false, true], "a gap");
        type Change = (&'static str, fn(&mut Ledger));
        let changes: [Change; 36] = [
            ("a round without draws", |it| {
                it.pending[1].draws.clear();
                it.pending[1].states.clear();
                it.pending[1].shares.clear();
            }),
            ("a draw without a state", |it| _ = it.pending[0].states.pop()),
            ("a draw without a share", |it| _ = it.pending[0].shares.pop()),
            ("a sample that is not there", |it| it.pending[0].draws[0].sample = SampleId(3)),
            ("an arm that is not there", |it| it.pending[0].draws[0].arm = ArmId(2)),
            ("a ticket twice", |it| it.pending[0].draws[1].ticket = Ticket(0)),
            ("a gap between rounds", |it| {
                it.pending[1].draws.iter_mut().for_each(|draw| draw.ticket.0 += 1)
            }),
            ("tickets after the last", |it| {
                it.pending.iter_mut().flat_map(|it| &mut it.draws).for_each(|draw| draw.ticket.0 += 1)
            }),
            ("tickets up to the last number", |it| {
                let tickets = it.pending.iter_mut().flat_map(|it| &mut it.draws).rev();
                tickets.zip((0..=u64::MAX).rev()).for_each(|(draw, ticket)| draw.ticket.0 = ticket)
            }),
            ("tickets beyond the last number", |it| {
                it.pending[1].draws[0].ticket.0 = u64::MAX;
                it.pending[1].draws[1].ticket.0 = 0;
            }),
            ("a record too few", |it| _ = it.records.pop()),
            ("a progress too few", |it| _ = it.progress.pop()),
            ("a tally too few", |it| _ = it.tallies.pop()),
            ("more drawn", |it| it.counts.drawn += 1),
            ("more open, all counted", |it| {
                it.counts.open += 1;
                it.counts.lost -= 1;
            }),
            ("an open ticket that is settled", |it| it.pending[0].states[1] = State::Open),
            ("a settled ticket that is open", |it| {
                it.pending[0].states[0] = State::Settled(Outcome::default(), None)
            }),
            ("a rejected ticket for another reason", |it| it.reasons.add(Reason::TooHard)),
            ("a rejected ticket for none", |it| it.reasons = Reasons::default()),
            ("fewer rejected than there are", |it| {
                it.counts.rejected -= 1;
                it.counts.admitted += 1;
                it.reasons = Reasons::default();
            }),
            ("a lost ticket that is worth something", |it| it.lost_score = 0.1),
            ("a lost ticket worth less than any score", |it| it.lost_score = -1e39),
            ("a lost ticket of no number", |it| it.lost_score = f64::NAN),
            ("fewer ages than outcomes", |it| it.ages = Ages::default()),
            ("a propensity of no number", |it| it.pending[0].draws[0].propensity = f64::NAN),
            ("a weight below 0", |it| it.pending[0].draws[1].loss_weight = -1.0),
            ("a share of no number", |it| it.pending[1].shares[0] = f64::NAN),
            ("a share above 1", |it| it.pending[1].shares[1] = 2.0),
            ("an outcome that would be refused", |it| {
                let State::Settled(outcome, _) = &mut it.pending[0].states[1] else { unreachable!() };
                *outcome = outcome.loss(f32::NAN);
            }),
            ("more ages than were not open", |it| it.ages.add(Age::new(0, 0), 2)),
            ("an arm with more open than drawn", |it| it.tallies[1].drawn = 0),
            ("more ages than tickets", |it| it.ages.add(Age::new(0, 0), 4)),
            ("more drawn than in any run", |it| {
                *it = Ledger {
                    counts: Counts { drawn: u64::MAX, admitted: u64::MAX, ..Counts::default() },
                    ..Ledger::new(3, 2)
                };
                it.ages.add(Age::new(0, 0), u64::MAX);
            }),
            ("fewer lost than there are", |it| {
                it.counts.lost -= 1;
                it.counts.admitted += 1;
                it.lost = Lost::default();
            }),
            ("a lost ticket more", |it| it.lost.insert(0)),
            ("none lost", |it| it.lost = Lost::default()),
        ];
        for (what, change) in changes {
            let mut ledger = good.clone();
            change(&mut ledger);
            assert!(!of(&ledger, 3, 2)[0], "{what}");
        }
    }
}
