//! After training: what a model should improve itself on while it answers.
//!
//! | module | decides |
//! |--|--|
//! | [`select`] | which items of a pool to take, so that they differ and cover |

pub mod select;
