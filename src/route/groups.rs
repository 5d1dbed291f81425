//! Groups of rollouts that have nothing to teach.

use crate::base::error::{Error, Result};
use crate::base::numbers::{SLACK, all_equal, all_finite, finite_or_none, mean, positive, some};

use super::Treatment;

/// Drops groups whose rewards are all equal, counts what has to be refilled, and says which prompts are solved for good.
///
/// "All equal" is that the least reward is the greatest: a deviation of 0 misses three times 0.1. A prompt can be dropped and
/// retired at once. In a training loop [`Gate`](crate::Gate) and [`Refill`](crate::Refill) do the same one by one. Cost:
/// O(rewards).
///
/// Paper: Lambert et al., *Tülu 3*, arXiv 2411.15124 (rewards of 10 or 0, nothing retired).
///
/// ```
/// use curricle::route::{GroupFilter, Treatment};
///
/// let filter = GroupFilter { max_score: 1.0, retire_rate: Some(0.9) };
/// let routes = filter.route(&[vec![1.0, 1.0], vec![0.0, 1.0]])?;
/// assert_eq!(routes.treatment, [Treatment::Drop, Treatment::TRAIN]);
/// assert_eq!((routes.retire, routes.refill), (vec![true, false], 1));
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupFilter {
    /// The reward of a right answer.
    pub max_score: f64,
    /// A prompt is solved for good from this share on; `None` keeps all.
    pub retire_rate: Option<f64>,
}

impl Default for GroupFilter {
    fn default() -> Self {
        Self { max_score: 1.0, retire_rate: None }
    }
}

/// What [`GroupFilter`] says, a value for each group.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GroupRoutes {
    /// The mean reward over the greatest.
    pub solved_rate: Vec<f64>,
    /// Whether all its rewards are equal; those of a single rollout always are.
    pub equal: Vec<bool>,
    /// [`Drop`](Treatment::Drop) if they are, else [`TRAIN`](Treatment::TRAIN).
    pub treatment: Vec<Treatment>,
    /// Whether the prompt is solved for good.
    pub retire: Vec<bool>,
    /// Dropped groups of which every reward is 0.
    pub dropped_zero: usize,
    /// Dropped groups of which every reward is the greatest.
    pub dropped_solved: usize,
    /// The other dropped groups.
    pub dropped_other: usize,
    /// How many groups to draw for those that were dropped.
    pub refill: usize,
}

impl GroupFilter {
    /// Routes the rewards of groups.
    ///
    /// # Errors
    /// No group, or an empty one; a number, or a rate, that is not finite; a `max_score` that is not above 0.
    pub fn route<R: AsRef<[f64]>>(&self, rewards: &[R]) -> Result<GroupRoutes> {
        some("rewards", rewards)?;
        positive("max_score", self.max_score)?;
        finite_or_none("retire_rate", self.retire_rate)?;
        for (index, group) in (0..).zip(rewards) {
            if group.as_ref().is_empty() {
                return Err(Error::Empty { what: "rewards", index });
            }
            all_finite("rewards", group.as_ref())?;
        }
        let solved_rate: Vec<f64> =
            rewards.iter().map(|group| mean(group.as_ref()) / self.max_score).collect();
        all_finite("solved_rate", &solved_rate)?;
        let equal: Vec<bool> = rewards.iter().map(|group| all_equal(group.as_ref())).collect();
        let retire = |rate: &f64| self.retire_rate.is_some_and(|limit| *rate >= limit - SLACK);
        let treat = |is: &bool| if *is { Treatment::Drop } else { Treatment::TRAIN };
        let dropped: Vec<f64> = rewards
            .iter()
            .zip(&equal)
            .filter(|(_, is)| **is)
            .map(|(group, _)| group.as_ref()[0])
            .collect();
        let of = |reward: f64| dropped.iter().filter(|&&it| it == reward).count();
        let (dropped_zero, dropped_solved) = (of(0.0), of(self.max_score));
        Ok(GroupRoutes {
            treatment: equal.iter().map(treat).collect(),
            retire: solved_rate.iter().map(retire).collect(),
            dropped_zero,
            dropped_solved,
            dropped_other: dropped.len() - dropped_zero - dropped_solved,
            refill: dropped.len(),
            solved_rate,
            equal,
        })
    }
}
