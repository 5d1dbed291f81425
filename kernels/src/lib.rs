//! The kernels of curricle: numbers in, numbers out. They know nothing of curricula.
//!
//! | module | one read of | gives |
//! |--|--|--|
//! | [`angle`] | hidden states `[tokens, dim]` | the sums of unit rows that angle concentration is made of |
//! | [`logits`] | logits `[rows, vocab]` | the sums that entropy, margin, energy and their kin are made of |
//! | [`squared_distances`], [`inner_products`] | rows `[n, dim]` | one number a row |
//!
//! [`tree`] holds an exact tree of integer sums: a batch of targets finds its owners, and a batch of
//! weights its places.
//!
//! The table above is the feature `scores`, which is on by default; the tree is there without it. Feature `gpu` adds the module `gpu`: the sums of the first two on a graphics processor, from burn
//! tensors.

#![warn(missing_docs)]
#![deny(unsafe_code)]

#[cfg(feature = "scores")]
pub mod angle;
#[cfg(feature = "scores")]
mod element;
mod error;
#[cfg(feature = "gpu")]
#[allow(unsafe_code, reason = "a launch without bounds checks, and the mapping of its result")]
pub mod gpu;
#[cfg(feature = "scores")]
mod lanes;
#[cfg(feature = "scores")]
pub mod logits;
mod memory;
#[cfg(feature = "scores")]
mod rows;
pub mod tree;

#[cfg(feature = "scores")]
pub use element::Element;
pub use error::Error;
#[cfg(feature = "scores")]
pub use rows::{inner_products, squared_distances};

/// What curricle's own loops use of this crate. It is not part of the public interface: any version may
/// change it or take it away.
#[doc(hidden)]
pub use memory::{blocks, filled, prefetch, roomy, roomy_if_possible};
