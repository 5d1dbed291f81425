//! A number that changes with the round.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::id::Round;
use crate::base::math;
use crate::base::numbers::between;

/// A number as a function of the round: constant, or moving from one value to another.
///
/// Three forms of movement are offered, over `rounds` rounds, after which the value stays at `to`:
/// linear, `from + (to - from) t / rounds`; geometric, `from (to / from)^(t / rounds)`, for
/// scales such as a temperature; and a step, which is `from` until then.
///
/// ```
/// use curricle::{Round, Schedule};
///
/// let temperature = Schedule::Linear { from: 1.0, to: 0.2, rounds: 100 };
/// assert_eq!(temperature.at(Round(0)), 1.0);
/// assert_eq!(temperature.at(Round(50)), 0.6);
/// assert_eq!(temperature.at(Round(5000)), 0.2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Schedule {
    /// Always the same.
    Constant(f64),
    /// Moves by equal differences.
    Linear {
        /// The value at round 0.
        from: f64,
        /// The value from round `rounds` on.
        to: f64,
        /// How long the movement takes.
        rounds: u64,
    },
    /// Moves by equal ratios; both ends must be positive.
    Geometric {
        /// The value at round 0.
        from: f64,
        /// The value from round `rounds` on.
        to: f64,
        /// How long the movement takes.
        rounds: u64,
    },
    /// Stays, and then is another at once.
    Step {
        /// The value before.
        from: f64,
        /// The value from round `rounds` on.
        to: f64,
        /// When it changes.
        rounds: u64,
    },
}

impl From<f64> for Schedule {
    fn from(value: f64) -> Self {
        Schedule::Constant(value)
    }
}

impl Schedule {
    /// The value in a round.
    pub fn at(&self, round: Round) -> f64 {
        let part = |rounds: u64| round.0.min(rounds) as f64 / rounds.max(1) as f64;
        match *self {
            Schedule::Constant(value) => value,
            Schedule::Linear { to, rounds, .. }
            | Schedule::Step { to, rounds, .. }
            | Schedule::Geometric { to, rounds, .. }
                if round.0 >= rounds =>
            {
                to
            }
            Schedule::Step { from, .. } => from,
            Schedule::Linear { from, to, rounds } => between(from, to, part(rounds)),
            Schedule::Geometric { from, to, rounds } => match (to / from, part(rounds)) {
                // Of ends whose ratio no number holds.
                (ratio, part) if !ratio.is_finite() || ratio < f64::MIN_POSITIVE => {
                    math::pow(from, 1.0 - part) * math::pow(to, part)
                }
                (ratio, part) => from * math::pow(ratio, part),
            },
        }
    }

    /// How long it moves; `None` if it never does.
    pub(crate) fn rounds(&self) -> Option<u64> {
        match *self {
            Schedule::Constant(_) => None,
            Schedule::Linear { rounds, .. }
            | Schedule::Step { rounds, .. }
            | Schedule::Geometric { rounds, .. } => Some(rounds),
        }
    }

    /// Checks that both ends lie in `[low, high]`.
    pub(crate) fn check(&self, what: &'static str, low: f64, high: f64) -> Result<()> {
        match *self {
            Schedule::Constant(value) => within(what, value, low, high).map(drop),
            Schedule::Linear { from, to, .. } | Schedule::Step { from, to, .. } => {
                within(what, from, low, high)?;
                within(what, to, low, high).map(drop)
            }
            Schedule::Geometric { from, to, .. } => {
                within(what, from, low.max(f64::MIN_POSITIVE), high)?;
                within(what, to, low.max(f64::MIN_POSITIVE), high).map(drop)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn movements_start_and_end_where_they_say() {
        let geometric = Schedule::Geometric { from: 1.0, to: 0.01, rounds: 4 };
        assert_eq!(geometric.at(Round(0)), 1.0);
        assert!((geometric.at(Round(2)) - 0.1).abs() < 1e-15);
        assert_eq!(geometric.at(Round(4)), 0.01);
        let step = Schedule::Step { from: 1.0, to: 3.0, rounds: 30 };
        assert_eq!([0, 29, 30, 99].map(|round| step.at(Round(round))), [1.0, 1.0, 3.0, 3.0]);
        let at_once = Schedule::Linear { from: 1.0, to: 2.0, rounds: 0 };
        assert_eq!(at_once.at(Round(0)), 2.0);
    }

    /// What lies between two numbers is a number, however far they are apart.
    #[test]
    fn movements_between_the_greatest_numbers_stay_between_them() {
        let far = Schedule::Linear { from: -1e308, to: 1e308, rounds: 10 };
        assert_eq!([0, 5, 10].map(|round| far.at(Round(round))), [-1e308, 0.0, 1e308]);
        for (from, to) in [(1e-200, 1e200), (1e200, 1e-200), (f64::MIN_POSITIVE, f64::MAX)] {
            let far = Schedule::Geometric { from, to, rounds: 10 };
            assert_eq!(far.at(Round(0)), from);
            let middle = far.at(Round(5));
            assert!((middle / (from.sqrt() * to.sqrt()) - 1.0).abs() < 1e-9, "{middle}");
        }
    }

    #[test]
    fn ends_out_of_range_are_refused() {
        assert!(Schedule::from(f64::NAN).check("x", 0.0, 1.0).is_err());
        assert!(Schedule::Geometric { from: 0.0, to: 1.0, rounds: 3 }.check("x", 0.0, 1.0).is_err());
    }
}
