//! The kernels on a graphics processor: one read of a tensor that lies on the device already.
//!
//! | module | reads | gives back to the host |
//! |--|--|--|
//! | [`angle`] | hidden states, each row once | three numbers a sample |
//! | [`logits`] | logits, each value once | eight numbers a row |
//!
//! Input is a burn tensor on its wgpu device, read where it lies ([`Rows`]). A tensor of another
//! backend is reduced by that backend's own operations instead ([`ops`]): it is where the caller
//! put it, nothing is moved. [`adapter`] says beforehand whether there is a graphics processor.
//!
//! All sums are `f32` on the device, added in a fixed order: the same input on the same device with
//! the same [`angle::Tuning`] gives the same bits.

pub mod adapter;
pub mod angle;
mod angle_kernel;
mod layout;
mod limits;
pub mod logits;
mod logits_kernel;
pub mod ops;
mod plan;
mod reduce;
mod rows;
mod sums;
mod timing;

pub use adapter::{Accept, Adapter, available};
pub use rows::{Rows, Upload};
