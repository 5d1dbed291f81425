//! Why a sample is drawn, or is not, and what is known of it.

use std::fmt;

use serde::Serialize;

use super::decision::Decision;
use super::rest::lacking;
use super::{Curriculum, Memory};
use crate::base::error::{Error, Result};
use crate::base::id::{ArmId, Round, SampleId, Ticket};
use crate::base::rng::{Purpose, Rng};
use crate::event::age::Age;
use crate::ledger::Pending;
use crate::ledger::progress::Progress;
use crate::policy::{Allotment, ChangedArms, MANY, Policy, Turn};
use crate::sampler::odds::{Picked, Values, odds};
use crate::sampler::{Kind, Sampler, Scratch};
use crate::signal::Signal;

/// Why a sample is drawn, or is not, and what is known of it; made by [`Curriculum::explain`]. It reads as plain
/// sentences, and serialises.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The sample.
    pub sample: SampleId,
    /// The round of the draw that this is about: the next.
    pub round: Round,
    /// How many samples that draw has.
    pub batch: usize,
    /// The arm of the sample; of one that was removed, the last.
    pub arm: ArmId,
    /// The [name](crate::Builder::arm_names) of the arm, or its number.
    pub arm_name: String,
    /// Whether it is in the curriculum; if not, it has been removed.
    pub is_alive: bool,
    /// Its weight.
    pub weight: f64,
    /// Its part of the sum of the weights of its arm; 0 if that is 0.
    pub share_of_arm: f64,
    /// Its permanent place in the order, if the policy decides over ranks.
    pub rank: Option<usize>,
    /// The probability of its arm in the last draw; none before the first, and over ranks.
    pub last_share: Option<f64>,
    /// The probability of its arm in the next draw, as the policy would decide it now; none over ranks, and if it
    /// cannot decide.
    pub next_share: Option<f64>,
    /// False while the policy [waits](Policy::is_adapted), and decides as at the start whatever has come back.
    pub is_adapted: bool,
    /// Whether there is feedback that the next draw learns from before it decides, so that it may decide otherwise.
    pub is_feedback_due: bool,
    /// Whether [retired](crate::route::Treatment::Retire) samples come back before the next draw decides, since their
    /// test is due or there are too few others, so that it may decide otherwise.
    pub is_retest_due: bool,
    /// The probability that the first slot of the next batch gets it: the propensity that it would then be drawn
    /// with. For [`Systematic`](crate::sampler::Systematic) the slot is the first that the arm is given. None for a
    /// sampler of one's own, and if nothing can be drawn.
    pub first_slot: Option<f64>,
    /// How many times the next batch is expected to have it, where that has a closed form:
    /// [`Replace`](crate::sampler::Replace) n times `first_slot`, [`Top`](crate::sampler::Top) 1 or 0.
    pub expected: Option<f64>,
    /// Why it cannot be drawn, if it cannot.
    pub obstacle: Option<Obstacle>,
    /// What is known of it.
    pub known: KnownSample,
    /// What is believed of it, where weights come from [beliefs](crate::Belief) and it is there.
    pub belief: Option<KnownBelief>,
    /// Its tickets of which nothing has been heard, oldest first.
    pub open: Vec<OpenTicket>,
    /// How fast the success of its arm moves.
    pub progress: Progress,
}

/// Why a sample cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Obstacle {
    /// It has been removed.
    Removed,
    /// Its weight is 0.
    NoWeight,
    /// The policy gives its arm no probability.
    ArmWithoutProbability,
    /// Its rank is so far from the mean of the policy that nothing of the Gaussian is left there.
    TooFar,
    /// The sampler takes the best, and there are enough that come before it.
    Outranked,
    /// It is [in flight](crate::Builder::exclude_in_flight).
    InFlight,
    /// It is [retired](crate::route::Treatment::Retire).
    Retired,
    /// It has been drawn in the present [pass](crate::sampler::Passes) of its arm, which the batch does not end.
    DrawnInPass,
    /// Nothing can be drawn: no sample of positive weight in an arm of positive probability.
    NothingToDraw,
    /// No such batch can be drawn, for the reason that stands here.
    Refused(String),
}

