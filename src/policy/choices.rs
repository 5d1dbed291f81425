//! For policies that give each slot to the arm of greatest value.

use super::{Allotment, Turn};
use crate::error::{Error, Result};
use crate::id::ArmId;

/// Gives each slot of a turn to the arm of greatest value, the first of equal ones, and allots each
/// arm its share of the slots. The value may depend on the arm and on how many slots it has got
/// already. Arms that have nothing to draw are passed over. Cost: n K values.
pub(super) fn choose(
    turn: &Turn<'_>,
    allotment: &mut Allotment,
    mut value: impl FnMut(usize, f64) -> f64,
) -> Result<()> {
    let p = allotment.arms(turn.population.arms().count());
    let slots = turn.slots.max(1);
    for _ in 0..slots {
        let (mut best, mut greatest) = (None, f64::NEG_INFINITY);
        for (arm, &taken) in p.iter().enumerate() {
            if turn.population.drawable(ArmId(arm as u32)) == 0 {
                continue;
            }
            let value = value(arm, taken);
            // A value that is no number is greater than none, so its arm is not chosen.
            if value > greatest {
                (best, greatest) = (Some(arm), value);
            }
        }
        p[best.ok_or(Error::NothingToDraw)?] += 1.0;
    }
    if slots > 1 {
        p.iter_mut().for_each(|share| *share /= slots as f64);
    }
    Ok(())
}
