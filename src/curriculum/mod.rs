//! The curriculum: a deterministic state machine that draws, observes and folds.

pub(crate) mod builder;
mod changes;
mod decision;
mod fold;
pub(crate) mod identity;
mod metrics;
pub(crate) mod pace;
pub(crate) mod presets;
pub(crate) mod refill;
mod refused;
mod stale;
mod tally;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, within};
use crate::base::id::{ArmId, Round, SampleId, Ticket};
use crate::base::seen::Seen;
use crate::event::age::{Age, AgeLimit};
use crate::event::gate::{Case, Gate, Judgement};
use crate::event::{Batch, Draw, Feedback, Fields, Verdict};
use crate::ledger::progress::Progress;
use crate::ledger::{Counts, Ledger, Pending, Place, Record, State};
use crate::policy::{Allotment, ChangedArms, Policy, Turn, Uniform};
use crate::population::Population;
use crate::sampler::{Distinct, Sampler};
use crate::signal::{GroupSpread, Signal};
use builder::{Builder, Missing, Options};
use decision::{At, Decision};
use fold::Fold;
use identity::Identity;
use pace::Arrival;
use refill::{Bank, Useful};
use refused::Refused;
use stale::Stale;

/// Decides which samples a model trains on next, from what the training reports back.
///
/// ```text
/// draw(n)     fold what is due; the policy allots probability to arms, the sampler draws n samples -> Batch
/// observe(f)  outcomes of drawn tickets come in, in any order                                      -> Verdicts
/// fold()      the policy learns from the feedback that is due; a draw begins with it
/// ```
///
/// A curriculum is one serialisable value without threads, clock or I/O of its own:
/// **decision = f(seed, ordered events)**. The feedback of round `r` is folded in exactly when round
/// `r + 1 + lag` is drawn, in ticket order, so that the order and the thread in which it arrived
/// make no difference. `P` is the [policy](Policy), `S` the [signal](Signal) that scores outcomes,
/// and `D` the [sampler](Sampler).
///
/// A call that returns an error has changed nothing, with one exception: a draw that fails may have
/// folded in what was due, as [`fold`](Self::fold) does, which the next draw would have done anyway.
///
/// Cost for N samples, K arms and batches of n: a draw O(K + n log N + m) for m tickets that have not been folded in, or
/// O(n log N + m) where the policy lets [`ArmTree`](crate::policy::ArmTree) change arm by arm; an observation O(n log R)
/// where R is the number of open rounds. Memory 37 to 41 bytes a sample: 9 for the sums of weights, 8 for the order within the arms, 0 to 4 for the arm, 20 for the record.
///
/// ```
/// use curricle::policy::{Boltzmann, Bounded, Prior};
/// use curricle::{Curriculum, Feedback, Outcome};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(1000)
///     .arms(10, |sample| (sample.0 / 100) as u32)
///     .policy(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform))
///     .seed(7)
///     .build()?;
/// for _ in 0..20 {
///     let batch = curriculum.draw(32)?;
///     // Only arm 3 has anything to teach.
///     let outcome = |arm: u32| Outcome::default().success(if arm == 3 { 0.5 } else { 0.0 });
///     let feedback: Vec<Feedback> =
///         batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.arm.0))).collect();
///     curriculum.observe(&feedback)?;
/// }
/// assert!(curriculum.shares()[3] > 0.85);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Curriculum<P = Uniform, S = GroupSpread, D = Distinct> {
    pub(crate) options: Options,
    pub(crate) signal: S,
    pub(crate) sampler: D,
    /// The fields of an outcome that signal and policy cannot do without.
    pub(crate) needs: Fields,
    pub(crate) identity: Identity,
    /// The names of the arms, or none.
    arm_names: Vec<String>,
    pub(crate) memory: Memory<P>,
    /// What is not known to be right of the probabilities in the memory.
    stale: Stale,
    /// How often learning has changed something, in this process.
    changes: u64,
    /// What reports were refused, in this process.
    refused: Refused,
    work: Work,
}

