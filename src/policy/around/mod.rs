//! Policies that go around another one.

mod bounded;
mod cold_start;
mod mastered;
mod per_cost;
mod rescaled;
mod restart;

pub use bounded::Bounded;
pub use cold_start::ColdStart;
pub use mastered::Mastered;
pub use per_cost::PerCost;
pub use rescaled::{Range, Rescaled};
pub use restart::{Detector, Restart, Scope};

use super::Policy;
use crate::base::error::{Error, Result};

/// Refuses to go around a policy that would not see the score that is changed for it.
fn score_is_read<P: Policy>(inner: &P, part: &'static str, what: &'static str) -> Result<()> {
    if inner.reads().score { Ok(()) } else { Err(Error::Unread { part, what }) }
}
