//! The slope of a scaling law for each arm: adaptive data optimisation.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::math::ln;
use crate::base::rng::Rng;
use crate::event::Field;
use crate::policy::kit::learned::{MOST, are_finite};
use crate::policy::kit::mixture::{check_mixture, normalise};
use crate::policy::kit::open_arms::open;
use crate::policy::kit::power_law::Law;
use crate::policy::kit::silence::Silence;
use crate::policy::{Allotment, Policy, Prior, Reads, Reward, Turn};
use crate::population::Population;

/// The most points of a learning curve that are kept.
const POINTS: usize = 64;
/// What a moving average keeps in a round.
const KEEP: f64 = 0.9;

/// Adaptive data optimisation (ADO): fits a scaling law to the loss of each arm while the model
/// trains, and favours the arms whose loss one more sample would lower most.
///
/// ```text
/// every R rounds, for each arm:  L(n) = floor + exp(c) n^(-alpha)     n: its tickets so far
/// each round:  slope_a = max(alpha_a, 0.05) exp(c_a) n_a^(-alpha_a) / n_a         (= -dL / dn)
///              q_a ~ prior_a sqrt(h_a) slope_a
///              p   <- 0.9 p + 0.1 ((1 - K m) q + m)           h <- 0.9 h + 0.1 p
/// ```
///
/// `p` and `h` start at the prior, and `p` is the prior until the first fit. `h`, the past share of
/// an arm, credits it with its part of the progress. Defaults: the prior by
/// [size](Prior::Size), `R` 1000, the least probability `m` 0.01 (at most `1 / K`).
///
/// The fit is to a moving average of the loss (0.9), of which each arm keeps at most 64 points: when
/// they are full every second one is dropped, and half as many are taken from then on. Floors from 0
/// to nearly the least loss seen are tried, 16 and then 31 around the best; for each, `c` and `alpha`
/// follow from linear least squares of `ln(L - floor)` on `ln n`, and the one with the least squared
/// error in `L` is taken. An arm with fewer than 3 points has the mean slope of the others, one of
/// which nothing came back in three rounds in a row a slope of 0, until something does. Losses
/// count as at least 1e-12. A flat curve fits any floor: an arm whose loss never fell keeps a slope of
/// about `0.05 L / n`.
///
/// What differs from the paper: least squares over a grid where it minimises a Huber loss by LBFGS;
/// the mixture is smoothed by a moving average of the target where it takes the average of its own
/// past; the least probability is mixed in, not clipped; points are tickets, not tokens.
///
/// Cost: O(K) a round for K arms, and O(3000 K) at every fit; memory about 1 KiB an arm.
///
/// Paper: Jiang et al., *Adaptive Data Optimization: Dynamic Sample Selection with Scaling Laws*,
/// arXiv 2410.11820.
///
/// ```
/// use curricle::policy::{Prior, ScalingLaw};
/// use curricle::Curriculum;
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(100)
///     .arms(4, |sample| (sample.0 % 4) as u32)
///     .policy(ScalingLaw::new().prior(Prior::Weights(vec![4.0, 3.0, 2.0, 1.0])).refit(50))
///     .build()?;
/// curriculum.draw(8)?;
/// assert!((curriculum.shares()[0] - 0.4).abs() < 1e-12);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScalingLaw {
    prior: Prior,
    refit: u64,
    least: f64,
    rounds: u64,
    domains: Vec<Domain>,
}

/// The learning curve of an arm and its place in the mixture.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Domain {
    tickets: u64,
    /// The moving average of the loss.
    loss: Option<f64>,
    /// `ln n` and the loss.
    points: Vec<(f64, f64)>,
    /// Visits between two points, and until the next.
    stride: u32,
    wait: u32,
    law: Option<Law>,
    share: f64,
    credit: f64,
    silence: Silence,
}

