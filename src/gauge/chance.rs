//! Counts of tries, and what chance makes of them.

use crate::base::error::{Error, Result, length};
use crate::base::math::{exp, ln};
use crate::base::numbers::{count_within, in_range, mean, some, sum};

/// A number for each query, and their mean.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Shares {
    /// Of each query.
    pub score: Vec<f64>,
    /// Over all queries.
    pub mean: f64,
}

/// The most terms that a sum has.
const MOST: u64 = 1 << 24;

/// The balance of exploration and exploitation on every query: `min(correct / target, 1) * correct / kept`, 0 if nothing is
/// kept.
///
/// Count after exact duplicates have been removed. Evaluated for every temperature and threshold of a
/// [grid](crate::dial::best_of_grid), its mean says which to sample with. Cost: O(queries).
///
/// Paper: Zeng et al., *B-STaR* (target 8). Its code averages over queries with something kept only, which rewards a
/// threshold that empties the hard ones.
///
/// ```
/// let reading = curricle::gauge::balance_score(&[8, 4, 0], &[8, 2, 0], 8)?;
/// assert_eq!((reading.score, reading.mean), (vec![1.0, 0.125, 0.0], 0.375));
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No query; lists of different lengths; more right than kept; a target of 0.
pub fn balance_score(kept: &[u64], correct: &[u64], target: u64) -> Result<Shares> {
    some("kept", kept)?;
    length("correct", kept.len(), correct.len())?;
    count_within("target", target, 1, u64::MAX)?;
    let of = |(&kept, &correct): (&u64, &u64)| {
        count_within("correct", correct, 0, kept)?;
        let share = (correct as f64 / target as f64).min(1.0);
        Ok(if kept == 0 { 0.0 } else { share * correct as f64 / kept as f64 })
    };
    let score = kept.iter().zip(correct).map(of).collect::<Result<Vec<f64>>>()?;
    Ok(Shares { mean: mean(&score), score })
}

/// The chance that at least `s` of `k` answers, drawn without replacement from `n` of which `correct` are right, are right:
///
/// ```text
/// sum over j >= s of C(c, j) C(n - c, k - j) / C(n, k)
/// ```
///
/// With `s = 1` it is pass@k: whether a solution exists. With a greater `s` it says whether one is found often enough to
/// learn from. Cost: O(k) time and memory a query, k at most 2^24.
///
/// Paper: Zeng et al., *B-STaR* (k 32, s 4 as an example); the estimator is that of Chen et al., arXiv 2107.03374.
///
/// ```
/// let reading = curricle::gauge::pass_at_k_s(&[4], &[2], 2, 1)?;
/// assert!((reading.mean - 5.0 / 6.0).abs() < 1e-12);
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No query; lists of different lengths; more right than tried; a `k` of 0 or above `n` or 2^24; an `s` of 0; an `n` above
/// 2^53.
pub fn pass_at_k_s(n: &[u64], correct: &[u64], k: u64, s: u64) -> Result<Shares> {
    some("n", n)?;
    length("correct", n.len(), correct.len())?;
    count_within("s", s, 1, u64::MAX)?;
    let of = |(&n, &correct): (&u64, &u64)| {
        count_within("n", n, 0, 1 << 53)?;
        count_within("correct", correct, 0, n)?;
        count_within("k", k, 1, n.min(MOST))?;
        Ok(at_least_of(n, correct, k, s))
    };
    let score = n.iter().zip(correct).map(of).collect::<Result<Vec<f64>>>()?;
    Ok(Shares { mean: mean(&score), score })
}

/// `P(X >= s)`, X hypergeometric. The terms go by ratios from the most probable one, so that nothing overflows.
fn at_least_of(n: u64, c: u64, k: u64, s: u64) -> f64 {
    let (low, high) = ((k + c).saturating_sub(n), k.min(c));
    if s <= low {
        return 1.0;
    }
    if s > high {
        return 0.0;
    }
    let start = (((k + 1) as f64 * (c + 1) as f64 / (n + 2) as f64) as u64).clamp(low, high);
    let step = |j: u64| (c - j) as f64 * (k - j) as f64 / ((j + 1) as f64 * (n + j + 1 - c - k) as f64);
    let mut weights = vec![0.0; (high - low + 1) as usize];
    let at = |j: u64| (j - low) as usize;
    weights[at(start)] = 1.0;
    for j in start..high {
        weights[at(j + 1)] = weights[at(j)] * step(j);
    }
    for j in (low..start).rev() {
        weights[at(j)] = weights[at(j + 1)] / step(j);
    }
    sum(weights[at(s)..].iter().copied()) / sum(weights.iter().copied())
}

