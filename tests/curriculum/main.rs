//! A curriculum as a whole: its verbs, its parts together, and what it refuses.
//!
//! One executable for all that needs no process of its own: a curriculum is generic, and each executable compiles every
//! kind of it again.

#[path = "../common/mod.rs"]
mod common;

mod arrival;
mod bad_input;
mod batches;
mod beliefs;
#[cfg(feature = "train")]
mod burn_loader;
mod composition;
#[cfg(feature = "config")]
mod config;
mod determinism;
mod everything;
mod explain;
mod feeds;
mod fold;
mod growth;
mod importance;
mod many_arms;
mod metrics;
mod mixtures;
mod own_sampler;
mod passes;
mod peers;
mod ranks;
mod readings;
mod refill;
mod reports;
mod retirement;
mod routes;
mod table;
mod value_stability;
mod weights_by_score;
