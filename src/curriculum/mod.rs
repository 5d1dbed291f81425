//! The curriculum: a deterministic state machine with two verbs, `draw` and `observe`.

pub(crate) mod builder;
mod changes;
pub(crate) mod desk;
mod presets;
mod round;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, within};
use crate::base::id::{ArmId, Round, SampleId, Ticket};
use crate::curriculum::builder::{Builder, Options};
use crate::curriculum::desk::Desk;
use crate::event::{Batch, Feedback, Field, Verdict};
use crate::ledger::progress::Progress;
use crate::ledger::{Counts, Ledger, Pending, Record, State};
use crate::policy::{Allotment, Policy, Uniform};
use crate::population::Population;
use crate::sampler::{Distinct, Sampler};
use crate::signal::{GroupSpread, Signal, Trial};

/// Decides which samples a model trains on next, from what the training reports back.
///
/// ```text
/// draw(n)     the policy allots probability to arms, the sampler draws n samples -> Batch
/// observe(f)  outcomes of drawn tickets come in, in any order                    -> Verdicts
/// ```
///
/// A curriculum is one serialisable value without threads, clock or I/O of its own:
/// **decision = f(seed, ordered events)**. The feedback of round `r` is folded in exactly when round
/// `r + 1 + lag` is drawn, in ticket order, so that the order and the thread in which it arrived
/// make no difference. `P` is the [policy](Policy), `S` the [signal](Signal) that scores outcomes,
/// and `D` the [sampler](Sampler).
///
/// A call that returns an error has changed nothing.
///
/// Cost for N samples, K arms and batches of n: a draw O(K + n log N), or O(n log N) where the policy lets
/// [`Odds`](crate::policy::Odds) change arm by arm; an observation O(n log R) where R is the number of open rounds. Memory 37 to 41 bytes a sample: 9 for
/// the sums of weights, 8 for the order within the arms, 0 to 4 for the arm, 20 for the record.
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
    pub(crate) needs: Vec<Field>,
    pub(crate) identity: Identity,
    pub(crate) state: Memory<P>,
    pub(crate) desk: Desk<P>,
}

/// What a snapshot must agree with to be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub dataset: u128,
    pub configuration: u128,
}

/// All that changes: the whole content of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Policy")]
pub(crate) struct Memory<P> {
    pub round: Round,
    pub policy: P,
    pub population: Population,
    pub ledger: Ledger,
    /// The last decision of the policy.
    pub allotment: Allotment,
    pub digest: u64,
}

impl Curriculum {
    /// Starts to describe a curriculum over the samples `0..samples`.
    pub fn builder(samples: usize) -> Builder {
        Builder::new(samples)
    }
}

