//! A target that is fed with the log of another curriculum.

use super::estimator::{Estimates, Estimator};
use super::logged::{Logged, check_propensity};
use super::model::Model;
use crate::base::error::{Error, Result, finite, within};
use crate::base::id::{ArmId, Round, SampleId, Ticket};
use crate::curriculum::Curriculum;
use crate::event::{Batch, Feedback, Outcome};
use crate::policy::Policy;
use crate::sampler::Sampler;
use crate::sampler::odds::{Odds, Picked, Values};
use crate::signal::Signal;

/// A target curriculum that goes along with the log of another one, and the probability that it would have given to
/// each logged pick.
///
/// The verbs are those of a [`Curriculum`], called with what was logged, in the order in which it happened. At each
/// logged batch the target decides as it would have then, having learned from the same feedback, and takes the picks
/// over as if they were its own: under its own policy, arms, weights and lag. Feedback may come late and in pieces,
/// as it did.
///
/// The target is built over the same samples, in the same order. Its partition into arms, its policy, signal and gate
/// can be others. Its sampler should be that of the log: what [`Distinct`](crate::sampler::Distinct) has drawn it
/// does not draw again in the batch, so that its log says nothing of a [`Replace`](crate::sampler::Replace) that
/// would. [`Top`](crate::sampler::Top) and samplers of one's own have no probabilities to compare with, as a target;
/// the log may be of any sampler that reports propensities.
///
/// A log that starts in the middle of a run can be followed, too: the first logged ticket is the first of the target.
/// Batches that go on with a round, as [refill](crate::Builder::refill) draws them, go on with the target's.
///
/// For doubly robust estimates the mean reward of each arm of the target, over what had come in before the batch,
/// predicts the rewards of its picks; that of all picks stands in for an arm without rewards, and over ranks.
///
/// A target that divides rewards by the probability of their arm, as [`Exp3`](crate::policy::Exp3) and
/// [`OnlineMixing`](crate::policy::OnlineMixing) do, divides by its own, though the log has drawn with another: what it
/// learns of an arm that the log draws more often than it would is too much. An arm of probability 0 counts as one of
/// 1.
///
/// Cost of a batch: that of a draw, and O(K + n log n); over ranks also that of finding n ranks. Memory: 64 bytes a
/// pick.
#[derive(Debug, Clone)]
pub struct Evaluation<P, S, D, R> {
    target: Curriculum<P, S, D>,
    reward: R,
    /// What is added to a ticket of the target to get the logged one, modulo 2^64; none before the first batch.
    shift: Option<u64>,
    /// The last logged round, and how many batches it has had.
    last: Option<(Round, u64)>,
    /// By ticket of the target, from its first one in the log.
    picks: Vec<Row>,
    first: u64,
    model: Model,
    /// By arm of the target: its probabilities, summed over picks, and whether the log has drawn from it.
    asked: Vec<f64>,
    drawn: Vec<bool>,
}

/// A logged pick.
#[derive(Debug, Clone, Copy)]
struct Row {
    logged: Logged,
    arm: ArmId,
    state: State,
}

/// What has become of a logged pick.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Open,
    Rewarded,
    /// Its outcome does not tell the reward.
    Silent,
    Lost,
}

impl<P: Policy, S: Signal, D: Sampler, R: Fn(&Outcome) -> Option<f64>> Evaluation<P, S, D, R> {
    /// Starts with a target and the reward of an outcome, `None` where it does not tell: such picks are left out and
    /// [counted](Self::left_out).
    pub fn new(target: Curriculum<P, S, D>, reward: R) -> Self {
        let arms = target.population().arms().count();
        let first = target.counts().drawn;
        Self {
            target,
            reward,
            shift: None,
            last: None,
            picks: Vec::new(),
            first,
            model: Model::new(arms),
            asked: vec![0.0; arms],
            drawn: vec![false; arms],
        }
    }