/// What a curriculum works with: lists that are kept between calls, so that a steady state allocates
/// nothing. They are no part of its state; a copy starts with empty ones.
#[derive(Debug, Default)]
struct Work {
    fold: Fold,
    decision: Decision,
    /// The feedback of a call that can be taken in.
    taken: Vec<Taken>,
    /// Its tickets, unless they rise.
    seen: Seen,
    rises: bool,
    /// In the pace of arrival: the tickets of a call, as a round of their own, and where their rounds are kept.
    arrived: Pending,
    rounds: Vec<usize>,
    /// Rounds that are done with, for the memory of their lists.
    spare: Vec<Pending>,
    weights: Vec<(SampleId, u64)>,
    slots: Vec<(usize, u64)>,
    arms: ChangedArms,
}

/// One feedback that can be taken in.
#[derive(Debug, Clone, Copy)]
struct Taken {
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

impl Clone for Work {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// All that changes: the whole content of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Policy")]
pub(crate) struct Memory<P> {
    pub round: Round,
    /// The version of the model that is trained now.
    pub version: u64,
    pub policy: P,
    pub population: Population,
    pub ledger: Ledger,
    pub bank: Bank,
    /// The last decision of the policy.
    pub allotment: Allotment,
    /// How many samples the last batch had.
    pub batch: usize,
    pub digest: u64,
}

impl<P> Memory<P> {
    /// How long ago a round was drawn.
    fn age(&self, pending: &Pending) -> Age {
        pending.age((self.round, self.version))
    }
}

impl Curriculum {
    /// Starts to describe a curriculum over the samples `0..samples`.
    pub fn builder(samples: usize) -> Builder {
        Builder::new(samples)
    }
}

impl<P: Policy, S: Signal, D: Sampler> Curriculum<P, S, D> {
    pub(crate) fn new(
        (policy, signal, sampler): (P, S, D),
        options: Options,
        needs: Fields,
        identity: Identity,
        arm_names: Vec<String>,
        population: Population,
    ) -> Self {
        let ledger = Ledger::new(population.arms().samples(), population.arms().count());
        let (round, version, batch, digest) = (Round(0), 0, 0, 0);
        let (allotment, bank) = (Allotment::default(), Bank::new(population.arms().count()));
        let memory =
            Memory { round, version, policy, population, ledger, bank, allotment, batch, digest };
        let (stale, work) = (Stale::default(), Work::default());
        let (changes, refused) = (0, Refused::default());
        Self {
            options,
            signal,
            sampler,
            needs,
            identity,
            arm_names,
            memory,
            stale,
            changes,
            refused,
            work,
        }
    }

    /// Folds in the feedback that is due, as [`fold`](Self::fold) does, and draws the next batch of `n`
    /// samples.
    ///
    /// # Errors
    /// Those of `fold`; [`Error::OutOfRange`] for a batch of size 0, or
    /// one that a sampler that repeats samples does not [take](Sampler::most); [`Error::Hold`] in the
    /// [pace of arrival](crate::Arrival); [`Error::Unsupported`] with [refill](Builder::refill), where
    /// [`step`](Self::step) draws;
    /// [`Error::BatchExceedsPool`] and [`Error::NothingToDraw`] from the sampler; what the policy
    /// cannot decide; of a sampler of one's own [`Error::Length`], [`Error::NonFinite`], [`Error::OutOfRange`],
    /// [`Error::UnknownSample`] or [`Error::Pick`] for a pick that is none. No ticket has been drawn then; what was due has been folded in, if `fold` did not
    /// fail.
    pub fn draw(&mut self, n: usize) -> Result<Batch> {
        let mut batch = Batch::default();
        self.draw_into(n, &mut batch)?;
        Ok(batch)
    }

