//! Change detection that makes a policy forget.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, within};
use crate::base::id::ArmId;
use crate::base::math::ln;
use crate::base::rng::Rng;
use crate::policy::kit::learned::{MOST, are_finite};
use crate::policy::{Allotment, Bound, Forget, Forgetting, Policy, Reads, Reward, Turn, Ucb};
use crate::population::Population;

/// A test for a change of an arm's mean score. Scores are taken into `[0, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Detector {
    /// The generalised likelihood ratio of coin tosses: a change if, for some split of the arm's `n`
    /// tickets into the first `s` and the rest,
    /// `s kl(mean_s, mean) + (n - s) kl(mean_rest, mean) > ln(n^(3/2) / delta)`.
    /// Needs no idea of the size of the change.
    Glr {
        /// The chance of a false alarm, in `(0, 1)`.
        delta: f64,
        /// The test is made each time the arm has this many more tickets, at least 1.
        every: u32,
        /// Splits are tried this many tickets apart, at least 1; twice as many when an arm has more
        /// than 512 of them.
        grid: u32,
    },
    /// A two-sided cumulative sum: a change if `max(0, g + (x - u0) - slack)`, or the same downwards,
    /// exceeds `threshold`, where `u0` is the mean of the arm's first `calibration` tickets.
    Cusum {
        /// The change that is to be ignored, `>= 0`.
        slack: f64,
        /// How many tickets the reference is the mean of, at least 1.
        calibration: u32,
        /// The sum that counts as a change, `> 0`.
        threshold: f64,
    },
}

/// Which arms are reset when one has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Scope {
    /// Only the arm that changed.
    #[default]
    Local,
    /// All of them: where a change of one is a sign that others change too.
    Global,
}

/// Any policy that can [`Forget`], made to do so when the scores of an arm have changed.
///
/// [`explore`](Self::explore) puts a share `alpha` of all slots aside to visit each arm in turn, as a change is only
/// seen where one looks: of `floor(K / alpha)` slots, counted over all rounds, the first `K` go to the arms in the
/// order of their numbers, as in the paper of GLR-UCB. Over whole turns all arms get the same; a policy that favours
/// what it saw first or last does so with that order.
///
/// Cost beside the policy's: O(K) a round and, when a test is due, O(n / grid) for an arm of n tickets.
/// Memory: 16 bytes a split.
///
/// Papers: Besson, Kaufmann, Maillard and Seznec, *Efficient Change-Point Detection for Tackling
/// Piecewise-Stationary Bandits*, arXiv 1902.01575 (GLR); Liu, Lee and Shroff, *A
/// Change-Detection based Framework for Piecewise-stationary Multi-Armed Bandit Problem*,
/// arXiv 1711.03539 (CUSUM).
///
/// ```
/// use curricle::Curriculum;
/// use curricle::policy::{Detector, Restart, Scope, Ucb};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(80)
///     .arms(4, |sample| (sample.0 / 20) as u32)
///     .policy(Restart::glr_ucb(Scope::Global).explore(0.05))
///     .build()?;
/// assert_eq!(curriculum.draw(8)?.draws.len(), 8);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Policy")]
pub struct Restart<P> {
    inner: P,
    detector: Detector,
    scope: Scope,
    alpha: f64,
    arms: Vec<History>,
    pulls: u64,
    changes: u64,
}

/// The longest cycle of visits, for the least share: rounds and slots can be added to it.
const LONGEST: u64 = 1 << 60;

/// What a detector keeps of an arm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct History {
    count: u32,
    sum: f64,
    /// Counts and sums at the splits (GLR).
    splits: Vec<(u32, f64)>,
    /// The distance between splits by now.
    grid: u32,
    /// The reference and the two sums (CUSUM).
    reference: f64,
    up: f64,
    down: f64,
}

impl<P: Forget> Restart<P> {
    /// Makes a policy forget what a detector finds changed.
    pub fn new(inner: P, detector: Detector, scope: Scope) -> Self {
        Self { inner, detector, scope, alpha: 0.0, arms: Vec::new(), pulls: 0, changes: 0 }
    }

