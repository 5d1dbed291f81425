//! A mixture that does not change.

use serde::{Deserialize, Serialize};

use super::{Allotment, Policy, Reward, Turn};
use crate::error::{Error, Result, finite, length, within};
use crate::id::ArmId;
use crate::population::Population;
use crate::rng::Rng;

/// `p_a = m_a / sum m`: a static mixture, by given weights or by the sizes of the arms.
///
/// ```
/// use curricle::{Curriculum, policy::Fixed};
///
/// # fn main() -> curricle::Result<()> {
/// let curriculum = |policy| Curriculum::builder(4).labels(&[0, 0, 0, 1]).policy(policy).build();
/// let mut mixture = curriculum(Fixed::weights(vec![1.0, 4.0]))?;
/// let mut by_size = curriculum(Fixed::by_size())?;
/// mixture.draw(1)?;
/// by_size.draw(1)?;
/// assert_eq!(mixture.shares(), [0.2, 0.8]);
/// assert_eq!(by_size.shares(), [0.75, 0.25]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fixed {
    weights: Option<Vec<f64>>,
}

impl Fixed {
    /// A mixture by weights, one for each arm, `>= 0` and not all 0; they need not sum to 1.
    pub fn weights(weights: Vec<f64>) -> Self {
        Self { weights: Some(weights) }
    }

    /// A mixture by the number of drawable samples of each arm: a uniform draw over samples.
    pub fn by_size() -> Self {
        Self { weights: None }
    }
}

impl Policy for Fixed {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        self.weights.as_deref().map_or(Ok(()), |weights| check_mixture(weights, population))
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let population = turn.population;
        let p = allotment.arms(population.arms().count());
        match &self.weights {
            Some(weights) => p.copy_from_slice(weights),
            None => p
                .iter_mut()
                .enumerate()
                .for_each(|(arm, share)| *share = population.drawable(ArmId(arm as u32)) as f64),
        }
        normalise(p)
    }

    fn learn(&mut self, _: &Population, _: &[Reward]) {}
}

/// Checks a mixture: one finite weight `>= 0` for each arm, not all 0.
pub(super) fn check_mixture(weights: &[f64], population: &Population) -> Result<()> {
    length("mixture weights", population.arms().count(), weights.len())?;
    for (arm, &weight) in weights.iter().enumerate() {
        within("mixture weight", finite("mixture weight", arm as u64, weight)?, 0.0, 1e300)?;
    }
    normalise(&mut weights.to_vec())
}

/// Scales non-negative numbers to sum to one.
pub(super) fn normalise(p: &mut [f64]) -> Result<()> {
    // The greatest is divided out first, so that the sum cannot overflow.
    let greatest = p.iter().copied().fold(0.0, f64::max);
    if greatest <= 0.0 {
        return Err(Error::NothingToDraw);
    }
    p.iter_mut().for_each(|share| *share /= greatest);
    let sum: f64 = p.iter().sum();
    p.iter_mut().for_each(|share| *share /= sum);
    Ok(())
}