    /// As [`draw`](Self::draw), into a batch whose memory is reused. Once the lists within have grown to
    /// the size of a round, a draw allocates nothing, unless its policy, signal or sampler does.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// let mut curriculum = curricle::Curriculum::builder(1000).missing(curricle::Missing::Lose).build()?;
    /// let mut batch = curriculum.draw(4)?;
    /// for _ in 0..10 {
    ///     curriculum.draw_into(4, &mut batch)?;
    ///     assert_eq!(batch.draws.len(), 4);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`draw`](Self::draw); the batch is then as it was.
    #[cfg_attr(feature = "tracing", tracing::instrument(level = "debug", skip_all, fields(round = self.memory.round.0, n)))]
    pub fn draw_into(&mut self, n: usize, batch: &mut Batch) -> Result<()> {
        let most = self.options.pace.arrival().map_or(u64::MAX, Arrival::most);
        if self.options.refill.is_some() {
            return Err(Error::Unsupported { part: "curriculum with refill", request: "draw" });
        }
        self.fold()?;
        within("batch size", n as f64, 1.0, most.min(u32::MAX.into()) as f64)?;
        let open = self.memory.ledger.counts.open;
        if n as u64 > most.saturating_sub(open) {
            return Err(Error::Hold { open, want: n, most });
        }
        self.decide(n, 0)?;
        self.open_decided(batch, 0);
        Ok(())
    }

    /// When the next draw happens, if it is this one of its round.
    fn at(&self, draw: u64) -> At {
        let round = self.memory.round.0;
        At { round: Round(if draw == 0 { round } else { round - 1 }), draw }
    }

    /// Decides a draw of `n` samples, the first or a further one of its round. Nothing of the state changes.
    fn decide(&mut self, n: usize, draw: u64) -> Result<()> {
        let at = self.at(draw);
        let Self { memory, options, sampler, stale, work, .. } = self;
        work.decision.make(memory, options, sampler, at, n, stale.is_empty())
    }

    /// Opens the tickets of what was decided.
    fn open_decided(&mut self, batch: &mut Batch, draw: u64) {
        let at = self.at(draw);
        let Self { memory, stale, work, .. } = self;
        (batch.round, batch.version) = (at.round, memory.version);
        batch.draws.clear();
        batch.draws.extend_from_slice(work.decision.draws());
        let spare = work.spare.pop();
        work.spare.extend(memory.open(&mut work.decision, at, spare));
        stale.clear();
    }

    /// Learns from the feedback that is due: that of all rounds up to `round() - 1 - lag`, in ticket order.
    /// Returns how many rounds that were. A [`draw`](Self::draw) begins with it, so there is a need for it
    /// only where the learned policy is to be looked at before the next draw. Calling it again changes
    /// nothing more.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// use curricle::policy::Boltzmann;
    /// use curricle::{Curriculum, Feedback, Outcome};
    ///
    /// let mut curriculum = Curriculum::builder(10).policy(Boltzmann::new().start(0.0)).build()?;
    /// let batch = curriculum.draw(1)?;
    /// curriculum.observe(&[Feedback::new(batch.draws[0].ticket, Outcome::default().success(0.5))])?;
    /// assert_eq!(curriculum.policy().values(), [0.0]);
    /// assert_eq!((curriculum.fold()?, curriculum.fold()?), (1, 0));
    /// assert_eq!(curriculum.policy().values(), [0.5]);
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: O(n log N) for a round of n tickets, and what the policy's `learn` costs.
    ///
    /// # Errors
    /// [`Error::Awaiting`] if feedback that is due has not arrived (report it, give it up with
    /// [`lose`](Self::lose), or build with [`Missing::Lose`](crate::Missing::Lose)); [`Error::NonFinite`] if
    /// the signal gave a score that is not finite, naming its ticket (give that ticket up with `lose` to go
    /// on); [`Error::WeightOverflow`] if weights by score become too large. Then that round has not been
    /// folded in, and nothing has changed.
    #[cfg_attr(feature = "tracing", tracing::instrument(level = "debug", skip_all, fields(round = self.memory.round.0)))]
    pub fn fold(&mut self) -> Result<u64> {
        let mut rounds = 0;
        while self.fold_one()? {
            rounds += 1;
        }
        if rounds == 0 {
            self.refresh();
        }
        Ok(rounds)
    }

