//! Deciding a round: the policy allots, the sampler draws. Nothing of the state changes.

use curricle_kernels::blocks;

use super::Memory;
use super::builder::BELIEFS;
use super::options::Options;
use super::pace::Pace;
use crate::base::error::{Error, Result, finite, length, within};
use crate::base::id::{Round, SampleId, Ticket};
use crate::base::rng::{Purpose, Rng};
use crate::event::Draw;
use crate::ledger::Pending;
use crate::policy::{Allotment, ArmTree, MANY, Policy, Turn};
use crate::population::Population;
use crate::sampler::odds::Odds;
use crate::sampler::{self, Pick, Sampler};

/// What a round will be: the probabilities and the draws. Made by [`make`](Self::make) from a state that
/// it does not touch; [`Memory::open`] takes it over. The lists keep their memory from round to round.
#[derive(Debug, Default)]
pub(super) struct Decision {
    /// The probabilities, unless they are those that stand in the state already.
    allotment: Allotment,
    stands: bool,
    /// Whether the probabilities are those of what was to be decided last.
    is_allotted: bool,
    draws: Vec<Draw>,
    /// How many tickets of each arm are under way.
    under_way: Vec<u32>,
    picks: Vec<Pick>,
    scratch: sampler::Scratch,
    /// What is hashed.
    bytes: Vec<u8>,
    /// How many decisions were begun in this process; which of them was the last one that a part refused, and which is
    /// to be refused once more.
    begun: u64,
    refused: u64,
    refuses: Option<u64>,
}

/// When a draw happens: in which round, and after how many others of that round.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub round: Round,
    pub draw: u64,
}

impl Decision {
    /// Decides a draw of `n` samples, of which so many are `expected` to become a batch. `is_fresh` says that the
    /// state's own [`ArmTree`], if it has any, are those of its policy.
    pub fn make<P: Policy, D: Sampler>(
        &mut self,
        memory: &Memory<P>,
        options: &Options,
        sampler: &D,
        at: At,
        counts: (usize, usize),
        is_fresh: bool,
    ) -> Result<()> {
        self.begun += 1;
        if self.refuses == Some(self.begun) {
            return Err(Error::Unsupported { part: "curriculum", request: "what was refused before" });
        }
        let made = self.try_to_make(memory, options, sampler, at, counts, is_fresh);
        if made.as_ref().is_err_and(is_last) {
            self.refused = self.begun;
        }
        made
    }

    /// How many decisions were begun in this process.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// Which decision was refused of those that were begun after so many, counted from 1, if one was.
    pub fn refused_after(&self, begun: u64) -> Option<u64> {
        self.refused.checked_sub(begun).filter(|decision| *decision > 0)
    }

    /// Refuses the decision that comes after so many others, counted from 1, as a part has done before; or none.
    pub fn refuse(&mut self, decision: Option<u64>) {
        self.refuses = decision.map(|decision| self.begun.saturating_add(decision));
    }

    fn try_to_make<P: Policy, D: Sampler>(
        &mut self,
        memory: &Memory<P>,
        options: &Options,
        sampler: &D,
        at: At,
        (n, expected): (usize, usize),
        is_fresh: bool,
    ) -> Result<()> {
        let population = &memory.population;
        self.allot(memory, &memory.allotment, options, sampler, at, (n, expected), is_fresh)?;
        let allotment = if self.stands { &memory.allotment } else { &self.allotment };
        let mut random = Rng::at_draw(options.seed, at.round, Purpose::Sampler, at.draw);
        self.picks.clear();
        sampler.draw(population, allotment, n, &mut random, &mut self.scratch, &mut self.picks)?;
        if sampler.kind().is_none() {
            self.check(n, population)?;
        }
        self.weigh_losses(options.importance.at(at.round), memory.ledger.counts.drawn);
        Ok(())
    }

