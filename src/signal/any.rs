//! Any signal, chosen at run time.

use serde::{Deserialize, Serialize};

use super::{
    Gated, GroupSpread, Learnability, LearningProgress, MeanAdvantage, Reported, Signal, Trial, Utility,
};
use crate::base::error::Result;
use crate::event::Fields;

macro_rules! any {
    ($($kind:ident)*) => {
        /// Any signal of trials of this crate, for a choice that is made at run time. Each kind scores exactly as it
        /// does by itself.
        ///
        /// ```
        /// use curricle::policy::Boltzmann;
        /// use curricle::signal::{Any, GroupSpread, MeanAdvantage};
        /// use curricle::Curriculum;
        ///
        /// # fn main() -> curricle::Result<()> {
        /// for signal in [Any::from(GroupSpread), Any::from(MeanAdvantage)] {
        ///     let builder = Curriculum::builder(10).policy(Boltzmann::new()).signal(signal);
        ///     assert_eq!(builder.build()?.draw(5)?.draws.len(), 5);
        /// }
        /// # Ok(()) }
        /// ```
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Any {
            $(#[doc = concat!("[`", stringify!($kind), "`](crate::signal::", stringify!($kind), ")")] $kind($kind),)*
            /// [`Gated`] around any
            Gated(Box<Gated<Any>>),
        }

        $(impl From<$kind> for Any {
            fn from(signal: $kind) -> Self {
                Self::$kind(signal)
            }
        })*

        impl Signal for Any {
            fn score(&self, trials: &[Trial], scores: &mut [f32]) -> Result<()> {
                match self {
                    $(Self::$kind(signal) => signal.score(trials, scores),)*
                    Self::Gated(signal) => signal.score(trials, scores),
                }
            }

            fn needs(&self) -> Fields {
                match self {
                    $(Self::$kind(signal) => signal.needs(),)*
                    Self::Gated(signal) => signal.needs(),
                }
            }

            fn check(&self) -> Result<()> {
                match self {
                    $(Self::$kind(signal) => signal.check(),)*
                    Self::Gated(signal) => signal.check(),
                }
            }
        }
    };
}

any! { GroupSpread MeanAdvantage Learnability LearningProgress Reported Utility }

impl From<Gated<Any>> for Any {
    fn from(signal: Gated<Any>) -> Self {
        Self::Gated(Box::new(signal))
    }
}
