//! Picks that another curriculum made, taken over as if they were its own.

use super::Curriculum;
use crate::base::error::{Error, Result, within};
use crate::policy::Policy;
use crate::sampler::Sampler;
use crate::sampler::odds::{Odds, Picked, Values, odds};
use crate::signal::Signal;

impl<P: Policy, S: Signal, D: Sampler> Curriculum<P, S, D> {
    /// Decides as [`draw`](Self::draw) does, works out the probability of each of the given picks under this
    /// decision, and opens tickets with them in the place of its own. `draw` counts the further draws of a round, of
    /// which 0 is the first. Feedback is then taken in and folded in as always. A bound on what is in flight is not
    /// looked at: the picks have been drawn.
    ///
    /// # Errors
    /// Those of [`fold`](Self::fold) and of a decision; [`Error::UnknownSample`]; [`Error::Unsupported`] for a
    /// sampler whose probabilities are not known, and with refill. No ticket has been opened then.
    pub(crate) fn take_over(
        &mut self,
        picked: &[Picked],
        draw: u64,
        values: Values<'_>,
        found: &mut Vec<Odds>,
    ) -> Result<()> {
        if self.options.refill.is_some() {
            return Err(Error::Unsupported { part: "curriculum with refill", request: "given picks" });
        }
        if draw == 0 {
            self.fold()?;
        }
        within("batch size", picked.len() as f64, 1.0, f64::from(u32::MAX))?;
        let at = self.at(draw);
        let Self { memory, options, sampler, stale, work, .. } = self;
        let (n, standing) = (picked.len(), &memory.allotment);
        work.decision.allot(memory, standing, options, sampler, at, (n, n), stale.is_empty())?;
        let allotment = work.decision.allotment(standing);
        odds(sampler.kind(), &memory.population, allotment, picked, n, values, found)?;
        work.decision.take_over(found, memory.ledger.counts.drawn);
        let spare = work.spare.pop();
        work.spare.extend(memory.open(&mut work.decision, at, spare));
        stale.clear();
        self.rest_drawn();
        Ok(())
    }
}
