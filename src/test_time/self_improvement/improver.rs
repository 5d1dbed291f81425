//! The loop: score, gate, synthesise, filter, adapt, check, answer, restore.

use serde::{Deserialize, Serialize};

use super::attempt::{Attempt, Chance, Stop};
use super::clusters::Clusters;
use super::filter::Filter;
use super::journal::{Action, Entry, Journal, Stage, Verified, Why};
use super::options::{Options, RankedBy, Variant};
use super::outcome::{Failure, Outcome, guarded, offered, refused};
use super::{GainGate, Model, NearDuplicates, Switch};
use crate::base::error::{Error, Result, finite, within};
use crate::base::id::Ticket;
use crate::base::metrics::Metrics;
use crate::signal::uncertainty::{Candidate, Relative, Score};
use crate::test_time::budget::Budget;

/// Improves a model on the inputs that it is uncertain of, one input at a time, and undoes it after
/// each.
///
/// ```text
/// score       u = 1 - (p_1 - p_2) of the candidates' relative probabilities, or what there is to learn
/// budget      score -> wanted?                      no: answer as it is
/// switch      has adapting been shown to harm?      yes: answer as it is
/// gate        expected gain > cost, or explore      neither: answer as it is
/// cluster     learned for a like input before?      yes: load, answer, restore
/// synthesise  K pairs; drop duplicates, what the verifier, own answers or the loss speak against
/// adapt       on all but the held-out pairs
/// check       loss of the held-out pairs falls, drift is small    no: restore, answer as it is
/// answer, restore
/// ```
///
/// It is one serialisable value without clock or generator: what it decides is a function of the seed,
/// the options, and what the model says, in order. The [`Journal`] of two runs over the same inputs is
/// equal byte for byte. Whatever the model does (an error, a panic, NaN) stays with the input it
/// happened at: the model is restored, the input is answered by the model as it is, the failure is
/// reported.
///
/// Cost beside the model's: O(K^2) comparisons of texts; O(clusters d) with clusters.
///
/// Paper: Acikgoz et al., *Self-Improving LLM Agents at Test-Time*, arXiv 2510.07841. The paper has
/// score, a fixed threshold, synthesise, adapt, answer, restore; the rest is this crate's.
///
/// ```
/// # use curricle::signal::uncertainty::Candidate;
/// # use curricle::test_time::self_improvement::Model;
/// # struct Biased(f64);
/// # impl Model for Biased {
/// #     type Input = f64;
/// #     type Sample = f64;
/// #     type Answer = f64;
/// #     type Error = std::convert::Infallible;
/// #     fn candidates(&mut self, _: &f64) -> Result<Vec<Candidate<String>>, Self::Error> {
/// #         Ok(vec![Candidate::new("up", 0.6), Candidate::new("down", 0.8)])
/// #     }
/// #     fn synthesise(&mut self, input: &f64, n: usize, _: u64) -> Result<Vec<f64>, Self::Error> {
/// #         Ok(vec![*input; n])
/// #     }
/// #     fn adapt(&mut self, samples: &[f64]) -> Result<(), Self::Error> {
/// #         self.0 = samples.iter().sum::<f64>() / samples.len() as f64;
/// #         Ok(())
/// #     }
/// #     fn restore(&mut self) -> Result<(), Self::Error> {
/// #         self.0 = 0.0;
/// #         Ok(())
/// #     }
/// #     fn answer(&mut self, input: &f64, _: &[f64]) -> Result<f64, Self::Error> {
/// #         Ok(input + self.0)
/// #     }
/// # }
/// use curricle::test_time::budget::Fixed;
/// use curricle::test_time::self_improvement::{Action, Improver, Options};
///
/// // `Biased` is the model in the example of `Model`.
/// let mut model = Biased(0.0);
/// let mut improver = Improver::new(Options::paper(), Fixed::margin(0.95)?)?;
/// let outcome = improver.answer(&mut model, &3.0)?;
/// assert_eq!((outcome.action, outcome.answer), (Action::Adapted, Ok(6.0)));
/// assert_eq!(model.0, 0.0);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Improver<B> {
    options: Options,
    budget: B,
    gate: Option<GainGate>,
    switch: Option<Switch>,
    seen: Option<NearDuplicates>,
    clusters: Option<Clusters>,
    journal: Journal,
    unrestored: Option<Ticket>,
}

