//! Scores of hidden states and logits, and what is decided by them: orders, budgets, improvement at test time.

#[path = "../common/mod.rs"]
mod common;

mod budgets;
mod gain_rl;
mod options_at_their_ends;
mod selection;
mod self_improvement;
mod uncertainty;
