//! The four numbers that name things: samples, arms, rounds and tickets.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $noun:literal) => {
        $(#[$doc])*
        #[derive(Default, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The number as an index.
            #[inline]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($noun, " {}"), self.0)
            }
        }
    };
}

id! {
    /// A row of the user's data set: its position in the order of insertion, from 0. Never reused.
    SampleId(u64), "sample"
}
id! {
    /// An arm: a category, level, bin or domain that a policy allots probability to, from 0.
    ArmId(u32), "arm"
}
id! {
    /// One call of [`draw`](crate::Curriculum::draw), counted from 0.
    Round(u64), "round"
}
id! {
    /// One drawn sample: the global draw counter, from 0. Identity, order and idempotence in one
    /// number.
    Ticket(u64), "ticket"
}