type Source<'a, M> = dyn FnMut(
        &mut M,
        &<M as Model>::Input,
        usize,
        u64,
    ) -> Result<Vec<<M as Model>::Sample>, <M as Model>::Error>
    + 'a;

impl<B: Budget> Improver<B> {
    /// A loop with these settings.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] or [`Error::NonFinite`] naming the setting.
    pub fn new(options: Options, budget: B) -> Result<Self> {
        options.check()?;
        let clusters =
            options.clusters.map(|(cosine, most)| Clusters::new(cosine, most)).transpose()?;
        Ok(Self {
            gate: options.gate.clone(),
            switch: options.switch.clone(),
            seen: options.seen.clone(),
            clusters,
            options,
            budget,
            journal: Journal::default(),
            unrestored: None,
        })
    }

    /// Answers an input, improving the model for it if that seems worth it.
    ///
    /// # Errors
    /// [`Error::Unsupported`] in [`Variant::Distillation`], which needs
    /// [`answer_taught`](Self::answer_taught); [`Error::Unrestored`] after a failure of
    /// [`Model::restore`]. Nothing has then been done. What fails in the model is in the [`Outcome`].
    pub fn answer<M: Model>(
        &mut self,
        model: &mut M,
        input: &M::Input,
    ) -> Result<Outcome<M::Answer, M::Error>> {
        if self.options.variant == Variant::Distillation {
            return Err(Error::Unsupported { part: "Improver::answer", request: "a teacher" });
        }
        self.step(model, input, &mut |model, input, count, seed| model.synthesise(input, count, seed))
    }

    /// Answers an input as [`answer`](Self::answer) does, but `teacher` makes up the pairs:
    /// it is called as [`Model::synthesise`] would be.
    ///
    /// # Errors
    /// [`Error::Unsupported`] in another variant than [`Variant::Distillation`], and
    /// [`Error::Unrestored`].
    pub fn answer_taught<M: Model>(
        &mut self,
        model: &mut M,
        mut teacher: impl FnMut(&M::Input, usize, u64) -> Result<Vec<M::Sample>, M::Error>,
        input: &M::Input,
    ) -> Result<Outcome<M::Answer, M::Error>> {
        if self.options.variant != Variant::Distillation {
            return Err(Error::Unsupported {
                part: "Improver::answer_taught",
                request: "self-synthesis",
            });
        }
        self.step(model, input, &mut |_, input, count, seed| teacher(input, count, seed))
    }

    /// Takes in whether the answers to an input were right: gate and switch learn from it. `given` is
    /// the answer of the [`Outcome`], `base` that of the model as it is.
    ///
    /// # Errors
    /// [`Error::UnknownTicket`] if the journal does not have it, [`Error::RepeatedTicket`],
    /// [`Error::OutOfRange`] if the two differ though the answer was the base's.
    pub fn verify(&mut self, ticket: Ticket, verified: Verified) -> Result<()> {
        let entry = self.journal.entry(ticket)?;
        if entry.verified.is_some() {
            return Err(Error::RepeatedTicket(ticket));
        }
        let gain = f64::from(u8::from(verified.given)) - f64::from(u8::from(verified.base));
        let improved = entry.is_improved();
        if !improved {
            within("gain over itself", gain, 0.0, 0.0)?;
        }
        entry.verified = Some(verified);
        if let (Some(gate), Some(standing)) = (&mut self.gate, entry.standing) {
            gate.learn(standing, verified.base, improved.then_some(verified.given));
        }
        if let (Some(switch), true) = (&mut self.switch, improved) {
            switch.observe(gain);
        }
        Ok(())
    }

