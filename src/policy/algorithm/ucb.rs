//! Upper confidence bounds: plain, discounted, sliding-window, and by relative entropy.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, within};
use crate::base::id::ArmId;
use crate::base::math::ln;
use crate::base::rng::Rng;
use crate::policy::Forget;
use crate::policy::kit::evidence::{Evidence, Forgetting};
use crate::policy::kit::open_arms::{Greatest, choose};
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// How far above its mean an arm is believed to be able to lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Bound {
    /// `c sqrt(ln H / N)`: `c >= 0` in units of the score.
    Hoeffding(f64),
    /// The greatest `q` with `N kl(mean, q) <= ln H + c ln ln H`, where `kl` is the relative entropy of
    /// coin tosses; tighter near 0 and 1. Means are taken into `[0, 1]`. Theory asks for `c = 3`, 0
    /// does better.
    Entropy(f64),
}

/// The arm with the greatest upper confidence bound, for every slot.
///
/// ```text
/// index_a = S_a / N_a + c sqrt(ln H / N_a)
/// ```
///
/// `N_a` counts tickets of the arm and `S_a` sums their scores, both under a [`Forgetting`]; `H` is
/// the number of tickets that are not forgotten (with [`Forgetting::Never`], and as long as a window is not full: those since the arm was last [restarted](crate::policy::Restart), plus one). Arms without evidence come first; chance decides
/// between equal indices. A ticket that was given up counts as a score of 0. In a batch each slot that
/// an arm gets, and each ticket that is under way, counts as one more `N_a` of unchanged mean, so that
/// a batch is spread as far as the bounds say.
///
/// Theory asks for wide bounds (`c = 2 sqrt 0.6` on scores in `[0, 1]`); with `c = 0.3` the regret is
/// 4 to 6 times smaller in practice. All probability goes to the chosen arms: put
/// [`Bounded`](crate::policy::Bounded) around it for a floor, without which logged propensities are 0 or 1.
///
/// Cost: O(K + n K) a round of n slots. Memory: 24 bytes an arm, and the visits in a window.
///
/// Papers: Auer et al., *Finite-time analysis of the multiarmed bandit problem*, 2002; Garivier and
/// Moulines, *On Upper-Confidence Bound Policies for Non-Stationary Bandit Problems*, arXiv 0805.3415;
/// Garivier and Cappé, *The KL-UCB Algorithm for Bounded Stochastic Bandits and Beyond*,
/// arXiv 1102.2490.
///
/// ```
/// use curricle::Curriculum;
/// use curricle::policy::Ucb;
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(80)
///     .arms(4, |sample| (sample.0 / 20) as u32)
///     .policy(Ucb::sliding_window(200))
///     .build()?;
/// curriculum.draw(8)?;
/// assert_eq!(curriculum.shares(), [0.25; 4]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ucb {
    bound: Bound,
    evidence: Evidence,
}

impl Ucb {
    /// A bound over evidence that fades in some way.
    pub fn new(bound: Bound, forgetting: Forgetting) -> Self {
        Self { bound, evidence: Evidence::new(forgetting) }
    }

    /// D-UCB: all arms fade by a factor once a round; `c` 0.3. The memory is about
    /// `1 / (1 - factor)` rounds: 0.99 to 0.995 for single pulls, 0.9 (and `c` 0.5) for batches.
    pub fn discounted(factor: f64) -> Self {
        Self::new(Bound::Hoeffding(0.3), Forgetting::PerRound(factor))
    }

    /// SW-UCB: only the last rounds count; `c` 0.3. For single pulls 200 to 500 rounds.
    pub fn sliding_window(rounds: u64) -> Self {
        Self::new(Bound::Hoeffding(0.3), Forgetting::Window(rounds))
    }

    /// Sets the width `c` of the bound, `>= 0`, in units of the score.
    #[must_use]
    pub fn width(mut self, c: f64) -> Self {
        self.bound = Bound::Hoeffding(c);
        self
    }

    /// The index of an arm whose sum and count of evidence are these, if `more` tickets of its mean are
    /// added.
    #[inline]
    fn index(&self, sum: f64, count: f64, more: f64, log: f64) -> f64 {
        match self.bound {
            // One division where one will do.
            Bound::Hoeffding(c) if more == 0.0 => (sum + c * (log * count).sqrt()) / count,
            Bound::Hoeffding(c) => sum / count + c * (log / (count + more)).sqrt(),
            Bound::Entropy(c) => {
                let level = if log > 1.0 { log + c * ln(log) } else { log };
                greatest_mean((sum / count).clamp(0.0, 1.0), level / (count + more))
            }
        }
    }
}

impl Default for Ucb {
    /// [`discounted`](Self::discounted) by 0.995.
    fn default() -> Self {
        Self::discounted(0.995)
    }
}

