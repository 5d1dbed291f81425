//! What policies decide: their rules, their options, and how they fare in simulated worlds.

#[path = "../common/mod.rs"]
mod common;

mod equal_arms;
mod every_policy;
mod off_policy;
mod policies_page;
mod policy_options;
mod similar_arms;
mod simulator;
mod statistics;
mod teaching_policies;
mod unlearnable_arm;
mod worlds;
