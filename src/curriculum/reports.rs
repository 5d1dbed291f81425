//! Feedback that comes in, and tickets that are given up: checked whole, then taken over.

use std::collections::BTreeSet;

use super::options::Options;
use super::refill::Useful;
use super::{Curriculum, Memory, Work};
use crate::base::error::{Error, Result};
use crate::base::id::Ticket;
use crate::base::seen::Seen;
use crate::event::age::AgeLimit;
use crate::event::gate::{Case, Gate, Judgement};
use crate::event::{Draw, Feedback, Fields, Reason, Verdict};
use crate::ledger::{Pending, Place, State};
use crate::policy::Policy;
use crate::sampler::Sampler;
use crate::signal::Signal;

/// One feedback that can be taken in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    /// Its place in what was reported.
    index: usize,
    place: Place,
    judgement: Judgement,
}

impl Work {
    /// Makes room for the feedback of a call.
    fn start(&mut self, feedback: &[Feedback]) {
        self.taken.clear();
        // Tickets in rising order, as most trainers report them, name none twice.
        self.rises = feedback.is_sorted_by(|a, b| a.ticket < b.ticket);
        self.seen.clear(if self.rises { 0 } else { feedback.len() });
    }
}

impl<P: Policy, S: Signal, D: Sampler> Curriculum<P, S, D> {
    /// Takes in the outcomes of drawn tickets, and says of each whether the trainer may use it for a
    /// gradient step. The verdicts stand in the order of the feedback. The outcomes teach the policy
    /// when their round is folded in; until then their order makes no difference. In the [pace of
    /// arrival](crate::Arrival) they teach it at once, as one step of learning.
    ///
    /// # Errors
    /// [`Error::UnknownTicket`], [`Error::RepeatedTicket`], [`Error::LateTicket`], [`Error::MissingOutcome`],
    /// [`Error::NonFinite`] or [`Error::OutOfRange`], naming the ticket; in the pace of arrival those of
    /// [`fold`](Self::fold), too. Then none of the feedback has been taken in.
    pub fn observe(&mut self, feedback: &[Feedback]) -> Result<Vec<Verdict>> {
        let mut verdicts = Vec::with_capacity(feedback.len());
        self.observe_into(feedback, &mut verdicts)?;
        Ok(verdicts)
    }

    /// As [`observe`](Self::observe), into a list whose memory is reused and whose content is replaced.
    ///
    /// # Errors
    /// As [`observe`](Self::observe); the list is then as it was.
    #[cfg_attr(feature = "tracing", tracing::instrument(level = "debug", skip_all, fields(tickets = feedback.len())))]
    pub fn observe_into(&mut self, feedback: &[Feedback], verdicts: &mut Vec<Verdict>) -> Result<()> {
        self.work.start(feedback);
        let Self { memory, options, needs, work, .. } = self;
        let Work { taken, seen, rises, .. } = work;
        let mut seen = (!*rises).then_some(seen);
        for (index, feedback) in feedback.iter().enumerate() {
            taken.push(take(index, feedback, memory, options, *needs, seen.as_deref_mut())?);
        }
        self.settle(feedback)?;
        verdicts.clear();
        verdicts.extend(self.work.taken.iter().map(|taken| taken.judgement.verdict));
        Ok(())
    }

