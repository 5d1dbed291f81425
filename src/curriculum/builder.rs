//! Describing a curriculum, and checking the description.

use std::collections::BTreeSet;

use xxhash_rust::xxh3::Xxh3;

#[cfg(feature = "config")]
use crate::base::error::SnapshotError;
use crate::base::error::{Error, Result, finite, length, within};
use crate::base::id::{ArmId, SampleId};
use crate::base::schedule::Schedule;
use crate::curriculum::Curriculum;
#[cfg(feature = "config")]
use crate::curriculum::Memory;
use crate::curriculum::costs::Costs;
use crate::curriculum::identity::Identity;
use crate::curriculum::options::{Missing, Options, Weighting};
use crate::curriculum::pace::Pace;
use crate::curriculum::refill::Refill;
use crate::curriculum::stop::Stop;
use crate::event::gate::Gate;
use crate::event::{Field, Fields};
use crate::policy::{Policy, Uniform};
use crate::population::{Arms, Key, Population};
use crate::sampler::{Distinct, Kind, Sampler};
use crate::signal::{GroupSpread, Signal};

/// What a part that does not read weights is asked for.
pub(super) const BELIEFS: &str = "weights by belief";

/// For how many rounds a retired sample rests, if nothing else is said.
const RETEST: u64 = 50;

/// Describes a [`Curriculum`]; [`build`](Self::build) checks the description.
///
/// Defaults: one arm with all samples, weight 1 each; the policy [`Uniform`], the signal
/// [`GroupSpread`], the sampler [`Distinct`]; seed 0, lag 0, no gate, no importance correction.
///
/// ```
/// use curricle::{Curriculum, Gate, policy::Boltzmann, sampler::Systematic, signal::MeanAdvantage};
///
/// # fn main() -> curricle::Result<()> {
/// let curriculum = Curriculum::builder(6)
///     .labels(&[0, 0, 0, 1, 1, 2])
///     .weights(vec![1.0, 1.0, 2.0, 1.0, 1.0, 1.0])
///     .policy(Boltzmann::new())
///     .signal(MeanAdvantage)
///     .sampler(Systematic)
///     .gate(Gate::zero_signal())
///     .seed(42)
///     .lag(1)
///     .build()?;
/// assert_eq!(curriculum.population().arms().count(), 3);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `build` to get a curriculum"]
pub struct Builder<P = Uniform, S = GroupSpread, D = Distinct> {
    samples: usize,
    arms: Result<Option<Arms>>,
    weights: Option<Vec<f64>>,
    /// What the training is for, by sample.
    target: Option<Vec<f64>>,
    costs: Option<Vec<f64>>,
    keys: Option<Vec<Key>>,
    arm_names: Vec<String>,
    fingerprint: u128,
    options: Options,
    policy: P,
    signal: S,
    /// Whether the signal was asked for, rather than being the default.
    scores: bool,
    sampler: D,
    /// The configuration that this was made from, as JSON.
    #[cfg(feature = "config")]
    config: Option<String>,
}

impl Builder {
    pub(crate) fn new(samples: usize) -> Self {
        Self {
            samples,
            arms: Ok(None),
            weights: None,
            target: None,
            costs: None,
            keys: None,
            arm_names: Vec::new(),
            fingerprint: 0,
            options: Options {
                seed: 0,
                pace: Pace::Lockstep,
                lag: 0,
                missing: Missing::Refuse,
                refill: None,
                exclude_in_flight: false,
                stop: Stop::Never,
                weighting: Weighting::Given,
                importance: Schedule::Constant(0.0),
                gate: Gate::All,
                retest: RETEST,
            },
            policy: Uniform,
            signal: GroupSpread,
            scores: false,
            sampler: Distinct,
            #[cfg(feature = "config")]
            config: None,
        }
    }
}

impl<P, S, D> Builder<P, S, D> {
    /// How many samples there are.
    pub(crate) fn samples(&self) -> usize {
        self.samples
    }

