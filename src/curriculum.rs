//! The curriculum: a deterministic state machine with two verbs, `draw` and `observe`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::builder::{Builder, Missing, Options, Weighting};
use crate::error::{Error, Result, finite, within};
use crate::event::{Batch, Draw, Feedback, Field, Verdict};
use crate::id::{ArmId, Round, SampleId, Ticket};
use crate::ledger::{Counts, Ledger, Pending, Record, State};
use crate::policy::{Allotment, Policy, Reward, Turn, Uniform};
use crate::population::{Population, units};
use crate::progress::Progress;
use crate::rng::{Purpose, Rng};
use crate::sampler::{Distinct, Pick, Sampler};
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
/// Cost for N samples, K arms and batches of n: a draw O(K + n log N), an observation O(n log R)
/// where R is the number of open rounds. Memory about 45 bytes a sample.
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

/// What folding a round in would change.
struct Fold<P> {
    policy: P,
    progress: Vec<Progress>,
    /// The settled tickets with their scores.
    scored: Vec<(Trial, f32)>,
    weights: Vec<(SampleId, u64)>,
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
    /// [`lose`](Self::lose), or build with [`Missing::Lose`]); [`Error::OutOfRange`] for a batch of
    /// size 0; [`Error::BatchExceedsPool`] and [`Error::NothingToDraw`] from the sampler;
    /// [`Error::NonFinite`] if the signal gave a score that is not finite, naming its ticket (give
    /// that ticket up with `lose` to go on). Nothing has changed in any of these cases.
    pub fn draw(&mut self, n: usize) -> Result<Batch> {
        within("batch size", n as f64, 1.0, f64::from(u32::MAX))?;
        let mut fold = self.fold()?;
        let staged = fold.as_mut().map_or(Vec::new(), |fold| std::mem::take(&mut fold.weights));
        // Weights are set in place and put back if anything fails: a copy would cost O(N).
        let undo = self.set_all(&staged)?;
        let policy = fold.as_ref().map_or(&self.state.policy, |fold| &fold.policy);
        match self.decide(policy, n) {
            Ok((allotment, draws)) => {
                if let Some(fold) = fold {
                    self.commit(fold);
                }
                Ok(self.open(allotment, draws))
            }
            Err(error) => {
                self.put_back(&undo);
                Err(error)
            }
        }
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
        let ledger = &mut self.state.ledger;
        let mut places = Vec::with_capacity(feedback.len());
        let mut seen = BTreeSet::new();
        for Feedback { ticket, outcome } in feedback {
            let place = ledger.locate(*ticket)?;
            if *ledger.state(place) != State::Open || !seen.insert(*ticket) {
                return Err(Error::RepeatedTicket(*ticket));
            }
            outcome.check(*ticket)?;
            outcome.require(*ticket, &self.needs)?;
            places.push(place);
        }
        let verdicts = feedback.iter().map(|feedback| self.options.gate.admit(&feedback.outcome));
        let verdicts: Vec<Verdict> = verdicts.collect();
        for ((place, feedback), verdict) in places.into_iter().zip(feedback).zip(&verdicts) {
            ledger.put(place, State::Settled(feedback.outcome, *verdict));
        }
        Ok(verdicts)
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

    /// What folding in the round that is due would change, if one is due.
    fn fold(&self) -> Result<Option<Fold<P>>> {
        let Memory { ledger, round, .. } = &self.state;
        let due = |pending: &&Pending| pending.round.0 + 1 + self.options.lag <= round.0;
        let Some(pending) = ledger.pending.front().filter(due) else { return Ok(None) };
        if let (Some((missing, first)), Missing::Refuse) = (pending.open(), self.options.missing) {
            return Err(Error::Awaiting { round: pending.round, missing, first });
        }
        let mut trials = Vec::with_capacity(pending.draws.len());
        for (draw, state) in pending.draws.iter().zip(&pending.states) {
            if let State::Settled(outcome, _) = state {
                let record = *ledger.record(draw.sample)?;
                let trial = Trial::new(draw.ticket, draw.sample, draw.arm, *outcome);
                trials.push(Trial { record, ..trial });
            }
        }
        let progress = visited(&ledger.progress, &mut trials);
        let mut scores = vec![0.0; trials.len()];
        self.signal.score(&trials, &mut scores)?;
        for (trial, &score) in trials.iter().zip(&scores) {
            finite("score", trial.ticket.0, f64::from(score))?;
        }
        let mut policy = self.state.policy.clone();
        policy.learn(&self.state.population, &rewards(&trials, &scores, &pending.shares));
        let scored: Vec<(Trial, f32)> = trials.into_iter().zip(scores).collect();
        let weights = match self.options.weighting {
            Weighting::Given => Vec::new(),
            Weighting::Score { floor } => {
                let present = |(trial, _): &&(Trial, f32)| {
                    self.state.population.arms().slot_of(trial.sample).is_ok()
                };
                let weight = |(trial, score): &(Trial, f32)| {
                    let weight = f64::from(*score).clamp(floor, 2_147_483_648.0);
                    Ok((trial.sample, units(trial.sample.0, weight)?))
                };
                scored.iter().filter(present).map(weight).collect::<Result<_>>()?
            }
        };
        Ok(Some(Fold { policy, progress, scored, weights }))
    }

    /// Makes the decisions of a round.
    fn decide(&self, policy: &P, n: usize) -> Result<(Allotment, Vec<Draw>)> {
        let Memory { round, population, .. } = &self.state;
        let stream = |purpose| Rng::at(self.options.seed, *round, purpose);
        let mut allotment = Allotment::default();
        let under_way = self.under_way();
        let turn = Turn { under_way: &under_way, ..Turn::new(*round, n, population) };
        policy.allot(&turn, &mut stream(Purpose::Policy), &mut allotment)?;
        allotment.settle(population)?;
        let mut picks = Vec::with_capacity(n);
        self.sampler.draw(population, &allotment, n, &mut stream(Purpose::Sampler), &mut picks)?;
        let weights = self.weights(&picks);
        let first = self.state.ledger.counts.drawn;
        let draws = picks.iter().zip(weights).zip(first..).map(|((pick, weight), ticket)| Draw {
            ticket: Ticket(ticket),
            sample: pick.sample,
            arm: pick.arm,
            propensity: pick.propensity,
            weight,
        });
        Ok((allotment, draws.collect()))
    }

    /// How many tickets of each arm stand in rounds that the present draw does not fold in.
    fn under_way(&self) -> Vec<u32> {
        let Memory { ledger, round, population, .. } = &self.state;
        let later = |pending: &&Pending| pending.round.0 + 1 + self.options.lag > round.0;
        let mut counts = Vec::new();
        for pending in ledger.pending.iter().filter(later) {
            counts.resize(population.arms().count(), 0);
            pending.draws.iter().for_each(|draw| counts[draw.arm.index()] += 1);
        }
        counts
    }

    /// The importance weights of picks: `(M q)^-beta` for M drawable samples, the greatest being 1.
    fn weights(&self, picks: &[Pick]) -> Vec<f32> {
        let beta = self.options.importance.at(self.state.round);
        let least = picks.iter().map(|pick| pick.propensity).fold(f64::INFINITY, f64::min);
        let weight = |pick: &Pick| {
            if beta == 0.0 { 1.0 } else { crate::math::pow(least / pick.propensity, beta) }
        };
        picks.iter().map(|pick| weight(pick) as f32).collect()
    }

    /// Sets weights and returns what they were, newest last; all or none.
    fn set_all(&mut self, weights: &[(SampleId, u64)]) -> Result<Vec<(SampleId, u64)>> {
        let mut undo = Vec::with_capacity(weights.len());
        for &(sample, weight) in weights {
            match self.state.population.set_units(sample, weight) {
                Ok(old) => undo.push((sample, old)),
                Err(error) => {
                    self.put_back(&undo);
                    return Err(error);
                }
            }
        }
        Ok(undo)
    }

    fn put_back(&mut self, undo: &[(SampleId, u64)]) {
        for &(sample, weight) in undo.iter().rev() {
            let put = self.state.population.set_units(sample, weight);
            debug_assert!(put.is_ok(), "a weight that fitted before fits again");
        }
    }

    /// Takes the changes of a fold over; its round is done with.
    fn commit(&mut self, fold: Fold<P>) {
        let Memory { ledger, policy, .. } = &mut self.state;
        *policy = fold.policy;
        ledger.progress = fold.progress;
        for (trial, score) in &fold.scored {
            let record = &mut ledger.records[trial.sample.index()];
            *record = record.with(&trial.outcome).scored(*score);
        }
        if let Some(round) = ledger.pending.front() {
            let open: Vec<usize> =
                (0..round.states.len()).filter(|&place| round.states[place] == State::Open).collect();
            open.into_iter().for_each(|place| ledger.put((0, place), State::Lost));
            ledger.pending.pop_front();
        }
    }

    /// Opens the tickets of the drawn round, and makes its batch.
    fn open(&mut self, allotment: Allotment, draws: Vec<Draw>) -> Batch {
        let state = &mut self.state;
        let round = state.round;
        let mut bytes = round.0.to_le_bytes().to_vec();
        draws.iter().for_each(|draw| bytes.extend(draw.sample.0.to_le_bytes()));
        state.digest = xxh3_64_with_seed(&bytes, state.digest);
        let shares = match &allotment {
            Allotment::Arms(p) => p.clone(),
            Allotment::Ranks { .. } => Vec::new(),
        };
        let states = vec![State::Open; draws.len()];
        state.ledger.open(Pending { round, draws: draws.clone(), states, shares });
        state.allotment = allotment;
        state.round = Round(round.0 + 1);
        Batch { round, draws }
    }
}

impl<P, S, D> Curriculum<P, S, D> {
    /// Adds a sample of a given weight to an arm; from the next draw on it can be drawn.
    ///
    /// # Errors
    /// [`Error::UnknownArm`]; [`Error::NonFinite`] or [`Error::OutOfRange`] for the weight;
    /// [`Error::WeightOverflow`].
    pub fn insert(&mut self, arm: ArmId, weight: f64) -> Result<SampleId> {
        let sample = self.state.population.insert(arm, weight)?;
        self.state.ledger.records.push(Record::default());
        Ok(sample)
    }

