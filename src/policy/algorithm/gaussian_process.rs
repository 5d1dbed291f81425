//! Thompson sampling over a Gaussian process: what one arm shows is believed of arms that are like it.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, finite, length, within};
use crate::base::id::ArmId;
use crate::base::math::exp;
use crate::base::rng::Rng;
use crate::policy::kit::open_arms::choose;
use crate::policy::kit::variate::Normals;
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// More arms would be a matrix of more than 32 MiB.
const MOST_ARMS: f64 = 2048.0;
/// The least variance of a score, in those that the means start with: below it a report would say more than the
/// rounding of what is believed leaves.
const LEAST_NOISE: f64 = 1e-8;
/// What rounding may leave of a covariance, in starting variances.
const ROUNDING: f64 = 1e-6;

/// How alike arms are, from 0 for strangers to 1; for [`GaussianProcess`].
///
/// ```
/// use curricle::policy::Similarity;
///
/// // Two chapters of algebra, and one of geometry.
/// let tree = Similarity::Tree(vec![vec![0, 0], vec![0, 1], vec![1, 0]]);
/// assert_eq!([tree.between(0, 1), tree.between(0, 2)], [1.0 / 3.0, 0.0]);
/// let line = Similarity::Points { points: vec![vec![1.0], vec![2.0]], scale: 1.0 };
/// assert!((line.between(0, 1) - (-0.5f64).exp()).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Similarity {
    /// A tree of tasks: the path of each arm from the root, as numbers of branches. With paths of at most `L` steps,
    /// two arms whose first `l` are the same have `l / (L + 1)`. The last part of an arm is its own even where paths
    /// are equal.
    Tree(Vec<Vec<u32>>),
    /// A point for each arm, such as its number of digits, or the mean embedding of its prompts: `exp(-|x - y|^2 / (2
    /// scale^2))`.
    Points {
        /// The points, all of the same dimension.
        points: Vec<Vec<f64>>,
        /// The distance at which arms are alike by 0.61, `> 0`.
        scale: f64,
    },
}

impl Similarity {
    /// How alike two arms are; 0 if one of them is not there, 1 of an arm with itself.
    pub fn between(&self, a: usize, b: usize) -> f64 {
        self.between_of(a, b, self.depth())
    }

    /// The length of the longest path.
    fn depth(&self) -> usize {
        match self {
            Self::Tree(paths) => paths.iter().map(Vec::len).max().unwrap_or(0),
            Self::Points { .. } => 0,
        }
    }

    fn between_of(&self, a: usize, b: usize, depth: usize) -> f64 {
        match self {
            Self::Tree(paths) => {
                let (Some(first), Some(second)) = (paths.get(a), paths.get(b)) else { return 0.0 };
                if a == b {
                    return 1.0;
                }
                let shared = first.iter().zip(second).take_while(|(x, y)| x == y).count();
                shared as f64 / (depth + 1) as f64
            }
            Self::Points { points, scale } => {
                let (Some(first), Some(second)) = (points.get(a), points.get(b)) else { return 0.0 };
                if a == b {
                    return 1.0;
                }
                let apart = |(x, y): (&f64, &f64)| (x - y) / scale * ((x - y) / scale);
                exp(-0.5 * first.iter().zip(second).map(apart).sum::<f64>())
            }
        }
    }

    fn check(&self, arms: usize) -> Result<()> {
        match self {
            Self::Tree(paths) => length("paths of arms", arms, paths.len()),
            Self::Points { points, scale } => {
                length("points of arms", arms, points.len())?;
                within("scale of similarity", *scale, 1e-100, 1e100)?;
                let dimension = points.first().map_or(0, Vec::len);
                for (arm, point) in points.iter().enumerate() {
                    length("numbers of the point of an arm", dimension, point.len())?;
                    for &number in point {
                        within(
                            "point of an arm",
                            finite("point of an arm", arm as u64, number)?,
                            -1e100,
                            1e100,
                        )?;
                    }
                }
                Ok(())
            }
        }
    }

    /// All pairs, row by row.
    fn matrix(&self, arms: usize) -> Vec<f64> {
        let depth = self.depth();
        (0..arms * arms).map(|place| self.between_of(place / arms, place % arms, depth)).collect()
    }
}

