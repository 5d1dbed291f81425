//! Discrimination and difficulty of items by item response theory.

use crate::base::error::{Result, length};
use crate::base::math::exp;
use crate::base::numbers::{
    LEAST, all_binary, count_within, in_range, log_sum_exp, sigmoid, softplus, some, sum, tied_order,
};

/// The two-parameter logistic model: `P(1 | t) = sigma(a_j (t - b_j))`, with the abilities `t` integrated out.
///
/// Maximises, over `ln a_j` and `b_j` of every item, the log-posterior
///
/// ```text
/// sum over persons of ln sum_q w_q prod_j P^y (1 - P)^(1 - y)  -  sum over items of (ln a_j)^2 / (2 sd_log_a^2) + b_j^2 / (2 sd_b^2)
/// ```
///
/// on a grid of abilities `t_q` from `-span` to `span`, weighted by the standard normal density. Twenty respondents do not
/// identify the model without the priors; an item that all solve gets a discrimination set by the priors, so drop such
/// items first if that matters. Cost: O(persons items nodes) a step, some tens of steps.
///
/// Paper: ARTE (100 validation items, 40 probes, 20 respondents), which samples a posterior; the maximum is its
/// deterministic stand-in, and the grid and the priors are our own.
///
/// ```
/// use curricle::monitor::TwoParameterLogistic;
///
/// let persons = [vec![1.0, 1.0, 0.0], vec![1.0, 0.0, 0.0], vec![0.0, 0.0, 1.0], vec![1.0, 1.0, 1.0]];
/// let reading = TwoParameterLogistic::default().fit(&persons, 1)?;
/// assert_eq!(reading.probes.len(), 1);
/// assert!(reading.difficulty[0] < reading.difficulty[1]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoParameterLogistic {
    /// Nodes of the grid of abilities.
    pub nodes: usize,
    /// How far it goes.
    pub span: f64,
    /// The deviation of the prior of `ln a`.
    pub sd_log_a: f64,
    /// The deviation of the prior of `b`.
    pub sd_b: f64,
}

impl Default for TwoParameterLogistic {
    fn default() -> Self {
        Self { nodes: 41, span: 4.0, sd_log_a: 0.5, sd_b: 2.0 }
    }
}

/// What [`TwoParameterLogistic`] reads, a value for each item.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ItemParameters {
    /// How sharply it tells persons apart.
    pub discrimination: Vec<f64>,
    /// The ability at which half of the persons solve it.
    pub difficulty: Vec<f64>,
    /// The maximum, without the constants of the priors.
    pub log_posterior: f64,
    /// The items of the greatest discriminations; those that differ by 1e-6 or less go by their number.
    pub probes: Vec<usize>,
    /// Whether the search came to rest; else the numbers are those of its last step.
    pub converged: bool,
}

/// Steps that L-BFGS remembers, and steps that it may take.
const MEMORY: usize = 12;
const STEPS: usize = 2000;

impl TwoParameterLogistic {
    /// Fits `outcomes[person][item]`, each 0 or 1, and picks so many probes.
    ///
    /// # Errors
    /// No person or no item; rows of different lengths; an outcome that is neither 0 nor 1; more probes than items; an
    /// option out of its range: a grid of 2 to 10 000 nodes up to 1000, deviations from 1e-6 to 1e6.
    pub fn fit<R: AsRef<[f64]>>(&self, outcomes: &[R], keep: usize) -> Result<ItemParameters> {
        some("outcomes", outcomes)?;
        some("outcomes", outcomes[0].as_ref())?;
        let items = outcomes[0].as_ref().len();
        for row in outcomes {
            length("outcomes", items, row.as_ref().len())?;
            all_binary("outcomes", row.as_ref())?;
        }
        count_within("keep", keep as u64, 0, items as u64)?;
        count_within("nodes", self.nodes as u64, 2, 10_000)?;
        in_range("span", self.span, LEAST, 1e3)?;
        in_range("sd_log_a", self.sd_log_a, 1e-6, 1e6)?;
        in_range("sd_b", self.sd_b, 1e-6, 1e6)?;
        let likelihood = Likelihood::new(self, outcomes);
        // ln a of every item, then b.
        let start = |item: usize| {
            let right: f64 = outcomes.iter().map(|row| row.as_ref()[item]).sum();
            let share = (right + 0.5) / (outcomes.len() as f64 + 1.0);
            -crate::base::math::ln(share / (1.0 - share))
        };
        let start: Vec<f64> = std::iter::repeat_n(0.0, items).chain((0..items).map(start)).collect();
        let (at, cost, is_there) = descend(start, |at| likelihood.cost(at));
        let discrimination: Vec<f64> = at[..items].iter().map(|&log_a| exp(log_a)).collect();
        let probes = tied_order(&discrimination, 1e-6, keep);
        Ok(ItemParameters {
            discrimination,
            difficulty: at[items..].to_vec(),
            log_posterior: -cost,
            probes,
            converged: is_there,
        })
    }
}

/// What is minimised: the negative log-posterior.
struct Likelihood<'a> {
    options: &'a TwoParameterLogistic,
    outcomes: Vec<&'a [f64]>,
    /// Abilities and the logarithms of their weights.
    grid: Vec<(f64, f64)>,
}

