//! Which arms have changed since the last decision.

use crate::base::error::Result;
use crate::base::id::ArmId;
use crate::policy::{ArmTree, ChangedArms, Logits};
use crate::population::Population;

/// The arms whose probability may have changed since it was last computed: rewarded ones, and those that
/// were emptied or filled. A new curriculum, and one that was read from a file, knows of none that has not.
#[derive(Debug, Clone, Default)]
pub(super) struct Stale(Option<Vec<ArmId>>);

impl Stale {
    /// Notes an arm, of so many. Beyond that many notes it is as well to look at all.
    pub fn note(&mut self, arm: ArmId, arms: usize) {
        match &mut self.0 {
            Some(noted) if noted.len() < arms => noted.push(arm),
            noted => *noted = None,
        }
    }

    /// The arms; `None` if any may have changed.
    fn arms(&self) -> Option<&[ArmId]> {
        self.0.as_deref()
    }

    /// Brings a tree up to date in the arms that have changed.
    pub fn update(
        &self,
        tree: &mut ArmTree,
        logits: &Logits<'_>,
        population: &Population,
        changed: &mut ChangedArms,
    ) -> Result<()> {
        let arms = population.arms().count() as u32;
        match self.arms() {
            Some(stale) => tree.update_each(logits, population, stale.iter().copied(), changed),
            None => tree.update_each(logits, population, (0..arms).map(ArmId), changed),
        }
    }

    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.arms().is_some_and(<[ArmId]>::is_empty)
    }

    /// All has been computed.
    pub fn clear(&mut self) {
        self.0.get_or_insert_default().clear();
    }
}