/// Thompson sampling where arms that are [alike](Similarity) have like mean scores: each report says something of the
/// arms beside its own, so that many arms are told apart from few reports.
///
/// With `S` the similarities, the means of all arms together are a Gaussian with mean `m` and covariance `P`, at first
/// `m_0` and `v_0 S`:
///
/// ```text
/// every slot                    the arm with the greatest draw from Normal(m_a, P_aa)
/// n tickets of a, mean score x  k = P_.a / (P_aa + s^2 / n),  m <- m + k (x - m_a),  P <- P - k P_a.
/// after every round             m <- m_0 + sqrt(r) (m - m_0),  P <- r P + (1 - r) v_0 S
/// ```
///
/// The bandit of the paper takes upper confidence bounds; this samples. The last line lets means change: what is
/// believed returns to what was at the start, of means near 37 % of it after `2 / (1 - r)` rounds. With all arms
/// strangers it is a [`Kalman`](crate::policy::Kalman) filter that forgets in this way. Slots are drawn from each
/// arm's own distribution; probabilities are as in [`Thompson`](crate::policy::Thompson). A similarity that is wrong
/// misleads: what is alike by it is believed to be, until each arm has reports of its own.
///
/// Defaults: `r = 0.99`; a score has variance `s^2 = 1/4`, at least `10^-8 v_0`; `m_0 = 1/2` and `v_0 = 1/4`, for
/// scores in `[0, 1]`. At most 2048 arms, none of which can be added later.
///
/// Cost: O(n K) variates and O(K^2) a round, O(K^2) more for each arm that reports; O(K^2 d) when it is built, for
/// points of d numbers. Memory: 16 K^2 bytes and what says how arms are alike, both in every snapshot.
///
/// Papers: Krause and Ong, *Contextual Gaussian Process Bandit Optimization*, NeurIPS 2011; the forgetting is
/// *back to the prior* of Van Vaerenbergh, Lazaro-Gredilla and Santamaria, *Kernel Recursive Least-Squares Tracker for
/// Time-Varying Regression*, 2012.
///
/// ```
/// use curricle::policy::{GaussianProcess, Similarity};
/// use curricle::{ArmId, Curriculum, Feedback, Outcome};
///
/// # fn main() -> curricle::Result<()> {
/// let digits = (0..4).map(|arm| vec![f64::from(arm)]).collect();
/// let policy = GaussianProcess::new(Similarity::Points { points: digits, scale: 1.0 });
/// let builder = Curriculum::builder(80).arms(4, |sample| (sample.0 / 20) as u32);
/// let mut curriculum = builder.policy(policy).build()?;
/// let batch = curriculum.draw(8)?;
/// let outcome = Outcome::default().success(0.5);
/// let feedback: Vec<Feedback> =
///     batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome)).collect();
/// curriculum.observe(&feedback)?;
/// curriculum.fold()?;
/// let (mean, variance) = curriculum.policy().belief(ArmId(0)).unwrap();
/// assert!(variance < 0.25 && mean.is_finite());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GaussianProcess {
    similarity: Similarity,
    retention: f64,
    noise: f64,
    mean: f64,
    variance: f64,
    /// `v_0 S` and `P`, row by row, and `m`.
    prior: Vec<f64>,
    covariance: Vec<f64>,
    means: Vec<f64>,
}

impl GaussianProcess {
    /// Arms that are alike in this way; see the defaults.
    pub fn new(similarity: Similarity) -> Self {
        Self {
            similarity,
            retention: 0.99,
            noise: 0.25,
            mean: 0.5,
            variance: 0.25,
            prior: Vec::new(),
            covariance: Vec::new(),
            means: Vec::new(),
        }
    }

    /// Sets `r`, what is kept of what is believed from round to round, in `[0, 1]`; 1 forgets nothing.
    #[must_use]
    pub fn retention(mut self, retention: f64) -> Self {
        self.retention = retention;
        self
    }

    /// Sets the variance of a score, `> 0`.
    #[must_use]
    pub fn noise(mut self, variance: f64) -> Self {
        self.noise = variance;
        self
    }

    /// Sets the mean and the variance that each arm starts with, and returns to.
    #[must_use]
    pub fn start(mut self, mean: f64, variance: f64) -> Self {
        (self.mean, self.variance) = (mean, variance);
        self
    }

