//! Off-policy evaluation: what another curriculum would have got.

#[path = "../common/mod.rs"]
mod common;

mod coverage;
mod estimator;
mod following;
mod own_log;