    /// Takes over a logged batch.
    ///
    /// # Errors
    /// [`Error::Empty`] for a batch without draws; [`Error::NonFinite`] or [`Error::OutOfRange`] for a propensity
    /// outside `(0, 1]`, for tickets that do not follow those before them, and for a round before the last;
    /// [`Error::UnknownSample`]; [`Error::Unsupported`] for a sampler without probabilities, and a target with
    /// refill; what the target's own draw is refused for, as [`Error::Awaiting`] where it waits for feedback that the
    /// log does not have yet. The batch has not been taken over then; what was due may have been folded in.
    pub fn draw(&mut self, batch: &Batch) -> Result<()> {
        let Some(first) = batch.draws.first() else {
            return Err(Error::Empty { what: "logged batch", index: batch.round.0 });
        };
        let next = self.first + self.picks.len() as u64;
        let shift = self.shift.unwrap_or(first.ticket.0.wrapping_sub(next));
        let mut picked = Vec::with_capacity(batch.draws.len());
        for (draw, place) in batch.draws.iter().zip(0u64..) {
            check_propensity(draw.propensity, draw.ticket.0)?;
            let expected = next.wrapping_add(place).wrapping_add(shift);
            if draw.ticket.0 != expected {
                let (value, at) = (draw.ticket.0 as f64, expected as f64);
                return Err(Error::OutOfRange { what: "logged ticket", value, low: at, high: at });
            }
            picked.push(Picked { sample: draw.sample, propensity: draw.propensity });
        }
        let draws = match self.last {
            Some((last, draws)) if last == batch.round => draws,
            Some((last, _)) => {
                within("logged round", batch.round.0 as f64, last.0 as f64, u64::MAX as f64)
                    .map(|_| 0)?
            }
            None => 0,
        };
        let (mut by_arm, mut found) = (Vec::new(), Vec::new());
        self.model.by_arm(&mut by_arm);
        let values = Values { by_arm: &by_arm, overall: self.model.overall() };
        let taken = self.target.take_over(&picked, draws, values, &mut found);
        taken.map_err(|error| as_logged(error, shift))?;
        self.shift = Some(shift);
        self.last = Some((batch.round, draws + 1));
        let row = |(picked, Odds { pick, value, expected }): (&Picked, &Odds)| Row {
            logged: Logged::new(batch.round, picked.propensity, pick.propensity.min(1.0), 0.0)
                .predicted(*value, *expected),
            arm: pick.arm,
            state: State::Open,
        };
        self.picks.extend(picked.iter().zip(&found).map(row));
        for (asked, share) in self.asked.iter_mut().zip(self.target.shares()) {
            *asked += share * picked.len() as f64;
        }
        for odds in &found {
            if let Some(drawn) = self.drawn.get_mut(odds.pick.arm.index()) {
                *drawn = true;
            }
        }
        Ok(())
    }

    /// Takes in logged outcomes.
    ///
    /// # Errors
    /// As [`Curriculum::observe`], naming the logged tickets; [`Error::MissingOutcome`] also where the target needs a
    /// field that the log does not have; [`Error::NonFinite`] for a reward that is not finite. Then none of them has
    /// been taken in.
    pub fn observe(&mut self, feedback: &[Feedback]) -> Result<()> {
        let mut own = Vec::with_capacity(feedback.len());
        let mut rewards = Vec::with_capacity(feedback.len());
        for Feedback { ticket, outcome } in feedback {
            let place = self.place(*ticket)?;
            outcome.check(*ticket)?;
            let reward = (self.reward)(outcome);
            rewards.push((place, reward.map(|it| finite("reward", ticket.0, it)).transpose()?));
            own.push(Feedback::new(self.own(place), *outcome));
        }
        let shift = self.shift.unwrap_or(0);
        self.target.observe(&own).map_err(|error| as_logged(error, shift))?;
        for (place, reward) in rewards {
            let Some(row) = self.picks.get_mut(place) else { continue };
            row.state = State::Silent;
            if let Some(reward) = reward {
                row.state = State::Rewarded;
                row.logged.reward = reward;
                self.model.change(row.arm, reward, true);
            }
        }
        Ok(())
    }

    /// Gives logged tickets up; one whose outcome came before loses it.
    ///
    /// # Errors
    /// As [`Curriculum::lose`], naming the logged tickets. Tickets that were banked when they were given up have taught
    /// already, and are none of the target's any more: leave them out.
    pub fn lose(&mut self, tickets: &[Ticket]) -> Result<()> {
        let mut places = Vec::with_capacity(tickets.len());
        for &ticket in tickets {
            places.push(self.place(ticket)?);
        }
        let own: Vec<Ticket> = places.iter().map(|&place| self.own(place)).collect();
        let shift = self.shift.unwrap_or(0);
        self.target.lose(&own).map_err(|error| as_logged(error, shift))?;
        for place in places {
            let Some(row) = self.picks.get_mut(place) else { continue };
            if row.state == State::Rewarded {
                self.model.change(row.arm, row.logged.reward, false);
            }
            row.state = State::Lost;
        }
        Ok(())
    }

    /// As [`Curriculum::fold`].
    ///
    /// # Errors
    /// As `Curriculum::fold`.
    pub fn fold(&mut self) -> Result<u64> {
        let shift = self.shift.unwrap_or(0);
        self.target.fold().map_err(|error| as_logged(error, shift))
    }

