//! Every arm alike.

use serde::{Deserialize, Serialize};

use crate::base::error::Result;
use crate::base::rng::Rng;
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// `p_a = 1 / K`: every arm has the same probability, whatever its size. The baseline.
///
/// For a uniform draw over *samples* use [`Fixed::by_size`](crate::policy::Fixed::by_size).
///
/// ```
/// use curricle::{Curriculum, policy::Uniform};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(9).labels(&[0, 0, 0, 0, 0, 0, 0, 0, 1]).policy(Uniform).build()?;
/// curriculum.draw(4)?;
/// assert_eq!(curriculum.shares(), [0.5, 0.5]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Uniform;

impl Policy for Uniform {
    fn is_learned_from(&self, _: &Self, _: usize) -> bool {
        true
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let arms = turn.population.arms().count();
        allotment.arms(arms).fill(1.0 / arms as f64);
        Ok(())
    }

    fn learn(&mut self, _: &Population, _: &[Reward]) {}

    fn grow(&mut self, _: usize) -> Result<()> {
        Ok(())
    }
}
