//! The tickets of which something may still be told.

use std::collections::BTreeMap;

use curricle::{AnyCurriculum, Batch, SampleId, Ticket, Verdict};

/// How many that came back are kept at least.
const SOME: u64 = 4096;

/// Where and when a ticket was drawn, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    pub arm: u32,
    pub sample: SampleId,
    pub round: u64,
    pub version: u64,
    pub verdict: Option<Verdict>,
    /// How often its sample had been learned from when it was drawn.
    settled: u32,
}

/// The open tickets, and those that came back a short while ago.
#[derive(Debug, Default)]
pub struct Tickets {
    known: BTreeMap<u64, Known>,
    /// How many of them are open.
    open: u64,
    /// Those whose score is waited for.
    unscored: Vec<u64>,
}

impl Tickets {
    /// Those that are open already.
    pub fn of(curriculum: &AnyCurriculum) -> Self {
        let mut tickets = Self::default();
        curriculum.unfinished().iter().for_each(|batch| tickets.draw(batch, curriculum));
        tickets
    }

    pub fn draw(&mut self, batch: &Batch, curriculum: &AnyCurriculum) {
        let (round, version) = (batch.round.0, batch.version);
        for draw in &batch.draws {
            let (arm, sample) = (draw.arm.0, draw.sample);
            let settled = curriculum.record(sample).map_or(0, curricle::Record::settled);
            let known = Known { arm, sample, round, version, verdict: None, settled };
            self.known.insert(draw.ticket.0, known);
        }
        self.open += batch.draws.len() as u64;
    }

    /// A ticket has come back.
    pub fn settle(&mut self, ticket: Ticket, verdict: Verdict) -> Option<Known> {
        let known = self.known.get_mut(&ticket.0)?;
        self.open -= u64::from(known.verdict.is_none());
        known.verdict = Some(verdict);
        self.unscored.push(ticket.0);
        Some(*known)
    }

    /// A ticket was given up.
    pub fn lose(&mut self, ticket: Ticket) -> Option<Known> {
        let known = self.known.remove(&ticket.0)?;
        self.open -= u64::from(known.verdict.is_none());
        Some(known)
    }

    /// Those that are no longer open, without a word of it.
    pub fn given_up(&mut self, curriculum: &AnyCurriculum) -> Vec<Known> {
        if self.open == curriculum.counts().open {
            return Vec::new();
        }
        let batches = curriculum.unfinished();
        let open: Vec<u64> =
            batches.iter().flat_map(|batch| batch.draws.iter().map(|draw| draw.ticket.0)).collect();
        let is_gone = |(ticket, known): (&u64, &Known)| {
            (known.verdict.is_none() && open.binary_search(ticket).is_err()).then_some(*ticket)
        };
        let gone: Vec<u64> = self.known.iter().filter_map(is_gone).collect();
        gone.into_iter().filter_map(|ticket| self.lose(Ticket(ticket))).collect()
    }

    /// Tells the scores of those that have just been learned from.
    pub fn scores(
        &mut self,
        curriculum: &AnyCurriculum,
        is_folded: impl Fn(&Known) -> bool,
        mut tell: impl FnMut(&Known, f32),
    ) {
        let known = &self.known;
        self.unscored.retain(|ticket| {
            let Some(known) = known.get(ticket) else { return false };
            if !is_folded(known) {
                return true;
            }
            // One that came too late to teach has no score.
            if let Ok(record) = curriculum.record(known.sample)
                && record.settled() > known.settled
            {
                tell(known, record.score());
            }
            false
        });
    }

    /// Forgets those that came back, and of which nothing more is told, once there are many.
    pub fn forget(&mut self, is_over: impl Fn(&Known) -> bool) {
        if self.known.len() as u64 > 2 * self.open + SOME {
            self.known.retain(|_, known| known.verdict.is_none() || !is_over(known));
        }
    }

    /// Training steps have taken these.
    pub fn take(&mut self, tickets: impl Iterator<Item = Ticket>) {
        for ticket in tickets {
            self.known.remove(&ticket.0);
        }
    }
}

/// Whether feedback is learned from as it comes.
pub fn is_arrival(curriculum: &AnyCurriculum) -> bool {
    curriculum.lag() == u64::MAX
}