    /// Sets the arm of each sample; there are as many arms as the greatest label says, plus one.
    pub fn labels(self, labels: &[u32]) -> Self {
        let arms = labels.iter().copied().max().map_or(1, |last| last.saturating_add(1));
        let checked = length("labels", self.samples, labels.len());
        let made = |()| Arms::from_fn(arms, labels.len(), |sample| ArmId(labels[sample]));
        let arms = checked.and_then(made).map(Some);
        Self { arms, ..self }
    }

    /// Sets the number of arms, and the arm of each sample by a function, which is asked more than once.
    pub fn arms(self, arms: u32, label: impl Fn(SampleId) -> u32) -> Self {
        let made = Arms::from_fn(arms, self.samples, |id| ArmId(label(SampleId(id as u64))));
        Self { arms: made.map(Some), ..self }
    }

    /// Puts all samples into one arm in the given order, best first: the ranks of a
    /// [`Gaussian`](crate::policy::Gaussian).
    pub fn order(self, order: &[SampleId]) -> Self {
        let checked = length("order", self.samples, order.len());
        Self { arms: checked.and_then(|()| Arms::from_order(order)).map(Some), ..self }
    }

    /// The same of an order that may not have come about: [`build`](Self::build) says why.
    pub(crate) fn try_order(self, order: Result<Vec<SampleId>>) -> Self {
        match order {
            Ok(order) => self.order(&order),
            Err(error) => Self { arms: Err(error), ..self },
        }
    }

    /// Sets the weight of each sample, `>= 0`; within an arm members are drawn in proportion.
    pub fn weights(self, weights: Vec<f64>) -> Self {
        Self { weights: Some(weights), ..self }
    }

