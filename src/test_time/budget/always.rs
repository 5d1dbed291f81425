//! Everything.

use serde::{Deserialize, Serialize};

use super::window::{fair, ordered};
use super::{Budget, Choice};
use crate::base::error::Result;

/// Selects every item: the most that an effort can do, at the highest price.
///
/// ```
/// use curricle::test_time::budget::{Always, Budget};
///
/// assert!(Always.wants(0.0, 0.5)?.selected);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Always;

impl Budget for Always {
    fn wants(&mut self, uncertainty: f64, coin: f64) -> Result<Choice> {
        ordered(uncertainty)?;
        fair(coin)?;
        Ok(Choice::plain(true, None, f64::NEG_INFINITY))
    }
}
