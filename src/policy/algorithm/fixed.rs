//! A mixture that does not change.

use serde::{Deserialize, Serialize};

use crate::base::error::Result;
use crate::base::id::ArmId;
use crate::base::rng::Rng;
use crate::policy::kit::mixture::{check_mixture, is_grown, is_mixture, normalise};
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// `p_a = m_a / sum m`: a static mixture, by given weights or by the sizes of the arms. It stays until
/// [`Curriculum::set_mixture`](crate::Curriculum::set_mixture) sets another; an arm that is
/// [added](crate::Curriculum::add_arm) has weight 0 until then. [`Mixture`](super::Mixture) corrects for what came back.
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
    /// Weights that were set since.
    set: Option<Vec<f64>>,
}

impl Fixed {
    /// A mixture by weights, one for each arm, `>= 0` and not all 0; they need not sum to 1.
    pub fn weights(weights: Vec<f64>) -> Self {
        Self { weights: Some(weights), set: None }
    }

    /// A mixture by the number of drawable samples of each arm: a uniform draw over samples.
    pub fn by_size() -> Self {
        Self { weights: None, set: None }
    }
}

impl Policy for Fixed {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        self.set = None;
        self.weights.as_deref().map_or(Ok(()), |weights| check_mixture(weights, population))
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        let is_grown = match (&self.weights, &built.weights) {
            (Some(weights), Some(built)) => is_grown(weights, built, arms),
            (weights, built) => weights == built,
        };
        is_grown && self.set.as_ref().is_none_or(|set| is_mixture(set, arms))
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let population = turn.population;
        let p = allotment.arms(population.arms().count());
        match self.set.as_ref().or(self.weights.as_ref()) {
            Some(weights) => p.copy_from_slice(weights),
            None => p
                .iter_mut()
                .enumerate()
                .for_each(|(arm, share)| *share = population.drawable(ArmId(arm as u32)) as f64),
        }
        normalise(p)
    }

    fn learn(&mut self, _: &Population, _: &[Reward]) {}

    fn grow(&mut self, arms: usize) -> Result<()> {
        if let Some(weights) = &mut self.weights {
            weights.resize(arms, 0.0);
        }
        if let Some(set) = &mut self.set {
            set.resize(arms, 0.0);
        }
        Ok(())
    }

    fn set_mixture(&mut self, weights: &[f64], population: &Population) -> Result<()> {
        check_mixture(weights, population)?;
        self.set = Some(weights.to_vec());
        Ok(())
    }
}
