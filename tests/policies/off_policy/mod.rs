//! Off-policy evaluation: what another curriculum would have got.

mod coverage;
mod estimator;
mod following;
mod own_log;
