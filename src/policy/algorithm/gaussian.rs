//! A Gaussian that moves along the ranks: the sampling of GAIN-RL.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, finite, within};
use crate::base::math::tanh;
use crate::base::rng::Rng;
use crate::event::Field;
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// The standard deviation of a [`Gaussian`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Spread {
    /// In ranks. The paper's code uses 1000, whatever the size of the data set.
    Ranks(f64),
    /// As a fraction of the number of ranks.
    Fraction(f64),
}

impl Spread {
    fn in_ranks(self, ranks: usize) -> f64 {
        match self {
            Spread::Ranks(sd) => sd,
            Spread::Fraction(fraction) => fraction * ranks as f64,
        }
    }
}

/// How the mean of a [`Gaussian`] moves after a round with mean success `acc` and mean score `c`
/// (the angle concentration of its samples).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MeanRule {
    /// As published: `mean += n/2 tanh(alpha (acc - beta)) + n/2 tanh(gamma c)`. Falls back when the
    /// batch was too hard.
    Paper {
        /// The step scale, in ranks; the paper takes the batch size.
        n: f64,
        /// Sensitivity to success.
        alpha: f64,
        /// Target success.
        beta: f64,
        /// Sensitivity to the score.
        gamma: f64,
    },
    /// As released: `mean += clip(n tanh(alpha (acc/2 - beta)) + n tanh(alpha c), least, most)`.
    /// With `least = 0` it never goes back. `acc` is a reward in `[0, 2]` there: with success in
    /// `[0, 1]` its first term is never positive.
    Released {
        /// The step scale, in ranks.
        n: f64,
        /// Sensitivity to both success and score.
        alpha: f64,
        /// Target of half the reward.
        beta: f64,
        /// The least movement in a round.
        least: f64,
        /// The greatest movement in a round.
        most: f64,
    },
}

impl MeanRule {
    /// The published rule with its constants: `alpha` 2, `beta` 0.5, `gamma` 0.5, and `n` the batch
    /// size (1024 there).
    pub fn paper(n: f64) -> Self {
        Self::Paper { n, alpha: 2.0, beta: 0.5, gamma: 0.5 }
    }

    /// The released rule with its defaults: `n` 500, `alpha` 2, `beta` 0.5, movement in `[0, 1000]`.
    pub fn released() -> Self {
        Self::Released { n: 500.0, alpha: 2.0, beta: 0.5, least: 0.0, most: 1000.0 }
    }

    /// How far the mean moves, in ranks.
    ///
    /// ```
    /// use curricle::policy::MeanRule;
    ///
    /// assert_eq!(MeanRule::paper(1024.0).step(0.5, 0.0), 0.0);
    /// assert!(MeanRule::paper(1024.0).step(0.0, 0.0) < -300.0);
    /// assert_eq!(MeanRule::released().step(0.0, 0.1), 0.0);
    /// ```
    pub fn step(&self, acc: f64, c: f64) -> f64 {
        match *self {
            Self::Paper { n, alpha, beta, gamma } => {
                0.5 * n * tanh(alpha * (acc - beta)) + 0.5 * n * tanh(gamma * c)
            }
            Self::Released { n, alpha, beta, least, most } => {
                let step = n * tanh(alpha * (acc / 2.0 - beta)) + n * tanh(alpha * c);
                // Where the least is above the greatest, which no policy is built with, the greatest.
                step.max(least).min(most)
            }
        }
    }

    fn check(&self) -> Result<()> {
        let (numbers, range) = match *self {
            Self::Paper { n, alpha, beta, gamma } => ([n, alpha, beta, gamma], (0.0, 0.0)),
            Self::Released { n, alpha, beta, least, most } => ([n, alpha, beta, 0.0], (least, most)),
        };
        for (index, number) in numbers.into_iter().enumerate() {
            finite("constant of the mean rule", index as u64, number)?;
        }
        finite("greatest movement", 0, range.1)?;
        within("least movement", range.0, f64::MIN, range.1)?;
        Ok(())
    }
}

