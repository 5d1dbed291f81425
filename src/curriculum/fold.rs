//! Folding a round in: what its feedback changes is worked out whole, then taken over.

use std::collections::BTreeMap;

use curricle_kernels::blocks;

use super::Memory;
use super::believe::Believing;
use super::options::{Options, Weighting};
use super::tally::Tally;
use crate::base::error::{Result, finite};
use crate::base::id::{ArmId, Round, SampleId};
use crate::event::Reason;
use crate::ledger::progress::Progress;
use crate::ledger::{Ledger, Pending, State};
use crate::policy::{Policy, Reward};
use crate::population::{Population, units};
use crate::signal::{Signal, Trial};

/// The greatest weight that a score becomes.
const MOST: f64 = 2_147_483_648.0;

/// The part of its way up that the score of lost tickets goes in a round.
const RISE: f64 = 0.2;

/// How many trials ahead of its use the place of a sample is fetched.
const AHEAD: usize = 16;

/// What folding one round in changes: made by [`work_out`](Self::work_out), which may fail, from a state
/// that it does not touch; taken over by [`Memory::learn`], which can fail in the weights only, and then
/// changes nothing. The lists keep their memory from round to round.
#[derive(Debug, Default)]
pub(super) struct Fold {
    /// The settled tickets of the round, and their scores.
    pub(super) trials: Vec<Trial>,
    scores: Vec<f32>,
    /// The tickets that were given up: their places in the round, and their samples.
    pub(super) lost: Vec<(usize, SampleId)>,
    /// The samples that are retired, and until when.
    pub(super) retired: Vec<SampleId>,
    until: Round,
    /// The progress of the arms that reported a success, in the order of arms.
    progress: Vec<(ArmId, Progress)>,
    /// What the policy learns, in the order of arms.
    rewards: Vec<Reward>,
    lost_score: f64,
    /// New weights of samples, in units; see [`Weighting`].
    pub(super) weights: Vec<(SampleId, u64)>,
    pub(super) tally: Tally,
    /// What is believed from now on; see [`Weighting::Belief`].
    pub(super) believing: Believing,
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
        self.until = Round(memory.round.0.saturating_add(options.retest));
        self.measure_progress(ledger);
        self.scores.clear();
        self.scores.resize(self.trials.len(), 0.0);
        signal.score(&self.trials, &mut self.scores)?;
        for (trial, &score) in self.trials.iter().zip(&self.scores) {
            finite("score", trial.ticket.0, f64::from(score))?;
        }
        self.reward(pending.round, ledger);
        self.weights.clear();
        match options.weighting {
            Weighting::Given => Ok(()),
            Weighting::Score { floor } => self.weigh(floor, population),
            Weighting::Belief(belief) => self.believe(&belief, population, memory.round),
        }
    }

    /// The arms that the round rewards.
    pub fn rewarded(&self) -> impl Iterator<Item = ArmId> + '_ {
        self.rewards.iter().map(|reward| reward.arm)
    }

    /// The settled tickets of a round, as trials, by arm.
    fn collect(&mut self, pending: &Pending, ledger: &Ledger, population: &Population) -> Result<()> {
        self.trials.clear();
        self.lost.clear();
        self.retired.clear();
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
                let State::Settled(outcome, rejection) = &pending.states[place] else {
                    group.lost += 1;
                    self.lost.push((place, draw.sample));
                    continue;
                };
                if *rejection == Some(Reason::Retired) && population.arms().slot_of(draw.sample).is_ok()
                {
                    self.retired.push(draw.sample);
                }
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
            }
        }
        let present = &ledger.progress;
        progress.clear();
        tally.in_order(|group| {
            let Some(success) = group.success.get() else { return };
            let mut visited = present[group.arm.index()];
            visited.visit(success, group.success.count);
            progress.push((group.arm, visited));
            group.visited = progress.len() as u32;
        });
        for trial in trials {
            let visited = tally.get(trial.arm).and_then(|group| of_visit(progress, group.visited));
            trial.progress = visited.unwrap_or(present[trial.arm.index()]);
        }
    }

    /// The rewards of the arms, in the order of arms.
    fn reward(&mut self, round: Round, ledger: &Ledger) {
        let Self { trials, scores, tally, rewards, progress, .. } = self;
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
        let (known, lost_score) = (&ledger.progress, ledger.lost_score);
        let mut least = f64::INFINITY;
        tally.in_order(|group| least = group.score.get().map_or(least, |mean| least.min(mean)));
        // A lost ticket must not be better than one that came back, nor be so by chance where few did: it falls at
        // once, and rises slowly.
        let least = if least.is_finite() { least.min(0.0) } else { lost_score };
        self.lost_score = least.min(lost_score + RISE * (least - lost_score));
        let lost_score = self.lost_score;
        rewards.clear();
        tally.in_order(|group| {
            let progress = of_visit(progress, group.visited).unwrap_or(known[group.arm.index()]);
            let count = group.score.count + group.lost;
            let lost = lost_score * f64::from(group.lost);
            rewards.push(Reward {
                arm: group.arm,
                round,
                count,
                lost: group.lost,
                rollouts: group.rollouts,
                score: (group.score.sum + lost) / f64::from(count.max(1)),
                lost_score,
                success: group.success.get(),
                loss: group.loss.get(),
                cost: (group.cost.count > 0).then_some(group.cost.sum),
                share: group.share.get(),
                evidence: progress.evidence(),
                dip: progress.dip_z(),
            });
        });
    }

    /// The weights of the samples that are still there, by their scores, ticket after ticket.
    fn weigh(&mut self, floor: f64, population: &Population) -> Result<()> {
        let Self { trials, scores, lost, weights, .. } = self;
        let arms = population.arms();
        // What a lost ticket halves can have been set by another of the round.
        let mut latest = BTreeMap::new();
        let mut lost = lost.iter().peekable();
        let is_any_lost = lost.peek().is_some();
        let mut scored = 0;
        for place in 0.. {
            let (sample, weight) = if let Some(&(_, sample)) = lost.next_if(|(at, _)| *at == place) {
                // Of a sample that never comes back nothing would ever say that its weight is too high.
                let Ok(before) = population.weight(sample) else { continue };
                let now = latest.get(&sample).copied().unwrap_or(before);
                if now <= floor {
                    continue;
                }
                (sample, (0.5 * now).max(floor))
            } else if let Some(trial) = trials.get(scored) {
                if let Some(ahead) = trials.get(scored + AHEAD) {
                    arms.fetch_sample(ahead.sample);
                }
                let score = f64::from(scores[scored]);
                scored += 1;
                if arms.slot_of(trial.sample).is_err() {
                    continue;
                }
                (trial.sample, score.clamp(floor, MOST))
            } else {
                return Ok(());
            };
            if is_any_lost {
                latest.insert(sample, weight);
            }
            weights.push((sample, units(sample.0, weight)?));
        }
        Ok(())
    }
}

/// The progress that a visit made; none for an arm that was not visited.
fn of_visit(progress: &[(ArmId, Progress)], visited: u32) -> Option<Progress> {
    let place = visited.checked_sub(1)?;
    progress.get(place as usize).map(|(_, progress)| *progress)
}

impl<P: Policy> Memory<P> {
    /// Takes over what folding a round in changes.
    pub(super) fn learn(&mut self, fold: &mut Fold) -> Result<()> {
        if self.population.beliefs().is_some() {
            self.population.believe(&mut fold.weights, &mut fold.slots)?;
            fold.believing.learned(&mut self.population);
            fold.weights.clear();
        }
        self.population.exchange(&mut fold.weights, &mut fold.slots)?;
        // Those that were set to 0 rest until they are set again.
        fold.weights.retain(|(_, before)| *before == 0);
        self.population.exchange(&mut fold.weights, &mut fold.slots)?;
        let moved = self.population.retire(&fold.retired, fold.until);
        debug_assert_eq!(moved, Ok(()), "a weight that moves changes no sum");
        self.policy.learn(&self.population, &fold.rewards);
        let ledger = &mut self.ledger;
        ledger.lost_score = fold.lost_score;
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
