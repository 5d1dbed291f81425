//! What the history of a run adds up to.

use curricle::{AnyCurriculum, Batch, Counts, Feedback, Happened, Reason, Step, Verdict};

use super::columns::Columns;
use super::sums::Sums;
use super::tickets::{Known, Tickets, is_arrival};

/// Up to how many arms the probabilities are summed up: each draw has one for each.
pub const ARMS: usize = 4096;

/// How many rounds after they were drawn tickets that came back are remembered at most.
const KEPT: u64 = 1000;

/// A run, as far as its history was told.
#[derive(Debug)]
pub struct Told {
    /// Where the history began: at the base of the journal.
    pub from: From,
    pub columns: Columns,
    pub arms: Vec<Sums>,
    pub all: Sums,
    pub steps: Steps,
    pub changes: Changes,
    /// How many events there were, and how many were compacted away before they were read.
    pub events: u64,
    pub missed: u64,
    /// The round that the next draw had, before the present event.
    round: u64,
    tickets: Tickets,
}

/// The state at the beginning.
#[derive(Debug, Clone, Copy)]
pub struct From {
    pub position: u64,
    pub round: u64,
    pub counts: Counts,
}

/// Training steps, where the curriculum refills them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Steps {
    pub ready: u64,
    pub starved: u64,
    /// Tickets handed to the steps.
    pub useful: u64,
}

/// Changes of the samples.
#[derive(Debug, Clone, Copy, Default)]
pub struct Changes {
    pub inserted: u64,
    pub removed: u64,
    pub retagged: u64,
    pub weights: u64,
}

impl Told {
    /// From the state of a curriculum on, in columns of so many rounds at least.
    pub fn new(curriculum: &AnyCurriculum, position: u64, width: u64) -> Self {
        let round = curriculum.round().0;
        let arms = vec![Sums::default(); curriculum.population().arms().count()];
        Self {
            from: From { position, round, counts: curriculum.counts() },
            columns: Columns::new(round, width),
            arms,
            all: Sums::default(),
            steps: Steps::default(),
            changes: Changes::default(),
            events: 0,
            missed: 0,
            round,
            tickets: Tickets::of(curriculum),
        }
    }

    /// Takes in what has just happened to a curriculum.
    pub fn tell(&mut self, happened: &Happened, curriculum: &AnyCurriculum) {
        self.events += 1;
        match happened {
            Happened::Draw(batch) => self.draw(batch, curriculum),
            Happened::Observed { feedback, verdicts } => self.observe(feedback, verdicts, curriculum),
            Happened::Lost(tickets) => {
                for &ticket in tickets {
                    if let Some(known) = self.tickets.lose(ticket) {
                        self.lose(&known, curriculum);
                    }
                }
            }
            Happened::Step { step: Step::Draw(batch), .. } => self.draw(batch, curriculum),
            Happened::Step { step: Step::Ready(useful), .. } => {
                self.steps.ready += 1;
                self.steps.useful += useful.len() as u64;
                self.tickets.take(useful.iter().map(|useful| useful.draw.ticket));
            }
            Happened::Step { step: Step::Starved { .. }, .. } => self.steps.starved += 1,
            Happened::Inserted { .. } => self.changes.inserted += 1,
            Happened::Removed(_) => self.changes.removed += 1,
            Happened::Retagged { .. } => self.changes.retagged += 1,
            Happened::Weights(weights) => self.changes.weights += weights.len() as u64,
            Happened::Missed(events) => {
                self.missed += events;
                self.tickets = Tickets::of(curriculum);
            }
            // A version is part of the state; folding gives scores.
            _ => {}
        }
        for known in self.tickets.given_up(curriculum) {
            self.lose(&known, curriculum);
        }
        let has_folded = match happened {
            Happened::Draw(_) | Happened::Folded => true,
            // Only the first draw of a step folds, and only that is a round.
            Happened::Step { .. } => curriculum.round().0 > self.round,
            _ => is_arrival(curriculum),
        };
        if has_folded {
            self.score(curriculum);
        }
        self.round = curriculum.round().0;
        // Arms may come while the run goes on.
        self.arms.resize(curriculum.population().arms().count().max(self.arms.len()), Sums::default());
    }