/// What [`slot_guess`] reads.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Guess {
    /// `hits / trials`.
    pub rate: f64,
    /// How many standard errors it is above chance; `None` if chance is 0.
    pub z: Option<f64>,
    /// The chance of so many hits or more.
    pub p_value: f64,
    /// Whether that is below the level.
    pub alarm: bool,
}

/// Whether what was masked is guessed more often than by chance: `P(X >= hits)`, X binomial(trials, chance).
///
/// Mask a wrong option or a rare word, ask the model, count exact matches. Take the chance from a control model that
/// cannot have seen the set: it is not 0 when wrong options follow a pattern. Cost: O(trials) time and memory, at most 2^24
/// trials.
///
/// Paper: Deng et al., *Investigating Data Contamination in Modern Benchmarks*; the test is our own (level 0.01).
///
/// ```
/// let reading = curricle::gauge::slot_guess(57, 100, 0.1, 0.01)?;
/// assert!(reading.alarm && reading.p_value < 1e-20);
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No trials, or more than 2^24; more hits than trials; a chance outside [0, 1), or a level outside [0, 1].
pub fn slot_guess(hits: u64, trials: u64, chance: f64, level: f64) -> Result<Guess> {
    if trials == 0 {
        return Err(Error::Empty { what: "trials", index: 0 });
    }
    count_within("trials", trials, 1, MOST)?;
    count_within("hits", hits, 0, trials)?;
    in_range("chance", chance, 0.0, 1.0 - f64::EPSILON / 2.0)?;
    in_range("level", level, 0.0, 1.0)?;
    let rate = hits as f64 / trials as f64;
    let error = (chance * (1.0 - chance) / trials as f64).sqrt();
    // What the product of trials and chance loses counts where hits are as many as by chance.
    let by_chance = trials as f64 * chance;
    let lost = libm::fma(trials as f64, chance, -by_chance);
    let above = (hits as f64 - by_chance) - lost;
    let z = (chance > 0.0).then(|| above / trials as f64 / error);
    let p_value = match hits {
        0 => 1.0,
        _ if chance == 0.0 => 0.0,
        _ => binomial_tail(hits, trials, chance),
    };
    Ok(Guess { rate, z, p_value, alarm: p_value < level })
}

/// `P(X >= hits)` for `0 < hits`, from the first term on; where more than half lies there, from the other side.
fn binomial_tail(hits: u64, trials: u64, chance: f64) -> f64 {
    let odds = chance / (1.0 - chance);
    let log_term = |j: u64| {
        let (right, wrong) = (j as f64, (trials - j) as f64);
        sum([log_choose(trials, j), right * ln(chance), wrong * libm::log1p(-chance)])
    };
    let up = |from: u64, to: u64| {
        let mut term = 1.0;
        let mut terms = vec![term];
        for j in from..to {
            term *= (trials - j) as f64 / (j + 1) as f64 * odds;
            terms.push(term);
        }
        exp(log_term(from)) * sum(terms.into_iter().rev())
    };
    let down = |from: u64| {
        let mut term = 1.0;
        let mut terms = vec![term];
        for j in (0..from).rev() {
            term *= (j + 1) as f64 / ((trials - j) as f64 * odds);
            terms.push(term);
        }
        exp(log_term(from)) * sum(terms.into_iter().rev())
    };
    if hits as f64 > trials as f64 * chance { up(hits, trials) } else { 1.0 - down(hits - 1) }
}

/// `ln C(n, k)`, factor by factor: differences of logarithms of factorials would lose digits.
fn log_choose(n: u64, k: u64) -> f64 {
    let few = k.min(n - k);
    sum((1..=few).map(|i| ln((n - few + i) as f64 / i as f64)))
}