impl Policy for Ucb {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        let (Bound::Hoeffding(c) | Bound::Entropy(c)) = self.bound;
        within("width of the bound", c, 0.0, 1e100)?;
        self.evidence.prepare(population.arms().count())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        self.bound == built.bound && self.evidence.is_learned_from(&built.evidence, arms)
    }

    fn reads(&self) -> Reads {
        Reads::SCORE
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let evidence = &self.evidence;
        if let (1, [], Bound::Hoeffding(c), true) =
            (turn.n, turn.under_way, self.bound, evidence.is_shared())
        {
            return single(turn, rng, evidence, c, allotment);
        }
        let log = |arm: usize| ln(evidence.horizon(arm)).max(0.0);
        // One logarithm does for all arms, unless they were reset at different times; then a batch
        // takes one an arm, and a single pull whatever it visits.
        let shared = evidence.is_shared().then(|| log(0));
        let logs: Vec<f64> = match shared {
            None if turn.n > 1 => (0..evidence.arms()).map(log).collect(),
            _ => Vec::new(),
        };
        let log = |arm: usize| shared.or_else(|| logs.get(arm).copied()).unwrap_or_else(|| log(arm));
        choose(turn, rng, allotment, |_, arm, taken| {
            let more = taken + turn.under_way.get(arm).map_or(0.0, |&tickets| f64::from(tickets));
            match evidence.count(arm) {
                count if count > 0.0 => self.index(evidence.sum(arm), count, more, log(arm)),
                _ if more == 0.0 => f64::INFINITY,
                // Asked for already, and nothing known: as good as the best.
                _ => {
                    let best = evidence.greatest_mean().unwrap_or(0.0);
                    self.index(best * more, more, 0.0, log(arm).max(1.0))
                }
            }
        })
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        self.evidence.learn(rewards);
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.evidence.grow(arms);
        Ok(())
    }
}

/// One slot, with nothing under way and one logarithm for all: the same decision, several arms at a
/// time.
fn single(
    turn: &Turn<'_>,
    rng: &mut Rng,
    evidence: &Evidence,
    c: f64,
    allotment: &mut Allotment,
) -> Result<()> {
    let log = ln(evidence.horizon(0)).max(0.0);
    let p = allotment.arms(evidence.arms());
    for ((index, count), sum) in p.iter_mut().zip(evidence.counts()).zip(evidence.sums()) {
        *index = (sum + c * (log * count).sqrt()) / count;
    }
    let mut greatest = Greatest::default();
    for (arm, (&index, &count)) in p.iter().zip(evidence.counts()).enumerate() {
        let index = if count > 0.0 { index } else { f64::INFINITY };
        if turn.population.drawable(ArmId(arm as u32)) > 0 {
            greatest.offer(arm, index, rng);
        }
    }
    p.fill(0.0);
    p[greatest.key().ok_or(Error::NothingToDraw)?] = 1.0;
    Ok(())
}

impl Forget for Ucb {
    fn forget(&mut self, arm: ArmId) {
        self.evidence.forget(arm);
    }
}

/// The greatest `q` with `kl(p, q) <= level`, by Newton's method from Pinsker's bound, above the root
/// of a convex function, so that it descends to it.
fn greatest_mean(p: f64, level: f64) -> f64 {
    const MOST: f64 = 1.0 - 1e-15;
    let mut q = (p + (0.5 * level).sqrt()).min(MOST);
    for _ in 0..40 {
        let slope = (q - p) / (q * (1.0 - q));
        if slope <= 0.0 {
            return q;
        }
        let next = q - (relative_entropy(p, q) - level) / slope;
        if next.is_nan() || next >= q || q - next < 1e-14 {
            return q;
        }
        q = next.max(p);
    }
    q
}

/// The relative entropy of two coins, `p ln(p/q) + (1-p) ln((1-p)/(1-q))`, for `0 < q < 1`.
fn relative_entropy(p: f64, q: f64) -> f64 {
    let part = |p: f64, q: f64| if p > 0.0 { p * ln(p / q) } else { 0.0 };
    part(p, q) + part(1.0 - p, 1.0 - q)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The way for single draws against the way for batches.
    #[test]
    fn single_draws_are_batches_of_one() {
        use crate::base::id::Round;
        use crate::base::rng::Purpose;
        use crate::population::Arms;
        let arms = Arms::from_labels(4, &[0, 1, 3]).unwrap();
        let population = Population::new(arms, None).unwrap();
        let mut rng = Rng::at(3, Round(0), Purpose::User);
        for forgetting in [Forgetting::Never, Forgetting::PerRound(0.9), Forgetting::Window(9)] {
            let mut ucb = Ucb::new(Bound::Hoeffding(0.4), forgetting);
            ucb.prepare(&population).unwrap();
            for round in 0..200 {
                let plain = Turn::new(Round(round), 1, &population);
                let (mut fast, mut slow) = (Allotment::default(), Allotment::default());
                ucb.allot(&plain, &mut rng.clone(), &mut fast).unwrap();
                // Zeros under way change nothing but the way.
                ucb.allot(&Turn { under_way: &[0; 4], ..plain }, &mut rng, &mut slow).unwrap();
                assert_eq!(fast, slow, "{forgetting:?}, round {round}");
                let Allotment::Arms(p) = fast else { panic!("not over arms") };
                let arm = p.iter().position(|share| *share == 1.0).unwrap();
                assert_ne!(arm, 2);
                ucb.learn(&population, &[Reward::new(ArmId(arm as u32), 1, rng.unit())]);
            }
        }
    }

    #[test]
    fn the_entropy_bound_solves_its_equation() {
        for p in [0.0, 1e-6, 0.2, 0.5, 0.93] {
            for level in [1e-6, 0.01, 0.3, 2.0] {
                let q = greatest_mean(p, level);
                let (below, above) = ((q - 1e-12).max(p), (q + 1e-12).min(1.0 - 1e-16));
                assert!(relative_entropy(p, below) <= level, "{p} {level} {q}");
                assert!(relative_entropy(p, above) >= level * (1.0 - 1e-9), "{p} {level} {q}");
            }
        }
        assert!(greatest_mean(1.0, 0.5) <= 1.0 && greatest_mean(0.9, 100.0) <= 1.0);
    }
}
