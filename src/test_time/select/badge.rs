//! BADGE: diverse gradients of the last layer, factorised.

use curricle_kernels::inner_products;

use super::rows::product;
use super::{Rows, Select, greatest, taken};
use crate::base::error::{Error, Result, finite, length};
use crate::base::math;
use crate::base::rng::Rng;

/// Batch active learning by diverse gradient embeddings (BADGE): k-means++ on the gradients that the
/// last layer would get if the model's own answers were true.
///
/// ```text
/// g_i = r_i (x) h_i,   r_i = p_i - onehot(argmax p_i),   h_i the input of the last layer
/// <g_i, g_j> = <r_i, r_j> <h_i, h_j>
/// |g_i - g_j|^2 = |r_i|^2 |h_i|^2 + |r_j|^2 |h_j|^2 - 2 <r_i, r_j> <h_i, h_j>
/// D_i = min over taken s of |g_i - g_s|^2;   P(next = i) = D_i / sum D
/// ```
///
/// The `C d` numbers of a gradient are never formed. With nothing taken the first pick is the longest
/// gradient, as in the authors' code. Where every `D_i` left is 0 the rest is taken by index. Cost:
/// O(n (C + d)) a pick; memory 32 n bytes beside the two matrices. With a large vocabulary pass `r` cut
/// to its largest entries.
///
/// Paper: Ash et al., *Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds*,
/// arXiv 1906.03671.
///
/// ```
/// use curricle::test_time::select::{Badge, Rows, Select, residuals};
/// use curricle::{Purpose, Rng, Round};
///
/// let residuals = residuals(Rows::new(&[2.0, 1.0, 0.0, 0.0, 9.0, -9.0], 2)?);
/// let embeddings = [1.0, 2.0, 0.5, -1.0, 1.0, 1.0];
/// let badge = Badge::new(Rows::new(&residuals, 2)?, Rows::new(&embeddings, 2)?)?;
/// let picked = badge.select(&[], 2, &mut Rng::at(0, Round(0), Purpose::User))?;
/// assert_eq!(picked.len(), 2);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Badge<'a> {
    residuals: Rows<'a>,
    embeddings: Rows<'a>,
    squared_norms: Vec<f64>,
}

/// `softmax(logits) - onehot(argmax)` of every row, `[n, C]`: the derivative of the cross entropy
/// against the model's own answer. The answer is the lowest index among equals.
pub fn residuals(logits: Rows<'_>) -> Vec<f32> {
    let mut into = Vec::with_capacity(logits.values().len());
    for row in logits.values().chunks_exact(logits.dim()) {
        let mut p: Vec<f64> = row.iter().map(|&logit| logit.into()).collect();
        let answer = greatest(&p, &vec![false; p.len()]).unwrap_or(0);
        math::softmax(&mut p, 1.0);
        // Not p - 1, which cancels where the model is sure.
        p[answer] = -p.iter().enumerate().map(|(k, &p)| if k == answer { 0.0 } else { p }).sum::<f64>();
        into.extend(p.iter().map(|&p| p as f32));
    }
    into
}

impl<'a> Badge<'a> {
    /// A selection by residuals `[n, C]` and embeddings `[n, d]`.
    ///
    /// # Errors
    /// [`Error::Length`] if the two differ in rows, [`Error::NonFinite`] if the norm of a gradient is.
    pub fn new(residuals: Rows<'a>, embeddings: Rows<'a>) -> Result<Self> {
        length("rows of the embeddings", residuals.count(), embeddings.count())?;
        let mut squared_norms = vec![0.0; residuals.count()];
        for (item, norm) in squared_norms.iter_mut().enumerate() {
            let (r, h) = (residuals.row(item), embeddings.row(item));
            *norm = finite("norm of a gradient", item as u64, product(r, r) * product(h, h))?;
        }
        Ok(Self { residuals, embeddings, squared_norms })
    }