/// What is known of a sample: its [`Record`](crate::Record), as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KnownSample {
    /// How often it was drawn.
    pub draws: u32,
    /// How many of its tickets came back and were folded in.
    pub settled: u32,
    /// Moving average of its success; 0 before the first.
    pub success: f32,
    /// Its last score; 0 before the first.
    pub score: f32,
    /// The last round that drew it.
    pub last: Option<Round>,
}

/// What is believed of a sample; see [`Belief`](crate::Belief).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KnownBelief {
    /// The weight that the user gave it.
    pub given: f64,
    /// How many reports there were, at most 255.
    pub reports: u32,
    /// Its mean success, the last reports first; 0 before the first.
    pub success: f64,
    /// How many rollouts stand behind it now.
    pub rollouts: f64,
    /// The round that folded the last report in.
    pub last: Option<Round>,
    /// The chance that its next group is useful.
    pub useful: f64,
    /// The same of an unseen sample of its arm.
    pub useful_unseen: f64,
    /// The prior of its arm, as the shapes of a beta distribution.
    pub prior: (f64, f64),
    /// Whether it counts as a coin toss, many reports and no move, and weighs less for it.
    pub is_stuck: bool,
}

/// A ticket of which nothing has been heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OpenTicket {
    /// The ticket.
    pub ticket: Ticket,
    /// The round that drew it.
    pub round: Round,
    /// How many rounds have been drawn since.
    pub age_rounds: u64,
    /// By how much the version of the model has grown since.
    pub age_versions: u64,
}

impl<P: Policy, S: Signal, D: Sampler> Curriculum<P, S, D> {
    /// Says why a sample is drawn, or is not, and with what probability, in a next batch as great as the last (of 1
    /// before the first), and what is known of it. Nothing of the state changes.
    ///
    /// The policy decides as [`draw`](Self::draw) would, also with the same random numbers, so that these are exactly
    /// the probabilities of the next draw: unless feedback [is due](Explanation::is_feedback_due), from which a draw
    /// learns first, or a [re-test](Explanation::is_retest_due), or something else happens before it.
    /// [`fold`](Self::fold) first, to be exact. Whether feedback is missing, or too much is in flight for another draw, is
    /// not looked at.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// use curricle::{Curriculum, Obstacle, SampleId};
    ///
    /// let builder = Curriculum::builder(10).arms(2, |sample| (sample.0 / 5) as u32);
    /// let mut curriculum = builder.arm_names(["easy", "hard"]).build()?;
    /// let explanation = curriculum.explain(SampleId(7))?;
    /// assert_eq!((explanation.next_share, explanation.first_slot), (Some(0.5), Some(0.1)));
    /// println!("{explanation}");
    ///
    /// curriculum.set_weight(SampleId(7), 0.0)?;
    /// assert_eq!(curriculum.explain(SampleId(7))?.obstacle, Some(Obstacle::NoWeight));
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: that of a decision, O(K) or more, and O(m) for m tickets that have not been folded in; O(n + N) where
    /// ranks are looked for, or with `Top`.
    ///
    /// # Errors
    /// [`Error::UnknownSample`] if it was never inserted.
    pub fn explain(&self, sample: SampleId) -> Result<Explanation> {
        self.explain_in(sample, self.memory.batch.max(1))
    }

