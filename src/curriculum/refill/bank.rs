//! The bank: useful tickets that no training step has taken yet.

use serde::{Deserialize, Serialize};

use super::rates::Rates;
use super::{Starvation, Useful};
use crate::base::id::{Round, SampleId, Ticket};
use crate::event::age::{Age, AgeLimit};
use crate::event::{Draw, Outcome, Reason};
use crate::ledger::{Counts, Reasons};

/// What refilling remembers. Every list is in the order of tickets, so that it does not depend on the order of arrival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bank {
    admitted: Vec<Useful>,
    /// The rejected tickets of the step under way that taught.
    rejected: Vec<Rejected>,
    pub rates: Rates,
    pub step: Option<Under>,
}

/// A step under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Under {
    /// How many draws there were, and of how many tickets.
    pub draws: u64,
    pub tickets: u64,
}

/// A rejected ticket, and what speaks for it all the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Rejected {
    useful: Useful,
    reason: Reason,
    /// Absolute advantage or spread, if reported.
    signal: f32,
    /// Distance of the success from 0 and 1.
    balance: f32,
}

impl Bank {
    pub fn new(arms: usize) -> Self {
        let (admitted, rejected) = (Vec::new(), Vec::new());
        Self { admitted, rejected, rates: Rates::new(arms), step: None }
    }

    /// Whether a ticket is banked.
    pub fn contains(&self, ticket: Ticket) -> bool {
        self.admitted.get(self.place(ticket)).is_some_and(|it| it.draw.ticket == ticket)
    }

    /// The samples of the banked tickets.
    pub fn samples(&self) -> impl Iterator<Item = SampleId> + '_ {
        self.admitted.iter().map(|useful| useful.draw.sample)
    }

    /// Gives the samples of all tickets in it other numbers.
    pub fn each_sample(
        &mut self,
        mut number: impl FnMut(SampleId) -> crate::base::error::Result<SampleId>,
    ) -> crate::base::error::Result<()> {
        let rejected = self.rejected.iter_mut().map(|it| &mut it.useful);
        for useful in self.admitted.iter_mut().chain(rejected) {
            useful.draw.sample = number(useful.draw.sample)?;
        }
        Ok(())
    }

    /// Takes a ticket out.
    pub fn remove(&mut self, ticket: Ticket) -> Option<Draw> {
        let is_banked = self.contains(ticket);
        is_banked.then(|| self.admitted.remove(self.place(ticket)).draw)
    }

    /// How many tickets are banked.
    pub fn len(&self) -> usize {
        self.admitted.len()
    }

    /// How many of them are not too old.
    pub fn usable(&self, limit: Option<AgeLimit>, age: impl Fn(&Useful) -> Age) -> usize {
        self.admitted.iter().filter(|useful| !is_old(useful, limit, &age)).count()
    }

    /// Notes a ticket that was judged; says whether it is banked. `can_be_second` says that it is one of the step under
    /// way, and taught.
    pub fn note(
        &mut self,
        useful: Useful,
        outcome: &Outcome,
        rejection: Option<Reason>,
        can_be_second: bool,
    ) -> bool {
        self.rates.note(useful.draw.arm.index(), rejection.is_none());
        match rejection {
            None => {
                let place = self.place(useful.draw.ticket);
                self.admitted.insert(place, useful);
                true
            }
            Some(reason) => {
                if can_be_second && self.step.is_some() {
                    let ticket = useful.draw.ticket;
                    let place = self.rejected.partition_point(|it| it.useful.draw.ticket < ticket);
                    let signal = outcome.abs_advantage.or(outcome.spread).unwrap_or(0.0);
                    let balance = outcome.success.map_or(0.0, |success| success.min(1.0 - success));
                    self.rejected.insert(place, Rejected { useful, reason, signal, balance });
                }
                false
            }
        }
    }

    /// Notes that a ticket is given up; says whether it was banked.
    pub fn lose(&mut self, ticket: Ticket, arm: usize, was_open: bool) -> bool {
        if was_open {
            self.rates.note(arm, false);
        }
        self.rejected.retain(|it| it.useful.draw.ticket != ticket);
        self.remove(ticket).is_some()
    }

    /// Takes out up to so many tickets that are not too old, the first drawn first.
    pub fn take(
        &mut self,
        most: usize,
        limit: Option<AgeLimit>,
        age: impl Fn(&Useful) -> Age,
    ) -> Vec<Useful> {
        let mut taken = Vec::with_capacity(most.min(self.admitted.len()));
        self.admitted.retain(|useful| {
            let is_taken = taken.len() < most && !is_old(useful, limit, &age);
            if is_taken {
                taken.push(*useful);
            }
            !is_taken
        });
        taken
    }

    /// Takes out the tickets that are too old.
    pub fn expire(&mut self, limit: Option<AgeLimit>, age: impl Fn(&Useful) -> Age) -> Vec<Useful> {
        let (old, young) = self.admitted.iter().partition(|useful| is_old(useful, limit, &age));
        self.admitted = young;
        old
    }

    /// Up to so many of the rejected tickets, with the reasons for which they were, the best first.
    pub fn second_choice(&self, most: usize, starvation: Starvation) -> Vec<(Useful, Reason)> {
        let mut chosen: Vec<Rejected> = match starvation {
            Starvation::Relax => {
                let is_near = |it: &&Rejected| matches!(it.reason, Reason::TooHard | Reason::TooEasy);
                self.rejected.iter().filter(is_near).copied().collect()
            }
            Starvation::BestRejected => self.rejected.clone(),
            Starvation::Fail | Starvation::Partial | Starvation::Banked => Vec::new(),
        };
        let is_any = starvation == Starvation::BestRejected;
        // All are finite: outcomes are checked when they come in. The first drawn go first where all is equal.
        let worth = |it: &Rejected| (if is_any { it.signal } else { 0.0 }, it.balance);
        chosen.sort_by(|a, b| {
            let ((signal, balance), (of_b, balance_of_b)) = (worth(a), worth(b));
            of_b.total_cmp(&signal).then(balance_of_b.total_cmp(&balance))
        });
        chosen.truncate(most);
        chosen.into_iter().map(|it| (it.useful, it.reason)).collect()
    }

    /// The step is over.
    pub fn end_step(&mut self, window: f64) {
        self.rejected.clear();
        self.rates.end_step(window);
        self.step = None;
    }

    fn place(&self, ticket: Ticket) -> usize {
        self.admitted.partition_point(|it| it.draw.ticket < ticket)
    }

    /// Whether the parts agree with each other; used after reading them from a file.
    pub fn is_consistent(
        &self,
        arms: usize,
        now: (Round, u64),
        counts: &Counts,
        reasons: &Reasons,
    ) -> bool {
        let is_known = |it: &Useful| {
            let Useful { draw, round, version } = it;
            draw.is_possible()
                && draw.ticket.0 < counts.drawn
                && draw.arm.index() < arms
                && *round < now.0
                && *version <= now.1
        };
        let rises = |tickets: &[&Useful]| {
            tickets.is_sorted_by(|a, b| a.draw.ticket < b.draw.ticket)
                && tickets.iter().all(|it| is_known(it))
        };
        let for_reason = |reason| self.rejected.iter().filter(|it| it.reason == reason).count() as u64;
        let are_finite = |it: &Rejected| it.signal.is_finite() && it.balance.is_finite();
        rises(&self.admitted.iter().collect::<Vec<_>>())
            && rises(&self.rejected.iter().map(|it| &it.useful).collect::<Vec<_>>())
            && self.rejected.iter().all(are_finite)
            && self.admitted.len() as u64 == counts.banked
            && Reason::ALL.into_iter().all(|reason| for_reason(reason) <= reasons.get(reason))
            && (self.step.is_some() || self.rejected.is_empty())
            && self.step.is_none_or(|step| {
                let can_be = (1..=step.tickets).contains(&step.draws) && step.tickets <= counts.drawn;
                can_be && now.0 > Round(0)
            })
            && self.rates.is_possible(arms)
    }
}