    /// Says what the training is for by a weight `>= 0` of each sample, which need not be that with which it is
    /// drawn: the target of the policy becomes the sums over each arm, as by
    /// [`set_mixture`](Curriculum::set_mixture), in the place of one that was stated otherwise. Samples that come and
    /// go later leave it as it is; a run that is [reconciled](Curriculum::reconcile) with other data keeps the target
    /// that it had.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// let builder = curricle::Curriculum::builder(4).labels(&[0, 0, 0, 1]);
    /// let builder = builder.post_training().target_by_sample(vec![1.0, 0.0, 0.0, 1.0]);
    /// let mut curriculum = builder.build()?;
    /// curriculum.draw(4)?;
    /// assert_eq!(curriculum.shares(), [0.5, 0.5]); // by number it would be 3/4 and 1/4
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`build`](Self::build) gives [`Error::Length`], [`Error::OutOfRange`] and [`Error::NonFinite`] for the
    /// weights, [`Error::NothingToDraw`] if all are 0, and [`Error::Unsupported`] for a policy that has no target, or
    /// goes around one that has none.
    pub fn target_by_sample(self, weights: Vec<f64>) -> Self {
        Self { target: Some(weights), ..self }
    }

    /// Sets what each sample costs, `> 0`, in tokens or seconds, where that is known beforehand: for
    /// [`draw_within`](Curriculum::draw_within). They are part of the state: what counts of a run that is restored
    /// are those of the snapshot, until [`set_costs`](Curriculum::set_costs).
    pub fn costs(self, costs: Vec<f64>) -> Self {
        Self { costs: Some(costs), ..self }
    }

    /// Sets the key of each sample, a string or 128 bits, all different: what it is called whatever its number. By
    /// keys a run [goes on](Curriculum::reconcile) with data of which some was added, removed, moved or put in
    /// another order. 20 bytes a sample.
    pub fn keys<K: Into<Key>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        Self { keys: Some(keys.into_iter().map(Into::into).collect()), ..self }
    }

    /// Sets where the weights come from later on; default [`Weighting::Given`].
    pub fn weighting(mut self, weighting: Weighting) -> Self {
        self.options.weighting = weighting;
        self
    }

    /// Sets the policy.
    pub fn policy<Q>(self, policy: Q) -> Builder<Q, S, D> {
        self.parts(|(_, signal, sampler)| (policy, signal, sampler))
    }

    /// Puts the policy that there is into another, as that of a [configuration](crate::Config::builder) into one of your
    /// own. What is built is then no longer what was configured.
    ///
    /// ```
    /// use curricle::Curriculum;
    /// use curricle::policy::{Bounded, Prior, Uniform};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let builder = Curriculum::builder(100).policy(Uniform);
    /// let curriculum = builder.map_policy(|inner| Bounded::new(inner).floor(0.1, Prior::Size)).build()?;
    /// # Ok(()) }
    /// ```
    pub fn map_policy<Q>(self, wrap: impl FnOnce(P) -> Q) -> Builder<Q, S, D> {
        self.parts(|(policy, signal, sampler)| (wrap(policy), signal, sampler))
    }

    /// The same for the signal; whether one was asked for stays as it is.
    ///
    /// ```
    /// use curricle::Curriculum;
    /// use curricle::policy::Boltzmann;
    /// use curricle::signal::{Gated, MeanAdvantage};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let builder = Curriculum::builder(100).policy(Boltzmann::new()).signal(MeanAdvantage);
    /// let curriculum = builder.map_signal(Gated::new).build()?;
    /// # Ok(()) }
    /// ```
    pub fn map_signal<T>(self, wrap: impl FnOnce(S) -> T) -> Builder<P, T, D> {
        self.parts(|(policy, signal, sampler)| (policy, wrap(signal), sampler))
    }

    /// Sets the signal. If neither the policy [reads](Policy::reads) a score nor the weights come from one
    /// ([`Weighting::Score`]), [`build`](Self::build) refuses it.
    pub fn signal<T>(self, signal: T) -> Builder<P, T, D> {
        Builder { scores: true, ..self.parts(|(policy, _, sampler)| (policy, signal, sampler)) }
    }

    /// Changes an option of the policy.
    pub(crate) fn change_policy(self, change: impl FnOnce(P) -> P) -> Self {
        self.parts(|(policy, signal, sampler)| (change(policy), signal, sampler))
    }

    /// For a policy that reads no score: the default signal, which then nobody asked for.
    pub(crate) fn unscored(self) -> Builder<P, GroupSpread, D> {
        Builder { scores: false, ..self.signal(GroupSpread) }
    }

    /// The same for one that is chosen at run time.
    #[cfg(feature = "config")]
    pub(crate) fn unscored_any(self) -> Builder<P, crate::signal::Any, D> {
        Builder { scores: false, ..self.signal(GroupSpread.into()) }
    }

    /// Notes what this was made from.
    #[cfg(feature = "config")]
    pub(crate) fn configured(self, config: Option<String>) -> Self {
        Self { config, ..self }
    }

    /// Sets the sampler.
    pub fn sampler<E>(self, sampler: E) -> Builder<P, S, E> {
        self.parts(|(policy, signal, _)| (policy, signal, sampler))
    }

    /// The same description with other parts.
    fn parts<Q, T, E>(self, other: impl FnOnce((P, S, D)) -> (Q, T, E)) -> Builder<Q, T, E> {
        let Self { samples, arms, weights, target, costs, keys, .. } = self;
        let Self { arm_names, fingerprint, options, scores, .. } = self;
        #[cfg(feature = "config")]
        let config = self.config;
        let (policy, signal, sampler) = other((self.policy, self.signal, self.sampler));
        Builder {
            samples,
            arms,
            weights,
            target,
            costs,
            keys,
            arm_names,
            fingerprint,
            options,
            policy,
            signal,
            scores,
            sampler,
            #[cfg(feature = "config")]
            config,
        }
    }

    /// Sets the gate; default [`Gate::All`].
    pub fn gate(mut self, gate: Gate) -> Self {
        self.options.gate = gate;
        self
    }

    /// Sets after how many rounds a [retired](crate::route::Treatment::Retire) sample can be drawn again, at least 1;
    /// default 50, and with `u64::MAX` only when too few others are left. Where there are too few samples for a draw but
    /// for what is retired, those come back of which the test is due first, until there are enough: no draw would bring
    /// its round. In the [pace of arrival](crate::Arrival) a draw waits for samples in flight before that.
    ///
    /// A gate that retires nothing is refused beside it. Samples are retired when the round of their ticket is folded in,
    /// so that it makes no difference when a report comes, unless a gate reads ages. Cost: O(log N) for each, and about 60
    /// bytes as long as it rests.
    pub fn retest(mut self, rounds: u64) -> Self {
        self.options.retest = rounds;
        self
    }

    /// Sets the seed of all randomness; default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// Sets how many rounds the feedback may lag behind: that of round `r` is folded in when round
    /// `r + 1 + lag` is drawn. Default 0; with 1 the next batch can be prepared during training.
    pub fn lag(mut self, lag: u64) -> Self {
        self.options.lag = lag;
        self
    }

    /// Sets when feedback is folded in; default [`Pace::Lockstep`]. With [`Arrival`](crate::Arrival) nothing lags and
    /// nothing is missing: [`build`](Self::build) refuses it beside `lag` or `missing`.
    pub fn pace(mut self, pace: impl Into<Pace>) -> Self {
        self.options.pace = pace.into();
        self
    }

    /// Sets that training steps are filled with useful tickets, by [`Curriculum::step`], instead of drawn.
    pub fn refill(mut self, refill: Refill) -> Self {
        self.options.refill = Some(refill);
        self
    }

    /// Sets whether a sample can be drawn while a ticket of it is in flight; default false. With `true` it rests: in
    /// [lockstep](Pace::Lockstep) until its round has been folded in, in the pace of [arrival](crate::Arrival) until
    /// its outcome is reported or given up, and with [refill](Self::refill) until the step is over and no ticket of
    /// it is banked either. In the pace of arrival a draw for which too few samples are left gives [`Error::Hold`].
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// let builder = curricle::Curriculum::builder(100).lag(4).exclude_in_flight(true);
    /// let mut curriculum = builder.build()?;
    /// let mut drawn = std::collections::BTreeSet::new();
    /// for _ in 0..5 {
    ///     drawn.extend(curriculum.draw(20)?.samples());
    /// }
    /// assert_eq!(drawn.len(), 100);
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: O(log N) for each ticket; with refill O(m log m) a step for m samples in flight.
    pub fn exclude_in_flight(mut self, exclude: bool) -> Self {
        self.options.exclude_in_flight = exclude;
        self
    }

    /// Sets when the curriculum is finished; default [`Stop::Never`]. Only for a sampler that keeps
    /// [passes](crate::sampler::Passes).
    pub fn stop(mut self, stop: Stop) -> Self {
        self.options.stop = stop;
        self
    }

    /// Sets what happens to missing feedback; default [`Missing::Refuse`].
    pub fn missing(mut self, missing: Missing) -> Self {
        self.options.missing = missing;
        self
    }

    /// Turns importance correction on: each draw gets the loss weight `(q_min / q)^beta` for its
    /// propensity `q`, where `q_min` is the least of the batch. `beta` in `[0, 1]`: 0 is none
    /// (the default), 1 undoes the selection up to a factor. Paper: Schaul et al., *Prioritized
    /// Experience Replay*, arXiv 1511.05952.
    pub fn importance(mut self, beta: impl Into<Schedule>) -> Self {
        self.options.importance = beta.into();
        self
    }

    /// Sets the names of the arms, for [metrics](Curriculum::metrics): one for each, all different, none empty. They
    /// make no difference to any decision, and a snapshot can be restored under other names.
    pub fn arm_names<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.arm_names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets a fingerprint of the data set, such as [`fingerprint`] of its rows, so that a snapshot
    /// cannot be restored onto other data. The arms and the weights are checked in any case.
    pub fn fingerprint(mut self, fingerprint: u128) -> Self {
        self.fingerprint = fingerprint;
        self
    }
}

