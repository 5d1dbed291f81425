//! The verb of refilling: ask until a training step is full.

use super::rates::Need;
use super::{Refill, Starvation, Step, Useful};
use crate::base::error::{Error, Result, within};
use crate::curriculum::{Curriculum, Memory};
use crate::event::age::Age;
use crate::event::{Batch, Reason};
use crate::policy::Policy;
use crate::sampler::Sampler;
use crate::signal::Signal;

impl<P: Policy, S: Signal, D: Sampler> Curriculum<P, S, D> {
    /// Brings a training step of `want` useful tickets together: ask, do what it says, ask again until it is ready. For
    /// a curriculum that is built with [`refill`](crate::Builder::refill); [`draw`](Self::draw) is not used beside it.
    ///
    /// ```text
    /// admitted tickets are banked; a step takes `want` of them, the first drawn first
    /// missing = want - those in the bank that are not too old
    /// the least m with P(at least `missing` of open + m tickets are admitted) >= confidence is drawn
    /// ```
    ///
    /// The chance of a ticket is not known: each arm has a Beta prior worth one ticket, whose mean is the rate of all
    /// arms together, updated by its admitted and other tickets, older ones [counting less](Refill::window); over the
    /// arms that the policy would draw from, mean and variance of the chance make the number admitted beta-binomial.
    /// Surplus stays banked, with its age, and is used first in the next step. All draws of a step are of one round:
    /// they share its schedules, its lag and its step of learning.
    ///
    /// When a step has drawn as much as it [may](Refill::most), or nothing can be drawn, and nothing is open any more,
    /// [`Starvation`] says what happens: by default the step is ready with fewer than `want`. Tickets that never come
    /// back have to be [given up](Self::lose), else the step waits for them; those of the step itself do not age in
    /// rounds as long as it lasts. A `Wait` has changed nothing but what [`fold`](Self::fold) would have. `drawn =
    /// admitted + rejected + banked + lost + open`, always.
    ///
    /// A sample can be drawn more than once in a step, by different draws, unless samples
    /// [in flight](crate::Builder::exclude_in_flight) are excluded.
    ///
    /// ```
    /// use curricle::{Curriculum, Feedback, Gate, Outcome, Refill, Step};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let builder = Curriculum::builder(1000).gate(Gate::zero_signal());
    /// let mut curriculum = builder.refill(Refill::new()).build()?;
    /// for _ in 0..20 {
    ///     let useful = loop {
    ///         match curriculum.step(64)? {
    ///             Step::Draw(batch) => {
    ///                 // Every third prompt is too hard: all its rollouts fail.
    ///                 let rewards = |sample: u64| if sample % 3 == 0 { [0.0, 0.0] } else { [1.0, 0.0] };
    ///                 let seen = |sample: u64| Outcome::group(&rewards(sample));
    ///                 for draw in batch.draws {
    ///                     curriculum.observe(&[Feedback::new(draw.ticket, seen(draw.sample.0)?)])?;
    ///                 }
    ///             }
    ///             Step::Wait { .. } => unreachable!("all has been reported"),
    ///             Step::Ready(useful) => break useful,
    ///             _ => unreachable!("no other kinds so far"),
    ///         }
    ///     };
    ///     assert_eq!(useful.len(), 64);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: that of two draws, and O((K + m) log m).
    ///
    /// # Errors
    /// As `draw`, but that it waits where a draw is refused for feedback that is due or for the number in flight;
    /// [`Error::Unsupported`] for a curriculum that was built without refill. Then nothing has been drawn or taken.
    #[cfg_attr(feature = "tracing", tracing::instrument(level = "debug", skip_all, fields(round = self.memory.round.0, want)))]
    pub fn step(&mut self, want: usize) -> Result<Step> {
        let Some(refill) = self.options.refill else {
            return Err(Error::Unsupported { part: "curriculum without refill", request: "step" });
        };
        within("useful tickets of a step", want as f64, 1.0, f64::from(u32::MAX))?;
        let memory = &self.memory;
        let have = memory.bank.usable(refill.bank, memory.ages());
        if have >= want {
            let ready = self.withdraw(want, &refill);
            self.release_idle();
            return Ok(Step::Ready(ready));
        }
        let under = memory.bank.step.unwrap_or_default();
        let most = refill.most_of(want).saturating_sub(under.tickets);
        let open = memory.ledger.counts.open;
        let missing = (want - have) as u64;
        let mut more = self.more(missing, most, under.draws, &refill);
        while open == 0
            && under.draws == 0
            && matches!(more, Err(Error::NothingToDraw))
            && self.make_room(&refill)
        {
            more = self.more(missing, most, under.draws, &refill);
        }
        match more {
            Ok(Some(batch)) => Ok(Step::Draw(batch)),
            Ok(None) if open > 0 => Ok(Step::Wait { open }),
            Err(Error::NothingToDraw | Error::Awaiting { .. } | Error::Finished) if open > 0 => {
                Ok(Step::Wait { open })
            }
            Err(Error::Finished) if have == 0 && under.draws == 0 => Err(Error::Finished),
            Ok(None) | Err(Error::NothingToDraw | Error::Finished) => {
                let step = self.starve(want, &refill);
                self.release_idle();
                Ok(step)
            }
            Err(error) => Err(error),
        }
    }