/// Gaussian sampling over ranks, the curriculum of GAIN-RL.
///
/// Samples stand in an order given in advance, best first ([`Builder::order`](crate::Builder::order));
/// rank `i` is drawn with probability proportional to `exp(-(i - mean)^2 / (2 sd^2))`, and the
/// mean moves by a [`MeanRule`] after each round, kept in `[0, N - 1]`. The mean success and the
/// mean score are taken over the whole round. Without the clamp the mean runs past the end of the
/// data and the sampling collapses onto its last ranks.
///
/// Ranks are permanent, see [`Arms`](crate::Arms): whatever is removed, inserted, retagged or weighted, the mean
/// points at the same samples. `N` is the number of ranks, vacant ones included.
///
/// Use it with [`Distinct`](crate::sampler::Distinct), and with a signal that hands through the
/// trainer's angle concentration, [`Utility`](crate::signal::Utility). Cost: O(1) here; a draw of k
/// costs O(k) expected while k is below `sd`, whatever N; once a rank is vacant or has weight 0, O(k + sd).
///
/// Paper: Wang et al., *Angles Don't Lie: Unlocking Training-Efficient RL Through the Model's Own
/// Signals* (GAIN-RL), arXiv 2506.02281.
///
/// ```
/// use curricle::policy::{Gaussian, MeanRule, Spread};
/// use curricle::{Curriculum, SampleId, signal::Utility};
///
/// # fn main() -> curricle::Result<()> {
/// let best_first: Vec<SampleId> = (0..5000).rev().map(SampleId).collect();
/// let mut curriculum = Curriculum::builder(5000)
///     .order(&best_first)
///     .policy(Gaussian::new(MeanRule::paper(64.0), Spread::Fraction(0.05)))
///     .signal(Utility)
///     .build()?;
/// assert!(curriculum.draw(64)?.samples().all(|sample| sample.0 > 2500));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gaussian {
    rule: MeanRule,
    spread: Spread,
    mean: f64,
}

impl Gaussian {
    /// A Gaussian that starts at rank 0.
    pub fn new(rule: MeanRule, spread: Spread) -> Self {
        Self { rule, spread, mean: 0.0 }
    }

    /// Sets the rank that the mean starts from; default 0.
    #[must_use]
    pub fn start(mut self, mean: f64) -> Self {
        self.mean = mean;
        self
    }

    /// The present mean, in ranks.
    pub fn mean(&self) -> f64 {
        self.mean
    }
}

impl Policy for Gaussian {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        self.rule.check()?;
        finite("start of the mean", 0, self.mean)?;
        self.mean = within_ranks(self.mean, population);
        let ranks = population.arms().ranks().max(1);
        within("standard deviation", self.spread.in_ranks(ranks), 1e-9, 1e12).map(drop)
    }

    fn is_learned_from(&self, built: &Self, _: usize) -> bool {
        (self.rule, self.spread) == (built.rule, built.spread) && self.mean.is_finite()
    }

    fn reads(&self) -> Reads {
        Reads::SCORE | Field::Success.into()
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let population = turn.population;
        let sd = self.spread.in_ranks(population.arms().ranks().max(1));
        *allotment = Allotment::Ranks { mean: within_ranks(self.mean, population), sd };
        Ok(())
    }

    fn learn(&mut self, population: &Population, rewards: &[Reward]) {
        let (mut count, mut success, mut score) = (0.0, 0.0, 0.0);
        for reward in rewards {
            let share = f64::from(reward.returned());
            count += share;
            success += share * reward.success.unwrap_or(0.0);
            score += share * reward.returned_score().unwrap_or(0.0);
        }
        if count > 0.0 {
            let moved = self.mean + self.rule.step(success / count, score / count);
            self.mean = within_ranks(moved, population);
        }
    }

    fn grow(&mut self, _: usize) -> Result<()> {
        Ok(())
    }
}

/// Takes a mean into `[0, N - 1]`.
fn within_ranks(mean: f64, population: &Population) -> f64 {
    mean.clamp(0.0, population.arms().ranks().saturating_sub(1) as f64)
}