    /// As [`explain`](Self::explain), for a next batch of `n` samples.
    ///
    /// # Errors
    /// As [`explain`](Self::explain).
    pub fn explain_in(&self, sample: SampleId, n: usize) -> Result<Explanation> {
        let (memory, ledger) = (&self.memory, &self.memory.ledger);
        let (population, arms) = (&memory.population, memory.population.arms());
        if sample.index() >= arms.samples() {
            return Err(Error::UnknownSample(sample));
        }
        let record = ledger.record(sample)?;
        let arm = arms.label(sample);
        let is_alive = arms.slot_of(sample).is_ok();
        let weight = population.weight(sample).unwrap_or(0.0);
        let share_of_arm = match (arms.slot_of(sample), population.arm_weight(arm)) {
            (Err(_), _) | (_, 0) => 0.0,
            (Ok(slot), whole) => population.tree().get(slot) as f64 / whole as f64,
        };
        let last_share = match &memory.allotment {
            Allotment::Ranks { .. } => None,
            Allotment::Arms(p) if p.is_empty() => None,
            allotment => Some(allotment.share(arm)),
        };
        let mut explanation = Explanation {
            sample,
            round: memory.round,
            batch: n,
            arm,
            arm_name: self.arm_name(arm),
            is_alive,
            weight,
            share_of_arm,
            rank: None,
            last_share,
            next_share: None,
            is_adapted: memory.policy.is_adapted(&Turn::new(memory.round, n.max(1), population)),
            is_feedback_due: self.is_feedback_due(),
            is_retest_due: population.next_retest().is_some_and(|due| due <= memory.round),
            first_slot: None,
            expected: None,
            obstacle: None,
            known: KnownSample {
                draws: record.draws(),
                settled: record.settled(),
                success: record.success(),
                score: record.score(),
                last: record.last(),
            },
            belief: self.believed(sample).filter(|_| is_alive),
            open: self.open_tickets(sample),
            progress: self.memory.ledger.progress.get(arm.index()).copied().unwrap_or_default(),
        };
        let decided = self.explain_draw(&mut explanation);
        let lacking = decided.as_ref().err().and_then(lacking);
        explanation.is_retest_due |= lacking.is_some_and(|lacking| lacking <= population.retired());
        explanation.obstacle = match decided {
            _ if !is_alive => Some(Obstacle::Removed),
            _ if weight == 0.0 => Some(Obstacle::NoWeight),
            _ if self.carried().is_some_and(|pick| pick.sample == sample) => {
                // It has been drawn already, and begins the next batch.
                explanation.first_slot = Some(1.0);
                None
            }
            _ if population.holds(sample) => Some(Obstacle::InFlight),
            _ if population.is_retired(sample) => Some(Obstacle::Retired),
            _ if population.is_drawn(sample) && !population.can_end_pass(arm, n) => {
                Some(Obstacle::DrawnInPass)
            }
            Err(Error::NothingToDraw) => Some(Obstacle::NothingToDraw),
            Err(error) => Some(Obstacle::Refused(error.to_string())),
            Ok(obstacle) => obstacle,
        };
        Ok(explanation)
    }

    /// What the next draw makes of a sample; gives what stands against it, if it is there and has a weight.
    fn explain_draw(&self, explanation: &mut Explanation) -> Result<Option<Obstacle>> {
        let Explanation { sample, batch: n, arm, is_alive, .. } = *explanation;
        let Self { memory, options, sampler, .. } = self;
        let population = &memory.population;
        let at = self.at(memory.bank.step.map_or(0, |step| step.draws));
        explanation.round = at.round;
        let brought = self.tree_up_to_date();
        let standing = brought.as_ref().unwrap_or(&memory.allotment);
        let mut decision = Decision::default();
        decision.allot(memory, standing, options, sampler, at, (n, n), brought.is_some())?;
        let allotment = decision.allotment(standing);
        match allotment {
            Allotment::Ranks { .. } => explanation.rank = population.arms().rank_of(sample).ok(),
            allotment => explanation.next_share = Some(allotment.share(arm)),
        }
        if sampler.kind() == Some(Kind::Top) {
            let mut picks = Vec::new();
            let mut random = Rng::at_draw(options.seed, at.round, Purpose::Sampler, at.draw);
            let scratch = &mut Scratch::default();
            sampler.draw(population, allotment, n, &mut random, scratch, &mut picks)?;
            let is_in = picks.iter().any(|pick| pick.sample == sample);
            let is_first = picks.first().is_some_and(|pick| pick.sample == sample);
            explanation.first_slot = Some(f64::from(u8::from(is_first)));
            explanation.expected = Some(f64::from(u8::from(is_in)));
            return Ok((!is_in).then_some(Obstacle::Outranked));
        }
        if sampler.kind() == Some(Kind::Sequential) {
            let share = explanation.next_share.unwrap_or(0.0);
            let is_next = population.next_in_order(arm) == Some(sample);
            explanation.first_slot = Some(if is_next { share } else { 0.0 });
            return Ok((share <= 0.0).then_some(Obstacle::ArmWithoutProbability));
        }
        let without = explanation.next_share.filter(|share| *share <= 0.0);
        let without = without.map(|_| Obstacle::ArmWithoutProbability);
        let mut first_slot = 0.0;
        if is_alive {
            let mut found = Vec::new();
            let picked = [Picked { sample, propensity: 1.0 }];
            match odds(sampler.kind(), population, allotment, &picked, n, Values::default(), &mut found)
            {
                // Such a sampler is not known in closed form.
                Err(Error::Unsupported { .. }) if sampler.kind().is_none() => return Ok(without),
                answer => answer?,
            }
            first_slot = found.first().map_or(0.0, |odds| odds.pick.propensity);
        }
        explanation.first_slot = Some(first_slot);
        if sampler.kind() == Some(Kind::Replace) {
            explanation.expected = Some(n as f64 * first_slot);
        }
        let is_too_far = explanation.rank.is_some() && first_slot <= 0.0;
        Ok(without.or(is_too_far.then_some(Obstacle::TooFar)))
    }

