//! Where a learning curve goes: its limit, what is left to gain, when to stop, and which recipe has the best one.

mod fit;
mod recipes;
mod search;
mod stop;

pub use fit::{CurveFit, Direction, Limit};
pub use recipes::Asymptotes;
pub use stop::StopPoint;