    /// Mean and variance of what is believed of an arm; none of one that is not there.
    pub fn belief(&self, arm: ArmId) -> Option<(f64, f64)> {
        let (mean, variance) = (self.means.get(arm.index())?, self.diagonal(arm.index()));
        Some((*mean, variance))
    }

    fn diagonal(&self, arm: usize) -> f64 {
        // What rounding has left below 0 is 0.
        self.covariance.get(arm * (self.means.len() + 1)).map_or(0.0, |variance| variance.max(0.0))
    }

    /// Takes in one arm's mean score of so many tickets.
    fn condition(&mut self, arm: usize, tickets: u32, score: f64) {
        let arms = self.means.len();
        let column: Vec<f64> = (0..arms).map(|other| self.covariance[other * arms + arm]).collect();
        let scale = self.diagonal(arm) + self.noise / f64::from(tickets.max(1));
        let off = score - self.means[arm];
        for (other, row) in self.covariance.chunks_exact_mut(arms).enumerate() {
            let gain = column[other] / scale;
            self.means[other] += gain * off;
            row.iter_mut().zip(&column).for_each(|(entry, with)| *entry -= gain * with);
        }
    }
}

/// Whether a matrix, row by row, can be a covariance of means whose variances are at most this: symmetric, and positive
/// semidefinite, which a factorisation finds; all up to rounding.
fn is_covariance(matrix: &[f64], arms: usize, variance: f64) -> bool {
    let slack = ROUNDING * variance;
    let entry = |row: usize, column: usize| matrix[row * arms + column];
    let mut factor = vec![0.0; arms * arms];
    for row in 0..arms {
        for column in 0..=row {
            let (one, other) = (entry(row, column), entry(column, row));
            if !((one - other).abs() <= slack && one.abs() <= variance + slack) {
                return false;
            }
            let (above, left) = (&factor[row * arms..][..column], &factor[column * arms..][..column]);
            let sum: f64 = above.iter().zip(left).map(|(a, b)| a * b).sum();
            let rest = one - sum + if row == column { slack } else { 0.0 };
            factor[row * arms + column] = if row == column {
                if rest <= 0.0 {
                    return false;
                }
                rest.sqrt()
            } else {
                rest / factor[column * arms + column]
            };
        }
    }
    true
}