impl<P: Policy, S: Signal<[Trial]>, D: Sampler> Curriculum<P, S, D> {
    /// Folds the feedback that is due, and draws the next batch of `n` samples.
    ///
    /// # Errors
    /// [`Error::Awaiting`] if feedback that is due has not arrived (report it, give it up with
    /// [`lose`](Self::lose), or build with [`Missing::Lose`](crate::Missing::Lose)); [`Error::OutOfRange`] for a batch of
    /// size 0; [`Error::BatchExceedsPool`] and [`Error::NothingToDraw`] from the sampler;
    /// [`Error::NonFinite`] if the signal gave a score that is not finite, naming its ticket (give
    /// that ticket up with `lose` to go on). Nothing has changed in any of these cases.
    pub fn draw(&mut self, n: usize) -> Result<Batch> {
        let mut batch = Batch { round: self.state.round, draws: Vec::new() };
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
    pub fn draw_into(&mut self, n: usize, batch: &mut Batch) -> Result<()> {
        within("batch size", n as f64, 1.0, f64::from(u32::MAX))?;
        let mut desk = std::mem::take(&mut self.desk);
        let drawn = self.next(n, &mut desk);
        if let Ok(round) = drawn {
            batch.round = round;
            batch.draws.clone_from(&desk.draws);
        }
        self.desk = desk;
        drawn.map(drop)
    }

    /// Takes in the outcomes of drawn tickets, and says of each whether the trainer may use it for a
    /// gradient step. The verdicts stand in the order of the feedback. The outcomes teach the policy
    /// when their round is folded in; until then their order makes no difference.
    ///
    /// # Errors
    /// [`Error::UnknownTicket`], [`Error::RepeatedTicket`], [`Error::MissingOutcome`],
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
    pub fn observe_into(&mut self, feedback: &[Feedback], verdicts: &mut Vec<Verdict>) -> Result<()> {
        let ledger = &mut self.state.ledger;
        let Desk { places, seen, .. } = &mut self.desk;
        places.clear();
        seen.clear(feedback.len());
        for Feedback { ticket, outcome } in feedback {
            let place = ledger.locate(*ticket)?;
            if *ledger.state(place) != State::Open || !seen.insert(ticket.0) {
                return Err(Error::RepeatedTicket(*ticket));
            }
            outcome.check(*ticket)?;
            outcome.require(*ticket, &self.needs)?;
            places.push(place);
        }
        verdicts.clear();
        for (&place, feedback) in places.iter().zip(feedback) {
            let verdict = self.options.gate.admit(&feedback.outcome);
            ledger.put(place, State::Settled(feedback.outcome, verdict));
            verdicts.push(verdict);
        }
        Ok(())
    }

    /// Gives tickets up: their outcomes will not come, or, if they came already and have not been
    /// folded in yet, are to be forgotten.
    ///
    /// # Errors
    /// [`Error::UnknownTicket`]; [`Error::RepeatedTicket`] if a ticket was given up or folded in
    /// before. Then none of the tickets has been given up.
    pub fn lose(&mut self, tickets: &[Ticket]) -> Result<()> {
        let ledger = &mut self.state.ledger;
        let mut places = BTreeSet::new();
        for &ticket in tickets {
            let place = ledger.locate(ticket)?;
            if *ledger.state(place) == State::Lost || !places.insert(place) {
                return Err(Error::RepeatedTicket(ticket));
            }
        }
        places.into_iter().for_each(|place| ledger.put(place, State::Lost));
        Ok(())
    }
}

impl<P, S, D> Curriculum<P, S, D> {
    /// The round that the next draw will have.
    pub fn round(&self) -> Round {
        self.state.round
    }

    /// The probability of each arm in the last draw; empty before the first and in a curriculum
    /// over ranks. Cost: O(K).
    pub fn shares(&self) -> Vec<f64> {
        self.state.allotment.shares()
    }

    /// The policy, in its present state.
    pub fn policy(&self) -> &P {
        &self.state.policy
    }

    /// The samples, their arms and their weights.
    pub fn population(&self) -> &Population {
        &self.state.population
    }

    /// Where all tickets are.
    pub fn counts(&self) -> Counts {
        self.state.ledger.counts
    }

    /// What is known about a sample, also after its removal.
    ///
    /// # Errors
    /// [`Error::UnknownSample`].
    pub fn record(&self, sample: SampleId) -> Result<&Record> {
        self.state.ledger.record(sample)
    }

    /// The progress of an arm.
    ///
    /// # Errors
    /// [`Error::UnknownArm`].
    pub fn progress(&self, arm: ArmId) -> Result<&Progress> {
        self.state.ledger.progress.get(arm.index()).ok_or(Error::UnknownArm(arm))
    }

    /// A digest of all decisions so far: equal for equal streams of batches.
    pub fn digest(&self) -> u64 {
        self.state.digest
    }

    /// The open tickets, as the batches that they were drawn in: what a trainer has to do again
    /// after [`restore`](Self::restore).
    pub fn unfinished(&self) -> Vec<Batch> {
        let open = |pending: &Pending| {
            let draws = pending.draws.iter().zip(&pending.states);
            let draws = draws.filter(|(_, state)| **state == State::Open).map(|(draw, _)| *draw);
            Batch { round: pending.round, draws: draws.collect() }
        };
        let batches = self.state.ledger.pending.iter().map(open);
        batches.filter(|batch| !batch.draws.is_empty()).collect()
    }
}
