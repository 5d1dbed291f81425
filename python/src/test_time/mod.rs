//! The classes of `curricle.test_time`: budgets, and the loop that improves a model of Python.
//!
//! The verbs of a model need the interpreter, so a call of the loop holds it from its beginning to its end. What a verb
//! calls may let go of it, as training does.

mod budget;
mod choice;
mod improver;
mod journal;
mod model;
mod options;
mod outcome;

pub use budget::Budget;
pub use choice::Choice;
pub use improver::Improver;
pub use outcome::{Failure, Outcome};

use std::fmt::Debug;

/// The name of a variant as Python writes names: `TooFewSamples` is `too_few_samples`.
fn name(variant: &impl Debug) -> String {
    let mut name = String::new();
    for letter in format!("{variant:?}").chars().take_while(char::is_ascii_alphanumeric) {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