impl<P: Policy, S: Signal, D: Sampler> Builder<P, S, D> {
    /// Checks everything and makes the curriculum. Cost: O(N).
    ///
    /// # Errors
    /// What is wrong, naming the sample, the arm or the option.
    pub fn build(mut self) -> Result<Curriculum<P, S, D>> {
        let arms = match std::mem::replace(&mut self.arms, Ok(None))? {
            Some(arms) => arms,
            None => Arms::even(1, self.samples)?,
        };
        let mut population = Population::new(arms, self.weights.as_deref())?;
        if let Some(keys) = self.keys.take() {
            population.set_keys(keys)?;
        }
        let costs = match &self.costs {
            Some(costs) => Costs::new(costs, self.samples)?,
            None => Costs::default(),
        };
        let needs = self.check(&population)?;
        if let Some(target) = &self.target {
            self.policy.set_mixture(&by_arm(target, &population)?, &population)?;
        }
        let dataset = dataset(self.fingerprint, &population);
        let identity =
            Identity::new(dataset, &self.options, (&self.policy, &self.signal, &self.sampler))?;
        #[cfg(feature = "config")]
        let identity = identity.configured(self.config, &population);
        if self.sampler.keeps_passes() {
            population.keep_passes(self.options.stop.limit())?;
        }
        population.keep_beliefs(self.options.weighting.belief().is_some())?;
        let Self { arm_names, options, policy, signal, sampler, .. } = self;
        let parts = (policy, signal, sampler);
        Ok(Curriculum::new(parts, options, needs, identity, arm_names, population, costs))
    }

