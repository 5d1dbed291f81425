//! What everything else stands on: numbers, errors, randomness.

pub(crate) mod beta_binomial;
pub(crate) mod error;
pub(crate) mod id;
pub(crate) mod math;
pub(crate) mod metrics;
pub(crate) mod numbers;
pub(crate) mod rng;
pub(crate) mod schedule;
pub(crate) mod seen;
pub(crate) mod text;