impl Policy for GaussianProcess {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        let arms = population.arms().count();
        within("arms of a Gaussian process", arms as f64, 1.0, MOST_ARMS)?;
        within("retention", self.retention, 0.0, 1.0)?;
        within("starting variance", self.variance, 1e-100, 1e100)?;
        within("variance of a score", self.noise, LEAST_NOISE * self.variance, 1e100)?;
        within("starting mean", finite("starting mean", 0, self.mean)?, -1e100, 1e100)?;
        self.similarity.check(arms)?;
        self.prior = self.similarity.matrix(arms);
        self.prior.iter_mut().for_each(|entry| *entry *= self.variance);
        self.covariance = self.prior.clone();
        self.means = vec![self.mean; arms];
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        (&self.similarity, self.retention, self.noise, self.mean, self.variance)
            == (&built.similarity, built.retention, built.noise, built.mean, built.variance)
            && self.prior == built.prior
            && self.means.len() == arms
            && self.covariance.len() == arms * arms
            && self.means.iter().all(|mean| mean.is_finite())
            && is_covariance(&self.covariance, arms, self.variance)
    }

    fn reads(&self) -> Reads {
        Reads::SCORE
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        length("arms of the policy", turn.population.arms().count(), self.means.len())?;
        let mut normals = Normals::default();
        choose(turn, rng, allotment, |rng, arm, _| {
            self.means[arm] + normals.next(rng) * self.diagonal(arm).sqrt()
        })
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        for reward in rewards {
            self.condition(reward.arm.index(), reward.count, reward.score);
        }
        let kept = self.retention.sqrt();
        self.means.iter_mut().for_each(|mean| *mean = self.mean + kept * (*mean - self.mean));
        for (entry, &prior) in self.covariance.iter_mut().zip(&self.prior) {
            *entry = self.retention * *entry + (1.0 - self.retention) * prior;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::error::Error;
    use crate::base::math::pow;
    use crate::policy::Kalman;
    use crate::policy::kit::open_arms::testing::population;

    /// Solves `A x = b` by elimination with pivots.
    fn solved(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
        let n = b.len();
        for column in 0..n {
            let best = (column..n).max_by(|&i, &j| a[i][column].abs().total_cmp(&a[j][column].abs()));
            let best = best.unwrap();
            a.swap(column, best);
            b.swap(column, best);
            for row in column + 1..n {
                let factor = a[row][column] / a[column][column];
                let above = a[column].clone();
                a[row].iter_mut().zip(&above).for_each(|(entry, above)| *entry -= factor * above);
                b[row] -= factor * b[column];
            }
        }
        for row in (0..n).rev() {
            let rest: f64 = (row + 1..n).map(|column| a[row][column] * b[column]).sum();
            b[row] = (b[row] - rest) / a[row][row];
        }
        b
    }

    proptest! {
        /// Against regression on all reports at once, whose noise grows with their age as the forgetting says: with
        /// `P <- r P + (1 - r) v S` the covariance of now with `t` rounds ago is `r^(t/2) v S`.
        #[test]
        fn agrees_with_regression_on_all_reports(
            rounds in prop::collection::vec(prop::collection::vec((0..4u32, 1..9u32, 0.0..1.0f64), 0..3), 1..8),
            retention in 0.3..1.0f64,
            scale in 0.3..3.0f64,
        ) {
            let points = vec![vec![0.0, 1.0], vec![1.0, 0.5], vec![2.5, 0.0], vec![-1.0, 2.0]];
            let similarity = Similarity::Points { points, scale };
            let (mean, variance, noise) = (0.4, 0.3, 0.2);
            let population = population(&[1, 1, 1, 1]);
            let policy = GaussianProcess::new(similarity.clone());
            let mut policy = policy.retention(retention).noise(noise).start(mean, variance);
            policy.prepare(&population).unwrap();
            let mut all = Vec::new();
            for (round, reports) in rounds.iter().enumerate() {
                let rewards: Vec<Reward> =
                    reports.iter().map(|&(arm, count, score)| Reward::new(ArmId(arm), count, score)).collect();
                policy.learn(&population, &rewards);
                all.extend(reports.iter().map(|&report| (round, report)));
            }
            let kernel = |apart: usize, a: u32, b: u32| {
                variance * pow(retention, apart as f64 / 2.0) * similarity.between(a as usize, b as usize)
            };
            let gram: Vec<Vec<f64>> = all.iter().enumerate().map(|(i, &(then, (a, count, _)))| {
                let entry = |(j, &(other, (b, _, _))): (usize, &(usize, (u32, u32, f64)))| {
                    let own = if i == j { noise / f64::from(count) } else { 0.0 };
                    kernel(then.abs_diff(other), a, b) + own
                };
                all.iter().enumerate().map(entry).collect()
            }).collect();
            let weights = solved(gram.clone(), all.iter().map(|&(_, (_, _, score))| score - mean).collect());
            for arm in 0..4u32 {
                let with: Vec<f64> =
                    all.iter().map(|&(then, (a, _, _))| kernel(rounds.len() - then, a, arm)).collect();
                let expected = mean + with.iter().zip(&weights).map(|(x, y)| x * y).sum::<f64>();
                let explained: f64 = with.iter().zip(&solved(gram.clone(), with.clone())).map(|(x, y)| x * y).sum();
                let (found, spread) = policy.belief(ArmId(arm)).unwrap();
                prop_assert!((found - expected).abs() < 1e-9, "{found} {expected}");
                prop_assert!((spread - (variance - explained)).abs() < 1e-9);
            }
            let built = GaussianProcess::new(similarity.clone());
            let mut built = built.retention(retention).noise(noise).start(mean, variance);
            built.prepare(&population).unwrap();
            prop_assert!(policy.is_learned_from(&built, 4));
        }
    }

    /// Nothing is forgotten and nobody is alike: the filter that there was.
    #[test]
    fn strangers_are_filtered_apart() {
        let population = population(&[1, 1]);
        let strangers = Similarity::Tree(vec![vec![0], vec![1]]);
        let mut process = GaussianProcess::new(strangers).retention(1.0);
        let mut filter = Kalman::new(0.0);
        process.prepare(&population).unwrap();
        filter.prepare(&population).unwrap();
        for round in 0..20 {
            let rewards = [Reward::new(ArmId(round % 2), 1 + round, f64::from(round) / 20.0)];
            process.learn(&population, &rewards);
            filter.learn(&population, &rewards);
        }
        for arm in 0..2 {
            let (mean, variance) = process.belief(ArmId(arm)).unwrap();
            let (expected, spread) = filter.beliefs()[arm as usize];
            assert!((mean - expected).abs() < 1e-12 && (variance - spread).abs() < 1e-12);
        }
    }

    #[test]
    fn what_one_arm_shows_is_believed_of_its_kin() {
        let population = population(&[1, 1, 1]);
        let tree = Similarity::Tree(vec![vec![0, 0], vec![0, 1], vec![1, 0]]);
        let mut process = GaussianProcess::new(tree);
        process.prepare(&population).unwrap();
        process.learn(&population, &[Reward::new(ArmId(0), 64, 1.0)]);
        let means = [0, 1, 2].map(|arm| process.belief(ArmId(arm)).unwrap().0);
        assert!(means[0] > 0.9 && means[1] > 0.6 && (means[2] - 0.5).abs() < 1e-12, "{means:?}");
        assert_eq!(process.belief(ArmId(3)), None);
        assert!(matches!(process.grow(4), Err(Error::Unsupported { .. })));
    }

    /// What no reports could have made is refused, and what a thousand rounds of them made is not.
    #[test]
    fn a_forged_covariance_is_refused() {
        let population = population(&[1; 4]);
        for (retention, noise) in [(1.0, 0.25), (1.0, 2.5e-9), (0.9, 1e-6)] {
            let points = (0..4).map(|arm| vec![f64::from(arm)]).collect();
            let process = GaussianProcess::new(Similarity::Points { points, scale: 5.0 });
            let mut built = process.retention(retention).noise(noise);
            built.prepare(&population).unwrap();
            let mut learned = built.clone();
            for round in 0..1000u32 {
                let reward =
                    |arm: u32| Reward::new(ArmId(arm), 1 + round % 7, f64::from((round ^ arm) & 1));
                learned.learn(&population, &[reward(round % 4), reward((round + 1) % 4)]);
                let means = (0..4).filter_map(|arm| learned.belief(ArmId(arm)));
                assert!(means.into_iter().all(|(mean, _)| mean.abs() < 1e3), "{noise} {round}");
            }
            assert!(learned.is_learned_from(&built, 4), "{retention} {noise}");
            for change in [
                |p: &mut Vec<f64>| p[0] = -0.25,
                |p: &mut Vec<f64>| (p[0], p[1], p[4], p[5]) = (0.0, 0.25, 0.25, 0.25),
                |p: &mut Vec<f64>| p[1] += 0.1,
                |p: &mut Vec<f64>| p[5] = 0.3,
                |p: &mut Vec<f64>| p[7] = f64::NAN,
                |p: &mut Vec<f64>| p.truncate(15),
            ] {
                let mut forged = learned.clone();
                change(&mut forged.covariance);
                assert!(!forged.is_learned_from(&built, 4));
            }
        }
        let mut wild = GaussianProcess::new(Similarity::Tree(vec![vec![]; 4])).start(0.5, 1e9);
        assert!(matches!(wild.prepare(&population), Err(Error::OutOfRange { .. })));
    }

    #[test]
    fn paths_and_points_are_checked() {
        let population = population(&[1, 1]);
        let refused = |similarity: Similarity| {
            GaussianProcess::new(similarity).prepare(&population).unwrap_err().to_string()
        };
        assert!(refused(Similarity::Tree(vec![vec![0]])).contains("paths of arms"));
        let points = |points: Vec<Vec<f64>>, scale| Similarity::Points { points, scale };
        assert!(refused(points(vec![vec![0.0]], 1.0)).contains("points of arms"));
        assert!(refused(points(vec![vec![0.0], vec![]], 1.0)).contains("numbers of the point"));
        assert!(refused(points(vec![vec![0.0], vec![f64::NAN]], 1.0)).contains("point of an arm"));
        assert!(refused(points(vec![vec![0.0], vec![1.0]], 0.0)).contains("scale of similarity"));
        assert_eq!(Similarity::Tree(vec![vec![]]).between(0, 0), 1.0);
        assert_eq!(Similarity::Tree(vec![vec![]]).between(0, 1), 0.0);
        // Two arms of one leaf are not one arm.
        assert_eq!(Similarity::Tree(vec![vec![3], vec![3]]).between(0, 1), 0.5);
    }
}