    /// Adds something to all sums of an arm and a time.
    fn add(&mut self, arm: u32, round: u64, add: impl Fn(&mut Sums)) {
        let column = self.columns.at(round);
        add(&mut column.all);
        add(column.arm(arm));
        add(&mut self.all);
        if self.arms.len() <= arm as usize {
            self.arms.resize(arm as usize + 1, Sums::default());
        }
        add(&mut self.arms[arm as usize]);
    }

    fn draw(&mut self, batch: &Batch, curriculum: &AnyCurriculum) {
        self.tickets.draw(batch, curriculum);
        for draw in &batch.draws {
            self.add(draw.arm.0, batch.round.0, |sums| sums.drawn += 1);
        }
        if self.arms.len() <= ARMS {
            for (arm, share) in (0u32..).zip(curriculum.shares()) {
                let asked = share * batch.draws.len() as f64;
                if asked > 0.0 {
                    self.add(arm, batch.round.0, |sums| sums.asked += asked);
                }
            }
        }
    }

    fn observe(&mut self, feedback: &[Feedback], verdicts: &[Verdict], curriculum: &AnyCurriculum) {
        let (now, version) = (last_round(curriculum), curriculum.version());
        for (Feedback { ticket, outcome }, verdict) in feedback.iter().zip(verdicts) {
            let Some(known) = self.tickets.settle(*ticket, *verdict) else { continue };
            let ages = (now.saturating_sub(known.round), version.saturating_sub(known.version));
            let rollouts = u64::from(outcome.rollouts) + u64::from(outcome.unscored);
            self.add(known.arm, now, |sums| {
                match verdict.rejection() {
                    Some(reason) => {
                        sums.reject(reason, 1);
                        sums.rejected_rollouts += rollouts;
                    }
                    None => sums.admitted += 1,
                }
                sums.rollouts += rollouts;
                outcome.success.into_iter().for_each(|success| sums.success.add(success.into()));
                outcome.cost.into_iter().for_each(|cost| sums.cost.add(cost.into()));
                sums.age_rounds.add(ages.0 as f64);
                sums.age_versions.add(ages.1 as f64);
            });
            if let Some(success) = outcome.success {
                self.columns.at(now).succeeded(success);
            }
        }
    }

    fn lose(&mut self, known: &Known, curriculum: &AnyCurriculum) {
        self.add(known.arm, last_round(curriculum), |sums| sums.lost += 1);
        // It had come back before, and is taken back: of the verdicts in time it stays, of the sums it goes.
        let arm = &mut self.arms[known.arm as usize];
        for sums in [&mut self.all, arm] {
            match known.verdict.map(Verdict::rejection) {
                Some(None) => sums.admitted -= 1,
                Some(Some(reason)) => {
                    let same = sums.rejected.iter_mut().find(|(other, _)| *other == reason);
                    same.into_iter().for_each(|(_, count)| *count -= 1);
                }
                None => {}
            }
        }
    }

    fn score(&mut self, curriculum: &AnyCurriculum) {
        let now = last_round(curriculum);
        let (before, lag) = (self.round, curriculum.lag());
        let is_folded = |known: &Known| {
            is_arrival(curriculum) || known.round.saturating_add(lag).saturating_add(1) <= before
        };
        let mut scores = Vec::new();
        self.tickets.scores(curriculum, is_folded, |known, score| scores.push((known.arm, score)));
        for (arm, score) in scores {
            self.add(arm, now, |sums| sums.score.add(score.into()));
        }
        let lag = if is_arrival(curriculum) { 0 } else { curriculum.lag().min(KEPT) };
        let has_steps = self.steps.ready + self.steps.starved > 0;
        self.tickets.forget(|known| {
            let is_folded = known.round + lag + 2 < now;
            let may_be_banked = has_steps && known.verdict.is_some_and(Verdict::is_admitted);
            is_folded && !may_be_banked || known.round + KEPT < now
        });
    }

    /// All reasons of rejection that there were, in the order of their names.
    pub fn reasons(&self) -> Vec<Reason> {
        let columns = self.columns.all.iter().flat_map(|column| &column.all.rejected);
        let mut reasons: Vec<Reason> = Vec::new();
        for (reason, _) in columns {
            if !reasons.contains(reason) {
                reasons.push(*reason);
            }
        }
        reasons.sort_by_key(ToString::to_string);
        reasons
    }
}

/// The round that was drawn last.
fn last_round(curriculum: &AnyCurriculum) -> u64 {
    curriculum.round().0.saturating_sub(1)
}
