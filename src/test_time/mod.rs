//! After training: which inputs a model should improve itself on while it answers, and on what.
//!
//! | module | decides |
//! |--|--|
//! | [`select`] | which items of a pool to take, so that they differ and cover |
//! | [`budget`] | whether an input is uncertain enough to be worth an update |

pub mod budget;
pub mod select;
