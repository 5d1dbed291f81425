//! A mixture that is kept, in samples or in cost, whatever the arms' lengths and however late they finish.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, length, within};
use crate::base::id::ArmId;
use crate::base::math::pow;
use crate::base::rng::Rng;
use crate::event::Field;
use crate::policy::kit::learned::are_finite;
use crate::policy::kit::mixture::{check_mixture, is_grown, is_mixture, normalise};
use crate::policy::kit::silence::Silence;
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// What the shares of a [`Mixture`] are shares of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// Samples that came back.
    #[default]
    Samples,
    /// The [cost](crate::Outcome::cost) of what came back, such as its tokens.
    Cost,
}

/// What moves a [`Mixture`] along its table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Clock {
    /// The round.
    #[default]
    Rounds,
    /// The cost of all that has come back, such as tokens.
    Cost,
}

/// How a [`Mixture`] goes from one entry of its table to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Between {
    /// At once, when the next one is reached.
    #[default]
    Steps,
    /// Along a line.
    Lines,
}

/// The weight of an arm's older tickets in its mean cost, for each later one.
const KEEP: f64 = 1.0 - 1.0 / 256.0;

/// The least mean cost of an arm, as a part of that of all arms: nothing is divided by 0.
const LEAST: f64 = 1e-3;

/// A mixture by a table of weights, kept as shares of samples or of cost, of what came back.
///
/// ```text
/// m_a(t)                           the weights at time t, normalised over the arms that can be drawn
/// owed_a  <- owed_a + m_a C - C_a  for each round learned: C_a of its cost is the arm's, C of all arms
/// F_a      = c_a tickets under way                              c_a: mean cost of a ticket of the arm
/// B        = n / sum_a (m_a / c_a)                              what a batch of n costs
/// due_a    = owed_a + m_a (sum F + B) - F_a                      owed over arms that can be drawn, in sum 0
/// p_a     ~ m_a / c_a * clamp(due_a / (m_a B), 1/4, 4)           and at least m_a / 64
/// ```
///
/// With [`Unit::Samples`] each ticket that came back costs 1. What is asked for and does not come back, or comes
/// late, is owed; so arms that finish late or are lost often get their share all the same, and long samples do not
/// take that of short ones. An arm of which nothing came back in ten rounds that drew from it is owed nothing until
/// something does: it gets its plain share, and does not take those of the others. Only what is under way or owed
/// makes `p` differ from the plain `m_a / c_a`, by a factor of four at most, and each arm has at least a 64th of its
/// share of the samples: one that costs nothing, never comes back or has too few samples cannot take the batch. The
/// mean cost forgets: a ticket weighs 255/256 as much for each later one of its arm; before the first it is that of
/// the others.
///
/// The weights come from a table of positions, in [rounds or cost](Clock), in [steps or lines](Between); before its
/// first position the first entry holds. [`Curriculum::set_mixture`](crate::Curriculum::set_mixture) puts constant
/// ones in its place. With [`domains`](Self::domains), the share of an arm that has nothing to draw goes to the
/// others of its domain, and to other domains only when nothing of its own is left; without, to all in proportion.
///
/// Reads the cost if a share or the clock is one. State: 5 numbers an arm. Cost: O(K) a round.
///
/// ```
/// use curricle::policy::{Between, Clock, Mixture, Unit};
/// use curricle::{Curriculum, sampler::Passes};
///
/// # fn main() -> curricle::Result<()> {
/// // From 9 : 1 to even in the first 10^9 tokens, in shares of tokens.
/// let table = vec![(0, vec![0.9, 0.1]), (1_000_000_000, vec![0.5, 0.5])];
/// let mixture = Mixture::table(table).between(Between::Lines).clock(Clock::Cost).unit(Unit::Cost);
/// let mut curriculum = Curriculum::builder(100)
///     .arms(2, |sample| (sample.0 % 2) as u32)
///     .policy(mixture)
///     .sampler(Passes)
///     .build()?;
/// assert_eq!(curriculum.draw(10)?.draws.iter().filter(|draw| draw.arm.0 == 0).count(), 9);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    table: Vec<(u64, Vec<f64>)>,
    between: Between,
    clock: Clock,
    unit: Unit,
    /// By arm; none: each is of one and the same.
    domains: Option<Vec<u32>>,
    /// Weights that were set since.
    set: Option<Vec<f64>>,
    arms: Vec<Account>,
    /// The cost of all that has come back.
    spent: f64,
}

