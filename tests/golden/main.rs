//! Vectors that were computed independently of this crate, in `tests/data`. Those of the methods beside the bandits are in
//! `golden_seeds`.

#[path = "../common/mod.rs"]
mod common;

#[cfg(feature = "scores")]
mod angle;
mod bandits;
#[cfg(feature = "scores")]
mod budgets;
#[cfg(feature = "config")]
mod digests;
mod gaussian;
mod off_policy;
#[cfg(feature = "scores")]
mod selection;
#[cfg(feature = "scores")]
mod uncertainty;
