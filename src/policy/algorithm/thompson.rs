//! Thompson sampling with evidence that fades.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, finite, within};
use crate::base::id::ArmId;
use crate::base::rng::Rng;
use crate::policy::Forget;
use crate::policy::kit::evidence::{Evidence, Forgetting};
use crate::policy::kit::open_arms::choose;
use crate::policy::kit::variate::{Normals, beta};
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// What is believed of the mean score of an arm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Belief {
    /// `Beta(a + S, b + N - S)`: for scores in `[0, 1]`; others are taken into it.
    Beta {
        /// Successes believed in from the start, `> 0`.
        a: f64,
        /// Failures believed in from the start, `> 0`.
        b: f64,
    },
    /// `Normal((n0 m0 + S) / (n0 + N), sd^2 / (n0 + N))`: for scores of any range.
    Gaussian {
        /// Standard deviation of a score, `> 0`.
        sd: f64,
        /// Tickets believed in from the start, `> 0`.
        n0: f64,
        /// Their mean. The greatest possible score is optimistic.
        m0: f64,
    },
}

/// Thompson sampling: every slot goes to the arm whose mean, drawn from what is believed of it, is
/// greatest.
///
/// `N` counts the tickets of an arm and `S` sums their scores, both under a [`Forgetting`], so that
/// beliefs widen again. The probability of an arm is its share of the slots that it won, each slot
/// with draws of its own; combine with [`Systematic`](crate::sampler::Systematic), which then gives
/// each arm exactly the slots that it won. Put [`Bounded`](crate::policy::Bounded) around it if forgetting is per
/// visit.
///
/// Cost: O(n K) variates a round of n slots. Memory: 24 bytes an arm, and the visits in a window.
///
/// Papers: Raj and Kalyani, *Taming Non-stationary Bandits: A Bayesian Approach*, arXiv 1707.09727;
/// Trovò et al., *Sliding-Window Thompson Sampling for Non-Stationary Environments*, 2020.
///
/// ```
/// use curricle::Curriculum;
/// use curricle::policy::{Forgetting, Thompson};
/// use curricle::sampler::Systematic;
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(80)
///     .arms(4, |sample| (sample.0 / 20) as u32)
///     .policy(Thompson::beta(Forgetting::PerRound(0.99)))
///     .sampler(Systematic)
///     .build()?;
/// assert_eq!(curriculum.draw(8)?.draws.len(), 8);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thompson {
    belief: Belief,
    evidence: Evidence,
}

impl Thompson {
    /// Any belief over evidence that fades in some way.
    pub fn new(belief: Belief, forgetting: Forgetting) -> Self {
        Self { belief, evidence: Evidence::new(forgetting) }
    }

    /// Beta beliefs from a uniform prior, for scores in `[0, 1]`.
    pub fn beta(forgetting: Forgetting) -> Self {
        Self::new(Belief::Beta { a: 1.0, b: 1.0 }, forgetting)
    }

    /// Gaussian beliefs for scores in about `[0, 1]`: standard deviation 1/2, one ticket of mean 1/2 to
    /// begin with.
    pub fn gaussian(forgetting: Forgetting) -> Self {
        Self::new(Belief::Gaussian { sd: 0.5, n0: 1.0, m0: 0.5 }, forgetting)
    }
}

impl Default for Thompson {
    /// Beta beliefs that fade by 0.99 a round.
    fn default() -> Self {
        Self::beta(Forgetting::PerRound(0.99))
    }
}

impl Policy for Thompson {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        match self.belief {
            Belief::Beta { a, b } => {
                within("prior successes", a, 1e-9, 1e12)?;
                within("prior failures", b, 1e-9, 1e12)?;
            }
            Belief::Gaussian { sd, n0, m0 } => {
                within("standard deviation of a score", sd, 1e-100, 1e100)?;
                within("prior tickets", n0, 1e-9, 1e12)?;
                within("prior mean", finite("prior mean", 0, m0)?, -1e100, 1e100)?;
            }
        }
        self.evidence.prepare(population.arms().count())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        self.belief == built.belief && self.evidence.is_learned_from(&built.evidence, arms)
    }

    fn reads(&self) -> Reads {
        Reads::SCORE
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let mut normals = Normals::default();
        choose(turn, rng, allotment, |rng, arm, _| {
            let (count, sum) = (self.evidence.count(arm), self.evidence.sum(arm));
            match self.belief {
                Belief::Beta { a, b } => {
                    beta(rng, &mut normals, a + sum.max(0.0), b + (count - sum).max(0.0))
                }
                Belief::Gaussian { sd, n0, m0 } => {
                    let part = 1.0 / (n0 + count);
                    (n0 * m0 + sum) * part + normals.next(rng) * sd * part.sqrt()
                }
            }
        })
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        match self.belief {
            Belief::Gaussian { .. } => self.evidence.learn(rewards),
            Belief::Beta { .. } => self.evidence.learn_clamped(rewards),
        }
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.evidence.grow(arms);
        Ok(())
    }
}

impl Forget for Thompson {
    fn forget(&mut self, arm: ArmId) {
        self.evidence.forget(arm);
    }
}