    /// The tree of very many arms as the next draw brings it up to date; none where there is none to go on from.
    fn tree_up_to_date(&self) -> Option<Allotment> {
        let memory = &self.memory;
        let population = &memory.population;
        let Allotment::Tree(tree) = &memory.allotment else { return None };
        let turn = Turn::new(memory.round, memory.batch, population);
        let logits = memory.policy.logits(&turn).filter(|_| population.arms().count() >= MANY)?;
        let mut tree = tree.clone();
        self.stale.update(&mut tree, &logits, population, &mut ChangedArms::default()).ok()?;
        Some(Allotment::Tree(tree))
    }

    /// Whether a draw learns something before it decides.
    fn is_feedback_due(&self) -> bool {
        let memory = &self.memory;
        // A further draw of its round learns nothing before it.
        let is_first = memory.bank.step.is_none_or(|step| step.draws == 0);
        let Some(oldest) = memory.ledger.pending.front().filter(|_| is_first) else { return false };
        match self.options.pace.arrival() {
            Some(arrival) => arrival.limit().is_some_and(|limit| limit.is_exceeded(memory.age(oldest))),
            None => oldest.round.0.saturating_add(1).saturating_add(self.options.lag) <= memory.round.0,
        }
    }

    fn believed(&self, sample: SampleId) -> Option<KnownBelief> {
        let Memory { population, round: now, .. } = &self.memory;
        let (belief, beliefs) = (self.options.weighting.belief()?, population.beliefs()?);
        let believed = beliefs.get(sample);
        let shape = beliefs.prior(population.arms().label(sample)).shape(belief);
        let useful = believed.useful(&shape, belief, *now);
        let is_less = believed.factor(&shape, belief, *now) * shape.useful < useful;
        Some(KnownBelief {
            given: believed.given.into(),
            reports: believed.reports(),
            success: believed.success(),
            rollouts: believed.evidence(&shape, belief, *now),
            last: believed.last(),
            useful,
            useful_unseen: shape.useful,
            prior: (shape.a, shape.b),
            is_stuck: is_less && believed.is_stuck(&shape, belief),
        })
    }

    fn open_tickets(&self, sample: SampleId) -> Vec<OpenTicket> {
        let memory = &self.memory;
        let of = |pending: &Pending| {
            let Age { rounds, versions } = memory.age(pending);
            let round = pending.round;
            let open = pending.open_draws().filter(|draw| draw.sample == sample);
            let ticket =
                |ticket| OpenTicket { ticket, round, age_rounds: rounds, age_versions: versions };
            open.map(|draw| ticket(draw.ticket)).collect::<Vec<_>>()
        };
        memory.ledger.pending.iter().flat_map(of).collect()
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed => f.write_str("it has been removed"),
            Self::NoWeight => f.write_str("its weight is 0"),
            Self::ArmWithoutProbability => f.write_str("the policy gives its arm no probability"),
            Self::TooFar => f.write_str("its rank is too far from the mean of the policy"),
            Self::InFlight => f.write_str("it is in flight"),
            Self::Retired => f.write_str("it is retired"),
            Self::DrawnInPass => f.write_str("it has been drawn in this pass of its arm"),
            Self::Outranked => f.write_str("the sampler takes the best, and enough come before it"),
            Self::NothingToDraw => f.write_str("nothing can be drawn at all"),
            Self::Refused(reason) => write!(f, "no such batch can be drawn: {reason}"),
        }
    }
}

