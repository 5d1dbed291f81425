//! Whether an input is uncertain enough to be worth an update.

mod always;
mod fixed;

pub use always::Always;
pub use fixed::Fixed;

use serde::{Deserialize, Serialize};

use crate::error::Result;

/// Wishes updates for the most uncertain of the inputs that it is shown one after the other.
pub trait Budget {
    /// Whether an input of this uncertainty (high = uncertain) should get an update.
    ///
    /// `coin` is uniform in `[0, 1)` and is for breaking ties; the caller draws it, so that a budget has
    /// no randomness of its own.
    ///
    /// # Errors
    /// If the uncertainty is one that the budget cannot take; it has then learned nothing.
    fn wants(&mut self, uncertainty: f64, coin: f64) -> Result<Choice>;
}

/// What a budget made of one input.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Whether it wants the update.
    pub wanted: bool,
    /// How uncertain the input is among what came before, in `[0, 1]`: 1 is the most uncertain.
    pub rank: f64,
    /// What the comparison was made with, in the units of the budget.
    pub threshold: f64,
}
