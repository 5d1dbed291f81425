//! Gates: who admits an outcome to the gradient step.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::event::{Outcome, Reason, Verdict};

/// Which outcomes the trainer may use for its gradient step.
///
/// A rejected outcome still teaches the policy: the gate saves the trainer an update that would
/// do nothing, it does not hide evidence. An outcome that lacks the field a gate reads is admitted.
///
/// ```
/// use curricle::{Gate, Outcome, Reason, Verdict};
///
/// let gate = Gate::ZeroSignal;
/// assert_eq!(gate.admit(&Outcome::zero_signal(1.0, 8)), Verdict::Reject(Reason::ZeroSignal));
/// assert_eq!(gate.admit(&Outcome::default().success(0.5).rollouts(8)), Verdict::Admit);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Gate {
    /// Everything.
    #[default]
    All,
    /// All but groups of several rollouts that were all equally good: advantage 0 or, where none is
    /// reported, success 0 or 1. The dynamic sampling of DAPO (arXiv 2503.14476).
    ZeroSignal,
    /// Success rates in `[low, high]` only.
    Band {
        /// The least success rate admitted.
        low: f32,
        /// The greatest success rate admitted.
        high: f32,
    },
}

impl Gate {
    /// The verdict on an outcome.
    pub fn admit(&self, outcome: &Outcome) -> Verdict {
        match *self {
            Gate::All => Verdict::Admit,
            Gate::ZeroSignal => {
                let same = match (outcome.advantage, outcome.success) {
                    (Some(advantage), _) => advantage == 0.0,
                    (None, Some(success)) => outcome.rollouts > 1 && (success == 0.0 || success == 1.0),
                    (None, None) => false,
                };
                if same { Verdict::Reject(Reason::ZeroSignal) } else { Verdict::Admit }
            }
            Gate::Band { low, high } => match outcome.success {
                Some(success) if success < low => Verdict::Reject(Reason::TooHard),
                Some(success) if success > high => Verdict::Reject(Reason::TooEasy),
                _ => Verdict::Admit,
            },
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        if let Gate::Band { low, high } = *self {
            within("upper end of the band", f64::from(high), 0.0, 1.0)?;
            within("lower end of the band", f64::from(low), 0.0, f64::from(high))?;
        }
        Ok(())
    }
}
