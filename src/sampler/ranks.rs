//! Draws from a discrete Gaussian over ranks, without touching all of them.

use super::odds::LEFT;
use super::{Pick, Scratch};
use crate::base::error::{Error, Result};
use crate::base::math::{exp, exp_of_negative, gaussian_integral, ln};
use crate::base::rng::Rng;
use crate::base::seen::Seen;
use crate::population::Population;

/// From this standard deviation on, sums over ranks are computed as integrals with an end
/// correction; the relative error is below 1e-8 there.
const WIDE: f64 = 32.0;
/// `exp` of minus this is beyond double precision beside 1.
const NEGLIGIBLE: f64 = 80.0;
/// `exp` of minus this, 2^32 times, is 1e-12 beside 1.
const FAR: f64 = 50.0;
/// Over so many ranks each weight is made from the one before; the relative error stays below 1e-12.
const RUN: usize = 64;

/// Sums of weights below this have lost digits.
const UNDERFLOW: f64 = 1e-280;

/// The distribution `exp(-(i - mean)^2 / (2 sd^2))` over those of the ranks `0..n` that can be drawn.
pub(super) struct Ranks<'a> {
    population: &'a Population,
    n: usize,
    mean: f64,
    sd: f64,
    /// Whether all ranks can be drawn.
    is_full: bool,
    /// The rank nearest to the mean.
    nearest: usize,
    /// The nearest one that can be drawn; weights are relative to its weight, so that none underflows
    /// that matters.
    centre: usize,
}

impl<'a> Ranks<'a> {
    /// `mean` is finite and `sd` positive. Cost: O(1), and that of the ranks passed over to one that
    /// can be drawn.
    pub fn new(population: &'a Population, mean: f64, sd: f64) -> Self {
        let n = population.arms().ranks();
        let nearest = mean.round().clamp(0.0, n.saturating_sub(1) as f64) as usize;
        let is_full = population.drawable_total() == n;
        let mut ranks = Self { population, n, mean, sd, is_full, nearest, centre: nearest };
        if !is_full {
            let found = ranks.drawable().next();
            ranks.centre = found.unwrap_or(nearest);
        }
        ranks
    }

    /// The log of the weight of a rank, relative to the centre's. Never positive if the rank can be
    /// drawn, and exact in the sense that no two large squares are subtracted.
    fn log_weight(&self, rank: usize) -> f64 {
        let (i, c) = (rank as f64, self.centre as f64);
        -0.5 * ((i - c) / self.sd) * ((i + c - 2.0 * self.mean) / self.sd)
    }

    /// All ranks from the mean outwards.
    fn outwards(&self) -> impl Iterator<Item = usize> {
        let mut below = (0..self.nearest).rev().peekable();
        let mut above = (self.nearest..self.n).peekable();
        std::iter::from_fn(move || match (below.peek(), above.peek()) {
            (Some(&low), Some(&high)) if self.log_weight(low) >= self.log_weight(high) => below.next(),
            (Some(_), None) => below.next(),
            _ => above.next(),
        })
    }

    /// The ranks that can be drawn, from the mean outwards.
    pub fn drawable(&self) -> impl Iterator<Item = usize> {
        self.outwards().filter(|&rank| self.can_draw(rank))
    }

    /// The sum of the relative weights of all ranks that can be drawn. Cost: O(1) if all can and the
    /// mean is within them, else O(sd).
    fn total(&self) -> f64 {
        if !self.is_full {
            return self.total_of_some();
        }
        let last = self.n as f64 - 1.0;
        if self.sd >= WIDE && self.mean >= 0.0 && self.mean <= last {
            let density =
                |x: f64| exp(-0.5 * ((x - self.mean) / self.sd) * ((x - self.mean) / self.sd));
            let slope = |x: f64| -density(x) * (x - self.mean) / (self.sd * self.sd);
            let (low, high) = (-0.5, last + 0.5);
            let integral = gaussian_integral(self.mean, self.sd, low, high);
            let sum = integral - (slope(high) - slope(low)) / 24.0;
            return sum / density(self.centre as f64);
        }
        let weights = |rank| Some(self.log_weight(rank)).filter(|&log| log > -NEGLIGIBLE).map(exp);
        (self.centre..self.n).map_while(weights).sum::<f64>()
            + (0..self.centre).rev().map_while(weights).sum::<f64>()
    }

