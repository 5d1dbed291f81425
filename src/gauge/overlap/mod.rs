//! How much of one text stands in another: by n-grams, by sets, by edits.

mod edit;
mod ngrams;
mod sets;

pub use edit::edit_distance;
pub use ngrams::{Contamination, NgramIndex, Overlap};
pub use sets::{Distinct, distinct_ngrams, overlap_coefficient};
