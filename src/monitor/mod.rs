//! Monitors: readings of what is remembered, such as a series of scores or a table of outcomes.
//!
//! They take plain numbers: those of a ledger, of a journal, or of any log. [`gauge`](crate::gauge) reads one observation.
//!
//! | monitor | says | paper |
//! |--|--|--|
//! | [`sequence_learning`] | whether an arm still learns from problem to problem | EvaLearn |
//! | [`kendall_tau`] | how steadily a metric moves | Madaan et al., *Quantifying Variance in Evaluation Benchmarks*, arXiv 2406.10229 |
//! | [`seed_noise`], [`bootstrap_interval`] | how far a difference may be luck | the same |
//! | [`TrendAlarm`] | whether a metric gets worse with scale | *Inverse Scaling* |
//! | [`Forgetting`] | how far tasks dip after the loop has left them | De Lange et al., *Continual evaluation for lifelong learning*, arXiv 2205.13452 |
//! | [`CurveFit`] | the limit of a learning curve, what is left to gain, when to stop, which recipe | arXiv 2402.02515; *Pre-training under infinite compute*, arXiv 2509.14786 |
//! | [`item_discrimination`], [`Probes`] | which items tell good from bad, and a small set of them | DatBench, arXiv 2601.02316 |
//! | [`TwoParameterLogistic`] | discrimination and difficulty of items | ARTE |
//! | [`relative_gain`] | scores of different scales on one | MM-BigBench |
//! | [`gain_split`] | whether what is newly solved is new | Guide, arXiv 2506.13923 |
//!
//! A number that is not defined is `None`, which is a result; an error says that the input was wrong.

mod dip;
mod gains;
mod irt;
mod items;
mod kendall;
mod limit;
mod noise;
mod sequences;
mod trend;

pub use dip::{Dips, Forgetting};
pub use gains::{GainSplit, RelativeGain, gain_split, relative_gain};
pub use irt::{ItemParameters, TwoParameterLogistic};
pub use items::{Discrimination, ProbeSet, Probes, item_discrimination};
pub use kendall::{Kendall, kendall_tau};
pub use limit::{Asymptotes, CurveFit, Direction, Limit, StopPoint};
pub use noise::{Interval, SeedNoise, bootstrap_interval, seed_noise};
pub use sequences::{SequenceLearning, sequence_learning};
pub use trend::{Shape, Trend, TrendAlarm};