    /// As [`Curriculum::set_version`]: for gates and paces of the target that look at versions.
    ///
    /// # Errors
    /// As `Curriculum::set_version`.
    pub fn set_version(&mut self, version: u64) -> Result<()> {
        self.target.set_version(version)
    }

    /// As [`Curriculum::insert`]; the arm is one of the target.
    ///
    /// # Errors
    /// As `Curriculum::insert`.
    pub fn insert(&mut self, arm: ArmId, weight: f64) -> Result<SampleId> {
        self.target.insert(arm, weight)
    }

    /// As [`Curriculum::remove`].
    ///
    /// # Errors
    /// As `Curriculum::remove`.
    pub fn remove(&mut self, sample: SampleId) -> Result<()> {
        self.target.remove(sample)
    }

    /// As [`Curriculum::retag`]; the arm is one of the target.
    ///
    /// # Errors
    /// As `Curriculum::retag`.
    pub fn retag(&mut self, sample: SampleId, arm: ArmId) -> Result<()> {
        self.target.retag(sample, arm)
    }

    /// As [`Curriculum::set_weight`].
    ///
    /// # Errors
    /// As `Curriculum::set_weight`.
    pub fn set_weight(&mut self, sample: SampleId, weight: f64) -> Result<()> {
        self.target.set_weight(sample, weight)
    }

    /// As [`Curriculum::set_weights`].
    ///
    /// # Errors
    /// As `Curriculum::set_weights`.
    pub fn set_weights(&mut self, weights: &[(SampleId, f64)]) -> Result<()> {
        self.target.set_weights(weights)
    }

    /// The target, as far as the log has gone.
    pub fn target(&self) -> &Curriculum<P, S, D> {
        &self.target
    }

    /// The picks whose reward is known, in ticket order, for estimators of one's own.
    pub fn rows(&self) -> Vec<Logged> {
        let known = self.picks.iter().filter(|row| row.state == State::Rewarded);
        known.map(|row| row.logged).collect()
    }

    /// How many picks are left out of [`rows`](Self::rows): still open, given up, or with an outcome that does not tell
    /// the reward. If they are many, and not those of any arm alike, the estimates are of the others only.
    pub fn left_out(&self) -> usize {
        self.picks.iter().filter(|row| row.state != State::Rewarded).count()
    }

    /// The part of the target's probability, over all batches, that went to arms which the log has not drawn from
    /// once: of them it cannot say anything. None before the first batch, and over ranks.
    pub fn unseen(&self) -> Option<f64> {
        let all: f64 = self.asked.iter().sum();
        let arms = self.asked.iter().zip(&self.drawn);
        let unseen: f64 = arms.filter(|(_, drawn)| !**drawn).map(|(asked, _)| asked).sum();
        // An empty sum is -0.
        (all > 0.0).then(|| unseen.abs() / all)
    }

    /// What the target would have earned for a pick.
    ///
    /// # Errors
    /// As [`Estimator::estimate`]; [`Error::Empty`] as long as no reward is known.
    pub fn estimate(&self, estimator: &Estimator) -> Result<Estimates> {
        estimator.estimate(&self.rows())
    }

    /// Which of the picks has a logged ticket.
    fn place(&self, ticket: Ticket) -> Result<usize> {
        let own = ticket.0.wrapping_sub(self.shift.unwrap_or(0)).wrapping_sub(self.first);
        if self.shift.is_some() && own < self.picks.len() as u64 {
            Ok(own as usize)
        } else {
            Err(Error::UnknownTicket(ticket))
        }
    }

    /// The ticket that the target has given to a pick.
    fn own(&self, place: usize) -> Ticket {
        Ticket(self.first + place as u64)
    }
}

/// An error of the target, with the tickets of the log.
fn as_logged(error: Error, shift: u64) -> Error {
    let logged = |ticket: Ticket| Ticket(ticket.0.wrapping_add(shift));
    match error {
        Error::UnknownTicket(ticket) => Error::UnknownTicket(logged(ticket)),
        Error::RepeatedTicket(ticket) => Error::RepeatedTicket(logged(ticket)),
        Error::LateTicket(ticket) => Error::LateTicket(logged(ticket)),
        Error::MissingOutcome { ticket, field } => {
            Error::MissingOutcome { ticket: logged(ticket), field }
        }
        Error::Awaiting { round, missing, first } => {
            Error::Awaiting { round, missing, first: logged(first) }
        }
        Error::NonFinite { what: "score", index, value } => {
            Error::NonFinite { what: "score", index: index.wrapping_add(shift), value }
        }
        error => error,
    }
}
