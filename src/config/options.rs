//! How a part is described: its required options by name, and the others, which fall back on the part's own defaults.

use serde::{Deserialize, Serialize};

use crate::base::schedule::Schedule;

/// Declares the description of a part. What is in parentheses must be there and is handed to the constructor; each of the
/// others, if it is there, to its setter. So a default stands in one place, the constructor of the part.
macro_rules! options {
    ($name:ident => $part:ty: ($($must:ident: $kind:ty),*) $new:expr, { $($option:ident: $type:ty => $set:expr,)* }) => {
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $(pub $must: $kind,)*
            $(#[serde(default, skip_serializing_if = "Option::is_none")] pub $option: Option<$type>,)*
        }

        impl $name {
            pub fn build(self) -> $part {
                #[allow(unused_mut, reason = "a part without options")]
                let mut part: $part = $new($(self.$must),*);
                $(if let Some(value) = self.$option {
                    part = crate::config::options::with(part, value, $set);
                })*
                part
            }
        }
    };
}

pub(super) use options;

/// Sets one option.
pub(crate) fn with<P, T>(part: P, value: T, set: impl FnOnce(P, T) -> P) -> P {
    set(part, value)
}

/// A [`Schedule`], or the number that is constant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Constant(f64),
    Schedule(Schedule),
}

impl From<Value> for Schedule {
    fn from(value: Value) -> Self {
        match value {
            Value::Constant(value) => Schedule::Constant(value),
            Value::Schedule(schedule) => schedule,
        }
    }
}