    /// As [`observe`](Self::observe), but what cannot be taken in does not keep out the rest: each feedback has a
    /// result of its own, a verdict or what is wrong with it, in the order of the feedback. Of several for one ticket
    /// the first that is good is taken in. For asynchronous trainers, of whose reports some come late or twice.
    ///
    /// What was refused is counted in the [metrics](Self::metrics) of this process and changes nothing else. The errors
    /// are those of `observe`. Cost: that of `observe`, and the list.
    ///
    /// ```
    /// use curricle::{Curriculum, Error, Feedback, Outcome, Ticket, Verdict};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let mut curriculum = Curriculum::builder(10).build()?;
    /// curriculum.draw(2)?;
    /// let seen = |ticket| Feedback::new(Ticket(ticket), Outcome::default().success(0.5));
    /// let results = curriculum.report(&[seen(0), seen(7), seen(0), seen(1)]);
    /// let (unknown, repeated) = (Error::UnknownTicket(Ticket(7)), Error::RepeatedTicket(Ticket(0)));
    /// assert_eq!(results, [Ok(Verdict::Admit), Err(unknown), Err(repeated), Ok(Verdict::Admit)]);
    /// assert_eq!(curriculum.metrics().get("feedback/refused/unknown"), Some(1.0));
    /// assert_eq!(curriculum.counts().open, 0);
    /// # Ok(()) }
    /// ```
    #[cfg_attr(feature = "tracing", tracing::instrument(level = "debug", skip_all, fields(tickets = feedback.len())))]
    pub fn report(&mut self, feedback: &[Feedback]) -> Vec<Result<Verdict>> {
        self.work.start(feedback);
        let Self { memory, options, needs, work, .. } = self;
        let Work { taken, seen, rises, .. } = work;
        let mut seen = (!*rises).then_some(seen);
        let take = |(index, feedback)| {
            let one = take(index, feedback, memory, options, *needs, seen.as_deref_mut())?;
            taken.push(one);
            Ok(one.judgement.verdict)
        };
        let mut results: Vec<Result<Verdict>> = feedback.iter().enumerate().map(take).collect();
        while let Err(error) = self.settle(feedback) {
            self.blame(&error, feedback, &mut results);
        }
        results.iter().filter_map(|result| result.as_ref().err()).for_each(|it| self.refused.count(it));
        results
    }

    /// What [`observe`](Self::observe) would say of one feedback as things stand; nothing changes. In the pace of
    /// arrival what it would teach is not worked out.
    ///
    /// ```
    /// use curricle::{Curriculum, Error, Feedback, Gate, Outcome, Reason, Ticket, Verdict};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let mut curriculum = Curriculum::builder(10).gate(Gate::zero_signal()).build()?;
    /// let ticket = curriculum.draw(1)?.draws[0].ticket;
    /// let solved = Feedback::new(ticket, Outcome::zero_signal(1.0, 8));
    /// assert_eq!(curriculum.judge(&solved)?, Verdict::Reject(Reason::ZeroSignal));
    /// assert_eq!(curriculum.observe(&[solved])?, [Verdict::Reject(Reason::ZeroSignal)]);
    /// assert_eq!(curriculum.judge(&solved), Err(Error::RepeatedTicket(ticket)));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of `observe` that name a ticket.
    pub fn judge(&self, feedback: &Feedback) -> Result<Verdict> {
        let taken = take(0, feedback, &self.memory, &self.options, self.needs, None)?;
        Ok(taken.judgement.verdict)
    }

    /// Takes in what was taken. In the pace of arrival this is a step of learning, which may fail; then nothing has
    /// changed.
    fn settle(&mut self, feedback: &[Feedback]) -> Result<()> {
        let now = (self.memory.round, self.memory.version);
        let settled = |taken: &Taken| (taken.place, feedback[taken.index].outcome, taken.judgement);
        if self.options.pace.arrival().is_none() {
            self.memory.ledger.settle(now, self.work.taken.iter().map(settled));
            self.bank(feedback);
            return Ok(());
        }
        let Work { arrived, rounds, taken, .. } = &mut self.work;
        arrived.clear();
        rounds.clear();
        for taken in &*taken {
            let ((round, place), outcome, judgement) = settled(taken);
            arrived.push(&self.memory.ledger.pending[round], place, judgement.state(outcome));
            rounds.push(round);
        }
        self.learn_arrived()?;
        self.memory.ledger.settle(now, self.work.taken.iter().map(settled));
        self.bank(feedback);
        self.close_arrived();
        Ok(())
    }

    /// With refill: banks those that were admitted of what was taken in.
    fn bank(&mut self, feedback: &[Feedback]) {
        if self.options.refill.is_none() {
            return;
        }
        let Memory { ledger, bank, round: now, .. } = &mut self.memory;
        for Taken { index, place: (round, place), judgement } in &self.work.taken {
            let pending = &ledger.pending[*round];
            let (draw, round, version) = (pending.draws[*place], pending.round, pending.version);
            let Judgement { verdict, teaches } = *judgement;
            let useful = Useful { draw, round, version };
            let rejection = verdict.rejection();
            let is_treated = matches!(verdict, Verdict::Treat(_)) || rejection == Some(Reason::Retired);
            let can_be_second = teaches && round.0 + 1 == now.0 && !is_treated;
            if bank.note(useful, &feedback[*index].outcome, rejection, can_be_second) {
                ledger.counts.admitted -= 1;
                ledger.counts.banked += 1;
            }
        }
    }