    /// Decides the probabilities of a draw. `standing` are those of the state, perhaps brought up to date; `is_fresh`
    /// says that they are those of its policy.
    #[expect(clippy::too_many_arguments, reason = "all that a decision depends on")]
    pub fn allot<P: Policy, D: Sampler>(
        &mut self,
        memory: &Memory<P>,
        standing: &Allotment,
        options: &Options,
        sampler: &D,
        At { round, draw }: At,
        (n, expected): (usize, usize),
        is_fresh: bool,
    ) -> Result<()> {
        let Memory { population, policy, .. } = memory;
        self.is_allotted = false;
        // Before anything works for so many.
        match (population.drawable_total(), sampler.most(population)) {
            (0, _) => return Err(Error::NothingToDraw),
            (available, most) if most == available && n > most => {
                return Err(Error::BatchExceedsPool { want: n, available });
            }
            (_, most) => within("batch size", n as f64, 1.0, most as f64)?,
        };
        self.count_under_way(memory, &options.pace);
        let turn = Turn { under_way: &self.under_way, ..Turn::new(round, expected, population) };
        let is_many = population.arms().count() >= MANY;
        self.stands = false;
        match (policy.logits(&turn).filter(|_| is_many), standing) {
            (Some(_), Allotment::Tree(_)) if is_fresh => self.stands = true,
            (Some(logits), _) => self.allotment = Allotment::Tree(ArmTree::new(&logits, population)?),
            (None, _) => {
                let mut random = Rng::at_draw(options.seed, round, Purpose::Policy, draw);
                policy.allot(&turn, &mut random, &mut self.allotment)?;
                self.allotment.settle(population)?;
                if options.weighting.belief().is_some()
                    && matches!(self.allotment, Allotment::Ranks { .. })
                {
                    return Err(Error::Unsupported { part: "policy over ranks", request: BELIEFS });
                }
            }
        }
        self.is_allotted = true;
        Ok(())
    }

    /// Whether it came to probabilities before it failed.
    pub fn is_allotted(&self) -> bool {
        self.is_allotted
    }

    /// Decides that nothing is drawn; the probabilities stay.
    pub fn clear(&mut self) {
        self.stands = true;
        self.picks.clear();
    }

    /// How many picks there are.
    pub fn picks(&self) -> usize {
        self.picks.len()
    }

    /// Puts a pick before the others; they have to be [weighed](Self::weigh_losses) anew then.
    pub fn put_first(&mut self, first: Pick) {
        self.picks.insert(0, first);
    }

    /// Cuts the picks off where they would cost more than a ceiling or be more than so many. Gives the first that had
    /// to be left out for its cost. Those that are left have to be [weighed](Self::weigh_losses) anew.
    pub fn cut(
        &mut self,
        ceiling: f64,
        most: u64,
        cost: impl Fn(SampleId) -> Option<f32>,
    ) -> Result<Option<Pick>> {
        let (mut sum, mut kept, mut next) = (0.0, 0usize, None);
        for pick in self.picks.iter().take(usize::try_from(most).unwrap_or(usize::MAX)) {
            let own = cost(pick.sample);
            match own.map(|own| sum + f64::from(own)).filter(|sum| *sum <= ceiling) {
                Some(more) => (sum, kept) = (more, kept + 1),
                // Alone it does not fit either, or nobody knows.
                None if kept == 0 => {
                    return Err(Error::Cost { sample: pick.sample, cost: own, ceiling });
                }
                None => {
                    next = Some(*pick);
                    break;
                }
            }
        }
        self.picks.truncate(kept);
        Ok(next)
    }

    /// The probabilities that were [allotted](Self::allot), beside those that stood.
    pub fn allotment<'a>(&'a self, standing: &'a Allotment) -> &'a Allotment {
        if self.stands { standing } else { &self.allotment }
    }

    /// Takes picks over that another made. An arm without probability counts as one of probability 1: a policy that
    /// divides by it could not have picked it.
    pub fn take_over(&mut self, odds: &[Odds], first: u64) {
        self.picks.clear();
        self.picks.extend(odds.iter().map(|odds| odds.pick));
        let without = self.picks.iter_mut().filter(|pick| pick.share <= 0.0);
        without.for_each(|pick| pick.share = 1.0);
        self.weigh_losses(0.0, first);
    }