    /// Every decision so far.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Takes the journal away, so that it does not grow without end. What is not verified yet can then
    /// no longer be.
    pub fn take_journal(&mut self) -> Journal {
        self.journal.take()
    }

    /// The budget.
    pub fn budget(&self) -> &B {
        &self.budget
    }

    /// The state of the loop as names and numbers, to be logged: what the journal adds up to since it was last
    /// [taken](Self::take_journal), `self_improvement/{inputs,wanted,spent,improved,failed,verified,fixed,harmed}`,
    /// and the metrics of the budget.
    pub fn metrics(&self) -> Metrics {
        let mut metrics = self.journal.summary().metrics();
        metrics.extend(self.budget.metrics());
        metrics
    }

    /// The gate, with what it has learned.
    pub fn gate(&self) -> Option<&GainGate> {
        self.gate.as_ref()
    }

    /// The switch, with what it has seen.
    pub fn switch(&self) -> Option<&Switch> {
        self.switch.as_ref()
    }

    /// Turns adapting on again, with a switch that has seen nothing.
    pub fn switch_on(&mut self) {
        self.switch = self.options.switch.clone();
    }

    /// Says that the model is as it should be again, after an [`Error::Unrestored`].
    pub fn restored(&mut self) {
        self.unrestored = None;
    }

    fn step<M: Model>(
        &mut self,
        model: &mut M,
        input: &M::Input,
        source: &mut Source<'_, M>,
    ) -> Result<Outcome<M::Answer, M::Error>> {
        if let Some(ticket) = self.unrestored {
            return Err(Error::Unrestored(ticket));
        }
        let ticket = self.journal.next();
        let mut attempt = Attempt { entry: Entry::new(ticket), base: None, touched: false };
        let tried = self.improve(model, input, source, &mut attempt);
        let Attempt { mut entry, mut base, mut touched } = attempt;
        let (mut improved, mut failure) = (None, None);
        match tried {
            Ok((action, answer)) => {
                entry.action = action;
                improved = Some(answer);
            }
            Err(Stop::Decided(why)) => entry.action = Action::Base(why),
            Err(Stop::Failed(failed)) => {
                entry.action = Action::Base(Why::Failed(failed.stage));
                failure = Some(failed);
                touched = true;
            }
        }
        let mut broken = None;
        if touched {
            broken = guarded(Stage::Restore, || model.restore()).err();
        }
        let answer = match (improved, base.take()) {
            (Some(answer), own) => {
                base = own;
                Ok(answer)
            }
            // The model's own answer was given before anything was touched.
            (None, Some(own)) => Ok(own),
            (None, None) => match broken.take() {
                Some(broken) => {
                    self.unrestored = Some(ticket);
                    Err(broken)
                }
                None => {
                    let own = guarded(Stage::Answer, || model.answer(input, &[]));
                    if own.is_err() {
                        broken = guarded(Stage::Restore, || model.restore()).err();
                    }
                    own
                }
            },
        };
        if broken.is_some() {
            self.unrestored = Some(ticket);
        }
        let failure = failure.or(broken);
        let failed = failure.as_ref().or(answer.as_ref().err());
        entry.failed = failed.map(|failure| failure.stage);
        let action = entry.action;
        self.journal.push(entry);
        Ok(Outcome { ticket, action, answer, base, failure })
    }

