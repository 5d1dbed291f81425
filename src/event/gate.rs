//! Gates: who admits an outcome to the gradient step.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::event::{Field, Outcome, Reason, Verdict};

/// Which outcomes the trainer may use for its gradient step.
///
/// A rejected outcome still teaches the policy: the gate saves the trainer an update that would
/// do nothing, it does not hide evidence. Feedback that lacks a field without which a gate cannot judge is refused.
///
/// ```
/// use curricle::{Gate, Outcome, Reason, Verdict};
///
/// let gate = Gate::zero_signal();
/// assert_eq!(gate.admit(&Outcome::zero_signal(1.0, 8)), Verdict::Reject(Reason::ZeroSignal));
/// assert_eq!(gate.admit(&Outcome::default().success(0.5).rollouts(8)), Verdict::Admit);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Gate {
    /// Everything.
    #[default]
    All,
    /// All but groups whose advantages are 0 within a tolerance: by the mean absolute advantage; where none is reported,
    /// by the spread of the rewards; where neither is, by a success of 0 or 1. A group of one rollout has no relative
    /// advantage, so it is rejected whatever it reports. The dynamic sampling of DAPO (arXiv 2503.14476).
    ///
    /// Shaped rewards differ within a group that failed whole: [`Mixed`](Self::Mixed) rejects that too.
    ZeroSignal {
        /// The greatest absolute advantage, spread, or distance of the success from 0 or 1, that counts as none, `>= 0`.
        tolerance: f32,
    },
    /// All but groups whose rollouts all failed or all succeeded, within a tolerance, whatever advantage they report; and
    /// groups of one.
    Mixed {
        /// The greatest distance of the success from 0 or 1 that counts as none, in `[0, 0.5)`.
        tolerance: f32,
    },
    /// Success rates in `[low, high]` only.
    Band {
        /// The least success rate admitted.
        low: f32,
        /// The greatest success rate admitted.
        high: f32,
    },
}

/// The tolerance of gates made by name: rewards in `f32` that are equal have a spread below it.
const TOLERANCE: f32 = 1e-6;

impl Gate {
    /// [`ZeroSignal`](Self::ZeroSignal) with a tolerance of 1e-6.
    pub fn zero_signal() -> Self {
        Gate::ZeroSignal { tolerance: TOLERANCE }
    }

    /// [`Mixed`](Self::Mixed) with a tolerance of 1e-6.
    pub fn mixed() -> Self {
        Gate::Mixed { tolerance: TOLERANCE }
    }

    /// The verdict on an outcome.
    pub fn admit(&self, outcome: &Outcome) -> Verdict {
        let is_extreme = |tolerance: f32| {
            outcome.success.is_some_and(|success| success <= tolerance || 1.0 - success <= tolerance)
        };
        match *self {
            Gate::All => Verdict::Admit,
            Gate::ZeroSignal { tolerance } => {
                let is_dead = match (outcome.abs_advantage, outcome.spread) {
                    (Some(size), _) | (None, Some(size)) => size <= tolerance,
                    (None, None) => is_extreme(tolerance),
                };
                reject(is_dead || outcome.rollouts < 2)
            }
            Gate::Mixed { tolerance } => reject(is_extreme(tolerance) || outcome.rollouts < 2),
            Gate::Band { low, high } => match outcome.success {
                Some(success) if success < low => Verdict::Reject(Reason::TooHard),
                Some(success) if success > high => Verdict::Reject(Reason::TooEasy),
                _ => Verdict::Admit,
            },
        }
    }

    /// A field without which the gate cannot judge this outcome.
    pub(crate) fn missing(&self, outcome: &Outcome) -> Option<Field> {
        let is_judged = match self {
            Gate::All => true,
            Gate::ZeroSignal { .. } => {
                outcome.abs_advantage.or(outcome.spread).or(outcome.success).is_some()
            }
            Gate::Mixed { .. } | Gate::Band { .. } => outcome.success.is_some(),
        };
        (!is_judged).then_some(Field::Success)
    }

    pub(crate) fn check(&self) -> Result<()> {
        match *self {
            Gate::All => Ok(()),
            Gate::ZeroSignal { tolerance } => {
                within("tolerance of the gate", f64::from(tolerance), 0.0, 1e6).map(drop)
            }
            Gate::Mixed { tolerance } => {
                within("tolerance of the gate", f64::from(tolerance), 0.0, 0.499).map(drop)
            }
            Gate::Band { low, high } => {
                within("upper end of the band", f64::from(high), 0.0, 1.0)?;
                within("lower end of the band", f64::from(low), 0.0, f64::from(high)).map(drop)
            }
        }
    }
}

fn reject(is_dead: bool) -> Verdict {
    if is_dead { Verdict::Reject(Reason::ZeroSignal) } else { Verdict::Admit }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEAD: Verdict = Verdict::Reject(Reason::ZeroSignal);

    #[test]
    fn equal_rewards_are_no_signal_whatever_their_rounding() {
        // Eight rewards of 0.1 in f32: the trainer's own mean deviation is not exactly 0.
        let noise = Outcome::default().success(0.1).abs_advantage(7e-9).rollouts(8);
        assert_eq!(Gate::zero_signal().admit(&noise), DEAD);
        assert_eq!(Gate::zero_signal().admit(&Outcome::group(&[0.1; 8]).unwrap()), DEAD);
        assert_eq!(Gate::ZeroSignal { tolerance: 1e-9 }.admit(&noise), Verdict::Admit);
        let small = Outcome::default().spread(0.01).rollouts(8);
        assert_eq!(Gate::zero_signal().admit(&small), Verdict::Admit);
        assert_eq!(Gate::ZeroSignal { tolerance: 0.05 }.admit(&small), DEAD);
    }

    #[test]
    fn shaped_rewards_do_not_hide_a_group_that_failed_whole() {
        let shaped = Outcome::default().success(0.0).abs_advantage(0.4).rollouts(8);
        assert_eq!(Gate::zero_signal().admit(&shaped), Verdict::Admit);
        assert_eq!(Gate::mixed().admit(&shaped), DEAD);
        assert_eq!(Gate::mixed().admit(&shaped.success(0.5)), Verdict::Admit);
    }

    #[test]
    fn a_group_of_one_has_no_relative_advantage() {
        let one = Outcome::default().success(1.0).rollouts(1);
        for gate in [Gate::zero_signal(), Gate::mixed()] {
            for outcome in [one, one.success(0.5), one.abs_advantage(0.0), one.abs_advantage(0.3)] {
                assert_eq!(gate.admit(&outcome), DEAD);
            }
            assert_eq!(gate.admit(&one.success(3.0 / 7.0).rollouts(7)), Verdict::Admit);
        }
    }
}
