#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod arms;
mod builder;
mod curriculum;
mod error;
mod event;
pub mod feed;
mod gate;
mod id;
mod ledger;
mod math;
pub mod policy;
mod population;
mod progress;
mod rng;
pub mod sampler;
mod schedule;
pub mod signal;
mod snapshot;
mod sum_tree;

pub use arms::Arms;
pub use builder::{Builder, Missing, Weighting, fingerprint};
pub use curriculum::Curriculum;
pub use error::{Error, Result, SnapshotError};
pub use event::{Batch, Draw, Feedback, Field, Outcome, Reason, Verdict};
pub use feed::Feed;
pub use gate::Gate;
pub use id::{ArmId, Round, SampleId, Ticket};
pub use ledger::{Counts, Record};
pub use policy::Policy;
pub use population::Population;
pub use progress::Progress;
pub use rng::{Purpose, Rng};
pub use sampler::Sampler;
pub use schedule::Schedule;
pub use signal::Signal;
pub use snapshot::{ALGORITHM, SCHEMA};
pub use sum_tree::SumTree;