    fn improve<M: Model>(
        &mut self,
        model: &mut M,
        input: &M::Input,
        source: &mut Source<'_, M>,
        attempt: &mut Attempt<M::Answer>,
    ) -> Result<(Action, M::Answer), Stop<M::Error>> {
        let chance = Chance::of(self.options.seed, attempt.entry.ticket);
        let candidates = guarded(Stage::Candidates, || model.candidates(input))?;
        let uncertainty = self.uncertainty(&candidates).map_err(refused(Stage::Candidates))?;
        attempt.entry.uncertainty = Some(uncertainty);
        let mut made = None;
        let score = match self.options.ranked_by {
            RankedBy::Uncertainty => uncertainty,
            RankedBy::Lesson => {
                let pairs = self.synthesise(model, input, source, (&chance, &mut attempt.entry))?;
                let lesson = lesson(model, input, &pairs)?;
                attempt.entry.lesson = Some(lesson);
                made = Some(pairs);
                lesson
            }
        };
        self.decide(score, &chance, &mut attempt.entry)
            .map_err(refused(Stage::Budget))?
            .map_or(Ok(()), |why| Err(Stop::Decided(why)))?;

        let trains = self.options.variant != Variant::InContext;
        let embedding = match &mut self.clusters {
            Some(clusters) if trains => {
                let embedding = guarded(Stage::Embedding, || model.embedding(input))?;
                let embedding = offered(Stage::Embedding, "embedding", embedding)?;
                let cluster = clusters.find(&embedding).map_err(refused(Stage::Embedding))?;
                Some((embedding, cluster))
            }
            _ => None,
        };
        if let Some((_, Some(cluster))) = embedding {
            self.ask_base(model, input, attempt)?;
            attempt.touched = true;
            if guarded(Stage::Load, || model.load(cluster))? {
                let answer = guarded(Stage::Answer, || model.answer(input, &[]))?;
                return Ok((Action::Reused(cluster), answer));
            }
        }

        let pairs = match made {
            Some(pairs) => pairs,
            None => self.synthesise(model, input, source, (&chance, &mut attempt.entry))?,
        };
        let filter = Filter { options: &self.options, seen: self.seen.as_ref() };
        let (mut pairs, texts) = filter.accepted(model, input, pairs, chance.agreement)?;
        attempt.entry.accepted = pairs.len() as u32;
        let kept_back = match self.options.hold_out {
            Some((count, least)) if trains => Some((count, least)),
            _ => None,
        };
        let for_training = pairs.len().checked_sub(kept_back.map_or(0, |(count, _)| count));
        let Some(for_training @ 1..) = for_training else {
            return Err(Stop::Decided(Why::TooFewSamples));
        };
        self.ask_base(model, input, attempt)?;

        if !trains {
            attempt.entry.spent = true;
            let answer = guarded(Stage::Answer, || model.answer(input, &pairs))?;
            return Ok((Action::Demonstrated, answer));
        }
        let held_out = pairs.split_off(for_training);
        let before = mean_loss(model, &held_out)?;
        attempt.touched = true;
        attempt.entry.spent = true;
        guarded(Stage::Adapt, || model.adapt(&pairs))?;
        if let (Some((_, least)), Some(before)) = (kept_back, before) {
            let after = offered(Stage::Loss, "loss", mean_loss(model, &held_out)?)?;
            attempt.entry.held_out = Some((before, after));
            // A fall by nothing is no fall.
            if before - after < least || after >= before {
                return Err(Stop::Decided(Why::HeldOut));
            }
        }
        if let Some(most) = self.options.drift {
            let drift = guarded(Stage::Drift, || model.drift())?;
            let drift = offered(Stage::Drift, "drift", drift)?;
            if finite("drift", 0, drift).map_err(refused(Stage::Drift))? > most {
                return Err(Stop::Decided(Why::Drift));
            }
        }
        let answer = guarded(Stage::Answer, || model.answer(input, &[]))?;
        if let (Some(clusters), Some((embedding, cluster))) = (&mut self.clusters, embedding) {
            // A cluster whose adapter is gone gets a new one; any other input leads a cluster of its
            // own.
            let number = cluster.unwrap_or(clusters.next());
            guarded(Stage::Store, || model.store(number))?;
            if cluster.is_none() {
                clusters.lead(&embedding).map_err(refused(Stage::Embedding))?;
            }
        }
        if let Some(seen) = &mut self.seen {
            texts.iter().take(for_training).for_each(|text| seen.insert(text));
        }
        Ok((Action::Adapted, answer))
    }

