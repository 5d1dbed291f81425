//! The kernels of curricle: numbers in, numbers out. They know nothing of curricula.
//!
//! | module | one read of | gives |
//! |--|--|--|
//! | [`angle`] | hidden states `[tokens, dim]` | the sums of unit rows that angle concentration is made of |
//! | [`logits`] | logits `[rows, vocab]` | the sums that entropy, margin, energy and their kin are made of |
//! | [`squared_distances`], [`inner_products`] | rows `[n, dim]` | one number a row |
//! | [`tree`] | a tree of integer sums | the owners of a batch of targets; its weights set in batches |
//!
//! Feature `gpu` adds the module `gpu`: the sums of the first two on a graphics processor, from burn tensors.

#![warn(missing_docs)]
#![deny(unsafe_code)]

pub mod angle;
mod element;
mod error;
#[cfg(feature = "gpu")]
#[allow(unsafe_code, reason = "a launch without bounds checks, and the mapping of its result")]
pub mod gpu;
mod lanes;
pub mod logits;
mod memory;
mod rows;
pub mod tree;

pub use element::Element;
pub use error::Error;
pub use memory::{blocks, filled, prefetch, roomy, roomy_if_possible};
pub use rows::{inner_products, squared_distances};