    /// The same sum where some ranks are vacant or have weight 0: rank by rank, on both sides of the
    /// mean.
    fn total_of_some(&self) -> f64 {
        let distance = |rank: usize| (rank as f64 - self.mean).abs();
        let passed = (distance(self.centre) - distance(self.nearest) - 2.0).max(0.0) as usize;
        let above = (self.nearest..self.n).skip(passed);
        let below = (0..self.nearest).rev().skip(passed);
        self.side(above, |rank| rank as f64 - self.mean)
            + self.side(below, |rank| self.mean - rank as f64)
    }

    /// The sum of the weights of ranks that follow each other away from the mean.
    fn side(&self, ranks: impl Iterator<Item = usize>, beyond: impl Fn(usize) -> f64) -> f64 {
        let mut ranks = ranks.skip_while(|&rank| self.log_weight(rank) > 0.0).peekable();
        let (mut sum, shrink) = (0.0, exp(-1.0 / (self.sd * self.sd)));
        let run = if self.sd >= WIDE { RUN } else { 1 };
        while let Some(&first) = ranks.peek() {
            let log = self.log_weight(first);
            if log < -FAR {
                break;
            }
            // The next weight is this one times `ratio`, and the next ratio this one times `shrink`.
            let (mut weight, mut ratio) = (exp(log), exp(-(beyond(first) + 0.5) / (self.sd * self.sd)));
            for rank in ranks.by_ref().take(run) {
                if self.can_draw(rank) {
                    sum += weight;
                }
                weight *= ratio;
                ratio *= shrink;
            }
        }
        sum
    }

    fn can_draw(&self, rank: usize) -> bool {
        self.population
            .arms()
            .slot_at_rank(rank)
            .is_some_and(|slot| self.population.tree().get(slot) > 0)
    }

    #[inline(always)]
    fn pick(&self, rank: usize, propensity: f64) -> Result<Pick> {
        let arms = self.population.arms();
        let sample = arms.sample_at_rank(rank).ok_or(Error::NothingToDraw)?;
        Ok(Pick { sample, arm: arms.label(sample), share: 1.0, propensity: propensity.min(1.0) })
    }

    /// Makes attempts of rejection sampling, and keeps the ranks that succeeded, in order: each is
    /// distributed exactly as the weights.
    ///
    /// A point is drawn from the curve that is 1 within half a rank of the mean and falls like the
    /// Gaussian beyond. On the cell of a rank, the curve lies above the rank's weight.
    fn attempt(&self, attempts: usize, spare: &mut Option<f64>, rng: &mut Rng, ranks: &mut Vec<usize>) {
        // A tail that lies beyond the first or the last rank is left out of the curve.
        let (low, high) = (self.mean > 0.0, self.mean < self.n as f64 - 1.0);
        let tail = 0.5 * self.sd * (2.0 * std::f64::consts::PI).sqrt();
        let tails = f64::from(u8::from(low) + u8::from(high)) * tail;
        ranks.clear();
        for _ in 0..attempts {
            let point = rng.unit() * (1.0 + tails);
            let offset = if point < 1.0 {
                point - 0.5
            } else {
                let normal = spare.take().unwrap_or_else(|| {
                    let (one, other) = rng.two_normals();
                    *spare = Some(other);
                    one
                });
                let normal = match (low, high) {
                    (true, true) => normal,
                    (true, false) => -normal.abs(),
                    _ => normal.abs(),
                };
                normal * self.sd + 0.5f64.copysign(normal)
            };
            let place = self.mean + offset + 0.5;
            if !(place >= 0.0 && place < self.n as f64) {
                continue;
            }
            let rank = place as usize;
            let beyond = (offset.abs() - 0.5).max(0.0) / self.sd;
            let distance = (rank as f64 - self.mean) / self.sd;
            let excess = 0.5 * (distance * distance - beyond * beyond);
            // exp(-x) is at least 1 - x, which settles most attempts where the curve is wide.
            let height = rng.unit();
            if height < 1.0 - excess || height < exp(-excess) {
                ranks.push(rank);
                self.population.arms().fetch_rank(rank);
                if !self.is_full {
                    self.population.tree().fetch(rank);
                }
            }
        }
        if !self.is_full {
            ranks.retain(|&rank| self.can_draw(rank));
        }
    }

