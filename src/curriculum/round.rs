//! One round: what is due is folded in, the policy decides, the sampler draws, tickets are opened.

use curricle_kernels::blocks;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Curriculum, Memory};
use crate::base::error::{Error, Result, finite};
use crate::base::id::{ArmId, Round, Ticket};
use crate::base::rng::{Purpose, Rng};
use crate::curriculum::builder::{Missing, Weighting};
use crate::curriculum::desk::Desk;
use crate::event::Draw;
use crate::ledger::progress::Progress;
use crate::ledger::{Pending, State};
use crate::policy::{Allotment, MANY, Odds, Policy, Reward, Turn};
use crate::population::units;
use crate::sampler::{Pick, Sampler};
use crate::signal::{Signal, Trial};

impl<P: Policy, S: Signal<[Trial]>, D: Sampler> Curriculum<P, S, D> {
    /// One round, from the feedback that is due to open tickets.
    pub(super) fn next(&mut self, n: usize, desk: &mut Desk<P>) -> Result<Round> {
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
            _ => crate::base::math::pow(least / pick.propensity, beta) as f32,
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
