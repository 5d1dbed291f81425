//! Signals by name, with their options.

use serde::{Deserialize, Serialize};

use super::options::{options, words};
use crate::event::Field;
use crate::signal::*;

/// A signal: its name in the configuration, and its options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Described {
    GroupSpread(GroupSpreadOptions),
    MeanAdvantage(MeanAdvantageOptions),
    Learnability(LearnabilityOptions),
    LearningProgress(LearningProgressOptions),
    Reported(ReportedOptions),
    Utility(UtilityOptions),
    Gated(Box<GatedOptions>),
}

words! { Described }

impl Described {
    /// The signal that is described. Its options are checked when the curriculum is built.
    pub fn build(self) -> Any {
        match self {
            Self::GroupSpread(options) => options.build().into(),
            Self::MeanAdvantage(options) => options.build().into(),
            Self::Learnability(options) => options.build().into(),
            Self::LearningProgress(options) => options.build().into(),
            Self::Reported(options) => options.build().into(),
            Self::Utility(options) => options.build().into(),
            Self::Gated(options) => options.build().into(),
        }
    }
}

options! { GroupSpreadOptions => GroupSpread: () || GroupSpread, {} }

options! { MeanAdvantageOptions => MeanAdvantage: () || MeanAdvantage, {} }

options! { LearnabilityOptions => Learnability: (source: Source) Learnability, {} }

options! { LearningProgressOptions => LearningProgress: () LearningProgress::default, {
    nulls: f64 => |_, nulls| LearningProgress { nulls },
} }

options! { ReportedOptions => Reported: (field: Field) Reported, {} }

options! { UtilityOptions => Utility: () || Utility, {} }

/// From where to where a ramp falls; `none` takes it away.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ramp {
    None,
    #[serde(untagged)]
    Falls(f64, f64),
}

options! { GatedOptions => Gated<Any>: (inner: Described) |inner: Described| Gated::new(inner.build()), {
    least: f64 => Gated::least,
    ramp: Ramp => |signal, ramp| match ramp {
        Ramp::None => signal.without_ramp(),
        Ramp::Falls(from, to) => signal.ramp(from, to),
    },
} }
