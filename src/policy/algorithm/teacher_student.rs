//! The arm whose score changes fastest: teacher-student curriculum learning.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::rng::Rng;
use crate::policy::kit::open_arms::{Greatest, by_slot, open};
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// How a [`TeacherStudent`] judges the changes of an arm's score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Teacher {
    /// By one of the last `window` changes, drawn at random: the exploration comes from the spread
    /// of the changes themselves.
    Sampling {
        /// How many changes are kept, `1..=1000000`.
        window: usize,
    },
    /// By their exponential moving average `Q <- Q + alpha (change - Q)`, from 0.
    Online {
        /// The rate, in `(0, 1]`.
        alpha: f64,
    },
}

/// Teacher-student curriculum learning (TSCL): trains where the learning curve is steepest, up or
/// down. A falling score is a sign of forgetting and calls for practice just as a rising one does.
///
/// ```text
/// x_a <- score_a - (score_a at the visit before)             after each visit of arm a
/// each slot:  with probability epsilon any arm, else  argmax_a |x~_a|
///             x~_a = one of the last W changes of a, drawn at random     (Teacher::Sampling)
///             x~_a = Q_a, their moving average                           (Teacher::Online)
/// ```
///
/// Defaults, the paper's: `W` 10 or `alpha` 0.1, `epsilon` 0.1. One arm is chosen for each slot, and
/// the probability of an arm is the part of the slots that chose it. An arm is chosen at most as often
/// as it has drawable samples, until the others are used up too.
///
/// The paper's score is the success itself: [`Reported(Field::Success)`](crate::signal::Reported). The default
/// signal, [`GroupSpread`](crate::signal::GroupSpread), will not do: `2 sqrt(p(1-p))` stands still about `p = 1/2`,
/// where an arm learns most.
///
/// An arm without a change yet, visited less than twice, gets one slot before all others; while no
/// arm has a change, they share the slots evenly. Chance decides between equal changes, so that arms whose scores all
/// stand still are taken alike. The change is taken between the
/// means of two rounds and is not divided by the time between them.
///
/// Cost: O(K) for each slot, for K arms; memory: `W` numbers an arm.
///
/// Paper: Matiisen et al., *Teacher-Student Curriculum Learning*, arXiv 1707.00183.
///
/// ```
/// use curricle::sampler::Systematic;
/// use curricle::{Curriculum, Draw, Feedback, Field, Outcome, policy::TeacherStudent, signal::Reported};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(100)
///     .arms(4, |sample| (sample.0 % 4) as u32)
///     .policy(TeacherStudent::new().epsilon(0.0))
///     .signal(Reported(Field::Success))
///     .sampler(Systematic)
///     .build()?;
/// for learned in [0.4, 0.6] {
///     let batch = curriculum.draw(8)?;
///     let success = |draw: &Draw| if draw.arm.0 == 2 { learned } else { 0.5 };
///     let outcome = |draw: &Draw| Outcome::default().success(success(draw));
///     let report: Vec<Feedback> =
///         batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw))).collect();
///     curriculum.observe(&report)?;
/// }
/// curriculum.draw(8)?;
/// // The only arm that gets better has all.
/// assert_eq!(curriculum.shares(), [0.0, 0.0, 1.0, 0.0]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TeacherStudent {
    teacher: Teacher,
    epsilon: f64,
    curves: Vec<Curve>,
}

/// The learning curve of an arm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Curve {
    score: Option<f64>,
    /// The last changes, or their moving average alone.
    changes: VecDeque<f64>,
}

impl Default for TeacherStudent {
    fn default() -> Self {
        Self::new()
    }
}

impl TeacherStudent {
    /// The Sampling rule, the paper's best: 10 changes an arm, `epsilon` 0.1.
    pub fn new() -> Self {
        Self { teacher: Teacher::Sampling { window: 10 }, epsilon: 0.1, curves: Vec::new() }
    }

