//! The kernels of curricle: numbers in, numbers out. They know nothing of curricula.
//!
//! | module | one read of | gives |
//! |--|--|--|
//! | [`angle`] | hidden states `[tokens, dim]` | the sums of unit rows that angle concentration is made of |
//! | [`logits`] | logits `[rows, vocab]` | the sums that entropy, margin, energy and their kin are made of |
//! | [`tree`] | a tree of integer sums | the owners of a batch of targets; its weights set in batches |

#![warn(missing_docs)]
#![deny(unsafe_code)]

pub mod angle;
mod element;
pub mod logits;
mod memory;
pub mod tree;

pub use element::Element;
pub use memory::{filled, prefetch, roomy};