    /// `|g_i|^2`.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn squared_norm(&self, item: usize) -> f64 {
        self.squared_norms[item]
    }

    /// `<g_i, g_j>`.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn inner_product(&self, i: usize, j: usize) -> f64 {
        product(self.residuals.row(i), self.residuals.row(j))
            * product(self.embeddings.row(i), self.embeddings.row(j))
    }

    /// `|g_i - g_j|^2`, at least 0.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn squared_distance(&self, i: usize, j: usize) -> f64 {
        (self.squared_norms[i] + self.squared_norms[j] - 2.0 * self.inner_product(i, j)).max(0.0)
    }
}

struct Cover<'b, 'a> {
    badge: &'b Badge<'a>,
    nearest: Vec<f64>,
    products: [Vec<f32>; 2],
    /// By the same sums as the products, so that the distance of equal gradients is exactly 0.
    squared_norms: Vec<f64>,
}

impl<'b, 'a> Cover<'b, 'a> {
    fn new(badge: &'b Badge<'a>) -> Self {
        let size = badge.residuals.count();
        let square = |row: &[f32]| {
            let mut into = [0.0];
            inner_products(row, row, &mut into);
            f64::from(into[0])
        };
        let norm = |item| square(badge.residuals.row(item)) * square(badge.embeddings.row(item));
        Self {
            badge,
            nearest: vec![f64::INFINITY; size],
            products: [vec![0.0; size], vec![0.0; size]],
            squared_norms: (0..size).map(norm).collect(),
        }
    }

    fn add(&mut self, item: usize) {
        let [of_residuals, of_embeddings] = &mut self.products;
        let Badge { residuals, embeddings, .. } = self.badge;
        inner_products(residuals.values(), residuals.row(item), of_residuals);
        inner_products(embeddings.values(), embeddings.row(item), of_embeddings);
        let products = of_residuals.iter().zip(of_embeddings.iter());
        let norms = &self.squared_norms;
        for ((nearest, &norm), (&r, &h)) in self.nearest.iter_mut().zip(norms).zip(products) {
            let distance = norm + norms[item] - 2.0 * (f64::from(r) * f64::from(h));
            *nearest = nearest.min(distance.max(0.0));
        }
    }
}

impl Select for Badge<'_> {
    fn select(&self, chosen: &[usize], count: usize, rng: &mut Rng) -> Result<Vec<usize>> {
        let size = self.residuals.count();
        let mut taken = taken(size, chosen, count)?;
        let mut picked = Vec::with_capacity(count);
        if count == 0 {
            return Ok(picked);
        }
        let mut cover = Cover::new(self);
        chosen.iter().for_each(|&item| cover.add(item));
        while picked.len() < count {
            let next = if chosen.is_empty() && picked.is_empty() {
                greatest(&self.squared_norms, &taken)
            } else {
                by_distance(&cover.nearest, &taken, rng)
            };
            // `taken` has checked that enough are left.
            let Some(next) = next else {
                return Err(Error::BatchExceedsPool { want: count, available: picked.len() });
            };
            taken[next] = true;
            picked.push(next);
            if picked.len() < count {
                cover.add(next);
            }
        }
        Ok(picked)
    }
}

/// An item with probability in proportion to its squared distance; the lowest index left if all are 0.
fn by_distance(squared: &[f64], taken: &[bool], rng: &mut Rng) -> Option<usize> {
    let open = || squared.iter().zip(taken).enumerate().filter(|(_, (_, taken))| !**taken);
    let total: f64 = open().map(|(_, (&squared, _))| squared).sum();
    let mut left = rng.unit() * total;
    let mut last = None;
    for (item, (&squared, _)) in open() {
        if squared > 0.0 {
            last = Some(item);
            if left < squared {
                return last;
            }
            left -= squared;
        }
    }
    // Rounding may leave a little after the last.
    last.or_else(|| taken.iter().position(|taken| !taken))
}