    /// Drawable ranks from the mean outwards, with the logs of their weights: at least `least`, and
    /// on until what lies beyond is negligible. `skip` holds ranks to leave out.
    pub fn nearest(&self, least: usize, skip: &Seen) -> Vec<(usize, f64)> {
        let mut found: Vec<(usize, f64)> = Vec::new();
        for rank in self.outwards() {
            let log = self.log_weight(rank);
            if found.len() >= least
                && found.get(least.saturating_sub(1)).is_none_or(|(_, last)| log < last - NEGLIGIBLE)
            {
                break;
            }
            if self.can_draw(rank) && !skip.contains(rank as u64) {
                found.push((rank, log));
            }
        }
        found
    }

    /// The propensities of independent or successive draws of given ranks, in their order; 0 for those that cannot be
    /// drawn.
    pub fn propensities(&self, ranks: &[usize], is_distinct: bool) -> Vec<f64> {
        // Weights are relative to that of the centre, or later of the nearest rank that is left.
        let (mut mass, mut reference) = (self.total(), 0.0);
        let mut summed = mass;
        let mut taken = Seen::default();
        taken.clear(ranks.len());
        let mut propensities = Vec::with_capacity(ranks.len());
        for &rank in ranks {
            let is_left = self.can_draw(rank) && !taken.contains(rank as u64);
            let weight = if is_left { exp_of_negative(self.log_weight(rank) - reference) } else { 0.0 };
            propensities.push(if mass > 0.0 { (weight / mass).min(1.0) } else { 0.0 });
            if !(is_distinct && is_left) {
                continue;
            }
            taken.insert(rank as u64);
            mass = (mass - weight).max(weight * f64::EPSILON).max(f64::MIN_POSITIVE);
            if mass < LEFT * summed {
                let near = self.nearest(1, &taken);
                reference = near.first().map_or(0.0, |(_, log)| *log);
                mass = near.iter().map(|(_, log)| exp_of_negative(log - reference)).sum();
                summed = mass;
            }
        }
        propensities
    }

    /// Appends n independent draws.
    pub fn replace(
        &self,
        n: usize,
        rng: &mut Rng,
        scratch: &mut Scratch,
        picks: &mut Vec<Pick>,
    ) -> Result<()> {
        let goal = picks.len() + n;
        let total = self.total();
        let (mut left, mut spare) = (attempts(n), None);
        while picks.len() < goal && left > 0 {
            let now = left.min(goal - picks.len());
            left -= now;
            self.attempt(now, &mut spare, rng, &mut scratch.ranks);
            for &rank in &scratch.ranks {
                picks.push(self.pick(rank, exp_of_negative(self.log_weight(rank)) / total)?);
            }
        }
        if picks.len() == goal {
            return Ok(());
        }
        // Hardly anything near the mean can be drawn: invert the distribution function of what can.
        let near = self.nearest(1, &Seen::default());
        let &(_, greatest) = near.first().ok_or(Error::NothingToDraw)?;
        let sums = near.iter().scan(0.0, |sum, (_, log)| {
            *sum += exp(log - greatest);
            Some(*sum)
        });
        let sums: Vec<f64> = sums.collect();
        let total = sums.last().copied().unwrap_or(1.0);
        while picks.len() < goal {
            let target = rng.unit() * total;
            let owner = sums.partition_point(|&sum| sum <= target).min(near.len() - 1);
            let (rank, log) = near[owner];
            picks.push(self.pick(rank, exp(log - greatest) / total)?);
        }
        Ok(())
    }

