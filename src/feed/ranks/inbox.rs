//! What a rank has to tell the others at the next exchange.

use std::collections::{BTreeMap, BTreeSet};

use super::Replica;
use crate::base::error::{Error, Result};
use crate::base::id::Ticket;
use crate::event::{Feedback, Outcome, Verdict};

/// Feedback, tickets given up and a version that wait for the next exchange; each was checked when it came.
#[derive(Debug, Default)]
pub struct Inbox {
    feedback: BTreeMap<Ticket, Outcome>,
    lost: BTreeSet<Ticket>,
    pub version: Option<u64>,
}

impl Inbox {
    /// Takes one feedback in, and says what it will be judged as.
    pub fn report(&mut self, replica: &impl Replica, feedback: &Feedback) -> Result<Verdict> {
        let Feedback { ticket, outcome } = *feedback;
        if self.lost.contains(&ticket) {
            return Err(Error::LateTicket(ticket));
        }
        if self.feedback.contains_key(&ticket) {
            return Err(Error::RepeatedTicket(ticket));
        }
        let verdict = replica.curriculum().judge(feedback)?;
        self.feedback.insert(ticket, outcome);
        Ok(verdict)
    }

    /// Takes feedback in, all or none.
    pub fn observe(&mut self, replica: &impl Replica, feedback: &[Feedback]) -> Result<Vec<Verdict>> {
        let mut verdicts = Vec::with_capacity(feedback.len());
        for one in feedback {
            match self.report(replica, one) {
                Ok(verdict) => verdicts.push(verdict),
                Err(error) => {
                    for taken in &feedback[..verdicts.len()] {
                        self.feedback.remove(&taken.ticket);
                    }
                    return Err(error);
                }
            }
        }
        Ok(verdicts)
    }

    /// Takes tickets in that are given up, all or none. An outcome of one that still waits here is forgotten.
    pub fn lose(&mut self, replica: &impl Replica, tickets: &[Ticket]) -> Result<()> {
        if let Some(&ticket) = tickets.iter().find(|ticket| self.lost.contains(ticket)) {
            return Err(Error::LateTicket(ticket));
        }
        replica.curriculum().losable(tickets)?;
        for &ticket in tickets {
            self.feedback.remove(&ticket);
            self.lost.insert(ticket);
        }
        Ok(())
    }

    /// How many tickets wait.
    pub fn len(&self) -> usize {
        self.feedback.len() + self.lost.len()
    }

    /// What was reported, in the order of tickets.
    pub fn feedback(&self) -> Vec<Feedback> {
        self.feedback.iter().map(|(&ticket, &outcome)| Feedback::new(ticket, outcome)).collect()
    }

    /// What was given up, in the order of tickets.
    pub fn lost(&self) -> Vec<Ticket> {
        self.lost.iter().copied().collect()
    }

    /// Forgets the feedback that the replica has taken in: all that it would not take any more.
    pub fn forget_feedback(&mut self, replica: &impl Replica) {
        let curriculum = replica.curriculum();
        self.feedback
            .retain(|&ticket, &mut outcome| curriculum.judge(&Feedback::new(ticket, outcome)).is_ok());
    }

    /// Forgets the tickets that the replica has given up.
    pub fn forget_lost(&mut self, replica: &impl Replica) {
        self.lost.retain(|&ticket| replica.curriculum().losable(&[ticket]).is_ok());
    }
}