    /// Takes those out of what was taken for whom an error speaks: the ticket that it names, or all.
    fn blame(&mut self, error: &Error, feedback: &[Feedback], results: &mut [Result<Verdict>]) {
        let named = |taken: &Taken| {
            let ticket = feedback[taken.index].ticket;
            matches!(error, Error::NonFinite { index, .. } if *index == ticket.0)
        };
        let taken = &mut self.work.taken;
        let is_any_named = taken.iter().any(named);
        taken.retain(|taken| {
            let is_blamed = !is_any_named || named(taken);
            if is_blamed {
                results[taken.index] = Err(error.clone());
            }
            !is_blamed
        });
    }

    /// Learns from the tickets that have arrived, as from a round of their own.
    fn learn_arrived(&mut self) -> Result<()> {
        let Self { memory, options, signal, work, .. } = self;
        if work.arrived.draws.is_empty() {
            return Ok(());
        }
        work.fold.work_out(&work.arrived, memory, signal, options)?;
        memory.learn(&mut work.fold)
    }

    /// The tickets that have arrived are done with.
    fn close_arrived(&mut self) {
        let Work { arrived, rounds, spare, .. } = &mut self.work;
        if arrived.draws.is_empty() {
            return;
        }
        let ledger = &mut self.memory.ledger;
        ledger.tally(&arrived.draws, &arrived.states);
        rounds.sort_unstable();
        rounds.dedup();
        ledger.close_done(rounds, spare);
        self.release_arrived();
        self.has_learned();
    }

    /// Gives tickets up: their outcomes will not come, or, if they came already and have not been
    /// folded in yet, are to be forgotten. A [banked](crate::Refill) ticket can be given up at any time, as when its
    /// rollouts went with a crash: what it taught stays. In the [pace of arrival](crate::Arrival) the policy learns of
    /// it at once.
    ///
    /// # Errors
    /// [`Error::UnknownTicket`]; [`Error::LateTicket`] if a ticket was given up before;
    /// [`Error::RepeatedTicket`] if it is named twice, or its outcome has been folded in; in the pace of arrival those
    /// of [`fold`](Self::fold), too. Then none of the tickets has been given up.
    #[cfg_attr(feature = "tracing", tracing::instrument(level = "debug", skip_all, fields(tickets = tickets.len())))]
    pub fn lose(&mut self, tickets: &[Ticket]) -> Result<()> {
        let (places, banked) = self.losable(tickets)?;
        self.lose_places(places)?;
        let Memory { ledger, bank, .. } = &mut self.memory;
        for draw in banked.into_iter().filter_map(|ticket| bank.remove(ticket)) {
            ledger.lose_banked(&draw);
        }
        self.release_idle();
        Ok(())
    }

    /// Checks tickets that are to be given up: where they are kept, and those that are banked. Nothing changes.
    pub(crate) fn losable(&self, tickets: &[Ticket]) -> Result<(BTreeSet<Place>, BTreeSet<Ticket>)> {
        let Memory { ledger, bank, .. } = &self.memory;
        let is_arrival = self.options.pace.arrival().is_some();
        let (mut places, mut banked) = (BTreeSet::new(), BTreeSet::new());
        for &ticket in tickets {
            let is_new = match ledger.locate(ticket) {
                Err(_) if bank.contains(ticket) => banked.insert(ticket),
                Err(error) => return Err(error),
                Ok(place) => match ledger.state(place) {
                    State::Lost => return Err(Error::LateTicket(ticket)),
                    State::Settled(..) | State::Untaught(_) if is_arrival => {
                        bank.contains(ticket) && banked.insert(ticket)
                    }
                    _ => places.insert(place),
                },
            };
            if !is_new {
                return Err(Error::RepeatedTicket(ticket));
            }
        }
        Ok((places, banked))
    }