    /// Checks all but the samples, and prepares the policy for them. Gives the fields of an outcome that are needed.
    fn check(&mut self, population: &Population) -> Result<Fields> {
        let Self { options, policy, signal, sampler, .. } = self;
        options.stop.check(sampler.keeps_passes())?;
        options.gate.check(population.arms().count())?;
        within("rounds until a re-test", options.retest as f64, 1.0, u64::MAX as f64)?;
        if options.retest != RETEST && !options.gate.may_retire() {
            return Err(Error::Unread { part: "retest", what: "when retired samples come back" });
        }
        options.importance.check("importance exponent", 0.0, 1.0)?;
        within("lag", options.lag as f64, 0.0, 1e9)?;
        options.refill.map_or(Ok(()), |refill| refill.check())?;
        if let Some(arrival) = options.pace.arrival() {
            arrival.check()?;
            if options.lag > 0 {
                return Err(Error::Unread { part: "lag", what: "a delay in the pace of arrival" });
            }
            if options.missing != Missing::Refuse {
                let what = "what to do with missing tickets in the pace of arrival";
                return Err(Error::Unread { part: "missing", what });
            }
        }
        if let Weighting::Score { floor } = options.weighting {
            within("weight floor", floor, 1e-9, 2_147_483_648.0)?;
        }
        if let Some(belief) = options.weighting.belief() {
            belief.check()?;
            if sampler.kind() == Some(Kind::Sequential) {
                return Err(Error::Unsupported { part: "sampler Sequential", request: BELIEFS });
            }
            let arms = population.arms();
            let is_alone = |arm| arms.size(ArmId(arm)) < 2;
            if arms.count() > 1 && (0..arms.count() as u32).all(is_alone) && arms.samples() > 0 {
                return Err(Error::Unsupported { part: "arms of one sample each", request: BELIEFS });
            }
        }
        check_names(&self.arm_names, population.arms().count())?;
        policy.prepare(population)?;
        signal.check()?;
        let reads = policy.reads();
        let is_scored = reads.score || matches!(options.weighting, Weighting::Score { .. });
        if self.scores && !is_scored {
            return Err(Error::Unread { part: "signal", what: "a score" });
        }
        let mut needs = reads.fields | if is_scored { signal.needs() } else { Fields::NONE };
        if options.weighting.belief().is_some() {
            needs = needs | Field::Success;
        }
        Ok(needs)
    }
}