    /// Folds in the oldest round, if it is due; says whether it was. In the pace of arrival: what is too old, if there is
    /// any.
    fn fold_one(&mut self) -> Result<bool> {
        if let Some(arrival) = self.options.pace.arrival() {
            return match arrival.limit() {
                Some(limit) => self.give_up(limit),
                None => Ok(false),
            };
        }
        let Self { memory, options, signal, work, .. } = self;
        let due = |pending: &&Pending| pending.round.0 + 1 + options.lag <= memory.round.0;
        let Some(pending) = memory.ledger.pending.front().filter(due) else { return Ok(false) };
        if let (Some((missing, first)), Missing::Refuse) = (pending.open(), options.missing) {
            return Err(Error::Awaiting { round: pending.round, missing, first });
        }
        work.fold.work_out(pending, memory, signal, options)?;
        memory.learn(&mut work.fold)?;
        if options.refill.is_some() {
            let lost = memory.ledger.pending.front().into_iter().flat_map(Pending::open_draws);
            lost.for_each(|draw| memory.bank.rates.note(draw.arm.index(), false));
        }
        work.spare.extend(memory.ledger.close_oldest());
        self.has_learned();
        Ok(true)
    }

    /// Notes what the last fold has changed.
    fn has_learned(&mut self) {
        let Self { memory, stale, work, .. } = self;
        let arms = memory.population.arms();
        work.fold.rewarded().for_each(|arm| stale.note(arm, arms.count()));
        self.changes += 1;
        self.refresh();
    }

    /// Brings the probabilities of very many arms up to date with the policy, where they can be changed arm
    /// by arm. Where that fails they stay stale, and the next decision computes them anew and says why not.
    fn refresh(&mut self) {
        let Memory { round, policy, population, allotment, batch, .. } = &mut self.memory;
        let turn = Turn::new(*round, *batch, population);
        let Allotment::Tree(tree) = allotment else { return };
        let Some(logits) = policy.logits(&turn) else { return };
        let arms = population.arms().count() as u32;
        let changed = &mut self.work.arms;
        let updated = match self.stale.arms() {
            Some(stale) => tree.update_each(&logits, population, stale.iter().copied(), changed),
            None => tree.update_each(&logits, population, (0..arms).map(ArmId), changed),
        };
        if updated.is_err() {
            self.stale = Stale::default();
        } else if !self.stale.is_empty() {
            self.stale.clear();
            self.changes += 1;
        }
    }

    /// Takes in the outcomes of drawn tickets, and says of each whether the trainer may use it for a
    /// gradient step. The verdicts stand in the order of the feedback. The outcomes teach the policy
    /// when their round is folded in; until then their order makes no difference.
    ///
    /// # Errors
    /// [`Error::UnknownTicket`], [`Error::RepeatedTicket`], [`Error::LateTicket`], [`Error::MissingOutcome`],
    /// [`Error::NonFinite`] or [`Error::OutOfRange`], naming the ticket; then none of the feedback
    /// has been taken in.
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

    /// Takes in what was taken. In the pace of arrival this is a step of learning, which may fail; then nothing has changed.
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
            let can_be_second = teaches && round.0 + 1 == now.0;
            if bank.note(useful, &feedback[*index].outcome, verdict, can_be_second) {
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
        self.has_learned();
    }

