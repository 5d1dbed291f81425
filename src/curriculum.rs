//! The curriculum: a deterministic state machine with two verbs, `draw` and `observe`.

use std::collections::BTreeSet;

use curricle_kernels::blocks;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::builder::{Builder, Missing, Options, Weighting};
use crate::desk::Desk;
use crate::error::{Error, Result, finite, within};
use crate::event::{Batch, Draw, Feedback, Field, Verdict};
use crate::id::{ArmId, Round, SampleId, Ticket};
use crate::ledger::{Counts, Ledger, Pending, Record, State};
use crate::policy::{Allotment, MANY, Odds, Policy, Reward, Turn, Uniform};
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
    /// [`lose`](Self::lose), or build with [`Missing::Lose`]); [`Error::OutOfRange`] for a batch of
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

    /// One round, from the feedback that is due to open tickets.
    fn next(&mut self, n: usize, desk: &mut Desk<P>) -> Result<Round> {
        let folded = self.fold(desk)?;
        if let Err(error) = self.stage(folded, n, desk) {
            if let Some(learned) = desk.policy.as_mut().filter(|_| folded) {
                learned.follow(&self.state.policy, &desk.rewards);
            }
            return Err(error);
        }
        if folded {
            self.commit(desk);
        }
        Ok(self.open(desk))
    }

    /// Changes weights and odds in place and decides; if anything fails all is put back, as a copy would
    /// cost O(N).
    fn stage(&mut self, folded: bool, n: usize, desk: &mut Desk<P>) -> Result<()> {
        self.state.population.exchange(&mut desk.weights, &mut desk.slots)?;
        let arms = self.state.population.arms();
        for place in 0..desk.weights.len() {
            if let (sample, 0) = desk.weights[place] {
                desk.touch(arms.label(sample), arms.count());
            }
        }
        let decided = self.allot(folded, n, desk).and_then(|()| {
            let picked = self.pick(n, desk);
            if let (Err(_), Allotment::Odds(odds), true) =
                (&picked, &mut self.state.allotment, desk.is_revised)
            {
                odds.take_back(&mut desk.revision);
            }
            picked
        });
        if decided.is_err() {
            desk.weights.reverse();
            let back = self.state.population.exchange(&mut desk.weights, &mut desk.slots);
            debug_assert!(back.is_ok(), "weights that fitted before fit again");
        }
        decided
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

    /// Works out what folding in the round that is due would change, if one is due; says whether.
    fn fold(&self, desk: &mut Desk<P>) -> Result<bool> {
        desk.trials.clear();
        desk.weights.clear();
        let Memory { ledger, round, population, .. } = &self.state;
        let due = |pending: &&Pending| pending.round.0 + 1 + self.options.lag <= round.0;
        let Some(pending) = ledger.pending.front().filter(due) else { return Ok(false) };
        if let (Some((missing, first)), Missing::Refuse) = (pending.open(), self.options.missing) {
            return Err(Error::Awaiting { round: pending.round, missing, first });
        }
        desk.tally.clear(population.arms().count());
        let mut states = pending.states.iter().enumerate();
        for (now, next) in blocks(&pending.draws) {
            for draw in next {
                ledger.fetch(draw.sample, draw.arm);
                population.fetch_arm(draw.arm);
                desk.tally.fetch(draw.arm);
            }
            for (draw, (place, state)) in now.iter().zip(states.by_ref()) {
                if let State::Settled(outcome, _) = state {
                    let record = *ledger.record(draw.sample)?;
                    desk.trials.push(Trial {
                        ticket: draw.ticket,
                        sample: draw.sample,
                        arm: draw.arm,
                        outcome: *outcome,
                        record,
                        progress: Progress::default(),
                    });
                    desk.tally.group(draw.arm).share =
                        pending.shares.get(place).copied().unwrap_or(1.0);
                }
            }
        }
        self.visit(desk);
        desk.scores.clear();
        desk.scores.resize(desk.trials.len(), 0.0);
        self.signal.score(&desk.trials, &mut desk.scores)?;
        for (trial, &score) in desk.trials.iter().zip(&desk.scores) {
            finite("score", trial.ticket.0, f64::from(score))?;
        }
        rewards(desk);
        if let Weighting::Score { floor } = self.options.weighting {
            let mut scores = desk.scores.iter();
            for (now, next) in blocks(&desk.trials) {
                next.iter().for_each(|trial| population.arms().fetch_sample(trial.sample));
                for (trial, &score) in now.iter().zip(scores.by_ref()) {
                    if population.arms().slot_of(trial.sample).is_ok() {
                        let weight = f64::from(score).clamp(floor, 2_147_483_648.0);
                        desk.weights.push((trial.sample, units(trial.sample.0, weight)?));
                    }
                }
            }
        }
        let policy = desk.policy.get_or_insert_with(|| self.state.policy.clone());
        policy.learn(population, &desk.rewards);
        Ok(true)
    }

    /// The progress of the arms that the trials visited; each trial gets that of its arm.
    fn visit(&self, desk: &mut Desk<P>) {
        for trial in &desk.trials {
            let group = desk.tally.group(trial.arm);
            if let Some(success) = trial.outcome.success {
                group.success.add(success);
                group.judged = group.judged.saturating_add(trial.outcome.rollouts);
            }
        }
        let present = &self.state.ledger.progress;
        desk.progress.clear();
        desk.tally.in_order(|group| {
            let Some(success) = group.success.get() else { return };
            desk.progress.push((group.arm, present[group.arm.index()]));
            group.visited = desk.progress.len() as u32;
            if let Some((_, progress)) = desk.progress.last_mut() {
                progress.visit(success, group.success.count, group.judged);
            }
        });
        for trial in &mut desk.trials {
            let visited = desk.tally.get(trial.arm).and_then(|group| group.visited.checked_sub(1));
            trial.progress = match visited {
                Some(place) => desk.progress[place as usize].1,
                None => present[trial.arm.index()],
            };
        }
    }

    /// Makes the decision of a round, of the policy that has learned if a round was folded in.
    fn allot(&mut self, folded: bool, n: usize, desk: &mut Desk<P>) -> Result<()> {
        self.count_under_way(&mut desk.under_way);
        let Memory { round, population, policy, allotment, .. } = &mut self.state;
        let policy = desk.policy.as_ref().filter(|_| folded).unwrap_or(policy);
        let turn = Turn { under_way: &desk.under_way, ..Turn::new(*round, n, population) };
        let arms = population.arms().count();
        desk.is_revised = false;
        let Some(logits) = policy.logits(&turn).filter(|_| arms >= MANY) else {
            let mut random = Rng::at(self.options.seed, *round, Purpose::Policy);
            policy.allot(&turn, &mut random, &mut desk.allotment)?;
            return desk.allotment.settle(population);
        };
        if let Allotment::Odds(odds) = allotment {
            let revision = &mut desk.revision;
            desk.is_revised = match &desk.touched {
                Some(touched) => {
                    let rewards = if folded { &desk.rewards[..] } else { &[] };
                    let changed =
                        rewards.iter().map(|reward| reward.arm).chain(touched.iter().copied());
                    odds.revise(&logits, population, changed, revision)?
                }
                None => odds.revise(&logits, population, (0..arms as u32).map(ArmId), revision)?,
            };
        }
        if !desk.is_revised {
            desk.allotment = Allotment::Odds(Odds::new(&logits, population)?);
        }
        Ok(())
    }

    /// Draws what the tickets of the round will stand for.
    fn pick(&self, n: usize, desk: &mut Desk<P>) -> Result<()> {
        let Memory { round, population, .. } = &self.state;
        let allotment = if desk.is_revised { &self.state.allotment } else { &desk.allotment };
        let mut random = Rng::at(self.options.seed, *round, Purpose::Sampler);
        desk.picks.clear();
        self.sampler.draw(population, allotment, n, &mut random, &mut desk.picks)?;
        let beta = self.options.importance.at(*round);
        // The greatest importance weight, that of the least propensity, is 1.
        let least = desk.picks.iter().map(|pick| pick.propensity).fold(f64::INFINITY, f64::min);
        let weight = |pick: &Pick| match beta {
            0.0 => 1.0,
            _ => crate::math::pow(least / pick.propensity, beta) as f32,
        };
        desk.draws.clear();
        let first = self.state.ledger.counts.drawn;
        desk.draws.extend(desk.picks.iter().zip(first..).map(|(pick, ticket)| Draw {
            ticket: Ticket(ticket),
            sample: pick.sample,
            arm: pick.arm,
            propensity: pick.propensity,
            weight: weight(pick),
        }));
        Ok(())
    }

    /// How many tickets of each arm stand in rounds that the present draw does not fold in.
    fn count_under_way(&self, counts: &mut Vec<u32>) {
        let Memory { ledger, round, population, .. } = &self.state;
        let later = |pending: &&Pending| pending.round.0 + 1 + self.options.lag > round.0;
        counts.clear();
        for pending in ledger.pending.iter().filter(later) {
            counts.resize(population.arms().count(), 0);
            pending.draws.iter().for_each(|draw| counts[draw.arm.index()] += 1);
        }
    }

    /// Takes the changes of a fold over; its round is done with.
    fn commit(&mut self, desk: &mut Desk<P>) {
        let Memory { ledger, policy, .. } = &mut self.state;
        if let Some(learned) = &desk.policy {
            policy.follow(learned, &desk.rewards);
        }
        desk.progress.iter().for_each(|(arm, progress)| ledger.progress[arm.index()] = *progress);
        for (trial, score) in desk.trials.iter().zip(&desk.scores) {
            let record = &mut ledger.records[trial.sample.index()];
            *record = record.with(&trial.outcome).scored(*score);
        }
        let places = ledger.pending.front().map_or(0, |round| round.states.len());
        for place in 0..places {
            if *ledger.state((0, place)) == State::Open {
                ledger.put((0, place), State::Lost);
            }
        }
        if let Some(done) = ledger.pending.pop_front() {
            desk.spare = done;
        }
    }

    /// Opens the tickets of the drawn round; returns which it is.
    fn open(&mut self, desk: &mut Desk<P>) -> Round {
        let state = &mut self.state;
        let round = state.round;
        desk.bytes.clear();
        desk.bytes.extend(round.0.to_le_bytes());
        desk.draws.iter().for_each(|draw| desk.bytes.extend(draw.sample.0.to_le_bytes()));
        state.digest = xxh3_64_with_seed(&desk.bytes, state.digest);
        if !desk.is_revised {
            std::mem::swap(&mut state.allotment, &mut desk.allotment);
        }
        desk.touched.get_or_insert_default().clear();
        let none = Pending { round, draws: Vec::new(), states: Vec::new(), shares: Vec::new() };
        let mut pending = std::mem::replace(&mut desk.spare, none);
        pending.round = round;
        pending.draws.clone_from(&desk.draws);
        pending.states.clear();
        pending.states.resize(desk.draws.len(), State::Open);
        pending.shares.clear();
        if !matches!(state.allotment, Allotment::Ranks { .. }) {
            pending.shares.extend(desk.draws.iter().map(|draw| state.allotment.share(draw.arm)));
        }
        state.ledger.open(pending);
        state.round = Round(round.0 + 1);
        round
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
        self.touch(arm);
        Ok(sample)
    }

    /// Takes a sample out for good. Feedback on its open tickets is still taken in.
    ///
    /// # Errors
    /// [`Error::UnknownSample`].
    pub fn remove(&mut self, sample: SampleId) -> Result<()> {
        self.state.population.remove(sample)?;
        self.touch(self.state.population.arms().label(sample));
        Ok(())
    }

    /// Moves a sample to another arm. Its open tickets belong to the arm that they were drawn from.
    ///
    /// # Errors
    /// [`Error::UnknownSample`], [`Error::UnknownArm`].
    pub fn retag(&mut self, sample: SampleId, arm: ArmId) -> Result<()> {
        let before = self.state.population.arms().arm_of(sample)?;
        self.state.population.retag(sample, arm)?;
        self.touch(before);
        self.touch(arm);
        Ok(())
    }

    /// Sets the weight of a sample, `>= 0`; at 0 it is not drawn.
    ///
    /// # Errors
    /// [`Error::UnknownSample`]; [`Error::NonFinite`] or [`Error::OutOfRange`];
    /// [`Error::WeightOverflow`].
    pub fn set_weight(&mut self, sample: SampleId, weight: f64) -> Result<()> {
        self.state.population.set_weight(sample, weight)?;
        self.touch(self.state.population.arms().label(sample));
        Ok(())
    }

    /// Sets the weights of many samples, one after the other; all or none. For weights that the caller works out anew
    /// for each batch, such as priorities of a replay, or for samples that rest for some rounds: with n samples it costs
    /// a fraction of n calls of [`set_weight`](Self::set_weight), as their memory accesses overlap.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// use curricle::{Curriculum, SampleId};
    ///
    /// let mut curriculum = Curriculum::builder(10).build()?;
    /// let rest: Vec<(SampleId, f64)> = curriculum.draw(5)?.samples().map(|sample| (sample, 0.0)).collect();
    /// curriculum.set_weights(&rest)?;
    /// assert_eq!(curriculum.population().drawable_total(), 5);
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: O(n log N).
    ///
    /// # Errors
    /// Those of `set_weight`, of which [`Error::WeightOverflow`] is about the sum after all of them; then no weight has changed.
    pub fn set_weights(&mut self, weights: &[(SampleId, f64)]) -> Result<()> {
        let (desk, population) = (&mut self.desk, &mut self.state.population);
        desk.weights.clear();
        for &(sample, weight) in weights {
            desk.weights.push((sample, units(sample.0, weight)?));
        }
        population.exchange(&mut desk.weights, &mut desk.slots)?;
        let arms = population.arms();
        for (place, &(sample, weight)) in weights.iter().enumerate() {
            if weight == 0.0 || desk.weights[place].1 == 0 {
                desk.touch(arms.label(sample), arms.count());
            }
        }
        Ok(())
    }

    /// Notes that an arm may have been emptied or filled.
    fn touch(&mut self, arm: ArmId) {
        self.desk.touch(arm, self.state.population.arms().count());
    }

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

/// The rewards of the arms, in the order of arms.
fn rewards<P>(desk: &mut Desk<P>) {
    for (trial, &score) in desk.trials.iter().zip(&desk.scores) {
        let group = desk.tally.group(trial.arm);
        group.score.add(score);
        group.rollouts = group.rollouts.saturating_add(trial.outcome.rollouts);
        trial.outcome.loss.into_iter().for_each(|loss| group.loss.add(loss));
        trial.outcome.cost.into_iter().for_each(|cost| group.cost.add(cost));
    }
    desk.rewards.clear();
    desk.tally.in_order(|group| {
        desk.rewards.push(Reward {
            arm: group.arm,
            count: group.score.count,
            rollouts: group.rollouts,
            score: group.score.get().unwrap_or(0.0),
            success: group.success.get(),
            loss: group.loss.get(),
            cost: (group.cost.count > 0).then_some(group.cost.sum),
            share: group.share,
        });
    });
}