impl Domain {
    fn visit(&mut self, loss: f64, count: u32) {
        self.tickets = self.tickets.saturating_add(count.into());
        let loss = loss.max(1e-12);
        let mean = self.loss.map_or(loss, |mean| KEEP * mean + (1.0 - KEEP) * loss);
        self.loss = Some(mean);
        if self.wait > 0 {
            self.wait -= 1;
            return;
        }
        if self.points.len() >= POINTS {
            let mut keep = false;
            self.points.retain(|_| {
                keep = !keep;
                keep
            });
            self.stride = self.stride.saturating_mul(2);
        }
        self.points.push((ln(self.tickets.max(1) as f64), mean));
        self.wait = self.stride.saturating_sub(1);
    }
}

impl Default for ScalingLaw {
    fn default() -> Self {
        Self::new()
    }
}

impl ScalingLaw {
    /// The paper's setting: prior by size, a fit every 1000 rounds, least probability 0.01.
    pub fn new() -> Self {
        Self { prior: Prior::Size, refit: 1000, least: 0.01, rounds: 0, domains: Vec::new() }
    }

    /// Sets the mixture to start from and to weigh the slopes with.
    #[must_use]
    pub fn prior(mut self, prior: Prior) -> Self {
        self.prior = prior;
        self
    }

    /// Sets how many rounds lie between two fits, at least 1; the first comes after as many.
    #[must_use]
    pub fn refit(mut self, rounds: u64) -> Self {
        self.refit = rounds;
        self
    }

    /// Sets the least probability of an arm, in `[0, 1]`; `1 / K` takes its place if it is above.
    #[must_use]
    pub fn least(mut self, least: f64) -> Self {
        self.least = least;
        self
    }

    /// The slopes by arm, for arms that have a law.
    pub fn slopes(&self) -> Vec<Option<f64>> {
        let slope = |domain: &Domain| domain.law.map(|law| law.slope(domain.tickets));
        self.domains.iter().map(slope).collect()
    }

    /// Moves the mixture towards the slopes.
    fn step(&mut self, population: &Population) {
        let slopes = self.slopes();
        let known = slopes.iter().flatten().count() as f64;
        let mean = slopes.iter().flatten().sum::<f64>() / known.max(1.0);
        let mut target = self.prior.shares(population);
        for ((weight, domain), slope) in target.iter_mut().zip(&self.domains).zip(&slopes) {
            let slope = if domain.silence.is_long() { 0.0 } else { slope.unwrap_or(mean) };
            *weight *= domain.credit.max(0.0).sqrt() * slope;
        }
        // Without any slope the mixture stays.
        if normalise(&mut target).is_err() || target.iter().any(|share| !share.is_finite()) {
            return;
        }
        let arms = target.len() as f64;
        let least = self.least.min(1.0 / arms);
        for (domain, target) in self.domains.iter_mut().zip(target) {
            let target = (1.0 - arms * least) * target + least;
            domain.share = KEEP * domain.share + (1.0 - KEEP) * target;
            domain.credit = KEEP * domain.credit + (1.0 - KEEP) * domain.share;
        }
    }
}

