//! Greedy k-center: the core-set selection.

use curricle_kernels::squared_distances;

use super::{Rows, Select, greatest, taken};
use crate::base::error::{Result, within};
use crate::base::rng::Rng;

/// Greedy k-center (farthest first): each pick is the item farthest from everything taken.
///
/// ```text
/// D_i = min over taken s of |x_i - x_s|^2;   next = argmax D_i;   D_i <- min(D_i, |x_i - x_next|^2)
/// ```
///
/// With nothing taken the first pick is item 0, or [`first`](Self::first). The greatest distance of an
/// item to the taken is at most twice the least possible for as many. Distances are in `f32`; only
/// those to the newest item are computed. Cost: O(n d) a pick, over the threads of rayon's current
/// pool; memory 8 n bytes beside the pool.
///
/// Papers: Gonzalez, *Clustering to minimize the maximum intercluster distance*, 1985; Sener and
/// Savarese, *Active Learning for Convolutional Neural Networks: A Core-Set Approach*, arXiv
/// 1708.00489.
///
/// ```
/// use curricle::test_time::select::{KCenter, Rows, Select};
/// use curricle::{Purpose, Rng, Round};
///
/// let points = [0.0, 0.1, 5.0, 9.0];
/// let picked = KCenter::new(Rows::new(&points, 1)?)
///     .select(&[], 3, &mut Rng::at(0, Round(0), Purpose::User))?;
/// assert_eq!(picked, [0, 3, 2]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct KCenter<'a> {
    points: Rows<'a>,
    first: usize,
}

impl<'a> KCenter<'a> {
    /// A selection from these points.
    pub fn new(points: Rows<'a>) -> Self {
        Self { points, first: 0 }
    }

    /// Sets the item to begin with where none is chosen.
    #[must_use]
    pub fn first(mut self, item: usize) -> Self {
        self.first = item;
        self
    }

    /// The squared distance of every item to the nearest chosen one, `[n]`; infinite where none is
    /// chosen. The greatest of them is the squared radius of the cover.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) if a chosen item is not in the pool.
    pub fn squared_distances(&self, chosen: &[usize]) -> Result<Vec<f32>> {
        taken(self.points.count(), chosen, 0)?;
        let mut cover = Cover::new(self.points);
        chosen.iter().for_each(|&item| cover.add(item));
        Ok(cover.nearest)
    }
}

struct Cover<'a> {
    points: Rows<'a>,
    nearest: Vec<f32>,
    room: Vec<f32>,
}

impl<'a> Cover<'a> {
    fn new(points: Rows<'a>) -> Self {
        let count = points.count();
        Self { points, nearest: vec![f32::INFINITY; count], room: vec![0.0; count] }
    }

    fn add(&mut self, item: usize) {
        squared_distances(self.points.values(), self.points.row(item), &mut self.room);
        for (nearest, &distance) in self.nearest.iter_mut().zip(&self.room) {
            *nearest = nearest.min(distance);
        }
    }
}

impl Select for KCenter<'_> {
    fn select(&self, chosen: &[usize], count: usize, _: &mut Rng) -> Result<Vec<usize>> {
        let mut taken = taken(self.points.count(), chosen, count)?;
        let mut picked = Vec::with_capacity(count);
        if count == 0 {
            return Ok(picked);
        }
        let mut cover = Cover::new(self.points);
        let mut values = vec![0.0; self.points.count()];
        if chosen.is_empty() {
            within("first item", self.first as f64, 0.0, (self.points.count() - 1) as f64)?;
            taken[self.first] = true;
            picked.push(self.first);
            cover.add(self.first);
        }
        chosen.iter().for_each(|&item| cover.add(item));
        while picked.len() < count {
            for (value, &nearest) in values.iter_mut().zip(&cover.nearest) {
                *value = nearest.into();
            }
            let Some(next) = greatest(&values, &taken) else { break };
            taken[next] = true;
            picked.push(next);
            // The last one's distances would not be read.
            if picked.len() < count {
                cover.add(next);
            }
        }
        Ok(picked)
    }
}
