//! The curriculum: a deterministic state machine that draws, observes and folds.

mod believe;
pub(crate) mod builder;
mod changes;
pub(crate) mod costs;
mod decision;
pub(crate) mod explain;
mod fold;
pub(crate) mod identity;
mod metrics;
pub(crate) mod options;
pub(crate) mod pace;
pub(crate) mod presets;
pub(crate) mod reconcile;
pub(crate) mod refill;
mod refused;
mod reports;
mod rest;
pub(crate) mod rollouts;
mod stale;
pub(crate) mod stop;
mod take_over;
mod tally;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, within};
use crate::base::id::{ArmId, Round, SampleId};
use crate::base::seen::Seen;
use crate::event::age::Age;
use crate::event::{Batch, Fields};
use crate::ledger::progress::Progress;
use crate::ledger::{Counts, Ledger, Pending, Record};
use crate::policy::{Allotment, ChangedArms, Policy, Turn, Uniform};
use crate::population::Population;
use crate::sampler::{Distinct, Sampler};
use crate::signal::{GroupSpread, Signal};
use builder::Builder;
use costs::Costs;
use decision::{At, Decision};
use fold::Fold;
use identity::Identity;
use options::{Missing, Options};
use pace::Arrival;
use refill::Bank;
pub(crate) use refused::Refused;
use reports::Taken;
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
/// Cost for N samples, K arms and batches of n: a draw O(K + n log N + m) for m tickets that have not been folded in,
/// or O(n log N + m) where the policy lets [`ArmTree`](crate::policy::ArmTree) change arm by arm; an observation O(n
/// log R) where R is the number of open rounds. Memory 37 to 41 bytes a sample: 9 for the sums of weights, 8 for the
/// order within the arms, 0 to 4 for the arm, 20 for the record; 12 more with [beliefs](crate::Belief).
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
    /// The sample of the batch under way that had waited for it.
    waited: Option<SampleId>,
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
    pub costs: Costs,
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
        costs: Costs,
    ) -> Self {
        let ledger = Ledger::new(population.arms().samples(), population.arms().count());
        let (round, version, batch, digest) = (Round(0), 0, 0, 0);
        let (allotment, bank) = (Allotment::default(), Bank::new(population.arms().count()));
        let memory = Memory {
            round,
            version,
            policy,
            population,
            ledger,
            bank,
            costs,
            allotment,
            batch,
            digest,
        };
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
    /// [pace of arrival](crate::Arrival), for the number in flight or where
    /// [samples in flight](Builder::exclude_in_flight) are all that is left; [`Error::Unsupported`] with
    /// [refill](Builder::refill), where [`step`](Self::step) draws; [`Error::BatchExceedsPool`] and
    /// [`Error::NothingToDraw`] from the sampler; what the policy cannot decide; of a sampler of one's own
    /// [`Error::Length`], [`Error::NonFinite`], [`Error::OutOfRange`], [`Error::UnknownSample`] or [`Error::Pick`] for
    /// a pick that is none. No ticket has been drawn then; what was due has been folded in, if `fold` did not fail, and
    /// what is [retired](Builder::retest) may have come back.
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
        let first = self.carried();
        let others = n - usize::from(first.is_some());
        let decided = if others == 0 { Ok(()) } else { self.decide_all(others) };
        match decided {
            Ok(()) if others > 0 => {}
            // What waits is handed out in any case.
            Ok(()) => self.work.decision.clear(),
            Err(Error::Finished) if first.is_some() => self.work.decision.clear(),
            Err(Error::BatchExceedsPool { available, .. }) if first.is_some() => {
                return Err(Error::BatchExceedsPool { want: n, available: available + 1 });
            }
            Err(error) => return Err(error),
        }
        if let Some(first) = first {
            self.work.decision.put_first(first);
            self.weigh_losses();
        }
        self.let_carried_go();
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
        self.decide_for(n, n, draw)
    }

    /// The same where only so many are `expected` to become a batch.
    fn decide_for(&mut self, n: usize, expected: usize, draw: u64) -> Result<()> {
        let at = self.at(draw);
        let Self { memory, options, sampler, stale, work, .. } = self;
        work.decision.make(memory, options, sampler, at, (n, expected), stale.is_empty())
    }

    /// Decides a draw of `n` samples, or of the last ones that a stop rule leaves.
    fn decide_all(&mut self, n: usize) -> Result<()> {
        self.with_retired(|curriculum| curriculum.decide_present(n))
    }

    /// The same of what is not retired.
    fn decide_present(&mut self, n: usize) -> Result<()> {
        self.check_first_exhausted()?;
        if let Err(error) = self.decide(n, 0) {
            let rest = self.rest_of_last_pass(error);
            let rest = rest.map_err(|it| self.hold_for_samples(it, n))?;
            self.decide(rest, 0)?;
        }
        self.check_cycle()
    }

    /// Gives what was decided its tickets and loss weights anew.
    fn weigh_losses(&mut self) {
        let Self { memory, options, work, .. } = self;
        work.decision.weigh_losses(options.importance.at(memory.round), memory.ledger.counts.drawn);
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
        self.rest_drawn();
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
    /// In the [pace of arrival](Arrival) feedback is folded in as it comes; this then gives up the tickets that are
    /// [too old](Arrival::give_up), as one step of learning.
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
        let is_back = self.retest();
        if is_back {
            self.changes += 1;
        }
        if is_back || rounds == 0 {
            self.refresh();
        }
        Ok(rounds)
    }

    /// Folds in the oldest round, if it is due; says whether it was. In the pace of arrival: what is too old, if there
    /// is any.
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
        self.release_folded();
        self.has_learned();
        Ok(true)
    }

    /// Notes what the last fold has changed.
    fn has_learned(&mut self) {
        let Self { memory, stale, work, .. } = self;
        let arms = memory.population.arms();
        work.fold.rewarded().for_each(|arm| stale.note(arm, arms.count()));
        work.fold.retired.iter().for_each(|&it| stale.note(arms.label(it), arms.count()));
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
        let updated = self.stale.update(tree, &logits, population, &mut self.work.arms);
        if updated.is_err() {
            self.stale = Stale::default();
        } else if !self.stale.is_empty() {
            self.stale.clear();
            self.changes += 1;
        }
    }
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

    /// How many decisions were begun in this process.
    pub(crate) fn decisions(&self) -> u64 {
        self.work.decision.begun()
    }

    /// Which of the decisions after so many others a part refused, counted from 1; none if it had too few samples or
    /// was at its end.
    pub(crate) fn refused_after(&self, decisions: u64) -> Option<u64> {
        self.work.decision.refused_after(decisions)
    }

    /// Does something in which one of the decisions is refused, counted from 1, as a part refused it before.
    pub(crate) fn refusing<T>(
        &mut self,
        decision: Option<u64>,
        verb: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.work.decision.refuse(decision);
        let done = verb(self);
        self.work.decision.refuse(None);
        done
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

    /// The signal, which has no state.
    pub fn signal(&self) -> &S {
        &self.signal
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