    /// The Online rule: `alpha` 0.1, `epsilon` 0.1.
    pub fn online() -> Self {
        Self::new().teacher(Teacher::Online { alpha: 0.1 })
    }

    /// Sets the rule.
    #[must_use]
    pub fn teacher(mut self, teacher: Teacher) -> Self {
        self.teacher = teacher;
        self
    }

    /// Sets the probability, in `[0, 1]`, with which a slot takes any arm.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// The place of the arm with the greatest change of those drawn, one for each arm that has any.
    fn steepest(&self, arms: &[usize], rng: &mut Rng) -> usize {
        let mut greatest = Greatest::default();
        for (place, &arm) in arms.iter().enumerate() {
            let changes = &self.curves[arm].changes;
            let which = if changes.len() > 1 { rng.below(changes.len() as u64) as usize } else { 0 };
            let change = changes.get(which).map_or(f64::NEG_INFINITY, |change| change.abs());
            greatest.offer(place, change, rng);
        }
        greatest.key().unwrap_or(0)
    }
}

impl Policy for TeacherStudent {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("epsilon", self.epsilon, 0.0, 1.0)?;
        match self.teacher {
            Teacher::Sampling { window } => within("window of changes", window as f64, 1.0, 1e6)?,
            Teacher::Online { alpha } => within("alpha", alpha, f64::MIN_POSITIVE, 1.0)?,
        };
        self.curves = vec![Curve::default(); population.arms().count()];
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        let most = match self.teacher {
            Teacher::Sampling { window } => window,
            Teacher::Online { .. } => 1,
        };
        let is_possible = |curve: &Curve| {
            curve.score.is_none_or(f64::is_finite)
                && curve.changes.len() <= most
                && curve.changes.iter().all(|change| change.is_finite())
        };
        (self.teacher, self.epsilon) == (built.teacher, built.epsilon)
            && self.curves.len() == arms
            && self.curves.iter().all(is_possible)
    }

    fn reads(&self) -> Reads {
        Reads::SCORE
    }

    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let open = open(turn.population, self.curves.len())?;
        let mut untried: Vec<usize> =
            open.iter().copied().filter(|&arm| self.curves[arm].changes.is_empty()).collect();
        rng.shuffle(&mut untried);
        by_slot(turn, &open, allotment, |slot, arms| {
            if slot < untried.len() || untried.len() == open.len() {
                let wanted = untried[slot % untried.len()];
                arms.binary_search(&wanted).unwrap_or(slot % arms.len())
            } else if rng.unit() < self.epsilon {
                rng.below(arms.len() as u64) as usize
            } else {
                self.steepest(arms, rng)
            }
        });
        Ok(())
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        for reward in rewards {
            let Some(curve) = self.curves.get_mut(reward.arm.index()) else { continue };
            let change = match reward.returned_score().map(|score| (score, curve.score.replace(score)))
            {
                Some((score, Some(before))) => score - before,
                Some((_, None)) => continue,
                // Nothing came back: no change is known of, and none is to be hoped for.
                None => 0.0,
            };
            match self.teacher {
                Teacher::Sampling { window } => {
                    curve.changes.push_back(change);
                    if curve.changes.len() > window {
                        curve.changes.pop_front();
                    }
                }
                Teacher::Online { alpha } => {
                    let mean = curve.changes.pop_front().unwrap_or(0.0);
                    curve.changes.push_back(mean + alpha * (change - mean));
                }
            }
        }
    }

    fn grow(&mut self, arms: usize) -> Result<()> {
        self.curves.resize(arms, Curve::default());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ArmId;
    use crate::policy::kit::open_arms::testing::{allotted, population, same};

    /// Of ten arms two have the same change: neither is better for its place.
    #[test]
    fn chance_decides_between_equal_changes() {
        for teacher in [Teacher::Online { alpha: 1.0 }, Teacher::Sampling { window: 3 }] {
            let population = population(&[4; 10]);
            let mut policy = TeacherStudent::new().teacher(teacher).epsilon(0.0);
            policy.prepare(&population).unwrap();
            for score in [0.0, 1.0] {
                let of = |arm: u32| if arm == 3 || arm == 4 { score } else { 0.1 * score };
                let rewards: Vec<Reward> =
                    (0..10).map(|arm| Reward::new(ArmId(arm), 1, of(arm))).collect();
                policy.learn(&population, &rewards);
            }
            let mut chosen = [0u32; 10];
            for seed in 0..2000 {
                let mut rng =
                    Rng::at(seed, crate::base::id::Round(0), crate::base::rng::Purpose::Policy);
                let arms: Vec<usize> = (0..10).collect();
                chosen[policy.steepest(&arms, &mut rng)] += 1;
            }
            // Five standard deviations of a fair coin.
            assert!(chosen[3] + chosen[4] == 2000 && chosen[3].abs_diff(1000) < 112, "{chosen:?}");
        }
    }

    fn taught(policy: TeacherStudent, scores: [&[f64]; 2]) -> TeacherStudent {
        let mut policy = policy;
        policy.prepare(&population(&[4, 4])).unwrap();
        for (arm, scores) in scores.into_iter().enumerate() {
            for &score in scores {
                policy.learn(&population(&[4, 4]), &[Reward::new(ArmId(arm as u32), 1, score)]);
            }
        }
        policy
    }

    #[test]
    fn changes_are_kept_in_a_window_or_averaged() {
        let scores: [&[f64]; 2] = [&[0.0, 1.0, 3.0, 2.0], &[5.0]];
        let sampling = taught(TeacherStudent::new().teacher(Teacher::Sampling { window: 2 }), scores);
        assert_eq!(sampling.curves[0].changes, [2.0, -1.0]);
        assert!(sampling.curves[1].changes.is_empty());
        let online = taught(TeacherStudent::online().teacher(Teacher::Online { alpha: 0.5 }), scores);
        // 0.5, then 1.25, then 0.125.
        assert_eq!(online.curves[0].changes, [0.125]);
    }

    #[test]
    fn arms_without_a_change_come_first_and_share_alike() {
        let policy = taught(TeacherStudent::new().epsilon(0.0), [&[0.0, 1.0], &[5.0]]);
        same(&allotted(&policy, 0, 4, &population(&[4, 4])), &[0.75, 0.25]);
        let new = taught(TeacherStudent::new(), [&[], &[]]);
        same(&allotted(&new, 0, 6, &population(&[4, 4])), &[0.5, 0.5]);
        same(&allotted(&new, 0, 6, &population(&[0, 4])), &[0.0, 1.0]);
    }

    /// Arm 0 has the changes 0.1, 0.5, 0.5, 0.5, arm 1 only -0.3: arm 0 wins three times in four.
    #[test]
    fn slots_draw_a_change_each() {
        let policy = taught(TeacherStudent::new(), [&[0.0, 0.1, 0.6, 1.1, 1.6], &[1.0, 0.7]]);
        let p = allotted(&policy, 0, 100_000, &population(&[100_000, 100_000]));
        // Standard deviation 0.0014; the seed is fixed.
        assert!((p[0] - (0.9 * 0.75 + 0.1 * 0.5)).abs() < 0.006, "{p:?}");
        let online = taught(TeacherStudent::online().epsilon(0.0), [&[0.0, 0.1], &[1.0, 0.7]]);
        same(&allotted(&online, 0, 5, &population(&[9, 9])), &[0.0, 1.0]);
        // An arm that cannot fill the batch leaves slots to the others.
        same(&allotted(&online, 0, 5, &population(&[9, 2])), &[0.6, 0.4]);
    }

    #[test]
    fn curves_that_stand_still_are_taken_alike() {
        let policy = taught(TeacherStudent::new(), [&[1.0, 1.0], &[0.0, 0.0]]);
        let p = allotted(&policy, 0, 100_000, &population(&[100_000, 100_000]));
        assert!((p[0] - 0.5).abs() < 0.008, "{p:?}");
    }
}
