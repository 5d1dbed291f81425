//! Recipes by where their curves go.

use crate::base::error::Result;
use crate::base::math::pow;
use crate::base::numbers::{some, tied_order};

use super::fit::CurveFit;

/// Recipes by their limits.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Asymptotes {
    /// Of each recipe.
    pub limits: Vec<f64>,
    /// Of each recipe; `None` if its curve is flat.
    pub exponents: Vec<Option<f64>>,
    /// Recipes from the best limit to the worst; those within 1e-6 go by their number.
    pub order: Vec<usize>,
    /// The x at which the first recipe would be where this one ends; `None` if it never gets there, or is flat.
    pub equivalent_x: Vec<Option<f64>>,
}

impl CurveFit {
    /// Compares recipes, each the x and the y of its curve, by their limits and not by their best points.
    ///
    /// Grow a knob (epochs, members, parameters) for each. `equivalent_x` over the greatest x of a recipe is its efficiency
    /// against the first one. Cost: that of a fit for each.
    ///
    /// Paper: *Pre-training under infinite compute*, arXiv 2509.14786, whose authors leave out fits with too good a limit by
    /// hand; give a bound.
    ///
    /// ```
    /// use curricle::monitor::CurveFit;
    ///
    /// let x = vec![1.0, 2.0, 3.0, 4.0];
    /// let recipe = |limit: f64| (x.clone(), x.iter().map(|x| limit + 0.5 / x).collect::<Vec<_>>());
    /// let reading = CurveFit::loss().compare(&[recipe(3.4), recipe(3.2)])?;
    /// assert_eq!(reading.order, [1, 0]);
    /// # Ok::<(), curricle::Error>(())
    /// ```
    ///
    /// # Errors
    /// No recipe; those of [`fit`](Self::fit).
    pub fn compare<X: AsRef<[f64]>, Y: AsRef<[f64]>>(&self, recipes: &[(X, Y)]) -> Result<Asymptotes> {
        some("recipes", recipes)?;
        let fits = recipes
            .iter()
            .map(|(x, y)| self.fit(x.as_ref(), y.as_ref()))
            .collect::<Result<Vec<_>>>()?;
        let sign = self.direction.sign();
        let base = fits[0];
        let greatest = recipes[0].0.as_ref().iter().copied().fold(0.0, f64::max);
        let equivalent = |(x, y): &(X, Y)| {
            let (x, y) = (x.as_ref(), y.as_ref());
            let last = (1..x.len()).fold(0, |last, at| if x[at] > x[last] { at } else { last });
            let distance = sign * (base.limit - y[last]);
            let exponent = base.exponent.filter(|_| distance > 0.0)?;
            // From its greatest x, where the scale of x = 1 may be beyond all numbers.
            Some(greatest * pow(base.remaining / distance, 1.0 / exponent))
        };
        let limits: Vec<f64> = fits.iter().map(|fit| fit.limit).collect();
        Ok(Asymptotes {
            order: tied_order(
                &limits.iter().map(|limit| sign * limit).collect::<Vec<_>>(),
                1e-6,
                usize::MAX,
            ),
            exponents: fits.iter().map(|fit| fit.exponent).collect(),
            equivalent_x: recipes.iter().map(equivalent).collect(),
            limits,
        })
    }
}
