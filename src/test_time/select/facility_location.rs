//! Facility location by the lazy greedy algorithm.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::{Neighbours, Rows, Select, taken};
use crate::base::error::{Result, length};
use crate::base::rng::Rng;

/// Facility location: the items that cover the pool best.
///
/// ```text
/// F(S) = sum_i max(0, max over s in S of similarity(i, s));   next = argmax F(S + s) - F(S)
/// ```
///
/// `F` is submodular, so the gain of an item only falls as others are taken: a gain computed earlier is
/// a bound, and only items at the top of the heap are computed again (lazy greedy). The picks are those
/// of the plain greedy algorithm, whose value is at least `1 - 1/e` of the best. Negative similarities
/// count as none. Cost: every column once, then few; a column has n entries, or those of a
/// [`Neighbours`] list. Memory O(n) beside the similarities.
///
/// Papers: Nemhauser, Wolsey and Fisher, 1978; Minoux, *Accelerated greedy algorithms*, 1978.
///
/// ```
/// use curricle::test_time::select::{FacilityLocation, Rows, Select};
/// use curricle::{Purpose, Rng, Round};
///
/// let similarity = [1.0, 0.9, 0.0, 0.9, 1.0, 0.0, 0.0, 0.0, 1.0];
/// let selection = FacilityLocation::dense(Rows::new(&similarity, 3)?)?;
/// assert_eq!(selection.select(&[], 2, &mut Rng::at(0, Round(0), Purpose::User))?, [0, 2]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct FacilityLocation<'a>(Similarity<'a>);

#[derive(Debug, Clone, Copy)]
enum Similarity<'a> {
    Dense(Rows<'a>),
    Sparse(&'a Neighbours),
}

impl<'a> FacilityLocation<'a> {
    /// By a square matrix whose row `s` says how well item `s` covers each item.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) if it is not square.
    pub fn dense(similarity: Rows<'a>) -> Result<Self> {
        length("rows of the similarity", similarity.dim(), similarity.count())?;
        Ok(Self(Similarity::Dense(similarity)))
    }

    /// By the few items that each item covers.
    pub fn sparse(neighbours: &'a Neighbours) -> Self {
        Self(Similarity::Sparse(neighbours))
    }

    /// The items and the gain of each, `F(S + s) - F(S)`: never increasing, so a caller may cut where
    /// it gets small.
    ///
    /// # Errors
    /// Those of [`select`](Select::select).
    pub fn gains(&self, chosen: &[usize], count: usize) -> Result<Vec<(usize, f64)>> {
        let size = self.size();
        let mut taken = taken(size, chosen, count)?;
        let mut covered = vec![0.0f32; size];
        chosen.iter().for_each(|&item| self.cover(item, &mut covered));
        let mut picked: Vec<(usize, f64)> = Vec::with_capacity(count);
        if count == 0 {
            return Ok(picked);
        }
        let bound = |item| Bound { gain: self.gain(item, &covered), item, round: 0 };
        let mut heap: BinaryHeap<Bound> = (0..size).filter(|&item| !taken[item]).map(bound).collect();
        while picked.len() < count {
            let Some(top) = heap.pop() else { break };
            if top.round == picked.len() {
                taken[top.item] = true;
                picked.push((top.item, top.gain));
                self.cover(top.item, &mut covered);
            } else {
                heap.push(Bound {
                    gain: self.gain(top.item, &covered),
                    item: top.item,
                    round: picked.len(),
                });
            }
        }
        Ok(picked)
    }

    fn size(&self) -> usize {
        match self.0 {
            Similarity::Dense(rows) => rows.count(),
            Similarity::Sparse(neighbours) => neighbours.count(),
        }
    }

    /// Rounding is monotone and the order of the sum is fixed, so a gain never rises, as the heap
    /// needs.
    fn gain(&self, item: usize, covered: &[f32]) -> f64 {
        let more = |similarity: f32, covered: f32| {
            f64::from(if similarity > covered { similarity - covered } else { 0.0 })
        };
        match self.0 {
            Similarity::Dense(rows) => {
                rows.row(item).iter().zip(covered).map(|(&s, &covered)| more(s, covered)).sum()
            }
            Similarity::Sparse(neighbours) => {
                neighbours.of(item).iter().map(|&(other, s)| more(s, covered[other as usize])).sum()
            }
        }
    }

    fn cover(&self, item: usize, covered: &mut [f32]) {
        match self.0 {
            Similarity::Dense(rows) => {
                for (covered, &similarity) in covered.iter_mut().zip(rows.row(item)) {
                    *covered = covered.max(similarity);
                }
            }
            Similarity::Sparse(neighbours) => {
                for &(other, similarity) in neighbours.of(item) {
                    let covered = &mut covered[other as usize];
                    *covered = covered.max(similarity);
                }
            }
        }
    }
}

impl Select for FacilityLocation<'_> {
    fn select(&self, chosen: &[usize], count: usize, _: &mut Rng) -> Result<Vec<usize>> {
        Ok(self.gains(chosen, count)?.into_iter().map(|(item, _)| item).collect())
    }
}

/// The gain an item had in some round: the greatest first, the lowest index among equals.
struct Bound {
    gain: f64,
    item: usize,
    round: usize,
}

impl Ord for Bound {
    fn cmp(&self, other: &Self) -> Ordering {
        self.gain.total_cmp(&other.gain).then_with(|| other.item.cmp(&self.item))
    }
}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Bound {}
