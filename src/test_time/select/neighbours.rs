//! Sparse similarities: for each item the few that it covers.

use serde::{Deserialize, Serialize};

use super::Rows;
use super::rows::product;
use crate::base::error::{Result, finite, within};

/// For each item of a pool the items that it covers and how well, in compressed rows.
///
/// ```
/// use curricle::test_time::select::{Neighbours, Rows};
///
/// let points = [1.0, 0.0, 0.9, 0.1, 0.0, 1.0];
/// let nearest = Neighbours::by_cosine(Rows::new(&points, 2)?, 1);
/// assert_eq!(nearest.count(), 3);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Neighbours {
    ends: Vec<usize>,
    covered: Vec<(u32, f32)>,
}

impl Neighbours {
    /// From a list for each item of the items that it covers, each with its similarity. A similarity of
    /// 0 or less covers nothing.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) if an item is named that does not exist,
    /// [`Error::NonFinite`](crate::Error::NonFinite) naming the item whose list has a bad similarity.
    pub fn new(lists: &[Vec<(u32, f32)>]) -> Result<Self> {
        let (mut ends, mut covered) = (Vec::with_capacity(lists.len()), Vec::new());
        for (item, list) in lists.iter().enumerate() {
            for &(other, similarity) in list {
                within("covered item", other.into(), 0.0, lists.len() as f64 - 1.0)?;
                finite("similarity", item as u64, similarity.into())?;
            }
            // In the order of indices, so that sums do not depend on the order of the list.
            let mut list = list.clone();
            list.sort_by_key(|&(other, _)| other);
            covered.extend(list);
            ends.push(covered.len());
        }
        Ok(Self { ends, covered })
    }

    /// Each item covers itself (with 1) and is covered by the `nearest` items of greatest positive
    /// cosine to it. A row of zeros is covered by itself only. Cost: O(n^2 d) time, O(n nearest)
    /// memory.
    pub fn by_cosine(points: Rows<'_>, nearest: usize) -> Self {
        let count = points.count();
        let norms: Vec<f64> =
            (0..count).map(|item| product(points.row(item), points.row(item)).sqrt()).collect();
        let mut lists: Vec<Vec<(u32, f32)>> = (0..count).map(|item| vec![(item as u32, 1.0)]).collect();
        let mut products = vec![0.0; count];
        for item in 0..count {
            points.products(points.row(item), &mut products);
            let mut near: Vec<(f32, usize)> = (0..count)
                .filter(|&other| other != item && products[other] > 0.0)
                .map(|other| ((products[other] / (norms[item] * norms[other])).min(1.0) as f32, other))
                .collect();
            let better = |a: &(f32, usize), b: &(f32, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
            if near.len() > nearest {
                near.select_nth_unstable_by(nearest, better);
                near.truncate(nearest);
            }
            for (similarity, other) in near {
                lists[other].push((item as u32, similarity));
            }
        }
        let (mut ends, mut covered) = (Vec::with_capacity(count), Vec::new());
        for mut list in lists {
            list.sort_by_key(|&(other, _)| other);
            covered.extend(list);
            ends.push(covered.len());
        }
        Self { ends, covered }
    }

    /// How many items there are.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// What an item covers, in the order of indices.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn of(&self, item: usize) -> &[(u32, f32)] {
        let start = if item == 0 { 0 } else { self.ends[item - 1] };
        &self.covered[start..self.ends[item]]
    }
}