#[cfg(feature = "config")]
impl<P: Policy, S: Signal, D: Sampler> Builder<P, S, D> {
    /// The curriculum that has this state, from a file that says what it was built of.
    pub(crate) fn adopt(
        mut self,
        memory: Memory<P>,
        identity: Identity,
    ) -> Result<Curriculum<P, S, D>> {
        let needs = self.check(&memory.population)?;
        memory.check(&self.options, self.sampler.keeps_passes())?;
        if !memory.policy.is_learned_from(&self.policy, memory.population.arms().count()) {
            return Err(SnapshotError::Inconsistent("the policy").into());
        }
        let Self { arm_names, options, policy, signal, sampler, .. } = self;
        let none = Population::new(Arms::even(1, 0)?, None)?;
        let (parts, costs) = ((policy, signal, sampler), Costs::default());
        let mut curriculum = Curriculum::new(parts, options, needs, identity, arm_names, none, costs);
        curriculum.replace(memory);
        Ok(curriculum)
    }

    /// The configuration digest of what would be built over these samples.
    pub(crate) fn identity(self, dataset: u128, population: &Population) -> Result<u128> {
        let Self { options, mut policy, signal, sampler, .. } = self;
        policy.prepare(population)?;
        Identity::new(dataset, &options, (&policy, &signal, &sampler))
            .map(|identity| identity.configuration)
    }
}

/// Sums weights of samples by arm.
fn by_arm(weights: &[f64], population: &Population) -> Result<Vec<f64>> {
    let arms = population.arms();
    length("target weights of samples", arms.samples(), weights.len())?;
    let mut sums = vec![0.0; arms.count()];
    for (sample, &weight) in (0u64..).zip(weights) {
        let what = "target weight of a sample";
        let weight = within(what, finite(what, sample, weight)?, 0.0, 1e200)?;
        sums[arms.label(SampleId(sample)).index()] += weight;
    }
    Ok(sums)
}

/// Checks that the names of arms, if there are any, tell them apart.
pub(super) fn check_names(names: &[String], arms: usize) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    length("names of arms", arms, names.len())?;
    let mut seen = BTreeSet::new();
    for (arm, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(Error::Empty { what: "name of an arm", index: arm as u64 });
        }
        if !seen.insert(name) {
            return Err(Error::Duplicate { what: "name of an arm", index: arm as u64 });
        }
    }
    Ok(())
}

/// A digest of the data set as the curriculum knows it: the order of samples, arms and weights.
fn dataset(fingerprint: u128, population: &Population) -> u128 {
    let mut hash = Xxh3::new();
    hash.update(&fingerprint.to_le_bytes());
    for arm in 0..population.arms().count() as u32 {
        hash.update(&(population.arms().size(ArmId(arm)) as u64).to_le_bytes());
        for slot in population.arms().slots(ArmId(arm)) {
            let sample = population.arms().sample_at(slot).map_or(u64::MAX, |sample| sample.0);
            hash.update(&sample.to_le_bytes());
            hash.update(&population.tree().get(slot).to_le_bytes());
        }
    }
    population.keys().for_each(|key| hash.update(&key.0.to_le_bytes()));
    hash.digest128()
}

/// A fingerprint of a data set: a 128-bit hash of its rows, in order.
///
/// ```
/// assert_ne!(curricle::fingerprint(["1+1", "2+2"]), curricle::fingerprint(["1+1", "2+3"]));
/// assert_ne!(curricle::fingerprint(["ab", "c"]), curricle::fingerprint(["a", "bc"]));
/// ```
pub fn fingerprint<R: AsRef<[u8]>>(rows: impl IntoIterator<Item = R>) -> u128 {
    let mut hash = Xxh3::new();
    for row in rows {
        hash.update(&(row.as_ref().len() as u64).to_le_bytes());
        hash.update(row.as_ref());
    }
    hash.digest128()
}
