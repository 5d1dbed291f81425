//! Self-improvement at test time: on an input that the model is uncertain of, it makes up pairs like
//! it, trains on them, answers, and forgets.
//!
//! The user implements [`Model`]; an [`Improver`] does the rest and writes a [`Journal`].
//! [`Options::paper`] is TT-SI as published; the other options are guards against what it leaves open:
//!
//! | option | against |
//! |--|--|
//! | [`Options::duplicates`], [`Options::seen`] | training on the same pair many times |
//! | [`Options::agreement`], [`Options::loss_band`], [`Model::accepts`] | wrong pairs |
//! | [`Options::hold_out`], [`Options::drift`] | an update that does harm: it is rolled back |
//! | [`Options::clusters`] | paying again for what a like input has paid for |
//! | [`Options::by_lesson`] | updates for inputs of which the pairs say nothing new |
//! | [`Options::gate`] | updates where nothing is to be gained |
//! | [`Options::switch`] | a job where adapting harms altogether |

mod attempt;
mod clusters;
mod filter;
mod gain_gate;
mod improver;
mod journal;
mod model;
mod near_duplicates;
mod options;
mod outcome;
mod switch;

pub use gain_gate::{Expectation, GainGate};
pub use improver::Improver;
pub use journal::{Action, Entry, Journal, Stage, Summary, Verified, Why};
pub use model::Model;
pub use near_duplicates::{NearDuplicates, jaccard};
pub use options::{Options, Variant};
pub use outcome::{Cause, Failure, Outcome};
pub use switch::Switch;