    /// Gives up the open tickets that are older than they may be; says whether there were any.
    pub(super) fn give_up(&mut self, limit: AgeLimit) -> Result<bool> {
        let memory = &self.memory;
        let is_old = |pending: &&Pending| limit.is_exceeded(memory.age(pending));
        let mut places = BTreeSet::new();
        // Rounds and versions only rise.
        for (round, pending) in memory.ledger.pending.iter().take_while(is_old).enumerate() {
            let is_open = |place: &usize| pending.states[*place] == State::Open;
            places.extend((0..pending.states.len()).filter(is_open).map(|place| (round, place)));
        }
        let is_any = !places.is_empty();
        self.lose_places(places).map(|()| is_any)
    }

    /// Gives tickets up. In the pace of arrival this is a step of learning, which may fail; then nothing has changed.
    fn lose_places(&mut self, places: BTreeSet<Place>) -> Result<()> {
        let Work { arrived, rounds, .. } = &mut self.work;
        arrived.clear();
        rounds.clear();
        if self.options.pace.arrival().is_some() {
            for &(round, place) in &places {
                arrived.push(&self.memory.ledger.pending[round], place, State::Lost);
                rounds.push(round);
            }
        }
        self.learn_arrived()?;
        let Memory { ledger, bank, .. } = &mut self.memory;
        for place in places {
            if self.options.refill.is_some() {
                let Draw { ticket, arm, .. } = ledger.pending[place.0].draws[place.1];
                let was_open = *ledger.state(place) == State::Open;
                if bank.lose(ticket, arm.index(), was_open) {
                    ledger.counts.banked -= 1;
                    ledger.counts.admitted += 1;
                }
            }
            ledger.lose(place);
        }
        self.close_arrived();
        Ok(())
    }

    /// Says which version of the model is trained from now on, as after each step of the optimiser, so that the
    /// [age](crate::Age) of feedback in versions is known. The number is the trainer's own; it starts at 0 and never
    /// falls.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// use curricle::{AgeLimit, Curriculum, Feedback, Gate, Outcome, Reason, Verdict};
    ///
    /// let gate = Gate::stale(AgeLimit::versions(2));
    /// let mut curriculum = Curriculum::builder(10).gate(gate).build()?;
    /// let ticket = curriculum.draw(1)?.draws[0].ticket;
    /// curriculum.set_version(3)?;
    /// let seen = Outcome::default().success(0.5);
    /// let verdicts = curriculum.observe(&[Feedback::new(ticket, seen)])?;
    /// assert_eq!(verdicts, [Verdict::Reject(Reason::Stale)]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a version below the present one.
    pub fn set_version(&mut self, version: u64) -> Result<()> {
        let now = &mut self.memory.version;
        if version < *now {
            let (low, high) = (*now as f64, u64::MAX as f64);
            return Err(Error::OutOfRange { what: "version", value: version as f64, low, high });
        }
        *now = version;
        Ok(())
    }
}

/// Checks and judges one feedback, the `index`-th of a report; nothing of the state changes. `seen` has the tickets of
/// the report that were taken before, unless they rise.
#[inline(always)]
fn take<P>(
    index: usize,
    Feedback { ticket, outcome }: &Feedback,
    memory: &Memory<P>,
    options: &Options,
    needs: Fields,
    seen: Option<&mut Seen>,
) -> Result<Taken> {
    let place = memory.ledger.locate_open(*ticket)?;
    if seen.as_ref().is_some_and(|seen| seen.contains(ticket.0)) {
        return Err(Error::RepeatedTicket(*ticket));
    }
    outcome.check(*ticket)?;
    outcome.require(*ticket, needs)?;
    let judgement = match &options.gate {
        Gate::All => Judgement::ADMITTED,
        gate => {
            let pending = &memory.ledger.pending[place.0];
            let Draw { sample, arm, .. } = pending.draws[place.1];
            let age = memory.age(pending);
            let case = Case { outcome, sample, arm, round: memory.round, age };
            if let Some(field) = gate.missing(&case) {
                return Err(Error::MissingOutcome { ticket: *ticket, field });
            }
            let judgement = gate.judge(&case);
            if let Verdict::Treat(treatment) = judgement.verdict {
                treatment.check()?;
            }
            judgement
        }
    };
    if let Some(seen) = seen {
        seen.insert(ticket.0);
    }
    Ok(Taken { index, place, judgement })
}
