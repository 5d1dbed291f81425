//! After training: which inputs are worth an effort while a model answers, and whether the effort helps.
//!
//! | module | decides |
//! |--|--|
//! | [`budget`] | which of the inputs that arrive are selected, at a rate that is promised |
//! | [`calibration`] | whether a score tells right from wrong, and what it is worth in probability |
//! | [`select`] | which items of a pool to take, so that they differ and cover |
//! | [`self_improvement`] | the loop: score, gate, synthesise, filter, adapt, check, answer, restore |

pub mod budget;
pub mod calibration;
pub mod select;
pub mod self_improvement;