    /// Gives tickets up: their outcomes will not come, or, if they came already and have not been
    /// folded in yet, are to be forgotten. A [banked](crate::Refill) ticket can be given up at any time, as when its
    /// rollouts went with a crash: what it taught stays.
    ///
    /// # Errors
    /// [`Error::UnknownTicket`]; [`Error::LateTicket`] if a ticket was given up before;
    /// [`Error::RepeatedTicket`] if it is named twice, or its outcome has been folded in. Then none of the
    /// tickets has been given up.
    #[cfg_attr(feature = "tracing", tracing::instrument(level = "debug", skip_all, fields(tickets = tickets.len())))]
    pub fn lose(&mut self, tickets: &[Ticket]) -> Result<()> {
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
        self.lose_places(places)?;
        let Memory { ledger, bank, .. } = &mut self.memory;
        for draw in banked.into_iter().filter_map(|ticket| bank.remove(ticket)) {
            ledger.lose_banked(&draw);
        }
        Ok(())
    }

    /// Gives up the open tickets that are older than they may be; says whether there were any.
    fn give_up(&mut self, limit: AgeLimit) -> Result<bool> {
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
    /// [age](crate::Age) of feedback in versions is known. The number is the trainer's own; it starts at 0 and never falls.
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

/// Checks and judges one feedback, the `index`-th of a report; nothing of the state changes. `seen` has the tickets of the
/// report that were taken before, unless they rise.
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
            gate.judge(&case)
        }
    };
    if let Some(seen) = seen {
        seen.insert(ticket.0);
    }
    Ok(Taken { index, place, judgement })
}

impl<P, S, D> Curriculum<P, S, D> {
    /// Goes on from another state.
    pub(crate) fn replace(&mut self, memory: Memory<P>) {
        (self.memory, self.stale, self.work) = (memory, Stale::default(), Work::default());
    }

    /// How often learning has changed something in this process: a draw that fails may have.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// The version of the model that is trained now; see [`set_version`](Self::set_version).
    pub fn version(&self) -> u64 {
        self.memory.version
    }

    /// The round that the next draw will have.
    pub fn round(&self) -> Round {
        self.memory.round
    }

    /// How many rounds the feedback may lag behind; see [`Builder::lag`](crate::Builder::lag). `u64::MAX` in the
    /// [pace of arrival](Arrival), which waits for none.
    pub fn lag(&self) -> u64 {
        self.options.pace.arrival().map_or(self.options.lag, |_| u64::MAX)
    }

    /// The probability of each arm in the last draw; empty before the first and in a curriculum
    /// over ranks. Cost: O(K).
    pub fn shares(&self) -> Vec<f64> {
        self.memory.allotment.shares()
    }

    /// The policy, in its present state.
    pub fn policy(&self) -> &P {
        &self.memory.policy
    }

    /// The samples, their arms and their weights.
    pub fn population(&self) -> &Population {
        &self.memory.population
    }

    /// Where all tickets are.
    pub fn counts(&self) -> Counts {
        self.memory.ledger.counts
    }

    /// What is known about a sample, also after its removal.
    ///
    /// # Errors
    /// [`Error::UnknownSample`].
    pub fn record(&self, sample: SampleId) -> Result<&Record> {
        self.memory.ledger.record(sample)
    }

    /// The progress of an arm.
    ///
    /// # Errors
    /// [`Error::UnknownArm`].
    pub fn progress(&self, arm: ArmId) -> Result<&Progress> {
        self.memory.ledger.progress.get(arm.index()).ok_or(Error::UnknownArm(arm))
    }

    /// A digest of all decisions so far: equal for equal streams of batches.
    pub fn digest(&self) -> u64 {
        self.memory.digest
    }

    /// The open tickets, as the batches that they were drawn in: what a trainer has to do again
    /// after [`restore`](Self::restore).
    pub fn unfinished(&self) -> Vec<Batch> {
        let open = |pending: &Pending| {
            let draws = pending.open_draws().copied().collect();
            Batch { round: pending.round, version: pending.version, draws }
        };
        let batches = self.memory.ledger.pending.iter().map(open);
        batches.filter(|batch| !batch.draws.is_empty()).collect()
    }
}
