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