    /// Draws what is missing; none if what is open is enough, or nothing more may be drawn.
    fn more(&mut self, missing: u64, most: u64, draws: u64, refill: &Refill) -> Result<Option<Batch>> {
        // In the pace of arrival tickets become too old in the middle of a step, too.
        if draws == 0 || self.options.pace.arrival().is_some() {
            self.fold()?;
        }
        self.check_first_exhausted()?;
        let memory = &self.memory;
        let room = self
            .options
            .pace
            .arrival()
            .map_or(u64::MAX, |arrival| arrival.most().saturating_sub(memory.ledger.counts.open));
        let most =
            most.min(room).min(self.sampler.most(&memory.population) as u64).min(u32::MAX.into());
        if most == 0 {
            return if memory.population.drawable_total() == 0 {
                self.rest_of_last_pass(Error::NothingToDraw).map(|_| None)
            } else {
                Ok(None)
            };
        }
        // Which arms would be drawn from is known once a draw has been decided.
        let first = self.decide_up_to(missing.min(most), draws)?;
        self.check_cycle()?;
        let shares = self.work.decision.shares(&self.memory);
        let mut open = vec![0; self.memory.population.arms().count()];
        for draw in self.memory.ledger.pending.iter().flat_map(|pending| pending.open_draws()) {
            open[draw.arm.index()] += 1;
        }
        let Refill { confidence, window, .. } = *refill;
        let need = Need { missing, confidence, window, shares: &shares, open: &open, most };
        let n = self.memory.bank.rates.tickets(need);
        if n == 0 {
            return Ok(None);
        }
        let n = if n == first { n } else { self.decide_up_to(n, draws)? };
        let mut batch = Batch::default();
        self.open_decided(&mut batch, draws);
        let under = self.memory.bank.step.get_or_insert_default();
        under.draws += 1;
        under.tickets += n;
        Ok(Some(batch))
    }

    /// Where there is nothing to draw, what is banked and too old lets its samples go, and then what is retired comes
    /// back, the next test first. Says whether there was any.
    fn make_room(&mut self, refill: &Refill) -> bool {
        let banked = self.memory.bank.len();
        if refill.starvation != Starvation::Banked {
            self.expire(refill);
        }
        let is_roomier = self.memory.bank.len() < banked;
        if is_roomier {
            self.release_idle();
            self.changes += 1;
        }
        let has_room = is_roomier || self.retest_early() > 0;
        self.refresh();
        has_room
    }

    /// Decides a draw of so many samples, or of those that there are in the arms that are open.
    fn decide_up_to(&mut self, n: u64, draws: u64) -> Result<u64> {
        match self.decide(n as usize, draws) {
            Err(Error::BatchExceedsPool { available, .. }) if (1..n as usize).contains(&available) => {
                self.decide(available, draws).map(|()| available as u64)
            }
            decided => decided.map(|()| n),
        }
    }

    /// There is nothing more to be had: what the step gets all the same.
    fn starve(&mut self, want: usize, refill: &Refill) -> Step {
        let memory = &self.memory;
        let have = memory.bank.usable(refill.bank, memory.ages());
        let missing = want - have;
        let banked = match refill.starvation {
            Starvation::Banked => memory.bank.len() - have,
            _ => 0,
        };
        let second = self.memory.bank.second_choice(missing, refill.starvation);
        let found = have + second.len() + banked.min(missing);
        if found == 0 || refill.starvation == Starvation::Fail {
            let drawn = self.memory.bank.step.unwrap_or_default().tickets;
            self.memory.bank.end_step(refill.window);
            return Step::Starved { have, drawn };
        }
        let mut taken: Vec<Useful> = Vec::with_capacity(found);
        if banked > 0 {
            // The youngest of the old ones.
            let mut old = self.memory.expired(refill);
            let kept = old.split_off(old.len() - banked.min(missing));
            self.reject_old(old);
            self.use_up(kept.len() as u64);
            taken.extend(kept);
        }
        for (useful, reason) in second {
            self.change_verdict(&useful, Some(reason), None);
            taken.push(useful);
        }
        taken.extend(self.withdraw(have, refill));
        taken.sort_unstable_by_key(|useful| useful.draw.ticket);
        Step::Ready(taken)
    }

    /// Takes tickets out of the bank for a step, which is over with it.
    fn withdraw(&mut self, n: usize, refill: &Refill) -> Vec<Useful> {
        let age = self.memory.ages();
        let bank = &mut self.memory.bank;
        let taken = bank.take(n, refill.bank, age);
        bank.end_step(refill.window);
        self.use_up(taken.len() as u64);
        self.expire(refill);
        taken
    }

    /// So many banked tickets have been handed out.
    fn use_up(&mut self, n: u64) {
        let counts = &mut self.memory.ledger.counts;
        counts.banked -= n;
        counts.admitted += n;
    }

    /// Rejects the banked tickets that are too old.
    fn expire(&mut self, refill: &Refill) {
        if refill.bank.is_some() {
            let old = self.memory.expired(refill);
            self.reject_old(old);
        }
    }

    fn reject_old(&mut self, old: Vec<Useful>) {
        for useful in old {
            self.use_up(1);
            self.change_verdict(&useful, None, Some(Reason::Stale));
        }
    }

    fn change_verdict(&mut self, useful: &Useful, from: Option<Reason>, to: Option<Reason>) {
        let is_folded = self.options.pace.arrival().is_some();
        self.memory.ledger.change_verdict(&useful.draw, from, to, is_folded);
    }
}

impl<P> Memory<P> {
    /// How long ago a ticket was drawn.
    fn ages(&self) -> impl Fn(&Useful) -> Age + use<P> {
        let (round, version) = (self.round.0, self.version);
        move |useful| Age::new(round - 1 - useful.round.0, version - useful.version)
    }

    /// Takes the banked tickets that are too old out of the bank.
    fn expired(&mut self, refill: &Refill) -> Vec<Useful> {
        let age = self.ages();
        self.bank.expire(refill.bank, age)
    }
}
