//! An adaptive curriculum and data-selection engine: it decides which samples a model trains on next,
//! from the model's own signals, and feeds them to any training loop.
//!
//! A [`Curriculum`] is built over the numbers `0..n` of your samples. [`draw`](Curriculum::draw)
//! gives a [`Batch`]; train on it; [`observe`](Curriculum::observe) takes the [`Outcome`] of each
//! [`Ticket`] and says which of them are worth a gradient step.
//!
//! ```
//! use curricle::{Curriculum, Feedback, Gate, Outcome, Verdict};
//!
//! # fn main() -> curricle::Result<()> {
//! let mut curriculum = Curriculum::builder(1000)
//!     .arms(4, |sample| (sample.0 / 250) as u32)
//!     .post_training()
//!     .gate(Gate::zero_signal())
//!     .seed(7)
//!     .build()?;
//! let batch = curriculum.draw(32)?;
//! // The rewards of eight rollouts of each prompt.
//! let group = Outcome::group(&[1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0])?;
//! let feedback: Vec<Feedback> =
//!     batch.draws.iter().map(|draw| Feedback::new(draw.ticket, group)).collect();
//! assert_eq!(curriculum.observe(&feedback)?, [Verdict::Admit; 32]);
//! # Ok(()) }
//! ```
//!
//! [`Builder::post_training`] is the default preset; [`policy`] says which to take for which
//! situation, and where the default loses.
//!
//! # The parts
//!
//! Four parts decide, and each can be replaced by one of your own:
//!
//! | part | decides | offered |
//! |--|--|--|
//! | [`Policy`] | the probability of each arm | [`policy`] |
//! | [`Sampler`] | which samples, given the probabilities and the weights | [`sampler`] |
//! | [`Signal`] | how much an outcome is worth | [`signal`] |
//! | [`Gate`] | whether an outcome is worth a gradient step | its variants |
//!
//! A training loop needs to see no more than a [`Feed`].
//!
//! # The modules
//!
//! | module | has |
//! |--|--|
//! | [`policy`] | policies, what goes around them, and which to take |
//! | [`signal`] | signals of outcomes; of hidden states; of logits in [`signal::uncertainty`] |
//! | [`sampler`] | samplers, and what their propensities are |
//! | [`preset`] | the types of presets, by name |
//! | [`feed`] | feeds for several threads, for loading ahead and, with the feature `burn`, for burn; [`feed::ranks`] for data-parallel training |
//! | [`table`] | tables of scores that were made before training |
//! | [`test_time`] | after training: budgets, calibration, diverse selection, self-improvement |
//! | [`gauge`], [`monitor`] | readings of one observation, and of what is remembered |
//! | [`weigh`], [`route`], [`dial`] | what is made of readings: weights, treatments, settings |
//! | [`off_policy`] | what another curriculum would have got, from the log of one |
//! | [`simulator`] | a simulated learner: what a curriculum is worth, within a second |
//!
//! A run is kept in a [`Journal`], or saved and restored whole ([`Curriculum::save`],
//! [`Curriculum::restore`]); [`Checkpoints`] keep it with the model at the same step; [`Curriculum::metrics`] shows
//! what it does, and [`History`] what it did.
//!
//! # The features
//!
//! | feature | adds |
//! |--|--|
//! | `scores` (default) | scores of hidden states and logits, and what is built on them: [`signal::uncertainty`], [`test_time`] |
//! | `config` | `Config`: a curriculum from TOML or JSON |
//! | `tracing` | spans around the verbs |
//! | `csv`, `table` | tables of scores as CSV; as Parquet too |
//! | `zstd` | compressed snapshots |
//! | `burn` | the data loader |
//! | `train`, `learner` | what the examples need of burn; burn's own learner |
//! | `candle` | what the example with candle needs |
//! | `mpi` | ranks over MPI |
//! | `gpu` | the kernels on burn-wgpu (Vulkan, Metal, DX12, WebGPU) |
//! | `cli` | the command `curricle` |
//!
//! # What it promises
//!
//! The same seed and the same feedback give the same batches, whatever threads report and when.
//! Whatever may fail returns a typed [`Error`] and has changed nothing, but that a failed draw may
//! have folded in what was due ([`Curriculum::fold`]).

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod base;
mod belief;
#[cfg(feature = "config")]
mod config;
mod curriculum;
pub mod dial;
mod event;
pub mod feed;
mod files;
pub mod gauge;
mod ledger;
pub mod monitor;
pub mod off_policy;
pub mod policy;
mod population;
pub mod route;
pub mod sampler;
pub mod signal;
pub mod simulator;
pub mod table;
#[cfg(feature = "scores")]
pub mod test_time;
pub mod weigh;

pub use base::error::{
    CheckpointError, Difference, Error, Failure, JournalError, KernelError, Result, SnapshotError,
};
pub use base::id::{ArmId, Round, SampleId, Ticket};
pub use base::metrics::Metrics;
pub use base::rng::{Purpose, Rng};
pub use base::schedule::Schedule;
pub use belief::Belief;
#[cfg(feature = "config")]
pub use config::{AnyCurriculum, Config};
pub use curriculum::Curriculum;
pub use curriculum::builder::{Builder, fingerprint};
pub use curriculum::explain::{Explanation, KnownBelief, KnownSample, Obstacle, OpenTicket};
pub use curriculum::options::{Missing, Weighting};
pub use curriculum::pace::{Arrival, Pace};
pub use curriculum::reconcile::{Moved, Reconciled};
pub use curriculum::refill::{Refill, Starvation, Step, Useful};
pub use curriculum::rollouts::Allocation;
pub use curriculum::stop::Stop;
pub use event::age::{Age, AgeLimit};
pub use event::gate::{Admit, Case, Gate, Measure};
pub use event::group::{Group, Normalisation};
pub use event::{Batch, Draw, Feedback, Field, Fields, Outcome, Reason, Verdict};
pub use feed::Feed;
pub use files::checkpoint::{Checkpoint, Checkpoints, Draft};
pub use files::journal::{Durability, Happened, History, Journal, Moment, Opening};
pub use files::snapshot::{ALGORITHM, Compression, SCHEMA};
pub use ledger::progress::Progress;
pub use ledger::{Counts, Record};
pub use policy::Policy;
pub use population::{Arms, Key, Overflow, Population, SumTree, Weight};
pub use sampler::Sampler;
pub use signal::Signal;

/// The types that the presets of [`Builder`] build, by name, for a field or a signature.
///
/// ```
/// use curricle::{Curriculum, preset::PostTraining};
///
/// struct Run {
///     curriculum: PostTraining,
/// }
///
/// # fn main() -> curricle::Result<()> {
/// let run = Run { curriculum: Curriculum::builder(100).post_training().build()? };
/// assert_eq!(run.curriculum.round().0, 0);
/// # Ok(()) }
/// ```
pub mod preset {
    pub use crate::curriculum::presets::{
        LearnableArms, Mixture, PostTraining, Prompts, Ranked, SingleDraws,
    };
}

/// The code of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