fn is_old(useful: &Useful, limit: Option<AgeLimit>, age: impl Fn(&Useful) -> Age) -> bool {
    limit.is_some_and(|limit| limit.is_exceeded(age(useful)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{ArmId, SampleId};

    fn useful(ticket: u64, round: u64, version: u64) -> Useful {
        let draw = Draw {
            ticket: Ticket(ticket),
            sample: SampleId(0),
            arm: ArmId(0),
            propensity: 1.0,
            loss_weight: 1.0,
        };
        Useful { draw, round: Round(round), version }
    }

    /// Each condition by itself is enough to refuse what was read from a file: none may make an age negative, or a
    /// count.
    #[test]
    fn a_bank_that_does_not_agree_with_its_ledger_is_told() {
        let (now, arms) = ((Round(3), 2), 1);
        let counts = Counts { drawn: 9, banked: 2, ..Counts::default() };
        let mut reasons = Reasons::default();
        reasons.add(Reason::TooHard);
        let rejected = Some(Reason::TooHard);
        let mut good = Bank { step: Some(Under { draws: 1, tickets: 4 }), ..Bank::new(arms) };
        for (ticket, verdict) in [(1, None), (4, None), (2, rejected)] {
            good.note(useful(ticket, 2, 2), &Outcome::default(), verdict, true);
        }
        let is_good = |bank: &Bank| bank.is_consistent(arms, now, &counts, &reasons);
        assert!(is_good(&good));
        type Change = (&'static str, fn(&mut Bank));
        let changes: [Change; 13] = [
            ("a round to come", |it| it.admitted[0].round = Round(3)),
            ("a version to come", |it| it.admitted[1].version = 3),
            ("a ticket to come", |it| it.admitted[1].draw.ticket = Ticket(9)),
            ("an arm that is not there", |it| it.rejected[0].useful.draw.arm = ArmId(1)),
            ("a ticket twice", |it| it.admitted[1] = it.admitted[0]),
            ("one more than are banked", |it| it.admitted.push(useful(5, 2, 2))),
            ("one for a reason that nobody had", |it| it.rejected[0].reason = Reason::Stale),
            ("more for a reason than there were", |it| {
                it.rejected.push(Rejected { useful: useful(6, 2, 2), ..it.rejected[0] })
            }),
            ("a signal of no number", |it| it.rejected[0].signal = f32::NAN),
            ("a step without a draw", |it| it.step = Some(Under::default())),
            ("a step of more draws than tickets", |it| it.step = Some(Under { draws: 5, tickets: 4 })),
            ("a step of more than were drawn", |it| it.step = Some(Under { draws: 1, tickets: 10 })),
            ("no step", |it| it.step = None),
        ];
        for (what, change) in changes {
            let mut bank = good.clone();
            change(&mut bank);
            assert!(!is_good(&bank), "{what}");
        }
        let started = Bank { step: Some(Under { draws: 1, tickets: 1 }), ..Bank::new(arms) };
        let none = (Counts::default(), Reasons::default());
        assert!(
            !started.is_consistent(arms, (Round(0), 0), &none.0, &none.1),
            "a step before the first round"
        );
    }
}
