//! Who knows the learner from within: oracles, and the hand-made order with a mastery gate.

use super::learner::{Learner, TRANSFER};
use super::scenario::{Scenario, Subject};
use super::{Options, Simulated, course};
use crate::base::error::{Result, within};
use crate::base::id::ArmId;

/// How many prompts an oracle spends before it thinks again.
const CHUNK: usize = 8;

/// What an [`oracle`] puts its prompts on.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Oracle {
    /// The arm whose training raises the mean ability most: its own, that of the arms it passes a
    /// part of its gain to, and that of the arms that it unlocks.
    Gain,
    /// The same for the mean of `min(ability, cap)`, the cap in `[0, 1]`: what is known well enough
    /// counts no more.
    CappedGain(f64),
    /// The arm with the greatest expected mean absolute advantage, learnable or not.
    AbsAdvantage,
}

/// A run in which every prompt goes to the arm that is truly the best by a measure.
///
/// It reads the learner's skills, which no policy can. The batch is given out in parts of 8 prompts:
/// each goes to the best arm, and the next is decided for the learner as it is expected to be after
/// it. The gain is the first-order one,
///
/// ```text
/// E[g_k] dM/ds_k + 0.05 sum_i E[g_k] dM/ds_i        i: the arms that build on k,  M: the measure
/// ```
///
/// so the oracle is greedy, not optimal: it does not see that an arm is worth learning for what
/// comes two steps later, nor that what is put off will be missing at the end. Of equally good arms
/// it takes the one of least ability. The delay of the options is not used.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) for an option or a cap.
///
/// ```
/// use curricle::simulator::{Options, Oracle, Scenario, oracle};
///
/// # fn main() -> curricle::Result<()> {
/// let run = oracle(&Scenario::Chain, 1, &Options::default(), Oracle::Gain)?;
/// assert!(run.steps.is_some_and(|steps| steps < 700));
/// # Ok(()) }
/// ```
pub fn oracle(scenario: &Scenario, seed: u64, options: &Options, oracle: Oracle) -> Result<Simulated> {
    if let Oracle::CappedGain(cap) = oracle {
        within("cap", cap, 0.0, 1.0)?;
    }
    course(scenario, seed, options, |learner| {
        let mut foreseen = learner.clone();
        let mut prompts: Vec<ArmId> = Vec::with_capacity(options.batch);
        while prompts.len() < options.batch {
            let part = CHUNK.min(options.batch - prompts.len());
            let best = best(&foreseen, oracle);
            prompts.resize(prompts.len() + part, ArmId(best as u32));
            foreseen.foresee(best, part as f64 / options.batch as f64);
        }
        learner.train(&prompts)?;
        Ok(prompts)
    })
}

/// The best arm by an oracle's measure.
fn best(learner: &Learner, oracle: Oracle) -> usize {
    let arms = 0..learner.subjects.len();
    let worth: Vec<f64> = match oracle {
        Oracle::AbsAdvantage => arms.clone().map(|arm| learner.expected_root(arm)).collect(),
        Oracle::Gain => gains(learner, f64::INFINITY),
        Oracle::CappedGain(cap) => gains(learner, cap),
    };
    let ability = learner.abilities();
    let order = |a: &usize, b: &usize| {
        worth[*a].total_cmp(&worth[*b]).then(ability[*b].total_cmp(&ability[*a])).then(b.cmp(a))
    };
    arms.max_by(order).unwrap_or(0)
}

/// What a whole batch on each arm is expected to add to the sum of `min(ability, cap)`, at first order.
fn gains(learner: &Learner, cap: f64) -> Vec<f64> {
    let slopes = learner.slopes(cap);
    let mut worth = slopes.clone();
    for (arm, subject) in learner.subjects.iter().enumerate() {
        if let Subject::Skill { needs, .. } = subject {
            needs.iter().for_each(|need| worth[need.index()] += TRANSFER * slopes[arm]);
        }
    }
    let gain = |(arm, worth): (usize, f64)| worth * learner.expected_gain(arm, 1.0);
    worth.into_iter().enumerate().map(gain).collect()
}

/// A run in the hand-made order of the scenario, with a mastery gate on the true abilities.
///
/// Every batch is shared evenly by the arms of ability below `mastery` in the first
/// [stage](Scenario::stages) that has any; an arm that falls back below is taken up again. When all
/// are mastered, the batch is shared by all learnable arms. Prompts that cannot be shared evenly
/// wander from step to step.
///
/// [`Staged`](crate::policy::Staged) is the policy that does this from what it sees. It never goes
/// back and its last stage is never left, so that with a mastery below the target it cannot reach
/// it; that is why the baseline reads the learner instead. The delay of the options is not used.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) for an option or the mastery, which lies in `[0, 1]`.
///
/// ```
/// use curricle::simulator::{Options, Scenario, by_hand};
///
/// # fn main() -> curricle::Result<()> {
/// let run = by_hand(&Scenario::Grid, 1, &Options::default(), 0.8)?;
/// assert!(run.steps.is_some_and(|steps| steps < 800));
/// # Ok(()) }
/// ```
pub fn by_hand(scenario: &Scenario, seed: u64, options: &Options, mastery: f64) -> Result<Simulated> {
    within("mastery", mastery, 0.0, 1.0)?;
    let stages = scenario.stages();
    let mut first = 0;
    course(scenario, seed, options, |learner| {
        let ability = learner.abilities();
        let left = |stage: &Vec<ArmId>| -> Vec<ArmId> {
            stage.iter().copied().filter(|arm| ability[arm.index()] < mastery).collect()
        };
        let open = stages.iter().map(left).find(|left| !left.is_empty());
        let open = open.unwrap_or_else(|| stages.concat());
        let prompts: Vec<ArmId> =
            (first..first + options.batch).map(|slot| open[slot % open.len()]).collect();
        first = (first + options.batch) % open.len();
        learner.train(&prompts)?;
        Ok(prompts)
    })
}