/// What is known of an arm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Account {
    /// What has come back, and what is owed beyond it.
    done: f64,
    owed: f64,
    /// Its tickets, and their cost, the older ones counting less.
    tickets: f64,
    cost: f64,
    silence: Silence,
}

/// By how much the part of an arm is raised or lowered at most for what is owed.
const MOST_PRESSED: f64 = 4.0;

/// The least part of its share that an arm has of the samples, as a divisor.
const LEAST_PART: f64 = 64.0;

/// Rounds of which nothing came back, in a row, after which an arm is owed nothing.
const PATIENCE: u32 = 10;

impl Account {
    fn is_silent(&self) -> bool {
        self.silence.rounds() >= PATIENCE
    }
}

impl Mixture {
    /// Constant weights, one for each arm, `>= 0` and not all 0; they need not sum to 1.
    pub fn new(weights: Vec<f64>) -> Self {
        Self::table(vec![(0, weights)])
    }

    /// Weights by position, which rises from entry to entry; see [`between`](Self::between) and
    /// [`clock`](Self::clock).
    pub fn table(table: Vec<(u64, Vec<f64>)>) -> Self {
        let (between, clock, unit) = (Between::Steps, Clock::Rounds, Unit::Samples);
        Self { table, between, clock, unit, domains: None, set: None, arms: Vec::new(), spent: 0.0 }
    }

    /// Constant weights of domains, and of the arms within each: `m_a = W_d w_a / sum of w in d`, each normalised.
    /// The domains are [kept](Self::domains); an arm that none names has weight 0.
    ///
    /// ```
    /// use curricle::{ArmId, Curriculum, policy::Mixture};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let code = vec![(ArmId(0), 1.0), (ArmId(1), 3.0)];
    /// let nested = Mixture::nested(3, vec![(0.4, code), (0.6, vec![(ArmId(2), 1.0)])]);
    /// let mut curriculum = Curriculum::builder(30).arms(3, |s| (s.0 % 3) as u32).policy(nested).build()?;
    /// curriculum.draw(1)?;
    /// for (share, expected) in curriculum.shares().into_iter().zip([0.1, 0.3, 0.6]) {
    ///     assert!((share - expected).abs() < 1e-12);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn nested(arms: u32, domains: Vec<(f64, Vec<(ArmId, f64)>)>) -> Self {
        let (mut weights, mut labels) = (vec![0.0; arms as usize], vec![u32::MAX; arms as usize]);
        let mut is_known = true;
        for (domain, (share, sources)) in (0..).zip(domains) {
            let sum: f64 = sources.iter().map(|(_, weight)| weight).sum();
            for (arm, weight) in sources {
                match (weights.get_mut(arm.index()), labels.get_mut(arm.index())) {
                    (Some(own), Some(label)) => {
                        is_known &= *label == u32::MAX;
                        (*own, *label) = (share * (weight / sum), domain);
                    }
                    _ => is_known = false,
                }
            }
        }
        if !is_known {
            // Named twice, or no arm: no weights at all, which `prepare` refuses.
            weights = Vec::new();
        }
        Self::new(weights).domains(labels)
    }

    /// Sets how the weights change from one entry of the table to the next; default [`Between::Steps`].
    #[must_use]
    pub fn between(mut self, between: Between) -> Self {
        self.between = between;
        self
    }

    /// Sets what the positions of the table count; default [`Clock::Rounds`].
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets what the shares are shares of; default [`Unit::Samples`].
    #[must_use]
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// Sets the domain of each arm: arms of one number share what one of them cannot give.
    #[must_use]
    pub fn domains(mut self, domains: Vec<u32>) -> Self {
        self.domains = Some(domains);
        self
    }

    /// What has come back of each arm: samples, or their cost.
    pub fn done(&self) -> impl Iterator<Item = f64> + '_ {
        self.arms.iter().map(|arm| arm.done)
    }

    /// The mean cost of a ticket of each arm, as it is expected of the next.
    pub fn costs(&self) -> Vec<f64> {
        let sum = |of: fn(&Account) -> f64| self.arms.iter().map(of).sum::<f64>();
        let (tickets, cost) = (sum(|arm| arm.tickets), sum(|arm| arm.cost));
        let mean = if cost > 0.0 { cost / tickets } else { 1.0 };
        let of = |arm: &Account| match arm.tickets > 0.0 {
            true => (arm.cost / arm.tickets).max(LEAST * mean),
            false => mean,
        };
        self.arms.iter().map(of).collect()
    }

    /// The weights at a position, normalised, as if all arms could be drawn.
    fn weights(&self, position: f64) -> Result<Vec<f64>> {
        let normal = |weights: &[f64]| {
            let mut weights = weights.to_vec();
            normalise(&mut weights).map(|()| weights)
        };
        if let Some(set) = &self.set {
            return normal(set);
        }
        let next = self.table.partition_point(|(at, _)| *at as f64 <= position);
        let (before, after) = (next.checked_sub(1), self.table.get(next));
        match (before.and_then(|place| self.table.get(place)), after) {
            (Some((from, weights)), Some((to, later))) if self.between == Between::Lines => {
                let part = (position - *from as f64) / (*to as f64 - *from as f64);
                let (mut weights, later) = (normal(weights)?, normal(later)?);
                for (weight, later) in weights.iter_mut().zip(later) {
                    *weight += part * (later - *weight);
                }
                Ok(weights)
            }
            (Some((_, weights)), _) | (None, Some((_, weights))) => normal(weights),
            (None, None) => Err(Error::NothingToDraw),
        }
    }

    /// The shares at a position, over the arms that are open.
    fn shares(&self, position: f64, is_open: impl Fn(usize) -> bool) -> Result<Vec<f64>> {
        let mut shares = self.weights(position)?;
        if let Some(domains) = &self.domains {
            // By domain: its share, and what of it is open.
            let mut sums: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
            for (arm, (&domain, share)) in domains.iter().zip(&shares).enumerate() {
                let (whole, open) = sums.entry(domain).or_default();
                *whole += share;
                *open += if is_open(arm) { *share } else { 0.0 };
            }
            for (share, domain) in shares.iter_mut().zip(domains) {
                if let Some(&(whole, open)) = sums.get(domain).filter(|(_, open)| *open > 0.0) {
                    *share *= whole / open;
                }
            }
        }
        for (arm, share) in shares.iter_mut().enumerate() {
            if !is_open(arm) {
                *share = 0.0;
            }
        }
        normalise(&mut shares).map(|()| shares)
    }

    fn position(&self, round: u64) -> f64 {
        match self.clock {
            Clock::Rounds => round as f64,
            Clock::Cost => self.spent,
        }
    }
}

