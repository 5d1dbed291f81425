//! Any policy, chosen at run time.

use serde::{Deserialize, Serialize};

use super::*;
use crate::base::error::Result;
use crate::base::rng::Rng;
use crate::population::Population;

macro_rules! any {
    ($($plain:ident)*; $($around:ident)*) => {
        /// Any policy of this crate, for a choice that is made at run time: what a configuration
        /// builds, and what can stand in a list. Each kind decides exactly as it does by itself; what goes around another
        /// policy goes around any.
        ///
        /// Cost: that of the policy within, and a match.
        ///
        /// ```
        /// use curricle::policy::{Any, Boltzmann, Bounded, Prior, Uniform};
        /// use curricle::Curriculum;
        ///
        /// # fn main() -> curricle::Result<()> {
        /// for adaptive in [false, true] {
        ///     let floored = Bounded::new(Any::from(Boltzmann::new())).floor(0.1, Prior::Uniform);
        ///     let policy = if adaptive { Any::from(floored) } else { Any::from(Uniform) };
        ///     let mut curriculum = Curriculum::builder(100).policy(policy).build()?;
        ///     assert_eq!(curriculum.draw(8)?.draws.len(), 8);
        /// }
        /// # Ok(()) }
        /// ```
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Any {
            $(#[doc = concat!("[`", stringify!($plain), "`](crate::policy::", stringify!($plain), ")")] $plain($plain),)*
            $(#[doc = concat!("[`", stringify!($around), "`](crate::policy::", stringify!($around), ") around any")] $around(Box<$around<Any>>),)*
        }

        $(impl From<$plain> for Any {
            fn from(policy: $plain) -> Self {
                Self::$plain(policy)
            }
        })*

        $(impl From<$around<Any>> for Any {
            fn from(policy: $around<Any>) -> Self {
                Self::$around(Box::new(policy))
            }
        })*

        impl Policy for Any {
            fn prepare(&mut self, population: &Population) -> Result<()> {
                match self {
                    $(Self::$plain(policy) => policy.prepare(population),)*
                    $(Self::$around(policy) => policy.prepare(population),)*
                }
            }

            fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
                match (self, built) {
                    $((Self::$plain(policy), Self::$plain(built)) => policy.is_learned_from(built, arms),)*
                    $((Self::$around(policy), Self::$around(built)) => policy.is_learned_from(built, arms),)*
                    _ => false,
                }
            }

            fn reads(&self) -> Reads {
                match self {
                    $(Self::$plain(policy) => policy.reads(),)*
                    $(Self::$around(policy) => policy.reads(),)*
                }
            }

            fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> Result<()> {
                match self {
                    $(Self::$plain(policy) => policy.allot(turn, rng, allotment),)*
                    $(Self::$around(policy) => policy.allot(turn, rng, allotment),)*
                }
            }

            fn logits(&self, turn: &Turn<'_>) -> Option<Logits<'_>> {
                match self {
                    $(Self::$plain(policy) => policy.logits(turn),)*
                    $(Self::$around(policy) => policy.logits(turn),)*
                }
            }

            fn learn(&mut self, population: &Population, rewards: &[Reward]) {
                match self {
                    $(Self::$plain(policy) => policy.learn(population, rewards),)*
                    $(Self::$around(policy) => policy.learn(population, rewards),)*
                }
            }

            fn grow(&mut self, arms: usize) -> Result<()> {
                match self {
                    $(Self::$plain(policy) => policy.grow(arms),)*
                    $(Self::$around(policy) => policy.grow(arms),)*
                }
            }

            fn set_mixture(&mut self, weights: &[f64], population: &Population) -> Result<()> {
                match self {
                    $(Self::$plain(policy) => policy.set_mixture(weights, population),)*
                    $(Self::$around(policy) => policy.set_mixture(weights, population),)*
                }
            }

            fn requested(&self) -> Option<Vec<f64>> {
                match self {
                    $(Self::$plain(policy) => policy.requested(),)*
                    $(Self::$around(policy) => policy.requested(),)*
                }
            }

            fn is_adapted(&self, turn: &Turn<'_>) -> bool {
                match self {
                    $(Self::$plain(policy) => policy.is_adapted(turn),)*
                    $(Self::$around(policy) => policy.is_adapted(turn),)*
                }
            }
        }
    };
}

any! {
    Uniform Fixed Mixture Boltzmann Ucb Thompson Kalman
    Exp3 Gaussian TeacherStudent AbsoluteProgress LevelReplay Posterior
    Difficulty Staged EasyToHard OnlineMixing ScalingLaw Dump
    Pac Tilt GaussianProcess;
    Bounded ColdStart Guarded Mastered PerCost Rehearsed Rescaled Restart
}

impl Forget for Any {
    fn can_forget(&self) -> bool {
        matches!(self, Self::Boltzmann(_) | Self::Ucb(_) | Self::Thompson(_) | Self::Kalman(_))
    }

    fn forget(&mut self, arm: ArmId) {
        match self {
            Self::Boltzmann(policy) => policy.forget(arm),
            Self::Ucb(policy) => policy.forget(arm),
            Self::Thompson(policy) => policy.forget(arm),
            Self::Kalman(policy) => policy.forget(arm),
            // `Restart` goes around none of these.
            _ => {}
        }
    }
}