    /// Sets the share of slots, in `[0, 1]`, that visit all arms in turn; default 0.
    #[must_use]
    pub fn explore(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// The policy within.
    pub fn inner(&self) -> &P {
        &self.inner
    }

    /// How many changes have been detected.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The length of a cycle in which each arm is visited once.
    fn cycle(&self) -> Option<u64> {
        (self.alpha > 0.0).then(|| ((self.arms.len() as f64 / self.alpha) as u64).clamp(1, LONGEST))
    }
}

impl Restart<Ucb> {
    /// GLR-UCB: UCB of width `sqrt(1/2)` without forgetting, tests every 10 tickets, splits 10 apart,
    /// `delta` 0.005; the most robust of the family on abrupt changes.
    pub fn glr_ucb(scope: Scope) -> Self {
        let ucb = Ucb::new(Bound::Hoeffding(0.5f64.sqrt()), Forgetting::Never);
        Self::new(ucb, Detector::Glr { delta: 0.005, every: 10, grid: 10 }, scope).explore(0.005)
    }
}

impl<P: Forget> Policy for Restart<P> {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        if !self.inner.can_forget() {
            return Err(Error::Unsupported { part: "Restart", request: "a policy that cannot forget" });
        }
        within("explored share", self.alpha, 0.0, 1.0)?;
        match self.detector {
            Detector::Glr { delta, every, grid } => {
                within("delta", delta, f64::MIN_POSITIVE, 1.0)?;
                within("tickets between tests", f64::from(every), 1.0, 1e9)?;
                within("tickets between splits", f64::from(grid), 1.0, 1e9)?;
            }
            Detector::Cusum { slack, calibration, threshold } => {
                within("slack", slack, 0.0, 1e300)?;
                within("calibration", f64::from(calibration), 1.0, 1e9)?;
                within("threshold", threshold, f64::MIN_POSITIVE, 1e300)?;
            }
        }
        self.arms = vec![History::default(); population.arms().count()];
        (self.pulls, self.changes) = (0, 0);
        self.inner.prepare(population)
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        let is_possible = |arm: &History| {
            let counts = arm.splits.iter().map(|&(count, _)| count);
            are_finite(&[arm.sum, arm.reference, arm.up, arm.down])
                && arm.splits.iter().all(|(_, sum)| sum.is_finite())
                && counts.clone().zip(counts.skip(1)).all(|(before, after)| before < after)
                && arm.splits.iter().all(|(count, _)| (1..=arm.count).contains(count))
                && arm.splits.len() <= 513
                && arm.count <= u32::MAX / 2
                && arm.grid <= u32::MAX / 4
        };
        (self.detector, self.scope, self.alpha) == (built.detector, built.scope, built.alpha)
            && self.pulls <= MOST
            && self.changes <= MOST
            && self.arms.len() == arms
            && self.arms.iter().all(is_possible)
            && self.inner.is_learned_from(&built.inner, arms)
    }

    fn reads(&self) -> Reads {
        self.inner.reads() | Reads::SCORE
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        self.inner.allot(turn, rng, allotment)?;
        let Some(cycle) = self.cycle() else { return Ok(()) };
        let p = allotment.as_arms("Restart")?;
        let slots = turn.n.max(1) as u64;
        let first = self.pulls + turn.under_way.iter().map(|&tickets| u64::from(tickets)).sum::<u64>();
        let mut visited = 0;
        // The slots of this turn whose place in the cycle is that of an arm.
        let visits =
            |arm: u64| (first + slots + cycle - 1 - arm) / cycle - (first + cycle - 1 - arm) / cycle;
        let arms = (p.len() as u64).min(cycle);
        let drawable = |arm: u64| turn.population.drawable(ArmId(arm as u32)) > 0;
        for arm in (0..arms).filter(|&arm| drawable(arm)) {
            visited += visits(arm);
        }
        if visited > 0 {
            let left = (slots - visited) as f64 / slots as f64;
            for (arm, share) in p.iter_mut().enumerate() {
                let arm = arm as u64;
                let visits = if arm < arms && drawable(arm) { visits(arm) } else { 0 };
                *share = *share * left + visits as f64 / slots as f64;
            }
        }
        Ok(())
    }

    fn learn(&mut self, population: &Population, rewards: &[Reward]) {
        self.inner.learn(population, rewards);
        for reward in rewards {
            self.pulls += u64::from(reward.count);
            if self.arms[reward.arm.index()].take(&self.detector, reward) {
                self.changes += 1;
                match self.scope {
                    Scope::Local => {
                        self.arms[reward.arm.index()] = History::default();
                        self.inner.forget(reward.arm);
                    }
                    Scope::Global => {
                        self.arms.fill(History::default());
                        (0..self.arms.len() as u32).for_each(|arm| self.inner.forget(ArmId(arm)));
                        // The other arms' tickets of this round belong to the time before.
                        self.pulls += rewards
                            .iter()
                            .filter(|other| other.arm > reward.arm)
                            .map(|other| u64::from(other.count))
                            .sum::<u64>();
                        return;
                    }
                }
            }
        }
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.inner.grow(arms)?;
        self.arms.resize(arms, History::default());
        Ok(())
    }

    passes_on! { set_mixture requested is_adapted }
}

impl History {
    /// Takes in the tickets of one round; says whether the arm has changed.
    fn take(&mut self, detector: &Detector, reward: &Reward) -> bool {
        let score = reward.score.clamp(0.0, 1.0);
        let count = f64::from(reward.count);
        let before = self.count;
        self.count = self.count.saturating_add(reward.count);
        self.sum += count * score;
        match *detector {
            Detector::Glr { delta, every, grid } => {
                self.note_split(before, grid, score);
                self.count / every > before / every && self.is_two(delta)
            }
            Detector::Cusum { slack, calibration, threshold } => {
                if before < calibration {
                    self.reference = self.sum / f64::from(self.count);
                    return false;
                }
                let away = score - self.reference;
                self.up = (self.up + count * (away - slack)).max(0.0);
                self.down = (self.down - count * (away + slack)).max(0.0);
                self.up > threshold || self.down > threshold
            }
        }
    }