/// Plain sentences, a line for each thing.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arm, arm_name, .. } = self;
        let name =
            if *arm_name == arm.0.to_string() { String::new() } else { format!(" ({arm_name})") };
        let is_in = if self.is_alive { "is in" } else { "was last in" };
        write!(f, "{} {is_in} {arm}{name}, with weight {}", self.sample, Digits(self.weight))?;
        writeln!(f, ", {} of the weight of its arm.", Digits(self.share_of_arm))?;
        if let Some(rank) = self.rank {
            writeln!(f, "Its rank is {rank}.")?;
        }
        if let Some(share) = self.last_share {
            writeln!(f, "In the last draw the arm had probability {}.", Digits(share))?;
        }
        if let Some(share) = self.next_share {
            writeln!(f, "For {} the policy would give it {}.", self.round, Digits(share))?;
        }
        match (&self.obstacle, self.first_slot) {
            (Some(obstacle), _) => writeln!(f, "It cannot be drawn: {obstacle}.")?,
            (None, None) => writeln!(f, "The probabilities of its sampler are not known.")?,
            (None, Some(first)) => {
                write!(
                    f,
                    "It is the first of a batch of {} with probability {}",
                    self.batch,
                    Digits(first)
                )?;
                match self.expected {
                    Some(times) => writeln!(f, ", and is expected in it {}.", Times(times))?,
                    None => writeln!(f, ".")?,
                }
            }
        }
        if !self.is_adapted {
            writeln!(
                f,
                "The policy has not adapted yet: it decides as at the start, whatever has come back."
            )?;
        }
        if self.is_feedback_due {
            writeln!(
                f,
                "Feedback is due that the next draw learns from first: it may decide otherwise."
            )?;
        }
        if self.is_retest_due {
            writeln!(f, "Retired samples come back before the next draw: it may decide otherwise.")?;
        }
        let KnownSample { draws, settled, success, score, last } = self.known;
        match last {
            None => writeln!(f, "It has never been drawn.")?,
            Some(last) => {
                let times = Times(draws.into());
                write!(f, "It was drawn {times}, the last time in {last}; {settled} came back")?;
                match settled {
                    0 => writeln!(f, ".")?,
                    _ => {
                        let (success, score) = (Digits(success.into()), Digits(score.into()));
                        writeln!(f, ", success {success}, last score {score}.")?;
                    }
                }
            }
        }
        if let Some(belief) = &self.belief {
            let KnownBelief { reports, success, rollouts, useful, useful_unseen, .. } = *belief;
            if belief.given > 0.0 {
                let (given, times) = (Digits(belief.given), Digits(self.weight / belief.given));
                writeln!(
                    f,
                    "Its weight is the given {given}, times {times} by belief and what was lost."
                )?;
            }
            let chance = Digits(useful);
            write!(f, "The chance that its next group is useful is {chance}")?;
            match belief.last {
                None => writeln!(f, ", that of an unseen sample of its arm.")?,
                Some(last) => {
                    let (unseen, success) = (Digits(useful_unseen), Digits(success));
                    write!(
                        f,
                        ", that of an unseen sample of its arm {unseen}: success {success} over "
                    )?;
                    writeln!(
                        f,
                        "{} rollouts, {reports} reports, the last in {last}.",
                        Digits(rollouts)
                    )?;
                }
            }
            if belief.is_stuck {
                writeln!(f, "It counts as a coin toss: its success has not moved in many reports.")?;
            }
        }
        for OpenTicket { ticket, round, age_rounds, age_versions } in &self.open {
            write!(f, "Its {ticket} of {round} is open, ")?;
            writeln!(f, "{age_rounds} rounds and {age_versions} versions old.")?;
        }
        let progress = &self.progress;
        if progress.visits() > 0 {
            let (fast, slow) = (Digits(progress.fast()), Digits(progress.slow()));
            write!(f, "The success of its arm is {fast}, averaged slowly {slow}, ")?;
            let evidence = Digits(progress.evidence());
            writeln!(f, "with evidence {evidence} of a rise over {} visits.", progress.visits())?;
        }
        Ok(())
    }
}

/// A number in few digits.
struct Digits(f64);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            value if value.fract() == 0.0 && value.abs() < 1e15 => write!(f, "{value}"),
            value if (1e-3..1e6).contains(&value.abs()) => write!(f, "{value:.4}"),
            value => write!(f, "{value:.3e}"),
        }
    }
}

/// How often.
struct Times(f64);

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 1.0 { f.write_str("once") } else { write!(f, "{} times", Digits(self.0)) }
    }
}