impl Policy for Mixture {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("entries of the mixture's table", self.table.len() as f64, 1.0, f64::MAX)?;
        for (_, weights) in &self.table {
            check_mixture(weights, population)?;
        }
        if let Some(place) = self.table.windows(2).position(|pair| pair[0].0 >= pair[1].0) {
            let (value, low) = (self.table[place + 1].0 as f64, self.table[place].0 as f64 + 1.0);
            let what = "position in the mixture's table";
            return Err(Error::OutOfRange { what, value, low, high: u64::MAX as f64 });
        }
        if let Some(domains) = &self.domains {
            length("domains of arms", population.arms().count(), domains.len())?;
        }
        self.set = None;
        self.arms = vec![Account::default(); population.arms().count()];
        self.spent = 0.0;
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        let is_table = self.table.len() == built.table.len()
            && self.table.iter().zip(&built.table).all(|((at, weights), (built_at, built))| {
                at == built_at && is_grown(weights, built, arms)
            });
        let are_domains = match (&self.domains, &built.domains) {
            (Some(domains), Some(built)) => domains.len() == arms && domains.starts_with(built),
            (domains, built) => domains == built,
        };
        let is_possible = |it: &Account| {
            are_finite(&[it.done, it.owed, it.tickets, it.cost])
                && [it.done, it.tickets, it.cost].iter().all(|number| *number >= 0.0)
        };
        is_table
            && are_domains
            && (self.between, self.clock, self.unit) == (built.between, built.clock, built.unit)
            && self.set.as_ref().is_none_or(|set| is_mixture(set, arms))
            && self.arms.len() == arms
            && self.arms.iter().all(is_possible)
            && self.spent.is_finite()
            && self.spent >= 0.0
    }

    fn reads(&self) -> Reads {
        match (self.unit, self.clock) {
            (Unit::Samples, Clock::Rounds) => Reads::NOTHING,
            _ => Field::Cost.into(),
        }
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let population = turn.population;
        let can_be_drawn = |arm: usize| population.drawable(ArmId(arm as u32)) > 0;
        let shares = self.shares(self.position(turn.round.0), can_be_drawn)?;
        let costs = self.costs();
        let flying = |arm: usize| f64::from(turn.under_way.get(arm).copied().unwrap_or(0)) * costs[arm];
        let is_open = |arm: &usize| population.drawable(ArmId(*arm as u32)) > 0;
        let open: Vec<usize> = (0..shares.len()).filter(is_open).collect();
        let per_cost: f64 = open.iter().map(|&arm| shares[arm] / costs[arm]).sum();
        let batch = turn.n as f64 / per_cost;
        let ahead = open.iter().map(|&arm| flying(arm)).sum::<f64>() + batch;
        let owed: f64 = open.iter().map(|&arm| self.arms[arm].owed).sum();
        let p = allotment.arms(shares.len());
        for &arm in open.iter().filter(|&&arm| shares[arm] > 0.0) {
            let due = self.arms[arm].owed - shares[arm] * owed + shares[arm] * ahead - flying(arm);
            let pressed = (due / (shares[arm] * batch)).clamp(1.0 / MOST_PRESSED, MOST_PRESSED);
            p[arm] = shares[arm] / costs[arm] * pressed;
        }
        normalise(p)?;
        for &arm in &open {
            p[arm] = p[arm].max(shares[arm] / LEAST_PART);
        }
        normalise(p)
    }

    fn learn(&mut self, population: &Population, rewards: &[Reward]) {
        let cost = |reward: &Reward| match self.unit {
            Unit::Samples => f64::from(reward.returned()),
            Unit::Cost => reward.cost.unwrap_or(0.0),
        };
        let all: f64 = rewards.iter().map(cost).sum();
        let round = rewards.iter().map(|reward| reward.round.0).max().unwrap_or(0);
        // Where nothing can be drawn any more, nothing is owed.
        // One that is in flight as a whole is not to be passed over.
        let flying = population.arms_in_flight();
        let is_there = |arm: usize| {
            let arm = ArmId(arm as u32);
            population.drawable(arm) > 0 || flying.contains(&arm)
        };
        let mut shares = self.shares(self.position(round), is_there).unwrap_or_default();
        // What is owed to an arm that has fallen silent, the others have been given.
        let mut given = 0.0;
        for reward in rewards {
            let account = &mut self.arms[reward.arm.index()];
            account.silence.note(reward);
            if account.is_silent() {
                given += std::mem::take(&mut account.owed);
            }
        }
        for (share, account) in shares.iter_mut().zip(&self.arms) {
            *share = if account.is_silent() { 0.0 } else { *share };
        }
        if normalise(&mut shares).is_err() {
            shares.clear();
        }
        let costs: Vec<(ArmId, u32, f64)> =
            rewards.iter().map(|reward| (reward.arm, reward.returned(), cost(reward))).collect();
        for (account, share) in self.arms.iter_mut().zip(&shares) {
            account.owed += share * (all + given);
        }
        self.spent += rewards.iter().filter_map(|reward| reward.cost).sum::<f64>();
        for (arm, returned, cost) in costs {
            let account = &mut self.arms[arm.index()];
            account.done += cost;
            account.owed -= if shares.is_empty() { 0.0 } else { cost };
            if returned > 0 {
                let kept = pow(KEEP, f64::from(returned));
                account.tickets = account.tickets * kept + f64::from(returned);
                account.cost = account.cost * kept + cost;
            }
        }
    }

    fn set_mixture(&mut self, weights: &[f64], population: &Population) -> Result<()> {
        check_mixture(weights, population)?;
        self.set = Some(weights.to_vec());
        Ok(())
    }

    fn requested(&self) -> Option<Vec<f64>> {
        let all: f64 = self.done().sum();
        (all > 0.0).then(|| self.arms.iter().map(|it| (it.done + it.owed) / all).collect())
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.table.iter_mut().for_each(|(_, weights)| weights.resize(arms, 0.0));
        if let Some(set) = &mut self.set {
            set.resize(arms, 0.0);
        }
        if let Some(domains) = &mut self.domains {
            let next = domains.iter().max().map_or(0, |last| last.saturating_add(1));
            domains.resize(arms, next);
        }
        self.arms.resize(arms, Account::default());
        Ok(())
    }
}
