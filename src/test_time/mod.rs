//! After training: which inputs are worth an effort while a model answers, and whether the effort helps.
//!
//! | module | decides |
//! |--|--|
//! | [`budget`] | which of the inputs that arrive are selected, at a rate that is promised |
//! | [`calibration`] | whether a score tells right from wrong, and what it is worth in probability |
//! | [`select`] | which items of a pool to take, so that they differ and cover |
//! | [`self_improvement`] | the loop: score, gate, synthesise, filter, adapt, check, answer, restore |
//!
//! `curricle score uncertainty` (feature `cli`) reads logits, `[rows, vocab]` in f32, f16 or bf16, and
//! writes the scores that are asked for and which rows a budget selects:
//!
//! ```text
//! curricle score uncertainty --logits logits.safetensors --scores entropy,margin --budget 0.2 --out u.parquet
//! ```
//!
//! For a model that answers one input after the other, a type that implements
//! [`Model`](self_improvement::Model) is improved on the inputs that it is uncertain of:
//!
//! ```text
//! let mut improver = Improver::new(Options::default(), Tracking::new(0.2)?)?;
//! let outcome = improver.answer(&mut model, &input)?; // the model is its own again afterwards
//! ```
//!
//! Whatever the model does on the way (an error, a panic, NaN) stays with its input: the model is
//! restored, and answers as it is.

pub mod budget;
pub mod calibration;
pub mod select;
pub mod self_improvement;