impl<'a> Likelihood<'a> {
    fn new<R: AsRef<[f64]>>(options: &'a TwoParameterLogistic, outcomes: &'a [R]) -> Self {
        let step = 2.0 * options.span / (options.nodes - 1) as f64;
        let ability = |node: usize| -options.span + step * node as f64;
        let logs: Vec<f64> =
            (0..options.nodes).map(|node| -ability(node) * ability(node) / 2.0).collect();
        let whole = log_sum_exp(&logs);
        let grid = logs.iter().enumerate().map(|(node, log)| (ability(node), log - whole)).collect();
        Self { options, outcomes: outcomes.iter().map(AsRef::as_ref).collect(), grid }
    }

    /// The cost and its gradient.
    fn cost(&self, at: &[f64]) -> (f64, Vec<f64>) {
        let items = at.len() / 2;
        let (log_a, b) = at.split_at(items);
        let a: Vec<f64> = log_a.iter().map(|&log_a| exp(log_a)).collect();
        // By node and item: the logarithms of both answers, and the chance of the right one.
        let answers: Vec<Vec<[f64; 3]>> = self
            .grid
            .iter()
            .map(|(ability, _)| {
                let of = |item: usize| {
                    let logit = a[item] * (ability - b[item]);
                    [-softplus(logit), -softplus(-logit), sigmoid(logit)]
                };
                (0..items).map(of).collect()
            })
            .collect();
        let mut gradient = vec![0.0; at.len()];
        let mut costs = Vec::with_capacity(self.outcomes.len() + 1);
        for person in &self.outcomes {
            let of_node = |(answers, (_, weight)): (&Vec<[f64; 3]>, &(f64, f64))| {
                let terms = answers.iter().zip(*person).map(|(answer, &is)| answer[is as usize]);
                weight + sum(terms)
            };
            let nodes: Vec<f64> = answers.iter().zip(&self.grid).map(of_node).collect();
            let whole = log_sum_exp(&nodes);
            costs.push(-whole);
            for ((answers, (ability, _)), node) in answers.iter().zip(&self.grid).zip(&nodes) {
                let share = exp(node - whole);
                for item in 0..items {
                    let pull = share * (person[item] - answers[item][2]) * a[item];
                    gradient[item] -= pull * (ability - b[item]);
                    gradient[items + item] += pull;
                }
            }
        }
        let Self { options: TwoParameterLogistic { sd_log_a, sd_b, .. }, .. } = self;
        let sds = std::iter::repeat_n(sd_log_a, items).chain(std::iter::repeat_n(sd_b, items));
        for ((x, slope), sd) in at.iter().zip(&mut gradient).zip(sds) {
            costs.push(x * x / (2.0 * sd * sd));
            *slope += x / (sd * sd);
        }
        (sum(costs), gradient)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    sum(a.iter().zip(b).map(|(a, b)| a * b))
}

/// The minimum of a smooth function by L-BFGS with steps that are halved until the cost falls enough: where, its value, and
/// whether the gradient is none there but for rounding.
fn descend(mut at: Vec<f64>, cost: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> (Vec<f64>, f64, bool) {
    let (mut value, mut gradient) = cost(&at);
    let is_flat = |value: f64, gradient: &[f64], near: f64| {
        gradient.iter().all(|slope| slope.abs() < near * f64::max(value.abs(), 1.0))
    };
    let mut past: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    for _ in 0..STEPS {
        let mut direction: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
        let mut parts = Vec::new();
        for (step, change) in past.iter().rev() {
            let part = dot(step, &direction) / dot(step, change);
            direction.iter_mut().zip(change).for_each(|(to, change)| *to -= part * change);
            parts.push(part);
        }
        if let Some((step, change)) = past.last() {
            let scale = dot(step, change) / dot(change, change);
            direction.iter_mut().for_each(|to| *to *= scale);
        }
        for ((step, change), part) in past.iter().zip(parts.into_iter().rev()) {
            let other = dot(change, &direction) / dot(step, change);
            direction.iter_mut().zip(step).for_each(|(to, step)| *to += (part - other) * step);
        }
        let fall = dot(&direction, &gradient);
        if fall.abs() < 1e-26 * value.abs().max(1.0) {
            break;
        }
        let mut length =
            if past.is_empty() { 1.0 / (1.0 + dot(&gradient, &gradient).sqrt()) } else { 1.0 };
        let found = loop {
            let there: Vec<f64> = at.iter().zip(&direction).map(|(at, to)| at + length * to).collect();
            let (lower, slopes) = cost(&there);
            if lower <= value + 1e-4 * length * fall + 1e-15 * value.abs() {
                break Some((there, lower, slopes));
            }
            length *= 0.5;
            if length < 1e-12 {
                break None;
            }
        };
        let Some((there, lower, slopes)) = found else { break };
        let step: Vec<f64> = there.iter().zip(&at).map(|(there, at)| there - at).collect();
        let change: Vec<f64> = slopes.iter().zip(&gradient).map(|(new, old)| new - old).collect();
        // Only steps along which the function curves upwards say something about its curvature.
        if dot(&step, &change) > 1e-300 {
            past.push((step, change));
            if past.len() > MEMORY {
                past.remove(0);
            }
        }
        (at, value, gradient) = (there, lower, slopes);
        if is_flat(value, &gradient, 1e-12) {
            break;
        }
    }
    // Where no step helps any more the gradient is rounding.
    let is_there = is_flat(value, &gradient, 1e-8);
    (at, value, is_there)
}
