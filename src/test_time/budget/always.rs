//! An update for every input.

use serde::{Deserialize, Serialize};

use super::{Budget, Choice};
use crate::error::{Result, finite, within};

/// Wants an update for every input: the most that adapting can do, at the highest price. Its rank is the
/// uncertainty, cut to `[0, 1]`.
///
/// ```
/// use curricle::test_time::budget::{Always, Budget};
///
/// assert!(Always.wants(0.0, 0.5)?.wanted);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Always;

impl Budget for Always {
    fn wants(&mut self, uncertainty: f64, coin: f64) -> Result<Choice> {
        finite("uncertainty", 0, uncertainty)?;
        within("coin", coin, 0.0, 1.0)?;
        Ok(Choice { wanted: true, rank: uncertainty.clamp(0.0, 1.0), threshold: 0.0 })
    }
}