impl Policy for ScalingLaw {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        if let Prior::Weights(weights) = &self.prior {
            check_mixture(weights, population)?;
        }
        within("rounds between fits", self.refit as f64, 1.0, f64::MAX)?;
        within("least probability", self.least, 0.0, 1.0)?;
        let mut shares = self.prior.shares(population);
        if normalise(&mut shares).is_err() {
            let even = 1.0 / shares.len() as f64;
            shares.fill(even);
        }
        let domain = |&share| Domain { stride: 1, share, credit: share, ..Domain::default() };
        self.domains = shares.iter().map(domain).collect();
        self.rounds = 0;
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        let is_possible = |domain: &Domain| {
            domain.loss.is_none_or(f64::is_finite)
                && domain.points.len() <= POINTS
                && domain.points.iter().all(|(n, loss)| are_finite(&[*n, *loss]))
                && domain.stride > 0
                && domain.law.is_none_or(|law| law.slope(domain.tickets).is_finite())
                && are_finite(&[domain.share, domain.credit])
        };
        (self.refit, self.least) == (built.refit, built.least)
            && self.prior.is_grown(&built.prior, arms)
            && self.rounds <= MOST
            && self.domains.len() == arms
            && self.domains.iter().all(is_possible)
    }

    fn reads(&self) -> Reads {
        Field::Loss.into()
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let open = open(turn.population, self.domains.len())?;
        let p = allotment.arms(self.domains.len());
        open.iter().for_each(|&arm| p[arm] = self.domains[arm].share);
        // An arm that had nothing to draw until now may have no share.
        if normalise(p).is_err() {
            open.iter().for_each(|&arm| p[arm] = 1.0 / open.len() as f64);
        }
        Ok(())
    }

    fn learn(&mut self, population: &Population, rewards: &[Reward]) {
        self.rounds += 1;
        for reward in rewards {
            let Some(domain) = self.domains.get_mut(reward.arm.index()) else { continue };
            // What was given up moves an arm along its law as what came back does: a slope that stood
            // still would in the end be the steepest of all.
            domain.tickets = domain.tickets.saturating_add(reward.lost.into());
            domain.silence.note(reward);
            if let Some(loss) = reward.loss {
                domain.visit(loss, reward.returned());
            }
        }
        if self.rounds.is_multiple_of(self.refit.max(1)) {
            for domain in &mut self.domains {
                domain.law = Law::fit(&domain.points).or(domain.law);
            }
        }
        if self.rounds >= self.refit {
            self.step(population);
        }
    }

    fn is_adapted(&self, _: &Turn<'_>) -> bool {
        self.domains.iter().any(|domain| domain.law.is_some())
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        if let Prior::Weights(weights) = &mut self.prior {
            weights.resize(arms, 0.0);
        }
        // The others make room in proportion.
        let even = 1.0 / arms as f64;
        for domain in &mut self.domains {
            domain.share *= 1.0 - even;
            domain.credit *= 1.0 - even;
        }
        let new = Domain { stride: 1, share: even, credit: even, ..Domain::default() };
        self.domains.resize(arms, new);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ArmId;
    use crate::base::math::{exp, pow};
    use crate::policy::kit::open_arms::testing::{allotted, population, same};

    fn reward(arm: u32, loss: f64) -> Reward {
        Reward { loss: Some(loss), ..Reward::new(ArmId(arm), 8, 0.0) }
    }

    #[test]
    fn a_curve_keeps_few_points_over_all_its_length() {
        let mut domain = Domain { stride: 1, ..Domain::default() };
        for visit in 0..10_000 {
            domain.visit(1.0 + f64::from(visit), 1);
            assert!(domain.points.len() <= POINTS);
        }
        assert!(domain.points.len() >= POINTS / 2);
        let gaps: Vec<f64> =
            domain.points.windows(2).map(|pair| (exp(pair[1].0) - exp(pair[0].0)).round()).collect();
        assert_eq!(gaps.iter().copied().fold(0.0, f64::max), f64::from(domain.stride));
        assert_eq!(domain.points[0], (0.0, 1.0));
    }

    #[test]
    fn the_arm_that_still_falls_has_more() {
        let three = population(&[10, 10, 20]);
        let mut policy = ScalingLaw::new().refit(20);
        policy.prepare(&three).unwrap();
        for round in 0..300_u32 {
            let p = allotted(&policy, round.into(), 8, &three);
            if round < 20 {
                same(&p, &[0.25, 0.25, 0.5]);
            }
            assert!(round < 100 || p.iter().all(|share| *share >= 0.01), "{p:?}");
            let n = f64::from(round + 1);
            let falling = 1.0 + 4.0 * pow(n, -0.3);
            policy.learn(&three, &[reward(0, falling), reward(1, 2.0), reward(2, 1.0 + 1.0 / n / n)]);
        }
        let p = allotted(&policy, 300, 8, &three);
        assert!(p[0] > 0.7 && p[1] < 0.25 && p[2] < 0.25, "{p:?}");
    }
}
