//! Policies that go around another one.

/// Verbs of a policy that what goes around it hands on unchanged.
macro_rules! passes_on {
    ($($verb:ident)*) => {
        $(passes_on!(@$verb);)*
    };
    (@set_mixture) => {
        fn set_mixture(
            &mut self,
            weights: &[f64],
            population: &crate::population::Population,
        ) -> crate::base::error::Result<()> {
            self.inner.set_mixture(weights, population)
        }
    };
    (@requested) => {
        fn requested(&self) -> Option<Vec<f64>> {
            self.inner.requested()
        }
    };
    (@is_adapted) => {
        fn is_adapted(&self, turn: &crate::policy::Turn<'_>) -> bool {
            self.inner.is_adapted(turn)
        }
    };
}

mod bounded;
mod cold_start;
mod guarded;
mod mastered;
mod per_cost;
mod rehearsed;
mod rescaled;
mod restart;

pub use bounded::Bounded;
pub use cold_start::ColdStart;
pub use guarded::{Guarded, Side};
pub use mastered::Mastered;
pub use per_cost::PerCost;
pub use rehearsed::Rehearsed;
pub use rescaled::{Range, Rescaled};
pub use restart::{Detector, Restart, Scope};

use super::kit::mixture::spread_evenly;
use super::{Allotment, Policy, Turn};
use crate::base::error::{Error, Result};
use crate::base::rng::Rng;

/// The decision of the policy within, as the probabilities of arms that have something to draw; `None`
/// if it has given everything to arms that have nothing, while others have: what goes around it then
/// falls back on what it knows itself.
fn settled<'a, P: Policy>(
    inner: &P,
    part: &'static str,
    (turn, rng, allotment): (&Turn<'_>, &mut Rng, &'a mut Allotment),
) -> Result<Option<&'a mut [f64]>> {
    let decided = inner.allot(turn, rng, allotment).and_then(|()| allotment.settle(turn.population));
    match decided {
        Err(Error::NothingToDraw) if turn.population.drawable_total() > 0 => Ok(None),
        Err(error) => Err(error),
        Ok(()) => allotment.as_arms(part).map(Some),
    }
}

/// The same, where what can be drawn shares evenly if the policy has nothing of it.
fn settled_or_even<'a, P: Policy>(
    inner: &P,
    part: &'static str,
    (turn, rng, allotment): (&Turn<'_>, &mut Rng, &'a mut Allotment),
) -> Result<&'a mut [f64]> {
    if settled(inner, part, (turn, rng, &mut *allotment))?.is_none() {
        spread_evenly(turn.population, allotment.arms(turn.population.arms().count()));
    }
    allotment.as_arms(part)
}

/// Refuses to go around a policy that would not see the score that is changed for it.
fn score_is_read<P: Policy>(inner: &P, part: &'static str, what: &'static str) -> Result<()> {
    if inner.reads().score { Ok(()) } else { Err(Error::Unread { part, what }) }
}
