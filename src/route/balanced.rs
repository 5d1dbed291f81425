//! Which responses of many queries to keep, so that none crowds out the others.

use crate::base::error::{Result, finite, length};
use crate::base::numbers::{SLACK, all_finite, count_within, rounded, some};
use crate::gauge::balance_score;

/// The responses to one query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Responses<'a> {
    /// Numbers above 0; those of exact duplicates are equal. 0 is the reference solution, which every query has.
    pub id: &'a [u64],
    /// Whether the answer is right.
    pub correct: &'a [bool],
    /// The least step score of a process reward model.
    pub step_score: &'a [f64],
}

/// Keeps, of every query alike, the first so many of the best responses until enough are collected.
///
/// ```text
/// score = correct + step_score / 5; the reference has 1 and is right
/// ```
///
/// Responses with a score above the threshold (slack 1e-9) are sorted by it, the reference last among equals; for a cap of 1,
/// 2, ... the first cap of each query are taken, and duplicates removed, until `wanted` are collected or the cap is
/// `max_cap`. Duplicates take up places. Search the threshold with [`best_of_grid`](crate::dial::best_of_grid) by the mean.
/// Cost: O(responses log responses + cap responses).
///
/// Paper: Zeng et al., *B-STaR* (target 8, cap 64; thresholds -1 to 1 by 0.01, temperatures .5 to 1.2 by .05, the first
/// maximum wins).
///
/// ```
/// use curricle::route::{BalancedKeep, Responses};
///
/// let query = Responses { id: &[1, 1, 2], correct: &[true, true, false], step_score: &[0.5, 0.5, 0.9] };
/// let keep = BalancedKeep { threshold: 0.0, wanted: 2, ..BalancedKeep::default() };
/// assert_eq!(keep.route(&[query])?.kept, [vec![1, 0]]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BalancedKeep {
    /// Responses have to score above this.
    pub threshold: f64,
    /// How many responses to collect.
    pub wanted: usize,
    /// How many right ones of a query are enough.
    pub target: u64,
    /// The greatest cap that is tried; at least 1.
    pub max_cap: usize,
}

impl Default for BalancedKeep {
    fn default() -> Self {
        Self { threshold: 0.0, wanted: usize::MAX, target: 8, max_cap: 64 }
    }
}

/// What [`BalancedKeep`] keeps, a value for each query.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Kept {
    /// The cap that was enough, or the greatest.
    pub cap: usize,
    /// The numbers of what is kept, the best first.
    pub kept: Vec<Vec<u64>>,
    /// How many these are.
    pub n: Vec<u64>,
    /// How many of them are right.
    pub correct: Vec<u64>,
    /// The mean of their [balance scores](crate::gauge::balance_score).
    pub mean: f64,
}

impl BalancedKeep {
    /// Routes the responses of queries.
    ///
    /// # Errors
    /// No query; lists of different lengths; a number that is not finite; a response with the number 0; a target or a cap
    /// of 0.
    pub fn route(&self, queries: &[Responses]) -> Result<Kept> {
        some("queries", queries)?;
        finite("threshold", 0, self.threshold)?;
        count_within("max_cap", self.max_cap as u64, 1, u64::MAX)?;
        let mut ranked = Vec::with_capacity(queries.len());
        for query in queries {
            length("correct", query.id.len(), query.correct.len())?;
            length("step_score", query.id.len(), query.step_score.len())?;
            all_finite("step_score", query.step_score)?;
            query.id.iter().try_for_each(|&id| count_within("id", id, 1, u64::MAX))?;
            ranked.push(self.ranked(query));
        }
        // As soon as every query is exhausted, a greater cap keeps the same.
        let longest = ranked.iter().map(Vec::len).max().unwrap_or(0);
        let mut cap = 1;
        let mut kept = first(&ranked, cap);
        while kept.iter().map(Vec::len).sum::<usize>() < self.wanted && cap < self.max_cap {
            cap = if cap >= longest { self.max_cap } else { cap + 1 };
            kept = first(&ranked, cap);
        }
        let n: Vec<u64> = kept.iter().map(|of| of.len() as u64).collect();
        let right = |of: &Vec<(u64, bool)>| of.iter().filter(|(_, is)| *is).count() as u64;
        let correct: Vec<u64> = kept.iter().map(right).collect();
        let mean = balance_score(&n, &correct, self.target)?.mean;
        let kept = kept.iter().map(|of| of.iter().map(|&(id, _)| id).collect()).collect();
        Ok(Kept { cap, kept, n, correct, mean })
    }

    /// What scores above the threshold, the best first.
    fn ranked(&self, query: &Responses) -> Vec<(u64, bool)> {
        let own = query.id.iter().zip(query.correct).zip(query.step_score);
        let mut scored: Vec<(f64, u64, bool)> = own
            .map(|((&id, &is), step)| (f64::from(is) + step / 5.0, id, is))
            .chain([(1.0, 0, true)])
            .filter(|(score, ..)| *score > self.threshold + SLACK)
            .collect();
        scored.sort_by(|a, b| rounded(b.0).total_cmp(&rounded(a.0)));
        scored.into_iter().map(|(_, id, is)| (id, is)).collect()
    }
}

/// The first so many of each, without what stood before.
fn first(ranked: &[Vec<(u64, bool)>], cap: usize) -> Vec<Vec<(u64, bool)>> {
    let of = |ranked: &Vec<(u64, bool)>| {
        let mut kept: Vec<(u64, bool)> = Vec::new();
        for &(id, is) in ranked.iter().take(cap) {
            if !kept.iter().any(|(other, _)| *other == id) {
                kept.push((id, is));
            }
        }
        kept
    };
    ranked.iter().map(of).collect()
}