    fn synthesise<M: Model>(
        &self,
        model: &mut M,
        input: &M::Input,
        source: &mut Source<'_, M>,
        (chance, entry): (&Chance, &mut Entry),
    ) -> Result<Vec<M::Sample>, Failure<M::Error>> {
        let asked = self.options.samples;
        let mut pairs = guarded(Stage::Synthesise, || source(model, input, asked, chance.synthesis))?;
        pairs.truncate(asked);
        entry.synthesised = pairs.len() as u32;
        Ok(pairs)
    }

    /// One less the margin of the likeliest two answers.
    fn uncertainty(&self, candidates: &[Candidate<String>]) -> Result<f64> {
        Relative::of(candidates, self.options.per_length)?.score(Score::MarginComplement)
    }

    /// Budget, switch and gate: why not to go on, if there is a reason.
    fn decide(&mut self, score: f64, chance: &Chance, entry: &mut Entry) -> Result<Option<Why>> {
        let choice = self.budget.wants(score, chance.budget)?;
        // A budget of the caller's own may rank.
        let standing = choice.rank.map_or(score, |rank| 1.0 - rank);
        let standing = finite("standing", entry.ticket.0, standing)?.clamp(0.0, 1.0);
        entry.choice = Some(choice);
        entry.standing = Some(standing);
        entry.expected = self.gate.as_ref().map(|gate| gate.expect(standing));
        if !choice.selected {
            return Ok(Some(if choice.wanted { Why::Capped } else { Why::Certain }));
        }
        if self.switch.as_ref().is_some_and(Switch::is_off) {
            return Ok(Some(Why::SwitchedOff));
        }
        entry.propensity = match &self.gate {
            Some(gate) if !gate.passes(standing) => gate.exploration(),
            _ => 1.0,
        };
        Ok((chance.explore >= entry.propensity).then_some(Why::NotWorthIt))
    }

    fn ask_base<M: Model>(
        &self,
        model: &mut M,
        input: &M::Input,
        attempt: &mut Attempt<M::Answer>,
    ) -> Result<(), Stop<M::Error>> {
        if self.options.paired && attempt.base.is_none() && !attempt.touched {
            attempt.base = Some(guarded(Stage::Answer, || model.answer(input, &[]))?);
        }
        Ok(())
    }
}

/// The mean loss of pairs; none if there are none.
fn mean_loss<M: Model>(model: &mut M, pairs: &[M::Sample]) -> Result<Option<f64>, Failure<M::Error>> {
    let mut sum = 0.0;
    for (index, pair) in pairs.iter().enumerate() {
        sum += loss(model, index, pair)?;
    }
    Ok((!pairs.is_empty()).then(|| sum / pairs.len() as f64))
}

/// The loss of a pair, and its number for whoever is told that it is none.
fn loss<M: Model>(model: &mut M, index: usize, pair: &M::Sample) -> Result<f64, Failure<M::Error>> {
    let loss = guarded(Stage::Loss, || model.loss(pair))?;
    let loss = offered(Stage::Loss, "loss", loss)?;
    finite("loss", index as u64, loss).map_err(refused(Stage::Loss))
}

/// What there is to learn for an input; see [`Options::by_lesson`].
fn lesson<M: Model>(
    model: &mut M,
    input: &M::Input,
    pairs: &[M::Sample],
) -> Result<f64, Failure<M::Error>> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (index, pair) in pairs.iter().enumerate() {
        let weight = guarded(Stage::Relevance, || model.relevance(input, pair))?;
        let weight = offered(Stage::Relevance, "relevance", weight)?;
        let weight = within("relevance", weight, 0.0, 1.0).map_err(refused(Stage::Relevance))?;
        if weight > 0.0 {
            sum += weight * loss(model, index, pair)?;
            weights += weight;
        }
    }
    Ok(sum / f64::max(weights, 1.0))
}