    /// Appends n distinct draws; at least n must be drawable.
    pub fn distinct(
        &self,
        n: usize,
        rng: &mut Rng,
        Scratch { taken, ranks, .. }: &mut Scratch,
        picks: &mut Vec<Pick>,
    ) -> Result<()> {
        let goal = picks.len() + n;
        let mut mass = self.total();
        taken.clear(n);
        let (mut left, mut spare) = (attempts(n), None);
        while picks.len() < goal && left > 0 {
            let now = left.min(goal - picks.len());
            left -= now;
            self.attempt(now, &mut spare, rng, ranks);
            for &rank in &*ranks {
                if taken.insert(rank as u64) {
                    let weight = exp_of_negative(self.log_weight(rank));
                    picks.push(self.pick(rank, weight / mass)?);
                    mass = (mass - weight).max(weight * f64::EPSILON).max(f64::MIN_POSITIVE);
                }
            }
        }
        if picks.len() == goal {
            return Ok(());
        }
        // Most of what is near has been taken. A race of exponential clocks continues the
        // successive draws exactly: rank i arrives at time E / w_i.
        let missing = goal - picks.len();
        let near = self.nearest(missing, taken);
        let mut race: Vec<(f64, usize, f64)> =
            near.iter().map(|&(rank, log)| (ln(rng.exponential()) - log, rank, log)).collect();
        race.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let greatest = near.first().map_or(0.0, |(_, log)| *log);
        let weight = |log: f64| exp(log - greatest);
        let mut left = vec![0.0; race.len() + 1];
        // The same sums relative to the greatest weight of each, for those that underflow.
        let mut scaled = vec![(f64::NEG_INFINITY, 0.0); race.len() + 1];
        for (index, &(_, _, log)) in race.iter().enumerate().rev() {
            left[index] = left[index + 1] + weight(log);
            let (most, sum) = scaled[index + 1];
            scaled[index] = if log > most {
                (log, 1.0 + sum * exp(most - log))
            } else {
                (most, sum + exp(log - most))
            };
        }
        for (place, &(_, rank, log)) in race.iter().enumerate().take(missing) {
            let propensity = if left[place] > UNDERFLOW {
                weight(log) / left[place]
            } else {
                let (most, sum) = scaled[place];
                exp(log - most) / sum
            };
            picks.push(self.pick(rank, propensity)?);
        }
        Ok(())
    }
}

/// How many attempts of rejection n draws are worth.
fn attempts(n: usize) -> usize {
    8 * n + 64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population::Arms;

    #[test]
    fn the_sum_is_right_on_both_sides_of_the_switch() {
        let population = Population::new(Arms::even(1, 5000).unwrap(), None).unwrap();
        for sd in [0.3, 5.0, 31.9, 32.0, 33.0, 500.0, 1e5] {
            for mean in [0.0, 0.4, 17.5, 2500.0, 4999.0] {
                let ranks = Ranks::new(&population, mean, sd);
                let naive: f64 = (0..5000).map(|rank| exp(ranks.log_weight(rank))).sum();
                assert!((ranks.total() / naive - 1.0).abs() < 1e-8, "sd {sd} mean {mean}");
            }
        }
    }

    /// The naive twin adds up what can be drawn, weight by weight.
    #[test]
    fn the_sum_leaves_out_what_cannot_be_drawn() {
        for keep in [2, 3, 700, 4001] {
            let weight = |rank| if rank % keep == 1 { 1.0 } else { 0.0 };
            let weights: Vec<f64> = (0..5000).map(weight).collect();
            let arms = Arms::even(1, 5000).unwrap();
            let population = Population::new(arms, Some(&weights)).unwrap();
            for sd in [1e-9, 0.3, 5.0, 31.9, 32.0, 33.0, 500.0, 1e5, 1e12] {
                for mean in [-70.0, 0.0, 0.4, 17.5, 2500.0, 4999.0, 9000.0] {
                    let ranks = Ranks::new(&population, mean, sd);
                    let drawn = (0..5000).filter(|rank| rank % keep == 1);
                    let naive: f64 = drawn.map(|rank| exp(ranks.log_weight(rank))).sum();
                    let error = ranks.total() / naive - 1.0;
                    assert!(error.abs() < 1e-11, "one of {keep}, sd {sd}, mean {mean}: {error}");
                }
            }
        }
    }

    #[test]
    fn nearest_walks_outwards() {
        let population = Population::new(Arms::even(1, 7).unwrap(), None).unwrap();
        let ranks = Ranks::new(&population, 2.5, 1e-3);
        let order: Vec<usize> = ranks.nearest(7, &Seen::default()).iter().map(|near| near.0).collect();
        assert_eq!(order, [2, 3, 1, 4, 0, 5, 6]);
    }
}