    /// Notes the splits that the last tickets, all of the same score, have passed: after the tickets
    /// 1, 1 + grid, 1 + 2 grid and so on.
    fn note_split(&mut self, before: u32, grid: u32, score: f64) {
        const MOST: usize = 512;
        if self.grid == 0 {
            self.grid = grid;
        }
        let mut next = match before {
            0 => 1,
            _ => (before - 1) / self.grid * self.grid + self.grid + 1,
        };
        let start = self.sum - f64::from(self.count - before) * score;
        while next <= self.count {
            self.splits.push((next, start + f64::from(next - before) * score));
            if self.splits.len() > MOST {
                self.grid = self.grid.saturating_mul(2);
                let mut place = 0;
                self.splits.retain(|_| {
                    place += 1;
                    place % 2 == 1
                });
                next = (next - 1) / self.grid * self.grid + 1;
            }
            next = next.saturating_add(self.grid);
        }
    }

    /// The likelihood ratio test over all splits.
    fn is_two(&self, delta: f64) -> bool {
        let n = f64::from(self.count);
        let level = 1.5 * ln(n) - ln(delta);
        let mean = self.sum / n;
        let whole = n * entropy(mean);
        let cheap = (1.0 - 1e-9) * level * mean * (1.0 - mean) / n;
        self.splits.iter().any(|&(count, sum)| {
            let (first, rest) = (f64::from(count), n - f64::from(count));
            // kl(a, m) <= (a - m)^2 / (m (1 - m)), so most splits need no logarithm.
            let away = sum - first * mean;
            if away * away <= cheap * first * rest {
                return false;
            }
            // s kl(a, m) + (n - s) kl(b, m) = n H(m) - s H(a) - (n - s) H(b).
            rest > 0.0
                && whole - first * entropy(sum / first) - rest * entropy((self.sum - sum) / rest)
                    > level
        })
    }
}

/// The entropy of a coin, `-p ln p - (1 - p) ln(1 - p)`; `p` is taken into `[0, 1]`.
fn entropy(p: f64) -> f64 {
    let part = |p: f64| if p > 0.0 { -p * ln(p) } else { 0.0 };
    let p = p.clamp(0.0, 1.0);
    part(p) + part(1.0 - p)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reward(count: u32, score: f64) -> Reward {
        Reward::new(ArmId(0), count, score)
    }

    /// The test as it is defined, over a list of all scores.
    fn naive(scores: &[f64], delta: f64, grid: usize) -> bool {
        let n = scores.len() as f64;
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        let kl = |p: f64, q: f64| {
            let part = |p: f64, q: f64| if p > 0.0 { p * ln(p / q) } else { 0.0 };
            part(p, q) + part(1.0 - p, 1.0 - q)
        };
        let whole = mean(scores);
        (1..scores.len()).step_by(grid).any(|s| {
            let (a, b) = scores.split_at(s);
            a.len() as f64 * kl(mean(a), whole) + b.len() as f64 * kl(mean(b), whole)
                > ln(crate::base::math::pow(n, 1.5) / delta)
        })
    }

    #[test]
    fn glr_agrees_with_its_definition() {
        let mut rng = Rng::at(5, crate::Round(0), crate::Purpose::User);
        let mut detections = 0;
        for trial in 0..60 {
            let grid = [1, 3, 10][trial % 3];
            let detector = Detector::Glr { delta: 0.01, every: 1, grid: grid as u32 };
            let mut history = History::default();
            let mut scores = Vec::new();
            for step in 0..120 {
                let mean = if step < 60 { 0.3 } else { 0.3 + 0.01 * trial as f64 };
                let score = f64::from(rng.unit() < mean);
                let count = 1 + rng.below(3) as u32;
                (0..count).for_each(|_| scores.push(score));
                let found = history.take(&detector, &reward(count, score));
                assert_eq!(found, naive(&scores, 0.01, grid), "trial {trial}, step {step}");
                detections += usize::from(found);
            }
        }
        assert!(detections > 100, "{detections}");
    }

    #[test]
    fn a_long_history_stays_small() {
        let mut history = History::default();
        let detector = Detector::Glr { delta: 0.01, every: 10, grid: 1 };
        for step in 0..5000u32 {
            assert!(!history.take(&detector, &reward(1, f64::from(step % 2))));
        }
        assert!(history.splits.len() <= 513);
        let every = history.splits.windows(2).all(|pair| pair[1].0 - pair[0].0 == history.grid);
        assert!(every && history.splits[0].0 == 1);
        let changed = (0..600).any(|_| history.take(&detector, &reward(1, 1.0)));
        assert!(changed);
    }

    #[test]
    fn cusum_alarms_after_threshold_over_excess() {
        let mut history = History::default();
        let detector = Detector::Cusum { slack: 0.1, calibration: 4, threshold: 1.0 };
        (0..4).for_each(|_| assert!(!history.take(&detector, &reward(1, 0.5))));
        // Each ticket adds 0.9 - 0.5 - 0.1 = 0.3.
        let alarms: Vec<bool> = (0..4).map(|_| history.take(&detector, &reward(1, 0.9))).collect();
        assert_eq!(alarms, [false, false, false, true]);
    }
}