    /// Takes a sample out for good. Feedback on its open tickets is still taken in.
    ///
    /// # Errors
    /// [`Error::UnknownSample`].
    pub fn remove(&mut self, sample: SampleId) -> Result<()> {
        self.state.population.remove(sample)
    }

    /// Moves a sample to another arm. Its open tickets belong to the arm that they were drawn from.
    ///
    /// # Errors
    /// [`Error::UnknownSample`], [`Error::UnknownArm`].
    pub fn retag(&mut self, sample: SampleId, arm: ArmId) -> Result<()> {
        self.state.population.retag(sample, arm)
    }

    /// Sets the weight of a sample, `>= 0`; at 0 it is not drawn.
    ///
    /// # Errors
    /// [`Error::UnknownSample`]; [`Error::NonFinite`] or [`Error::OutOfRange`];
    /// [`Error::WeightOverflow`].
    pub fn set_weight(&mut self, sample: SampleId, weight: f64) -> Result<()> {
        self.state.population.set_weight(sample, weight)
    }

    /// The round that the next draw will have.
    pub fn round(&self) -> Round {
        self.state.round
    }

    /// The probability of each arm in the last draw; empty before the first and in a curriculum
    /// over ranks.
    pub fn shares(&self) -> &[f64] {
        match &self.state.allotment {
            Allotment::Arms(p) => p,
            Allotment::Ranks { .. } => &[],
        }
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

/// The progress of all arms after a round, of which the trials are given the part of their arm.
fn visited(progress: &[Progress], trials: &mut [Trial]) -> Vec<Progress> {
    let mut visits: BTreeMap<ArmId, (f64, u32, u32)> = BTreeMap::new();
    for trial in trials.iter() {
        if let Some(success) = trial.outcome.success {
            let (sum, tickets, rollouts) = visits.entry(trial.arm).or_default();
            *sum += f64::from(success);
            *tickets += 1;
            *rollouts = rollouts.saturating_add(trial.outcome.rollouts);
        }
    }
    let mut progress = progress.to_vec();
    for (arm, (sum, tickets, rollouts)) in visits {
        progress[arm.index()].visit(sum / f64::from(tickets), tickets, rollouts);
    }
    trials.iter_mut().for_each(|trial| trial.progress = progress[trial.arm.index()]);
    progress
}

/// A running mean.
#[derive(Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    fn add(&mut self, value: f32) {
        self.sum += f64::from(value);
        self.count += 1;
    }

    fn get(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

/// The rewards of the arms, in the order of arms; sums are taken in ticket order.
fn rewards(trials: &[Trial], scores: &[f32], shares: &[f64]) -> Vec<Reward> {
    let mut means: BTreeMap<ArmId, ([Mean; 4], u32)> = BTreeMap::new();
    for (trial, &score) in trials.iter().zip(scores) {
        let (means, rollouts) = means.entry(trial.arm).or_default();
        means[0].add(score);
        *rollouts = rollouts.saturating_add(trial.outcome.rollouts);
        let fields = [trial.outcome.success, trial.outcome.loss, trial.outcome.cost];
        for (mean, value) in means[1..].iter_mut().zip(fields) {
            if let Some(value) = value {
                mean.add(value);
            }
        }
    }
    let reward = |(arm, ([score, success, loss, cost], rollouts)): (ArmId, ([Mean; 4], u32))| Reward {
        arm,
        count: score.count,
        rollouts,
        score: score.get().unwrap_or(0.0),
        success: success.get(),
        loss: loss.get(),
        cost: (cost.count > 0).then_some(cost.sum),
        share: shares.get(arm.index()).copied().unwrap_or(1.0),
    };
    means.into_iter().map(reward).collect()
}
