//! Uncertainty: how little a model's output is decided, from whatever the caller has of it.
//!
//! | what there is | read by | gives |
//! |--|--|--|
//! | rows of logits | [`Uncertainty`], a [`Signal`](super::Signal) over [`Logits`] | any [`Score`] |
//! | the same, for several scores | [`ScoreSet`] | each of them, for one read |
//! | the greatest log-probabilities | [`TopK`] | margins, and an interval for the entropy |
//! | log-probabilities of the sampled tokens | [`Sequence`] | perplexity, its kin, the least certain token |
//! | candidate answers | [`Relative`] | any score of their relative probabilities |
//! | sampled answers | [`Votes`] | vote entropy, majority, margin |
//! | sampled answers by meaning | [`Semantic`] | semantic entropy |
//! | several models | [`Ensemble`] | mutual information (BALD) |
//!
//! [`Evidence`] takes any of those that describe one distribution, and says
//! [`Unavailable`](crate::Error::Unavailable) where a score cannot be told.

mod candidates;
mod ensemble;
mod evidence;
mod logits;
mod non_finite;
mod score;
mod score_set;
mod semantic;
mod sequence;
mod texts;
mod top_k;
mod votes;

pub use curricle_kernels::logits::RowSums;

pub use candidates::{Candidate, PerLength, Relative};
pub use ensemble::Ensemble;
pub use evidence::{Evidence, Scored};
pub use logits::{Logits, Reading, Uncertainty};
pub use non_finite::NonFinite;
pub use score::Score;
pub use score_set::ScoreSet;
pub use semantic::Semantic;
pub use sequence::{Sequence, token_entropy};
pub use top_k::TopK;
pub use votes::Votes;
