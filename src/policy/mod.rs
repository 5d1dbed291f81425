//! Policies: who allots probability to the arms, and learns from what came back.
//!
#![doc = include_str!("../../POLICIES.md")]

mod algorithm;
mod allotment;
mod any;
mod around;
mod kit;
mod turn;

use serde::{Serialize, de::DeserializeOwned};

use crate::base::error::{Error, Result};
use crate::base::id::ArmId;
use crate::base::rng::Rng;
use crate::population::Population;

pub use algorithm::*;
pub use allotment::Allotment;
pub use any::Any;
pub use around::*;
pub use kit::arm_tree::{ArmTree, Logits};
pub(crate) use kit::arm_tree::{ChangedArms, MANY};
pub use kit::evidence::Forgetting;
pub use kit::mixture::Prior;
pub use turn::{Reads, Reward, Turn};

/// Allots a probability to every arm, and learns from the rewards of the arms.
///
/// A policy is a plain value: no threads, no clock, no generator of its own. It is what a
/// [snapshot](crate::Curriculum::save) keeps.
///
/// ```
/// use curricle::policy::{Allotment, Policy, Reads, Reward, Turn};
/// use curricle::{Curriculum, Population, Result, Rng};
/// use serde::{Deserialize, Serialize};
///
/// /// Always the arm with the best last reward; equals share.
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Greedy(Vec<f64>);
///
/// impl Policy for Greedy {
///     fn prepare(&mut self, population: &Population) -> Result<()> {
///         self.0 = vec![f64::INFINITY; population.arms().count()];
///         Ok(())
///     }
///     fn reads(&self) -> Reads {
///         Reads::SCORE
///     }
///     fn allot(&self, _: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
///         let best = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
///         let equals = self.0.iter().filter(|&&score| score == best).count();
///         for (share, &score) in allotment.arms(self.0.len()).iter_mut().zip(&self.0) {
///             *share = if score == best { 1.0 / equals as f64 } else { 0.0 };
///         }
///         Ok(())
///     }
///     fn learn(&mut self, _: &Population, rewards: &[Reward]) {
///         rewards.iter().for_each(|reward| self.0[reward.arm.index()] = reward.score);
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let mut curriculum = Curriculum::builder(100).policy(Greedy(Vec::new())).build()?;
/// assert_eq!(curriculum.draw(8)?.draws.len(), 8);
/// # Ok(()) }
/// ```
pub trait Policy: Clone + Serialize + DeserializeOwned {
    /// Checks the options and sizes the state; called once, when the curriculum is built.
    ///
    /// # Errors
    /// Whatever is wrong with the options.
    fn prepare(&mut self, _population: &Population) -> Result<()> {
        Ok(())
    }

    /// Whether this value, which was read from a snapshot, is one that a policy as `built` can have come to: the same
    /// options, numbers that are finite, and lists for this many arms. A snapshot of which it is not is refused. A
    /// checksum keeps out what was damaged; this keeps out what was forged, so that no value that
    /// [`learn`](Self::learn) could not have made reaches [`allot`](Self::allot). The default asks for nothing.
    fn is_learned_from(&self, _built: &Self, _arms: usize) -> bool {
        true
    }

    /// What this policy reads of its rewards, with the options that it has.
    fn reads(&self) -> Reads;

    /// Writes the decision for a turn. Arms that have nothing to draw may be given probability;
    /// the curriculum hands it to the others, in proportion.
    ///
    /// # Errors
    /// Whatever keeps the policy from deciding; the draw then fails, and no ticket has been drawn.
    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()>;

    /// A decision in closed form, if this policy makes its decision of this turn in that way:
    /// [`Logits`], of which only those of rewarded arms change when the policy [learns](Self::learn).
    ///
    /// A curriculum of 1024 arms or more then keeps [`ArmTree`], changes them arm by arm and does not call
    /// [`allot`](Self::allot), so that no round costs O(K). [`Boltzmann`] offers them; [`Bounded`], [`Rescaled`] and,
    /// when it is over, [`ColdStart`] pass on those of the policy within; [`Mastered`], [`Rehearsed`], [`Restart`] and
    /// [`PerCost`] look at all arms in every round. The default is `None`.
    fn logits(&self, _turn: &Turn<'_>) -> Option<Logits<'_>> {
        None
    }

    /// Learns from one round: one reward for each arm that had a ticket in it, in the order of arms. Rounds
    /// arrive in order, each once. An arm whose tickets were all given up has a reward too, of score 0
    /// and without success, loss and cost: what is drawn and never comes back must not stay attractive.
    fn learn(&mut self, population: &Population, rewards: &[Reward]);

    /// Makes room for so many arms, of which the last ones are [new](crate::Curriculum::add_arm): what
    /// [`prepare`](Self::prepare) makes for an arm of which nothing is known. The default refuses.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a policy that has to be told something of each arm; then nothing
    /// has changed.
    fn grow(&mut self, _arms: usize) -> Result<()> {
        Err(Error::Unsupported { part: "policy", request: "an arm that is added" })
    }

    /// Takes over other weights of a mixture; see [`Curriculum::set_mixture`](crate::Curriculum::set_mixture). The
    /// default refuses: [`Fixed`], [`Mixture`], [`Tilt`] and [`Guarded`] have such weights, and what goes around one of
    /// them passes them on.
    ///
    /// # Errors
    /// [`Error::Unsupported`]; what is wrong with the weights. Nothing has changed then.
    fn set_mixture(&mut self, _weights: &[f64], _population: &Population) -> Result<()> {
        Err(Error::Unsupported { part: "policy", request: "weights of a mixture" })
    }

    /// The shares that were asked for so far, by arm, where the policy keeps some: the
    /// [metrics](crate::Curriculum::metrics) show them beside what was observed. The default is `None`.
    fn requested(&self) -> Option<Vec<f64>> {
        None
    }

    /// False while the decision of a turn is still that of the start, whatever has come back: while the policy waits.
    /// The [metrics](crate::Curriculum::metrics) and [`explain`](crate::Curriculum::explain) say so. The default is
    /// true, also for what never follows anything, such as [`Uniform`], and for [`Mastered`], which looks
    /// at success by itself. [`ScalingLaw`] waits for its first fit,
    /// [`OnlineMixing`] for the end of its warm-up and until its exploration falls, [`Pac`] for its cold rounds,
    /// [`ColdStart`] for its tickets, and [`Tilt`] for a signal of any arm.
    fn is_adapted(&self, _turn: &Turn<'_>) -> bool {
        true
    }
}

/// A policy whose beliefs about one arm can be thrown away.
pub trait Forget: Policy {
    /// Whether this value can do so: a type that holds [any](Any) policy may hold one that cannot.
    fn can_forget(&self) -> bool {
        true
    }

    /// Puts what is believed of an arm back to the start.
    fn forget(&mut self, arm: ArmId);
}