    /// The probability of each arm; none over ranks.
    pub fn shares<P>(&self, memory: &Memory<P>) -> Vec<f64> {
        if self.stands { memory.allotment.shares() } else { self.allotment.shares() }
    }

    /// The draws, with the tickets that they will have.
    pub fn draws(&self) -> &[Draw] {
        &self.draws
    }

    /// Checks that the picks can be drawn, as those of a sampler of one's own may not: it costs a look-up for each.
    fn check(&self, n: usize, population: &Population) -> Result<()> {
        length("picks of the sampler", n, self.picks.len())?;
        let arms = population.arms();
        let mut places = 0..;
        for (now, next) in blocks(&self.picks) {
            next.iter().for_each(|pick| arms.fetch_sample(pick.sample));
            for (pick, place) in now.iter().zip(places.by_ref()) {
                finite("propensity of pick", place, pick.propensity)?;
                finite("share of pick", place, pick.share)?;
                // Sums of probabilities can be off by their rounding.
                let greatest = 1.0 + 1e-9;
                within("propensity of a pick", pick.propensity, f64::from_bits(1), greatest)?;
                within("share of a pick", pick.share, 0.0, greatest)?;
                if arms.arm_of(pick.sample)? != pick.arm {
                    return Err(Error::Pick { sample: pick.sample, arm: pick.arm });
                }
            }
        }
        Ok(())
    }

    /// Gives the picks their tickets, and their loss weights `(q_min / q)^beta`: the greatest, that of the
    /// least propensity, is 1.
    pub fn weigh_losses(&mut self, beta: f64, first: u64) {
        let least = self.picks.iter().map(|pick| pick.propensity).fold(f64::INFINITY, f64::min);
        let loss_weight = |pick: &Pick| match beta {
            0.0 => 1.0,
            // Also where the least has become 0.
            _ if pick.propensity <= least => 1.0,
            _ => crate::base::math::pow(least / pick.propensity, beta) as f32,
        };
        self.draws.clear();
        self.draws.extend(self.picks.iter().zip(first..).map(|(pick, ticket)| Draw {
            ticket: Ticket(ticket),
            sample: pick.sample,
            arm: pick.arm,
            propensity: pick.propensity,
            loss_weight: loss_weight(pick),
        }));
    }

    /// How many tickets of each arm have not been folded in.
    fn count_under_way<P>(&mut self, memory: &Memory<P>, pace: &Pace) {
        self.under_way.clear();
        for pending in &memory.ledger.pending {
            self.under_way.resize(memory.population.arms().count(), 0);
            match pace {
                Pace::Lockstep => {
                    for draw in &pending.draws {
                        self.under_way[draw.arm.index()] += 1;
                    }
                }
                Pace::Arrival(_) => {
                    for draw in pending.open_draws() {
                        self.under_way[draw.arm.index()] += 1;
                    }
                }
            }
        }
    }
}

/// Whether no further decision follows on one that failed for this.
fn is_last(error: &Error) -> bool {
    !matches!(error, Error::NothingToDraw | Error::BatchExceedsPool { .. } | Error::Finished)
}

impl<P> Memory<P> {
    /// Opens the tickets of a decision. The lists of `spare` are filled anew; those of a round that was joined are
    /// given back.
    pub(super) fn open(
        &mut self,
        decision: &mut Decision,
        At { round, .. }: At,
        spare: Option<Pending>,
    ) -> Option<Pending> {
        let mut pending = spare.unwrap_or_default();
        (pending.round, pending.version) = (round, self.version);
        pending.draws.clone_from(&decision.draws);
        pending.shares.clear();
        pending.shares.extend(decision.picks.iter().map(|pick| pick.share));
        self.digest = pending.digest(self.digest, &mut decision.bytes);
        let joined = self.ledger.open(pending);
        self.round = Round(round.0 + 1);
        self.batch = decision.draws.len();
        if !decision.stands {
            std::mem::swap(&mut self.allotment, &mut decision.allotment);
        }
        if let Allotment::Arms(shares) = &self.allotment {
            for (tallies, share) in self.ledger.tallies.iter_mut().zip(shares) {
                tallies.asked += share * self.batch as f64;
            }
        }
        joined
    }
}
