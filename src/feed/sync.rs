//! What threads hand over to each other with, by one name each: `tests/schedules` compiles the files beside this one
//! with the primitives of a scheduler in the place of these.

pub use std::sync::Arc;
pub use std::sync::atomic::{AtomicBool, Ordering};
pub use std::thread::{panicking, spawn};

pub use crossbeam::channel::{Receiver, Sender, unbounded};
pub use parking_lot::{Condvar, Mutex, MutexGuard};
