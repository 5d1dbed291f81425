//! Folding a round in: what its feedback changes is worked out whole, then taken over.

use curricle_kernels::blocks;

use super::Memory;
use super::builder::{Options, Weighting};
use super::tally::Tally;
use crate::base::error::{Result, finite};
use crate::base::id::{ArmId, SampleId};
use crate::ledger::progress::Progress;
use crate::ledger::{Ledger, Pending, State};
use crate::policy::{Policy, Reward};
use crate::population::{Population, units};
use crate::signal::{Signal, Trial};

/// What folding one round in changes: made by [`work_out`](Self::work_out), which may fail, from a state
/// that it does not touch; taken over by [`Memory::learn`], which can fail in the weights only, and then
/// changes nothing. The lists keep their memory from round to round.
#[derive(Debug, Default)]
pub(super) struct Fold {
    /// The settled tickets of the round, and their scores.
    trials: Vec<Trial>,
    scores: Vec<f32>,
    /// The samples whose tickets were given up.
    lost: Vec<SampleId>,
    /// The progress of the arms that reported a success, in the order of arms.
    progress: Vec<(ArmId, Progress)>,
    /// What the policy learns, in the order of arms.
    rewards: Vec<Reward>,
    /// New weights of samples, in units; see [`Weighting::Score`].
    weights: Vec<(SampleId, u64)>,
    tally: Tally,
    /// Where `weights` stand in the tree.
    slots: Vec<(usize, u64)>,
}

impl Fold {
    /// Works out what the feedback of a round changes.
    pub fn work_out<P, S: Signal>(
        &mut self,
        pending: &Pending,
        memory: &Memory<P>,
        signal: &S,
        options: &Options,
    ) -> Result<()> {
        let Memory { ledger, population, .. } = memory;
        self.collect(pending, ledger, population)?;
        self.measure_progress(ledger);
        self.scores.clear();
        self.scores.resize(self.trials.len(), 0.0);
        signal.score(&self.trials, &mut self.scores)?;
        for (trial, &score) in self.trials.iter().zip(&self.scores) {
            finite("score", trial.ticket.0, f64::from(score))?;
        }
        self.reward();
        self.weights.clear();
        match options.weighting {
            Weighting::Given => Ok(()),
            Weighting::Score { floor } => self.weigh(floor, population),
        }
    }

    /// The arms that the round rewards.
    pub fn rewarded(&self) -> impl Iterator<Item = ArmId> + '_ {
        self.rewards.iter().map(|reward| reward.arm)
    }

    /// The samples whose weight was 0, once the weights have been exchanged; none becomes 0.
    pub fn refilled(&self) -> impl Iterator<Item = SampleId> + '_ {
        self.weights.iter().filter(|(_, old)| *old == 0).map(|(sample, _)| *sample)
    }

    /// The settled tickets of a round, as trials, by arm.
    fn collect(&mut self, pending: &Pending, ledger: &Ledger, population: &Population) -> Result<()> {
        self.trials.clear();
        self.lost.clear();
        self.tally.clear(population.arms().count());
        let mut places = 0..;
        for (now, next) in blocks(&pending.draws) {
            for draw in next {
                ledger.fetch(draw.sample, draw.arm);
                population.fetch_arm(draw.arm);
                self.tally.fetch(draw.arm);
            }
            for (draw, place) in now.iter().zip(places.by_ref()) {
                let group = self.tally.group(draw.arm);
                group.share.add(pending.shares[place]);
                let State::Settled(outcome, _) = &pending.states[place] else {
                    group.lost += 1;
                    self.lost.push(draw.sample);
                    continue;
                };
                self.trials.push(Trial {
                    ticket: draw.ticket,
                    sample: draw.sample,
                    arm: draw.arm,
                    outcome: *outcome,
                    record: *ledger.record(draw.sample)?,
                    progress: Progress::default(),
                });
            }
        }
        Ok(())
    }

    /// The progress of the arms that the trials visited; each trial gets that of its arm.
    fn measure_progress(&mut self, ledger: &Ledger) {
        let Self { trials, tally, progress, .. } = self;
        for trial in &*trials {
            let group = tally.group(trial.arm);
            if let Some(success) = trial.outcome.success {
                group.success.add(success);
                group.judged = group.judged.saturating_add(trial.outcome.rollouts);
            }
        }
        let present = &ledger.progress;
        progress.clear();
        tally.in_order(|group| {
            let Some(success) = group.success.get() else { return };
            let mut visited = present[group.arm.index()];
            visited.visit(success, group.success.count, group.judged);
            progress.push((group.arm, visited));
            group.visited = progress.len() as u32;
        });
        for trial in trials {
            let visited = tally.get(trial.arm).and_then(|group| group.visited.checked_sub(1));
            trial.progress = match visited {
                Some(place) => progress[place as usize].1,
                None => present[trial.arm.index()],
            };
        }
    }

    /// The rewards of the arms, in the order of arms.
    fn reward(&mut self) {
        let Self { trials, scores, tally, rewards, .. } = self;
        for (trial, &score) in trials.iter().zip(&*scores) {
            let group = tally.group(trial.arm);
            group.score.add(score);
            group.rollouts = group.rollouts.saturating_add(trial.outcome.rollouts);
            if let Some(loss) = trial.outcome.loss {
                group.loss.add(loss);
            }
            if let Some(cost) = trial.outcome.cost {
                group.cost.add(cost);
            }
        }
        rewards.clear();
        tally.in_order(|group| {
            let count = group.score.count + group.lost;
            rewards.push(Reward {
                arm: group.arm,
                count,
                lost: group.lost,
                rollouts: group.rollouts,
                score: group.score.sum / f64::from(count.max(1)),
                success: group.success.get(),
                loss: group.loss.get(),
                cost: (group.cost.count > 0).then_some(group.cost.sum),
                share: group.share.get(),
            });
        });
    }

    /// The weights of the samples that are still there, by their scores.
    fn weigh(&mut self, floor: f64, population: &Population) -> Result<()> {
        // Of a sample that never comes back nothing would ever say that its weight is too high.
        for &sample in &self.lost {
            let weight = population.weight(sample).unwrap_or(0.0);
            if weight > floor {
                self.weights.push((sample, units(sample.0, (0.5 * weight).max(floor))?));
            }
        }
        let mut scores = self.scores.iter();
        for (now, next) in blocks(&self.trials) {
            next.iter().for_each(|trial| population.arms().fetch_sample(trial.sample));
            for (trial, &score) in now.iter().zip(scores.by_ref()) {
                if population.arms().slot_of(trial.sample).is_ok() {
                    let weight = f64::from(score).clamp(floor, 2_147_483_648.0);
                    self.weights.push((trial.sample, units(trial.sample.0, weight)?));
                }
            }
        }
        Ok(())
    }
}

impl<P: Policy> Memory<P> {
    /// Takes over what folding a round in changes.
    pub(super) fn learn(&mut self, fold: &mut Fold) -> Result<()> {
        self.population.exchange(&mut fold.weights, &mut fold.slots)?;
        self.policy.learn(&self.population, &fold.rewards);
        let ledger = &mut self.ledger;
        for &(arm, progress) in &fold.progress {
            ledger.progress[arm.index()] = progress;
        }
        for (trial, &score) in fold.trials.iter().zip(&fold.scores) {
            let record = &mut ledger.records[trial.sample.index()];
            *record = record.with(&trial.outcome).scored(score);
            if let Some(tallies) = ledger.tallies.get_mut(trial.arm.index()) {
                tallies.score(f64::from(score));
            }
        }
        Ok(())
    }
}
